//! What the portal reads: the visits that a link serves.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{AppointmentCol, PatientCol};
use kept_domain::{
    Answer, AppointmentId, AppointmentStatus, Column, Instant, LinkId, Locale, LocationId, PatientId, PracticeId,
    PractitionerId, Salt, Sealed,
};
use uuid::Uuid;

/// A visit that a link serves, with what its page shows; private parts still sealed.
#[derive(Debug, Clone)]
pub struct PortalVisit {
    /// "Visit 1", "visit 2".
    pub ordinal: i64,
    /// Revision when the link was made.
    pub link_revision: i64,
    /// Which.
    pub appointment: AppointmentId,
    /// Revision now.
    pub revision: i64,
    /// Start.
    pub start_at: Instant,
    /// End, if the calendar tells.
    pub end_at: Option<Instant>,
    /// What the practice's books say.
    pub status: AppointmentStatus,
    /// Who called it off, if it is cancelled: `patient`, `practice` or `source`.
    pub cancelled_by: Option<String>,
    /// What the patient said.
    pub answer: Answer,
    /// Sealed; salt: the patient's; row: the appointment.
    pub private: Sealed<AppointmentCol>,
    /// Its `rev`.
    pub private_rev: i64,
    /// Whose visit.
    pub patient: PatientId,
    /// The patient's salt.
    pub salt: Salt,
    /// Sealed; salt: the patient's; row: the patient.
    pub patient_private: Sealed<PatientCol>,
    /// Its `rev`.
    pub patient_rev: i64,
    /// Whether a birth date is on record.
    pub has_birth_date: bool,
    /// The patient's language, if known.
    pub locale: Option<Locale>,
    /// Where.
    pub location: LocationId,
    /// With whom.
    pub practitioner: Option<PractitionerId>,
}

#[derive(sqlx::FromRow)]
struct VisitRow {
    ordinal: i64,
    link_revision: i64,
    id: Uuid,
    revision: i64,
    start_at_ms: i64,
    end_at_ms: Option<i64>,
    status: String,
    cancelled_by: Option<String>,
    answer: String,
    private: Vec<u8>,
    rev: i64,
    patient_id: Uuid,
    salt: Vec<u8>,
    patient_private: Vec<u8>,
    patient_rev: i64,
    has_birth_date: bool,
    locale: Option<String>,
    location_id: Uuid,
    practitioner_id: Option<Uuid>,
}

impl TryFrom<VisitRow> for PortalVisit {
    type Error = StoreError;

    fn try_from(row: VisitRow) -> Result<Self, StoreError> {
        let corrupt = |table, column| StoreError::Corrupt { table, column };
        Ok(Self {
            ordinal: row.ordinal,
            link_revision: row.link_revision,
            appointment: row.id.into(),
            revision: row.revision,
            start_at: Instant::from_ms(row.start_at_ms),
            end_at: row.end_at_ms.map(Instant::from_ms),
            status: row.status.parse().map_err(|_| corrupt("appointments", "status"))?,
            cancelled_by: row.cancelled_by,
            answer: row.answer.parse().map_err(|_| corrupt("appointments", "answer"))?,
            private: read(row.private),
            private_rev: row.rev,
            patient: row.patient_id.into(),
            salt: Salt::try_from(row.salt).map_err(|_| corrupt("patients", "salt"))?,
            patient_private: read(row.patient_private),
            patient_rev: row.patient_rev,
            has_birth_date: row.has_birth_date,
            locale: row.locale.map(|word| word.parse()).transpose().map_err(|_| corrupt("patients", "locale"))?,
            location: row.location_id.into(),
            practitioner: row.practitioner_id.map(PractitionerId::from_uuid),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the bytes were just read from this sealed column")]
fn read<C: Column>(bytes: Vec<u8>) -> Sealed<C> {
    Sealed::from_ciphertext(bytes)
}

impl Tx {
    /// The visits that a link serves, "visit 1" first.
    pub async fn portal_visits(&mut self, practice: PracticeId, link: LinkId) -> Result<Vec<PortalVisit>, StoreError> {
        let rows = all!(
            self,
            VisitRow,
            "SELECT v.ordinal, v.revision AS link_revision, a.id, a.revision, a.start_at_ms, a.end_at_ms, a.status,
                    a.cancelled_by, a.answer, a.private, a.rev, a.patient_id, p.salt, p.private AS patient_private,
                    p.rev AS patient_rev, p.has_birth_date, p.locale, a.location_id, a.practitioner_id
             FROM link_visits v
             JOIN appointments a ON a.practice_id = v.practice_id AND a.id = v.appointment_id
             JOIN patients p ON p.practice_id = a.practice_id AND p.id = a.patient_id
             WHERE v.practice_id = $1 AND v.link_id = $2
             ORDER BY v.ordinal",
            practice.as_uuid(),
            link.as_uuid()
        )?;
        rows.into_iter().map(PortalVisit::try_from).collect()
    }
}
