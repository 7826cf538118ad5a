//! What Kept knows, without doing anything: types, identifiers, states and the rules that decide
//! what is said to whom and when.
//!
//! Nothing here reads a clock, makes a random number, or touches a file, a socket or a database;
//! `now` and identifiers arrive as plain arguments. That is what lets `simulate` and the sender be the
//! same code, and what makes every rule testable over decades in milliseconds.
//!
//! Names follow FHIR R4 where it has one (Appointment, Patient, Practitioner, Location, Slot, Consent).

pub mod appointment;
pub mod cap;
pub mod email;
pub mod id;
pub mod ladder;
pub mod messaging;
pub mod phone;
pub mod plan;
pub mod practice;
pub mod private;
pub mod reply;
pub mod report;
pub mod schedule;
pub mod sealed;
pub mod skip;
pub mod stats;
pub mod text_enum;
pub mod time;
pub mod window;
pub mod zone;

pub use appointment::{Answer, AnswerVia, AppointmentStatus, OutcomeBy};
pub use id::*;
pub use messaging::{Channel, NoticeKind, NoticeState, ReminderState};
pub use practice::{Care, Locale, PracticeSettings};
pub use sealed::{BlindIndex, Column, ContentMac, Salt, Sealed};
pub use skip::SkipReason;
pub use time::{Instant, LocalTime};
