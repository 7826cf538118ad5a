//! Everything Kept says: texts and web pages from Tera templates, one typed context each, in every language.
//!
//! Templates and phrase catalogues live in `/templates`, are embedded into the binary and compiled once, when the
//! [`Renderer`] is made. `sms/…` and `email/….txt` are rendered by [`Renderer::text`] without escaping;
//! `web/….html` and `email/….html` by [`Renderer::page`] with HTML escaping. Both are checked at compile time by the template's name.
//!
//! In a template:
//! - `{{ t(key="visit.question", day=start | day) }}` is a phrase of the catalogues `templates/<locale>/*.toml`;
//!   an unknown key or an unfilled `{placeholder}` is an error. See [`catalogue`].
//! - `start | day`, `short_day`, `date`, `time`, `phone`, `whole`, `decimal`, `percent`: words of the reader's language. See [`words`].

pub mod catalogue;
pub mod chart;
pub mod demo;
pub mod email;
mod filters;
pub mod messages;
pub mod patient;
pub mod people;
pub mod plans;
pub mod private_words;
mod renderer;
pub mod report;
pub mod samples;
pub mod sandbox;
pub mod segments;
pub mod settings;
pub mod sms;
pub mod staff;
pub mod upload;
pub mod visit;
pub mod words;

pub use renderer::{RenderError, Renderer, Template};
