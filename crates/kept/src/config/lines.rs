//! Which lines carry texts, in the order of preference, and what each needs.

use super::{Config, ConfigError, Hidden, is_loopback_url, setting};
use serde::Deserialize;
use std::path::PathBuf;

/// What can hand a text to a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CarrierKind {
    /// A phone on a page, for trials.
    Sandbox,
    /// Twilio.
    Twilio,
    /// Telnyx.
    Telnyx,
    /// Vonage.
    Vonage,
    /// Any other, by a description.
    Gateway,
}

impl CarrierKind {
    const ALL: &[Self] = &[Self::Sandbox, Self::Twilio, Self::Telnyx, Self::Vonage, Self::Gateway];

    /// As it is written in the setting `carrier`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => kept_carrier::sandbox::NAME,
            Self::Twilio => kept_carrier::twilio::NAME,
            Self::Telnyx => kept_carrier::telnyx::NAME,
            Self::Vonage => kept_carrier::vonage::NAME,
            Self::Gateway => kept_carrier::gateway::NAME,
        }
    }
}

/// What the lines of texts need. Each is looked at only where `carrier` names its line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TextLines {
    /// Messages a second from one sender; 0: no limit.
    pub texts_per_second: u32,
    /// Address of Twilio's API.
    pub twilio_url: String,
    /// The account, `AC…`.
    pub twilio_account: String,
    /// Its auth token: signs webhooks, and opens the API where there is no key.
    pub twilio_token: Hidden,
    /// An API key, `SK…`, or empty.
    pub twilio_key: String,
    /// Its secret.
    pub twilio_key_secret: Hidden,
    /// A number or a messaging service, `MG…`.
    pub twilio_sender: String,
    /// Whether Twilio may keep the texts.
    pub twilio_keeps_texts: bool,
    /// Address of Telnyx's API.
    pub telnyx_url: String,
    /// The API key.
    pub telnyx_key: Hidden,
    /// Checks webhooks.
    pub telnyx_public_key: String,
    /// A number or a messaging profile.
    pub telnyx_sender: String,
    /// Address of Vonage's API.
    pub vonage_url: String,
    /// The account's API key.
    pub vonage_key: String,
    /// Its secret.
    pub vonage_secret: Hidden,
    /// Signs webhooks.
    pub vonage_signature_secret: Hidden,
    /// A number.
    pub vonage_sender: String,
    /// The description of a gateway.
    pub gateway_file: PathBuf,
    /// Stands where the description says `{secret}`.
    pub gateway_secret: Hidden,
    /// Signs the gateway's webhooks.
    pub gateway_webhook_secret: Hidden,
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
