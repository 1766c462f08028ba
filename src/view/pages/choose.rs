//! "How would you like to sign in?": the choice between the phone services. Skipped where there is only one.

use serde::Serialize;

use super::AppInfo;
use crate::domain::user::Upstream;
use crate::view::Page;

/// The page `choose`: one form with a button `provider` per service.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Choose {
    pub app: AppInfo,
    pub action: String,
    pub cancel_action: String,
    /// The services on offer, in order.
    pub providers: Vec<Upstream>,
    pub csrf: String,
}

impl Page for Choose {
    const TEMPLATE: &'static str = "choose.html";
}
