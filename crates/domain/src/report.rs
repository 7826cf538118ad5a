//! The definitions of the no-show report: what became of a visit, and which groups it belongs to.
//!
//! | outcome | when |
//! |---|---|
//! | kept | `fulfilled`; `arrived` and `checked-in` once the day has ended |
//! | noshow | `noshow` |
//! | unknown | still `booked` or `pending` when the day has ended: counted and shown, never guessed |
//! | cancelled-late | called off by the patient less than the practice's late hours (24) before the start |
//! | cancelled | called off earlier, or nobody knows by whom |
//! | cancelled-by-practice | called off by the practice: out of every rate |
//!
//! `entered-in-error`, `proposed` and `waitlist` were never agreed visits and are in no figure. The missed rate is
//! noshow / (kept + noshow).

use crate::stats::Share;
use crate::text_enum;
use crate::time::from_day_number;
use crate::{Answer, AppointmentStatus, Instant, LocationId, PractitionerId, VisitTypeId};
use chrono::{Datelike, Duration, Timelike};
use chrono_tz::Tz;
use std::collections::BTreeMap;

text_enum! {
    /// What became of a visit, as it is counted for a day.
    Outcome: "outcome" {
        /// The patient came.
        Kept => "kept",
        /// The patient came in, and the day may not have ended: kept once it has.
        Arrived => "arrived",
        /// The patient did not come.
        Noshow => "noshow",
        /// Nobody said. Counts once the day has ended.
        Unknown => "unknown",
        /// Called off by the patient too late to fill the slot.
        CancelledLate => "cancelled-late",
        /// Called off in time, or nobody knows by whom.
        Cancelled => "cancelled",
        /// Called off by the practice.
        CancelledByPractice => "cancelled-by-practice",
    }
}

impl Outcome {
    /// Whether the outcome stands before the day has ended.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Arrived | Self::Unknown)
    }
}

text_enum! {
    /// By what visits are told apart.
    Dimension: "group" {
        /// Not at all.
        All => "all",
        /// By whom the patient visits.
        Practitioner => "practitioner",
        /// By site.
        Location => "location",
        /// By day of the week at the location.
        Weekday => "weekday",
        /// By hour of the start at the location.
        Hour => "hour",
        /// By days between booking and visit ([`LeadBand`]).
        Lead => "lead",
        /// By the channel that a reminder went out on. Says nothing about whether reminders work: who is reminded differs
        /// from who is not, above all in lead time.
        Channel => "channel",
        /// By the patient's own last answer.
        Answer => "answer",
        /// By kind of visit.
        VisitType => "visit-type",
    }
}

text_enum! {
    /// Whole local days between booking and visit.
    LeadBand: "lead time" {
        /// Booked on the day itself.
        SameDay => "0",
        /// 1 or 2 days.
        Days1 => "1-2",
        /// 3 to 6 days.
        Days3 => "3-6",
        /// 7 to 13 days.
        Days7 => "7-13",
        /// 14 to 29 days.
        Days14 => "14-29",
        /// 30 to 59 days.
        Days30 => "30-59",
        /// 60 days and more.
        Days60 => "60+",
    }
}

impl LeadBand {
    /// The band of a number of days; a visit entered after it began counts as booked the same day.
    pub const fn of_days(days: i64) -> Self {
        match days {
            ..=0 => Self::SameDay,
            1..=2 => Self::Days1,
            3..=6 => Self::Days3,
            7..=13 => Self::Days7,
            14..=29 => Self::Days14,
            30..=59 => Self::Days30,
            60.. => Self::Days60,
        }
    }
}

/// The value of a group for visits that have none: no practitioner, no visit type, booking time not told, no
/// reminder sent.
pub const NONE: &str = "none";

/// The channel group of a visit that was reminded by more than one channel.
pub const SEVERAL_CHANNELS: &str = "several";

text_enum! {
    /// Steps from a reminder to a kept visit, each a part of the one before.
    FunnelStep: "step" {
        /// A reminder of the visit was handed to a carrier.
        Sent => "sent",
        /// A carrier said that the phone has it.
        Delivered => "delivered",
        /// The patient showed who they are.
        Identified => "identified",
        /// The patient said they will come.
        Confirmed => "confirmed",
        /// The patient came.
        Kept => "kept",
    }
}

/// What the report must know of a visit. Nothing here names anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitFacts {
    /// Day of the start at the location, since 1970-01-01.
    pub local_day: i64,
    /// Start.
    pub start: Instant,
    /// When it was booked, if the calendar tells.
    pub booked: Option<Instant>,
    /// Zone of the location.
    pub zone: Tz,
    /// Where.
    pub location: LocationId,
    /// With whom.
    pub practitioner: Option<PractitionerId>,
    /// What kind.
    pub visit_type: Option<VisitTypeId>,
    /// What the books say.
    pub status: AppointmentStatus,
    /// Since when they say so.
    pub status_at: Instant,
    /// Whether the patient called it off, where it is cancelled; `None` if nobody knows by whom.
    pub cancelled_by_patient: Option<bool>,
    /// What the patient said last.
    pub answer: Answer,
    /// First and last channel, by name, that a reminder went out on.
    pub channels: Option<(String, String)>,
    /// Whether a carrier reported a reminder of it delivered.
    pub delivered: bool,
    /// Whether somebody identified through a link of it.
    pub identified: bool,
}

impl VisitFacts {
    /// What became of the visit; `None` if it was never an agreed visit.
    pub fn outcome(&self, late_hours: u16) -> Option<Outcome> {
        Some(match self.status {
            AppointmentStatus::Fulfilled => Outcome::Kept,
            AppointmentStatus::Arrived | AppointmentStatus::CheckedIn => Outcome::Arrived,
            AppointmentStatus::Noshow => Outcome::Noshow,
            AppointmentStatus::Booked | AppointmentStatus::Pending => Outcome::Unknown,
            AppointmentStatus::Cancelled => match self.cancelled_by_patient {
                Some(true) if self.start - self.status_at < Duration::hours(i64::from(late_hours)) => {
                    Outcome::CancelledLate
                }
                Some(false) => Outcome::CancelledByPractice,
                _ => Outcome::Cancelled,
            },
            AppointmentStatus::EnteredInError | AppointmentStatus::Proposed | AppointmentStatus::Waitlist => {
                return None;
            }
        })
    }

    /// The group the visit belongs to, as it is stored.
    pub fn group(&self, dimension: Dimension) -> String {
        let none = || NONE.to_owned();
        match dimension {
            Dimension::All => "all".to_owned(),
            Dimension::Practitioner => self.practitioner.map_or_else(none, |id| id.to_string()),
            Dimension::Location => self.location.to_string(),
            Dimension::Weekday => {
                let day = i32::try_from(self.local_day).map(from_day_number);
                day.map_or_else(|_| none(), |day| day.weekday().number_from_monday().to_string())
            }
            Dimension::Hour => format!("{:02}", self.start.local(self.zone).hour()),
            Dimension::Lead => self.booked.map_or_else(none, |booked| self.lead(booked).to_string()),
            Dimension::Channel => self.channels.as_ref().map_or_else(none, |(first, last)| {
                if first == last { first.clone() } else { SEVERAL_CHANNELS.to_owned() }
            }),
            Dimension::Answer => self.answer.to_string(),
            Dimension::VisitType => self.visit_type.map_or_else(none, |id| id.to_string()),
        }
    }

    fn lead(&self, booked: Instant) -> LeadBand {
        let booked_day = i64::from(crate::time::day_number(booked.local_day(self.zone)));
        LeadBand::of_days(self.local_day - booked_day)
    }

    /// Whether the visit got as far as a step. A later step without an earlier one (a patient who confirmed at the desk)
    /// does not count: each step is a part of the one before.
    pub fn reached(&self, step: FunnelStep) -> bool {
        let sent = self.channels.is_some();
        let delivered = sent && self.delivered;
        let identified = delivered && self.identified;
        let confirmed = identified && self.answer == Answer::Accepted;
        match step {
            FunnelStep::Sent => sent,
            FunnelStep::Delivered => delivered,
            FunnelStep::Identified => identified,
            FunnelStep::Confirmed => confirmed,
            FunnelStep::Kept => confirmed && self.status.is_kept(),
        }
    }
}

/// The name under which the steps of the funnel are stored beside the dimensions.
pub const FUNNEL: &str = "funnel";

/// How many visits of a day, a dimension, a group and an outcome there are: `(day, dimension, value, outcome)`.
pub type DayCounts = BTreeMap<(i64, &'static str, String, Outcome), i64>;

/// Counts visits by day, dimension, group and outcome.
pub fn count_days(visits: &[VisitFacts], late_hours: u16) -> DayCounts {
    let mut counts = DayCounts::new();
    for visit in visits {
        let Some(outcome) = visit.outcome(late_hours) else { continue };
        for dimension in Dimension::ALL {
            *counts.entry((visit.local_day, dimension.as_str(), visit.group(*dimension), outcome)).or_default() += 1;
        }
        for step in FunnelStep::ALL.iter().filter(|step| visit.reached(**step)) {
            *counts.entry((visit.local_day, FUNNEL, step.to_string(), outcome)).or_default() += 1;
        }
    }
    counts
}

/// What became of the visits of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// The patient came.
    pub kept: u32,
    /// The patient did not come.
    pub noshow: u32,
    /// Nobody said.
    pub unknown: u32,
    /// Called off by the patient too late.
    pub cancelled_late: u32,
    /// Called off otherwise by patient or unknown.
    pub cancelled: u32,
    /// Called off by the practice.
    pub cancelled_by_practice: u32,
}

impl Tally {
    /// Adds visits of an outcome. `Arrived` and `Unknown` are added for days that have ended only.
    pub fn add(&mut self, outcome: Outcome, n: u32) {
        let cell = match outcome {
            Outcome::Kept | Outcome::Arrived => &mut self.kept,
            Outcome::Noshow => &mut self.noshow,
            Outcome::Unknown => &mut self.unknown,
            Outcome::CancelledLate => &mut self.cancelled_late,
            Outcome::Cancelled => &mut self.cancelled,
            Outcome::CancelledByPractice => &mut self.cancelled_by_practice,
        };
        *cell = cell.saturating_add(n);
    }

    /// Missed visits among those whose outcome is known.
    pub const fn missed(self) -> Share {
        Share { hits: self.noshow, trials: self.kept.saturating_add(self.noshow) }
    }

    /// Visits that should have an outcome: known and unknown.
    pub const fn due(self) -> u32 {
        self.kept.saturating_add(self.noshow).saturating_add(self.unknown)
    }
}

/// Weeks run from Monday: the number of the week of a day, and its first day by [`week_start`].
pub const fn week_of(day: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (day + 3).div_euclid(7)
}

/// Monday of a week, as a day number.
pub const fn week_start(week: i64) -> i64 {
    week * 7 - 3
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
