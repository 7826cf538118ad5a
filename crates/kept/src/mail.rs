//! The mail server that is configured.

use crate::config::{Config, ConfigError};
use crate::exit::Failure;
use kept_carrier::smtp::{DkimKey, Login, SUBMIT_TIMEOUT, Settings, SmtpCarrier};
use kept_carrier::{AnyCarrier, Line};
use kept_domain::Channel;

fn setting(setting: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Setting { setting, problem: problem.into() }
}

/// The mail server; none when none is set. Reads the key and certificate files; connects to nothing.
pub fn server(config: &Config) -> Result<Option<SmtpCarrier>, Failure> {
    if !config.sends_mail() {
        return Ok(None);
    }
    let read = |name: &'static str, path: &str| {
        std::fs::read_to_string(path).map_err(|error| setting(name, format!("`{path}` cannot be read: {error}")))
    };
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let roots = match config.smtp_ca_file.as_str() {
        "" => None,
        path => Some(read("smtp_ca_file", path)?),
    };
    let dkim = match config.dkim_key_file.as_str() {
        "" => None,
        path => {
            let pem = read("dkim_key_file", path)?;
            let key = DkimKey::from_pem(config.signing_domain(), &config.dkim_selector, &pem);
            Some(key.map_err(|error| setting("dkim_key_file", error.to_string()))?)
        }
    };
    let login =
        optional(&config.smtp_user).map(|user| Login { user, password: config.smtp_password.reveal().to_owned() });
    let settings = Settings {
        host: config.smtp_host.clone(),
        port: u16::try_from(config.smtp_port).map_err(|_| setting("smtp_port", "must be 1 to 65535"))?,
        encryption: config.smtp_encryption.into(),
        login,
        roots,
        from: config.smtp_from.clone(),
        unsubscribe_address: optional(&config.smtp_unsubscribe),
        dkim,
        timeout: SUBMIT_TIMEOUT,
    };
    Ok(Some(SmtpCarrier::new(settings).map_err(|error| setting("smtp_host", error.to_string()))?))
}

/// The line that carries mail, if a server is set.
pub fn line(config: &Config) -> Result<Option<Line>, Failure> {
    let server = server(config)?;
    Ok(server.map(|server| Line::new(AnyCarrier::Smtp(Box::new(server)), Channel::Email, config.smtp_per_second)))
}

/// What a failed connection most likely means, for `kept doctor`.
pub fn advice(code: &str) -> &'static str {
    match code.split(' ').next().unwrap_or_default() {
        "connect" => "nobody answers there; check `smtp_host`, `smtp_port` and the firewall",
        "timeout" => "the server did not answer in time; check `smtp_port` (465 with `tls`, 587 with `starttls`)",
        "no-starttls" => {
            "the server offers no encryption on this port; use `smtp_encryption = \"tls\"` with port 465, or another server"
        }
        "tls" => "the certificate does not fit; check `smtp_host`, or name your authority in `smtp_ca_file`",
        "auth" => "the server refuses us; check `smtp_user` and `smtp_password`",
        _ => "the server refuses the connection",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables: BTreeMap<_, _> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::read(None, &variables)
    }

    const HOST: (&str, &str) = ("KEPT_SMTP_HOST", "mail.example.org");
    const FROM: (&str, &str) = ("KEPT_SMTP_FROM", "reminders@example.org");

    #[test]
    fn without_a_server_nobody_is_mailed() {
        assert!(line(&Config::defaults()).expect("the defaults").is_none());
        let whole =
            config(&[HOST, FROM, ("KEPT_SMTP_USER", "kept"), ("KEPT_SMTP_PASSWORD", "horse battery")]).expect("good");
        assert_eq!(line(&whole).expect("set up").map(|line| line.name()), Some("smtp"));
        assert!(!format!("{whole:?}").contains("horse"), "Debug shows the password");
        assert_eq!(whole.signing_domain(), "example.org");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (pairs, words) in [
            (&[HOST][..], "smtp_from"),
            (&[HOST, ("KEPT_SMTP_FROM", "nobody")], "smtp_from"),
            (&[HOST, FROM, ("KEPT_SMTP_PORT", "0")], "smtp_port"),
            (&[HOST, FROM, ("KEPT_SMTP_USER", "kept")], "smtp_password"),
            (&[HOST, FROM, ("KEPT_SMTP_UNSUBSCRIBE", "x")], "smtp_unsubscribe"),
            (&[HOST, FROM, ("KEPT_DKIM_KEY_FILE", "x"), ("KEPT_DKIM_SELECTOR", "")], "dkim_selector"),
            (&[("KEPT_SMTP_ENCRYPTION", "ssl")], "starttls"),
        ] {
            let said = config(pairs).expect_err(words).to_string();
            assert!(said.contains(words), "{said}");
        }
        for (pairs, words) in [
            (&[HOST, FROM, ("KEPT_SMTP_ENCRYPTION", "none-on-loopback")], "unencrypted"),
            (&[HOST, FROM, ("KEPT_DKIM_KEY_FILE", "/nowhere/dkim.key")], "dkim_key_file"),
            (&[HOST, FROM, ("KEPT_SMTP_CA_FILE", "/nowhere/ca.pem")], "smtp_ca_file"),
        ] {
            let said = line(&config(pairs).expect("parsed")).expect_err(words).to_string();
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn every_failure_has_advice() {
        for code in ["connect", "timeout", "no-starttls", "tls", "auth 535 5.7.8", "421 4.3.2"] {
            assert!(advice(code).len() > 20, "{code}");
        }
    }
}
