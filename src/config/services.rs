//! `[secsign]`, `[thumbsignin]` and `[outbound]`: what this server calls.

use std::path::PathBuf;
use std::time::Duration;

use toml::Value;
use url::Url;

use super::address::base_url;
use super::key::Kind;
use super::values::{Parse, Values, text};
use crate::domain::secret::Secret;
use crate::domain::setting::{MINUTE, SECOND, settings};
use crate::protocol::uri::may_be_loopback;

settings! {
    /// SecSign ID: a push, then the person picks the symbol that the page shows.
    [secsign]
    pub(crate) struct SecSign {
        /// The SecSign ID server: `https://httpapi.secsign.com`, or one of your own. Paths are added to it.
        url: Url = Kind::Text, required "the address of the SecSign ID server";
        /// A second server, asked when the first one cannot be reached.
        fallback_url: Option<Url> = Kind::Text;
        /// Certificates (PEM) to trust for this service, instead of the usual ones.
        ca_file: Option<PathBuf> = Kind::Path;
    }
}

settings! {
    /// ThumbSignIn: a QR code or a link into the app, then a fingerprint.
    [thumbsignin]
    pub(crate) struct ThumbSignIn {
        /// The service: `https://api.thumbsignin.com`. Paths are added to it.
        url: Url = Kind::Text, required "the address of the ThumbSignIn service";
        /// The app id of your ThumbSignIn application.
        app_id: String = Kind::Text, required "the app id of your ThumbSignIn application";
        /// The secret key of your ThumbSignIn application; requests are signed with it.
        secret: Secret = Kind::Secret,
            required "the secret key of your ThumbSignIn application, or secret_file with the path of a file that holds it";
        /// Certificates (PEM) to trust for this service, instead of the usual ones.
        ca_file: Option<PathBuf> = Kind::Path;
        /// Also offer a QR code without asking for a name: the weakest login, with short tokens and a question on the page
        /// after the approval.
        allow_unnamed: bool = Kind::Switch, default false;
    }
}

settings! {
    /// Requests to addresses that clients registered (back-channel logout and the like).
    [outbound]
    pub(crate) struct Outbound {
        /// Certificates (PEM) to trust beside the usual ones.
        ca_file: Option<PathBuf> = Kind::Path;
        /// Allow private and loopback addresses and plain http. Only where every client is your own.
        allow_private: bool = Kind::Switch, default false;
        /// The pause after a logout token could not be delivered; each later one is four times as long. Five attempts are
        /// made.
        logout_retry: Duration = Kind::Span(SECOND, MINUTE), default "5s";
    }
}

/// The base URL of a phone service.
impl Parse for Url {
    fn parse(value: &Value, values: &Values<'_>) -> Result<Self, String> {
        upstream_url(text(value), values.allow_loopback)
    }
}

/// Checks the base URL of a phone service (decision 2.14).
fn upstream_url(text: &str, allow_loopback: bool) -> Result<Url, String> {
    let url = base_url(text)?;
    match (may_be_loopback(&url), url.scheme()) {
        (true, _) if !allow_loopback => {
            Err("is a loopback address: only for tests with the simulator, with allow_loopback_upstream = true".to_owned())
        }
        (false, "http") => Err("is plain http: a phone service is asked over https only".to_owned()),
        _fine => Ok(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_this_machine_is_loopback() {
        for host in [
            "127.0.0.1",
            "127.9.9.9",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "localhost.",
            "a.localhost",
        ] {
            let text = format!("https://{host}:8443/api");
            assert!(upstream_url(&text, false).unwrap_err().contains("loopback"), "{host}");
            assert!(upstream_url(&text, true).is_ok(), "{host}");
        }
        assert!(upstream_url("https://httpapi.secsign.com", false).is_ok());
        assert!(upstream_url("http://httpapi.secsign.com", true).unwrap_err().contains("plain http"));
        assert!(upstream_url("http://10.0.0.1", true).is_err());
    }
}
