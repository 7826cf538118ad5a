//! What goes out, and what may become of it.

use kept_domain::{Instant, NoticeId};
use std::fmt;
use std::time::Duration;

/// One frozen notice on its way to a carrier.
#[derive(Clone, PartialEq, Eq)]
pub struct Outbound {
    /// The notice; its id is the idempotency key.
    pub key: NoticeId,
    /// Receiver, E.164 or an e-mail address.
    pub to: String,
    /// Sender, E.164 or an e-mail address, or none for the carrier's default.
    pub from: Option<String>,
    /// The whole text, link included.
    pub text: String,
    /// What a mail has beside its text; none in a text message.
    pub mail: Option<Mail>,
    /// The carrier drops the message if it cannot deliver it within this time, so that its own queue cannot deliver at
    /// night.
    pub valid_for: Duration,
    /// Where receipts go: a public URL of ours.
    pub status_url: String,
    /// Where replies go: a public URL of ours.
    pub inbound_url: String,
}

/// What a mail has beside its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// The HTML part, link included.
    pub html: String,
    /// Who writes, as a list of mails shows it.
    pub from_name: String,
    /// Where one request stops mail to this address (RFC 8058).
    pub unsubscribe_url: Option<String>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mail(…)")
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbound({})", self.key)
    }
}

/// What became of one attempt to hand over a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The carrier has it.
    Accepted {
        /// The carrier's id of the message; receipts name it.
        provider_ref: String,
    },
    /// The carrier will not take it, now or later.
    Refused {
        /// Why, as far as it changes what we do.
        why: Refusal,
        /// The carrier's own code.
        code: String,
    },
    /// Asking again is safe; `sure` says why, and with it whether another line may be asked.
    Retry {
        /// How long the carrier asked us to wait, if it did.
        after: Option<Duration>,
        /// The carrier's own code, or ours: `connect`, `busy`, [`OPEN`], [`PACE`].
        code: String,
        /// What makes it safe.
        sure: Sure,
    },
    /// Nobody knows whether the carrier took it.
    Unknown {
        /// What happened: `timeout`, `broken`, `unreadable`.
        code: String,
    },
}

impl Outcome {
    /// The carrier's code, or ours; none where it has the message.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Accepted { .. } => None,
            Self::Refused { code, .. } | Self::Retry { code, .. } | Self::Unknown { code } => Some(code),
        }
    }

    /// Whether the message may go through another line at once: only after certainty that this one did not take it, and
    /// not because of our own pace, which the sender's next turn settles.
    pub fn may_change_line(&self) -> bool {
        matches!(self, Self::Retry { sure: Sure::NotTaken, code, .. } if code != PACE)
    }
}

/// The code of a [`Outcome::Retry`] that our own pace made: the line was not asked, and its sender's turn will come.
pub const PACE: &str = "pace";

/// The code of a [`Outcome::Retry`] of a line that is left alone just now: it was not asked.
pub const OPEN: &str = "open";

/// Why it is safe to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// The carrier certainly did not take the message: any line may be asked.
    NotTaken,
    /// Nobody knows, but this carrier recognises the key: only the same line may be asked, within the key's life.
    KeyHolds,
}

/// Why a carrier refuses, as far as it changes what we do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The receiver told the carrier to stop: becomes an entry of the consent ledger.
    OptedOut,
    /// No phone can be reached under the number (nobody has it, a landline): the number is suspended.
    Unreachable,
    /// The phone was not reached this time; it may be switched off. Only where that goes on is the number suspended.
    NotReached,
    /// The text or sender is not accepted: a person must look.
    NotAccepted,
}

/// A notice whose fate nobody knows, as its carrier would know it.
#[derive(Clone, PartialEq, Eq)]
pub struct Lost {
    /// The notice; its id was the idempotency key.
    pub key: NoticeId,
    /// Receiver, E.164.
    pub to: String,
    /// The whole text, link included.
    pub text: String,
    /// When the first hand-over began that nobody knows the end of (wall),
    pub first_at: Instant,
    /// and by when the last one had certainly ended.
    pub last_at: Instant,
    /// Now (wall).
    pub now: Instant,
    /// The carrier's ids of other messages to the number, which are none of this notice's.
    pub known: Vec<String>,
    /// No other notice to the number is lost or on its way: a message whose text the carrier does not show can be this one's only.
    pub alone: bool,
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lost({})", self.key)
    }
}

/// What a carrier says of a message whose fate was unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// The carrier has it.
    Found {
        /// The carrier's id of the message.
        provider_ref: String,
    },
    /// The carrier certainly never took it.
    NeverTaken,
    /// The carrier does not answer, or it is too early to tell: ask again.
    NotYet,
    /// The carrier cannot tell, now or ever.
    Unknown,
}
