//! The words of a mail.

use super::{Message, Written, WrittenMail};
use crate::FlowError;
use kept_domain::NoticeKind;
use kept_domain::private::NoticeBody;
use kept_render::Renderer;
use kept_render::email::{self, Around};

/// Writes the mail: the same choice as for a text, without replies (nobody reads the mailbox) and without segments.
pub(super) fn write(render: &Renderer, message: &Message) -> Result<Written, FlowError> {
    let Some(first) = message.visits.first() else { return Err(FlowError::NotFound { what: "visit in this notice" }) };
    let link = message.stand_in();
    let around = Around {
        alias: message.alias.clone(),
        link: link.clone(),
        phone: message.phone.clone(),
        unsubscribe: message.unsubscribe.clone(),
    };
    let (start, locale) = (first.start, message.locale);
    let count = u32::try_from(message.visits.len()).unwrap_or(u32::MAX);
    let letter = if message.discreet {
        render.letter(locale, &email::Discreet { around })?
    } else if message.template == "change-practitioner" {
        render.letter(locale, &email::ChangePractitioner { around, start })?
    } else if message.kind == NoticeKind::Change && count > 1 {
        render.letter(locale, &email::ChangeSeveral { around, count })?
    } else if message.kind == NoticeKind::Change {
        render.letter(locale, &email::Change { around, start })?
    } else if count > 1 {
        render.letter(locale, &email::ReminderSeveral { around, count, start })?
    } else if first.step == "booking" {
        render.letter(locale, &email::Booking { around, start })?
    } else {
        render.letter(locale, &email::Reminder { around, start })?
    };
    let marked = |part: &str| part.replace(&link, &NoticeBody::LINK.to_string());
    let mail = WrittenMail { subject: letter.subject.clone(), html: marked(&letter.html) };
    Ok(Written { text: marked(&letter.text), segments: None, mail: Some(mail) })
}
