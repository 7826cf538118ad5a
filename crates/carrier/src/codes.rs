//! What a carrier's error codes mean: a table in TOML beside the code, one section a meaning, `code = "our words"` in it.

use crate::Refusal;
use kept_domain::text_enum;
use std::collections::BTreeMap;

text_enum! {
    /// What a code means for us.
    Meaning: "meaning of a carrier's code" {
        /// The receiver told the carrier to stop.
        OptedOut => "opted-out",
        /// The phone could not be reached; it may be off.
        Unreachable => "unreachable",
        /// Nobody has the number.
        UnknownNumber => "unknown-number",
        /// The number cannot get texts.
        Landline => "landline",
        /// The carrier, or the receiver's, filtered it as unwanted.
        Filtered => "filtered",
        /// The sender is not registered for this traffic.
        Unregistered => "unregistered",
        /// It could not be delivered in time.
        Expired => "expired",
        /// Certainly not taken; the same again later may be.
        Busy => "busy",
        /// Our account, key or sender is not in order: certainly not taken, and a person must mend it.
        Account => "account",
        /// Anything else that is final.
        NotAccepted => "not-accepted",
    }
}

impl Meaning {
    /// Whether nothing is delivered this way until somebody at the practice mends account, key, sender or registration.
    pub const fn is_ours_to_mend(self) -> bool {
        matches!(self, Self::Account | Self::Unregistered)
    }

    /// What it changes for the number.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::OptedOut => Refusal::OptedOut,
            Self::UnknownNumber | Self::Landline => Refusal::Unreachable,
            Self::Unreachable => Refusal::NotReached,
            Self::Filtered | Self::Unregistered | Self::Expired | Self::Busy | Self::Account | Self::NotAccepted => {
                Refusal::NotAccepted
            }
        }
    }
}

/// A table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodesError {
    /// Not TOML of this shape.
    #[error("the table of codes must have a section a meaning with `code = \"words\"` in it: {0}")]
    Shape(String),
    /// A section is no meaning.
    #[error("{0}")]
    Meaning(String),
    /// A code stands in two sections.
    #[error("the code `{0}` stands in two sections; it can mean one thing only")]
    Twice(String),
}

/// A carrier's codes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Codes(BTreeMap<String, (Meaning, String)>);

impl Codes {
    /// Reads a table: `[opted-out]` and below it `21610 = "the receiver texted STOP"`.
    pub fn parse(text: &str) -> Result<Self, CodesError> {
        let sections: BTreeMap<String, BTreeMap<String, String>> =
            toml::from_str(text).map_err(|error| CodesError::Shape(error.message().to_owned()))?;
        Self::of(sections)
    }

    /// The same from sections that were read already.
    pub fn of(sections: BTreeMap<String, BTreeMap<String, String>>) -> Result<Self, CodesError> {
        let mut codes = BTreeMap::new();
        for (section, entries) in sections {
            let meaning: Meaning = section
                .parse()
                .map_err(|error: kept_domain::text_enum::UnknownWord| CodesError::Meaning(error.to_string()))?;
            for (code, words) in entries {
                if codes.insert(code.clone(), (meaning, words)).is_some() {
                    return Err(CodesError::Twice(code));
                }
            }
        }
        Ok(Self(codes))
    }

    /// What a code means; `None` if the table does not know it.
    pub fn meaning(&self, code: &str) -> Option<Meaning> {
        self.0.get(code).map(|(meaning, _)| *meaning)
    }

    /// The code in our words, for the delivery log.
    pub fn words(&self, code: &str) -> Option<&str> {
        self.0.get(code).map(|(_, words)| words.as_str())
    }

    /// What a code changes for the number: nothing if the table does not know it.
    pub fn refusal(&self, code: &str) -> Refusal {
        self.meaning(code).map_or(Refusal::NotAccepted, Meaning::refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_codes_mean_and_nothing_twice() {
        let codes = Codes::parse("[opted-out]\n21610 = \"texted STOP\"\n[busy]\n20429 = \"too many\"\n").unwrap();
        assert_eq!(codes.meaning("21610"), Some(Meaning::OptedOut));
        assert_eq!(codes.words("20429"), Some("too many"));
        assert_eq!((codes.meaning("1"), codes.refusal("1")), (None, Refusal::NotAccepted));
        assert_eq!(codes.refusal("21610"), Refusal::OptedOut);

        let twice = Codes::parse("[busy]\n1 = \"a\"\n[filtered]\n1 = \"b\"\n");
        assert_eq!(twice, Err(CodesError::Twice("1".to_owned())));
        let said = Codes::parse("[gone]\n1 = \"a\"\n").unwrap_err().to_string();
        assert!(said.contains("`gone`") && said.contains("opted-out"), "{said}");
        assert!(matches!(Codes::parse("1 = 2"), Err(CodesError::Shape(_))));
    }
}
