//! `[listen]`: where this server listens.

use std::net::{AddrParseError, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;

use super::key::Kind;
use super::values::{Parse, Values, text};
use crate::domain::setting::{MINUTE, SECOND, settings};

/// A stop takes 10 s at most, and requests under way need some of them.
const LONGEST_DRAIN: Duration = Duration::from_secs(5);

settings! {
    /// Where this server listens.
    [listen]
    pub(crate) struct Listen {
        /// The address and port of the provider.
        address: SocketAddr = Kind::Text, default "127.0.0.1:8080";
        /// The certificate chain (PEM). Without it, a reverse proxy has to end TLS. A renewed one is taken within 10 s, or at
        /// SIGHUP.
        tls_cert: Option<PathBuf> = Kind::Path;
        /// The private key of the certificate (PEM, PKCS #8).
        tls_key: Option<PathBuf> = Kind::Path;
        /// The address and port of /livez, /readyz and /metrics. Not for the public.
        management: SocketAddr = Kind::Text, default "127.0.0.1:8081";
        /// How long a client may take to send a request, head and body together (it is answered 408 then), and to take an
        /// answer that waits for it.
        request_time: Duration = Kind::Span(SECOND, MINUTE), default "10s";
        /// How long a node that was told to stop (SIGTERM) still takes new requests while /readyz already says no: at least
        /// what the proxy before several nodes needs to notice.
        drain: Duration = Kind::Span(Duration::ZERO, LONGEST_DRAIN), default "0s";
    }
}

/// PEM files that exist.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Listen {
    pub(super) fn read_and_compare(values: &mut Values<'_>) -> Option<Self> {
        let listen: Option<Self> = values.read();
        let is_same = |listen: &Self| listen.address == listen.management && listen.address.port() != 0;
        if listen.as_ref().is_some_and(is_same) {
            values.report("management", "is the same as listen.address: give it a port of its own");
        }
        match (values.has("tls_cert"), values.has("tls_key")) {
            (true, false) => values.report("tls_key", "missing: tls_cert needs its private key"),
            (false, true) => values.report("tls_cert", "missing: tls_key needs its certificate"),
            _both_or_neither => {}
        }
        listen
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls_cert.clone().zip(self.tls_key.clone()).map(|(cert, key)| Tls { cert, key })
    }
}

impl Parse for SocketAddr {
    fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
        let message = "expected an IP address and a port, as in \"127.0.0.1:8080\", \"0.0.0.0:8080\" or \"[::]:8080\"";
        text(value).parse().map_err(|_unparsable: AddrParseError| message.to_owned())
    }
}
