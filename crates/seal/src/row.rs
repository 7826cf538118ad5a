//! Cells of private columns: sealed under a key of their row and bound to their place.
//!
//! - Row key: `HKDF-SHA256(ikm = DEK of the version, salt = the patient's or the practice's salt, info =
//!   "kept/v1/row" | table | row id)`. Destroying a patient's salt destroys the keys of all rows of the patient.
//! - Additional data: `version | practice | table | column | row id | revision | DEK version`.
//! - Cell: `1 | DEK version (4 bytes, big-endian) | nonce (12) | ciphertext | tag (16)`; inside is JSON.
//!
//! The lists above are length-prefixed as [`Canonical`] says.

use crate::aead;
use crate::canonical::Canonical;
use crate::error::SealError;
use crate::practice::PracticeKeys;
use crate::secret::Secret;
use kept_domain::sealed::{Column, Salt, Sealed};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The format of a cell, also bound into it.
const CELL_FORMAT: u8 = 1;

/// Room for the JSON of nearly every value, so that the buffer rarely grows and leaves a copy behind.
const USUAL_JSON_LEN: usize = 512;

/// Where a cell stands, beside what its column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The row's id.
    pub row: Uuid,
    /// The row's `rev`: how often its sealed value was written. Raise it with every write.
    pub rev: i64,
}

impl Place {
    /// A place from any identifier.
    pub fn new(row: impl Into<Uuid>, rev: i64) -> Self {
        Self { row: row.into(), rev }
    }
}

impl PracticeKeys {
    /// Seals a value for one cell.
    pub fn seal<C: Column>(&self, salt: &Salt, place: Place, plain: &C::Plain) -> Result<Sealed<C>, SealError> {
        self.seal_with_nonce(salt, place, plain, aead::nonce()?)
    }

    fn seal_with_nonce<C: Column>(
        &self,
        salt: &Salt,
        place: Place,
        plain: &C::Plain,
        nonce: [u8; aead::NONCE_LEN],
    ) -> Result<Sealed<C>, SealError> {
        let mut json = Zeroizing::new(Vec::with_capacity(USUAL_JSON_LEN));
        serde_json::to_writer(&mut *json, plain).map_err(|_| shape::<C>(place))?;
        Ok(self.seal_json(salt, place, &json, nonce))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that makes ciphertext")]
    fn seal_json<C: Column>(&self, salt: &Salt, place: Place, json: &[u8], nonce: [u8; aead::NONCE_LEN]) -> Sealed<C> {
        let version = self.current_version();
        let key = row_key(self.current_dek(), salt, C::TABLE, place.row);
        let mut cell = Vec::with_capacity(5 + aead::NONCE_LEN + json.len() + aead::TAG_LEN);
        cell.push(CELL_FORMAT);
        cell.extend_from_slice(&version.to_be_bytes());
        aead::seal_into(&mut cell, &key, nonce, self.aad::<C>(place, version).as_bytes(), json);
        Sealed::from_ciphertext(cell)
    }

    /// The same value for the same place, sealed under the current version. What is inside is not read as anything.
    ///
    /// # Errors
    /// As [`PracticeKeys::open`].
    pub fn reseal<C: Column>(&self, salt: &Salt, place: Place, sealed: &Sealed<C>) -> Result<Sealed<C>, SealError> {
        let json = self.open_json(salt, place, sealed)?;
        Ok(self.seal_json(salt, place, &json, aead::nonce()?))
    }

    /// Opens one cell.
    ///
    /// # Errors
    /// [`SealError::Tampered`] when the cell is damaged or comes from any other place; callers audit it.
    pub fn open<C: Column>(&self, salt: &Salt, place: Place, sealed: &Sealed<C>) -> Result<C::Plain, SealError> {
        let json = self.open_json(salt, place, sealed)?;
        serde_json::from_slice(&json).map_err(|_| shape::<C>(place))
    }

    fn open_json<C: Column>(
        &self,
        salt: &Salt,
        place: Place,
        sealed: &Sealed<C>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let tampered = || {
            let practice = self.practice;
            SealError::Tampered { practice, table: C::TABLE, column: C::COLUMN, row: place.row }
        };
        let Some((&CELL_FORMAT, rest)) = sealed.as_ciphertext().split_first() else {
            return Err(tampered());
        };
        let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(tampered)?;
        let version = u32::from_be_bytes(*version);
        let dek = self.dek(version).ok_or(SealError::UnknownVersion {
            table: C::TABLE,
            column: C::COLUMN,
            row: place.row,
            version,
        })?;
        let key = row_key(dek, salt, C::TABLE, place.row);
        aead::open(&key, self.aad::<C>(place, version).as_bytes(), rest).map_err(|_| tampered())
    }

    fn aad<C: Column>(&self, place: Place, version: u32) -> Canonical {
        Canonical::starting(&[CELL_FORMAT])
            .uuid(self.practice.as_uuid())
            .text(C::TABLE)
            .text(C::COLUMN)
            .uuid(place.row)
            .int(place.rev)
            .bytes(&version.to_be_bytes())
    }
}

fn shape<C: Column>(place: Place) -> SealError {
    SealError::Shape { table: C::TABLE, column: C::COLUMN, row: place.row }
}

fn row_key(dek: &Secret, salt: &Salt, table: &str, row: Uuid) -> Secret {
    dek.derive(&salt.0, Canonical::new("kept/v1/row").text(table).uuid(row).as_bytes())
}

/// A new salt, from the operating system: one a patient, one a practice.
pub fn new_salt() -> Result<Salt, SealError> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt)?;
    Ok(Salt(salt))
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
