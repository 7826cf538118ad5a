//! The binary as a person or a script meets it: what it says when something is wrong, and that nothing is lost.

mod bad_input;
mod bad_state;
mod browser;
mod canary;
mod consent;
mod daytime;
mod engine;
mod kill;
mod reply;
mod scene;
mod serve;
