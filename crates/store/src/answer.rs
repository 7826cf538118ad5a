//! What a patient answered or asked for, and what it changes at the visit.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{AnswerCol, RequestCol};
use kept_domain::{
    Answer, AnswerId, AnswerVia, AppointmentId, AppointmentStatus, Instant, LinkId, PatientId, PracticeId, RequestId,
    Salt, Sealed, StaffId, TaskId,
};
use uuid::Uuid;

/// A visit as an answer finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTarget {
    /// Whose visit.
    pub patient: PatientId,
    /// The patient's salt.
    pub salt: Salt,
    /// Revision now.
    pub revision: i64,
    /// What the practice's books say.
    pub status: AppointmentStatus,
    /// Start.
    pub start_at: Instant,
    /// Day of the start at the location, since 1970-01-01.
    pub local_day: i64,
    /// What the patient said last.
    pub answer: Answer,
}

#[derive(sqlx::FromRow)]
struct TargetRow {
    patient_id: Uuid,
    salt: Vec<u8>,
    revision: i64,
    status: String,
    start_at_ms: i64,
    local_day: i64,
    answer: String,
}

/// An answer to store.
#[derive(Debug, Clone)]
pub struct NewAnswer {
    /// Its id.
    pub id: AnswerId,
    /// To which visit.
    pub appointment: AppointmentId,
    /// Revision of the visit that was answered.
    pub revision: i64,
    /// What was said.
    pub answer: Answer,
    /// How it reached us.
    pub via: AnswerVia,
    /// Through which link.
    pub link: Option<LinkId>,
    /// By whom at the desk.
    pub staff: Option<StaffId>,
    /// Words, sealed with `rev` 1.
    pub private: Option<Sealed<AnswerCol>>,
    /// Civil time.
    pub at: Instant,
}

/// A request in words to store.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Its id.
    pub id: RequestId,
    /// About which visit.
    pub appointment: AppointmentId,
    /// Whose.
    pub patient: PatientId,
    /// Words, sealed with `rev` 1.
    pub private: Sealed<RequestCol>,
    /// Civil time.
    pub at: Instant,
}

impl Tx {
    /// The salt of a patient's rows.
    pub async fn patient_salt(&mut self, practice: PracticeId, patient: PatientId) -> Result<Option<Salt>, StoreError> {
        let row = opt!(
            self,
            (Vec<u8>,),
            "SELECT salt FROM patients WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            patient.as_uuid()
        )?;
        row.map(|(salt,)| Salt::try_from(salt).map_err(|_| StoreError::Corrupt { table: "patients", column: "salt" }))
            .transpose()
    }

    /// A visit and its patient's salt, to seal an answer's words with before the transaction that writes them.
    pub async fn answer_target(
        &mut self,
        practice: PracticeId,
        appointment: AppointmentId,
    ) -> Result<Option<AnswerTarget>, StoreError> {
        let row = opt!(
            self,
            TargetRow,
            "SELECT a.patient_id, p.salt, a.revision, a.status, a.start_at_ms, a.local_day, a.answer
             FROM appointments a JOIN patients p ON p.practice_id = a.practice_id AND p.id = a.patient_id
             WHERE a.practice_id = $1 AND a.id = $2",
            practice.as_uuid(),
            appointment.as_uuid()
        )?;
        row.map(AnswerTarget::try_from).transpose()
    }

    /// As [`Tx::answer_target`], and holds the visit until the end of the transaction.
    pub async fn lock_answer_target(
        &mut self,
        practice: PracticeId,
        appointment: AppointmentId,
    ) -> Result<Option<AnswerTarget>, StoreError> {
        // The lock is its own statement: a join would lock the patient too.
        opt!(
            self,
            (Uuid,),
            "SELECT id FROM appointments WHERE practice_id = $1 AND id = $2 {wait_lock}",
            practice.as_uuid(),
            appointment.as_uuid()
        )?;
        self.answer_target(practice, appointment).await
    }

    /// Stores an answer and makes it the visit's last word; its reminders will be looked at again.
    pub async fn insert_answer(&mut self, practice: PracticeId, answer: &NewAnswer) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO answers (practice_id, id, appointment_id, revision, answer, via, link_id, staff_id, private, at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            practice.as_uuid(),
            answer.id.as_uuid(),
            answer.appointment.as_uuid(),
            answer.revision,
            answer.answer.as_str(),
            answer.via.as_str(),
            answer.link.map(LinkId::as_uuid),
            answer.staff.map(StaffId::as_uuid),
            answer.private.as_ref().map(|sealed| sealed.as_ciphertext().to_vec()),
            answer.at.as_ms()
        )?;
        let changed = run!(
            self,
            "UPDATE appointments SET answer = $3, answer_via = $4, answer_at_ms = $5, plan_due = TRUE
             WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            answer.appointment.as_uuid(),
            answer.answer.as_str(),
            answer.via.as_str(),
            answer.at.as_ms()
        )?;
        if changed == 0 {
            return Err(StoreError::Missing { table: "appointments", row: answer.appointment.to_string() });
        }
        Ok(())
    }

    /// Calls a visit off for its patient; the desk must enter it in its own system.
    pub async fn cancel_for_patient(
        &mut self,
        practice: PracticeId,
        appointment: AppointmentId,
        at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE appointments
             SET status = 'cancelled', status_at_ms = $3, cancelled_by = 'patient', to_enter = 'cancelled', plan_due = TRUE
             WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            appointment.as_uuid(),
            at.as_ms()
        )?;
        Ok(())
    }

    /// Stores a request for another time.
    pub async fn insert_request(&mut self, practice: PracticeId, request: &NewRequest) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO requests (practice_id, id, appointment_id, patient_id, kind, private, rev, state, at_ms)
             VALUES ($1, $2, $3, $4, 'another-time', $5, 1, 'open', $6)",
            practice.as_uuid(),
            request.id.as_uuid(),
            request.appointment.as_uuid(),
            request.patient.as_uuid(),
            request.private.as_ciphertext(),
            request.at.as_ms()
        )?;
        Ok(())
    }

    /// Withdraws a visit's open requests and closes their tasks: the patient said something else since.
    pub async fn withdraw_requests(
        &mut self,
        practice: PracticeId,
        appointment: AppointmentId,
        at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE tasks SET state = 'done', done_at_ms = $3
             WHERE practice_id = $1 AND appointment_id = $2 AND kind = 'reschedule' AND state = 'open'",
            practice.as_uuid(),
            appointment.as_uuid(),
            at.as_ms()
        )?;
        run!(
            self,
            "UPDATE requests SET state = 'withdrawn' WHERE practice_id = $1 AND appointment_id = $2 AND state = 'open'",
            practice.as_uuid(),
            appointment.as_uuid()
        )?;
        Ok(())
    }

    /// Opens a task "reschedule" about a request.
    pub async fn insert_reschedule_task(
        &mut self,
        practice: PracticeId,
        task: TaskId,
        appointment: AppointmentId,
        request: RequestId,
        at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO tasks (practice_id, id, kind, appointment_id, subject_id, state, created_at_ms)
             VALUES ($1, $2, 'reschedule', $3, $4, 'open', $5)",
            practice.as_uuid(),
            task.as_uuid(),
            appointment.as_uuid(),
            request.as_uuid(),
            at.as_ms()
        )?;
        Ok(())
    }
}

impl TryFrom<TargetRow> for AnswerTarget {
    type Error = StoreError;

    fn try_from(row: TargetRow) -> Result<Self, StoreError> {
        let corrupt = |table, column| StoreError::Corrupt { table, column };
        Ok(Self {
            patient: row.patient_id.into(),
            salt: Salt::try_from(row.salt).map_err(|_| corrupt("patients", "salt"))?,
            revision: row.revision,
            status: row.status.parse().map_err(|_| corrupt("appointments", "status"))?,
            start_at: Instant::from_ms(row.start_at_ms),
            local_day: row.local_day,
            answer: row.answer.parse().map_err(|_| corrupt("appointments", "answer"))?,
        })
    }
}
