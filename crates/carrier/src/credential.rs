//! A key or token that a carrier gave us.

use std::fmt;

/// Prints nothing in `Debug`; a header made from it is marked sensitive.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credential(String);

impl Credential {
    /// Wraps the text as the carrier shows it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}
