//! The command line: what flags mean, and which command lines are refused.

mod help;

use clap::{CommandFactory as _, Parser as _};
use serde_json::json;

use super::args::{Args, Command, Format};
use super::client::ClientCommand;
use super::trial::TryCommand;
use super::user::UserCommand;
use super::{CliError, Context};
use crate::domain::client::ClientPatch;
use crate::domain::user::Upstream;
use crate::domain::written::WrittenUser;
use crate::manage::ManageError;
use crate::manage::at_service::AtServiceError;

fn parse(line: &[&str]) -> Result<Args, String> {
    Args::try_parse_from(std::iter::once(&"signbridge").chain(line)).map_err(|error| error.to_string())
}

fn created(flags: &[&str]) -> Result<ClientPatch, String> {
    let line: Vec<&str> = ["client", "create", "--id", "x"].iter().chain(flags).copied().collect();
    match parse(&line)?.command {
        Command::Client(ClientCommand::Create { fields, .. }) => Ok(*fields),
        other => panic!("{other:?}"),
    }
}

fn person(flags: &[&str]) -> Result<WrittenUser, String> {
    let line: Vec<&str> = ["user", "create"].iter().chain(flags).copied().collect();
    match parse(&line)?.command {
        Command::User(UserCommand::Create(fields)) => Ok(*fields),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_description_of_the_command_line_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn list_flags_repeat_or_hold_blanks() {
    let written =
        created(&["--redirect-uri", "https://a.example https://b.example", "--redirect-uri", "https://c.example"]).unwrap();
    let all = json!(["https://a.example", "https://b.example", "https://c.example"]);
    assert_eq!(written.get("redirect_uris"), Some(&all));
    let written = created(&["--scope", "openid profile", "--grant=authorization_code", "--redirect-uri", ""]).unwrap();
    assert_eq!(written.get("scope"), Some(&json!("openid profile")));
    assert_eq!(written.get("grant_types"), Some(&json!(["authorization_code"])));
    assert_eq!(written.get("redirect_uris"), Some(&json!([])));
    assert_eq!(written.get("post_logout_redirect_uris"), None);
}

#[test]
fn a_group_is_one_each_time_blanks_and_all() {
    let user = person(&["--username", "a", "--group", "Billing Admins", "--group", "ops"]).unwrap();
    assert_eq!(user.profile.groups.unwrap(), ["Billing Admins", "ops"]);
    assert_eq!(person(&["--username", "a", "--groups", "a b"]).unwrap().profile.groups.unwrap(), ["a b"]);
    assert_eq!(person(&["--username", "a"]).unwrap().profile.groups, None);
}

#[test]
fn an_allowed_group_is_one_each_time_and_an_empty_one_is_none() {
    let groups = |flags: &[&str]| created(flags).unwrap().get("allowed_groups").cloned();
    assert_eq!(groups(&["--allowed-group", "Domain Users", "--allowed-group", "ops"]), Some(json!(["Domain Users", "ops"])));
    assert_eq!(groups(&["--allowed-group", ""]), Some(json!([])));
    assert_eq!(groups(&[]), None);
}

#[test]
fn switches_stand_alone_or_say_true_or_false() {
    for (flags, value) in [
        (vec![], None),
        (vec!["--require-pkce"], Some(json!(true))),
        (vec!["--require-pkce=true"], Some(json!(true))),
        (vec!["--require-pkce=false"], Some(json!(false))),
    ] {
        assert_eq!(created(&flags).unwrap().get("require_pkce"), value.as_ref(), "{flags:?}");
    }
    assert!(created(&["--require-pkce=maybe"]).is_err());
    let profile = person(&["--username", "a", "--email-verified=false", "--confirm-without-symbol"]).unwrap().profile;
    assert_eq!((profile.email_verified, profile.confirm_without_symbol), (Some(false), Some(true)));
}

#[test]
fn consent_is_a_policy_or_a_switch() {
    for (flags, value) in [
        (vec!["--consent", "ask"], "ask"),
        (vec!["--consent=true"], "ask"),
        (vec!["--consent"], "ask"),
        (vec!["--consent", "none"], "none"),
        (vec!["--consent=false"], "none"),
    ] {
        assert_eq!(created(&flags).unwrap().get("consent"), Some(&json!(value)), "{flags:?}");
    }
    assert!(created(&["--consent", "always"]).is_err());
}

#[test]
fn values_are_those_of_the_specification() {
    for method in ["client_secret_post", "none"] {
        let written = created(&["--auth-method", method]).unwrap();
        assert_eq!(written.get("token_endpoint_auth_method"), Some(&json!(method)));
    }
    let error = created(&["--auth-method", "basic"]).unwrap_err();
    assert!(error.contains("client_secret_basic"), "{error}");
    assert!(created(&["--profile", "standard"]).is_ok());
    assert!(created(&["--profile", "fapi2"]).unwrap_err().contains("not supported yet"));
}

#[test]
fn global_flags_stand_anywhere() {
    for line in [
        vec!["--config", "a.toml", "--format", "json", "client", "list"],
        vec!["client", "list", "--config", "a.toml", "--format", "json"],
        vec!["serve", "--config=a.toml", "--format=json"],
    ] {
        let args = parse(&line).unwrap();
        assert_eq!(args.config.as_deref(), Some(std::path::Path::new("a.toml")), "{line:?}");
        assert_eq!(args.format, super::args::Format::Json);
    }
}

const UNDERSTOOD: &[&str] = &[
    "serve --config f",
    "demo --port 0 --data-dir d --listen 0.0.0.0:9000 --limits production --format json --self-test",
    "demo",
    "demo --bind 0.0.0.0",
    "simulate --port 0 --format json",
    "simulate --app-id 0123456789abcdef0123456789abcdef --secret \
     00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff --app-name Shop --app-description Fruit",
    "simulate --secsign-version 10.7.4 --legacy-release --app-logo simulator/assets/symbols/star.png",
    "migrate",
    "migrate --check",
    "client list",
    "client show x",
    "client show --id x",
    "client check x",
    "client check --id x --last 20",
    "client update x --name y --disabled",
    "client update --id x --name y --disabled=false",
    "client delete x",
    "client rotate-secret x",
    "client create --recipe kubernetes --replace",
    "user create --username a --email a@b --name A --group g --secsignid a --thumbsignin-user-id a",
    "user create --username a --confirm-without-symbol",
    "user list",
    "user show a",
    "user update a --email a@b --email-verified=false --name A --group g --group h --confirm-without-symbol=false",
    "user update --username a --group=",
    "user invite a",
    "user lock a",
    "user unlock --username a",
    "user reset-limits a",
    "user import people.csv --dry-run --skip-existing",
    "user import -",
    "user export",
    "user delete a",
    "user delete --username a",
    "device list",
    "device list a",
    "device list --username a",
    "device list a --at-service",
    "device add a --secsignid a",
    "device add --username a --thumbsignin-user-id a --label Tablet",
    "device rename x Tablet",
    "device remove x",
    "device remove --id x --at-service",
    "consent list",
    "consent list a --client x",
    "consent revoke a x",
    "session list",
    "session list a",
    "session end x",
    "session end --id x",
    "session end --username a",
    "audit list",
    "audit list --user a --client x --kind login.failed --since 7d --last 5",
    "audit tail --kind login",
    "audit export --since 2026-11-30",
    "token preview x a",
    "token preview x a --scope openid",
    "key list",
    "key rotate",
    "key rotate --alg ES256",
    "key rotate --revoke k",
    "key rotate --revoke -O7ilterofNmhaVipvljwrIbQX7MihPbewDHeykS4KA",
    "config check",
    "config show",
    "config reference",
    "try secsign alice",
    "try secsign alice --picture a.png --cancel",
    "try secsign alice --enrol --picture a.png",
    "try secsign alice --phones --format json",
    "try thumbsignin",
    "try thumbsignin --cancel",
    "try thumbsignin alice --register --cancel",
    "try thumbsignin alice --phones",
    "doctor",
    "healthcheck --config f",
    "completions bash",
    "man",
    "man d",
];

#[test]
fn every_command_of_the_contract_is_understood() {
    for line in UNDERSTOOD {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(parse(&words).is_ok(), "{line}");
    }
}

#[cfg(feature = "demo")]
#[test]
fn simulate_leaves_the_ports_of_serve_and_demo_alone() {
    let port = |line: &[&str]| match parse(line).unwrap().command {
        Command::Simulate(simulate) => simulate.port,
        other => panic!("{other:?}"),
    };
    let demo = crate::demo::DEFAULT_PORT..=crate::demo::DEFAULT_PORT + 3;
    let smallest = [("SIGNBRIDGE_ISSUER", "https://id.example"), ("SIGNBRIDGE_SECSIGN__URL", "https://phone.example")];
    let variables = smallest.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let serve = crate::config::Config::load(None, variables).unwrap().listen;
    let default = port(&["simulate"]);
    assert!(!demo.contains(&default) && ![serve.address.port(), serve.management.port()].contains(&default), "{default}");
    assert_eq!(port(&["simulate", "--port", "8081"]), 8081);
}

const NO_SENSE: &[&str] = &[
    "",
    "client",
    "client create --redirect_uri x",
    "client create --redirect-uri x --replace",
    "client show",
    "client show x --id x",
    "client check x --last 0",
    "client check x --last 21",
    "client update",
    "user create --name a",
    "user update a",
    "user update --name A",
    "user update a --username a --name A",
    "user update a --secsignid a",
    "user lock",
    "user delete",
    "user import",
    "device add a",
    "device add --secsignid a",
    "device add a --secsignid a --thumbsignin-user-id a",
    "device add a --secsignid a&b",
    "device rename x",
    "consent revoke a",
    "audit",
    "audit list --kind logins",
    "token preview x",
    "audit list --since yesterday",
    "session end",
    "session end x --username a",
    "try",
    "try secsign",
    "try secsign a&b=c",
    "try secsign alice --phones --cancel",
    "try secsign alice --phones --picture f",
    "try secsign alice --enrol --phones",
    "try secsign alice --enrol --cancel",
    "try secsign alice --register",
    "try thumbsignin --register",
    "try thumbsignin --phones",
    "try thumbsignin alice@acme",
    "try thumbsignin alice --phones --register",
    "key rotate --alg HS256",
    "demo --port 70000",
    "demo --limits some",
    "simulate --app-id 0123456789abcdef0123456789abcdef",
    "simulate --secret 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "simulate --app-id 0123456789ABCDEF0123456789ABCDEF --secret \
     00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "simulate --app-id 0123456789abcdef0123456789abcdef --secret 0011",
    "simulate --app-name=",
    "simulate --app-logo Cargo.toml",
    "simulate --app-logo no-such-file.png",
    "simulate --secsign-version 10.7",
    "config print",
    "completions",
    "completions tcsh",
    "serve --format xml",
];

#[test]
fn command_lines_that_make_no_sense_are_refused() {
    for line in NO_SENSE {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        assert!(parse(&words).is_err(), "{line}");
    }
}

#[test]
fn a_name_is_spelled_as_a_registration_spells_it() {
    let name = |line: &[&str]| match parse(line).unwrap().command {
        Command::Try(TryCommand::Secsign { user, .. }) => Some(user),
        Command::Try(TryCommand::Thumbsignin { user, .. }) => user,
        other => panic!("{other:?}"),
    };
    assert_eq!(name(&["try", "secsign", " Zoe.O-x_1@ACME "]).unwrap(), "zoe.o-x_1@acme");
    assert_eq!(name(&["try", "thumbsignin", "Zoe.O-x_1"]).unwrap(), "zoe.o-x_1");
    assert_eq!(name(&["try", "secsign", "--", "-x"]).unwrap(), "-x");
    assert_eq!(name(&["try", "thumbsignin"]), None);
}

#[test]
fn exit_codes_tell_what_was_wrong() {
    assert_eq!(CliError::Manage(ManageError::Invalid(Vec::new())).code(), 2);
    assert_eq!(CliError::Manage(ManageError::Exists(String::new())).code(), 1);
    assert_eq!(CliError::AtService(AtServiceError::Unconfigured(Upstream::SecSign)).code(), 2);
    assert_eq!(CliError::AtService(AtServiceError::OnlyCounted(1)).code(), 1);
    let context = Context { file: Some("/nonexistent".into()), variables: vec![], format: Format::Text };
    assert_eq!(CliError::from(context.config().unwrap_err()).code(), 2);
}
