//! What is said about answers that no test can easily provoke from outside.

use super::*;
use crate::doctor::Outcome;

fn config(text: &str) -> Config {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("signbridge.toml");
    std::fs::write(&file, format!("{text}\n[secsign]\nurl = \"https://secsign.example\"\n")).unwrap();
    Config::load(Some(&file), []).unwrap()
}

fn answer(status: u16, body: &str, echo: Option<&str>) -> ProbeAnswer {
    let headers = echo.into_iter().map(|echo| (DOCTOR.to_owned(), echo.to_owned())).collect();
    ProbeAnswer { status, body: body.into(), headers, certificate: None }
}

#[test]
fn the_issuer_is_ours_or_it_is_said_what_is_wrong() {
    let config = config("issuer = \"https://id.example\"\ntrusted_proxies = [\"10.0.0.0/8\"]");
    let ours = r#"{"issuer":"https://id.example"}"#;
    for (status, body, outcome, words) in [
        (200, ours, Outcome::Ok, "discovery names it"),
        (200, r#"{"issuer":"https://id.example/"}"#, Outcome::Failed, "another issuer"),
        (200, "<html>", Outcome::Failed, "something else answers"),
        (404, ours, Outcome::Failed, "HTTP 404"),
        (421, "", Outcome::Failed, "replaces the Host header"),
    ] {
        let check = issuer(&config, &answer(status, body, None));
        assert_eq!(check.outcome, outcome, "{check:?}");
        assert!(check.found.contains(words), "{check:?}");
        assert_eq!(check.advice.is_empty(), outcome == Outcome::Ok, "{check:?}");
    }
}

#[test]
fn a_proxy_appends_or_replaces_and_is_trusted() {
    let config = config("issuer = \"https://id.example\"\ntrusted_proxies = [\"10.0.0.0/8\"]");
    for (echo, outcome, words) in [
        (Some("peer=10.0.0.1; client=198.51.100.7; forwarded=192.0.2.99, 198.51.100.7"), Outcome::Ok, "keeps Host"),
        (Some("peer=10.0.0.1; client=198.51.100.7; forwarded=198.51.100.7"), Outcome::Ok, "keeps Host"),
        (Some("peer=10.0.0.1; client=192.0.2.99; forwarded=192.0.2.99"), Outcome::Failed, "claim any address"),
        (Some("peer=10.0.0.1; client=10.0.0.1; forwarded="), Outcome::Failed, "does not say where"),
        (Some("peer=172.16.0.1; client=172.16.0.1; forwarded=198.51.100.7"), Outcome::Failed, "not in trusted_proxies"),
        (Some("peer=10.0.0.1; client=198.51.100.7; forwarded=192.0.2.99, 198.51.100.7:51812"), Outcome::Ok, "keeps Host"),
        (Some("peer=::ffff:10.0.0.1; client=::ffff:198.51.100.7; forwarded=198.51.100.7"), Outcome::Ok, "keeps Host"),
        // A visitor on the machine of the proxy.
        (Some("peer=10.0.0.1; client=10.0.0.1; forwarded=10.0.0.1"), Outcome::Ok, "keeps Host"),
        (
            Some("peer=10.0.0.1; client=10.0.0.1; forwarded=192.0.2.99, unknown"),
            Outcome::Failed,
            "cannot be read (\"192.0.2.99, unk",
        ),
        (Some("peer=10.0.0.1; client=10.0.0.1; forwarded=x; client=198.51.100.7"), Outcome::Failed, "cannot be read"),
        (
            Some("peer=10.0.0.1; client=10.0.0.2; forwarded=198.51.100.7;1, 10.0.0.2"),
            Outcome::Failed,
            "seem to come from 10.0.0.2",
        ),
        (
            Some("peer=10.0.0.1; client=10.0.0.1; forwarded=198.51.100.7:51812"),
            Outcome::Failed,
            "takes this visit to come from",
        ),
        (Some("peer=?; client=10.0.0.1; forwarded=198.51.100.7"), Outcome::Skipped, "did not say"),
        (None, Outcome::Skipped, "did not say"),
    ] {
        let check = proxy(&config, &answer(200, "", echo));
        assert_eq!(check.outcome, outcome, "{check:?}");
        assert!(check.found.contains(words), "{check:?}");
    }
}

#[test]
fn what_is_advised_trusts_one_address_and_no_other() {
    let config = config("issuer = \"https://id.example\"\ntrusted_proxies = [\"10.0.0.0/8\"]");
    for (peer, advised, near) in [
        ("172.16.0.1", "172.16.0.1/32", "172.16.0.2"),
        ("::ffff:172.16.0.1", "172.16.0.1/32", "172.16.0.2"),
        ("2001:db8::1", "2001:db8::1/128", "2001:db8::2"),
    ] {
        let check = proxy(&config, &answer(200, "", Some(&format!("peer={peer}; client={peer}; forwarded=198.51.100.7"))));
        assert!(check.advice.contains(&format!("\"{advised}\"")), "{check:?}");
        // Followed to the letter, it is the proxy that is believed, and nobody beside it.
        let followed =
            self::config(&format!("issuer = \"https://id.example\"\ntrusted_proxies = [\"{advised}\"]")).trusted_proxies;
        let client = |peer: &str| route(peer.parse().unwrap(), &[b"198.51.100.7"], &followed).client.to_string();
        assert_eq!((client(peer).as_str(), client(near).as_str()), ("198.51.100.7", near));
    }
}

#[test]
fn a_policy_that_hides_where_forms_come_from_is_told() {
    for (policy, told) in [
        (None, false),
        (Some("same-origin"), false),
        (Some("no-referrer"), true),
        (Some("same-origin, no-referrer"), true),
        (Some("same-origin, No-Referrer, some-new-word"), true),
        (Some("no-referrer, same-origin"), false),
        (Some("no-referrer, strict-origin-when-cross-origin"), false),
        (Some("nonsense"), false),
    ] {
        let headers = policy.into_iter().map(|policy| ("referrer-policy".to_owned(), policy.to_owned())).collect();
        let check = referrer_policy(&ProbeAnswer { headers, ..answer(200, "", None) });
        assert_eq!(check.map(|check| check.outcome), told.then_some(Outcome::Warning), "{policy:?}");
    }
}

#[test]
fn where_no_proxy_is_configured_none_is_looked_for() {
    let config = config("issuer = \"http://localhost:8080\"");
    assert_eq!(proxy(&config, &answer(200, "", None)).outcome, Outcome::Skipped);
    assert_eq!(certificate(&config, &Env::system(), &answer(200, "", None)).outcome, Outcome::Skipped);
}

#[test]
fn the_management_listener_is_not_for_everybody() {
    for (text, outcome) in [
        ("127.0.0.1:8081", Outcome::Ok),
        ("[::1]:8081", Outcome::Ok),
        ("[::ffff:127.0.0.1]:8081", Outcome::Ok),
        ("0.0.0.0:8081", Outcome::Warning),
        ("10.1.2.3:8081", Outcome::Warning),
        ("203.0.113.5:8081", Outcome::Failed),
        ("[2001:db8::1]:8081", Outcome::Failed),
    ] {
        let mut checks = Vec::new();
        address(text.parse().unwrap(), &mut checks);
        assert_eq!(checks[0].outcome, outcome, "{text}");
    }
    assert_eq!(own("0.0.0.0:1".parse().unwrap()).to_string(), "127.0.0.1:1");
    assert_eq!(own("[::]:1".parse().unwrap()).to_string(), "[::1]:1");
}

#[test]
fn the_files_of_a_certificate_must_belong_together() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/outbound/tests/testdata");
    let check = |cert: &str, key: &str| certificate_files(&Tls { cert: data.join(cert), key: data.join(key) }, &Env::system());
    assert_ne!(check("server.pem", "server.key").outcome, Outcome::Failed);
    for (cert, key) in
        [("ca.pem", "server.key"), ("server.key", "server.key"), ("server.pem", "server.pem"), ("none", "server.key")]
    {
        let check = check(cert, key);
        assert_eq!(check.outcome, Outcome::Failed, "{cert} {key}: {check:?}");
        assert!(check.found.contains("cannot be used"), "{check:?}");
    }
}
