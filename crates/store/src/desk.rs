//! What the desk does about one patient: numbers, calls, and messages that a person settles.

use crate::board::BoardRow;
use crate::dialect::Rows;
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{ContactCol, StaffCol};
use kept_domain::{
    AppointmentId, BlindIndex, Channel, ContactPointId, Instant, NoticeId, PatientId, PracticeId, Salt, Sealed, StaffId,
};
use sqlx::FromRow;
use uuid::Uuid;

/// The number or address that a visit's patient is reached at.
#[derive(Debug, Clone, FromRow)]
pub struct VisitContact {
    /// Which visit.
    #[sqlx(rename = "appointment_id", try_from = "Uuid")]
    pub appointment: AppointmentId,
    /// Whose.
    #[sqlx(rename = "patient_id", try_from = "Uuid")]
    pub patient: PatientId,
    /// Which contact point.
    #[sqlx(try_from = "Uuid")]
    pub id: ContactPointId,
    /// How messages reach it.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// The value, sealed under the patient's salt.
    #[sqlx(try_from = "Vec<u8>")]
    pub private: Sealed<ContactCol>,
    /// Bound into it.
    pub rev: i64,
    /// The patient's salt.
    #[sqlx(try_from = "Vec<u8>")]
    pub salt: Salt,
    /// Finds it by its value.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// Why it is suspended.
    pub suspended: Option<String>,
    /// Last act in the consent ledger for it.
    pub consent: Option<String>,
}

/// What the ledger says of a number or address.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ConsentLine {
    /// Of which channel.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// `granted`, `denied`, `withdrawn` or `restored`.
    pub act: String,
    /// What it rests on.
    pub basis: String,
    /// Id of the wording.
    pub wording: String,
    /// Who recorded it.
    pub staff_id: Option<Uuid>,
    /// When, civil.
    #[sqlx(rename = "at_ms", try_from = "i64")]
    pub at: Instant,
}

/// An entry of the call list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: Uuid,
    /// Which visit.
    pub appointment: AppointmentId,
    /// Who.
    pub staff: StaffId,
    /// `taken`, `left`, `confirmed`, `declined`, `message-left`, `no-reply`, `wrong-number`.
    pub act: String,
    /// When, civil.
    pub at: Instant,
}

#[derive(FromRow)]
struct CallRow {
    id: Uuid,
    appointment_id: Uuid,
    staff_id: Uuid,
    act: String,
    at_ms: i64,
}

impl Tx {
    /// The numbers and addresses in use of the patients of these visits.
    pub async fn visit_contacts(
        &mut self,
        practice: PracticeId,
        visits: &[AppointmentId],
    ) -> Result<Vec<VisitContact>, StoreError> {
        bulk_all!(
            self,
            VisitContact,
            "SELECT a.id AS appointment_id, a.patient_id, c.id, c.channel, c.private, c.rev, p.salt, c.bix, c.suspended,
                 k.act AS consent
             FROM {rows} AS r
             JOIN appointments a ON a.practice_id = {practice} AND a.id = r.id
             JOIN patients p ON p.practice_id = a.practice_id AND p.id = a.patient_id
             JOIN contact_points c ON c.practice_id = a.practice_id AND c.patient_id = a.patient_id AND c.position = 0
             LEFT JOIN consent_now k ON k.practice_id = c.practice_id AND k.bix = c.bix AND k.channel = c.channel",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid()
        )
    }

    /// One visit as the board shows it.
    pub async fn board_visit(
        &mut self,
        practice: PracticeId,
        visit: AppointmentId,
    ) -> Result<Option<BoardRow>, StoreError> {
        opt!(
            self,
            BoardRow,
            "SELECT a.id, a.patient_id, a.practitioner_id, a.location_id, a.visit_type_id, a.start_at_ms, a.status,
                 a.cancelled_by, a.answer, a.answer_via, a.answer_at_ms, a.revision, a.held, a.to_enter,
                 p.private AS patient_private, p.rev AS patient_rev, p.salt, p.has_birth_date, p.erased_at_ms IS NOT NULL AS erased
             FROM appointments a JOIN patients p ON p.practice_id = a.practice_id AND p.id = a.patient_id
             WHERE a.practice_id = $1 AND a.id = $2",
            practice.as_uuid(),
            visit.as_uuid()
        )
    }

    /// What the ledger says of some numbers and addresses, the oldest first, without the chain that holds it together.
    pub async fn consent_lines(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
    ) -> Result<Vec<ConsentLine>, StoreError> {
        bulk_all!(
            self,
            ConsentLine,
            "SELECT c.channel, c.act, c.basis, c.wording, c.staff_id, c.at_ms FROM {rows} AS r
             JOIN consents c ON c.practice_id = {practice} AND c.bix = r.bix
             ORDER BY c.seq",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid()
        )
    }

    /// Adds an entry to the call list.
    pub async fn insert_call(&mut self, practice: PracticeId, call: &Call) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO calls (practice_id, id, appointment_id, staff_id, act, at_ms) VALUES ($1, $2, $3, $4, $5, $6)",
            practice.as_uuid(),
            call.id,
            call.appointment.as_uuid(),
            call.staff.as_uuid(),
            call.act.as_str(),
            call.at.as_ms()
        )?;
        Ok(())
    }

    /// The entries about these visits, the oldest first.
    pub async fn calls_of(&mut self, practice: PracticeId, visits: &[AppointmentId]) -> Result<Vec<Call>, StoreError> {
        let rows = bulk_all!(
            self,
            CallRow,
            "SELECT c.id, c.appointment_id, c.staff_id, c.act, c.at_ms FROM {rows} AS r
             JOIN calls c ON c.practice_id = {practice} AND c.appointment_id = r.id
             ORDER BY c.at_ms, c.id",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid()
        )?;
        let call = |row: CallRow| Call {
            id: row.id,
            appointment: row.appointment_id.into(),
            staff: row.staff_id.into(),
            act: row.act,
            at: row.at_ms.into(),
        };
        Ok(rows.into_iter().map(call).collect())
    }

    /// The people with these ids, sealed under the practice's salt, with the revision bound into it; those who left too.
    pub async fn people(
        &mut self,
        practice: PracticeId,
        ids: &[StaffId],
    ) -> Result<Vec<(StaffId, Sealed<StaffCol>, i64)>, StoreError> {
        let rows = bulk_all!(
            self,
            (Uuid, Vec<u8>, i64),
            "SELECT s.id, s.private, s.rev FROM {rows} AS r JOIN staff s ON s.practice_id = {practice} AND s.id = r.id",
            Rows::of_ids("id", ids.iter().copied()),
            practice.as_uuid()
        )?;
        let person = |(id, private, rev): (Uuid, Vec<u8>, i64)| {
            let private = Sealed::try_from(private);
            let private = private.map_err(|_| StoreError::Corrupt { table: "staff", column: "private" })?;
            Ok((id.into(), private, rev))
        };
        rows.into_iter().map(person).collect()
    }

    /// A person says that a message of which nobody knew has arrived. Returns whether it was uncertain.
    pub async fn settle_uncertain(
        &mut self,
        practice: PracticeId,
        notice: NoticeId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let settled = run!(
            self,
            "UPDATE notices SET state = 'delivered', reason = 'desk', final_at_ms = $3, link_secret = NULL
             WHERE practice_id = $1 AND id = $2 AND state = 'uncertain'",
            practice.as_uuid(),
            notice.as_uuid(),
            now.as_ms()
        )?;
        Ok(settled == 1)
    }

    /// A person says that a message of which nobody knew has not arrived: it goes out again now, the same text with the same
    /// link. Returns whether it was uncertain and is still useful.
    pub async fn send_uncertain_again(
        &mut self,
        practice: PracticeId,
        notice: NoticeId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let again = run!(
            self,
            "UPDATE notices SET state = 'planned', reason = NULL, due_at_ms = $3, final_at_ms = NULL
             WHERE practice_id = $1 AND id = $2 AND state = 'uncertain' AND expires_at_ms > $3",
            practice.as_uuid(),
            notice.as_uuid(),
            now.as_ms()
        )?;
        if again == 1 {
            // A person knows better than the attempts: none of them was taken, so any line may try.
            run!(
                self,
                "UPDATE attempts SET outcome = 'retry', code = 'desk', finished_at_ms = COALESCE(finished_at_ms, armed_at_ms)
                 WHERE practice_id = $1 AND notice_id = $2 AND (outcome IS NULL OR outcome = 'unknown')",
                practice.as_uuid(),
                notice.as_uuid()
            )?;
        }
        Ok(again == 1)
    }

    /// Has planning decide anew about what a failed message said, of visits after `now`. The message that failed stays as it
    /// is, for it certainly did not arrive. Returns how many reminders that are.
    pub async fn replan_failed(
        &mut self,
        practice: PracticeId,
        notice: NoticeId,
        now: Instant,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE appointments SET plan_due = TRUE WHERE practice_id = $1 AND start_at_ms > $3 AND id IN (
                 SELECT m.appointment_id FROM reminders m JOIN notices n ON n.practice_id = $1 AND n.id = m.notice_id
                 WHERE m.practice_id = $1 AND m.notice_id = $2 AND n.state = 'failed')",
            practice.as_uuid(),
            notice.as_uuid(),
            now.as_ms()
        )?;
        run!(
            self,
            "UPDATE reminders SET state = 'skipped', reason = 'superseded', said_at_ms = NULL, notice_id = NULL
             WHERE practice_id = $1 AND notice_id = $2
                 AND notice_id IN (SELECT id FROM notices WHERE practice_id = $1 AND id = $2 AND state = 'failed')
                 AND appointment_id IN (SELECT id FROM appointments WHERE practice_id = $1 AND start_at_ms > $3)",
            practice.as_uuid(),
            notice.as_uuid(),
            now.as_ms()
        )
    }

    /// Closes the open tasks about a text, request or notice. Returns how many.
    pub async fn close_tasks_about(
        &mut self,
        practice: PracticeId,
        subject: Uuid,
        staff: StaffId,
        now: Instant,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE tasks SET state = 'done', done_at_ms = $4, done_by = $3
             WHERE practice_id = $1 AND subject_id = $2 AND state = 'open'",
            practice.as_uuid(),
            subject,
            staff.as_uuid(),
            now.as_ms()
        )
    }

    /// A number or address may be written to again. Returns how many contact points it is.
    pub async fn release_number(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        number: BlindIndex,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE contact_points SET suspended = NULL
             WHERE practice_id = $1 AND bix = $2 AND channel = $3 AND suspended IS NOT NULL AND suspended <> 'replaced'",
            practice.as_uuid(),
            number.0.as_slice(),
            channel.as_str()
        )
    }

    /// Puts a number that the patient had aside for one that the desk wrote down: a file that still names it brings it
    /// back no more. Returns whether it was there.
    pub async fn replace_contact(&mut self, practice: PracticeId, contact: ContactPointId) -> Result<bool, StoreError> {
        let replaced = run!(
            self,
            "UPDATE contact_points SET position = 1, suspended = 'replaced' WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            contact.as_uuid()
        )?;
        Ok(replaced == 1)
    }

    /// Takes a number of the patient's into use again that was put aside. Returns whether it was there.
    pub async fn use_contact(&mut self, practice: PracticeId, contact: ContactPointId) -> Result<bool, StoreError> {
        let used = run!(
            self,
            "UPDATE contact_points SET position = 0, suspended = NULL WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            contact.as_uuid()
        )?;
        Ok(used == 1)
    }

    /// Visits of a patient from an instant on, by start.
    pub async fn visits_of_patient(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        from: Instant,
    ) -> Result<Vec<AppointmentId>, StoreError> {
        let rows = all!(
            self,
            (Uuid,),
            "SELECT id FROM appointments WHERE practice_id = $1 AND patient_id = $2 AND start_at_ms >= $3
             ORDER BY start_at_ms, id",
            practice.as_uuid(),
            patient.as_uuid(),
            from.as_ms()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Visits after `now` of whoever is reached at these numbers and addresses.
    pub async fn visits_of_numbers(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
        now: Instant,
    ) -> Result<Vec<AppointmentId>, StoreError> {
        let rows = bulk_all!(
            self,
            (Uuid,),
            "SELECT DISTINCT a.id FROM {rows} AS r
             JOIN contact_points c ON c.practice_id = {practice} AND c.bix = r.bix AND c.position = 0
             JOIN appointments a ON a.practice_id = c.practice_id AND a.patient_id = c.patient_id AND a.start_at_ms > $3",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            now.as_ms()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Wrong birth dates of a patient since a day: over all links together, and at the worst link.
    pub async fn guard_failures(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        first_day: i64,
    ) -> Result<(i64, i64), StoreError> {
        one!(
            self,
            (i64, i64),
            "SELECT (SELECT CAST(COALESCE(SUM(failures), 0) AS BIGINT) FROM patient_guards
                     WHERE practice_id = $1 AND patient_id = $2 AND guard_day >= $3),
                 (SELECT CAST(COALESCE(MAX(g.failures), 0) AS BIGINT) FROM link_guards g
                  JOIN links l ON l.practice_id = g.practice_id AND l.id = g.link_id AND l.revoked_at_ms IS NULL
                  WHERE g.practice_id = $1 AND g.patient_id = $2)",
            practice.as_uuid(),
            patient.as_uuid(),
            first_day
        )
    }
}
