//! The log of messages: what went out, what became of it, and what was never said, by time.

use crate::error::StoreError;
use crate::sealed::{self, PatientCell};
use crate::tx::Tx;
use kept_domain::private::NoticeBodyCol;
use kept_domain::{AppointmentId, Channel, Instant, LocationId, PatientId, PracticeId, Sealed};
use sqlx::FromRow;
use uuid::Uuid;

/// Lines that one page of the log shows.
pub const LOG_PAGE: i64 = 100;

/// A notice `n` as a line of the log. `place` is the word that the log shows for where it stands.
macro_rules! notice {
    () => {
        "SELECT n.id, TRUE AS is_notice, n.due_at_ms AS at_ms, n.kind, n.template AS step, n.channel, n.reason, n.location_id,
             NULL AS visit_id, n.contact_point_id, n.rev, n.expires_at_ms, n.carrier, n.attempts, n.sent_at_ms, n.body,
             CASE n.state WHEN 'planned' THEN 'waiting' WHEN 'claimed' THEN 'waiting' WHEN 'armed' THEN 'underway'
                 WHEN 'expired' THEN 'not-sent' WHEN 'cancelled' THEN 'not-sent' ELSE n.state END AS place
         FROM notices n
         WHERE n.practice_id = $1 AND NOT (n.state = 'cancelled' AND n.reason = 'superseded')"
    };
}

/// A reminder `m` that no notice stands for, as a line of the log. Its reason is the first that was found; where that is
/// mended since, it is told as `was-…`: nobody need do anything about it any more.
macro_rules! silence {
    () => {
        "SELECT m.id, FALSE, m.due_at_ms, 'reminder', m.step, m.channel, CASE
                 WHEN m.state = 'held' THEN 'held'
                 WHEN m.reason = 'no-number' AND u.id IS NOT NULL THEN 'was-no-number'
                 WHEN m.reason = 'number-suspended' AND u.id IS NOT NULL AND u.suspended IS NULL THEN 'was-number-suspended'
                 WHEN m.reason = 'no-consent' AND k.act IN ('granted', 'restored') THEN 'was-no-consent'
                 WHEN m.reason = 'opted-out' AND k.act IN ('granted', 'restored') THEN 'was-opted-out'
                 ELSE m.reason END,
             a.location_id, m.appointment_id, NULL, 0, m.due_at_ms, NULL, 0, NULL, NULL, 'not-sent'
         FROM reminders m JOIN appointments a ON a.practice_id = m.practice_id AND a.id = m.appointment_id
         LEFT JOIN contact_points u ON u.practice_id = a.practice_id AND u.patient_id = a.patient_id AND u.channel = m.channel
             AND u.position = 0
         LEFT JOIN consent_now k ON k.practice_id = u.practice_id AND k.bix = u.bix AND k.channel = u.channel
         WHERE m.practice_id = $1 AND m.notice_id IS NULL AND m.state IN ('skipped', 'held')"
    };
}

/// Whether a line `g` did not arrive and its visit is still to come at `$5`: somebody may be able to do something.
macro_rules! is_open {
    () => {
        "(g.place IN ('failed', 'uncertain', 'not-sent') AND (
             EXISTS (SELECT 1 FROM appointments a WHERE a.practice_id = $1 AND a.id = g.visit_id AND a.start_at_ms > $5
                 AND a.status IN ('proposed', 'pending', 'booked'))
             OR EXISTS (SELECT 1 FROM reminders m JOIN appointments a ON a.practice_id = $1 AND a.id = m.appointment_id
                 WHERE m.practice_id = $1 AND m.notice_id = g.id AND a.start_at_ms > $5
                     AND a.status IN ('proposed', 'pending', 'booked'))))"
    };
}

/// Notices, and reminders that no notice stands for, of one practice (`$1`) due in `[$2, $3)`, at a location (`$4`, or
/// anywhere). What a newer plan replaced before it went out is no message and not among them.
macro_rules! log {
    () => {
        concat!(
            "log AS (",
            notice!(),
            " AND n.due_at_ms >= $2 AND n.due_at_ms < $3 AND ($4 IS NULL OR n.location_id = $4) UNION ALL ",
            silence!(),
            " AND m.due_at_ms >= $2 AND m.due_at_ms < $3 AND ($4 IS NULL OR a.location_id = $4))"
        )
    };
}

/// The columns of a [`LogLine`] from rows `g` as in [`log!`].
macro_rules! shown {
    ($from:literal, $end:literal) => {
        concat!(
            ", about AS (
                SELECT g.*, COALESCE(g.visit_id, (SELECT m.appointment_id FROM reminders m
                    WHERE m.practice_id = $1 AND m.notice_id = g.id ORDER BY m.id LIMIT 1)) AS appointment_id,
                    (SELECT COUNT(*) FROM reminders m WHERE m.practice_id = $1 AND m.notice_id = g.id) AS reasons,
                    (SELECT t.code FROM attempts t WHERE t.practice_id = $1 AND t.notice_id = g.id
                         AND (t.code IS NULL OR t.code NOT IN ('open', 'pace')) ORDER BY t.number DESC LIMIT 1) AS code,
                    (SELECT t.carrier FROM attempts t WHERE t.practice_id = $1 AND t.notice_id = g.id
                         AND (t.code IS NULL OR t.code NOT IN ('open', 'pace')) ORDER BY t.number DESC LIMIT 1) AS code_of
                FROM ",
            $from,
            " AS g)
            SELECT g.id, g.is_notice, g.at_ms, g.kind, g.step, g.channel, g.reason, g.location_id, g.rev, g.expires_at_ms,
                g.carrier, g.attempts, g.sent_at_ms, g.body, g.place, g.appointment_id, g.reasons, g.code, g.code_of,
                a.start_at_ms, a.location_id AS visit_location_id, a.status, u.suspended,
                p.id AS patient_id, p.private AS patient_private, p.rev AS patient_rev, p.salt
            FROM about g
            LEFT JOIN appointments a ON a.practice_id = $1 AND a.id = g.appointment_id
            LEFT JOIN contact_points c ON c.practice_id = $1 AND c.id = g.contact_point_id
            LEFT JOIN patients p ON p.practice_id = $1 AND p.id = COALESCE(a.patient_id, c.patient_id)
            LEFT JOIN contact_points u ON u.practice_id = $1 AND u.patient_id = p.id AND u.channel = g.channel
                AND u.position = 0
            ORDER BY g.at_ms, g.id ",
            $end
        )
    };
}

/// One message, sent or not.
#[derive(Debug, Clone, FromRow)]
pub struct LogLine {
    /// The notice's id; of what was never a notice, the reminder's.
    pub id: Uuid,
    /// Whether it is a notice.
    pub is_notice: bool,
    /// When it is, was, or would have been due, civil.
    #[sqlx(rename = "at_ms", try_from = "i64")]
    pub at: Instant,
    /// `reminder`, `change`, `answer`.
    pub kind: String,
    /// The notice's template, or the reminder's step.
    pub step: String,
    /// How it travels.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// Why it was not sent, or failed.
    pub reason: Option<String>,
    /// Where it speaks for.
    #[sqlx(rename = "location_id", try_from = "Uuid")]
    pub location: LocationId,
    /// The revision its text is bound to.
    pub rev: i64,
    /// Useless from then on, civil.
    #[sqlx(rename = "expires_at_ms", try_from = "i64")]
    pub expires_at: Instant,
    /// Which carrier got it.
    pub carrier: Option<String>,
    /// How often it was handed over.
    pub attempts: i64,
    /// When the carrier took it, wall.
    pub sent_at_ms: Option<i64>,
    /// The frozen text, sealed under the practice's salt.
    pub body: Option<Vec<u8>>,
    /// `waiting`, `underway`, `sent`, `delivered`, `failed`, `uncertain`, `not-sent`.
    pub place: String,
    /// The visit it is about; of several the first.
    pub appointment_id: Option<Uuid>,
    /// Reminders it is made of.
    pub reasons: i64,
    /// The carrier's code of the last attempt that reached it.
    pub code: Option<String>,
    /// The line that gave it.
    pub code_of: Option<String>,
    /// Start of the visit.
    pub start_at_ms: Option<i64>,
    /// Where the visit is.
    pub visit_location_id: Option<Uuid>,
    /// What the books say of the visit.
    pub status: Option<String>,
    /// Why the number that the patient has now is suspended.
    pub suspended: Option<String>,
    /// Whose visit or number.
    pub patient_id: Option<Uuid>,
    /// The patient, sealed.
    pub patient_private: Option<Vec<u8>>,
    /// Bound into it.
    pub patient_rev: Option<i64>,
    /// The patient's salt.
    pub salt: Option<Vec<u8>>,
}

impl LogLine {
    /// The patient concerned, sealed, with what opens it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where patient or salt are damaged.
    pub fn patient(&self) -> Result<Option<PatientCell>, StoreError> {
        sealed::patient(self.patient_id, self.patient_private.as_deref(), self.patient_rev, self.salt.as_deref())
    }

    /// The frozen text, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no sealed value.
    pub fn sealed_body(&self) -> Result<Option<Sealed<NoticeBodyCol>>, StoreError> {
        sealed::optional(self.body.as_deref())
    }
}

/// Which lines of the log are wanted. Times are civil.
#[derive(Debug, Clone, Copy)]
pub struct LogFilter<'a> {
    /// Due from here on …
    pub from: Instant,
    /// … and before this.
    pub to: Instant,
    /// At one location only.
    pub location: Option<LocationId>,
    /// A word of [`LogLine::place`]; empty: any.
    pub place: &'a str,
    /// A word of [`LogLine::reason`]; empty: any.
    pub reason: &'a str,
    /// What did not arrive, of visits to come, only.
    pub open: bool,
    /// What counts as to come, civil.
    pub now: Instant,
    /// Lines after this one, by time and id; none: from the first on.
    pub after: Option<(Instant, Uuid)>,
}

/// How many lines stand where, and why.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct LogCount {
    /// A word of [`LogLine::place`].
    pub place: String,
    /// Why.
    pub reason: Option<String>,
    /// How many.
    pub n: i64,
    /// How many of them are of visits to come, and did not arrive.
    pub open: i64,
}

impl Tx {
    /// A page of the log, by time; [`LOG_PAGE`] lines and one more, which tells that there are more.
    pub async fn message_log(
        &mut self,
        practice: PracticeId,
        filter: &LogFilter<'_>,
    ) -> Result<Vec<LogLine>, StoreError> {
        let (after, id) = filter.after.unwrap_or((Instant::from_ms(i64::MIN), Uuid::nil()));
        all!(
            self,
            LogLine,
            concat!(
                "WITH ",
                log!(),
                ", page AS (SELECT g.* FROM log AS g WHERE ($6 = '' OR g.place = $6) AND ($7 = '' OR g.reason = $7)
                    AND (g.at_ms, g.id) > ($8, $9) AND (NOT $10 OR ",
                is_open!(),
                ") ORDER BY g.at_ms, g.id LIMIT $11)",
                shown!("page", "")
            ),
            practice.as_uuid(),
            filter.from.as_ms(),
            filter.to.as_ms(),
            filter.location.map(LocationId::as_uuid),
            filter.now.as_ms(),
            filter.place,
            filter.reason,
            after.as_ms(),
            id,
            filter.open,
            LOG_PAGE + 1
        )
    }

    /// How many lines of the log stand where, and why; the filter's place, reason and `after` do not count.
    pub async fn message_counts(
        &mut self,
        practice: PracticeId,
        filter: &LogFilter<'_>,
    ) -> Result<Vec<LogCount>, StoreError> {
        all!(
            self,
            LogCount,
            concat!(
                "WITH ",
                log!(),
                " SELECT g.place, g.reason, COUNT(*) AS n, CAST(SUM(CASE WHEN ",
                is_open!(),
                " THEN 1 ELSE 0 END) AS BIGINT) AS open
                 FROM log AS g GROUP BY g.place, g.reason ORDER BY COUNT(*) DESC, g.place, g.reason"
            ),
            practice.as_uuid(),
            filter.from.as_ms(),
            filter.to.as_ms(),
            filter.location.map(LocationId::as_uuid),
            filter.now.as_ms()
        )
    }

    /// Everything that was said, or not said, about one visit, and the answers that its patient got; by time,
    /// [`LOG_PAGE`] lines at most.
    pub async fn visit_log(
        &mut self,
        practice: PracticeId,
        visit: AppointmentId,
        patient: PatientId,
    ) -> Result<Vec<LogLine>, StoreError> {
        all!(
            self,
            LogLine,
            concat!(
                "WITH said AS (",
                notice!(),
                // Not with OR: for it all notices of the practice would be looked at.
                " AND n.id IN (
                     SELECT m.notice_id FROM reminders m
                     WHERE m.practice_id = $1 AND m.appointment_id = $2 AND m.notice_id IS NOT NULL
                     UNION SELECT o.id FROM contact_points c
                     {then} JOIN notices o ON o.practice_id = c.practice_id AND o.bix = c.bix AND o.contact_point_id = c.id
                     WHERE c.practice_id = $1 AND c.patient_id = $3 AND o.kind = 'answer') UNION ALL ",
                silence!(),
                " AND m.appointment_id = $2)",
                shown!("said", "LIMIT $4")
            ),
            practice.as_uuid(),
            visit.as_uuid(),
            patient.as_uuid(),
            LOG_PAGE
        )
    }
}
