//! What every handler is given.

use crate::assets::Assets;
use crate::patient::Fronts;
use crate::sandbox::Sandbox;
use kept_flow::Flow;
use std::sync::Arc;

/// Configuration of the web side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where browsers reach us, without a slash at the end: `https://kept.example.org`.
    pub public_url: String,
    /// Every page says loudly that nothing here is real.
    pub demo: bool,
}

impl Settings {
    /// Whether browsers reach us by https, and so may be told to insist on it.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// The state of the router. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WebState {
    /// The steps.
    pub flow: Flow,
    /// Configuration.
    pub settings: Arc<Settings>,
    /// The carrier that is a phone on a page, where it is switched on.
    pub sandbox: Option<Sandbox>,
    /// Scripts and style sheets.
    pub assets: Arc<Assets>,
    /// The first page of each practice, rendered once.
    pub(crate) fronts: Arc<Fronts>,
}

impl WebState {
    /// Puts the parts together.
    pub fn new(flow: Flow, settings: Settings) -> Self {
        let (settings, assets) = (Arc::new(settings), Arc::new(Assets::load()));
        Self { flow, settings, sandbox: None, assets, fronts: Arc::default() }
    }

    /// With a sandbox: only where we listen on this machine alone and no carrier is real.
    #[must_use]
    pub fn with_sandbox(mut self, sandbox: Sandbox) -> Self {
        self.sandbox = Some(sandbox);
        self
    }
}
