//! Planning: visits that changed become reminders, and reminders of one day and one number become a notice.
//!
//! A batch is one short transaction: take marked visits, add all visits of the same numbers (caps and joins are a
//! number's, not a visit's), decide with the pure rules, write the difference. No key is needed: times, zones and
//! blind indexes are in clear. Nothing is rendered here; dispatch asks only what is due.

mod changes;
mod facts;

pub(crate) use facts::{Facts, Group};

use crate::{Flow, FlowError, OpenPractice};
use changes::Changes;
use kept_domain::{AppointmentId, PracticeId, SkipReason};
use kept_store::{Scope, StoreError, Tx};
use std::collections::HashSet;

/// Marked visits that one transaction takes. Their number's other visits come along.
pub const PLAN_BATCH: i64 = 100;
/// The same while nobody waits for the database: a large upload is planned in half the time, since the pages of its indexes are
/// written less often.
pub const QUIET_PLAN_BATCH: i64 = 500;
/// So many visits at once come of an upload.
const UPLOAD: i64 = 2_000;
/// How often a batch is begun again because a worker took one of its notices meanwhile, or had what it waited for.
const TRIES: usize = 5;

/// What planning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanSummary {
    /// Visits looked at, with those that share their numbers.
    pub visits: usize,
    /// Reminders added or changed.
    pub reminders: usize,
    /// Notices added, changed or taken back.
    pub notices: usize,
}

impl std::ops::AddAssign for PlanSummary {
    fn add_assign(&mut self, other: Self) {
        self.visits += other.visits;
        self.reminders += other.reminders;
        self.notices += other.notices;
    }
}

/// Chunks of a large upload before which the engine counts its rows: in a first one PostgreSQL takes the one source of all rows for a
/// rare one, and looks for a row among all of them, until it has counted some.
pub(crate) const COUNT_BEFORE_CHUNKS: [usize; 3] = [2, 16, 128];

impl Flow {
    /// Plans everything that waits for it, in all practices.
    pub async fn plan_sweep(&self) -> Result<PlanSummary, FlowError> {
        let practices = self.store.read(Scope::Work).await?.practices_to_plan().await?;
        let mut summary = PlanSummary::default();
        for practice in practices {
            summary += self.plan_practice(practice).await?;
        }
        Ok(summary)
    }

    /// Plans everything that waits for it in one practice.
    pub async fn plan_practice(&self, practice: PracticeId) -> Result<PlanSummary, FlowError> {
        let open = self.practice(practice).await?;
        let mut summary = PlanSummary::default();
        let large = self.is_large(practice).await?;
        while let Some(done) = self.plan_batch(&open).await? {
            summary += done;
        }
        if large {
            // Those who look at single rows plan by what the engine believes of the tables.
            self.count_tables().await?;
        }
        Ok(summary)
    }

    /// Lets the engine count its rows anew.
    pub(crate) async fn count_tables(&self) -> Result<(), FlowError> {
        let mut tx = self.store.begin_batch(Scope::Work).await?;
        tx.refresh_statistics().await?;
        Ok(tx.commit().await?)
    }

    /// Whether an upload waits, not the changes of a day.
    async fn is_large(&self, practice: PracticeId) -> Result<bool, FlowError> {
        let waiting = self.store.read(Scope::Practice(practice)).await?.count_plan_due(practice, UPLOAD).await?;
        Ok(waiting >= UPLOAD)
    }

    /// Marks every visit to come for planning: a plan, the sending hours or the caps were edited. Gives their number.
    pub async fn replan_practice(&self, practice: PracticeId) -> Result<u64, FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let marked = tx.mark_practice_plan_due(practice, self.clock.civil()).await?;
        tx.commit().await?;
        Ok(marked)
    }

    /// One batch; none when nothing waits.
    async fn plan_batch(&self, open: &OpenPractice) -> Result<Option<PlanSummary>, FlowError> {
        for _ in 1..TRIES {
            match self.try_batch(open).await {
                Err(FlowError::Store(StoreError::Changed { .. } | StoreError::Busy(_))) => {}
                done => return done,
            }
        }
        self.try_batch(open).await
    }

    async fn try_batch(&self, open: &OpenPractice) -> Result<Option<PlanSummary>, FlowError> {
        let practice = open.practice.id;
        let now = self.clock.civil();
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        tx.lock_planning(practice).await?;
        let limit = if self.store.is_quiet() { QUIET_PLAN_BATCH } else { PLAN_BATCH };
        let taken = tx.take_plan_due(practice, limit).await?;
        if taken.is_empty() {
            return Ok(None);
        }
        let visits = tx.visits_of_same_numbers(practice, &taken, now).await?;
        tx.clear_plan_due(practice, &visits).await?;
        let facts = Facts::read(self, &mut tx, open, &visits, now).await?;
        let mut changes = Changes::default();
        for group in facts.groups(open) {
            let outcome = facts.schedule(&group, now);
            changes.of_group(&facts, &group, &outcome, now, self);
        }
        self.write(&mut tx, practice, &visits, &changes).await?;
        tx.commit().await?;
        Ok(Some(PlanSummary { visits: visits.len(), reminders: changes.reminders(), notices: changes.notices() }))
    }

    /// Writes the difference. A count that falls short means that a worker was faster: the transaction is given up, and
    /// the marks stand as they were.
    async fn write(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        visits: &[AppointmentId],
        changes: &Changes,
    ) -> Result<(), FlowError> {
        let now = self.clock.civil();
        // A notice may hold visits of a number that is not this one any more: they are planned again by themselves.
        let here: HashSet<AppointmentId> = visits.iter().copied().collect();
        let members = tx.visits_in_notices(practice, &changes.touched_notices()).await?;
        let elsewhere: Vec<AppointmentId> =
            members.into_iter().map(|(_, visit)| visit).filter(|visit| !here.contains(visit)).collect();
        tx.mark_plan_due(practice, &elsewhere).await?;

        let faster = |table: &'static str| StoreError::Changed { table, row: "of a planned batch".to_owned() };
        let all = |count: u64, wanted: usize| usize::try_from(count).is_ok_and(|count| count == wanted);
        tx.insert_planned_notices(practice, &changes.new_notices, now).await?;
        let moved = tx.update_planned_notices(practice, &changes.changed_notices).await?;
        let cancelled =
            tx.cancel_unarmed_notices(practice, &changes.cancelled_notices, SkipReason::Superseded, now).await?;
        if !all(moved, changes.changed_notices.len()) || !all(cancelled, changes.cancelled_notices.len()) {
            return Err(faster("notices").into());
        }
        let added = tx.insert_planned_reminders(practice, &changes.new_reminders).await?;
        let decided = tx.update_planned_reminders(practice, &changes.changed_reminders).await?;
        if !all(added, changes.new_reminders.len()) || !all(decided, changes.changed_reminders.len()) {
            return Err(faster("reminders").into());
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "plan/plan_tests.rs"]
pub(crate) mod tests;
