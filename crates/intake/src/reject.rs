//! Rows that cannot be used, with a reason each.

use crate::visit::RowKey;
use std::fmt;

/// Why a row cannot be used. `Display` is one sentence that names the column and says what to do; it never quotes a cell.
/// Prints its code, without the column.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No start at all.
    #[error("Column “{column}” is empty: a visit needs a start. Fill it in.")]
    NoStart {
        /// Column of the start.
        column: String,
    },
    /// A date but no time.
    #[error("Column “{column}” gives a day but no time. Add the time the visit starts.")]
    NoTime {
        /// Column of the start.
        column: String,
    },
    /// A time but no date.
    #[error("Column “{column}” gives a time but no day. Add the date.")]
    NoDate {
        /// Column of the start.
        column: String,
    },
    /// Not a date or time of any form that is known.
    #[error("Column “{column}” is not a date and time. Write it like 2026-11-30 08:15.")]
    NotADate {
        /// Column of the start.
        column: String,
    },
    /// 31 February.
    #[error("Column “{column}” gives a day that does not exist. Correct the date.")]
    NoSuchDay {
        /// Column of the start.
        column: String,
    },
    /// 25:70.
    #[error("Column “{column}” gives a time that does not exist. Correct the time.")]
    NoSuchTime {
        /// Column of the start.
        column: String,
    },
    /// Neither an id nor a name.
    #[error("Nothing tells this visit from others: {columns} are empty. Fill in an id or the patient's name.")]
    NoKey {
        /// The mapped columns, quoted.
        columns: String,
    },
    /// The same visit as an earlier row.
    #[error("The same visit as in line {first_line}. Keep one of the two rows.")]
    Twice {
        /// The earlier row.
        first_line: u32,
    },
    /// More or fewer cells than the header.
    #[error(
        "The row has {found} cells and the header has {expected}. Look for a missing or an extra delimiter, or for a quotation mark that is not closed."
    )]
    WrongWidth {
        /// Cells of the row.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
    /// A cell longer than [`crate::limits::MAX_CELL_BYTES`].
    #[error(
        "A cell is longer than {} characters. Look for a quotation mark that is not closed.",
        crate::limits::MAX_CELL_BYTES
    )]
    CellTooLong,
    /// A word of the action column that nobody knows.
    #[error(
        "Column “{column}” should say add, update or delete. Correct it, or give its words a meaning under [values.action]."
    )]
    UnknownAction {
        /// The action column.
        column: String,
    },
}

impl Reason {
    /// A short word for JSON and counts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoStart { .. } => "no-start",
            Self::NoTime { .. } => "no-time",
            Self::NoDate { .. } => "no-date",
            Self::NotADate { .. } => "not-a-date",
            Self::NoSuchDay { .. } => "no-such-day",
            Self::NoSuchTime { .. } => "no-such-time",
            Self::NoKey { .. } => "no-key",
            Self::Twice { .. } => "twice",
            Self::WrongWidth { .. } => "wrong-width",
            Self::CellTooLong => "cell-too-long",
            Self::UnknownAction { .. } => "unknown-action",
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A row that cannot be used.
#[derive(Clone)]
pub struct Reject {
    /// Line of the file, or row of the sheet.
    pub line: u32,
    /// Why.
    pub reason: Reason,
    /// The row as it stands in the file.
    pub cells: Vec<String>,
    /// Which visit it is about, where the id could be read: it has not vanished from the file.
    pub key: Option<RowKey>,
}

impl fmt::Debug for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reject(line {}, {})", self.line, self.reason.code())
    }
}

/// The words of a file of rejected rows.
pub struct RejectWords<'a> {
    /// Heads the column of lines.
    pub line: String,
    /// Heads the column of reasons.
    pub reason: String,
    /// Says a reason.
    pub tell: Box<dyn Fn(&Reason) -> String + Send + Sync + 'a>,
}

impl fmt::Debug for RejectWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RejectWords({})", self.line)
    }
}

/// As the command line says them, in English.
impl Default for RejectWords<'_> {
    fn default() -> Self {
        Self { line: "Line".to_owned(), reason: "Reason".to_owned(), tell: Box::new(Reason::to_string) }
    }
}

/// The rejected rows as a CSV file: line, reason, then the row under the file's own header. It begins with a byte order mark,
/// so that spreadsheets read the letters right, and no cell can be taken for a formula.
pub fn rejects_csv(header: &[String], rejects: &[Reject], words: &RejectWords<'_>) -> String {
    if rejects.is_empty() {
        return String::new();
    }
    let mut out = String::from("\u{FEFF}");
    write_row(&mut out, [&words.line, &words.reason].into_iter().chain(header).map(String::as_str));
    for reject in rejects {
        let (line, reason) = (reject.line.to_string(), (words.tell)(&reject.reason));
        write_row(&mut out, [line.as_str(), &reason].into_iter().chain(reject.cells.iter().map(String::as_str)));
    }
    out
}

fn write_row<'a>(out: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(',');
        }
        let cell = harmless(cell);
        if cell.contains(['"', ',', ';', '\n', '\r', '\t']) || cell.starts_with([' ', '\'']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

/// A cell that a spreadsheet would run gets an apostrophe in front (OWASP, CSV injection). [`crate::Table`] takes it away again.
pub fn harmless(cell: &str) -> std::borrow::Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}").into() } else { cell.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_the_file_can_be_read_again() {
        let cells = ["=1+1", "+13125550101", "-2", "@SUM(A1)", "\t=1", "\r=1", "plain", "a \"quoted\", one", ""];
        let header: Vec<String> = (0..cells.len()).map(|i| format!("Name {i}")).collect();
        let reject = Reject {
            line: 7,
            reason: Reason::Twice { first_line: 3 },
            cells: cells.iter().map(|c| (*c).to_owned()).collect(),
            key: None,
        };
        let csv = rejects_csv(&header, &[reject], &RejectWords::default());
        assert!(csv.starts_with('\u{FEFF}'));
        let again = crate::Table::open(csv.as_bytes(), None).expect("our own file");
        let row = &again.rows()[0];
        assert_eq!(row.cell(0), "7");
        for (i, cell) in cells.iter().enumerate() {
            let raw = row.cells().nth(i + 2).expect("a cell");
            assert!(!raw.starts_with(['=', '+', '-', '@', '\t', '\r']), "{raw:?}");
            assert_eq!(row.cell(i + 2), cell.trim(), "{cell:?}");
        }
        assert_eq!(rejects_csv(&header, &[], &RejectWords::default()), "");
    }

    #[test]
    fn reasons_are_told_in_the_words_that_are_given() {
        let reject = Reject { line: 7, reason: Reason::CellTooLong, cells: vec!["x".to_owned()], key: None };
        let words = RejectWords {
            line: "Línea".to_owned(),
            reason: "Por qué".to_owned(),
            tell: Box::new(|reason| format!("=<{}>", reason.code())),
        };
        let csv = rejects_csv(&["A".to_owned()], &[reject], &words);
        assert_eq!(csv, "\u{FEFF}Línea,Por qué,A\r\n7,\"'=<cell-too-long>\",x\r\n", "no word is a formula either");
    }
}
