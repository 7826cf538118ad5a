//! What is wrong with a file, in the reader's language. (The sentences of the command line speak of the mapping file instead, which a
//! page does not show.)

use crate::error::WebError;
use kept_domain::Locale;
use kept_flow::intake::{
    BRAKE_PERCENT, FileError, ImportError, ImportProblem, MappingError, Problem, Reason, RejectWords, RowDetail, limits,
};
use kept_render::Renderer;
use std::fmt::Display;

/// Bytes of a kilobyte and of a megabyte.
const KB: usize = 1024;
const MB: u64 = 1024 * 1024;

/// Tells it.
#[derive(Clone, Copy)]
pub(super) struct Teller<'a> {
    pub(super) render: &'a Renderer,
    pub(super) locale: Locale,
}

impl<'a> Teller<'a> {
    /// The words for a file of rejected rows.
    pub(super) fn rejects(self) -> Result<RejectWords<'a>, WebError> {
        Ok(RejectWords {
            line: self.say("check.line", &[])?,
            reason: self.say("check.why_not", &[])?,
            tell: Box::new(move |reason| self.row(reason).unwrap_or_else(|_| reason.to_string())),
        })
    }

    fn say(self, key: &str, values: &[(&str, &dyn Display)]) -> Result<String, WebError> {
        Ok(self.render.phrase(self.locale, key, values)?)
    }

    /// A file that cannot be used is told in the page; anything else is a failure.
    pub(super) fn import(self, error: ImportError) -> Result<String, WebError> {
        match error {
            ImportError::File(error) => self.file(&error),
            ImportError::Flow(error) => Err(error.into()),
        }
    }

    pub(super) fn file(self, error: &FileError) -> Result<String, WebError> {
        let key = format!("file.{}", error.code());
        match error {
            FileError::Mapping(error) => self.mapping(error),
            FileError::TooLarge => self.say(&key, &[("most", &(limits::MAX_FILE_BYTES / MB))]),
            FileError::LineTooLong { line } => {
                self.say(&key, &[("line", line), ("most", &(limits::MAX_LINE_BYTES / KB))])
            }
            FileError::TooManyRows => self.say(&key, &[("most", &limits::MAX_ROWS)]),
            FileError::TooManyColumns => self.say(&key, &[("most", &limits::MAX_COLUMNS)]),
            FileError::NoSuchSheet { wanted, found } => self.say(&key, &[("wanted", wanted), ("found", found)]),
            FileError::NoHeader => self.say(&key, &[("within", &limits::HEADER_WITHIN_ROWS)]),
            FileError::ColumnMissing { missing, line, header } => {
                self.say(&key, &[("missing", missing), ("line", line), ("header", header)])
            }
            FileError::ColumnTwice { column } => self.say(&key, &[("column", column)]),
            FileError::AmbiguousDates { column, example } => {
                self.say(&key, &[("column", column), ("example", example)])
            }
            FileError::Empty
            | FileError::NotATable { .. }
            | FileError::OldWorkbook
            | FileError::DamagedWorkbook
            | FileError::UnpacksTooLarge
            | FileError::Unreadable(_) => self.say(&key, &[]),
        }
    }

    pub(super) fn mapping(self, error: &MappingError) -> Result<String, WebError> {
        let key = match error {
            MappingError::NoStart => "mapping.no-start",
            MappingError::NoKey => "mapping.no-key",
            // Only a file written by hand can be wrong so.
            _ => "mapping.unusable",
        };
        self.say(key, &[])
    }

    pub(super) fn row(self, reason: &Reason) -> Result<String, WebError> {
        let key = format!("row.{}", reason.code());
        match reason {
            Reason::NoStart { column }
            | Reason::NoTime { column }
            | Reason::NoDate { column }
            | Reason::NotADate { column }
            | Reason::NoSuchDay { column }
            | Reason::NoSuchTime { column }
            | Reason::UnknownAction { column } => self.say(&key, &[("column", column)]),
            Reason::NoKey { columns } => self.say(&key, &[("columns", columns)]),
            Reason::Twice { first_line } => self.say(&key, &[("line", first_line)]),
            Reason::WrongWidth { found, expected } => self.say(&key, &[("found", found), ("expected", expected)]),
            Reason::CellTooLong => self.say(&key, &[]),
        }
    }

    pub(super) fn problem(self, problem: &ImportProblem) -> Result<String, WebError> {
        match problem {
            ImportProblem::Read(Problem { kind, column, word, count, first_line }) => {
                let word = word.as_deref().unwrap_or_default();
                let key = format!("problem.{}", kind.code());
                self.say(&key, &[("column", column), ("word", &word), ("n", count), ("line", first_line)])
            }
            ImportProblem::UnknownLocation { name, count, first } => {
                self.say("problem.unknown-location", &[("word", name), ("n", count), ("first", first)])
            }
            ImportProblem::ManyVanished { gone, of } => {
                self.say("problem.many-vanished", &[("gone", gone), ("of", of), ("percent", &BRAKE_PERCENT)])
            }
        }
    }

    /// What changed of a row.
    pub(super) fn changed(self, row: &RowDetail) -> Result<Vec<String>, WebError> {
        row.fields.iter().map(|field| self.say(&format!("changed.{}", field.replace(' ', "-")), &[])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kept_flow::intake::{ProblemKind, RowClass};

    #[test]
    fn a_file_of_rejected_rows_speaks_the_readers_language() {
        let render = Renderer::new().expect("the embedded templates compile");
        let teller = Teller { render: &render, locale: Locale::Es };
        let words = teller.rejects().expect("the phrases");
        let reason = Reason::Twice { first_line: 3 };
        assert_eq!((words.line.as_str(), words.reason.as_str()), ("Línea", "Por qué"));
        assert_eq!((words.tell)(&reason), teller.row(&reason).expect("the phrase"));
        assert_ne!((words.tell)(&reason), reason.to_string());
    }

    /// Everything that can be wrong, told in both languages, and in neither with words of the mapping file.
    #[test]
    fn everything_is_told_in_the_readers_language() {
        let render = Renderer::new().expect("the embedded templates compile");
        let text = || "X1".to_owned();
        let files = [
            FileError::Empty,
            FileError::TooLarge,
            FileError::LineTooLong { line: 7 },
            FileError::TooManyRows,
            FileError::TooManyColumns,
            FileError::NotATable { what: "a PDF" },
            FileError::OldWorkbook,
            FileError::DamagedWorkbook,
            FileError::UnpacksTooLarge,
            FileError::NoSuchSheet { wanted: text(), found: text() },
            FileError::NoHeader,
            FileError::ColumnMissing { missing: text(), line: 7, header: text() },
            FileError::ColumnTwice { column: text() },
            FileError::AmbiguousDates { column: text(), example: text() },
            FileError::Unreadable(text()),
            FileError::Mapping(MappingError::NoStart),
            FileError::Mapping(MappingError::NoKey),
            FileError::Mapping(MappingError::TooLarge),
        ];
        let rows = [
            Reason::NoStart { column: text() },
            Reason::NoTime { column: text() },
            Reason::NoDate { column: text() },
            Reason::NotADate { column: text() },
            Reason::NoSuchDay { column: text() },
            Reason::NoSuchTime { column: text() },
            Reason::NoKey { columns: text() },
            Reason::Twice { first_line: 7 },
            Reason::WrongWidth { found: 7, expected: 8 },
            Reason::CellTooLong,
            Reason::UnknownAction { column: text() },
        ];
        let kinds = [
            ProblemKind::UnknownStatus,
            ProblemKind::UnknownLanguage,
            ProblemKind::UnknownConsent,
            ProblemKind::UnknownTick,
            ProblemKind::BirthDate,
            ProblemKind::Duration,
            ProblemKind::Time,
        ];
        let read = |kind, count| {
            ImportProblem::Read(Problem { kind, column: text(), word: Some(text()), count, first_line: 7 })
        };
        let mut problems: Vec<_> = kinds.iter().flat_map(|&kind| [read(kind, 1), read(kind, 9)]).collect();
        problems.push(ImportProblem::UnknownLocation { name: text(), count: 1, first: text() });
        problems.push(ImportProblem::UnknownLocation { name: text(), count: 9, first: text() });
        problems.push(ImportProblem::ManyVanished { gone: 5, of: 9 });
        let fields = vec![
            "start",
            "location",
            "practitioner",
            "visit type",
            "length",
            "status",
            "name",
            "birth date",
            "phone",
            "email",
            "language",
            "consent",
            "patient",
            "booked",
            "what to bring",
            "id",
        ];
        let detail = RowDetail {
            class: RowClass::Changed,
            line: Some(7),
            fields,
            name: None,
            start: chrono::NaiveDateTime::default().into(),
            practitioner: None,
            has_number: true,
            conflict: false,
        };
        let tell = |locale| {
            let teller = Teller { render: &render, locale };
            let mut said: Vec<String> = files.iter().map(|one| teller.file(one).expect("a phrase")).collect();
            said.extend(rows.iter().map(|one| teller.row(one).expect("a phrase")));
            said.extend(problems.iter().map(|one| teller.problem(one).expect("a phrase")));
            (said, teller.changed(&detail).expect("words"))
        };
        let ((english, _), (spanish, words)) = (tell(Locale::En), tell(Locale::Es));
        assert!(english.iter().zip(&spanish).all(|(english, spanish)| english != spanish), "{spanish:#?}");
        assert_eq!(words[0], "inicio");
        for said in english.iter().chain(&spanish) {
            assert!(!said.contains(['[', '`']), "nothing on the page is called so: {said}");
        }
    }
}
