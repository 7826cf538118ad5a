//! The router as a browser sees it, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod account;
mod audited;
mod browser;
mod consent;
mod desk;
mod erase;
mod hooks;
mod lines;
mod lost;
mod new_link;
mod people;
mod plans;
mod portal;
mod replies;
mod sandbox;
mod scanner;
mod settings;
mod staff;
mod stop;
mod stop_mail;
mod upload;
mod wishes;
