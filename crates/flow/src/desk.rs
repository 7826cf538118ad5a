//! What the desk does about one patient: the number, consent, the birth-date guard, a fresh link, messages that a person
//! must decide about. Each deed is one transaction with one audit entry that names who did it.

mod guard;
mod link;
mod number;
mod settle;

pub use number::{ConsentSaid, NumberEntered};
pub use settle::Settling;

use crate::audit::Actor;
use crate::{Flow, FlowError};
use kept_domain::{AppointmentId, Channel, Locale, PracticeId, StaffId};
use kept_store::{BoardRow, Scope, VisitContact};

/// Wording of the checkbox beside a number that the desk enters: "The patient agrees to reminders at this number."
pub const WORDING_AGREED: &str = "desk.agreed.1";

impl Flow {
    /// Addresses a visit's patient in a language from now on.
    pub async fn enter_language(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
        locale: Locale,
    ) -> Result<(), FlowError> {
        let patient = self.visit_row(practice, visit).await?.patient;
        self.set_patient_locale(practice, patient, locale, Actor::Staff(staff)).await
    }

    /// A visit of the practice.
    async fn visit_row(&self, practice: PracticeId, visit: AppointmentId) -> Result<BoardRow, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        tx.board_visit(practice, visit).await?.ok_or(FlowError::NotFound { what: "visit" })
    }

    /// The number or address in use of a visit's patient.
    async fn contact_of(
        &self,
        practice: PracticeId,
        visit: AppointmentId,
        channel: Channel,
    ) -> Result<VisitContact, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let contacts = tx.visit_contacts(practice, &[visit]).await?;
        let found = contacts.into_iter().find(|contact| contact.channel == channel);
        found.ok_or(FlowError::NotFound { what: "number or address of this visit's patient" })
    }
}
