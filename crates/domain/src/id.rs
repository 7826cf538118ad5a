//! Identifiers: one newtype a thing, each a UUIDv7 made by the flow's context, never here.

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a raw identifier read from the database or made by the flow's context.
            pub const fn from_uuid(raw: Uuid) -> Self { Self(raw) }
            /// The raw identifier, for a bind or an audit entry.
            pub const fn as_uuid(self) -> Uuid { self.0 }
        }

        impl From<Uuid> for $name { fn from(raw: Uuid) -> Self { Self(raw) } }
        impl From<$name> for Uuid { fn from(id: $name) -> Self { id.0 } }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Ok(Self(text.parse()?)) }
        }
    )+};
}

ids! {
    /// A medical practice: the tenant. Everything else belongs to exactly one.
    PracticeId,
    /// A site of a practice, with its own time zone, alias and phone.
    LocationId,
    /// Somebody whom patients visit.
    PractitionerId,
    /// A kind of visit; carries the reminder plan.
    VisitTypeId,
    /// A reminder plan: which steps, on which channels.
    PlanId,
    /// A person who is treated.
    PatientId,
    /// One phone number or e-mail address of one patient.
    ContactPointId,
    /// One entry of the consent ledger.
    ConsentId,
    /// One visit.
    AppointmentId,
    /// Why something should be said: appointment × step × channel × revision.
    ReminderId,
    /// What is said: one text to one contact point. Also the idempotency key at the carrier.
    NoticeId,
    /// One try to hand a notice to a carrier.
    AttemptId,
    /// A link in a notice.
    LinkId,
    /// A calendar that visits come from.
    SourceId,
    /// One upload.
    ImportId,
    /// A file that waits for a person's "send".
    UploadId,
    /// What a patient answered.
    AnswerId,
    /// What a patient asked the practice for in words.
    RequestId,
    /// A text that a patient sent back.
    InboundId,
    /// Something that a person at the practice must look at.
    TaskId,
    /// Somebody who works at the practice.
    StaffId,
    /// A signed-in browser.
    SessionId,
    /// Proof of the right to finish what a claim began; a new one each claim.
    LeaseToken,
}
