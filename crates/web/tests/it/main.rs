//! The router as a browser sees it, on both engines.

mod browser;
mod portal;
mod sandbox;
mod scanner;
