//! What earlier attempts mean for the next one, and notices that must not be tried again.

use crate::{Flow, FlowError};
use kept_carrier::{Line, OPEN, PACE, Past};
use kept_domain::{Instant, LeaseToken, NoticeId, PracticeId, TaskId};
use kept_store::{LOOKING_UP, NewTask, PastAttempt, Tx};

/// How an attempt is recorded that the line certainly did not take.
pub(super) const NOT_TAKEN: &str = "retry";
/// How an attempt is recorded whose fate nobody knows.
pub(super) const UNKNOWN: &str = "unknown";
/// The code of an attempt that was given back, because the lease would not have lasted for the hand-over.
pub(super) const LATE: &str = "late";
/// The reason of a notice that no line took until it was too late.
pub(super) const CARRIER_DOWN: &str = "carrier-down";

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

/// Whether an attempt did not reach the line: its sender's turn was far away, the line is left alone, or our time was up.
pub(super) fn not_asked(code: Option<&str>) -> bool {
    matches!(code, Some(PACE | OPEN | LATE))
}

impl Flow {
    /// Claimed notices that an earlier attempt may have delivered and that cannot safely be sent again: their carrier is asked,
    /// or a person looks.
    pub(super) async fn doubt(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        token: LeaseToken,
        doubtful: &[(NoticeId, Vec<PastAttempt>)],
    ) -> Result<(), FlowError> {
        let asked = |past: &[PastAttempt]| {
            let unsure = past.iter().find(|attempt| attempt.outcome.as_deref() != Some(NOT_TAKEN));
            unsure.and_then(|attempt| self.carriers.by_name(&attempt.carrier)).is_some_and(Line::looks_up)
        };
        let (ask, tell): (Vec<_>, Vec<_>) = doubtful.iter().partition(|(_, past)| asked(past));
        for (reason, some) in [(LOOKING_UP, ask), ("unknown", tell)] {
            let ids: Vec<NoticeId> = some.into_iter().map(|(id, _)| *id).collect();
            if ids.is_empty() {
                continue;
            }
            tx.doubt_notices(practice, token, reason, &ids).await?;
            if reason == LOOKING_UP {
                continue;
            }
            let task = |id: &NoticeId| NewTask {
                id: self.new_id::<TaskId>(),
                kind: "uncertain",
                appointment: None,
                subject: Some((*id).into()),
            };
            tx.insert_tasks(practice, self.clock.wall(), &ids.iter().map(task).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }
}
