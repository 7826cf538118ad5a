//! What is said to one number, and when: the one pure function behind planning, simulation and re-planning.
//!
//! The unit is the **number**, not the visit: two children on one phone share its caps and its one message a day. All that
//! the rules look at stands in [`Number`]; the same facts and the same `now` always give the same [`Outcome`], and
//! planning again what was planned before changes nothing.
//!
//! In three steps: each visit alone (`wishes`), then the caps over all visits of the number (`admit`), then the
//! messages: reminders of one local day become one notice (`join`).

use crate::appointment::{Answer, AppointmentStatus};
use crate::cap::{Caps, Reached, Tally};
use crate::messaging::NoticeKind;
use crate::plan::{Plan, StepKey};
use crate::practice::PracticeSettings;
use crate::skip::SkipReason;
use crate::time::{Instant, day_number, resolve_local};
use crate::window::{SendWindow, UnknownWindow};
use chrono::Duration;
use chrono_tz::Tz;

/// A reminder later than this before the start helps nobody: the patient is on the way, or is not coming.
pub const USEFUL_BEFORE_START: Duration = Duration::minutes(30);
/// A visit made longer than this before Kept first heard of it gets no "booked just now".
pub const BOOKING_FRESH: Duration = Duration::hours(24);

/// What a practice allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// Sending hours.
    pub window: &'a SendWindow,
    /// Messages a number may get.
    pub caps: Caps,
}

impl Limits<'static> {
    /// From a practice's settings. Fails when they name sending hours that the data does not have.
    pub fn of(settings: &PracticeSettings) -> Result<Self, UnknownWindow> {
        Ok(Self {
            window: SendWindow::named(&settings.send_window)?,
            caps: Caps { per_day: settings.cap_per_day.into(), per_week: settings.cap_per_week.into() },
        })
    }
}

/// A change of which the patient is not yet told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Start or location. The stored word is `moved`.
    Moved,
    /// Who sees the patient. The stored word is `practitioner`.
    Practitioner,
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
    /// When it is or was due.
    pub due_at: Instant,
    /// How far it got.
    pub progress: Progress,
}

/// The facts of one visit.
#[derive(Debug, Clone)]
pub struct Visit<'a> {
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
    /// Counts changes of start or location, from 1.
    pub revision: i64,
    /// Counts changes of the practitioner, from 1.
    pub practitioner_revision: i64,
    /// A change of which a notice is owed.
    pub change: Option<Change>,
    /// Whether the patient can be reached on this number, and if not, why.
    pub reach: Result<(), SkipReason>,
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

/// One number, and all visits of all patients who are reached on it.
#[derive(Debug, Clone)]
pub struct Number<'a> {
    /// Zones whose sending hours bind (see [`crate::zone::candidate_zones`]); the first one's days count. Never empty for
    /// a number that can be reached.
    pub zones: Vec<Tz>,
    /// Local days of the messages that counted towards the caps, one entry a message, at least of the last seven days.
    pub sent_days: Vec<i32>,
    /// The visits, in any order.
    pub visits: Vec<Visit<'a>>,
}

/// What becomes of one step of one visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Index into [`Number::visits`].
    pub visit: usize,
    /// Which step.
    pub step: StepKey,
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

/// One text to the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Reminder, or a change.
    pub kind: NoticeKind,
    /// When it may go out: the earliest of its members.
    pub due_at: Instant,
    /// The earliest of its members.
    pub expires_at: Instant,
    /// Indexes into [`Outcome::decisions`], in order of the visits' starts.
    pub members: Vec<usize>,
}

/// All that is decided about one number. A step that was said before has no decision: it stands.
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
    /// When it would go out: its due time, or now if that has passed, inside the sending hours.
    at: Instant,
    /// Moved back out of quiet hours.
    back: bool,
}

impl Wish {
    fn skip(visit: usize, step: StepKey, due_at: Instant, reason: SkipReason) -> Self {
        let decision = Decision { visit, step, due_at, verdict: Verdict::Skip(reason) };
        Self { decision, at: due_at, back: false }
    }

    const fn wants(&self) -> bool {
        matches!(self.decision.verdict, Verdict::Send { .. })
    }

    fn refuse(&mut self, reason: SkipReason) {
        self.decision.verdict = Verdict::Skip(reason);
    }
}

/// Decides about every step of every visit of a number.
pub fn schedule(number: &Number<'_>, limits: Limits<'_>, now: Instant) -> Outcome {
    let mut wishes = Vec::new();
    for (index, visit) in number.visits.iter().enumerate() {
        OneVisit { index, visit, zones: &number.zones, window: limits.window, now }.wishes(&mut wishes);
    }
    if let Some(zone) = number.zones.first().copied() {
        admit(&mut wishes, number, limits.caps, zone);
        let messages = join(&wishes, number, zone);
        return Outcome { decisions: wishes.into_iter().map(|wish| wish.decision).collect(), messages };
    }
    // Nobody can be reached without a zone's hours; `reach` has refused every wish already.
    Outcome { decisions: wishes.into_iter().map(|wish| wish.decision).collect(), messages: Vec::new() }
}

/// A step of the plan with its place in time.
#[derive(Debug, Clone, Copy)]
struct Slot {
    step: StepKey,
    due: Instant,
    back: bool,
}

/// One visit looked at alone.
struct OneVisit<'a> {
    index: usize,
    visit: &'a Visit<'a>,
    zones: &'a [Tz],
    window: &'a SendWindow,
    now: Instant,
}

impl OneVisit<'_> {
    fn wishes(&self, wishes: &mut Vec<Wish>) {
        let slots = self.slots();
        let changes = self.changes();
        if let Some(refusal) = self.refusal() {
            let dues =
                changes.iter().map(|step| (*step, self.now)).chain(slots.iter().map(|slot| (slot.step, slot.due)));
            for (step, due_at) in dues.filter(|(step, _)| self.said_at(*step).is_none()) {
                let due_at = if step.is_change() { self.waiting_due(step).unwrap_or(due_at) } else { due_at };
                let mut wish = Wish::skip(self.index, step, due_at, SkipReason::Held);
                wish.decision.verdict = refusal;
                wishes.push(wish);
            }
            return;
        }
        let first = wishes.len();
        wishes.extend(changes.iter().map(|step| self.at_once(*step, None, self.useful_until())));
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
        if visit.answer == Answer::Declined {
            return Some(Verdict::Skip(SkipReason::Declined));
        }
        visit.reach.err().map(Verdict::Skip)
    }

    /// Steps of the plan in their order, each at its due time inside the sending hours.
    fn slots(&self) -> Vec<Slot> {
        let visit = self.visit;
        let place = |step: StepKey| {
            let due = match step {
                StepKey::Days(days) => {
                    resolve_local(visit.zone, visit.start.local(visit.zone) - Duration::days(i64::from(days)))
                }
                StepKey::Hours(hours) => visit.start - Duration::hours(i64::from(hours)),
                // At booking: as soon as Kept knows. It is never moved back, for it cannot be earlier.
                _ => return Slot { step, due: visit.known_at.min(self.now), back: false },
            };
            let allowed = self.window.last_allowed(due, self.zones).unwrap_or(due);
            Slot { step, due: allowed, back: allowed < due }
        };
        visit.plan.steps().iter().map(|step| place(step.key)).collect()
    }

    /// Changes of which the patient is not told: the one that is owed, and one that waits already (a later change of
    /// another kind must not swallow it).
    fn changes(&self) -> Vec<StepKey> {
        let visit = self.visit;
        let owed = visit.change.map(|change| match change {
            Change::Moved => StepKey::Moved,
            Change::Practitioner => StepKey::Practitioner,
        });
        let moved_waits = self.waiting_due(StepKey::Moved).is_some().then_some(StepKey::Moved);
        let mut steps: Vec<StepKey> = owed.into_iter().chain(moved_waits).collect();
        steps.sort_unstable();
        steps.dedup();
        steps.retain(|step| self.said_at(*step).is_none());
        steps
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

    fn day(&self, at: Instant) -> Option<i32> {
        self.zones.first().map(|zone| day_number(at.local_day(*zone)))
    }

    /// A step that goes out as soon as the hours allow. `missed` is when it was due by the plan.
    fn at_once(&self, step: StepKey, missed: Option<Instant>, expires_at: Instant) -> Wish {
        let waiting = self.waiting_due(step);
        let from = waiting.unwrap_or(self.now);
        let due_if_not = missed.unwrap_or(from);
        let Some(at) = self.window.next_allowed(from.max(self.now), self.zones) else {
            return Wish::skip(self.index, step, due_if_not, SkipReason::WindowClosed);
        };
        if at >= expires_at {
            let reason = if self.now >= expires_at { SkipReason::Expired } else { SkipReason::WindowClosed };
            return Wish::skip(self.index, step, due_if_not, reason);
        }
        // One that already waits for a worker keeps its time, so that planning again changes nothing.
        let due_at = waiting.filter(|due| *due <= self.now).unwrap_or(at);
        let decision = Decision { visit: self.index, step, due_at, verdict: Verdict::Send { expires_at } };
        Wish { decision, at, back: false }
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
            if let Some(reason) = refused(slot) {
                wishes.push(Wish::skip(self.index, slot.step, slot.due, reason));
                continue;
            }
            // Useful until the next step says the same.
            let from = slot.due.max(self.now);
            let next = slots.iter().skip(position + 1).map(|later| later.due).find(|due| *due > from);
            let expires_at = next.map_or(self.useful_until(), |due| due.min(self.useful_until()));
            wishes.push(if slot.due > self.now {
                if slot.due >= expires_at {
                    Wish::skip(self.index, slot.step, slot.due, SkipReason::WindowClosed)
                } else {
                    let decision = Decision {
                        visit: self.index,
                        step: slot.step,
                        due_at: slot.due,
                        verdict: Verdict::Send { expires_at },
                    };
                    Wish { decision, at: slot.due, back: slot.back }
                }
            } else if stands == Some(position) {
                self.at_once(slot.step, Some(slot.due), expires_at)
            } else {
                Wish::skip(self.index, slot.step, slot.due, SkipReason::Collapsed)
            });
        }
    }

    /// Why one step is not said, by the visit alone.
    fn step_refusal(&self, slot: &Slot, told_at: Option<Instant>, change_at: Option<Instant>) -> Option<SkipReason> {
        let visit = self.visit;
        let missed = slot.due <= self.now;
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
        if told_at.is_some_and(|told| told >= slot.due || (!missed && self.day(told) == self.day(slot.due))) {
            return Some(SkipReason::Told);
        }
        if change_at.is_some_and(|at| missed || at >= slot.due || self.day(at) == self.day(slot.due)) {
            return Some(SkipReason::ChangeSaysIt);
        }
        None
    }
}

/// Quiet hours and caps over all visits of the number: days are chosen from the one nearest its visit outwards.
fn admit(wishes: &mut [Wish], number: &Number<'_>, caps: Caps, zone: Tz) {
    let day = |at: Instant| day_number(at.local_day(zone));
    let said = number.visits.iter().flat_map(|visit| &visit.known).filter_map(|known| match known.progress {
        Progress::Said(at) => Some(day(at)),
        Progress::Waiting | Progress::Open => None,
    });
    let mut taken: Vec<i32> = number.sent_days.iter().copied().chain(said).collect();
    taken.extend(wishes.iter().filter(|wish| wish.wants() && !wish.back).map(|wish| day(wish.at)));
    for wish in wishes.iter_mut().filter(|wish| wish.wants() && wish.back && taken.contains(&day(wish.at))) {
        wish.refuse(SkipReason::QuietHours);
    }

    let mut days: Vec<(Duration, i32)> = Vec::new();
    for wish in wishes.iter().filter(|wish| wish.wants() && !wish.decision.step.is_change()) {
        let Some(visit) = number.visits.get(wish.decision.visit) else { continue };
        let (lead, on) = (visit.start - wish.at, day(wish.at));
        match days.iter_mut().find(|(_, other)| *other == on) {
            Some((nearest, _)) => *nearest = (*nearest).min(lead),
            None => days.push((lead, on)),
        }
    }
    days.sort_unstable();
    let mut tally = Tally::of(&number.sent_days);
    for (_, on) in days {
        let reason = match tally.admits(on, caps) {
            Ok(()) => {
                tally.add(on);
                continue;
            }
            Err(Reached::Day) => SkipReason::DayCap,
            Err(Reached::Week) => SkipReason::WeekCap,
        };
        let counted = |wish: &&mut Wish| wish.wants() && !wish.decision.step.is_change() && day(wish.at) == on;
        wishes.iter_mut().filter(counted).for_each(|wish| wish.refuse(reason));
    }
}

/// Reminders of one local day become one message, and so do changes.
fn join(wishes: &[Wish], number: &Number<'_>, zone: Tz) -> Vec<Message> {
    let mut messages: Vec<(i32, Message)> = Vec::new();
    for (index, wish) in wishes.iter().enumerate() {
        let Verdict::Send { expires_at } = wish.decision.verdict else { continue };
        let kind = if wish.decision.step.is_change() { NoticeKind::Change } else { NoticeKind::Reminder };
        let on = day_number(wish.at.local_day(zone));
        if let Some((_, message)) = messages.iter_mut().find(|(day, message)| *day == on && message.kind == kind) {
            message.due_at = message.due_at.min(wish.decision.due_at);
            message.expires_at = message.expires_at.min(expires_at);
            message.members.push(index);
        } else {
            let due_at = wish.decision.due_at;
            messages.push((on, Message { kind, due_at, expires_at, members: vec![index] }));
        }
    }
    let start = |index: &usize| {
        let visit = wishes.get(*index).map_or(0, |wish| wish.decision.visit);
        (number.visits.get(visit).map(|visit| visit.start), visit, *index)
    };
    let mut messages: Vec<Message> = messages.into_iter().map(|(_, message)| message).collect();
    for message in &mut messages {
        message.members.sort_by_key(start);
    }
    messages.sort_by_key(|message| (message.due_at, message.kind));
    messages
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
