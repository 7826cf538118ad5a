//! A fresh link by text, for a patient who asks for it.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::consent::ConsentAct;
use crate::{Flow, FlowError};
use chrono::Duration;
use kept_domain::private::{ContactPrivate, LinkSecret, NoticeBody};
use kept_domain::{AppointmentId, Channel, LinkId, Locale, NoticeId, PracticeId, StaffId};
use kept_render::{segments, sms};
use kept_seal::{LinkToken, Place};
use kept_store::{NewAnswerNotice, NewLink, NewLinkVisit, Scope};

/// A link that is later than this would only puzzle: the patient is on the phone, or has just been.
const WITHIN: Duration = Duration::hours(1);
/// Segments the text may have.
const MAX_SEGMENTS: usize = 2;

impl Flow {
    /// Texts a fresh link to one visit to its patient's number, now. Returns false where no text may go there: no consent is
    /// recorded, or it opted out, or it is suspended.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when there is no such visit to come, or its patient has no number.
    pub async fn text_link(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
    ) -> Result<bool, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        let row = self.visit_row(practice, visit).await?;
        let contact = self.contact_of(practice, visit, Channel::Sms).await?;
        let allowed = contact.consent.as_deref().and_then(|act| act.parse().ok()).is_some_and(ConsentAct::allows);
        if contact.suspended.is_some() || !allowed {
            return Ok(false);
        }
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let target = tx.appointment_for_link(practice, visit).await?.ok_or(FlowError::NotFound { what: "visit" })?;
        drop(tx);
        let expires_at = crate::link::expires_at(target.end_at.unwrap_or(target.start_at), now);
        if expires_at <= now {
            return Err(FlowError::NotFound { what: "visit that is still to come" });
        }
        let own = self.preference(practice, contact.patient).await?.locale;
        let locale = own.or_else(|| open.practice.settings.locales.first().copied()).unwrap_or(Locale::En);
        let alias = open.location(row.location).map_or(&open.practice.alias, |found| &found.location.alias).clone();
        let token = LinkToken::generate()?;
        let url = crate::link::url(&self.settings.public_url, &open.practice.slug, &token);
        let text = self.render.text(locale, &sms::LinkAgain { alias, link: url.clone() })?;
        let text = segments::fit(&text, MAX_SEGMENTS).replace(&url, &NoticeBody::LINK.to_string());

        let (id, link): (NoticeId, LinkId) = (self.new_id(), self.new_id());
        let place = || Place::new(id, 1);
        let number: ContactPrivate =
            open.keys.open(&contact.salt, Place::new(contact.id, contact.rev), &contact.private)?;
        let body = open.keys.seal(&open.salt, place(), &NoticeBody { to: number.value, text, mail: None })?;
        let secret = open.keys.seal(&open.salt, place(), &LinkSecret { t: token.as_str().to_owned() })?;
        let visits =
            vec![NewLinkVisit { appointment: visit, patient: target.patient, revision: target.revision, ordinal: 1 }];
        let new_link =
            NewLink { id: link, auth_hash: token.auth_hash().0, notice: Some(id), created_at: now, expires_at, visits };
        let notice = NewAnswerNotice {
            id,
            template: "link-again",
            channel: Channel::Sms,
            contact: contact.id,
            bix: contact.bix,
            location: row.location,
            locale,
            body,
            link_secret: Some(secret),
            link: Some(link),
            expires_at: now + WITHIN,
        };
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.insert_links(practice, &[new_link]).await?;
        tx.insert_answer_notice(practice, now, &notice).await?;
        let entry = AuditEntry::new(act::LINK_TEXTED, Actor::Staff(staff)).id("link", link).id("appointment", visit);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }
}
