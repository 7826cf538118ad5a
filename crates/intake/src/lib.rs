//! Kept.
