//! What a person at the practice must look at ("Needs you").

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{AppointmentId, Instant, PracticeId, TaskId};
use uuid::Uuid;

/// A task to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Its id.
    pub id: TaskId,
    /// What it is about: `reply`, `urgent`, `undelivered`, `uncertain`, …
    pub kind: &'static str,
    /// The visit, if one is concerned.
    pub appointment: Option<AppointmentId>,
    /// The inbound text, request or notice it is about.
    pub subject: Option<Uuid>,
}

impl Tx {
    /// Opens a task about a line that refuses us, unless one for the same line and code is open. Returns whether it did.
    pub async fn insert_account_task(
        &mut self,
        practice: PracticeId,
        id: TaskId,
        detail: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let opened = run!(
            self,
            "INSERT INTO tasks (practice_id, id, kind, state, created_at_ms, detail) VALUES ($1, $2, 'account', 'open', $3, $4)
             ON CONFLICT (practice_id, kind, detail) WHERE state = 'open' AND detail IS NOT NULL DO NOTHING",
            practice.as_uuid(),
            id.as_uuid(),
            now.as_ms(),
            detail
        )?;
        Ok(opened == 1)
    }

    /// Opens tasks.
    pub async fn insert_tasks(
        &mut self,
        practice: PracticeId,
        now: Instant,
        tasks: &[NewTask],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("kind", Kind::Text),
            ("appointment_id", Kind::Uuid),
            ("subject_id", Kind::Uuid),
        ]);
        for task in tasks {
            rows.push()
                .uuid(task.id)
                .text(task.kind)
                .opt_uuid(task.appointment.map(AppointmentId::as_uuid))
                .opt_uuid(task.subject);
        }
        bulk!(
            self,
            "INSERT INTO tasks (practice_id, id, kind, appointment_id, subject_id, state, created_at_ms)
             SELECT $2, id, kind, appointment_id, subject_id, 'open', $3 FROM {rows} AS r",
            rows,
            practice.as_uuid(),
            now.as_ms()
        )
    }
}
