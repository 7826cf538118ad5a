//! A text that a patient sent back: read in memory, sealed and kept, and acknowledged; then what follows from it.
//!
//! A text can confirm the one visit that was asked about by the number it went to, and nothing else: the sender's number can be forged. It can
//! always stop messages. Everything else goes to a person, with at most one automatic answer in [`ANSWER_PAUSE`].

mod answer;
pub mod asked;
mod follow;

use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use chrono_tz::Tz;
use kept_carrier::{Gateway, Inbound};
use kept_domain::phone::parse;
use kept_domain::private::InboundPrivate;
use kept_domain::reply::{Decision, Intent, Reply};
use kept_domain::{Answer, BlindIndex, Channel, InboundId, Instant, LocationId};
use kept_seal::{Blind, Place};
use kept_store::{NewInbound, Scope, ToldVisit};
use std::collections::HashMap;

/// An automatic answer of one sort goes out at most once in this time, so that two machines cannot talk to each other.
pub const ANSWER_PAUSE: Duration = Duration::minutes(15);

/// Longest text of a reply that is kept, in characters; carriers join ten segments at most.
pub const MAX_REPLY_CHARS: usize = 2_000;

/// A text whose webhook was verified, not kept yet.
pub(crate) struct Arrived {
    pub(crate) provider: &'static str,
    pub(crate) inbound: Inbound,
    /// Civil.
    pub(crate) at: Instant,
}

/// Visits that a number was asked about and has not answered.
fn open_visits(visits: &[ToldVisit]) -> impl Iterator<Item = &ToldVisit> {
    visits.iter().filter(|visit| visit.answer == Answer::NeedsAction)
}

fn one_open(visits: &[ToldVisit]) -> Option<&ToldVisit> {
    let mut open = open_visits(visits);
    open.next().filter(|_| open.next().is_none())
}

/// Each visit once, whoever asked about it.
fn each_once(mut visits: Vec<ToldVisit>) -> Vec<ToldVisit> {
    visits.dedup_by_key(|visit| visit.id);
    visits
}

impl OpenPractice {
    /// Whether a text to the number `to` answers what a location asked. A location without a number of its own asks from the
    /// carrier's, and where the carrier does not say where the text went, any may have asked.
    fn asked_from(&self, asking: LocationId, to: Option<&str>) -> bool {
        let Some(to) = to else { return true };
        let country = &self.practice.settings.country;
        let same = |sender: &str| {
            sender == to
                || matches!((parse(sender, country), parse(to, country)), (Ok(ours), Ok(theirs)) if ours.e164() == theirs.e164())
        };
        match self.location(asking).and_then(|found| found.sender.as_deref()) {
            Some(sender) => same(sender),
            None => !self.locations.iter().any(|other| other.sender.as_deref().is_some_and(same)),
        }
    }

    fn zone_of(&self, visit: &ToldVisit) -> Tz {
        self.location(visit.location).map_or(self.practice.time_zone, |found| found.location.time_zone)
    }
}

impl Flow {
    /// Reads texts: what each means by what its number was asked, and the rows to keep. Nothing is written, and the clear text goes no
    /// further.
    pub(crate) async fn read_texts(
        &self,
        open: &OpenPractice,
        arrived: &[&Arrived],
    ) -> Result<Vec<NewInbound>, FlowError> {
        if arrived.is_empty() {
            return Ok(Vec::new());
        }
        let country = &open.practice.settings.country;
        let senders: Vec<(String, BlindIndex)> = arrived
            .iter()
            .map(|text| {
                let from = &text.inbound.from;
                let number = parse(from, country).map_or_else(|_| from.clone(), |phone| phone.e164().to_owned());
                let bix = open.keys.blind(Blind::Phone, &number);
                (number, bix)
            })
            .collect();
        let numbers: Vec<BlindIndex> = senders.iter().map(|(_, bix)| *bix).collect();
        let mut told: HashMap<BlindIndex, Vec<ToldVisit>> = HashMap::new();
        let mut tx = self.store.read(Scope::Practice(open.practice.id)).await?;
        for (bix, visit) in tx.told_visits(open.practice.id, Channel::Sms, &numbers, self.clock.civil()).await? {
            told.entry(bix).or_default().push(visit);
        }
        drop(tx);
        arrived
            .iter()
            .zip(senders)
            .map(|(text, (number, bix))| {
                let visits = told.get(&bix).into_iter().flatten();
                let visits = visits.filter(|visit| open.asked_from(visit.asking, text.inbound.to.as_deref()));
                let visits = each_once(visits.cloned().collect());
                let decision = heed(text.inbound.gateway, self.read_reply(open, &visits, &text.inbound));
                let about = one_open(&visits).or(match &visits[..] {
                    [only] => Some(only),
                    _ => None,
                });
                let id: InboundId = self.new_id();
                let words = text.inbound.text.chars().take(MAX_REPLY_CHARS).collect();
                let plain = InboundPrivate { from: number, text: words };
                Ok(NewInbound {
                    id,
                    provider: text.provider.to_owned(),
                    event: text.inbound.event.clone(),
                    bix,
                    intent: decision.intent.as_str(),
                    rule: decision.rule,
                    private: open.keys.seal(&open.salt, Place::new(id, 1), &plain)?,
                    opts_out: decision.opts_out,
                    gateway_answered: text.inbound.gateway.is_some(),
                    appointment: about.map(|visit| visit.id),
                    revision: about.map(|visit| visit.revision),
                    received_at: text.at,
                })
            })
            .collect()
    }

    fn read_reply(&self, open: &OpenPractice, visits: &[ToldVisit], inbound: &Inbound) -> Decision {
        // A discreet practice's texts name no time, so nobody knows what a yes would be to.
        let open_questions = if open.practice.settings.discreet { 0 } else { open_visits(visits).count() };
        let visit = one_open(visits).map(|visit| visit.start_at.local(open.zone_of(visit)));
        let decision = self.replies().classify(&Reply { text: &inbound.text, open_questions, visit });
        if inbound.has_media && !decision.opts_out && decision.intent != Intent::Urgent {
            // What holds keeps its rule: the hold is read from it when the text is followed.
            let rule = if decision.hold { decision.rule } else { "media" };
            return Decision::stored(Intent::Person, rule, false);
        }
        decision
    }
}

/// What the carrier heard counts: it blocks our messages from now on, whatever word it took for a STOP. That it lets them
/// through again counts for nothing here: it may do so at a mere YES, and only START restores.
fn heed(gateway: Option<Gateway>, decision: Decision) -> Decision {
    match gateway {
        Some(Gateway::Stop) if !decision.opts_out => {
            let urgent = decision.intent == Intent::Urgent;
            let (intent, rule) =
                if urgent { (Intent::Urgent, decision.rule) } else { (Intent::OptOut, "carrier-stop") };
            Decision::stored(intent, rule, true)
        }
        _ => decision,
    }
}
