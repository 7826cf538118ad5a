//! Words shared by planning, dispatch and receipts.

use crate::text_enum;

text_enum! {
    /// How a message travels. FHIR `ContactPoint.system` names: `sms`, `email`; voice is `phone`.
    Channel: "channel" {
        /// A text message.
        Sms => "sms",
        /// Electronic mail.
        Email => "email",
    }
}

text_enum! {
    /// Why a notice exists; decides which rules apply to it.
    NoticeKind: "kind of notice" {
        /// One or more reminders of a plan. Counts towards the caps.
        Reminder => "reminder",
        /// A visit moved, or its practitioner changed. Exempt from the caps, not from quiet hours.
        Change => "change",
        /// The answer to something the patient just did (help, the link, a fixed answer). Exempt from caps and quiet hours.
        Answer => "answer",
    }
}

text_enum! {
    /// Where a reminder stands.
    ReminderState: "reminder state" {
        /// Waits for its time.
        Planned => "planned",
        /// Part of a notice that was handed over.
        Sent => "sent",
        /// Will never be said; the row's reason says why.
        Skipped => "skipped",
        /// A newer revision, plan or answer made it moot.
        Superseded => "superseded",
        /// Its row vanished from the calendar: waits for the desk.
        Held => "held",
    }
}

text_enum! {
    /// Where a notice stands. Only moves forward, in the order of `rank`.
    NoticeState: "notice state" {
        /// Waits for its time.
        Planned => "planned",
        /// Leased by a worker; nothing is frozen yet.
        Claimed => "claimed",
        /// Frozen: link, body and attempt are written; the carrier may or may not have it.
        Armed => "armed",
        /// The carrier took it.
        Sent => "sent",
        /// The carrier says the phone has it.
        Delivered => "delivered",
        /// The carrier will not deliver it.
        Failed => "failed",
        /// Nobody knows whether the carrier took it, and asking again could send it twice.
        Uncertain => "uncertain",
        /// Too late to be useful.
        Expired => "expired",
        /// A rule or an event took it back before it was armed.
        Cancelled => "cancelled",
    }
}

impl NoticeState {
    /// No later event changes it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed | Self::Expired | Self::Cancelled)
    }
}
