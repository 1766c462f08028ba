//! "Who are you?": the question before a phone is asked (decision 2.3). A push starts only from this page's POST (2.7).

use serde::Serialize;

use super::{AppInfo, hostile_app, sample_app};
use crate::domain::user::Upstream;
use crate::view::{Page, Sample};

/// The page `identify`. Its first button goes on with the input `identifier`; a button `unnamed` stands beside it where a
/// QR code without a name is allowed.
#[derive(Clone, Debug, Serialize)]
pub struct Identify {
    /// The app.
    pub app: AppInfo,
    /// The phone service.
    pub provider: Upstream,
    /// Where the identifier goes.
    pub action: String,
    /// The forms' CSRF value.
    pub csrf: String,
    /// What the input holds at first: the remembered name, `login_hint`, or what was typed; else empty.
    pub identifier: String,
    /// Whether this browser remembers that name.
    pub remembered: bool,
    /// Where "not you?" goes: forgets the remembered name.
    pub forget_action: String,
    /// Whether a QR code without a name is offered (`[thumbsignin] allow_unnamed`).
    pub allow_unnamed: bool,
    /// Where "use another method" goes, where there is another one.
    pub other_method_action: Option<String>,
    /// Where "cancel" goes.
    pub cancel_action: String,
    /// What was wrong with the last attempt.
    pub error: Option<IdentifyError>,
}

/// What can be said about an identifier without telling who exists here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifyError {
    /// Nothing was typed.
    Missing,
    /// No name can look like that (`domain::user::canonical_identifier`).
    Malformed,
    /// Too many attempts from here.
    RateLimited,
    /// The phone service cannot be reached just now.
    UpstreamDown,
}

impl IdentifyError {
    /// Every error.
    pub const ALL: [Self; 4] = [Self::Missing, Self::Malformed, Self::RateLimited, Self::UpstreamDown];
}

impl Page for Identify {
    const TEMPLATE: &'static str = "identify.html";

    fn samples() -> Vec<Sample<Self>> {
        let secsign = Self {
            app: sample_app(),
            provider: Upstream::SecSign,
            action: "/login/a1/identify".to_owned(),
            csrf: "csrf".to_owned(),
            identifier: String::new(),
            remembered: false,
            forget_action: "/login/a1/forget".to_owned(),
            allow_unnamed: false,
            other_method_action: Some("/login/a1/choose".to_owned()),
            cancel_action: "/login/a1/cancel".to_owned(),
            error: None,
        };
        let thumbsignin = Self { provider: Upstream::ThumbSignIn, other_method_action: None, ..secsign.clone() };
        let remembered = Self { identifier: "alice".to_owned(), remembered: true, ..secsign.clone() };
        let mut samples = vec![
            Sample::new("secsign", secsign.clone()),
            Sample::new("secsign-remembered", remembered.clone()),
            Sample::new("thumbsignin", thumbsignin.clone()),
            Sample::new("thumbsignin-unnamed", Self { allow_unnamed: true, ..thumbsignin.clone() }),
            Sample::new("thumbsignin-remembered", Self { provider: Upstream::ThumbSignIn, ..remembered }),
            Sample::new("hostile", Self { app: hostile_app(), identifier: "\"><img src=x>".to_owned(), ..thumbsignin }),
        ];
        samples.extend(IdentifyError::ALL.map(|error| {
            let page = Self { identifier: "al ice".to_owned(), error: Some(error), ..secsign.clone() };
            Sample::new(format!("error-{error:?}").to_lowercase(), page)
        }));
        samples
    }
}
