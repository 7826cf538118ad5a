//! Whole files through the public API.

#![expect(clippy::unwrap_used, reason = "tests")]

mod hostile;
mod samples;

use kept_intake::{Mapping, Reading, Table, read};

/// A file and its mapping as text.
fn reading(file: &[u8], mapping: &str) -> Reading {
    let mapping = Mapping::parse(mapping).unwrap();
    let table = Table::open(file, Some(&mapping)).unwrap();
    read(&table, &mapping).unwrap()
}
