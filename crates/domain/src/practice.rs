//! The practice and what it decides: locales, hours, caps, cut-offs.

use crate::ladder::OptOutScope;
use crate::text_enum;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

text_enum! {
    /// A language that patients and staff are addressed in (BCP 47).
    Locale: "language" {
        /// English.
        En => "en",
        /// Spanish.
        Es => "es",
    }
}

impl Locale {
    /// Reads what calendars write: `Spanish`, `es-MX`, `ESP`, `Español`.
    pub fn recognise(text: &str) -> Option<Self> {
        let word = text.trim().to_lowercase();
        match word.get(..2)? {
            "en" | "in" if word.starts_with("en") || word.starts_with("ing") => Some(Self::En),
            "es" | "sp" | "ca" if word.starts_with("es") || word.starts_with("spa") || word.starts_with("cas") => {
                Some(Self::Es)
            }
            _ => None,
        }
    }
}

text_enum! {
    /// What a practice mostly treats.
    Care: "kind of care" {
        /// Anything that a lock screen may hint at.
        General => "general",
        /// Mental and behavioural health.
        Behavioural => "behavioural",
        /// Reproductive and sexual health.
        Reproductive => "reproductive",
        /// Addiction.
        SubstanceUse => "substance-use",
    }
}

impl Care {
    /// Whether the practice's very name or hours tell too much, so that its texts are discreet unless it decides otherwise.
    pub const fn is_telling(self) -> bool {
        !matches!(self, Self::General)
    }
}

/// What a practice may set. Stored as one JSON document; a missing field takes its default, an unknown one is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PracticeSettings {
    /// ISO 3166-1 alpha-2; reads numbers without a country code and picks the rules of hours.
    pub country: String,
    /// Languages offered, the practice's own first.
    pub locales: Vec<Locale>,
    /// Hours within which messages may go out: a name in the rules data (`default`, `strict`).
    pub send_window: String,
    /// Messages to one number in one local calendar day.
    pub cap_per_day: u16,
    /// Messages to one number in seven local calendar days, today included.
    pub cap_per_week: u16,
    /// What it mostly treats; decides what `discreet` is to begin with.
    pub care: Care,
    /// The practice's very name or hours tell too much: texts carry the alias and the link only, and no text reply confirms.
    pub discreet: bool,
    /// What an opt-out silences: `number` (everything to that number or address) or `patient` (every channel).
    pub opt_out_scope: OptOutScope,
    /// Address that mails come from; none: the installation's.
    pub email_from: Option<String>,
    /// Segments one text may have.
    pub max_segments: u8,
    /// A cancellation by the patient later than this before the start is "late" in the report, in hours.
    pub late_cancel_hours: u16,
    /// Until how many minutes before the start the patient may change the answer in the portal.
    pub answer_cut_off_min: u32,
    /// Until how many minutes before the start the patient may cancel in the portal; later they are asked to call.
    pub cancel_cut_off_min: u32,
    /// When messages from the portal are read, in the practice's own words, by locale word. Shown after sending.
    pub reading_hours: std::collections::BTreeMap<String, String>,
}

impl Default for PracticeSettings {
    fn default() -> Self {
        Self {
            country: "US".to_owned(),
            locales: vec![Locale::En, Locale::Es],
            send_window: "default".to_owned(),
            cap_per_day: 1,
            cap_per_week: 3,
            care: Care::General,
            discreet: false,
            opt_out_scope: OptOutScope::Number,
            email_from: None,
            max_segments: 1,
            late_cancel_hours: 24,
            answer_cut_off_min: 60,
            cancel_cut_off_min: 120,
            reading_hours: std::collections::BTreeMap::new(),
        }
    }
}

impl PracticeSettings {
    /// What a practice of this kind begins with.
    #[must_use]
    pub fn of_care(care: Care) -> Self {
        Self { care, discreet: care.is_telling(), ..Self::default() }
    }
}

/// A practice, as everybody may know it. Nothing here is private.
#[derive(Debug, Clone, PartialEq)]
pub struct Practice {
    /// Which.
    pub id: crate::PracticeId,
    /// Its name in addresses: lower-case letters, digits and hyphens.
    pub slug: String,
    /// Its full name, shown inside the portal and to staff.
    pub name: String,
    /// Its name on lock screens.
    pub alias: String,
    /// Zone where a location or patient names none.
    pub time_zone: Tz,
    /// Phone, E.164.
    pub phone: Option<String>,
    /// What it decided.
    pub settings: PracticeSettings,
}

/// A site of a practice.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// Which.
    pub id: crate::LocationId,
    /// Its name as calendars and staff write it.
    pub name: String,
    /// What a text calls it; short and neutral.
    pub alias: String,
    /// Zone of its visits.
    pub time_zone: Tz,
    /// Phone that patients call, E.164.
    pub phone: Option<String>,
    /// Street address, one line.
    pub address: Option<String>,
}
