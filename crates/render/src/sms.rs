//! Texts to a phone. None of them names a person, a practitioner, a specialty or a reason: what they may hold is the
//! location's alias, a day, a time, a count of visits, a phone number and the link.
//!
//! `link` holds [`kept_domain::private::NoticeBody::LINK`] until the notice is sent, or an address. Count segments with
//! the real address in place, and hand the rendered text through [`crate::segments::fit`].

use crate::Template;
use crate::samples::Sampled;
use chrono::NaiveDateTime;
use serde::Serialize;

/// An address as long as real ones are.
pub const SAMPLE_LINK: &str = "https://appt.example-clinic.com/oak-street/l#7m3k9qx2vbn4c8rt5wz1hj6pdg";
/// An alias as long as real ones are.
const SAMPLE_ALIAS: &str = "Oak Street North";

macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident => $file:literal { $($(#[$fmeta:meta])* $field:ident : $ty:ty),* $(,)? } samples $samples:expr)+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
            pub struct $name { $($(#[$fmeta])* pub $field: $ty),* }

            impl Template for $name {
                const NAME: &'static str = concat!("sms/", $file, ".txt");
                fn samples() -> Vec<Self> { $samples }
            }
        )+

        /// Every text, for [`crate::samples::all`].
        pub(crate) fn sampled() -> Vec<Sampled> {
            vec![$(Sampled::text::<$name>()),+]
        }
    };
}

texts! {
    /// One visit is near.
    Reminder => "reminder" {
        /// What the location is called on a lock screen.
        alias: String,
        /// Start of the visit on the location's clock.
        start: NaiveDateTime,
        /// Where to answer.
        link: String,
        /// Whether a reply of 1 confirms: only with exactly one open question for this pair of numbers.
        reply: bool,
    } samples times().into_iter().flat_map(|start| [true, false].map(|reply| Self { alias: alias(), start, link: link(), reply })).collect()

    /// Two or more visits of one contact point on one day.
    ReminderSeveral => "reminder-several" {
        /// What the location is called on a lock screen.
        alias: String,
        /// How many visits, at least 2.
        count: u32,
        /// Start of the first of them on the location's clock.
        start: NaiveDateTime,
        /// Where to answer.
        link: String,
    } samples times().into_iter().map(|start| Self { alias: alias(), count: 12, start, link: link() }).collect()

    /// A visit was booked just now.
    Booking => "booking" {
        /// What the location is called on a lock screen.
        alias: String,
        /// Start of the visit on the location's clock.
        start: NaiveDateTime,
        /// Where to answer.
        link: String,
        /// Whether a reply of 1 confirms.
        reply: bool,
    } samples times().into_iter().flat_map(|start| [true, false].map(|reply| Self { alias: alias(), start, link: link(), reply })).collect()

    /// A visit has a new time or place.
    Change => "change" {
        /// What the (new) location is called on a lock screen.
        alias: String,
        /// New start of the visit on the location's clock.
        start: NaiveDateTime,
        /// Where to answer.
        link: String,
        /// Whether a reply of 1 confirms.
        reply: bool,
    } samples times().into_iter().flat_map(|start| [true, false].map(|reply| Self { alias: alias(), start, link: link(), reply })).collect()

    /// Two or more visits of one contact point have new times or places.
    ChangeSeveral => "change-several" {
        /// What the location is called on a lock screen.
        alias: String,
        /// How many visits, at least 2.
        count: u32,
        /// Where to see them.
        link: String,
    } samples vec![Self { alias: alias(), count: 12, link: link() }]

    /// Somebody else will see the patient; the time stays, and so does the answer.
    ChangePractitioner => "change-practitioner" {
        /// What the location is called on a lock screen.
        alias: String,
        /// Start of the visit on the location's clock.
        start: NaiveDateTime,
        /// Where to see who.
        link: String,
    } samples times().into_iter().map(|start| Self { alias: alias(), start, link: link() }).collect()

    /// The only text of a practice whose very name or hours tell too much: alias and link, and no reply confirms.
    Discreet => "discreet" {
        /// What the location is called on a lock screen.
        alias: String,
        /// Where the message is.
        link: String,
    } samples vec![Self { alias: alias(), link: link() }]

    /// Confirms an opt-out. Says nothing else.
    OptOut => "opt-out" {
        /// What the practice is called on a lock screen.
        alias: String,
    } samples vec![Self { alias: alias() }]

    /// Confirms that texts go on after START.
    OptIn => "opt-in" {
        /// What the practice is called on a lock screen.
        alias: String,
    } samples vec![Self { alias: alias() }]

    /// Answers HELP: who this is, whom to call, how to stop.
    Help => "help" {
        /// What the practice is called on a lock screen.
        alias: String,
        /// The practice's phone, E.164.
        phone: Option<String>,
    } samples vec![Self { alias: alias(), phone: Some(phone()) }, Self { alias: alias(), phone: None }]

    /// Answers a "yes" while two or more visits wait for an answer.
    AskWhich => "ask-which" {
        /// What the location is called on a lock screen.
        alias: String,
        /// How many visits wait, at least 2.
        count: u32,
        /// Where to answer for each.
        link: String,
    } samples vec![Self { alias: alias(), count: 12, link: link() }]

    /// Thanks for a reply that confirmed.
    Confirmed => "confirmed" {
        /// What the location is called on a lock screen.
        alias: String,
        /// Start of the visit on the location's clock.
        start: NaiveDateTime,
    } samples times().into_iter().map(|start| Self { alias: alias(), start }).collect()

    /// The fixed answer to words of danger: nobody reads this, call the emergency number.
    Urgent => "urgent" {
        /// What the practice is called on a lock screen.
        alias: String,
        /// The emergency number of the country.
        emergency: String,
        /// The practice's phone, E.164.
        phone: Option<String>,
    } samples vec![Self { alias: alias(), emergency: "911".into(), phone: Some(phone()) }, Self { alias: alias(), emergency: "112".into(), phone: None }]

    /// Answers a text that a person must read.
    PleaseUseLink => "please-use-link" {
        /// What the practice is called on a lock screen.
        alias: String,
        /// Where private words are safe, if the patient has a live link.
        link: Option<String>,
        /// The practice's phone, E.164.
        phone: Option<String>,
    } samples vec![
        Self { alias: alias(), link: Some(link()), phone: Some(phone()) },
        Self { alias: alias(), link: None, phone: Some(phone()) },
        Self { alias: alias(), link: None, phone: None },
    ]

    /// The link for another time or a cancellation, asked for by text.
    LinkAgain => "link-again" {
        /// What the location is called on a lock screen.
        alias: String,
        /// Where to change or cancel.
        link: String,
    } samples vec![Self { alias: alias(), link: link() }]
}

fn alias() -> String {
    SAMPLE_ALIAS.to_owned()
}

fn link() -> String {
    SAMPLE_LINK.to_owned()
}

fn phone() -> String {
    "+14155550123".to_owned()
}

/// The longest words of days and times in each language, and the usual ones.
fn times() -> Vec<NaiveDateTime> {
    // A Wednesday in September at 12:45 PM is as long as a short form gets.
    ["2026-11-24T09:15:00", "2026-09-23T12:45:00", "2026-11-28T08:00:00"]
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Renderer;
    use crate::private_words::warn_private;
    use crate::segments::{Encoding, count, plain};
    use kept_domain::Locale;

    #[test]
    fn every_text_takes_one_segment_and_tells_nothing() {
        let renderer = Renderer::new().expect("the embedded templates compile");
        assert_eq!(times().len(), 3);
        for template in sampled() {
            for &locale in Locale::ALL {
                for text in (template.render)(&renderer, locale).unwrap_or_else(|error| panic!("{error}")) {
                    let segments = count(&text);
                    assert_eq!(segments.encoding, Encoding::Gsm7, "{} {locale}: {text}", template.name);
                    assert_eq!(segments.parts, 1, "{} {locale}: {} units: {text}", template.name, segments.units);
                    assert_eq!(plain(&text), text, "{} {locale} is not plain", template.name);
                    assert_eq!(warn_private(&text), [], "{} {locale}: {text}", template.name);
                    assert!(
                        !text.contains("  ") && !text.contains('\n'),
                        "{} {locale} has stray blanks: {text:?}",
                        template.name
                    );
                }
            }
        }
    }

    /// "cancel" is a word that opts out; a patient told to reply it would be lost to us.
    #[test]
    fn no_text_asks_for_a_reply_that_opts_out_by_accident() {
        let renderer = Renderer::new().expect("the embedded templates compile");
        for template in sampled() {
            for &locale in Locale::ALL {
                for text in (template.render)(&renderer, locale).unwrap_or_else(|error| panic!("{error}")) {
                    assert!(!text.to_lowercase().contains("reply cancel"), "{text}");
                    assert!(!text.to_lowercase().contains("cancelar"), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_reply_is_offered_only_when_it_confirms() {
        let renderer = Renderer::new().expect("the embedded templates compile");
        let mut text = Reminder { alias: alias(), start: times()[0], link: "L".into(), reply: true };
        assert_eq!(
            renderer.text(Locale::En, &text).expect("renders"),
            "Oak Street North: visit Tue 24 Nov, 9:15 AM. L Reply 1 to confirm, STOP to opt out."
        );
        text.reply = false;
        assert_eq!(
            renderer.text(Locale::Es, &text).expect("renders"),
            "Oak Street North: cita mar 24 nov, 9:15. L Baja: ALTO."
        );
    }

    #[test]
    fn the_discreet_text_is_alias_and_link_only() {
        let renderer = Renderer::new().expect("the embedded templates compile");
        for &locale in Locale::ALL {
            let text = renderer.text(locale, &Discreet { alias: "Oak".into(), link: "L".into() }).expect("renders");
            assert_eq!(text, "Oak: L");
        }
    }
}
