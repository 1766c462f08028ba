//! The shape of the house: who uses whom (read from `docs/architecture.md`), where frameworks may appear, how long files and
//! functions are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files whose length has a reason, named in `docs/decisions/`.
const LONG_FILES: &[&str] = &[];

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder with one of these extensions, installed packages left out.
pub(crate) fn files_below(below: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn rust_files(below: &Path) -> Vec<PathBuf> {
    files_below(below, &["rs"])
}

/// The module that a file of `src` belongs to.
fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The table of the architecture page: module → what it may use.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let mut table = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [module, _owns, uses] = cells.as_slice() else { continue };
        let uses = uses.split(',').map(|name| name.trim().to_owned()).filter(|name| name != "–").collect();
        table.insert(module.trim_matches('`').to_owned(), uses);
    }
    table
}

/// The modules of this crate that a source text names.
fn used_modules(source: &str) -> BTreeSet<String> {
    let production = source.split("#[cfg(test)]").next().unwrap();
    let code: String = production.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, found)| {
            let rest = &code[at + found.len()..];
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn modules_use_only_what_the_architecture_page_allows() {
    let table = table();
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let module = module_of(&path);
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let Some(allowed) = table.get(&module) else {
            wrong.push(format!("{module} is not in the table"));
            continue;
        };
        for used in used_modules(&fs::read_to_string(&path).unwrap()) {
            if used != module && !allowed.contains(&used) {
                wrong.push(format!("{} uses {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_wrong_import_would_be_noticed() {
    let source = "use crate::web::Surface;\nfn f() { crate::store::x() }\n// crate::view in a comment\n";
    let used = used_modules(source);
    assert_eq!(used.into_iter().collect::<Vec<_>>(), ["store", "web"]);
    assert!(!table()["domain"].contains("web"));
}

#[test]
fn frameworks_stay_in_their_rooms() {
    let rooms: [(&str, &[&str]); 4] = [
        ("actix_web", &["web", "endpoints", "compat", "app", "demo"]),
        ("sea_orm", &["store"]),
        ("reqwest", &["outbound", "demo"]),
        ("prometheus_client", &["metrics"]),
    ];
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let source = fs::read_to_string(&path).unwrap();
        let module = module_of(&path);
        for (framework, allowed) in rooms {
            let named = source.lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && line.contains(&format!("{framework}::"))
            });
            if named && !allowed.contains(&module.as_str()) {
                wrong.push(format!("{} names {framework}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_readable() {
    let mut wrong = Vec::new();
    for folder in ["src", "simulator/src", "migrations"] {
        for path in rust_files(&root().join(folder)) {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let source = fs::read_to_string(&path).unwrap();
            let lines = source.split("#[cfg(test)]\nmod ").next().unwrap().lines().count();
            let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
            if lines > 400 && !is_test && !LONG_FILES.contains(&name.as_str()) {
                wrong.push(format!("{name}: {lines} lines"));
            }
            if !source.starts_with("//!") && !is_test {
                wrong.push(format!("{name}: no introduction"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
