//! One visit and its patient, for the desk.

use crate::Template;
use crate::messages::{Line, OUTCOMES, SAID};
use crate::samples::Sampled;
use crate::staff::{Choice, Frame};
use chrono::{NaiveDate, NaiveDateTime};
use kept_domain::LocalTime;
use serde::Serialize;

/// A number or address in use.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// `sms`, `email`.
    pub channel: &'static str,
    /// E.164, or an address.
    pub value: String,
    /// Why no message goes there, `suspended.…`; empty: it may.
    pub suspended: String,
    /// Where it stands: `granted`, `restored`, `denied`, `withdrawn`, `none`.
    pub consent: &'static str,
    /// Whether messages may go there by what is recorded.
    pub allowed: bool,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contact({}, {})", self.channel, self.consent)
    }
}

/// What the ledger says.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ConsentEvent {
    /// When.
    pub at: NaiveDateTime,
    /// `sms`, `email`.
    pub channel: &'static str,
    /// `granted`, `denied`, `withdrawn`, `restored`.
    pub act: &'static str,
    /// Key of the phrase that says by what words or deed: `wording.…` or `basis.…`.
    pub how: String,
    /// Who wrote it down; empty: nobody of the practice.
    pub staff: String,
}

impl std::fmt::Debug for ConsentEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConsentEvent({})", self.act)
    }
}

/// Wordings that have a phrase `wording.…`; points become hyphens.
pub const WORDINGS: [&str; 12] = [
    "desk-opt-out-voicemail",
    "desk-opt-out-mail",
    "desk-opt-out-telephone",
    "desk-opt-out-desk",
    "desk-agreed-1",
    "desk-opt-in-desk",
    "import-declared-1",
    "import-declared-2",
    "portal-stop-1",
    "portal-again-1",
    "portal-stop-one-1",
    "portal-again-one-1",
];
/// Grounds of entries, which have a phrase `basis.…`.
pub const BASES: [&str; 7] = ["import-column", "uploader-declared", "reply", "portal", "desk", "carrier", "email-link"];
/// Why numbers are suspended, which have a phrase `suspended.…`.
pub const SUSPENSIONS: [&str; 3] = ["wrong-number", "unreachable", "other"];

/// A visit and its patient.
#[expect(clippy::struct_excessive_bools, reason = "facts of one page, each shown by itself")]
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct VisitPanel {
    /// Around it.
    pub frame: Frame,
    /// The visit.
    pub id: String,
    /// Whose.
    pub patient: String,
    /// Start on the location's clock.
    pub start: LocalTime,
    /// The day, as in addresses.
    pub day: String,
    /// With whom, what for, where; those that are known.
    pub facts: Vec<String>,
    /// The chip's word.
    pub chip: &'static str,
    /// Key of the phrase that says why nothing goes out; empty: something does, or did.
    pub why: String,
    /// When the next message goes out.
    pub next: Option<NaiveDateTime>,
    /// Whether it is still to come.
    pub to_come: bool,
    /// Why it is held: `vanished`, `conflict`; empty: it is not.
    pub held: String,
    /// Numbers and addresses in use.
    pub contacts: Vec<Contact>,
    /// Whether there is a number among them.
    pub has_number: bool,
    /// Whether a text may go to the number now.
    pub may_text: bool,
    /// Whether the carrier may hold texts back until the patient texts START.
    pub carrier_blocks: bool,
    /// The number that texts come from; empty: not known.
    pub sender: String,
    /// Languages to choose, the chosen one marked.
    pub languages: Vec<Choice>,
    /// What the ledger says, the newest first.
    pub consents: Vec<ConsentEvent>,
    /// Everything sent and not sent.
    pub lines: Vec<Line>,
    /// Wrong birth dates.
    pub failures: i64,
    /// Whether some link takes none any more.
    pub blocked: bool,
    /// Whether the patient can identify at all.
    pub has_birth_date: bool,
    /// What a call can come to, by word.
    pub outcomes: Vec<&'static str>,
    /// Whether the reader may erase the patient, and there is somebody to erase.
    pub may_erase: bool,
    /// Whether the patient was erased.
    pub erased: bool,
    /// What was just done: a word of [`SAID`]; empty: nothing.
    pub said: String,
    /// Whether that did not do what was asked for.
    pub failed: bool,
}

impl std::fmt::Debug for VisitPanel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VisitPanel({})", self.id)
    }
}

impl Template for VisitPanel {
    const NAME: &'static str = "web/staff/visit.html";
    fn samples() -> Vec<Self> {
        let start: NaiveDateTime =
            NaiveDate::from_ymd_opt(2026, 11, 24).and_then(|day| day.and_hms_opt(9, 15, 0)).unwrap_or_default();
        let contact = |channel, suspended: &str, consent: &'static str| Contact {
            channel,
            value: if channel == "sms" { "+14155550123".to_owned() } else { "maria@example.org".to_owned() },
            suspended: suspended.to_owned(),
            consent,
            allowed: matches!(consent, "granted" | "restored"),
        };
        let event = |act, how: String| ConsentEvent {
            at: start,
            channel: "sms",
            act,
            how,
            staff: if act == "withdrawn" { "Ann Lee".to_owned() } else { String::new() },
        };
        let bare = Self {
            frame: Frame::sample("today"),
            id: "0194".to_owned(),
            patient: "Maria Lopez".to_owned(),
            start: start.into(),
            day: "2026-11-24".to_owned(),
            facts: vec!["Dr Wong".to_owned(), "Follow-up".to_owned()],
            chip: "not-sent",
            why: "reason.no-number".to_owned(),
            next: None,
            to_come: true,
            held: String::new(),
            contacts: Vec::new(),
            has_number: false,
            carrier_blocks: false,
            sender: String::new(),
            may_text: false,
            languages: ["", "en", "es"]
                .map(|word| Choice { value: word.to_owned(), label: word.to_owned(), chosen: word == "es" })
                .to_vec(),
            consents: Vec::new(),
            lines: Vec::new(),
            failures: 0,
            blocked: false,
            has_birth_date: false,
            outcomes: OUTCOMES.to_vec(),
            may_erase: false,
            erased: false,
            said: String::new(),
            failed: false,
        };
        let wordings = WORDINGS.iter().map(|wording| event("withdrawn", format!("wording.{wording}")));
        let bases = BASES.iter().map(|basis| event("granted", format!("basis.{basis}")));
        let acts = ["denied", "restored"].map(|act| event(act, "basis.desk".to_owned()));
        let full = Self {
            why: String::new(),
            next: Some(start),
            contacts: SUSPENSIONS
                .iter()
                .map(|why| contact("sms", why, "granted"))
                .chain(["granted", "restored", "denied", "withdrawn", "none"].map(|act| contact("email", "", act)))
                .chain(["granted", "denied", "withdrawn", "none"].map(|act| contact("sms", "", act)))
                .collect(),
            has_number: true,
            carrier_blocks: true,
            may_text: true,
            consents: wordings.chain(bases).chain(acts).collect(),
            lines: vec![
                Line { text: "Oak Street: …".to_owned(), ..Line::sample("sent", "", &[]) },
                Line::sample("uncertain", "cause.unknown", &["arrived", "send-again", "call"]),
                Line::sample("failed", "cause.undelivered", &["try-again"]),
            ],
            failures: 5,
            blocked: true,
            has_birth_date: true,
            ..bare.clone()
        };
        let past = Self { to_come: false, chip: "kept", failures: 1, may_erase: true, ..full.clone() };
        let held = ["vanished", "conflict"].map(|held| Self { held: held.to_owned(), chip: "held", ..full.clone() });
        let said = SAID.map(|said| Self {
            said: said.to_owned(),
            failed: said == "too-late",
            carrier_blocks: true,
            sender: "+14155550199".to_owned(),
            ..bare.clone()
        });
        let erased = Self { erased: true, may_erase: false, patient: "—".to_owned(), ..past.clone() };
        [bare.clone(), full, past, erased].into_iter().chain(held).chain(said).collect()
    }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<VisitPanel>()]
}
