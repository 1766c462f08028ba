//! "How would you like to sign in?": the choice between the phone services. Skipped where there is only one.

use serde::Serialize;

use super::{AppInfo, hostile_app, sample_app};
use crate::domain::user::Upstream;
use crate::view::{Page, Sample};

/// The page `choose`: one form with a button `provider` per service.
#[derive(Clone, Debug, Serialize)]
pub struct Choose {
    /// The app.
    pub app: AppInfo,
    /// Where the choice goes.
    pub action: String,
    /// Where "cancel" goes.
    pub cancel_action: String,
    /// The services on offer, in order.
    pub providers: Vec<Upstream>,
    /// The form's CSRF value.
    pub csrf: String,
}

impl Page for Choose {
    const TEMPLATE: &'static str = "choose.html";

    fn samples() -> Vec<Sample<Self>> {
        let choose = |app| Self {
            app,
            action: "/login/a1/choose".to_owned(),
            cancel_action: "/login/a1/cancel".to_owned(),
            providers: Upstream::ALL.to_vec(),
            csrf: "csrf".to_owned(),
        };
        vec![Sample::new("both", choose(sample_app())), Sample::new("hostile", choose(hostile_app()))]
    }
}
