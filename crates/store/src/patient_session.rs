//! Sessions of identified patients, remembered devices, and forms that were sent.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{Instant, LinkId, PatientId, PracticeId, SessionId};
use uuid::Uuid;

/// A patient's session, from level 1 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientSession {
    /// Its id.
    pub id: SessionId,
    /// The link it began with; it sees that link's visits only.
    pub link: LinkId,
    /// Who identified.
    pub patient: PatientId,
    /// Wall time of the last page.
    pub seen_at: Instant,
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: Uuid,
    link_id: Uuid,
    patient_id: Uuid,
    seen_at_ms: i64,
}

impl Tx {
    /// Begins a session.
    pub async fn insert_patient_session(
        &mut self,
        practice: PracticeId,
        session: &PatientSession,
        token_hash: &[u8; 32],
    ) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO patient_sessions (practice_id, id, token_hash, link_id, patient_id, created_at_ms, seen_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $6)",
            practice.as_uuid(),
            session.id.as_uuid(),
            token_hash.as_slice(),
            session.link.as_uuid(),
            session.patient.as_uuid(),
            session.seen_at.as_ms()
        )?;
        Ok(())
    }

    /// The session of a token, if it has not ended. How old it may be is the caller's rule.
    pub async fn patient_session(
        &mut self,
        practice: PracticeId,
        token_hash: &[u8; 32],
    ) -> Result<Option<PatientSession>, StoreError> {
        let row = opt!(
            self,
            SessionRow,
            "SELECT id, link_id, patient_id, seen_at_ms FROM patient_sessions
             WHERE practice_id = $1 AND token_hash = $2 AND ended_at_ms IS NULL",
            practice.as_uuid(),
            token_hash.as_slice()
        )?;
        Ok(row.map(|row| PatientSession {
            id: row.id.into(),
            link: row.link_id.into(),
            patient: row.patient_id.into(),
            seen_at: Instant::from_ms(row.seen_at_ms),
        }))
    }

    /// Notes that a session was used. Never moves backwards.
    pub async fn touch_patient_session(
        &mut self,
        practice: PracticeId,
        session: SessionId,
        at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE patient_sessions SET seen_at_ms = $3 WHERE practice_id = $1 AND id = $2 AND seen_at_ms < $3",
            practice.as_uuid(),
            session.as_uuid(),
            at.as_ms()
        )?;
        Ok(())
    }

    /// Ends a session.
    pub async fn end_patient_session(
        &mut self,
        practice: PracticeId,
        session: SessionId,
        at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE patient_sessions SET ended_at_ms = $3 WHERE practice_id = $1 AND id = $2 AND ended_at_ms IS NULL",
            practice.as_uuid(),
            session.as_uuid(),
            at.as_ms()
        )?;
        Ok(())
    }

    /// Remembers a device for a patient, or for longer if it is remembered already.
    pub async fn remember_device(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        token_hash: &[u8; 32],
        expires_at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO patient_devices (practice_id, patient_id, token_hash, expires_at_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (practice_id, patient_id, token_hash) DO UPDATE SET expires_at_ms = excluded.expires_at_ms",
            practice.as_uuid(),
            patient.as_uuid(),
            token_hash.as_slice(),
            expires_at.as_ms()
        )?;
        Ok(())
    }

    /// Whether a device is remembered for a patient at `now` (wall).
    pub async fn device_is_remembered(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        token_hash: &[u8; 32],
        now: Instant,
    ) -> Result<bool, StoreError> {
        let found = scalar!(
            self,
            i64,
            "SELECT COUNT(*) FROM patient_devices
             WHERE practice_id = $1 AND patient_id = $2 AND token_hash = $3 AND expires_at_ms > $4",
            practice.as_uuid(),
            patient.as_uuid(),
            token_hash.as_slice(),
            now.as_ms()
        )?;
        Ok(found > 0)
    }

    /// Uses up a form's nonce. False if it was used before.
    pub async fn use_nonce(
        &mut self,
        practice: PracticeId,
        nonce_hash: &[u8; 32],
        expires_at: Instant,
    ) -> Result<bool, StoreError> {
        let added = run!(
            self,
            "INSERT INTO used_nonces (practice_id, nonce_hash, expires_at_ms) VALUES ($1, $2, $3)
             ON CONFLICT (practice_id, nonce_hash) DO NOTHING",
            practice.as_uuid(),
            nonce_hash.as_slice(),
            expires_at.as_ms()
        )?;
        Ok(added == 1)
    }
}
