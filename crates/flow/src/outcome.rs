//! What the desk marks: who came, who did not, what became of a held visit, what was entered elsewhere.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError};
use kept_domain::{AppointmentId, AppointmentStatus, OutcomeBy, PracticeId, StaffId, TaskId};
use kept_store::Scope;

/// Statuses that the desk may set by hand; `booked` is the undo.
pub const DESK_STATUSES: [AppointmentStatus; 5] = [
    AppointmentStatus::Booked,
    AppointmentStatus::Arrived,
    AppointmentStatus::Fulfilled,
    AppointmentStatus::Noshow,
    AppointmentStatus::Cancelled,
];

impl Flow {
    /// Sets what became of a visit. Returns whether anything changed.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] for a status outside [`DESK_STATUSES`].
    pub async fn mark_outcome(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
        status: AppointmentStatus,
    ) -> Result<bool, FlowError> {
        if !DESK_STATUSES.contains(&status) {
            return Err(FlowError::NotFound { what: "mark for a visit" });
        }
        let changed = self.mark_all(practice, staff, &[visit], status, OutcomeBy::Desk).await?;
        Ok(changed == 1)
    }

    /// Ends a day: whoever is in the building counts as kept. Returns how many visits that were.
    pub async fn close_day(&self, practice: PracticeId, staff: StaffId, local_day: i64) -> Result<usize, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let arrived = tx.arrived_visits(practice, local_day).await?;
        drop(tx);
        self.mark_all(practice, staff, &arrived, AppointmentStatus::Fulfilled, OutcomeBy::CloseDay).await
    }

    /// Marks many visits alike, as the demo's made-up desk does at the end of a day.
    pub async fn mark_all(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visits: &[AppointmentId],
        status: AppointmentStatus,
        by: OutcomeBy,
    ) -> Result<usize, FlowError> {
        if visits.is_empty() {
            return Ok(0);
        }
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let changed = tx.set_statuses(practice, visits, status, by, self.clock.civil()).await?;
        if changed.is_empty() {
            return Ok(0);
        }
        tx.mark_appointments_dirty(practice, changed.iter().copied()).await?;
        let entries: Vec<AuditEntry> = changed
            .iter()
            .map(|visit| {
                AuditEntry::new(act::OUTCOME_MARKED, Actor::Staff(staff))
                    .id("appointment", *visit)
                    .word("status", status.as_str())
                    .word("by", by.as_str())
            })
            .collect();
        audit::append(&mut tx, practice, self.clock.wall(), &entries).await?;
        tx.commit().await?;
        Ok(changed.len())
    }

    /// Decides about a held visit: it takes place as it stands, so its reminders go on.
    pub async fn keep_held(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
    ) -> Result<bool, FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if !tx.keep_held(practice, visit).await? {
            return Ok(false);
        }
        let entry = AuditEntry::new(act::HELD_KEPT, Actor::Staff(staff)).id("appointment", visit);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The desk has entered a patient's change in its own system.
    pub async fn note_entered(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
    ) -> Result<bool, FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if !tx.note_entered(practice, visit).await? {
            return Ok(false);
        }
        let entry = AuditEntry::new(act::CHANGE_ENTERED, Actor::Staff(staff)).id("appointment", visit);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Somebody has looked after a task.
    pub async fn close_task(&self, practice: PracticeId, staff: StaffId, task: TaskId) -> Result<bool, FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if !tx.close_task(practice, task, staff, self.clock.wall()).await? {
            return Ok(false);
        }
        let entry = AuditEntry::new(act::TASK_DONE, Actor::Staff(staff)).id("task", task);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }
}
