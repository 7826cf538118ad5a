//! Placeholders in a gateway's description: `{to}` and the like, filled in with the escaping of the place they stand in.

use crate::{Credential, Outbound};
use std::fmt;

/// What stands for itself between placeholders, or what a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Receiver, E.164.
    To,
    /// Receiver without the plus sign.
    ToDigits,
    /// Sender, E.164; empty where the location has none and `sender` is not set.
    From,
    /// Sender without the plus sign.
    FromDigits,
    /// The text.
    Text,
    /// The idempotency key: the notice's id.
    Key,
    /// Validity in seconds.
    ValidS,
    /// Validity in minutes, at least one.
    ValidMin,
    /// Where receipts go.
    StatusUrl,
    /// Where replies go.
    InboundUrl,
    /// The gateway's secret.
    Secret,
}

impl Word {
    const ALL: &'static [(&'static str, Self)] = &[
        ("to", Self::To),
        ("to_digits", Self::ToDigits),
        ("from", Self::From),
        ("from_digits", Self::FromDigits),
        ("text", Self::Text),
        ("key", Self::Key),
        ("valid_s", Self::ValidS),
        ("valid_min", Self::ValidMin),
        ("status_url", Self::StatusUrl),
        ("inbound_url", Self::InboundUrl),
        ("secret", Self::Secret),
    ];

    /// All placeholders, for messages.
    fn known() -> String {
        Self::ALL.iter().map(|(name, _)| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
    }
}

/// What placeholders stand for in one hand-over.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) notice: &'a Outbound,
    /// Who texts when the location has no number.
    pub(super) sender: &'a str,
    pub(super) secret: &'a Credential,
}

impl Values<'_> {
    fn of(&self, word: Word) -> String {
        let notice = self.notice;
        let from = notice.from.as_deref().unwrap_or(self.sender);
        match word {
            Word::To => notice.to.clone(),
            Word::ToDigits => notice.to.trim_start_matches('+').to_owned(),
            Word::From => from.to_owned(),
            Word::FromDigits => from.trim_start_matches('+').to_owned(),
            Word::Text => notice.text.clone(),
            Word::Key => notice.key.to_string(),
            Word::ValidS => notice.valid_for.as_secs().max(1).to_string(),
            Word::ValidMin => (notice.valid_for.as_secs() / 60).max(1).to_string(),
            Word::StatusUrl => notice.status_url.clone(),
            Word::InboundUrl => notice.inbound_url.clone(),
            Word::Secret => self.secret.reveal().to_owned(),
        }
    }
}

/// A text with placeholders. `{{` and `}}` stand for braces. Debug prints the template, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Plain(String),
    Word(Word),
}

/// A template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadTemplate(String);

impl fmt::Display for BadTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, BadTemplate> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let ("{", Some((name, after))) = (brace, after.split_once('}')) else {
                return Err(BadTemplate(format!(
                    "a lone `{brace}` in `{text}`; write `{brace}{brace}` for the sign itself"
                )));
            };
            let (_, word) = Word::ALL.iter().find(|(known, _)| *known == name).ok_or_else(|| {
                BadTemplate(format!("`{{{name}}}` in `{text}` is unknown; the placeholders are: {}", Word::known()))
            })?;
            if !plain.is_empty() {
                parts.push(Part::Plain(std::mem::take(&mut plain)));
            }
            parts.push(Part::Word(*word));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Plain(plain));
        }
        Ok(Self(parts))
    }

    /// The text, filled in. `escape` is put over each value, never over the template's own text.
    pub(super) fn fill(&self, values: Values<'_>, escape: impl Fn(String) -> String) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Plain(plain) => plain.clone(),
                Part::Word(word) => escape(values.of(*word)),
            })
            .collect()
    }

    /// As JSON: a number where nothing but a validity stands, else a string. JSON's own writer escapes it.
    pub(super) fn fill_json(&self, values: Values<'_>) -> serde_json::Value {
        if let [Part::Word(word @ (Word::ValidS | Word::ValidMin))] = self.0.as_slice() {
            return values.of(*word).parse::<u64>().map_or(serde_json::Value::Null, Into::into);
        }
        self.fill(values, std::convert::identity).into()
    }

    pub(super) fn has(&self, wanted: Word) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Word(word) if *word == wanted))
    }

    /// Everything before the first placeholder.
    pub(super) fn start(&self) -> &str {
        match self.0.first() {
            Some(Part::Plain(plain)) => plain,
            _ => "",
        }
    }
}

/// Escapes a value for a URL: everything but letters, digits and `-._~` as `%XX` (RFC 3986 §2.3).
pub(super) fn url_escaped(value: String) -> String {
    let mut escaped = String::with_capacity(value.len());
    for byte in value.into_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push_str(&hex::encode_upper([byte]));
        }
    }
    escaped
}
