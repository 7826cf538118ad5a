//! What is private is only ever stored as [`Sealed`]: ciphertext with the type of what is inside.
//!
//! This module knows nothing of keys. `kept-seal` makes and opens values, `kept-store` carries them.

use std::fmt;
use std::marker::PhantomData;

/// A private column: where its ciphertext lives (bound into the additional authenticated data) and
/// what is inside.
pub trait Column {
    /// Table name, as in the migrations.
    const TABLE: &'static str;
    /// Column name, as in the migrations.
    const COLUMN: &'static str;
    /// The plain value. It is serialised to JSON before it is sealed.
    type Plain: serde::Serialize + serde::de::DeserializeOwned;
}

/// Ciphertext of one cell of column `C`: `version | DEK version | nonce | ciphertext and tag`.
///
/// It cannot be printed, compared or opened here.
pub struct Sealed<C: Column> {
    ciphertext: Vec<u8>,
    column: PhantomData<fn() -> C>,
}

impl<C: Column> Sealed<C> {
    /// Takes bytes for ciphertext. Only `kept-seal` (which has just sealed them) and `kept-store` (which
    /// has just read them) may say so; clippy refuses it elsewhere.
    pub fn from_ciphertext(ciphertext: Vec<u8>) -> Self {
        Self { ciphertext, column: PhantomData }
    }

    /// The bytes to store.
    pub fn as_ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }
}

/// The shortest ciphertext there is: format, key version, nonce, tag.
const SHORTEST: usize = 1 + 4 + 12 + 16;

/// What a row of the database reads a sealed column by.
impl<C: Column> TryFrom<Vec<u8>> for Sealed<C> {
    type Error = WrongLength;
    fn try_from(ciphertext: Vec<u8>) -> Result<Self, WrongLength> {
        if ciphertext.len() < SHORTEST {
            return Err(WrongLength { expected: SHORTEST, found: ciphertext.len() });
        }
        Ok(Self { ciphertext, column: PhantomData })
    }
}

impl<C: Column> Clone for Sealed<C> {
    fn clone(&self) -> Self {
        Self { ciphertext: self.ciphertext.clone(), column: PhantomData }
    }
}

impl<C: Column> fmt::Debug for Sealed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed<{}.{}>({} B)", C::TABLE, C::COLUMN, self.ciphertext.len())
    }
}

/// The salt of a row key. A patient's rows use the patient's shred salt, so that destroying it makes
/// them unreadable for ever; rows of several or no patients use the practice's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl TryFrom<Vec<u8>> for Salt {
    type Error = WrongLength;
    fn try_from(bytes: Vec<u8>) -> Result<Self, WrongLength> {
        exact(&bytes).map(Self)
    }
}

/// A stored value has not the length its type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{found} bytes where {expected} were expected")]
pub struct WrongLength {
    /// Bytes the type has.
    pub expected: usize,
    /// Bytes that were read.
    pub found: usize,
}

fn exact<const N: usize>(bytes: &[u8]) -> Result<[u8; N], WrongLength> {
    bytes.try_into().map_err(|_| WrongLength { expected: N, found: bytes.len() })
}

macro_rules! macs {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(concat!(stringify!($name), "(…)")) }
        }
        impl TryFrom<Vec<u8>> for $name {
            type Error = WrongLength;
            fn try_from(bytes: Vec<u8>) -> Result<Self, WrongLength> { exact(&bytes).map(Self) }
        }
    )+};
}

macs! {
    /// HMAC-SHA256 of a phone number, e-mail address or external id, cut to 128 bits, under the practice's index
    /// key: finds equal values without opening any.
    BlindIndex,
    /// HMAC-SHA256 of a row's canonical content, cut to 128 bits: recognises an unchanged row without opening it.
    ContentMac,
}
