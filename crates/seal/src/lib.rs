//! What Kept keeps secret, and how: AES-256-GCM at rest under a key ring, blind indexes, link secrets, sealed
//! cookies and form nonces, the two-branch derivation of staff passwords, and the hash chains of audit and consent.
//!
//! The layers of keys:
//!
//! ```text
//! key-encryption key (key file, outside the database)   [`KeyRing`]
//!   └ wraps, per practice:
//!       ├ data-encryption keys, versioned                [`PracticeKeys`]
//!       │   └ row key = HKDF-SHA256(DEK, patient's salt, "kept/v1/row" | table | row id)   → `PracticeKeys::seal`
//!       └ index key → blind indexes and content MACs     → `PracticeKeys::blind`, `PracticeKeys::content_mac`
//! ```
//!
//! A ciphertext is bound to its practice, table, column, row, revision and key version ([`row`]): moved to any
//! other place it does not open. Nonces and secrets come from the operating system, never from a generator of ours.
//! Nothing secret is kept in memory beyond the unwrapped practice keys, and what is dropped is overwritten.
//!
//! Every derivation here has known-answer vectors in `tests/vectors`, computed by another implementation.

mod aead;
mod blind;
mod canonical;
pub mod chain;
mod error;
mod key_file;
mod link;
mod opt_out;
mod practice;
pub mod row;
mod secret;
pub mod staff;
mod token;

pub use blind::Blind;
pub use canonical::Canonical;
pub use error::SealError;
pub use key_file::{KeyFile, KeyFileError, KeyId, KeyRing};
pub use link::{AuthHash, BadLink, LinkAuth, LinkToken};
pub use opt_out::OptOut;
pub use practice::{FIRST_DEK_VERSION, PracticeKeys, WrappedDek, WrappedKeys};
pub use row::Place;
pub use token::{FormBinding, Level0, OpaqueToken, TokenError, TokenHash, UsedNonce};
