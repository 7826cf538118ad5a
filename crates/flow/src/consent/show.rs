//! What is recorded of one number.

use super::NotMeant;
use crate::Flow;
use kept_domain::PracticeId;
use kept_store::{ConsentEntry, Scope};

/// The ledger of one number or address.
#[derive(Debug)]
pub struct NumberLedger {
    /// Its entries, in order.
    pub entries: Vec<ConsentEntry>,
    /// Why messages to it are suspended, if they are: `wrong-number`, `unreachable`.
    pub suspended: Option<String>,
}

impl Flow {
    /// What is recorded of a number or address as a person writes it.
    ///
    /// # Errors
    /// [`NotMeant::Phone`] or [`NotMeant::Email`] when it is neither.
    pub async fn consent_of(&self, practice: PracticeId, written: &str) -> Result<NumberLedger, NotMeant> {
        let (channel, bix) = self.practice(practice).await?.index_of(written)?;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        Ok(NumberLedger {
            entries: tx.consents_of(practice, channel, bix).await?,
            suspended: tx.suspension(practice, channel, bix).await?,
        })
    }
}
