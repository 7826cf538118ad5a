//! One question to a carrier over HTTP, and how sure we are of what became of it.

use crate::{Meaning, Outcome, Refusal, Sure};
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response};
use std::time::Duration;

/// How long one hand-over may take.
pub const SUBMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// An answer to a hand-over may have this many bytes; what is longer is unreadable.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A carrier that is busy and does not say for how long is left alone for this.
pub const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// No carrier may ask us to wait longer.
pub const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// What one exchange came to.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// The carrier answered.
    Answered(Answer),
    /// There was no connection: nothing was sent.
    NotConnected,
    /// No answer within the time; it may have been taken.
    TimedOut,
    /// The connection broke in the middle, or the answer was too long; it may have been taken.
    Broken,
}

impl Exchange {
    /// What it means for a hand-over; `answered` reads the answer. Without a connection nothing was taken; without an answer nobody
    /// knows.
    pub(crate) fn outcome(self, answered: impl FnOnce(&Answer) -> Outcome) -> Outcome {
        match self {
            Self::Answered(answer) => answered(&answer),
            Self::NotConnected => Outcome::Retry { after: None, code: CONNECT.to_owned(), sure: Sure::NotTaken },
            Self::TimedOut => Outcome::Unknown { code: TIMEOUT.to_owned() },
            Self::Broken => Outcome::Unknown { code: BROKEN.to_owned() },
        }
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// What `Retry-After` asks for, in seconds; a date is not understood and counts as not said.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// "No" (4xx): certainly not taken. `problem` is the carrier's own code, if it gave one, and `meaning` what a code means.
    pub(crate) fn no(&self, problem: Option<String>, meaning: impl FnOnce(&str) -> Option<Meaning>) -> Outcome {
        let code = problem.unwrap_or_else(|| self.status.to_string());
        match (meaning(&code), self.status) {
            (Some(Meaning::Busy), _) | (_, 429) => self.busy(code),
            // Key or account are not in order: nothing that is sent this way is taken until somebody mends them.
            (Some(Meaning::Account), _) => Outcome::Retry { after: None, code, sure: Sure::NotTaken },
            // A code that we do not know: the status says what is wrong.
            (None, 401..=404) => Outcome::Retry { after: None, code: self.status.to_string(), sure: Sure::NotTaken },
            (known, _) => Outcome::Refused { why: known.map_or(Refusal::NotAccepted, Meaning::refusal), code },
        }
    }

    /// "Later, please": certainly not taken.
    pub(crate) fn busy(&self, code: String) -> Outcome {
        let after = Some(self.retry_after.unwrap_or(BUSY_PAUSE));
        Outcome::Retry { after, code, sure: Sure::NotTaken }
    }
}

/// Asks once and reads the whole answer, up to `limit` bytes. Errors of the client are dropped on purpose: they would carry the
/// address, and their kind is all that matters.
pub(crate) async fn ask(request: RequestBuilder, timeout: Duration, limit: usize) -> Exchange {
    let answer = match request.timeout(timeout).send().await {
        Ok(answer) => answer,
        // A connection that could not be made in time is a connection that could not be made.
        Err(error) if error.is_connect() || error.is_builder() => return Exchange::NotConnected,
        Err(error) if error.is_timeout() => return Exchange::TimedOut,
        Err(_) => return Exchange::Broken,
    };
    let status = answer.status().as_u16();
    let retry_after = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE));
    match whole(answer, limit).await {
        Ok(body) => Exchange::Answered(Answer { status, retry_after, body }),
        Err(exchange) => exchange,
    }
}

/// What a carrier's answer to a question without consequences says of our credentials; the error is its code.
pub(crate) fn checked(exchange: Exchange, code: impl Fn(&Answer) -> Option<String>) -> Result<(), String> {
    match exchange {
        Exchange::Answered(answer) if (200..=299).contains(&answer.status) => Ok(()),
        Exchange::Answered(answer) => Err(code(&answer).unwrap_or_else(|| answer.status.to_string())),
        Exchange::NotConnected => Err(CONNECT.to_owned()),
        Exchange::TimedOut => Err(TIMEOUT.to_owned()),
        Exchange::Broken => Err(BROKEN.to_owned()),
    }
}

async fn whole(mut answer: Response, limit: usize) -> Result<Vec<u8>, Exchange> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => return Err(Exchange::TimedOut),
            Ok(Some(_)) | Err(_) => return Err(Exchange::Broken),
        }
    }
}

/// Our own code for an exchange without an answer.
pub(crate) const CONNECT: &str = "connect";
pub(crate) const TIMEOUT: &str = "timeout";
pub(crate) const BROKEN: &str = "broken";
pub(crate) const UNREADABLE: &str = "unreadable";
