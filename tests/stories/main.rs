//! Whole stories on both engines: a schedule goes in, texts come out, patients answer, figures follow.

mod carrier;
mod half_year;
mod practice;
