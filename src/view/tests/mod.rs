//! Every sample of every page in every language, and what design 3 promises about them.

mod brand;
mod samples;
mod wait;
mod wait_samples;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use super::brand::BrandView;
use super::pages::{Choose, Consent, Declined, ErrorPage, FormPost, Home, Identify, Logout, Message, Wait};
use super::{LanguageLink, Locale, PageContext, assets, messages, render};
use crate::domain::brand::{Accent, Brand, ContactLink, PageLink};
use crate::domain::picture::Picture;
use crate::domain::picture::tests::SVG;
use samples::Sampled;

const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../../templates/pages/layout.html")),
    ("macros.html", include_str!("../../../templates/pages/macros.html")),
    ("choose.html", include_str!("../../../templates/pages/choose.html")),
    ("identify.html", include_str!("../../../templates/pages/identify.html")),
    ("wait.html", include_str!("../../../templates/pages/wait.html")),
    ("declined.html", include_str!("../../../templates/pages/declined.html")),
    ("consent.html", include_str!("../../../templates/pages/consent.html")),
    ("message.html", include_str!("../../../templates/pages/message.html")),
    ("home.html", include_str!("../../../templates/pages/home.html")),
    ("logout.html", include_str!("../../../templates/pages/logout.html")),
    ("error.html", include_str!("../../../templates/pages/error.html")),
    ("form_post.html", include_str!("../../../templates/pages/form_post.html")),
];

fn context(locale: Locale) -> PageContext<'static> {
    static PLAIN: LazyLock<BrandView> = LazyLock::new(|| BrandView::of(&Brand::default()).0);
    let link = |locale: Locale| LanguageLink { locale, href: format!("?lang={locale}&x=1") };
    PageContext { locale, brand: &PLAIN, nonce: "n0nce".to_owned(), languages: Locale::ALL.map(link).to_vec() }
}

/// A brand with everything, hostile where it can be, and its files.
static BRANDED: LazyLock<(BrandView, Vec<assets::Asset>)> = LazyLock::new(|| {
    let logo = |colour: &str| Some(Picture::of("logo.svg", SVG.replace("#c33", colour).as_bytes(), 1024).unwrap());
    BrandView::of(&Brand {
        name: "Söhne & Co <b>\"".to_owned(),
        logo: logo("#7a1fa2"),
        logo_dark: logo("#c096d3"),
        accent: Some(Accent::parse("#7a1fa2").unwrap()),
        support_url: Some(ContactLink::parse("mailto:help@example.com?subject=%22%3E&body=x").unwrap()),
        support_text: Some("<script>alert(1)</script> helpdesk, extension 4000".to_owned()),
        imprint_url: Some(PageLink::parse("https://www.example.com/imprint?a=1&b=2").unwrap()),
        privacy_url: Some(PageLink::parse("https://www.example.com/privacy").unwrap()),
    })
});

fn branded(locale: Locale) -> PageContext<'static> {
    PageContext { brand: &BRANDED.0, ..context(locale) }
}

fn rendered<P: Sampled>(locale: Locale) -> Vec<(String, String)> {
    rendered_in::<P>(&context(locale))
}

/// The rendered samples of a page: name and HTML.
fn rendered_in<P: Sampled>(context: &PageContext<'_>) -> Vec<(String, String)> {
    let locale = context.locale;
    P::samples()
        .into_iter()
        .map(|sample| {
            let html = render(&sample.page, context).unwrap_or_else(|error| {
                panic!("{} {} {locale}: {error}: {:?}", P::TEMPLATE, sample.name, std::error::Error::source(&error))
            });
            (format!("{}-{}-{locale}", P::TEMPLATE.trim_end_matches(".html"), sample.name), html)
        })
        .collect()
}

fn all_pages(context: &PageContext<'_>) -> Vec<(String, String)> {
    [
        rendered_in::<Choose>(context),
        rendered_in::<Identify>(context),
        rendered_in::<Wait>(context),
        rendered_in::<Declined>(context),
        rendered_in::<Consent>(context),
        rendered_in::<Message>(context),
        rendered_in::<Home>(context),
        rendered_in::<Logout>(context),
        rendered_in::<ErrorPage>(context),
        rendered_in::<FormPost>(context),
    ]
    .concat()
}

fn branded_pages() -> Vec<(String, String)> {
    let pages = Locale::ALL.into_iter().flat_map(|locale| all_pages(&branded(locale)));
    pages.map(|(name, html)| (format!("{name}-branded"), html)).collect()
}

/// Without a brand, and with one.
fn every_page() -> Vec<(String, String)> {
    let plain = Locale::ALL.into_iter().flat_map(|locale| all_pages(&context(locale)));
    plain.chain(branded_pages()).collect()
}

/// The values of an attribute, as written.
fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    html.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_sample_renders_and_names_itself_and_its_language() {
    let known = ["choose", "identify", "wait", "declined", "consent", "message", "logout", "error"];
    for locale in Locale::ALL {
        for (name, html) in all_pages(&context(locale)) {
            let page = attributes(&html, "data-page");
            assert!(matches!(page.as_slice(), [page] if known.contains(page)), "{name}: {page:?}");
            assert!(html.starts_with("<!doctype html>"), "{name}");
            assert!(html.contains(&format!("<html lang=\"{locale}\">")), "{name}");
            assert_eq!(html.matches("<h1").count(), 1, "{name}");
        }
    }
}

#[test]
fn no_value_becomes_markup_or_a_link_that_runs() {
    for (name, html) in every_page() {
        let markup = html.to_ascii_lowercase();
        for bad in ["<script>alert", "<img src=x", "<b>\"", "</main>\"", "=\"javascript:", "=\"java\n", "style="] {
            assert!(!markup.contains(bad), "{name}: {bad}");
        }
        assert_eq!(html.matches("</main>").count(), 1, "{name}");
    }
    let (_, hostile) = rendered::<Choose>(Locale::En).pop().unwrap();
    assert!(hostile.contains("&lt;script&gt;alert(1)&lt;/script&gt; &quot;Söhne &amp; Co&quot;"));
}

#[test]
fn the_footer_offers_the_other_language_and_nothing_where_there_is_no_way_back() {
    let page = Choose::samples().remove(0).page;
    for (locale, other) in [(Locale::En, Locale::De), (Locale::De, Locale::En)] {
        let html = render(&page, &context(locale)).unwrap();
        let footer = html.split("<footer").nth(1).unwrap();
        let link = format!("<a href=\"?lang={other}&amp;x=1\" hreflang=\"{other}\" lang=\"{other}\">");
        assert!(footer.contains(&link) && footer.matches("<a ").count() == 1, "{footer}");
        let plain = render(&page, &PageContext { languages: Vec::new(), ..context(locale) }).unwrap();
        assert!(!plain.contains("<nav"));
    }
    for (name, html) in every_page() {
        assert_eq!(html.contains("<nav"), !name.starts_with("form_post"), "{name}: a code is posted once");
    }
}

#[test]
fn every_form_posts_and_carries_its_csrf_value() {
    for (name, html) in every_page() {
        for form in html.split("<form ").skip(1) {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("method=\"post\"") && form.contains(" action=\""), "{name}: {form}");
            // The form_post page posts to the app, which must not learn the value.
            let is_for_app = form.contains("id=\"form-post\"");
            assert_eq!(form.contains("name=\"csrf\" value=\"csrf\""), !is_for_app, "{name}: {form}");
            assert!(form.contains("<button type=\"submit\""), "{name}: {form}");
        }
    }
}

#[test]
fn only_the_form_post_page_has_an_inline_script_and_it_carries_the_nonce() {
    for (name, html) in every_page() {
        let scripts = html.matches("<script").count();
        assert_eq!(scripts, html.matches("nonce=\"n0nce\"").count(), "{name}");
        assert_eq!(scripts, if name.starts_with("form_post") { 2 } else { 1 }, "{name}");
        assert!(!attributes(&html, "onclick").iter().any(|_| true), "{name}");
    }
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    for (name, html) in every_page() {
        let ids = attributes(&html, "id");
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        let references = attributes(&html, "for").into_iter().chain(attributes(&html, "aria-describedby"));
        for reference in references.flat_map(str::split_whitespace) {
            assert!(ids.contains(&reference), "{name}: {reference}");
        }
    }
}

#[test]
fn the_first_button_of_identify_goes_on_with_the_name() {
    for (name, html) in rendered::<Identify>(Locale::En) {
        let form = html.split("id=\"identify\"").nth(1).and_then(|rest| rest.split("</form>").next()).unwrap();
        let first = form.split("<button").nth(1).unwrap();
        assert!(!first.split('>').next().unwrap().contains("name="), "{name}");
        assert_eq!(form.contains("name=\"unnamed\""), name.contains("unnamed"), "{name}");
    }
}

#[test]
fn the_languages_have_the_same_messages_with_the_same_values() {
    let english: BTreeSet<_> = messages::keys(Locale::En).collect();
    let german: BTreeSet<_> = messages::keys(Locale::De).collect();
    assert!(english.len() > 100, "the file did not parse");
    assert_eq!(english, german);
    for key in english {
        let [english, german] = Locale::ALL.map(|locale| messages::get(locale, key).unwrap());
        for message in [english, german] {
            let plain = message.replace("<strong>", "").replace("</strong>", "");
            assert!(!plain.contains(['"', '<', '>', '&', '\'']), "{key}: {message}");
        }
        let names = |message: &str| -> BTreeSet<String> {
            message.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect()
        };
        assert_eq!(names(english), names(german), "{key}");
        // A headline is also the title of the window, where markup would show.
        assert!(!key.ends_with("headline") || key.starts_with("signin") || !english.contains('<'), "{key}");
    }
}

/// The message keys that the templates name: whole ones, and the beginnings of those that are put together.
fn keys_in_templates() -> (BTreeSet<&'static str>, Vec<&'static str>) {
    let mut whole = BTreeSet::new();
    let mut beginnings = vec!["wait.pending.", "wait.fetched.", "wait.approved.", "wait.denied.", "wait.expired."];
    beginnings.extend(["wait.cancelled.", "wait.failed."]);
    for (_, template) in TEMPLATES {
        for (at, _) in template.match_indices("t(\"") {
            // `asset("…")` ends like it.
            if template[..at].ends_with(|before: char| before.is_alphanumeric()) {
                continue;
            }
            let key = template[at..].split([',', ')']).next().unwrap();
            let literals = key.split('"').skip(1).step_by(2);
            if key.contains('~') { beginnings.extend(literals) } else { whole.extend(literals) }
        }
    }
    (whole, beginnings)
}

#[test]
fn every_message_that_a_template_names_exists_and_none_is_left_over() {
    let (whole, beginnings) = keys_in_templates();
    assert!(whole.len() > 20, "{whole:?}");
    for key in &whole {
        assert!(messages::get(Locale::En, key).is_some(), "a template names {key}");
    }
    for key in messages::keys(Locale::En) {
        let is_used = whole.contains(key) || beginnings.iter().any(|beginning| key.starts_with(beginning));
        assert!(is_used, "nobody shows {key}");
    }
}

#[test]
fn static_files_have_types_and_names_that_change_with_their_content() {
    for (name, content_type) in [("app.css", "text/css; charset=utf-8"), ("app.js", "text/javascript; charset=utf-8")] {
        let asset = assets::by_name(name).unwrap();
        assert_eq!(asset.content_type, content_type);
        assert!(!asset.bytes.is_empty());
        assert_eq!(assets::by_file_name(&asset.file_name).unwrap().name, name);
        assert_eq!(asset.file_name.len(), name.len() + 17);
        assert!(assets::by_file_name(name).is_none(), "only the name with the digest is served");
    }
    assert!(assets::by_name("app.js").unwrap().bytes.len() <= 10 * 1024);
    let font = assets::by_name("inter.woff2").unwrap();
    assert!(font.bytes.len() <= 45 * 1024 && font.content_type == "font/woff2");
    let sheet = String::from_utf8_lossy(&assets::by_name("app.css").unwrap().bytes);
    assert!(sheet.contains(&format!("url(\"{}\")", font.file_name)), "the name with the digest");
    let on_disk = std::fs::read_dir("templates/static").unwrap().count();
    assert_eq!(assets::ALL.len(), on_disk, "a file of an unknown type is not served");
}

#[test]
fn a_page_with_everything_it_loads_is_small() {
    // The typeface is compressed already, and kept by the browser.
    let loaded: usize = assets::ALL.iter().filter(|asset| asset.name != "inter.woff2").map(|asset| asset.bytes.len()).sum();
    for (name, html) in every_page() {
        assert!(html.len() + loaded < 50 * 1024, "{name}: {} + {loaded} bytes before compression", html.len());
    }
}

/// Writes every sample below `$SIGNBRIDGE_SAMPLES`, to look at them in a browser.
#[test]
#[ignore = "writes files for people to look at"]
fn writes_all_pages_for_review() {
    #[expect(clippy::disallowed_methods, reason = "where to write is for whoever runs this")]
    let directory = PathBuf::from(std::env::var("SIGNBRIDGE_SAMPLES").expect("SIGNBRIDGE_SAMPLES names a directory"));
    std::fs::create_dir_all(directory.join("static")).unwrap();
    for asset in assets::ALL.iter() {
        std::fs::write(directory.join("static").join(&asset.file_name), &asset.bytes).unwrap();
    }
    for asset in &BRANDED.1 {
        std::fs::write(directory.join("static").join(&asset.file_name), &asset.bytes).unwrap();
    }
    for (name, html) in every_page() {
        let html = html.replace("\"/static/", "\"static/");
        std::fs::write(directory.join(format!("{name}.html")), html).unwrap();
    }
}
