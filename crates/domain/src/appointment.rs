//! A visit's state, and the patient's own answer, which is a separate thing.

use crate::text_enum;

text_enum! {
    /// FHIR R4 `appointmentstatus`. What the practice's books say; a message sent never changes it.
    AppointmentStatus: "appointment status" {
        /// Asked for; nobody has agreed yet.
        Proposed => "proposed",
        /// Some participants have not agreed yet.
        Pending => "pending",
        /// Agreed by all.
        Booked => "booked",
        /// The patient is in the building.
        Arrived => "arrived",
        /// The patient is registered and waits.
        CheckedIn => "checked-in",
        /// The visit took place.
        Fulfilled => "fulfilled",
        /// Called off before it took place.
        Cancelled => "cancelled",
        /// The patient did not come.
        Noshow => "noshow",
        /// Should never have been there.
        EnteredInError => "entered-in-error",
        /// Waits for a slot.
        Waitlist => "waitlist",
    }
}

impl AppointmentStatus {
    /// Whether a reminder for the visit still makes sense.
    pub const fn is_expected(self) -> bool {
        matches!(self, Self::Proposed | Self::Pending | Self::Booked)
    }

    /// Whether the patient came: kept visits of the report (`fulfilled`, or `arrived` / `checked-in` when the day ends).
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::Fulfilled | Self::Arrived | Self::CheckedIn)
    }
}

text_enum! {
    /// FHIR R4 `participationstatus` of the patient: what they themselves said.
    Answer: "answer" {
        /// Nothing yet.
        NeedsAction => "needs-action",
        /// Will be there.
        Accepted => "accepted",
        /// Cannot come.
        Declined => "declined",
        /// Would like another time.
        Tentative => "tentative",
    }
}

text_enum! {
    /// How an answer reached the practice.
    AnswerVia: "way of answering" {
        /// The encrypted portal, at level 1 or above.
        Portal => "portal",
        /// A text reply. The sender's number can be forged, so it can confirm and nothing else.
        Text => "text",
        /// Staff wrote down what the patient said.
        Desk => "desk",
        /// The move was the patient's own.
        Move => "move",
    }
}

text_enum! {
    /// Who said what became of the visit. The desk's mark beats an import unless the import is newer and explicit.
    OutcomeBy: "source of an outcome" {
        /// Staff pressed the button.
        Desk => "desk",
        /// A calendar said so.
        Import => "import",
        /// "Close day" turned arrived into kept.
        CloseDay => "close-day",
    }
}
