//! What is read and written while a notice is on its way out.

use crate::error::StoreError;
use crate::sealed;
use kept_domain::private::{ContactCol, LinkSecretCol, NoticeBodyCol};
use kept_domain::{
    AppointmentId, AppointmentStatus, AttemptId, BlindIndex, Channel, ContactPointId, Instant, LeaseToken, LinkId,
    Locale, LocationId, NoticeId, NoticeKind, NoticeState, PatientId, PracticeId, ReminderId, Salt, Sealed,
};
use sqlx::FromRow;
use uuid::Uuid;

/// A notice that a worker holds, with what is needed to write its text.
#[derive(Debug, Clone, FromRow)]
pub struct ClaimedNotice {
    /// Whose.
    #[sqlx(rename = "practice_id", try_from = "Uuid")]
    pub practice: PracticeId,
    /// Which; also the idempotency key.
    #[sqlx(try_from = "Uuid")]
    pub id: NoticeId,
    /// Reminder, change, or answer.
    #[sqlx(try_from = "String")]
    pub kind: NoticeKind,
    /// How it travels.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// Language of the text.
    #[sqlx(try_from = "String")]
    pub locale: Locale,
    /// Name of the text.
    pub template: String,
    /// Whom it reaches.
    #[sqlx(rename = "contact_point_id", try_from = "Uuid")]
    pub contact: ContactPointId,
    /// Finds the number without opening it.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// Location whose sender and zone count.
    #[sqlx(rename = "location_id", try_from = "Uuid")]
    pub location: LocationId,
    /// Useless from here on (civil).
    #[sqlx(rename = "expires_at_ms", try_from = "i64")]
    pub expires_at: Instant,
    /// Attempts so far.
    pub attempts: i64,
    /// How often its sealed values were written.
    pub rev: i64,
    /// The frozen text; there is one where it was armed before, and in answers.
    pub body: Option<Vec<u8>>,
    /// The secret of its link, if it has one already.
    pub link_secret: Option<Vec<u8>>,
    /// Its link, if it has one already.
    pub link_id: Option<Uuid>,
    /// The number, sealed.
    #[sqlx(try_from = "Vec<u8>")]
    pub contact_private: Sealed<ContactCol>,
    /// Bound into it.
    pub contact_rev: i64,
    /// Its patient's salt.
    #[sqlx(try_from = "Vec<u8>")]
    pub salt: Salt,
    /// Zones the number's area code allows, comma-separated.
    pub area_zones: Option<String>,
    /// The patient's own zone, if recorded.
    pub patient_zone: Option<String>,
}

impl ClaimedNotice {
    /// The frozen text, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no sealed value.
    pub fn sealed_body(&self) -> Result<Option<Sealed<NoticeBodyCol>>, StoreError> {
        sealed::optional(self.body.as_deref())
    }

    /// The sealed secret of the link, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no sealed value.
    pub fn sealed_link_secret(&self) -> Result<Option<Sealed<LinkSecretCol>>, StoreError> {
        sealed::optional(self.link_secret.as_deref())
    }
}

/// One reason in a notice, and how its visit stands now.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct NoticeReminder {
    /// In which notice.
    #[sqlx(rename = "notice_id", try_from = "Uuid")]
    pub notice: NoticeId,
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: ReminderId,
    /// The plan's step.
    pub step: String,
    /// Revision it was planned for.
    pub revision: i64,
    /// The visit.
    #[sqlx(rename = "appointment_id", try_from = "Uuid")]
    pub appointment: AppointmentId,
    /// Whose visit.
    #[sqlx(rename = "patient_id", try_from = "Uuid")]
    pub patient: PatientId,
    /// Where.
    #[sqlx(rename = "location_id", try_from = "Uuid")]
    pub location: LocationId,
    /// When.
    #[sqlx(rename = "start_at_ms", try_from = "i64")]
    pub start_at: Instant,
    /// Until when, in milliseconds, if known.
    pub end_at_ms: Option<i64>,
    /// What [`NoticeReminder::revision`] must equal: the visit's revision now, or its practitioner's.
    pub current_revision: i64,
    /// The visit's revision now.
    pub visit_revision: i64,
    /// The visit's status now.
    #[sqlx(try_from = "String")]
    pub status: AppointmentStatus,
    /// The patient's answer now.
    pub answer: String,
    /// Something changed that planning has not looked at yet.
    pub plan_due: bool,
    /// The patient wants no reminders of the visit.
    pub muted: bool,
    /// Its reminders wait for the desk.
    pub held: Option<String>,
}

/// What decides, at the last moment, whether a claimed notice may go out.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ArmFacts {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: NoticeId,
    /// Last act in the consent ledger for the number.
    pub consent: Option<String>,
    /// Why the number is suspended.
    pub suspended: Option<String>,
    /// Number of that entry.
    pub consent_seq: Option<i64>,
    /// When it was written (civil), in milliseconds.
    pub consent_at_ms: Option<i64>,
    /// When the notice was made (civil), in milliseconds.
    pub created_at_ms: i64,
    /// A text from the number may be an opt-out, and nobody has read it yet.
    pub held: bool,
    /// A text from the number was acknowledged, and what follows from it is not done yet.
    pub waits: bool,
}

/// A day that counts towards a number's caps.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Send {
    /// The number.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// Local day, days since 1970-01-01.
    pub send_day: i64,
    /// 1..=cap per day.
    pub slot: i64,
    /// The message that counts.
    #[sqlx(rename = "notice_id", try_from = "Uuid")]
    pub notice: NoticeId,
}

/// What arming writes into a notice.
#[derive(Debug, Clone)]
pub struct Armed {
    /// Which.
    pub id: NoticeId,
    /// The frozen text.
    pub body: Sealed<NoticeBodyCol>,
    /// The secret of its link.
    pub link_secret: Option<Sealed<LinkSecretCol>>,
    /// Its link.
    pub link: Option<LinkId>,
    /// The revision both are bound to.
    pub rev: i64,
    /// The local day it counts for.
    pub send_day: Option<i64>,
    /// The carrier that will get it.
    pub carrier: &'static str,
    /// The attempt that begins.
    pub attempt: AttemptId,
    /// Its number, from 1.
    pub attempt_number: i64,
    /// Entry of the consent ledger that allows it; none for an answer, which needs none.
    pub consent_seq: Option<i64>,
}

/// An attempt that a notice had before.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PastAttempt {
    /// At which notice.
    #[sqlx(rename = "notice_id", try_from = "Uuid")]
    pub notice: NoticeId,
    /// Through which carrier.
    pub carrier: String,
    /// When it began (wall).
    #[sqlx(rename = "armed_at_ms", try_from = "i64")]
    pub armed_at: Instant,
    /// How it ended: accepted, refused, retry, unknown; none where its worker did not come back.
    pub outcome: Option<String>,
    /// The carrier's code, or ours.
    pub code: Option<String>,
}

/// A claimed notice that will not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedNotice {
    /// Which.
    pub id: NoticeId,
    /// Cancelled or expired.
    pub state: NoticeState,
    /// Why.
    pub reason: &'static str,
    /// The same for its reminders; none where planning finds a reason of its own.
    pub why: Option<&'static str>,
    /// It was frozen and handed over, and certainly never taken: its reminders were not said, and planning looks at them again.
    pub untaken: bool,
}

/// What became of an armed notice.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which.
    pub id: NoticeId,
    /// Where it stands now: sent, planned (again), failed, uncertain or expired.
    pub state: NoticeState,
    /// Why, for all but sent.
    pub reason: Option<String>,
    /// The carrier's id of the message.
    pub provider_ref: Option<String>,
    /// When to try again, for planned.
    pub due_at: Option<Instant>,
    /// How the attempt ended: accepted, refused, retry (certainly not taken), unknown.
    pub attempt: &'static str,
    /// The carrier's code.
    pub code: Option<String>,
}

/// A notice whose lease ran out.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ExpiredLease {
    /// Whose.
    #[sqlx(rename = "practice_id", try_from = "Uuid")]
    pub practice: PracticeId,
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: NoticeId,
    /// Claimed or armed.
    #[sqlx(try_from = "String")]
    pub state: NoticeState,
    /// The lost lease.
    #[sqlx(rename = "lease_token", try_from = "Uuid")]
    pub token: LeaseToken,
    /// The carrier that may have it.
    pub carrier: Option<String>,
    /// When it was armed, wall.
    pub armed_at_ms: Option<i64>,
}
