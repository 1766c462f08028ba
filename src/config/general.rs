//! The keys at the top of the file: the issuer (OIDC Core §2, RFC 8414 §2) and what holds for the whole server. And the base URLs
//! of phone services, which are checked as the issuer is.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::Value;
use url::Url;

use super::document::{Document, Parse, text};
use super::key::Kind;
use crate::domain::address;
use crate::domain::setting::settings;
use crate::protocol::uri::{is_web, may_be_loopback};

settings! {
    /// Keys at the top of the file, before the first section.
    []
    pub(crate) struct General {
        /// The URL by which apps know this provider: https, a host of its own (no path), without a trailing slash. It stands
        /// in every token, and the database remembers it: changing it later cuts off every app. Plain http is for loopback
        /// hosts only.
        issuer: Option<Issuer> = Kind::Text, required "the https URL by which apps know this provider";
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
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
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

/// A year: what browsers' lists of such hosts ask for at least.
const YEAR: u64 = 31_536_000;

/// For how long browsers come back by https only (RFC 6797 §6.1).
#[derive(Clone, Debug)]
pub(super) struct HstsPolicy(pub(super) Option<String>);

impl Parse for HstsPolicy {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        hsts(text(value)).map(Self)
    }
}

fn hsts(text: &str) -> Result<Option<String>, String> {
    if text == "off" {
        return Ok(None);
    }
    let expected =
        || "expected \"off\", or \"max-age=SECONDS\" with \"; includeSubDomains\" and \"; preload\" as wanted".to_owned();
    let (mut max_age, mut subdomains, mut preload) = (None, false, false);
    for directive in text.split(';').map(|part| part.trim().to_ascii_lowercase()) {
        let twice = match directive.as_str() {
            "includesubdomains" => std::mem::replace(&mut subdomains, true),
            "preload" => std::mem::replace(&mut preload, true),
            other => {
                let seconds = other.strip_prefix("max-age=").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
                let seconds = seconds.and_then(|digits| digits.parse().ok()).ok_or_else(expected)?;
                max_age.replace(seconds).is_some()
            }
        };
        if twice {
            return Err(expected());
        }
    }
    let max_age: u64 = max_age.ok_or_else(expected)?;
    if preload && (!subdomains || max_age < YEAR) {
        return Err(format!("preload needs includeSubDomains and a max-age of at least {YEAR}"));
    }
    let subdomains = if subdomains { "; includeSubDomains" } else { "" };
    let preload = if preload { "; preload" } else { "" };
    Ok(Some(format!("max-age={max_age}{subdomains}{preload}")))
}

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
            right => Err(format!("apps compare the issuer character by character: write it as \"{right}\"")),
        }
    }

    pub(crate) fn text(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
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
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        Self::of(text(value))
    }
}

impl Parse for Url {
    fn parse(value: &Value, document: &Document) -> Result<Self, String> {
        upstream_url(text(value), document.allow_loopback)
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
    fn a_policy_is_written_in_one_form_and_off_is_none() {
        for (text, written) in [
            ("max-age=31536000; includeSubDomains", "max-age=31536000; includeSubDomains"),
            ("Max-Age=0", "max-age=0"),
            ("preload;max-age=63072000;INCLUDESUBDOMAINS", "max-age=63072000; includeSubDomains; preload"),
        ] {
            assert_eq!(hsts(text).unwrap().unwrap(), written);
        }
        assert_eq!(hsts("off"), Ok(None));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "on",
            "includeSubDomains",
            "max-age=",
            "max-age=1d",
            "max-age=+1",
            "max-age=1; max-age=2",
            "max-age=1;",
            "max-age=1; x",
            "max-age=1\r\nx: y",
            "max-age=31536000; preload",
            "max-age=3600; includeSubDomains; preload",
            "max-age=99999999999999999999",
        ] {
            assert!(hsts(text).is_err(), "{text}");
        }
    }

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
