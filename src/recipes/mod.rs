//! Recipes: what the apps that we know need of their client here, and what is to be pasted on their side, filled in.
//!
//! [`Target::client`] says how to register the app (the flags of `client create` win over it), and [`Target::files`] writes the
//! other side's configuration. Both are templates: `templates/recipes/APP/client.json` and the files beside it.

mod render;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use render::{RecipeError, Registered};
pub(crate) use target::{Target, Wishes};

use crate::domain::named::{named_enum, parsed_enum};
use crate::domain::secret::Secret;

named_enum! {
    /// Something that an operator says about an app, by this flag.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Flag {
        Url = "--url",
        Realm = "--realm",
        /// The name that we have at the app.
        Alias = "--alias",
        /// Groups that the app shall have as well.
        Group = "--group",
        AdminGroup = "--admin-group",
        EditorGroup = "--editor-group",
    }
}

struct App {
    /// The flags that it takes; `--url` and `--realm` must be given where they are taken, the others have defaults.
    flags: &'static [Flag],
    /// What `--url` is for it, with an example.
    url: &'static str,
    files: &'static [(&'static str, &'static str)],
}

parsed_enum! {
    /// An app that we know, by the folder of its templates: the client id unless the operator gives another.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Recipe {
        /// A realm that signs people in here (identity brokering).
        Keycloak = "keycloak",
        Grafana = "grafana",
        /// A proxy that protects an app without a login of its own.
        OAuth2Proxy = "oauth2-proxy",
        Nextcloud = "nextcloud",
        /// An authentication source; Forgejo takes the same.
        Gitea = "gitea",
        Kubernetes = "kubernetes",
        Apache = "apache",
        JupyterHub = "jupyterhub",
        OidcAgent = "oidc-agent",
    }
}

impl Recipe {
    pub(crate) const fn flags(self) -> &'static [Flag] {
        self.app().flags
    }

    const fn app(self) -> &'static App {
        match self {
            Self::Keycloak => &App {
                flags: &[Flag::Url, Flag::Realm, Flag::Alias, Flag::Group],
                url: "Keycloak's base URL without /realms, as https://sso.example.com",
                files: &[("realm.json", "into Keycloak's data/import, then start it with --import-realm")],
            },
            Self::Grafana => &App {
                flags: &[Flag::Url, Flag::AdminGroup, Flag::EditorGroup],
                url: "Grafana's root_url, as https://grafana.example.com",
                files: &[
                    ("grafana.ini", "into /etc/grafana/grafana.ini, or where your grafana.ini is"),
                    ("grafana.env", "or instead for a container: docker run --env-file grafana.env"),
                ],
            },
            Self::OAuth2Proxy => &App {
                flags: &[Flag::Url],
                url: "the URL that the proxy protects, as https://app.example.com",
                files: &[("oauth2-proxy.cfg", "oauth2-proxy --config oauth2-proxy.cfg")],
            },
            Self::Nextcloud => &App {
                flags: &[Flag::Url, Flag::Alias],
                url: "Nextcloud's URL, as https://cloud.example.com",
                files: &[("nextcloud.sh", "as the web server's user, with the app user_oidc switched on")],
            },
            Self::Gitea => &App {
                flags: &[Flag::Url, Flag::Alias, Flag::AdminGroup],
                url: "Gitea's ROOT_URL, as https://git.example.com",
                files: &[("gitea.sh", "as Gitea's user; Forgejo takes the same with `forgejo admin`")],
            },
            Self::Kubernetes => &App {
                flags: &[Flag::Alias],
                url: "",
                files: &[
                    ("kube-apiserver.flags", "onto the command line of kube-apiserver; the issuer must be https"),
                    ("kubeconfig-user.json", "KUBECONFIG=~/.kube/config:kubeconfig-user.json"),
                    ("kubelogin.sh", "to try the login alone"),
                ],
            },
            Self::Apache => &App {
                flags: &[Flag::Url],
                url: "the URL of the site, as https://intranet.example.com",
                files: &[("signbridge.conf", "into the virtual host of the site; needs the module auth_openidc")],
            },
            Self::JupyterHub => &App {
                flags: &[Flag::Url, Flag::Group, Flag::AdminGroup],
                url: "the hub's URL with its base_url, as https://hub.example.com",
                files: &[("jupyterhub_signbridge.py", "onto the end of jupyterhub_config.py")],
            },
            Self::OidcAgent => &App {
                flags: &[Flag::Alias],
                url: "",
                files: &[("oidc-gen.sh", "as the person who wants tokens; then oidc-token prints one")],
            },
        }
    }
}

/// A piece of configuration for the other side. It holds the client's secret: shown once, to the operator, and never logged.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub name: String,
    pub about: &'static str,
    pub content: Secret,
}
