//! From a page struct to HTML: the template environment, one per language.
//! Undefined names are errors, every value is escaped, and a message that is missing fails the page instead of showing its
//! key: the tests render every sample of every page in every language, so that none of this happens in front of people.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, context};
use rust_embed::RustEmbed;
use serde::Serialize;

use super::assets::{self, Asset};
use super::brand::BrandView;
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
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LanguageLink {
    pub locale: Locale,
    /// Where a GET leads back to the same page, in it.
    pub href: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct PageContext<'a> {
    pub locale: Locale,
    pub brand: &'a BrandView,
    /// The nonce of this answer's `script-src` (CSP 3 §6.7.3). Only the form_post page has an inline script.
    pub nonce: String,
    /// The languages to offer in the footer; the page's own is left out, and none hides the choice.
    pub languages: Vec<LanguageLink>,
}

pub(crate) fn render<P: Page>(page: &P, context: &PageContext<'_>) -> Result<String, ViewError> {
    static ENGLISH: LazyLock<Environment<'static>> = LazyLock::new(|| environment(Locale::En));
    static GERMAN: LazyLock<Environment<'static>> = LazyLock::new(|| environment(Locale::De));
    let environment = match context.locale {
        Locale::En => &ENGLISH,
        Locale::De => &GERMAN,
    };
    let failed = |source| ViewError { template: P::TEMPLATE, source };
    let template = environment.get_template(P::TEMPLATE).map_err(failed)?;
    template.render(context! { page => Value::from(Serde(page)), ..Value::from(Serde(context)) }).map_err(failed)
}

fn environment(locale: Locale) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_formatter(format);
    environment.set_loader(|name| Ok(Templates::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned())));
    environment.add_function("t", move |key: &str, values: Kwargs| translate(locale, key, &values));
    environment.add_function("asset", asset);
    environment.add_test("web_link", is_web_link);
    environment.add_test("harmless_link", is_harmless_link);
    environment
}

/// `t("key", name=value)`: a message as HTML. Messages are markup of ours, values are escaped.
fn translate(locale: Locale, key: &str, values: &Kwargs) -> Result<Value, Error> {
    let message = messages::get(locale, key)
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no message {key} in {locale}")))?;
    let value = |name: &str| values.get::<Option<Value>>(name).ok()?.map(|value| value.to_string());
    let text = messages::fill(message, value)
        .ok_or_else(|| Error::new(ErrorKind::MissingArgument, format!("{key} in {locale} misses a value")))?;
    Ok(Value::from_safe_string(text))
}

/// `asset("app.css")`: the path of a static file.
fn asset(name: &str) -> Result<String, Error> {
    assets::by_name(name)
        .map(Asset::path)
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no static file {name}")))
}

/// `url is web_link`: http or https, which is all that a link to an app may be.
fn is_web_link(link: &str) -> bool {
    let lower = link.trim().to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

/// `url is harmless_link`: whether a link of any scheme (apps have their own) leads out of this page instead of running in it.
/// Browsers drop control characters and spaces before the scheme and within it (WHATWG URL §4.4), hence so do we.
fn is_harmless_link(link: &str) -> bool {
    let seen: String = link.chars().filter(|character| !character.is_control() && *character != ' ').collect();
    let scheme = seen.split(':').next().unwrap_or_default().to_ascii_lowercase();
    !["javascript", "data", "vbscript", "blob", "file"].contains(&scheme.as_str())
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
    fn links_that_run_in_the_page_are_not_offered() {
        for bad in ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "vbscript:x"] {
            assert!(!is_harmless_link(bad) && !is_web_link(bad), "{bad:?}");
        }
        for good in ["https://a.example/x", "http://127.0.0.1:8081/phone/t/1"] {
            assert!(is_harmless_link(good) && is_web_link(good), "{good}");
        }
        assert!(is_harmless_link("thumbsignin://t/1") && !is_web_link("thumbsignin://t/1"));
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
