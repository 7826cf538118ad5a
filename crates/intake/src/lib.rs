//! Calendars in: bytes become rows that the flow compares with what it knows.
//!
//! Pure: no database, no clock, no file. A file goes through four steps, one module each:
//!
//! 1. [`Table::open`] — which character set, which delimiter, which sheet, where the header is ([`mod@table`]);
//! 2. [`guess()`] — which of their columns is which of our fields, for a person to correct;
//! 3. [`Mapping`] — that choice as a small TOML file, kept for the next file with the same header;
//! 4. [`read()`] — rows as [`SourceVisit`]s, bad ones as [`Reject`]s with a reason each; a bad row never stops a good one.
//!
//! Everything that can be too big has a limit in [`limits`], and every error says what to do.

pub mod error;
pub mod field;
pub mod guess;
pub mod limits;
pub mod mapping;
mod order;
mod problem;
pub mod read;
pub mod reject;
pub mod sample;
mod sheet;
mod sniff;
pub mod table;
pub mod visit;
mod when;
mod words;

pub use error::{FileError, MappingError};
pub use field::Field;
pub use guess::{Guess, GuessColumn, guess};
pub use limits::read_limited;
pub use mapping::{DateOrder, Mapping};
pub use problem::{Problem, ProblemKind};
pub use read::{Reading, read, sorted_words};
pub use reject::{Reason, Reject, RejectWords, rejects_csv};
pub use table::Table;
pub use visit::{Action, Moment, PatientKey, RowKey, SourceVisit};
