//! Recipes: what the apps that we know need of their client here, and what is to be pasted on their side, filled in.
//!
//! Pure. A [`Target`] is the app as the operator describes it; [`Target::client`] says how to register it (the flags of
//! `client create` win over it), and [`Target::files`] writes the other side's configuration for the client as it was
//! registered, with the endpoints that discovery names. Both are templates: `templates/recipes/APP/client.json` and the files
//! beside it, whose key names are those of the app's own documentation. Registering is left to `manage`, printing to `cli`.

mod render;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use render::{RecipeError, Registered};
pub(crate) use target::{Target, Wishes};

use crate::domain::secret::Secret;

/// Something that an operator says about an app, by a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    Url,
    Realm,
    /// The name that we have at the app.
    Alias,
    /// Groups that the app shall have as well.
    Group,
    /// The group whose members administer the app.
    AdminGroup,
    EditorGroup,
}

impl Flag {
    /// The flag on the command line.
    pub(crate) const fn as_str(self) -> &'static str {
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

/// What is known of an app beside its templates.
struct App {
    /// Its name: the folder of its templates, and the client id unless the operator gives another.
    name: &'static str,
    /// The flags that it takes; `--url` and `--realm` must be given where they are taken, the others have defaults.
    flags: &'static [Flag],
    /// What `--url` is for it, with an example.
    url: &'static str,
    /// The files to paste, and where each goes.
    files: &'static [(&'static str, &'static str)],
}

/// Declares the apps that we know.
macro_rules! recipes {
    ($($(#[$about:meta])* $recipe:ident => { $($field:ident: $value:expr,)* },)*) => {
        /// An app that we know.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Recipe {
            $($(#[$about])* $recipe,)*
        }

        impl Recipe {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$recipe),*];

            const fn app(self) -> &'static App {
                match self {
                    $(Self::$recipe => &App { $($field: $value,)* },)*
                }
            }
        }
    };
}

recipes! {
    /// A realm that signs people in here (identity brokering).
    Keycloak => {
        name: "keycloak",
        flags: &[Flag::Url, Flag::Realm, Flag::Alias, Flag::Group],
        url: "Keycloak's base URL without /realms, as https://sso.example.com",
        files: &[("realm.json", "into Keycloak's data/import, then start it with --import-realm")],
    },
    /// `[auth.generic_oauth]`.
    Grafana => {
        name: "grafana",
        flags: &[Flag::Url, Flag::AdminGroup, Flag::EditorGroup],
        url: "Grafana's root_url, as https://grafana.example.com",
        files: &[
            ("grafana.ini", "into /etc/grafana/grafana.ini, or where your grafana.ini is"),
            ("grafana.env", "or instead for a container: docker run --env-file grafana.env"),
        ],
    },
    /// A proxy that protects an app without a login of its own.
    OAuth2Proxy => {
        name: "oauth2-proxy",
        flags: &[Flag::Url],
        url: "the URL that the proxy protects, as https://app.example.com",
        files: &[("oauth2-proxy.cfg", "oauth2-proxy --config oauth2-proxy.cfg")],
    },
    /// The app `user_oidc`.
    Nextcloud => {
        name: "nextcloud",
        flags: &[Flag::Url, Flag::Alias],
        url: "Nextcloud's URL, as https://cloud.example.com",
        files: &[("nextcloud.sh", "as the web server's user, with the app user_oidc switched on")],
    },
    /// An authentication source; Forgejo takes the same.
    Gitea => {
        name: "gitea",
        flags: &[Flag::Url, Flag::Alias, Flag::AdminGroup],
        url: "Gitea's ROOT_URL, as https://git.example.com",
        files: &[("gitea.sh", "as Gitea's user; Forgejo takes the same with `forgejo admin`")],
    },
    /// The API server, and `kubectl` with kubelogin.
    Kubernetes => {
        name: "kubernetes",
        flags: &[Flag::Alias],
        url: "",
        files: &[
            ("kube-apiserver.flags", "onto the command line of kube-apiserver; the issuer must be https"),
            ("kubeconfig-user.json", "KUBECONFIG=~/.kube/config:kubeconfig-user.json"),
            ("kubelogin.sh", "to try the login alone"),
        ],
    },
    Apache => {
        name: "apache",
        flags: &[Flag::Url],
        url: "the URL of the site, as https://intranet.example.com",
        files: &[("signbridge.conf", "into the virtual host of the site; needs the module auth_openidc")],
    },
    JupyterHub => {
        name: "jupyterhub",
        flags: &[Flag::Url, Flag::Group, Flag::AdminGroup],
        url: "the hub's URL with its base_url, as https://hub.example.com",
        files: &[("jupyterhub_signbridge.py", "onto the end of jupyterhub_config.py")],
    },
    /// A command line that wants access tokens.
    OidcAgent => {
        name: "oidc-agent",
        flags: &[Flag::Alias],
        url: "",
        files: &[("oidc-gen.sh", "as the person who wants tokens; then oidc-token prints one")],
    },
}

impl Recipe {
    /// Its name, which is also the client id unless the operator gives another.
    pub(crate) const fn as_str(self) -> &'static str {
        self.app().name
    }

    /// The recipe that `text` names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|recipe| recipe.as_str() == text)
    }

    /// The flags that it takes.
    pub(crate) const fn flags(self) -> &'static [Flag] {
        self.app().flags
    }
}

/// A piece of configuration for the other side. The content holds the client's secret: it is shown once, to the operator
/// who registers the client, and never logged.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// A name to save it under.
    pub name: String,
    /// Where it goes, in a few words.
    pub about: &'static str,
    /// What to paste, to the letter.
    pub content: Secret,
}
