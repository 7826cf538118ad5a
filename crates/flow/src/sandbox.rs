//! What the sandbox's phone and our side of it agree on; the phone itself is a page of `kept-web`.

pub use kept_carrier::sandbox::{
    KEY_HEADER, NotTaken, ReplyEvent, SUBMIT_TIMEOUT, Secret, StatusEvent, Submission, Taken,
};
pub use kept_carrier::{Caller, MessageStatus, NotCalled};
