//! What an operator's brand changes on the pages, and the logos of apps.

use super::*;

#[test]
fn a_brand_is_on_every_page_and_nothing_comes_from_elsewhere() {
    let (brand, _files) = &*BRANDED;
    let [logo, dark, style] = [&brand.logo, &brand.logo_dark, &brand.style].map(|path| path.clone().unwrap());
    for (name, html) in branded_pages() {
        assert!(html.contains("Söhne &amp; Co &lt;b&gt;&quot;</title>") && !html.contains("Signbridge"), "{name}");
        assert_eq!(html.matches("rel=\"stylesheet\"").count(), 2, "{name}");
        assert!(html.find("/static/app.").unwrap() < html.find(&style).unwrap(), "{name}: the brand's style sheet wins");
        assert!(attributes(&html, "src").contains(&logo.as_str()), "{name}");
        assert_eq!(attributes(&html, "srcset"), [dark.as_str()], "{name}");
        for source in attributes(&html, "src") {
            assert!(source.starts_with("/static/") || source.starts_with("data:image/png;"), "{name}: {source}");
        }
        let footer = html.split("<footer").nth(1).unwrap();
        assert!(footer.contains("href=\"https://www.example.com/imprint?a=1&amp;b=2\""), "{name}");
        assert!(footer.contains("href=\"https://www.example.com/privacy\""), "{name}");
    }
    for (name, html) in all_pages(&context(Locale::En)) {
        assert!(html.contains("Signbridge</title>"), "{name}");
        for absent in ["masthead", "class=\"links\"", "class=\"contact\"", "brand."] {
            assert!(!html.contains(absent), "{name}: {absent}");
        }
    }
}

#[test]
fn whoever_is_told_to_ask_is_told_whom() {
    let link = "<a href=\"mailto:help@example.com?subject=%22%3E&amp;body=x\"";
    for (name, html) in rendered_in::<ErrorPage>(&branded(Locale::En)) {
        assert!(html.contains(link), "{name}");
    }
    for (name, html) in rendered_in::<Wait>(&branded(Locale::En)) {
        let state = attributes(&html, "data-login-state").concat();
        assert_eq!(html.contains(link), ["denied", "failed"].contains(&state.as_str()), "{name}");
    }
    for (name, html) in all_pages(&branded(Locale::En)) {
        assert!(!html.contains("administrator") || html.contains(link), "{name}");
    }
    let words = |support_text: Option<&str>, support_url: Option<&str>| {
        let support_url = support_url.map(|url| ContactLink::parse(url).unwrap());
        let brand = Brand { support_text: support_text.map(str::to_owned), support_url, ..Brand::default() };
        let (view, files) = BrandView::of(&brand);
        assert!(files.is_empty());
        let html = render(&ErrorPage::samples().remove(0).page, &PageContext { brand: &view, ..context(Locale::En) }).unwrap();
        html.split("class=\"contact\">Need help? ").nth(1).and_then(|rest| rest.split("</p>").next()).map(str::to_owned)
    };
    let linked = "<a href=\"https://help.example.com/\" rel=\"noreferrer\">help.example.com</a>";
    assert_eq!(words(None, Some("https://help.example.com/")).as_deref(), Some(linked));
    assert_eq!(words(Some("Extension 4000"), None).as_deref(), Some("Extension 4000"));
    assert_eq!(words(None, None), None);
}

#[test]
fn the_logo_of_an_app_takes_the_place_of_its_initial() {
    for (name, html) in [rendered::<Choose>(Locale::En), rendered::<Consent>(Locale::En)].concat() {
        let has_logo = attributes(&html, "class").contains(&"app-logo");
        assert_eq!(has_logo, !name.contains("hostile"), "{name}");
        assert_ne!(has_logo, attributes(&html, "class").contains(&"app-initial"), "{name}");
    }
}

#[test]
fn the_reference_of_an_error_can_be_copied_where_there_is_a_script() {
    for (name, html) in rendered::<ErrorPage>(Locale::En) {
        let button = html.split("<button type=\"button\" id=\"copy\"").nth(1).and_then(|rest| rest.split("</button>").next());
        assert!(button.is_some_and(|button| button.ends_with(" hidden>Copy")), "{name}: {button:?}");
        assert!(
            html.contains("<code id=\"reference\">") && html.contains("<span id=\"copied\" class=\"hidden\" role=\"status\">"),
            "{name}"
        );
    }
}
