//! What the portal does behind its pages: a link is opened, a patient identified, a visit shown and answered.

use crate::{Flow, FlowError};
use kept_domain::practice::Practice;
use kept_store::Scope;

/// A practice as the portal shows it to anybody.
#[derive(Debug, Clone, PartialEq)]
pub struct PortalPractice {
    /// Its public facts.
    pub practice: Practice,
}

impl Flow {
    /// The practice of an address's first segment; none if there is no such practice.
    pub async fn portal_practice(&self, slug: &str) -> Result<Option<PortalPractice>, FlowError> {
        let mut tx = self.store.read(Scope::Lookup).await?;
        let practice = tx.portal_practice(slug).await?;
        Ok(practice.map(|practice| PortalPractice { practice }))
    }
}
