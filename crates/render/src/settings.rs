//! What an administrator decides for the practice.

use crate::Template;
use crate::samples::Sampled;
use crate::staff::{Choice, Frame};
use serde::Serialize;

/// One location of the form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocationForm {
    /// Which.
    pub id: String,
    /// Its name, as calendars and staff write it.
    pub name: String,
    /// What a text calls it.
    pub alias: String,
    /// Phone that patients call.
    pub phone: String,
    /// Number that texts come from.
    pub sender: String,
}

/// When messages are read, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadingHours {
    /// Which language.
    pub language: &'static str,
    /// The sentence, as typed.
    pub text: String,
}

/// The form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Around it.
    pub frame: Frame,
    /// The locations.
    pub locations: Vec<LocationForm>,
    /// Country, as typed.
    pub country: String,
    /// Kinds of care to choose from.
    pub cares: Vec<Choice>,
    /// First languages to choose from.
    pub languages: Vec<Choice>,
    /// Further languages to offer, each ticked or not.
    pub offered: Vec<Choice>,
    /// When messages are read, by language.
    pub reading_hours: Vec<ReadingHours>,
    /// What an opt-out may silence.
    pub scopes: Vec<Choice>,
    /// Address that mails come from, as typed.
    pub email_from: String,
    /// Sending hours to choose from.
    pub windows: Vec<Choice>,
    /// Messages to one number in a day, as typed.
    pub cap_per_day: String,
    /// Messages to one number in seven days, as typed.
    pub cap_per_week: String,
    /// Alias and link only.
    pub discreet: bool,
    /// Segments of one text, as typed.
    pub max_segments: String,
    /// Minutes before the start until which an answer may change, as typed.
    pub answer_cut_off_min: String,
    /// Minutes before the start until which the patient may cancel, as typed.
    pub cancel_cut_off_min: String,
    /// What is wrong, by word of `settings.fault.…`.
    pub faults: Vec<&'static str>,
    /// Whether it was just saved.
    pub saved: bool,
    /// What the practice's words make of its texts, a sentence each.
    pub warnings: Vec<TextWarning>,
    /// Longest alias, in characters.
    pub most_alias: usize,
    /// Longest sentence on when messages are read, in characters.
    pub most_hours: usize,
}

/// A text that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextWarning {
    /// The location.
    pub location: String,
    /// Which text.
    pub text: String,
    /// Its language.
    pub language: &'static str,
    /// Segments it takes; 0: that is not the matter.
    pub segments: usize,
    /// The word that tells too much; empty: that is not the matter.
    pub word: String,
    /// What it gives away: `practitioner`, `specialty`, `reason`, `person`.
    pub gives_away: &'static str,
}

/// Words of [`Settings::faults`].
pub const FAULTS: [&str; 14] = [
    "country",
    "languages",
    "reading-hours",
    "email-from",
    "alias",
    "phone",
    "sender",
    "window",
    "cap-day",
    "cap-week",
    "segments",
    "cut-off",
    "number",
    "choice",
];
/// Words of [`TextWarning::gives_away`].
pub const GIVEN_AWAY: [&str; 4] = ["practitioner", "specialty", "reason", "person"];

impl Template for Settings {
    const NAME: &'static str = "web/staff/settings.html";
    fn samples() -> Vec<Self> {
        let warning = |segments, word: &str, gives_away| TextWarning {
            location: "Main".to_owned(),
            text: "reminder".to_owned(),
            language: "en",
            segments,
            word: word.to_owned(),
            gives_away,
        };
        let choices = |values: &[&str]| {
            let choice = |value: &&str| Choice {
                value: (*value).to_owned(),
                label: (*value).to_owned(),
                chosen: values.first() == Some(value),
            };
            values.iter().map(choice).collect::<Vec<_>>()
        };
        let plain = Self {
            frame: Frame::sample("settings"),
            locations: vec![LocationForm {
                id: "0193".to_owned(),
                name: "Main".to_owned(),
                alias: "Oak Street".to_owned(),
                phone: "+14155550123".to_owned(),
                sender: String::new(),
            }],
            country: "US".to_owned(),
            cares: choices(&["general", "behavioural", "reproductive", "substance-use"]),
            languages: choices(&["en", "es"]),
            offered: choices(&["en", "es"]),
            reading_hours: vec![ReadingHours { language: "en", text: "Monday to Friday, 8 to 5".to_owned() }],
            scopes: choices(&["number", "patient"]),
            email_from: "oak@example.org".to_owned(),
            windows: choices(&["default", "strict"]),
            cap_per_day: "1".to_owned(),
            cap_per_week: "3".to_owned(),
            discreet: false,
            max_segments: "1".to_owned(),
            answer_cut_off_min: "60".to_owned(),
            cancel_cut_off_min: "120".to_owned(),
            faults: Vec::new(),
            saved: true,
            warnings: Vec::new(),
            most_alias: 40,
            most_hours: 120,
        };
        let warnings =
            GIVEN_AWAY.iter().map(|what| warning(0, "Cardiology", what)).chain([warning(2, "", "")]).collect();
        vec![plain.clone(), Self { faults: FAULTS.to_vec(), saved: false, discreet: true, warnings, ..plain }]
    }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<Settings>()]
}
