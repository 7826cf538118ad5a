//! Staff sign in: the browser derives two branches of the password and sends one; the server never sees the password.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use kept_domain::{Locale, PracticeId, SessionId, StaffId, text_enum};
use kept_seal::staff::{AuthBranch, Kdf, Verifier};
use kept_seal::{Blind, OpaqueToken, Place, TokenHash};
use kept_store::{Scope, StaffRow, StaffSessionRow};
use std::sync::Arc;

/// A session ends after this long without a deed of its person (protocol.md §5).
pub const IDLE: Duration = Duration::minutes(15);
/// A session ends after this long in any case.
pub const LONGEST: Duration = Duration::hours(12);
/// Failures of an address before it has to wait.
pub const FREE_FAILURES: i64 = 3;
/// The longest wait. Accounts are slowed down, never locked.
pub const LONGEST_WAIT: Duration = Duration::seconds(300);
/// Longest e-mail address (RFC 5321 §4.5.3.1.3).
pub const MAX_EMAIL_CHARS: usize = 254;

text_enum! {
    /// What somebody may do.
    Role: "role" {
        /// Watches the day, uploads schedules, looks after tasks.
        FrontDesk => "front-desk",
        /// As the front desk, and reads clinical messages.
        Clinician => "clinician",
        /// Reads the report.
        Manager => "manager",
        /// Everything.
        Administrator => "administrator",
    }
}

impl Role {
    /// Whether the role may see patients' names and visits, and work on them.
    pub const fn works_at_desk(self) -> bool {
        matches!(self, Self::FrontDesk | Self::Clinician | Self::Administrator)
    }

    /// Whether the role may change what the practice decided.
    pub const fn administers(self) -> bool {
        matches!(self, Self::Administrator)
    }

    /// Whether the role may read the report of missed visits.
    pub const fn reads_report(self) -> bool {
        matches!(self, Self::Manager | Self::Administrator)
    }
}

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct StaffSession {
    /// Their practice, open.
    pub practice: Arc<OpenPractice>,
    /// The session.
    pub session: SessionId,
    /// Who.
    pub staff: StaffId,
    /// What they may do.
    pub role: Role,
    /// Language of the pages.
    pub locale: Locale,
    /// The password must be changed before anything else.
    pub must_change: bool,
    /// Their name, for the page's corner.
    pub name: crate::board::Private,
}

/// What became of a sign-in.
#[derive(Debug)]
pub enum SignIn {
    /// The token for the cookie.
    Welcome(OpaqueToken),
    /// Address or password is wrong; which one is not said.
    Wrong,
    /// Tried too often: wait so many seconds.
    Wait(i64),
}

/// What became of a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordChange {
    /// It counts from now on; the person's other sessions have ended.
    Done,
    /// The old one is wrong.
    Wrong,
    /// What the browser sent is no derivation of ours.
    Unreadable,
}

impl Flow {
    /// The derivation's parameters for an address, as JSON. The same kind of answer for an unknown address.
    pub async fn sign_in_kdf(&self, slug: Option<&str>, email: &str) -> Result<String, FlowError> {
        let open = self.practice_for_command(slug).await?;
        let email = normal(email);
        let bix = open.keys.blind(Blind::StaffEmail, &email);
        let mut tx = self.store.read(Scope::Practice(open.practice.id)).await?;
        let decoy = json(&Kdf::decoy(&open.keys, &email));
        Ok(tx.staff_by_email(open.practice.id, bix).await?.map_or(decoy, |row| row.kdf))
    }

    /// Signs in with the sign-in branch.
    pub async fn sign_in(&self, slug: Option<&str>, email: &str, auth: &str) -> Result<SignIn, FlowError> {
        let open = self.practice_for_command(slug).await?;
        let practice = open.practice.id;
        let bix = open.keys.blind(Blind::StaffEmail, &normal(email));
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let (failures, next_at) = tx.sign_in_throttle(practice, bix).await?;
        if next_at > wall {
            return Ok(SignIn::Wait((next_at - wall).num_seconds().max(1)));
        }
        let row = tx.staff_by_email(practice, bix).await?;
        let accepted = match (AuthBranch::parse(auth), &row) {
            (Ok(auth), Some(row)) => Verifier::from_stored(&row.verifier).is_some_and(|kept| kept.accepts(&auth)),
            _ => false,
        };
        let Some(row) = row.filter(|_| accepted) else {
            tx.note_sign_in_failure(practice, bix, wall + wait_after(failures + 1)).await?;
            let entry = AuditEntry::system(act::SIGN_IN_FAILED);
            audit::append(&mut tx, practice, wall, &[entry]).await?;
            tx.commit().await?;
            return Ok(SignIn::Wrong);
        };
        let token = OpaqueToken::generate()?;
        let session = StaffSessionRow { practice, id: self.new_id(), staff: row.id, created_at: wall, seen_at: wall };
        tx.clear_sign_in_failures(practice, bix).await?;
        tx.insert_staff_session(&session, &token.hash().0).await?;
        let entry = AuditEntry::new(act::SIGNED_IN, Actor::Staff(row.id));
        audit::append(&mut tx, practice, wall, &[entry]).await?;
        tx.commit().await?;
        Ok(SignIn::Welcome(token))
    }

    /// Who a token belongs to; none when the session has ended or idled too long. `deed` is false for requests that the
    /// page makes by itself, which do not keep a session alive.
    pub async fn staff_session(&self, token: &str, deed: bool) -> Result<Option<StaffSession>, FlowError> {
        let wall = self.clock.wall();
        let hash = TokenHash::of(token);
        let Some(found) = self.store.read(Scope::Lookup).await?.staff_session(&hash.0).await? else { return Ok(None) };
        if wall - found.seen_at > IDLE || wall - found.created_at > LONGEST {
            return Ok(None);
        }
        let open = self.practice(found.practice).await?;
        let mut tx = self.store.read(Scope::Practice(found.practice)).await?;
        let Some(row) = tx.staff_by_id(found.practice, found.staff).await? else { return Ok(None) };
        drop(tx);
        // Once a minute is enough to tell idle from busy, and spares a write with every page.
        if deed && wall - found.seen_at > Duration::minutes(1) {
            let mut tx = self.store.begin(Scope::Practice(found.practice)).await?;
            tx.touch_staff_session(found.practice, found.id, wall).await?;
            tx.commit().await?;
        }
        person(open, &found, &row).map(Some)
    }

    /// The name in addresses of the practice that a token's session, ended or not, was at: where to sign in again.
    pub async fn practice_of_session(&self, token: &str) -> Result<Option<String>, FlowError> {
        let hash = TokenHash::of(token);
        let found = self.store.read(Scope::Lookup).await?.practice_of_staff_session(&hash.0).await?;
        let Some(id) = found else { return Ok(None) };
        Ok(Some(self.practice(id).await?.practice.slug.clone()))
    }

    /// Ends a session.
    pub async fn sign_out(&self, practice: PracticeId, staff: StaffId, session: SessionId) -> Result<(), FlowError> {
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.end_staff_sessions(practice, staff, Some(session), None, wall).await?;
        let entry = AuditEntry::new(act::SIGNED_OUT, Actor::Staff(staff));
        audit::append(&mut tx, practice, wall, &[entry]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Parameters of a person's password as it is now.
    pub async fn own_kdf(&self, who: &StaffSession) -> Result<String, FlowError> {
        let practice = who.practice.practice.id;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let row = tx.staff_by_id(practice, who.staff).await?.ok_or(FlowError::NotFound { what: "person" })?;
        Ok(row.kdf)
    }

    /// Parameters for a person's next password.
    pub fn fresh_kdf(&self) -> Result<String, FlowError> {
        Ok(json(&Kdf::fresh()?))
    }

    /// Replaces a password: `old` and `new` are sign-in branches, `kdf` the parameters `new` was derived with.
    pub async fn change_password(
        &self,
        who: &StaffSession,
        old: &str,
        kdf: &str,
        new: &str,
    ) -> Result<PasswordChange, FlowError> {
        let practice = who.practice.practice.id;
        let wall = self.clock.wall();
        let (Ok(old), Ok(new), Ok(parameters)) =
            (AuthBranch::parse(old), AuthBranch::parse(new), serde_json::from_str::<Kdf>(kdf))
        else {
            return Ok(PasswordChange::Unreadable);
        };
        // A page that asks for a weaker derivation than today's is not ours.
        let today = Kdf::fresh()?;
        if (parameters.m_kib, parameters.t, parameters.p) != (today.m_kib, today.t, today.p) {
            return Ok(PasswordChange::Unreadable);
        }
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let row = tx.staff_by_id(practice, who.staff).await?.ok_or(FlowError::NotFound { what: "person" })?;
        if !Verifier::from_stored(&row.verifier).is_some_and(|kept| kept.accepts(&old)) {
            return Ok(PasswordChange::Wrong);
        }
        tx.set_staff_password(practice, who.staff, &json(&parameters), &new.verifier().0).await?;
        tx.end_staff_sessions(practice, who.staff, None, Some(who.session), wall).await?;
        let entry = AuditEntry::new(act::PASSWORD_CHANGED, Actor::Staff(who.staff));
        audit::append(&mut tx, practice, wall, &[entry]).await?;
        tx.commit().await?;
        Ok(PasswordChange::Done)
    }
}

fn person(practice: Arc<OpenPractice>, found: &StaffSessionRow, row: &StaffRow) -> Result<StaffSession, FlowError> {
    let private = practice.keys.open(&practice.salt, Place::new(row.id, row.rev), &row.private)?;
    Ok(StaffSession {
        session: found.id,
        staff: row.id,
        role: role(row)?,
        locale: row.locale,
        must_change: row.must_change,
        name: crate::board::Private(private.name),
        practice,
    })
}

pub(crate) fn role(row: &StaffRow) -> Result<Role, FlowError> {
    Ok(row.role.parse().map_err(|_| kept_store::StoreError::Corrupt { table: "staff", column: "role" })?)
}

/// E-mail addresses are compared without case and outer blanks.
fn normal(email: &str) -> String {
    email.trim().to_lowercase().chars().take(MAX_EMAIL_CHARS).collect()
}

fn json(kdf: &Kdf) -> String {
    serde_json::to_string(kdf).expect("five plain fields always serialise")
}

/// How long an address waits after its n-th failure in a row: doubling from one second.
fn wait_after(failures: i64) -> Duration {
    if failures <= FREE_FAILURES {
        return Duration::zero();
    }
    let doublings = u32::try_from(failures - FREE_FAILURES - 1).unwrap_or(u32::MAX).min(16);
    Duration::seconds(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_ends() {
        assert_eq!(wait_after(FREE_FAILURES), Duration::zero());
        assert_eq!(wait_after(FREE_FAILURES + 1), Duration::seconds(1));
        assert_eq!(wait_after(FREE_FAILURES + 4), Duration::seconds(8));
        assert_eq!(wait_after(1000), LONGEST_WAIT);
    }

    #[test]
    fn roles_see_what_they_need() {
        let desk: Vec<_> = Role::ALL.iter().filter(|role| role.works_at_desk()).collect();
        assert_eq!(desk, [&Role::FrontDesk, &Role::Clinician, &Role::Administrator]);
        let report: Vec<_> = Role::ALL.iter().filter(|role| role.reads_report()).collect();
        assert_eq!(report, [&Role::Manager, &Role::Administrator]);
    }
}
