//! Files between "Check" and "Send".

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{ImportCol, UploadCol};
use kept_domain::{ImportId, Instant, PracticeId, Sealed, StaffId, UploadId};
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
    /// How its columns are read, TOML; none: not matched yet.
    pub mapping: Option<String>,
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
}

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadState {
    /// `importing`, `done`, `failed`.
    pub state: &'static str,
    /// Rows handled.
    pub progress: i64,
    /// Rows in all.
    pub total: i64,
    /// The finished import.
    pub import: Option<ImportId>,
    /// What went wrong: a code.
    pub problem: Option<&'static str>,
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
            "SELECT id, private, mapping, consent, state, progress, total, import_id, problem FROM uploads
             WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            id.as_uuid()
        )
    }

    /// Says how a file is read. Without effect once it is being imported.
    pub async fn set_upload_mapping(
        &mut self,
        practice: PracticeId,
        id: UploadId,
        mapping: &str,
        consent: &str,
    ) -> Result<bool, StoreError> {
        let set = run!(
            self,
            "UPDATE uploads SET mapping = $3, consent = $4 WHERE practice_id = $1 AND id = $2 AND state = 'uploaded'",
            practice.as_uuid(),
            id.as_uuid(),
            mapping,
            consent
        )?;
        Ok(set == 1)
    }

    /// Moves a file on.
    pub async fn set_upload_state(
        &mut self,
        practice: PracticeId,
        id: UploadId,
        state: &UploadState,
    ) -> Result<bool, StoreError> {
        let set = run!(
            self,
            "UPDATE uploads SET state = $3, progress = $4, total = $5, import_id = COALESCE($6, import_id), problem = $7
             WHERE practice_id = $1 AND id = $2 AND state <> 'done'",
            practice.as_uuid(),
            id.as_uuid(),
            state.state,
            state.progress,
            state.total,
            state.import.map(ImportId::as_uuid),
            state.problem
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
