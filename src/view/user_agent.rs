//! What a browser calls itself (RFC 9110 §10.1.5), in words that people know.

/// The longest that is shown of one that we have no name for.
const LONGEST: usize = 60;

/// The mark of each and its name; those whose mark others carry as well come last.
const BROWSERS: [(&str, &str); 7] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// `None`: it said nothing.
pub(crate) fn browser_name(user_agent: &str) -> Option<String> {
    let named =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} ({system})")),
        (Some(browser), None) => Some(browser.to_owned()),
        (None, _) => Some(user_agent.chars().take(LONGEST).collect()).filter(|text: &String| !text.trim().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_the_names_that_people_know_and_others_are_shortened() {
        let of = |text: &str| browser_name(text).unwrap_or_default();
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(of(chrome), "Chrome (Linux)");
        assert_eq!(of(&format!("{chrome} Edg/140.0.0.0")), "Edge (Linux)");
        assert_eq!(of("Mozilla/5.0 (Windows NT 10.0; rv:141.0) Gecko/20100101 Firefox/141.0"), "Firefox (Windows)");
        assert_eq!(of("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"), "Safari (iPhone)");
        assert_eq!(of("Firefox/1"), "Firefox");
        assert_eq!(of(&"x".repeat(100)), "x".repeat(60));
        assert_eq!((browser_name(""), browser_name("  ")), (None, None));
    }
}
