//! From an app and its client to the templates' text. Names that are not there are errors, and the tests render every template.
//! The formats have filters of their own: `json` and `toml` write a value as a literal, `form` as a part of a query, `path` is
//! the path of a URL, and `arg(name, value)` a word of a shell command.

use std::borrow::Cow;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context};
use rust_embed::RustEmbed;

use super::{App, File, Recipe, Target};
use crate::domain::client::{Client, ClientPatch};
use crate::domain::secret::Secret;
use crate::flow::discovery;
use crate::protocol::client_metadata::GrantType;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::scope;

#[derive(RustEmbed)]
#[folder = "templates/recipes/"]
struct Templates;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RecipeError {
    #[error("the recipe cannot be written: {0}")]
    Template(#[from] Error),
    #[error("the recipe is no JSON: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Clone, Debug)]
pub(crate) struct Registered<'a> {
    pub issuer: &'a str,
    pub client: &'a Client,
    pub secret: Option<&'a Secret>,
    /// A random value for a secret of the app's own.
    pub fresh: &'a Secret,
}

impl Registered<'_> {
    fn values(&self) -> Value {
        let metadata = &self.client.metadata;
        let others = metadata.scope.iter().filter(|token| *token != scope::OPENID);
        let may_refresh = metadata.grant_types.contains(&GrantType::RefreshToken);
        context! {
            client_id => self.client.id.as_str(),
            secret => self.secret.map(Secret::expose),
            fresh => self.fresh.expose(),
            auth_method => Value::from(Serde(metadata.token_endpoint_auth_method)),
            id_token_alg => metadata.id_token_signed_response_alg.as_str(),
            redirect_uri => metadata.redirect_uris.first().map_or("", |uri| uri.as_str()),
            after_logout => metadata.post_logout_redirect_uris.first().map(|uri| uri.as_str()),
            scopes => std::iter::once(scope::OPENID).chain(others).map(str::to_owned).collect::<Vec<String>>(),
            // Whether it gets refresh tokens when it asks for all of its scopes.
            refreshes => may_refresh && (metadata.always_refresh || metadata.scope.contains(scope::OFFLINE_ACCESS)),
            discovery_url => Endpoint::OpenIdConfiguration.url(self.issuer),
            endpoints => Value::from(Serde(discovery::document(self.issuer))),
        }
    }
}

impl Recipe {
    pub(super) fn app(self) -> Result<App, RecipeError> {
        Ok(serde_json::from_str(&self.render("recipe.json", context! {})?)?)
    }

    fn render(self, file: &str, values: Value) -> Result<String, Error> {
        static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);
        ENVIRONMENT.get_template(&format!("{}/{file}", self.as_str()))?.render(values)
    }
}

impl Target {
    /// How the app is to be registered here. What every recipe has in common: its people are not asked for consent (it is the
    /// operator's own), and the claims of its scopes stand in the ID token, which some of them read alone.
    pub(crate) fn client(&self) -> Result<ClientPatch, RecipeError> {
        let own: ClientPatch = serde_json::from_str(&self.recipe.render("client.json", Value::from(Serde(self)))?)?;
        let common = ClientPatch::default().with("consent", "none").with("id_token_claims", "scope");
        Ok(own.or(if self.url.is_empty() { common } else { common.with("client_uri", format!("{}/", self.url)) }))
    }

    pub(crate) fn files(&self, registered: &Registered<'_>) -> Result<Vec<File>, RecipeError> {
        let file = |(name, about): (String, String)| {
            let values = context! { ..registered.values(), ..Value::from(Serde(self)) };
            let mut content = self.recipe.render(&name, values)?;
            if name.ends_with(".json") {
                content = format!("{:#}\n", serde_json::from_str::<serde_json::Value>(&content)?);
            }
            // One file for each realm, where there are realms.
            let name = if self.realm.is_empty() { name } else { format!("{}-{name}", self.realm) };
            Ok(File { name, about, content: Secret::new(content) })
        };
        self.recipe.app()?.files.into_iter().map(file).collect()
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_name| AutoEscape::None);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_loader(|name| Ok(Templates::get(name).and_then(|file| String::from_utf8(file.data.into_owned()).ok())));
    environment.add_filter("json", json);
    environment.add_filter("toml", |text: &str| toml::Value::from(text).to_string());
    environment.add_filter("form", |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
    environment
        .add_filter("path", |url: &str| url::Url::parse(url).map_or_else(|_| String::new(), |url| url.path().to_owned()));
    environment.add_function("arg", |name: &str, value: &str| shell_word(&format!("{name}={value}")).into_owned());
    environment
}

fn json(value: Value) -> Result<String, Error> {
    serde_json::to_string(&value).map_err(|error| Error::new(ErrorKind::BadSerialization, "no JSON").with_source(error))
}

/// One word of a POSIX shell command (POSIX.1-2024, Shell Command Language §2.2.2).
fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte));
    if plain && !text.is_empty() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_each_argument_as_it_was_meant() {
        assert_eq!(shell_word("--url=https://a.example/x?y"), "'--url=https://a.example/x?y'");
        assert_eq!(shell_word("--url=https://a.example/x"), "--url=https://a.example/x");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("$(x)"), "'$(x)'");
        assert_eq!(shell_word(""), "''");
    }
}
