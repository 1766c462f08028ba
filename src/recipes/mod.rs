//! Recipes: what the apps that we know need of their client here, and what is to be pasted on their side, filled in.
//!
//! Pure. A [`Target`] is the app as the operator describes it; [`Target::client`] says how to register it (the flags of
//! `client create` win over it), and [`Target::files`] writes the other side's configuration for the client as it was
//! registered, with the endpoints that discovery names. One file per app; the key names are those of the app's own
//! documentation. Registering is left to `manage`, printing to `cli`.

mod apache;
mod gitea;
mod grafana;
mod jupyterhub;
mod keycloak;
mod kubernetes;
mod nextcloud;
mod oauth2_proxy;
mod oidc_agent;
mod registered;
mod target;
#[cfg(test)]
mod tests;
mod text;

pub use registered::Registered;
pub use target::{Target, Wishes};

use crate::domain::secret::Secret;

/// An app that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// A realm that signs people in here (identity brokering).
    Keycloak,
    /// `[auth.generic_oauth]`.
    Grafana,
    /// A proxy that protects an app without a login of its own.
    OAuth2Proxy,
    /// The app `user_oidc`.
    Nextcloud,
    /// An authentication source; Forgejo takes the same.
    Gitea,
    /// The API server, and `kubectl` with kubelogin.
    Kubernetes,
    /// A site behind mod_auth_openidc.
    Apache,
    /// The generic class of oauthenticator.
    JupyterHub,
    /// A command line that wants access tokens.
    OidcAgent,
}

/// Something that an operator says about an app, by a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Where the app is.
    Url,
    /// A realm of Keycloak.
    Realm,
    /// The name that we have at the app.
    Alias,
    /// Groups that the app shall have as well.
    Group,
    /// The group whose members administer the app.
    AdminGroup,
    /// The group whose members edit.
    EditorGroup,
}

impl Flag {
    /// The flag on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Url => "--url",
            Self::Realm => "--realm",
            Self::Alias => "--alias",
            Self::Group => "--group",
            Self::AdminGroup => "--admin-group",
            Self::EditorGroup => "--editor-group",
        }
    }
}

impl Recipe {
    /// Every recipe.
    pub const ALL: [Self; 9] = [
        Self::Keycloak,
        Self::Grafana,
        Self::OAuth2Proxy,
        Self::Nextcloud,
        Self::Gitea,
        Self::Kubernetes,
        Self::Apache,
        Self::JupyterHub,
        Self::OidcAgent,
    ];

    /// Its name, which is also the client id unless the operator gives another.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keycloak => "keycloak",
            Self::Grafana => "grafana",
            Self::OAuth2Proxy => "oauth2-proxy",
            Self::Nextcloud => "nextcloud",
            Self::Gitea => "gitea",
            Self::Kubernetes => "kubernetes",
            Self::Apache => "apache",
            Self::JupyterHub => "jupyterhub",
            Self::OidcAgent => "oidc-agent",
        }
    }

    /// The recipe that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recipe| recipe.as_str() == text)
    }

    /// The flags that it takes; `--url` and `--realm` must be given where they are taken, the others have defaults.
    pub const fn flags(self) -> &'static [Flag] {
        match self {
            Self::Keycloak => &[Flag::Url, Flag::Realm, Flag::Alias, Flag::Group],
            Self::Grafana => &[Flag::Url, Flag::AdminGroup, Flag::EditorGroup],
            Self::OAuth2Proxy | Self::Apache => &[Flag::Url],
            Self::Nextcloud => &[Flag::Url, Flag::Alias],
            Self::Gitea => &[Flag::Url, Flag::Alias, Flag::AdminGroup],
            Self::Kubernetes | Self::OidcAgent => &[Flag::Alias],
            Self::JupyterHub => &[Flag::Url, Flag::Group, Flag::AdminGroup],
        }
    }

    /// What `--url` is for it, with an example.
    const fn url_example(self) -> &'static str {
        match self {
            Self::Keycloak => "Keycloak's base URL without /realms, as https://sso.example.com",
            Self::Grafana => "Grafana's root_url, as https://grafana.example.com",
            Self::OAuth2Proxy => "the URL that the proxy protects, as https://app.example.com",
            Self::Nextcloud => "Nextcloud's URL, as https://cloud.example.com",
            Self::Gitea => "Gitea's ROOT_URL, as https://git.example.com",
            Self::Apache => "the URL of the site, as https://intranet.example.com",
            Self::JupyterHub => "the hub's URL with its base_url, as https://hub.example.com",
            Self::Kubernetes | Self::OidcAgent => "",
        }
    }
}

/// A piece of configuration for the other side. The content holds the client's secret: it is shown once, to the operator
/// who registers the client, and never logged.
#[derive(Clone, Debug)]
pub struct File {
    /// A name to save it under.
    pub name: String,
    /// Where it goes, in a few words.
    pub about: String,
    /// What to paste, to the letter.
    pub content: Secret,
}

impl File {
    fn new(name: impl Into<String>, about: impl Into<String>, content: impl Into<String>) -> Self {
        Self { name: name.into(), about: about.into(), content: Secret::new(content) }
    }
}
