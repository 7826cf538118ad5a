//! Judges a log of what happened by the rules of texting, and calls none of the product's rules: its own hours, days and
//! caps, over what a carrier and patients saw.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use chrono::{Datelike as _, Utc};
use chrono_tz::Tz;
use kept_domain::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// An opt-out is confirmed within this time.
const CONFIRMED_WITHIN: Duration = Duration::minutes(5);
/// What a machine says by itself follows what a patient wrote within this time.
const ANSWERED_WITHIN: Duration = Duration::hours(1);
/// "Please use your secure link" comes once in this time.
const ANSWER_PAUSE: Duration = Duration::minutes(15);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A text arrived; the carrier's queue may keep it for so long.
    Got { key: String, text: String, valid_s: u64 },
    /// A text was written. `intent` is its label in the corpus of replies; `changed` are the visits whose answer is another
    /// one since.
    Wrote { text: String, intent: String, changed: Vec<usize> },
    /// The desk or the carrier says that the number opted out.
    Withdrew,
    /// The carrier says that the number cannot be reached.
    Unreachable,
}

/// What happened, when, and to whose number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Instant,
    pub(super) number: String,
    pub(super) what: What,
}

/// How a visit stood from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    pub(super) since: Instant,
    /// Start on the location's clock, and when that is.
    pub(super) start: NaiveDateTime,
    pub(super) at: Instant,
    /// It is to take place, as far as the desk knows.
    pub(super) live: bool,
}

/// A visit through all its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) number: Option<String>,
    pub(super) stands: Vec<Stand>,
}

impl Course {
    pub(super) fn stand(&self, at: Instant) -> Option<Stand> {
        self.stands.iter().rev().find(|stand| stand.since <= at).copied()
    }
}

/// Everything that is judged.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    pub(super) events: Vec<Event>,
    /// Zones in which a number's owner may be.
    pub(super) zones: BTreeMap<String, Vec<Tz>>,
    /// First hour and end of the hours of numbers whose own place has narrower ones than 8 to 21.
    pub(super) hours: BTreeMap<String, (u32, u32)>,
    pub(super) visits: Vec<Course>,
    /// Posts by key, and those that were not answered with a plain yes.
    pub(super) posts: BTreeMap<String, usize>,
    pub(super) failed: BTreeMap<String, usize>,
}

/// What sort of text it is, by its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Reminder,
    Change,
    OptOutConfirmed,
    UseLink,
    Help,
    Urgent,
    OtherAnswer,
}

/// Reads a text as a patient would; none for one that no rule knows.
pub(super) fn sort_of(text: &str) -> Option<Sort> {
    let (_, said) = text.split_once(": ")?;
    let starts = |words: &[&str]| words.iter().any(|word| said.starts_with(word));
    let counted = said.trim_start_matches(|c: char| c.is_ascii_digit());
    let has_link = said.contains("/l#");
    Some(match () {
        () if starts(&["you have opted out", "se ha dado de baja"]) => Sort::OptOutConfirmed,
        () if said.contains("anything private") || said.contains("todo lo privado") => Sort::UseLink,
        () if starts(&["texts about", "mensajes sobre"]) => Sort::Help,
        () if starts(&["nobody watches", "nadie vigila"]) => Sort::Urgent,
        () if starts(&["texts are on", "vuelve a", "thank you", "gracias"]) => Sort::OtherAnswer,
        () if starts(&["change or call off", "cambie o anule"]) => Sort::OtherAnswer,
        () if counted.starts_with(" visits wait") || counted.starts_with(" citas esperan") => Sort::OtherAnswer,
        () if starts(&["moved to", "a change for", "cita ahora", "cambio en su cita"]) && has_link => Sort::Change,
        () if counted.starts_with(" of your visits") || counted.starts_with(" de sus citas") => Sort::Change,
        () if starts(&["visit ", "booked ", "cita ", "nueva cita "]) && has_link => Sort::Reminder,
        () if (counted.starts_with(" visits ") || counted.starts_with(" citas ")) && has_link => Sort::Reminder,
        () => return None,
    })
}

/// Whether a text names a day and a time.
pub(super) fn names(text: &str, start: NaiveDateTime) -> bool {
    let twelve = format!(" {}:{:02} {}", start.hour12().1, start.minute(), if start.hour12().0 { "PM" } else { "AM" });
    let day = format!(" {} ", start.day());
    let spanish = format!(" {}:{:02}", start.hour(), start.minute());
    let clock = text.contains(&twelve) || text.contains(&spanish) && !text.contains("AM") && !text.contains("PM");
    text.contains(&day) && clock
}

pub(super) fn local(at: Instant, zone: Tz) -> NaiveDateTime {
    let utc: DateTime<Utc> = DateTime::from_timestamp_millis(at.as_ms()).expect("a story's time");
    utc.with_timezone(&zone).naive_local()
}

/// Everything that breaks a rule, in words.
pub(super) fn violations(log: &Log) -> Vec<String> {
    let mut found = Vec::new();
    for event in &log.events {
        if let What::Got { text, .. } = &event.what
            && sort_of(text).is_none()
        {
            found.push(format!("{}: nobody knows what this is: {text}", event.number));
        }
    }
    hours(log, &mut found);
    caps(log, &mut found);
    consent(log, &mut found);
    answers(log, &mut found);
    keys(log, &mut found);
    truth(log, &mut found);
    found
}

impl Log {
    fn zones(&self, number: &str) -> &[Tz] {
        self.zones.get(number).map_or(&[], Vec::as_slice)
    }

    /// The first hour and the end of a number's hours.
    pub(super) fn hours(&self, number: &str) -> (u32, u32) {
        self.hours.get(number).copied().unwrap_or((8, 21))
    }

    /// Texts that nobody asked for: reminders and changes.
    pub(super) fn unasked(&self) -> impl Iterator<Item = (&Event, &str, Sort)> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Got { text, .. } => {
                let sort = sort_of(text).filter(|sort| matches!(sort, Sort::Reminder | Sort::Change))?;
                Some((event, text.as_str(), sort))
            }
            _ => None,
        })
    }
}

/// 8 to 21, or the narrower hours of its place, in every zone of the number: 20:59:59 is allowed, 21:00:00 is not. A carrier's queue
/// may not hold it over the end.
fn hours(log: &Log, found: &mut Vec<String>) {
    for (event, text, _) in log.unasked() {
        let (first, end) = log.hours(&event.number);
        let (opens, closes) =
            (NaiveTime::from_hms_opt(first, 0, 0).unwrap(), NaiveTime::from_hms_opt(end, 0, 0).unwrap());
        if log.zones(&event.number).is_empty() {
            found.push(format!("{} has no zone", event.number));
        }
        for zone in log.zones(&event.number) {
            let time = local(event.at, *zone);
            if time.time() < opens || time.time() >= closes {
                found.push(format!("{} at {time} in {zone}, outside the hours: {text}", event.number));
            }
            let What::Got { valid_s, .. } = &event.what else { continue };
            let late = time + Duration::seconds(i64::try_from(*valid_s).unwrap());
            if late > time.date().and_time(closes) {
                found.push(format!("{} may get at {late} in {zone} what was sent at {time}: {text}", event.number));
            }
        }
    }
}

/// One reminder a local day and three in seven, today included.
fn caps(log: &Log, found: &mut Vec<String>) {
    let mut days: BTreeMap<(&str, &str), BTreeMap<NaiveDate, usize>> = BTreeMap::new();
    for (event, _, _) in log.unasked().filter(|(_, _, sort)| *sort == Sort::Reminder) {
        for zone in log.zones(&event.number) {
            let day = local(event.at, *zone).date();
            *days.entry((&event.number, zone.name())).or_default().entry(day).or_default() += 1;
        }
    }
    for ((number, zone), days) in days {
        for (day, count) in &days {
            if *count > 1 {
                found.push(format!("{number} got {count} reminders on {day} ({zone})"));
            }
            let week: usize = days.range(*day - Duration::days(6)..=*day).map(|(_, count)| count).sum();
            if week > 3 {
                found.push(format!("{number} got {week} reminders in the week up to {day} ({zone})"));
            }
        }
    }
}

/// Where a number stands, by what its owner did.
#[derive(Default)]
struct Standing {
    withdrawn: Option<Instant>,
    confirmations: usize,
    is_strange: bool,
    asked: Option<(Instant, String)>,
    use_link: Option<Instant>,
}

/// Nothing after a withdrawal but one confirmation within five minutes and what was asked for since; nothing at all to who is
/// not the patient; and automatic answers only to somebody who has just written.
fn consent(log: &Log, found: &mut Vec<String>) {
    let mut numbers: BTreeMap<&str, Standing> = BTreeMap::new();
    for event in &log.events {
        let stands = numbers.entry(&event.number).or_default();
        let withdraw = |stands: &mut Standing| {
            if stands.withdrawn.is_none() {
                (stands.withdrawn, stands.confirmations) = (Some(event.at), 0);
            }
        };
        let text = match &event.what {
            What::Withdrew => {
                withdraw(stands);
                continue;
            }
            What::Unreachable => {
                stands.is_strange = true;
                continue;
            }
            What::Wrote { intent, .. } => {
                match intent.as_str() {
                    "opt-out" | "opt-out-ask" => withdraw(stands),
                    "opt-in" => stands.withdrawn = None,
                    "wrong-number" => stands.is_strange = true,
                    _ => {}
                }
                stands.asked = Some((event.at, intent.clone()));
                continue;
            }
            What::Got { text, .. } => text,
        };
        let mut wrong = |why: &str| found.push(format!("{} at {:?}: {why}: {text}", event.number, event.at));
        let asked = stands.asked.as_ref().filter(|(at, _)| event.at - *at <= ANSWERED_WITHIN);
        match (sort_of(text), stands.withdrawn) {
            (Some(Sort::Reminder | Sort::Change), Some(_)) => wrong("after the opt-out"),
            (Some(Sort::Reminder | Sort::Change), None) if stands.is_strange => wrong("to somebody else's number"),
            (Some(Sort::Reminder | Sort::Change) | None, _) => {}
            (Some(Sort::OptOutConfirmed), None) => wrong("confirms an opt-out that nobody asked for"),
            (Some(Sort::OptOutConfirmed), Some(since)) => {
                stands.confirmations += 1;
                if stands.confirmations > 1 {
                    wrong("confirms an opt-out twice");
                }
                if event.at - since > CONFIRMED_WITHIN {
                    wrong("confirms an opt-out too late");
                }
            }
            // Each only to its own question; what was on its way when they opted out is not said any more.
            (Some(sort @ (Sort::Help | Sort::Urgent)), Some(_)) => {
                let question = if sort == Sort::Help { "help" } else { "urgent" };
                if asked.is_none_or(|(_, intent)| intent != question) {
                    wrong("after the opt-out, and not asked for");
                }
            }
            (Some(Sort::UseLink | Sort::OtherAnswer), Some(_)) => wrong("after the opt-out, and not asked for"),
            (Some(sort @ (Sort::UseLink | Sort::Help | Sort::Urgent | Sort::OtherAnswer)), None) => {
                if asked.is_none() {
                    wrong("answers nobody");
                }
                if sort == Sort::UseLink {
                    if stands.use_link.is_some_and(|before| event.at - before < ANSWER_PAUSE) {
                        wrong("says the same within a quarter of an hour");
                    }
                    stands.use_link = Some(event.at);
                }
            }
        }
    }
}

/// A text changes an answer only if it is a plain yes, and then of one visit of its own number; never where one text asked
/// about several visits of which none is answered.
fn answers(log: &Log, found: &mut Vec<String>) {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut accepted: BTreeSet<usize> = BTreeSet::new();
    for event in &log.events {
        let (text, intent, changed) = match &event.what {
            What::Got { text, .. } => {
                if matches!(sort_of(text), Some(Sort::Reminder | Sort::Change)) {
                    last.insert(&event.number, text);
                }
                continue;
            }
            What::Wrote { text, intent, changed } => (text, intent, changed),
            What::Withdrew | What::Unreachable => continue,
        };
        let mut wrong = |why: &str| found.push(format!("{} wrote {text:?}: {why}", event.number));
        if !changed.is_empty() && intent != "accept" {
            wrong("changed an answer and is no yes");
        }
        if changed.len() > 1 {
            wrong("answered for several visits");
        }
        let own = |visit: &usize| log.visits.get(*visit).and_then(|course| course.number.as_deref());
        if changed.iter().any(|visit| own(visit) != Some(event.number.as_str())) {
            wrong("answered for a visit of another number");
        }
        if let Some(asked) = last.get(event.number.as_str()).filter(|_| !changed.is_empty()) {
            let named: BTreeSet<NaiveDate> = log
                .visits
                .iter()
                .filter(|course| course.number.as_deref() == Some(&event.number))
                .filter_map(|course| course.stand(event.at))
                .filter(|stand| names(asked, stand.start))
                .map(|stand| stand.start.date())
                .collect();
            let open = log.visits.iter().enumerate().filter(|(index, course)| {
                let stand = course.stand(event.at).filter(|stand| stand.live && named.contains(&stand.start.date()));
                course.number.as_deref() == Some(&event.number) && stand.is_some() && !accepted.contains(index)
            });
            let several = asked.split(' ').any(|word| word == "visits" || word == "citas");
            if several && open.count() > 1 {
                wrong("answered one of several open visits");
            }
        }
        accepted.extend(changed);
    }
}

/// One text a key, and no second post of a key without need.
fn keys(log: &Log, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for event in &log.events {
        if let What::Got { key, text, .. } = &event.what
            && !seen.insert(key)
        {
            found.push(format!("{} got {key} twice: {text}", event.number));
        }
    }
    for (key, posts) in &log.posts {
        let failed = log.failed.get(key).copied().unwrap_or_default();
        if *posts > failed + 1 {
            found.push(format!("{key} was posted {posts} times, and only {failed} of them failed"));
        }
    }
}

/// A text names a visit of its number that is still to come, at the time that stands now.
fn truth(log: &Log, found: &mut Vec<String>) {
    for (event, text, _) in log.unasked() {
        if text.contains("of your visits have changed") || text.contains("de sus citas han cambiado") {
            continue;
        }
        let own = log.visits.iter().filter(|course| course.number.as_deref() == Some(&event.number));
        let stands = own.filter_map(|course| course.stand(event.at));
        if !stands.into_iter().any(|stand| stand.live && stand.at > event.at && names(text, stand.start)) {
            found.push(format!("{} at {:?}: no such visit stands: {text}", event.number, event.at));
        }
    }
}
