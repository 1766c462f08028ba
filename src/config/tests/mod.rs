//! The configuration as a whole: a good one, every way in which one can be broken, the environment over the file, and that
//! the descriptions and what is read know the same keys.

mod broken;
mod completeness;
mod effects;
mod spoiled;

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::domain::brand::LARGEST_CLIENT_LOGO;
use crate::domain::picture::tests::SVG;

/// The smallest file that works.
pub(super) const GOOD: &str = r#"
issuer = "https://login.example"
[secsign]
url = "https://httpapi.secsign.com"
"#;

/// Loads `text` from a file in a directory of its own.
pub(super) fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load_in(tempfile::tempdir().unwrap().path(), text, env)
}

pub(super) fn load_in(dir: &Path, text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = dir.join("signbridge.toml");
    std::fs::write(&file, text).unwrap();
    Config::load(Some(&file), owned(env))
}

pub(super) fn owned(env: &[(&str, &str)]) -> Vec<(String, String)> {
    env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Default for Lifetimes {
    fn default() -> Self {
        load(GOOD, &[]).unwrap().lifetimes
    }
}

impl Default for Brand {
    fn default() -> Self {
        load(GOOD, &[]).unwrap().brand
    }
}

impl SecSignSettings {
    /// A server at this address, and nothing else.
    pub(crate) fn at(url: url::Url) -> Self {
        Self { url, ..load(GOOD, &[]).unwrap().secsign.unwrap() }
    }
}

impl Limits {
    pub(crate) fn off() -> Self {
        load(GOOD, &[("SIGNBRIDGE_LIMITS__PROFILE", "off")]).unwrap().limits
    }

    pub(crate) fn production() -> Self {
        load(GOOD, &[]).unwrap().limits
    }
}

#[test]
fn the_smallest_file_has_every_default() {
    let dir = tempfile::tempdir().unwrap();
    let config = load_in(dir.path(), GOOD, &[]).unwrap();
    assert_eq!(config.issuer.text(), "https://login.example");
    assert_eq!(config.listen.address.to_string(), "127.0.0.1:8080");
    assert_eq!(config.listen.management.to_string(), "127.0.0.1:8081");
    assert_eq!(config.keys.master_key, dir.path().join("keys/master.key"));
    assert_eq!(config.database.url().expose(), format!("sqlite:{}", dir.path().join("signbridge.db").display()));
    assert_eq!(config.lifetimes.code, Duration::from_secs(60));
    assert_eq!(config.lifetimes.key_retired, Duration::from_secs(86_400));
    assert_eq!(config.limits.push_per_person_10min, Some(3));
    assert_eq!(config.limits.denial_pause, Some(Duration::from_secs(300)));
    assert!(config.thumbsignin.is_none() && config.clients.is_empty());
    assert_eq!(config.hsts.unwrap(), "max-age=31536000; includeSubDomains");
}

#[test]
fn the_app_of_secsign_is_the_vendors_unless_another_one_is_written_and_no_link_is_guessed() {
    let secsign = |added: &str| load(&format!("{GOOD}{added}"), &[]).unwrap().secsign.unwrap();
    let usual = secsign("");
    assert_eq!((usual.app_scheme.as_str(), usual.mobile_url, usual.release), ("com.secsign.secsignid", None, false));
    let own = secsign("mobile_url = \"https://id.example:8443\"\napp_scheme = \"com.example.id\"\nrelease = true\n");
    assert_eq!((own.app_scheme.as_str(), own.release), ("com.example.id", true));
    assert_eq!(own.mobile_url.unwrap().as_str(), "https://id.example:8443/");
}

#[test]
fn logos_are_read_with_the_file_and_a_dark_one_needs_the_other() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("logo.svg"), SVG).unwrap();
    std::fs::write(dir.path().join("large.svg"), format!("{SVG}{}", " ".repeat(LARGEST_CLIENT_LOGO))).unwrap();
    let with = |added: &str| load_in(dir.path(), &format!("{GOOD}{added}"), &[]);
    let client = "[[client]]\nid = \"a\"\nauth_method = \"none\"\nredirect_uris = [\"https://a.example\"]";
    let config = with(&format!("[brand]\nlogo = \"logo.svg\"\n{client}\nlogo = \"logo.svg\"")).unwrap();
    assert_eq!((config.brand.name.as_str(), config.brand.accent), ("Signbridge", None));
    for logo in [config.brand.logo.unwrap(), config.clients[0].logo.clone().unwrap()] {
        assert_eq!(&*logo.bytes, SVG.as_bytes());
    }
    assert!(with("[brand]\nlogo = \"large.svg\"").is_ok(), "that of a brand may be larger than a client's");
    let refused = |added: &str| with(added).unwrap_err().to_string();
    let refusal = refused(&format!("{client}\nlogo = \"large.svg\""));
    assert!(refusal.contains("client[0].logo: ") && refusal.contains("large.svg is too large"), "{refusal}");
    assert!(refused("[brand]\nlogo_dark = \"logo.svg\"").contains("brand.logo: missing"));
}

#[test]
fn limits_are_lifted_by_the_profile_and_one_by_one() {
    let off = load(&format!("{GOOD}[limits]\nprofile = \"off\"\npush_per_source_10min = 7"), &[]).unwrap().limits;
    assert_eq!((off.push_per_person_10min, off.push_per_source_10min, off.denial_pause), (None, Some(7), None));
    let one = load(&format!("{GOOD}[limits]\npush_per_person_day = 0\ndenial_pause = \"0s\""), &[]).unwrap().limits;
    assert_eq!((one.push_per_person_day, one.push_per_person_10min, one.denial_pause), (None, Some(3), None));
}

#[test]
fn the_environment_wins_over_the_file() {
    let env = [
        ("SIGNBRIDGE_ISSUER", "https://sso.example"),
        ("SIGNBRIDGE_THUMBSIGNIN__URL", "https://api.thumbsignin.com"),
        ("SIGNBRIDGE_THUMBSIGNIN__APP_ID", "app"),
        ("SIGNBRIDGE_THUMBSIGNIN__SECRET", "deadbeef"),
        ("SIGNBRIDGE_THUMBSIGNIN__ALLOW_UNNAMED", "true"),
        ("SIGNBRIDGE_TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7"),
        ("SIGNBRIDGE_LIMITS__PUSH_PER_PERSON_DAY", "12"),
        ("SIGNBRIDGE_LIFETIMES__CODE", "30s"),
        ("SIGNBRIDGE_LISTEN__ADDRESS", ""),
        ("SIGNBRIDGE_MASTER_KEY_FILE", "/run/master"),
        ("SIGNBRIDGE_CONFIG", "ignored"),
        ("SIGNBRIDGE_LOG", "debug"),
        ("SIGNBRIDGE_SERVICE_HOST", "10.1.2.3"),
        ("SIGNBRIDGE_PORT_8080_TCP_ADDR", "10.1.2.3"),
        ("UNRELATED", "x"),
    ];
    let config = load(GOOD, &env).unwrap();
    assert_eq!(config.issuer.text(), "https://sso.example");
    let thumbsignin = config.thumbsignin.unwrap();
    assert!(thumbsignin.allow_unnamed && thumbsignin.secret.matches("deadbeef"));
    let proxies: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.168.1.7/32"]);
    assert_eq!(config.limits.push_per_person_day, Some(12));
    assert_eq!(config.lifetimes.code, Duration::from_secs(30));
    assert_eq!(config.keys.master_key, Path::new("/run/master"));
}

/// What Kubernetes says of services called `signbridge`, `signbridge-db` and `signbridge--db`, links of containers, and compose
/// files of their own image.
const OF_NEIGHBOURS: &[(&str, &str)] = &[
    ("SIGNBRIDGE_SERVICE_HOST", "10.0.0.1"),
    ("SIGNBRIDGE_SERVICE_PORT", "8080"),
    ("SIGNBRIDGE_SERVICE_PORT_HTTP", "8080"),
    ("SIGNBRIDGE_PORT", "tcp://10.0.0.1:8080"),
    ("SIGNBRIDGE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
    ("SIGNBRIDGE_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ("SIGNBRIDGE_DB_SERVICE_HOST", "10.0.0.1"),
    ("SIGNBRIDGE_DB_SERVICE_PORT", "5432"),
    ("SIGNBRIDGE_DB_SERVICE_PORT_TCP_POSTGRESQL", "5432"),
    ("SIGNBRIDGE_DB_PORT", "tcp://10.0.0.1:5432"),
    ("SIGNBRIDGE_DB_PORT_5432_TCP", "tcp://10.0.0.1:5432"),
    ("SIGNBRIDGE_DB_PORT_5432_TCP_PROTO", "tcp"),
    ("SIGNBRIDGE_DB_PORT_5432_TCP_PORT", "5432"),
    ("SIGNBRIDGE_DB_PORT_53_UDP_ADDR", "10.0.0.1"),
    ("SIGNBRIDGE__DB_SERVICE_HOST", "10.0.0.1"),
    ("SIGNBRIDGE_NAME", "/web/signbridge"),
];

#[test]
fn what_others_write_into_the_environment_is_no_mistake_of_ours() {
    let config = load(GOOD, OF_NEIGHBOURS).unwrap();
    assert_eq!(config.warnings().len(), load(GOOD, &[]).unwrap().warnings().len(), "{:?}", config.warnings());
}

#[test]
fn a_variable_that_nobody_knows_is_passed_over_with_a_warning() {
    let unknown = [
        ("SIGNBRIDGE_VERSION", "1.2"),
        ("SIGNBRIDGE_NAME", "login"),
        ("SIGNBRIDGE_ZZZ", "1"),
        ("SIGNBRIDGE_DB_PASSWORD", "x"),
        ("SIGNBRIDGE_LISTEN_PORT", "8080"),
        ("SIGNBRIDGE_IMAGE_TAG", "1.2"),
    ];
    let warnings = load(GOOD, &unknown).unwrap().warnings();
    for (variable, value) in unknown {
        let found = warnings.iter().find(|warning| warning.starts_with(variable)).unwrap_or_else(|| panic!("{variable}"));
        assert!(found.contains("is ignored; ") && !found.contains(&format!("\"{value}\"")), "{found}");
    }
}

#[test]
fn the_environment_alone_is_enough() {
    let env = [("SIGNBRIDGE_ISSUER", "https://login.example"), ("SIGNBRIDGE_SECSIGN__URL", "https://httpapi.secsign.com")];
    assert!(Config::load(None, owned(&env)).is_ok());
    assert!(Config::load(None, owned(&env[..1])).is_err());
}

#[test]
fn a_secret_can_be_a_file_named_by_the_file_or_by_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("one"), "from-one\n").unwrap();
    std::fs::write(dir.path().join("two"), "from-two\r\n").unwrap();
    let text = "issuer = \"https://login.example\"\n[thumbsignin]\nurl = \"https://api.thumbsignin.com\"\napp_id = \"a\"\nsecret_file = \"one\"";
    let secret = |env: &[(&str, &str)]| load_in(dir.path(), text, env).unwrap().thumbsignin.unwrap().secret;
    assert!(secret(&[]).matches("from-one"));
    assert!(secret(&[("SIGNBRIDGE_THUMBSIGNIN__SECRET_FILE", "two")]).matches("from-two"));
    assert!(secret(&[("SIGNBRIDGE_THUMBSIGNIN__SECRET", "itself")]).matches("itself"));
}

const DECLARED: &str = r#"
issuer = "https://login.example"
[secsign]
url = "https://httpapi.secsign.com"
[[client]]
id = "grafana-1"
secret = "0123456789abcdef"
redirect_uris = ["https://grafana.example/login"]
consent = "ask"
[[client]]
client_id = "cli"
token_endpoint_auth_method = "none"
application_type = "native"
redirect_uris = "http://127.0.0.1/callback"
scope = "openid profile"
[[user]]
username = "Alice"
email = "alice@example.org"
groups = ["Domain Users"]
secsignid = "alice"
"#;

#[test]
fn clients_and_people_can_be_declared() {
    let config = load(DECLARED, &[]).unwrap();
    let [grafana, cli] = config.clients.as_slice() else { panic!("{:?}", config.clients) };
    assert_eq!((grafana.id.as_str(), grafana.metadata.demands_pkce()), ("grafana-1", true));
    assert!(grafana.secret.as_ref().unwrap().matches("0123456789abcdef"));
    assert!(cli.metadata.is_public() && cli.secret.is_none());
    assert_eq!(cli.metadata.scope.to_string(), "openid profile");
    let [alice] = config.users.as_slice() else { panic!("{:?}", config.users) };
    assert_eq!((alice.username.as_str(), alice.email_verified), ("alice", true));
    assert_eq!(alice.groups, ["Domain Users"]);
}

#[test]
fn the_environment_reaches_a_declared_client_by_its_id_and_adds_one_by_number() {
    let env = [
        ("SIGNBRIDGE_CLIENT__GRAFANA_1__SECRET", "fedcba9876543210"),
        ("SIGNBRIDGE_CLIENT__2__ID", "wiki"),
        ("SIGNBRIDGE_CLIENT__2__SECRET", "fedcba9876543210"),
        ("SIGNBRIDGE_CLIENT__2__REDIRECT_URIS", "https://wiki.example/a,https://wiki.example/b"),
        ("SIGNBRIDGE_USER__ALICE__NAME", "Alice A."),
    ];
    let config = load(DECLARED, &env).unwrap();
    assert!(config.clients[0].secret.as_ref().unwrap().matches("fedcba9876543210"));
    assert_eq!(config.clients[2].metadata.redirect_uris.len(), 2);
    assert_eq!(config.users[0].name, "Alice A.");
}

#[test]
fn a_variable_of_ours_counts_even_where_it_looks_like_a_neighbours() {
    let config = load(DECLARED, &[("SIGNBRIDGE_CLIENT__GRAFANA_1__NAME", "/grafana")]).unwrap();
    assert_eq!(config.clients[0].metadata.client_name, "/grafana");
}

#[test]
fn a_key_that_is_written_out_as_its_default_has_not_changed() {
    let read = |text: &str| load(&format!("{GOOD}\n{text}"), &[]).unwrap().read_at_start;
    let before = read("");
    assert_eq!(before.changed(&read("[lifetimes]\ncode = \"60s\"")), Vec::<String>::new());
    assert_eq!(before.changed(&read("[lifetimes]\ncode = \"1m\"")), Vec::<String>::new());
    assert_eq!(before.changed(&read("[lifetimes]\ncode = \"59s\"")), ["lifetimes.code"]);
}

#[test]
fn a_limit_that_is_written_out_as_it_was_has_not_changed() {
    let read = |text: &str| load(&format!("{GOOD}\n[limits]\n{text}"), &[]).unwrap().read_at_start;
    let (production, off) = (read(""), read("profile = \"off\""));
    let none: [&str; 0] = [];
    assert_eq!(production.changed(&read("push_per_person_day = 10\ndenial_pause = \"300s\"")), none);
    assert_eq!(read("push_per_person_day = 10").changed(&production), none);
    assert_eq!(off.changed(&read("profile = \"off\"\npush_per_person_day = 0\ndenial_pause = \"0s\"")), none);
    assert_eq!(production.changed(&read("push_per_person_day = 11")), ["limits.push_per_person_day"]);
    assert_eq!(production.changed(&read("denial_pause = \"0s\"")), ["limits.denial_pause"]);
    assert_eq!(production.changed(&off), ["limits.profile"]);
    assert_eq!(off.changed(&read("push_per_person_day = 10")), ["limits.profile", "limits.push_per_person_day"]);
}

#[test]
fn what_is_shown_and_what_is_debugged_has_no_secret() {
    let text = format!(
        "{DECLARED}\n[thumbsignin]\nurl = \"https://api.thumbsignin.com\"\napp_id = \"app\"\nsecret = \"hunter2hunter2\"\n\
         [database]\nurl = \"postgres://signbridge:hunter2@db.example/signbridge\""
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("signbridge.toml");
    std::fs::write(&file, text).unwrap();
    let env = owned(&[("SIGNBRIDGE_SECSIGN__URL", "https://s.example"), ("SIGNBRIDGE_THUMBSIGNIN__SECRET", "hunter2pin")]);
    let config = Config::load(Some(&file), env).unwrap();
    let shown = config.shown.clone();
    for dump in [shown.toml.clone(), serde_json::to_string(&shown.json).unwrap(), format!("{config:?}")] {
        assert!(!dump.contains("hunter2") && !dump.contains("0123456789abcdef"), "{dump}");
        assert!(dump.contains("grafana.example"), "{dump}");
    }
    let lines = shown.toml;
    assert!(lines.contains("url = \"postgres://signbridge:(secret)@db.example/signbridge\""), "{lines}");
    assert!(lines.contains("issuer = \"https://login.example\"  # line 2\n"), "{lines}");
    assert!(lines.contains("url = \"https://s.example\"  # SIGNBRIDGE_SECSIGN__URL\n"), "{lines}");
    assert!(lines.contains("code = \"60s\"  # default\n"), "{lines}");
    assert!(toml::from_str::<toml::Table>(&lines).is_ok(), "{lines}");
}

#[test]
fn the_place_of_a_server_is_shown_and_no_way_in() {
    for (url, shown) in [
        ("postgres://a:hunter2@db/x?sslmode=require", "postgres://a:(secret)@db/x?sslmode=require"),
        ("postgres://db/x?user=a&p%61ssword=hunter2", "postgres://db/x"),
        ("postgres://a@db/x", "postgres://a@db/x"),
    ] {
        let config = load(&format!("{GOOD}[database]\nurl = \"{url}\""), &[]).unwrap();
        assert!(config.shown.toml.contains(&format!("url = \"{shown}\"")), "{}", config.shown.toml);
        assert!(!config.shown.toml.contains("hunter2"), "{}", config.shown.toml);
    }
}

#[test]
fn what_is_dangerous_is_warned_of() {
    let quiet = load(&format!("trusted_proxies = [\"10.0.0.0/8\"]\n{GOOD}"), &[]).unwrap();
    assert_eq!(quiet.warnings(), Vec::<String>::new());
    let loud = load(&format!("{GOOD}[limits]\nprofile = \"off\"\n[outbound]\nallow_private = true"), &[]).unwrap();
    assert_eq!(loud.warnings().len(), 3);
}
