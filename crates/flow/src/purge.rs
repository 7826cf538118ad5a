//! The sweep that deletes what has done its work.

use crate::{Flow, FlowError};
use chrono::Duration;
use kept_domain::time::day_number;
use kept_store::{PurgeBefore, Scope};

/// Days a session's row is kept after it was last seen, to answer "who was signed in then".
pub const SESSION_DAYS: i64 = 30;
/// Hours an upload waits for a person's "send".
pub const UPLOAD_HOURS: i64 = 24;
/// Days birth-date failures of a patient count (protocol.md §2).
pub const GUARD_DAYS: i64 = 30;

impl Flow {
    /// Deletes spent nonces, old sessions, forgotten devices and abandoned uploads. Returns how many rows went.
    pub async fn purge(&self) -> Result<u64, FlowError> {
        let wall = self.clock.wall();
        let before = PurgeBefore {
            expired: wall,
            sessions: wall - Duration::days(SESSION_DAYS),
            uploads: wall - Duration::hours(UPLOAD_HOURS),
            throttles: wall - Duration::days(1),
            // One day more than counts, since a practice's own day may lag a day behind UTC's.
            guard_day: i64::from(day_number(wall.utc().date_naive())) - GUARD_DAYS - 1,
        };
        let mut tx = self.store.begin_batch(Scope::Work).await?;
        let gone = tx.purge(&before).await?;
        tx.commit().await?;
        Ok(gone)
    }
}
