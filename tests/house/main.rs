//! The house rules that no compiler checks: arrows between crates, licences, the form of files, what documents claim,
//! the two schemas, and that every statement of the store has a test.

mod arrows;
mod documents;
mod files;
mod licences;
mod promises;
mod repository;
mod schema;
mod sealed_columns;
mod statements;
