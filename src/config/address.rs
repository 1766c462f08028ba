//! The issuer (OIDC Core §2, RFC 8414 §2) and the base URLs of phone services.

use toml::Value;
use url::Url;

use super::values::{Parse, Values, text};
use crate::protocol::uri::{is_web, may_be_loopback};

/// Without a trailing slash; frozen at first start (decision 2.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issuer(Url);

impl Issuer {
    /// Checks an issuer (OIDC Core §2: https, host and optionally port, nothing else). A path, which the specification allows,
    /// is refused: every route of ours stands at the root. Plain http is for loopback hosts (decision 2.2).
    fn of(text: &str) -> Result<Self, String> {
        let url = base_url(text)?;
        if url.scheme() == "http" && !may_be_loopback(&url) {
            return Err("an issuer is an https URL; plain http is for loopback hosts only".to_owned());
        }
        if url.path() != "/" {
            let origin = url.origin().ascii_serialization();
            return Err(format!(
                "an issuer with a path is not supported: give the provider a host of its own and write \"{origin}\""
            ));
        }
        let issuer = Self(url);
        match issuer.text() {
            right if right == text => Ok(issuer),
            right => Err(format!("relying parties compare the issuer letter by letter: write it as \"{right}\"")),
        }
    }

    pub(crate) fn text(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Whether cookies can be `Secure` (decision 2.2).
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn is_loopback(&self) -> bool {
        may_be_loopback(&self.0)
    }
}

/// An http or https URL to which paths can be added. The message never repeats it: it could hold a password.
fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL ({error}): write it as \"https://host.example\""))?;
    if !is_web(&url) {
        return Err("expected an https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password has no place in this URL".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query (?) or a fragment (#)".to_owned());
    }
    Ok(url)
}

impl Parse for Issuer {
    fn parse(value: &Value, _values: &Values<'_>) -> Result<Self, String> {
        Self::of(text(value))
    }
}

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
    fn an_issuer_is_https_or_on_this_machine() {
        for good in ["https://login.example", "https://login.example:8443", "http://localhost:8080"] {
            assert_eq!(Issuer::of(good).unwrap().text(), good);
        }
        for bad in [
            "login.example",
            "ftp://login.example",
            "http://login.example",
            "https://login.example/",
            "https://login.example/sso",
            "https://login.example/sso/",
            "https://login.example//",
            "http://localhost:8080/sso",
            "HTTPS://Login.example",
            "https://login.example:443",
            "https://login.example?x=1",
            "https://login.example#x",
            "https://u:p@login.example",
            "http://localhost.evil.example",
        ] {
            assert!(Issuer::of(bad).is_err(), "{bad}");
        }
        let message = Issuer::of("https://login.example:8443/sso").unwrap_err();
        assert!(message.ends_with("write \"https://login.example:8443\""), "{message}");
    }

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
