//! Planning: what the rules look at, and what they decide. Everything is read and written a batch at a time.

mod rows;

pub use rows::{PlanContact, PlanNotice, PlanReminder, PlanVisit, PlannedNotice, PlannedReminder};

use crate::dialect::Rows;
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{AppointmentId, Instant, NoticeId, PracticeId, SkipReason};
use rows::{ReminderRow, VisitRow, notice_rows, reminder_rows};
use uuid::Uuid;

impl Tx {
    /// Makes this transaction the only one that plans for a practice, until its end. (SQLite has one writer anyway.)
    pub async fn lock_planning(&mut self, practice: PracticeId) -> Result<(), StoreError> {
        // Not `FOR UPDATE`: that would hold up every insert that names the practice.
        run!(self, "UPDATE practices SET rev = rev WHERE id = $1", practice.as_uuid())?;
        Ok(())
    }

    /// Practices that have something to plan. The caller's scope is `Work`.
    pub async fn practices_to_plan(&mut self) -> Result<Vec<PracticeId>, StoreError> {
        let rows = all!(
            self,
            (Uuid,),
            "SELECT id FROM practices AS p
             WHERE EXISTS (SELECT 1 FROM appointments AS a WHERE a.practice_id = p.id AND a.plan_due) ORDER BY id"
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Has the engine count its rows anew. After a large upload PostgreSQL still believes that a practice has a handful
    /// of visits, and joins as if it had, until its own housekeeping comes round: minutes instead of milliseconds.
    pub async fn refresh_statistics(&mut self) -> Result<(), StoreError> {
        run!(self, "{statistics}")?;
        Ok(())
    }

    /// How many visits wait to be looked at, counted up to `most`.
    pub async fn count_plan_due(&mut self, practice: PracticeId, most: i64) -> Result<i64, StoreError> {
        scalar!(
            self,
            i64,
            "SELECT COUNT(*) FROM (SELECT id FROM appointments WHERE practice_id = $1 AND plan_due LIMIT $2) AS waiting",
            practice.as_uuid(),
            most
        )
    }

    /// Takes up to `limit` visits that must be looked at, and clears their marks: the rows stay locked until the end of the
    /// transaction, so a change that comes meanwhile sets the mark again after it.
    pub async fn take_plan_due(&mut self, practice: PracticeId, limit: i64) -> Result<Vec<AppointmentId>, StoreError> {
        let rows = all!(
            self,
            (Uuid,),
            // Materialised: PostgreSQL may run a subquery with LIMIT and a lock once a row, and then take more than asked for.
            "WITH due AS MATERIALIZED (
                 SELECT id FROM appointments WHERE practice_id = $1 AND plan_due ORDER BY id LIMIT $2 {wait_lock})
             UPDATE appointments SET plan_due = FALSE WHERE practice_id = $1 AND id IN (SELECT id FROM due)
             RETURNING id",
            practice.as_uuid(),
            limit
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Visits after `now` of the whole circle of patients who share numbers or addresses with the patients of these visits,
    /// directly or through one another, and the visits themselves. An address without consent binds nobody: nothing goes there.
    pub async fn visits_of_same_numbers(
        &mut self,
        practice: PracticeId,
        visits: &[AppointmentId],
        now: Instant,
    ) -> Result<Vec<AppointmentId>, StoreError> {
        let rows = bulk_all!(
            self,
            (Uuid,),
            "WITH RECURSIVE taken AS (SELECT id, {practice} AS practice_id FROM {rows} AS r),
                 kin (practice_id, patient_id) AS (
                     SELECT a.practice_id, a.patient_id FROM taken
                     {then} JOIN appointments AS a ON a.practice_id = taken.practice_id AND a.id = taken.id
                     UNION
                     SELECT other.practice_id, other.patient_id FROM kin
                     {then} JOIN contact_points AS c ON c.practice_id = kin.practice_id AND c.patient_id = kin.patient_id AND c.position = 0
                         AND (c.channel = 'sms' OR EXISTS (SELECT 1 FROM consent_now AS k WHERE k.practice_id = c.practice_id
                             AND k.bix = c.bix AND k.channel = c.channel AND k.act IN ('granted', 'restored')))
                     {then} JOIN contact_points AS other ON other.practice_id = c.practice_id AND other.bix = c.bix
                         AND other.channel = c.channel AND other.position = 0)
             SELECT a.id FROM kin
                 {then} JOIN appointments AS a ON a.practice_id = kin.practice_id AND a.patient_id = kin.patient_id AND a.start_at_ms > $3
             UNION SELECT id FROM taken",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid(),
            now.as_ms()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Clears the marks of visits that are planned together with others of their number. Returns how many had one.
    pub async fn clear_plan_due(&mut self, practice: PracticeId, visits: &[AppointmentId]) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE appointments SET plan_due = FALSE FROM {rows} AS r
             WHERE appointments.practice_id = {practice} AND appointments.id = r.id AND appointments.plan_due",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Marks visits to be looked at again. Returns how many.
    pub async fn mark_plan_due(&mut self, practice: PracticeId, visits: &[AppointmentId]) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE appointments SET plan_due = TRUE FROM {rows} AS r
             WHERE appointments.practice_id = {practice} AND appointments.id = r.id",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Marks every visit after `now` to be looked at again: a plan, the hours or the caps were edited. Returns how many.
    pub async fn mark_practice_plan_due(&mut self, practice: PracticeId, now: Instant) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE appointments SET plan_due = TRUE WHERE practice_id = $1 AND start_at_ms > $2",
            practice.as_uuid(),
            now.as_ms()
        )
    }

    /// Visits with a start in `[from, to)`, by start.
    pub async fn visits_starting(
        &mut self,
        practice: PracticeId,
        from: Instant,
        to: Instant,
    ) -> Result<Vec<AppointmentId>, StoreError> {
        let rows = all!(
            self,
            (Uuid,),
            "SELECT id FROM appointments WHERE practice_id = $1 AND start_at_ms >= $2 AND start_at_ms < $3
             ORDER BY start_at_ms, id",
            practice.as_uuid(),
            from.as_ms(),
            to.as_ms()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// All that planning asks of these visits.
    pub async fn plan_visits(
        &mut self,
        practice: PracticeId,
        visits: &[AppointmentId],
    ) -> Result<Vec<PlanVisit>, StoreError> {
        let rows = bulk_all!(
            self,
            VisitRow,
            "SELECT a.id, a.patient_id, a.location_id, a.visit_type_id, a.start_at_ms, a.booked_at_ms, a.known_at_ms, a.status,
                 a.answer, a.held IS NOT NULL AS held, a.muted, a.revision, a.practitioner_revision, a.change_notice, p.locale,
                 p.time_zone, p.channel, c.id AS sms_id, c.bix AS sms_bix, c.area_zones AS sms_zones,
                 c.suspended AS sms_suspended, k.act AS sms_consent, e.id AS email_id, e.bix AS email_bix,
                 e.suspended AS email_suspended, ke.act AS email_consent
             FROM {rows} AS r
             JOIN appointments AS a ON a.practice_id = {practice} AND a.id = r.id
             JOIN patients AS p ON p.practice_id = a.practice_id AND p.id = a.patient_id
             LEFT JOIN contact_points AS c ON c.practice_id = a.practice_id AND c.patient_id = a.patient_id AND c.channel = 'sms'
                 AND c.position = 0
             LEFT JOIN consent_now AS k ON k.practice_id = c.practice_id AND k.bix = c.bix AND k.channel = 'sms'
             LEFT JOIN contact_points AS e ON e.practice_id = a.practice_id AND e.patient_id = a.patient_id AND e.channel = 'email'
                 AND e.position = 0
             LEFT JOIN consent_now AS ke ON ke.practice_id = e.practice_id AND ke.bix = e.bix AND ke.channel = 'email'",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid()
        )?;
        rows.into_iter().map(PlanVisit::try_from).collect()
    }

    /// The reminders of these visits, of every revision, with their notices.
    pub async fn plan_reminders(
        &mut self,
        practice: PracticeId,
        visits: &[AppointmentId],
    ) -> Result<Vec<PlanReminder>, StoreError> {
        let rows = bulk_all!(
            self,
            ReminderRow,
            "SELECT m.id, m.appointment_id, m.step, m.revision, m.channel, m.state, m.reason, m.due_at_ms, m.said_at_ms, m.notice_id,
                 n.kind, n.state AS notice_state, n.bix, n.contact_point_id, n.location_id, n.locale, n.template,
                 n.due_at_ms AS notice_due_at_ms, n.expires_at_ms
             FROM {rows} AS r
             JOIN reminders AS m ON m.practice_id = {practice} AND m.appointment_id = r.id
             LEFT JOIN notices AS n ON n.practice_id = m.practice_id AND n.id = m.notice_id",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid()
        )?;
        rows.into_iter().map(PlanReminder::try_from).collect()
    }

    /// Visits that wait in these notices.
    pub async fn visits_in_notices(
        &mut self,
        practice: PracticeId,
        notices: &[NoticeId],
    ) -> Result<Vec<(NoticeId, AppointmentId)>, StoreError> {
        let rows = bulk_all!(
            self,
            (Uuid, Uuid),
            "SELECT DISTINCT m.notice_id, m.appointment_id FROM {rows} AS r
             JOIN reminders AS m ON m.practice_id = {practice} AND m.notice_id = r.id AND m.state = 'planned'",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid()
        )?;
        Ok(rows.into_iter().map(|(notice, visit)| (notice.into(), visit.into())).collect())
    }

    /// Adds reminders; one that is there already (visit, step, channel, revision) is left alone. Returns how many were added.
    pub async fn insert_planned_reminders(
        &mut self,
        practice: PracticeId,
        new: &[PlannedReminder],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "INSERT INTO reminders (practice_id, id, appointment_id, step, channel, revision, state, reason, due_at_ms, notice_id)
             SELECT $2, id, appointment_id, step, channel, revision, state, reason, due_at_ms, notice_id FROM {rows} AS r WHERE TRUE
             ON CONFLICT (practice_id, appointment_id, step, channel, revision) DO NOTHING",
            reminder_rows(new),
            practice.as_uuid()
        )
    }

    /// Changes reminders that are not said yet. Returns how many were changed; the caller rolls back if fewer than it asked for.
    pub async fn update_planned_reminders(
        &mut self,
        practice: PracticeId,
        changed: &[PlannedReminder],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE reminders SET channel = r.channel, state = r.state, reason = r.reason, due_at_ms = r.due_at_ms, notice_id = r.notice_id
             FROM {rows} AS r
             WHERE reminders.practice_id = {practice} AND reminders.id = r.id AND reminders.state <> 'sent'",
            reminder_rows(changed),
            practice.as_uuid()
        )
    }

    /// Adds notices that wait for their time.
    pub async fn insert_planned_notices(
        &mut self,
        practice: PracticeId,
        new: &[PlannedNotice],
        now: Instant,
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "INSERT INTO notices (practice_id, id, kind, channel, contact_point_id, bix, location_id, locale, template, state,
                 due_at_ms, expires_at_ms, created_at_ms)
             SELECT $2, id, kind, channel, contact_point_id, bix, location_id, locale, template, 'planned', due_at_ms,
                 expires_at_ms, $3
             FROM {rows} AS r",
            notice_rows(new),
            practice.as_uuid(),
            now.as_ms()
        )
    }

    /// Changes notices that still wait and are in nobody's hands. Returns how many were changed; the caller rolls back if fewer
    /// than it asked for.
    pub async fn update_planned_notices(
        &mut self,
        practice: PracticeId,
        changed: &[PlannedNotice],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE notices SET channel = r.channel, contact_point_id = r.contact_point_id, bix = r.bix, location_id = r.location_id,
                 locale = r.locale, template = r.template, due_at_ms = r.due_at_ms, expires_at_ms = r.expires_at_ms
             FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state = 'planned' AND notices.attempts = 0",
            notice_rows(changed),
            practice.as_uuid()
        )
    }

    /// Takes back notices that are not frozen yet; whoever leased one finds it gone. Returns how many; the caller rolls back
    /// if fewer than it asked for.
    pub async fn cancel_unarmed_notices(
        &mut self,
        practice: PracticeId,
        notices: &[NoticeId],
        reason: SkipReason,
        now: Instant,
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE notices SET state = 'cancelled', reason = $3, final_at_ms = $4, lease_token = NULL, lease_until_ms = NULL
             FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.attempts = 0
                 AND (notices.state = 'planned' OR notices.state = 'claimed')",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid(),
            reason.as_str(),
            now.as_ms()
        )
    }
}
