//! What the portal does behind its pages: a link is opened, a patient identified, a visit shown and answered.
//!
//! Levels (protocol.md §2): the link alone is level 0 and changes nothing, not even a row; a birth date, or a device
//! remembered by an earlier one, is level 1 and begins a session, which sees the visits of one patient at one link.

mod identify;
mod visits;
mod wishes;

pub use identify::{
    BIRTH_DATE_ALARM, GUARD_DAYS, Gate, Identified, Identify, MAX_FAILURES_PER_LINK, MAX_FAILURES_PER_PATIENT, Pick,
    STORM_LINKS, STORM_SHARE_PERCENT,
};
pub use visits::{AnswerForm, Answered, PortalAnswer, VisitState, VisitView, Visits};
pub use wishes::{
    MutableVisit, Reached, WORDING_AGAIN, WORDING_AGAIN_ONE, WORDING_STOP, WORDING_STOP_ONE, Wish, Wishes,
};

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use kept_domain::{Instant, LinkId, PatientId, PracticeId, SessionId};
use kept_seal::{Level0, LinkAuth, OpaqueToken, TokenHash};
use kept_store::{PatientSession, PortalVisit, Scope, StoredLink, Tx};

/// Level 0 and sessions end this long after the last page.
pub const IDLE: Duration = Duration::minutes(15);
/// A session's row is touched at most this often, so that reading a page is rarely a write.
pub const TOUCH_EVERY: Duration = Duration::minutes(1);
/// A remembered device is remembered this long after it last identified.
pub const DEVICE_LIFE: Duration = Duration::days(180);
/// A form may be sent until this long after it was shown.
pub const FORM_LIFE: Duration = Duration::minutes(20);

/// A link was opened: what the browser keeps. Prints nothing.
pub struct Opening {
    /// Sealed level-0 state.
    pub cookie: String,
    /// A level-1 session, if the device is remembered.
    pub session: Option<String>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opening(…)")
    }
}

/// A live session at level 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its row.
    pub id: SessionId,
    /// The link it began with.
    pub link: LinkId,
    /// Who identified.
    pub patient: PatientId,
}

impl Flow {
    /// Opens a link by what the browser derived from its secret. None when it is unknown, expired or revoked, or no
    /// such thing at all: one look-up for each, so that nobody can tell which.
    ///
    /// Writes nothing, unless the device was remembered by an earlier level 1: then a session begins.
    pub async fn portal_open(
        &self,
        practice: PracticeId,
        auth: &str,
        device: Option<&str>,
    ) -> Result<Option<Opening>, FlowError> {
        let open = self.practice(practice).await?;
        // What cannot be the right form is looked up all the same, as a hash that no link has.
        let hash = LinkAuth::parse(auth).map_or([0; 32], |auth| auth.hash().0);
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let Some(link) = tx.link_by_auth(practice, &hash).await?.filter(|link| self.is_live(link)) else {
            return Ok(None);
        };
        let now = self.clock.wall();
        let remembered = match device {
            Some(token) => self.remembered_patient(&mut tx, &open, link.id, token).await?,
            None => None,
        };
        drop(tx);
        let cookie = open.keys.seal_cookie(&Level0 { link: link.id, issued_at: now })?;
        let session = match remembered {
            Some(patient) => {
                let mut tx = self.store.begin(Scope::Practice(practice)).await?;
                let token = self.begin_session(&mut tx, &open, link.id, patient).await?;
                tx.commit().await?;
                Some(token)
            }
            None => None,
        };
        Ok(Some(Opening { cookie, session }))
    }

    /// The session of a cookie, if it is live, and so is its link. Slides.
    pub async fn portal_session(&self, practice: PracticeId, token: &str) -> Result<Option<Session>, FlowError> {
        let now = self.clock.wall();
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let Some(row) = tx.patient_session(practice, &TokenHash::of(token).0).await? else {
            return Ok(None);
        };
        if now - row.seen_at >= IDLE {
            return Ok(None);
        }
        if !tx.link_by_id(practice, row.link).await?.is_some_and(|link| self.is_live(&link)) {
            return Ok(None);
        }
        drop(tx);
        if now - row.seen_at >= TOUCH_EVERY {
            let mut tx = self.store.begin(Scope::Practice(practice)).await?;
            tx.touch_patient_session(practice, row.id, now).await?;
            tx.commit().await?;
        }
        Ok(Some(Session { id: row.id, link: row.link, patient: row.patient }))
    }

    /// Ends a session: "Close".
    pub async fn portal_close(&self, practice: PracticeId, session: Session) -> Result<(), FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.end_patient_session(practice, session.id, self.clock.wall()).await?;
        tx.commit().await?;
        Ok(())
    }

    fn is_live(&self, link: &StoredLink) -> bool {
        link.revoked_at.is_none() && link.expires_at > self.clock.civil()
    }

    /// The patient of a link, if it is the only one and remembered on this device.
    async fn remembered_patient(
        &self,
        tx: &mut Tx,
        open: &OpenPractice,
        link: LinkId,
        device: &str,
    ) -> Result<Option<PatientId>, FlowError> {
        let practice = open.practice.id;
        let visits = tx.portal_visits(practice, link).await?;
        let Some(patient) = only_patient(&visits) else { return Ok(None) };
        let known = tx.device_is_remembered(practice, patient, &TokenHash::of(device).0, self.clock.wall()).await?;
        Ok(known.then_some(patient))
    }

    /// Begins a session and audits it: the last thing of its transaction. Gives the token for the cookie.
    async fn begin_session(
        &self,
        tx: &mut Tx,
        open: &OpenPractice,
        link: LinkId,
        patient: PatientId,
    ) -> Result<String, FlowError> {
        let practice = open.practice.id;
        let now = self.clock.wall();
        let token = OpaqueToken::generate()?;
        let session = PatientSession { id: self.new_id(), link, patient, seen_at: now };
        tx.insert_patient_session(practice, &session, &token.hash().0).await?;
        tx.note_link_opened(practice, link, self.clock.civil()).await?;
        let entry = AuditEntry::new(act::LINK_OPENED, Actor::Patient(patient)).id("link", link);
        audit::append(tx, practice, now, &[entry]).await?;
        Ok(token.as_str().to_owned())
    }

    /// The link of a level-0 cookie, if the cookie is ours and young enough and the link is live.
    async fn level_0(&self, open: &OpenPractice, cookie: &str) -> Result<Option<LinkId>, FlowError> {
        let Ok(state) = open.keys.open_cookie(cookie) else { return Ok(None) };
        if self.clock.wall() - state.issued_at >= IDLE {
            return Ok(None);
        }
        let practice = open.practice.id;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let link = tx.link_by_id(practice, state.link).await?;
        Ok(link.filter(|link| self.is_live(link)).map(|link| link.id))
    }

    /// Until when a form that is shown now may be sent.
    fn form_expiry(&self) -> Instant {
        self.clock.wall() + FORM_LIFE
    }
}

/// The one patient whose visits these are.
fn only_patient(visits: &[PortalVisit]) -> Option<PatientId> {
    let first = visits.first()?.patient;
    visits.iter().all(|visit| visit.patient == first).then_some(first)
}
