//! Which lines carry texts, in the order of preference.

use super::{Config, ConfigError, is_loopback_url, setting};
use serde::Deserialize;

/// What can hand a text to a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CarrierKind {
    /// A phone on a page, for trials.
    Sandbox,
}

impl CarrierKind {
    const ALL: &[Self] = &[Self::Sandbox];

    /// As it is written in the setting `carrier`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
        }
    }
}

/// The lines of texts, the preferred one first. Empty: nothing is sent by text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct CarrierList(Vec<CarrierKind>);

impl CarrierList {
    /// The lines in their order.
    pub fn iter(&self) -> impl Iterator<Item = CarrierKind> {
        self.0.iter().copied()
    }

    /// Whether texts go this way, first or later.
    pub fn has(&self, kind: CarrierKind) -> bool {
        self.0.contains(&kind)
    }

    /// Whether nothing is sent by text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<String> for CarrierList {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let known =
            || CarrierKind::ALL.iter().map(|kind| format!("`{}`", kind.as_str())).collect::<Vec<_>>().join(", ");
        let mut kinds = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty() && *word != "none") {
            let kind = CarrierKind::ALL.iter().copied().find(|kind| kind.as_str() == word).ok_or_else(|| {
                format!(
                    "`carrier`: `{word}` is unknown; write `none`, or one or more of {}, separated by commas",
                    known()
                )
            })?;
            if kinds.contains(&kind) {
                return Err(format!("`carrier`: `{word}` stands there twice"));
            }
            kinds.push(kind);
        }
        if kinds.contains(&CarrierKind::Sandbox) && kinds.len() > 1 {
            // A page for trials beside a line to patients: one of the two is a mistake.
            return Err("`carrier`: `sandbox` stands alone: it is for trials, no patient gets anything".to_owned());
        }
        Ok(Self(kinds))
    }
}

impl Config {
    pub(super) fn check_lines(&self) -> Result<(), ConfigError> {
        if !self.carrier.has(CarrierKind::Sandbox) {
            return Ok(());
        }
        if !self.carrier_url.is_empty() {
            let good = reqwest::Url::parse(&self.carrier_url).is_ok();
            return if good {
                Ok(())
            } else {
                Err(setting("carrier_url", "must be the address of the sandbox's API, or \"\""))
            };
        }
        // Whoever opens the phone's page reads every text: it is shown to this machine only.
        if self.listen.ip().is_loopback() && is_loopback_url(&self.public_url) {
            return Ok(());
        }
        Err(setting(
            "carrier",
            "`sandbox` without `carrier_url` shows every text on a page, so it works on this machine only: `listen` and \
             `public_url` must be 127.0.0.1, [::1] or localhost",
        ))
    }

    /// Whether `serve` shows the sandbox's phone itself.
    pub fn shows_phone(&self) -> bool {
        self.carrier.has(CarrierKind::Sandbox) && self.carrier_url.is_empty()
    }

    /// The address of the sandbox's API.
    pub fn carrier_api(&self) -> String {
        if self.shows_phone() {
            format!("http://{}/sandbox/carrier/messages", self.listen)
        } else {
            self.carrier_url.clone()
        }
    }
}
