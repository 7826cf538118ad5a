//! Vonage's Messages API: <https://developer.vonage.com/en/api/messages>.
//!
//! It knows no idempotency keys and has no list that could be asked at once, so a notice whose fate is unknown is a person's to
//! decide. Numbers are written without `+`. Its webhooks carry a JWT, see [`webhook`].

mod webhook;

use crate::exchange::{self, Answer, MAX_ANSWER_BYTES};
use crate::{Carrier, Codes, Credential, Event, HookError, HookRequest, Meaning, Outbound, Outcome, Refusal};
use kept_domain::Instant;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The carrier's name in rows and addresses.
pub const NAME: &str = "vonage";

/// Where its API is.
pub const API_URL: &str = "https://api.nexmo.com";

/// The seconds of validity that it takes: 20 to a week.
pub const VALIDITY: std::ops::RangeInclusive<u64> = 20..=604_800;

/// Longest code that is kept; its own have four digits, or are a word.
const MAX_CODE_CHARS: usize = 40;

/// Its codes, see [`Codes`].
const CODES: &str = include_str!("../data/vonage.toml");

/// An account and how to use it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is; [`API_URL`] unless a test says otherwise.
    pub api_url: String,
    /// The account's API key.
    pub key: String,
    /// Its secret.
    pub secret: Credential,
    /// The account's signature secret: signs webhooks.
    pub signature_secret: Credential,
    /// Who texts when a location has no number of its own, E.164.
    pub sender: String,
    /// How long one hand-over may take; [`exchange::SUBMIT_TIMEOUT`] unless a test is in a hurry.
    pub timeout: Duration,
}

/// Vonage.
#[derive(Debug, Clone)]
pub struct VonageCarrier {
    client: reqwest::Client,
    settings: Settings,
    codes: Codes,
}

/// The body of a hand-over.
#[derive(Serialize)]
struct Submission<'a> {
    channel: &'static str,
    message_type: &'static str,
    to: &'a str,
    from: &'a str,
    text: &'a str,
    /// Seconds.
    ttl: u64,
    /// Ours, for whoever looks a message up at Vonage.
    client_ref: String,
    /// Receipts go to our address alone.
    webhook_url: &'a str,
    webhook_version: &'static str,
}

#[derive(Deserialize)]
struct Created {
    message_uuid: String,
}

/// An error as RFC 7807 writes it; the code stands behind the `#` of its type.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    r#type: String,
}

impl Problem {
    fn code(&self) -> Option<String> {
        let code = self.r#type.rsplit_once('#')?.1;
        let plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (plain && !code.is_empty() && code.len() <= MAX_CODE_CHARS).then(|| code.to_owned())
    }
}

impl VonageCarrier {
    /// `client` is the process's outbound client; it must not follow redirects.
    pub fn new(client: reqwest::Client, settings: Settings) -> Self {
        Self { client, settings, codes: Codes::parse(CODES).expect("the embedded table is good, a test says so") }
    }

    fn submission<'a>(&'a self, notice: &'a Outbound) -> Submission<'a> {
        Submission {
            channel: "sms",
            message_type: "text",
            to: plain(&notice.to),
            from: plain(notice.from.as_deref().unwrap_or(&self.settings.sender)),
            text: &notice.text,
            ttl: notice.valid_for.as_secs().clamp(*VALIDITY.start(), *VALIDITY.end()),
            client_ref: notice.key.to_string(),
            webhook_url: &notice.status_url,
            webhook_version: "v1",
        }
    }

    /// What an answer to a hand-over means.
    fn outcome(&self, answer: &Answer) -> Outcome {
        match answer.status {
            200..=202 => serde_json::from_slice(&answer.body).map_or_else(
                |_| Outcome::Unknown { code: exchange::UNREADABLE.to_owned() },
                |created: Created| Outcome::Accepted { provider_ref: created.message_uuid },
            ),
            400..=499 => answer.no(problem(answer), |code| self.meaning(code)),
            // Without keys even an error of its own leaves it open whether the message went out.
            status => Outcome::Unknown { code: status.to_string() },
        }
    }
}

/// A number as Vonage writes it: its country's code first, without `+`.
fn plain(number: &str) -> &str {
    number.strip_prefix('+').unwrap_or(number)
}

/// The code in an answer that is no yes.
fn problem(answer: &Answer) -> Option<String> {
    serde_json::from_slice::<Problem>(&answer.body).ok()?.code()
}

impl Carrier for VonageCarrier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn honours_keys(&self) -> Option<Duration> {
        None
    }

    fn patience(&self) -> Duration {
        self.settings.timeout
    }

    async fn submit(&self, notice: &Outbound) -> Outcome {
        let request = self
            .client
            .post(format!("{}/v1/messages", self.settings.api_url))
            .basic_auth(&self.settings.key, Some(self.settings.secret.reveal()))
            .json(&self.submission(notice));
        let exchange = exchange::ask(request, self.settings.timeout, MAX_ANSWER_BYTES).await;
        exchange.outcome(|answer| self.outcome(answer))
    }

    fn refusal(&self, code: &str) -> Refusal {
        self.codes.refusal(code)
    }

    fn meaning(&self, code: &str) -> Option<Meaning> {
        // An answer without a code of Vonage's: its status is the code.
        self.codes.meaning(code).or_else(|| matches!(code, "401" | "402" | "403" | "404").then_some(Meaning::Account))
    }

    /// Asks for the first of the account's applications, whether it has one or not.
    async fn check(&self) -> Option<Result<(), String>> {
        let request = self
            .client
            .get(format!("{}/v2/applications?page_size=1", self.settings.api_url))
            .basic_auth(&self.settings.key, Some(self.settings.secret.reveal()));
        Some(exchange::checked(exchange::ask(request, self.settings.timeout, MAX_ANSWER_BYTES).await, problem))
    }

    fn words(&self, code: &str) -> Option<&str> {
        self.codes.words(code)
    }

    fn verify(&self, request: &HookRequest<'_>, now: Instant) -> Result<(), HookError> {
        webhook::verify(self.settings.signature_secret.reveal(), request, now)
    }

    fn parse(&self, request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
        webhook::parse(request)
    }
}

#[cfg(test)]
#[path = "vonage_tests.rs"]
mod tests;
