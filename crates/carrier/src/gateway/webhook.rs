//! A described gateway's webhooks.

use super::description::{Description, Format, Scheme, Unit, Webhook};
use crate::{Credential, Event, Gateway, HookError, HookKind, HookRequest, Inbound, MAX_HOOK_AGE, Receipt};
use hmac::{Hmac, KeyInit, Mac};
use kept_domain::Instant;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

/// Longest id or code that is kept, in characters.
const MAX_ID_CHARS: usize = 100;

/// A gateway's words for what it does by itself about a text, with an answer of its own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Acts {
    /// It blocks our texts now.
    stopped: Vec<String>,
    /// It lets them through again.
    started: Vec<String>,
    /// It said who we are.
    helped: Vec<String>,
}

impl Acts {
    pub(super) fn is_empty(&self) -> bool {
        [&self.stopped, &self.started, &self.helped].into_iter().all(Vec::is_empty)
    }

    fn act(&self, said: &str) -> Option<Gateway> {
        let acts = [(&self.stopped, Gateway::Stop), (&self.started, Gateway::Start), (&self.helped, Gateway::Help)];
        acts.into_iter().find(|(words, _)| words.iter().any(|word| word == said)).map(|(_, act)| act)
    }
}

/// Checks the signature, and the time where the gateway signs one.
pub(super) fn verify(
    webhook: &Webhook,
    secret: &Credential,
    request: &HookRequest<'_>,
    now: Instant,
) -> Result<(), HookError> {
    let claimed = header(request.headers, &webhook.header)?;
    if secret.is_empty() {
        return Err(HookError::Forged);
    }
    if webhook.scheme == Scheme::Secret {
        return same(secret.reveal(), claimed);
    }
    let claimed = claimed.strip_prefix(webhook.prefix.as_str()).ok_or(HookError::Unsigned)?;
    let claimed = webhook.encoding.decode(claimed).ok_or(HookError::Unsigned)?;
    let timestamp = match &webhook.timestamp_header {
        Some(name) => header(request.headers, name)?,
        None => "",
    };
    let mut mac = mac(secret.reveal().as_bytes())?;
    // The template is walked and never filled into: the body may hold `{url}` itself.
    let mut rest = webhook.signed.as_str();
    while let Some(at) = rest.find('{') {
        mac.update(&rest.as_bytes()[..at]);
        let (name, after) = rest[at + 1..].split_once('}').ok_or(HookError::Unsigned)?;
        match name {
            "timestamp" => mac.update(timestamp.as_bytes()),
            "url" => mac.update(request.url.as_bytes()),
            _ => mac.update(request.body),
        }
        rest = after;
    }
    mac.update(rest.as_bytes());
    // Compares in constant time.
    mac.verify_slice(&claimed).map_err(|_| HookError::Forged)?;
    if webhook.timestamp_header.is_some() {
        let signed: i64 = timestamp.parse().map_err(|_| HookError::Unsigned)?;
        let signed_ms = match webhook.timestamp_unit {
            Unit::Seconds => signed.saturating_mul(1000),
            Unit::Milliseconds => signed,
        };
        if u128::from(signed_ms.abs_diff(now.as_ms())) > MAX_HOOK_AGE.as_millis() {
            return Err(HookError::Stale);
        }
    }
    Ok(())
}

/// Compares two secrets without telling how much of them agrees: by a MAC under one of them.
fn same(secret: &str, claimed: &str) -> Result<(), HookError> {
    let mut ours = mac(secret.as_bytes())?;
    ours.update(claimed.as_bytes());
    let mut expected = mac(secret.as_bytes())?;
    expected.update(secret.as_bytes());
    ours.verify_slice(&expected.finalize().into_bytes()).map_err(|_| HookError::Forged)
}

fn mac(secret: &[u8]) -> Result<Hmac<Sha256>, HookError> {
    Hmac::<Sha256>::new_from_slice(secret).map_err(|_| HookError::Unsigned)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, HookError> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(HookError::Unsigned)
}

/// Reads a verified webhook.
pub(super) fn parse(description: &Description, request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
    match request.kind {
        HookKind::Status => {
            let status = description.status.as_ref().ok_or(HookError::Malformed)?;
            let body = body(status.format, request.body)?;
            let mut events = Vec::new();
            for one in list(&body, &status.list)? {
                let word = text(one, &status.state).ok_or(HookError::Malformed)?;
                let provider_ref = id(text(one, &status.reference))?;
                let Some(status_is) = status.words.get(&word).copied() else { continue };
                let event = match &status.event {
                    Some(pointer) => id(text(one, pointer))?,
                    // It names no event: a message reaches each of its states once.
                    None => format!("{provider_ref}:{word}"),
                };
                let code = status.code.as_deref().and_then(|pointer| text(one, pointer));
                let code = code.filter(|code| !code.is_empty() && code.len() <= MAX_ID_CHARS);
                events.push(Event::Receipt(Receipt { event, provider_ref, status: status_is, code }));
            }
            Ok(events)
        }
        HookKind::Inbound => {
            let inbound = description.inbound.as_ref().ok_or(HookError::Malformed)?;
            let body = body(inbound.format, request.body)?;
            let mut events = Vec::new();
            for one in list(&body, &inbound.list)? {
                let has_media = inbound.media.as_deref().and_then(|pointer| one.pointer(pointer)).is_some_and(is_some);
                events.push(Event::Inbound(Inbound {
                    event: id(text(one, &inbound.event))?,
                    from: plus(text(one, &inbound.from).ok_or(HookError::Malformed)?),
                    to: inbound.to.as_deref().and_then(|pointer| text(one, pointer)).map(plus),
                    text: text(one, &inbound.text).unwrap_or_default(),
                    has_media,
                    gateway: inbound.did.as_deref().and_then(|did| inbound.words.act(&text(one, did)?)),
                }));
            }
            Ok(events)
        }
    }
}

/// A form is read as an object of texts; of several values of one name the last counts.
fn body(format: Format, bytes: &[u8]) -> Result<Value, HookError> {
    match format {
        Format::Json => serde_json::from_slice(bytes).map_err(|_| HookError::Malformed),
        Format::Form => Ok(Value::Object(
            form_urlencoded::parse(bytes)
                .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                .collect(),
        )),
    }
}

fn list<'a>(body: &'a Value, pointer: &str) -> Result<Vec<&'a Value>, HookError> {
    match body.pointer(pointer) {
        Some(Value::Array(list)) => Ok(list.iter().collect()),
        Some(one) => Ok(vec![one]),
        None => Err(HookError::Malformed),
    }
}

/// What stands at a pointer, as text.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn id(text: Option<String>) -> Result<String, HookError> {
    text.filter(|text| !text.is_empty() && text.len() <= MAX_ID_CHARS).ok_or(HookError::Malformed)
}

/// Whether a field about media says that there is some.
fn is_some(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !matches!(text.as_str(), "" | "0" | "false"),
        Value::Array(list) => !list.is_empty(),
        Value::Number(number) => number.as_i64() != Some(0),
        Value::Bool(true) | Value::Object(_) => true,
    }
}

/// Gateways that leave out the plus sign of an international number mean it.
fn plus(number: String) -> String {
    let bare = number.len() > 8 && number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    if bare { format!("+{number}") } else { number }
}
