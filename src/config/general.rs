//! The keys at the top of the file.

use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;
use crate::domain::address;

pub(super) const SECTION: Section = Section {
    name: "",
    shape: Shape::Always,
    about: "Keys at the top of the file, before the first section.",
    keys: &[
        Key::new(
            "issuer",
            Kind::Text,
            "The URL by which relying parties know this provider: https, a host of its own (no path), without a trailing \
             slash. It stands in every token, and the database remembers it: changing it later cuts off every relying \
             party. Plain http is for loopback hosts only.",
        ),
        Key::new(
            "trusted_proxies",
            Kind::Words,
            "Networks (CIDR) of the reverse proxies in front of this server. Only they are believed about a client's \
             address (X-Forwarded-For, also with ports, brackets or quotes; not Forwarded); from anybody else that header is \
             ignored.",
        )
        .default("[]"),
        Key::new(
            "hsts",
            Kind::Text,
            "The header Strict-Transport-Security of an https issuer: \"max-age=SECONDS\", with \"; includeSubDomains\" (also \
             every host below the issuer's name speaks https) and \"; preload\" as wanted, or \"off\". \"max-age=0\" has browsers \
             forget it.",
        )
        .default("\"max-age=31536000; includeSubDomains\""),
        Key::new(
            "allow_loopback_upstream",
            Kind::Switch,
            "Accept phone services at loopback addresses, also over plain http: for tests with `signbridge simulate`.",
        )
        .default("false"),
        Key::new(
            "keys_dir",
            Kind::Path,
            "The directory of master.key, which encrypts the signing keys in the database. All nodes share this file. \
             The variable SIGNBRIDGE_MASTER_KEY_FILE names the file itself instead.",
        )
        .default("\"keys\""),
    ],
};

/// Where the master key is (decision 2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    /// `keys_dir`.
    pub dir: PathBuf,
    /// The file of the master key: in `keys_dir`, or where the environment says.
    pub master_key: PathBuf,
}

impl KeyFiles {
    /// Where the file is when the environment says nothing.
    pub(super) fn usual(dir: &Path) -> PathBuf {
        dir.join("master.key")
    }

    /// Whether the file stands in `keys_dir`, where a first start makes it; one that the environment names must be there.
    pub fn is_own(&self) -> bool {
        self.master_key == Self::usual(&self.dir)
    }
}

/// The networks of the proxies (security bar 119).
pub(super) fn trusted_proxies(written: &[String], reader: &mut Reader) -> Option<Vec<IpNet>> {
    let networks = written.iter().map(|text| {
        let network = text.parse::<IpNet>().or_else(|_no_prefix| text.parse::<std::net::IpAddr>().map(IpNet::from));
        let network = network.map_err(|_neither| format!("\"{text}\" is no network: write it as \"10.0.0.0/8\""))?;
        let everybody = format!("\"{text}\" would believe everybody about their address");
        match network.prefix_len() {
            0 => Err(everybody),
            _some => address::network(network).ok_or(everybody),
        }
    });
    let checked: Result<Vec<IpNet>, String> = networks.collect();
    reader.check("trusted_proxies", checked)
}
