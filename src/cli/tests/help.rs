//! The help of every command: what it does to what, examples that the program understands, and flags in groups.

use clap::{Command, CommandFactory as _, Parser as _};

use crate::cli::args::Args;

/// What a command does.
const VERBS: [&str; 25] = [
    "Add", "Ask", "Back", "Bring", "Change", "Check", "Delete", "End", "Generate", "Invite", "List", "Lock", "Manage",
    "Preview", "Print", "Read", "Remove", "Rename", "Reset", "Restore", "Revoke", "Rotate", "Run", "Show", "Unlock",
];
/// What the commands of a group do it to.
const NOUNS: [(&str, &str); 10] = [
    ("audit", "event"),
    ("client", "client"),
    ("config", "configuration"),
    ("consent", "consent"),
    ("device", "device"),
    ("key", "key"),
    ("session", "session"),
    ("token", "token"),
    ("try", "phone"),
    ("user", "user"),
];

/// Every command that is offered, by the words that call it.
fn all() -> Vec<(String, Command)> {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    offered("signbridge", &command)
}

fn offered(words: &str, command: &Command) -> Vec<(String, Command)> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    let below = below.flat_map(|below| offered(&format!("{words} {}", below.get_name()), below));
    std::iter::once((words.to_owned(), command.clone())).chain(below).collect()
}

/// What is wrong with what the help says of a command.
fn complaint(words: &str, about: &str) -> Option<&'static str> {
    let mut path = words.split(' ').skip(1);
    let clause = about.split([':', ';', ',', '(']).next().unwrap_or_default();
    let verb = clause.split(' ').next().unwrap_or_default();
    match (path.next(), path.next()) {
        _any if about.is_empty() => Some("it says nothing"),
        _any if about.ends_with('.') => Some("it ends with a full stop"),
        (None, _root) => None,
        _command if !VERBS.contains(&verb) => Some("it does not begin with a verb"),
        (Some(_alone), None) => None,
        (Some(group), Some(_below)) => match NOUNS.iter().find(|(of, _)| *of == group) {
            None => Some("its group is not in the table of this test"),
            Some((_, noun)) => (!clause.contains(*noun)).then_some("it does not name what it acts on"),
        },
    }
}

#[test]
fn every_command_says_what_it_does_to_what() {
    for (words, command) in all() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert_eq!(complaint(&words, &about), None, "{words}: {about}");
    }
    for (words, about) in [
        ("signbridge", ""),
        ("signbridge serve", "Run the provider."),
        ("signbridge client", "Relying parties"),
        ("signbridge client list", "All of them"),
        ("signbridge client create", "Add one; prints the secret of the client"),
        ("signbridge user lock", "Lock one: the user cannot sign in"),
        ("signbridge realm list", "List all realms"),
    ] {
        assert!(complaint(words, about).is_some(), "{words}: {about}");
    }
}

/// The commands of ours in a line for a shell, each as its words.
fn command_lines(line: &str) -> Vec<Vec<String>> {
    let parts = line.split(" | ").filter_map(|part| part.find("signbridge ").and_then(|begin| part.get(begin..)));
    parts.map(words_of).collect()
}

/// The words of a command, as a shell takes them apart: quotes, and nothing behind `>`.
fn words_of(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '>') => break,
            (None, ' ') => words.extend(word.take()),
            _of_the_word => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_help_has_examples_of_its_command_that_are_understood() {
    for (name, command) in all() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (heading, lines) = help.split_once('\n').unwrap_or_default();
        let expected = if lines.lines().count() == 1 { "Example:" } else { "Examples:" };
        assert_eq!(heading, expected, "{name}");
        assert!(lines.lines().all(|line| !command_lines(line).is_empty()), "{name}: {help}");
        let examples: Vec<Vec<String>> = lines.lines().flat_map(command_lines).collect();
        assert!(examples.iter().any(|words| words.join(" ").starts_with(&name)), "{name}: {help}");
        for words in examples {
            if let Err(error) = Args::try_parse_from(&words) {
                panic!("{name}: {words:?}: {error}");
            }
        }
    }
    assert!(Args::try_parse_from(&command_lines("signbridge client shwo x")[0]).is_err());
}

#[test]
fn an_example_is_read_as_a_shell_reads_it() {
    let line = "signbridge user create --name 'Ada L.' --x=\"a b\" | ssh o signbridge user import - > \"f\"";
    let expected =
        [vec!["signbridge", "user", "create", "--name", "Ada L.", "--x=a b"], vec!["signbridge", "user", "import", "-"]];
    assert_eq!(command_lines(line), expected);
    assert_eq!(words_of("a \"b's\" ''"), ["a", "b's", ""]);
    assert!(command_lines("cat /etc/signbridge.toml").is_empty());
}

#[test]
fn flags_of_every_command_stand_below_its_own_in_a_line_each() {
    for (name, mut command) in all() {
        let general: Vec<&str> = command
            .get_arguments()
            .filter(|flag| flag.get_help_heading() == Some("General options"))
            .map(|flag| flag.get_id().as_str())
            .filter(|flag| *flag != "version")
            .collect();
        assert_eq!(general, ["config", "format", "help"], "{name}");
        let own = command.get_arguments().filter(|flag| flag.get_help_heading().is_none());
        assert!(own.map(|flag| flag.get_id().as_str()).all(|flag| !["config", "format", "help", "version"].contains(&flag)));
        let help = command.render_help().to_string();
        let (_own, below) = help.split_once("General options:\n").unwrap();
        let lines = below.lines().take_while(|line| !line.is_empty()).count();
        assert_eq!(lines, if name == "signbridge" { 4 } else { 3 }, "{name}: {help}");
        let heading = help.rfind("General options:").unwrap();
        assert!(["\nOptions:", "\nRecipes:", "\nArguments:"].iter().all(|own| help.rfind(*own) < Some(heading)), "{name}");
    }
}
