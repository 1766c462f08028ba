//! `[webhook]`: where the operator hears of alarms, and of which.

use toml::Value;

use super::document::{Document, Parse};
use crate::domain::audit::AuditKind;
use crate::domain::settings::WebhookSettings;
use crate::protocol::uri::{absolute, has_user_information, is_web};

const LEAST_SECRET: usize = 32;

pub(super) fn webhook(document: &mut Document, allow_private: bool) -> Option<WebhookSettings> {
    let settings = WebhookSettings::read(document)?;
    document.check("webhook.url", may_be_called(settings.url.expose(), allow_private));
    if settings.secret.expose().len() < LEAST_SECRET {
        document.report("webhook.secret", format!("write {LEAST_SECRET} characters or more that nobody can guess"));
    }
    Some(settings)
}

/// As far as the text tells; `outbound` looks at the address at each call.
fn may_be_called(text: &str, allow_private: bool) -> Result<(), &'static str> {
    let url = absolute(text).filter(is_web).ok_or("expected the URL of a webhook: https://hooks.example.com/signbridge")?;
    if has_user_information(text, &url) {
        return Err("must not have a user name or a password: its query may hold a token");
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    if url.scheme() == "http" && !allow_private {
        return Err("plain http needs `[outbound] allow_private`");
    }
    Ok(())
}

impl Parse for Vec<AuditKind> {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        let written = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        written.map(|name| AuditKind::parse(name).ok_or_else(|| unknown(name))).collect()
    }
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = AuditKind::ALL.into_iter().map(AuditKind::as_str).collect();
    format!("\"{name}\" is no event; known are {}", known.join(", "))
}
