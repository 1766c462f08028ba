//! Each check on approval by phone (130 to 152) has a test that `./check` runs, or a deviation with its reason: rows of
//! `docs/requirements/security.md` and lines of `docs/deviations.md`.

use std::collections::BTreeSet;
use std::fs;

use crate::citations::references;
use crate::craft::root;
use crate::seeds::Tests;

/// The numbers of the checks in the first cells of a page: `144`, `134 (part)`, `139, B13 (part)`, `146–148`.
fn deviating(page: &str) -> BTreeSet<u32> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let mut found = BTreeSet::new();
    for number in cells.flat_map(|(cell, _rest)| cell.split(", ")) {
        let number = number.trim_end_matches(" (part)");
        let (from, to) = number.split_once('–').unwrap_or((number, number));
        if let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse()) {
            found.extend(from..=to);
        }
    }
    found
}

/// What is wrong with the rows of the checks on approval by phone.
fn flaws(security: &str, deviations: &str, tests: &Tests) -> Vec<String> {
    let deviating = deviating(deviations);
    let mut wrong = Vec::new();
    for check in 130..=152 {
        let begin = format!("| {check} | ");
        let rows: Vec<&str> = security.lines().filter(|line| line.starts_with(&begin)).collect();
        let [row] = rows.as_slice() else {
            wrong.push(format!("{check}: {} rows", rows.len()));
            continue;
        };
        let named = references(row);
        let missing = named.iter().filter(|(name, title)| !tests.has(name, title.as_deref()));
        wrong.extend(missing.map(|(name, title)| format!("{check}: no test {name} {}", title.as_deref().unwrap_or_default())));
        let shown_by = row.rsplit(" | ").next().unwrap_or_default();
        let deviates = shown_by.contains("deviation");
        if deviates != deviating.contains(&check) {
            wrong.push(format!("{check}: the row and the deviations differ"));
        }
        if named.is_empty() && !deviates || shown_by.contains("no test") {
            wrong.push(format!("{check}: neither a test nor a deviation"));
        }
    }
    wrong
}

#[test]
fn every_check_on_approval_by_phone_has_a_test_that_runs_or_a_deviation() {
    let read = |name: &str| fs::read_to_string(root().join("docs").join(name)).unwrap();
    let wrong = flaws(&read("requirements/security.md"), &read("deviations.md"), &Tests::of_this_repository());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_check_without_a_test_that_runs_would_be_noticed() {
    let tests = Tests::of("a_test", ("a.test.mjs", "a title"));
    let wrong = |cell: &str, deviation: &str| {
        let rows: String = (131..=152).map(|check| format!("| {check} | it holds | `a_test` |\n")).collect();
        flaws(&format!("| 130 | one | {cell} |\n{rows}"), &format!("| {deviation} | else | because |\n"), &tests)
    };
    for (cell, deviation) in [
        ("`a_test`", "14"),
        ("`a_test`; `a.test.mjs` \"title\" (so it is)", "design 3"),
        ("`a_test`; deviation (part)", "130 (part)"),
        ("deviation: not built", "12, 130, B13 (part)"),
        ("deviation", "128–130"),
    ] {
        assert_eq!(wrong(cell, deviation), [""; 0], "{cell}");
    }
    for (cell, deviation) in [
        ("`no_test`", "14"),
        ("`a_test`; `a.test.mjs` \"another\"", "14"),
        ("`a_test`; `a.test.mjs`", "14"),
        ("`a_test`; the rest: no test", "14"),
        ("not built", "14"),
        ("deviation", "14"),
        ("`a_test`", "130 (part)"),
        ("`a_test` |\n| 130 | two | `a_test`", "14"),
    ] {
        assert!(!wrong(cell, deviation).is_empty(), "{cell}");
    }
    assert_eq!(deviating("| 14 (part), B35 | x |\n| 146–148 | y |\n| design 3 | z |\n"), BTreeSet::from([14, 146, 147, 148]));
}
