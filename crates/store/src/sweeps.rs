//! Whose turn it is to run a sweep, and when each last succeeded.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{Instant, LeaseToken};

impl Tx {
    /// Takes the turn if nobody holds it. The caller's scope is `Work`.
    pub async fn claim_sweep(
        &mut self,
        name: &str,
        token: LeaseToken,
        now: Instant,
        lease_until: Instant,
    ) -> Result<bool, StoreError> {
        let taken = run!(
            self,
            "INSERT INTO sweeps (name, lease_token, lease_until_ms, started_at_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET lease_token = excluded.lease_token, lease_until_ms = excluded.lease_until_ms,
                 started_at_ms = excluded.started_at_ms
             WHERE sweeps.lease_until_ms IS NULL OR sweeps.lease_until_ms < excluded.started_at_ms",
            name,
            token.as_uuid(),
            lease_until.as_ms(),
            now.as_ms()
        )?;
        Ok(taken == 1)
    }

    /// Gives the turn back, and says how it went. Without effect for a lost token.
    pub async fn finish_sweep(
        &mut self,
        name: &str,
        token: LeaseToken,
        now: Instant,
        succeeded: bool,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE sweeps SET lease_token = NULL, lease_until_ms = NULL,
                 succeeded_at_ms = CASE WHEN $3 THEN $4 ELSE succeeded_at_ms END,
                 failures = CASE WHEN $3 THEN 0 ELSE failures + 1 END
             WHERE name = $1 AND lease_token = $2",
            name,
            token.as_uuid(),
            succeeded,
            now.as_ms()
        )?;
        Ok(())
    }
}
