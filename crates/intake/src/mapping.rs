//! Which column is which field, as a small TOML file.

use crate::error::MappingError;
use crate::field::Field;
use crate::limits::MAX_MAPPING_BYTES;
use crate::visit::Action;
use crate::words;
use chrono_tz::Tz;
use kept_domain::{AppointmentStatus, Locale};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One column, or several that belong together (a date and a time; first and last name).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected the name of a column in quotes, or a list of names")]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// How dates of the form `1/2/2026` are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// 2 January.
    MonthFirst,
    /// 1 February.
    DayFirst,
    /// Only `2026-01-02`, `2026/01/02` and `20260102` are dates.
    Iso,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Formats {
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<DateOrder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
}

type Words = BTreeMap<String, String>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Values {
    #[serde(skip_serializing_if = "Words::is_empty")]
    status: Words,
    #[serde(skip_serializing_if = "Words::is_empty")]
    action: Words,
    #[serde(skip_serializing_if = "Words::is_empty")]
    language: Words,
    #[serde(skip_serializing_if = "Words::is_empty")]
    consent_sms: Words,
    #[serde(skip_serializing_if = "Words::is_empty")]
    consent_email: Words,
    #[serde(skip_serializing_if = "Words::is_empty")]
    location: Words,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum CompleteFor {
    #[serde(rename = "file range")]
    FileRange,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    complete_for: Option<CompleteFor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sheet: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    columns: BTreeMap<Field, Names>,
    #[serde(default)]
    formats: Formats,
    #[serde(default)]
    values: Values,
    #[serde(default)]
    options: Options,
}

/// A checked mapping. Prints our fields and none of their words.
#[derive(Clone, PartialEq, Eq)]
pub struct Mapping {
    document: Document,
    columns: Vec<(Field, Vec<String>)>,
    zone: Option<Tz>,
    status: BTreeMap<String, AppointmentStatus>,
    action: BTreeMap<String, Action>,
    language: BTreeMap<String, Locale>,
    consent_sms: BTreeMap<String, bool>,
    consent_email: BTreeMap<String, bool>,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapping")?;
        f.debug_list().entries(self.columns.iter().map(|(field, _)| field)).finish()
    }
}

impl Mapping {
    /// Reads and checks a mapping file.
    ///
    /// # Errors
    /// A [`MappingError`] that names the key or value that is wrong and what may stand there.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        if text.len() > MAX_MAPPING_BYTES {
            return Err(MappingError::TooLarge);
        }
        let document: Document = toml::from_str(text.trim_start_matches('\u{FEFF}'))
            .map_err(|e| MappingError::Toml(e.to_string().trim().to_owned()))?;
        Self::check(document)
    }

    /// A mapping of columns only, as a person chooses it on a screen; values and formats are added with the `with_…` methods.
    ///
    /// # Errors
    /// [`MappingError::NoStart`] and [`MappingError::NoKey`].
    pub fn from_columns(columns: impl IntoIterator<Item = (Field, Vec<String>)>) -> Result<Self, MappingError> {
        let one_or_several =
            |mut names: Vec<String>| if names.len() == 1 { Names::One(names.remove(0)) } else { Names::Several(names) };
        let columns = columns.into_iter().map(|(field, names)| (field, one_or_several(names))).collect();
        Self::check(Document {
            columns,
            formats: Formats::default(),
            values: Values::default(),
            options: Options::default(),
        })
    }

    /// The same with the order of day and month.
    #[must_use]
    pub fn with_date_order(mut self, order: Option<DateOrder>) -> Self {
        self.document.formats.date = order;
        self
    }

    /// The same with a zone for times without an offset.
    #[must_use]
    pub fn with_zone(mut self, zone: Option<Tz>) -> Self {
        self.document.formats.time_zone = zone.map(|zone| zone.name().to_owned());
        self.zone = zone;
        self
    }

    /// The same with meanings of their words for a status; a word that is there already gets the new meaning.
    #[must_use]
    pub fn with_status_words(mut self, words: impl IntoIterator<Item = (String, AppointmentStatus)>) -> Self {
        for (word, status) in words {
            self.status.insert(words::normal(&word), status);
            self.document.values.status.insert(word, status.as_str().to_owned());
        }
        self
    }

    /// Their words for a status that `[values.status]` gives a meaning.
    pub fn status_words(&self) -> impl Iterator<Item = (&str, AppointmentStatus)> {
        let meaning = |word: &str| self.status.get(&words::normal(word)).copied();
        self.document.values.status.keys().filter_map(move |word| Some((word.as_str(), meaning(word)?)))
    }

    /// The same, declared complete (or not) for the dates it covers: only then do vanished rows cancel.
    #[must_use]
    pub fn with_complete_range(mut self, complete: bool) -> Self {
        self.document.options.complete_for = complete.then_some(CompleteFor::FileRange);
        self
    }

    /// The mapping as the TOML file that [`Mapping::parse`] reads.
    ///
    /// # Panics
    /// Never: a mapping is tables of strings.
    pub fn to_toml(&self) -> String {
        toml::to_string(&self.document).expect("a mapping is tables of strings with string keys, which TOML can write")
    }

    fn check(document: Document) -> Result<Self, MappingError> {
        let columns: Vec<(Field, Vec<String>)> =
            document.columns.iter().map(|(field, names)| (*field, names.as_slice().to_vec())).collect();
        if let Some((field, _)) = columns.iter().find(|(_, names)| names.iter().all(|n| n.trim().is_empty())) {
            return Err(MappingError::NoColumn { field: field.as_str() });
        }
        let has = |field: Field| document.columns.contains_key(&field);
        if !has(Field::StartsAt) {
            return Err(MappingError::NoStart);
        }
        let keys = [Field::AppointmentId, Field::PatientId, Field::PatientName, Field::GivenName, Field::FamilyName];
        if !keys.into_iter().any(has) {
            return Err(MappingError::NoKey);
        }
        let zone = match &document.formats.time_zone {
            None => None,
            Some(name) => Some(name.trim().parse().map_err(|_| MappingError::UnknownZone { zone: name.clone() })?),
        };
        let status = meanings(&document.values.status, |word, meaning| {
            meaning.parse::<AppointmentStatus>().map_err(|e| MappingError::UnknownStatus {
                word: word.to_owned(),
                meaning: meaning.to_owned(),
                allowed: e.allowed,
            })
        })?;
        let unknown = |field, word: &str, meaning: &str, allowed| MappingError::UnknownMeaning {
            field,
            word: word.to_owned(),
            meaning: meaning.to_owned(),
            allowed,
        };
        let action = meanings(&document.values.action, |word, meaning| match meaning {
            "add" | "update" => Ok(Action::Upsert),
            "delete" => Ok(Action::Delete),
            _ => Err(unknown("action", word, meaning, "add, update, delete")),
        })?;
        let language = meanings(&document.values.language, |word, meaning| {
            meaning.parse::<Locale>().map_err(|_| unknown("language", word, meaning, "en, es"))
        })?;
        let yes_or_no = |words: &Words, field: &'static str| {
            meanings(words, |word, meaning| match meaning {
                "yes" => Ok(true),
                "no" => Ok(false),
                _ => Err(unknown(field, word, meaning, "yes, no")),
            })
        };
        let consent_sms = yes_or_no(&document.values.consent_sms, "consent_sms")?;
        let consent_email = yes_or_no(&document.values.consent_email, "consent_email")?;
        Ok(Self { document, columns, zone, status, action, language, consent_sms, consent_email })
    }

    /// The columns of each mapped field.
    pub fn columns(&self) -> &[(Field, Vec<String>)] {
        &self.columns
    }

    /// Every column that is named.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().flat_map(|(_, names)| names).map(String::as_str)
    }

    /// Order of day and month, if the mapping says.
    pub fn date_order(&self) -> Option<DateOrder> {
        self.document.formats.date
    }

    /// Zone of times without an offset, if the mapping says; the location's otherwise.
    pub fn zone(&self) -> Option<Tz> {
        self.zone
    }

    /// Sheet of a workbook, if the mapping says.
    pub fn sheet(&self) -> Option<&str> {
        self.document.options.sheet.as_deref()
    }

    /// Whether a file has every visit between its first and last day, so that a missing one was cancelled.
    pub fn is_complete_for_range(&self) -> bool {
        self.document.options.complete_for.is_some()
    }

    /// What a word means by `[values.status]`, or else by itself.
    pub(crate) fn status(&self, word: &str) -> Option<AppointmentStatus> {
        let word = words::normal(word);
        self.status.get(&word).copied().or_else(|| words::status(&word))
    }

    pub(crate) fn action(&self, word: &str) -> Option<Action> {
        let word = words::normal(word);
        self.action.get(&word).copied().or_else(|| words::action(&word))
    }

    pub(crate) fn language(&self, word: &str) -> Option<Locale> {
        self.language.get(&words::normal(word)).copied().or_else(|| Locale::recognise(word))
    }

    /// What a word in a consent column means, by that field's table or by itself.
    pub(crate) fn consent(&self, field: Field, word: &str) -> Option<bool> {
        let word = words::normal(word);
        let meanings = if field == Field::ConsentEmail { &self.consent_email } else { &self.consent_sms };
        meanings.get(&word).copied().or_else(|| words::yes_or_no(&word))
    }

    /// Their name of a location, or the one that `[values.location]` puts in its place. Only locations have such a table:
    /// a mapping is stored in the clear, and names of people and visit types are not.
    pub(crate) fn location<'a>(&'a self, name: &'a str) -> &'a str {
        self.document.values.location.get(name).map_or(name, String::as_str)
    }
}

fn meanings<T>(
    given: &Words,
    read: impl Fn(&str, &str) -> Result<T, MappingError>,
) -> Result<BTreeMap<String, T>, MappingError> {
    given.iter().map(|(word, meaning)| Ok((words::normal(word), read(word, meaning.trim())?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [columns]
        appointment_id = "AppointmentID"
        patient_name = ["First", "Last"]
        starts_at = ["Date", "Time"]
        status = "No-show"
        [formats]
        date = "month-first"
        time_zone = "America/Chicago"
        [values.status]
        "Yes" = "noshow"
        "No" = "fulfilled"
        [options]
        complete_for = "file range"
    "#;

    #[test]
    fn a_mapping_survives_being_written() {
        let mapping = Mapping::parse(GOOD).expect("a good mapping");
        assert_eq!(Mapping::parse(&mapping.to_toml()).expect("what was written"), mapping);
        assert_eq!(mapping.status("YES "), Some(AppointmentStatus::Noshow));
        assert_eq!(mapping.zone(), Some(chrono_tz::America::Chicago));
        assert!(mapping.is_complete_for_range());
        let changed =
            mapping.clone().with_complete_range(false).with_zone(None).with_date_order(Some(DateOrder::DayFirst));
        assert_eq!(Mapping::parse(&changed.to_toml()).expect("what was written"), changed);
        let words = changed.with_status_words([("No".to_owned(), AppointmentStatus::Booked)]);
        let words: Vec<_> = words.status_words().collect();
        assert_eq!(words, [("No", AppointmentStatus::Booked), ("Yes", AppointmentStatus::Noshow)]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, words) in [
            ("America/Chicago", "America/Chicgo", &["America/Chicgo", "IANA"][..]),
            ("starts_at =", "begins_at =", &["begins_at", "starts_at"]),
            ("[formats]", "[format]", &["format", "columns", "formats"]),
            ("time_zone", "timezone", &["timezone", "time_zone"]),
            ("\"noshow\"", "\"missed\"", &["missed", "noshow"]),
            ("month-first", "us", &["us", "month-first"]),
            ("[\"Date\", \"Time\"]", "[]", &["starts_at"]),
            ("[\"Date\", \"Time\"]", "7", &["name of a column"]),
            ("\"file range\"", "\"ever\"", &["ever", "file range"]),
        ] {
            assert!(GOOD.contains(from));
            let error = Mapping::parse(&GOOD.replace(from, to)).expect_err(to).to_string();
            for word in words {
                assert!(error.contains(word), "{to}: {error}");
            }
        }
        let no_start = "[columns]\npatient_id = \"A\"\n";
        assert_eq!(Mapping::parse(no_start), Err(MappingError::NoStart));
        let no_key = "[columns]\nstarts_at = \"A\"\n";
        assert_eq!(Mapping::parse(no_key), Err(MappingError::NoKey));
        assert_eq!(Mapping::parse(&"#".repeat(MAX_MAPPING_BYTES + 1)), Err(MappingError::TooLarge));
    }
}
