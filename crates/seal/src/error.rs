//! What can go wrong with a secret. No message carries any part of one.

use crate::key_file::KeyId;
use kept_domain::PracticeId;
use uuid::Uuid;

/// Sealing or opening failed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The operating system gave no random bytes; nothing may be sealed without.
    #[error("the operating system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// A practice key is wrapped under a key-encryption key that the key file does not hold.
    #[error(
        "practice {practice} is sealed under key {wanted}, which the key file does not hold (it holds {held}); \
         put back the key file this database was made with"
    )]
    WrongKeyFile {
        /// Whose key.
        practice: PracticeId,
        /// The key that would open it.
        wanted: KeyId,
        /// The keys there are, comma-separated.
        held: String,
    },
    /// A wrapped practice key did not open: damaged, or moved from another practice.
    #[error("the {what} key of practice {practice} does not open: the row was changed outside Kept")]
    KeyDamaged {
        /// Whose key.
        practice: PracticeId,
        /// `data-encryption` or `index`.
        what: &'static str,
    },
    /// A cell did not open: changed, or moved from another row, column, practice, revision or key version. Audit it.
    #[error("{table}.{column} of row {row} does not open: it was changed or moved outside Kept")]
    Tampered {
        /// Whose.
        practice: PracticeId,
        /// Table of the cell.
        table: &'static str,
        /// Column of the cell.
        column: &'static str,
        /// Row of the cell.
        row: Uuid,
    },
    /// A cell names a version of the data-encryption key that the practice has not.
    #[error("{table}.{column} of row {row} is sealed under key version {version}, which the practice has not")]
    UnknownVersion {
        /// Table of the cell.
        table: &'static str,
        /// Column of the cell.
        column: &'static str,
        /// Row of the cell.
        row: Uuid,
        /// The version it names.
        version: u32,
    },
    /// A cell opened to something that is not a value of its column: written by another release.
    #[error("{table}.{column} of row {row} opens, but to another shape than this release knows")]
    Shape {
        /// Table of the cell.
        table: &'static str,
        /// Column of the cell.
        column: &'static str,
        /// Row of the cell.
        row: Uuid,
    },
    /// A value is too long to be sealed or hashed in one piece (4 GiB).
    #[error("a value of more than 4 GiB cannot be sealed")]
    TooLong,
    /// A password could not be derived with the stored parameters.
    #[error("the password derivation's parameters are not usable: {0}")]
    Derivation(&'static str),
}
