//! Recipes: what the apps that we know need of their client here, and what is to be pasted on their side, filled in.
//!
//! [`Target::client`] says how to register the app (the flags of `client create` win over it), and [`Target::files`] writes the
//! other side's configuration. Both are templates: `templates/recipes/APP/client.json` and the files that `recipe.json` lists.

mod render;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use render::{RecipeError, Registered};
pub(crate) use target::{Target, Wishes};

use serde::Deserialize;

use crate::domain::secret::Secret;

/// An app as `recipe.json` describes it.
#[derive(Deserialize)]
struct App {
    /// The flags that it takes; `--url` and `--realm` must be given where they are taken, the others have defaults.
    flags: Vec<String>,
    /// What `--url` is for it, with an example.
    #[serde(default)]
    url: String,
    /// The name of each file to paste, and where it goes.
    files: Vec<(String, String)>,
}

/// In the order in which they are offered.
const NAMES: [&str; 9] =
    ["keycloak", "grafana", "oauth2-proxy", "nextcloud", "gitea", "kubernetes", "apache", "jupyterhub", "oidc-agent"];

/// An app that we know, by the folder of its templates: the client id unless the operator gives another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipe(&'static str);

impl Recipe {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let known = NAMES.into_iter().find(|name| *name == text);
        known.map(Self).ok_or_else(|| format!("there are the recipes {}", NAMES.join(", ")))
    }

    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }
}

/// A piece of configuration for the other side. It holds the client's secret: shown once, to the operator, and never logged.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub name: String,
    pub about: String,
    pub content: Secret,
}
