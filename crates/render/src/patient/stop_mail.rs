//! "No more mail from us?": the page behind the address at the foot of a mail. Not private.

use super::Frame;
use crate::samples::Sampled;
use crate::{Template, patient};
use serde::Serialize;

/// Asks once, and then says that it is done. Works without a script and without a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StopMailPage {
    /// Around it.
    pub frame: Frame,
    /// The address has opted out.
    pub done: bool,
}

impl Template for StopMailPage {
    const NAME: &'static str = "web/patient/stop-mail.html";
    fn samples() -> Vec<Self> {
        [false, true].map(|done| Self { frame: patient::sample_frame(), done }).to_vec()
    }
}

/// For [`crate::samples::all`].
pub(crate) fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<StopMailPage>()]
}
