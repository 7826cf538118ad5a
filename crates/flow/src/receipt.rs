//! What carriers call back with: one door for receipts and replies.
//!
//! A webhook is taken as raw bytes, verified against the *configured* address, and kept once by its event's id. States
//! only move forward; a receipt that comes before its hand-over is recorded waits and is applied by the sweep.

mod group;

pub(crate) use group::Groups;
pub use group::{MAX_GROUP, MAX_WAITING};

use crate::audit::{self, AuditEntry, act};
use crate::consent::{self, ConsentAct, ConsentBasis, NewConsent};
use crate::dispatch::trouble::Trouble;
use crate::reply::Arrived;
use crate::{Flow, FlowError};
use chrono::Duration;
use group::Told;
use kept_carrier::{Event, HookKind, HookRequest, MessageStatus, Receipt, Refusal};
use kept_domain::time::day_number;
use kept_domain::{BlindIndex, Channel, NoticeId, NoticeState, PracticeId, TaskId};
use kept_store::{Chain, MessageEnd, NewReceipt, NewTask, Scope, SettledReceipt, Tx, WaitingReceipt};
use std::collections::{BTreeSet, HashMap, HashSet};

pub use kept_carrier::{HookError, HookKind as Kind, MAX_HOOK_BYTES};

/// Receipts applied in one transaction.
pub(crate) const SETTLED: u64 = 500;
/// Messages in a row, each of another day, that did not reach a phone before its number is suspended.
pub const UNREACHED_DAYS: usize = 3;
/// Messages of before are not looked at.
const UNREACHED_SINCE: Duration = Duration::days(120);
/// A receipt for a message that is not ours is looked at for so long.
const STRAYS: Duration = Duration::hours(24);

/// A webhook as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Hook<'a> {
    /// The carrier named in the address.
    pub provider: &'a str,
    /// The practice named in the address.
    pub slug: &'a str,
    /// Receipt or reply.
    pub kind: HookKind,
    /// What stood behind `?`, as it was written.
    pub query: Option<&'a str>,
    /// All headers.
    pub headers: &'a http::HeaderMap,
    /// The raw body.
    pub body: &'a [u8],
}

/// A webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It is not from the carrier, not fresh, or not of its shape.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// No such practice or carrier.
    #[error("no such address")]
    NoSuchAddress,
    /// More webhooks wait than can be kept in time, or the database does not answer; the carrier should send it again.
    #[error("webhooks wait for the database; the carrier sends this one again")]
    Busy,
    /// It is in order, but we failed; the carrier should send it again.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

/// A number that a carrier refuses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefusedNumber {
    pub(crate) bix: BlindIndex,
    pub(crate) channel: Channel,
    pub(crate) why: Refusal,
}

impl Flow {
    /// Takes a webhook and does what follows, for callers who need not answer at once. When it returns, what it told is committed;
    /// what follows from it is done or under way.
    pub async fn take_hook(&self, hook: Hook<'_>) -> Result<(), NotTaken> {
        if let Some(practice) = self.keep_hook(hook).await? {
            self.follow_hooks(practice).await;
        }
        Ok(())
    }

    /// Verifies a webhook and commits what it told, together with others that come at the same time; what follows is left to
    /// [`Flow::follow_hooks`] or to the sweep. Gives the practice it is about, unless it told nothing.
    pub async fn keep_hook(&self, hook: Hook<'_>) -> Result<Option<PracticeId>, NotTaken> {
        let line = self.carriers.by_name(hook.provider).ok_or(NotTaken::NoSuchAddress)?;
        let practice = self.practice_named(hook.slug).await?.ok_or(NotTaken::NoSuchAddress)?;
        let kind = match hook.kind {
            HookKind::Status => "status",
            HookKind::Inbound => "inbound",
        };
        let url = format!("{}/hooks/{}/{}/{kind}", self.settings.public_url, line.name(), hook.slug);
        let request =
            HookRequest { kind: hook.kind, url: &url, query: hook.query, headers: hook.headers, body: hook.body };
        let mut told = Told { provider: line.name(), ..Told::default() };
        for event in line.take(&request, self.clock.wall())? {
            match event {
                Event::Receipt(receipt) => told.receipts.push(receipt_row(receipt)?),
                Event::Inbound(inbound) => {
                    plain(&inbound.event)?;
                    told.texts.push(Arrived { provider: line.name(), inbound, at: self.clock.civil() });
                }
            }
        }
        if told.receipts.is_empty() && told.texts.is_empty() {
            return Ok(None);
        }
        self.keep_told(practice, told).await?;
        Ok(Some(practice))
    }

    /// The sweep: what a process left behind between acknowledging webhooks and following them, and receipts that came before their
    /// hand-over was recorded. Returns how many.
    pub async fn apply_receipts(&self) -> Result<u64, FlowError> {
        let mut applied = 0;
        for practice in self.practices().await? {
            applied += self.follow_all(practice).await?;
            let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
            if tx.give_up_receipts(practice, self.clock.wall() - STRAYS).await? > 0 {
                tx.commit().await?;
            } else {
                tx.rollback().await?;
            }
        }
        Ok(applied)
    }

    /// Applies receipts that wait, at most [`SETTLED`]. Returns how many.
    pub(crate) async fn settle_some(&self, practice: PracticeId) -> Result<u64, FlowError> {
        // The first look costs no lock; most of the time nothing waits.
        let idle = self.store.read(Scope::Practice(practice)).await?.waiting_receipts(practice, 1).await?.is_empty();
        if idle {
            return Ok(0);
        }
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        let settled = self.settle_waiting(&mut tx, practice).await?;
        tx.commit().await?;
        Ok(settled)
    }

    /// Applies what waits, in the caller's transaction; last but the commit.
    async fn settle_waiting(&self, tx: &mut Tx, practice: PracticeId) -> Result<u64, FlowError> {
        let now = self.clock.civil();
        let waiting = tx.waiting_receipts(practice, i64::try_from(SETTLED).unwrap_or(i64::MAX)).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let settled: Vec<SettledReceipt> = waiting
            .iter()
            .map(|receipt| SettledReceipt {
                provider: receipt.provider.clone(),
                event: receipt.event.clone(),
                notice: receipt.notice,
                state: state_of(receipt),
            })
            .collect();
        let opted_out = |receipt: &WaitingReceipt| {
            let line = self.carriers.by_name(&receipt.provider);
            receipt.code.as_deref().zip(line).is_some_and(|(code, line)| line.refusal(code) == Refusal::OptedOut)
        };
        if waiting.iter().any(opted_out) {
            // First of all locks, where an opt-out may follow: whoever arms holds it, and then touches the same visits.
            tx.lock_chain_head(practice, Chain::Consent).await?;
        }
        let moved = tx.settle_receipts(practice, now, &settled).await?;
        let notices: Vec<_> = moved.iter().map(|(id, _)| *id).collect();
        let visits = tx.visits_of_notices(practice, &notices).await?;
        tx.mark_appointments_dirty(practice, visits).await?;

        let failed: Vec<&WaitingReceipt> = waiting
            .iter()
            .filter(|receipt| moved.contains(&(receipt.notice, NoticeState::Failed)))
            .filter(|receipt| state_of(receipt) == Some(NoticeState::Failed))
            .collect();
        let tasks: Vec<NewTask> = failed
            .iter()
            .map(|receipt| NewTask {
                id: self.new_id::<TaskId>(),
                kind: "undelivered",
                appointment: None,
                subject: Some(receipt.notice.into()),
            })
            .collect();
        tx.insert_tasks(practice, now, &tasks).await?;
        let mut trouble = Trouble::default();
        for receipt in &failed {
            trouble.note(&self.carriers, &receipt.provider, receipt.code.as_deref().unwrap_or_default());
        }
        self.tell_trouble(tx, practice, &trouble).await?;
        let codes: Vec<(NoticeId, &str)> =
            failed.iter().filter_map(|receipt| Some((receipt.notice, receipt.code.as_deref()?))).collect();
        tx.note_codes(practice, &codes).await?;
        let refused: Vec<RefusedNumber> = failed
            .iter()
            .filter_map(|receipt| {
                let line = self.carriers.by_name(&receipt.provider)?;
                let why = line.refusal(receipt.code.as_deref()?);
                Some(RefusedNumber { bix: receipt.bix, channel: receipt.channel, why })
            })
            .collect();
        self.refuse_numbers(tx, practice, &refused).await?;
        Ok(u64::try_from(waiting.len()).unwrap_or(u64::MAX))
    }

    /// Of numbers at which the phone was not reached, those where that goes on: [`UNREACHED_DAYS`] messages in a row, each of another
    /// day. A phone may be off, and its owner still wants the next message.
    async fn never_reached(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        refused: &[RefusedNumber],
    ) -> Result<HashSet<(Channel, BlindIndex)>, FlowError> {
        let some = refused.iter().filter(|number| number.why == Refusal::NotReached);
        let numbers: Vec<BlindIndex> = some.map(|number| number.bix).collect::<HashSet<_>>().into_iter().collect();
        let since = i64::from(day_number((self.clock.civil() - UNREACHED_SINCE).utc().date_naive()));
        let mut ends: HashMap<(Channel, BlindIndex), Vec<MessageEnd>> = HashMap::new();
        for end in tx.ends_of_numbers(practice, &numbers, since).await? {
            ends.entry((end.channel, end.bix)).or_default().push(end);
        }
        let not_reached = |end: &&MessageEnd| {
            let line = self.carriers.by_name(&end.carrier);
            let why = end.code.as_deref().zip(line).map(|(code, line)| line.refusal(code));
            end.state == NoticeState::Failed && why == Some(Refusal::NotReached)
        };
        let goes_on = |ends: &[MessageEnd]| {
            let days: BTreeSet<i64> = ends.iter().take_while(not_reached).map(|end| end.send_day).collect();
            days.len() >= UNREACHED_DAYS
        };
        Ok(ends.into_iter().filter(|(_, ends)| goes_on(ends)).map(|(number, _)| number).collect())
    }

    /// Numbers that the carrier says opted out there, or cannot be reached: no more messages to them. In the caller's
    /// transaction; last but the commit.
    pub(crate) async fn refuse_numbers(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        refused: &[RefusedNumber],
    ) -> Result<(), FlowError> {
        let now = self.clock.civil();
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        let never_reached = self.never_reached(tx, practice, refused).await?;
        for number in refused.iter().filter(|number| seen.insert((number.channel.as_str(), number.bix.0))) {
            let reason = match number.why {
                Refusal::NotAccepted => continue,
                Refusal::NotReached if !never_reached.contains(&(number.channel, number.bix)) => continue,
                Refusal::OptedOut => {
                    let stands = tx.consent_now(practice, number.channel, &[number.bix]).await?;
                    if stands.iter().any(|stands| stands.act == ConsentAct::Withdrawn.as_str()) {
                        // The ledger knows: the carrier refused what we say to those who just opted out.
                        continue;
                    }
                    let entry = NewConsent {
                        bix: number.bix,
                        channel: number.channel,
                        act: ConsentAct::Withdrawn,
                        basis: ConsentBasis::Carrier,
                        wording: "carrier.opted-out",
                        locale: None,
                        staff: None,
                        import: None,
                    };
                    consent::withdraw(self, tx, practice, now, &entry).await?;
                    "opted-out"
                }
                Refusal::Unreachable | Refusal::NotReached => {
                    tx.suspend_number(practice, number.channel, number.bix, "unreachable").await?;
                    "number-suspended"
                }
            };
            tx.cancel_planned_notices(practice, number.channel, &[number.bix], reason, now).await?;
            tx.replan_numbers(practice, &[number.bix], now).await?;
            entries.push(AuditEntry::system(act::NUMBER_REFUSED).word("reason", reason));
        }
        audit::append(tx, practice, self.clock.wall(), &entries).await
    }
}

/// No id or code of a carrier has a NUL in it, and PostgreSQL stores none.
fn plain(text: &str) -> Result<(), HookError> {
    if text.contains('\0') { Err(HookError::Malformed) } else { Ok(()) }
}

fn receipt_row(receipt: Receipt) -> Result<NewReceipt, HookError> {
    for text in [Some(&receipt.event), Some(&receipt.provider_ref), receipt.code.as_ref()].into_iter().flatten() {
        plain(text)?;
    }
    Ok(NewReceipt {
        event: receipt.event,
        provider_ref: receipt.provider_ref,
        status: receipt.status.as_str(),
        code: receipt.code,
    })
}

fn state_of(receipt: &WaitingReceipt) -> Option<NoticeState> {
    match receipt.status.parse() {
        Ok(MessageStatus::Delivered) => Some(NoticeState::Delivered),
        Ok(MessageStatus::Undelivered) => Some(NoticeState::Failed),
        Ok(MessageStatus::Queued | MessageStatus::Sent) | Err(_) => None,
    }
}
