//! Notices whose fate nobody knows: the attempts they had, and what is found out about them later.

use super::rows::PastAttempt;
use crate::dialect::Rows;
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{LeaseToken, NoticeId, PracticeId};

impl Tx {
    /// The attempts that notices had so far, in their order.
    pub async fn attempts_of(
        &mut self,
        practice: PracticeId,
        notices: &[NoticeId],
    ) -> Result<Vec<PastAttempt>, StoreError> {
        bulk_all!(
            self,
            PastAttempt,
            "SELECT a.notice_id, a.carrier, a.armed_at_ms, a.outcome, a.code FROM {rows} AS r
             JOIN attempts a ON a.practice_id = $2 AND a.notice_id = r.id
             ORDER BY a.notice_id, a.number",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Marks claimed notices as uncertain, with the reason: an earlier attempt may have been taken, and asking again is not
    /// safe. Returns how many were still held.
    pub async fn doubt_notices(
        &mut self,
        practice: PracticeId,
        token: LeaseToken,
        reason: &str,
        notices: &[NoticeId],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE notices SET state = 'uncertain', reason = $4, lease_token = NULL, lease_until_ms = NULL FROM {rows} AS r
             WHERE notices.practice_id = $2 AND notices.id = r.id AND notices.state = 'claimed' AND notices.lease_token = $3",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid(),
            token.as_uuid(),
            reason
        )
    }
}
