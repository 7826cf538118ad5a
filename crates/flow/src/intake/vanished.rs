//! Rows that a file should have had and has not.

use super::outcome::{ImportProblem, RowClass, RowDetail};
use super::{Opened, Run};
use crate::FlowError;
use kept_domain::private::SaidCol;
use kept_domain::time::resolve_local;
use kept_domain::{AppointmentId, AppointmentStatus, BlindIndex, Instant};
use kept_seal::{Blind, Place};
use kept_store::{MissableRow, Scope};
use std::collections::HashSet;

/// More than this share of the visits to come vanishing at once stops a source that may cancel by itself, in percent.
pub const BRAKE_PERCENT: usize = 20;

/// Rows marked in one transaction.
const ROWS: usize = 1_000;

/// Vanished rows that are described one by one.
const DESCRIBED: usize = 500;

impl Run<'_> {
    /// Looks for rows that are missing between the file's first and last day. A list of actions says itself what is gone.
    pub(super) async fn vanished(&mut self, opened: &Opened) -> Result<(), FlowError> {
        let reading = &opened.reading;
        let Some((from, to)) = self.days(opened).filter(|_| !reading.has_actions) else { return Ok(()) };
        let keys = &self.practice.keys;
        let here = reading.visits.iter().map(|visit| &visit.key);
        // A row that could not be used is there all the same.
        let unusable = reading.rejects.iter().filter_map(|reject| reject.key.as_ref());
        let seen: HashSet<BlindIndex> =
            here.chain(unusable).map(|key| keys.blind(Blind::AppointmentKey, key.as_str())).collect();
        let mut tx = self.flow.store.read(Scope::Practice(self.id())).await?;
        let rows = tx.rows_between(self.id(), self.source, from, to).await?;
        drop(tx);
        let (missing, present): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| !seen.contains(&row.key_bix));
        self.outcome.counts.vanished = missing.len() as u64;
        if missing.is_empty() {
            return Ok(());
        }
        let now = self.now;
        let to_come = |row: &&MissableRow| row.start > now && row.status.is_expected();
        let gone = missing.iter().filter(to_come).count();
        let stay = present.iter().filter(to_come).count();
        let complete = opened.mapping.is_complete_for_range();
        let braked = complete && gone * 100 > (gone + stay) * BRAKE_PERCENT;
        if braked {
            self.outcome.problems.push(ImportProblem::ManyVanished { gone, of: gone + stay });
        }
        self.describe_vanished(&missing).await?;
        if let Some(draft) = &mut self.draft {
            draft.vanished(missing.iter().filter(to_come).map(|row| row.appointment).collect(), complete && !braked);
        }
        if !self.writes {
            return Ok(());
        }
        for some in missing.chunks(ROWS) {
            self.write_vanished(some, complete && !braked).await?;
        }
        Ok(())
    }

    /// First and last moment of the file's days, in the practice's zone.
    fn days(&self, opened: &Opened) -> Option<(Instant, Instant)> {
        let zone = self.practice.practice.time_zone;
        let starts = || opened.reading.visits.iter().map(|visit| visit.starts_at.resolve(zone));
        let (first, last) = (starts().min()?, starts().max()?);
        let midnight = |day: chrono::NaiveDate| resolve_local(zone, day.and_time(chrono::NaiveTime::MIN));
        let after = last.local_day(zone).succ_opt()?;
        Some((midnight(first.local_day(zone)), midnight(after) - chrono::Duration::milliseconds(1)))
    }

    async fn write_vanished(&self, rows: &[MissableRow], cancel: bool) -> Result<(), FlowError> {
        let practice = self.id();
        let keys: Vec<BlindIndex> = rows.iter().map(|row| row.key_bix).collect();
        let ids = |wanted: &dyn Fn(&MissableRow) -> bool| -> Vec<AppointmentId> {
            rows.iter().filter(|row| wanted(row)).map(|row| row.appointment).collect()
        };
        let to_come = ids(&|row| row.start > self.now && row.status.is_expected());
        let off = ids(&|row| row.status == AppointmentStatus::Cancelled);
        let mut tx = self.flow.store.begin_batch(Scope::Practice(practice)).await?;
        tx.mark_vanished(practice, self.source, &keys, self.now).await?;
        tx.settle_cancelled(practice, &off).await?;
        if cancel {
            tx.cancel_visits(practice, &to_come, self.now).await?;
            tx.revoke_links_of_appointments(practice, &to_come, "cancelled", self.now).await?;
        } else {
            tx.hold_visits(practice, &to_come).await?;
        }
        tx.mark_days_dirty(practice, rows.iter().map(|row| row.local_day)).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn describe_vanished(&mut self, rows: &[MissableRow]) -> Result<(), FlowError> {
        let keys: Vec<BlindIndex> = rows.iter().take(DESCRIBED).map(|row| row.key_bix).collect();
        let mut tx = self.flow.store.read(Scope::Practice(self.id())).await?;
        let visits = tx.visits_of_rows(self.id(), self.source, &keys).await?;
        drop(tx);
        for visit in visits {
            let place = Place::new(visit.row, visit.row_rev);
            let mut said = self.practice.keys.open::<SaidCol>(&self.practice.salt, place, &visit.said)?.fields;
            let location = self.practice.location(visit.location);
            let zone = location.map_or(self.practice.practice.time_zone, |open| open.location.time_zone);
            self.outcome.describe(RowDetail {
                class: RowClass::Vanished,
                line: None,
                fields: Vec::new(),
                name: said.remove("name"),
                start: self.practice.local(visit.start, zone),
                practitioner: said.remove("practitioner"),
                has_number: said.contains_key("phone"),
                conflict: false,
            });
        }
        Ok(())
    }
}
