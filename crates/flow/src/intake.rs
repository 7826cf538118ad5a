//! Step 1: a schedule goes in.
//!
//! A file becomes visits, patients, numbers and consent in short transactions, chunk by chunk. Each chunk is read, compared,
//! opened and sealed with no transaction open, and then written only where everything still stands as it was read; where it does
//! not, the chunk is done again. An import that is cut off anywhere is finished by importing the same file again.

mod calendar;
mod chunk;
mod diff;
mod forecast;
mod look;
mod names;
mod numbers;
mod outcome;
mod people;
mod said;
mod vanished;

#[cfg(test)]
mod tests;

pub use calendar::MOST_PERCENT;
pub use forecast::{Forecast, Foretext, ForetoldMessage, ForetoldSilence};
pub use kept_intake::{
    DateOrder, Field, FileError, Guess, GuessColumn, Mapping, MappingError, Problem, ProblemKind, Reason, RejectWords,
    limits, read_limited, sample,
};
pub use look::FileLook;
pub use outcome::{Counts, ImportOutcome, ImportProblem, RejectDetail, RowClass, RowDetail};
pub use vanished::BRAKE_PERCENT;

use crate::audit::{self, Actor, AuditEntry};
use crate::consent::{ConsentChoice, Wishes};
use crate::{Flow, FlowError, OpenPractice};
use calendar::Calendar;
use forecast::Draft;
use kept_domain::private::{ImportCol, ImportPrivate, LayoutPrivate};
use kept_domain::{BlindIndex, ImportId, Instant, PracticeId, SourceId, StaffId};
use kept_intake::{Reading, Table};
use kept_seal::{Blind, Place};
use kept_store::{Layout, NewImport, NewLayout, Scope};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Rows that are read, compared and written together. Small enough that nobody at the portal waits for the transaction.
pub const CHUNK_ROWS: usize = 500;

/// A file to import.
pub struct ImportRequest<'a> {
    /// Into which practice.
    pub practice: PracticeId,
    /// The file's name, kept sealed for the desk.
    pub file_name: &'a str,
    /// The file.
    pub content: Vec<u8>,
    /// How its columns are read; none: as for the last file with the same header, or else by their names.
    pub mapping: Option<Mapping>,
    /// What holds for numbers the file says nothing of; none: as for the last file of the same calendar, or else nothing is sent.
    pub consent: Option<ConsentChoice>,
    /// Who uploads it; none: somebody at the command line.
    pub staff: Option<StaffId>,
    /// Look only, write nothing.
    pub dry_run: bool,
    /// Is told after each chunk how many rows of how many are done.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Send + Sync)>,
    /// In which words the rejected rows are told.
    pub words: RejectWords<'a>,
}

impl std::fmt::Debug for ImportRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ImportRequest({} B, dry run: {})", self.content.len(), self.dry_run)
    }
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file or the mapping. The message is for whoever uploads; a log gets [`FileError::code`], because a message may
    /// quote a column or a date.
    #[error(transparent)]
    File(#[from] FileError),
    /// Anything else.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

impl From<kept_store::StoreError> for ImportError {
    fn from(error: kept_store::StoreError) -> Self {
        Self::Flow(error.into())
    }
}

impl From<kept_seal::SealError> for ImportError {
    fn from(error: kept_seal::SealError) -> Self {
        Self::Flow(error.into())
    }
}

/// A file that was read, with the mapping it was read by.
struct Opened {
    table: Table,
    mapping: Mapping,
    reading: Reading,
    hash: [u8; 32],
}

impl Flow {
    /// Imports a schedule, or looks what importing it would do.
    ///
    /// # Errors
    /// [`ImportError::File`] where the whole file cannot be used: nothing was written. [`ImportError::Flow`] with a passing
    /// [`FlowError`]: what was written stays, and importing the same file again finishes it.
    pub async fn import(&self, request: ImportRequest<'_>) -> Result<ImportOutcome, ImportError> {
        self.run_import(request, None).await.map(|(outcome, _)| outcome)
    }

    /// Looks what importing a schedule would do, and what it would have said. Writes nothing, whatever the request says.
    ///
    /// # Errors
    /// [`ImportError::File`] where the whole file cannot be used.
    pub async fn foretell(&self, request: ImportRequest<'_>) -> Result<(ImportOutcome, Forecast), ImportError> {
        self.run_import(ImportRequest { dry_run: true, ..request }, Some(Draft::default())).await
    }

    async fn run_import(
        &self,
        request: ImportRequest<'_>,
        draft: Option<Draft>,
    ) -> Result<(ImportOutcome, Forecast), ImportError> {
        let practice = self.practice(request.practice).await?;
        let ImportRequest { file_name, content, mapping, consent, staff, dry_run, progress, words, .. } = request;
        let (opened, calendar) = self.open_file(&practice, content, mapping).await?;
        let consent = consent.or_else(|| calendar.as_ref().and_then(|calendar| calendar.consent));
        let source = calendar.as_ref().map_or_else(|| self.new_id(), |calendar| calendar.source);
        let source = if dry_run { source } else { self.keep_source(&practice, &opened, source, consent).await? };
        let mut outcome = ImportOutcome::of(&opened.table, &opened.reading, consent, &words);
        outcome.new_columns = calendar.as_ref().is_some_and(|calendar| calendar.is_new_layout);
        let has_other_layouts = calendar.is_some_and(|calendar| calendar.has_other_layouts);
        let mut run = Run {
            flow: self,
            practice: &practice,
            source,
            import: self.new_id(),
            now: self.clock.civil(),
            writes: !dry_run,
            wishes: Wishes::new(consent),
            unspoken: if has_other_layouts { calendar::unspoken(&opened.mapping) } else { BTreeSet::new() },
            outcome,
            draft,
        };
        run.visits(&opened, progress).await?;
        run.vanished(&opened).await?;
        let forecast = run.forecast().await?;
        run.consent(&opened.hash, staff).await?;
        if !dry_run {
            run.finish(&opened, file_name, staff).await?;
        }
        Ok((run.outcome, forecast))
    }

    /// Parses off the runtime's threads: a large workbook takes a second.
    async fn open_file(
        &self,
        practice: &Arc<OpenPractice>,
        content: Vec<u8>,
        mapping: Option<Mapping>,
    ) -> Result<(Opened, Option<Calendar>), ImportError> {
        let layouts = self.layouts(practice).await?;
        let (table, hash) = open_table(practice, &layouts, content, mapping.clone()).await?;
        let header = header(practice, &table);
        let remembered = layouts.iter().find(|layout| layout.header == header);
        let remembered = remembered.map(|layout| mapping_of(practice, layout)).transpose()?.flatten();
        let mapping = match (mapping, remembered) {
            (Some(mapping), _) => mapping,
            (None, Some(remembered)) => Mapping::parse(&remembered).map_err(FileError::from)?,
            (None, None) => kept_intake::guess(&table).mapping.map_err(FileError::from)?,
        };
        let opened = off_thread(move || {
            let reading = kept_intake::read(&table, &mapping)?;
            Ok(Opened { table: table.without_rows(), mapping, reading, hash })
        })
        .await?;
        let calendar = self.calendar_of(practice, &layouts, header, Some(&opened.reading)).await?;
        Ok((opened, calendar))
    }

    /// Every header that the practice's files had.
    async fn layouts(&self, practice: &OpenPractice) -> Result<Vec<Layout>, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice.practice.id)).await?;
        Ok(tx.layouts(practice.practice.id).await?)
    }

    async fn keep_source(
        &self,
        practice: &OpenPractice,
        opened: &Opened,
        source: SourceId,
        consent: Option<ConsentChoice>,
    ) -> Result<SourceId, FlowError> {
        let id = practice.practice.id;
        let header = header(practice, &opened.table);
        let name = match opened.table.origin() {
            kept_intake::table::Origin::Text { .. } => "CSV file",
            kept_intake::table::Origin::Sheet { .. } => "Workbook",
        };
        let (now, consent) = (self.clock.civil(), consent.map(ConsentChoice::as_str));
        let plain = LayoutPrivate { mapping: opened.mapping.to_toml() };
        loop {
            let known = self.layouts(practice).await?.into_iter().find(|layout| layout.header == header);
            let (layout, rev) = known.map_or_else(|| (self.new_id(), 1), |layout| (layout.id, layout.rev + 1));
            let mapping = practice.keys.seal(&practice.salt, Place::new(layout, rev), &plain)?;
            let layout = NewLayout { id: layout, rev, header, source, mapping };
            let mut tx = self.store.begin(Scope::Practice(id)).await?;
            // None: a file with the same header came in meanwhile. It is looked at again.
            if let Some(source) = tx.keep_source(id, &layout, name, consent, now).await? {
                tx.commit().await?;
                return Ok(source);
            }
        }
    }
}

/// How files with a known header are read, TOML.
fn mapping_of(practice: &OpenPractice, layout: &Layout) -> Result<Option<String>, FlowError> {
    let open = |sealed| practice.keys.open(&practice.salt, Place::new(layout.id, layout.rev), &sealed);
    Ok(layout.sealed_mapping()?.map(open).transpose()?.map(|plain| plain.mapping))
}

fn header(practice: &OpenPractice, table: &Table) -> BlindIndex {
    practice.keys.blind(Blind::Header, &table.header_key())
}

/// Opens a file by its mapping, or else by a header that is known, or else by the words of its columns. Gives its hash too.
async fn open_table(
    practice: &Arc<OpenPractice>,
    layouts: &[Layout],
    content: Vec<u8>,
    mapping: Option<Mapping>,
) -> Result<(Table, [u8; 32]), FileError> {
    let practice = Arc::clone(practice);
    let known: HashSet<BlindIndex> = layouts.iter().map(|layout| layout.header).collect();
    off_thread(move || {
        let hash = kept_seal::chain::sha256(&content);
        let table = match &mapping {
            Some(mapping) => Table::open(&content, Some(mapping)),
            None => Table::open_known(&content, |key| known.contains(&practice.keys.blind(Blind::Header, key))),
        }?;
        Ok((table, hash))
    })
    .await
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only when the runtime shuts down.
            Err(_) => Err(FileError::Unreadable("the program is shutting down".to_owned())),
        },
    }
}

/// One import under way.
struct Run<'a> {
    flow: &'a Flow,
    practice: &'a Arc<OpenPractice>,
    source: SourceId,
    import: ImportId,
    /// Civil.
    now: Instant,
    writes: bool,
    wishes: Wishes,
    /// What of a row the file does not speak of, and another layout of its calendar may: it stands as it was said last.
    unspoken: BTreeSet<&'static str>,
    outcome: ImportOutcome,
    /// What is gathered for a forecast, where one is asked for.
    draft: Option<Draft>,
}

impl Run<'_> {
    fn id(&self) -> PracticeId {
        self.practice.practice.id
    }

    /// What the file would have said; nothing where nobody asked.
    async fn forecast(&mut self) -> Result<Forecast, FlowError> {
        let Some(draft) = self.draft.take() else { return Ok(Forecast::default()) };
        let consents = self.wishes.preview(self.flow, self.id()).await?;
        self.flow.forecast(self.practice, draft, &consents, self.now).await
    }

    /// The ledger entries that follow from the file.
    async fn consent(&mut self, file_hash: &[u8; 32], staff: Option<StaffId>) -> Result<(), FlowError> {
        if !self.writes {
            return Ok(());
        }
        let wishes = std::mem::take(&mut self.wishes);
        self.outcome.consents =
            wishes.record(self.flow, self.practice, self.import, file_hash, staff, self.now).await?;
        Ok(())
    }

    /// What is left of the import for the desk, and its audit entry.
    async fn finish(&mut self, opened: &Opened, file_name: &str, staff: Option<StaffId>) -> Result<(), FlowError> {
        let counts = self.outcome.counts;
        let private =
            ImportPrivate { file_name: file_name.to_owned(), rejects_csv: self.outcome.rejects_csv.0.clone() };
        let keys = &self.practice.keys;
        let import = NewImport {
            id: self.import,
            source: self.source,
            file_hash: opened.hash,
            counts: serde_json::to_string(&counts).expect("counts are JSON"),
            private: keys.seal::<ImportCol>(&self.practice.salt, Place::new(self.import, 1), &private)?,
            staff,
            finished_at: self.now,
        };
        let actor = staff.map_or(Actor::System, Actor::Staff);
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let entry = AuditEntry::new(audit::act::SCHEDULE_IMPORTED, actor)
            .id("import", self.import)
            .count("new", count(counts.new))
            .count("changed", count(counts.changed))
            .count("unchanged", count(counts.unchanged))
            .count("vanished", count(counts.vanished))
            .count("rejected", count(counts.rejected));
        let mut tx = self.flow.store.begin(Scope::Practice(self.id())).await?;
        tx.insert_import(self.id(), &import).await?;
        audit::append(&mut tx, self.id(), self.flow.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        self.outcome.import = Some(self.import);
        Ok(())
    }
}
