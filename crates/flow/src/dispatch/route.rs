//! What earlier attempts mean for the next one, and notices that must not be tried again.

use crate::{Flow, FlowError};
use kept_carrier::{OPEN, PACE, Past};
use kept_domain::{Instant, LeaseToken, NoticeId, PracticeId, TaskId};
use kept_store::{NewTask, PastAttempt, Tx};

/// How an attempt is recorded that the line certainly did not take.
pub(super) const NOT_TAKEN: &str = "retry";
/// How an attempt is recorded whose fate nobody knows.
pub(super) const UNKNOWN: &str = "unknown";

/// Earlier attempts as the carriers look at them. One whose worker never came back is as unsure as one that timed out.
pub(super) fn past(attempts: &[PastAttempt], wall: Instant) -> Vec<Past<'_>> {
    attempts
        .iter()
        .map(|attempt| Past {
            line: &attempt.carrier,
            not_taken: attempt.outcome.as_deref() == Some(NOT_TAKEN),
            not_asked: not_asked(attempt.code.as_deref()),
            age: (wall - attempt.armed_at).to_std().unwrap_or_default(),
        })
        .collect()
}

/// Whether an attempt did not reach the line: its sender's turn was far away, or the line is left alone.
pub(super) fn not_asked(code: Option<&str>) -> bool {
    matches!(code, Some(PACE | OPEN))
}

impl Flow {
    /// Claimed notices that an earlier attempt may have delivered and that cannot safely be sent again: a person looks.
    pub(super) async fn doubt(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        token: LeaseToken,
        notices: &[NoticeId],
    ) -> Result<(), FlowError> {
        if notices.is_empty() {
            return Ok(());
        }
        tx.doubt_notices(practice, token, "unknown", notices).await?;
        let tasks: Vec<NewTask> = notices
            .iter()
            .map(|id| NewTask {
                id: self.new_id::<TaskId>(),
                kind: "uncertain",
                appointment: None,
                subject: Some((*id).into()),
            })
            .collect();
        tx.insert_tasks(practice, self.clock.wall(), &tasks).await?;
        Ok(())
    }
}
