//! Work that is found by looking, not by being told: each sweep asks our rows what is due and does it.
//!
//! A sweep has no input. It claims its turn in its row of `sweeps`, so that two processes never run the same one at
//! once; the row's last success is what health reports. Missing a tick loses nothing: the next one finds the same rows.

use crate::{Flow, FlowError};
use chrono::Duration;
use kept_domain::LeaseToken;
use kept_store::Scope;

/// A sweep and how often it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// Its name, as in health, logs and metrics.
    pub name: &'static str,
    /// Seconds between two runs.
    pub every_s: u32,
}

/// Every sweep.
pub const SWEEPS: &[Sweep] = &[
    Sweep { name: "plan", every_s: 2 },
    Sweep { name: "receipts", every_s: 5 },
    Sweep { name: "spread", every_s: 5 },
    Sweep { name: "reconcile", every_s: 15 },
    Sweep { name: "report", every_s: 5 },
    Sweep { name: "reseal", every_s: 60 },
    Sweep { name: "purge", every_s: 3600 },
];

/// How long a turn is held. A worker that dies in its turn blocks the sweep for this long.
pub const TURN: Duration = Duration::seconds(300);

/// How a turn went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Ran; so many rows changed.
    Ran(u64),
    /// Somebody else holds the turn.
    Taken,
    /// There is no such sweep.
    Unknown,
}

impl Flow {
    /// Runs a sweep once, if nobody else does.
    pub async fn run_sweep(&self, name: &str) -> Result<Turn, FlowError> {
        let Some(sweep) = SWEEPS.iter().find(|sweep| sweep.name == name) else { return Ok(Turn::Unknown) };
        let token: LeaseToken = self.new_id();
        let now = self.clock.wall();
        let mut tx = self.store.begin_batch(Scope::Work).await?;
        let ours = tx.claim_sweep(sweep.name, token, now, now + TURN).await?;
        tx.commit().await?;
        if !ours {
            return Ok(Turn::Taken);
        }
        let result = self.witness(self.sweep(sweep.name).await).await;
        let mut tx = self.store.begin_batch(Scope::Work).await?;
        tx.finish_sweep(sweep.name, token, self.clock.wall(), result.is_ok()).await?;
        tx.commit().await?;
        result.map(Turn::Ran)
    }

    /// The work itself, without a turn.
    async fn sweep(&self, name: &str) -> Result<u64, FlowError> {
        match name {
            "plan" => {
                let done = self.plan_sweep().await?;
                Ok(u64::try_from(done.visits).unwrap_or(u64::MAX))
            }
            "reconcile" => {
                let done = self.reconcile().await?;
                Ok(done.released + done.resent + done.found + done.uncertain)
            }
            "spread" => self.spread_backlogs().await,
            "receipts" => self.apply_receipts().await,
            "report" => Ok(u64::try_from(self.sweep_report().await?).unwrap_or(u64::MAX)),
            "reseal" => self.reseal().await,
            "purge" => self.purge().await,
            // `run_sweep` has looked the name up in the list.
            _ => Ok(0),
        }
    }
}
