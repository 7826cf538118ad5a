//! Links: how long they live, how they are written, and fresh ones made at the desk.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError};
use chrono::Duration;
use kept_domain::{AppointmentId, Instant, LinkId, PracticeId};
use kept_seal::LinkToken;
use kept_store::{NewLink, NewLinkVisit, Scope};

/// A link works until this long after the visit's end …
pub const AFTER_VISIT: Duration = Duration::hours(24);
/// … and never longer than this after it was made.
pub const LONGEST: Duration = Duration::days(30);

/// Until when a link made at `now` works, for a visit (the last of its visits) that ends at `visit_end`. Civil time.
pub fn expires_at(visit_end: Instant, now: Instant) -> Instant {
    (visit_end + AFTER_VISIT).min(now + LONGEST)
}

/// A link as it stands in a text: the secret is the fragment, which browsers never send.
pub fn url(public_url: &str, slug: &str, token: &LinkToken) -> String {
    format!("{public_url}/{slug}/l#{}", token.as_str())
}

/// A link that was just made. Its address is shown once and cannot be made again.
#[derive(Debug)]
pub struct FreshLink {
    /// Its id, for the log and to revoke it.
    pub id: LinkId,
    /// The whole address, secret included.
    pub url: FreshUrl,
    /// Civil time from which on it opens nothing.
    pub expires_at: Instant,
}

/// The address of a fresh link. Prints nothing by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshUrl(String);

impl FreshUrl {
    /// The address, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for FreshUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FreshUrl(…)")
    }
}

impl Flow {
    /// Makes a fresh link to one visit: at the desk, or by `kept link new`.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when there is no such visit, or it is over for longer than [`AFTER_VISIT`].
    pub async fn new_link(
        &self,
        practice: PracticeId,
        appointment: AppointmentId,
        actor: Actor,
    ) -> Result<FreshLink, FlowError> {
        let now = self.clock.civil();
        let slug = self.practice(practice).await?.practice.slug.clone();
        let token = LinkToken::generate()?;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let target =
            tx.appointment_for_link(practice, appointment).await?.ok_or(FlowError::NotFound { what: "appointment" })?;
        let expires_at = expires_at(target.end_at.unwrap_or(target.start_at), now);
        if expires_at <= now {
            return Err(FlowError::NotFound { what: "appointment that is still to come" });
        }
        let id: LinkId = self.new_id();
        let visits = vec![NewLinkVisit { appointment, patient: target.patient, revision: target.revision, ordinal: 1 }];
        let auth_hash = token.auth_hash().0;
        let link = NewLink { id, auth_hash, notice: None, created_at: now, expires_at, visits };
        tx.insert_links(practice, &[link]).await?;
        let entry = AuditEntry::new(act::LINK_MADE, actor).id("link", id).id("appointment", appointment);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(FreshLink { id, url: FreshUrl(url(&self.settings.public_url, &slug, &token)), expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_outlives_its_visit_by_a_day_but_never_a_month() {
        let now = Instant::from_ms(0);
        let soon = now + Duration::days(3);
        assert_eq!(expires_at(soon, now), soon + Duration::hours(24));
        assert_eq!(expires_at(now + Duration::days(200), now), now + Duration::days(30));
    }
}
