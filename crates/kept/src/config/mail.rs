//! How mail leaves: a mail server, who writes, and what signs it.

use super::{Config, ConfigError, setting};
use kept_carrier::smtp::Encryption;
use serde::Deserialize;

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpEncryption {
    /// In clear at first, then STARTTLS before anything is said.
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all; to a server on this machine only.
    NoneOnLoopback,
}

impl From<SmtpEncryption> for Encryption {
    fn from(wanted: SmtpEncryption) -> Self {
        match wanted {
            SmtpEncryption::Starttls => Self::StartTls,
            SmtpEncryption::Tls => Self::Tls,
            SmtpEncryption::NoneOnLoopback => Self::NoneOnLoopback,
        }
    }
}

impl Config {
    /// Whether mail is sent at all.
    pub fn sends_mail(&self) -> bool {
        !self.smtp_host.is_empty()
    }

    /// The domain that mail is signed for: the setting, or that of the sender.
    pub fn signing_domain(&self) -> &str {
        let of_sender = self.smtp_from.rsplit_once('@').map_or("", |(_, domain)| domain);
        if self.dkim_domain.is_empty() { of_sender } else { &self.dkim_domain }
    }

    pub(super) fn check_mail(&self) -> Result<(), ConfigError> {
        if !self.sends_mail() {
            return Ok(());
        }
        let address = |name: &'static str, text: &str| {
            let read = kept_domain::email::parse(text);
            read.map(|_| ()).map_err(|_| setting(name, "must be an address such as `reminders@example.org`"))
        };
        if self.smtp_from.is_empty() {
            return Err(setting(
                "smtp_from",
                "is missing: the address that mail comes from, e.g. `reminders@example.org`",
            ));
        }
        address("smtp_from", &self.smtp_from)?;
        if !self.smtp_unsubscribe.is_empty() {
            address("smtp_unsubscribe", &self.smtp_unsubscribe)?;
        }
        if !(1..=65_535).contains(&self.smtp_port) {
            return Err(setting("smtp_port", "must be 1 to 65535; 587 with `starttls`, 465 with `tls`"));
        }
        if self.smtp_user.is_empty() != self.smtp_password.reveal().is_empty() {
            return Err(setting("smtp_password", "goes with `smtp_user`: set both, or neither"));
        }
        if !self.dkim_key_file.is_empty() && self.dkim_selector.is_empty() {
            return Err(setting("dkim_selector", "names the key in the DNS, e.g. `kept`"));
        }
        Ok(())
    }
}
