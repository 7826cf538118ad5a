//! "No more mail": the address at the foot of a mail, and in its `List-Unsubscribe` header.
//!
//! The token in it can only opt out the address that the mail went to. Opening the address changes nothing (scanners and
//! previews open everything); pressing the button does, and so does a mail program's own button (RFC 8058), which sends the
//! same request without asking anybody. No session is asked for: whoever has the mail may stop it.

use crate::audit::{self, AuditEntry, act};
use crate::consent::{self, ConsentAct, ConsentBasis, NewConsent};
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::{Channel, Locale, PracticeId};
use kept_seal::OptOut;
use kept_store::Scope;

/// Wording of the page: "No more mail from us?"
pub const WORDING: &str = "email.link.1";

/// Where a mail to an address can be stopped.
pub(crate) fn url(public_url: &str, slug: &str, token: &str) -> String {
    format!("{public_url}/{slug}/u/{token}")
}

/// The language of the mail that a token came in; none when it is no token of this practice. Reads and writes nothing.
pub fn language(practice: &OpenPractice, token: &str) -> Option<Locale> {
    practice.keys.open_opt_out(token).ok().map(|out| out.locale)
}

impl Flow {
    /// Opts the address of a token out of mail. Returns false when it is no token of this practice; opting out again changes
    /// nothing and is as good.
    pub async fn unsubscribe(&self, practice: PracticeId, token: &str) -> Result<bool, FlowError> {
        let open = self.practice(practice).await?;
        let Ok(OptOut { bix, locale }) = open.keys.open_opt_out(token) else { return Ok(false) };
        let entry = NewConsent {
            bix,
            channel: Channel::Email,
            act: ConsentAct::Withdrawn,
            basis: ConsentBasis::EmailLink,
            wording: WORDING,
            locale: Some(locale),
            staff: None,
            import: None,
        };
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if consent::withdraw(self, &mut tx, practice, self.clock.civil(), &entry).await? {
            let entry = AuditEntry::system(act::EMAIL_STOPPED);
            audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}
