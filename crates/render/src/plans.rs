//! When reminders go out, for all visits and for single visit types.

use crate::Template;
use crate::samples::Sampled;
use crate::staff::Frame;
use serde::Serialize;

/// One step that may be ticked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepTick {
    /// Its word, `booking`, `3d`, `2h`.
    pub word: String,
    /// In the reader's language.
    pub label: String,
    /// Whether it is in the plan.
    pub chosen: bool,
}

/// The plan of a visit type.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PlanForm {
    /// The visit type.
    pub id: String,
    /// Its name, as calendars write it.
    pub name: String,
    /// Whether it has a plan of its own.
    pub own: bool,
    /// What goes out now, in words; empty: nothing.
    pub now: String,
    /// Steps to choose.
    pub steps: Vec<StepTick>,
}

impl std::fmt::Debug for PlanForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PlanForm({})", self.id)
    }
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plans {
    /// Around it.
    pub frame: Frame,
    /// Steps of all visits.
    pub all: Vec<StepTick>,
    /// Visit types, in the order of the calendar.
    pub kinds: Vec<PlanForm>,
    /// Whether it was just saved.
    pub saved: bool,
}

impl Template for Plans {
    const NAME: &'static str = "web/staff/plans.html";
    fn samples() -> Vec<Self> {
        let steps = || {
            [("booking", "When booked"), ("3d", "3 days before"), ("2h", "2 hours before")]
                .map(|(word, label)| StepTick { word: word.to_owned(), label: label.to_owned(), chosen: word != "2h" })
                .to_vec()
        };
        let kind = |id: &str, own, now: &str| PlanForm {
            id: id.to_owned(),
            name: "Flu Shot".to_owned(),
            own,
            now: now.to_owned(),
            steps: steps(),
        };
        let bare = Self { frame: Frame::sample("settings"), all: steps(), kinds: Vec::new(), saved: false };
        let kinds =
            vec![kind("1", false, "When booked, 3 days before"), kind("2", true, ""), kind("3", true, "3 days before")];
        vec![bare.clone(), Self { kinds, saved: true, ..bare }]
    }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<Plans>()]
}
