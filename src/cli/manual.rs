//! `completions` and `man`: what shells and `man` know of the commands. Both are made from the description by which command
//! lines are read, so that they are always this program's.

use std::path::Path;
use std::{fs, io};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use super::CliError;
use super::args::{Args, Format};
use crate::telemetry;

const SOURCE: &str = concat!("signbridge ", env!("CARGO_PKG_VERSION"));

pub(super) fn completions(shell: Shell) -> Result<(), CliError> {
    Ok(telemetry::print(&script(shell))?)
}

fn script(shell: Shell) -> String {
    let mut script: Vec<u8> = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "signbridge", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

pub(super) fn man(format: Format, dir: Option<&Path>) -> Result<(), CliError> {
    let command = described();
    let Some(dir) = dir else { return Ok(telemetry::print(&page(&command)?.text)?) };
    let pages = pages(&command)?;
    let refused = |error: io::Error| CliError::Refused(format!("{} cannot be written to: {error}", dir.display()));
    fs::create_dir_all(dir).map_err(refused)?;
    for page in &pages {
        fs::write(dir.join(&page.name), &page.text).map_err(refused)?;
    }
    let names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
    Ok(format.print(&json!({ "written": names }), || format!("{} man pages were written to {}", names.len(), dir.display()))?)
}

/// The command with those below it. `signbridge help` is left out: each has `--help`.
fn described() -> Command {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    command
}

struct Page {
    /// Of its file: signbridge-client-create.1.
    name: String,
    text: String,
}

/// The page of a command, and of each below it that is offered.
fn pages(command: &Command) -> io::Result<Vec<Page>> {
    let mut found = vec![page(command)?];
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        found.extend(pages(below)?);
    }
    Ok(found)
}

fn page(command: &Command) -> io::Result<Page> {
    let man = Man::new(command.clone()).source(SOURCE).manual("Signbridge");
    let mut text: Vec<u8> = Vec::new();
    man.render(&mut text)?;
    // The crate's heading for what stands behind the flags; ours are examples, all of them.
    let text = String::from_utf8_lossy(&text).replace(".SH EXTRA", ".SH EXAMPLES");
    Ok(Page { name: man.get_filename(), text })
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn the_script_of_each_shell_knows_commands_and_flags() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for word in ["signbridge", "rotate-secret", "redirect-uri", "completions"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn every_command_has_a_page_with_examples_and_its_flags() {
        let pages = pages(&described()).unwrap();
        // Hyphens are escaped.
        let text = |name: &str| pages.iter().find(|page| page.name == name).map(|page| page.text.replace('\\', ""));
        for page in &pages {
            let text = text(&page.name).unwrap();
            assert!(text.contains(".SH EXAMPLES\n") && text.contains(SOURCE), "{}", page.name);
        }
        assert!(text("signbridge.1").unwrap().contains("signbridge-client(1)"));
        assert!(text("signbridge-client-create.1").unwrap().contains("--redirect-uri"));
        assert!(text("signbridge-device-add.1").is_some() && text("signbridge-help.1").is_none());
    }

    #[test]
    fn a_directory_that_is_missing_is_made_and_an_older_page_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let man1 = dir.path().join("share/man1");
        for _again in 0..2 {
            man(Format::Json, Some(&man1)).unwrap();
            let written = fs::read_to_string(man1.join("signbridge-user-lock.1")).unwrap();
            assert!(written.contains("Lock a user"));
            fs::write(man1.join("signbridge-user-lock.1"), "older").unwrap();
        }
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(man(Format::Text, Some(&file)).unwrap_err().to_string().contains("file cannot be written to"));
    }
}
