//! Every step of every visit was said, or says why not; and the reason is true by what can be seen from outside.

use super::checker::{Event, Log, Sort, What, local};
use chrono::{Duration, NaiveDate};
use kept_domain::{Instant, NoticeState, ReminderState};
use std::collections::{BTreeMap, BTreeSet};

/// Too late to be useful.
const USEFUL_BEFORE: Duration = Duration::minutes(30);

/// A reminder as the product's books have it at the end.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) visit: usize,
    pub(super) step: String,
    pub(super) state: ReminderState,
    pub(super) reason: Option<String>,
    pub(super) due: Instant,
    /// Key of its message, and where that stands.
    pub(super) notice: Option<(String, NoticeState)>,
}

/// What else is known from outside.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// When nothing could be handed over, and some hours beyond: the backlog.
    pub(super) outages: Vec<(Instant, Instant)>,
    /// Numbers whose owners said no from the start.
    pub(super) refusing: BTreeSet<String>,
    /// Days of booking and of the first file that had the visit.
    pub(super) booked: BTreeMap<usize, (NaiveDate, NaiveDate)>,
    pub(super) end: Instant,
}

/// What is not explained, in words.
pub(super) fn unexplained(log: &Log, known: &Known, told: &[Told], steps: &[&str]) -> Vec<String> {
    let keys: BTreeSet<&str> = log
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Got { key, .. } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for (visit, course) in log.visits.iter().enumerate() {
        // A visit that was gone before it was ever planned has nothing to explain.
        let was_live = course.stands.iter().any(|stand| stand.live);
        for step in steps.iter().filter(|_| was_live) {
            if !told.iter().any(|row| row.visit == visit && row.step == *step) {
                found.push(format!("visit {visit}: nothing is known of its step {step}"));
            }
        }
    }
    for row in told {
        let case = Case { log, known, row };
        let wrong = match row.state {
            ReminderState::Sent => case.sent(&keys),
            ReminderState::Skipped => case.skipped(),
            ReminderState::Superseded => (!case.changed()).then(|| "superseded, and nothing changed".to_owned()),
            ReminderState::Held => case.stands_at_last().then(|| "held, and the visit stands".to_owned()),
            ReminderState::Planned => (row.due < known.end).then(|| "planned for the past".to_owned()),
        };
        if let Some(wrong) = wrong {
            found.push(format!("{row:?}: {wrong}"));
        }
    }
    found
}

struct Case<'a> {
    log: &'a Log,
    known: &'a Known,
    row: &'a Told,
}

impl Case<'_> {
    fn number(&self) -> Option<&str> {
        self.log.visits[self.row.visit].number.as_deref()
    }

    fn start(&self) -> Instant {
        self.log.visits[self.row.visit].stands.last().expect("a visit stands somehow").at
    }

    fn stands_at_last(&self) -> bool {
        self.log.visits[self.row.visit].stand(self.start().min(self.known.end)).is_some_and(|stand| stand.live)
    }

    /// When the next step says the same, or the patient is on the way.
    fn useful_until(&self) -> Instant {
        let start = self.start();
        match self.row.step.as_str() {
            "booking" => start - Duration::days(3),
            "3d" => start - Duration::days(1),
            _ => start - USEFUL_BEFORE,
        }
    }

    fn changed(&self) -> bool {
        self.log.visits[self.row.visit].stands.len() > 1
    }

    /// What happened to the visit's number.
    fn own(&self) -> impl Iterator<Item = &Event> {
        self.log.events.iter().filter(|event| Some(event.number.as_str()) == self.number())
    }

    fn in_outage(&self) -> bool {
        let (due, start) = (self.row.due - Duration::hours(1), self.start());
        self.known.outages.iter().any(|(from, to)| *from <= start && due <= *to)
    }

    fn opted_out(&self) -> bool {
        self.own().any(|event| match &event.what {
            What::Withdrew => true,
            What::Wrote { intent, .. } => intent == "opt-out" || intent == "opt-out-ask",
            _ => false,
        })
    }

    fn is_strange(&self) -> bool {
        self.own().any(|event| match &event.what {
            What::Unreachable => true,
            What::Wrote { intent, .. } => intent == "wrong-number",
            _ => false,
        })
    }

    fn confirmed(&self) -> bool {
        self.own().any(|event| matches!(&event.what, What::Wrote { changed, .. } if changed.contains(&self.row.visit)))
    }

    /// Local days of the reminders that arrived, by the number's first zone.
    fn days(&self) -> Vec<NaiveDate> {
        let number = self.number().unwrap_or_default();
        let zone = self.log.zones[number][0];
        let own = self.log.unasked().filter(|(event, _, sort)| event.number == number && *sort == Sort::Reminder);
        own.map(|(event, ..)| local(event.at, zone).date()).collect()
    }

    fn due_day(&self) -> NaiveDate {
        local(self.row.due, self.log.zones[self.number().unwrap_or_default()][0]).date()
    }

    /// Whether a message about anything came between two moments.
    fn texted(&self, from: Instant, to: Instant) -> bool {
        let number = self.number();
        self.log
            .unasked()
            .any(|(event, ..)| Some(event.number.as_str()) == number && from <= event.at && event.at <= to)
    }

    fn sent(&self, keys: &BTreeSet<&str>) -> Option<String> {
        let Some((key, state)) = &self.row.notice else { return Some("sent by no message".to_owned()) };
        if keys.contains(key.as_str()) {
            return None;
        }
        let explained = match state {
            // A person looks, since the carrier may have it: it broke off, and its key is too old to ask again.
            NoticeState::Uncertain => self.in_outage() || self.opted_out() || self.is_strange(),
            // What is still useful when the carrier is back goes out.
            NoticeState::Failed | NoticeState::Expired => {
                let (due, until) = (self.row.due, self.useful_until());
                let too_long = self.known.outages.iter().any(|(from, to)| *from <= until && due <= *to && until <= *to);
                too_long || self.opted_out() || self.is_strange()
            }
            NoticeState::Cancelled => self.opted_out() || self.is_strange() || self.changed(),
            _ => false,
        };
        (!explained).then(|| "said to be sent, and it never arrived".to_owned())
    }

    fn skipped(&self) -> Option<String> {
        let Some(reason) = self.row.reason.as_deref() else { return Some("skipped without a reason".to_owned()) };
        let (due, start) = (self.row.due, self.start());
        let week = Duration::days(7);
        let is_true = match reason {
            "past" => start <= self.known.end,
            "not-expected" | "held" => self.log.visits[self.row.visit].stands.iter().any(|stand| !stand.live),
            "no-number" => self.number().is_none(),
            "number-suspended" => self.is_strange(),
            "no-consent" => self.number().is_some_and(|number| self.known.refusing.contains(number)),
            "opted-out" => self.opted_out(),
            "confirmed" => self.confirmed(),
            "not-new" | "change-says-it" | "superseded" => self.changed(),
            "booked-long-ago" => self.known.booked.get(&self.row.visit).is_some_and(|(booked, heard)| *booked < *heard),
            // One text of the days before stands for it.
            "told" | "collapsed" => {
                self.texted(due - week, start) || self.in_outage() || self.changed() || self.opted_out()
            }
            "quiet-hours" => self.texted(due - Duration::days(1), due + Duration::days(1)) || self.opted_out(),
            "expired" | "window-closed" => self.in_outage() || self.opens_too_late(),
            "cap-day" => self.days().contains(&self.due_day()) || self.opted_out(),
            "cap-week" => {
                let near = |day: &&NaiveDate| (**day - self.due_day()).num_days().abs() < 7;
                self.days().iter().filter(near).count() >= 3 || self.opted_out() || self.in_outage()
            }
            _ => false,
        };
        (!is_true).then(|| format!("skipped because of `{reason}`, which is not true"))
    }

    /// No hour between the due time and the visit is inside the hours of every zone.
    fn opens_too_late(&self) -> bool {
        let Some(zones) = self.number().and_then(|number| self.log.zones.get(number)) else { return false };
        let (first, end) = self.log.hours(self.number().unwrap_or_default());
        let mut at = self.row.due;
        while at < self.start() - USEFUL_BEFORE {
            if zones.iter().all(|zone| (first..end).contains(&chrono::Timelike::hour(&local(at, *zone)))) {
                return false;
            }
            at = at + Duration::minutes(5);
        }
        true
    }
}
