//! Each key of the reference and the test that shows what it changes: a key that changes nothing has no place in the reference
//! (`key::LATER`). Whoever adds a key adds a line here.

use std::path::Path;

use super::super::reference_entries;

const CONFIGURATION: &str = "tests/clients/configuration.test.mjs";
const LIMITS: &str = "[limits]: each limit holds, and without it the phone is asked";
const TOKENS: &str = "[lifetimes] of tokens: code, access_token, access_token_jwt, id_token, refresh_sliding, refresh_absolute";
const BROWSERS: &str = "[lifetimes] of browsers: session, session_idle";
const WAITING: &str = "[lifetimes] login and authorization: how long a page can wait";
const CLIENT: &str = "[[client]]: every key is what the client may do, gets and has to bring";
const USER: &str = "[[user]]: every key is what apps are told, and what the person can type";
const BRAND: &str = "[brand]: every key is on the pages, and all that they load comes from here";
const PLACES: &str = "keys_dir, listen and database.url: files and ports are where they say";
const APP: &str = "secsign.mobile_url and app_scheme: a link into the app, in a browser that its user signed in from before";
const NOT_ME: &str = "tests/clients/not-me.test.mjs";
const HOOK: &str = "the webhook hears of what it was told to, signed, and again until it answers";
const OPERATORS: &str = "tests/clients/operators.test.mjs";
const SITE: &str = "tests/clients/site.test.mjs";
const REST: &str = "src/upstream/secsign/rest/tests.rs";
const ROOM: &str = "src/store/tests/room.rs";
const SERVICES: &str = "phone services: unreachable, wrong secret, something else at the address, a clock that is wrong";

/// (key, file of the test, its name)
const EFFECTS: &[(&str, &str, &str)] = &[
    ("issuer", "tests/clients/https.test.mjs", "with TLS of its own: discovery, HSTS, cookies, a login; plain http is refused"),
    ("trusted_proxies", CONFIGURATION, "trusted_proxies: only a proxy that is named is believed about a visitor"),
    ("hsts", CONFIGURATION, "hsts: the policy that was written, nothing where it is off, and nothing on plain http"),
    ("allow_loopback_upstream", "tests/clients/contract-commands.test.mjs", "serve refuses what would be unsafe"),
    ("keys_dir", CONFIGURATION, PLACES),
    ("listen.address", CONFIGURATION, PLACES),
    ("listen.tls_cert", "tests/clients/https.test.mjs", "with TLS of its own"),
    ("listen.tls_key", "tests/clients/https.test.mjs", "with TLS of its own"),
    ("listen.management", CONFIGURATION, PLACES),
    (
        "listen.request_time",
        "tests/clients/connections.test.mjs",
        "a request has a time, however it is sent; so has its answer",
    ),
    ("listen.drain", "tests/clients/nodes.test.mjs", "a node that was told to stop says so, serves on for a moment"),
    ("database.url", CONFIGURATION, PLACES),
    ("database.connections", CONFIGURATION, "database.connections: no more are made than were asked for"),
    ("database.writes_per_commit", "src/store/tests/sqlite.rs", "with_one_write_per_commit_none_waits_for_others"),
    ("secsign.url", "tests/clients/doctor.test.mjs", SERVICES),
    (
        "secsign.fallback_url",
        "src/upstream/secsign/tests.rs",
        "the_fallback_gets_what_the_primary_never_saw_and_is_then_asked_first",
    ),
    ("secsign.mobile_url", CONFIGURATION, APP),
    ("secsign.app_scheme", CONFIGURATION, APP),
    ("secsign.pin_user", REST, "a_session_is_begun_polled_and_cancelled_in_the_name_of_the_account"),
    ("secsign.pin_password", REST, "a_session_is_begun_polled_and_cancelled_in_the_name_of_the_account"),
    ("secsign.release", CONFIGURATION, "secsign.release: the server is told once that an approval was read"),
    ("secsign.ca_file", "src/outbound/tests/mod.rs", "nothing_is_sent_to_a_server_whose_certificate_is_not_trusted"),
    ("thumbsignin.url", "tests/clients/doctor.test.mjs", SERVICES),
    ("thumbsignin.app_id", "src/upstream/thumbsignin/tests.rs", "a_request_on_the_wire_carries_the_published_signature"),
    ("thumbsignin.secret", "tests/clients/doctor.test.mjs", SERVICES),
    ("thumbsignin.ca_file", "src/outbound/tests/mod.rs", "nothing_is_sent_to_a_server_whose_certificate_is_not_trusted"),
    (
        "thumbsignin.allow_unnamed",
        "tests/clients/contract-pages.test.mjs",
        "a QR code without a name: the page names the account",
    ),
    (
        "outbound.ca_file",
        "tests/clients/doctor.test.mjs",
        "the certificate: trusted and long enough, about to end, not trusted",
    ),
    ("outbound.allow_private", "src/outbound/guarded/tests.rs", "nothing_private_is_called_under_any_spelling"),
    ("outbound.logout_retry", "src/flow/backchannel_logout/tests.rs", "pauses_grow_and_are_not_in_step"),
    ("webhook.url", NOT_ME, HOOK),
    ("webhook.secret", NOT_ME, HOOK),
    ("webhook.events", NOT_ME, HOOK),
    ("limits.profile", "tests/clients/states.test.mjs", "our own states: unreachable, replaced, too many"),
    ("limits.push_per_person_10min", CONFIGURATION, LIMITS),
    ("limits.push_per_person_day", CONFIGURATION, LIMITS),
    ("limits.push_per_remembered_person_10min", CONFIGURATION, LIMITS),
    ("limits.push_per_source_10min", CONFIGURATION, LIMITS),
    ("limits.push_per_network_10min", "src/flow/login/tests/limits.rs", "a_source_is_a_64_and_its_network_a_48"),
    ("limits.push_all_people_10min", "tests/clients/strangers.test.mjs", "B12: strangers from everywhere ask so many people"),
    ("limits.denial_pause", CONFIGURATION, LIMITS),
    ("limits.not_me_pause", "src/flow/login/disown/tests.rs", "without_the_limit_nobody_is_paused"),
    ("limits.pending_per_browser", CONFIGURATION, LIMITS),
    ("limits.pending", "src/flow/login/tests/limits.rs", "all_browsers_together_have_a_most_of_open_logins"),
    ("limits.authorizations_per_source", ROOM, "a_source_makes_room_in_its_own"),
    ("limits.authorizations", ROOM, "those_that_have_most_make_room_first"),
    (
        "limits.wrong_secrets_per_source_10min",
        "tests/clients/errors.test.mjs",
        "check 40: a thousand wrong secrets from one address",
    ),
    ("limits.streams_per_login", "tests/clients/streams.test.mjs", "a newer page of a login ends the oldest one"),
    ("limits.streams_per_node", "tests/clients/streams.test.mjs", "a node that holds its most refuses a stream"),
    ("lifetimes.code", CONFIGURATION, TOKENS),
    ("lifetimes.authorization", CONFIGURATION, WAITING),
    ("lifetimes.login", CONFIGURATION, WAITING),
    ("lifetimes.access_token", CONFIGURATION, TOKENS),
    ("lifetimes.access_token_jwt", CONFIGURATION, TOKENS),
    ("lifetimes.id_token", CONFIGURATION, TOKENS),
    ("lifetimes.refresh_sliding", CONFIGURATION, TOKENS),
    ("lifetimes.refresh_absolute", CONFIGURATION, TOKENS),
    (
        "lifetimes.refresh_grace",
        "src/flow/token/refresh_token/tests.rs",
        "a_lost_answer_can_be_asked_for_again_within_the_grace",
    ),
    ("lifetimes.session", CONFIGURATION, BROWSERS),
    ("lifetimes.session_idle", CONFIGURATION, BROWSERS),
    ("lifetimes.remembered_browser", "src/store/tests/people.rs", "a_remembered_browser_is_forgotten_in_time"),
    ("lifetimes.key_ahead", "src/keys/ring/tests.rs", "a_rotation_waits_until_relying_parties_know_the_next_key"),
    (
        "lifetimes.key_retired",
        "src/keys/ring/tests.rs",
        "a_retired_key_leaves_the_jwk_set_and_still_verifies_hints_until_it_is_deleted",
    ),
    ("login.unknown", CONFIGURATION, "login.unknown: whoever has no account here is not let in"),
    ("brand.name", CONFIGURATION, BRAND),
    ("brand.logo", CONFIGURATION, BRAND),
    ("brand.logo_dark", CONFIGURATION, BRAND),
    ("brand.accent", CONFIGURATION, BRAND),
    ("brand.support_url", CONFIGURATION, BRAND),
    ("brand.support_text", CONFIGURATION, BRAND),
    ("brand.imprint_url", CONFIGURATION, BRAND),
    ("brand.privacy_url", CONFIGURATION, BRAND),
    ("log.format", CONFIGURATION, "log.format: text or JSON"),
    ("audit.keep", ROOM, "the_audit_trail_is_kept_as_long_as_it_should_be"),
    ("client[].id", CONFIGURATION, CLIENT),
    ("client[].secret", CONFIGURATION, CLIENT),
    ("client[].logo", CONFIGURATION, "[[client]] logo: the pages of its logins show it, also another one after SIGHUP"),
    ("client[].name", CONFIGURATION, CLIENT),
    ("client[].auth_method", CONFIGURATION, CLIENT),
    ("client[].redirect_uris", CONFIGURATION, CLIENT),
    ("client[].post_logout_redirect_uris", CONFIGURATION, CLIENT),
    ("client[].grants", CONFIGURATION, CLIENT),
    ("client[].scopes", CONFIGURATION, CLIENT),
    ("client[].application_type", CONFIGURATION, CLIENT),
    ("client[].id_token_signing_alg", CONFIGURATION, CLIENT),
    ("client[].require_pkce", CONFIGURATION, CLIENT),
    ("client[].consent", CONFIGURATION, CLIENT),
    ("client[].id_token_claims", CONFIGURATION, CLIENT),
    ("client[].access_token_format", CONFIGURATION, CLIENT),
    ("client[].always_refresh", CONFIGURATION, CLIENT),
    (
        "client[].forwards",
        "tests/clients/surface.test.mjs",
        "decision 2.15: no page that leads to a client that forwards limits where its forms lead",
    ),
    ("client[].acr_values", CONFIGURATION, "client acr_values: a weaker login does not satisfy it"),
    ("client[].client_uri", CONFIGURATION, CLIENT),
    ("client[].logo_uri", CONFIGURATION, CLIENT),
    ("client[].backchannel_logout_uri", "tests/clients/logout.test.mjs", "an app that got tokens hears within 5 s"),
    (
        "client[].backchannel_logout_session_required",
        CONFIGURATION,
        "[[client]] backchannel_logout_session_required: it is registered as written, and logout tokens always name the session",
    ),
    ("client[].cors_origins", "tests/clients/logout.test.mjs", "check 17: browser clients of registered origins read token"),
    ("client[].allowed_groups", OPERATORS, "allowed_groups: who is in none of them is refused, and so is what they had"),
    ("site[].origin", SITE, "a login through the site: the shapes of the widget, a code at the redirect URI, once"),
    ("site[].client_id", SITE, "a login through the site: the shapes of the widget, a code at the redirect URI, once"),
    ("site[].redirect_uri", SITE, "a login through the site: the shapes of the widget, a code at the redirect URI, once"),
    ("site[].register", SITE, "a phone is registered by whoever signed in a short while ago, and signs in from then on"),
    ("site[].sms_url", SITE, "a link by text message: our own words, once for a transaction, within a quota"),
    ("user[].username", CONFIGURATION, USER),
    ("user[].email", CONFIGURATION, USER),
    ("user[].email_verified", CONFIGURATION, USER),
    ("user[].name", CONFIGURATION, USER),
    ("user[].groups", CONFIGURATION, USER),
    ("user[].confirm_without_symbol", "tests/clients/confirmation.test.mjs", "user update: what is given is changed, at once"),
    ("user[].secsignid", CONFIGURATION, USER),
    ("user[].thumbsignin_user_id", CONFIGURATION, USER),
];

/// Whether the file has a test of this name; one in JavaScript may go on behind it.
fn has_test(file: &str, name: &str) -> bool {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
    match Path::new(file).extension().and_then(|extension| extension.to_str()) {
        Some("rs") => text.contains(&format!("fn {name}(")),
        _script => ["'", "`"].iter().any(|quote| text.contains(&format!("test({quote}{name}"))),
    }
}

#[test]
fn every_key_has_a_test_that_shows_its_effect() {
    let keys: Vec<String> = reference_entries().into_iter().map(|entry| entry.key).collect();
    for key in &keys {
        let rows = EFFECTS.iter().filter(|(row, ..)| row == key).count();
        assert_eq!(rows, 1, "{key}: name the test that shows its effect in src/config/tests/effects.rs, once");
    }
    for (key, file, name) in EFFECTS {
        assert!(keys.iter().any(|known| known == key), "{key} is no key: take its line out of src/config/tests/effects.rs");
        assert!(has_test(file, name), "{key}: {file} has no test `{name}`");
    }
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    assert!(has_test("src/config/tests/effects.rs", "a_test_that_is_not_there_is_noticed"));
    assert!(!has_test("src/config/tests/effects.rs", "a_test_that_is_not_there"));
    assert!(has_test(CONFIGURATION, CLIENT) && !has_test(CONFIGURATION, "no such test") && !has_test("nowhere.rs", "x"));
}
