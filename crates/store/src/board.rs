//! The front desk's day: visits, what was sent for them, what waits for a person; and the desk's marks.

use crate::dialect::Rows;
use crate::error::StoreError;
use crate::sealed::{self, PatientCell};
use crate::tx::Tx;
use kept_domain::private::{InboundCol, PatientCol, RequestCol};
use kept_domain::{
    Answer, AppointmentId, AppointmentStatus, Instant, LocationId, NoticeState, OutcomeBy, PatientId, PracticeId,
    ReminderState, Salt, Sealed, StaffId, TaskId,
};
use sqlx::FromRow;
use uuid::Uuid;

/// A visit as the desk sees it, its patient sealed.
#[derive(Debug, Clone, FromRow)]
pub struct BoardRow {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: AppointmentId,
    /// Whose.
    #[sqlx(rename = "patient_id", try_from = "Uuid")]
    pub patient: PatientId,
    /// With whom.
    pub practitioner_id: Option<Uuid>,
    /// Where.
    #[sqlx(rename = "location_id", try_from = "Uuid")]
    pub location: LocationId,
    /// What for.
    pub visit_type_id: Option<Uuid>,
    /// When.
    #[sqlx(rename = "start_at_ms", try_from = "i64")]
    pub start_at: Instant,
    /// What the books say.
    #[sqlx(try_from = "String")]
    pub status: AppointmentStatus,
    /// Who called it off.
    pub cancelled_by: Option<String>,
    /// What the patient said.
    #[sqlx(try_from = "String")]
    pub answer: Answer,
    /// By which way.
    pub answer_via: Option<String>,
    /// When they said it, civil.
    pub answer_at_ms: Option<i64>,
    /// Revision.
    pub revision: i64,
    /// Why its reminders wait for the desk.
    pub held: Option<String>,
    /// What the desk must enter in its own system.
    pub to_enter: Option<String>,
    /// The patient, sealed.
    #[sqlx(try_from = "Vec<u8>")]
    pub patient_private: Sealed<PatientCol>,
    /// Bound into it.
    pub patient_rev: i64,
    /// The patient's salt.
    #[sqlx(try_from = "Vec<u8>")]
    pub salt: Salt,
    /// Whether the patient can identify at the portal.
    pub has_birth_date: bool,
    /// Whether the patient was erased; see [`Tx::erase_patient`].
    pub erased: bool,
}

/// What was, or was not, said about a visit.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct BoardReminder {
    /// About which.
    #[sqlx(rename = "appointment_id", try_from = "Uuid")]
    pub appointment: AppointmentId,
    /// The plan's step.
    pub step: String,
    /// Where the reminder stands.
    #[sqlx(try_from = "String")]
    pub state: ReminderState,
    /// Why it is not sent.
    pub reason: Option<String>,
    /// When it is or was due, civil.
    #[sqlx(rename = "due_at_ms", try_from = "i64")]
    pub due_at: Instant,
    /// Where its notice stands.
    pub notice_state: Option<String>,
    /// Why the notice went no further.
    pub notice_reason: Option<String>,
}

impl BoardReminder {
    /// Where its notice stands, as a state.
    pub fn notice(&self) -> Option<NoticeState> {
        self.notice_state.as_deref().and_then(|word| word.parse().ok())
    }
}

/// Something a person must look at.
#[derive(Debug, Clone, FromRow)]
pub struct OpenTask {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: TaskId,
    /// What about: `reschedule`, `reply`, `urgent`, `opt-out-ask`, `wrong-number`, `undelivered`, `uncertain`, …
    pub kind: String,
    /// Of `account`: the line and its code.
    pub detail: Option<String>,
    /// The visit concerned.
    pub appointment_id: Option<Uuid>,
    /// When it was opened.
    #[sqlx(rename = "created_at_ms", try_from = "i64")]
    pub created_at: Instant,
    /// Start of the visit.
    pub start_at_ms: Option<i64>,
    /// Where the visit is.
    pub location_id: Option<Uuid>,
    /// The patient concerned, sealed, with what opens it.
    pub patient_id: Option<Uuid>,
    /// The patient, sealed.
    pub patient_private: Option<Vec<u8>>,
    /// Bound into it.
    pub patient_rev: Option<i64>,
    /// The patient's salt.
    pub salt: Option<Vec<u8>>,
    /// The request it is about.
    pub request_id: Option<Uuid>,
    /// Its words, sealed.
    pub request_private: Option<Vec<u8>>,
    /// Bound into it.
    pub request_rev: Option<i64>,
    /// The text it is about.
    pub inbound_id: Option<Uuid>,
    /// Its words, sealed under the practice's salt.
    pub inbound_private: Option<Vec<u8>>,
    /// Bound into it.
    pub inbound_rev: Option<i64>,
}

impl OpenTask {
    /// The patient concerned.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where patient or salt are damaged.
    pub fn patient(&self) -> Result<Option<PatientCell>, StoreError> {
        sealed::patient(self.patient_id, self.patient_private.as_deref(), self.patient_rev, self.salt.as_deref())
    }

    /// What the patient asked for: which, sealed, and how often it was written.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no sealed value.
    pub fn request(&self) -> Result<Option<(Uuid, Sealed<RequestCol>, i64)>, StoreError> {
        let private = sealed::optional(self.request_private.as_deref())?;
        Ok(private.and_then(|private| Some((self.request_id?, private, self.request_rev?))))
    }

    /// What was texted: which, sealed, and how often it was written.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no sealed value.
    pub fn inbound(&self) -> Result<Option<(Uuid, Sealed<InboundCol>, i64)>, StoreError> {
        let private = sealed::optional(self.inbound_private.as_deref())?;
        Ok(private.and_then(|private| Some((self.inbound_id?, private, self.inbound_rev?))))
    }
}

/// Somebody whom a text may be from: a patient with its number.
#[derive(Debug, Clone, FromRow)]
pub struct TaskPerson {
    /// The task about the text.
    #[sqlx(try_from = "Uuid")]
    pub task: TaskId,
    /// Who.
    #[sqlx(try_from = "Uuid")]
    pub patient: PatientId,
    /// The patient, sealed.
    #[sqlx(try_from = "Vec<u8>")]
    pub private: Sealed<PatientCol>,
    /// Bound into it.
    pub rev: i64,
    /// The patient's salt.
    #[sqlx(try_from = "Vec<u8>")]
    pub salt: Salt,
}

/// Open tasks that one page shows.
pub const MAX_OPEN_TASKS: i64 = 200;
/// Patients that one page names beside tasks about no single visit.
pub const MAX_TASK_PEOPLE: i64 = 400;
/// Held and to-be-entered visits that one page shows.
pub const MAX_NEEDS: i64 = 200;

impl Tx {
    /// The visits of some local days, by start.
    pub async fn board_visits(
        &mut self,
        practice: PracticeId,
        from_day: i64,
        to_day: i64,
    ) -> Result<Vec<BoardRow>, StoreError> {
        all!(
            self,
            BoardRow,
            "SELECT a.id, a.patient_id, a.practitioner_id, a.location_id, a.visit_type_id, a.start_at_ms, a.status,
                 a.cancelled_by, a.answer, a.answer_via, a.answer_at_ms, a.revision, a.held, a.to_enter,
                 p.private AS patient_private, p.rev AS patient_rev, p.salt, p.has_birth_date, p.erased_at_ms IS NOT NULL AS erased
             FROM appointments a JOIN patients p ON p.practice_id = a.practice_id AND p.id = a.patient_id
             WHERE a.practice_id = $1 AND a.local_day BETWEEN $2 AND $3 AND a.status <> 'entered-in-error'
             ORDER BY a.start_at_ms, a.id",
            practice.as_uuid(),
            from_day,
            to_day
        )
    }

    /// Everything said or not said about the visits of some local days, by due time.
    pub async fn board_reminders(
        &mut self,
        practice: PracticeId,
        from_day: i64,
        to_day: i64,
    ) -> Result<Vec<BoardReminder>, StoreError> {
        all!(
            self,
            BoardReminder,
            "SELECT m.appointment_id, m.step, m.state, m.reason, m.due_at_ms, n.state AS notice_state, n.reason AS notice_reason
             FROM appointments a
             JOIN reminders m ON m.practice_id = a.practice_id AND m.appointment_id = a.id
             LEFT JOIN notices n ON n.practice_id = m.practice_id AND n.id = m.notice_id
             WHERE a.practice_id = $1 AND a.local_day BETWEEN $2 AND $3 AND m.state <> 'superseded'
             ORDER BY m.due_at_ms, m.id",
            practice.as_uuid(),
            from_day,
            to_day
        )
    }

    /// Visits whose reminders are held, or that the desk must enter in its own system; by start, [`MAX_NEEDS`] at most.
    pub async fn needs_visits(&mut self, practice: PracticeId, since: Instant) -> Result<Vec<BoardRow>, StoreError> {
        all!(
            self,
            BoardRow,
            "SELECT a.id, a.patient_id, a.practitioner_id, a.location_id, a.visit_type_id, a.start_at_ms, a.status,
                 a.cancelled_by, a.answer, a.answer_via, a.answer_at_ms, a.revision, a.held, a.to_enter,
                 p.private AS patient_private, p.rev AS patient_rev, p.salt, p.has_birth_date, p.erased_at_ms IS NOT NULL AS erased
             FROM appointments a JOIN patients p ON p.practice_id = a.practice_id AND p.id = a.patient_id
             WHERE a.practice_id = $1 AND a.start_at_ms >= $2 AND (a.held IS NOT NULL OR a.to_enter IS NOT NULL)
             ORDER BY a.start_at_ms, a.id LIMIT $3",
            practice.as_uuid(),
            since.as_ms(),
            MAX_NEEDS
        )
    }

    /// Open tasks, the oldest first, [`MAX_OPEN_TASKS`] at most.
    pub async fn open_tasks(&mut self, practice: PracticeId) -> Result<Vec<OpenTask>, StoreError> {
        all!(
            self,
            OpenTask,
            "SELECT t.id, t.kind, t.detail, t.appointment_id, t.created_at_ms, a.start_at_ms, a.location_id, p.id AS patient_id,
                 p.private AS patient_private, p.rev AS patient_rev, p.salt, q.id AS request_id,
                 q.private AS request_private, q.rev AS request_rev, i.id AS inbound_id, i.private AS inbound_private,
                 i.rev AS inbound_rev
             FROM tasks t
             LEFT JOIN appointments a ON a.practice_id = t.practice_id AND a.id = t.appointment_id
             LEFT JOIN patients p ON p.practice_id = a.practice_id AND p.id = a.patient_id
             LEFT JOIN requests q ON q.practice_id = t.practice_id AND q.id = t.subject_id
             LEFT JOIN inbound i ON i.practice_id = t.practice_id AND i.id = t.subject_id
             WHERE t.practice_id = $1 AND t.state = 'open' ORDER BY t.created_at_ms, t.id LIMIT $2",
            practice.as_uuid(),
            MAX_OPEN_TASKS
        )
    }

    /// Who has the numbers of the texts that open tasks are about, where no visit says whose they are; by task,
    /// [`MAX_TASK_PEOPLE`] at most.
    pub async fn task_people(&mut self, practice: PracticeId) -> Result<Vec<TaskPerson>, StoreError> {
        all!(
            self,
            TaskPerson,
            "SELECT t.id AS task, p.id AS patient, p.private, p.rev, p.salt
             FROM tasks t
             JOIN inbound i ON i.practice_id = t.practice_id AND i.id = t.subject_id
             JOIN contact_points c ON c.practice_id = i.practice_id AND c.bix = i.bix
             JOIN patients p ON p.practice_id = c.practice_id AND p.id = c.patient_id
             WHERE t.practice_id = $1 AND t.state = 'open' AND t.appointment_id IS NULL
             ORDER BY t.created_at_ms, t.id, p.id LIMIT $2",
            practice.as_uuid(),
            MAX_TASK_PEOPLE
        )
    }

    /// Closes a task, and the request it is about. Returns whether it was open.
    pub async fn close_task(
        &mut self,
        practice: PracticeId,
        task: TaskId,
        staff: StaffId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        run!(
            self,
            "UPDATE requests SET state = 'done' WHERE practice_id = $1 AND state = 'open'
                 AND id IN (SELECT subject_id FROM tasks WHERE practice_id = $1 AND id = $2 AND state = 'open')",
            practice.as_uuid(),
            task.as_uuid()
        )?;
        let closed = run!(
            self,
            "UPDATE tasks SET state = 'done', done_at_ms = $4, done_by = $3 WHERE practice_id = $1 AND id = $2 AND state = 'open'",
            practice.as_uuid(),
            task.as_uuid(),
            staff.as_uuid(),
            now.as_ms()
        )?;
        Ok(closed == 1)
    }

    /// Sets what became of visits, lets go of what was held, and has planning look again. Returns those that changed.
    ///
    /// `booked` undoes a cancellation as a whole: the patient's refusal no longer stands (it stays among their answers), and
    /// the desk has nothing to enter of it.
    pub async fn set_statuses(
        &mut self,
        practice: PracticeId,
        visits: &[AppointmentId],
        status: AppointmentStatus,
        by: OutcomeBy,
        now: Instant,
    ) -> Result<Vec<AppointmentId>, StoreError> {
        let changed = bulk_all!(
            self,
            (Uuid,),
            "UPDATE appointments SET status = $3, status_at_ms = $5, outcome_by = $4, held = NULL, plan_due = TRUE,
                 cancelled_by = CASE WHEN $3 = 'cancelled' THEN 'practice' ELSE NULL END,
                 to_enter = CASE WHEN $3 = 'booked' AND to_enter = 'cancelled' THEN NULL ELSE to_enter END,
                 answer = CASE WHEN $3 = 'booked' AND answer = 'declined' THEN 'needs-action' ELSE answer END,
                 answer_via = CASE WHEN $3 = 'booked' AND answer = 'declined' THEN NULL ELSE answer_via END,
                 answer_at_ms = CASE WHEN $3 = 'booked' AND answer = 'declined' THEN NULL ELSE answer_at_ms END
             FROM {rows} AS r
             WHERE appointments.practice_id = {practice} AND appointments.id = r.id AND appointments.status <> $3
             RETURNING appointments.id",
            Rows::of_ids("id", visits.iter().copied()),
            practice.as_uuid(),
            status.as_str(),
            by.as_str(),
            now.as_ms()
        )?;
        Ok(changed.into_iter().map(|(id,)| id.into()).collect())
    }

    /// The visits of a day that are in the building: "close day" counts them as kept.
    pub async fn arrived_visits(
        &mut self,
        practice: PracticeId,
        local_day: i64,
    ) -> Result<Vec<AppointmentId>, StoreError> {
        let rows = all!(
            self,
            (Uuid,),
            "SELECT id FROM appointments WHERE practice_id = $1 AND local_day = $2 AND status IN ('arrived', 'checked-in')
             ORDER BY id",
            practice.as_uuid(),
            local_day
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Lets the reminders of a held visit go on.
    pub async fn keep_held(&mut self, practice: PracticeId, visit: AppointmentId) -> Result<bool, StoreError> {
        let kept = run!(
            self,
            "UPDATE appointments SET held = NULL, plan_due = TRUE WHERE practice_id = $1 AND id = $2 AND held IS NOT NULL",
            practice.as_uuid(),
            visit.as_uuid()
        )?;
        Ok(kept == 1)
    }

    /// The desk has entered the change in its own system.
    pub async fn note_entered(&mut self, practice: PracticeId, visit: AppointmentId) -> Result<bool, StoreError> {
        let noted = run!(
            self,
            "UPDATE appointments SET to_enter = NULL WHERE practice_id = $1 AND id = $2 AND to_enter IS NOT NULL",
            practice.as_uuid(),
            visit.as_uuid()
        )?;
        Ok(noted == 1)
    }
}
