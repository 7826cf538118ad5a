//! The demo's time machine: one page, in English, for whoever tries Kept.

use crate::Template;
use crate::samples::Sampled;
use chrono::NaiveDateTime;
use serde::Serialize;

/// Something that happened while the clock moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When, in the practice's zone.
    pub at: NaiveDateTime,
    /// How many texts went out.
    pub texts: usize,
    /// How many answers made-up patients gave.
    pub answers: usize,
    /// How many outcomes the made-up front desk marked.
    pub outcomes: usize,
}

/// The made-up patient that the visitor plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Player {
    /// Name.
    pub name: String,
    /// Birth date, as the portal asks for it.
    pub birth_date: chrono::NaiveDate,
    /// Phone number, E.164.
    pub number: String,
    /// The visit they are asked about, at its location.
    pub visit: NaiveDateTime,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Address of the style sheet.
    pub stylesheet: String,
    /// The practice's name.
    pub practice: String,
    /// What the practice's clock says.
    pub now: NaiveDateTime,
    /// The practice's zone.
    pub zone: String,
    /// Whom the visitor plays.
    pub player: Player,
    /// Address of the player's phone.
    pub phone: String,
    /// Address of the front desk.
    pub desk: String,
    /// Address of the report.
    pub manager: String,
    /// Sign-in.
    pub email: String,
    /// Sign-in.
    pub password: String,
    /// What happened so far, the newest first.
    pub events: Vec<Event>,
    /// Whether any notice still waits.
    pub more: bool,
}

impl Template for Machine {
    const NAME: &'static str = "web/demo/machine.html";
    fn samples() -> Vec<Self> {
        let at = |day: u32| {
            chrono::NaiveDate::from_ymd_opt(2026, 11, day)
                .and_then(|date| date.and_hms_opt(10, 0, 0))
                .unwrap_or_default()
        };
        let full = Self {
            stylesheet: "/assets/demo.css".to_owned(),
            practice: "Oak Street Family Medicine".to_owned(),
            now: at(23),
            zone: "America/Chicago".to_owned(),
            player: Player {
                name: "Maria Lopez".to_owned(),
                birth_date: chrono::NaiveDate::from_ymd_opt(1980, 3, 14).unwrap_or_default(),
                number: "+13125550100".to_owned(),
                visit: at(24),
            },
            phone: "/sandbox/phone".to_owned(),
            desk: "/staff/today".to_owned(),
            manager: "/staff/report".to_owned(),
            email: "admin@example.org".to_owned(),
            password: "made-up-password".to_owned(),
            events: vec![Event { at: at(22), texts: 12, answers: 7, outcomes: 31 }],
            more: true,
        };
        vec![Self { events: Vec::new(), more: false, ..full.clone() }, full]
    }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<Machine>()]
}
