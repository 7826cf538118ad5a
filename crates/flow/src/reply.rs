//! A text that a patient sent back: read in memory, sealed, and what follows from it done in the same transaction.
//!
//! A text can confirm the one visit that was asked about and nothing else: the sender's number can be forged. It can
//! always stop messages. Everything else goes to a person, with at most one automatic answer in [`ANSWER_PAUSE`].

mod answer;

use crate::answer::{AnsweredBy, Answering, PreparedAnswer, Recorded, Words};
use crate::audit::{self, AuditEntry, act};
use crate::consent::{self, ConsentAct, ConsentBasis, NewConsent};
use crate::{Flow, FlowError, OpenPractice};
use answer::{AutoAnswer, Say};
use chrono::Duration;
use kept_carrier::Inbound;
use kept_domain::private::InboundPrivate;
use kept_domain::reply::{Decision, Intent, Reply};
use kept_domain::{Answer, BlindIndex, Channel, InboundId, Instant, TaskId};
use kept_seal::{Blind, Place};
use kept_store::{NewInbound, NewTask, NumberOwner, Scope, ToldVisit, Tx};

/// An automatic answer of one sort goes out at most once in this time, so that two machines cannot talk to each other.
pub const ANSWER_PAUSE: Duration = Duration::minutes(15);

/// Longest text of a reply that is kept, in characters; carriers join ten segments at most.
pub const MAX_REPLY_CHARS: usize = 2_000;

/// What is known of a number when a text comes from it.
struct Sender {
    number: String,
    bix: BlindIndex,
    owners: Vec<NumberOwner>,
    /// Visits to come that it was told of.
    visits: Vec<ToldVisit>,
    stands: Option<ConsentAct>,
    /// Automatic answers it got within [`ANSWER_PAUSE`].
    answered: Vec<String>,
}

impl Sender {
    fn open_visits(&self) -> impl Iterator<Item = &ToldVisit> {
        self.visits.iter().filter(|visit| visit.answer == Answer::NeedsAction)
    }

    fn one_open(&self) -> Option<&ToldVisit> {
        let mut open = self.open_visits();
        open.next().filter(|_| open.next().is_none())
    }
}

/// Everything that follows from a text, made before the transaction that writes it.
struct Plan {
    inbound: NewInbound,
    decision: Decision,
    confirmation: Option<PreparedAnswer>,
    task: Option<&'static str>,
    say: Option<AutoAnswer>,
}

impl Flow {
    pub(crate) async fn take_reply(
        &self,
        open: &OpenPractice,
        provider: &'static str,
        inbound: Inbound,
    ) -> Result<(), FlowError> {
        let practice = open.practice.id;
        let now = self.clock.civil();
        let sender = self.sender(open, &inbound.from, now).await?;
        let decision = self.read_reply(open, &sender, &inbound);
        let plan = self.plan_reply(open, provider, inbound, &sender, decision, now).await?;

        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if !tx.insert_inbound(practice, &plan.inbound).await? {
            // The carrier sent it again because our answer was lost; it was dealt with.
            return Ok(());
        }
        self.follow(&mut tx, open, &sender, plan, now).await?;
        tx.commit().await?;
        metrics::counter!("kept_replies_total", "intent" => decision.intent.as_str()).increment(1);
        Ok(())
    }

    async fn sender(&self, open: &OpenPractice, from: &str, now: Instant) -> Result<Sender, FlowError> {
        let practice = open.practice.id;
        let country = &open.practice.settings.country;
        let number =
            kept_domain::phone::parse(from, country).map_or_else(|_| from.to_owned(), |phone| phone.e164().to_owned());
        let bix = open.keys.blind(Blind::Phone, &number);
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let stands = tx.consent_now(practice, Channel::Sms, &[bix]).await?;
        Ok(Sender {
            owners: tx.number_owners(practice, Channel::Sms, bix).await?,
            visits: tx.told_visits(practice, Channel::Sms, bix, now).await?,
            stands: stands.first().and_then(|now| now.act.parse().ok()),
            answered: tx.answers_since(practice, bix, now - ANSWER_PAUSE).await?,
            number,
            bix,
        })
    }

    fn read_reply(&self, open: &OpenPractice, sender: &Sender, inbound: &Inbound) -> Decision {
        // A discreet practice's texts name no time, so nobody knows what a yes would be to.
        let open_questions = if open.practice.settings.discreet { 0 } else { sender.open_visits().count() };
        let visit = sender.one_open().map(|visit| visit.start_at.local(open.zone_of(visit)));
        let decision = self.replies().classify(&Reply { text: &inbound.text, open_questions, visit });
        if inbound.has_media && !decision.opts_out && decision.intent != Intent::Urgent {
            return Decision { intent: Intent::Person, rule: "media", which: false, ..decision };
        }
        decision
    }

    async fn plan_reply(
        &self,
        open: &OpenPractice,
        provider: &'static str,
        inbound: Inbound,
        sender: &Sender,
        decision: Decision,
        now: Instant,
    ) -> Result<Plan, FlowError> {
        let id: InboundId = self.new_id();
        let about = sender.one_open().or(match sender.visits.as_slice() {
            [only] => Some(only),
            _ => None,
        });
        let confirmation = match (decision.intent, sender.one_open()) {
            (Intent::Accept, Some(visit)) => {
                let answering = Answering {
                    appointment: visit.id,
                    revision: Some(visit.revision),
                    answer: Answer::Accepted,
                    by: AnsweredBy::Text(id),
                    words: Words::default(),
                };
                Some(self.prepare_answer(open.practice.id, answering).await?)
            }
            _ => None,
        };
        let say = match Self::say(open, sender, decision) {
            Some(say) => self.write_answer(open, sender, say, now)?,
            None => None,
        };
        let text = inbound.text.chars().take(MAX_REPLY_CHARS).collect();
        let plain = InboundPrivate { from: sender.number.clone(), text };
        let inbound = NewInbound {
            id,
            provider: provider.to_owned(),
            event: inbound.event,
            bix: sender.bix,
            intent: decision.intent.as_str(),
            rule: decision.rule,
            private: open.keys.seal(&open.salt, Place::new(id, 1), &plain)?,
            appointment: about.map(|visit| visit.id),
            received_at: now,
        };
        Ok(Plan { inbound, decision, confirmation, task: task_of(decision), say })
    }

    /// What a text is answered with by itself.
    fn say(open: &OpenPractice, sender: &Sender, decision: Decision) -> Option<Say> {
        let stopped = sender.stands == Some(ConsentAct::Withdrawn);
        let link = !sender.visits.is_empty();
        let say = match decision.intent {
            Intent::Urgent => Say::Urgent,
            Intent::OptOut | Intent::OptOutAsk if stopped => return None,
            Intent::OptOut | Intent::OptOutAsk => Say::OptOut,
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

    /// Does what follows, in the caller's transaction; the audit entry is the last thing before the commit.
    async fn follow(
        &self,
        tx: &mut Tx,
        open: &OpenPractice,
        sender: &Sender,
        plan: Plan,
        now: Instant,
    ) -> Result<(), FlowError> {
        let practice = open.practice.id;
        let Plan { inbound, decision, confirmation, mut task, mut say } = plan;
        let mut entries = vec![
            AuditEntry::system(act::REPLY_RECEIVED)
                .id("reply", inbound.id)
                .word("intent", decision.intent.as_str())
                .word("rule", decision.rule),
        ];
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
            let (appointment, subject) = (inbound.appointment, Some(inbound.id.into()));
            tx.insert_tasks(practice, now, &[NewTask { id: self.new_id::<TaskId>(), kind, appointment, subject }])
                .await?;
        }
        let consent = match decision.intent {
            _ if decision.opts_out && sender.stands != Some(ConsentAct::Withdrawn) => Some(ConsentAct::Withdrawn),
            Intent::OptIn if sender.stands.is_none_or(|stands| !stands.allows()) => Some(ConsentAct::Restored),
            _ => None,
        };
        if let Some(act) = consent {
            let entry = NewConsent {
                bix: sender.bix,
                channel: Channel::Sms,
                act,
                basis: ConsentBasis::Reply,
                wording: decision.rule,
                locale: None,
                staff: None,
                import: None,
            };
            consent::append(self, tx, practice, now, &[entry]).await?;
            if act == ConsentAct::Withdrawn {
                tx.cancel_planned_notices(practice, Channel::Sms, &[sender.bix], "opted-out", now).await?;
            }
            tx.replan_numbers(practice, &[sender.bix], now).await?;
        }
        if let Some(AutoAnswer { notice, link }) = say {
            tx.insert_links(practice, link.as_slice()).await?;
            tx.insert_answer_notice(practice, now, &notice).await?;
        }
        audit::append(tx, practice, self.clock.wall(), &entries).await
    }
}

/// What a person must look at.
fn task_of(decision: Decision) -> Option<&'static str> {
    match decision.intent {
        Intent::Urgent => Some("urgent"),
        Intent::OptOutAsk => Some("opt-out-ask"),
        Intent::WrongNumber => Some("wrong-number"),
        Intent::Reschedule => Some("reschedule"),
        Intent::CannotCome => Some("cannot-come"),
        Intent::Person if decision.hold => Some("stop-unclear"),
        // A plain yes to several questions, or to none that is open: we ask which, or send the link. Nobody need read "1".
        Intent::Person if decision.which => None,
        Intent::Person => Some("reply"),
        Intent::Accept | Intent::OptOut | Intent::OptIn | Intent::Help => None,
    }
}
