//! Pages of the front desk. They show names: each is for a signed-in person, and is stored nowhere.

use crate::Template;
use crate::samples::Sampled;
use chrono::{NaiveDate, NaiveDateTime};
use kept_domain::LocalTime;
use serde::Serialize;

/// What stands around every staff page.
#[expect(clippy::struct_excessive_bools, reason = "each says what one person sees")]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// Address of the style sheet.
    pub stylesheet: String,
    /// Address of the page's script; empty: none.
    pub script: String,
    /// Its `integrity`.
    pub integrity: String,
    /// The practice's name.
    pub practice: String,
    /// Who is signed in; empty before.
    pub person: String,
    /// Whether they work at the desk (today, upload).
    pub desk: bool,
    /// Whether they read the report.
    pub report: bool,
    /// Whether they change the practice's settings.
    pub settings: bool,
    /// Which page: `today`, `messages`, `upload`, `report`, `settings`, `password`, `sign-in`.
    pub here: &'static str,
    /// Whether nothing here is real.
    pub demo: bool,
}

impl Frame {
    /// For samples.
    pub(crate) fn sample(here: &'static str) -> Self {
        Self {
            stylesheet: "/assets/staff.css".to_owned(),
            script: "/assets/staff.js".to_owned(),
            integrity: "sha256-x".to_owned(),
            practice: "Oak Street Family Medicine".to_owned(),
            person: "Ann Lee".to_owned(),
            desk: true,
            report: true,
            settings: true,
            here,
            demo: true,
        }
    }
}

/// Sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// Around it.
    pub frame: Frame,
    /// The practice's name in addresses; empty: the only one there is.
    pub slug: String,
    /// The address that was tried.
    pub email: String,
    /// What went wrong: `wrong`, `wait`; empty: nothing.
    pub problem: &'static str,
    /// Seconds to wait.
    pub wait_s: i64,
}

impl Template for SignIn {
    const NAME: &'static str = "web/staff/sign-in.html";
    fn samples() -> Vec<Self> {
        let sample = |problem, wait_s| Self {
            frame: Frame { person: String::new(), ..Frame::sample("sign-in") },
            slug: "oak-street".to_owned(),
            email: String::new(),
            problem,
            wait_s,
        };
        vec![sample("", 0), sample("wrong", 0), sample("wait", 8)]
    }
}

/// Which practice to sign in at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhichPractice {
    /// Around it.
    pub frame: Frame,
    /// What went wrong: `unknown`; empty: nothing.
    pub problem: &'static str,
}

impl Template for WhichPractice {
    const NAME: &'static str = "web/staff/which.html";
    fn samples() -> Vec<Self> {
        let frame = Frame { person: String::new(), script: String::new(), ..Frame::sample("sign-in") };
        ["", "unknown"].map(|problem| Self { frame: frame.clone(), problem }).to_vec()
    }
}

/// Change the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Password {
    /// Around it.
    pub frame: Frame,
    /// The person's address, for password managers.
    pub must_change: bool,
    /// Parameters of the new derivation, JSON.
    pub fresh: String,
    /// Parameters of the old derivation, JSON.
    pub kdf: String,
    /// What went wrong: `wrong`, `unreadable`; empty: nothing.
    pub problem: &'static str,
    /// Shortest password.
    pub least: usize,
    /// Languages of the pages, theirs marked.
    pub languages: Vec<Choice>,
}

impl Template for Password {
    const NAME: &'static str = "web/staff/password.html";
    fn samples() -> Vec<Self> {
        ["", "wrong", "unreadable"]
            .map(|problem| Self {
                frame: Frame::sample("password"),
                must_change: problem.is_empty(),
                fresh: "{}".to_owned(),
                kdf: "{}".to_owned(),
                problem,
                least: 15,
                languages: ["en", "es"]
                    .map(|word| Choice { value: word.to_owned(), label: word.to_owned(), chosen: word == "en" })
                    .to_vec(),
            })
            .to_vec()
    }
}

/// One visit on the board.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Visit {
    /// Its id.
    pub id: String,
    /// Start on the location's clock.
    pub start: LocalTime,
    /// The patient.
    pub patient: String,
    /// With whom, what for, where; those that are known.
    pub facts: Vec<String>,
    /// The chip's word.
    pub chip: &'static str,
    /// The status.
    pub status: &'static str,
    /// The answer's way and time.
    pub answered: Option<NaiveDateTime>,
    /// `portal`, `text`, `desk`, `move`; empty: none.
    pub via: &'static str,
    /// Why nothing goes out: a word of `reason.…`; empty: something does, or did.
    pub silence: &'static str,
    /// When the next message goes out.
    pub next: Option<NaiveDateTime>,
    /// Marks that make sense now.
    pub marks: Vec<&'static str>,
    /// Answers that can be written down now.
    pub answers: Vec<&'static str>,
}

impl std::fmt::Debug for Visit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Visit({})", self.id)
    }
}

/// Something a person must look at.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The task's id, or the visit's.
    pub id: String,
    /// Key of the phrase that says what.
    pub what: String,
    /// What can be done: a task is `done`, reminders that are held are decided about (`held`), a change is `entered` in the
    /// practice's own system.
    pub end: &'static str,
    /// Whether somebody may be in danger.
    pub urgent: bool,
    /// Since when, if that is known.
    pub since: Option<NaiveDateTime>,
    /// The visit's id; empty: about none.
    pub visit: String,
    /// When the visit is.
    pub start: Option<LocalTime>,
    /// Whose.
    pub patient: Option<String>,
    /// The number that a text came from, E.164; empty: none.
    pub number: String,
    /// Where it is not known whose it is: everybody with that number.
    pub perhaps: Vec<String>,
    /// What they wrote or chose.
    pub words: Vec<String>,
}

impl std::fmt::Debug for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Need({})", self.id)
    }
}

/// A choice of a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Its value in the address.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// The day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Today {
    /// Around it.
    pub frame: Frame,
    /// Which day.
    pub day: NaiveDate,
    /// The day before, as in addresses.
    pub before: String,
    /// The day after, as in addresses.
    pub after: String,
    /// The day itself, as in addresses.
    pub here: String,
    /// Whether it is the practice's today.
    pub is_today: bool,
    /// The query of this page, to come back to.
    pub query: String,
    /// What a change would change.
    pub stamp: String,
    /// Visits that pass the filter.
    pub visits: Vec<Visit>,
    /// Visits of the day in all.
    pub total: usize,
    /// Chips of the day with their counts.
    pub chips: Vec<(Choice, usize)>,
    /// Locations to filter by; empty with only one.
    pub locations: Vec<Choice>,
    /// What a person must look at.
    pub needs: Vec<Need>,
    /// More of that, folded up so that the day stays in sight.
    pub more_needs: Vec<Need>,
    /// Visits in the building, which "close day" counts as kept.
    pub arrived: usize,
    /// Since when the portal takes no birth dates, because too many are wrong.
    pub alarm: Option<NaiveDateTime>,
}

impl Template for Today {
    const NAME: &'static str = "web/staff/today.html";
    fn samples() -> Vec<Self> {
        let start: NaiveDateTime =
            NaiveDate::from_ymd_opt(2026, 11, 24).and_then(|day| day.and_hms_opt(9, 15, 0)).unwrap_or_default();
        let visit = |chip: &'static str, silence: &'static str| Visit {
            id: "0193".to_owned(),
            start: LocalTime { at: start, zone: Some("MST".to_owned()) },
            patient: "Maria Lopez".to_owned(),
            facts: vec!["Dr Wong".to_owned(), "Follow-up".to_owned()],
            chip,
            status: "booked",
            answered: (chip == "confirmed").then_some(start),
            via: if chip == "confirmed" { "portal" } else { "" },
            silence,
            next: (chip == "sent").then_some(start),
            marks: vec!["arrived", "fulfilled", "noshow", "cancelled", "booked"],
            answers: vec!["accepted", "declined"],
        };
        let chips = [
            "not-sent",
            "sent",
            "delivered",
            "failed",
            "no-answer",
            "confirmed",
            "wants-change",
            "cancelled",
            "arrived",
            "kept",
            "noshow",
            "held",
        ];
        let reasons = kept_domain::SkipReason::ALL.iter().map(|reason| visit("not-sent", reason.as_str()));
        let empty = Self {
            frame: Frame::sample("today"),
            day: start.date(),
            before: "2026-11-23".to_owned(),
            after: "2026-11-25".to_owned(),
            here: "2026-11-24".to_owned(),
            is_today: true,
            query: "?day=2026-11-24".to_owned(),
            stamp: "1".to_owned(),
            visits: Vec::new(),
            total: 0,
            chips: Vec::new(),
            locations: Vec::new(),
            needs: Vec::new(),
            more_needs: Vec::new(),
            arrived: 0,
            alarm: None,
        };
        let choice = |value: &str| Choice { value: value.to_owned(), label: value.to_owned(), chosen: value == "sent" };
        let kinds = [
            "reschedule",
            "reply",
            "urgent",
            "opt-out-ask",
            "wrong-number",
            "undelivered",
            "uncertain",
            "cannot-come",
            "stop-unclear",
            "account",
        ];
        let need = |what: String, end: &'static str, of_visit: bool| Need {
            id: "1".to_owned(),
            urgent: what == "task.urgent",
            what,
            end,
            since: (end == "done").then_some(start),
            visit: if of_visit { "0194".to_owned() } else { String::new() },
            start: of_visit.then(|| start.into()),
            patient: of_visit.then(|| "Maria Lopez".to_owned()),
            number: if end == "done" { "+14155550123".to_owned() } else { String::new() },
            perhaps: if of_visit { Vec::new() } else { vec!["Ana Lopez".to_owned(), "Maria Lopez".to_owned()] },
            words: if end == "done" { vec!["Monday morning".to_owned()] } else { Vec::new() },
        };
        let held = ["vanished", "conflict"].map(|why| need(format!("held.{why}"), "held", true));
        let to_enter = ["cancelled", "moved", "confirmed"].map(|what| need(format!("enter.{what}"), "entered", true));
        let full = Self {
            is_today: false,
            visits: chips.iter().map(|chip| visit(chip, "")).chain(reasons).collect(),
            total: 40,
            chips: chips.iter().map(|chip| (choice(chip), 2)).collect(),
            locations: vec![choice("a"), choice("b")],
            needs: kinds.iter().map(|kind| need(format!("task.{kind}"), "done", *kind != "reply")).collect(),
            more_needs: held.into_iter().chain(to_enter).collect(),
            arrived: 2,
            alarm: Some(start),
            ..empty.clone()
        };
        vec![empty, full]
    }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![
        Sampled::page::<SignIn>(),
        Sampled::page::<WhichPractice>(),
        Sampled::page::<Password>(),
        Sampled::page::<Today>(),
    ]
}
