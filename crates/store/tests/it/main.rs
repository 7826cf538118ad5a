//! Every method of the store, on both engines. One module an area, as in `src`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod consent;
mod core;
mod desk;
mod dispatch;
mod doubt;
mod dropped;
mod erase;
mod intake;
mod outbox;
mod plan;
mod plans;
mod portal;
mod practice;
mod preference;
mod proof;
mod purge;
mod receipt;
mod reseal;
