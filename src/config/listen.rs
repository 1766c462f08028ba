//! `[listen]`: where this server listens.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::duration;
use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;

pub(super) const SECTION: Section = Section {
    name: "listen",
    shape: Shape::Always,
    about: "Where this server listens.",
    keys: &[
        Key::new("address", Kind::Text, "The address and port of the provider.").default("\"127.0.0.1:8080\""),
        Key::new(
            "tls_cert",
            Kind::Path,
            "The certificate chain (PEM). Without it, a reverse proxy has to end TLS. A renewed one is taken within 10 s, or at SIGHUP.",
        ),
        Key::new("tls_key", Kind::Path, "The private key of the certificate (PEM, PKCS #8)."),
        Key::new("management", Kind::Text, "The address and port of /livez, /readyz and /metrics. Not for the public.")
            .default("\"127.0.0.1:8081\""),
        Key::new(
            "request_time",
            Kind::Span(Duration::from_secs(1), LONGEST_REQUEST),
            "How long a client may take to send a request, head and body together (it is answered 408 then), and to take an \
             answer that waits for it.",
        )
        .default("\"10s\""),
        Key::new(
            "drain",
            Kind::Span(Duration::ZERO, LONGEST_DRAIN),
            "How long a node that was told to stop (SIGTERM) still takes new requests while /readyz already says no: at least \
             what the proxy before several nodes needs to notice.",
        )
        .default("\"0s\""),
    ],
};

/// Whoever sends slower than that cannot be told from somebody who only means to occupy the connection.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);
/// A stop takes 10 s at most, and requests under way need some of them.
const LONGEST_DRAIN: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    address: String,
    tls_cert: Option<String>,
    tls_key: Option<String>,
    management: String,
    #[serde(deserialize_with = "duration::deserialize")]
    request_time: Duration,
    #[serde(deserialize_with = "duration::deserialize")]
    drain: Duration,
}

/// Where this server listens.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The provider.
    pub address: SocketAddr,
    /// The certificate and its key; without them the provider speaks plain http to a proxy.
    pub tls: Option<Tls>,
    /// `/livez`, `/readyz`, `/metrics`.
    pub management: SocketAddr,
    /// How long a client may take to send a request, or to take an answer.
    pub request_time: Duration,
    /// How long new requests are still taken after a stop was asked for.
    pub drain: Duration,
}

/// A certificate chain and its private key, both PEM files that exist.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The chain.
    pub cert: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl Listen {
    pub(super) fn read(raw: Raw, reader: &mut Reader) -> Option<Self> {
        let address = socket_address("listen.address", &raw.address, reader);
        let management = socket_address("listen.management", &raw.management, reader);
        if address.is_some() && address == management && address.is_some_and(|address| address.port() != 0) {
            reader.report("listen.management", "is the same as listen.address: give it a port of its own");
        }
        match (&raw.tls_cert, &raw.tls_key) {
            (Some(_), None) => reader.report("listen.tls_key", "missing: tls_cert needs its private key"),
            (None, Some(_)) => reader.report("listen.tls_cert", "missing: tls_key needs its certificate"),
            _both_or_neither => {}
        }
        let cert = reader.file("listen.tls_cert", raw.tls_cert);
        let key = reader.file("listen.tls_key", raw.tls_key);
        let tls = cert.zip(key).map(|(cert, key)| Tls { cert, key });
        Some(Self { address: address?, tls, management: management?, request_time: raw.request_time, drain: raw.drain })
    }
}

fn socket_address(key: &str, text: &str, reader: &mut Reader) -> Option<SocketAddr> {
    let message = "expected an IP address and a port, as in \"127.0.0.1:8080\", \"0.0.0.0:8080\" or \"[::]:8080\"";
    reader.check(key, text.parse().map_err(|_unparsable: std::net::AddrParseError| message))
}
