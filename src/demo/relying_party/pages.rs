//! The pages of the example app: a handful of templates, autoescaped by their names, and what each of them is given.

use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::Serialize;

use super::sign_in::Account;
use super::{Settings, SignInError};

/// The style sheet.
pub const STYLE: &str = include_str!("../../../templates/demo/app.css");

/// The templates, parsed once.
pub struct Pages {
    templates: Environment<'static>,
    settings: Settings,
}

/// A page that says one thing and offers a way on.
#[derive(Serialize)]
pub struct Message<'a> {
    /// Which page this is, for scripts.
    pub page: &'a str,
    /// The heading.
    pub title: &'a str,
    /// What happened, in a sentence.
    pub text: &'a str,
    /// For whoever integrates an app.
    pub detail: Option<String>,
    /// The OAuth error code.
    pub code: Option<&'a str>,
    /// The words on the link back to `/login`.
    pub again: &'a str,
}

impl Pages {
    /// Parses the templates.
    ///
    /// # Errors
    /// When a template is broken.
    pub fn new(settings: Settings) -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        templates.add_template("base.html", include_str!("../../../templates/demo/base.html"))?;
        templates.add_template("start.html", include_str!("../../../templates/demo/start.html"))?;
        templates.add_template("result.html", include_str!("../../../templates/demo/result.html"))?;
        templates.add_template("message.html", include_str!("../../../templates/demo/message.html"))?;
        Ok(Self { templates, settings })
    }

    /// The start page.
    ///
    /// # Errors
    /// When the template fails.
    pub fn start(&self, account: Option<&Account>) -> Result<String, minijinja::Error> {
        self.templates.get_template("start.html")?.render(context! {
            issuer => self.settings.issuer.as_str(),
            phone => format!("{}/phone", self.settings.phone_url),
            people => Serde(&self.settings.people),
            signed_in_as => account.map(name_of),
        })
    }

    /// Who signed in, and what the app was told about them.
    ///
    /// # Errors
    /// When the template fails.
    pub fn result(&self, account: &Account) -> Result<String, minijinja::Error> {
        self.templates.get_template("result.html")?.render(context! {
            name => name_of(account),
            id_token => format!("{:#}", account.claims),
            user_info => format!("{:#}", account.user_info),
            can_refresh => account.refresh_token.is_some(),
        })
    }

    /// A message.
    ///
    /// # Errors
    /// When the template fails.
    pub fn message(&self, message: &Message<'_>) -> Result<String, minijinja::Error> {
        self.templates.get_template("message.html")?.render(Serde(message))
    }

    /// What went wrong, in words for a person, with the reason for whoever integrates an app.
    ///
    /// # Errors
    /// When the template fails.
    pub fn error(&self, error: &SignInError) -> Result<String, minijinja::Error> {
        let (title, text) = match (error, error.code()) {
            (_refused, Some("access_denied")) => {
                ("Not signed in", "The sign-in was cancelled or declined. Nothing was shared.")
            }
            (_refused, Some("login_required" | "interaction_required" | "consent_required")) => {
                ("Not signed in", "The provider wants to ask you something first.")
            }
            (SignInError::Discovery(_), _) => ("The provider cannot be reached", "Try again in a moment."),
            (SignInError::UnknownState, _) => ("This sign-in is over", "It was finished before, or begun in another browser."),
            _other => ("Not signed in", "The sign-in did not complete."),
        };
        let detail = Some(error.to_string());
        self.message(&Message { page: "error", title, text, detail, code: error.code(), again: "Try again" })
    }
}

fn name_of(account: &Account) -> &str {
    let claim = |name: &str| account.user_info.get(name).or_else(|| account.claims.get(name)).and_then(|value| value.as_str());
    ["name", "preferred_username", "email", "sub"].into_iter().find_map(claim).unwrap_or("somebody")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn pages() -> Pages {
        Pages::new(Settings {
            issuer: "http://localhost:8080".to_owned(),
            app_url: "http://127.0.0.1:8082".to_owned(),
            client_id: "demo-web".to_owned(),
            client_secret: Secret::new("s"),
            phone_url: "http://127.0.0.1:8081".to_owned(),
            people: vec!["alice".to_owned(), "bob".to_owned()],
        })
        .unwrap()
    }

    #[test]
    fn the_start_page_offers_a_sign_in_and_says_who_can() {
        let html = pages().start(None).unwrap();
        assert!(html.contains(r#"href="/login""#) && html.contains("alice") && html.contains("bob"));
        assert!(html.contains("127.0.0.1:8081"));
    }

    #[test]
    fn what_a_provider_says_cannot_become_markup() {
        let description = Some("<script>alert(1)</script>".to_owned());
        let html = pages().error(&SignInError::Refused { code: "access_denied".to_owned(), description }).unwrap();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script"));
        assert!(html.contains(r#"data-error="access_denied""#));
    }
}
