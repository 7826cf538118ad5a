//! The phone's own side: it calls our webhooks, over real HTTP, as a carrier would.

use crate::sandbox::{SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER};
use kept_domain::Instant;
use serde::Serialize;
use std::time::Duration;

/// How long one webhook may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A webhook was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCalled {
    /// No answer.
    #[error("the webhook did not answer")]
    NoAnswer,
    /// An answer other than success.
    #[error("the webhook answered {0}")]
    Status(u16),
}

/// Calls webhooks and signs what it sends.
#[derive(Debug, Clone)]
pub struct Caller {
    client: reqwest::Client,
    secret: Secret,
}

impl Caller {
    /// `client` is the process's outbound client.
    pub const fn new(client: reqwest::Client, secret: Secret) -> Self {
        Self { client, secret }
    }

    /// Sends one event. `at` is the wall clock; a body that cannot be written as JSON is not sent.
    pub async fn call(&self, url: &str, at: Instant, event: &(impl Serialize + Sync)) -> Result<(), NotCalled> {
        let body = serde_json::to_vec(event).map_err(|_| NotCalled::NoAnswer)?;
        let answer = self
            .client
            .post(url)
            .timeout(CALL_TIMEOUT)
            .header(TIMESTAMP_HEADER, at.as_ms().to_string())
            .header(SIGNATURE_HEADER, self.secret.sign(at, url, &body))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .map_err(|_| NotCalled::NoAnswer)?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(NotCalled::Status(status.as_u16())) }
    }
}
