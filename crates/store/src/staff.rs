//! Staff: who may sign in, how fast they may try, and their sessions.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::StaffCol;
use kept_domain::{BlindIndex, Instant, Locale, PracticeId, Sealed, SessionId, StaffId};
use sqlx::FromRow;
use uuid::Uuid;

/// Somebody who works at the practice.
#[derive(Debug, Clone, FromRow)]
pub struct StaffRow {
    /// Who.
    #[sqlx(try_from = "Uuid")]
    pub id: StaffId,
    /// Name and e-mail, sealed under the practice's salt.
    #[sqlx(try_from = "Vec<u8>")]
    pub private: Sealed<StaffCol>,
    /// Bound into it.
    pub rev: i64,
    /// What they may do.
    pub role: String,
    /// Parameters of the browser's derivation, JSON.
    pub kdf: String,
    /// Recognises the sign-in branch.
    pub verifier: Vec<u8>,
    /// Language of the pages.
    #[sqlx(try_from = "String")]
    pub locale: Locale,
    /// The password was given by somebody else.
    pub must_change: bool,
}

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StaffSessionRow {
    /// Whose practice.
    #[sqlx(rename = "practice_id", try_from = "Uuid")]
    pub practice: PracticeId,
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: SessionId,
    /// Who.
    #[sqlx(rename = "staff_id", try_from = "Uuid")]
    pub staff: StaffId,
    /// Since when, wall.
    #[sqlx(rename = "created_at_ms", try_from = "i64")]
    pub created_at: Instant,
    /// Last seen, wall.
    #[sqlx(rename = "seen_at_ms", try_from = "i64")]
    pub seen_at: Instant,
}

impl Tx {
    /// Who has this e-mail address and has not left.
    pub async fn staff_by_email(
        &mut self,
        practice: PracticeId,
        email: BlindIndex,
    ) -> Result<Option<StaffRow>, StoreError> {
        opt!(
            self,
            StaffRow,
            "SELECT id, private, rev, role, kdf, verifier, locale, must_change FROM staff
             WHERE practice_id = $1 AND email_bix = $2 AND left_at_ms IS NULL",
            practice.as_uuid(),
            email.0.as_slice()
        )
    }

    /// Who this is, unless they have left.
    pub async fn staff_by_id(&mut self, practice: PracticeId, id: StaffId) -> Result<Option<StaffRow>, StoreError> {
        opt!(
            self,
            StaffRow,
            "SELECT id, private, rev, role, kdf, verifier, locale, must_change FROM staff
             WHERE practice_id = $1 AND id = $2 AND left_at_ms IS NULL",
            practice.as_uuid(),
            id.as_uuid()
        )
    }

    /// Locks an address for this attempt: its failures and when it may be tried again (wall).
    pub async fn sign_in_throttle(
        &mut self,
        practice: PracticeId,
        email: BlindIndex,
    ) -> Result<(i64, Instant), StoreError> {
        // A row to lock: of guesses that arrive together, each must see the failures of those before it.
        run!(
            self,
            "INSERT INTO staff_throttles (practice_id, email_bix, failures, next_at_ms) VALUES ($1, $2, 0, 0)
             ON CONFLICT (practice_id, email_bix) DO NOTHING",
            practice.as_uuid(),
            email.0.as_slice()
        )?;
        let (failures, next) = one!(
            self,
            (i64, i64),
            "SELECT failures, next_at_ms FROM staff_throttles WHERE practice_id = $1 AND email_bix = $2 {wait_lock}",
            practice.as_uuid(),
            email.0.as_slice()
        )?;
        Ok((failures, Instant::from_ms(next)))
    }

    /// Counts a failure; the address waits until `next_at`.
    pub async fn note_sign_in_failure(
        &mut self,
        practice: PracticeId,
        email: BlindIndex,
        next_at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO staff_throttles (practice_id, email_bix, failures, next_at_ms) VALUES ($1, $2, 1, $3)
             ON CONFLICT (practice_id, email_bix) DO UPDATE SET failures = staff_throttles.failures + 1,
                 next_at_ms = excluded.next_at_ms",
            practice.as_uuid(),
            email.0.as_slice(),
            next_at.as_ms()
        )?;
        Ok(())
    }

    /// Forgets the failures of an address that has signed in.
    pub async fn clear_sign_in_failures(&mut self, practice: PracticeId, email: BlindIndex) -> Result<(), StoreError> {
        run!(
            self,
            "DELETE FROM staff_throttles WHERE practice_id = $1 AND email_bix = $2",
            practice.as_uuid(),
            email.0.as_slice()
        )?;
        Ok(())
    }

    /// Begins a session.
    pub async fn insert_staff_session(
        &mut self,
        session: &StaffSessionRow,
        token_hash: &[u8; 32],
    ) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO staff_sessions (practice_id, id, token_hash, staff_id, created_at_ms, seen_at_ms)
             VALUES ($1, $2, $3, $4, $5, $6)",
            session.practice.as_uuid(),
            session.id.as_uuid(),
            token_hash.as_slice(),
            session.staff.as_uuid(),
            session.created_at.as_ms(),
            session.seen_at.as_ms()
        )?;
        Ok(())
    }

    /// The session of a token that has not ended. The caller's scope is `Lookup`.
    pub async fn staff_session(&mut self, token_hash: &[u8; 32]) -> Result<Option<StaffSessionRow>, StoreError> {
        opt!(
            self,
            StaffSessionRow,
            "SELECT practice_id, id, staff_id, created_at_ms, seen_at_ms FROM staff_sessions
             WHERE token_hash = $1 AND ended_at_ms IS NULL",
            token_hash.as_slice()
        )
    }

    /// The practice of a token's session, live or ended, as long as the row is kept. The caller's scope is `Lookup`.
    pub async fn practice_of_staff_session(&mut self, token_hash: &[u8; 32]) -> Result<Option<PracticeId>, StoreError> {
        let found =
            opt!(self, (Uuid,), "SELECT practice_id FROM staff_sessions WHERE token_hash = $1", token_hash.as_slice())?;
        Ok(found.map(|(id,)| id.into()))
    }

    /// The person behind a session did something.
    pub async fn touch_staff_session(
        &mut self,
        practice: PracticeId,
        id: SessionId,
        now: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE staff_sessions SET seen_at_ms = $3 WHERE practice_id = $1 AND id = $2 AND ended_at_ms IS NULL",
            practice.as_uuid(),
            id.as_uuid(),
            now.as_ms()
        )?;
        Ok(())
    }

    /// Ends sessions of a person: one, or all but one.
    pub async fn end_staff_sessions(
        &mut self,
        practice: PracticeId,
        staff: StaffId,
        only: Option<SessionId>,
        except: Option<SessionId>,
        now: Instant,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE staff_sessions SET ended_at_ms = $5 WHERE practice_id = $1 AND staff_id = $2 AND ended_at_ms IS NULL
                 AND (CAST($3 AS TEXT) IS NULL OR id = $6) AND (CAST($4 AS TEXT) IS NULL OR id <> $7)",
            practice.as_uuid(),
            staff.as_uuid(),
            only.map(|_| "only"),
            except.map(|_| "except"),
            now.as_ms(),
            only.map_or(Uuid::nil(), SessionId::as_uuid),
            except.map_or(Uuid::nil(), SessionId::as_uuid)
        )
    }

    /// Everybody who has not left, in the order they came.
    pub async fn staff_of(&mut self, practice: PracticeId) -> Result<Vec<StaffRow>, StoreError> {
        all!(
            self,
            StaffRow,
            "SELECT id, private, rev, role, kdf, verifier, locale, must_change FROM staff
             WHERE practice_id = $1 AND left_at_ms IS NULL ORDER BY created_at_ms, id",
            practice.as_uuid()
        )
    }

    /// The administrators who have not left, locked, so that of two who let each other go one stays.
    pub async fn lock_administrators(&mut self, practice: PracticeId) -> Result<Vec<StaffId>, StoreError> {
        let rows = all!(
            self,
            (Uuid,),
            "SELECT id FROM staff WHERE practice_id = $1 AND role = 'administrator' AND left_at_ms IS NULL ORDER BY id {wait_lock}",
            practice.as_uuid()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Somebody works here no more; `email` is an index that no address has. Returns false when nobody of that id does.
    pub async fn staff_leaves(
        &mut self,
        practice: PracticeId,
        staff: StaffId,
        email: BlindIndex,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let left = run!(
            self,
            "UPDATE staff SET left_at_ms = $3, email_bix = $4 WHERE practice_id = $1 AND id = $2 AND left_at_ms IS NULL",
            practice.as_uuid(),
            staff.as_uuid(),
            at.as_ms(),
            email.0.as_slice()
        )?;
        Ok(left == 1)
    }

    /// The language of somebody's pages. Returns false when nobody of that id works here.
    pub async fn set_staff_locale(
        &mut self,
        practice: PracticeId,
        staff: StaffId,
        locale: Locale,
    ) -> Result<bool, StoreError> {
        let set = run!(
            self,
            "UPDATE staff SET locale = $3 WHERE practice_id = $1 AND id = $2 AND left_at_ms IS NULL",
            practice.as_uuid(),
            staff.as_uuid(),
            locale.as_str()
        )?;
        Ok(set == 1)
    }

    /// Replaces a password by one that must be changed. Returns false when nobody of that id works here.
    pub async fn renew_staff_password(
        &mut self,
        practice: PracticeId,
        staff: StaffId,
        kdf: &str,
        verifier: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let set = run!(
            self,
            "UPDATE staff SET kdf = $3, verifier = $4, must_change = TRUE
             WHERE practice_id = $1 AND id = $2 AND left_at_ms IS NULL",
            practice.as_uuid(),
            staff.as_uuid(),
            kdf,
            verifier.as_slice()
        )?;
        Ok(set == 1)
    }

    /// Replaces a password's derivation and verifier.
    pub async fn set_staff_password(
        &mut self,
        practice: PracticeId,
        staff: StaffId,
        kdf: &str,
        verifier: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let set = run!(
            self,
            "UPDATE staff SET kdf = $3, verifier = $4, must_change = FALSE WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            staff.as_uuid(),
            kdf,
            verifier.as_slice()
        )?;
        Ok(set == 1)
    }
}
