//! Pages of the upload: file → match columns → check → send.

use crate::Template;
use crate::messages::Part;
use crate::samples::Sampled;
use crate::staff::{Choice, Frame};
use kept_domain::{AppointmentStatus, LocalTime};
use serde::Serialize;

/// Choose a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UploadFile {
    /// Around it.
    pub frame: Frame,
    /// What was wrong with the last one, as a sentence; empty: nothing.
    pub problem: String,
    /// Largest file, in megabytes.
    pub most_mb: u64,
}

impl Template for UploadFile {
    const NAME: &'static str = "web/staff/upload.html";
    fn samples() -> Vec<Self> {
        ["", "The file is empty."]
            .map(|problem| Self { frame: Frame::sample("upload"), problem: problem.to_owned(), most_mb: 64 })
            .to_vec()
    }
}

/// One column of their file.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name of the form's field.
    pub name: String,
    /// Their header.
    pub header: String,
    /// Values of the column.
    pub samples: Vec<String>,
    /// Our fields, the chosen one marked.
    pub fields: Vec<Choice>,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Column({})", self.name)
    }
}

/// Match their columns with our fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MatchColumns {
    /// Around it.
    pub frame: Frame,
    /// The upload.
    pub id: String,
    /// Rows below the header.
    pub rows: u64,
    /// Whether the mapping of an earlier file with the same header is shown.
    pub remembered: bool,
    /// Their columns.
    pub columns: Vec<Column>,
    /// How dates are read; values `""`, `month-first`, `day-first`, `iso`.
    pub dates: Vec<Choice>,
    /// Whether the practice's declaration was chosen the last time.
    pub declared: bool,
    /// What is wrong with the mapping, as a sentence; empty: nothing.
    pub problem: String,
}

impl Template for MatchColumns {
    const NAME: &'static str = "web/staff/match.html";
    fn samples() -> Vec<Self> {
        let fields = ["", "starts_at", "patient_name", "phone"];
        let sample = |remembered, problem: &str| Self {
            frame: Frame::sample("upload"),
            id: "0193".to_owned(),
            rows: 420,
            remembered,
            columns: fields
                .iter()
                .map(|field| Column {
                    name: "c0".to_owned(),
                    header: "Cell Phone".to_owned(),
                    samples: vec!["(415) 555-0123".to_owned()],
                    fields: fields.iter().map(|value| choice(value, value == field)).collect(),
                })
                .collect(),
            dates: ["", "month-first", "day-first", "iso"]
                .iter()
                .map(|value| choice(value, value.is_empty()))
                .collect(),
            declared: remembered,
            problem: problem.to_owned(),
        };
        vec![sample(false, "No column is matched with the start."), sample(true, "")]
    }
}

/// A row of the check.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CheckRow {
    /// `new`, `changed`, `vanished`, `rejected`.
    pub class: &'static str,
    /// Line of the file.
    pub line: Option<u32>,
    /// Start at the location.
    pub start: Option<LocalTime>,
    /// The patient.
    pub name: String,
    /// What changed, or why the row cannot be used.
    pub notes: Vec<String>,
}

impl std::fmt::Debug for CheckRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckRow({}, line {:?})", self.class, self.line)
    }
}

/// A message that would be planned.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CheckMessage {
    /// The patient.
    pub name: String,
    /// Line of the file.
    pub line: Option<u32>,
    /// Start at the location.
    pub start: LocalTime,
    /// Visits that it is about.
    pub visits: usize,
    /// `sms`, `email`.
    pub channel: &'static str,
    /// Its language.
    pub language: &'static str,
    /// When it would go out, on the location's clock.
    pub at: LocalTime,
    /// As it would go out, but for the link's secret.
    pub text: String,
    /// Segments it takes; 0: not counted in segments.
    pub segments: usize,
}

impl std::fmt::Debug for CheckMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckMessage(line {:?})", self.line)
    }
}

/// A step that would not be said.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CheckSilence {
    /// The patient.
    pub name: String,
    /// Line of the file.
    pub line: Option<u32>,
    /// Start at the location.
    pub start: LocalTime,
    /// Which step, in words.
    pub what: String,
    /// Key of the phrase that says why.
    pub why: String,
}

impl std::fmt::Debug for CheckSilence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckSilence(line {:?})", self.line)
    }
}

/// One of their words for a status.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct StatusWord {
    /// The word, which names the form's field.
    pub word: String,
    /// What it may mean, the chosen meaning marked; the value `""`: nothing yet.
    pub meanings: Vec<Choice>,
}

impl std::fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StatusWord({} meanings)", self.meanings.len())
    }
}

impl StatusWord {
    fn sample(chosen: &str) -> Self {
        let meanings = AppointmentStatus::ALL.iter().map(|status| status.as_str());
        let meanings = std::iter::once("").chain(meanings).map(|value| choice(value, value == chosen));
        Self { word: "No contestó".to_owned(), meanings: meanings.collect() }
    }
}

/// What importing would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Around it.
    pub frame: Frame,
    /// The upload.
    pub id: String,
    /// Counts by word: `new`, `changed`, `unchanged`, `vanished`, `rejected`, `without_number`.
    pub counts: Vec<(&'static str, u64)>,
    /// What to look at.
    pub problems: Vec<String>,
    /// Their words for a status that a person gives a meaning.
    pub words: Vec<StatusWord>,
    /// Whether the file is taken for a new layout of a calendar that is known.
    pub new_columns: bool,
    /// Columns that nothing was read from.
    pub unmapped: Vec<String>,
    /// Rows to look at: rejected first, then vanished, changed, new.
    pub rows: Vec<CheckRow>,
    /// Rows that are not shown.
    pub more: u64,
    /// Whether texts will be sent to numbers the file says nothing of.
    pub declared: bool,
    /// New and changed rows: what "send" does.
    pub to_do: u64,
    /// Which part is shown: `messages`, `silent`, `rows`.
    pub show: &'static str,
    /// Rows to look at in all.
    pub rows_total: u64,
    /// Messages that would be planned in all.
    pub messages_total: usize,
    /// Steps that would not be said in all.
    pub silences_total: usize,
    /// Visits to come of which nothing would be said.
    pub silent_visits: usize,
    /// A page of the messages.
    pub messages: Vec<CheckMessage>,
    /// Why steps would not be said, with counts.
    pub reasons: Vec<Part>,
    /// A page of the steps that would not be said.
    pub silences: Vec<CheckSilence>,
    /// Address of the page before; empty: this is the first.
    pub earlier: String,
    /// Address of the next page; empty: this is the last.
    pub later: String,
}

impl Template for Check {
    const NAME: &'static str = "web/staff/check.html";
    fn samples() -> Vec<Self> {
        let start = chrono::NaiveDate::from_ymd_opt(2026, 11, 24).and_then(|day| day.and_hms_opt(9, 15, 0));
        let row = |class, notes: &[&str]| CheckRow {
            class,
            line: Some(7),
            start: start.map(LocalTime::from),
            name: "Maria Lopez".to_owned(),
            notes: notes.iter().map(|&note| note.to_owned()).collect(),
        };
        let words = ["new", "changed", "unchanged", "vanished", "rejected", "without_number"];
        let full = Self {
            frame: Frame::sample("upload"),
            id: "0193".to_owned(),
            counts: words.iter().map(|&word| (word, 4)).collect(),
            problems: vec!["Column `Lang` says `Frisian` in 2 rows.".to_owned()],
            words: vec![StatusWord::sample(""), StatusWord::sample("noshow")],
            new_columns: true,
            unmapped: vec!["Notes".to_owned()],
            rows: vec![
                row("rejected", &["no such date"]),
                row("vanished", &[]),
                row("changed", &["start"]),
                CheckRow { start: None, line: None, ..row("new", &["no number"]) },
            ],
            more: 12,
            declared: true,
            to_do: 8,
            show: "rows",
            rows_total: 16,
            messages_total: 42,
            silences_total: 9,
            silent_visits: 2,
            messages: Vec::new(),
            reasons: Vec::new(),
            silences: Vec::new(),
            earlier: String::new(),
            later: String::new(),
        };
        let message = |channel, visits, segments| CheckMessage {
            name: "Maria Lopez".to_owned(),
            line: Some(7),
            start: start.unwrap_or_default().into(),
            visits,
            channel,
            language: "es",
            at: LocalTime { at: start.unwrap_or_default(), zone: Some("MST".to_owned()) },
            text: "Oak Street: …".to_owned(),
            segments,
        };
        let reason = |reason: &kept_domain::SkipReason| Part {
            key: format!("reason.{reason}"),
            word: "not-sent".to_owned(),
            n: 3,
            href: "/staff/upload/0193/check?show=silent".to_owned(),
            chosen: *reason == kept_domain::SkipReason::NoNumber,
        };
        let silence = |reason: &kept_domain::SkipReason| CheckSilence {
            name: "Maria Lopez".to_owned(),
            line: None,
            start: start.unwrap_or_default().into(),
            what: "3 days before".to_owned(),
            why: format!("reason.{reason}"),
        };
        let texts = Self {
            show: "messages",
            rows: Vec::new(),
            messages: vec![message("sms", 1, 1), message("sms", 2, 2), message("email", 1, 0)],
            earlier: "/staff/upload/0193/check?page=0".to_owned(),
            later: "/staff/upload/0193/check?page=2".to_owned(),
            ..full.clone()
        };
        let silent = Self {
            show: "silent",
            rows: Vec::new(),
            reasons: kept_domain::SkipReason::ALL.iter().map(reason).collect(),
            silences: kept_domain::SkipReason::ALL.iter().map(silence).collect(),
            messages_total: 0,
            ..full.clone()
        };
        let nothing = Self {
            problems: Vec::new(),
            words: Vec::new(),
            new_columns: false,
            unmapped: Vec::new(),
            rows: Vec::new(),
            more: 0,
            declared: false,
            to_do: 0,
            rows_total: 0,
            messages_total: 0,
            silences_total: 0,
            silent_visits: 0,
            ..full.clone()
        };
        let no_texts = ["messages", "silent"].map(|show| Self { show, ..nothing.clone() });
        [full, nothing, texts, silent].into_iter().chain(no_texts).collect()
    }
}

/// An import under way, done, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Around it.
    pub frame: Frame,
    /// The upload.
    pub id: String,
    /// `importing`, `done`, `failed`.
    pub stage: &'static str,
    /// Rows handled.
    pub progress: i64,
    /// Rows in all; 0: not known yet.
    pub total: i64,
    /// Counts by word.
    pub counts: Vec<(&'static str, u64)>,
    /// Whether there are rejected rows to fetch.
    pub rejects: bool,
}

impl Template for Sent {
    const NAME: &'static str = "web/staff/sent.html";
    fn samples() -> Vec<Self> {
        ["importing", "done", "failed"]
            .map(|stage| Self {
                frame: Frame::sample("upload"),
                id: "0193".to_owned(),
                stage,
                progress: 2_000,
                total: 100_000,
                counts: vec![("new", 4), ("rejected", 2)],
                rejects: true,
            })
            .to_vec()
    }
}

fn choice(value: &str, chosen: bool) -> Choice {
    Choice { value: value.to_owned(), label: value.to_owned(), chosen }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![
        Sampled::page::<UploadFile>(),
        Sampled::page::<MatchColumns>(),
        Sampled::page::<Check>(),
        Sampled::page::<Sent>(),
    ]
}
