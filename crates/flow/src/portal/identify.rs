//! Level 1: a birth date, counted in the database in the same transaction that checks it.
//!
//! 200 guesses at once are 200 guesses: each takes hold of the counters before it is compared, and waits for the one
//! before it. A guess that finds the counters full is not compared at all.

use super::{DEVICE_LIFE, only_patient};
use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use chrono::{Duration, NaiveDate, NaiveDateTime};
use kept_domain::time::day_number;
use kept_domain::{LinkId, PatientId, PracticeId};
use kept_seal::{FormBinding, Level0, OpaqueToken, Place, TokenHash};
use kept_store::{PortalVisit, Scope, Tx};

/// Wrong birth dates that a link and patient may have, for life.
pub const MAX_FAILURES_PER_LINK: i64 = 5;
/// Wrong birth dates that a patient may have over all links within [`GUARD_DAYS`].
pub const MAX_FAILURES_PER_PATIENT: i64 = 10;
/// Days that a patient's wrong birth dates count.
pub const GUARD_DAYS: i64 = 30;
/// If so many links of a practice fail within an hour …
pub const STORM_LINKS: i64 = 50;
/// … and they are more than this share of those tried, birth dates are no longer taken.
pub const STORM_SHARE_PERCENT: i64 = 10;
/// The alarm's kind in `practice_alarms`.
pub const BIRTH_DATE_ALARM: &str = "birth-date";

/// Where somebody with a link's secret stands.
#[derive(Debug)]
pub enum Gate {
    /// No link is open in this browser, or too long ago, or it works no more.
    Closed,
    /// The link serves several people: which visit?
    Pick {
        /// What the browser keeps from now on.
        cookie: String,
        /// The visits to choose from.
        visits: Vec<Pick>,
    },
    /// Ask for the birth date.
    Ask {
        /// What the browser keeps from now on.
        cookie: String,
        /// The link, named by the page so that two tabs cannot cross.
        link: LinkId,
        /// Which visit of a shared link; 1 otherwise.
        ordinal: i64,
        /// Goes with the form, once.
        nonce: String,
        /// Guesses left at this link.
        tries_left: i64,
        /// Whether this device may be remembered: never on a link of several people.
        may_remember: bool,
    },
    /// No birth date is on record: only a call helps.
    NoBirthDate,
    /// Too many wrong ones for this link or patient.
    Blocked,
    /// The practice takes no birth dates at the moment.
    Stopped,
}

/// A visit of a shared link, told apart without saying whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// "Visit 1".
    pub ordinal: i64,
    /// Start on the location's clock; none where texts tell no times.
    pub start: Option<NaiveDateTime>,
}

/// A birth date that somebody entered. Prints nothing.
#[derive(Clone)]
pub struct Identify {
    /// The link that the page named.
    pub link: LinkId,
    /// Which visit of a shared link.
    pub ordinal: i64,
    /// The form's nonce.
    pub nonce: String,
    /// What was entered, if it is a date at all.
    pub birth_date: NaiveDate,
    /// Remember this device.
    pub remember: bool,
    /// The device's own token, if it has one already.
    pub device: Option<String>,
}

impl std::fmt::Debug for Identify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identify(…)")
    }
}

/// What became of a birth date.
pub enum Identified {
    /// It was right.
    In {
        /// The session's token for the cookie.
        session: String,
        /// The device's token for the cookie, if it is remembered.
        device: Option<String>,
    },
    /// It was wrong.
    Wrong {
        /// Guesses left at this link.
        tries_left: i64,
    },
    /// It was not looked at: no link is open in this browser, or it works no more.
    Closed,
    /// It was not looked at: another link was opened in another tab since.
    OtherLink,
    /// It was not looked at: the form was sent before, or is too old.
    OldForm,
    /// It was not looked at: too many wrong ones.
    Blocked,
    /// It was not looked at: the practice takes none at the moment.
    Stopped,
    /// There is none to compare with.
    NoBirthDate,
}

impl std::fmt::Debug for Identified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::In { .. } => "In(…)",
            Self::Wrong { .. } => "Wrong",
            Self::Closed => "Closed",
            Self::OtherLink => "OtherLink",
            Self::OldForm => "OldForm",
            Self::Blocked => "Blocked",
            Self::Stopped => "Stopped",
            Self::NoBirthDate => "NoBirthDate",
        })
    }
}

/// What the counters say.
enum Guard {
    Open { tries_left: i64 },
    Blocked,
    Stopped,
}

impl Flow {
    /// What to show to a browser with a level-0 cookie. `ordinal` is the visit it picked. Changes nothing.
    pub async fn portal_gate(
        &self,
        practice: PracticeId,
        cookie: &str,
        ordinal: Option<i64>,
    ) -> Result<Gate, FlowError> {
        let open = self.practice(practice).await?;
        let Some(link) = self.level_0(&open, cookie).await? else { return Ok(Gate::Closed) };
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let visits = tx.portal_visits(practice, link).await?;
        let cookie = open.keys.seal_cookie(&Level0 { link, issued_at: self.clock.wall() })?;
        let shared = only_patient(&visits).is_none();
        let Some(visit) = chosen(&visits, ordinal, shared) else {
            if visits.is_empty() {
                return Ok(Gate::Closed);
            }
            return Ok(Gate::Pick { cookie, visits: visits.iter().map(|visit| pick(&open, visit)).collect() });
        };
        if !visit.has_birth_date {
            return Ok(Gate::NoBirthDate);
        }
        match self.guard(&mut tx, practice, link, visit.patient, Reading).await? {
            Guard::Blocked => Ok(Gate::Blocked),
            Guard::Stopped => Ok(Gate::Stopped),
            Guard::Open { tries_left } => {
                let action = action(visit.ordinal);
                let binding = FormBinding { subject: link.as_uuid(), action: &action, revision: 0 };
                let nonce = open.keys.seal_form(&binding, self.form_expiry())?;
                Ok(Gate::Ask { cookie, link, ordinal: visit.ordinal, nonce, tries_left, may_remember: !shared })
            }
        }
    }

    /// Checks a birth date and counts it.
    pub async fn portal_identify(
        &self,
        practice: PracticeId,
        cookie: &str,
        entered: Identify,
    ) -> Result<Identified, FlowError> {
        let open = self.practice(practice).await?;
        let Some(link) = self.level_0(&open, cookie).await? else { return Ok(Identified::Closed) };
        if link != entered.link {
            return Ok(Identified::OtherLink);
        }
        let wall = self.clock.wall();
        let action = action(entered.ordinal);
        let binding = FormBinding { subject: link.as_uuid(), action: &action, revision: 0 };
        let Ok(used) = open.keys.open_form(&entered.nonce, &binding, wall) else { return Ok(Identified::OldForm) };

        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let visits = tx.portal_visits(practice, link).await?;
        let shared = only_patient(&visits).is_none();
        let Some(visit) = chosen(&visits, Some(entered.ordinal), shared) else { return Ok(Identified::OldForm) };
        // A flood of guesses after the last allowed one costs a read, not a write.
        match self.guard(&mut tx, practice, link, visit.patient, Reading).await? {
            Guard::Open { .. } => {}
            Guard::Blocked => return Ok(Identified::Blocked),
            Guard::Stopped => return Ok(Identified::Stopped),
        }
        drop(tx);
        let place = Place::new(visit.patient, visit.patient_rev);
        let opened = open.keys.open(&visit.salt, place, &visit.patient_private).map_err(FlowError::from);
        let patient = self.witness(opened).await?;
        let Some(birth_date) = patient.birth_date else { return Ok(Identified::NoBirthDate) };
        let device = if entered.remember && !shared { Some(device_token(entered.device)?) } else { None };

        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let tries_left = match self.guard(&mut tx, practice, link, visit.patient, Counting).await? {
            Guard::Open { tries_left } => tries_left,
            Guard::Blocked => return Ok(Identified::Blocked),
            Guard::Stopped => return Ok(Identified::Stopped),
        };
        if !tx.use_nonce(practice, &used.hash, used.expires_at).await? {
            return Ok(Identified::OldForm);
        }
        if birth_date != entered.birth_date {
            self.count_failure(&mut tx, practice, link, visit.patient).await?;
            tx.commit().await?;
            return Ok(Identified::Wrong { tries_left: tries_left - 1 });
        }
        tx.note_guard_success(practice, link, visit.patient, wall).await?;
        if let Some(token) = &device {
            tx.remember_device(practice, visit.patient, &TokenHash::of(token).0, wall + DEVICE_LIFE).await?;
        }
        let session = self.begin_session(&mut tx, &open, link, visit.patient).await?;
        tx.commit().await?;
        Ok(Identified::In { session, device })
    }

    /// Reads the counters, holding them if they will be changed.
    async fn guard(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        link: LinkId,
        patient: PatientId,
        what: Looking,
    ) -> Result<Guard, FlowError> {
        if tx.last_alarm(practice, BIRTH_DATE_ALARM).await?.is_some_and(|alarm| alarm.lifted_at.is_none()) {
            return Ok(Guard::Stopped);
        }
        let today = self.guard_day();
        let first_day = today - GUARD_DAYS + 1;
        let counts = match what {
            Reading => tx.guards(practice, link, patient, first_day).await?,
            Counting => tx.lock_guards(practice, link, patient, today, first_day).await?,
        };
        let tries_left = (MAX_FAILURES_PER_LINK - counts.link).min(MAX_FAILURES_PER_PATIENT - counts.patient);
        Ok(if tries_left > 0 { Guard::Open { tries_left } } else { Guard::Blocked })
    }

    /// Counts a wrong one, and stops the path if too many links of the practice fail.
    async fn count_failure(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        link: LinkId,
        patient: PatientId,
    ) -> Result<(), FlowError> {
        let wall = self.clock.wall();
        tx.count_guard_failure(practice, link, patient, self.guard_day(), wall).await?;
        let mut entries = vec![AuditEntry::new(act::BIRTH_DATE_WRONG, Actor::Link(link)).id("patient", patient)];
        let hour_ago = wall - Duration::hours(1);
        // What failed before the desk lifted the alarm was looked at.
        let lifted = tx.last_alarm(practice, BIRTH_DATE_ALARM).await?.and_then(|alarm| alarm.lifted_at);
        let since = lifted.map_or(hour_ago, |at| at.max(hour_ago));
        let storm = tx.guard_storm(practice, since).await?;
        if storm.failing >= STORM_LINKS && storm.failing * 100 > storm.tried * STORM_SHARE_PERCENT {
            tx.raise_alarm(practice, BIRTH_DATE_ALARM, wall).await?;
            entries.push(AuditEntry::system(act::BIRTH_DATE_STOPPED).count("links", storm.failing));
            tracing::error!(%practice, links = storm.failing, "birth dates are no longer taken: too many links fail");
        }
        audit::append(tx, practice, wall, &entries).await
    }

    fn guard_day(&self) -> i64 {
        i64::from(day_number(self.clock.wall().utc().date_naive()))
    }
}

/// Whether the counters are only read, or held to be changed.
#[derive(Clone, Copy)]
enum Looking {
    Reading,
    Counting,
}
use Looking::{Counting, Reading};

fn action(ordinal: i64) -> String {
    format!("identify:{ordinal}")
}

fn device_token(known: Option<String>) -> Result<String, FlowError> {
    // One token a device: a parent's phone is remembered for each child's own link.
    match known.filter(|token| token.len() == 43) {
        Some(token) => Ok(token),
        None => Ok(OpaqueToken::generate()?.as_str().to_owned()),
    }
}

/// The visit to identify for: the picked one, or the first when all are one patient's.
fn chosen(visits: &[PortalVisit], ordinal: Option<i64>, shared: bool) -> Option<&PortalVisit> {
    match ordinal {
        Some(wanted) => visits.iter().find(|visit| visit.ordinal == wanted),
        None if shared => None,
        None => visits.first(),
    }
}

fn pick(open: &OpenPractice, visit: &PortalVisit) -> Pick {
    let zone = open.location(visit.location).map_or(open.practice.time_zone, |place| place.location.time_zone);
    let start = (!open.practice.settings.discreet).then(|| visit.start_at.local(zone));
    Pick { ordinal: visit.ordinal, start }
}
