//! A new data-encryption key for a practice, and everything moved to it, while everybody goes on reading and writing.
//!
//! | step | who | when |
//! |---|---|---|
//! | made: it opens, the old one seals | `kept keys rotate` | at once |
//! | it seals | sweep `reseal` | [`SETTLE`] later: every process knows it, so no read fails |
//! | what lies under the old one is sealed anew, in batches, by compare-and-set | sweep `reseal` | as long as it takes |
//! | the old one is destroyed | sweep `reseal` | nothing is left under it, and the new one has sealed for [`SETTLE`] |
//!
//! A step that began before the new key sealed still seals under the old one; [`SETTLE`] is far longer than any step, so that
//! such a value is found before its key is destroyed. Blind indexes and content MACs have a key of their own, which stays.

use crate::audit::{self, AuditEntry, act};
use crate::keys::{stored_dek, unwrap_keys};
use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use kept_domain::private::{
    AnswerCol, AppointmentCol, ContactCol, ImportCol, InboundCol, LayoutCol, LinkSecretCol, NoticeBodyCol, PatientCol,
    PractitionerCol, RequestCol, SaidCol, StaffCol, UploadCol, UploadMappingCol, VisitTypeCol,
};
use kept_domain::{Instant, PracticeId};
use kept_seal::{Place, SealError};
use kept_store::{KeyState, NewCell, OldCell, Resealed, Scope, StoredDek};
use uuid::Uuid;

/// How long a new key only opens, and how long the old one stays after that. A sweep's turn lasts five minutes at most, a request
/// thirty seconds, the largest file some minutes; cookies and forms that were sealed under the old key are forgotten by then.
pub const SETTLE: Duration = Duration::hours(1);
/// Values that are sealed anew in one transaction: a few milliseconds on SQLite, whose writer is alone.
pub const RESEAL_BATCH: i64 = 100;
/// Batches of one practice in one turn of the sweep; the next turn goes on.
pub const BATCHES_A_TURN: usize = 1_000;

/// How a practice's rotation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Whose.
    pub practice: PracticeId,
    /// The newest version.
    pub version: u32,
    /// When it was made, wall.
    pub made_at: Instant,
    /// From when on it seals, wall. None: not yet.
    pub sealing_at: Option<Instant>,
    /// Values under older keys.
    pub left: u64,
}

/// What sealing anew came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moved {
    /// Values that are under the newest key now.
    rows: u64,
    /// Values that do not open, and stay as they are.
    stuck: u64,
    /// Batches.
    batches: usize,
}

impl Flow {
    /// Makes a new data-encryption key for a practice. Gives its version. The sweep `reseal` does the rest.
    ///
    /// # Errors
    /// [`FlowError::RotationUnderWay`] while an earlier one is not finished.
    pub async fn rotate_keys(&self, practice: PracticeId) -> Result<u32, FlowError> {
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        // First, and so under its lock: of two rotations at once the second sees the first.
        tx.touch_practice(practice).await?;
        let stored = tx.stored_practice(practice).await?.ok_or(FlowError::NotFound { what: "practice" })?;
        if stored.deks.len() > 1 {
            return Err(FlowError::RotationUnderWay);
        }
        let keys = unwrap_keys(&self.ring, practice, stored.wrapped_index_key, stored.deks)?;
        let (_, wrapped) = keys.rotate(&self.ring)?;
        let version = wrapped.version;
        tx.insert_practice_key(practice, &StoredDek { sealing: false, ..stored_dek(wrapped) }, wall).await?;
        let made = AuditEntry::system(act::KEY_MADE).count("version", i64::from(version));
        audit::append(&mut tx, practice, wall, &[made]).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Every rotation that is not finished.
    pub async fn rotations(&self) -> Result<Vec<Rotation>, FlowError> {
        let practices = self.store.read(Scope::Work).await?.rotating_practices().await?;
        let mut rotations = Vec::with_capacity(practices.len());
        for practice in practices {
            let mut tx = self.store.read(Scope::Practice(practice)).await?;
            let Some((newest, version)) = newest(&tx.key_states(practice).await?) else { continue };
            let left = u64::try_from(tx.count_old_cells(practice, version).await?).unwrap_or(0);
            let KeyState { created_at: made_at, sealing_at, .. } = newest;
            rotations.push(Rotation { practice, version, made_at, sealing_at, left });
        }
        Ok(rotations)
    }

    /// The sweep: brings every rotation a step further. Says how many values were sealed anew.
    pub(crate) async fn reseal(&self) -> Result<u64, FlowError> {
        let practices = self.store.read(Scope::Work).await?.rotating_practices().await?;
        let mut rows = 0;
        for practice in practices {
            rows += self.reseal_practice(practice).await?;
        }
        Ok(rows)
    }

    async fn reseal_practice(&self, practice: PracticeId) -> Result<u64, FlowError> {
        let wall = self.clock.wall();
        let states = self.store.read(Scope::Practice(practice)).await?.key_states(practice).await?;
        let Some((newest, version)) = newest(&states) else { return Ok(0) };
        let sealing_at = match newest.sealing_at {
            Some(at) => at,
            None if wall < newest.created_at + SETTLE => return Ok(0),
            None => {
                self.begin_sealing(practice, version, wall).await?;
                wall
            }
        };
        let open = self.practice(practice).await?;
        let moved = self.reseal_columns(&open).await?;
        if moved.rows > 0 {
            let entry = AuditEntry::system(act::VALUES_RESEALED)
                .count("version", i64::from(version))
                .count("rows", i64::try_from(moved.rows).unwrap_or(i64::MAX))
                .count("stuck", i64::try_from(moved.stuck).unwrap_or(i64::MAX));
            let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
            audit::append(&mut tx, practice, wall, &[entry]).await?;
            tx.commit().await?;
        }
        if wall >= sealing_at + SETTLE {
            self.retire_keys(practice, version, wall).await?;
        }
        Ok(moved.rows)
    }

    async fn begin_sealing(&self, practice: PracticeId, version: u32, wall: Instant) -> Result<(), FlowError> {
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        if tx.begin_sealing(practice, version, wall).await? {
            let entry = AuditEntry::system(act::KEY_SEALS).count("version", i64::from(version));
            audit::append(&mut tx, practice, wall, &[entry]).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Destroys the older keys if nothing needs them.
    async fn retire_keys(&self, practice: PracticeId, version: u32, wall: Instant) -> Result<(), FlowError> {
        let left = self.store.read(Scope::Practice(practice)).await?.count_old_cells(practice, version).await?;
        if left > 0 {
            tracing::warn!(%practice, version, left, "values are still under an old key, which therefore stays");
            return Ok(());
        }
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        if tx.count_old_cells(practice, version).await? > 0 {
            return Ok(());
        }
        let retired = tx.retire_keys(practice, version, wall).await?;
        let entry = AuditEntry::system(act::KEY_DESTROYED)
            .count("before_version", i64::from(version))
            .count("keys", i64::try_from(retired).unwrap_or(i64::MAX));
        audit::append(&mut tx, practice, wall, &[entry]).await?;
        tx.commit().await?;
        tracing::info!(%practice, version, retired, "older keys were destroyed: nothing is left under them");
        Ok(())
    }

    async fn reseal_column<C: Resealed>(&self, open: &OpenPractice, moved: &mut Moved) -> Result<(), FlowError> {
        let (practice, version) = (open.practice.id, open.keys.current_version());
        let mut after = Uuid::nil();
        while moved.batches < BATCHES_A_TURN {
            let mut tx = self.store.read(Scope::Practice(practice)).await?;
            let old: Vec<OldCell<C>> = tx.old_cells(practice, version, after, RESEAL_BATCH).await?;
            drop(tx);
            let Some(last) = old.last() else { return Ok(()) };
            after = last.via;
            let mut new = Vec::with_capacity(old.len());
            for old in old {
                match open.keys.reseal(&old.salt, Place::new(old.row, old.rev), &old.cell) {
                    Ok(cell) => new.push(NewCell { old, cell }),
                    Err(error @ (SealError::Tampered { .. } | SealError::UnknownVersion { .. })) => {
                        // It stays as it is, for whoever looks into it; the old key stays with it.
                        tracing::error!(%practice, %error, "a value cannot be sealed anew");
                        moved.stuck += 1;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
            moved.rows += tx.replace_cells(practice, &new).await?;
            tx.commit().await?;
            moved.batches += 1;
        }
        Ok(())
    }
}

/// The newest version that is not destroyed, if there is an older one beside it.
fn newest(states: &[KeyState]) -> Option<(KeyState, u32)> {
    let mut living = states.iter().filter(|state| state.retired_at.is_none());
    let newest = *living.next_back()?;
    living.next()?;
    Some((newest, u32::try_from(newest.version).ok()?))
}

macro_rules! columns {
    ($($col:ty),+ $(,)?) => {
        impl Flow {
            async fn reseal_columns(&self, open: &OpenPractice) -> Result<Moved, FlowError> {
                let mut moved = Moved::default();
                $(self.reseal_column::<$col>(open, &mut moved).await?;)+
                Ok(moved)
            }
        }

        #[cfg(test)]
        const COLUMNS: &[(&str, &str)] = &[$(<$col>::PLACE),+];
    };
}

columns! {
    PatientCol, ContactCol, AppointmentCol, SaidCol, PractitionerCol, VisitTypeCol, NoticeBodyCol, LinkSecretCol, AnswerCol,
    RequestCol, InboundCol, StaffCol, ImportCol, UploadCol, UploadMappingCol, LayoutCol,
}

#[cfg(test)]
#[path = "rotate_tests.rs"]
mod tests;
