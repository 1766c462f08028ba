//! "Who are you?": the question before a phone is asked (decision 2.3). A push starts only from this page's POST (2.7).

use serde::Serialize;

use super::AppInfo;
use crate::domain::user::Upstream;
use crate::view::Page;

/// The page `identify`. Its first button goes on with the input `identifier`; a button `unnamed` stands beside it where a
/// QR code without a name is allowed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Identify {
    pub app: AppInfo,
    pub provider: Upstream,
    pub action: String,
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
    pub cancel_action: String,
    /// What was wrong with the last attempt.
    pub error: Option<IdentifyError>,
}

/// What can be said about an identifier without telling who exists here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentifyError {
    Missing,
    /// No name can look like that (`domain::user::canonical_identifier`).
    Malformed,
}

impl Page for Identify {
    const TEMPLATE: &'static str = "identify.html";
}
