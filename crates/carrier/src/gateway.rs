//! Any gateway over HTTP that a description in TOML fits: a practice adds its own without code.
//!
//! Statuses that mean nothing by the description or its defaults leave open whether the text was taken: with a key that the gateway
//! recognises it is asked again, without one the text is never sent again.

mod answers;
mod description;
mod template;
mod webhook;

use crate::exchange::{self, Answer, MAX_ANSWER_BYTES};
use crate::{Carrier, Credential, Event, HookError, HookRequest, Meaning, Outbound, Outcome, Refusal, Sure};
use description::{Body, Tree};
use kept_domain::Instant;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use std::time::Duration;
use template::{Template, Values, url_escaped};

pub use description::{Description, DescriptionError, MAX_TIMEOUT_S};

/// The carrier's name in rows and addresses.
pub const NAME: &str = "gateway";

/// A described gateway with what only we know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How it works.
    pub description: Description,
    /// Stands where the description says `{secret}`.
    pub secret: Credential,
    /// Signs its webhooks.
    pub webhook_secret: Credential,
}

/// The gateway.
#[derive(Debug, Clone)]
pub struct GatewayCarrier {
    client: reqwest::Client,
    settings: Settings,
}

impl GatewayCarrier {
    /// `client` is the process's outbound client; it must not follow redirects.
    pub const fn new(client: reqwest::Client, settings: Settings) -> Self {
        Self { client, settings }
    }

    /// `None` where a value does not fit into a header: then nothing can be sent.
    fn request(&self, notice: &Outbound) -> Option<RequestBuilder> {
        let described = &self.settings.description;
        let values = Values { notice, sender: &described.sender, secret: &self.settings.secret };
        let mut request = self.client.request(described.method.clone(), described.url.fill(values, url_escaped));
        for (name, value) in &described.headers {
            let mut value = HeaderValue::from_str(&value.fill(values, std::convert::identity)).ok()?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        Some(match &described.body {
            Body::None => request,
            Body::Json(tree) => request.header(CONTENT_TYPE, "application/json").body(filled(tree, values).to_string()),
            Body::Form(fields) => {
                let fields: Vec<(&str, String)> = fields
                    .iter()
                    .map(|(name, value): &(String, Template)| {
                        (name.as_str(), value.fill(values, std::convert::identity))
                    })
                    .collect();
                request.form(&fields)
            }
        })
    }

    /// What an answer to a hand-over means.
    fn outcome(&self, answer: &Answer) -> Outcome {
        let answers = &self.settings.description.answers;
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let code = webhook::text(&body, &answers.code)
            .filter(|code| !code.is_empty())
            .map_or_else(|| answer.status.to_string(), |code| code.chars().take(100).collect());
        if answers.busy.contains(&answer.status) {
            return answer.busy(code);
        }
        let taken = answers.taken.contains(&answer.status);
        let agrees = |(pointer, wanted): (&String, &String)| webhook::text(&body, pointer).as_ref() == Some(wanted);
        if taken && answers.must.iter().all(agrees) {
            return match webhook::text(&body, &answers.reference) {
                Some(provider_ref) if !provider_ref.is_empty() => Outcome::Accepted { provider_ref },
                // Taken, but nobody will ever be able to say which receipt is this text's.
                _ => self.ambiguous(exchange::UNREADABLE),
            };
        }
        // An answer that is no JSON says nothing: "taken" it may be.
        let said_no = taken && !answers.must.is_empty() && !body.is_null();
        if said_no || answers.refused.contains(&answer.status) {
            return match self.meaning(&code) {
                Some(Meaning::Busy) => answer.busy(code),
                Some(Meaning::Account) => Outcome::Retry { after: None, code, sure: Sure::NotTaken },
                // A code that nobody described: the status says what is wrong.
                None if matches!(answer.status, 401 | 403) => {
                    Outcome::Retry { after: None, code: answer.status.to_string(), sure: Sure::NotTaken }
                }
                meaning => Outcome::Refused { why: meaning.map_or(Refusal::NotAccepted, Meaning::refusal), code },
            };
        }
        self.ambiguous(&answer.status.to_string())
    }

    /// Nobody knows, unless the gateway honours keys: then asking again is safe.
    fn ambiguous(&self, code: &str) -> Outcome {
        match self.settings.description.key_life {
            Some(_) => Outcome::Retry { after: None, code: code.to_owned(), sure: Sure::KeyHolds },
            None => Outcome::Unknown { code: code.to_owned() },
        }
    }
}

fn filled(tree: &Tree, values: Values<'_>) -> serde_json::Value {
    match tree {
        Tree::Template(template) => template.fill_json(values),
        Tree::Fixed(value) => value.clone(),
        Tree::List(list) => list.iter().map(|tree| filled(tree, values)).collect(),
        Tree::Object(fields) => {
            serde_json::Value::Object(fields.iter().map(|(name, tree)| (name.clone(), filled(tree, values))).collect())
        }
    }
}

impl Carrier for GatewayCarrier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn honours_keys(&self) -> Option<Duration> {
        self.settings.description.key_life
    }

    fn patience(&self) -> Duration {
        self.settings.description.timeout
    }

    async fn submit(&self, notice: &Outbound) -> Outcome {
        let Some(request) = self.request(notice) else {
            return Outcome::Refused { why: Refusal::NotAccepted, code: "header".to_owned() };
        };
        let exchange = exchange::ask(request, self.settings.description.timeout, MAX_ANSWER_BYTES).await;
        exchange.outcome(|answer| self.outcome(answer))
    }

    fn refusal(&self, code: &str) -> Refusal {
        self.settings.description.codes.refusal(code)
    }

    fn meaning(&self, code: &str) -> Option<Meaning> {
        // An answer without a code of the gateway's: its status is the code.
        let known = self.settings.description.codes.meaning(code);
        known.or_else(|| matches!(code, "401" | "403").then_some(Meaning::Account))
    }

    fn words(&self, code: &str) -> Option<&str> {
        self.settings.description.codes.words(code)
    }

    fn verify(&self, request: &HookRequest<'_>, now: Instant) -> Result<(), HookError> {
        let webhook = self.settings.description.webhook.as_ref().ok_or(HookError::Unsigned)?;
        webhook::verify(webhook, &self.settings.webhook_secret, request, now)
    }

    fn parse(&self, request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
        webhook::parse(&self.settings.description, request)
    }
}

#[cfg(test)]
#[path = "gateway_tests.rs"]
mod tests;
