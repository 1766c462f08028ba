//! Printing: JSON on one line for programs, aligned lines for people.

use std::io;

use serde_json::Value as Json;

use super::args::Format;
pub(super) use crate::domain::clock::{rfc3339, utc};
use crate::telemetry;

impl Format {
    /// Prints one thing: `json`, or `text` for people.
    pub(super) fn print(self, json: &Json, text: impl FnOnce() -> String) -> io::Result<()> {
        let mut text = match self {
            Self::Json => json.to_string(),
            Self::Text => text(),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        telemetry::print(&text)
    }

    pub(super) fn print_list<T: Listed>(self, items: &[T]) -> io::Result<()> {
        let text = || table(T::HEAD, &items.iter().map(T::row).collect::<Vec<_>>(), T::NOTHING);
        self.print(&items.iter().map(T::json).collect(), text)
    }

    /// Prints what a program gets before the command fails; people read the error itself.
    pub(super) fn print_for_programs(self, json: &Json) -> io::Result<()> {
        match self {
            Self::Json => self.print(json, String::new),
            Self::Text => Ok(()),
        }
    }
}

pub(super) trait Listed {
    const HEAD: &'static [&'static str];
    const NOTHING: &'static str;

    fn json(&self) -> Json;
    fn row(&self) -> Vec<String>;
}

/// Names and values below one another. Empty values are left out.
pub(super) fn fields(rows: &[(&str, String)]) -> String {
    let rows: Vec<_> = rows.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect()
}

/// A table with its columns below one another; `nothing` when it has no rows.
pub(super) fn table(head: &[&str], rows: &[Vec<String>], nothing: &str) -> String {
    if rows.is_empty() {
        return format!("{nothing}\n");
    }
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|name| name.to_uppercase()).collect()];
    lines.extend(rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()));
    let width_of = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width_of).collect();
    let line_of = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines.iter().map(line_of).collect()
}

/// A text without what could move the cursor: some of it was sent by browsers.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_moves_no_cursor() {
        let rows = [vec!["a".to_owned(), "x\u{1b}[2J".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(table(&["id", "name"], &rows, "none"), "ID    NAME\na     x\u{fffd}[2J\nlong\n");
        assert_eq!(table(&["id"], &[], "none"), "none\n");
        assert_eq!(fields(&[("id", "a".to_owned()), ("name", String::new())]), "id  a\n");
    }
}
