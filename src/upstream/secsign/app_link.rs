//! The link that opens the ID app with a session (SecSign notes §5).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::session::Session;
use crate::domain::settings::SecSignSettings;

/// All but the unreserved characters (RFC 3986 §2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) struct AppLinks {
    scheme: String,
    /// Host and port of the server as the app reaches it.
    server: String,
}

impl AppLinks {
    /// `None` where `mobile_url` is not written: nothing else says where the app finds the session.
    pub(super) fn of(settings: &SecSignSettings) -> Option<Self> {
        let mobile = settings.mobile_url.as_ref()?;
        let port = mobile.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(Self { scheme: settings.app_scheme.clone(), server: format!("{}{port}", mobile.host_str()?) })
    }

    /// The request id, which is the secret of a session, is not in it.
    pub(super) fn authenticate(&self, session: &Session, return_url: &str) -> String {
        format!(
            "{}://authenticate?secsignid={}&authsessionid={}&returnurl={}&idserverurl={}",
            self.scheme,
            utf8_percent_encode(session.secsignid.as_str(), ENCODED),
            session.authsessionid,
            utf8_percent_encode(return_url, ENCODED),
            self.server,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::secsign::session::{Host, SecSignId};

    fn link(mobile_url: &str, app_scheme: &str) -> String {
        let settings = SecSignSettings {
            mobile_url: Some(mobile_url.parse().unwrap()),
            app_scheme: app_scheme.to_owned(),
            ..SecSignSettings::at("https://secsign.example".parse().unwrap())
        };
        let id = SecSignId::parse("zoidberg@x.y").unwrap();
        let session = Session::new(id, "-8337412603900330717", Some("00112233445566778899"), Host::Primary).unwrap();
        AppLinks::of(&settings).unwrap().authenticate(&session, "https://login.example/login/1?a=b&c")
    }

    #[test]
    fn a_link_names_the_session_the_way_back_and_the_server_and_no_secret() {
        assert_eq!(
            link("https://id1.secsign.com", "com.secsign.secsignid"),
            "com.secsign.secsignid://authenticate?secsignid=zoidberg%40x.y&authsessionid=-8337412603900330717\
             &returnurl=https%3A%2F%2Flogin.example%2Flogin%2F1%3Fa%3Db%26c&idserverurl=id1.secsign.com"
        );
        let own = link("https://id.example:8443/", "com.example.id");
        assert!(own.starts_with("com.example.id://authenticate?") && own.ends_with("&idserverurl=id.example:8443"), "{own}");
        assert!(!own.contains("00112233"), "{own}");
    }

    #[test]
    fn no_server_for_the_app_is_guessed() {
        assert!(AppLinks::of(&SecSignSettings::at("https://httpapi.secsign.com".parse().unwrap())).is_none());
    }
}
