//! Erasing a patient: what stands in the way, and what goes.
//!
//! What is left is what reports count: visits with their times, places and outcomes, answers without words, messages without
//! texts. The ledger of consent and the rows that prove how it was kept stay whole: an opt-out binds whoever has the number next.

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{AppointmentCol, ImportCol, InboundCol, PatientCol};
use kept_domain::{AppointmentId, BlindIndex, ContentMac, ImportId, Instant, PatientId, PracticeId, Salt, Sealed};
use sqlx::FromRow;
use uuid::Uuid;

/// A patient, and what stands in the way of erasing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Erasable {
    /// Who.
    #[sqlx(rename = "id", try_from = "Uuid")]
    pub patient: PatientId,
    /// How often their private value was written.
    pub rev: i64,
    /// Visits, past and to come.
    pub visits: i64,
    /// Visits to come that are expected.
    pub to_come: i64,
    /// Messages to them that wait, are on their way, or whose fate is unknown.
    pub open_messages: i64,
}

/// A private value that goes, by its row.
#[derive(Debug, Clone)]
pub struct ErasedCell<C: kept_domain::Column> {
    /// The row.
    pub row: Uuid,
    /// One more than the row had.
    pub rev: i64,
    /// What stands there from now on: a value that says nothing.
    pub cell: Sealed<C>,
}

/// What stands in a patient's row from now on.
#[derive(Debug)]
pub struct ErasedPatient {
    /// Who.
    pub patient: PatientId,
    /// One more than the row had.
    pub rev: i64,
    /// A value that says nothing, under the new salt.
    pub private: Sealed<PatientCol>,
    /// Replaces the one that everything of theirs was sealed under.
    pub salt: Salt,
    /// Of no content.
    pub content_mac: ContentMac,
    /// Of no id: no file finds this patient again.
    pub key: BlindIndex,
    /// When (wall).
    pub at: Instant,
}

/// The messages that were made for a patient: to a number of theirs, or about a visit of theirs. `$1` practice, `$2` patient.
macro_rules! of_patient {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "SELECT n.id FROM contact_points c
                 {then} JOIN notices n ON n.practice_id = c.practice_id AND n.bix = c.bix AND n.contact_point_id = c.id
                 WHERE c.practice_id = $1 AND c.patient_id = $2
             UNION SELECT r.notice_id FROM appointments a
                 {then} JOIN reminders r ON r.practice_id = a.practice_id AND r.appointment_id = a.id
                 WHERE a.practice_id = $1 AND a.patient_id = $2 AND r.notice_id IS NOT NULL",
            $after
        )
    };
}

impl Tx {
    /// The patient of a visit, locked, and what stands in the way of erasing them. `now` is civil.
    pub async fn erasable(
        &mut self,
        practice: PracticeId,
        appointment: AppointmentId,
        now: Instant,
    ) -> Result<Option<Erasable>, StoreError> {
        let Some((patient,)) = opt!(
            self,
            (Uuid,),
            "SELECT p.id FROM patients p WHERE p.practice_id = $1 AND p.id = (
                 SELECT a.patient_id FROM appointments a WHERE a.practice_id = $1 AND a.id = $2) {wait_lock}",
            practice.as_uuid(),
            appointment.as_uuid()
        )?
        else {
            return Ok(None);
        };
        opt!(
            self,
            Erasable,
            of_patient!(
                "SELECT p.id, p.rev,
                     (SELECT COUNT(*) FROM appointments v WHERE v.practice_id = $1 AND v.patient_id = $2) AS visits,
                     (SELECT COUNT(*) FROM appointments v WHERE v.practice_id = $1 AND v.patient_id = $2 AND v.start_at_ms >= $3
                         AND v.status IN ('proposed', 'pending', 'booked')) AS to_come,
                     (SELECT COUNT(*) FROM notices m WHERE m.practice_id = $1 AND m.state IN ('planned', 'claimed', 'armed', 'uncertain')
                         AND m.id IN (",
                ")) AS open_messages
                 FROM patients p WHERE p.practice_id = $1 AND p.id = $2"
            ),
            practice.as_uuid(),
            patient,
            now.as_ms()
        )
    }

    /// A patient's visits, each with the revision of its private value.
    pub async fn erasable_visits(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
    ) -> Result<Vec<(Uuid, i64)>, StoreError> {
        all!(
            self,
            (Uuid, i64),
            "SELECT id, rev FROM appointments WHERE practice_id = $1 AND patient_id = $2 ORDER BY id",
            practice.as_uuid(),
            patient.as_uuid()
        )
    }

    /// The texts that came from a patient's numbers, each with its revision; not from a number that another patient has too.
    pub async fn erasable_texts(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
    ) -> Result<Vec<(Uuid, i64)>, StoreError> {
        all!(
            self,
            (Uuid, i64),
            "SELECT i.id, i.rev FROM contact_points c {then} JOIN inbound i ON i.practice_id = c.practice_id AND i.bix = c.bix
             WHERE c.practice_id = $1 AND c.patient_id = $2 AND NOT EXISTS (
                 SELECT 1 FROM contact_points o WHERE o.practice_id = c.practice_id AND o.bix = c.bix AND o.patient_id <> $2)
             ORDER BY i.id",
            practice.as_uuid(),
            patient.as_uuid()
        )
    }

    /// What uploads left behind for the desk, after one: with its revision, at most `limit`. [`Uuid::nil`] begins.
    pub async fn left_behind(
        &mut self,
        practice: PracticeId,
        after: ImportId,
        limit: i64,
    ) -> Result<Vec<(ImportId, i64, Sealed<ImportCol>)>, StoreError> {
        #[derive(FromRow)]
        struct Left {
            id: Uuid,
            rev: i64,
            #[sqlx(try_from = "Vec<u8>")]
            private: Sealed<ImportCol>,
        }
        let rows = all!(
            self,
            Left,
            "SELECT id, rev, private FROM imports WHERE practice_id = $1 AND id > $2 ORDER BY id LIMIT $3",
            practice.as_uuid(),
            after.as_uuid(),
            limit
        )?;
        Ok(rows.into_iter().map(|row| (row.id.into(), row.rev, row.private)).collect())
    }

    /// Writes what stands where visits told something.
    pub async fn erase_visits(
        &mut self,
        practice: PracticeId,
        cells: &[ErasedCell<AppointmentCol>],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE appointments SET private = r.cell, rev = r.rev FROM {rows} AS r
             WHERE appointments.practice_id = {practice} AND appointments.id = r.id",
            rows(cells),
            practice.as_uuid()
        )
    }

    /// Writes what stands where texts said something, and closes the tasks about them.
    pub async fn erase_texts(
        &mut self,
        practice: PracticeId,
        cells: &[ErasedCell<InboundCol>],
        at: Instant,
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE tasks SET state = 'done', done_at_ms = $3 WHERE state = 'open' AND (practice_id, subject_id) IN (
                 SELECT {practice}, r.id FROM {rows} AS r)",
            rows(cells),
            practice.as_uuid(),
            at.as_ms()
        )?;
        bulk!(
            self,
            "UPDATE inbound SET private = r.cell, rev = r.rev FROM {rows} AS r
             WHERE inbound.practice_id = {practice} AND inbound.id = r.id",
            rows(cells),
            practice.as_uuid()
        )
    }

    /// Writes what stands where uploads left rows behind.
    pub async fn erase_rejects(
        &mut self,
        practice: PracticeId,
        cells: &[ErasedCell<ImportCol>],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE imports SET private = r.cell, rev = r.rev FROM {rows} AS r
             WHERE imports.practice_id = {practice} AND imports.id = r.id",
            rows(cells),
            practice.as_uuid()
        )
    }

    /// Empties the texts of the messages that were made for a patient, and their links. Says how many. Before
    /// [`Tx::erase_patient`]: their numbers lead there.
    pub async fn erase_messages(&mut self, practice: PracticeId, patient: PatientId) -> Result<u64, StoreError> {
        run!(
            self,
            of_patient!("UPDATE notices SET body = NULL, link_secret = NULL WHERE practice_id = $1 AND id IN (", ")"),
            practice.as_uuid(),
            patient.as_uuid()
        )
    }

    /// Replaces a patient's salt and value, and deletes their numbers, words, sessions and devices, and what calendars said.
    pub async fn erase_patient(&mut self, practice: PracticeId, erased: &ErasedPatient) -> Result<(), StoreError> {
        let (practice, patient) = (practice.as_uuid(), erased.patient.as_uuid());
        run!(
            self,
            "UPDATE patients SET private = $3, rev = $4, salt = $5, content_mac = $6, key_bix = $7, provisional = TRUE,
                 has_birth_date = FALSE, locale = NULL, locale_own = FALSE, time_zone = NULL, channel = NULL, erased_at_ms = $8
             WHERE practice_id = $1 AND id = $2",
            practice,
            patient,
            erased.private.as_ciphertext(),
            erased.rev,
            &erased.salt.0[..],
            &erased.content_mac.0[..],
            &erased.key.0[..],
            erased.at.as_ms()
        )?;
        run!(
            self,
            "UPDATE tasks SET state = 'done', done_at_ms = $3 WHERE practice_id = $1 AND state = 'open' AND appointment_id IN (
                 SELECT id FROM appointments WHERE practice_id = $1 AND patient_id = $2)",
            practice,
            patient,
            erased.at.as_ms()
        )?;
        run!(
            self,
            "UPDATE links SET revoked_at_ms = $3, revoked_for = 'erased' WHERE practice_id = $1 AND revoked_at_ms IS NULL AND id IN (
                 SELECT v.link_id FROM appointments a
                 {then} JOIN link_visits v ON v.practice_id = a.practice_id AND v.appointment_id = a.id
                 WHERE a.practice_id = $1 AND a.patient_id = $2)",
            practice,
            patient,
            erased.at.as_ms()
        )?;
        for statement in TRACES {
            run!(self, statement, practice, patient)?;
        }
        Ok(())
    }
}

/// What is deleted, or emptied, with a patient. `$1` practice, `$2` patient.
const TRACES: [&str; 7] = [
    "UPDATE answers SET private = NULL WHERE practice_id = $1 AND private IS NOT NULL AND appointment_id IN (
         SELECT id FROM appointments WHERE practice_id = $1 AND patient_id = $2)",
    "DELETE FROM requests WHERE practice_id = $1 AND appointment_id IN (
         SELECT id FROM appointments WHERE practice_id = $1 AND patient_id = $2) AND patient_id = $2",
    "DELETE FROM source_rows WHERE practice_id = $1 AND appointment_id IN (
         SELECT id FROM appointments WHERE practice_id = $1 AND patient_id = $2)",
    "DELETE FROM contact_points WHERE practice_id = $1 AND patient_id = $2",
    "DELETE FROM patient_sessions WHERE practice_id = $1 AND patient_id = $2",
    "DELETE FROM patient_devices WHERE practice_id = $1 AND patient_id = $2",
    "DELETE FROM patient_guards WHERE practice_id = $1 AND patient_id = $2",
];

fn rows<C: kept_domain::Column>(cells: &[ErasedCell<C>]) -> Rows {
    let mut rows = Rows::new(&[("id", Kind::Uuid), ("rev", Kind::Int), ("cell", Kind::Bytes)]);
    for cell in cells {
        rows.push().uuid(cell.row).int(cell.rev).bytes(cell.cell.as_ciphertext());
    }
    rows
}
