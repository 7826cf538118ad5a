//! Twilio's webhooks: the signature over the address and the sorted parameters, receipts, replies.
//!
//! The scheme (<https://www.twilio.com/docs/usage/security>): base64 of an HMAC over the whole address and, for forms, each
//! parameter's name and value, sorted by name; several values of one name are sorted and each counts once. Other bodies
//! are bound by their SHA-256 in the query parameter `bodySHA256`. Twilio signs with or without the port, so both count.

use crate::{Event, Gateway, HookError, HookKind, HookRequest, Inbound, MessageStatus, Receipt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Carries the signature.
pub const SIGNATURE_HEADER: &str = "x-twilio-signature";

/// Names the algorithm where it is not HMAC-SHA1: `key=…,algorithm=HMAC_SHA256`.
pub const SETTINGS_HEADER: &str = "x-twilio-webhooks-signature-settings";

/// The query parameter that binds a body which is not a form.
const BODY_HASH: &str = "bodySHA256";

/// An id of Twilio's is two letters and 32 hex digits; nothing longer is kept.
const MAX_SID_CHARS: usize = 64;

#[derive(Clone, Copy)]
enum Algorithm {
    Sha1,
    Sha256,
}

/// The decoded parameters of a form, in the order they came.
pub(super) type Parameters<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Checks the signature. Nothing says when a webhook was signed: events are recorded once.
pub(super) fn verify(token: &str, request: &HookRequest<'_>) -> Result<(), HookError> {
    let claimed = header(request.headers, SIGNATURE_HEADER).ok_or(HookError::Unsigned)?;
    let claimed = STANDARD.decode(claimed).map_err(|_| HookError::Unsigned)?;
    let algorithm = algorithm(request.headers)?;
    let url = match request.query {
        Some(query) if !query.is_empty() => format!("{}?{query}", request.url),
        _ => request.url.to_owned(),
    };
    let parameters = if let Some(hash) = body_hash(request) {
        let wanted = hex::encode(Sha256::digest(request.body));
        // What is compared is no secret: the hash is part of the signed address.
        if !wanted.eq_ignore_ascii_case(&hash) {
            return Err(HookError::Forged);
        }
        Vec::new()
    } else {
        parameters(request.body)
    };
    let mut fits = false;
    for url in spellings(&url) {
        // Every spelling is looked at, so that the time tells nothing.
        fits |= match algorithm {
            Algorithm::Sha1 => signed::<Hmac<Sha1>>(token, &url, &parameters, &claimed),
            Algorithm::Sha256 => signed::<Hmac<Sha256>>(token, &url, &parameters, &claimed),
        };
    }
    if fits { Ok(()) } else { Err(HookError::Forged) }
}

fn signed<M: Mac + KeyInit>(token: &str, url: &str, parameters: &Parameters<'_>, claimed: &[u8]) -> bool {
    // Compares in constant time.
    mac::<M>(token, url, parameters).is_some_and(|mac| mac.verify_slice(claimed).is_ok())
}

fn mac<M: Mac + KeyInit>(token: &str, url: &str, parameters: &Parameters<'_>) -> Option<M> {
    let mut mac = <M as KeyInit>::new_from_slice(token.as_bytes()).ok()?;
    mac.update(url.as_bytes());
    let sorted: BTreeSet<(&str, &str)> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    Some(mac)
}

/// What Twilio would sign, for comparison with its library.
#[cfg(test)]
pub(super) fn signature(token: &str, url: &str, parameters: &Parameters<'_>, settings: &str) -> String {
    if settings.contains("HMAC_SHA256") {
        STANDARD.encode(mac::<Hmac<Sha256>>(token, url, parameters).unwrap().finalize().into_bytes())
    } else {
        STANDARD.encode(mac::<Hmac<Sha1>>(token, url, parameters).unwrap().finalize().into_bytes())
    }
}

/// The address with and without its port. The text is cut and not written anew: Twilio signed it as we gave it.
fn spellings(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return vec![url.to_owned()] };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let port = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let other = if let Some((bare, _)) = port {
        format!("{scheme}://{bare}{path}")
    } else {
        let default = if scheme == "http" { 80 } else { 443 };
        format!("{scheme}://{authority}:{default}{path}")
    };
    vec![url.to_owned(), other]
}

fn algorithm(headers: &HeaderMap) -> Result<Algorithm, HookError> {
    let named = header(headers, SETTINGS_HEADER).unwrap_or_default().split(',').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        (name.trim() == "algorithm" && !value.trim().is_empty()).then(|| value.trim().to_ascii_uppercase())
    });
    match named.as_deref() {
        None | Some("HMAC_SHA1") => Ok(Algorithm::Sha1),
        Some("HMAC_SHA256") => Ok(Algorithm::Sha256),
        Some(_) => Err(HookError::Unsigned),
    }
}

/// The claimed hash of a body that is not a form.
fn body_hash(request: &HookRequest<'_>) -> Option<String> {
    let form = header(request.headers, CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
    if form {
        return None;
    }
    let query = request.query?;
    let hash = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == BODY_HASH);
    hash.map(|(_, value)| value.into_owned())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub(super) fn parameters(body: &[u8]) -> Parameters<'_> {
    form_urlencoded::parse(body).collect()
}

/// Reads a verified webhook. Parameters that are not known are left alone: they may be added any day.
pub(super) fn parse(request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
    let parameters = parameters(request.body);
    let one = |name: &str| {
        parameters.iter().find(|(own, value)| own == name && !value.is_empty()).map(|(_, value)| value.to_string())
    };
    let sid = one("MessageSid").or_else(|| one("SmsSid")).ok_or(HookError::Malformed)?;
    if sid.len() > MAX_SID_CHARS || !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(HookError::Malformed);
    }
    let event = match request.kind {
        HookKind::Status => {
            let word = one("MessageStatus").or_else(|| one("SmsStatus")).ok_or(HookError::Malformed)?;
            let Some(status) = status(&word) else { return Ok(Vec::new()) };
            Event::Receipt(Receipt {
                // It names no event: a message reaches each of its states once.
                event: format!("{sid}:{word}"),
                provider_ref: sid,
                status,
                code: one("ErrorCode").filter(|code| code.len() <= MAX_SID_CHARS),
            })
        }
        HookKind::Inbound => Event::Inbound(Inbound {
            event: sid,
            from: one("From").ok_or(HookError::Malformed)?,
            to: one("To"),
            text: one("Body").unwrap_or_default(),
            has_media: one("NumMedia").is_some_and(|count| count.trim() != "0"),
            gateway: one("OptOutType").and_then(|kind| gateway(&kind)),
        }),
    };
    Ok(vec![event])
}

/// What Twilio's word for a state means. States of texts that come in, and words of later years, tell nothing of ours.
fn status(word: &str) -> Option<MessageStatus> {
    Some(match word {
        "accepted" | "scheduled" | "queued" | "sending" => MessageStatus::Queued,
        "sent" => MessageStatus::Sent,
        "delivered" | "read" => MessageStatus::Delivered,
        // A part of the text is not the text: the link or the time may be missing.
        "undelivered" | "failed" | "canceled" | "partially_delivered" => MessageStatus::Undelivered,
        _ => return None,
    })
}

fn gateway(kind: &str) -> Option<Gateway> {
    match kind {
        "STOP" => Some(Gateway::Stop),
        "START" => Some(Gateway::Start),
        "HELP" => Some(Gateway::Help),
        _ => None,
    }
}
