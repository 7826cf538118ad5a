//! What health reports.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::Instant;

/// How a sweep stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepState {
    /// Which.
    pub name: String,
    /// When it last came to its end, wall. None: never.
    pub succeeded_at: Option<Instant>,
    /// Failures since then.
    pub failures: i64,
}

impl Tx {
    /// Every sweep that ever ran, by name.
    pub async fn sweep_states(&mut self) -> Result<Vec<SweepState>, StoreError> {
        let rows =
            all!(self, (String, Option<i64>, i64), "SELECT name, succeeded_at_ms, failures FROM sweeps ORDER BY name")?;
        let read = |(name, succeeded, failures): (String, Option<i64>, i64)| SweepState {
            name,
            succeeded_at: succeeded.map(Instant::from_ms),
            failures,
        };
        Ok(rows.into_iter().map(read).collect())
    }
}
