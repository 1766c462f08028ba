//! Where logout tokens are posted (OIDC Back-Channel Logout 1.0 §2.2). `outbound` decides whether the address may be called.

use serde::{Deserialize, Serialize};
use url::Url;

use super::named::from_text;
use super::uri::{absolute, has_user_information, is_loopback, is_web};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LogoutUri(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidLogoutUri {
    #[error("a back-channel logout URI is an absolute https URL that everybody reads alike")]
    NotHttp,
    /// OIDC Back-Channel Logout §2.2.
    #[error("a back-channel logout URI must not have a fragment")]
    Fragment,
    #[error("a back-channel logout URI must not have user information")]
    UserInformation,
}

impl LogoutUri {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidLogoutUri> {
        let url = absolute(text).filter(is_web).ok_or(InvalidLogoutUri::NotHttp)?;
        if text.contains('#') {
            return Err(InvalidLogoutUri::Fragment);
        }
        if has_user_information(text, &url) {
            return Err(InvalidLogoutUri::UserInformation);
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is plain http to another machine, by its text.
    pub(crate) fn is_plain_http(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
    }
}

from_text!(LogoutUri, InvalidLogoutUri);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_url_with_a_host_and_without_fragment_or_user() {
        use InvalidLogoutUri as E;
        for (text, error) in [
            ("/logout", E::NotHttp),
            ("app.example:/logout", E::NotHttp),
            ("javascript:alert(1)", E::NotHttp),
            ("https://app.example/lo gout", E::NotHttp),
            ("https://app.example\\@evil.example/", E::NotHttp),
            ("https://app.example/logout#", E::Fragment),
            ("https://u:p@app.example/logout", E::UserInformation),
            ("https://@app.example/logout", E::UserInformation),
        ] {
            assert_eq!(LogoutUri::parse(text), Err(error), "{text}");
        }
        let good = LogoutUri::parse("https://app.example/logout?tenant=1").unwrap();
        assert_eq!(good.as_str(), "https://app.example/logout?tenant=1");
    }

    #[test]
    fn plain_http_is_told_from_https_and_loopback() {
        let plain = |text: &str| LogoutUri::parse(text).unwrap().is_plain_http();
        assert!(plain("http://app.example/logout") && plain("http://10.0.0.1/logout"));
        assert!(!plain("https://app.example/logout") && !plain("http://127.0.0.1:8080/logout"));
        assert!(!plain("http://localhost/logout") && !plain("http://[::1]/logout"));
    }
}
