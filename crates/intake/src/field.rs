//! The fields a column can be mapped to.

use kept_domain::text_enum;

text_enum! {
    /// A field of a visit that a column (or several) of a file can fill.
    Field: "field of a visit" {
        /// The visit's id in the practice's own system.
        AppointmentId => "appointment_id",
        /// The patient's id in the practice's own system.
        PatientId => "patient_id",
        /// The whole name, `First Last` or `Last, First`.
        PatientName => "patient_name",
        /// Given names.
        GivenName => "given_name",
        /// Family name.
        FamilyName => "family_name",
        /// Date of birth.
        BirthDate => "birth_date",
        /// Mobile number.
        Phone => "phone",
        /// E-mail address.
        Email => "email",
        /// Start: one column, or a date column and a time column.
        StartsAt => "starts_at",
        /// End, where the file has no length.
        EndsAt => "ends_at",
        /// Length: minutes, `30 min`, `1:30`.
        DurationMin => "duration_min",
        /// When the visit was made.
        BookedAt => "booked_at",
        /// Whom the patient visits.
        Practitioner => "practitioner",
        /// Where.
        Location => "location",
        /// What for. Never said in a text.
        VisitType => "visit_type",
        /// Language of the patient.
        Language => "language",
        /// Status of the visit.
        Status => "status",
        /// A time, or a yes: the visit was cancelled.
        CancelledAt => "cancelled_at",
        /// A time, or a yes: the visit should never have been there.
        DeletedAt => "deleted_at",
        /// A yes: the patient did not come.
        DidNotArrive => "did_not_arrive",
        /// A yes: the patient came.
        Arrived => "arrived",
        /// What to do with the row: add, update, delete.
        Action => "action",
        /// Whether the patient agreed to texts: yes or no.
        ConsentSms => "consent_sms",
        /// Whether the patient agreed to e-mail: yes or no.
        ConsentEmail => "consent_email",
        /// What the patient should bring.
        Bring => "bring",
    }
}

impl Field {
    /// How many there are; index tables by `field as usize`.
    pub const COUNT: usize = Self::ALL.len();
}
