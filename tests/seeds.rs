//! The two vendor documents, name by name: `docs/seeds.md` has a row for each name, and each row a test that `./check` runs.
//! The documents are not in this repository, so their names stand here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::craft::{files_below, root};

/// The heading of each document's part of the page, and the first cells of its rows without the marks of code.
const SEEDS: [(&str, &[&str]); 2] = [("SecSign ID Node.js API", SECSIGN), ("ThumbSignIn web documentation", THUMBSIGNIN)];

const SECSIGN: &[&str] = &[
    "SecSignIDApi.nodejs.js",
    "SecSignIDApi",
    "AuthSession",
    "new SecSignIDApi.AuthSession(authSessionObj)",
    "secsignid-example.js",
    "secsignid-server.js",
    "http://localhost:8080/",
    "web-example/index.html",
    "web-example/access-pass.html",
    "web-example/login-success.html",
    "Your own ID-Server",
    "requestAuthSession",
    "getAuthSessionState",
    "releaseAuthSession",
    "cancelAuthSession",
    "receivedAuthSessionCallback",
    "receivedAuthSessionStateCallback",
    "userIsLoggedInCallback",
    "canceledAuthSessionCallback",
    "log",
    "authenticationSessionFor",
    "secsignid",
    "servicename",
    "serviceaddress",
    "requestid",
    "authsessionid",
    "authsessionstate",
    "authsessionicondata",
    "errorcode",
    "errormsg",
    "Access Pass",
    "Pending, SecSignIDApi.AuthSession.PENDING",
    "Fetched",
    "Authenticated, SecSignIDApi.AuthSession.AUTHENTICATED",
    "Denied, SecSignIDApi.AuthSession.Denied",
    "Cancelled",
    "Expired",
    "Suspended",
];

const THUMBSIGNIN: &[&str] = &[
    "app name, description and logo",
    "Application ID",
    "Secret Key",
    "thumbsign_widget.js",
    "thumbSignIn",
    "jQuery",
    "thumbSignIn.addConfig",
    "REGISTER_CONFIG",
    "actionUrl",
    "statusUrl",
    "thumbSignIn.init",
    "init: id",
    "init: config",
    "init: container",
    "init: require",
    "tsRegister",
    "Sample Register widget",
    "open",
    "close",
    "registerEvent",
    "registerEvent: CALL_BACK_SCOPE",
    "refresh",
    "terminateTransaction",
    "event INITIATED",
    "event PENDING",
    "event ERROR",
    "event SUCCESS",
    "event FAILURE",
    "event FETCH_DATA_ERROR",
    "thumbSignIn.addModule",
    "addModule: config",
    "addModule: getElem",
    "getElem: elem",
    "getElem: style",
    "addModule: callback (dom, config)",
    "this.DOM",
    "#module-wrapper",
    "module sms",
    "sms: smsTitle",
    "sms: smsContent",
    "sms: #phone",
    "sms: #sms_result",
    "module logo",
    "logo: appIcon",
    "logo: playStoreIcon",
    "logo: playStoreURL",
    "logo: appStoreIcon",
    "logo: appStoreURL",
    "logo: #get_link_by_sms",
    "module tsModal",
    "tsModal: modalTitle",
    "tsModal: #tsModalBtn",
    "tsModal: .close",
    "bootstrap.css",
    "GET /tsAuth/register",
    "GET /tsAuth/authenticate",
    "GET /tsAuth/txnStatus/{id}",
    "GET /txnStatus/:id",
    "/txnStatus/:id: cancelled",
    "https://api.thumbsignin.com",
    "HMac signed request",
    "GET /ts/secure/register",
    "/ts/secure/register: header user-agent",
    "/ts/secure/register: userId",
    "/ts/secure/register: transactionId",
    "/ts/secure/register: status",
    "/ts/secure/register: failureReason",
    "/ts/secure/register: expireInSeconds",
    "GET /ts/secure/authenticate",
    "/ts/secure/authenticate: header user-agent",
    "/ts/secure/authenticate: userId",
    "/ts/secure/authenticate: transactionId",
    "/ts/secure/authenticate: status",
    "/ts/secure/authenticate: failureReason",
    "/ts/secure/authenticate: qrImage",
    "/ts/secure/authenticate: deepLinkUrl",
    "/ts/secure/authenticate: expireInSeconds",
    "GET /ts/secure/txn-status/:id",
    "/ts/secure/txn-status/:id: cancelled",
    "/ts/secure/txn-status/:id: transactionId",
    "/ts/secure/txn-status/:id: status",
    "/ts/secure/txn-status/:id: failureReason",
    "/ts/secure/txn-status/:id: expireInSeconds",
    "GET /ts/secure/devices/{userId}",
    "GET /ts/secure/deregister/{userId}/devices/{deviceId}",
    "/ts/secure/getUser/",
    "/ts/secure/getUser/: userId",
    "status PENDING",
    "status INITIATED",
    "status COMPLETED_SUCCESSFUL",
    "status COMPLETED_FAILURE",
    "ALREADY_REGISTERED",
    "NOT_REGISTERED",
    "TIMEOUT",
    "NO_SUITABLE_AUTHENTICATOR",
    "DECLINED",
    "TECHNICAL_REASON",
    "HmacSigner",
    "HmacSigner.sign",
    "tsServer",
    "tsServerPath",
    "tsCredential",
    "accessKeyId",
    "secretKey",
    "account.fingerprint",
    "session.loginInfo",
    "loginAndSendSuccess",
    "redirectUrl",
    "message",
    "status 401",
    "status SERVER_ERROR",
    "status INTERNAL_ERROR",
];

/// The heads of the tables of the page: of what is here, and of what is refused.
const NAMES: &str = "| what the seed names | what it is here | test |";
const REFUSALS: &str = "| what the seed does | why it is not so here | test |";

struct Row<'a> {
    cells: [&'a str; 3],
    /// It says what is refused, and so stands for no name.
    is_refusal: bool,
}

/// The rows below a heading of the page, and what of them is no row.
fn rows<'a>(page: &'a str, part: &str) -> (Vec<Row<'a>>, Vec<String>) {
    let (mut found, mut wrong, mut is_refusal) = (Vec::new(), Vec::new(), false);
    let below = page.split("\n## ").find_map(|text| text.strip_prefix(part)?.strip_prefix('\n')).unwrap_or_default();
    for line in below.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        match (line, <[&str; 3]>::try_from(cells)) {
            (NAMES, _head) => is_refusal = false,
            (REFUSALS, _head) => is_refusal = true,
            ("|---|---|---|", _rule) => {}
            (_row, Ok(cells)) if cells.iter().all(|cell| !cell.is_empty()) => found.push(Row { cells, is_refusal }),
            (line, _other) => wrong.push(format!("no row: {line}")),
        }
    }
    (found, wrong)
}

/// The tests that a cell names, as `a_function` or `FILE.test.mjs` "words of a title", with a semicolon between them.
fn named(mut cell: &str) -> Option<Vec<(&str, Option<&str>)>> {
    let mut found = Vec::new();
    loop {
        let (name, mut after) = cell.strip_prefix('`')?.split_once('`')?;
        let mut title = None;
        if let Some(quoted) = after.strip_prefix(" \"") {
            let (words, rest) = quoted.split_once('"')?;
            (title, after) = (Some(words), rest);
        }
        found.push((name, title));
        if after.is_empty() {
            return Some(found);
        }
        cell = after.strip_prefix("; ")?;
    }
}

/// The tests that `./check` runs.
pub(crate) struct Tests {
    /// The names of functions.
    rust: BTreeSet<String>,
    /// The titles of each file of `tests/clients`.
    node: BTreeMap<String, Vec<String>>,
}

impl Tests {
    pub(crate) fn of_this_repository() -> Self {
        let check = fs::read_to_string(root().join("check")).unwrap();
        assert!(check.contains("cargo test --release --workspace --locked --no-fail-fast"), "the tests in Rust");
        let sources = ["src", "simulator", "tests"].map(|folder| files_below(&root().join(folder), &["rs"]));
        let texts = sources.iter().flatten().map(|path| fs::read_to_string(path).unwrap());
        let rust = texts.flat_map(|text| [functions(&text), listed(&text)].concat()).collect();
        let files = files_below(&root().join("tests/clients"), &["mjs"]);
        let named = files.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
        let run = named.filter(|(name, _path)| is_run(&check, name));
        let node = run.map(|(name, path)| (name, titles(&fs::read_to_string(path).unwrap()))).collect();
        Self { rust, node }
    }

    /// One of each kind.
    pub(crate) fn of(rust: &str, (file, title): (&str, &str)) -> Self {
        Self { rust: BTreeSet::from([rust.to_owned()]), node: BTreeMap::from([(file.to_owned(), vec![title.to_owned()])]) }
    }

    pub(crate) fn has(&self, name: &str, title: Option<&str>) -> bool {
        match title {
            None => self.rust.contains(name),
            Some(words) => self.node.get(name).into_iter().flatten().any(|title| title.contains(words)),
        }
    }
}

/// Whether `./check` runs a file of `tests/clients`, and not only with `--full`.
fn is_run(check: &str, file: &str) -> bool {
    let runs = |line: &str| line.contains("count \"") && !line.contains("$full") && !line.trim_start().starts_with('#');
    check.lines().any(|line| runs(line) && line.split_whitespace().any(|word| word == file))
}

/// The tests of a Rust text that are not ignored.
fn functions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            is_ignored |= line.contains("ignore");
        } else if !line.starts_with("//") {
            let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if is_test
                && !is_ignored
                && let Some((name, _rest)) = function.and_then(|rest| rest.split_once('('))
            {
                found.push(name.to_owned());
            }
            (is_test, is_ignored) = (false, false);
        }
    }
    found
}

/// The tests that a Rust text makes of functions, by listing them: each runs on both engines.
fn listed(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_list = false;
    for line in text.lines() {
        match line {
            "cases! {" | "on_both_engines! {" => is_list = true,
            "}" => is_list = false,
            line => {
                let name = line.trim();
                let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
                found.extend((is_list && is_name && !name.is_empty()).then(|| name.to_owned()));
            }
        }
    }
    found
}

/// The titles of the tests of a JavaScript text, of those whose options are written with them and do not skip.
fn titles(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for call in text.lines().filter_map(|line| line.trim_start().strip_prefix("test(")) {
        let mut rest = call.chars();
        let Some(quote) = rest.next().filter(|quote| "'\"`".contains(*quote)) else { continue };
        let mut title = String::new();
        while let Some(character) = rest.next() {
            match character {
                '\\' => title.extend(rest.next()),
                end if end == quote => break,
                other => title.push(other),
            }
        }
        let after = rest.as_str();
        let (options, function) = after.strip_prefix(", {").and_then(|rest| rest.split_once('}')).unwrap_or(("", after));
        let is_skipped = ["skip", "todo"].iter().any(|word| options.contains(word));
        if !is_skipped && [", async (", ", ("].iter().any(|start| function.starts_with(start)) {
            found.push(title);
        }
    }
    found
}

/// What is wrong with a part of the page: names without a row, rows without a name, tests that do not run.
fn flaws(page: &str, part: &str, names: &[&str], tests: &Tests) -> Vec<String> {
    let (rows, mut wrong) = rows(page, part);
    let named_by_rows: Vec<String> =
        rows.iter().filter(|row| !row.is_refusal).map(|Row { cells: [name, ..], .. }| name.replace('`', "")).collect();
    for name in names {
        match named_by_rows.iter().filter(|row| row == name).count() {
            1 => {}
            count => wrong.push(format!("{name}: {count} rows")),
        }
    }
    let is_unknown = |row: &&String| !names.contains(&row.as_str());
    wrong.extend(named_by_rows.iter().filter(is_unknown).map(|row| format!("{row}: not in this list")));
    for Row { cells: [name, _here, cell], .. } in &rows {
        match named(cell) {
            None => wrong.push(format!("{name}: cannot read {cell}")),
            Some(named) => {
                let missing = named.iter().filter(|(test, title)| !tests.has(test, *title));
                wrong.extend(missing.map(|(test, title)| format!("{name}: no test {test} {}", title.unwrap_or_default())));
            }
        }
    }
    wrong
}

#[test]
fn every_name_of_the_seeds_has_a_row_with_a_test_that_runs() {
    let page = fs::read_to_string(root().join("docs/seeds.md")).unwrap();
    let tests = Tests::of_this_repository();
    let mut wrong = Vec::new();
    for (part, names) in SEEDS {
        wrong.extend(flaws(&page, part, names, &tests));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_row_without_a_test_that_runs_would_be_noticed() {
    let tests = Tests::of("a_test", ("a.test.mjs", "once; and again"));
    let wrong = |rows: &str| {
        let page = format!("# Page\n\n## Part\n\n{NAMES}\n|---|---|---|\n{rows}\n\n## Another\n\n| `b` | x | `c` |\n");
        flaws(&page, "Part", &["a: b"], &tests)
    };
    assert_eq!(wrong("| `a`: `b` | here | `a_test`; `a.test.mjs` \"and again\" |"), [""; 0]);
    let refusing = format!("| `a`: b | here | `a_test` |\n\n{REFUSALS}\n| it does | no | `a.test.mjs` \"once;\" |");
    assert_eq!(wrong(&refusing), [""; 0]);
    assert_eq!(wrong(&refusing.replace("once;", "twice")), ["it does: no test a.test.mjs twice"]);
    for rows in [
        "",
        "| `a`: `b` | here |",
        "| `a`: `b` | here | |",
        "| `a`: `b` | | `a_test` |",
        "| `a`: `b` | here | a_test |",
        "| `a`: `b` | here | `a_test` and more |",
        "| `a`: `b` | here | `another_test` |",
        "| `a`: `b` | here | `a.test.mjs` |",
        "| `a`: `b` | here | `a.test.mjs` \"twice\" |",
        "| `a`: `b` | here | `b.test.mjs` \"once\" |",
        "| `a` | here | `a_test` |",
        "| `a`: `b` | here | `a_test` |\n| `a`: `b` | there | `a_test` |",
    ] {
        assert!(!wrong(rows).is_empty(), "{rows}");
    }
}

#[test]
fn a_test_that_does_not_run_is_none() {
    let text = [
        "#[test]",
        "#[ignore = \"slow\"]",
        "fn a() {}",
        "#[test]",
        "fn b() {}",
        "#[tokio::test(flavor = \"c\")]",
        "// said beside it",
        "#[expect(c)]",
        "async fn c() {}",
        "fn d() {}",
    ];
    assert_eq!(functions(&text.join("\n")), ["b", "c"]);
    let text = [
        "cases! {",
        "    group {",
        "        a_case",
        "        // no_case",
        "    }",
        "}",
        "b_function",
        "on_both_engines! {",
        "    c",
        "}",
    ];
    assert_eq!(listed(&text.join("\n")), ["a_case", "c"]);
    let text = [
        "test('it\\'s a', async () => {",
        "  test(`b ${c}`, (t) => {",
        "test('c', { skip: x }, async () => {",
        "test('d', options, async () => {",
        "test('e', { timeout: 9 }, async () => {",
        "test.skip('f', async () => {",
        "// test('g', async () => {",
        "test('h', {",
    ];
    assert_eq!(titles(&text.join("\n")), ["it's a", "b ${c}", "e"]);
    let check = [
        "count \"x\" clients a.test.mjs b.test.mjs",
        "    KEY=v count \"y$1\" \"$2\" c.test.mjs",
        "if $full; then count \"z\" clients d.test.mjs; fi",
        "# count \"x\" clients e.test.mjs",
    ];
    for (file, runs) in [("a", true), ("b", true), ("c", true), ("d", false), ("e", false), ("f", false)] {
        assert_eq!(is_run(&check.join("\n"), &format!("{file}.test.mjs")), runs, "{file}");
    }
}
