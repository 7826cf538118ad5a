//! Erasing a patient for good (protocol.md §3): their salt is replaced, so that what was sealed under it opens for nobody any more, also
//! where a copy of a row is left in a log of the database; their numbers, words and the index of their id are deleted.
//!
//! Visits stay as times, places and outcomes, for the report. The ledger of consent stays, by the keyed hash of the number: an opt-out
//! outlives the patient. Rows that uploads could not use are emptied for everybody, because nobody can say whose they were.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::private::{AppointmentPrivate, ImportCol, InboundPrivate, PatientPrivate};
use kept_domain::{AppointmentId, BlindIndex, Column, ContentMac, ImportId, PatientId, PracticeId, Salt, Sealed};
use kept_seal::{Place, row};
use kept_store::{Erasable, ErasedCell, ErasedPatient, Scope, Tx};
use uuid::Uuid;

/// Stands where the name was, and where a number was: no words, so that it needs no language.
pub const NOBODY: &str = "—";

/// Uploads whose rows are looked at in one go.
const LEFT_BATCH: i64 = 50;

/// What erasing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Who; the id means nothing outside Kept.
    pub patient: PatientId,
    /// Visits that stay as figures.
    pub visits: i64,
    /// Messages whose texts were emptied.
    pub messages: u64,
    /// Texts of theirs that were emptied.
    pub texts: u64,
    /// Uploads whose rejected rows were emptied.
    pub uploads: u64,
}

impl Flow {
    /// The patient of a visit, and what stands in the way of erasing them; changes nothing.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when there is no such visit.
    pub async fn erasable(&self, practice: PracticeId, visit: AppointmentId) -> Result<Erasable, FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let found = tx.erasable(practice, visit, self.clock.civil()).await?;
        tx.rollback().await?;
        found.ok_or(FlowError::NotFound { what: "visit" })
    }

    /// Erases the patient of a visit, in one transaction. Doing it again does no harm.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when there is no such visit, [`FlowError::VisitsToCome`] and [`FlowError::MessagesUnderWay`] while
    /// something is still to happen that needs the patient.
    pub async fn erase_patient(
        &self,
        practice: PracticeId,
        visit: AppointmentId,
        by: Actor,
    ) -> Result<Erased, FlowError> {
        let open = self.practice(practice).await?;
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let Erasable { patient, rev, visits, to_come, open_messages } =
            tx.erasable(practice, visit, self.clock.civil()).await?.ok_or(FlowError::NotFound { what: "visit" })?;
        if to_come > 0 {
            return Err(FlowError::VisitsToCome { visits: to_come });
        }
        if open_messages > 0 {
            return Err(FlowError::MessagesUnderWay { messages: open_messages });
        }
        let salt = row::new_salt()?;
        let nothing = AppointmentPrivate { external_id: None, bring: None };
        let visit_cells = blank(&open, &salt, tx.erasable_visits(practice, patient).await?, &nothing)?;
        let nothing = InboundPrivate { from: NOBODY.to_owned(), text: String::new() };
        let text_cells = blank(&open, &open.salt, tx.erasable_texts(practice, patient).await?, &nothing)?;

        tx.erase_visits(practice, &visit_cells).await?;
        let texts = tx.erase_texts(practice, &text_cells, wall).await?;
        let messages = tx.erase_messages(practice, patient).await?;
        let uploads = self.erase_rejects(&open, &mut tx).await?;
        let (rev, nobody) = (
            rev + 1,
            PatientPrivate { given: None, family: None, name: NOBODY.to_owned(), birth_date: None, external_id: None },
        );
        let erased = ErasedPatient {
            patient,
            rev,
            private: open.keys.seal(&salt, Place::new(patient, rev), &nobody)?,
            salt,
            content_mac: ContentMac(self.new_id::<Uuid>().into_bytes()),
            key: BlindIndex(self.new_id::<Uuid>().into_bytes()),
            at: wall,
        };
        tx.erase_patient(practice, &erased).await?;
        let entry = AuditEntry::new(act::PATIENT_ERASED, by).id("patient", patient).count("visits", visits);
        audit::append(&mut tx, practice, wall, &[entry]).await?;
        tx.commit().await?;
        Ok(Erased { patient, visits, messages, texts, uploads })
    }

    /// Empties the rejected rows of all uploads of a practice.
    async fn erase_rejects(&self, open: &OpenPractice, tx: &mut Tx) -> Result<u64, FlowError> {
        let practice = open.practice.id;
        let (mut after, mut emptied) = (ImportId::from_uuid(Uuid::nil()), 0);
        loop {
            let left = tx.left_behind(practice, after, LEFT_BATCH).await?;
            let Some(&(last, ..)) = left.last() else { return Ok(emptied) };
            after = last;
            let mut cells: Vec<ErasedCell<ImportCol>> = Vec::new();
            for (import, rev, private) in left {
                let mut private = open.keys.open(&open.salt, Place::new(import, rev), &private)?;
                if private.rejects_csv.is_empty() {
                    continue;
                }
                private.rejects_csv.clear();
                let rev = rev + 1;
                let cell = open.keys.seal(&open.salt, Place::new(import, rev), &private)?;
                cells.push(ErasedCell { row: import.as_uuid(), rev, cell });
            }
            emptied += tx.erase_rejects(practice, &cells).await?;
        }
    }
}

/// The same value that says nothing, sealed for each row at its next revision.
fn blank<C: Column>(
    open: &OpenPractice,
    salt: &Salt,
    rows: Vec<(Uuid, i64)>,
    nothing: &C::Plain,
) -> Result<Vec<ErasedCell<C>>, FlowError> {
    rows.into_iter()
        .map(|(row, rev)| {
            let rev = rev + 1;
            let cell: Sealed<C> = open.keys.seal(salt, Place::new(row, rev), nothing)?;
            Ok(ErasedCell { row, rev, cell })
        })
        .collect()
}
