//! Messages that a person decides about: never by itself, and never twice.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError};
use kept_domain::{NoticeId, PracticeId, StaffId, text_enum};
use kept_store::Scope;

text_enum! {
    /// What somebody decides about a message.
    Settling: "decision" {
        /// The patient has it.
        Arrived => "arrived",
        /// The patient does not have it: the same text goes out again.
        SendAgain => "send-again",
        /// It failed, and shall be planned anew.
        TryAgain => "try-again",
    }
}

impl Flow {
    /// Settles an uncertain or failed message. Returns whether it still was one; two people who decide at once decide once.
    pub async fn settle_message(
        &self,
        practice: PracticeId,
        staff: StaffId,
        notice: NoticeId,
        settling: Settling,
    ) -> Result<bool, FlowError> {
        let now = self.clock.civil();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let settled = match settling {
            Settling::Arrived => tx.settle_uncertain(practice, notice, now).await?,
            Settling::SendAgain => tx.send_uncertain_again(practice, notice, now).await?,
            Settling::TryAgain => tx.replan_failed(practice, notice, now).await? > 0,
        };
        if !settled {
            return Ok(false);
        }
        tx.close_tasks_about(practice, notice.into(), staff, now).await?;
        let entry = AuditEntry::new(act::MESSAGE_SETTLED, Actor::Staff(staff))
            .id("notice", notice)
            .word("decision", settling.as_str());
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }
}
