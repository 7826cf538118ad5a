//! What follows from texts that were kept: answers, opt-outs, tasks. Done right after the acknowledgement, and by the sweep where a process
//! died in between; once, and in the order in which a number sent them.

use super::answer::{AutoAnswer, Say};
use super::{ANSWER_PAUSE, open_visits};
use crate::answer::{AnsweredBy, Answering, PreparedAnswer, Recorded, Words};
use crate::audit::{self, AuditEntry, act};
use crate::consent::{self, ConsentAct, ConsentBasis, NewConsent};
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::private::InboundPrivate;
use kept_domain::reply::{Decision, Intent};
use kept_domain::{Answer, AppointmentId, BlindIndex, Channel, InboundId, Instant, Locale, PracticeId, TaskId};
use kept_seal::Place;
use kept_store::{Chain, NewTask, NumberOwner, Scope, ToldVisit, Tx, WaitingText};
use std::collections::{HashMap, HashSet};

/// Texts that are followed in one transaction: a batch must not keep the portal waiting.
const MAX_FOLLOWED: usize = 25;
/// Texts looked at to find as many of different numbers.
const LOOKED_AT: i64 = 200;

/// What is known of a number when its text is followed.
pub(super) struct Sender {
    pub(super) number: String,
    pub(super) bix: BlindIndex,
    pub(super) owners: Vec<NumberOwner>,
    /// Visits to come that it was told of.
    pub(super) visits: Vec<ToldVisit>,
    pub(super) stands: Option<ConsentAct>,
    /// Automatic answers it got within [`ANSWER_PAUSE`].
    pub(super) answered: Vec<String>,
}

impl Sender {
    pub(super) fn open_visits(&self) -> impl Iterator<Item = &ToldVisit> {
        open_visits(&self.visits)
    }
}

/// Everything that follows from a text, made before the transaction that writes it.
struct Plan {
    text: WaitingText,
    decision: Decision,
    confirmation: Option<PreparedAnswer>,
    task: Option<&'static str>,
    say: Option<AutoAnswer>,
    sender: Sender,
}

/// What following some texts left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) done: u64,
    /// More wait.
    pub(crate) more: bool,
}

impl Flow {
    /// Follows the texts that wait, of each number the earliest, at most [`MAX_FOLLOWED`].
    pub(crate) async fn follow_texts(&self, practice: PracticeId) -> Result<Followed, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let waiting = tx.waiting_texts(practice, LOOKED_AT).await?;
        if waiting.is_empty() {
            return Ok(Followed::default());
        }
        let looked_at = waiting.len();
        let now = self.clock.civil();
        let mut seen = HashSet::new();
        let texts: Vec<WaitingText> =
            waiting.into_iter().filter(|text| seen.insert(text.bix)).take(MAX_FOLLOWED).collect();
        let numbers: Vec<BlindIndex> = texts.iter().map(|text| text.bix).collect();
        let mut senders = senders(&mut tx, practice, &numbers, now).await?;
        drop(tx);

        let open = self.practice(practice).await?;
        let ids: Vec<InboundId> = texts.iter().map(|text| text.id).collect();
        let mut plans = Vec::with_capacity(texts.len());
        for text in texts {
            let sender = senders.remove(&text.bix).unwrap_or_else(|| Sender::stranger(text.bix));
            plans.push(self.plan_reply(&open, text, sender, now).await?);
        }
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        // First of all locks: whoever arms holds it, and then touches the same visits.
        tx.lock_chain_head(practice, Chain::Consent).await?;
        let ours: HashSet<InboundId> = tx.claim_texts(practice, &ids).await?.into_iter().collect();
        let mut entries = Vec::new();
        let mut done = 0;
        for plan in plans.into_iter().filter(|plan| ours.contains(&plan.text.id)) {
            self.follow(&mut tx, &open, plan, now, &mut entries).await?;
            done += 1;
        }
        audit::append(&mut tx, practice, self.clock.wall(), &entries).await?;
        tx.commit().await?;
        Ok(Followed { done, more: looked_at > ids.len() })
    }

    async fn plan_reply(
        &self,
        open: &OpenPractice,
        text: WaitingText,
        mut sender: Sender,
        now: Instant,
    ) -> Result<Plan, FlowError> {
        let person = Decision::stored(Intent::Person, "unknown-words", text.opts_out);
        let decision = match text.intent.parse() {
            Ok(intent) => Decision::stored(intent, &text.rule, text.opts_out),
            // A newer program kept it; a person reads it.
            Err(_) => person,
        };
        let opened: Result<InboundPrivate, _> =
            open.keys.open(&open.salt, Place::new(text.id, text.rev), &text.private);
        match opened {
            Ok(plain) => sender.number = plain.from,
            Err(error) => {
                // It stops what it stops, and a person is told; it must not hold up the others.
                self.note_tampering(&error.into()).await?;
                let decision = if decision.opts_out { decision } else { person };
                return Ok(Plan { text, decision, confirmation: None, task: Some("reply"), say: None, sender });
            }
        }
        let asked = text.appointment.map(AppointmentId::from_uuid);
        let about = sender.visits.iter().find(|visit| Some(visit.id) == asked).cloned();
        let confirmation = match (decision.intent, &about, text.revision) {
            // Answered otherwise in the meantime: a person reads it.
            (Intent::Accept, Some(visit), Some(revision))
                if matches!(visit.answer, Answer::NeedsAction | Answer::Accepted) =>
            {
                let answering = Answering {
                    appointment: visit.id,
                    revision: Some(revision),
                    answer: Answer::Accepted,
                    by: AnsweredBy::Text(text.id),
                    words: Words::default(),
                };
                Some(self.prepare_answer(open.practice.id, answering).await?)
            }
            _ => None,
        };
        let say = match Self::say(open, &sender, decision, text.gateway_answered) {
            Some(say) => self.write_answer(open, &sender, about.as_ref(), say, text.received_at, now)?,
            None => None,
        };
        let task = task_of(decision, !sender.visits.is_empty());
        Ok(Plan { text, decision, confirmation, task, say, sender })
    }

    /// What a text is answered with by itself.
    fn say(open: &OpenPractice, sender: &Sender, decision: Decision, gateway_answered: bool) -> Option<Say> {
        let stopped = sender.stands == Some(ConsentAct::Withdrawn);
        let link = !sender.visits.is_empty();
        let say = match decision.intent {
            Intent::Urgent => Say::Urgent,
            Intent::OptOut | Intent::OptOutAsk if stopped || gateway_answered => return None,
            Intent::OptOut | Intent::OptOutAsk => Say::OptOut,
            Intent::OptIn | Intent::Help if gateway_answered => return None,
            Intent::OptIn => Say::OptIn,
            Intent::Help => Say::Help,
            // To a stranger nothing more is said. Who opted out hears of nothing but what they ask for above.
            Intent::WrongNumber => return None,
            _ if stopped => return None,
            Intent::Accept => Say::Confirmed,
            Intent::Reschedule | Intent::CannotCome if link => Say::LinkAgain,
            Intent::Person if decision.hold => return None,
            Intent::Person if decision.which && sender.open_visits().nth(1).is_some() => {
                if open.practice.settings.discreet { Say::UseLink } else { Say::AskWhich }
            }
            Intent::Reschedule | Intent::CannotCome | Intent::Person => Say::UseLink,
        };
        let again = sender.answered.iter().any(|template| say.is_like(template));
        (!again || say == Say::OptOut).then_some(say)
    }

    /// Does what follows, in the caller's transaction, which has claimed the text and holds the ledger's head.
    async fn follow(
        &self,
        tx: &mut Tx,
        open: &OpenPractice,
        plan: Plan,
        now: Instant,
        entries: &mut Vec<AuditEntry>,
    ) -> Result<(), FlowError> {
        let practice = open.practice.id;
        let Plan { text, decision, confirmation, mut task, mut say, sender } = plan;
        entries.push(
            AuditEntry::system(act::REPLY_RECEIVED)
                .id("reply", text.id)
                .word("intent", decision.intent.as_str())
                .word("rule", decision.rule),
        );
        if decision.intent == Intent::Accept {
            let mut stands = false;
            if let Some(prepared) = confirmation {
                let (recorded, entry) = self.apply_answer(tx, &prepared).await?;
                entries.extend(entry);
                stands = !matches!(recorded, Recorded::Refused(_));
            }
            if !stands {
                (task, say) = (Some("reply"), None);
            }
        }
        if decision.intent == Intent::WrongNumber {
            tx.suspend_number(practice, Channel::Sms, sender.bix, "wrong-number").await?;
            tx.revoke_links_of_contact(practice, sender.bix, "wrong-number", now).await?;
            tx.cancel_planned_notices(practice, Channel::Sms, &[sender.bix], "number-suspended", now).await?;
            tx.replan_numbers(practice, &[sender.bix], now).await?;
        }
        if let Some(kind) = task {
            let appointment = text.appointment.map(AppointmentId::from_uuid);
            let subject = Some(text.id.into());
            tx.insert_tasks(practice, now, &[NewTask { id: self.new_id::<TaskId>(), kind, appointment, subject }])
                .await?;
        }
        let entry = NewConsent {
            bix: sender.bix,
            channel: Channel::Sms,
            act: ConsentAct::Withdrawn,
            basis: ConsentBasis::Reply,
            wording: decision.rule,
            // The language that they are written to in, and so that of what they answered.
            locale: Some(sender.locale(open)),
            staff: None,
            import: None,
        };
        if decision.opts_out {
            consent::withdraw(self, tx, practice, now, &entry).await?;
        } else if decision.intent == Intent::OptIn {
            consent::restore(self, tx, practice, now, &entry).await?;
        }
        if let Some(AutoAnswer { notice, link }) = say {
            tx.insert_links(practice, link.as_slice()).await?;
            tx.insert_answer_notice(practice, now, &notice).await?;
        }
        Ok(())
    }
}

impl Sender {
    /// The language that the number is written to in.
    pub(super) fn locale(&self, open: &OpenPractice) -> Locale {
        let own = open.practice.settings.locales.first().copied().unwrap_or(Locale::En);
        self.owners.first().and_then(|owner| owner.locale).unwrap_or(own)
    }

    fn stranger(bix: BlindIndex) -> Self {
        Self { number: String::new(), bix, owners: Vec::new(), visits: Vec::new(), stands: None, answered: Vec::new() }
    }
}

pub(super) async fn senders(
    tx: &mut Tx,
    practice: PracticeId,
    numbers: &[BlindIndex],
    now: Instant,
) -> Result<HashMap<BlindIndex, Sender>, FlowError> {
    let mut found: HashMap<BlindIndex, Sender> = numbers.iter().map(|bix| (*bix, Sender::stranger(*bix))).collect();
    for stands in tx.consent_now(practice, Channel::Sms, numbers).await? {
        let Some(sender) = found.get_mut(&stands.bix) else { continue };
        sender.stands = stands.act.parse().ok();
    }
    for (bix, owner) in tx.number_owners(practice, Channel::Sms, numbers).await? {
        found.entry(bix).or_insert_with(|| Sender::stranger(bix)).owners.push(owner);
    }
    for (bix, visit) in tx.told_visits(practice, Channel::Sms, numbers, now).await? {
        found.entry(bix).or_insert_with(|| Sender::stranger(bix)).visits.push(visit);
    }
    for sender in found.values_mut() {
        sender.visits.dedup_by_key(|visit| visit.id);
    }
    for (bix, template) in tx.answers_since(practice, numbers, now - ANSWER_PAUSE).await? {
        found.entry(bix).or_insert_with(|| Sender::stranger(bix)).answered.push(template);
    }
    Ok(found)
}

/// What a person must look at; `awaited`: visits that the number was told of are still to come.
fn task_of(decision: Decision, awaited: bool) -> Option<&'static str> {
    match decision.intent {
        Intent::Urgent => Some("urgent"),
        Intent::OptOutAsk => Some("opt-out-ask"),
        Intent::WrongNumber => Some("wrong-number"),
        Intent::Reschedule => Some("reschedule"),
        Intent::CannotCome => Some("cannot-come"),
        Intent::Person if decision.hold => Some("stop-unclear"),
        // A plain yes to several questions, or to one that is answered: we ask which, or send the link. Nobody need read "1".
        // After the visit began or was cancelled there is nothing to ask, and a person reads it.
        Intent::Person if decision.which && awaited => None,
        Intent::Person => Some("reply"),
        Intent::Accept | Intent::OptOut | Intent::OptIn | Intent::Help => None,
    }
}
