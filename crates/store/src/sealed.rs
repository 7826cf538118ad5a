//! Sealed columns that may be empty. What is there and cannot be a sealed value is damage, and must never pass for something
//! that was not said: a text would be written anew, a task would lose its words.

use crate::error::StoreError;
use kept_domain::private::PatientCol;
use kept_domain::{Column, PatientId, Salt, Sealed};
use uuid::Uuid;

/// The sealed value of a column that may be empty.
///
/// # Errors
/// [`StoreError::Corrupt`] where the bytes are no sealed value.
pub(crate) fn optional<C: Column>(bytes: Option<&[u8]>) -> Result<Option<Sealed<C>>, StoreError> {
    let corrupt = |_| StoreError::Corrupt { table: C::TABLE, column: C::COLUMN };
    bytes.map(|bytes| Sealed::try_from(bytes.to_vec())).transpose().map_err(corrupt)
}

/// A patient, sealed, with what opens it: id, value, how often it was written, salt.
pub type PatientCell = (PatientId, Sealed<PatientCol>, i64, Salt);

/// The patient joined to a row that may have none.
///
/// # Errors
/// [`StoreError::Corrupt`] where value or salt are damaged.
pub(crate) fn patient(
    id: Option<Uuid>,
    private: Option<&[u8]>,
    rev: Option<i64>,
    salt: Option<&[u8]>,
) -> Result<Option<PatientCell>, StoreError> {
    let (private, salt) = (optional(private)?, self::salt(salt)?);
    Ok(private.zip(salt).and_then(|(private, salt)| Some((PatientId::from_uuid(id?), private, rev?, salt))))
}

/// A patient's salt, joined to a row that may have no patient.
///
/// # Errors
/// [`StoreError::Corrupt`] where the bytes are no salt.
fn salt(bytes: Option<&[u8]>) -> Result<Option<Salt>, StoreError> {
    let corrupt = |_| StoreError::Corrupt { table: "patients", column: "salt" };
    bytes.map(|bytes| Salt::try_from(bytes.to_vec())).transpose().map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kept_domain::private::NoticeBodyCol;

    #[test]
    fn damage_is_named_and_never_passes_for_nothing() {
        assert!(optional::<NoticeBodyCol>(None).unwrap().is_none());
        assert!(optional::<NoticeBodyCol>(Some(&[1; 33])).unwrap().is_some());
        for length in [0, 1, 32] {
            let said = optional::<NoticeBodyCol>(Some(&vec![1; length])).unwrap_err().to_string();
            assert!(said.contains("notices") && said.contains("body"), "{said}");
        }
        assert!(salt(None).unwrap().is_none() && salt(Some(&[1; 32])).unwrap().is_some());
        assert!(salt(Some(&[1; 31])).unwrap_err().to_string().contains("salt"));
    }
}
