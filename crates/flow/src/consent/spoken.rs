//! What somebody said outside a text: by voicemail, by mail, on the telephone, at the desk. Staff writes it down in two clicks, and it
//! has the same effect as a text (design "Consent and opt-out").

use super::{ConsentAct, ConsentBasis, NewConsent};
use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::{BlindIndex, Channel, ContactPointId, PracticeId, StaffId, text_enum};
use kept_seal::Blind;
use kept_store::{Scope, Tx};

text_enum! {
    /// How staff heard what somebody wishes about messages.
    Heard: "way of hearing it" {
        /// In person.
        Desk => "desk",
        /// On the telephone.
        Telephone => "telephone",
        /// On the answering machine.
        Voicemail => "voicemail",
        /// By letter or e-mail.
        Mail => "mail",
    }
}

impl Heard {
    /// Id of what the ledger keeps as the words: the patient's own are theirs, and stay out of it.
    const fn wording(self, out: bool) -> &'static str {
        match (self, out) {
            (Self::Desk, true) => "desk.opt-out.desk",
            (Self::Telephone, true) => "desk.opt-out.telephone",
            (Self::Voicemail, true) => "desk.opt-out.voicemail",
            (Self::Mail, true) => "desk.opt-out.mail",
            (Self::Desk, false) => "desk.opt-in.desk",
            (Self::Telephone, false) => "desk.opt-in.telephone",
            (Self::Voicemail, false) => "desk.opt-in.voicemail",
            (Self::Mail, false) => "desk.opt-in.mail",
        }
    }
}

/// Whose messages: a number or an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// A contact point that Kept knows.
    Contact(ContactPointId),
    /// A telephone number or an e-mail address as a person writes it; what has an `@` is an address.
    Written(&'a str),
}

impl std::fmt::Debug for Whose<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Contact(id) => write!(f, "Whose({id})"),
            Self::Written(_) => f.write_str("Whose(…)"),
        }
    }
}

/// Nobody can be meant by that. Says nothing of what was written.
#[derive(Debug, thiserror::Error)]
pub enum NotMeant {
    /// It is no telephone number.
    #[error(transparent)]
    Phone(#[from] kept_domain::phone::PhoneError),
    /// It has an `@` and is no e-mail address.
    #[error(transparent)]
    Email(#[from] kept_domain::email::EmailError),
    /// The step failed.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

impl From<kept_store::StoreError> for NotMeant {
    fn from(error: kept_store::StoreError) -> Self {
        Self::Flow(error.into())
    }
}

impl OpenPractice {
    /// The channel and the index of a number or address as a person writes it; read as a file's would be, so that both mean the same.
    pub(crate) fn index_of(&self, written: &str) -> Result<(Channel, BlindIndex), NotMeant> {
        if written.contains('@') {
            let address = kept_domain::email::parse(written)?;
            return Ok((Channel::Email, self.keys.blind(Blind::Email, address.as_str())));
        }
        let phone = kept_domain::phone::parse(written, &self.practice.settings.country)?;
        Ok((Channel::Sms, self.keys.blind(Blind::Phone, phone.e164())))
    }
}

impl Flow {
    /// Staff writes down that no more messages are wanted. Returns whether that is new.
    ///
    /// # Errors
    /// [`NotMeant`] when there is no such contact point or what was written is no number or address.
    pub async fn record_opt_out(
        &self,
        practice: PracticeId,
        whose: Whose<'_>,
        how: Heard,
        staff: StaffId,
    ) -> Result<bool, NotMeant> {
        self.record_said(practice, whose, how, staff, true).await
    }

    /// Staff writes down that somebody who had opted out, or was never asked, wants messages. Returns whether that is new.
    ///
    /// # Errors
    /// As for [`Flow::record_opt_out`].
    pub async fn record_opt_in(
        &self,
        practice: PracticeId,
        whose: Whose<'_>,
        how: Heard,
        staff: StaffId,
    ) -> Result<bool, NotMeant> {
        self.record_said(practice, whose, how, staff, false).await
    }

    async fn record_said(
        &self,
        practice: PracticeId,
        whose: Whose<'_>,
        how: Heard,
        staff: StaffId,
        out: bool,
    ) -> Result<bool, NotMeant> {
        let open = self.practice(practice).await?;
        let written = match whose {
            Whose::Written(text) => Some(open.index_of(text)?),
            Whose::Contact(_) => None,
        };
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let (channel, bix) = match (written, whose) {
            (Some(found), _) => found,
            (None, Whose::Contact(id)) => {
                tx.contact_number(practice, id).await?.ok_or(FlowError::NotFound { what: "contact point" })?
            }
            (None, Whose::Written(_)) => return Err(FlowError::NotFound { what: "number" }.into()),
        };
        let entry = NewConsent {
            bix,
            channel,
            act: if out { ConsentAct::Withdrawn } else { ConsentAct::Restored },
            basis: ConsentBasis::Desk,
            wording: how.wording(out),
            locale: None,
            staff: Some(staff),
            import: None,
        };
        let is_new = self.turn_and_tell(&mut tx, practice, &entry, how, staff).await?;
        tx.commit().await?;
        Ok(is_new)
    }

    async fn turn_and_tell(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        entry: &NewConsent<'_>,
        how: Heard,
        staff: StaffId,
    ) -> Result<bool, FlowError> {
        let now = self.clock.civil();
        let is_new = super::turn(self, tx, practice, now, *entry).await?;
        if is_new {
            let told = AuditEntry::new(act::CONSENT_RECORDED, Actor::Staff(staff))
                .word("act", entry.act.as_str())
                .word("heard", how.as_str());
            audit::append(tx, practice, self.clock.wall(), &[told]).await?;
        }
        Ok(is_new)
    }
}
