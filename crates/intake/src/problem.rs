//! What a person should look at although no row was refused for it.

use crate::limits::MAX_WORDS;
use std::collections::BTreeMap;
use std::fmt;

/// What kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// A status word that means nothing; the visit counts as booked.
    UnknownStatus,
    /// A language that is not offered; the practice's own is used.
    UnknownLanguage,
    /// Neither yes nor no in the consent column; counts as nothing said.
    UnknownConsent,
    /// Neither yes nor no in a column of ticks; counts as nothing said.
    UnknownTick,
    /// A birth date that is none: the patient cannot identify at the portal.
    BirthDate,
    /// A length or an end that is none: the visit has no known end.
    Duration,
    /// A booking or cancellation time that is none.
    Time,
}

impl ProblemKind {
    /// A short word for JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownStatus => "unknown-status",
            Self::UnknownLanguage => "unknown-language",
            Self::UnknownConsent => "unknown-consent",
            Self::UnknownTick => "unknown-tick",
            Self::BirthDate => "birth-date",
            Self::Duration => "duration",
            Self::Time => "time",
        }
    }
}

/// A problem, listed once however many rows have it.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// Their column.
    pub column: String,
    /// The word, where words are listed; `…` collects those beyond [`MAX_WORDS`].
    pub word: Option<String>,
    /// Rows that have it.
    pub count: u64,
    /// Line of the first.
    pub first_line: u32,
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({}, {} rows)", self.kind.code(), self.count)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, count, line) = (&self.column, self.count, self.first_line);
        let word = self.word.as_deref().unwrap_or_default();
        let rows = if count == 1 { "row" } else { "rows" };
        match self.kind {
            ProblemKind::UnknownStatus => write!(
                f,
                "“{word}” in column “{column}” is not a status we know ({count} {rows}); those visits count as booked. Give it a meaning under [values.status]."
            ),
            ProblemKind::UnknownLanguage => {
                write!(
                    f,
                    "“{word}” in column “{column}” is not a language we offer ({count} {rows}); the practice's own is used."
                )
            }
            ProblemKind::UnknownConsent => write!(
                f,
                "“{word}” in column “{column}” is neither yes nor no ({count} {rows}), so it counts as no answer. Give it a meaning under [values.consent_sms] or [values.consent_email]."
            ),
            ProblemKind::UnknownTick => {
                write!(f, "“{word}” in column “{column}” is neither yes nor no ({count} {rows}), so it is left out.")
            }
            ProblemKind::BirthDate => write!(
                f,
                "Column “{column}” is not a birth date in {count} {rows}, first in line {line}. Those patients cannot show who they are at the link."
            ),
            ProblemKind::Duration => {
                write!(f, "Column “{column}” gives no usable length in {count} {rows}, first in line {line}.")
            }
            ProblemKind::Time => {
                write!(f, "Column “{column}” is not a time in {count} {rows}, first in line {line}; it is left out.")
            }
        }
    }
}

/// Problems while they are counted.
#[derive(Default)]
pub(crate) struct Notes {
    found: BTreeMap<(ProblemKind, String, Option<String>), (u64, u32)>,
    words: BTreeMap<ProblemKind, usize>,
}

impl Notes {
    pub(crate) fn add(&mut self, kind: ProblemKind, column: String, word: Option<String>, line: u32) {
        let mut key = (kind, column, word);
        if key.2.is_some() && !self.found.contains_key(&key) {
            let words = self.words.entry(kind).or_default();
            *words += 1;
            if *words > MAX_WORDS {
                key.2 = Some("…".to_owned());
            }
        }
        self.found.entry(key).or_insert((0, line)).0 += 1;
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let problem = |((kind, column, word), (count, first_line))| Problem { kind, column, word, count, first_line };
        self.found.into_iter().map(problem).collect()
    }
}
