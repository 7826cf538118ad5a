//! What patients wish: their language, the channel they are reached on, silence about single visits.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{AppointmentId, Channel, Instant, Locale, PatientId, PracticeId};
use uuid::Uuid;

/// What a patient wishes, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPreference {
    /// Language they are addressed in; none: the practice's.
    pub locale: Option<Locale>,
    /// They chose it themselves: calendars no longer change it.
    pub locale_own: bool,
    /// Channel they want to be reached on; none: no wish.
    pub channel: Option<Channel>,
    /// There is a number to use.
    pub has_sms: bool,
    /// There is an address to use.
    pub has_email: bool,
}

#[derive(sqlx::FromRow)]
struct PreferenceRow {
    locale: Option<String>,
    locale_own: bool,
    channel: Option<String>,
    has_sms: bool,
    has_email: bool,
}

impl Tx {
    /// What a patient wishes; none when there is no such patient.
    pub async fn patient_preference(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
    ) -> Result<Option<StoredPreference>, StoreError> {
        let row = opt!(
            self,
            PreferenceRow,
            "SELECT p.locale, p.locale_own, p.channel,
                 EXISTS (SELECT 1 FROM contact_points AS c WHERE c.practice_id = p.practice_id AND c.patient_id = p.id
                     AND c.channel = 'sms' AND c.position = 0) AS has_sms,
                 EXISTS (SELECT 1 FROM contact_points AS c WHERE c.practice_id = p.practice_id AND c.patient_id = p.id
                     AND c.channel = 'email' AND c.position = 0) AS has_email
             FROM patients AS p WHERE p.practice_id = $1 AND p.id = $2",
            practice.as_uuid(),
            patient.as_uuid()
        )?;
        let Some(row) = row else { return Ok(None) };
        let corrupt = |column| StoreError::Corrupt { table: "patients", column };
        Ok(Some(StoredPreference {
            locale: row.locale.map(|word| word.parse()).transpose().map_err(|_| corrupt("locale"))?,
            locale_own: row.locale_own,
            channel: row.channel.map(|word| word.parse()).transpose().map_err(|_| corrupt("channel"))?,
            has_sms: row.has_sms,
            has_email: row.has_email,
        }))
    }

    /// Writes the language that a patient chose; calendars do not change it any more. Returns 0 when there is no such patient.
    pub async fn set_patient_locale(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        locale: Locale,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE patients SET locale = $3, locale_own = TRUE WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            patient.as_uuid(),
            locale.as_str()
        )
    }

    /// Writes the channel that a patient chose, or that they have no wish. Returns 0 when there is no such patient.
    pub async fn set_patient_channel(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        channel: Option<Channel>,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE patients SET channel = $3 WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            patient.as_uuid(),
            channel.map(Channel::as_str)
        )
    }

    /// Says nothing more about one visit of a patient, or does again, and marks it for planning. Returns 0 when it stood so
    /// already or is not this patient's.
    pub async fn set_visit_muted(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        appointment: AppointmentId,
        muted: bool,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE appointments SET muted = $4, plan_due = TRUE
             WHERE practice_id = $1 AND patient_id = $2 AND id = $3 AND muted <> $4",
            practice.as_uuid(),
            patient.as_uuid(),
            appointment.as_uuid(),
            muted
        )
    }

    /// The visits of a patient from `from` on about which nothing more is said, by start.
    pub async fn muted_visits(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        from: Instant,
    ) -> Result<Vec<AppointmentId>, StoreError> {
        let rows = all!(
            self,
            (Uuid,),
            "SELECT id FROM appointments WHERE practice_id = $1 AND patient_id = $2 AND start_at_ms >= $3 AND muted
             ORDER BY start_at_ms, id",
            practice.as_uuid(),
            patient.as_uuid(),
            from.as_ms()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Marks the visits of a patient from `from` on to be planned again. Returns how many.
    pub async fn replan_patient(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        from: Instant,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE appointments SET plan_due = TRUE WHERE practice_id = $1 AND patient_id = $2 AND start_at_ms >= $3",
            practice.as_uuid(),
            patient.as_uuid(),
            from.as_ms()
        )
    }
}
