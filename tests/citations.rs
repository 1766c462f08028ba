//! What comments, tests and documents cite is in this repository: each number leads to its row or section.
//!
//! The forms: `check 138` (`docs/requirements/security.md`); `S14`, `B8`, `R24` (`faults.md`); `L17`, `C2`, `P1` (`experience.md`); `W13`, `F2`,
//! `M3`, `A7` (`inspection.md`); `decision 2.7` and `design 3` (`docs/design.md`); `SecSign notes §3.1` and `ThumbSignIn notes §1.2` (`docs/protocols`).
//! RFCs and other public specifications are cited by their own names and are not looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::craft::{files_below, root};

/// The letters of the lists in `docs/requirements`.
const LETTERS: &str = "SBRLCPWFMA";

/// Forms that lead nowhere in this repository.
const UNKNOWN_FORMS: &[&str] = &["security bar", "protocol notes", "experience L", "experience C", "bar B"];

/// Everything that can be cited, each by its one spelling: `check 7`, `S14`, `decision 2.7`, `design 3`, `SecSign notes §3.1`.
fn citable() -> BTreeSet<String> {
    let read = |name: &str| fs::read_to_string(root().join("docs").join(name)).unwrap();
    let mut found = BTreeSet::new();
    for page in ["security", "faults", "experience", "inspection"] {
        let first_cells = read(&format!("requirements/{page}.md"));
        let first_cells = first_cells.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
        for (cell, _rest) in first_cells {
            let is_number = cell.chars().all(|c| c.is_ascii_digit());
            found.insert(if is_number { format!("check {cell}") } else { cell.to_owned() });
        }
    }
    for line in read("design.md").lines() {
        if let Some((number, _title)) = line.strip_prefix("**2.").and_then(|rest| rest.split_once(' ')) {
            found.insert(format!("decision 2.{number}"));
        }
        if let Some((number, _title)) = line.strip_prefix("## ").and_then(|rest| rest.split_once(". ")) {
            found.insert(format!("design {number}"));
        }
    }
    for (service, page) in [("SecSign", "secsign"), ("ThumbSignIn", "thumbsignin")] {
        for line in read(&format!("protocols/{page}.md")).lines().filter(|line| line.starts_with("##")) {
            let number = line.trim_start_matches('#').split_whitespace().next().unwrap().trim_end_matches('.');
            found.insert(format!("{service} notes §{number}"));
        }
    }
    found
}

/// The numbers of a list such as `2.4, 2.5 and 2.13`, `134–136` or `§2.2–2.4`, read from the beginning of `text`.
fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches('§');
    loop {
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = rest[..length].trim_end_matches('.');
        if number.is_empty() {
            return found;
        }
        found.push(number.to_owned());
        rest = &rest[number.len()..];
        let next = [", ", " and ", "–", "-"].iter().find_map(|between| rest.strip_prefix(between));
        let Some(next) = next else { return found };
        rest = next.trim_start_matches('§');
    }
}

/// What a prose text cites by a kind and a number.
fn named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, form) in [
        ("check ", "check "),
        ("checks ", "check "),
        ("decision ", "decision "),
        ("decisions ", "decision "),
        ("design ", "design "),
        ("section ", "design "),
        ("bar ", "bar "),
        ("experience ", "experience "),
        ("relying parties ", "relying parties "),
        ("secsign notes ", "SecSign notes §"),
        ("thumbsignin notes ", "ThumbSignIn notes §"),
    ] {
        let lower = text.to_ascii_lowercase();
        for (at, matched) in lower.match_indices(word) {
            let is_word = !lower[..at].ends_with(|c: char| c.is_alphanumeric());
            // "section 3" alone is of any document; "design section 3" is of ours.
            if !is_word || (word == "section " && !lower[..at].ends_with("design ")) {
                continue;
            }
            for number in numbers(&text[at + matched.len()..]) {
                let is_decision = form == "design " && number.contains('.');
                // `docs/decisions/0003` are pages with names of their own.
                if form != "decision " || number.contains('.') {
                    found.push(format!("{}{number}", if is_decision { "decision " } else { form }));
                }
            }
        }
    }
    found
}

/// What a prose text cites by a letter and a number.
fn lettered(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || "_-%/#.&=+".contains(c)))
        .map(|word| word.trim_end_matches('.'))
        .flat_map(|word| word.split('/'))
        .filter(|word| {
            let digits = word.get(1..).unwrap_or_default();
            word.starts_with(|c| LETTERS.contains(c))
                && (1..=2).contains(&digits.len())
                && digits.chars().all(|c| c.is_ascii_digit())
                && !digits.starts_with('0')
        })
        .map(str::to_owned)
        .collect()
}

/// The prose of a file, a paragraph an item, with the number of its first line: the comments of code, the titles of tests, the text of a page.
fn prose(name: &str, text: &str) -> Vec<(usize, String)> {
    let is_page = name.ends_with(".md");
    let marker = if name.ends_with(".rs") || name.ends_with(".mjs") { "//" } else { "#" };
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut goes_on, mut is_code) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("```") {
            is_code = !is_code;
        }
        let said = if is_page {
            (!is_code && !line.is_empty()).then(|| line.split('`').step_by(2).collect::<Vec<_>>().join("`"))
        } else if line.starts_with("test(") {
            Some(line.to_owned())
        } else {
            let comment = if line.starts_with("/*") || line.starts_with("* ") {
                Some((0, line))
            } else {
                line.find(marker).map(|at| (at, line))
            };
            comment.map(|(at, line)| line[at..].trim_start_matches(['/', '!', '#', '*', ' ']).to_owned())
        };
        match (said, found.last_mut()) {
            (Some(said), Some((_at, last))) if goes_on && !said.starts_with('|') => {
                last.push(' ');
                last.push_str(&said);
            }
            (Some(said), _) => {
                found.push((at + 1, said));
                goes_on = true;
            }
            (None, _) => goes_on = false,
        }
    }
    found
}

/// What a file cites and nobody finds, and forms that no page has.
fn unresolved(name: &str, text: &str, citable: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, said) in prose(name, text) {
        let unknown = named(&said).into_iter().chain(lettered(&said)).filter(|citation| !citable.contains(citation));
        wrong.extend(unknown.map(|citation| format!("{name}:{line}: {citation}")));
        let lower = said.to_lowercase();
        let forms = UNKNOWN_FORMS.iter().filter(|form| lower.contains(&form.to_lowercase()));
        wrong.extend(forms.map(|form| format!("{name}:{line}: {form}…")));
    }
    wrong
}

/// The files whose citations are looked at: each with its path below the root.
fn citing_files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["src", "simulator", "migrations", "tests", "benches", "docs", "keys"] {
        found.extend(files_below(&root().join(folder), &["rs", "mjs", "py", "md", "toml", "service"]));
    }
    found.extend(
        ["check", "README.md", "CONTRIBUTING.md", "Dockerfile", "docker-compose.yml", "Cargo.toml", "clippy.toml"]
            .map(|name| root().join(name)),
    );
    let named = found.into_iter().map(|path| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    });
    // This file speaks of the forms themselves.
    named.filter(|(name, _text)| name != "tests/citations.rs").collect()
}

#[test]
fn every_citation_leads_to_its_place() {
    let citable = citable();
    assert!((1..=166).all(|number| citable.contains(&format!("check {number}"))));
    let files = citing_files();
    let wrong: Vec<String> = files.iter().flat_map(|(name, text)| unresolved(name, text, &citable)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let code = files.iter().filter(|(name, _text)| !name.ends_with(".md")).flat_map(|(name, text)| prose(name, text));
    let found: usize = code.map(|(_line, said)| named(&said).len() + lettered(&said).len()).sum();
    assert!(found > 300, "{found} citations in code: the reader of comments finds too few");
}

#[test]
fn a_citation_of_nothing_would_be_noticed() {
    let citable = citable();
    let wrong = |name: &str, text: &str| unresolved(name, text, &citable);
    let good = "/// As promised (checks 134–136, S14;\n/// decisions 2.4, 2.5 and 2.13; design 3; SecSign notes §3.1, §4), not RFC 6749 §99.\n";
    assert_eq!(wrong("a.rs", good), [""; 0]);
    for (text, citation) in [
        ("// (check 167)", "check 167"),
        ("// (checks 12, 999)", "check 999"),
        ("// S22", "S22"),
        ("// (B51)", "B51"),
        ("// R44/B8", "R44"),
        ("let x = 1; // decision 2.99", "decision 2.99"),
        ("// design 2.99", "decision 2.99"),
        ("// design 9", "design 9"),
        ("// SecSign notes §9.9", "SecSign notes §9.9"),
        ("// ThumbSignIn\n// notes §1.2–1.99", "ThumbSignIn notes §1.99"),
        ("// Decision\n// 2.98", "decision 2.98"),
        ("// (bar 40)", "bar 40"),
        ("// the security\n// bar", "security bar…"),
        ("// relying parties 4.4", "relying parties 4.4"),
        ("// experience L17", "experience L…"),
    ] {
        let found = wrong("a.rs", text);
        assert!(found.contains(&format!("a.rs:1: {citation}")), "{text}: {found:?}");
    }
    assert_eq!(wrong("a.test.mjs", "x;\ntest('B51: so it is', () => {"), ["a.test.mjs:2: B51"]);
    assert_eq!(wrong("a.md", "| row | L21 |\n\n`L22`\n```\nL23\n```\n"), ["a.md:1: L21"]);
    assert_eq!(wrong("a.rs", "let s = \"S99\";\n// P-256, F1x, 0xB8, %C3, S0\n"), [""; 0]);
}

/// The texts between backticks in the last cell of each row, with the words in quotes that follow one.
pub(crate) fn references(page: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for line in
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| number") && !line.starts_with("| check |"))
    {
        let cell = line.trim_end_matches(['|', ' ']).rsplit(" | ").next().unwrap();
        let parts: Vec<&str> = cell.split('`').skip(1).collect();
        for pair in parts.chunks(2) {
            let [name, after @ ..] = pair else { continue };
            let quoted = after.first().and_then(|after| after.strip_prefix(" \"")?.split_once('"'));
            found.push(((*name).to_owned(), quoted.map(|(words, _rest)| words.to_owned())));
        }
    }
    found
}

/// What of the names on a page does not exist: files, functions, titles of tests.
pub(crate) fn missing(page: &str, functions: &BTreeSet<String>) -> Vec<String> {
    let exists = |name: &str| {
        ["", "src/", "docs/", "docs/requirements/"].iter().any(|below| root().join(format!("{below}{name}")).exists())
    };
    let mut wrong = Vec::new();
    for (name, words) in references(page) {
        let is_function = name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let is_there = if is_function {
            functions.contains(&name)
        } else if name.ends_with(".mjs") {
            let text = fs::read_to_string(root().join("tests/clients").join(&name)).unwrap_or_default();
            let titled = |words: &str| text.lines().any(|line| line.contains("test(") && line.contains(words));
            !text.is_empty() && words.as_deref().is_none_or(titled)
        } else {
            !Path::new(&name).extension().is_some_and(|extension| ["rs", "md", "toml"].iter().any(|known| extension == *known))
                || exists(&name)
        };
        if !is_there {
            wrong.push(format!("{name} {}", words.unwrap_or_default()));
        }
    }
    wrong
}

/// Every function of the workspace by its name.
pub(crate) fn functions() -> BTreeSet<String> {
    let files =
        ["src", "simulator", "migrations", "tests"].iter().flat_map(|folder| files_below(&root().join(folder), &["rs"]));
    let texts: Vec<String> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let names = texts.iter().flat_map(|text| text.split("fn ").skip(1));
    names.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn every_test_that_a_requirement_names_exists() {
    let functions = functions();
    for page in ["requirements/security", "requirements/faults", "requirements/experience", "proof/pages"] {
        let text = fs::read_to_string(root().join(format!("docs/{page}.md"))).unwrap();
        assert!(references(&text).len() > 20, "{page}");
        let wrong = missing(&text, &functions);
        assert!(wrong.is_empty(), "{page}: {wrong:#?}");
    }
    let wrong = missing(
        "| 1 | x | `no_such_function`; `no.test.mjs`; `errors.test.mjs` \"no such title\"; `flow/none.rs` |",
        &functions,
    );
    assert_eq!(wrong.len(), 4, "{wrong:?}");
}

#[test]
fn every_file_that_a_page_names_exists() {
    let mut wrong = Vec::new();
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/design.md",
        "docs/deviations.md",
        "docs/limits.md",
        "docs/proof/house.md",
    ] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let is_path = |name: &str| name.contains('/') && !name.contains([' ', '*', 'N', '{', '…']);
        let is_file = |name: &str| [".rs", ".md", ".mjs", ".toml", ".yml"].iter().any(|end| name.ends_with(end));
        for name in text
            .split(['`', '(', ')'])
            .filter(|name| is_path(name) && is_file(name) && !name.starts_with("http") && !name.starts_with('/'))
        {
            if !["", "src/", "docs/", "tests/clients/"].iter().any(|below| root().join(format!("{below}{name}")).exists()) {
                wrong.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The files of `src` that a cell names, one after another.
fn files_of(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs")).collect()
}

/// Functions that do not stand in the file of `src` that a cell names before them.
fn misplaced(cell: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut file, mut text) = ("", String::new());
    for name in cell.split('`').skip(1).step_by(2) {
        if name.ends_with(".rs") {
            (file, text) = (name, fs::read_to_string(root().join("src").join(name)).unwrap_or_default());
        } else if name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            && !["(", "<"].iter().any(|after| text.contains(&format!("fn {name}{after}")))
        {
            wrong.push(format!("{file}: {name}"));
        }
    }
    wrong
}

#[test]
fn a_newcomer_finds_each_place_in_three_files() {
    let page = fs::read_to_string(root().join("docs/proof/house.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.contains("? | ")).collect();
    assert_eq!(rows.len(), 15);
    for row in rows {
        assert!((1..=3).contains(&files_of(row).len()), "{row}");
        assert_eq!(misplaced(row), [""; 0], "{row}");
    }
    assert_eq!(misplaced("`web/form.rs`: `same_site`, `no_such_one`"), ["web/form.rs: no_such_one"]);
}

#[test]
fn the_table_of_checks_leads_to_functions_and_tests() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table = page.split("## Where a check lives").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches(['|', ' ']).split(" | ").collect())
        .collect();
    assert!(rows.len() > 25);
    let mut wrong = missing(table, &functions());
    for row in &rows[1..] {
        let [_check, place, _test] = row.as_slice() else { panic!("{row:?}") };
        wrong.extend(misplaced(place));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
