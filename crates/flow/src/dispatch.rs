//! Notices go out: claim → open, render, seal → arm → hand over → record.
//!
//! Claim, arm and record are short transactions; opening, rendering, sealing and the network happen between them, with no
//! transaction open. What is armed is frozen: a second attempt has the same key, text and link. Correctness rests on the
//! lease's token and on `armed`, never on clocks.

mod arm;
mod compose;
mod record;
mod route;
mod spread;
#[cfg(any(test, feature = "testing"))]
pub mod stages;
pub(crate) mod trouble;

pub use spread::BACKLOG_S;

use crate::{Flow, FlowError};
use chrono::Duration;
use kept_domain::{Instant, LeaseToken, NoticeId, PracticeId};
use kept_store::Scope;
use std::collections::BTreeMap;

/// Notices a worker takes at once.
pub const BATCH: i64 = 250;
/// The same while somebody waits for the database, so that they wait less.
pub const BUSY_BATCH: i64 = 100;
/// How long a worker may keep a batch. Longer than any carrier's patience, or nothing could be begun within it.
pub const LEASE: Duration = Duration::seconds(120);
/// What is left of the lease for writing down what became of a batch. No hand-over begins that could end later: a slow send would
/// be taken for a lost one, and sent again by somebody else.
pub const RECORDED_WITHIN: Duration = Duration::seconds(10);
/// When a batch is due again that met a passing fault before it was armed.
pub const AFTER_FAULT: Duration = Duration::seconds(5);
/// Hand-overs under way at once, each on a connection that is kept open.
pub const SENDERS: usize = 24;

/// Notices under one lease.
#[derive(Debug)]
pub struct Batch {
    token: LeaseToken,
    notices: BTreeMap<PracticeId, Vec<NoticeId>>,
}

impl Batch {
    /// How many notices.
    pub fn len(&self) -> usize {
        self.notices.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.notices.is_empty()
    }
}

/// What became of a batch. Every claimed notice is in exactly one of the other counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DispatchSummary {
    /// Leased.
    pub claimed: usize,
    /// Taken by the carrier.
    pub sent: usize,
    /// Will never be sent; each has its reason.
    pub dropped: usize,
    /// Given back: something changed since it was planned, or the hours are shut.
    pub released: usize,
    /// To be tried again later.
    pub retried: usize,
    /// Nobody knows: shown to a person.
    pub uncertain: usize,
    /// Refused by the carrier for good.
    pub failed: usize,
    /// Somebody else held them by the time we came back.
    pub lost: usize,
}

impl DispatchSummary {
    /// Whether anything moved forward, so that asking again at once makes sense.
    pub fn progressed(&self) -> bool {
        self.claimed > self.released
    }

    fn add(&mut self, other: Self) {
        self.claimed += other.claimed;
        self.sent += other.sent;
        self.dropped += other.dropped;
        self.released += other.released;
        self.retried += other.retried;
        self.uncertain += other.uncertain;
        self.failed += other.failed;
        self.lost += other.lost;
    }
}

impl Flow {
    /// Leases up to `limit` notices that are due now, the longest due first; no more than [`BUSY_BATCH`] while people are about.
    pub async fn claim_due(&self, limit: i64) -> Result<Option<Batch>, FlowError> {
        let limit = if self.store.is_quiet() { limit } else { limit.min(BUSY_BATCH) };
        let token: LeaseToken = self.new_id();
        let lease_until = self.clock.wall() + LEASE;
        let mut tx = self.store.begin_batch(Scope::Work).await?;
        let claimed = tx.claim_due_notices(token, lease_until, self.clock.civil(), limit).await?;
        if claimed.is_empty() {
            return Ok(None);
        }
        tx.commit().await?;
        let mut notices: BTreeMap<PracticeId, Vec<NoticeId>> = BTreeMap::new();
        for (practice, id) in claimed {
            notices.entry(practice).or_default().push(id);
        }
        Ok(Some(Batch { token, notices }))
    }

    /// Sends a batch. An error of one practice leaves the other practices' notices untouched by it; what it left behind is
    /// given back at once where the fault is a passing one and nothing was armed, and else found by `reconcile` when the lease
    /// runs out.
    pub async fn dispatch_batch(&self, batch: Batch) -> Result<DispatchSummary, FlowError> {
        let mut summary = DispatchSummary::default();
        let mut first_error = None;
        for (practice, notices) in &batch.notices {
            match self.dispatch_practice(*practice, batch.token, notices).await {
                Ok(part) => summary.add(part),
                Err(error) => {
                    tracing::error!(%practice, %error, "a batch of notices could not be sent");
                    self.note_tampering(&error).await?;
                    if error.is_passing() {
                        self.give_back(*practice, batch.token, notices).await;
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        metrics::counter!("kept_notices_sent_total").increment(summary.sent as u64);
        metrics::counter!("kept_notices_dropped_total").increment(summary.dropped as u64);
        first_error.map_or(Ok(summary), Err)
    }

    /// Gives an unstarted batch back, at shutdown.
    pub async fn release(&self, batch: Batch) -> Result<(), FlowError> {
        for (practice, notices) in &batch.notices {
            self.release_claimed(*practice, batch.token, notices, None).await?;
        }
        Ok(())
    }

    /// Gives back what is still claimed of a batch that met a passing fault, for a moment later: nobody need wait for the lease.
    async fn give_back(&self, practice: PracticeId, token: LeaseToken, notices: &[NoticeId]) {
        let due_at = self.clock.civil() + AFTER_FAULT;
        if let Err(error) = self.release_claimed(practice, token, notices, Some(due_at)).await {
            tracing::warn!(%practice, %error, "a batch was not given back; it is found when its lease runs out");
        }
    }

    /// What was armed stays as it is.
    async fn release_claimed(
        &self,
        practice: PracticeId,
        token: LeaseToken,
        notices: &[NoticeId],
        due_at: Option<Instant>,
    ) -> Result<(), FlowError> {
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        let all: Vec<_> = notices.iter().map(|id| (*id, due_at)).collect();
        tx.release_notices(practice, token, &all).await?;
        Ok(tx.commit().await?)
    }

    /// Claims and sends one batch.
    pub async fn dispatch_due(&self, limit: i64) -> Result<DispatchSummary, FlowError> {
        match self.claim_due(limit).await? {
            Some(batch) => self.dispatch_batch(batch).await,
            None => Ok(DispatchSummary::default()),
        }
    }

    /// When the next notice is due after `after`; none when nothing waits.
    pub async fn next_due_at(&self, after: Instant) -> Result<Option<Instant>, FlowError> {
        Ok(self.store.read(Scope::Work).await?.next_notice_due(after).await?)
    }

    async fn dispatch_practice(
        &self,
        practice: PracticeId,
        token: LeaseToken,
        notices: &[NoticeId],
    ) -> Result<DispatchSummary, FlowError> {
        let open = self.practice(practice).await?;
        let drafts = self.compose(&open, notices).await?;
        let armed = self.arm(&open, token, drafts).await?;
        let mut summary = armed.summary;
        summary.claimed = notices.len();
        let outcomes = self.hand_over(&open, armed.ready).await;
        self.record(&open, token, outcomes, &mut summary).await?;
        let seen =
            summary.sent + summary.dropped + summary.released + summary.retried + summary.uncertain + summary.failed;
        summary.lost = summary.claimed.saturating_sub(seen);
        Ok(summary)
    }
}
