//! The versions of a practice's data-encryption key, from when they are made to when they are destroyed.

use crate::error::StoreError;
use crate::practice::StoredDek;
use crate::tx::Tx;
use kept_domain::{Instant, PracticeId};
use uuid::Uuid;

/// How a version of a practice's data-encryption key stands. The practice has its wrapped form until it is retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyState {
    /// From 1, rising.
    pub version: i64,
    /// When it was made, wall.
    pub created_at: Instant,
    /// From when on it seals, wall. None: until now it only opens.
    pub sealing_at: Option<Instant>,
    /// When it was destroyed, wall.
    pub retired_at: Option<Instant>,
}

impl Tx {
    /// Adds a version of a practice's data-encryption key.
    pub async fn insert_practice_key(
        &mut self,
        practice: PracticeId,
        dek: &StoredDek,
        now: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO practice_keys (practice_id, version, wrapped_dek, created_at_ms, sealing_at_ms)
             VALUES ($1, $2, $3, $4, $5)",
            practice.as_uuid(),
            dek.version,
            &dek.wrapped,
            now.as_ms(),
            dek.sealing.then_some(now.as_ms())
        )?;
        Ok(())
    }

    /// Replaces the wrapped forms of a practice's keys: the keys themselves stay. Fails with [`StoreError::Changed`]
    /// when a version came or went meanwhile.
    pub async fn rewrap_practice_keys(
        &mut self,
        practice: PracticeId,
        index: &[u8],
        deks: &[StoredDek],
    ) -> Result<(), StoreError> {
        let changed = || StoreError::Changed { table: "practice_keys", row: practice.to_string() };
        let there = scalar!(
            self,
            i64,
            "SELECT COUNT(*) FROM practice_keys WHERE practice_id = $1 AND retired_at_ms IS NULL",
            practice.as_uuid()
        )?;
        if usize::try_from(there) != Ok(deks.len()) {
            return Err(changed());
        }
        for dek in deks {
            let done = run!(
                self,
                "UPDATE practice_keys SET wrapped_dek = $3 WHERE practice_id = $1 AND version = $2",
                practice.as_uuid(),
                dek.version,
                &dek.wrapped
            )?;
            if done != 1 {
                return Err(changed());
            }
        }
        run!(self, "UPDATE practices SET wrapped_index_key = $2 WHERE id = $1", practice.as_uuid(), index)?;
        self.touch_practice(practice).await
    }

    /// Every version there ever was of a practice's data-encryption key, rising.
    pub async fn key_states(&mut self, practice: PracticeId) -> Result<Vec<KeyState>, StoreError> {
        let rows = all!(
            self,
            (i64, i64, Option<i64>, Option<i64>),
            "SELECT version, created_at_ms, sealing_at_ms, retired_at_ms FROM practice_keys WHERE practice_id = $1
             ORDER BY version",
            practice.as_uuid()
        )?;
        let read = |(version, created, sealing, retired): (i64, i64, Option<i64>, Option<i64>)| KeyState {
            version,
            created_at: Instant::from_ms(created),
            sealing_at: sealing.map(Instant::from_ms),
            retired_at: retired.map(Instant::from_ms),
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Practices with more than one key that is not destroyed. Needs [`crate::Scope::Work`].
    pub async fn rotating_practices(&mut self) -> Result<Vec<PracticeId>, StoreError> {
        let rows = all!(
            self,
            (Uuid,),
            "SELECT practice_id FROM practice_keys WHERE retired_at_ms IS NULL GROUP BY practice_id HAVING COUNT(*) > 1
             ORDER BY practice_id"
        )?;
        Ok(rows.into_iter().map(|(id,)| PracticeId::from_uuid(id)).collect())
    }

    /// From now on this version seals. Touches the practice. False: it did so already.
    pub async fn begin_sealing(
        &mut self,
        practice: PracticeId,
        version: u32,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE practice_keys SET sealing_at_ms = $3
             WHERE practice_id = $1 AND version = $2 AND sealing_at_ms IS NULL AND retired_at_ms IS NULL";
        let done = run!(self, sql, practice.as_uuid(), i64::from(version), now.as_ms())?;
        self.touch_practice(practice).await?;
        Ok(done == 1)
    }

    /// Destroys every version before this one: their wrapped forms are gone. Touches the practice. Says how many. Make sure in the
    /// same transaction that no value needs them.
    pub async fn retire_keys(&mut self, practice: PracticeId, before: u32, now: Instant) -> Result<u64, StoreError> {
        let sql = "UPDATE practice_keys SET wrapped_dek = $4, retired_at_ms = $3
             WHERE practice_id = $1 AND version < $2 AND retired_at_ms IS NULL";
        let nothing: &[u8] = &[];
        let done = run!(self, sql, practice.as_uuid(), i64::from(before), now.as_ms(), nothing)?;
        self.touch_practice(practice).await?;
        Ok(done)
    }
}
