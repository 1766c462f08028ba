//! What `demo` and `simulate` say on standard output: one line of JSON for programs, or a page for people. Nothing else goes
//! there.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Running;
use super::declared::{DemoClient, USERS};
use crate::telemetry;

/// Writes to standard output, in a thread of its own: a reader that stalls or went away is no reason to stop. Returns when it
/// is written, or after `patience`.
pub async fn print(text: String, patience: Duration) {
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
pub fn json_line(demo: &Running) -> String {
    let clients: Vec<Value> = demo.clients.iter().map(DemoClient::announced).collect();
    let users = USERS.iter().zip(&demo.subjects);
    let users: Vec<Value> = users
        .map(|(user, sub)| {
            json!({
                "username": user.username,
                "sub": sub,
                "secsignid": user.secsignid,
                "thumbsignin_user_id": user.thumbsignin_user_id,
            })
        })
        .collect();
    let line = json!({
        "issuer": demo.urls.issuer,
        "upstream_url": demo.urls.upstream,
        "phone_url": demo.urls.phone,
        "app_url": demo.urls.app,
        "management_url": demo.urls.management,
        "data_dir": demo.dir.path,
        "config_file": demo.config_file,
        "clients": clients,
        "users": users,
    });
    format!("{line}\n")
}

/// The same for people, with what to do next.
pub fn page(demo: &Running) -> String {
    let (urls, config) = (&demo.urls, demo.config_file.display());
    let mut text = String::from("Signbridge is running with simulated phone services.\n\n");
    let rows = [
        ("Example app", urls.app.clone(), "sign in here"),
        ("Virtual phone", format!("{}/phone", urls.phone), "approve here"),
        ("Provider", urls.issuer.clone(), "the issuer to configure in an app of yours"),
        ("Health", format!("{}/readyz", urls.management), ""),
    ];
    for (name, url, what) in rows {
        // Writing to a text does not fail.
        let _infallible = writeln!(text, "  {name:<14} {url:<32} {what}").is_ok();
    }
    let more = format!(
        "\nWhat to do next\n\
         \x20 1. Open the virtual phone and the example app, each in a window of its own.\n\
         \x20 2. Sign in as alice or bob, and approve on the phone.\n\
         \x20 3. Register an app of yours:\n\
         \x20    signbridge client create --config {config} \\\n\
         \x20      --id my-app --name \"My app\" --redirect-uri http://localhost:3000/callback\n\n\
         Everything is kept in {dir}{fate}. Ctrl-C ends it.\n",
        dir = demo.dir.path.display(),
        fate = if demo.dir.is_kept() { "" } else { " and removed at the end" },
    );
    text.push_str(&more);
    text
}
