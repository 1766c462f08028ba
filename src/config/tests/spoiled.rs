//! Files that are nearly right: a slip of the pen is told, and never repeats a secret.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::load;
use crate::protocol::slip_tests::slipped;

const SECRET: &str = "hunter2hunter2";

/// A file with something of everything.
fn whole() -> String {
    format!(
        r#"issuer = "https://login.example"
trusted_proxies = ["10.0.0.0/8"]
[listen]
address = "0.0.0.0:443"
drain = "1s"
[database]
url = "postgres://signbridge:{SECRET}@db.example/signbridge?sslmode=require"
[secsign]
url = "https://httpapi.secsign.com"
[thumbsignin]
url = "https://api.thumbsignin.com"
app_id = "app"
secret = "{SECRET}"
[lifetimes]
code = "30s"
[limits]
push_per_person_day = 20
[[client]]
id = "web"
secret = "{SECRET}"
redirect_uris = ["https://app.example/cb"]
[[user]]
username = "alice"
email = "alice@example.org"
groups = ["staff"]
"#
    )
}

/// What a file can have too much of.
const TRIPS: &[&str] = &[
    "\"", "\"\"\"", "'", "[", "]", "[[", "{", "}", "#", "\n", "\r", "\\", "\\u0000", "\0", ",", ".", "-", "1", "9e9", "ä",
    "\u{feff}",
];

#[test]
fn the_file_is_good_before_it_is_spoiled() {
    let config = load(&whole(), &[]).unwrap();
    assert_eq!((config.clients.len(), config.users.len()), (1, 1));
    assert!(config.secsign.is_some() && config.thumbsignin.is_some());
}

proptest! {
    #[test]
    fn a_slip_is_told_without_a_secret(slips in prop::collection::vec((any::<Index>(), 0..6_u8, select(TRIPS)), 1..4)) {
        let text = slipped(&whole(), &slips);
        if let Err(error) = load(&text, &[]) {
            prop_assert!(!error.problems.is_empty());
            let told = format!("{error} {error:?}");
            prop_assert!(!told.contains(SECRET), "{}\n{}", text, told);
            prop_assert!(error.problems.iter().all(|problem| !problem.to_string().trim().is_empty()));
        }
    }
}
