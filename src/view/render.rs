//! From a page struct to HTML: the template environment, one per language.
//! Undefined names are errors, every value is escaped, and a message that is missing fails the page instead of showing its
//! key: the tests render every sample of every page in every language, so that none of this happens in front of people.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, context};
use rust_embed::RustEmbed;
use serde::Serialize;

use super::assets;
use super::locale::Locale;
use super::messages::{self, escape};

#[derive(RustEmbed)]
#[folder = "templates/pages/"]
struct Templates;

/// Always a fault of this program, never of its visitor.
#[derive(Debug, thiserror::Error)]
#[error("the page {template} could not be rendered")]
pub(crate) struct ViewError {
    template: &'static str,
    source: Error,
}

pub(crate) trait Page: Serialize + Sized {
    const TEMPLATE: &'static str;

    /// Whether a GET of its address shows it again: only then a change of language keeps it.
    const SHOWN_AGAIN: bool = true;

    /// What the template sees as `page`; the struct itself unless it has something to work out first.
    fn data(&self) -> Value {
        to_value(self)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LanguageLink {
    pub locale: Locale,
    /// Where a GET leads back to the same page, in it.
    pub href: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct PageContext {
    pub locale: Locale,
    /// The nonce of this answer's `script-src` (CSP 3 §6.7.3). Only the form_post page has an inline script.
    pub nonce: String,
    /// The languages to offer in the footer; the page's own is left out, and none hides the choice.
    pub languages: Vec<LanguageLink>,
}

pub(super) fn to_value<T: Serialize + ?Sized>(value: &T) -> Value {
    Value::from(Serde(value))
}

pub(crate) fn render<P: Page>(page: &P, context: &PageContext) -> Result<String, ViewError> {
    static ENGLISH: LazyLock<Environment<'static>> = LazyLock::new(|| environment(Locale::En));
    static GERMAN: LazyLock<Environment<'static>> = LazyLock::new(|| environment(Locale::De));
    let environment = match context.locale {
        Locale::En => &ENGLISH,
        Locale::De => &GERMAN,
    };
    let failed = |source| ViewError { template: P::TEMPLATE, source };
    let template = environment.get_template(P::TEMPLATE).map_err(failed)?;
    template.render(context! { page => page.data(), ..to_value(context) }).map_err(failed)
}

fn environment(locale: Locale) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_formatter(format);
    environment.set_loader(|name| {
        let Some(file) = Templates::get(name) else { return Ok(None) };
        String::from_utf8(file.data.into_owned())
            .map(Some)
            .map_err(|error| Error::new(ErrorKind::TemplateNotFound, "not UTF-8").with_source(error))
    });
    environment.add_function("t", move |key: &str, values: Kwargs| translate(locale, key, &values));
    environment.add_function("asset", asset);
    environment
}

/// `t("key", name=value)`: a message as HTML. Messages are markup of ours, values are escaped.
fn translate(locale: Locale, key: &str, values: &Kwargs) -> Result<Value, Error> {
    let message = messages::get(locale, key)
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no message {key} in {locale}")))?;
    let mut names = Vec::new();
    for name in values.args() {
        names.push((name, values.get::<Value>(name)?.to_string()));
    }
    let text = messages::fill(message, |name| names.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()));
    let text = text.ok_or_else(|| Error::new(ErrorKind::MissingArgument, format!("{key} in {locale} misses a value")))?;
    Ok(Value::from_safe_string(text))
}

/// `asset("app.css")`: the path of a static file.
fn asset(name: &str) -> Result<String, Error> {
    assets::by_name(name)
        .map(|asset| format!("/static/{}", asset.file_name))
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no static file {name}")))
}

/// Writes a value. Unlike the default, leaves `/` alone: `data:` and link addresses stay readable in the source.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let is_plain_text = value.kind() == ValueKind::String && !value.is_safe();
    match value.as_str() {
        Some(text) if is_plain_text && matches!(state.auto_escape(), AutoEscape::Html) => {
            out.write_str(&escape(text)).map_err(Error::from)
        }
        _other => minijinja::escape_formatter(out, state, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render_text(template: &str) -> Result<String, Error> {
        let environment = environment(Locale::En);
        environment.template_from_named_str("test.html", template)?.render(context! { page => context! { name => "<a/b>" } })
    }

    #[test]
    fn values_are_escaped_but_slashes_stay() {
        assert_eq!(render_text("{{ page.name }}").unwrap(), "&lt;a/b&gt;");
        assert_eq!(render_text("{{ t('back_to', app=page.name) }}").unwrap(), "Back to &lt;a/b&gt;");
    }

    #[test]
    fn what_does_not_exist_fails_the_page() {
        for bad in [
            "{{ page.nothing }}",
            "{% if page.nothing %}{% endif %}",
            "{{ t('nothing') }}",
            "{{ t('back_to') }}",
            "{{ asset('no.css') }}",
        ] {
            assert!(render_text(bad).is_err(), "{bad}");
        }
    }
}
