//! What an import did, or would do, as a person reads it.

use super::vanished::BRAKE_PERCENT;
use crate::consent::ConsentChoice;
use kept_domain::{ImportId, LocalTime};
use kept_intake::{Problem, Reading, Reason, RejectWords, Table, rejects_csv};
use serde::Serialize;
use std::fmt;

/// Rows that are described one by one; all are counted.
pub const MAX_DETAILS: usize = 2_000;

/// What became of the rows of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Visits seen for the first time.
    pub new: u64,
    /// Rows that say something else than last time.
    pub changed: u64,
    /// Rows that say the same.
    pub unchanged: u64,
    /// Rows that were missing although the file covers their day.
    pub vanished: u64,
    /// Rows that could not be used.
    pub rejected: u64,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowClass {
    /// Seen for the first time.
    New,
    /// Says something else than last time.
    Changed,
    /// Missing although the file covers its day.
    Vanished,
}

/// One row that is new, changed or vanished. Prints nothing private.
#[derive(Clone, PartialEq, Eq)]
pub struct RowDetail {
    /// What it is.
    pub class: RowClass,
    /// Line of the file; none for a vanished row.
    pub line: Option<u32>,
    /// What changed, as words for a person.
    pub fields: Vec<&'static str>,
    /// The patient's name.
    pub name: Option<String>,
    /// Start at the location.
    pub start: LocalTime,
    /// Practitioner as the file writes it.
    pub practitioner: Option<String>,
    /// The number as the file writes it can be written to.
    pub has_number: bool,
    /// Two sides changed it: a person must decide.
    pub conflict: bool,
}

impl fmt::Debug for RowDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowDetail({:?}, line {:?}, {:?})", self.class, self.line, self.fields)
    }
}

/// One row that could not be used. Prints nothing private.
#[derive(Clone, PartialEq, Eq)]
pub struct RejectDetail {
    /// Line of the file.
    pub line: u32,
    /// Why, and what to do.
    pub reason: Reason,
    /// The row as it stands in the file.
    pub cells: Vec<String>,
}

impl fmt::Debug for RejectDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RejectDetail(line {})", self.line)
    }
}

/// What a person should look at although no row was refused for it. `Display` is a sentence for the command line, which speaks of
/// the mapping file; pages have phrases of their own.
#[derive(Clone, PartialEq, Eq)]
pub enum ImportProblem {
    /// In the cells of the file.
    Read(Problem),
    /// A location that the practice does not have.
    UnknownLocation {
        /// Its name in the file.
        name: String,
        /// Rows that have it.
        count: u64,
        /// The location that is taken in its place.
        first: String,
    },
    /// More visits to come are missing from a complete file than are cancelled without a person.
    ManyVanished {
        /// Those that are missing.
        gone: usize,
        /// All that were there.
        of: usize,
    },
}

impl fmt::Display for ImportProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(problem) => problem.fmt(f),
            Self::UnknownLocation { name, count, first } => write!(
                f,
                "There is no location “{name}” ({count} rows); those visits are at “{first}”. Add the location, or give the name a meaning under [values.location]."
            ),
            Self::ManyVanished { gone, of } => write!(
                f,
                "{gone} of {of} visits to come are missing from the file, more than {BRAKE_PERCENT} %. Nothing was cancelled; their reminders wait until you choose."
            ),
        }
    }
}

impl fmt::Debug for ImportProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(problem) => problem.fmt(f),
            Self::UnknownLocation { count, .. } => write!(f, "UnknownLocation({count} rows)"),
            Self::ManyVanished { gone, of } => write!(f, "ManyVanished({gone} of {of})"),
        }
    }
}

/// What an import did, or would do. Prints no cell of the file, the header's neither.
#[derive(Clone)]
pub struct ImportOutcome {
    /// Which import; none in a dry run.
    pub import: Option<ImportId>,
    /// How many rows of what kind.
    pub counts: Counts,
    /// Visits whose number is missing or cannot be written to, and whose address neither where mail is sent: they count in the
    /// report and cannot be reminded.
    pub without_number: u64,
    /// Entries written to the consent ledger.
    pub consents: u64,
    /// What to look at.
    pub problems: Vec<ImportProblem>,
    /// Columns that nothing was read from.
    pub unmapped: Vec<String>,
    /// Blank rows, which were left out.
    pub blank_rows: u64,
    /// The file's header is new, and its visits are those of a calendar that is known: the same calendar with new columns.
    pub new_columns: bool,
    /// Whether the file has a consent column.
    pub has_consent: bool,
    /// What holds for numbers that the file says nothing of, as said now or for the last file like it; none: nobody said.
    pub choice: Option<ConsentChoice>,
    /// The first [`MAX_DETAILS`] rows that are new, changed or vanished.
    pub details: Vec<RowDetail>,
    /// The first [`MAX_DETAILS`] rows that could not be used.
    pub rejects: Vec<RejectDetail>,
    /// The header that the rejected rows stand under.
    pub header: Vec<String>,
    /// All rejected rows with their reasons, as a CSV file; empty where there are none.
    pub rejects_csv: PrivateText,
}

impl fmt::Debug for ImportOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ImportOutcome({:?}, {:?}, {} problems, {:?}, {:?})",
            self.import,
            self.counts,
            self.problems.len(),
            self.details,
            self.rejects
        )
    }
}

/// Text that is handed to whoever uploaded, and printed nowhere else.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PrivateText(pub String);

impl fmt::Debug for PrivateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateText({} B)", self.0.len())
    }
}

impl ImportOutcome {
    pub(super) fn of(table: &Table, reading: &Reading, choice: Option<ConsentChoice>, words: &RejectWords<'_>) -> Self {
        let reject = |reject: &kept_intake::Reject| RejectDetail {
            line: reject.line,
            reason: reject.reason.clone(),
            cells: reject.cells.clone(),
        };
        Self {
            import: None,
            counts: Counts { rejected: reading.rejects.len() as u64, ..Counts::default() },
            without_number: 0,
            consents: 0,
            problems: reading.problems.iter().cloned().map(ImportProblem::Read).collect(),
            unmapped: reading.unmapped.clone(),
            blank_rows: table.blank_rows(),
            new_columns: false,
            has_consent: reading.has_consent,
            choice,
            details: Vec::new(),
            rejects: reading.rejects.iter().take(MAX_DETAILS).map(reject).collect(),
            header: table.header().to_vec(),
            rejects_csv: PrivateText(rejects_csv(table.header(), &reading.rejects, words)),
        }
    }

    pub(super) fn describe(&mut self, row: RowDetail) {
        if self.details.len() < MAX_DETAILS {
            self.details.push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kept_intake::{Mapping, guess, read};

    /// Every cell of it is private, the header's too: it may be a row that was taken for one.
    const FILE: &str = "Appt ID,Quizelda Name,Date,Time,Status Wolfenhausen,Wolfenhausen Unmapped\n\
                        1,Quizelda,2026-12-04,10:00,Wolfenhausen-status,Quizelda\n\
                        2,Quizelda,Wolfenhausen,10:00,Quizelda,Wolfenhausen\n";
    const MAPPING: &str = "[columns]\nappointment_id = \"Appt ID\"\npatient_name = \"Quizelda Name\"\n\
                           starts_at = [\"Date\", \"Time\"]\nstatus = \"Status Wolfenhausen\"\n\
                           [values.status]\n\"Quizelda\" = \"noshow\"\n";

    #[test]
    fn no_cell_of_a_file_is_printed() {
        let mapping = Mapping::parse(MAPPING).expect("a good mapping");
        let table = Table::open(FILE.as_bytes(), Some(&mapping)).expect("a good file");
        let reading = read(&table, &mapping).expect("readable");
        let outcome = ImportOutcome::of(&table, &reading, None, &RejectWords::default());
        assert_eq!((outcome.counts.rejected, outcome.problems.len()), (1, 1), "something of every sort");
        let printed = format!("{outcome:?} {table:?} {mapping:?} {reading:?} {:?}", guess(&table));
        assert!(printed.contains("ImportOutcome") && printed.contains("GuessColumn"), "{printed}");
        assert!(!printed.contains("Quizelda") && !printed.contains("Wolfenhausen"), "{printed}");
    }
}
