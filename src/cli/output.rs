//! Printing: JSON on one line for programs, aligned lines for people.

use std::io;

use serde_json::Value as Json;

use super::args::Format;
use crate::domain::clock::Timestamp;
use crate::telemetry;

/// Where a command prints what it promises.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    format: Format,
}

impl Output {
    pub(super) const fn new(format: Format) -> Self {
        Self { format }
    }

    pub(super) const fn format(self) -> Format {
        self.format
    }

    /// Prints one thing: `json`, or `text` for people.
    pub(super) fn print(self, json: &Json, text: impl FnOnce() -> String) -> io::Result<()> {
        let mut text = match self.format {
            Format::Json => json.to_string(),
            Format::Text => text(),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        telemetry::print(&text)
    }

    /// Prints a list.
    pub(super) fn print_list<T: Listed>(self, items: &[T]) -> io::Result<()> {
        let text = || table(T::HEAD, &items.iter().map(T::row).collect::<Vec<_>>(), T::NOTHING);
        self.print(&items.iter().map(T::json).collect(), text)
    }

    /// Prints what a program gets before the command fails; people read the error itself.
    pub(super) fn print_for_programs(self, json: &Json) -> io::Result<()> {
        match self.format() {
            Format::Json => self.print(json, String::new),
            Format::Text => Ok(()),
        }
    }
}

/// What commands print in lists.
pub(super) trait Listed {
    /// The titles of the columns.
    const HEAD: &'static [&'static str];
    /// What to say where there is none.
    const NOTHING: &'static str;

    /// For programs.
    fn json(&self) -> Json;

    /// For people.
    fn row(&self) -> Vec<String>;
}

/// Names and values below one another. Empty values are left out.
pub(super) fn fields(rows: &[(&str, String)]) -> String {
    let rows: Vec<_> = rows.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect()
}

/// A table with its columns below one another; `nothing` when it has no rows.
fn table(head: &[&str], rows: &[Vec<String>], nothing: &str) -> String {
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

/// A moment for people: `2027-01-31 12:34:56Z`.
pub(super) fn utc(moment: Timestamp) -> String {
    let seconds = moment.as_seconds();
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The calendar in eras of 400 years that begin on 1 March, so that the leap day is the last one.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_399, "2000-02-28 23:59:59Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (1_709_251_199, "2024-02-29 23:59:59Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
            (-1, "1969-12-31 23:59:59Z"),
        ] {
            assert_eq!(utc(Timestamp::from_seconds(seconds)), text);
        }
    }

    #[test]
    fn a_table_is_aligned_and_moves_no_cursor() {
        let rows = [vec!["a".to_owned(), "x\u{1b}[2J".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(table(&["id", "name"], &rows, "none"), "ID    NAME\na     x\u{fffd}[2J\nlong\n");
        assert_eq!(table(&["id"], &[], "none"), "none\n");
        assert_eq!(fields(&[("id", "a".to_owned()), ("name", String::new())]), "id  a\n");
    }
}
