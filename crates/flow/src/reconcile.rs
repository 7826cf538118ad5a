//! Leases that ran out: what was only claimed is planned again; what was armed is sent again only where the carrier
//! honours keys, within the key's life; the rest is looked up at the carrier, else shown to a person. Never blindly resent.
//! What was handed over and got no answer is looked up in the same way.

use crate::{Flow, FlowError};
use chrono::Duration;
use kept_domain::{Instant, LeaseToken, NoticeId, NoticeState, PracticeId, TaskId};
use kept_store::{ExpiredLease, LOOKING_UP, NewTask, Outcome, Scope};
use std::collections::BTreeMap;

/// Lost leases looked at in one go.
pub const RECONCILE_BATCH: i64 = 500;

/// What became of lost leases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReconcileSummary {
    /// Planned again: nothing had been frozen.
    pub released: u64,
    /// To be handed over again: under the same key, or because the carrier never had them.
    pub resent: u64,
    /// The carrier has them.
    pub found: u64,
    /// Shown to a person.
    pub uncertain: u64,
}

impl Flow {
    /// Looks after lost leases, up to [`RECONCILE_BATCH`].
    pub async fn reconcile(&self) -> Result<ReconcileSummary, FlowError> {
        let wall = self.clock.wall();
        let lost = {
            let mut tx = self.store.begin_batch(Scope::Work).await?;
            let lost = tx.expired_leases(wall, RECONCILE_BATCH).await?;
            tx.rollback().await?;
            lost
        };
        let mut summary = ReconcileSummary::default();
        let mut claimed: BTreeMap<(PracticeId, LeaseToken), Vec<NoticeId>> = BTreeMap::new();
        let mut keyed: BTreeMap<(PracticeId, LeaseToken), Vec<NoticeId>> = BTreeMap::new();
        for lease in lost {
            let whose = (lease.practice, lease.token);
            if lease.state == NoticeState::Claimed {
                claimed.entry(whose).or_default().push(lease.id);
            } else if self.key_lives(&lease, wall) {
                keyed.entry(whose).or_default().push(lease.id);
            } else {
                self.reconcile_one(&lease, wall, &mut summary).await?;
            }
        }
        for ((practice, token), notices) in claimed {
            let notices: Vec<_> = notices.into_iter().map(|id| (id, None)).collect();
            let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
            summary.released += tx.release_notices(practice, token, &notices).await?;
            tx.commit().await?;
        }
        for ((practice, token), notices) in keyed {
            let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
            summary.resent += tx.rearm_notices(practice, token, &notices).await?;
            tx.commit().await?;
        }
        self.look_for_lost(&mut summary).await?;
        Ok(summary)
    }

    /// Whether the carrier still takes the notice's key for the same message, so that handing it over again is safe.
    fn key_lives(&self, lease: &ExpiredLease, wall: Instant) -> bool {
        let line = lease.carrier.as_deref().and_then(|name| self.carriers.by_name(name));
        let age = lease.armed_at_ms.map_or(Duration::MAX, |armed| wall - Instant::from_ms(armed));
        line.and_then(kept_carrier::Line::honours_keys)
            .and_then(|life| Duration::from_std(life).ok())
            .is_some_and(|life| age < life)
    }

    /// Looks after one that was armed and whose key nobody honours.
    async fn reconcile_one(
        &self,
        lease: &ExpiredLease,
        wall: Instant,
        summary: &mut ReconcileSummary,
    ) -> Result<(), FlowError> {
        let (practice, id, token) = (lease.practice, lease.id, lease.token);
        let line = lease.carrier.as_deref().and_then(|name| self.carriers.by_name(name));
        let looks_up = line.is_some_and(kept_carrier::Line::looks_up);
        summary.uncertain += self.settle_lost(practice, token, id, looks_up, wall).await?;
        Ok(())
    }

    /// Nobody knows what became of it. Returns how many are for a person now: none where the carrier can be asked.
    async fn settle_lost(
        &self,
        practice: PracticeId,
        token: LeaseToken,
        id: NoticeId,
        looks_up: bool,
        wall: Instant,
    ) -> Result<u64, FlowError> {
        let outcome = Outcome {
            id,
            state: NoticeState::Uncertain,
            reason: Some(if looks_up { LOOKING_UP } else { "lease-lost" }.to_owned()),
            provider_ref: None,
            due_at: None,
            attempt: "unknown",
            code: None,
        };
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        let changed = tx.record_outcomes(practice, token, wall, &[outcome]).await?;
        let for_a_person = if looks_up { 0 } else { changed };
        if for_a_person == 1 {
            let task =
                NewTask { id: self.new_id::<TaskId>(), kind: "uncertain", appointment: None, subject: Some(id.into()) };
            tx.insert_tasks(practice, wall, &[task]).await?;
        }
        tx.commit().await?;
        Ok(for_a_person)
    }
}
