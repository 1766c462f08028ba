//! What went wrong, what to do about it, and a reference under which the log has the rest (C2).

use minijinja::context;
use minijinja::value::Value;
use serde::Serialize;

use super::{is_web_link, sample_app};
use crate::view::{Page, Sample, to_value};

/// What kind of failure it is: each has a headline and a next step of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The app's request cannot be answered, nor may the person be sent back with the error: unknown client, bad redirect
    /// URI, duplicate or missing parameters.
    BadRequest,
    /// The browser that began this sign-in is not this one: its cookie is missing (decision 2.2).
    OtherBrowser,
    /// The sign-in took too long or is unknown.
    Expired,
    /// The form's CSRF value or origin is wrong.
    Forged,
    /// Signed in, but not allowed: locked, or not for this app.
    Forbidden,
    /// Nothing is there.
    NotFound,
    /// Wrong method.
    MethodNotAllowed,
    /// More was sent than is read.
    TooLarge,
    /// Too many requests.
    RateLimited,
    /// Something that we depend on does not answer.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::BadRequest,
        Self::OtherBrowser,
        Self::Expired,
        Self::Forged,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::RateLimited,
        Self::Unavailable,
        Self::Internal,
    ];
}

/// A way back to the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnLink {
    /// The app's name.
    pub name: String,
    /// Where it starts a sign-in (`initiate_login_uri`, `client_uri`): http or https only.
    pub url: String,
}

/// The page `error`.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorPage {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The HTTP status.
    pub status: u16,
    /// Safe technical words for whoever integrates the app (`redirect_uri is not registered`); never from an upstream or
    /// the database.
    pub detail: Option<String>,
    /// The id under which the log has the rest.
    pub reference_id: String,
    /// The way back, where there is one.
    pub return_to: Option<ReturnLink>,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";

    fn data(&self) -> Value {
        let return_to = self.return_to.as_ref().filter(|link| is_web_link(&link.url)).map(to_value);
        let icon = match self.kind {
            ErrorKind::Expired | ErrorKind::RateLimited => "clock",
            ErrorKind::Unavailable => "cloud-off",
            ErrorKind::Forbidden => "hand",
            _other => "warning",
        };
        context! { return_to, icon, ..to_value(self) }
    }

    fn samples() -> Vec<Sample<Self>> {
        let page = |kind| Self {
            kind,
            status: 400,
            detail: None,
            reference_id: "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071".to_owned(),
            return_to: None,
        };
        let mut samples: Vec<_> =
            ErrorKind::ALL.into_iter().map(|kind| Sample::new(format!("{kind:?}").to_lowercase(), page(kind))).collect();
        let detail = Some("redirect_uri <https://evil.example> is not registered".to_owned());
        let return_to = |url: &str| Some(ReturnLink { name: sample_app().name, url: url.to_owned() });
        samples.push(Sample::new(
            "badrequest-detail",
            Self { detail, return_to: return_to("https://grafana.example.com/login"), ..page(ErrorKind::BadRequest) },
        ));
        samples.push(Sample::new(
            "badrequest-badlink",
            Self { return_to: return_to("javascript:alert(1)"), ..page(ErrorKind::BadRequest) },
        ));
        samples
    }
}
