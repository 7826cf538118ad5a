//! Whole stories on both engines: a schedule goes in, texts come out, patients answer, figures follow.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod any_point;
mod carrier;
mod half_year;
mod practice;
