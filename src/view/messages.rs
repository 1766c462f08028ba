//! The words of the pages: `templates/locales/<language>.toml`, one flat file of messages per language.
//! A message is HTML of ours (`<strong>` is allowed, quotation marks are typographic so that it fits an attribute) with
//! `{name}` where a value goes; values are escaped when they are put in.

use std::collections::HashMap;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

use super::locale::Locale;

#[derive(RustEmbed)]
#[folder = "templates/locales/"]
struct Files;

static CATALOGUES: LazyLock<HashMap<Locale, toml::Table>> =
    LazyLock::new(|| Locale::ALL.map(|locale| (locale, load(locale))).into());

pub(super) fn get(locale: Locale, key: &str) -> Option<&'static str> {
    let mut parts = key.split('.');
    let first = CATALOGUES.get(&locale)?.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))?.as_str()
}

/// Puts values into a message, escaped. `None` when it names one that `value` does not know.
pub(super) fn fill(message: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&escape(&value(name)?));
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

/// Escapes text for HTML, in elements and in quoted attributes (HTML §13.3).
pub(super) fn escape(text: &str) -> String {
    // The ampersand first: the others bring one along.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Reads a language's file. A file that does not parse gives no messages, and the tests notice.
fn load(locale: Locale) -> toml::Table {
    let file = Files::get(&format!("{locale}.toml"));
    file.and_then(|file| String::from_utf8_lossy(&file.data).parse().ok()).unwrap_or_default()
}

#[cfg(test)]
pub(super) fn keys(locale: Locale) -> impl Iterator<Item = &'static str> {
    fn collect(prefix: &str, table: &toml::Table, keys: &mut Vec<&'static str>) {
        for (key, value) in table {
            let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                toml::Value::String(_) => keys.push(key.leak()),
                toml::Value::Table(table) => collect(&key, table, keys),
                _other => {}
            }
        }
    }
    let mut keys = Vec::new();
    collect("", &CATALOGUES[&locale], &mut keys);
    keys.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_the_message_is_not() {
        let filled = fill("<strong>{app}</strong>, {app}", |name| (name == "app").then(|| "<b>\"A&B'</b>".to_owned()));
        let escaped = "&lt;b&gt;&quot;A&amp;B&#39;&lt;/b&gt;";
        assert_eq!(filled.unwrap(), format!("<strong>{escaped}</strong>, {escaped}"));
    }

    #[test]
    fn a_value_cannot_name_another_value() {
        let value = |name: &str| Some(if name == "a" { "{b}" } else { "secret" }.to_owned());
        assert_eq!(fill("{a}", value).as_deref(), Some("{b}"));
    }

    #[test]
    fn a_missing_value_and_an_open_brace_are_errors() {
        assert_eq!(fill("{app}", |_| None), None);
        assert_eq!(fill("{app", |_| Some("x".to_owned())), None);
        assert_eq!(fill("plain", |_| None).as_deref(), Some("plain"));
    }
}
