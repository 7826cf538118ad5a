//! The steps between a calendar and an answer, one file a step. Knows neither axum nor apalis.
//!
//! A step reads the clock once, works on opened read models, and holds no transaction open while it opens, renders
//! or speaks to the network. Callers (`kept-web`, the binary) never see a key or a row.

pub mod answer;
pub mod audit;
mod context;
mod error;
mod keys;
pub mod link;
pub mod portal;
mod purge;
pub mod report;
pub mod setup;

pub use context::{Clock, Flow, FlowParts, Ids, MovableClock, RandomIds, Settings, SystemClock};
pub use error::FlowError;
pub use keys::{OpenLocation, OpenPractice, OpenPractitioner, OpenVisitType};
