//! The birth-date guard: lifted for one patient after checking who is calling, and for the practice after an alarm.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::portal::BIRTH_DATE_ALARM;
use crate::{Flow, FlowError};
use chrono::NaiveDateTime;
use kept_domain::{AppointmentId, PracticeId, StaffId};
use kept_store::Scope;

impl Flow {
    /// Since when the practice takes no birth dates, on its clock; none while it does.
    pub async fn birth_date_alarm(&self, practice: PracticeId) -> Result<Option<NaiveDateTime>, FlowError> {
        let open = self.practice(practice).await?;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let alarm = tx.last_alarm(practice, BIRTH_DATE_ALARM).await?.filter(|alarm| alarm.lifted_at.is_none());
        Ok(alarm.map(|alarm| alarm.raised_at.local(open.practice.time_zone)))
    }

    /// Has birth dates taken again. What failed before is not counted towards the next alarm. Returns whether one stood.
    pub async fn lift_birth_date_alarm(&self, practice: PracticeId, staff: StaffId) -> Result<bool, FlowError> {
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if !tx.lift_alarm(practice, BIRTH_DATE_ALARM, Some(staff), wall).await? {
            return Ok(false);
        }
        let entry = AuditEntry::new(act::ALARM_LIFTED, Actor::Staff(staff)).word("alarm", BIRTH_DATE_ALARM);
        audit::append(&mut tx, practice, wall, &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lets a visit's patient try birth dates again: the desk has checked who is calling.
    pub async fn reset_birth_date_guard(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
    ) -> Result<(), FlowError> {
        let patient = self.visit_row(practice, visit).await?.patient;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.reset_guards(practice, patient).await?;
        let entry = AuditEntry::new(act::GUARD_RESET, Actor::Staff(staff)).id("patient", patient);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(())
    }
}
