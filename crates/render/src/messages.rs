//! The log of messages and the call list. Both show names and texts: for a signed-in person, stored nowhere.

use crate::Template;
use crate::samples::Sampled;
use crate::staff::{Choice, Frame};
use chrono::{NaiveDate, NaiveDateTime};
use kept_domain::LocalTime;
use serde::Serialize;

/// A part of the log with its count, and the address that shows it alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Key of its phrase: `place.…`, `reason.…`, `cause.…`.
    pub key: String,
    /// Word for its colour.
    pub word: String,
    /// How many.
    pub n: i64,
    /// Address of the page that shows it alone, or everything again if it is chosen.
    pub href: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// One message, sent or not.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The notice, or the reminder that became none.
    pub id: String,
    /// When it is, was, or would have been due.
    pub at: LocalTime,
    /// Whose.
    pub patient: String,
    /// The visit's id; empty: none.
    pub visit: String,
    /// When the visit is.
    pub start: Option<LocalTime>,
    /// What it is, in words.
    pub what: String,
    /// `sms`, `email`.
    pub channel: &'static str,
    /// `waiting`, `underway`, `sent`, `delivered`, `failed`, `uncertain`, `not-sent`.
    pub place: &'static str,
    /// Key of the phrase that says why; empty: nothing to say.
    pub why: String,
    /// The carrier's code; empty: none.
    pub code: String,
    /// What it says, in words; empty: only the code is known.
    pub says: String,
    /// How often it was handed over.
    pub attempts: i64,
    /// Reminders that it says together.
    pub together: i64,
    /// The text; empty: not written yet.
    pub text: String,
    /// What mends it, by word.
    pub fixes: Vec<&'static str>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({}, {})", self.id, self.place)
    }
}

impl Line {
    /// A line for samples.
    pub(crate) fn sample(place: &'static str, why: &str, fixes: &[&'static str]) -> Self {
        Self {
            id: "0193".to_owned(),
            at: LocalTime { at: at(9), zone: Some("MST".to_owned()) },
            patient: "Maria Lopez".to_owned(),
            visit: "0194".to_owned(),
            start: Some(at(15).into()),
            what: "3 days before".to_owned(),
            channel: "sms",
            place,
            why: why.to_owned(),
            code: String::new(),
            says: String::new(),
            attempts: 0,
            together: 1,
            text: String::new(),
            fixes: fixes.to_vec(),
        }
    }
}

fn at(hour: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 24).and_then(|day| day.and_hms_opt(hour, 15, 0)).unwrap_or_default()
}

/// Words of [`Line::place`].
pub const PLACES: [&str; 7] = ["waiting", "underway", "sent", "delivered", "failed", "uncertain", "not-sent"];
/// Words of the carrier's side and of people, which have a phrase `cause.…`.
pub const CAUSES: [&str; 14] = [
    "refused",
    "carrier-down",
    "undelivered",
    "unknown",
    "lease-lost",
    "desk",
    "looking-up",
    "no-answer",
    "failed",
    "not-sent",
    "was-no-number",
    "was-number-suspended",
    "was-no-consent",
    "was-opted-out",
];
/// Words of what was just done, which have a phrase `said.…`.
pub const SAID: [&str; 24] = [
    "settled",
    "too-late",
    "number",
    "number-no-consent",
    "number-opted-out",
    "number-unreadable",
    "stopped",
    "agreed",
    "again",
    "nothing",
    "wrong-number",
    "released",
    "link",
    "link-refused",
    "guard",
    "alarm",
    "call",
    "language",
    "kept",
    "channel",
    "erased",
    "erase-sure",
    "erase-visits",
    "erase-messages",
];

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Messages {
    /// Around it.
    pub frame: Frame,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Whether it is one day.
    pub one_day: bool,
    /// Spans to choose: `today`, `last`, `coming`, each with its address as `value`.
    pub spans: Vec<Choice>,
    /// Where messages stand.
    pub places: Vec<Part>,
    /// Why messages do not arrive, where somebody can do something.
    pub mendable: Vec<Part>,
    /// Why messages do not go out, where that is right.
    pub fine: Vec<Part>,
    /// Locations to filter by; empty with only one.
    pub locations: Vec<Choice>,
    /// The location that is chosen; empty: none.
    pub location: String,
    /// Messages, by time.
    pub lines: Vec<Line>,
    /// How many there are, without the filter.
    pub total: i64,
    /// Address of the next page; empty: this is the last.
    pub next: String,
    /// Address of the first page; empty: this is it.
    pub first: String,
    /// The query of this page, to come back to.
    pub query: String,
    /// What was just done: a word of [`SAID`]; empty: nothing.
    pub said: String,
    /// Days that one look covers at most.
    pub most_days: u64,
}

impl Template for Messages {
    const NAME: &'static str = "web/staff/messages.html";
    fn samples() -> Vec<Self> {
        let part = |key: String, word: &str| Part {
            key,
            word: word.to_owned(),
            n: 3,
            href: "/staff/messages".to_owned(),
            chosen: word == "sent",
        };
        let reasons: Vec<String> =
            kept_domain::SkipReason::ALL.iter().map(|reason| format!("reason.{}", reason.as_str())).collect();
        let causes: Vec<String> = CAUSES.iter().map(|cause| format!("cause.{cause}")).collect();
        let fixes = [
            "arrived",
            "send-again",
            "try-again",
            "enter-number",
            "release",
            "record-consent",
            "opt-in",
            "decide",
            "call",
        ];
        let choice =
            |label: &str| Choice { value: "?from=2026-11-24".to_owned(), label: label.to_owned(), chosen: true };
        let empty = Self {
            frame: Frame::sample("messages"),
            from: at(9).date(),
            to: at(9).date(),
            one_day: true,
            spans: ["today", "last", "coming"].map(choice).to_vec(),
            places: Vec::new(),
            mendable: Vec::new(),
            fine: Vec::new(),
            locations: Vec::new(),
            location: String::new(),
            lines: Vec::new(),
            total: 0,
            next: String::new(),
            first: String::new(),
            query: String::new(),
            said: String::new(),
            most_days: 31,
        };
        let mut lines: Vec<Line> = PLACES.iter().map(|place| Line::sample(place, "", &[])).collect();
        lines.extend(reasons.iter().chain(&causes).map(|why| Line::sample("not-sent", why, &fixes)));
        lines.push(Line {
            text: "Oak Street: …".to_owned(),
            attempts: 2,
            together: 2,
            ..Line::sample("sent", "", &[])
        });
        let none = String::new();
        let says = "the sender is not registered".to_owned();
        lines.push(Line { code: "30034".to_owned(), says, ..Line::sample("waiting", "", &[]) });
        lines.push(Line { visit: none, start: None, code: "30003".to_owned(), ..Line::sample("failed", "", &[]) });
        lines.push(Line { channel: "email", patient: String::new(), ..Line::sample("sent", "", &[]) });
        let full = Self {
            one_day: false,
            places: PLACES.iter().map(|place| part(format!("place.{place}"), place)).collect(),
            mendable: causes.iter().map(|key| part(key.clone(), "failed")).collect(),
            fine: reasons.iter().map(|key| part(key.clone(), "not-sent")).collect(),
            locations: vec![choice("Main"), choice("North")],
            location: "1".to_owned(),
            lines,
            total: 40,
            next: "/staff/messages?after=1".to_owned(),
            first: "/staff/messages".to_owned(),
            query: "?from=2026-11-24".to_owned(),
            ..empty.clone()
        };
        let said = SAID.iter().map(|said| Self { said: (*said).to_owned(), ..empty.clone() });
        [empty.clone(), full].into_iter().chain(said).collect()
    }
}

/// A visit to call about.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CallLine {
    /// The visit's id.
    pub visit: String,
    /// When it is.
    pub start: LocalTime,
    /// Whose.
    pub patient: String,
    /// With whom, what for, where; those that are known.
    pub facts: Vec<String>,
    /// Key of the phrase that says why.
    pub why: String,
    /// Numbers to call, E.164.
    pub numbers: Vec<String>,
    /// How often somebody called.
    pub calls: usize,
    /// What came of the last call, `call.…`; empty: nobody called.
    pub last: &'static str,
    /// When that was.
    pub last_at: Option<NaiveDateTime>,
    /// Who calls; empty: nobody yet.
    pub owner: String,
    /// Whether that is whoever reads this.
    pub mine: bool,
}

impl std::fmt::Debug for CallLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallLine({})", self.visit)
    }
}

/// The call list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Around it.
    pub frame: Frame,
    /// Hours before a visit from which on it is listed.
    pub hours: i64,
    /// Visits by start.
    pub lines: Vec<CallLine>,
    /// What a call can come to, by word.
    pub outcomes: Vec<&'static str>,
    /// What was just done: a word of [`SAID`]; empty: nothing.
    pub said: String,
}

/// What a call can come to.
pub const OUTCOMES: [&str; 5] = ["confirmed", "declined", "message-left", "no-reply", "wrong-number"];

impl Template for Calls {
    const NAME: &'static str = "web/staff/calls.html";
    fn samples() -> Vec<Self> {
        let line = |why: &str, last: &'static str, owner: &str, mine| CallLine {
            visit: "0194".to_owned(),
            start: at(15).into(),
            patient: "Maria Lopez".to_owned(),
            facts: vec!["Dr Wong".to_owned(), "Main".to_owned()],
            why: why.to_owned(),
            numbers: if mine { Vec::new() } else { vec!["+14155550123".to_owned()] },
            calls: usize::from(!last.is_empty()),
            last,
            last_at: (!last.is_empty()).then(|| at(10)),
            owner: owner.to_owned(),
            mine,
        };
        let mut lines: Vec<CallLine> =
            OUTCOMES.iter().map(|outcome| line("cause.no-answer", outcome, "Ann Lee", false)).collect();
        lines.push(line("reason.no-number", "", "", false));
        lines.push(line("cause.failed", "", "Ann Lee", true));
        let full = Self {
            frame: Frame::sample("messages"),
            hours: 24,
            lines,
            outcomes: OUTCOMES.to_vec(),
            said: "call".to_owned(),
        };
        let empty = Self { lines: Vec::new(), said: String::new(), ..full.clone() };
        vec![full, empty]
    }
}

/// "Stop messages to a number or address".
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct StopPage {
    /// Around it.
    pub frame: Frame,
    /// The number or address, as typed.
    pub number: String,
    /// What was just done: a word of [`SAID`]; empty: nothing.
    pub said: String,
    /// Whether what was typed is neither.
    pub unreadable: bool,
}

impl std::fmt::Debug for StopPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StopPage(…)")
    }
}

impl Template for StopPage {
    const NAME: &'static str = "web/staff/stop.html";
    fn samples() -> Vec<Self> {
        let plain =
            Self { frame: Frame::sample("messages"), number: String::new(), said: String::new(), unreadable: false };
        let done = |said: &str| Self { said: said.to_owned(), ..plain.clone() };
        let wrong = Self { number: "12".to_owned(), unreadable: true, ..plain.clone() };
        vec![done("stopped"), done("nothing"), wrong, plain]
    }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<Messages>(), Sampled::page::<Calls>(), Sampled::page::<StopPage>()]
}
