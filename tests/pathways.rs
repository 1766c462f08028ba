//! `docs/pathways.md` names every address and every way to sign in that the code has, and no other (check 152).

use std::collections::BTreeSet;
use std::fs;

use crate::citations::{functions, missing};
use crate::craft::{files_below, root};

/// Where addresses are given to handlers. The last one makes no address of its own.
const ROUTES: [&str; 4] = ["src/app/management.rs", "src/compat/mod.rs", "src/endpoints/routes.rs", "src/web/error.rs"];
/// The addresses of the endpoints of specifications, which the routes take from there.
const ENDPOINTS: &str = "src/protocol/endpoint.rs";
/// What gives an address to a handler.
const GIVES: [&str; 4] = [".service(", ".route(", "web::resource(", "web::scope("];

/// The lines of a source text that are neither comments nor tests.
fn code(source: &str) -> String {
    let production = source.split("#[cfg(test)]").next().unwrap_or_default();
    production.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The texts in quotes that begin so.
fn literals<'a>(code: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    code.split('"').skip(1).step_by(2).filter(move |text| text.starts_with(begin))
}

/// The files of the product that hold one of these words, but for tests and `demo`, which listens elsewhere.
fn files_with(words: &[&str]) -> BTreeSet<String> {
    let named = files_below(&root().join("src"), &["rs"]).into_iter().map(|path| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        (name, code(&fs::read_to_string(&path).unwrap()))
    });
    let is_product = |name: &str| !name.starts_with("src/demo/") && !name.contains("/tests/") && !name.ends_with("tests.rs");
    named
        .filter(|(name, code)| is_product(name) && words.iter().any(|word| code.contains(word)))
        .map(|(name, _code)| name)
        .collect()
}

/// The cells of each row below a heading, without the head of the table.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let part = page.split("\n## ").find_map(|part| part.strip_prefix(heading)).unwrap_or_default();
    let rows = part.lines().filter(|line| line.starts_with("| "));
    rows.skip(1).map(|line| line.trim_matches(['|', ' ']).split(" | ").collect()).collect()
}

fn page() -> String {
    fs::read_to_string(root().join("docs/pathways.md")).unwrap()
}

fn addresses(page: &str) -> Vec<&str> {
    rows(page, "Every address\n").iter().filter_map(|row| row.first()).map(|cell| cell.trim_matches('`')).collect()
}

#[test]
fn every_address_of_the_code_is_on_the_page_and_no_other() {
    assert_eq!(files_with(&GIVES), BTreeSet::from(ROUTES.map(str::to_owned)));
    let sources = ROUTES.iter().chain([&ENDPOINTS]).map(|name| code(&fs::read_to_string(root().join(name)).unwrap()));
    let sources: Vec<String> = sources.collect();
    let found: BTreeSet<&str> = sources.iter().flat_map(|code| literals(code, "/")).collect();
    assert!(found.len() > 40 && found.contains("/authorize") && found.contains("/login/{id}/continue"), "{found:?}");
    let page = page();
    let named = addresses(&page);
    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), found);
    assert_eq!(named.len(), found.len(), "one row for each");
}

#[test]
fn every_pathway_begins_at_an_address_has_a_strength_and_a_test() {
    let page = page();
    let (pathways, addresses) = (rows(&page, "Ways to sign in\n"), addresses(&page));
    assert!(pathways.len() >= 8);
    let mut strengths = BTreeSet::new();
    for row in &pathways {
        let [_pathway, begins, acr, _there, _test] = row.as_slice() else { panic!("{row:?}") };
        assert!(addresses.contains(&begins.trim_matches('`')), "{row:?}");
        let acr = acr.trim_matches('`');
        assert!(acr.starts_with("urn:") || acr.starts_with("that of "), "{row:?}");
        strengths.extend(acr.starts_with("urn:").then_some(acr));
    }
    let known = code(&fs::read_to_string(root().join("src/domain/assurance.rs")).unwrap());
    assert_eq!(strengths, literals(&known, "urn:").collect::<BTreeSet<_>>());
    assert_eq!(missing(&page, &functions()), [""; 0]);
}

/// Whatever came after another path would have to begin a session there.
#[test]
fn a_session_begins_and_is_renewed_in_one_place() {
    let begins = files_with(&["sessions::insert(", "sessions::renew("]);
    assert_eq!(begins, BTreeSet::from(["src/flow/login/finish.rs".to_owned()]));
}
