//! What a step can fail with. No message holds private data: errors are logged.

use kept_render::RenderError;
use kept_seal::SealError;
use kept_store::StoreError;

/// A step failed; nothing of its last transaction was kept.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key is missing, or a sealed value does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A template.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The practice's settings name sending hours that do not exist.
    #[error(transparent)]
    Window(#[from] kept_domain::window::UnknownWindow),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// Something that a caller named is not there (or belongs to another practice, which looks the same).
    #[error("there is no such {what}")]
    NotFound {
        /// What was looked for, in words for a person.
        what: &'static str,
    },
    /// A practice's keys are being changed already.
    #[error(
        "the practice's keys are being changed already; `kept doctor` says how far that is. Try again when it is done"
    )]
    RotationUnderWay,
    /// Somebody is to be erased who still has visits to come.
    #[error("visits are to come ({visits}): take them out of the practice's own calendar, upload it, and then erase")]
    VisitsToCome {
        /// How many.
        visits: i64,
    },
    /// Somebody is to be erased to whom messages are still under way.
    #[error(
        "messages to the patient wait, are under way, or may have been sent ({messages}): wait, or settle them under Messages, and then erase"
    )]
    MessagesUnderWay {
        /// How many.
        messages: i64,
    },
    /// Planning and sending do not come to rest.
    #[error("planning and sending do not come to rest; please report this")]
    Restless,
    /// The database has no practice yet.
    #[error("there is no practice yet: set one up with `kept init`")]
    NoPractice,
    /// A command needs to know which of several practices is meant.
    #[error("there are several practices: say which with `--practice SLUG`")]
    WhichPractice,
}

impl FlowError {
    /// Whether the same call may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Store(inner) if inner.is_passing())
    }

    /// Whether the database has no room left: nothing was changed, and the operator has to act.
    pub fn is_no_room(&self) -> bool {
        matches!(self, Self::Store(StoreError::DiskFull(_)))
    }
}
