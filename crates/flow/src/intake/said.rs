//! What a row says, in canonical words: the content MAC covers them, and they are kept for the next comparison.

use super::diff::Fields;
use kept_domain::{AppointmentStatus, Instant};
use kept_intake::{Action, SourceVisit};

/// A row with its times resolved in the location's zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolved<'a> {
    pub(super) visit: &'a SourceVisit,
    pub(super) start: Instant,
    pub(super) booked_at: Option<Instant>,
    pub(super) cancelled_at: Option<Instant>,
}

/// The status a row means: a row to take out should never have been there.
pub(super) fn status(visit: &SourceVisit) -> Option<AppointmentStatus> {
    match visit.action {
        Action::Delete => Some(AppointmentStatus::EnteredInError),
        Action::Upsert => visit.status,
    }
}

impl Resolved<'_> {
    /// Every field that has a value, always in the same order.
    fn each(&self, mut put: impl FnMut(&'static str, &str)) {
        let visit = self.visit;
        let mut text = |name, value: &Option<String>| {
            if let Some(value) = value {
                put(name, value);
            }
        };
        text("appointment_id", &visit.appointment_id);
        text("name", &visit.name);
        text("given", &visit.given);
        text("family", &visit.family);
        text("phone", &visit.phone);
        text("email", &visit.email);
        text("practitioner", &visit.practitioner);
        text("location", &visit.location);
        text("visit_type", &visit.visit_type);
        text("bring", &visit.bring);
        put("patient", visit.patient.as_str());
        if let Some(day) = visit.birth_date {
            put("birth_date", &day.to_string());
        }
        let mut number = |name, value: Option<i64>| {
            if let Some(value) = value {
                put(name, &value.to_string());
            }
        };
        number("start", Some(self.start.as_ms()));
        number("minutes", visit.minutes);
        number("booked_at", self.booked_at.map(Instant::as_ms));
        number("cancelled_at", self.cancelled_at.map(Instant::as_ms));
        let mut word = |name, value: Option<&str>| {
            if let Some(value) = value {
                put(name, value);
            }
        };
        word("language", visit.language.map(kept_domain::Locale::as_str));
        word("status", status(visit).map(AppointmentStatus::as_str));
        word("cancelled_late", visit.cancelled_late.then_some("yes"));
        let yes_or_no = |yes| if yes { "yes" } else { "no" };
        word("consent", visit.consent_sms.map(yes_or_no));
        word("consent_email", visit.consent_email.map(yes_or_no));
    }

    /// The bytes that the content MAC covers, written over `out`.
    pub(super) fn canonical(&self, out: &mut Vec<u8>) {
        out.clear();
        self.each(|name, value| {
            // Lengths first, so that no value can pass for the end of another.
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value.len().to_string().as_bytes());
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        });
    }

    /// The same by field name.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::new();
        self.each(|name, value| {
            fields.insert(name.to_owned(), value.to_owned());
        });
        fields
    }
}

/// What a field is called where a person reads which ones changed.
pub(super) fn label(field: &str) -> &'static str {
    match field {
        "start" => "start",
        "location" => "location",
        "practitioner" => "practitioner",
        "visit_type" => "visit type",
        "minutes" => "length",
        "status" | "cancelled_at" | "cancelled_late" => "status",
        "name" | "given" | "family" => "name",
        "birth_date" => "birth date",
        "phone" => "phone",
        "email" => "email",
        "language" => "language",
        "consent" | "consent_email" => "consent",
        "patient" => "patient",
        "booked_at" => "booked",
        "bring" => "what to bring",
        _ => "id",
    }
}
