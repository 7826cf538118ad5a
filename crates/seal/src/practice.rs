//! The keys of one practice: data-encryption keys by version, and the index key, wrapped under the key ring.
//!
//! A wrapped key is `1 | key id (8) | nonce (12) | ciphertext (32) | tag (16)`, with the additional data
//! `"kept/v1/wrap" | practice | kind | version`, length-prefixed.

use crate::aead;
use crate::canonical::Canonical;
use crate::error::SealError;
use crate::key_file::{KeyId, KeyRing};
use crate::secret::Secret;
use kept_domain::PracticeId;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// The version of a practice's first data-encryption key.
pub const FIRST_DEK_VERSION: u32 = 1;

/// The format of a wrapped key.
const WRAP_FORMAT: u8 = 1;

/// One version of a practice's data-encryption key, as stored in `practice_keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedDek {
    /// From 1, rising; the highest seals, all open.
    pub version: u32,
    /// Opaque bytes for `wrapped_dek`.
    pub wrapped: Vec<u8>,
}

/// All wrapped keys of a practice, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKeys {
    /// Opaque bytes for `practices.wrapped_index_key`.
    pub index: Vec<u8>,
    /// Versions of the data-encryption key, in any order.
    pub deks: Vec<WrappedDek>,
}

/// The unwrapped keys of one practice: seals and opens its rows, tokens and cookies, and makes its blind indexes.
///
/// Made once a practice and process and shared; overwritten when dropped; prints no key.
pub struct PracticeKeys {
    pub(crate) practice: PracticeId,
    current: u32,
    deks: BTreeMap<u32, Secret>,
    pub(crate) index: Secret,
}

impl PracticeKeys {
    /// New keys for a new practice, and what to store of them.
    pub fn create(ring: &KeyRing, practice: PracticeId) -> Result<(Self, WrappedKeys), SealError> {
        let dek = Secret::generate()?;
        let keys = Self {
            practice,
            current: FIRST_DEK_VERSION,
            deks: BTreeMap::from([(FIRST_DEK_VERSION, dek)]),
            index: Secret::generate()?,
        };
        let wrapped = keys.wrap(ring)?;
        Ok((keys, wrapped))
    }

    /// Unwraps what is stored. The highest version seals from now on.
    ///
    /// # Errors
    /// [`SealError::WrongKeyFile`] when the key file lacks the key they are wrapped under,
    /// [`SealError::KeyDamaged`] when they were changed or moved, or none is stored.
    pub fn unwrap(ring: &KeyRing, practice: PracticeId, wrapped: &WrappedKeys) -> Result<Self, SealError> {
        let index = unwrap_one(ring, practice, Kind::Index, 0, &wrapped.index)?;
        let mut deks = BTreeMap::new();
        for dek in &wrapped.deks {
            deks.insert(dek.version, unwrap_one(ring, practice, Kind::Dek, dek.version, &dek.wrapped)?);
        }
        let Some((&current, _)) = deks.last_key_value() else {
            return Err(SealError::KeyDamaged { practice, what: Kind::Dek.name() });
        };
        Ok(Self { practice, current, deks, index })
    }

    /// Wraps all keys under the ring's primary key: for a new practice, and again after the key file got a new first key.
    pub fn wrap(&self, ring: &KeyRing) -> Result<WrappedKeys, SealError> {
        let deks = self.deks.iter().map(|(&version, dek)| {
            Ok(WrappedDek { version, wrapped: wrap_one(ring, self.practice, Kind::Dek, version, dek)? })
        });
        Ok(WrappedKeys {
            deks: deks.collect::<Result<_, SealError>>()?,
            index: wrap_one(ring, self.practice, Kind::Index, 0, &self.index)?,
        })
    }

    /// The same keys with a new version of the data-encryption key in front; older versions still open.
    pub fn rotate(&self, ring: &KeyRing) -> Result<(Self, WrappedDek), SealError> {
        let newest = self.deks.last_key_value().map_or(self.current, |(&version, _)| version);
        let version = newest + 1;
        let dek = Secret::generate()?;
        let wrapped = WrappedDek { version, wrapped: wrap_one(ring, self.practice, Kind::Dek, version, &dek)? };
        let mut deks = self.deks.clone();
        deks.insert(version, dek);
        Ok((Self { practice: self.practice, current: version, deks, index: self.index.clone() }, wrapped))
    }

    /// The same keys, sealing with another version; none if it is not among them. Every version still opens.
    #[must_use]
    pub fn sealing_with(self, version: u32) -> Option<Self> {
        self.deks.contains_key(&version).then_some(Self { current: version, ..self })
    }

    /// Whose keys these are.
    pub fn practice(&self) -> PracticeId {
        self.practice
    }

    /// The version that seals.
    pub fn current_version(&self) -> u32 {
        self.current
    }

    pub(crate) fn current_dek(&self) -> &Secret {
        &self.deks[&self.current]
    }

    pub(crate) fn dek(&self, version: u32) -> Option<&Secret> {
        self.deks.get(&version)
    }

    #[cfg(test)]
    pub(crate) fn fixed(practice: PracticeId, version: u32, dek: [u8; 32], index: [u8; 32]) -> Self {
        let secret = |bytes| Secret::from_bytes(Zeroizing::new(bytes));
        Self { practice, current: version, deks: BTreeMap::from([(version, secret(dek))]), index: secret(index) }
    }
}

impl fmt::Debug for PracticeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PracticeKeys({}, version {}, …)", self.practice, self.current)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Dek,
    Index,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Dek => "dek",
            Self::Index => "index",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Dek => "data-encryption",
            Self::Index => "index",
        }
    }
}

fn wrap_aad(practice: PracticeId, kind: Kind, version: u32) -> Canonical {
    Canonical::new("kept/v1/wrap").uuid(practice.as_uuid()).text(kind.word()).bytes(&version.to_be_bytes())
}

fn wrap_one(
    ring: &KeyRing,
    practice: PracticeId,
    kind: Kind,
    version: u32,
    key: &Secret,
) -> Result<Vec<u8>, SealError> {
    let (id, kek) = ring.primary();
    let mut out = Vec::with_capacity(1 + KeyId::LEN + aead::NONCE_LEN + 32 + aead::TAG_LEN);
    out.push(WRAP_FORMAT);
    out.extend_from_slice(&id.0);
    let aad = wrap_aad(practice, kind, version);
    aead::seal_into(&mut out, kek, aead::nonce()?, aad.as_bytes(), key.as_bytes());
    Ok(out)
}

fn unwrap_one(
    ring: &KeyRing,
    practice: PracticeId,
    kind: Kind,
    version: u32,
    wrapped: &[u8],
) -> Result<Secret, SealError> {
    let damaged = || SealError::KeyDamaged { practice, what: kind.name() };
    let Some((&WRAP_FORMAT, rest)) = wrapped.split_first() else {
        return Err(damaged());
    };
    let (&id, sealed) = rest.split_first_chunk::<{ KeyId::LEN }>().ok_or_else(damaged)?;
    let wanted = KeyId(id);
    let kek = ring.find(wanted).ok_or_else(|| SealError::WrongKeyFile {
        practice,
        wanted,
        held: ring.ids().map(|id| id.to_string()).collect::<Vec<_>>().join(", "),
    })?;
    let plain = aead::open(kek, wrap_aad(practice, kind, version).as_bytes(), sealed).map_err(|_| damaged())?;
    let mut key = Zeroizing::new([0; 32]);
    if plain.len() != key.len() {
        return Err(damaged());
    }
    key.copy_from_slice(&plain);
    Ok(Secret::from_bytes(key))
}
