//! The app as the operator describes it, checked: values from here are written into other programs' files, so they hold only
//! characters that none of the formats gives a meaning to.

use clap::Args;
use serde::Serialize;
use url::Url;

use super::{Recipe, RecipeError};
use crate::domain::client_rules::Violation;
use crate::protocol::uri::is_web;

// What the operator says about the app, as it was written; the comments are the help of `client create`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Wishes {
    /// The base URL of the app, as people's browsers know it
    #[arg(long, value_name = "URL", requires = "recipe")]
    pub url: Option<String>,
    /// keycloak: the realm to make
    #[arg(long, requires = "recipe")]
    pub realm: Option<String>,
    /// keycloak, nextcloud, gitea, kubernetes, oidc-agent: the name of this provider there [default: signbridge]
    #[arg(long, value_name = "NAME", requires = "recipe")]
    pub alias: Option<String>,
    /// keycloak: a group whose members shall be in the group of that name there; jupyterhub: one that may enter [default:
    /// everybody]; one each time, for its name may hold blanks
    #[arg(long = "group", value_name = "GROUP", requires = "recipe")]
    pub groups: Option<Vec<String>>,
    /// grafana, gitea, jupyterhub: the group whose members administer it [default: grafana-admins and so on]
    #[arg(long, value_name = "GROUP", requires = "recipe")]
    pub admin_group: Option<String>,
    /// grafana: the group whose members are editors [default: grafana-editors]
    #[arg(long, value_name = "GROUP", requires = "recipe")]
    pub editor_group: Option<String>,
}

/// An app to be registered. The templates know its members by their names.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Target {
    #[serde(skip)]
    pub recipe: Recipe,
    /// Its base URL, without a slash at the end; empty where the recipe takes none.
    pub(super) url: String,
    /// Empty where the recipe takes none.
    pub(super) realm: String,
    pub(super) alias: String,
    pub(super) groups: Vec<String>,
    pub(super) admin_group: String,
    pub(super) editor_group: String,
}

impl Target {
    /// Else every flag that is missing, that the recipe does not take, or whose value cannot be used.
    pub(crate) fn new(recipe: Recipe, wishes: Wishes) -> Result<Self, Vec<Violation>> {
        let broken = |error: RecipeError| vec![Violation { member: "--recipe", message: error.to_string() }];
        let (name, app) = (recipe.as_str(), recipe.app().map_err(broken)?);
        let mut wrong = Vec::new();
        let mut refuse = |member: &'static str, message: String| wrong.push(Violation { member, message });
        for (flag, given) in [
            ("--url", wishes.url.is_some()),
            ("--realm", wishes.realm.is_some()),
            ("--alias", wishes.alias.is_some()),
            ("--group", wishes.groups.is_some()),
            ("--admin-group", wishes.admin_group.is_some()),
            ("--editor-group", wishes.editor_group.is_some()),
        ] {
            match (given, app.flags.iter().any(|taken| taken == flag), flag) {
                (true, false, _) => refuse(flag, format!("the recipe {name} does not take it")),
                (false, true, "--url") => refuse(flag, format!("the recipe {name} needs it: {}", app.url)),
                (false, true, "--realm") => refuse(flag, format!("the recipe {name} needs it: the name of the realm")),
                _fine => {}
            }
        }
        let mut checked = |flag: &'static str, value: Result<String, String>| {
            value.unwrap_or_else(|message| {
                refuse(flag, message);
                String::new()
            })
        };
        let none = || Ok(String::new());
        let group = |value: Option<String>, role: &str| group_name(&value.unwrap_or_else(|| format!("{name}-{role}")));
        let target = Self {
            recipe,
            url: checked("--url", wishes.url.map_or_else(none, |url| base_url(&url))),
            realm: checked("--realm", wishes.realm.map_or_else(none, |realm| word(&realm))),
            alias: checked("--alias", word(wishes.alias.as_deref().unwrap_or("signbridge"))),
            groups: wishes.groups.iter().flatten().map(|group| checked("--group", group_name(group))).collect(),
            admin_group: checked("--admin-group", group(wishes.admin_group, "admins")),
            editor_group: checked("--editor-group", group(wishes.editor_group, "editors")),
        };
        if wrong.is_empty() { Ok(target) } else { Err(wrong) }
    }
}

/// The base URL of an app without its last slash. Whether plain http may be redirected to is checked with the redirect URIs.
fn base_url(text: &str) -> Result<String, String> {
    let harmless = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte));
    let parsed = Url::parse(text).is_ok_and(|url| is_web(&url));
    if harmless && parsed {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(format!("`{text}` is no base URL: write scheme, host and, where there is one, the path, without query"))
}

/// A name that stands in paths: of a realm, or ours at the app.
fn word(text: &str) -> Result<String, String> {
    let fits = (1..=60).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` cannot be used: 1 to 60 characters of A-Z, a-z, 0-9, `-`, `_` and `.`"))
}

/// A group's name, without what an expression, a path or a shell would read as more than a letter.
fn group_name(text: &str) -> Result<String, String> {
    let fits = (1..=255).contains(&text.len()) && text.trim() == text;
    if fits && text.chars().all(|character| character.is_alphanumeric() || " -_.@+".contains(character)) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` cannot be used here: letters, digits, blanks and `-`, `_`, `.`, `@`, `+`"))
}
