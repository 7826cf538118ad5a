//! What is said to one number, and when: the one pure function behind planning, simulation and re-planning.
//!
//! The unit is not the visit: two children on one phone share its caps and its one message a day. Nor is it the number: who is
//! reached now on a phone, now by e-mail, is told once. It is the [`Circle`] of patients who share numbers or addresses. All
//! that the rules look at stands in it; the same facts and the same `now` always give the same [`Outcome`], and planning again
//! what was planned before changes nothing.
//!
//! In three steps: each visit alone (`wishes`), each step of it on one rung of the patient's ladder; then the caps over all
//! visits of a number (`admit`); then the messages: reminders of one number and local day become one notice (`join`).

mod admit;
mod facts;

pub use facts::{Change, Circle, Known, Number, Progress, Visit};

use crate::appointment::Answer;
use crate::cap::Caps;
use crate::ladder::Pick;
use crate::messaging::{Channel, NoticeKind};
use crate::plan::{Step, StepKey};
use crate::practice::PracticeSettings;
use crate::skip::SkipReason;
use crate::time::{Instant, resolve_local};
use crate::window::{Hours, UnknownWindow};
use chrono::Duration;
use chrono_tz::Tz;

/// A reminder later than this before the start helps nobody: the patient is on the way, or is not coming.
pub const USEFUL_BEFORE_START: Duration = Duration::minutes(30);
/// A visit made longer than this before Kept first heard of it gets no "booked just now".
pub const BOOKING_FRESH: Duration = Duration::hours(24);

/// What a practice allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sending hours of the practice; those of a number may be narrower.
    pub window: Hours,
    /// Messages a number may get.
    pub caps: Caps,
}

impl Limits {
    /// From a practice's settings. Fails when they name sending hours that the data does not have.
    pub fn of(settings: &PracticeSettings) -> Result<Self, UnknownWindow> {
        Ok(Self {
            window: Hours::of_practice(&settings.send_window, &settings.country)?,
            caps: Caps { per_day: settings.cap_per_day.into(), per_week: settings.cap_per_week.into() },
        })
    }
}

/// What becomes of one step of one visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Index into [`Circle::visits`].
    pub visit: usize,
    /// Which step.
    pub step: StepKey,
    /// How it travels, or would have.
    pub channel: Channel,
    /// When it is due, or would have been.
    pub due_at: Instant,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Goes out, as part of a message.
    Send {
        /// Not useful any more from then on.
        expires_at: Instant,
    },
    /// Waits for the desk.
    Hold,
    /// Will not be said.
    Skip(SkipReason),
}

/// One text or mail to one number or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Reminder, or a change.
    pub kind: NoticeKind,
    /// Index into [`Circle::numbers`].
    pub number: usize,
    /// When it may go out: the earliest of its members.
    pub due_at: Instant,
    /// The earliest of its members.
    pub expires_at: Instant,
    /// Indexes into [`Outcome::decisions`], in order of the visits' starts.
    pub members: Vec<usize>,
}

/// All that is decided about one circle. A step that was said before has no decision: it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One for each step that is not said yet, by visit.
    pub decisions: Vec<Decision>,
    /// What goes out, by time.
    pub messages: Vec<Message>,
}

/// A decision in the making.
#[derive(Debug, Clone, Copy)]
struct Wish {
    decision: Decision,
    /// Where it would go.
    number: Option<usize>,
    /// When it would go out: its due time, or now if that has passed, inside the sending hours.
    at: Instant,
    /// Moved back out of quiet hours.
    back: bool,
}

impl Wish {
    fn new(visit: usize, step: StepKey, pick: Pick, due_at: Instant, verdict: Verdict) -> Self {
        let decision = Decision { visit, step, channel: pick.channel, due_at, verdict };
        Self { decision, number: pick.number, at: due_at, back: false }
    }

    const fn wants(&self) -> bool {
        matches!(self.decision.verdict, Verdict::Send { .. })
    }

    /// Whether it is to go out and counts towards the caps.
    const fn counts(&self) -> bool {
        self.wants() && !self.decision.step.is_change()
    }

    fn refuse(&mut self, reason: SkipReason) {
        self.decision.verdict = Verdict::Skip(reason);
    }
}

/// Decides about every step of every visit of a circle.
pub fn schedule(circle: &Circle<'_>, limits: Limits, now: Instant) -> Outcome {
    let mut wishes = Vec::new();
    for (index, visit) in circle.visits.iter().enumerate() {
        OneVisit { index, visit, numbers: &circle.numbers, window: limits.window, now }.wishes(&mut wishes);
    }
    admit::admit(&mut wishes, circle, limits.caps);
    let messages = admit::join(&wishes, circle);
    Outcome { decisions: wishes.into_iter().map(|wish| wish.decision).collect(), messages }
}

/// A step of the plan with its place in time.
#[derive(Debug, Clone, Copy)]
struct Slot {
    step: StepKey,
    pick: Pick,
    due: Instant,
    back: bool,
}

/// One visit looked at alone.
struct OneVisit<'a> {
    index: usize,
    visit: &'a Visit<'a>,
    numbers: &'a [Number],
    window: Hours,
    now: Instant,
}

impl OneVisit<'_> {
    fn wishes(&self, wishes: &mut Vec<Wish>) {
        let slots = self.slots();
        let changes = self.changes();
        // A change is nobody's plan: it takes the patient's own channel, or a text.
        let pick = self.visit.ladder.pick(Channel::Sms);
        if let Some(refusal) = self.refusal() {
            for step in &changes {
                let due_at = self.waiting_due(*step).unwrap_or(self.now);
                wishes.push(Wish::new(self.index, *step, pick, due_at, refusal));
            }
            for slot in slots.iter().filter(|slot| self.said_at(slot.step).is_none()) {
                wishes.push(Wish::new(self.index, slot.step, slot.pick, slot.due, refusal));
            }
            return;
        }
        let first = wishes.len();
        wishes.extend(changes.iter().map(|step| self.at_once(*step, pick, None, self.useful_until())));
        let change_day = wishes.get(first..).and_then(|new| new.iter().find(|wish| wish.wants())).map(|wish| wish.at);
        self.plan_steps(&slots, change_day, wishes);
    }

    /// Why nothing at all is said about the visit.
    fn refusal(&self) -> Option<Verdict> {
        let visit = self.visit;
        if !visit.status.is_expected() {
            return Some(Verdict::Skip(SkipReason::NotExpected));
        }
        if visit.start <= self.now {
            return Some(Verdict::Skip(SkipReason::Past));
        }
        if visit.held {
            return Some(Verdict::Hold);
        }
        (visit.answer == Answer::Declined).then_some(Verdict::Skip(SkipReason::Declined))
    }

    /// Steps of the plan in their order, each at its due time inside the sending hours.
    fn slots(&self) -> Vec<Slot> {
        let visit = self.visit;
        let place = |step: &Step| {
            let pick = visit.ladder.pick(step.channel);
            let step = step.key;
            let due = match step {
                StepKey::Days(days) => {
                    resolve_local(visit.zone, visit.start.local(visit.zone) - Duration::days(i64::from(days)))
                }
                StepKey::Hours(hours) => visit.start - Duration::hours(i64::from(hours)),
                // At booking: as soon as Kept knows. It is never moved back, for it cannot be earlier.
                _ => return Slot { step, pick, due: visit.known_at.min(self.now), back: false },
            };
            let allowed = self.hours(pick).last_allowed(due, self.zones(pick)).unwrap_or(due);
            Slot { step, pick, due: allowed, back: allowed < due }
        };
        visit.plan.steps().iter().map(place).collect()
    }

    /// Changes that are owed and of which the patient is not told.
    fn changes(&self) -> Vec<StepKey> {
        let owed = self.visit.change.map_or(&[][..], Change::steps);
        owed.iter().copied().filter(|step| self.said_at(*step).is_none()).collect()
    }

    /// Reminders made for the visit as it stands now.
    fn current(&self, step: StepKey) -> impl Iterator<Item = &Known> {
        let revision = self.visit.revision_of(step);
        self.visit.known.iter().filter(move |known| known.step == step && known.revision == revision)
    }

    fn said_at(&self, step: StepKey) -> Option<Instant> {
        self.current(step).find_map(|known| match known.progress {
            Progress::Said(at) => Some(at),
            Progress::Waiting | Progress::Open => None,
        })
    }

    fn waiting_due(&self, step: StepKey) -> Option<Instant> {
        self.current(step).find(|known| known.progress == Progress::Waiting).map(|known| known.due_at)
    }

    /// The last message about the visit as it stands now.
    fn last_said(&self) -> Option<Instant> {
        let said = |known: &Known| match known.progress {
            Progress::Said(at) if known.revision == self.visit.revision_of(known.step) => Some(at),
            _ => None,
        };
        self.visit.known.iter().filter_map(said).max()
    }

    fn useful_until(&self) -> Instant {
        self.visit.start - USEFUL_BEFORE_START
    }

    fn number(&self, pick: Pick) -> Option<&Number> {
        self.numbers.get(pick.number?)
    }

    /// Zones whose hours bind where a message would go.
    fn zones(&self, pick: Pick) -> &[Tz] {
        self.number(pick).map_or(&[], |number| &number.zones)
    }

    /// Hours that bind where a message would go.
    fn hours(&self, pick: Pick) -> Hours {
        self.number(pick).and_then(|number| number.hours).unwrap_or(self.window)
    }

    /// A step that goes out as soon as the hours allow. `missed` is when it was due by the plan.
    fn at_once(&self, step: StepKey, pick: Pick, missed: Option<Instant>, expires_at: Instant) -> Wish {
        let waiting = self.waiting_due(step);
        let from = waiting.unwrap_or(self.now);
        let skip = |reason| Wish::new(self.index, step, pick, missed.unwrap_or(from), Verdict::Skip(reason));
        if let Err(reason) = pick.reach {
            return skip(reason);
        }
        let Some(at) = self.hours(pick).next_open(from.max(self.now), self.zones(pick)) else {
            return skip(SkipReason::WindowClosed);
        };
        if at >= expires_at {
            return skip(if self.now >= expires_at { SkipReason::Expired } else { SkipReason::WindowClosed });
        }
        // One that already waits for a worker keeps its time, so that planning again changes nothing.
        let due_at = waiting.filter(|due| *due <= self.now).unwrap_or(at);
        Wish { at, ..Wish::new(self.index, step, pick, due_at, Verdict::Send { expires_at }) }
    }

    fn plan_steps(&self, slots: &[Slot], change_at: Option<Instant>, wishes: &mut Vec<Wish>) {
        let told_at = self.last_said();
        let refused = |slot: &Slot| self.step_refusal(slot, told_at, change_at);
        // The missed step that stands for all missed ones: the one nearest the visit.
        let stands = slots
            .iter()
            .rposition(|slot| slot.due <= self.now && self.said_at(slot.step).is_none() && refused(slot).is_none());
        for (position, slot) in slots.iter().enumerate() {
            if self.said_at(slot.step).is_some() {
                continue;
            }
            let new = |verdict| Wish::new(self.index, slot.step, slot.pick, slot.due, verdict);
            if let Some(reason) = refused(slot) {
                wishes.push(new(Verdict::Skip(reason)));
                continue;
            }
            // Useful until the next step says the same.
            let from = slot.due.max(self.now);
            let next = slots.iter().skip(position + 1).map(|later| later.due).find(|due| *due > from);
            let expires_at = next.map_or(self.useful_until(), |due| due.min(self.useful_until()));
            wishes.push(if slot.due > self.now {
                if slot.due >= expires_at {
                    new(Verdict::Skip(SkipReason::WindowClosed))
                } else {
                    Wish { back: slot.back, ..new(Verdict::Send { expires_at }) }
                }
            } else if stands == Some(position) {
                self.at_once(slot.step, slot.pick, Some(slot.due), expires_at)
            } else {
                new(Verdict::Skip(SkipReason::Collapsed))
            });
        }
    }

    /// Why one step is not said, by the visit alone.
    fn step_refusal(&self, slot: &Slot, told_at: Option<Instant>, change_at: Option<Instant>) -> Option<SkipReason> {
        let visit = self.visit;
        let missed = slot.due <= self.now;
        if let Err(reason) = slot.pick.reach {
            return Some(reason);
        }
        if visit.muted {
            return Some(SkipReason::Muted);
        }
        let day = |at: Instant| self.number(slot.pick).and_then(|number| number.day(at));
        if slot.step == StepKey::Booking {
            if visit.revision > 1 {
                return Some(SkipReason::NotNew);
            }
            if visit.booked_at.is_some_and(|booked| booked + BOOKING_FRESH < visit.known_at) {
                return Some(SkipReason::BookedLongAgo);
            }
        }
        let done = match visit.answer {
            Answer::Accepted => Some(SkipReason::Confirmed),
            Answer::Tentative => Some(SkipReason::AnotherTime),
            Answer::NeedsAction | Answer::Declined => None,
        };
        if done.is_some() && (slot.step != StepKey::Days(1) || missed) {
            return done;
        }
        if told_at.is_some_and(|told| told >= slot.due || (!missed && day(told) == day(slot.due))) {
            return Some(SkipReason::Told);
        }
        if change_at.is_some_and(|at| missed || at >= slot.due || day(at) == day(slot.due)) {
            return Some(SkipReason::ChangeSaysIt);
        }
        None
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
