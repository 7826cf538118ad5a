//! What a notice says: one function for the sender and for `simulate`.

mod email;

use crate::FlowError;
use chrono::NaiveDateTime;
use kept_domain::private::NoticeBody;
use kept_domain::{Channel, Locale, NoticeKind};
use kept_render::{Renderer, segments, sms};

/// Characters of a link's secret.
const SECRET_CHARS: usize = 26;

/// Why one visit is named in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidVisit {
    /// The plan's step, or `change`.
    pub step: String,
    /// Start on the location's clock.
    pub start: NaiveDateTime,
}

/// Everything a text is made from. Nothing here is private beyond what a text may say (messaging.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How it travels.
    pub channel: Channel,
    /// Reminder or change.
    pub kind: NoticeKind,
    /// `reminder`, `change` or `change-practitioner`.
    pub template: String,
    /// Language.
    pub locale: Locale,
    /// The location's name on a lock screen.
    pub alias: String,
    /// The practice's name or hours tell too much: alias and link only.
    pub discreet: bool,
    /// The visits, by start; never empty.
    pub visits: Vec<SaidVisit>,
    /// Whether a reply of 1 confirms: exactly one visit, and its answer is open.
    pub reply: bool,
    /// Segments the practice accepts.
    pub max_segments: usize,
    /// Where the portal is, up to and with the `#`: the address of a link is this and its secret.
    pub link_base: String,
    /// Phone to call, E.164; said in mails, which have room for it.
    pub phone: Option<String>,
    /// Where mail to the address is stopped; nothing in texts.
    pub unsubscribe: String,
}

impl Message {
    /// A stand-in of the real link's length, so that segments are counted as they will be sent. 'z' is in the alphabet of secrets.
    fn stand_in(&self) -> String {
        format!("{}{}", self.link_base, "z".repeat(SECRET_CHARS))
    }
}

/// A written text or mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// With [`NoticeBody::LINK`] where the link goes.
    pub text: String,
    /// Segments that a text takes with a real link in place; none for a mail.
    pub segments: Option<usize>,
    /// What a mail has beside its text.
    pub mail: Option<WrittenMail>,
}

/// What a mail has beside its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenMail {
    /// One line.
    pub subject: String,
    /// With [`NoticeBody::LINK`] where the link goes.
    pub html: String,
}

/// The address of links of a practice up to and with the `#`.
pub fn link_base(public_url: &str, slug: &str) -> String {
    format!("{public_url}/{slug}/l#")
}

/// Writes the text or mail.
pub fn write(render: &Renderer, message: &Message) -> Result<Written, FlowError> {
    match message.channel {
        Channel::Sms => text(render, message),
        Channel::Email => email::write(render, message),
    }
}

fn text(render: &Renderer, message: &Message) -> Result<Written, FlowError> {
    let link = message.stand_in();
    let Some(first) = message.visits.first() else { return Err(FlowError::NotFound { what: "visit in this notice" }) };
    let (alias, start, locale) = (message.alias.clone(), first.start, message.locale);
    let several = u32::try_from(message.visits.len()).unwrap_or(u32::MAX);
    let reply = message.reply && !message.discreet && several == 1;
    let rendered = if message.discreet {
        render.text(locale, &sms::Discreet { alias, link: link.clone() })?
    } else if message.template == "change-practitioner" {
        render.text(locale, &sms::ChangePractitioner { alias, start, link: link.clone() })?
    } else if message.kind == NoticeKind::Change && several > 1 {
        render.text(locale, &sms::ChangeSeveral { alias, count: several, link: link.clone() })?
    } else if message.kind == NoticeKind::Change {
        render.text(locale, &sms::Change { alias, start, link: link.clone(), reply })?
    } else if several > 1 {
        render.text(locale, &sms::ReminderSeveral { alias, count: several, start, link: link.clone() })?
    } else if first.step == "booking" {
        render.text(locale, &sms::Booking { alias, start, link: link.clone(), reply })?
    } else {
        render.text(locale, &sms::Reminder { alias, start, link: link.clone(), reply })?
    };
    let fitted = segments::fit(&rendered, message.max_segments);
    let segments = segments::count(&fitted).parts;
    Ok(Written { text: fitted.replace(&link, &NoticeBody::LINK.to_string()), segments: Some(segments), mail: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            channel: Channel::Sms,
            kind: NoticeKind::Reminder,
            template: "reminder".to_owned(),
            locale: Locale::En,
            alias: "Oak Street".to_owned(),
            discreet: false,
            visits: vec![SaidVisit { step: "1d".to_owned(), start: "2026-11-24T09:15:00".parse().unwrap() }],
            reply: true,
            max_segments: 1,
            link_base: link_base("https://kept.example.org", "oak"),
            phone: Some("+14155550123".to_owned()),
            unsubscribe: String::new(),
        }
    }

    #[test]
    fn a_text_has_the_mark_in_place_of_its_link_and_fits_one_segment() {
        let render = Renderer::new().unwrap();
        for locale in Locale::ALL {
            for (kind, template) in [
                (NoticeKind::Reminder, "reminder"),
                (NoticeKind::Change, "change"),
                (NoticeKind::Change, "change-practitioner"),
            ] {
                for count in [1, 2] {
                    let mut message = Message { locale: *locale, kind, template: template.to_owned(), ..message() };
                    message.visits = vec![message.visits[0].clone(); count];
                    let written = write(&render, &message).unwrap();
                    assert_eq!(written.text.matches(NoticeBody::LINK).count(), 1, "{written:?}");
                    assert!(!written.text.contains("zzz"), "{written:?}");
                    assert_eq!((written.segments, &written.mail), (Some(1), &None), "{written:?}");
                }
            }
        }
    }

    #[test]
    fn a_mail_has_the_mark_in_both_parts() {
        let render = Renderer::new().unwrap();
        let unsubscribe = "https://kept.example.org/oak/u/token".to_owned();
        let mail = Message { channel: Channel::Email, unsubscribe: unsubscribe.clone(), ..message() };
        for locale in Locale::ALL {
            for discreet in [false, true] {
                let written = write(&render, &Message { locale: *locale, discreet, ..mail.clone() }).unwrap();
                let beside = written.mail.clone().unwrap();
                for part in [&written.text, &beside.html] {
                    assert_eq!(part.matches(NoticeBody::LINK).count(), 1, "{part}");
                    assert!(part.contains(&unsubscribe) && !part.contains("zzz"), "{part}");
                    assert_eq!(part.contains("9:15"), !discreet, "{part}");
                }
                assert_eq!(written.segments, None);
                assert_eq!(beside.subject.contains("9:15"), !discreet, "{}", beside.subject);
                assert!(!beside.subject.contains(NoticeBody::LINK));
            }
        }
    }

    #[test]
    fn a_discreet_practice_says_neither_day_nor_how_to_reply() {
        let render = Renderer::new().unwrap();
        let written = write(&render, &Message { discreet: true, ..message() }).unwrap();
        assert!(!written.text.contains("24") && !written.text.contains("9:15"), "{written:?}");
        let open = write(&render, &message()).unwrap();
        assert!(open.text.contains("9:15"), "{open:?}");
        assert!(open.text.contains('1'));
    }

    #[test]
    fn a_visit_just_booked_is_said_as_such() {
        let render = Renderer::new().unwrap();
        let mut booking = message();
        "booking".clone_into(&mut booking.visits[0].step);
        assert_ne!(write(&render, &booking).unwrap().text, write(&render, &message()).unwrap().text);
    }

    #[test]
    fn nothing_to_say_is_an_error() {
        let render = Renderer::new().unwrap();
        assert!(write(&render, &Message { visits: Vec::new(), ..message() }).is_err());
    }
}
