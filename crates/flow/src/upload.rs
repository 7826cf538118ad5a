//! A file from the front desk: kept sealed, matched, checked by a dry run, and imported when somebody says so.

use crate::audit::{Actor, AuditEntry, act};
use crate::board::Private;
use crate::consent::ConsentChoice;
use crate::intake::{FileLook, Forecast, ImportError, ImportOutcome, ImportRequest, Mapping};
use crate::{Flow, FlowError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kept_domain::private::UploadPrivate;
use kept_domain::{ImportId, PracticeId, StaffId, UploadId};
use kept_seal::Place;
use kept_store::{Scope, UploadRow, UploadState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Longest name of a file that is kept.
pub const MAX_FILE_NAME_CHARS: usize = 200;
/// Rows between two notes of progress.
const NOTE_EVERY: i64 = 1_000;

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadStage {
    /// Its columns are to be matched.
    Match,
    /// It can be checked and sent.
    Check,
    /// Rows are being written: so many of so many.
    Importing(i64, i64),
    /// Done.
    Done(ImportId),
    /// Not imported; a code says why.
    Failed(String),
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Which.
    pub id: UploadId,
    /// The file's name.
    pub file_name: Private,
    /// Where it stands.
    pub stage: UploadStage,
}

/// What a finished upload left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadResult {
    /// Counts as JSON (see `imports.counts`).
    pub counts: serde_json::Value,
    /// Rejected rows with their reasons, as CSV; empty: none.
    pub rejects_csv: Private,
}

impl Flow {
    /// Keeps a file. Nothing of it is read yet.
    pub async fn keep_upload(
        &self,
        practice: PracticeId,
        staff: StaffId,
        file_name: &str,
        content: &[u8],
    ) -> Result<UploadId, FlowError> {
        let open = self.practice(practice).await?;
        let id: UploadId = self.new_id();
        let plain = UploadPrivate {
            file_name: file_name.chars().take(MAX_FILE_NAME_CHARS).collect(),
            content: STANDARD.encode(content),
        };
        let private = open.keys.seal(&open.salt, Place::new(id, 1), &plain)?;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.insert_upload(practice, id, staff, &private, self.clock.wall()).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Where an upload stands.
    pub async fn upload(&self, practice: PracticeId, id: UploadId) -> Result<Upload, FlowError> {
        let (row, file) = self.open_upload(practice, id).await?;
        let stage = match (row.state.as_str(), &row.mapping, row.import_id) {
            ("done", _, Some(import)) => UploadStage::Done(import.into()),
            ("failed", ..) => UploadStage::Failed(row.problem.unwrap_or_default()),
            ("importing", ..) => UploadStage::Importing(row.progress, row.total),
            (_, Some(_), _) => UploadStage::Check,
            _ => UploadStage::Match,
        };
        Ok(Upload { id, file_name: Private(file.file_name), stage })
    }

    /// The file's columns as a page shows them. One audit entry says who looked.
    pub async fn upload_columns(
        &self,
        practice: PracticeId,
        staff: StaffId,
        id: UploadId,
    ) -> Result<FileLook, ImportError> {
        let look = self.look_at_upload(practice, id).await?;
        let entry = AuditEntry::new(act::UPLOAD_VIEWED, Actor::Staff(staff)).id("upload", id).word("page", "columns");
        self.note_view(practice, entry).await?;
        Ok(look)
    }

    /// The file's columns, with values, and what is remembered of files like it. For a page: [`Flow::upload_columns`].
    pub async fn look_at_upload(&self, practice: PracticeId, id: UploadId) -> Result<FileLook, ImportError> {
        let (_, file) = self.open_upload(practice, id).await?;
        self.look_at_file(practice, content(&file)?).await
    }

    /// Says how the file is read and what holds for its numbers.
    pub async fn match_upload(
        &self,
        practice: PracticeId,
        id: UploadId,
        mapping: &Mapping,
        consent: ConsentChoice,
    ) -> Result<bool, FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let set = tx.set_upload_mapping(practice, id, &mapping.to_toml(), consent.as_str()).await?;
        tx.commit().await?;
        Ok(set)
    }

    /// What was chosen for the file's numbers.
    pub async fn upload_consent(&self, practice: PracticeId, id: UploadId) -> Result<Option<ConsentChoice>, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let row = tx.upload(practice, id).await?.ok_or(FlowError::NotFound { what: "upload" })?;
        Ok(row.consent.as_deref().and_then(|word| word.parse().ok()))
    }

    /// What importing the file would do. Writes nothing.
    pub async fn check_upload(
        &self,
        practice: PracticeId,
        staff: StaffId,
        id: UploadId,
    ) -> Result<ImportOutcome, ImportError> {
        self.import_upload(practice, staff, id, true, None).await
    }

    /// What importing the file would do, and what it would have said. One audit entry says who looked; nothing else is
    /// written.
    pub async fn foretell_upload(
        &self,
        practice: PracticeId,
        staff: StaffId,
        id: UploadId,
    ) -> Result<(ImportOutcome, Forecast), ImportError> {
        let (row, file) = self.open_upload(practice, id).await?;
        let foretold = self.foretell(import_request(practice, staff, &row, &file)?).await?;
        let entry = AuditEntry::new(act::UPLOAD_VIEWED, Actor::Staff(staff)).id("upload", id).word("page", "check");
        self.note_view(practice, entry).await?;
        Ok(foretold)
    }

    /// Imports the file, noting progress. Runs to its end even if nobody waits: spawn it.
    pub async fn send_upload(&self, practice: PracticeId, staff: StaffId, id: UploadId) -> Result<(), FlowError> {
        if !self.note_upload(practice, id, "importing", (0, 0), None, None).await? {
            // Sent before: the second press of the button changes nothing.
            return Ok(());
        }
        let noted = Arc::new(AtomicI64::new(0));
        let progress = {
            let (flow, noted) = (self.clone(), Arc::clone(&noted));
            move |done: u64, total: u64| {
                let (done, total) = (rows(done), rows(total));
                if done - noted.load(Ordering::Relaxed) >= NOTE_EVERY {
                    noted.store(done, Ordering::Relaxed);
                    let flow = flow.clone();
                    tokio::spawn(async move {
                        let noted = flow.note_upload(practice, id, "importing", (done, total), None, None).await;
                        if let Err(error) = noted {
                            tracing::warn!(%error, "progress of an upload was not noted");
                        }
                    });
                }
            }
        };
        match self.import_upload(practice, staff, id, false, Some(&progress)).await {
            Ok(outcome) => {
                self.note_upload(practice, id, "done", (0, 0), outcome.import, None).await?;
            }
            Err(ImportError::File(error)) => {
                self.note_upload(practice, id, "failed", (0, 0), None, Some(error.code())).await?;
            }
            Err(ImportError::Flow(error)) => {
                tracing::error!(%error, "an upload was not imported to its end; sending it again finishes it");
                self.note_upload(practice, id, "failed", (0, 0), None, Some("interrupted")).await?;
            }
        }
        Ok(())
    }

    /// What a finished upload left.
    pub async fn upload_result(&self, practice: PracticeId, import: ImportId) -> Result<UploadResult, FlowError> {
        let open = self.practice(practice).await?;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let (counts, private, rev) =
            tx.import_result(practice, import).await?.ok_or(FlowError::NotFound { what: "import" })?;
        drop(tx);
        let private = open.keys.open(&open.salt, Place::new(import, rev), &private)?;
        let counts = serde_json::from_str(&counts)
            .map_err(|_| kept_store::StoreError::Corrupt { table: "imports", column: "counts" })?;
        Ok(UploadResult { counts, rejects_csv: Private(private.rejects_csv) })
    }

    /// The rejected rows of a finished upload, as a file to take away. One audit entry says who took it.
    pub async fn export_rejects(
        &self,
        practice: PracticeId,
        staff: StaffId,
        import: ImportId,
    ) -> Result<Private, FlowError> {
        let rows = self.upload_result(practice, import).await?.rejects_csv;
        let entry = AuditEntry::new(act::REJECTS_EXPORTED, Actor::Staff(staff)).id("import", import);
        self.note_view(practice, entry).await?;
        Ok(rows)
    }

    async fn open_upload(&self, practice: PracticeId, id: UploadId) -> Result<(UploadRow, UploadPrivate), FlowError> {
        let open = self.practice(practice).await?;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let row = tx.upload(practice, id).await?.ok_or(FlowError::NotFound { what: "upload" })?;
        drop(tx);
        let file = open.keys.open(&open.salt, Place::new(id, 1), &row.private)?;
        Ok((row, file))
    }

    async fn import_upload(
        &self,
        practice: PracticeId,
        staff: StaffId,
        id: UploadId,
        dry_run: bool,
        progress: Option<&(dyn Fn(u64, u64) + Send + Sync)>,
    ) -> Result<ImportOutcome, ImportError> {
        let (row, file) = self.open_upload(practice, id).await?;
        let request = ImportRequest { dry_run, progress, ..import_request(practice, staff, &row, &file)? };
        self.import(request).await
    }

    async fn note_upload(
        &self,
        practice: PracticeId,
        id: UploadId,
        state: &'static str,
        (progress, total): (i64, i64),
        import: Option<ImportId>,
        problem: Option<&'static str>,
    ) -> Result<bool, FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let state = UploadState { state, progress, total, import, problem };
        let set = tx.set_upload_state(practice, id, &state).await?;
        tx.commit().await?;
        Ok(set)
    }
}

/// The file as it is to be read: a dry run, until somebody says otherwise.
fn import_request<'a>(
    practice: PracticeId,
    staff: StaffId,
    row: &UploadRow,
    file: &'a UploadPrivate,
) -> Result<ImportRequest<'a>, ImportError> {
    let mapping = row.mapping.as_deref().map(Mapping::parse).transpose().map_err(crate::intake::FileError::from)?;
    Ok(ImportRequest {
        practice,
        file_name: &file.file_name,
        content: content(file)?,
        mapping,
        consent: row.consent.as_deref().and_then(|word| word.parse().ok()),
        staff: Some(staff),
        dry_run: true,
        progress: None,
    })
}

fn content(file: &UploadPrivate) -> Result<Vec<u8>, FlowError> {
    STANDARD
        .decode(&file.content)
        .map_err(|_| kept_store::StoreError::Corrupt { table: "uploads", column: "private" }.into())
}

fn rows(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
