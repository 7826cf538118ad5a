//! What the upload screen shows before anything is decided.

use super::{ImportError, Mapping, header, mapping_of, off_thread, open_table};
use crate::Flow;
use crate::consent::ConsentChoice;
use kept_domain::PracticeId;
use kept_intake::{Guess, guess};

/// A file's columns, and what is remembered of files like it.
#[derive(Debug, Clone)]
pub struct FileLook {
    /// Every column with sample values, and the mapping that their names suggest.
    pub guess: Guess,
    /// The mapping of the last file with the same header.
    pub remembered: Option<Mapping>,
    /// The consent choice of the last file of the same calendar.
    pub consent: Option<ConsentChoice>,
    /// Rows below the header.
    pub rows: u64,
}

impl Flow {
    /// Opens a file without keeping anything of it.
    ///
    /// # Errors
    /// [`ImportError::File`] where it is no schedule.
    pub async fn look_at_file(&self, practice: PracticeId, content: Vec<u8>) -> Result<FileLook, ImportError> {
        let practice = self.practice(practice).await?;
        let layouts = self.layouts(&practice).await?;
        let (table, _) = open_table(&practice, &layouts, content, None).await?;
        let (header, rows) = (header(&practice, &table), table.rows().len() as u64);
        let remembered = layouts.iter().find(|layout| layout.header == header);
        let by_rows = remembered.is_none() && !layouts.is_empty();
        let (guess, reading) = off_thread(move || {
            let guess = guess(&table);
            let mapping = guess.mapping.as_ref().ok().filter(|_| by_rows);
            // Where the guess does not read it, whoever looks at the columns will say how.
            let reading = mapping.and_then(|mapping| kept_intake::read(&table, mapping).ok());
            Ok((guess, reading))
        })
        .await?;
        let calendar = self.calendar_of(&practice, &layouts, header, reading.as_ref()).await?;
        let remembered = remembered.map(|layout| mapping_of(&practice, layout)).transpose()?.flatten();
        Ok(FileLook {
            guess,
            remembered: remembered.and_then(|mapping| Mapping::parse(&mapping).ok()),
            consent: calendar.and_then(|calendar| calendar.consent),
            rows,
        })
    }
}
