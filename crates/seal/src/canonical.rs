//! The one byte encoding of "these values, in this order" that is authenticated, derived from or hashed.

use uuid::Uuid;
use zeroize::Zeroizing;

/// Values in order, each led by its length in four big-endian bytes, so that no two lists encode alike.
///
/// Integers are eight big-endian bytes, identifiers their sixteen, text its UTF-8. An absent value is the length
/// `FF FF FF FF` and nothing, which no present value has. The buffer is overwritten when dropped.
#[derive(Clone)]
pub struct Canonical(Zeroizing<Vec<u8>>);

/// Stands for "no value" where a length would.
const ABSENT: u32 = u32::MAX;

impl Canonical {
    /// Starts a list with the name of what is encoded, e.g. `kept/v1/audit`.
    pub fn new(purpose: &str) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(192))).text(purpose)
    }

    /// An encoding that begins with bytes rather than with a purpose.
    pub(crate) fn starting(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(192))).bytes(bytes)
    }

    /// Appends bytes.
    ///
    /// # Panics
    /// When a value has 4 GiB or more: every caller's limits are far below.
    #[must_use]
    pub fn bytes(mut self, value: &[u8]) -> Self {
        let length = u32::try_from(value.len()).ok().filter(|length| *length != ABSENT);
        let length = length.expect("no value that is encoded comes near 4 GiB");
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    /// Appends text.
    #[must_use]
    pub fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// Appends an integer.
    #[must_use]
    pub fn int(self, value: i64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends an identifier.
    #[must_use]
    pub fn uuid(self, value: Uuid) -> Self {
        self.bytes(value.as_bytes())
    }

    /// Appends text that may be absent (which differs from empty).
    #[must_use]
    pub fn opt_text(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(value),
            None => self.absent(),
        }
    }

    /// Appends an identifier that may be absent.
    #[must_use]
    pub fn opt_uuid(self, value: Option<Uuid>) -> Self {
        match value {
            Some(value) => self.uuid(value),
            None => self.absent(),
        }
    }

    fn absent(mut self) -> Self {
        self.0.extend_from_slice(&ABSENT.to_be_bytes());
        self
    }

    /// The encoding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Canonical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canonical({} B)", self.0.len())
    }
}
