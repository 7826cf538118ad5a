//! Visits as calendars bring and change them.

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{AppointmentCol, SaidCol};
use kept_domain::{
    Answer, AppointmentId, AppointmentStatus, BlindIndex, Instant, LocationId, OutcomeBy, PatientId, PracticeId,
    PractitionerId, Salt, Sealed, SourceId, VisitTypeId,
};
use uuid::Uuid;

/// A visit as it stands, with what its source said last.
#[derive(Debug, Clone)]
pub struct KnownVisit {
    /// Key of the source's row.
    pub key_bix: BlindIndex,
    /// Id of the source's row, which `said` is bound to.
    pub row: Uuid,
    /// Revision of the source's row.
    pub row_rev: i64,
    /// What the source said last.
    pub said: Sealed<SaidCol>,
    /// Whether the row was missing from the last file that should have had it.
    pub vanished: bool,
    /// Which visit.
    pub id: AppointmentId,
    /// Whose.
    pub patient: PatientId,
    /// Salt of the patient's rows.
    pub patient_salt: Salt,
    /// With whom.
    pub practitioner: Option<PractitionerId>,
    /// Where.
    pub location: LocationId,
    /// What for.
    pub visit_type: Option<VisitTypeId>,
    /// Start.
    pub start: Instant,
    /// End, if known.
    pub end: Option<Instant>,
    /// Local day of the start.
    pub local_day: i64,
    /// When it was made, if known.
    pub booked_at: Option<Instant>,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Since when.
    pub status_at: Instant,
    /// Who said what became of it.
    pub outcome_by: Option<OutcomeBy>,
    /// What the patient answered.
    pub answer: Answer,
    /// Who called it off: `patient`, `practice` or `source`.
    pub cancelled_by: Option<String>,
    /// Changes of start or location so far, plus one.
    pub revision: i64,
    /// Changes of practitioner so far, plus one.
    pub practitioner_revision: i64,
    /// External id and what to bring.
    pub private: Sealed<AppointmentCol>,
    /// Revision that is sealed under.
    pub rev: i64,
    /// Why its reminders wait for the desk.
    pub held: Option<String>,
    /// What the desk must enter in its own system.
    pub to_enter: Option<String>,
    /// A notice of a change that is owed.
    pub change_notice: Option<String>,
}

/// A visit seen for the first time: revision 1, no answer, to be planned.
#[derive(Debug)]
pub struct NewVisit {
    /// Which.
    pub id: AppointmentId,
    /// Whose.
    pub patient: PatientId,
    /// With whom.
    pub practitioner: Option<PractitionerId>,
    /// Where.
    pub location: LocationId,
    /// What for.
    pub visit_type: Option<VisitTypeId>,
    /// Start.
    pub start: Instant,
    /// End, if known.
    pub end: Option<Instant>,
    /// Local day of the start.
    pub local_day: i64,
    /// When it was made, if known.
    pub booked_at: Option<Instant>,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// Since when.
    pub status_at: Instant,
    /// Who said what became of it.
    pub outcome_by: Option<OutcomeBy>,
    /// Who called it off.
    pub cancelled_by: Option<&'static str>,
    /// External id and what to bring, sealed under revision 1.
    pub private: Sealed<AppointmentCol>,
}

/// A visit after a change, whole; it is to be planned again.
#[derive(Debug)]
pub struct ChangedVisit {
    /// How it is now. `rev` is the revision that `private` is sealed under now.
    pub now: KnownVisit,
    /// `rev` when it was read.
    pub was_rev: i64,
    /// Status when it was read: the change is only written if it still is.
    pub was_status: AppointmentStatus,
    /// Answer when it was read: the change is only written if it still is.
    pub was_answer: Answer,
    /// Revision when it was read: the change is only written if it still is.
    pub was_revision: i64,
    /// Why its reminders waited when it was read: the change is only written if they still do.
    pub was_held: Option<String>,
    /// What the desk was to enter when it was read: the change is only written if it still is.
    pub was_to_enter: Option<String>,
}

#[derive(sqlx::FromRow)]
struct VisitRow {
    #[sqlx(try_from = "Vec<u8>")]
    key_bix: BlindIndex,
    row: Uuid,
    row_rev: i64,
    #[sqlx(try_from = "Vec<u8>")]
    said: Sealed<SaidCol>,
    vanished: bool,
    #[sqlx(try_from = "Uuid")]
    id: AppointmentId,
    #[sqlx(try_from = "Uuid")]
    patient_id: PatientId,
    #[sqlx(try_from = "Vec<u8>")]
    salt: Salt,
    practitioner_id: Option<Uuid>,
    #[sqlx(try_from = "Uuid")]
    location_id: LocationId,
    visit_type_id: Option<Uuid>,
    start_at_ms: i64,
    end_at_ms: Option<i64>,
    local_day: i64,
    booked_at_ms: Option<i64>,
    #[sqlx(try_from = "String")]
    status: AppointmentStatus,
    status_at_ms: i64,
    outcome_by: Option<String>,
    #[sqlx(try_from = "String")]
    answer: Answer,
    cancelled_by: Option<String>,
    revision: i64,
    practitioner_revision: i64,
    #[sqlx(try_from = "Vec<u8>")]
    private: Sealed<AppointmentCol>,
    rev: i64,
    held: Option<String>,
    to_enter: Option<String>,
    change_notice: Option<String>,
}

impl TryFrom<VisitRow> for KnownVisit {
    type Error = StoreError;
    fn try_from(row: VisitRow) -> Result<Self, StoreError> {
        let outcome_by = row.outcome_by.as_deref().map(str::parse).transpose();
        Ok(Self {
            key_bix: row.key_bix,
            row: row.row,
            row_rev: row.row_rev,
            said: row.said,
            vanished: row.vanished,
            id: row.id,
            patient: row.patient_id,
            patient_salt: row.salt,
            practitioner: row.practitioner_id.map(Into::into),
            location: row.location_id,
            visit_type: row.visit_type_id.map(Into::into),
            start: row.start_at_ms.into(),
            end: row.end_at_ms.map(Into::into),
            local_day: row.local_day,
            booked_at: row.booked_at_ms.map(Into::into),
            status: row.status,
            status_at: row.status_at_ms.into(),
            outcome_by: outcome_by.map_err(|_| StoreError::Corrupt { table: "appointments", column: "outcome_by" })?,
            answer: row.answer,
            cancelled_by: row.cancelled_by,
            revision: row.revision,
            practitioner_revision: row.practitioner_revision,
            private: row.private,
            rev: row.rev,
            held: row.held,
            to_enter: row.to_enter,
            change_notice: row.change_notice,
        })
    }
}

impl Tx {
    /// The visits behind these rows of a source, with what the rows said last.
    pub async fn visits_of_rows(
        &mut self,
        practice: PracticeId,
        source: SourceId,
        keys: &[BlindIndex],
    ) -> Result<Vec<KnownVisit>, StoreError> {
        let rows = bulk_all!(
            self,
            VisitRow,
            "SELECT s.key_bix, s.id AS row, s.rev AS row_rev, s.said, s.vanished_at_ms IS NOT NULL AS vanished,
                 a.id, a.patient_id, p.salt, a.practitioner_id, a.location_id, a.visit_type_id, a.start_at_ms, a.end_at_ms,
                 a.local_day, a.booked_at_ms, a.status, a.status_at_ms, a.outcome_by, a.answer, a.cancelled_by, a.revision,
                 a.practitioner_revision, a.private, a.rev, a.held, a.to_enter, a.change_notice
             FROM {rows} AS r
             JOIN source_rows AS s ON s.practice_id = {practice} AND s.source_id = $3 AND s.key_bix = r.key_bix
             JOIN appointments AS a ON a.practice_id = s.practice_id AND a.id = s.appointment_id
             JOIN patients AS p ON p.practice_id = a.practice_id AND p.id = a.patient_id",
            Rows::of_bytes("key_bix", keys.iter().map(|key| key.0)),
            practice.as_uuid(),
            source.as_uuid()
        )?;
        rows.into_iter().map(KnownVisit::try_from).collect()
    }

    /// Adds visits. Returns how many were added.
    pub async fn insert_visits(
        &mut self,
        practice: PracticeId,
        source: SourceId,
        new: &[NewVisit],
        now: Instant,
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("patient_id", Kind::Uuid),
            ("practitioner_id", Kind::Uuid),
            ("location_id", Kind::Uuid),
            ("visit_type_id", Kind::Uuid),
            ("start_at_ms", Kind::Int),
            ("end_at_ms", Kind::Int),
            ("local_day", Kind::Int),
            ("booked_at_ms", Kind::Int),
            ("status", Kind::Text),
            ("status_at_ms", Kind::Int),
            ("outcome_by", Kind::Text),
            ("cancelled_by", Kind::Text),
            ("private", Kind::Bytes),
        ]);
        for visit in new {
            rows.push()
                .uuid(visit.id)
                .uuid(visit.patient)
                .opt_uuid(visit.practitioner.map(PractitionerId::as_uuid))
                .uuid(visit.location)
                .opt_uuid(visit.visit_type.map(VisitTypeId::as_uuid))
                .int(visit.start.as_ms())
                .opt_int(visit.end.map(Instant::as_ms))
                .int(visit.local_day)
                .opt_int(visit.booked_at.map(Instant::as_ms))
                .text(visit.status.as_str())
                .int(visit.status_at.as_ms())
                .opt_text(visit.outcome_by.map(OutcomeBy::as_str))
                .opt_text(visit.cancelled_by)
                .bytes(visit.private.as_ciphertext());
        }
        bulk!(
            self,
            "INSERT INTO appointments (practice_id, id, patient_id, practitioner_id, location_id, visit_type_id, start_at_ms,
                 end_at_ms, local_day, booked_at_ms, known_at_ms, status, status_at_ms, outcome_by, cancelled_by, source_id,
                 private, rev, plan_due)
             SELECT $2, id, patient_id, practitioner_id, location_id, visit_type_id, start_at_ms, end_at_ms, local_day,
                 booked_at_ms, $4, status, status_at_ms, outcome_by, cancelled_by, $3, private, 1, TRUE
             FROM {rows} AS r",
            rows,
            practice.as_uuid(),
            source.as_uuid(),
            now.as_ms()
        )
    }

    /// Writes changed visits, where what patients and desk change beside an import still is what was read. Returns how many were
    /// written.
    pub async fn update_visits(&mut self, practice: PracticeId, changed: &[ChangedVisit]) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("was_rev", Kind::Int),
            ("was_status", Kind::Text),
            ("was_answer", Kind::Text),
            ("was_revision", Kind::Int),
            ("was_held", Kind::Text),
            ("was_to_enter", Kind::Text),
            ("patient_id", Kind::Uuid),
            ("practitioner_id", Kind::Uuid),
            ("location_id", Kind::Uuid),
            ("visit_type_id", Kind::Uuid),
            ("start_at_ms", Kind::Int),
            ("end_at_ms", Kind::Int),
            ("local_day", Kind::Int),
            ("booked_at_ms", Kind::Int),
            ("status", Kind::Text),
            ("status_at_ms", Kind::Int),
            ("outcome_by", Kind::Text),
            ("answer", Kind::Text),
            ("cancelled_by", Kind::Text),
            ("revision", Kind::Int),
            ("practitioner_revision", Kind::Int),
            ("private", Kind::Bytes),
            ("rev", Kind::Int),
            ("held", Kind::Text),
            ("to_enter", Kind::Text),
            ("change_notice", Kind::Text),
        ]);
        // In their order, as whoever else locks several visits.
        let mut changed: Vec<&ChangedVisit> = changed.iter().collect();
        changed.sort_unstable_by_key(|visit| visit.now.id);
        for ChangedVisit { now, was_rev, was_status, was_answer, was_revision, was_held, was_to_enter } in changed {
            rows.push()
                .uuid(now.id)
                .int(*was_rev)
                .text(was_status.as_str())
                .text(was_answer.as_str())
                .int(*was_revision)
                .opt_text(was_held.as_deref())
                .opt_text(was_to_enter.as_deref())
                .uuid(now.patient)
                .opt_uuid(now.practitioner.map(PractitionerId::as_uuid))
                .uuid(now.location)
                .opt_uuid(now.visit_type.map(VisitTypeId::as_uuid))
                .int(now.start.as_ms())
                .opt_int(now.end.map(Instant::as_ms))
                .int(now.local_day)
                .opt_int(now.booked_at.map(Instant::as_ms))
                .text(now.status.as_str())
                .int(now.status_at.as_ms())
                .opt_text(now.outcome_by.map(OutcomeBy::as_str))
                .text(now.answer.as_str())
                .opt_text(now.cancelled_by.as_deref())
                .int(now.revision)
                .int(now.practitioner_revision)
                .bytes(now.private.as_ciphertext())
                .int(now.rev)
                .opt_text(now.held.as_deref())
                .opt_text(now.to_enter.as_deref())
                .opt_text(now.change_notice.as_deref());
        }
        bulk!(
            self,
            "UPDATE appointments SET patient_id = r.patient_id, practitioner_id = r.practitioner_id,
                 location_id = r.location_id, visit_type_id = r.visit_type_id, start_at_ms = r.start_at_ms,
                 end_at_ms = r.end_at_ms, local_day = r.local_day, booked_at_ms = r.booked_at_ms, status = r.status,
                 status_at_ms = r.status_at_ms, outcome_by = r.outcome_by, answer = r.answer,
                 answer_via = CASE WHEN r.answer = 'needs-action' THEN NULL ELSE appointments.answer_via END,
                 answer_at_ms = CASE WHEN r.answer = 'needs-action' THEN NULL ELSE appointments.answer_at_ms END,
                 cancelled_by = r.cancelled_by, revision = r.revision, practitioner_revision = r.practitioner_revision,
                 private = r.private, rev = r.rev, held = r.held, to_enter = r.to_enter,
                 change_notice = r.change_notice, plan_due = TRUE
             FROM {rows} AS r WHERE appointments.practice_id = {practice} AND appointments.id = r.id
                 AND appointments.rev = r.was_rev AND appointments.status = r.was_status
                 AND appointments.answer = r.was_answer AND appointments.revision = r.was_revision
                 AND appointments.held IS NOT DISTINCT FROM r.was_held
                 AND appointments.to_enter IS NOT DISTINCT FROM r.was_to_enter",
            rows,
            practice.as_uuid()
        )
    }

    /// Holds the reminders of visits whose rows vanished until the desk chooses; a visit that is held already stays so.
    pub async fn hold_visits(&mut self, practice: PracticeId, visits: &[AppointmentId]) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE appointments SET held = 'vanished', plan_due = TRUE FROM {rows} AS r
             WHERE appointments.practice_id = {practice} AND appointments.id = r.id AND appointments.held IS NULL
                 AND appointments.status IN ('proposed', 'pending', 'booked')",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Cancels visits that a complete source no longer has.
    pub async fn cancel_visits(
        &mut self,
        practice: PracticeId,
        visits: &[AppointmentId],
        now: Instant,
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE appointments SET status = 'cancelled', status_at_ms = $3, cancelled_by = 'source', outcome_by = 'import',
                 plan_due = TRUE
             FROM {rows} AS r WHERE appointments.practice_id = {practice} AND appointments.id = r.id
                 AND appointments.status IN ('proposed', 'pending', 'booked')",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid(),
            now.as_ms()
        )
    }

    /// A source no longer has visits that are cancelled here: there is nothing left to enter in it, nor to decide.
    pub async fn settle_cancelled(
        &mut self,
        practice: PracticeId,
        visits: &[AppointmentId],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE appointments SET to_enter = CASE WHEN appointments.to_enter = 'cancelled' THEN NULL ELSE appointments.to_enter END,
                 held = CASE WHEN appointments.held = 'conflict' THEN NULL ELSE appointments.held END
             FROM {rows} AS r
             WHERE appointments.practice_id = {practice} AND appointments.id = r.id AND appointments.status = 'cancelled'
                 AND (appointments.to_enter = 'cancelled' OR appointments.held = 'conflict')",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Marks visits of the patients behind these numbers to be planned again, from an instant on.
    pub async fn replan_numbers(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
        from: Instant,
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE appointments SET plan_due = TRUE WHERE start_at_ms >= $3 AND (practice_id, patient_id) IN (
                 SELECT c.practice_id, c.patient_id FROM {rows} AS r JOIN contact_points AS c ON c.practice_id = {practice} AND c.bix = r.bix)",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            from.as_ms()
        )
    }
}
