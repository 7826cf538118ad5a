//! Data goes to standard output, one JSON object a line where asked; everything else to standard error.

use crate::exit::{Exit, Failure};
use serde::Serialize;
use std::io::Write as _;

/// Writes one line to standard output.
pub fn line(text: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::from)
}

/// Writes one JSON object on a line of its own to standard output.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value).map_err(|error| Failure::of(Exit::Software, error))?)
}

/// Writes one line for a person to standard error.
pub fn say(text: impl std::fmt::Display) {
    // Nobody is left to tell when standard error is closed.
    let _closed = writeln!(std::io::stderr().lock(), "{text}");
}
