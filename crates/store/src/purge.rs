//! Rows that have done their work: spent nonces, ended sessions, forgotten devices, abandoned uploads.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::Instant;

/// Up to when rows are kept, each by the clock that made it.
#[derive(Debug, Clone, Copy)]
pub struct PurgeBefore {
    /// Forms, devices and leases whose own expiry has passed (wall).
    pub expired: Instant,
    /// Sessions last seen before this (wall).
    pub sessions: Instant,
    /// Uploads that nobody sent, made before this (wall).
    pub uploads: Instant,
    /// Throttles that ended, and windows of asks that began, before this (wall).
    pub throttles: Instant,
    /// Days of birth-date failures before this no longer count (days since 1970-01-01).
    pub guard_day: i64,
}

impl Tx {
    /// Deletes them, for all practices. Returns how many rows went.
    pub async fn purge(&mut self, before: &PurgeBefore) -> Result<u64, StoreError> {
        let mut gone = run!(self, "DELETE FROM used_nonces WHERE expires_at_ms < $1", before.expired.as_ms())?;
        gone += run!(self, "DELETE FROM patient_devices WHERE expires_at_ms < $1", before.expired.as_ms())?;
        gone += run!(self, "DELETE FROM patient_sessions WHERE seen_at_ms < $1", before.sessions.as_ms())?;
        gone += run!(self, "DELETE FROM staff_sessions WHERE seen_at_ms < $1", before.sessions.as_ms())?;
        gone += run!(self, "DELETE FROM staff_throttles WHERE next_at_ms < $1", before.throttles.as_ms())?;
        gone += run!(self, "DELETE FROM link_asks WHERE since_ms < $1", before.throttles.as_ms())?;
        gone += run!(self, "DELETE FROM patient_guards WHERE guard_day < $1", before.guard_day)?;
        // The file of a finished or abandoned upload holds names and numbers that now stand elsewhere, or nowhere. One that is being
        // imported stays, while whoever does it lives.
        gone += run!(
            self,
            "DELETE FROM uploads
             WHERE created_at_ms < $1 AND (state <> 'importing' OR COALESCE(lease_until_ms, 0) < $2)",
            before.uploads.as_ms(),
            before.expired.as_ms()
        )?;
        Ok(gone)
    }
}
