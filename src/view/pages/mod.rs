//! The pages, one struct each. What a struct does not hold, its page cannot show: no secret and no upstream session id has
//! a field here (decision 2.2).
//!
//! Every `action` and every `csrf` comes from the surface; every form posts to its `action` and answers 303 (design 3).

mod forms;
mod notes;
mod wait;

use serde::Serialize;

pub(crate) use forms::{Choose, Consent, FormPost, Identify, IdentifyError, Logout, ScopeLine};
pub(crate) use notes::{ErrorKind, ErrorPage, Message, MessageKind, ReturnLink};
pub(crate) use wait::{Wait, WaitState};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AppInfo {
    pub name: String,
    /// The host of this authorization's redirect URI: the part of an app's word about itself that is checked.
    /// Empty for apps on this machine with a scheme of their own.
    pub host: String,
    /// Its home page (`client_uri`), shown where it is http or https.
    pub client_uri: Option<String>,
}

fn is_web_link(link: &str) -> bool {
    let lower = link.trim().to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

/// Whether a link of any scheme (apps have their own) leads out of this page instead of running in it. Browsers drop
/// control characters and spaces before the scheme and within it (WHATWG URL §4.4), hence so do we.
fn is_harmless_link(link: &str) -> bool {
    let seen: String = link.chars().filter(|character| !character.is_control() && *character != ' ').collect();
    let scheme = seen.split(':').next().unwrap_or_default().to_ascii_lowercase();
    !["javascript", "data", "vbscript", "blob", "file"].contains(&scheme.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_run_in_the_page_are_not_offered() {
        for bad in ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x"] {
            assert!(!is_harmless_link(bad) && !is_web_link(bad), "{bad:?}");
        }
        for good in ["https://a.example/x", "http://127.0.0.1:8081/phone/t/1"] {
            assert!(is_harmless_link(good) && is_web_link(good), "{good}");
        }
        assert!(is_harmless_link("thumbsignin://t/1") && !is_web_link("thumbsignin://t/1"));
    }
}
