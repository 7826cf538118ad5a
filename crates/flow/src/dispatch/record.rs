//! Handing over to the carrier, and writing down what became of it.

use super::arm::Ready;
use super::{DispatchSummary, MAX_ATTEMPTS, SENDERS};
use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use futures_util::{StreamExt as _, stream};
use kept_carrier::{Outbound, Outcome as Carried};
use kept_domain::{Instant, LeaseToken, NoticeId, NoticeState, TaskId};
use kept_store::{NewTask, Outcome, Scope};

/// What the carrier said of one notice.
pub(super) struct HandedOver {
    id: NoticeId,
    expires_at: Instant,
    attempt_number: i64,
    honours_keys: bool,
    answer: Carried,
}

impl Flow {
    /// Speaks to the carrier, up to [`SENDERS`] notices at once. No transaction is open.
    pub(super) async fn hand_over(&self, open: &OpenPractice, ready: Vec<Ready>) -> Vec<HandedOver> {
        stream::iter(ready.into_iter().map(|one| self.hand_over_one(open, one)))
            .buffer_unordered(SENDERS)
            .collect()
            .await
    }

    async fn hand_over_one(&self, open: &OpenPractice, ready: Ready) -> HandedOver {
        let notice = &ready.draft.notice;
        let handed = |answer, honours_keys| HandedOver {
            id: notice.id,
            expires_at: notice.expires_at,
            attempt_number: ready.attempt_number,
            honours_keys,
            answer,
        };
        let Some(line) = self.carriers.for_channel(notice.channel) else {
            return handed(Carried::Retry { after: None, code: "no-carrier".to_owned() }, false);
        };
        let (public_url, slug) = (&self.settings.public_url, &open.practice.slug);
        let text = match &ready.text.secret {
            Some(token) => ready.text.body.with_link(&crate::link::url(public_url, slug, token)),
            None => ready.text.body.text.clone(),
        };
        let outbound = Outbound {
            key: notice.id,
            to: ready.text.body.to.clone(),
            from: open.location(notice.location).and_then(|found| found.sender.clone()),
            text,
            valid_for: ready.valid_for.to_std().unwrap_or_default(),
            status_url: format!("{public_url}/hooks/{}/{slug}/status", line.name()),
            inbound_url: format!("{public_url}/hooks/{}/{slug}/inbound", line.name()),
        };
        handed(line.submit(&outbound).await, line.honours_keys().is_some())
    }

    /// Writes down the outcomes, in one transaction under the live token.
    pub(super) async fn record(
        &self,
        open: &OpenPractice,
        token: LeaseToken,
        handed: Vec<HandedOver>,
        summary: &mut DispatchSummary,
    ) -> Result<(), FlowError> {
        if handed.is_empty() {
            return Ok(());
        }
        let practice = open.practice.id;
        let (now, wall) = (self.clock.civil(), self.clock.wall());
        let mut outcomes = Vec::with_capacity(handed.len());
        let mut tasks = Vec::new();
        let mut never_left = Vec::new();
        for one in handed {
            let id = one.id;
            let outcome = Self::outcome(one, now)?;
            match outcome.state {
                NoticeState::Sent => summary.sent += 1,
                NoticeState::Planned => summary.retried += 1,
                NoticeState::Uncertain => summary.uncertain += 1,
                _ => summary.failed += 1,
            }
            let task = match outcome.state {
                NoticeState::Uncertain => Some("uncertain"),
                NoticeState::Failed => Some("undelivered"),
                _ => None,
            };
            if let Some(kind) = task {
                tasks.push(NewTask { id: self.new_id::<TaskId>(), kind, appointment: None, subject: Some(id.into()) });
            }
            if outcome.attempt == "refused" {
                never_left.push(id);
            }
            outcomes.push(outcome);
        }
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        tx.record_outcomes(practice, token, wall, &outcomes).await?;
        tx.delete_sends(practice, &never_left).await?;
        tx.insert_tasks(practice, wall, &tasks).await?;
        tx.commit().await?;
        Ok(())
    }

    fn outcome(one: HandedOver, now: Instant) -> Result<Outcome, FlowError> {
        let done = |state, reason: Option<&str>, attempt, code| Outcome {
            id: one.id,
            state,
            reason: reason.map(str::to_owned),
            provider_ref: None,
            due_at: None,
            attempt,
            code,
        };
        Ok(match one.answer {
            Carried::Accepted { provider_ref } => {
                Outcome { provider_ref: Some(provider_ref), ..done(NoticeState::Sent, None, "accepted", None) }
            }
            Carried::Refused { code, .. } => done(NoticeState::Failed, Some("refused"), "refused", Some(code)),
            // Without keys a second try could be a second text: a person looks, or the carrier is asked.
            Carried::Unknown { code } if !one.honours_keys => {
                done(NoticeState::Uncertain, Some("unknown"), "unknown", Some(code))
            }
            Carried::Unknown { code } => Self::again(
                &done(NoticeState::Planned, None, "unknown", Some(code)),
                None,
                now,
                one.attempt_number,
                one.expires_at,
            )?,
            Carried::Retry { after, code } => Self::again(
                &done(NoticeState::Planned, None, "retry", Some(code)),
                after,
                now,
                one.attempt_number,
                one.expires_at,
            )?,
        })
    }

    /// A later attempt, unless there have been enough or it would be too late.
    fn again(
        outcome: &Outcome,
        asked: Option<std::time::Duration>,
        now: Instant,
        attempt_number: i64,
        expires_at: Instant,
    ) -> Result<Outcome, FlowError> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random)?;
        let wait = kept_carrier::back_off(
            u32::try_from(attempt_number).unwrap_or(u32::MAX),
            u64::from_le_bytes(random),
            asked,
        );
        let due_at = now + Duration::from_std(wait).unwrap_or(Duration::MAX);
        let ends = |state, reason: &str| Outcome { state, reason: Some(reason.to_owned()), ..outcome.clone() };
        if due_at >= expires_at {
            return Ok(ends(NoticeState::Expired, "carrier-down"));
        }
        if attempt_number >= MAX_ATTEMPTS {
            return Ok(ends(NoticeState::Failed, "carrier-down"));
        }
        Ok(Outcome { due_at: Some(due_at), ..outcome.clone() })
    }
}
