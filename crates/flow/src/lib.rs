//! The steps between a calendar and an answer, one file a step. Knows neither axum nor apalis.
//!
//! A step reads the clock once, works on opened read models, and holds no transaction open while it opens, renders
//! or speaks to the network. Callers (`kept-web`, the binary) never see a key or a row.

mod advance;
pub mod answer;
pub mod audit;
pub mod board;
pub mod cadence;
pub mod calls;
pub mod consent;
mod context;
pub mod desk;
pub mod dispatch;
pub mod erase;
mod error;
pub mod intake;
mod keys;
pub mod link;
pub mod lost;
pub mod message;
pub mod outbox;
pub mod outcome;
pub mod people;
pub mod plan;
pub mod portal;
pub mod preference;
mod purge;
pub mod receipt;
pub mod reconcile;
pub mod reply;
pub mod report;
pub mod rotate;
pub mod sandbox;
pub mod settings;
pub mod setup;
pub mod simulate;
pub mod staff;
mod sweeps;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod texts;
pub mod unsubscribe;
pub mod upload;
pub mod visit;

pub use advance::{Advanced, MAX_ROUNDS};
pub use context::{Clock, Flow, FlowParts, Ids, MovableClock, RandomIds, Settings, SystemClock};
pub use error::FlowError;
pub use keys::{OpenLocation, OpenPlan, OpenPractice, OpenPractitioner, OpenVisitType};
pub use sweeps::{SWEEPS, Sweep, TURN, Turn};
