//! What the upload screen shows before anything is decided.

use super::{ImportError, Mapping, off_thread};
use crate::Flow;
use crate::consent::ConsentChoice;
use kept_domain::PracticeId;
use kept_intake::{Guess, Table, guess};

/// A file's columns, and what is remembered of files like it.
#[derive(Debug, Clone)]
pub struct FileLook {
    /// Every column with sample values, and the mapping that their names suggest.
    pub guess: Guess,
    /// The mapping of the last file with the same header.
    pub remembered: Option<Mapping>,
    /// The consent choice of the last file with the same header.
    pub consent: Option<ConsentChoice>,
    /// Rows below the header.
    pub rows: u64,
}

impl Flow {
    /// Opens a file without reading its rows as visits.
    ///
    /// # Errors
    /// [`ImportError::File`] where it is no schedule.
    pub async fn look_at_file(&self, practice: PracticeId, content: Vec<u8>) -> Result<FileLook, ImportError> {
        let practice = self.practice(practice).await?;
        let (table, guess) = off_thread(move || {
            let table = Table::open(&content, None)?;
            let guess = guess(&table);
            Ok((table, guess))
        })
        .await?;
        let source = self.remembered(&practice, &table).await?;
        Ok(FileLook {
            guess,
            remembered: source.as_ref().and_then(|source| Mapping::parse(&source.mapping).ok()),
            consent: source.and_then(|source| source.consent.as_deref()?.parse().ok()),
            rows: table.rows().len() as u64,
        })
    }
}
