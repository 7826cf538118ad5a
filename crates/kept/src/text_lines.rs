//! The lines that reach real phones, made from the settings. What is missing or wrong is said before anything is sent.

use crate::carriers::client;
use crate::config::{CarrierKind, Config, ConfigError, Hidden};
use crate::exit::Failure;
use kept_carrier::gateway::{self, Description, GatewayCarrier};
use kept_carrier::telnyx::{self, PublicKey, TelnyxCarrier};
use kept_carrier::twilio::{self, TwilioCarrier};
use kept_carrier::vonage::{self, VonageCarrier};
use kept_carrier::{AnyCarrier, Credential, Line, SUBMIT_TIMEOUT};
use kept_domain::Channel;

/// Digits behind the two letters of an id of Twilio's.
const SID_DIGITS: usize = 32;

/// Twilio, as it is set up.
pub fn twilio(config: &Config) -> Result<Line, Failure> {
    let texts = &config.texts;
    let account =
        sid("twilio_account", "AC", &texts.twilio_account, "the account's SID, on the first page of its console")?;
    let token = needed("twilio_token", &texts.twilio_token, "the account's auth token: webhooks are checked with it")?;
    let (user, password) = if texts.twilio_key.is_empty() {
        (account.clone(), token.clone())
    } else {
        let key = sid("twilio_key", "SK", &texts.twilio_key, "an API key's SID, or \"\"")?;
        (key, needed("twilio_key_secret", &texts.twilio_key_secret, "the secret that was shown once with the API key")?)
    };
    let sender = texts.twilio_sender.trim();
    let sender = if sender.starts_with("MG") {
        twilio::Sender::Service(sid("twilio_sender", "MG", sender, "a number or a messaging service's SID")?)
    } else {
        twilio::Sender::Number(number("twilio_sender", sender, "or a messaging service (MG and 32 digits)")?)
    };
    let settings = twilio::Settings {
        api_url: address("twilio_url", &texts.twilio_url)?,
        account,
        user,
        password,
        token,
        sender,
        discard_content: !texts.twilio_keeps_texts,
        timeout: SUBMIT_TIMEOUT,
    };
    Ok(line(AnyCarrier::Twilio(Box::new(TwilioCarrier::new(client()?, settings))), config))
}

/// Telnyx, as it is set up.
pub fn telnyx(config: &Config) -> Result<Line, Failure> {
    let texts = &config.texts;
    let public_key = PublicKey::parse(&texts.telnyx_public_key).ok_or_else(|| {
        wrong(
            "telnyx_public_key",
            "must be the public key of the account, 44 signs of base64: Telnyx's portal shows it under Keys",
        )
    })?;
    let sender = texts.telnyx_sender.trim();
    let sender = if sender.len() == 36 && sender.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        telnyx::Sender::Profile(sender.to_owned())
    } else {
        telnyx::Sender::Number(number("telnyx_sender", sender, "or the id of a messaging profile (a UUID)")?)
    };
    let settings = telnyx::Settings {
        api_url: address("telnyx_url", &texts.telnyx_url)?,
        key: needed("telnyx_key", &texts.telnyx_key, "the account's API key (KEY…)")?,
        public_key,
        sender,
        timeout: SUBMIT_TIMEOUT,
    };
    Ok(line(AnyCarrier::Telnyx(Box::new(TelnyxCarrier::new(client()?, settings))), config))
}

/// Vonage, as it is set up.
pub fn vonage(config: &Config) -> Result<Line, Failure> {
    let texts = &config.texts;
    let key = texts.vonage_key.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let problem = "must be the account's API key, letters and digits: its dashboard shows it under API settings";
        return Err(wrong("vonage_key", problem).into());
    }
    let settings = vonage::Settings {
        api_url: address("vonage_url", &texts.vonage_url)?,
        key: key.to_owned(),
        secret: needed("vonage_secret", &texts.vonage_secret, "the API secret that belongs to the key")?,
        signature_secret: needed(
            "vonage_signature_secret",
            &texts.vonage_signature_secret,
            "the account's signature secret: webhooks are checked with it",
        )?,
        sender: number("vonage_sender", texts.vonage_sender.trim(), "or a short code")?,
        timeout: SUBMIT_TIMEOUT,
    };
    Ok(line(AnyCarrier::Vonage(Box::new(VonageCarrier::new(client()?, settings))), config))
}

/// A described gateway, as it is set up.
pub fn gateway(config: &Config) -> Result<Line, Failure> {
    let texts = &config.texts;
    let path = texts.gateway_file.display();
    let text = std::fs::read_to_string(&texts.gateway_file).map_err(|error| {
        wrong("gateway_file", format!("{path} cannot be read ({error}); docs/gateways.md says what stands in it"))
    })?;
    let description = Description::parse(&text).map_err(|error| wrong("gateway_file", format!("{path}: {error}")))?;
    let secret = if description.uses_secret() {
        needed(
            "gateway_secret",
            &texts.gateway_secret,
            "what the gateway knows us by: the description uses `{secret}`",
        )?
    } else {
        Credential::default()
    };
    let webhook_secret = if description.has_webhooks() {
        needed("gateway_webhook_secret", &texts.gateway_webhook_secret, "what the gateway signs its webhooks with")?
    } else {
        Credential::default()
    };
    let settings = gateway::Settings { description, secret, webhook_secret };
    Ok(line(AnyCarrier::Gateway(Box::new(GatewayCarrier::new(client()?, settings))), config))
}

/// What `doctor` says of a line that is in order.
pub fn described(kind: CarrierKind, config: &Config) -> String {
    let (name, texts) = (kind.as_str(), &config.texts);
    let who = match kind {
        CarrierKind::Twilio => format!("account {}, from {}", texts.twilio_account, texts.twilio_sender),
        CarrierKind::Telnyx => format!("from {}", texts.telnyx_sender),
        CarrierKind::Vonage => format!("account {}, from {}", texts.vonage_key, texts.vonage_sender),
        CarrierKind::Gateway => format!("as {} says", texts.gateway_file.display()),
        CarrierKind::Sandbox => config.carrier_api(),
    };
    format!("{name}: {who}; replies must be sent to {}/hooks/{name}/PRACTICE/inbound", config.public_url)
}

fn line(carrier: AnyCarrier, config: &Config) -> Line {
    Line::new(carrier, Channel::Sms, config.texts.texts_per_second)
}

fn wrong(setting: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Setting { setting, problem: problem.into() }
}

/// A secret that must be set; spaces around it come from copying.
fn needed(setting: &'static str, value: &Hidden, what: &str) -> Result<Credential, ConfigError> {
    match value.reveal().trim() {
        "" => Err(wrong(setting, format!("is missing: it is {what}. Set it as KEPT_{}", setting.to_uppercase()))),
        text if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Credential::new(text)),
        _ => Err(wrong(setting, "holds signs that no such secret has; copy it again")),
    }
}

/// An id of Twilio's.
fn sid(setting: &'static str, letters: &str, value: &str, what: &str) -> Result<String, ConfigError> {
    let value = value.trim();
    let good = value
        .strip_prefix(letters)
        .is_some_and(|digits| digits.len() == SID_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if good {
        return Ok(value.to_owned());
    }
    Err(wrong(setting, format!("must be {what}: {letters} and {SID_DIGITS} digits")))
}

/// A number, E.164, or a short code.
fn number(setting: &'static str, value: &str, or: &str) -> Result<String, ConfigError> {
    let digits = value.strip_prefix('+').unwrap_or(value);
    let length = if value.starts_with('+') { 8..=15 } else { 3..=8 };
    if length.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(value.to_owned());
    }
    Err(wrong(setting, format!("must be a number of the account with its country's code, e.g. +12025550100, {or}")))
}

/// The address of an API, without a slash at its end.
fn address(setting: &'static str, value: &str) -> Result<String, ConfigError> {
    let value = value.trim().trim_end_matches('/');
    let host = reqwest::Url::parse(value).ok().filter(|url| url.path() == "/" && url.query().is_none());
    if host.is_some_and(|url| url.scheme() == "https") {
        return Ok(value.to_owned());
    }
    Err(wrong(setting, "must be https://HOST: the account's key and patients' numbers go there"))
}

#[cfg(test)]
#[path = "text_lines_tests.rs"]
mod tests;
