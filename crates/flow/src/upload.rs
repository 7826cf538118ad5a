//! A file from the front desk: kept sealed, matched, checked by a dry run, and imported when somebody says so.

use crate::audit::{Actor, AuditEntry, act};
use crate::board::Private;
use crate::consent::ConsentChoice;
use crate::intake::{FileLook, Forecast, ImportError, ImportOutcome, ImportRequest, Mapping, RejectWords, limits};
use crate::{Flow, FlowError, OpenPractice};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kept_domain::private::{UploadMappingPrivate, UploadPrivate};
use kept_domain::{AppointmentStatus, ImportId, LeaseToken, PracticeId, StaffId, UploadId};
use kept_seal::Place;
use kept_store::{Scope, UploadEnd, UploadRow};
use std::sync::atomic::{AtomicI64, Ordering};

/// Longest name of a file that is kept.
pub const MAX_FILE_NAME_CHARS: usize = 200;
/// Longest word of a status that can be given a meaning.
pub const MAX_STATUS_CHARS: usize = 60;
/// How long an import is thought alive after it was last heard of (wall clock).
pub const LEASE: chrono::Duration = chrono::Duration::seconds(60);
/// How often it is heard of: as often as the page looks.
const NOTE_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
/// What is said of an import that did not come to its end, whether it failed or its process died.
const INTERRUPTED: &str = "interrupted";

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

/// What a person chose for an upload beside its columns.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadChoices {
    /// What holds for its numbers.
    pub consent: Option<ConsentChoice>,
    /// Their words for a status, with the meaning that was given to them.
    pub status_words: Vec<(String, AppointmentStatus)>,
}

impl std::fmt::Debug for UploadChoices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UploadChoices({:?}, {} words)", self.consent, self.status_words.len())
    }
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
            // Whoever imported it is gone.
            ("importing", ..) if row.lease_until_ms.is_none_or(|until| until <= self.clock.wall().as_ms()) => {
                UploadStage::Failed(INTERRUPTED.to_owned())
            }
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

    /// Says how the file is read and what holds for its numbers, also after it could not be imported. False: it is being
    /// imported, or in.
    pub async fn match_upload(
        &self,
        practice: PracticeId,
        id: UploadId,
        mapping: &Mapping,
        consent: ConsentChoice,
    ) -> Result<bool, FlowError> {
        self.write_mapping(practice, id, |_, _| Some((mapping.to_toml(), consent))).await
    }

    /// What a person chose for the file beside its columns.
    pub async fn upload_choices(&self, practice: PracticeId, id: UploadId) -> Result<UploadChoices, FlowError> {
        let open = self.practice(practice).await?;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let row = tx.upload(practice, id).await?.ok_or(FlowError::NotFound { what: "upload" })?;
        drop(tx);
        let mapping = mapping_of(&open, &row)?.and_then(|mapping| Mapping::parse(&mapping).ok());
        let words = mapping.iter().flat_map(Mapping::status_words);
        Ok(UploadChoices {
            consent: consent_of(&row),
            status_words: words.map(|(word, status)| (word.to_owned(), status)).collect(),
        })
    }

    /// Says what words of the file's column of statuses mean. They are kept with the mapping; longer ones, which are no statuses, are
    /// left out. False: its columns are not matched, or it is being imported, or in.
    pub async fn explain_upload(
        &self,
        practice: PracticeId,
        id: UploadId,
        words: impl IntoIterator<Item = (String, AppointmentStatus)>,
    ) -> Result<bool, FlowError> {
        let short: Vec<_> = words.into_iter().filter(|(word, _)| word.chars().count() <= MAX_STATUS_CHARS).collect();
        self.write_mapping(practice, id, |mapping, consent| {
            let mapping = Mapping::parse(mapping?).ok()?.with_status_words(short.clone()).to_toml();
            (mapping.len() <= limits::MAX_MAPPING_BYTES).then_some((mapping, consent?))
        })
        .await
    }

    /// Replaces the mapping and the consent choice of an upload by what `change` makes of them. False: it makes nothing of them, or
    /// the upload is being imported, or in.
    async fn write_mapping(
        &self,
        practice: PracticeId,
        id: UploadId,
        change: impl Fn(Option<&str>, Option<ConsentChoice>) -> Option<(String, ConsentChoice)>,
    ) -> Result<bool, FlowError> {
        let open = self.practice(practice).await?;
        loop {
            let mut tx = self.store.begin(Scope::Practice(practice)).await?;
            let row = tx.upload(practice, id).await?.ok_or(FlowError::NotFound { what: "upload" })?;
            let was = mapping_of(&open, &row)?;
            let Some((mapping, consent)) = change(was.as_deref(), consent_of(&row)) else { return Ok(false) };
            let rev = row.mapping_rev + 1;
            let sealed = open.keys.seal(&open.salt, Place::new(id, rev), &UploadMappingPrivate { mapping })?;
            let (consent, wall) = (consent.as_str(), self.clock.wall());
            if tx.set_upload_mapping(practice, id, (&sealed, rev), consent, wall).await? {
                tx.commit().await?;
                return Ok(true);
            }
            // Either it may not be changed any more, or somebody else changed it meanwhile.
            if tx.upload(practice, id).await?.is_none_or(|now| now.mapping_rev == row.mapping_rev) {
                return Ok(false);
            }
        }
    }

    /// What importing the file would do. Writes nothing.
    pub async fn check_upload(
        &self,
        practice: PracticeId,
        staff: StaffId,
        id: UploadId,
    ) -> Result<ImportOutcome, ImportError> {
        let (row, file) = self.open_upload(practice, id).await?;
        let mapping = mapping_of(&*self.practice(practice).await?, &row)?;
        self.import(import_request(practice, staff, &row, mapping.as_deref(), &file)?).await
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
        let mapping = mapping_of(&*self.practice(practice).await?, &row)?;
        let foretold = self.foretell(import_request(practice, staff, &row, mapping.as_deref(), &file)?).await?;
        let entry = AuditEntry::new(act::UPLOAD_VIEWED, Actor::Staff(staff)).id("upload", id).word("page", "check");
        self.note_view(practice, entry).await?;
        Ok(foretold)
    }

    /// Imports the file, noting progress. Runs to its end even if nobody waits: spawn it. Without effect while it is being imported,
    /// or once it is in.
    pub async fn send_upload(
        &self,
        practice: PracticeId,
        staff: StaffId,
        id: UploadId,
        words: RejectWords<'_>,
    ) -> Result<(), FlowError> {
        let token: LeaseToken = self.new_id();
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let ours = tx.claim_upload(practice, id, token, wall + LEASE, wall).await?;
        tx.commit().await?;
        if !ours {
            return Ok(());
        }
        let (done, total) = (AtomicI64::new(0), AtomicI64::new(0));
        let progress = |rows: u64, of: u64| {
            done.store(i64::try_from(rows).unwrap_or(i64::MAX), Ordering::Relaxed);
            total.store(i64::try_from(of).unwrap_or(i64::MAX), Ordering::Relaxed);
        };
        let so_far = || (done.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
        // Side by side, so that neither waits for a lock that the other holds.
        let imported = tokio::select! {
            imported = self.import_upload(practice, staff, id, words, Some(&progress)) => imported,
            () = self.keep_lease(practice, id, token, so_far) => return Ok(()),
        };
        let end = match imported {
            Ok(outcome) => outcome.import.map_or(UploadEnd::Failed(INTERRUPTED), UploadEnd::Done),
            Err(ImportError::File(error)) => UploadEnd::Failed(error.code()),
            Err(ImportError::Flow(error)) => {
                tracing::error!(%error, "an upload was not imported to its end; sending it again finishes it");
                UploadEnd::Failed(INTERRUPTED)
            }
        };
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.end_upload(practice, id, token, end).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes how far an import is, until the upload is another's: then the other finishes it.
    async fn keep_lease(
        &self,
        practice: PracticeId,
        id: UploadId,
        token: LeaseToken,
        so_far: impl Fn() -> (i64, i64) + Send + Sync,
    ) {
        loop {
            tokio::time::sleep(NOTE_EVERY).await;
            let noted = async {
                let mut tx = self.store.begin(Scope::Practice(practice)).await?;
                let ours = tx.note_upload(practice, id, token, so_far(), self.clock.wall() + LEASE).await?;
                tx.commit().await?;
                Ok::<bool, FlowError>(ours)
            };
            match noted.await {
                Ok(true) => {}
                Ok(false) => return,
                // There is time left to try again.
                Err(error) => tracing::warn!(%error, "progress of an upload was not noted"),
            }
        }
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
        words: RejectWords<'_>,
        progress: Option<&(dyn Fn(u64, u64) + Send + Sync)>,
    ) -> Result<ImportOutcome, ImportError> {
        let (row, file) = self.open_upload(practice, id).await?;
        let mapping = mapping_of(&*self.practice(practice).await?, &row)?;
        let looked = import_request(practice, staff, &row, mapping.as_deref(), &file)?;
        let request = ImportRequest { dry_run: false, progress, words, ..looked };
        self.import(request).await
    }
}

/// The file as it is to be read: a dry run, until somebody says otherwise.
fn import_request<'a>(
    practice: PracticeId,
    staff: StaffId,
    row: &UploadRow,
    mapping: Option<&str>,
    file: &'a UploadPrivate,
) -> Result<ImportRequest<'a>, ImportError> {
    let mapping = mapping.map(Mapping::parse).transpose().map_err(crate::intake::FileError::from)?;
    Ok(ImportRequest {
        practice,
        file_name: &file.file_name,
        content: content(file)?,
        mapping,
        consent: consent_of(row),
        staff: Some(staff),
        dry_run: true,
        progress: None,
        words: RejectWords::default(),
    })
}

/// How the file is read, TOML, if that was said.
fn mapping_of(practice: &OpenPractice, row: &UploadRow) -> Result<Option<String>, FlowError> {
    let open = |sealed| practice.keys.open(&practice.salt, Place::new(row.id, row.mapping_rev), &sealed);
    Ok(row.sealed_mapping()?.map(open).transpose()?.map(|plain| plain.mapping))
}

/// What was chosen for the numbers the file says nothing of.
fn consent_of(row: &UploadRow) -> Option<ConsentChoice> {
    row.consent.as_deref().and_then(|word| word.parse().ok())
}

fn content(file: &UploadPrivate) -> Result<Vec<u8>, FlowError> {
    STANDARD
        .decode(&file.content)
        .map_err(|_| kept_store::StoreError::Corrupt { table: "uploads", column: "private" }.into())
}
