//! Links: made while a notice is armed or at the desk, found by the hash of what a browser sends, revoked.

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{AppointmentId, BlindIndex, Instant, LinkId, NoticeId, PatientId, PracticeId};
use uuid::Uuid;

/// A link to store.
#[derive(Debug, Clone)]
pub struct NewLink {
    /// Its id.
    pub id: LinkId,
    /// `SHA-256(auth)`.
    pub auth_hash: [u8; 32],
    /// The notice it travels in; none when made at the desk.
    pub notice: Option<NoticeId>,
    /// Civil time.
    pub created_at: Instant,
    /// Civil time from which on it opens nothing.
    pub expires_at: Instant,
    /// The visits it serves, at least one.
    pub visits: Vec<NewLinkVisit>,
}

/// One visit that a link serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLinkVisit {
    /// Which.
    pub appointment: AppointmentId,
    /// Whose.
    pub patient: PatientId,
    /// Revision of the appointment now.
    pub revision: i64,
    /// "Visit 1", "visit 2".
    pub ordinal: i64,
}

/// A stored link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLink {
    /// Its id.
    pub id: LinkId,
    /// The notice it travelled in.
    pub notice: Option<NoticeId>,
    /// Civil time from which on it opens nothing.
    pub expires_at: Instant,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Instant>,
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    id: Uuid,
    notice_id: Option<Uuid>,
    expires_at_ms: i64,
    revoked_at_ms: Option<i64>,
}

impl From<LinkRow> for StoredLink {
    fn from(row: LinkRow) -> Self {
        Self {
            id: row.id.into(),
            notice: row.notice_id.map(NoticeId::from_uuid),
            expires_at: Instant::from_ms(row.expires_at_ms),
            revoked_at: row.revoked_at_ms.map(Instant::from_ms),
        }
    }
}

impl Tx {
    /// Stores links and what they serve: two statements for any number.
    pub async fn insert_links(&mut self, practice: PracticeId, links: &[NewLink]) -> Result<(), StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("auth_hash", Kind::Bytes),
            ("notice_id", Kind::Uuid),
            ("created_at_ms", Kind::Int),
            ("expires_at_ms", Kind::Int),
        ]);
        let mut visits = Rows::new(&[
            ("link_id", Kind::Uuid),
            ("appointment_id", Kind::Uuid),
            ("patient_id", Kind::Uuid),
            ("revision", Kind::Int),
            ("ordinal", Kind::Int),
        ]);
        for link in links {
            rows.push()
                .uuid(link.id)
                .bytes(&link.auth_hash)
                .opt_uuid(link.notice.map(NoticeId::as_uuid))
                .int(link.created_at.as_ms())
                .int(link.expires_at.as_ms());
            for visit in &link.visits {
                visits
                    .push()
                    .uuid(link.id)
                    .uuid(visit.appointment)
                    .uuid(visit.patient)
                    .int(visit.revision)
                    .int(visit.ordinal);
            }
        }
        bulk!(
            self,
            "INSERT INTO links (practice_id, id, auth_hash, notice_id, created_at_ms, expires_at_ms)
             SELECT $2, id, auth_hash, notice_id, created_at_ms, expires_at_ms FROM {rows} AS r",
            rows,
            practice.as_uuid()
        )?;
        bulk!(
            self,
            "INSERT INTO link_visits (practice_id, link_id, appointment_id, patient_id, revision, ordinal)
             SELECT $2, link_id, appointment_id, patient_id, revision, ordinal FROM {rows} AS r",
            visits,
            practice.as_uuid()
        )?;
        Ok(())
    }

    /// The link whose `SHA-256(auth)` this is. Live or not: one statement, so that both take the same time.
    pub async fn link_by_auth(
        &mut self,
        practice: PracticeId,
        auth_hash: &[u8; 32],
    ) -> Result<Option<StoredLink>, StoreError> {
        let row = opt!(
            self,
            LinkRow,
            "SELECT id, notice_id, expires_at_ms, revoked_at_ms FROM links WHERE practice_id = $1 AND auth_hash = $2",
            practice.as_uuid(),
            auth_hash.as_slice()
        )?;
        Ok(row.map(StoredLink::from))
    }

    /// A link by its id.
    pub async fn link_by_id(&mut self, practice: PracticeId, link: LinkId) -> Result<Option<StoredLink>, StoreError> {
        let row = opt!(
            self,
            LinkRow,
            "SELECT id, notice_id, expires_at_ms, revoked_at_ms FROM links WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            link.as_uuid()
        )?;
        Ok(row.map(StoredLink::from))
    }

    /// Notes that somebody identified at a link, the first time.
    pub async fn note_link_opened(
        &mut self,
        practice: PracticeId,
        link: LinkId,
        at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE links SET opened_at_ms = $3 WHERE practice_id = $1 AND id = $2 AND opened_at_ms IS NULL",
            practice.as_uuid(),
            link.as_uuid(),
            at.as_ms()
        )?;
        Ok(())
    }

    /// Revokes one link. Says whether it was live.
    pub async fn revoke_link(
        &mut self,
        practice: PracticeId,
        link: LinkId,
        reason: &str,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let changed = run!(
            self,
            "UPDATE links SET revoked_at_ms = $3, revoked_for = $4
             WHERE practice_id = $1 AND id = $2 AND revoked_at_ms IS NULL",
            practice.as_uuid(),
            link.as_uuid(),
            at.as_ms(),
            reason
        )?;
        Ok(changed > 0)
    }

    /// Revokes the links of visits that were made for an older revision, after the visits moved. Says how many.
    pub async fn revoke_links_of_older_revisions(
        &mut self,
        practice: PracticeId,
        appointments: &[AppointmentId],
        reason: &str,
        at: Instant,
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE links SET revoked_at_ms = $3, revoked_for = $4
             WHERE revoked_at_ms IS NULL AND (practice_id, id) IN (
                 SELECT v.practice_id, v.link_id FROM {rows} AS r
                 JOIN link_visits v ON v.practice_id = {practice} AND v.appointment_id = r.id
                 JOIN appointments a ON a.practice_id = v.practice_id AND a.id = v.appointment_id AND a.revision > v.revision)",
            Rows::of_ids("id", appointments.iter().copied()),
            practice.as_uuid(),
            at.as_ms(),
            reason
        )
    }

    /// Revokes every live link of these visits. Says how many.
    pub async fn revoke_links_of_appointments(
        &mut self,
        practice: PracticeId,
        appointments: &[AppointmentId],
        reason: &str,
        at: Instant,
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE links SET revoked_at_ms = $3, revoked_for = $4
             WHERE revoked_at_ms IS NULL AND (practice_id, id) IN (
                 SELECT v.practice_id, v.link_id FROM {rows} AS r
                 JOIN link_visits v ON v.practice_id = {practice} AND v.appointment_id = r.id)",
            Rows::of_ids("id", appointments.iter().copied()),
            practice.as_uuid(),
            at.as_ms(),
            reason
        )
    }

    /// Revokes every live link that was sent to a number or address. Says how many.
    pub async fn revoke_links_of_contact(
        &mut self,
        practice: PracticeId,
        bix: BlindIndex,
        reason: &str,
        at: Instant,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE links SET revoked_at_ms = $3, revoked_for = $4
             WHERE practice_id = $1 AND revoked_at_ms IS NULL AND id IN (
                 SELECT link_id FROM notices WHERE practice_id = $1 AND bix = $2 AND link_id IS NOT NULL)",
            practice.as_uuid(),
            bix.0.as_slice(),
            at.as_ms(),
            reason
        )
    }

    /// The appointment as a new link needs it: whose it is, its revision, its start and its end.
    pub async fn appointment_for_link(
        &mut self,
        practice: PracticeId,
        appointment: AppointmentId,
    ) -> Result<Option<LinkTarget>, StoreError> {
        let row = opt!(
            self,
            TargetRow,
            "SELECT patient_id, revision, start_at_ms, end_at_ms FROM appointments WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            appointment.as_uuid()
        )?;
        Ok(row.map(|row| LinkTarget {
            patient: row.patient_id.into(),
            revision: row.revision,
            start_at: Instant::from_ms(row.start_at_ms),
            end_at: row.end_at_ms.map(Instant::from_ms),
        }))
    }
}

/// What a new link needs to know of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkTarget {
    /// Whose visit.
    pub patient: PatientId,
    /// Its revision.
    pub revision: i64,
    /// Its start.
    pub start_at: Instant,
    /// Its end, if the calendar tells.
    pub end_at: Option<Instant>,
}

#[derive(sqlx::FromRow)]
struct TargetRow {
    patient_id: Uuid,
    revision: i64,
    start_at_ms: i64,
    end_at_ms: Option<i64>,
}
