//! Handing over to the carrier, and writing down what became of it.

use super::arm::Ready;
use super::compose::obeys;
use super::route::{self, LATE, NOT_TAKEN, UNKNOWN};
use super::trouble::Trouble;
use super::{DispatchSummary, RECORDED_WITHIN, SENDERS};
use crate::receipt::RefusedNumber;
use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use futures_util::{StreamExt as _, stream};
use kept_carrier::{Line, Mail, Outbound, Outcome as Carried, Refusal, Sure};
use kept_domain::{BlindIndex, Channel, Instant, LeaseToken, NoticeId, NoticeState, PracticeId, TaskId};
use kept_store::{Chain, LOOKING_UP, NewTask, Outcome, PastAttempt, Scope};
use std::time::Duration as StdDuration;

/// What the carrier said of one notice.
pub(super) struct HandedOver {
    id: NoticeId,
    bix: BlindIndex,
    channel: Channel,
    expires_at: Instant,
    attempt_number: i64,
    /// The line that was asked; none where the channel has none.
    carrier: Option<&'static str>,
    honours_keys: bool,
    /// Whether the line can be asked later what became of it.
    looks_up: bool,
    /// Whether it answers something that the patient just did.
    is_answer: bool,
    past: Vec<PastAttempt>,
    answer: Carried,
}

/// What is written down of a batch.
struct Fates {
    outcomes: Vec<Outcome>,
    tasks: Vec<NewTask>,
    never_left: Vec<NoticeId>,
    refused: Vec<RefusedNumber>,
    trouble: Trouble,
}

/// How many milliseconds to wait each time before what became of a batch is written down again; together less than [`RECORDED_WITHIN`].
const RECORD_AGAIN_MS: [u64; 5] = [50, 200, 750, 2_000, 4_000];
const _: () = {
    let (mut sum, mut at) = (0, 0);
    while at < RECORD_AGAIN_MS.len() {
        sum += RECORD_AGAIN_MS[at];
        at += 1;
    }
    assert!(sum < RECORDED_WITHIN.num_milliseconds().unsigned_abs(), "it must be written down before the lease ends");
};

impl Flow {
    /// Speaks to the carriers, up to [`SENDERS`] notices at once. No transaction is open.
    pub(super) async fn hand_over(&self, open: &OpenPractice, ready: Vec<Ready>) -> Vec<HandedOver> {
        stream::iter(ready.into_iter().map(|one| self.hand_over_one(open, one)))
            .buffer_unordered(SENDERS)
            .collect()
            .await
    }

    async fn hand_over_one(&self, open: &OpenPractice, ready: Ready) -> HandedOver {
        let notice = ready.draft.notice;
        let line = ready.carrier.and_then(|name| self.carriers.by_name(name));
        let mut handed = HandedOver {
            id: notice.id,
            bix: notice.bix,
            channel: notice.channel,
            expires_at: notice.expires_at,
            attempt_number: ready.attempt_number,
            carrier: ready.carrier,
            honours_keys: line.is_some_and(|line| line.honours_keys().is_some()),
            looks_up: line.is_some_and(Line::looks_up),
            is_answer: !obeys(&notice),
            past: ready.draft.past,
            answer: Carried::Retry { after: None, code: "no-carrier".to_owned(), sure: Sure::NotTaken },
        };
        let Some(line) = line else {
            return handed;
        };
        let patience = Duration::from_std(line.patience()).unwrap_or(Duration::MAX);
        if ready.lease_until - self.clock.wall() < patience + RECORDED_WITHIN {
            handed.answer = Carried::Retry { after: None, code: LATE.to_owned(), sure: Sure::NotTaken };
            return handed;
        }
        let (public_url, slug) = (&self.settings.public_url, &open.practice.slug);
        let body = &ready.text.body;
        let link = ready.text.secret.as_ref().map(|token| crate::link::url(public_url, slug, token));
        let text = link.as_deref().map_or_else(|| body.text.clone(), |link| body.with_link(link));
        let mail = body.mail.as_ref().map(|mail| Mail {
            subject: mail.subject.clone(),
            html: link.as_deref().map_or_else(|| mail.html.clone(), |link| mail.with_link(link)),
            from_name: mail.from_name.clone(),
            unsubscribe_url: Some(mail.unsubscribe.clone()),
        });
        let from = match notice.channel {
            Channel::Sms => open.location(notice.location).and_then(|found| found.sender.clone()),
            Channel::Email => open.practice.settings.email_from.clone(),
        };
        let outbound = Outbound {
            key: notice.id,
            to: ready.text.body.to.clone(),
            from,
            text,
            mail,
            valid_for: ready.valid_for.to_std().unwrap_or_default(),
            status_url: format!("{public_url}/hooks/{}/{slug}/status", line.name()),
            inbound_url: format!("{public_url}/hooks/{}/{slug}/inbound", line.name()),
        };
        handed.answer = line.submit(&outbound).await;
        handed
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
        let mut refused = Vec::new();
        let mut trouble = Trouble::default();
        for one in handed {
            let id = one.id;
            if let (Some(line), Some(code)) = (one.carrier, one.answer.code()) {
                trouble.note(&self.carriers, line, code);
            }
            if let Carried::Refused { why, .. } = one.answer
                && why != Refusal::NotAccepted
            {
                refused.push(RefusedNumber { bix: one.bix, channel: one.channel, why });
            }
            // Who opted out at the carrier got its own confirmation, and need not hear ours: nobody must look after that.
            let told = one.is_answer && matches!(one.answer, Carried::Refused { why: Refusal::OptedOut, .. });
            let outcome = self.outcome(&one, now)?;
            match outcome.state {
                NoticeState::Sent => summary.sent += 1,
                NoticeState::Planned => summary.retried += 1,
                NoticeState::Uncertain => summary.uncertain += 1,
                _ => summary.failed += 1,
            }
            let task = match outcome.state {
                // The carrier is asked first.
                NoticeState::Uncertain if outcome.reason.as_deref() == Some(LOOKING_UP) => None,
                NoticeState::Uncertain => Some("uncertain"),
                NoticeState::Failed if told => None,
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
        let fates = Fates { outcomes, tasks, never_left, refused, trouble };
        // What the carrier said cannot be asked for again: a lock that somebody holds must not make it a doubt.
        for pause in RECORD_AGAIN_MS {
            match self.write_fates(practice, token, wall, &fates).await {
                Err(error) if error.is_passing() => {
                    tracing::warn!(%practice, %error, "what became of a batch is written down a moment later");
                    tokio::time::sleep(StdDuration::from_millis(pause)).await;
                }
                done => return done,
            }
        }
        self.write_fates(practice, token, wall, &fates).await
    }

    async fn write_fates(
        &self,
        practice: PracticeId,
        token: LeaseToken,
        wall: Instant,
        fates: &Fates,
    ) -> Result<(), FlowError> {
        let Fates { outcomes, tasks, never_left, refused, trouble } = fates;
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        if !refused.is_empty() {
            // First of all locks: an opt-out may follow, and whoever arms holds it and then counts messages of the same days.
            tx.lock_chain_head(practice, Chain::Consent).await?;
        }
        let recorded =
            usize::try_from(tx.record_outcomes(practice, token, wall, outcomes).await?).unwrap_or(usize::MAX);
        if recorded < outcomes.len() {
            // Another worker settled them as lost: it asks the carrier, or a person looks.
            let late = outcomes.len() - recorded;
            tracing::warn!(%practice, late, "hand-overs ended after their lease; what the carrier said of them is lost");
        }
        tx.delete_sends(practice, never_left).await?;
        tx.insert_tasks(practice, wall, tasks).await?;
        self.tell_trouble(&mut tx, practice, trouble).await?;
        if !refused.is_empty() {
            self.refuse_numbers(&mut tx, practice, refused).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    fn outcome(&self, one: &HandedOver, now: Instant) -> Result<Outcome, FlowError> {
        let done = |state, reason: Option<&str>, attempt, code: Option<&str>| Outcome {
            id: one.id,
            state,
            reason: reason.map(str::to_owned),
            provider_ref: None,
            due_at: None,
            attempt,
            code: code.map(str::to_owned),
        };
        Ok(match &one.answer {
            Carried::Accepted { provider_ref } => {
                Outcome { provider_ref: Some(provider_ref.clone()), ..done(NoticeState::Sent, None, "accepted", None) }
            }
            Carried::Refused { code, .. } => done(NoticeState::Failed, Some("refused"), "refused", Some(code)),
            // Without keys a second try could be a second text: the carrier is asked, or a person looks.
            Carried::Unknown { code } if !one.honours_keys => {
                done(NoticeState::Uncertain, Some(one.unsure()), UNKNOWN, Some(code))
            }
            Carried::Unknown { code } => {
                let wait = wait(None, one.attempt_number)?;
                one.again(done(NoticeState::Planned, None, UNKNOWN, Some(code)), wait, now)
            }
            Carried::Retry { after, code, sure: Sure::KeyHolds } => {
                let wait = wait(*after, one.attempt_number)?;
                one.again(done(NoticeState::Planned, None, UNKNOWN, Some(code)), wait, now)
            }
            Carried::Retry { after, code, sure: Sure::NotTaken } => {
                let past = route::past(&one.past, now);
                let unbound = past.iter().all(|attempt| attempt.not_taken);
                let other = one.carrier.is_some_and(|name| self.carriers.another(name, one.channel, &past));
                let wait = if one.answer.may_change_line() && unbound && other {
                    Duration::zero()
                } else if route::not_asked(Some(code)) {
                    // Waiting for a turn says nothing about how often the message failed.
                    wait(*after, 1)?
                } else {
                    wait(*after, one.attempt_number)?
                };
                one.again(done(NoticeState::Planned, None, NOT_TAKEN, Some(code)), wait, now)
            }
        })
    }
}

impl HandedOver {
    /// Why it is uncertain: its carrier is asked first, where it can be.
    fn unsure(&self) -> &'static str {
        if self.looks_up { LOOKING_UP } else { "unknown" }
    }

    /// A later attempt, unless it would be too late. Attempts are not counted, so that an outage of two days loses nothing that
    /// still helps: each is of what was certainly not taken, or of what the carrier would know again by its key (the route sees to
    /// the key's life). What may have been taken ends as uncertain, never as expired: a person must not be told that it did not
    /// go out. What was not taken waits until it expires: arming ends it then, and planning sees what of it still helps.
    fn again(&self, outcome: Outcome, wait: Duration, now: Instant) -> Outcome {
        let due_at = now + wait;
        let unsure =
            outcome.attempt == UNKNOWN || self.past.iter().any(|one| one.outcome.as_deref() != Some(NOT_TAKEN));
        if due_at >= self.expires_at && unsure {
            return Outcome { state: NoticeState::Uncertain, reason: Some(self.unsure().to_owned()), ..outcome };
        }
        Outcome { due_at: Some(due_at.min(self.expires_at)), ..outcome }
    }
}

/// How long until the next attempt.
fn wait(asked: Option<std::time::Duration>, attempt_number: i64) -> Result<Duration, FlowError> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random)?;
    let attempts = u32::try_from(attempt_number).unwrap_or(u32::MAX);
    let wait = kept_carrier::back_off(attempts, u64::from_le_bytes(random), asked);
    Ok(Duration::from_std(wait).unwrap_or(Duration::MAX))
}
