//! The one outbound HTTP client, and the carriers that are configured.

use crate::config::{CarrierKind, Config, ConfigError};
use crate::exit::{Exit, Failure};
use crate::text_lines;
use kept_carrier::sandbox::{SandboxCarrier, Secret, Settings};
use kept_carrier::{AnyCarrier, Caller, Carriers, Line};
use kept_domain::Channel;
use kept_flow::Clock;
use kept_web::sandbox::Sandbox;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a whole answer, whatever a carrier's own limit is.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The client for everything that leaves this machine, but for fetched calendars. It follows no redirect (a carrier that
/// redirects a POST with a patient's number is not the one we agreed with) and uses no proxy of the environment.
pub fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("kept/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Failure::of(Exit::Software, error))
}

/// The configured carriers; none sends nothing.
pub fn configured(config: &Config) -> Result<Carriers, Failure> {
    let texts: Vec<Line> = config.carrier.iter().map(|kind| line(kind, config)).collect::<Result<_, _>>()?;
    Ok(Carriers::new(texts.into_iter().chain(crate::mail::line(config)?).collect()))
}

/// One line for texts.
pub fn line(kind: CarrierKind, config: &Config) -> Result<Line, Failure> {
    match kind {
        CarrierKind::Sandbox => {
            let settings = Settings::new(config.carrier_api(), secret(config)?);
            let carrier = AnyCarrier::Sandbox(SandboxCarrier::new(client()?, settings));
            // A page needs no pace.
            Ok(Line::new(carrier, Channel::Sms, 0))
        }
        CarrierKind::Twilio => text_lines::twilio(config),
        CarrierKind::Telnyx => text_lines::telnyx(config),
        CarrierKind::Vonage => text_lines::vonage(config),
        CarrierKind::Gateway => text_lines::gateway(config),
    }
}

/// The phone that `serve` shows where the sandbox has no address of its own.
pub fn phone(config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Sandbox>, Failure> {
    if !config.shows_phone() {
        return Ok(None);
    }
    Ok(Some(Sandbox::new(Caller::new(client()?, secret(config)?), clock)))
}

fn secret(config: &Config) -> Result<Secret, ConfigError> {
    let mut bytes = [0; 32];
    let wrong = || ConfigError::Setting {
        setting: "carrier_secret",
        problem: "must be 64 hex digits, the same at the carrier; make them with `openssl rand -hex 32`".to_owned(),
    };
    let digits = config.carrier_secret.reveal();
    if digits.len() != 64 {
        return Err(wrong());
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(Secret::new(bytes))
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

    #[test]
    fn our_own_phone_is_shown_to_this_machine_only() {
        let own = config(&[("KEPT_CARRIER", "sandbox"), ("KEPT_LISTEN", "127.0.0.1:81")]).expect("loopback");
        assert!(own.shows_phone());
        assert_eq!(own.carrier_api(), "http://127.0.0.1:81/sandbox/carrier/messages");
        for off in [("KEPT_LISTEN", "0.0.0.0:8080"), ("KEPT_PUBLIC_URL", "https://kept.example.org")] {
            let said = config(&[("KEPT_CARRIER", "sandbox"), off]).expect_err("off this machine").to_string();
            assert!(said.contains("this machine only"), "{said}");
        }
        assert!(!Config::defaults().shows_phone());
    }

    #[test]
    fn without_a_carrier_there_is_none() {
        let carriers = configured(&Config::defaults()).expect("the defaults");
        assert!(carriers.of_channel(Channel::Sms).next().is_none());
    }

    #[test]
    fn a_sandbox_needs_its_address_and_a_whole_secret() {
        let url = ("KEPT_CARRIER_URL", "http://127.0.0.1:9/sandbox/carrier/messages");
        let secret = "0f".repeat(32);
        let whole = config(&[("KEPT_CARRIER", "sandbox"), url, ("KEPT_CARRIER_SECRET", &secret)]).expect("good");
        // The binary installs the provider at its start; in tests whoever comes first does.
        let _second = rustls::crypto::ring::default_provider().install_default();
        assert!(configured(&whole).expect("set up").of_channel(Channel::Sms).next().is_some());
        assert!(!format!("{whole:?}").contains(&secret), "Debug shows the secret");

        let no_url = config(&[("KEPT_CARRIER", "sandbox"), ("KEPT_CARRIER_URL", "phone")]).expect_err("no address");
        assert!(no_url.to_string().contains("carrier_url"), "{no_url}");
        for wrong in ["", "zz", &"0g".repeat(32), &"é".repeat(32)] {
            let config = config(&[("KEPT_CARRIER", "sandbox"), url, ("KEPT_CARRIER_SECRET", wrong)]).expect("parsed");
            let said = configured(&config).expect_err("refused").to_string();
            assert!(said.contains("64 hex digits"), "{said}");
        }
        let unknown = config(&[("KEPT_CARRIER", "pigeon")]).expect_err("unknown").to_string();
        assert!(unknown.contains("none") && unknown.contains("sandbox"), "{unknown}");
        let twice = config(&[("KEPT_CARRIER", "sandbox, sandbox")]).expect_err("twice").to_string();
        assert!(twice.contains("twice"), "{twice}");
    }
}
