//! The words of the pages: `templates/locales/<language>.toml`, one flat file of messages per language.
//! A message is HTML of ours (`<strong>` is allowed, quotation marks are typographic so that it fits an attribute) with
//! `{name}` where a value goes; values are escaped when they are put in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::RustEmbed;

use super::locale::Locale;

#[derive(RustEmbed)]
#[folder = "templates/locales/"]
struct Files;

type Catalogue = BTreeMap<String, String>;

fn catalogue(locale: Locale) -> &'static Catalogue {
    static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| load(Locale::En));
    static GERMAN: LazyLock<Catalogue> = LazyLock::new(|| load(Locale::De));
    match locale {
        Locale::En => &ENGLISH,
        Locale::De => &GERMAN,
    }
}

pub(super) fn get(locale: Locale, key: &str) -> Option<&'static str> {
    catalogue(locale).get(key).map(String::as_str)
}

#[cfg(test)]
pub(super) fn keys(locale: Locale) -> impl Iterator<Item = &'static str> {
    catalogue(locale).keys().map(String::as_str)
}

/// Puts values into a message, escaped. `None` when it names one that `value` does not know.
pub(super) fn fill<'v>(message: &str, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let mut filled = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&escape(value(name)?));
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
fn load(locale: Locale) -> Catalogue {
    let mut messages = Catalogue::new();
    if let Some(file) = Files::get(&format!("{locale}.toml"))
        && let Ok(table) = String::from_utf8_lossy(&file.data).parse::<toml::Table>()
    {
        flatten("", table, &mut messages);
    }
    messages
}

fn flatten(prefix: &str, table: toml::Table, messages: &mut Catalogue) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::String(text) => drop(messages.insert(key, text)),
            toml::Value::Table(table) => flatten(&key, table, messages),
            _other => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_the_message_is_not() {
        let filled = fill("<strong>{app}</strong>, {app}", |name| (name == "app").then_some("<b>\"A&B'</b>"));
        let escaped = "&lt;b&gt;&quot;A&amp;B&#39;&lt;/b&gt;";
        assert_eq!(filled.unwrap(), format!("<strong>{escaped}</strong>, {escaped}"));
    }

    #[test]
    fn a_value_cannot_name_another_value() {
        let value = |name: &str| if name == "a" { Some("{b}") } else { Some("secret") };
        assert_eq!(fill("{a}", value).as_deref(), Some("{b}"));
    }

    #[test]
    fn a_missing_value_and_an_open_brace_are_errors() {
        assert_eq!(fill("{app}", |_| None), None);
        assert_eq!(fill("{app", |_| Some("x")), None);
        assert_eq!(fill("plain", |_| None).as_deref(), Some("plain"));
    }
}
