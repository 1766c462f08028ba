//! The pages of the example app: templates, autoescaped by their names, and what each of them is given.

use std::sync::LazyLock;

use minijinja::{Environment, Error, Value, context};
use serde_json::Value as Json;

use super::Settings;
use super::sign_in::{Account, SignInError};

pub(super) const STYLE: &str = include_str!("../../../templates/demo/app.css");

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_loader(|name| {
        let text = match name {
            "base.html" => include_str!("../../../templates/demo/base.html"),
            "start.html" => include_str!("../../../templates/demo/start.html"),
            "result.html" => include_str!("../../../templates/demo/result.html"),
            "message.html" => include_str!("../../../templates/demo/message.html"),
            _unknown => return Ok(None),
        };
        Ok(Some(text.to_owned()))
    });
    templates
});

fn render(name: &str, page: Value) -> Result<String, Error> {
    TEMPLATES.get_template(name)?.render(page)
}

pub(super) fn start(settings: &Settings, account: Option<&Account>) -> Result<String, Error> {
    let page = context! {
        issuer => settings.issuer.as_str(),
        phone => format!("{}/phone", settings.phone_url),
        people => settings.users.clone(),
        signed_in_as => account.map(name_of),
    };
    render("start.html", page)
}

pub(super) fn result(account: &Account) -> Result<String, Error> {
    let page = context! {
        name => name_of(account),
        id_token => format!("{:#}", account.claims),
        user_info => format!("{:#}", account.user_info),
        can_refresh => account.refresh_token.is_some(),
    };
    render("result.html", page)
}

/// Says one thing, and offers to sign in.
pub(super) fn message(page: &str, title: &str, text: &str, again: &str) -> Result<String, Error> {
    render("message.html", context! { page, title, text, again })
}

/// What went wrong, with the reason for whoever integrates an app.
pub(super) fn error(error: &SignInError) -> Result<String, Error> {
    let code = if let SignInError::Refused { code, .. } = error { Some(code.as_str()) } else { None };
    let (title, text) = match (error, code) {
        (_refused, Some("access_denied")) => ("Not signed in", "The sign-in was cancelled or declined. Nothing was shared."),
        (_refused, Some("login_required" | "interaction_required")) => ("Not signed in", "You need to sign in first."),
        (_refused, Some("consent_required")) => ("Not signed in", "The provider needs your consent first."),
        (SignInError::Discovery(_), _) => ("The provider can’t be reached", "Try again in a moment."),
        (SignInError::UnknownState, _) => ("This sign-in is over", "It was finished before, or it began in another browser."),
        _other => ("Not signed in", "The sign-in didn’t complete."),
    };
    let detail = error.to_string();
    render("message.html", context! { page => "error", title, text, detail, code, again => "Try again" })
}

fn name_of(account: &Account) -> &str {
    let claim = |name: &str| account.user_info.get(name).or_else(|| account.claims.get(name)).and_then(Json::as_str);
    ["name", "preferred_username", "email", "sub"].into_iter().find_map(claim).unwrap_or("somebody")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    #[test]
    fn the_start_page_offers_a_sign_in_and_says_who_can() {
        let settings = Settings {
            issuer: "http://localhost:8080".to_owned(),
            app_url: "http://127.0.0.1:8082".to_owned(),
            client_id: "demo-web".to_owned(),
            client_secret: Secret::new("s"),
            phone_url: "http://127.0.0.1:8081".to_owned(),
            users: vec!["alice".to_owned(), "bob".to_owned()],
        };
        let html = start(&settings, None).unwrap();
        assert!(html.contains(r#"href="/login""#) && html.contains("alice") && html.contains("bob"));
        assert!(html.contains("127.0.0.1:8081"));
    }

    #[test]
    fn what_a_provider_says_cannot_become_markup() {
        let description = Some("<script>alert(1)</script>".to_owned());
        let refused = SignInError::Refused { code: "access_denied".to_owned(), description };
        let html = error(&refused).unwrap();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script"));
        assert!(html.contains(r#"data-error="access_denied""#));
    }
}
