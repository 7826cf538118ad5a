//! The facts that the rules look at.

use crate::appointment::{Answer, AppointmentStatus};
use crate::ladder::Ladder;
use crate::messaging::Channel;
use crate::plan::{Plan, StepKey};
use crate::text_enum;
use crate::time::{Instant, day_number};
use crate::window::Hours;
use chrono_tz::Tz;

text_enum! {
    /// What changed, of which the patient is or was to be told. The word stays: each change has revisions of its own, and what
    /// was said of one at its revision is not said again.
    Change: "change" {
        /// Start or location.
        Moved => "moved",
        /// Who sees the patient.
        Practitioner => "practitioner",
        /// The one and the other, at once or one after the other.
        Both => "both",
    }
}

impl Change {
    /// What is owed after this change, where an earlier one may be owed too.
    #[must_use]
    pub fn after(self, earlier: Option<Self>) -> Self {
        if earlier.is_none_or(|earlier| earlier == self) { self } else { Self::Both }
    }

    /// The notices that tell of it.
    pub(super) const fn steps(self) -> &'static [StepKey] {
        match self {
            Self::Moved => &[StepKey::Moved],
            Self::Practitioner => &[StepKey::Practitioner],
            Self::Both => &[StepKey::Moved, StepKey::Practitioner],
        }
    }
}

/// How far a reminder got that an earlier planning made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Planned, and not handed over: free to change.
    Waiting,
    /// Frozen or handed over at that time: stands for ever, whatever became of it.
    Said(Instant),
    /// Skipped, superseded or held: decided anew.
    Open,
}

/// A reminder that an earlier planning made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Which step.
    pub step: StepKey,
    /// Revision it was made for (see [`Visit::revision_of`]).
    pub revision: i64,
    /// How it travels, or travelled.
    pub channel: Channel,
    /// When it is or was due.
    pub due_at: Instant,
    /// How far it got.
    pub progress: Progress,
}

/// The facts of one visit.
#[derive(Debug, Clone)]
pub struct Visit<'a> {
    /// Whose: equal for visits of one patient, whatever the value.
    pub patient: usize,
    /// When it begins.
    pub start: Instant,
    /// Zone of its location.
    pub zone: Tz,
    /// When Kept first heard of it.
    pub known_at: Instant,
    /// When it was made, if the calendar tells.
    pub booked_at: Option<Instant>,
    /// What the practice's books say.
    pub status: AppointmentStatus,
    /// What the patient said.
    pub answer: Answer,
    /// Its reminders wait for the desk.
    pub held: bool,
    /// The patient wants no reminders about it.
    pub muted: bool,
    /// Counts changes of start or location, from 1.
    pub revision: i64,
    /// Counts changes of the practitioner, from 1.
    pub practitioner_revision: i64,
    /// Changes of which a notice is owed, if it was not sent yet.
    pub change: Option<Change>,
    /// How the patient can be reached.
    pub ladder: Ladder,
    /// Its reminder plan.
    pub plan: &'a Plan,
    /// What earlier plannings made of it, in any order.
    pub known: Vec<Known>,
}

impl Visit<'_> {
    /// The revision that a reminder of a step is made for: the visit's, or its practitioner's.
    pub const fn revision_of(&self, step: StepKey) -> i64 {
        match step {
            StepKey::Practitioner => self.practitioner_revision,
            StepKey::Booking | StepKey::Days(_) | StepKey::Hours(_) | StepKey::Moved => self.revision,
        }
    }
}

/// One number or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// How messages reach it.
    pub channel: Channel,
    /// Zones whose sending hours bind (see [`crate::zone::candidate_zones`]); the first one's days count. Never empty for
    /// a number that can be reached.
    pub zones: Vec<Tz>,
    /// The practice's sending hours, narrowed to those of the number's place; none: the practice's as they are.
    pub hours: Option<Hours>,
    /// Local days of the messages that counted towards the caps, one entry a message, at least of the last seven days.
    pub sent_days: Vec<i32>,
}

impl Number {
    /// The local day of a moment.
    pub(super) fn day(&self, at: Instant) -> Option<i32> {
        self.zones.first().map(|zone| day_number(at.local_day(*zone)))
    }
}

/// Patients who share numbers or addresses, directly or through one another, and all their visits.
#[derive(Debug, Clone)]
pub struct Circle<'a> {
    /// Their numbers and addresses.
    pub numbers: Vec<Number>,
    /// The visits, in any order.
    pub visits: Vec<Visit<'a>>,
}
