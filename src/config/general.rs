//! The keys at the top of the file.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::Value;

use super::address::Issuer;
use super::hsts::HstsPolicy;
use super::key::Kind;
use super::values::{Parse, Values};
use crate::domain::address;
use crate::domain::setting::settings;

settings! {
    /// Keys at the top of the file, before the first section.
    []
    pub(crate) struct General {
        /// The URL by which relying parties know this provider: https, a host of its own (no path), without a trailing slash.
        /// It stands in every token, and the database remembers it: changing it later cuts off every relying party. Plain
        /// http is for loopback hosts only.
        issuer: Option<Issuer> = Kind::Text, required "the https URL by which relying parties know this provider";
        /// Networks (CIDR) of the reverse proxies in front of this server. Only they are believed about a client's address
        /// (X-Forwarded-For, also with ports, brackets or quotes; not Forwarded); from anybody else that header is ignored.
        trusted_proxies: Option<Vec<IpNet>> = Kind::Words, default [];
        /// The header Strict-Transport-Security of an https issuer: "max-age=SECONDS", with "; includeSubDomains" (also every
        /// host below the issuer's name speaks https) and "; preload" as wanted, or "off". "max-age=0" has browsers forget it.
        hsts: Option<HstsPolicy> = Kind::Text, default "max-age=31536000; includeSubDomains";
        /// Accept phone services at loopback addresses, also over plain http: for tests with `signbridge simulate`.
        allow_loopback_upstream: bool = Kind::Switch, default false;
        /// The directory of master.key, which encrypts the signing keys in the database. All nodes share this file. The
        /// variable SIGNBRIDGE_MASTER_KEY_FILE names the file itself instead.
        keys_dir: String = Kind::Path, default "keys";
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFiles {
    pub dir: PathBuf,
    pub master_key: PathBuf,
}

impl KeyFiles {
    pub(super) fn usual(dir: &Path) -> PathBuf {
        dir.join("master.key")
    }

    /// Whether the file stands in `keys_dir`, where a first start makes it; one that the environment names must be there.
    pub(crate) fn is_own(&self) -> bool {
        self.master_key == Self::usual(&self.dir)
    }
}

/// The networks of the proxies (check 119).
impl Parse for Vec<IpNet> {
    fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
        let written = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        let networks = written.map(|text| {
            let network = text.parse::<IpNet>().or_else(|_no_prefix| text.parse::<IpAddr>().map(IpNet::from));
            let network = network.map_err(|_neither| format!("\"{text}\" is no network: write it as \"10.0.0.0/8\""))?;
            let everybody = || format!("\"{text}\" would believe everybody about their address");
            address::network(network).filter(|network| network.prefix_len() > 0).ok_or_else(everybody)
        });
        networks.collect()
    }
}
