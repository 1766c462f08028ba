//! Broken configurations: what is written, and what the message says.

use super::{GOOD, Location, Problem, load};

/// (what is added to a good file, the key that is blamed, words of the message)
const ROWS: &[(&str, &str, &str)] = &[
    // Unknown keys, in the right and in the wrong place.
    ("[listen]\nadress = \"x\"", "listen.adress", "did you mean `address`?"),
    ("[listen]\nport = 8080", "listen.port", "did you mean `address`?"),
    ("[database]\npath = \"x.db\"", "database.path", "did you mean `url`?"),
    ("[secsing]\nurl = \"x\"", "secsing", "did you mean `secsign`?"),
    ("[lifetimes]\ncodes = \"1s\"", "lifetimes.codes", "did you mean `code`?"),
    ("[limits]\nissuer = \"x\"", "limits.issuer", "stands at the top of the file"),
    ("[listen]\nsslmode = \"x\"", "listen.sslmode", "config reference"),
    ("[listen]\nurl = \"x\"", "listen.url", "it belongs under [database]"),
    ("[listen]\naddress_file = \"x\"", "listen.address_file", "unknown key"),
    // What does nothing does not exist.
    ("[registration]\nrequire_pkce = true", "registration", "not available yet"),
    ("[registration]\nopen = true", "registration", "not available yet"),
    ("pin_user = \"a\"", "secsign.pin_password", "missing"),
    ("pin_password = \"a\"", "secsign.pin_user", "missing"),
    ("pin_user = \"a:b\"\npin_password = \"a\"", "secsign.pin_user", "without a colon"),
    ("pin_password_file = \"none\"", "secsign.pin_password", "cannot read"),
    ("[lifetimes]\nrequest_uri = \"90s\"", "lifetimes.request_uri", "not available yet"),
    ("[login]\nunknown = \"invite\"", "login.unknown", "not available yet"),
    ("[login]\nunknown = \"create\"", "login.unknown", "not available yet"),
    ("[login]\nunknown = \"ask\"", "login.unknown", "expected \"refuse\""),
    // Types and bounds.
    ("[listen]\naddress = 8080", "listen.address", "expected a string"),
    ("[listen]\naddress = 1979-05-27", "listen.address", "expected a string"),
    ("[outbound]\nallow_private = \"maybe\"", "outbound.allow_private", "expected true or false"),
    ("[limits]\nprofile = \"test\"", "limits.profile", "expected one of \"production\", \"off\""),
    ("[limits]\npush_per_person_day = -1", "limits.push_per_person_day", "from 0 to 1000000"),
    ("[limits]\npush_per_person_day = \"ten\"", "limits.push_per_person_day", "a whole number"),
    ("[lifetimes]\ncode = 60", "lifetimes.code", "expected a duration from \"1s\" to \"1m\""),
    ("[lifetimes]\ncode = \"60\"", "lifetimes.code", "a whole number and a unit"),
    ("[lifetimes]\ncode = \"61s\"", "lifetimes.code", "expected a duration from \"1s\" to \"1m\""),
    ("[lifetimes]\ncode = \"0s\"", "lifetimes.code", "expected a duration from"),
    ("[lifetimes]\nlogin = \"121s\"", "lifetimes.login", "expected a duration from \"1s\" to \"2m\""),
    ("[lifetimes]\naccess_token = \"1h\"", "lifetimes.access_token", "to \"10m\""),
    ("[lifetimes]\nsession = \"25h\"", "lifetimes.session", "to \"1d\""),
    ("[lifetimes]\nsession_idle = \"61m\"", "lifetimes.session_idle", "to \"1h\""),
    ("[lifetimes]\nkey_retired = \"23h\"", "lifetimes.key_retired", "from \"1d\""),
    ("[lifetimes]\nrefresh_sliding = \"91d\"", "lifetimes.refresh_sliding", "longer than refresh_absolute (90d)"),
    ("[lifetimes]\nsession = \"10m\"", "lifetimes.session_idle", "longer than session (10m)"),
    ("[lifetimes]\nauthorization = \"1m\"", "lifetimes.login", "longer than authorization (1m)"),
    // Addresses, files, the database.
    ("[listen]\naddress = \"localhost\"", "listen.address", "expected an IP address and a port"),
    ("[listen]\nmanagement = \"127.0.0.1:8080\"", "listen.management", "is the same as listen.address"),
    ("[listen]\ntls_cert = \"signbridge.toml\"", "listen.tls_key", "tls_cert needs its private key"),
    ("[listen]\ntls_key = \"signbridge.toml\"", "listen.tls_cert", "tls_key needs its certificate"),
    ("[outbound]\nca_file = \"none.pem\"", "outbound.ca_file", "there is no file"),
    ("[database]\nurl = \"mysql://x\"", "database.url", "expected \"sqlite:PATH\""),
    ("[database]\nurl = \"sqlite::memory:\"", "database.url", "name a file"),
    ("[database]\nurl = \"sqlite:a?mode=ro\"", "database.url", "the path of the file alone"),
    ("[database]\nurl = \"postgres://h/d?sslmode=on\"", "database.url", "sslmode is one of"),
    // Phone services.
    ("mobile_url = \"https://id1.example/app\"", "secsign.mobile_url", "must not have a path"),
    ("mobile_url = \"http://id1.example\"", "secsign.mobile_url", "plain http"),
    ("mobile_url = \"id1.example\"", "secsign.mobile_url", "not a URL"),
    ("app_scheme = \"javascript\"", "secsign.app_scheme", "the scheme of an app"),
    ("app_scheme = \"com.example.id://\"", "secsign.app_scheme", "the scheme of an app"),
    ("pin_user = \"a\"\npin_password = \"a\"\nrelease = true", "secsign.release", "beside pin_user"),
    ("[thumbsignin]", "thumbsignin.url", "missing"),
    ("[thumbsignin]\nurl = \"https://t.example\"\napp_id = \"a\"", "thumbsignin.secret", "secret_file"),
    ("[thumbsignin]\nurl = \"https://t.example\"\nsecret = \"s\"", "thumbsignin.app_id", "missing"),
    (
        "[thumbsignin]\nurl = \"http://127.0.0.1:1\"\napp_id = \"a\"\nsecret = \"s\"",
        "thumbsignin.url",
        "allow_loopback_upstream",
    ),
    ("[thumbsignin]\nurl = \"http://t.example\"\napp_id = \"a\"\nsecret = \"s\"", "thumbsignin.url", "plain http"),
    ("[thumbsignin]\nurl = \"https://u:p@t.example\"\napp_id = \"a\"\nsecret = \"s\"", "thumbsignin.url", "user name"),
    ("[thumbsignin]\nurl = \"https://t.example?x\"\napp_id = \"a\"\nsecret = \"s\"", "thumbsignin.url", "query"),
    ("[thumbsignin]\nurl = \"https://t.example\"\napp_id = \"a\"\nsecret_file = \"none\"", "thumbsignin.secret", "cannot read"),
    // The operator's webhook.
    ("[webhook]\nsecret = \"0123456789abcdef0123456789abcdef\"", "webhook.url", "url_file"),
    ("[webhook]\nurl = \"https://h.example\"", "webhook.secret", "secret_file"),
    ("[webhook]\nurl = \"https://h.example\"\nsecret = \"short\"", "webhook.secret", "32 characters"),
    ("[webhook]\nurl = \"h.example\"\nsecret = \"0123456789abcdef0123456789abcdef\"", "webhook.url", "expected the URL"),
    ("[webhook]\nurl = \"http://h.example\"\nsecret = \"0123456789abcdef0123456789abcdef\"", "webhook.url", "allow_private"),
    ("[webhook]\nurl = \"https://u:p@h.example\"\nsecret = \"0123456789abcdef0123456789abcdef\"", "webhook.url", "a password"),
    ("[webhook]\nurl = \"https://h.example/#x\"\nsecret = \"0123456789abcdef0123456789abcdef\"", "webhook.url", "a fragment"),
    (
        "[webhook]\nurl = \"https://h.example\"\nsecret = \"0123456789abcdef0123456789abcdef\"\nevents = [\"login.dsowned\"]",
        "webhook.events",
        "known are login.started",
    ),
    // The brand.
    ("[brand]\naccent = \"teal\"", "brand.accent", "six digits"),
    ("[brand]\naccent = \"#ffcc00\"", "brand.accent", "1.36:1 with the light page"),
    ("[brand]\naccent = \"#ffcc00\"", "brand.accent", "the nearest tone that passes is \"#ab8900\""),
    ("[brand]\nlogo = \"none.svg\"", "brand.logo", "there is no file"),
    ("[brand]\nlogo = \"signbridge.toml\"", "brand.logo", "neither a .svg nor a .png"),
    ("[brand]\nsupport_url = \"help@example.com\"", "brand.support_url", "mailto:help@example.com"),
    ("[brand]\nimprint_url = \"http://example.com\"", "brand.imprint_url", "expected the https URL"),
    ("[brand]\nprivacy_url = \"javascript:alert(1)\"", "brand.privacy_url", "expected the https URL"),
    (
        "[brand]\nname = \"A company with a name that goes on and on, and on, and then on\"",
        "brand.name",
        "longer than 60 characters",
    ),
    // Declared clients.
    ("[[client]]\nid = \"a\"\nlogo = \"none.png\"", "client[0].logo", "there is no file"),
    ("[client]\nid = \"a\"", "client", "write [[client]], with two brackets"),
    ("[[listen]]", "listen", "expected a section"),
    ("[[client]]\nid = \"a b\"", "client[0].id", "a client id is"),
    ("[[client]]\nid = \"a\"", "client[0].redirect_uris", "at least one redirect URI"),
    ("[[client]]\nredirect_uris = [\"https://a.example\"]\nauth_method = \"none\"", "client[0].id", "missing"),
    ("[[client]]\nid = \"a\"\nredirect_uris = [\"https://a.example\"]", "client[0].secret", "secret_file"),
    ("[[client]]\nid = \"a\"\nredirect_uris = [\"https://a.example\"]\nsecret = \"short\"", "client[0].secret", "8 characters"),
    ("[[client]]\nid = \"a\"\nauth_method = \"none\"\nsecret = \"12345678\"", "client[0].secret", "cannot keep a secret"),
    ("[[client]]\nid = \"a\"\nauth_method = \"private_key_jwt\"", "client[0].auth_method", "expected one of"),
    ("[[client]]\nid = \"a\"\nredirect_uris = [\"http://a.example\"]", "client[0].redirect_uris", "plain http"),
    ("[[client]]\nid = \"a\"\nredirect_uris = [\"javascript:x\"]", "client[0].redirect_uris", "cannot be redirected to"),
    ("[[client]]\nid = \"a\"\ngrants = [\"implicit\"]", "client[0].grants", "no grant of this provider"),
    ("[[client]]\nid = \"a\"\nscopes = \"openid phone\"", "client[0].scopes", "unknown scope `phone`; choose from openid"),
    (
        "[[client]]\nid = \"a\"\nbackchannel_logout_uri = \"https://a.example/#x\"",
        "client[0].backchannel_logout_uri",
        "a fragment",
    ),
    (
        "[[client]]\nid = \"a\"\nsecret = \"0123456789\"\nredirect_uris = [\"https://a.example\"]\n\
         backchannel_logout_uri = \"http://a.example/out\"",
        "client[0].backchannel_logout_uri",
        "allow_private",
    ),
    ("[[client]]\nid = \"a\"\ncors_origins = [\"*\"]", "client[0].cors_origins", "an origin is written as browsers send it"),
    ("[[client]]\nid = \"a\"\nclient_id = \"b\"", "client[0].id", "written twice"),
    ("[[client]]\nid = \"a\"\nredirect_uri = \"https://a.example\"", "client[0].redirect_uri", "did you mean `redirect_uris`?"),
    // Declared people.
    ("[[user]]\nname = \"Alice\"", "user[0].username", "missing"),
    ("[[user]]\nusername = \"a\"\nemail = \"x\"", "user[0].email", "name@host.example"),
    ("[[user]]\nusername = \"a\"\nsecsignid = \"a&b\"", "user[0].secsignid", "a SecSign ID is"),
    // Sites that embed the widget.
    (
        "[[site]]\norigin = \"https://s.example\"\nclient_id = \"web\"\nredirect_uri = \"https://s.example/cb\"",
        "site[0].origin",
        "allow_unnamed = true",
    ),
    (
        "[thumbsignin]\nurl = \"https://t.example\"\napp_id = \"a\"\nsecret = \"s\"\nallow_unnamed = true\n[[site]]\norigin = \"http://localhost:1\"\nclient_id = \"web\"\nredirect_uri = \"https://s.example/cb\"",
        "site[0].origin",
        "both be https",
    ),
    (
        "[thumbsignin]\nurl = \"https://t.example\"\napp_id = \"a\"\nsecret = \"s\"\nallow_unnamed = true\n[[site]]\norigin = \"https://s.example/\"\nclient_id = \"web\"\nredirect_uri = \"https://s.example/cb\"",
        "site[0].origin",
        "without a path",
    ),
    (
        "[thumbsignin]\nurl = \"https://t.example\"\napp_id = \"a\"\nsecret = \"s\"\nallow_unnamed = true\n[[site]]\norigin = \"https://s.example\"\nclient_id = \"web\"\nredirect_uri = \"https://s.example/cb\"\n[[site]]\norigin = \"https://s.example\"\nclient_id = \"web\"\nredirect_uri = \"https://s.example/cb\"",
        "site[1].origin",
        "another site",
    ),
    (
        "[thumbsignin]\nurl = \"https://t.example\"\napp_id = \"a\"\nsecret = \"s\"\nallow_unnamed = true\n[[site]]\norigin = \"https://s.example\"\nredirect_uri = \"https://s.example/cb\"",
        "site[0].client_id",
        "missing",
    ),
    ("[[user]]\nusername = \"a\"\nthumbsignin_user_id = \"a@b\"", "user[0].thumbsignin_user_id", "a ThumbSignIn user id is"),
    ("[[user]]\nusername = \"a\"\n[[user]]\nusername = \"A\"", "user[1].username", "another person already"),
    ("[[user]]\nusername = \"a\"\nemail = \"b@c\"\n[[user]]\nusername = \"b@c\"", "user[1].username", "another person"),
    (
        "[[user]]\nusername = \"a\"\nsecsignid = \"x\"\n[[user]]\nusername = \"b\"\nsecsignid = \"x\"",
        "user[1].secsignid",
        "another person",
    ),
];

#[test]
fn every_broken_file_is_refused_with_its_key_its_line_and_what_to_do() {
    assert!(load(GOOD, &[]).is_ok());
    for (added, key, words) in ROWS {
        let error = load(&format!("{GOOD}{added}\n"), &[]).expect_err(added);
        let found = error.problems.iter().any(|problem| problem.key == *key && problem.message.contains(words));
        assert!(found, "{added}\n{error}");
        let is_written = key.rsplit('.').next().is_some_and(|name| added.contains(name));
        let placed = |problem: &&Problem| problem.key == *key && matches!(problem.location, Some(Location::Line(5..)));
        assert!(!is_written || error.problems.iter().any(|problem| placed(&problem)), "{added}\n{error}");
    }
}

/// (the top of the file, the key that is blamed, words of the message)
const TOPS: &[(&str, &str, &str)] = &[
    ("", "issuer", "missing"),
    ("issuer = \"http://login.example\"", "issuer", "plain http is for loopback"),
    ("issuer = \"https://login.example/\"", "issuer", "write it as \"https://login.example\""),
    ("issuer = \"https://Login.example\"", "issuer", "write it as \"https://login.example\""),
    ("issuer = \"https://login.example?a\"", "issuer", "query"),
    ("issuer = \"https://login.example/sso\"", "issuer", "a host of its own"),
    ("issuer = \"login.example\"", "issuer", "not a URL"),
    ("issuer = 7", "issuer", "a string"),
    ("issuer = \"\"", "issuer", "is empty"),
    ("isuer = \"https://login.example\"", "isuer", "did you mean `issuer`?"),
    ("issuer = \"https://a.example\"\ntrusted_proxies = [\"proxy\"]", "trusted_proxies", "is no network"),
    ("issuer = \"https://a.example\"\ntrusted_proxies = [\"0.0.0.0/0\"]", "trusted_proxies", "believe everybody"),
    ("issuer = \"https://a.example\"\ntrusted_proxies = [\"::ffff:127.0.0.1/32\"]", "trusted_proxies", "believe everybody"),
    ("issuer = \"https://a.example\"\ntrusted_proxies = [7]", "trusted_proxies", "a list of strings"),
    ("issuer = \"https://a.example\"\nhsts = \"on\"", "hsts", "expected \"off\", or"),
    ("issuer = \"https://a.example\"\nhsts = \"max-age=60; preload\"", "hsts", "preload needs"),
    ("issuer = \"https://a.example\"\nsecsign = true", "secsign", "write [secsign]"),
    ("issuer = \"https://a.example\"\nissuer = \"https://b.example\"", "", "not valid TOML: duplicate key"),
    ("issuer = https://a.example", "", "not valid TOML"),
];

#[test]
fn every_broken_top_is_refused() {
    for (top, key, words) in TOPS {
        let error = load(&format!("{top}\n[thumbsignin]\n"), &[]).expect_err(top);
        let found = error.problems.iter().any(|problem| problem.key == *key && problem.message.contains(words));
        assert!(found, "{top}\n{error}");
    }
}

/// (variable, value, words of the message)
const VARIABLES: &[(&str, &str, &str)] = &[
    ("SIGNBRIDGE_SECSIGN_URL", "https://x.example", "did you mean SIGNBRIDGE_SECSIGN__URL?"),
    ("SIGNBRIDGE_ISUER", "https://x.example", "did you mean SIGNBRIDGE_ISSUER?"),
    ("SIGNBRIDGE_LOGS", "debug", "did you mean SIGNBRIDGE_LOG?"),
    ("SIGNBRIDGE_DATABASE_URL", "sqlite:x", "did you mean SIGNBRIDGE_DATABASE__URL?"),
    ("SIGNBRIDGE_LISTEN__PORT", "8080", "did you mean SIGNBRIDGE_LISTEN__ADDRESS?"),
    ("SIGNBRIDGE_LISTEN__ZZZ", "1", "unknown variable"),
    ("SIGNBRIDGE_LOGIN__SOMETHING_ELSE", "1", "config reference"),
    ("SIGNBRIDGE_ISSUER_FILE", "x", "unknown variable"),
    ("SIGNBRIDGE_TRUSTED_PROXIES_FILE", "x", "only a secret"),
    ("SIGNBRIDGE_HSTS_FILE", "x", "only a secret"),
    ("SIGNBRIDGE_SECSIGN__PIN_PASSWORD_FILE", "/nonexistent", "cannot read /nonexistent"),
    ("SIGNBRIDGE_REGISTRATION__REQUIRE_PKCE", "true", "not available yet"),
    ("SIGNBRIDGE_LIFETIMES__REQUEST_URI", "90s", "not available yet"),
    ("SIGNBRIDGE_LOGIN__UNKNOWN", "invite", "not available yet"),
    (
        "SIGNBRIDGE_OUTBOUND__ALLOW_PRIVATE",
        "maybe",
        "SIGNBRIDGE_OUTBOUND__ALLOW_PRIVATE: outbound.allow_private: expected true or false",
    ),
    ("SIGNBRIDGE_LIMITS__PUSH_PER_PERSON_DAY", "1.5", "a whole number"),
    ("SIGNBRIDGE_LIFETIMES__CODE", "5m", "to \"1m\""),
    ("SIGNBRIDGE_DATABASE__URL_FILE", "/nonexistent", "cannot read /nonexistent"),
    ("SIGNBRIDGE_CLIENT__GRAFANA__SECRET", "12345678", "no [[client]] with this id"),
    ("SIGNBRIDGE_CLIENT__3__ID", "x", "the numbers start at 0"),
    ("SIGNBRIDGE_CLIENT__0__IDS", "x", "unknown variable"),
];

#[test]
fn every_broken_variable_is_refused_by_its_name() {
    for (variable, value, words) in VARIABLES {
        let error = load(GOOD, &[(variable, value)]).expect_err(variable).to_string();
        assert!(error.contains(words) && error.contains(&format!("{variable}: ")), "{variable}\n{error}");
    }
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_file() {
    let text = "issuer = \"http://login.example\"\n[listen]\nadress = \"x\"\n[lifetimes]\ncode = \"5m\"\n";
    let error = load(text, &[]).unwrap_err();
    let keys: Vec<&str> = error.problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["", "issuer", "listen.adress", "lifetimes.code"]);
    assert!(error.to_string().contains("line 3: listen.adress: unknown key; did you mean `address`?"), "{error}");
}

#[test]
fn a_file_that_is_no_toml_is_told_in_a_few_lines() {
    let error = load(&"this is no TOML\n".repeat(400), &[]).unwrap_err();
    assert!((2..=11).contains(&error.problems.len()), "{error}");
    assert!(error.to_string().contains("places more; is this the right file?"), "{error}");
}

#[test]
fn where_no_file_was_read_it_is_said_which_one_was_looked_for() {
    let error = super::Config::load(None, []).unwrap_err().to_string();
    assert!(error.contains("there is no ./signbridge.toml") && error.contains("--config"), "{error}");
    let named = super::Config::load(Some(std::path::Path::new("/nonexistent.toml")), []).unwrap_err().to_string();
    assert!(!named.contains("there is no ./signbridge.toml"), "{named}");
}

#[test]
fn no_message_repeats_what_could_be_a_secret() {
    for added in [
        "[thumbsignin]\nurl = \"https://u:hunter2@t.example\"\n",
        "[database]\nurl = \"postgres://u:hunter2@h:port/d\"\n",
        "[[client]]\nid = \"a\"\nauth_method = \"none\"\nsecret = \"hunter2hunter2\"\n",
        "[[client]]\nid = \"a\"\nsecret = \"hunter2\\u0007\"\n",
        "[thumbsignin]\nsecret = [\"hunter2\"]\n",
        "[thumbsignin]\nsecret = hunter2\n",
        "[limits]\nprofile = \"hunter2\"\n",
        "[webhook]\nurl = \"https://u:hunter2@h.example\"\nsecret = \"hunter2\"\n",
    ] {
        let error = load(&format!("{GOOD}{added}"), &[]).expect_err(added);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn an_issuer_on_this_machine_and_a_phone_service_there_are_possible() {
    let text = "issuer = \"http://localhost:8080\"\nallow_loopback_upstream = true\n[secsign]\nurl = \"http://127.0.0.1:9000\"";
    assert!(load(text, &[]).unwrap().secsign.is_some());
    assert!(load(&text.replace("true", "false"), &[]).is_err());
}

#[test]
fn a_missing_file_is_named() {
    let error = super::Config::load(Some(std::path::Path::new("/nonexistent/signbridge.toml")), []).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/signbridge.toml"), "{error}");
    assert_eq!(error.problems.len(), 1);
}
