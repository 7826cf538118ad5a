//! Mails to an address. As in a text, none of them names a person, a practitioner, a specialty or a reason: what they may hold is
//! the location's alias, a day, a time, a count of visits, a phone number, the link, and the address that stops them.
//!
//! A mail has two templates: `….txt`, whose first line is the subject, and `….html`, which loads nothing: no image, no style
//! sheet, no script, nothing that tells a sender that it was read.

use crate::renderer::{RenderError, Renderer, Template};
use crate::samples::Sampled;
use chrono::NaiveDateTime;
use kept_domain::Locale;
use serde::Serialize;

/// A mail: its values, and the two templates that take them.
pub trait Mail: Serialize + Clone {
    /// The subject, an empty line, the text part.
    const TEXT: &'static str;
    /// The HTML part.
    const HTML: &'static str;

    /// Values worth looking at.
    fn samples() -> Vec<Self>;
}

/// A written mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// The text part of a mail, subject first.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct TextPart<T>(pub T);

/// The HTML part of a mail.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct HtmlPart<T>(pub T);

impl<T: Mail> Template for TextPart<T> {
    const NAME: &'static str = T::TEXT;
    fn samples() -> Vec<Self> {
        T::samples().into_iter().map(Self).collect()
    }
}

impl<T: Mail> Template for HtmlPart<T> {
    const NAME: &'static str = T::HTML;
    fn samples() -> Vec<Self> {
        T::samples().into_iter().map(Self).collect()
    }
}

impl Renderer {
    /// Renders both parts of a mail.
    pub fn letter<T: Mail>(&self, locale: Locale, mail: &T) -> Result<Letter, RenderError> {
        let whole = self.text(locale, &TextPart(mail.clone()))?;
        let (subject, text) = whole.split_once("\n\n").ok_or_else(|| RenderError::Render {
            template: T::TEXT,
            locale,
            problem: "a mail begins with its subject and an empty line".to_owned(),
        })?;
        let html = self.page(locale, &HtmlPart(mail.clone()))?;
        Ok(Letter { subject: subject.to_owned(), text: text.to_owned(), html })
    }
}

/// What every mail has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Around {
    /// What the location is called in a list of mails.
    pub alias: String,
    /// Where to answer.
    pub link: String,
    /// Phone to call, E.164.
    pub phone: Option<String>,
    /// Where to say "no more mail".
    pub unsubscribe: String,
}

impl Around {
    fn sample() -> Self {
        Self {
            alias: "Oak Street North".to_owned(),
            link: crate::sms::SAMPLE_LINK.to_owned(),
            phone: Some("+14155550123".to_owned()),
            unsubscribe: format!("https://appt.example-clinic.com/oak-street/u/{}", "A7".repeat(32)),
        }
    }
}

macro_rules! mails {
    ($($(#[$meta:meta])* $name:ident => $file:literal { $($(#[$fmeta:meta])* $field:ident : $ty:ty),* $(,)? } samples $samples:expr)+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
            pub struct $name {
                /// What every mail has.
                #[serde(flatten)]
                pub around: Around,
                $($(#[$fmeta])* pub $field: $ty),*
            }

            impl Mail for $name {
                const TEXT: &'static str = concat!("email/", $file, ".txt");
                const HTML: &'static str = concat!("email/", $file, ".html");
                fn samples() -> Vec<Self> { $samples }
            }
        )+

        /// Both parts of every mail, for [`crate::samples::all`].
        pub(crate) fn sampled() -> Vec<Sampled> {
            vec![$(Sampled::text::<TextPart<$name>>(), Sampled::page::<HtmlPart<$name>>()),+]
        }

        /// Every sample of every mail.
        #[cfg(test)]
        fn letters(renderer: &Renderer, locale: Locale) -> Vec<(&'static str, Letter)> {
            let mut letters = Vec::new();
            $(letters.extend(<$name as Mail>::samples().iter().map(|mail| {
                ($file, renderer.letter(locale, mail).expect("renders"))
            }));)+
            letters
        }
    };
}

mails! {
    /// One visit is near.
    Reminder => "reminder" {
        /// Start of the visit on the location's clock.
        start: NaiveDateTime,
    } samples times().into_iter().flat_map(|start| [
        Self { around: Around::sample(), start },
        Self { around: Around { phone: None, ..Around::sample() }, start },
    ]).collect()

    /// Two or more visits of one address on one day.
    ReminderSeveral => "reminder-several" {
        /// How many visits, at least 2.
        count: u32,
        /// Start of the first of them on the location's clock.
        start: NaiveDateTime,
    } samples times().into_iter().map(|start| Self { around: Around::sample(), count: 12, start }).collect()

    /// A visit was booked just now.
    Booking => "booking" {
        /// Start of the visit on the location's clock.
        start: NaiveDateTime,
    } samples times().into_iter().map(|start| Self { around: Around::sample(), start }).collect()

    /// A visit has a new time or place.
    Change => "change" {
        /// New start of the visit on the location's clock.
        start: NaiveDateTime,
    } samples times().into_iter().map(|start| Self { around: Around::sample(), start }).collect()

    /// Two or more visits of one address have new times or places.
    ChangeSeveral => "change-several" {
        /// How many visits, at least 2.
        count: u32,
    } samples vec![Self { around: Around::sample(), count: 12 }]

    /// Somebody else will see the patient; the time stays, and so does the answer.
    ChangePractitioner => "change-practitioner" {
        /// Start of the visit on the location's clock.
        start: NaiveDateTime,
    } samples times().into_iter().map(|start| Self { around: Around::sample(), start }).collect()

    /// The only mail of a practice whose very name or hours tell too much: alias and link.
    Discreet => "discreet" {} samples vec![Self { around: Around::sample() }]
}

/// The longest words of days and times in each language, and the usual ones.
fn times() -> Vec<NaiveDateTime> {
    ["2026-11-24T09:15:00", "2026-09-23T12:45:00"].iter().filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private_words::warn_private;

    /// Longest subject that phones show whole, and more than any of ours needs.
    const SUBJECT: usize = 78;

    fn each(check: impl Fn(&str, Locale, &Letter)) {
        let renderer = Renderer::new().expect("the embedded templates compile");
        for &locale in Locale::ALL {
            for (name, letter) in letters(&renderer, locale) {
                check(name, locale, &letter);
            }
        }
    }

    #[test]
    fn a_mail_tells_no_more_than_a_text() {
        each(|name, locale, letter| {
            for part in [&letter.subject, &letter.text, &letter.html] {
                assert_eq!(warn_private(part), [], "{name} {locale}: {part}");
            }
            assert!(letter.subject.chars().count() <= SUBJECT && !letter.subject.contains('\n'), "{}", letter.subject);
        });
    }

    #[test]
    fn a_mail_loads_nothing_and_says_how_to_stop() {
        each(|name, locale, letter| {
            let around = Around::sample();
            for part in [&letter.text, &letter.html] {
                assert_eq!(part.matches(&around.link).count(), 1, "{name} {locale}: {part}");
                assert_eq!(part.matches(&around.unsubscribe).count(), 1, "{name} {locale}: {part}");
            }
            let html = letter.html.to_lowercase();
            for remote in [
                "<img",
                "<script",
                "<link",
                "<iframe",
                "src=",
                "url(",
                "@import",
                "background",
                "<style",
                "#fff",
                "#000",
            ] {
                assert!(!html.contains(remote), "{name} {locale} holds {remote}");
            }
            let addresses = html.matches("http").count();
            assert_eq!(addresses, 2, "{name} {locale}: the link and the way to stop, and nothing else");
            assert!(html.contains(&format!("lang=\"{locale}\"")) && html.contains("light dark"));
            assert!(
                !letter.text.contains("  ") && !letter.text.contains("\n\n\n"),
                "{name} {locale}: {:?}",
                letter.text
            );
        });
    }

    #[test]
    fn the_discreet_mail_is_alias_and_link_only() {
        each(|name, _, letter| {
            let telling = letter.text.contains("24") || letter.text.contains("9:15") || letter.text.contains("555");
            assert!(name != "discreet" || !telling, "{}", letter.text);
            assert!(name == "discreet" || name == "change-several" || letter.text.contains(':'));
        });
    }

    #[test]
    fn a_reminder_reads_well_in_both_languages() {
        let renderer = Renderer::new().expect("the embedded templates compile");
        let around = Around {
            alias: "Oak".into(),
            link: "L".into(),
            phone: Some("+14155550123".into()),
            unsubscribe: "U".into(),
        };
        let mail = Reminder { around, start: times()[0] };
        let english = renderer.letter(Locale::En, &mail).expect("renders");
        assert_eq!(english.subject, "Oak: visit Tue 24 Nov, 9:15 AM");
        assert_eq!(
            english.text,
            "You have a visit at Oak.\n\nTuesday 24 November, 9:15 AM\n\nWill you be there? Tell us here, or ask for a new \
             time:\nL\n\nQuestions? Call (415) 555-0123.\n\nPlease do not reply: nobody reads this mailbox.\nWant no more mail \
             from us? Tell us here:\nU"
        );
        let spanish = renderer.letter(Locale::Es, &mail).expect("renders");
        assert_eq!(spanish.subject, "Oak: cita mar 24 nov, 9:15");
        assert!(spanish.text.contains("¿Preguntas? Llame al (415) 555-0123."), "{}", spanish.text);
    }
}
