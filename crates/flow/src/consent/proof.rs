//! `kept consent verify`: the chain is walked, and every attempt is held beside the ledger as it stood then.
//!
//! It trusts nothing that sending itself looked at (`consent_now`, states, settings): only the attempts and the chained entries. A
//! page at a time, so that a ledger and a history of any length fit.

use super::ConsentAct;
use crate::{Flow, FlowError};
use chrono::Duration;
use kept_domain::{AttemptId, BlindIndex, Channel, Instant, NoticeId, NoticeKind, PracticeId, text_enum};
use kept_seal::chain::ChainBreak;
use kept_store::{ArmedAttempt, LedgerLine, Scope};
use std::collections::{HashMap, HashSet};

/// Attempts that are looked at together.
const PAGE: i64 = 1_000;
/// An opt-out is confirmed within this time, once, or not at all (design "Consent and opt-out").
pub const CONFIRMED_WITHIN: Duration = Duration::minutes(5);
/// What is sent to somebody who wants no messages answers a text that they sent within this time.
pub const ASKED_WITHIN: Duration = Duration::hours(1);

/// Answers that are said to everybody.
pub(crate) const SAID_ANYWAY: [&str; 2] = ["opt-out", "urgent"];
/// Answers that are said to who opted out as well, if they asked for them.
pub(crate) const SAID_WHEN_ASKED: [&str; 2] = ["help", "opt-in"];

text_enum! {
    /// What is wrong with an attempt.
    Wrong: "finding about consent" {
        /// The number had opted out.
        AfterWithdrawal => "after-withdrawal",
        /// Nobody had ever agreed, or the calendar said No.
        NoGrant => "no-grant",
        /// An answer to somebody who wants no messages and had not asked.
        Unasked => "unasked",
        /// The confirmation of an opt-out came later than five minutes after it.
        ConfirmedLate => "confirmed-late",
        /// The confirmation of an opt-out was sent a second time.
        ConfirmedTwice => "confirmed-twice",
        /// The notice claims to have gone out and has no attempt.
        NoAttempt => "no-attempt",
    }
}

/// An attempt that should not have been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub wrong: Wrong,
    /// The notice.
    pub notice: NoticeId,
    /// The attempt's number, from 1; none where there is no attempt.
    pub attempt: Option<i64>,
    /// How it travelled.
    pub channel: Channel,
    /// When it was armed.
    pub at: Instant,
    /// The ledger's entry that forbade it, and when that was written; none where the ledger has none.
    pub entry: Option<(i64, Instant)>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Entries of the ledger, or where its chain is broken.
    pub chain: Result<i64, ChainBreak>,
    /// Attempts that were held beside it.
    pub attempts: u64,
    /// What was found.
    pub findings: u64,
    /// Texts that opt out, acknowledged and not in the ledger yet. They hold everything to their numbers meanwhile.
    pub waiting: i64,
}

impl Proof {
    /// Whether everything is in order.
    pub fn is_clean(&self) -> bool {
        self.chain.is_ok() && self.findings == 0
    }
}

/// What is known of the numbers of a page.
#[derive(Debug, Default)]
struct Known {
    ledger: HashMap<(BlindIndex, Channel), Vec<LedgerLine>>,
    texts: HashMap<BlindIndex, Vec<Instant>>,
    confirmations: HashMap<BlindIndex, Vec<(NoticeId, Instant)>>,
}

impl Flow {
    /// Verifies a practice's consent ledger and that no attempt went against it. Each finding is handed to `found` as it is met.
    ///
    /// # Errors
    /// When the database cannot be read. A broken chain and findings are results, not errors.
    pub async fn prove_consent(
        &self,
        practice: PracticeId,
        mut found: impl FnMut(&Finding),
    ) -> Result<Proof, FlowError> {
        let chain = self.verify_consents(practice).await?;
        let mut proof = Proof { chain, attempts: 0, findings: 0, waiting: 0 };
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        proof.waiting = tx.opt_outs_waiting(practice).await?;
        let mut after = AttemptId::from_uuid(uuid::Uuid::nil());
        loop {
            let page = tx.attempts_after(practice, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            let numbers: Vec<BlindIndex> =
                page.iter().map(|attempt| attempt.bix).collect::<HashSet<_>>().into_iter().collect();
            let mut known = Known::default();
            for line in tx.ledger_of(practice, &numbers).await? {
                known.ledger.entry((line.bix, line.channel)).or_default().push(line);
            }
            if page.iter().any(|attempt| attempt.kind == NoticeKind::Answer) {
                for (bix, at) in tx.texts_of(practice, &numbers).await? {
                    known.texts.entry(bix).or_default().push(at);
                }
                for (bix, confirmed) in tx.opt_out_confirmations(practice, &numbers).await? {
                    known.confirmations.entry(bix).or_default().push(confirmed);
                }
            }
            for attempt in &page {
                proof.attempts += 1;
                let Some((wrong, entry)) = judge(attempt, &known) else { continue };
                proof.findings += 1;
                found(&Finding {
                    wrong,
                    notice: attempt.notice,
                    attempt: Some(attempt.number),
                    channel: attempt.channel,
                    at: attempt.at,
                    entry: entry.map(|line| (line.seq, line.at)),
                });
            }
        }
        let mut after = NoticeId::from_uuid(uuid::Uuid::nil());
        loop {
            let page = tx.said_without_attempt(practice, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for notice in &page {
                proof.findings += 1;
                let (wrong, attempt, entry) = (Wrong::NoAttempt, None, None);
                found(&Finding { wrong, notice: notice.id, attempt, channel: notice.channel, at: notice.at, entry });
            }
        }
        Ok(proof)
    }
}

/// Holds one attempt beside the ledger as it stood then. Pure.
fn judge<'a>(attempt: &ArmedAttempt, known: &'a Known) -> Option<(Wrong, Option<&'a LedgerLine>)> {
    let lines = known.ledger.get(&(attempt.bix, attempt.channel)).map(Vec::as_slice).unwrap_or_default();
    // Of entries of the same millisecond those count that are not after the one that arming saw. An attempt that names none
    // (an answer, or a row that nobody armed) has all of them against it.
    let seen = attempt.consent_seq.unwrap_or(i64::MAX);
    let stood = lines.iter().rfind(|line| line.at < attempt.at || line.at == attempt.at && line.seq <= seen);
    let act = stood.and_then(|line| line.act.parse::<ConsentAct>().ok());
    if act.is_some_and(ConsentAct::allows) {
        return None;
    }
    let stopped = act == Some(ConsentAct::Withdrawn);
    if attempt.kind != NoticeKind::Answer {
        return Some((if stopped { Wrong::AfterWithdrawal } else { Wrong::NoGrant }, stood));
    }
    if attempt.template == "opt-out"
        && let Some(line) = stood.filter(|_| stopped)
    {
        if attempt.at - line.at > CONFIRMED_WITHIN {
            return Some((Wrong::ConfirmedLate, stood));
        }
        let confirmed = known.confirmations.get(&attempt.bix).map(Vec::as_slice).unwrap_or_default();
        let first = confirmed.iter().find(|(_, at)| *at >= line.at);
        let again = first.is_some_and(|(notice, _)| *notice != attempt.notice);
        return again.then_some((Wrong::ConfirmedTwice, stood));
    }
    let texts = known.texts.get(&attempt.bix).map(Vec::as_slice).unwrap_or_default();
    let asked = texts.iter().any(|at| *at <= attempt.at && attempt.at - *at <= ASKED_WITHIN);
    // Any text may be the one that opted out: after it nothing is said that it, or one before it, would else be answered with.
    let template = attempt.template.as_str();
    let is_for_all = SAID_ANYWAY.contains(&template) || SAID_WHEN_ASKED.contains(&template);
    let in_order = asked && (is_for_all || !stopped);
    (!in_order).then_some((Wrong::Unasked, stood))
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
