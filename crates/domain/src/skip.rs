//! Why a reminder is not sent, in words that are stored, printed and shown.

use crate::text_enum;

text_enum! {
    /// The rule that keeps a reminder from being sent. Sources are sections of the design "messaging" unless another is named.
    SkipReason: "reason" {
        /// The visit has begun ("When": never late).
        Past => "past",
        /// The status is not proposed, pending or booked (FHIR `appointmentstatus`).
        NotExpected => "not-expected",
        /// The row vanished from its calendar, or two changes contradict: the desk decides (intake: three-way diff).
        Held => "held",
        /// No usable telephone number, and no address where e-mail is sent.
        NoNumber => "no-number",
        /// The number is suspended: a wrong number, or unreachable ("Consent and opt-out").
        NumberSuspended => "number-suspended",
        /// No recorded consent, or an explicit no ("Consent and opt-out").
        NoConsent => "no-consent",
        /// The number opted out ("Consent and opt-out").
        OptedOut => "opted-out",
        /// The patient said that they cannot come.
        Declined => "declined",
        /// The patient confirmed: at most the 1-day note remains (product: stop when done).
        Confirmed => "confirmed",
        /// The patient asked for another time: at most the 1-day note remains (product: stop when done).
        AnotherTime => "another-time",
        /// The patient wants no reminders about this visit (product: the patient's own control).
        Muted => "muted",
        /// A visit that moved is not new: the notice of the change said it.
        NotNew => "not-new",
        /// The visit was made long before Kept heard of it, so "booked just now" would be untrue.
        BookedLongAgo => "booked-long-ago",
        /// An earlier step that was missed: one message stands for all of them (product: late booking).
        Collapsed => "collapsed",
        /// A message about this visit has gone out since this one was due, or on the same day.
        Told => "told",
        /// The notice of the change stands for it.
        ChangeSaysIt => "change-says-it",
        /// It falls into quiet hours, and another message goes to the number on the day before ("When").
        QuietHours => "quiet-hours",
        /// Sending hours open only when it is too late to be useful ("When").
        WindowClosed => "window-closed",
        /// Too late to be useful ("When": never late).
        Expired => "expired",
        /// The number's messages for that local day are used ("When": 1 a day).
        DayCap => "cap-day",
        /// The number's messages for seven local days are used, and others are nearer their visits ("When": 3 in 7 days).
        WeekCap => "cap-week",
        /// A newer revision or another plan took its place.
        Superseded => "superseded",
    }
}

impl SkipReason {
    /// What a person reads: why, and what can be done where something can.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Past => "The visit has already begun.",
            Self::NotExpected => "The visit is not going to take place.",
            Self::Held => {
                "The visit vanished from the calendar or contradicts it. Decide about it, and its reminders go on."
            }
            Self::NoNumber => "There is no usable phone number or e-mail address. Enter one.",
            Self::NumberSuspended => "The number is suspended. Ask the patient for the right one.",
            Self::NoConsent => "No consent to messages is recorded. Record it when the patient agrees.",
            Self::OptedOut => "The number or address opted out. Only the patient can undo it, e.g. by texting START.",
            Self::Declined => "The patient cannot come.",
            Self::Confirmed => "The patient has confirmed.",
            Self::AnotherTime => "The patient asked for another time. Offer one.",
            Self::Muted => "The patient wants no reminders about this visit.",
            Self::NotNew => "The patient was told when the visit moved.",
            Self::BookedLongAgo => "The visit was booked long before it was uploaded.",
            Self::Collapsed => "One message stands for the steps that were missed.",
            Self::Told => "The patient has been told about this visit since.",
            Self::ChangeSaysIt => "The notice of the change says it.",
            Self::QuietHours => "It falls into quiet hours, and another message goes to the number the day before.",
            Self::WindowClosed => "Sending hours open too late for this visit. Call the patient.",
            Self::Expired => "It is too late to be useful. Call the patient.",
            Self::DayCap => "The number already gets its messages for that day.",
            Self::WeekCap => "The number already gets its messages for that week.",
            Self::Superseded => "The visit or its plan has changed since.",
        }
    }
}
