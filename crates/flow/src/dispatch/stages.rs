//! A dispatch one stage at a time, for the bench that measures each stage alone. [`Flow::dispatch_batch`] is the same
//! in one go.

use super::arm::ArmedBatch;
use super::compose::Draft;
use super::record::HandedOver;
use super::{Batch, DispatchSummary};
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::LeaseToken;
use std::fmt;
use std::sync::Arc;

/// A batch on its way, with what the last stage made of each practice's share.
pub struct Staged<T> {
    token: LeaseToken,
    shares: Vec<(Arc<OpenPractice>, T)>,
}

impl<T> fmt::Debug for Staged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Staged({} shares)", self.shares.len())
    }
}

/// Texts written, nothing decided.
pub struct Composed(Vec<Draft>);
/// Frozen, not handed over.
pub struct Armed(ArmedBatch);
/// Handed over, not recorded.
pub struct Handed(Vec<HandedOver>, DispatchSummary);

impl Flow {
    /// Opens, renders and seals.
    pub async fn compose_batch(&self, batch: &Batch) -> Result<Staged<Composed>, FlowError> {
        let mut shares = Vec::with_capacity(batch.notices.len());
        for (practice, notices) in &batch.notices {
            let open = self.practice(*practice).await?;
            let drafts = self.compose(&open, notices).await?;
            shares.push((open, Composed(drafts)));
        }
        Ok(Staged { token: batch.token, shares })
    }

    /// Looks a last time and freezes.
    pub async fn arm_batch(&self, batch: Staged<Composed>) -> Result<Staged<Armed>, FlowError> {
        let mut shares = Vec::with_capacity(batch.shares.len());
        for (open, Composed(drafts)) in batch.shares {
            let armed = self.arm(&open, batch.token, drafts).await?;
            shares.push((open, Armed(armed)));
        }
        Ok(Staged { token: batch.token, shares })
    }

    /// Speaks to the carrier.
    pub async fn hand_over_batch(&self, batch: Staged<Armed>) -> Staged<Handed> {
        let mut shares = Vec::with_capacity(batch.shares.len());
        for (open, Armed(ArmedBatch { ready, summary })) in batch.shares {
            let handed = self.hand_over(&open, ready).await;
            shares.push((open, Handed(handed, summary)));
        }
        Staged { token: batch.token, shares }
    }

    /// Writes down what became of it. The summary counts what was armed; nothing in it is claimed or lost.
    pub async fn record_batch(&self, batch: Staged<Handed>) -> Result<DispatchSummary, FlowError> {
        let mut whole = DispatchSummary::default();
        for (open, Handed(handed, mut summary)) in batch.shares {
            self.record(&open, batch.token, handed, &mut summary).await?;
            whole.add(summary);
        }
        Ok(whole)
    }
}

impl fmt::Debug for Composed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Composed({})", self.0.len())
    }
}

impl fmt::Debug for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Armed({})", self.0.ready.len())
    }
}

impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handed({})", self.0.len())
    }
}
