//! Notices out, receipts and replies back.
//!
//! A [`Carrier`] takes one frozen notice and says what became of it ([`Outcome`]); later it calls a webhook, which
//! [`Carrier::verify`] and [`Carrier::parse`] turn into [`Event`]s. What makes two carriers safe to treat alike is
//! that each says **how sure it is**: whether it certainly did not take a message ([`Outcome::Retry`]), whether nobody
//! knows ([`Outcome::Unknown`]), and for how long it honours an idempotency key ([`Carrier::honours_keys`]).
//!
//! Nothing here reads a clock for a decision that is stored, makes a random number, or touches the database. The
//! outbound HTTP client is built by the binary and passed in.
//!
//! To add a carrier: implement [`Carrier`] in a file of its own, add a variant to [`AnyCarrier`], and add its webhook
//! vectors to the tests.

mod back_off;
mod breaker;
mod caller;
mod codes;
mod credential;
mod exchange;
pub mod gateway;
mod hook;
mod outbound;
mod pace;
mod registry;
mod route;
pub mod sandbox;
pub mod smtp;
pub mod telnyx;
#[cfg(test)]
mod test_server;
pub mod twilio;
pub mod vonage;

pub use back_off::{BACK_OFF_FIRST, BACK_OFF_LONGEST, back_off};
pub use breaker::{BREAKER_FAILURES, BREAKER_LONGEST_REST, BREAKER_REST, Breaker};
pub use caller::{CALL_TIMEOUT, Caller, NotCalled};
pub use codes::{Codes, CodesError, Meaning};
pub use credential::Credential;
pub use exchange::{BUSY_PAUSE, LONGEST_PAUSE, MAX_ANSWER_BYTES, SUBMIT_TIMEOUT};
pub use hook::{
    Event, Gateway, HookError, HookKind, HookRequest, Inbound, MAX_HOOK_AGE, MAX_HOOK_BYTES, MessageStatus, Receipt,
};
pub use outbound::{LookUp, Lost, Mail, OPEN, Outbound, Outcome, PACE, Refusal, Sure};
pub use pace::{MAX_PACE_WAIT, MAX_SENDERS, Pace};
pub use registry::{AnyCarrier, COMPLAINT_PAUSE, Carriers, Line};
pub use route::{Past, Route};

use kept_domain::Instant;
use std::future::Future;
use std::time::Duration;

/// A company, gateway or page that hands messages to phones.
///
/// Implementations answer within their own time limit and never panic; whatever goes wrong is an [`Outcome`].
pub trait Carrier {
    /// The word that is stored beside each notice and stands in the webhook's address. Lower-case letters.
    fn name(&self) -> &'static str;

    /// For how long a second message with the same idempotency key is recognised and not sent again; `None` if the
    /// carrier knows no keys, and then nothing whose fate is unknown is ever sent a second time.
    fn honours_keys(&self) -> Option<Duration>;

    /// How long [`Carrier::submit`] may take at most.
    fn patience(&self) -> Duration;

    /// Hands over one notice. The key is the notice's id, the same on every attempt.
    fn submit(&self, notice: &Outbound) -> impl Future<Output = Outcome> + Send;

    /// Whether it can be asked what became of a notice whose fate is unknown.
    fn looks_up(&self) -> bool {
        false
    }

    /// Asks what became of a notice whose fate is unknown. A carrier that cannot be asked cannot tell.
    fn look_up(&self, _lost: &Lost) -> impl Future<Output = LookUp> + Send {
        std::future::ready(LookUp::Unknown)
    }

    /// What one of this carrier's error codes means for us. Receipts are kept with the code alone.
    fn refusal(&self, code: &str) -> Refusal;

    /// What one of this carrier's error codes means; none where only the code is known.
    fn meaning(&self, _code: &str) -> Option<Meaning> {
        None
    }

    /// Asks the carrier whether it takes our credentials, sending nothing and fetching nothing private; the error is a code. None: it
    /// cannot be asked.
    fn check(&self) -> impl Future<Output = Option<Result<(), String>>> + Send {
        std::future::ready(None)
    }

    /// One of this carrier's error codes in our own short words, for people; none where only the code is known.
    fn words(&self, _code: &str) -> Option<&str> {
        None
    }

    /// Checks that a webhook comes from this carrier and is fresh. `now` is the wall clock.
    fn verify(&self, request: &HookRequest<'_>, now: Instant) -> Result<(), HookError>;

    /// Reads a webhook that was verified. One call may carry several events.
    fn parse(&self, request: &HookRequest<'_>) -> Result<Vec<Event>, HookError>;
}
