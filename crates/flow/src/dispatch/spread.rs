//! After an outage, and when the hours open: what is due all at once goes out at the pace that the carrier grants, inside the hours.
//!
//! Without this, thousands of notices would be claimed, wait for their sender's turn, and be given back, again and again; those that
//! expire first would have no better chance than the others.

use crate::{Flow, FlowError};
use kept_domain::window::Hours;
use kept_domain::{Channel, PracticeId};
use kept_store::Scope;

/// A backlog is more than the carrier takes in this time.
pub const BACKLOG_S: u32 = 60;

impl Flow {
    /// The sweep: gives the notices of a backlog due times one after another, the first to expire first. Returns how many were moved.
    pub(crate) async fn spread_backlogs(&self) -> Result<u64, FlowError> {
        let paced: Vec<(Channel, u32)> =
            Channel::ALL.iter().filter_map(|channel| Some((*channel, self.carriers.pace(*channel)?))).collect();
        if paced.is_empty() {
            return Ok(0);
        }
        let mut spread = 0;
        let due = self.store.read(Scope::Work).await?.due_by_practice(self.clock.civil()).await?;
        for (practice, channel, count) in due {
            let Some((_, per_second)) = paced.iter().find(|(of, _)| *of == channel) else { continue };
            if count > i64::from(*per_second) * i64::from(BACKLOG_S) {
                spread += self.spread(practice, channel, *per_second, count).await?;
            }
        }
        Ok(spread)
    }

    async fn spread(
        &self,
        practice: PracticeId,
        channel: Channel,
        per_second: u32,
        count: i64,
    ) -> Result<u64, FlowError> {
        let open = self.practice(practice).await?;
        let settings = &open.practice.settings;
        let (now, zone) = (self.clock.civil(), [open.practice.time_zone]);
        let hours = Hours::of_practice(&settings.send_window, &settings.country)?;
        if !hours.allows(now, &zone) {
            // Whatever is due waits for the opening, and is spread then.
            return Ok(0);
        }
        // Faster than the pace where the hours would not do for all: the carrier's own queue takes the rest.
        let left = (hours.closes_at(now, &zone) - now).num_milliseconds();
        let gap_ms = (1_000 / i64::from(per_second.max(1))).min(left / count.max(1)).max(1);
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        let moved = tx.spread_notices(practice, channel, now, gap_ms).await?;
        tx.commit().await?;
        tracing::info!(%practice, %channel, moved, gap_ms, "more is due than the carrier takes at once; it is spread");
        Ok(moved)
    }
}
