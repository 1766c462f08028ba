//! The app as the operator describes it, checked: values from here are written into other programs' files, so they hold only
//! characters that none of the formats gives a meaning to.

use clap::Args;
use serde::Serialize;
use url::Url;

use super::{Flag, Recipe};
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
        let mut wrong = Vec::new();
        let mut refuse = |flag: Flag, message: String| wrong.push(Violation { member: flag.as_str(), message });
        for (flag, given) in [
            (Flag::Url, wishes.url.is_some()),
            (Flag::Realm, wishes.realm.is_some()),
            (Flag::Alias, wishes.alias.is_some()),
            (Flag::Group, wishes.groups.is_some()),
            (Flag::AdminGroup, wishes.admin_group.is_some()),
            (Flag::EditorGroup, wishes.editor_group.is_some()),
        ] {
            let needs = |what: &str| format!("the recipe {} needs it: {what}", recipe.as_str());
            match (given, recipe.flags().contains(&flag), flag) {
                (true, false, _) => refuse(flag, format!("the recipe {} does not take it", recipe.as_str())),
                (false, true, Flag::Url) => refuse(flag, needs(recipe.app().url)),
                (false, true, Flag::Realm) => refuse(flag, needs("the name of the realm")),
                _fine => {}
            }
        }
        let mut checked = |flag: Flag, value: Result<String, String>| value.map_err(|message| refuse(flag, message)).ok();
        let name = |value: Option<String>, default: &str| word(&value.unwrap_or_else(|| default.to_owned()));
        let group = |value: Option<String>, default: String| group_name(&value.unwrap_or(default));
        let url = wishes.url.map_or_else(|| Ok(String::new()), |url| base_url(&url));
        let url = checked(Flag::Url, url);
        let realm = checked(Flag::Realm, wishes.realm.map_or_else(|| Ok(String::new()), |realm| word(&realm)));
        let alias = checked(Flag::Alias, name(wishes.alias, "signbridge"));
        let groups = wishes.groups.unwrap_or_default();
        let groups: Vec<_> = groups.iter().filter_map(|group| checked(Flag::Group, group_name(group))).collect();
        let admins = checked(Flag::AdminGroup, group(wishes.admin_group, format!("{}-admins", recipe.as_str())));
        let editors = checked(Flag::EditorGroup, group(wishes.editor_group, format!("{}-editors", recipe.as_str())));
        match (url, realm, alias, admins, editors) {
            (Some(url), Some(realm), Some(alias), Some(admin_group), Some(editor_group)) if wrong.is_empty() => {
                Ok(Self { recipe, url, realm, alias, groups, admin_group, editor_group })
            }
            _something_wrong => Err(wrong),
        }
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
