//! Twilio's Programmable Messaging: <https://www.twilio.com/docs/messaging/api/message-resource>.
//!
//! It knows no idempotency keys. After silence nobody knows whether it took a message, so such a message is never sent
//! again; it is looked for in Twilio's own list, by number, time and text ([`lost`]). Its webhooks are signed without a
//! time, so they count once each ([`webhook`]).

mod lost;
mod webhook;

use crate::exchange::{self, Answer, MAX_ANSWER_BYTES};
use crate::{
    Carrier, Codes, Credential, Event, HookError, HookRequest, LookUp, Lost, Meaning, Outbound, Outcome, Refusal,
};
use kept_domain::Instant;
use serde::Deserialize;
use std::time::Duration;

pub use lost::{MAX_PAGES, SETTLES_AFTER, WINDOW_AFTER, WINDOW_BEFORE};
pub use webhook::{SETTINGS_HEADER, SIGNATURE_HEADER};

/// The carrier's name in rows and addresses.
pub const NAME: &str = "twilio";

/// Where its API is.
pub const API_URL: &str = "https://api.twilio.com";

/// The seconds of validity that it takes: 1 to 36,000.
pub const VALIDITY: std::ops::RangeInclusive<u64> = 1..=36_000;

/// Its codes, see [`Codes`].
const CODES: &str = include_str!("../data/twilio.toml");

/// Who texts when a location has no number of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A number of the account, E.164, or a short code.
    Number(String),
    /// A messaging service (`MG…`), which chooses a number.
    Service(String),
}

/// An account and how to use it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the API is; [`API_URL`] unless a test says otherwise.
    pub api_url: String,
    /// The account, `AC…`.
    pub account: String,
    /// Who asks: the account itself, or an API key (`SK…`).
    pub user: String,
    /// The password of `user`.
    pub password: Credential,
    /// The account's auth token: signs webhooks.
    pub token: Credential,
    /// Who texts when a location has no number of its own.
    pub sender: Sender,
    /// Asks Twilio not to keep the text (`ContentRetention=discard`).
    pub discard_content: bool,
    /// How long one hand-over may take; [`exchange::SUBMIT_TIMEOUT`] unless a test is in a hurry.
    pub timeout: Duration,
}

/// Twilio.
#[derive(Debug, Clone)]
pub struct TwilioCarrier {
    client: reqwest::Client,
    settings: Settings,
    codes: Codes,
}

/// The answer to a message that was taken.
#[derive(Deserialize)]
struct Created {
    sid: String,
}

/// The answer to one that was not.
#[derive(Deserialize)]
struct Problem {
    code: Option<u64>,
}

impl TwilioCarrier {
    /// `client` is the process's outbound client; it must not follow redirects.
    pub fn new(client: reqwest::Client, settings: Settings) -> Self {
        Self { client, settings, codes: Codes::parse(CODES).expect("the embedded table is good, a test says so") }
    }

    fn messages_url(&self) -> String {
        format!("{}/2010-04-01/Accounts/{}/Messages.json", self.settings.api_url, self.settings.account)
    }

    /// The fields of one message.
    fn form<'a>(&'a self, notice: &'a Outbound) -> Vec<(&'static str, &'a str)> {
        let mut form = vec![("To", notice.to.as_str())];
        match (&notice.from, &self.settings.sender) {
            (Some(number), _) | (None, Sender::Number(number)) => form.push(("From", number.as_str())),
            (None, Sender::Service(service)) => form.push(("MessagingServiceSid", service.as_str())),
        }
        form.extend([("Body", notice.text.as_str()), ("StatusCallback", notice.status_url.as_str())]);
        if self.settings.discard_content {
            form.push(("ContentRetention", "discard"));
        }
        form
    }

    /// What an answer to a hand-over means.
    fn outcome(&self, answer: &Answer) -> Outcome {
        match answer.status {
            200 | 201 => serde_json::from_slice(&answer.body).map_or_else(
                |_| Outcome::Unknown { code: exchange::UNREADABLE.to_owned() },
                |created: Created| Outcome::Accepted { provider_ref: created.sid },
            ),
            400..=499 => answer.no(problem(answer), |code| self.meaning(code)),
            // Without keys even an error of its own leaves it open whether the message went out.
            status => Outcome::Unknown { code: status.to_string() },
        }
    }
}

/// The code in an answer that is no yes.
fn problem(answer: &Answer) -> Option<String> {
    let problem: Problem = serde_json::from_slice(&answer.body).ok()?;
    problem.code.map(|code| code.to_string())
}

/// The validity that Twilio takes for ours, in seconds.
fn validity(valid_for: Duration) -> u64 {
    valid_for.as_secs().clamp(*VALIDITY.start(), *VALIDITY.end())
}

impl Carrier for TwilioCarrier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn honours_keys(&self) -> Option<Duration> {
        None
    }

    fn looks_up(&self) -> bool {
        true
    }

    fn patience(&self) -> Duration {
        self.settings.timeout
    }

    async fn submit(&self, notice: &Outbound) -> Outcome {
        let validity = validity(notice.valid_for).to_string();
        let mut form = self.form(notice);
        form.push(("ValidityPeriod", validity.as_str()));
        let request = self
            .client
            .post(self.messages_url())
            .basic_auth(&self.settings.user, Some(self.settings.password.reveal()))
            .form(&form);
        let exchange = exchange::ask(request, self.settings.timeout, MAX_ANSWER_BYTES).await;
        exchange.outcome(|answer| self.outcome(answer))
    }

    async fn look_up(&self, lost: &Lost) -> LookUp {
        self.search(lost).await
    }

    fn refusal(&self, code: &str) -> Refusal {
        self.codes.refusal(code)
    }

    fn meaning(&self, code: &str) -> Option<Meaning> {
        // An answer without a code of Twilio's: its status is the code.
        self.codes.meaning(code).or_else(|| matches!(code, "401" | "402" | "403" | "404").then_some(Meaning::Account))
    }

    /// Asks for the messages of a time before the account was made: there are none, and an API key may ask.
    async fn check(&self) -> Option<Result<(), String>> {
        let url = format!("{}?DateSent%3C=2000-01-01&PageSize=1", self.messages_url());
        let request = self.client.get(url).basic_auth(&self.settings.user, Some(self.settings.password.reveal()));
        Some(exchange::checked(exchange::ask(request, self.settings.timeout, MAX_ANSWER_BYTES).await, problem))
    }

    fn words(&self, code: &str) -> Option<&str> {
        self.codes.words(code)
    }

    fn verify(&self, request: &HookRequest<'_>, _now: Instant) -> Result<(), HookError> {
        webhook::verify(self.settings.token.reveal(), request)
    }

    fn parse(&self, request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
        webhook::parse(request)
    }
}

#[cfg(test)]
#[path = "twilio_tests.rs"]
mod tests;
