//! Webhooks: what a carrier tells us.

use kept_domain::text_enum;
use reqwest::header::HeaderMap;
use std::fmt;
use std::time::Duration;

/// A webhook body may have this many bytes; more is refused unread.
pub const MAX_HOOK_BYTES: usize = 64 * 1024;

/// A signed timestamp may lie this far from our clock, before or after.
pub const MAX_HOOK_AGE: Duration = Duration::from_mins(5);

/// Which of a carrier's two addresses was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookKind {
    /// What became of a message.
    Status,
    /// A text that somebody sent to one of our numbers.
    Inbound,
}

/// A webhook as it arrived: nothing decoded, nothing trusted.
#[derive(Clone, Copy)]
pub struct HookRequest<'a> {
    /// Which address was called.
    pub kind: HookKind,
    /// The address as it stands in our configuration (never as the request spells it).
    pub url: &'a str,
    /// What stood behind `?` in the request, as it was written; some carriers bind a body there, and sign it too.
    pub query: Option<&'a str>,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The raw body.
    pub body: &'a [u8],
}

impl fmt::Debug for HookRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookRequest({:?}, {} B)", self.kind, self.body.len())
    }
}

/// A webhook is not taken. None of these says anything about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// The body is longer than [`MAX_HOOK_BYTES`].
    #[error("the body is longer than {MAX_HOOK_BYTES} bytes")]
    TooLong,
    /// A header that carries the signature is missing or unreadable.
    #[error("the signature is missing or unreadable")]
    Unsigned,
    /// The signature belongs to another body, address or secret.
    #[error("the signature does not fit; check that the secret and the public URL agree with the carrier's")]
    Forged,
    /// The signed time is further than [`MAX_HOOK_AGE`] from our clock.
    #[error("the signed time is more than {} seconds away from this machine's clock; check the clock", MAX_HOOK_AGE.as_secs())]
    Stale,
    /// Signed well, but not of the shape we know.
    #[error("the body is not of the shape this carrier sends")]
    Malformed,
    /// No carrier of that name is set up.
    #[error("no carrier of that name is set up")]
    NoSuchCarrier,
}

text_enum! {
    /// What a carrier says of a message it took, in our words.
    MessageStatus: "message status" {
        /// In the carrier's queue.
        Queued => "queued",
        /// Handed to the network.
        Sent => "sent",
        /// The phone has it. Final.
        Delivered => "delivered",
        /// It will not be delivered. Final.
        Undelivered => "undelivered",
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The carrier's id of this event, or message id and status where it has none: recorded once.
    pub event: String,
    /// The carrier's id of the message.
    pub provider_ref: String,
    /// Where it stands.
    pub status: MessageStatus,
    /// The carrier's error code; see [`crate::Carrier::refusal`].
    pub code: Option<String>,
}

/// What a carrier does by itself when it reads a word such as STOP: it blocks or lets through, and sends its own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gateway {
    /// It blocks our messages to the sender now.
    Stop,
    /// It lets them through again; often at a mere YES, which says nothing to us.
    Start,
    /// It said who we are.
    Help,
}

/// A text that somebody sent to one of our numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The carrier's id of this event: recorded once.
    pub event: String,
    /// Sender, E.164.
    pub from: String,
    /// Our number, if the carrier tells it.
    pub to: Option<String>,
    /// What was written.
    pub text: String,
    /// Whether anything but text came with it (photo, voice).
    pub has_media: bool,
    /// What the carrier did by itself about it, and answered.
    pub gateway: Option<Gateway>,
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbound(…)")
    }
}

/// One thing that a webhook tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// What became of a message.
    Receipt(Receipt),
    /// A text that somebody sent.
    Inbound(Inbound),
}
