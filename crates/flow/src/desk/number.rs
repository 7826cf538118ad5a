//! Numbers and consent, as patients tell them to the desk.

use super::WORDING_AGREED;
use crate::audit::{self, Actor, AuditEntry, act};
use crate::consent::{self, ConsentAct, ConsentBasis, Heard, NewConsent, NotMeant, Whose};
use crate::{Flow, FlowError};
use kept_domain::private::ContactPrivate;
use kept_domain::{AppointmentId, BlindIndex, Channel, ContactPointId, PracticeId, StaffId};
use kept_seal::{Blind, Place};
use kept_store::{Chain, KnownContact, NewContact, Scope, Tx, VisitContact};

/// What the desk writes down about consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentSaid {
    /// The patient wants no messages.
    Stop(Heard),
    /// The patient agrees to messages for the first time.
    Agrees,
    /// The patient wants messages again.
    Again,
}

/// What became of a number that the desk entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberEntered {
    /// Messages go there.
    Done,
    /// It is kept, and no message goes there: nobody has said that the patient agrees.
    WithoutConsent,
    /// It is kept, and no message goes there: the number opted out. Its owner can opt in again.
    OptedOut,
    /// No text reaches such a number.
    Unreadable,
}

impl Flow {
    /// Makes a number the one to use for a visit's patient. The one until now is put aside, its links open nothing more, and
    /// what is planned is planned anew. `agrees` says that the patient agrees to reminders at this number; it becomes an
    /// entry of the ledger, and does not undo an opt-out.
    pub async fn enter_number(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
        number: &str,
        agrees: bool,
    ) -> Result<NumberEntered, FlowError> {
        let open = self.practice(practice).await?;
        let Ok(phone) = kept_domain::phone::parse(number, &open.practice.settings.country) else {
            return Ok(NumberEntered::Unreadable);
        };
        let row = self.visit_row(practice, visit).await?;
        let now = self.clock.civil();
        let bix = open.keys.blind(Blind::Phone, phone.e164());
        let id: ContactPointId = self.new_id();
        let plain = ContactPrivate { value: phone.e164().to_owned() };
        let private = open.keys.seal(&row.salt, Place::new(id, 1), &plain)?;
        let new = NewContact {
            id,
            patient: row.patient,
            channel: Channel::Sms,
            bix,
            private,
            area_zones: phone.area_zones(),
        };

        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        // First of all locks: what the ledger says is read below, and an opt-out that comes meanwhile waits behind us.
        tx.lock_chain_head(practice, Chain::Consent).await?;
        let known: Vec<KnownContact> = tx.contacts_of(practice, &[row.patient]).await?;
        let mut numbers = vec![bix];
        for old in known.iter().filter(|old| old.channel == Channel::Sms && old.position == 0 && old.bix != bix) {
            tx.replace_contact(practice, old.id).await?;
            numbers.push(old.bix);
        }
        let own = known.iter().find(|old| old.channel == Channel::Sms && old.bix == bix).map(|old| old.id);
        if own.is_none() {
            tx.insert_contacts(practice, &[new]).await?;
        }
        // Even if it was a wrong number, or is one of somebody else's: the desk has just heard it.
        tx.use_contact(practice, own.unwrap_or(id)).await?;
        if numbers.len() > 1 {
            let visits = tx.visits_of_patient(practice, row.patient, now).await?;
            tx.revoke_links_of_appointments(practice, &visits, "number-changed", now).await?;
        }
        tx.replan_numbers(practice, &numbers, now).await?;
        let stands = stands(&mut tx, practice, bix).await?;
        let entered = match stands {
            Some(ConsentAct::Withdrawn) => NumberEntered::OptedOut,
            Some(act) if act.allows() => NumberEntered::Done,
            _ if agrees => NumberEntered::Done,
            _ => NumberEntered::WithoutConsent,
        };
        if agrees && !stands.is_some_and(ConsentAct::allows) && stands != Some(ConsentAct::Withdrawn) {
            let entry = by_desk(staff, bix, Channel::Sms, ConsentAct::Granted, WORDING_AGREED);
            consent::append(self, &mut tx, practice, now, &[entry]).await?;
        }
        let entry = AuditEntry::new(act::NUMBER_CHANGED, Actor::Staff(staff))
            .id("patient", row.patient)
            .word("agrees", if agrees { "yes" } else { "no" });
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(entered)
    }

    /// Writes down what a visit's patient said about messages on a channel. Returns whether anything changed.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when the patient has no number or address there.
    pub async fn record_consent(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
        channel: Channel,
        said: ConsentSaid,
    ) -> Result<bool, FlowError> {
        let contact = self.contact_of(practice, visit, channel).await?;
        let whose = Whose::Contact(contact.id);
        let said = match said {
            ConsentSaid::Stop(how) => self.record_opt_out(practice, whose, how, staff).await,
            ConsentSaid::Again => self.record_opt_in(practice, whose, Heard::Desk, staff).await,
            ConsentSaid::Agrees => return self.grant(practice, staff, &contact).await,
        };
        said.map_err(|error| match error {
            NotMeant::Flow(error) => error,
            // A contact point is never read from what somebody typed.
            NotMeant::Phone(_) | NotMeant::Email(_) => {
                FlowError::NotFound { what: "number or address of this visit's patient" }
            }
        })
    }

    /// A first yes. It undoes a No of the calendar's, and never an opt-out: that takes [`ConsentSaid::Again`].
    async fn grant(&self, practice: PracticeId, staff: StaffId, contact: &VisitContact) -> Result<bool, FlowError> {
        let now = self.clock.civil();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.lock_chain_head(practice, Chain::Consent).await?;
        let stands = tx.consent_now(practice, contact.channel, &[contact.bix]).await?;
        let stands = stands.first().and_then(|now| now.act.parse::<ConsentAct>().ok());
        if stands == Some(ConsentAct::Withdrawn) || stands.is_some_and(ConsentAct::allows) {
            return Ok(false);
        }
        tx.replan_numbers(practice, &[contact.bix], now).await?;
        let entry = by_desk(staff, contact.bix, contact.channel, ConsentAct::Granted, WORDING_AGREED);
        consent::append(self, &mut tx, practice, now, &[entry]).await?;
        let entry = AuditEntry::new(act::CONSENT_NOTED, Actor::Staff(staff))
            .id("patient", contact.patient)
            .word("channel", contact.channel.as_str());
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The number is not the patient's: no more messages to it, its links open nothing, and whatever waits is taken back.
    pub async fn mark_wrong_number(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
        channel: Channel,
    ) -> Result<(), FlowError> {
        let contact = self.contact_of(practice, visit, channel).await?;
        let now = self.clock.civil();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.suspend_number(practice, channel, contact.bix, "wrong-number").await?;
        tx.revoke_links_of_contact(practice, contact.bix, "wrong-number", now).await?;
        tx.cancel_planned_notices(practice, channel, &[contact.bix], "number-suspended", now).await?;
        tx.replan_numbers(practice, &[contact.bix], now).await?;
        let entry = AuditEntry::new(act::NUMBER_SUSPENDED, Actor::Staff(staff))
            .id("patient", contact.patient)
            .word("suspended", "wrong-number");
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets messages go to a number again that was suspended. Returns whether it was.
    pub async fn release_number(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
        channel: Channel,
    ) -> Result<bool, FlowError> {
        let contact = self.contact_of(practice, visit, channel).await?;
        let now = self.clock.civil();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if tx.release_number(practice, channel, contact.bix).await? == 0 {
            return Ok(false);
        }
        tx.replan_numbers(practice, &[contact.bix], now).await?;
        let entry = AuditEntry::new(act::NUMBER_SUSPENDED, Actor::Staff(staff))
            .id("patient", contact.patient)
            .word("suspended", "no");
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }
}

async fn stands(tx: &mut Tx, practice: PracticeId, bix: BlindIndex) -> Result<Option<ConsentAct>, FlowError> {
    let now = tx.consent_now(practice, Channel::Sms, &[bix]).await?;
    Ok(now.first().and_then(|now| now.act.parse().ok()))
}

/// An entry that somebody at the desk writes.
fn by_desk(
    staff: StaffId,
    bix: BlindIndex,
    channel: Channel,
    act: ConsentAct,
    wording: &'static str,
) -> NewConsent<'static> {
    NewConsent { bix, channel, act, basis: ConsentBasis::Desk, wording, locale: None, staff: Some(staff), import: None }
}
