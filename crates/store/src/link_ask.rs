//! How often links were asked for: for which number, and from which client. Both only as keyed hashes.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{BlindIndex, Instant, PracticeId};

impl Tx {
    /// Counts one ask, and says how many that are in the window that the first of them opened. A window that opened at `over`
    /// or before is over (wall).
    pub async fn count_link_ask(
        &mut self,
        practice: PracticeId,
        who: BlindIndex,
        now: Instant,
        over: Instant,
    ) -> Result<i64, StoreError> {
        scalar!(
            self,
            i64,
            "INSERT INTO link_asks (practice_id, bix, since_ms, n) VALUES ($1, $2, $3, 1)
             ON CONFLICT (practice_id, bix) DO UPDATE SET
                 n = CASE WHEN link_asks.since_ms <= $4 THEN 1 ELSE link_asks.n + 1 END,
                 since_ms = CASE WHEN link_asks.since_ms <= $4 THEN excluded.since_ms ELSE link_asks.since_ms END
             RETURNING n",
            practice.as_uuid(),
            who.0.as_slice(),
            now.as_ms(),
            over.as_ms()
        )
    }
}
