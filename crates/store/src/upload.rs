//! Files between "Check" and "Send".

use crate::error::StoreError;
use crate::sealed;
use crate::tx::Tx;
use kept_domain::private::{ImportCol, UploadCol, UploadMappingCol};
use kept_domain::{ImportId, Instant, LeaseToken, PracticeId, Sealed, StaffId, UploadId};
use sqlx::FromRow;
use uuid::Uuid;

/// An uploaded file.
#[derive(Debug, Clone, FromRow)]
pub struct UploadRow {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: UploadId,
    /// The file, sealed under the practice's salt with `rev` 1.
    #[sqlx(try_from = "Vec<u8>")]
    pub private: Sealed<UploadCol>,
    /// How its columns are read, sealed with `mapping_rev`; none: not matched yet.
    pub mapping: Option<Vec<u8>>,
    /// How often that was said.
    pub mapping_rev: i64,
    /// What holds for numbers the file says nothing of.
    pub consent: Option<String>,
    /// `uploaded`, `importing`, `done`, `failed`.
    pub state: String,
    /// Rows handled.
    pub progress: i64,
    /// Rows in all.
    pub total: i64,
    /// The finished import.
    pub import_id: Option<Uuid>,
    /// What went wrong: a code.
    pub problem: Option<String>,
    /// Up to when whoever imports it is thought alive (wall).
    pub lease_until_ms: Option<i64>,
}

impl UploadRow {
    /// How its columns are read, if that was said.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no sealed value: it must not pass for one that was never said.
    pub fn sealed_mapping(&self) -> Result<Option<Sealed<UploadMappingCol>>, StoreError> {
        sealed::optional(self.mapping.as_deref())
    }
}

/// What importing an upload came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadEnd {
    /// It is in.
    Done(ImportId),
    /// It is not: a code.
    Failed(&'static str),
}

impl Tx {
    /// Keeps a file until somebody sends it.
    pub async fn insert_upload(
        &mut self,
        practice: PracticeId,
        id: UploadId,
        staff: StaffId,
        private: &Sealed<UploadCol>,
        now: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO uploads (practice_id, id, staff_id, private, rev, state, created_at_ms)
             VALUES ($1, $2, $3, $4, 1, 'uploaded', $5)",
            practice.as_uuid(),
            id.as_uuid(),
            staff.as_uuid(),
            private.as_ciphertext(),
            now.as_ms()
        )?;
        Ok(())
    }

    /// A file and where it stands.
    pub async fn upload(&mut self, practice: PracticeId, id: UploadId) -> Result<Option<UploadRow>, StoreError> {
        opt!(
            self,
            UploadRow,
            "SELECT id, private, mapping, mapping_rev, consent, state, progress, total, import_id, problem, lease_until_ms
             FROM uploads WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            id.as_uuid()
        )
    }

    /// Says how a file is read, also after it could not be imported. `rev` is one more than the row has. Without effect where somebody
    /// else said it meanwhile, while somebody imports it, or once it is in.
    pub async fn set_upload_mapping(
        &mut self,
        practice: PracticeId,
        id: UploadId,
        (mapping, rev): (&Sealed<UploadMappingCol>, i64),
        consent: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let set = run!(
            self,
            "UPDATE uploads SET mapping = $3, mapping_rev = $6, consent = $4, state = 'uploaded', problem = NULL,
                 lease_token = NULL, lease_until_ms = NULL
             WHERE practice_id = $1 AND id = $2 AND mapping_rev = $6 - 1 AND (state IN ('uploaded', 'failed')
                 OR (state = 'importing' AND COALESCE(lease_until_ms, 0) <= $5))",
            practice.as_uuid(),
            id.as_uuid(),
            mapping.as_ciphertext(),
            consent,
            now.as_ms(),
            rev
        )?;
        Ok(set == 1)
    }

    /// Takes a file to import it, for one of all that ask: not while another's lease runs, and not once it is in.
    pub async fn claim_upload(
        &mut self,
        practice: PracticeId,
        id: UploadId,
        token: LeaseToken,
        until: Instant,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let set = run!(
            self,
            "UPDATE uploads SET state = 'importing', progress = 0, total = 0, problem = NULL,
                 lease_token = $3, lease_until_ms = $4
             WHERE practice_id = $1 AND id = $2 AND (state IN ('uploaded', 'failed')
                 OR (state = 'importing' AND COALESCE(lease_until_ms, 0) <= $5))",
            practice.as_uuid(),
            id.as_uuid(),
            token.as_uuid(),
            until.as_ms(),
            now.as_ms()
        )?;
        Ok(set == 1)
    }

    /// Notes how far an import is, and lengthens its lease. False: it is no longer the caller's.
    pub async fn note_upload(
        &mut self,
        practice: PracticeId,
        id: UploadId,
        token: LeaseToken,
        (progress, total): (i64, i64),
        until: Instant,
    ) -> Result<bool, StoreError> {
        let set = run!(
            self,
            "UPDATE uploads SET progress = $4, total = $5, lease_until_ms = $6
             WHERE practice_id = $1 AND id = $2 AND state = 'importing' AND lease_token = $3",
            practice.as_uuid(),
            id.as_uuid(),
            token.as_uuid(),
            progress,
            total,
            until.as_ms()
        )?;
        Ok(set == 1)
    }

    /// Records what an import came to. False: it is no longer the caller's.
    pub async fn end_upload(
        &mut self,
        practice: PracticeId,
        id: UploadId,
        token: LeaseToken,
        end: UploadEnd,
    ) -> Result<bool, StoreError> {
        let (state, import, problem) = match end {
            UploadEnd::Done(import) => ("done", Some(import.as_uuid()), None),
            UploadEnd::Failed(code) => ("failed", None, Some(code)),
        };
        let set = run!(
            self,
            "UPDATE uploads SET state = $4, import_id = COALESCE($5, import_id), problem = $6,
                 lease_token = NULL, lease_until_ms = NULL
             WHERE practice_id = $1 AND id = $2 AND state = 'importing' AND lease_token = $3",
            practice.as_uuid(),
            id.as_uuid(),
            token.as_uuid(),
            state,
            import,
            problem
        )?;
        Ok(set == 1)
    }

    /// What an import left for the desk: counts as JSON, and the sealed rejects with what they are bound to.
    pub async fn import_result(
        &mut self,
        practice: PracticeId,
        id: ImportId,
    ) -> Result<Option<(String, Sealed<ImportCol>, i64)>, StoreError> {
        let row = opt!(
            self,
            (String, Vec<u8>, i64),
            "SELECT counts, private, rev FROM imports WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            id.as_uuid()
        )?;
        row.map(|(counts, private, rev)| {
            let private =
                Sealed::try_from(private).map_err(|_| StoreError::Corrupt { table: "imports", column: "private" })?;
            Ok((counts, private, rev))
        })
        .transpose()
    }
}
