//! Comma-separated values (RFC 4180), as spreadsheets write them: with a semicolon where the first line has one and no comma,
//! with either end of line, with a byte order mark or without.

use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The line where it begins.
    pub line: usize,
    pub cells: Vec<String>,
}

/// Where it breaks, and how.
pub(super) type Broken = (usize, &'static str);

/// The records of a text; empty lines are none.
pub(super) fn read(text: &str) -> Result<Vec<Record>, Broken> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let separator = if head.contains(';') && !head.contains(',') { ';' } else { ',' };
    let mut reader = Reader { rest: text.chars().peekable(), separator, line: 1 };
    let mut records = Vec::new();
    while reader.rest.peek().is_some() {
        let record = reader.record()?;
        if record.cells != [""] {
            records.push(record);
        }
    }
    Ok(records)
}

struct Reader<'t> {
    rest: Peekable<Chars<'t>>,
    separator: char,
    line: usize,
}

impl Reader<'_> {
    fn record(&mut self) -> Result<Record, Broken> {
        let mut record = Record { line: self.line, cells: Vec::new() };
        loop {
            let (cell, is_last) = self.cell()?;
            record.cells.push(cell);
            if is_last {
                return Ok(record);
            }
        }
    }

    /// The next cell, and whether it is the last one of its record.
    fn cell(&mut self) -> Result<(String, bool), Broken> {
        let mut text = String::new();
        let is_quoted = self.rest.next_if_eq(&'"').is_some();
        if is_quoted {
            self.quoted(&mut text)?;
        }
        loop {
            match self.rest.next() {
                None => return Ok((text, true)),
                Some('\n') => {
                    self.line += 1;
                    return Ok((text, true));
                }
                Some('\r') if self.rest.peek() == Some(&'\n') => {}
                Some(next) if next == self.separator => return Ok((text, false)),
                Some(_) if is_quoted => return Err((self.line, "something stands behind a closing quotation mark")),
                Some(next) => text.push(next),
            }
        }
    }

    /// What stands between the quotation marks, of which the first has been read.
    fn quoted(&mut self, text: &mut String) -> Result<(), Broken> {
        let began = self.line;
        loop {
            match self.rest.next() {
                None => return Err((began, "a quotation mark is not closed")),
                Some('"') if self.rest.next_if_eq(&'"').is_none() => return Ok(()),
                Some(next) => {
                    self.line += usize::from(next == '\n');
                    text.push(next);
                }
            }
        }
    }
}

/// A record as a line.
pub(super) fn write(cells: &[String]) -> String {
    let needs_quotes = |cell: &str| cell.contains([',', ';', '"', '\n', '\r']) || cell.trim() != cell;
    let cell = |cell: &String| if needs_quotes(cell) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() };
    format!("{}\n", cells.iter().map(cell).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn cells(text: &str) -> Vec<(usize, Vec<String>)> {
        read(text).unwrap().into_iter().map(|record| (record.line, record.cells)).collect()
    }

    fn texts(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|&cell| cell.to_owned()).collect()
    }

    #[test]
    fn records_are_read_as_spreadsheets_write_them() {
        let expected = vec![(1, texts(&["a", "b"])), (2, texts(&["x, y", ""])), (4, texts(&["1\n2", "\"q\""]))];
        assert_eq!(cells("a,b\n\"x, y\",\n\n\"1\n2\",\"\"\"q\"\"\""), expected);
        assert_eq!(cells("\u{feff}a;b\r\n1,5;2\r\n"), [(1, texts(&["a", "b"])), (2, texts(&["1,5", "2"]))]);
        assert!(cells("").is_empty());
    }

    #[test]
    fn what_is_broken_says_where() {
        assert_eq!(read("a,b\n1,\"2\n3"), Err((2, "a quotation mark is not closed")));
        assert_eq!(read("a\n\"1\"2\n"), Err((2, "something stands behind a closing quotation mark")));
    }

    const CELL: &str = "\\PC{0,6}|[,;\"\r\n a]{0,6}";

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in vec(vec(CELL, 2..4), 1..5)) {
            let head = "x,y\n".to_owned();
            let text: String = std::iter::once(head).chain(rows.iter().map(|row| write(row))).collect();
            let read: Vec<Vec<String>> = read(&text).unwrap().into_iter().skip(1).map(|record| record.cells).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
