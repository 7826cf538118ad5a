//! The default carrier: a phone on a page (`kept-web`, module `sandbox`), reached over real HTTP.
//!
//! It behaves as a good carrier does: a POST with an `Idempotency-Key` that is honoured for [`KEY_LIFE`], a look-up by
//! key, receipts and replies by webhook, signed with HMAC-SHA256 over `timestamp|URL|raw body`.

use crate::{
    Carrier, Event, Gateway, HookError, HookKind, HookRequest, Inbound, LookUp, Lost, MAX_HOOK_AGE, MessageStatus,
    Outbound, Outcome, Receipt, Refusal, Sure,
};
use hmac::{Hmac, KeyInit, Mac};
use kept_domain::Instant;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use std::time::Duration;

/// The carrier's name in rows and addresses.
pub const NAME: &str = "sandbox";

/// How long the phone remembers an idempotency key.
pub const KEY_LIFE: Duration = Duration::from_hours(24);

/// How long one hand-over may take.
pub const SUBMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Header of the signed time, milliseconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "kept-sandbox-timestamp";

/// Header of the signature, lower-case hex.
pub const SIGNATURE_HEADER: &str = "kept-sandbox-signature";

/// Header of the idempotency key.
pub const KEY_HEADER: &str = "idempotency-key";

/// What both sides know; webhooks are signed with it.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Wraps 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn mac(&self, timestamp: &str, url: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in [timestamp.as_bytes(), b"|", url.as_bytes(), b"|", body] {
            mac.update(part);
        }
        Some(mac)
    }

    /// The signature of a webhook, lower-case hex. `at` is the wall clock; send it in [`TIMESTAMP_HEADER`].
    pub fn sign(&self, at: Instant, url: &str, body: &[u8]) -> String {
        let mac = self.mac(&at.as_ms().to_string(), url, body);
        mac.map_or_else(String::new, |mac| hex::encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where the phone is and what it promises.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The carrier's name in rows and addresses; [`NAME`] unless a test has two phones.
    pub name: &'static str,
    /// Address of the carrier's API: `http://127.0.0.1:8080/sandbox/carrier/messages`.
    pub messages_url: String,
    /// Signs webhooks.
    pub secret: Secret,
    /// `None` plays a carrier without idempotency keys.
    pub key_life: Option<Duration>,
    /// How long one hand-over may take; [`SUBMIT_TIMEOUT`] unless a test is in a hurry.
    pub timeout: Duration,
}

impl Settings {
    /// The phone at `messages_url`, honouring keys for [`KEY_LIFE`].
    pub fn new(messages_url: String, secret: Secret) -> Self {
        Self { name: NAME, messages_url, secret, key_life: Some(KEY_LIFE), timeout: SUBMIT_TIMEOUT }
    }
}

/// The body of a POST to the phone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Receiver, E.164.
    pub to: String,
    /// Sender, E.164.
    pub from: Option<String>,
    /// The text.
    pub text: String,
    /// Seconds within which it may be delivered.
    pub validity_s: u64,
    /// Where receipts go.
    pub status_url: String,
    /// Where replies go.
    pub inbound_url: String,
}

/// The phone's answer to a POST or a look-up that found the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The phone's id of the message.
    pub id: String,
}

/// The phone's answer when it refuses (HTTP 422).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotTaken {
    /// `opted-out`, `unreachable` or `not-accepted`.
    pub code: String,
}

/// The body of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusEvent {
    /// Names this event.
    pub event: String,
    /// The phone's id of the message.
    pub message: String,
    /// Where it stands.
    pub status: MessageStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The body of a reply.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyEvent {
    /// Names this event.
    pub event: String,
    /// Who writes, E.164.
    pub from: String,
    /// To which of our numbers.
    pub to: Option<String>,
    /// What was written.
    pub text: String,
    /// A photo or voice note came with it.
    #[serde(default)]
    pub media: bool,
    /// The carrier has confirmed an opt-out itself, as gateways do for single words.
    #[serde(default)]
    pub opt_out_confirmed: bool,
}

/// Our side of the phone.
#[derive(Debug)]
pub struct SandboxCarrier {
    client: reqwest::Client,
    settings: Settings,
}

impl SandboxCarrier {
    /// `client` is the process's outbound client; it must not follow redirects.
    pub const fn new(client: reqwest::Client, settings: Settings) -> Self {
        Self { client, settings }
    }

    /// A failure after which nobody knows, unless the carrier honours keys: then asking again is safe.
    fn ambiguous(&self, code: &str) -> Outcome {
        match self.settings.key_life {
            Some(_) => Outcome::Retry { after: None, code: code.to_owned(), sure: Sure::KeyHolds },
            None => Outcome::Unknown { code: code.to_owned() },
        }
    }
}

fn refusal(code: &str) -> Refusal {
    match code {
        "opted-out" => Refusal::OptedOut,
        "unreachable" => Refusal::Unreachable,
        _ => Refusal::NotAccepted,
    }
}

impl Carrier for SandboxCarrier {
    fn name(&self) -> &'static str {
        self.settings.name
    }

    fn honours_keys(&self) -> Option<Duration> {
        self.settings.key_life
    }

    fn patience(&self) -> Duration {
        self.settings.timeout
    }

    async fn submit(&self, notice: &Outbound) -> Outcome {
        let body = Submission {
            to: notice.to.clone(),
            from: notice.from.clone(),
            text: notice.text.clone(),
            validity_s: notice.valid_for.as_secs(),
            status_url: notice.status_url.clone(),
            inbound_url: notice.inbound_url.clone(),
        };
        let sent = self
            .client
            .post(&self.settings.messages_url)
            .header(KEY_HEADER, notice.key.to_string())
            .timeout(self.settings.timeout)
            .json(&body)
            .send()
            .await;
        // The error is dropped on purpose: it would carry the address, and its kind is all that matters.
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => {
                return Outcome::Retry { after: None, code: "connect".to_owned(), sure: Sure::NotTaken };
            }
            Err(error) if error.is_timeout() => return Outcome::Unknown { code: "timeout".to_owned() },
            Err(_) => return Outcome::Unknown { code: "broken".to_owned() },
        };
        let status = answer.status().as_u16();
        match status {
            200 | 201 => match answer.json::<Taken>().await {
                Ok(taken) => Outcome::Accepted { provider_ref: taken.id },
                Err(_) => Outcome::Unknown { code: "unreadable".to_owned() },
            },
            429 => {
                let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                let after = Some(Duration::from_secs(asked.unwrap_or(1)));
                Outcome::Retry { after, code: "busy".to_owned(), sure: Sure::NotTaken }
            }
            400..=499 => {
                let code = answer.json::<NotTaken>().await.map_or_else(|_| status.to_string(), |body| body.code);
                Outcome::Refused { why: refusal(&code), code }
            }
            _ => self.ambiguous(&status.to_string()),
        }
    }

    fn looks_up(&self) -> bool {
        true
    }

    async fn look_up(&self, lost: &Lost) -> LookUp {
        let url = format!("{}/{}", self.settings.messages_url, lost.key);
        let Ok(answer) = self.client.get(url).timeout(self.settings.timeout).send().await else {
            return LookUp::NotYet;
        };
        match answer.status().as_u16() {
            200 => {
                answer.json::<Taken>().await.map_or(LookUp::NotYet, |taken| LookUp::Found { provider_ref: taken.id })
            }
            404 => LookUp::NeverTaken,
            _ => LookUp::NotYet,
        }
    }

    fn refusal(&self, code: &str) -> Refusal {
        refusal(code)
    }

    fn verify(&self, request: &HookRequest<'_>, now: Instant) -> Result<(), HookError> {
        let timestamp = header(request.headers, TIMESTAMP_HEADER)?;
        let claimed = hex::decode(header(request.headers, SIGNATURE_HEADER)?).map_err(|_| HookError::Unsigned)?;
        let mac = self.settings.secret.mac(timestamp, request.url, request.body).ok_or(HookError::Unsigned)?;
        // Compares in constant time.
        mac.verify_slice(&claimed).map_err(|_| HookError::Forged)?;
        let signed_ms: i64 = timestamp.parse().map_err(|_| HookError::Unsigned)?;
        if u128::from(signed_ms.abs_diff(now.as_ms())) > MAX_HOOK_AGE.as_millis() {
            return Err(HookError::Stale);
        }
        Ok(())
    }

    fn parse(&self, request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
        let event = match request.kind {
            HookKind::Status => {
                let body: StatusEvent = serde_json::from_slice(request.body).map_err(|_| HookError::Malformed)?;
                Event::Receipt(Receipt {
                    event: body.event,
                    provider_ref: body.message,
                    status: body.status,
                    code: body.code,
                })
            }
            HookKind::Inbound => {
                let body: ReplyEvent = serde_json::from_slice(request.body).map_err(|_| HookError::Malformed)?;
                Event::Inbound(Inbound {
                    event: body.event,
                    from: body.from,
                    to: body.to,
                    text: body.text,
                    has_media: body.media,
                    gateway: body.opt_out_confirmed.then_some(Gateway::Stop),
                })
            }
        };
        Ok(vec![event])
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, HookError> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(HookError::Unsigned)
}

#[cfg(test)]
#[path = "sandbox_tests.rs"]
mod tests;
