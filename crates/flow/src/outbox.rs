//! The log of messages, opened: what went out and what became of it, what did not and why, and what mends it.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::board::Private;
use crate::{Flow, FlowError, OpenPractice};
use chrono::{Days, NaiveDate, NaiveTime};
use kept_carrier::Meaning;
use kept_domain::private::NoticeBody;
use kept_domain::time::resolve_local;
use kept_domain::{
    AppointmentId, AppointmentStatus, Channel, Instant, LocalTime, LocationId, PracticeId, SkipReason, StaffId,
    text_enum,
};
use kept_seal::Place as SealPlace;
use kept_store::{LOG_PAGE, LOOKING_UP, LogFilter, LogLine, Scope};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Days that one look at the log covers.
pub const MAX_LOG_DAYS: u64 = 31;

text_enum! {
    /// Where a message stands, as the log shows it.
    Place: "place in the log" {
        /// Its time has not come.
        Waiting => "waiting",
        /// On its way to the carrier.
        Underway => "underway",
        /// The carrier has it.
        Sent => "sent",
        /// The phone has it.
        Delivered => "delivered",
        /// The carrier will not deliver it.
        Failed => "failed",
        /// Nobody knows.
        Uncertain => "uncertain",
        /// A rule kept it back.
        NotSent => "not-sent",
    }
}

text_enum! {
    /// What a person can do about a message.
    Fix: "fix" {
        /// Say that it arrived.
        Arrived => "arrived",
        /// Say that it did not arrive: the same text goes out again.
        SendAgain => "send-again",
        /// Have it planned anew; it certainly did not arrive.
        TryAgain => "try-again",
        /// Enter a number.
        EnterNumber => "enter-number",
        /// Let messages go to the number again.
        Release => "release",
        /// Record that the patient agrees.
        RecordConsent => "record-consent",
        /// Record that the patient wants messages again.
        OptIn => "opt-in",
        /// Decide about the visit.
        Decide => "decide",
        /// Call the patient.
        Call => "call",
    }
}

/// Before a reason that held when the message was due and is mended since.
const WAS: &str = "was-";

/// What mends a message that does not go out or did not arrive; the best first. Empty: nothing needs mending. Pure.
///
/// `useful` says whether the visit is still to come, and for a frozen text, whether it may still go out.
pub fn fixes(place: Place, reason: Option<&str>, suspended: bool, useful: bool) -> &'static [Fix] {
    use Fix::{Arrived, Call, Decide, EnterNumber, OptIn, RecordConsent, Release, SendAgain, TryAgain};
    match (place, useful) {
        (Place::Waiting | Place::Underway | Place::Sent | Place::Delivered, _)
        | (Place::Failed | Place::NotSent, false) => &[],
        // The carrier is being asked: it may know better than anybody, in a moment.
        (Place::Uncertain, _) if reason == Some(LOOKING_UP) => &[],
        (Place::Uncertain, true) => &[Arrived, SendAgain, Call],
        (Place::Uncertain, false) => &[Arrived],
        (Place::Failed, true) if suspended => &[EnterNumber, Release, Call],
        (Place::Failed, true) => &[TryAgain, EnterNumber, Call],
        (Place::NotSent, true) => match reason.and_then(|word| word.parse::<SkipReason>().ok()) {
            Some(SkipReason::NoNumber) => &[EnterNumber, Call],
            Some(SkipReason::NumberSuspended) => &[EnterNumber, Release, Call],
            Some(SkipReason::NoConsent) => &[RecordConsent, Call],
            Some(SkipReason::OptedOut) => &[Call, OptIn],
            Some(SkipReason::Held) => &[Decide],
            // What was mended since.
            None if reason.is_some_and(|word| word.starts_with(WAS)) => &[],
            // No reason of ours is a word of the carrier's side: it could not be reached until it was too late.
            Some(SkipReason::WindowClosed | SkipReason::Expired) | None => &[Call],
            Some(_) => &[],
        },
    }
}

/// A line of the log, after which the next page begins; in addresses `<milliseconds>.<id>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After(Instant, Uuid);

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.as_ms(), self.1)
    }
}

/// The text names no line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names no line of the log")]
pub struct NoLine;

impl FromStr for After {
    type Err = NoLine;
    fn from_str(text: &str) -> Result<Self, NoLine> {
        let (at, id) = text.split_once('.').ok_or(NoLine)?;
        Ok(Self(Instant::from_ms(at.parse().map_err(|_| NoLine)?), id.parse().map_err(|_| NoLine)?))
    }
}

/// A page of the log that somebody asks for.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// First day on the practice's clock; none: today.
    pub from: Option<NaiveDate>,
    /// Last day; none: the first. At most [`MAX_LOG_DAYS`] days are looked at.
    pub to: Option<NaiveDate>,
    /// At one location only.
    pub location: Option<LocationId>,
    /// Only what stands there.
    pub place: Option<Place>,
    /// Only for this reason, a word of `reason.…`; empty: any.
    pub reason: String,
    /// Only what did not arrive, of visits to come.
    pub open: bool,
    /// After this line.
    pub after: Option<After>,
}

/// One message, sent or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The notice, or the reminder that became none.
    pub id: Uuid,
    /// Whether it is a notice.
    pub is_notice: bool,
    /// When it is, was, or would have been due, on the location's clock.
    pub at: LocalTime,
    /// `reminder`, `change`, `answer`.
    pub kind: String,
    /// The plan's step, where it never became a notice; the template otherwise.
    pub step: String,
    /// How it travels.
    pub channel: Channel,
    /// Where it stands.
    pub place: Place,
    /// Why.
    pub reason: Option<String>,
    /// The carrier's code of the last attempt, where that did not go well.
    pub code: Option<String>,
    /// What the code means, a word of `meaning.…`; none where only the code is known.
    pub meaning: Option<&'static str>,
    /// The code in our own words, in English.
    pub words: Option<String>,
    /// How often it was handed over.
    pub attempts: i64,
    /// The visit (of several the first), and its start on its location's clock.
    pub visit: Option<(AppointmentId, LocalTime)>,
    /// Reminders that it says together.
    pub together: i64,
    /// Whose.
    pub patient: Option<Private>,
    /// The text as it went out, the link's secret left away; none before it is frozen.
    pub text: Option<Private>,
    /// What mends it.
    pub fixes: &'static [Fix],
}

/// How many messages stand somewhere for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Where.
    pub place: Place,
    /// Why; empty: for no reason that is told.
    pub reason: String,
    /// How many.
    pub n: i64,
    /// Whether somebody can do something about it.
    pub mendable: bool,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// The practice's today.
    pub today: NaiveDate,
    /// By time.
    pub lines: Vec<Logged>,
    /// Where the next page begins.
    pub next: Option<After>,
    /// How many stand where, over all pages.
    pub counts: Vec<(Place, i64)>,
    /// Why, over all pages, the most frequent first.
    pub causes: Vec<Cause>,
}

impl Flow {
    /// A page of the log. One audit entry says who looked and how many lines and texts they saw.
    pub async fn message_log(&self, practice: PracticeId, staff: StaffId, query: &LogQuery) -> Result<Log, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        let zone = open.practice.time_zone;
        let today = now.local_day(zone);
        let from = query.from.unwrap_or(today);
        let longest = from.checked_add_days(Days::new(MAX_LOG_DAYS - 1)).unwrap_or(from);
        let to = query.to.unwrap_or(from).clamp(from, longest);
        let midnight = |day: NaiveDate| resolve_local(zone, day.and_time(NaiveTime::MIN));
        let filter = LogFilter {
            from: midnight(from),
            to: midnight(to.checked_add_days(Days::new(1)).unwrap_or(to)),
            location: query.location,
            place: query.place.map_or("", Place::as_str),
            reason: &query.reason,
            open: query.open,
            now,
            after: query.after.map(|after| (after.0, after.1)),
        };
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let mut rows = tx.message_log(practice, &filter).await?;
        let counted = tx.message_counts(practice, &filter).await?;
        drop(tx);
        let page = usize::try_from(LOG_PAGE).unwrap_or(usize::MAX);
        let more = rows.len() > page;
        rows.truncate(page);
        let next = rows.last().filter(|_| more).map(|last| After(last.at, last.id));
        let lines = rows.iter().map(|row| self.logged(&open, row, now)).collect::<Result<Vec<_>, _>>();
        let lines = self.witness(lines).await?;

        let mut counts: Vec<(Place, i64)> = Vec::new();
        let mut causes = Vec::new();
        for one in counted {
            let place = place_of(&one.place)?;
            match counts.iter_mut().find(|(other, _)| *other == place) {
                Some((_, n)) => *n += one.n,
                None => counts.push((place, one.n)),
            }
            if matches!(place, Place::Failed | Place::Uncertain | Place::NotSent) {
                let can = !fixes(place, one.reason.as_deref(), false, true).is_empty();
                let reason = one.reason.unwrap_or_default();
                let open = if can { one.open } else { 0 };
                for (n, mendable) in [(open, true), (one.n - open, false)].into_iter().filter(|(n, _)| *n > 0) {
                    causes.push(Cause { place, reason: reason.clone(), n, mendable });
                }
            }
        }
        counts.sort_unstable();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let entry = AuditEntry::new(act::MESSAGES_VIEWED, Actor::Staff(staff))
            .count("lines", count(lines.len()))
            .count("texts", count(lines.iter().filter(|line| line.text.is_some()).count()));
        self.note_view(practice, entry).await?;
        Ok(Log { from, to, today, lines, next, counts, causes })
    }

    /// Writes the audit entry of a look at private data.
    pub(crate) async fn note_view(&self, practice: PracticeId, entry: AuditEntry) -> Result<(), FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        Ok(tx.commit().await?)
    }
}

fn place_of(word: &str) -> Result<Place, FlowError> {
    word.parse().map_err(|_| kept_store::StoreError::Corrupt { table: "notices", column: "state" }.into())
}

impl Flow {
    /// A line, opened.
    pub(crate) fn logged(&self, open: &OpenPractice, row: &LogLine, now: Instant) -> Result<Logged, FlowError> {
        let zone = |id: LocationId| open.location(id).map_or(open.practice.time_zone, |found| found.location.time_zone);
        let place = place_of(&row.place)?;
        let patient = match row.patient()? {
            Some((id, private, rev, salt)) => {
                Some(Private(open.keys.open(&salt, SealPlace::new(id, rev), &private)?.name))
            }
            None => None,
        };
        let text = match row.sealed_body()? {
            Some(body) => {
                let body = open.keys.open(&open.salt, SealPlace::new(row.id, row.rev), &body)?;
                Some(Private(body.text.replace(NoticeBody::LINK, "…")))
            }
            None => None,
        };
        let start = row.start_at_ms.map(Instant::from_ms);
        let expected =
            row.status.as_deref().and_then(|word| word.parse().ok()).is_some_and(AppointmentStatus::is_expected);
        let to_come = start.is_some_and(|start| start > now) && expected;
        let useful = to_come && (place != Place::Uncertain || row.expires_at > now);
        let visit = row.appointment_id.zip(start).map(|(id, start)| {
            let at = row.visit_location_id.map_or(row.location, LocationId::from_uuid);
            (AppointmentId::from_uuid(id), open.local(start, zone(at)))
        });
        // Also while it waits for another attempt, and when none came in time: the code is what somebody can act upon.
        let tells = match place {
            Place::Waiting | Place::Failed | Place::Uncertain => true,
            Place::NotSent => row.reason.as_deref() == Some("carrier-down"),
            Place::Underway | Place::Sent | Place::Delivered => false,
        };
        let code = row.code.as_deref().filter(|_| tells);
        let line = row.code_of.as_deref().and_then(|name| self.carriers.by_name(name));
        Ok(Logged {
            id: row.id,
            is_notice: row.is_notice,
            at: open.local(row.at, zone(row.location)),
            kind: row.kind.clone(),
            step: row.step.clone(),
            channel: row.channel,
            place,
            reason: row.reason.clone(),
            meaning: line.zip(code).and_then(|(line, code)| line.meaning(code)).map(Meaning::as_str),
            words: line.zip(code).and_then(|(line, code)| line.words(code)).map(str::to_owned),
            code: code.map(str::to_owned),
            attempts: row.attempts,
            visit,
            together: row.reasons,
            patient,
            text,
            fixes: fixes(place, row.reason.as_deref(), row.suspended.is_some(), useful),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_fix_or_needs_none() {
        use SkipReason as R;
        let of = |reason: SkipReason| fixes(Place::NotSent, Some(reason.as_str()), false, true);
        let as_it_should_be: Vec<SkipReason> =
            SkipReason::ALL.iter().copied().filter(|reason| of(*reason).is_empty()).collect();
        for needs in [R::NoNumber, R::NumberSuspended, R::NoConsent, R::OptedOut, R::Held, R::WindowClosed, R::Expired]
        {
            assert!(!as_it_should_be.contains(&needs), "{needs:?} needs somebody");
        }
        for fine in [R::Confirmed, R::Declined, R::Told, R::Collapsed, R::NotExpected, R::Past, R::DayCap, R::WeekCap] {
            assert!(as_it_should_be.contains(&fine), "{fine:?} needs nobody");
        }
        assert!(fixes(Place::NotSent, Some("carrier-down"), false, true).contains(&Fix::Call));
        assert!(fixes(Place::NotSent, Some("was-no-consent"), false, true).is_empty(), "mended since");
    }

    #[test]
    fn only_what_certainly_did_not_arrive_is_tried_again_and_a_person_decides_the_rest() {
        assert!(fixes(Place::Failed, Some("undelivered"), false, true).contains(&Fix::TryAgain));
        assert!(!fixes(Place::Failed, Some("undelivered"), true, true).contains(&Fix::TryAgain), "a dead number");
        assert!(!fixes(Place::Uncertain, Some("unknown"), false, true).contains(&Fix::TryAgain));
        assert!(fixes(Place::Uncertain, Some("unknown"), false, true).contains(&Fix::SendAgain));
        assert_eq!(fixes(Place::Uncertain, Some("unknown"), false, false), [Fix::Arrived], "too late to send");
        assert!(fixes(Place::Uncertain, Some(LOOKING_UP), false, true).is_empty(), "the carrier may still know");
        for place in [Place::Waiting, Place::Underway, Place::Sent, Place::Delivered] {
            assert!(fixes(place, None, false, true).is_empty());
        }
        for reason in SkipReason::ALL {
            assert!(fixes(Place::NotSent, Some(reason.as_str()), false, false).is_empty(), "the visit is over");
        }
    }
}
