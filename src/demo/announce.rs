//! What `demo` and `simulate` say on standard output: one line of JSON for programs, or a page for people. Nothing else goes
//! there.

use std::time::Duration;

use minijinja::{Environment, context};
use serde_json::json;
use tokio::sync::oneshot;

use super::DemoError;
use super::declared::{self, USERS};
use super::running::Running;
use crate::telemetry;

/// Writes to standard output, in a thread of its own: a reader that stalls or went away is no reason to stop. Returns when it
/// is written, or after `patience`.
pub(super) async fn print(text: String, patience: Duration) {
    let (done, written) = oneshot::channel();
    let write = move || {
        if let Err(error) = telemetry::print(&text) {
            tracing::debug!(%error, "standard output is closed");
        }
        // Whoever waited may have given up.
        let _late = done.send(());
    };
    match std::thread::Builder::new().name("output".to_owned()).spawn(write) {
        Ok(_thread) => drop(tokio::time::timeout(patience, written).await),
        Err(error) => tracing::debug!(%error, "standard output is closed"),
    }
}

/// The line of the contract (design 3, Commands).
pub(super) fn json_line(demo: &Running) -> String {
    let user =
        |(name, sub): (&&str, &String)| json!({"username": name, "sub": sub, "secsignid": name, "thumbsignin_user_id": name});
    let line = json!({
        "issuer": demo.urls.issuer,
        "upstream_url": demo.urls.upstream,
        "phone_url": demo.urls.phone,
        "app_url": demo.urls.app,
        "management_url": demo.urls.management,
        "data_dir": demo.dir.path,
        "config_file": demo.config_file,
        "clients": demo.clients.iter().map(declared::announced).collect::<Vec<_>>(),
        "users": USERS.iter().zip(&demo.subjects).map(user).collect::<Vec<_>>(),
    });
    format!("{line}\n")
}

pub(super) fn page(demo: &Running) -> Result<String, DemoError> {
    let urls = &demo.urls;
    let page = context! {
        app => urls.app.as_str(),
        phone => format!("{}/phone", urls.phone),
        issuer => urls.issuer.as_str(),
        health => format!("{}/readyz", urls.management),
        config => demo.config_file.display().to_string(),
        dir => demo.dir.path.display().to_string(),
        is_kept => demo.dir.is_kept,
    };
    Ok(Environment::new().render_str(include_str!("../../templates/demo/demo.txt"), page)?)
}
