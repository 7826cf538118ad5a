//! Over all visits of a number: quiet hours and caps, and what is joined into one message.

use super::{Circle, Message, Progress, Verdict, Wish};
use crate::cap::{Caps, Reached, Tally};
use crate::messaging::NoticeKind;
use crate::skip::SkipReason;
use crate::time::Instant;
use chrono::Duration;

/// A message that tells a patient something: the patient, the number it goes to, the local day there.
type Told = (usize, usize, i32);

impl Circle<'_> {
    /// The local day of a moment at a number; none where there is no such number, or nobody knows its zone.
    fn day(&self, number: Option<usize>, at: Instant) -> Option<i32> {
        self.numbers.get(number?)?.day(at)
    }

    fn patient(&self, wish: &Wish) -> Option<usize> {
        Some(self.visits.get(wish.decision.visit)?.patient)
    }

    /// What was said already, by patient. Notices of changes do not count.
    fn told(&self) -> Vec<Told> {
        let mut told = Vec::new();
        for visit in &self.visits {
            for known in visit.known.iter().filter(|known| !known.step.is_change()) {
                let Progress::Said(at) = known.progress else { continue };
                let number = visit.ladder.rung(known.channel).map(|rung| rung.number);
                let Some((number, day)) = number.zip(self.day(number, at)) else { continue };
                told.push((visit.patient, number, day));
            }
        }
        told.sort_unstable();
        told.dedup();
        told
    }
}

/// Quiet hours and caps over all visits of each number: days are chosen from the one nearest its visit outwards.
pub(super) fn admit(wishes: &mut [Wish], circle: &Circle<'_>, caps: Caps) {
    for number in 0..circle.numbers.len() {
        leave_quiet_hours(wishes, circle, number);
    }
    let mut days: Vec<(Duration, usize, i32)> = Vec::new();
    for wish in wishes.iter().filter(|wish| wish.counts()) {
        let Some(visit) = circle.visits.get(wish.decision.visit) else { continue };
        let Some((number, on)) = wish.number.zip(circle.day(wish.number, wish.at)) else { continue };
        let lead = visit.start - wish.at;
        match days.iter_mut().find(|(_, at, day)| (*at, *day) == (number, on)) {
            Some((nearest, ..)) => *nearest = (*nearest).min(lead),
            None => days.push((lead, number, on)),
        }
    }
    days.sort_unstable();
    let mut tallies: Vec<Tally> = circle.numbers.iter().map(|number| Tally::of(&number.sent_days)).collect();
    let mut told = circle.told();
    for (_, number, on) in days {
        let Some(tally) = tallies.get_mut(number) else { continue };
        let here =
            |wish: &Wish| wish.counts() && wish.number == Some(number) && circle.day(wish.number, wish.at) == Some(on);
        if let Err(reached) = tally.admits(on, caps) {
            wishes.iter_mut().filter(|wish| here(wish)).for_each(|wish| wish.refuse(reason(reached)));
            continue;
        }
        // Who is reached now here, now there, gets no more than who is reached in one place.
        let mut patients: Vec<usize> =
            wishes.iter().filter(|wish| here(wish)).filter_map(|wish| circle.patient(wish)).collect();
        patients.sort_unstable();
        patients.dedup();
        patients.retain(|patient| {
            let elsewhere =
                told.iter().filter(|(whose, at, _)| whose == patient && *at != number).map(|(.., day)| *day);
            let Err(reached) = tally.with(elsewhere).admits(on, caps) else { return true };
            let theirs = |wish: &&mut Wish| here(wish) && circle.patient(wish) == Some(*patient);
            wishes.iter_mut().filter(theirs).for_each(|wish| wish.refuse(reason(reached)));
            false
        });
        if !patients.is_empty() {
            tally.add(on);
            told.extend(patients.into_iter().map(|patient| (patient, number, on)));
        }
    }
}

/// What was moved back out of quiet hours gives way to whatever else goes to the number on that day.
fn leave_quiet_hours(wishes: &mut [Wish], circle: &Circle<'_>, number: usize) {
    let Some(facts) = circle.numbers.get(number) else { return };
    let said = circle.visits.iter().flat_map(|visit| &visit.known).filter_map(|known| match known.progress {
        Progress::Said(at) if known.channel == facts.channel => facts.day(at),
        _ => None,
    });
    let mut taken: Vec<i32> = facts.sent_days.iter().copied().chain(said).collect();
    let here = |wish: &Wish| wish.wants() && wish.number == Some(number);
    taken.extend(wishes.iter().filter(|wish| here(wish) && !wish.back).filter_map(|wish| facts.day(wish.at)));
    for wish in wishes.iter_mut().filter(|wish| here(wish) && wish.back) {
        if facts.day(wish.at).is_some_and(|day| taken.contains(&day)) {
            wish.refuse(SkipReason::QuietHours);
        }
    }
}

const fn reason(reached: Reached) -> SkipReason {
    match reached {
        Reached::Day => SkipReason::DayCap,
        Reached::Week => SkipReason::WeekCap,
    }
}

/// Reminders of one number and local day become one message, and so do changes.
pub(super) fn join(wishes: &[Wish], circle: &Circle<'_>) -> Vec<Message> {
    let mut messages: Vec<(i32, Message)> = Vec::new();
    for (index, wish) in wishes.iter().enumerate() {
        let Verdict::Send { expires_at } = wish.decision.verdict else { continue };
        let kind = if wish.decision.step.is_change() { NoticeKind::Change } else { NoticeKind::Reminder };
        let Some((number, on)) = wish.number.zip(circle.day(wish.number, wish.at)) else { continue };
        let same =
            |(day, message): &&mut (i32, Message)| *day == on && message.kind == kind && message.number == number;
        if let Some((_, message)) = messages.iter_mut().find(same) {
            message.due_at = message.due_at.min(wish.decision.due_at);
            message.expires_at = message.expires_at.min(expires_at);
            message.members.push(index);
        } else {
            let due_at = wish.decision.due_at;
            messages.push((on, Message { kind, number, due_at, expires_at, members: vec![index] }));
        }
    }
    let start = |index: &usize| {
        let visit = wishes.get(*index).map_or(0, |wish| wish.decision.visit);
        (circle.visits.get(visit).map(|visit| visit.start), visit, *index)
    };
    let mut messages: Vec<Message> = messages.into_iter().map(|(_, message)| message).collect();
    for message in &mut messages {
        message.members.sort_by_key(start);
    }
    messages.sort_by_key(|message| (message.due_at, message.kind, message.number));
    messages
}
