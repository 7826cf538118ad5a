//! The steps, on both engines. One module a step.

mod setup;
