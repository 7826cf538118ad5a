//! A row that could be read.

use chrono::{NaiveDate, NaiveDateTime};
use kept_domain::{AppointmentStatus, Instant, Locale, time::resolve_local};
use std::fmt;

/// A time as the file gives it: with an offset (or a zone of the mapping), or on the wall of the location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A point in time.
    At(Instant),
    /// A wall-clock time in the location's zone, which the file does not know.
    Local(NaiveDateTime),
}

impl Moment {
    /// The point in time, for visits in that zone.
    pub fn resolve(self, zone: chrono_tz::Tz) -> Instant {
        match self {
            Self::At(instant) => instant,
            Self::Local(local) => resolve_local(zone, local),
        }
    }

    /// Minutes from one to a later one of the same kind.
    pub(crate) fn minutes_until(self, end: Self) -> Option<i64> {
        match (self, end) {
            (Self::At(a), Self::At(b)) => Some((b - a).num_minutes()),
            (Self::Local(a), Self::Local(b)) => Some((b - a).num_minutes()),
            _ => None,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(instant) => write!(f, "@{}", instant.as_ms()),
            Self::Local(local) => write!(f, "{local}"),
        }
    }
}

/// What an action column asks for; without one, every row is to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Add it, or change what is there.
    Upsert,
    /// Take it out.
    Delete,
}

/// Tells one visit of a source from another, across files.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RowKey(String);

impl RowKey {
    pub(crate) fn id(id: &str) -> Self {
        Self(format!("id\u{1F}{id}"))
    }

    pub(crate) fn composed(patient: &PatientKey, practitioner: &str, start: Moment) -> Self {
        Self(format!("at\u{1F}{}\u{1F}{practitioner}\u{1F}{start}", patient.text))
    }

    /// The key as text, to be hashed under the practice's index key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowKey(…)")
    }
}

/// Tells one patient of a practice from another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PatientKey {
    text: String,
    provisional: bool,
}

impl PatientKey {
    /// By the practice's own id.
    pub(crate) fn id(id: &str) -> Self {
        Self { text: format!("id\u{1F}{id}"), provisional: false }
    }

    /// By name and number; or by name and start, which is good for this visit only; or by the visit alone.
    pub(crate) fn provisional(name: &str, phone_digits: &str, appointment: Option<&str>, start: Moment) -> Self {
        let text = match (name.is_empty(), phone_digits.is_empty(), appointment) {
            (false, false, _) => format!("np\u{1F}{name}\u{1F}{phone_digits}"),
            (false, true, None) => format!("ns\u{1F}{name}\u{1F}{start}"),
            // With an id of the visit, its start may change without making a new patient.
            (false, true, Some(id)) => format!("na\u{1F}{name}\u{1F}{id}"),
            (true, _, id) => format!("a\u{1F}{}", id.unwrap_or_default()),
        };
        Self { text, provisional: true }
    }

    /// The key as text, to be hashed under the practice's index key.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is only good within one series of files, and never merged with anyone without a person.
    pub fn is_provisional(&self) -> bool {
        self.provisional
    }
}

impl fmt::Debug for PatientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientKey(…)")
    }
}

/// One visit as a source describes it. Empty cells are `None`.
#[derive(Clone, PartialEq)]
pub struct SourceVisit {
    /// Line of the file, or row of the sheet, where it begins.
    pub line: u32,
    /// What tells it from other visits of the source.
    pub key: RowKey,
    /// What to do with it.
    pub action: Action,
    /// The practice's own id of the visit.
    pub appointment_id: Option<String>,
    /// What tells the patient from others.
    pub patient: PatientKey,
    /// The practice's own id of the patient.
    pub patient_id: Option<String>,
    /// The whole name, `Given Family` where the parts are known.
    pub name: Option<String>,
    /// Given names, where the file tells them apart.
    pub given: Option<String>,
    /// Family name, where the file tells it apart.
    pub family: Option<String>,
    /// Date of birth.
    pub birth_date: Option<NaiveDate>,
    /// Mobile number as written.
    pub phone: Option<String>,
    /// E-mail address as written.
    pub email: Option<String>,
    /// Start.
    pub starts_at: Moment,
    /// Length in minutes, 1 to 1,440.
    pub minutes: Option<i64>,
    /// When the visit was made.
    pub booked_at: Option<Moment>,
    /// Practitioner's name as written.
    pub practitioner: Option<String>,
    /// Location's name as written.
    pub location: Option<String>,
    /// Visit type as written.
    pub visit_type: Option<String>,
    /// Language of the patient.
    pub language: Option<Locale>,
    /// Status, if the file has one and its word is known.
    pub status: Option<AppointmentStatus>,
    /// When it was cancelled, if the file tells.
    pub cancelled_at: Option<Moment>,
    /// The file says the patient called it off within 24 hours.
    pub cancelled_late: bool,
    /// Whether the patient agreed to texts, if the file tells.
    pub consent_sms: Option<bool>,
    /// Whether the patient agreed to e-mail, if the file tells.
    pub consent_email: Option<bool>,
    /// What the patient should bring.
    pub bring: Option<String>,
}

impl fmt::Debug for SourceVisit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceVisit(line {})", self.line)
    }
}
