//! Vonage's webhooks: a JWT in `Authorization` that binds the body, receipts, replies.
//!
//! The scheme (<https://developer.vonage.com/en/getting-started/concepts/webhooks>): HS256 (RFC 7515) under the account's signature
//! secret; `payload_hash` is the body's SHA-256 in hex, `iat` says when it was signed. Vonage calls the hash optional; here a webhook
//! without it is refused, because nothing else binds what it says. The address is not signed.

use super::Problem;
use crate::{Event, HookError, HookKind, HookRequest, Inbound, MAX_HOOK_AGE, MessageStatus, Receipt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use kept_domain::Instant;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Longest id that is kept; its own are UUIDs.
const MAX_ID_CHARS: usize = 100;

/// Fewest and most digits of a number that has its country's code (E.164); fewer are a short code.
const WHOLE_NUMBER: std::ops::RangeInclusive<usize> = 7..=15;

/// The head of a JWT. Only one algorithm counts, whatever the token would like.
#[derive(Deserialize)]
struct Head {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    /// Seconds since the Unix epoch.
    iat: i64,
    payload_hash: String,
}

/// Checks that the token is Vonage's, fresh, and of this body.
pub(super) fn verify(secret: &str, request: &HookRequest<'_>, now: Instant) -> Result<(), HookError> {
    let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(HookError::Unsigned)?;
    let token = header.strip_prefix("Bearer ").ok_or(HookError::Unsigned)?.trim();
    let (signed, signature) = token.rsplit_once('.').ok_or(HookError::Unsigned)?;
    let (head, claims) = signed.split_once('.').ok_or(HookError::Unsigned)?;
    let signature = decode(signature)?;
    let head: Head = serde_json::from_slice(&decode(head)?).map_err(|_| HookError::Unsigned)?;
    if head.alg != "HS256" {
        return Err(HookError::Unsigned);
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).map_err(|_| HookError::Forged)?;
    mac.update(signed.as_bytes());
    // Compares in constant time.
    mac.verify_slice(&signature).map_err(|_| HookError::Forged)?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| HookError::Unsigned)?;
    // What is compared is no secret: the hash stands in the signed token.
    if !hex::encode(Sha256::digest(request.body)).eq_ignore_ascii_case(&claims.payload_hash) {
        return Err(HookError::Forged);
    }
    let away_ms = claims.iat.saturating_mul(1000).abs_diff(now.as_ms());
    // It signs whole seconds: the second that the limit falls into still counts.
    if away_ms / 1000 > MAX_HOOK_AGE.as_secs() { Err(HookError::Stale) } else { Ok(()) }
}

fn decode(part: &str) -> Result<Vec<u8>, HookError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| HookError::Unsigned)
}

/// What became of a message. What is not named here may change any day.
#[derive(Deserialize)]
struct Told {
    message_uuid: String,
    status: String,
    #[serde(default)]
    error: Option<Problem>,
}

/// A text that somebody sent.
#[derive(Deserialize)]
struct Received {
    message_uuid: String,
    from: String,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    message_type: Option<String>,
    #[serde(default)]
    text: Option<String>,
}

/// Reads a webhook that was verified.
pub(super) fn parse(request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
    let event = match request.kind {
        HookKind::Status => receipt(read(request.body)?)?.map(Event::Receipt),
        HookKind::Inbound => Some(Event::Inbound(reply(read(request.body)?)?)),
    };
    Ok(event.into_iter().collect())
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, HookError> {
    serde_json::from_slice(body).map_err(|_| HookError::Malformed)
}

fn receipt(told: Told) -> Result<Option<Receipt>, HookError> {
    let provider_ref = id(told.message_uuid)?;
    let Some(status) = status(&told.status) else { return Ok(None) };
    // It numbers messages, not what it says of them: message and status together are told once.
    let event = format!("{provider_ref}/{}", told.status);
    let code = told.error.and_then(|problem| problem.code());
    Ok(Some(Receipt { event, provider_ref, status, code }))
}

/// What Vonage's word for a state means.
fn status(word: &str) -> Option<MessageStatus> {
    Some(match word {
        "submitted" => MessageStatus::Sent,
        "delivered" | "read" => MessageStatus::Delivered,
        "rejected" | "undeliverable" => MessageStatus::Undelivered,
        _ => return None,
    })
}

fn reply(received: Received) -> Result<Inbound, HookError> {
    let has_media = received.message_type.is_some_and(|kind| kind != "text");
    Ok(Inbound {
        event: id(received.message_uuid)?,
        from: number(&received.from).ok_or(HookError::Malformed)?,
        to: received.to.as_deref().and_then(number),
        text: received.text.unwrap_or_default(),
        has_media,
        // Opt-Out Assist answers by itself, but its webhooks do not say so.
        gateway: None,
    })
}

/// E.164 from Vonage's way of writing it; a short code stays as it is.
fn number(digits: &str) -> Option<String> {
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    if digits.is_empty() || digits.len() > *WHOLE_NUMBER.end() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(if WHOLE_NUMBER.contains(&digits.len()) { format!("+{digits}") } else { digits.to_owned() })
}

fn id(id: String) -> Result<String, HookError> {
    if id.is_empty() || id.len() > MAX_ID_CHARS { Err(HookError::Malformed) } else { Ok(id) }
}
