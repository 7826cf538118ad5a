//! "Reminders and language": what a patient decides about messages, and what the practice has recorded of it.
//!
//! None of it can be undone by a second tap or a reload, because each form says what shall be, not what shall change. So
//! these forms need no nonce; they name the link, so that two tabs cannot cross.

use super::Session;
use crate::audit::{self, Actor, AuditEntry, act};
use crate::consent::{self, ConsentAct, ConsentBasis, NewConsent};
use crate::visit::{ConsentEvent, carrier_blocks, event, opened};
use crate::{Flow, FlowError};
use chrono::NaiveDateTime;
use kept_domain::{BlindIndex, Channel, LinkId, Locale, PracticeId};
use kept_store::{PortalVisit, Scope, VisitContact};
use std::collections::HashMap;

/// Wording of the button: "Stop all reminders".
pub const WORDING_STOP: &str = "portal.stop.1";
/// Wording of the button: "Send me reminders again".
pub const WORDING_AGAIN: &str = "portal.again.1";
/// Wording of the button beside one number or address: "Stop these".
pub const WORDING_STOP_ONE: &str = "portal.stop-one.1";
/// Wording of the button beside one number or address: "Start these again".
pub const WORDING_AGAIN_ONE: &str = "portal.again-one.1";

/// A number or address, as much of it as its owner needs to know it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// How messages reach it.
    pub channel: Channel,
    /// The last four digits, or the first letter and the domain.
    pub hint: String,
    /// Whether messages go there by what is recorded.
    pub allowed: bool,
}

/// A visit of the session, and whether reminders of it go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutableVisit {
    /// "Visit 1".
    pub ordinal: i64,
    /// Start on the location's clock.
    pub start: NaiveDateTime,
    /// The patient wants no reminders of it.
    pub muted: bool,
}

/// What a session's patient decided, and what is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// The link, named by each form.
    pub link: LinkId,
    /// The language on record.
    pub locale: Option<Locale>,
    /// The channel the patient wants.
    pub channel: Option<Channel>,
    /// Channels to choose from; fewer than two: nothing to choose.
    pub choices: Vec<Channel>,
    /// Numbers and addresses in use.
    pub reached: Vec<Reached>,
    /// Whether the phone company may still hold texts back that are wanted again.
    pub carrier_blocks: bool,
    /// The number that texts come from, if it is a location's own.
    pub sender: Option<String>,
    /// Visits to come.
    pub visits: Vec<MutableVisit>,
    /// What the ledger says, the newest first. Nobody of the practice is named.
    pub history: Vec<ConsentEvent>,
}

/// What a patient decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Be addressed in a language.
    Language(Locale),
    /// Be reached on a channel.
    Channel(Channel),
    /// Be reminded of a visit, by its ordinal, or not.
    Mute(i64, bool),
    /// Get no more messages on a channel; none: on every one.
    Stop(Option<Channel>),
    /// Get messages again, likewise.
    Again(Option<Channel>),
}

impl Flow {
    /// What a session's patient decided, and what the practice has recorded.
    pub async fn portal_wishes(&self, practice: PracticeId, session: Session) -> Result<Wishes, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        let rows = self.visits_of(practice, session).await?;
        let contacts = self.reached(practice, &rows).await?;
        let numbers: Vec<BlindIndex> = contacts.iter().map(|contact| contact.bix).collect();
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let lines = tx.consent_lines(practice, &numbers).await?;
        drop(tx);
        let preference = self.preference(practice, session.patient).await?;
        let mut reached = Vec::with_capacity(contacts.len());
        for contact in &contacts {
            let plain = opened(&open, contact)?;
            let allowed = plain.consent.is_some_and(ConsentAct::allows);
            reached.push(Reached { channel: plain.channel, hint: hint(plain.channel, &plain.value.0), allowed });
        }
        let visit = |row: &PortalVisit| {
            let place = open.location(row.location);
            let zone = place.map_or(open.practice.time_zone, |found| found.location.time_zone);
            let muted = preference.muted.contains(&row.appointment);
            MutableVisit { ordinal: row.ordinal, start: row.start_at.local(zone), muted }
        };
        let history: Vec<ConsentEvent> =
            lines.iter().rev().filter_map(|line| event(&open, line, &HashMap::new())).collect();
        let texts_allowed = reached.iter().any(|one| one.channel == Channel::Sms && one.allowed);
        let place = rows.first().and_then(|row| open.location(row.location));
        let to_come = rows.iter().filter(|row| row.start_at > now && row.status.is_expected());
        Ok(Wishes {
            link: session.link,
            locale: preference.locale,
            channel: preference.channel,
            choices: preference.choices.clone(),
            reached,
            visits: to_come.map(visit).collect(),
            carrier_blocks: texts_allowed && carrier_blocks(&history),
            sender: place.and_then(|found| found.sender.clone()),
            history,
        })
    }

    /// Whether a session's patient stopped messages, so that none will remind them.
    pub async fn portal_stopped(&self, practice: PracticeId, session: Session) -> Result<bool, FlowError> {
        let rows = self.visits_of(practice, session).await?;
        let contacts = self.reached(practice, &rows).await?;
        let acts: Vec<ConsentAct> =
            contacts.iter().filter_map(|contact| contact.consent.as_deref()?.parse().ok()).collect();
        Ok(acts.contains(&ConsentAct::Withdrawn) && !acts.into_iter().any(ConsentAct::allows))
    }

    /// Does what a patient decides. Returns whether anything changed; doing it twice changes nothing.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when the session has no such visit.
    pub async fn portal_wish(&self, practice: PracticeId, session: Session, wish: Wish) -> Result<bool, FlowError> {
        let by = Actor::Patient(session.patient);
        match wish {
            Wish::Language(locale) => {
                self.set_patient_locale(practice, session.patient, locale, by).await?;
                Ok(true)
            }
            Wish::Channel(channel) => {
                self.set_patient_channel(practice, session.patient, Some(channel), by).await?;
                Ok(true)
            }
            Wish::Mute(ordinal, muted) => {
                let rows = self.visits_of(practice, session).await?;
                let row = rows.iter().find(|row| row.ordinal == ordinal);
                let visit = row.ok_or(FlowError::NotFound { what: "visit" })?.appointment;
                self.mute_visit(practice, session.patient, visit, muted, by).await
            }
            Wish::Stop(channel) => self.portal_consent(practice, session, channel, ConsentAct::Withdrawn).await,
            Wish::Again(channel) => self.portal_consent(practice, session, channel, ConsentAct::Restored).await,
        }
    }

    /// The patient's number or address of a channel, or all of them, stop or start again.
    async fn portal_consent(
        &self,
        practice: PracticeId,
        session: Session,
        channel: Option<Channel>,
        to: ConsentAct,
    ) -> Result<bool, FlowError> {
        let now = self.clock.civil();
        let rows = self.visits_of(practice, session).await?;
        let locale = rows.first().and_then(|row| row.locale);
        let mut contacts = self.reached(practice, &rows).await?;
        contacts.retain(|contact| channel.is_none_or(|wanted| contact.channel == wanted));
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let mut changed = false;
        for contact in &contacts {
            let wording = match (to == ConsentAct::Withdrawn, channel) {
                (true, None) => WORDING_STOP,
                (true, Some(_)) => WORDING_STOP_ONE,
                (false, None) => WORDING_AGAIN,
                (false, Some(_)) => WORDING_AGAIN_ONE,
            };
            let entry = NewConsent {
                bix: contact.bix,
                channel: contact.channel,
                act: to,
                basis: ConsentBasis::Portal,
                wording,
                locale,
                staff: None,
                import: None,
            };
            changed |= if to == ConsentAct::Withdrawn {
                consent::withdraw(self, &mut tx, practice, now, &entry).await?
            } else {
                consent::restore(self, &mut tx, practice, now, &entry).await?
            };
        }
        if !changed {
            return Ok(false);
        }
        let word = if to == ConsentAct::Withdrawn { "stop" } else { "again" };
        let entry = AuditEntry::new(act::CONSENT_SAID, Actor::Patient(session.patient)).word("said", word);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Numbers and addresses in use of the patient whose visits these are, at most one a channel.
    async fn reached(&self, practice: PracticeId, rows: &[PortalVisit]) -> Result<Vec<VisitContact>, FlowError> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let mut contacts = tx.visit_contacts(practice, &[first.appointment]).await?;
        contacts.sort_by_key(|contact| contact.channel);
        Ok(contacts)
    }
}

/// Enough of a number or address to know it again, and no more: somebody may look over the patient's shoulder.
fn hint(channel: Channel, value: &str) -> String {
    match channel {
        Channel::Sms => value.chars().skip(value.chars().count().saturating_sub(4)).collect(),
        Channel::Email => match value.split_once('@') {
            Some((name, domain)) => format!("{}…@{domain}", name.chars().take(1).collect::<String>()),
            None => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_tells_no_whole_number_or_address() {
        assert_eq!(hint(Channel::Sms, "+12125550142"), "0142");
        assert_eq!(hint(Channel::Email, "maria@example.org"), "m…@example.org");
        assert_eq!(hint(Channel::Email, "no address"), "");
    }
}
