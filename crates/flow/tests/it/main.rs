//! The steps, on both engines. One module a step.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answer;
mod desk;
mod mail;
mod report;
mod setup;
mod upload;
