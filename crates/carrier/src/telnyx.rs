//! Telnyx's messaging: <https://developers.telnyx.com/api/messaging/send-message>.
//!
//! It honours an idempotency key for a day, so what nobody knows the fate of is asked again under the same key. Its
//! webhooks are signed with Ed25519 over `timestamp|body`. It takes no validity period: only we keep its queue from texting
//! at night, by handing over within the hours alone.

use crate::exchange::{self, Answer, MAX_ANSWER_BYTES};
use crate::{
    Carrier, Codes, Credential, Event, Gateway, HookError, HookRequest, Inbound, MAX_HOOK_AGE, Meaning, MessageStatus,
    Outbound, Outcome, Receipt, Refusal, Sure,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kept_domain::Instant;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The carrier's name in rows and addresses.
pub const NAME: &str = "telnyx";

/// Where its API is.
pub const API_URL: &str = "https://api.telnyx.com";

/// How long it remembers an idempotency key.
pub const KEY_LIFE: Duration = Duration::from_hours(24);

/// Header of the idempotency key.
pub const KEY_HEADER: &str = "idempotency-key";

/// Header of the signature: base64 of 64 bytes.
pub const SIGNATURE_HEADER: &str = "telnyx-signature-ed25519";

/// Header of the signed time: seconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "telnyx-timestamp";

/// Longest id that is kept; its own are UUIDs.
const MAX_ID_CHARS: usize = 100;

/// Its codes, see [`Codes`].
const CODES: &str = include_str!("../data/telnyx.toml");

/// Who texts when a location has no number of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A number of the account, E.164.
    Number(String),
    /// A messaging profile (a UUID), whose pool chooses a number.
    Profile(String),
}

/// The 32 bytes of the public key that webhooks are checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads it as Telnyx shows it: base64. `None` if it is not 32 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }
}

/// An account and how to use it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is; [`API_URL`] unless a test says otherwise.
    pub api_url: String,
    /// The API key.
    pub key: Credential,
    /// Checks webhooks.
    pub public_key: PublicKey,
    /// Who texts when a location has no number of its own.
    pub sender: Sender,
    /// How long one hand-over may take; [`exchange::SUBMIT_TIMEOUT`] unless a test is in a hurry.
    pub timeout: Duration,
}

/// Telnyx.
#[derive(Debug, Clone)]
pub struct TelnyxCarrier {
    client: reqwest::Client,
    settings: Settings,
    codes: Codes,
}

/// The body of a hand-over.
#[derive(Serialize)]
struct Submission<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_profile_id: Option<&'a str>,
    to: &'a str,
    text: &'a str,
    r#type: &'static str,
    webhook_url: &'a str,
    /// Receipts go to our address alone.
    use_profile_webhooks: bool,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    data: T,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
struct Problems {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: Code,
}

/// Codes are written as text, and now and then as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Text(String),
    Number(u64),
}

impl Code {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text.chars().take(MAX_ID_CHARS).collect(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// A webhook. What is not named here may change any day.
#[derive(Deserialize)]
struct Told {
    id: String,
    event_type: String,
    payload: serde_json::Value,
}

#[derive(Deserialize)]
struct Finished {
    id: String,
    to: Vec<Address>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Received {
    from: Address,
    #[serde(default)]
    to: Vec<Address>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    media: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    autoresponse_type: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    #[serde(default)]
    phone_number: Option<String>,
    #[serde(default)]
    status: Option<String>,
}

impl TelnyxCarrier {
    /// `client` is the process's outbound client; it must not follow redirects.
    pub fn new(client: reqwest::Client, settings: Settings) -> Self {
        Self { client, settings, codes: Codes::parse(CODES).expect("the embedded table is good, a test says so") }
    }

    fn submission<'a>(&'a self, notice: &'a Outbound) -> Submission<'a> {
        let (from, messaging_profile_id) = match (&notice.from, &self.settings.sender) {
            (Some(number), _) | (None, Sender::Number(number)) => (Some(number.as_str()), None),
            (None, Sender::Profile(profile)) => (None, Some(profile.as_str())),
        };
        Submission {
            from,
            messaging_profile_id,
            to: &notice.to,
            text: &notice.text,
            r#type: "SMS",
            webhook_url: &notice.status_url,
            use_profile_webhooks: false,
        }
    }

    /// What an answer to a hand-over means.
    fn outcome(&self, answer: &Answer) -> Outcome {
        match answer.status {
            200..=202 => serde_json::from_slice(&answer.body).map_or_else(
                |_| Outcome::Unknown { code: exchange::UNREADABLE.to_owned() },
                |created: Wrapped<Created>| Outcome::Accepted { provider_ref: created.data.id },
            ),
            // The first request under this key is still at work: the same key will tell what became of it.
            409 => Outcome::Retry { after: None, code: "409".to_owned(), sure: Sure::KeyHolds },
            400..=499 => answer.no(problem(answer), |code| self.meaning(code)),
            status => Outcome::Retry { after: None, code: status.to_string(), sure: Sure::KeyHolds },
        }
    }

    fn receipt(event: String, finished: Finished) -> Option<Receipt> {
        let word = finished.to.into_iter().find_map(|address| address.status)?;
        let status = status(&word)?;
        let code = finished.errors.into_iter().next().map(|problem| problem.code.into_text());
        Some(Receipt { event, provider_ref: finished.id, status, code })
    }
}

/// The first code in an answer that is no yes.
fn problem(answer: &Answer) -> Option<String> {
    let problems: Problems = serde_json::from_slice(&answer.body).ok()?;
    problems.errors.into_iter().next().map(|first| first.code.into_text())
}

/// What Telnyx's word for a state means.
fn status(word: &str) -> Option<MessageStatus> {
    Some(match word {
        "queued" | "sending" => MessageStatus::Queued,
        // The network says nothing more: it may well have come.
        "sent" | "delivery_unconfirmed" => MessageStatus::Sent,
        "delivered" | "read" => MessageStatus::Delivered,
        "sending_failed" | "delivery_failed" | "expired" => MessageStatus::Undelivered,
        _ => return None,
    })
}

fn gateway(kind: &str) -> Option<Gateway> {
    match kind.to_ascii_uppercase().as_str() {
        "STOP" | "OPT_OUT" => Some(Gateway::Stop),
        "START" | "OPT_IN" => Some(Gateway::Start),
        "HELP" => Some(Gateway::Help),
        _ => None,
    }
}

impl Carrier for TelnyxCarrier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn honours_keys(&self) -> Option<Duration> {
        Some(KEY_LIFE)
    }

    fn patience(&self) -> Duration {
        self.settings.timeout
    }

    async fn submit(&self, notice: &Outbound) -> Outcome {
        let request = self
            .client
            .post(format!("{}/v2/messages", self.settings.api_url))
            .bearer_auth(self.settings.key.reveal())
            .header(KEY_HEADER, notice.key.to_string())
            .json(&self.submission(notice));
        let exchange = exchange::ask(request, self.settings.timeout, MAX_ANSWER_BYTES).await;
        exchange.outcome(|answer| self.outcome(answer))
    }

    fn refusal(&self, code: &str) -> Refusal {
        self.codes.refusal(code)
    }

    fn meaning(&self, code: &str) -> Option<Meaning> {
        // An answer without a code of Telnyx's: its status is the code.
        self.codes.meaning(code).or_else(|| matches!(code, "401" | "402" | "403" | "404").then_some(Meaning::Account))
    }

    /// Asks for the messaging profile that sends, or for any.
    async fn check(&self) -> Option<Result<(), String>> {
        let profiles = format!("{}/v2/messaging_profiles", self.settings.api_url);
        let request = match &self.settings.sender {
            Sender::Profile(profile) => self.client.get(format!("{profiles}/{profile}")),
            Sender::Number(_) => self.client.get(format!("{profiles}?page%5Bsize%5D=1")),
        };
        let request = request.bearer_auth(self.settings.key.reveal());
        Some(exchange::checked(exchange::ask(request, self.settings.timeout, MAX_ANSWER_BYTES).await, problem))
    }

    fn words(&self, code: &str) -> Option<&str> {
        self.codes.words(code)
    }

    fn verify(&self, request: &HookRequest<'_>, now: Instant) -> Result<(), HookError> {
        let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok()).ok_or(HookError::Unsigned);
        let timestamp = header(TIMESTAMP_HEADER)?;
        let signature = STANDARD.decode(header(SIGNATURE_HEADER)?).map_err(|_| HookError::Unsigned)?;
        let signed_s: i64 = timestamp.parse().map_err(|_| HookError::Unsigned)?;
        let mut message = Vec::with_capacity(timestamp.len() + 1 + request.body.len());
        message.extend_from_slice(timestamp.as_bytes());
        message.push(b'|');
        message.extend_from_slice(request.body);
        let key = UnparsedPublicKey::new(&ED25519, self.settings.public_key.0);
        key.verify(&message, &signature).map_err(|_| HookError::Forged)?;
        let away_ms = signed_s.saturating_mul(1000).abs_diff(now.as_ms());
        // It signs whole seconds: the second that the limit falls into still counts.
        if away_ms / 1000 > MAX_HOOK_AGE.as_secs() {
            return Err(HookError::Stale);
        }
        Ok(())
    }

    fn parse(&self, request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
        let told: Wrapped<Told> = serde_json::from_slice(request.body).map_err(|_| HookError::Malformed)?;
        let Told { id, event_type, payload } = told.data;
        if id.is_empty() || id.len() > MAX_ID_CHARS {
            return Err(HookError::Malformed);
        }
        let event = match event_type.as_str() {
            "message.sent" | "message.finalized" => {
                let finished: Finished = serde_json::from_value(payload).map_err(|_| HookError::Malformed)?;
                Self::receipt(id, finished).map(Event::Receipt)
            }
            "message.received" => {
                let received: Received = serde_json::from_value(payload).map_err(|_| HookError::Malformed)?;
                Some(Event::Inbound(Inbound {
                    event: id,
                    from: received.from.phone_number.ok_or(HookError::Malformed)?,
                    to: received.to.into_iter().find_map(|address| address.phone_number),
                    text: received.text.unwrap_or_default(),
                    has_media: received.media.is_some_and(|media| !media.is_empty()),
                    gateway: received.autoresponse_type.and_then(|kind| gateway(&kind)),
                }))
            }
            // Its other events (links clicked, typing) tell us nothing.
            _ => None,
        };
        Ok(event.into_iter().collect())
    }
}

#[cfg(test)]
#[path = "telnyx_tests.rs"]
mod tests;
