//! Phrases: short texts of pages and messages, by key, one catalogue a language.
//!
//! `templates/<locale>/{common,patient,staff,report}.toml` are merged; a table `[visit]` with `question = "…"` is
//! the key `visit.question`. `{name}` in a phrase is filled from the argument `name`.
//! - A key that ends in `_html` is markup: the phrase itself is trusted, its arguments are escaped. All other phrases are
//!   plain text and escaped as a whole on pages.
//! - A phrase that counts has two keys, `visits.one` and `visits.other`; `t(key="visits", n=3)` picks by `n`
//!   (CLDR plural rules of English and Spanish for whole numbers below a million).

use crate::renderer::{Files, is_toml, read};
use kept_domain::Locale;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;

/// A catalogue is wrong, or is asked for what it does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// A file is not UTF-8 or not TOML.
    #[error("catalogue `{file}` cannot be read: {problem}")]
    Unreadable {
        /// Path below `/templates`.
        file: String,
        /// What the parser says.
        problem: String,
    },
    /// Two files of one language hold the same key.
    #[error("phrase `{key}` stands twice in language `{locale}`")]
    Twice {
        /// The key.
        key: String,
        /// The language.
        locale: Locale,
    },
    /// No file of the language holds the key.
    #[error("there is no phrase `{key}` in language `{locale}`")]
    Missing {
        /// The key.
        key: String,
        /// The language.
        locale: Locale,
    },
    /// A `{placeholder}` of the phrase has no argument.
    #[error("phrase `{key}` needs a value for `{placeholder}`")]
    Unfilled {
        /// The key.
        key: String,
        /// The argument that is missing.
        placeholder: String,
    },
}

/// The phrases of one language.
#[derive(Debug)]
pub struct Catalogue {
    locale: Locale,
    phrases: BTreeMap<String, String>,
}

impl Catalogue {
    /// Reads the embedded catalogues of a language.
    pub fn load(locale: Locale) -> Result<Self, CatalogueError> {
        let own = format!("{locale}/");
        let mut phrases = BTreeMap::new();
        for file in Files::iter().filter(|path| path.starts_with(&own) && is_toml(path)) {
            let unreadable = |problem: String| CatalogueError::Unreadable { file: file.to_string(), problem };
            let source = read(&file).ok_or_else(|| unreadable("not UTF-8".to_owned()))?;
            let table: toml::Table = source.parse().map_err(|error: toml::de::Error| unreadable(error.to_string()))?;
            let mut found = Vec::new();
            flatten("", &table, &mut found).map_err(unreadable)?;
            for (key, phrase) in found {
                if phrases.insert(key.clone(), phrase).is_some() {
                    return Err(CatalogueError::Twice { key, locale });
                }
            }
        }
        Ok(Self { locale, phrases })
    }

    /// Every key and phrase, in order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.phrases.iter().map(|(key, phrase)| (key.as_str(), phrase.as_str()))
    }

    /// A phrase as plain text; `n` among the values picks the plural form.
    pub fn phrase(&self, key: &str, values: &[(&str, &dyn Display)]) -> Result<String, CatalogueError> {
        let value = |name: &str| values.iter().find(|(given, _)| *given == name).map(|(_, value)| value.to_string());
        let one = value("n").map(|n| n == "1");
        let phrase = self.find(key, one)?;
        fill(key, phrase, |name| value(name).map(Cow::Owned))
    }

    /// The phrase of `key`, or with `one` given and no such phrase, its singular or plural form.
    pub(crate) fn find(&self, key: &str, one: Option<bool>) -> Result<&str, CatalogueError> {
        if let Some(phrase) = self.phrases.get(key) {
            return Ok(phrase);
        }
        one.and_then(|one| self.phrases.get(&format!("{key}.{}", if one { "one" } else { "other" })))
            .map(String::as_str)
            .ok_or_else(|| CatalogueError::Missing { key: key.to_owned(), locale: self.locale })
    }
}

/// Puts values into the placeholders of a phrase.
pub(crate) fn fill<'v>(
    key: &str,
    phrase: &str,
    value: impl Fn(&str) -> Option<Cow<'v, str>>,
) -> Result<String, CatalogueError> {
    let mut filled = String::with_capacity(phrase.len() + 32);
    for part in parts(phrase) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Placeholder(name) => {
                let unfilled = || CatalogueError::Unfilled { key: key.to_owned(), placeholder: name.to_owned() };
                filled.push_str(&value(name).ok_or_else(unfilled)?);
            }
        }
    }
    Ok(filled)
}

fn flatten(prefix: &str, table: &toml::Table, found: &mut Vec<(String, String)>) -> Result<(), String> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::String(phrase) => found.push((key, phrase.clone())),
            toml::Value::Table(table) => flatten(&key, table, found)?,
            _ => return Err(format!("`{key}` is neither a text nor a table")),
        }
    }
    Ok(())
}

/// A piece of a phrase.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'p> {
    /// Stands as it is.
    Text(&'p str),
    /// `{name}`.
    Placeholder(&'p str),
}

/// Cuts a phrase at its placeholders: `{` letters, digits or `_` `}`. Other braces are text.
pub(crate) fn parts(phrase: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = phrase;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(open) = rest[from..].find('{').map(|at| at + from) {
            let name_end = rest[open + 1..]
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .map_or(rest.len(), |at| at + open + 1);
            if name_end > open + 1 && rest[name_end..].starts_with('}') {
                if open > 0 {
                    let (text, after) = rest.split_at(open);
                    rest = after;
                    return Some(Part::Text(text));
                }
                let name = &rest[1..name_end];
                rest = &rest[name_end + 1..];
                return Some(Part::Placeholder(name));
            }
            from = open + 1;
        }
        Some(Part::Text(std::mem::take(&mut rest)))
    })
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
