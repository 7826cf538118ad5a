//! What a practice's own words make of its texts: longer than it accepts, or too telling for a lock screen. It warns; the
//! practice decides. Every text that planning can ask for is written as dispatch writes it, with the longest of times.

use crate::message::{self, Message, SaidVisit};
use crate::{Flow, FlowError, OpenPractice};
use chrono::{NaiveDate, NaiveDateTime};
use kept_domain::{Channel, Locale, NoticeKind};
use kept_render::private_words::warn_private;
use std::fmt;

/// A text that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextWarning {
    /// The location whose alias is in it.
    pub location: String,
    /// Its language.
    pub locale: Locale,
    /// Which text: the template's name, for one visit or several.
    pub text: String,
    /// What is the matter.
    pub fault: TextFault,
}

/// What is the matter with a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextFault {
    /// It takes more segments than the practice accepts.
    Segments {
        /// So many.
        takes: usize,
        /// So many are accepted.
        accepted: usize,
    },
    /// A word tells a stranger more than that there is a message.
    Private {
        /// As it stands in the text.
        word: String,
        /// What it gives away: `practitioner`, `specialty`, `reason`, `person`.
        gives_away: &'static str,
    },
}

impl fmt::Display for TextWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, locale, text, fault } = self;
        match fault {
            TextFault::Segments { takes, accepted } => write!(
                f,
                "`{text}` ({locale}) at {location} takes {takes} segments, {accepted} accepted: shorten the alias, or accept more with `max_segments`"
            ),
            TextFault::Private { word, gives_away } => write!(
                f,
                "`{text}` ({locale}) at {location} says “{word}”, which gives away the {gives_away}: choose another alias, or set `discreet`"
            ),
        }
    }
}

impl Flow {
    /// Writes every text of a practice that planning can ask for, and tells what is the matter with each.
    pub fn text_warnings(&self, open: &OpenPractice) -> Result<Vec<TextWarning>, FlowError> {
        let settings = &open.practice.settings;
        let accepted = usize::from(settings.max_segments);
        let mut warnings = Vec::new();
        for location in &open.locations {
            for locale in settings.locales.iter().copied() {
                for (text, kind, template, step, visits) in TEXTS {
                    let said = SaidVisit { step: (*step).to_owned(), start: longest() };
                    let message = Message {
                        channel: Channel::Sms,
                        kind: *kind,
                        template: (*template).to_owned(),
                        locale,
                        alias: location.location.alias.clone(),
                        discreet: settings.discreet,
                        visits: vec![said; *visits],
                        reply: *visits == 1,
                        max_segments: accepted,
                        link_base: message::link_base(&self.settings.public_url, &open.practice.slug),
                        phone: None,
                        unsubscribe: String::new(),
                    };
                    let written = message::write(&self.render, &message)?;
                    let warning = |fault| TextWarning {
                        location: location.location.name.clone(),
                        locale,
                        text: (*text).to_owned(),
                        fault,
                    };
                    if let Some(takes) = written.segments.filter(|takes| *takes > accepted) {
                        warnings.push(warning(TextFault::Segments { takes, accepted }));
                    }
                    for found in warn_private(&written.text) {
                        let fault = TextFault::Private { word: found.word, gives_away: found.gives_away };
                        warnings.push(warning(fault));
                    }
                }
            }
        }
        warnings.sort();
        warnings.dedup();
        Ok(warnings)
    }
}

/// Every text that planning can ask for: its name, and what [`message::write`] makes it from.
const TEXTS: &[(&str, NoticeKind, &str, &str, usize)] = &[
    ("booking", NoticeKind::Reminder, "reminder", "booking", 1),
    ("reminder", NoticeKind::Reminder, "reminder", "1d", 1),
    ("reminder-several", NoticeKind::Reminder, "reminder", "1d", 12),
    ("change", NoticeKind::Change, "change", "change", 1),
    ("change-several", NoticeKind::Change, "change", "change", 12),
    ("change-practitioner", NoticeKind::Change, "change-practitioner", "change-practitioner", 1),
];

/// A day and time with as many letters as any.
fn longest() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 9, 30).and_then(|day| day.and_hms_opt(12, 59, 0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use kept_domain::PracticeSettings;
    use kept_store::testing::both;
    use kept_store::{Scope, Store, StoredLocation};

    async fn with_alias(world: &World, alias: &str) -> Vec<TextWarning> {
        let open = world.flow.practice(world.practice).await.unwrap();
        let mut location = open.locations.first().unwrap().location.clone();
        alias.clone_into(&mut location.alias);
        let mut tx = world.flow.store.begin(Scope::Practice(world.practice)).await.unwrap();
        tx.set_location(world.practice, &StoredLocation { location, sender: None }).await.unwrap();
        tx.touch_practice(world.practice).await.unwrap();
        tx.commit().await.unwrap();
        let open = world.flow.practice(world.practice).await.unwrap();
        world.flow.text_warnings(&open).unwrap()
    }

    #[tokio::test]
    async fn long_and_telling_aliases_are_told_and_neutral_ones_are_not() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            assert_eq!(with_alias(&world, "Oak Street").await, []);
            let telling = with_alias(&world, "Oak Oncology").await;
            assert!(
                !telling.is_empty() && telling.iter().all(|one| one.locale == Locale::En || one.locale == Locale::Es)
            );
            assert!(telling[0].to_string().contains("gives away the specialty"), "{}", telling[0]);
            let long = with_alias(&world, &"Oak Street ".repeat(12)).await;
            let segments = |one: &&TextWarning| matches!(one.fault, TextFault::Segments { takes: 2.., accepted: 1 });
            assert!(long.iter().any(|one| segments(&one)), "{long:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn who_accepts_two_segments_is_not_warned_of_them() {
        both(|store: Store| async move {
            let world = World::with(&store, PracticeSettings { max_segments: 2, ..PracticeSettings::default() }).await;
            assert_eq!(with_alias(&world, &"Oak Street ".repeat(7)).await, []);
        })
        .await;
    }
}
