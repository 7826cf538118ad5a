//! The one pair of hands that does the demo's work: moves the clock, sends what is due, and lets made-up people act.
//!
//! A served practice works in the background (`jobs`); here one thing happens after the other, so that a jump of a week sends
//! what a week would have sent, in its order.

use super::machine::event;
use super::people::People;
use chrono::{Duration, NaiveDateTime};
use chrono_tz::Tz;
use kept_domain::Instant;
use kept_flow::{Clock as _, Flow, FlowError, MovableClock};
use kept_render::demo::Event;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How often what became due by the running clock is done.
const PULSE: std::time::Duration = std::time::Duration::from_secs(1);
/// Jumps that the page remembers.
const REMEMBERED: usize = 12;

/// See the module.
#[derive(Debug)]
pub struct Hands {
    flow: Flow,
    clock: Arc<MovableClock>,
    zone: Tz,
    work: Mutex<Work>,
}

#[derive(Debug)]
struct Work {
    people: People,
    events: Vec<Event>,
}

impl Hands {
    /// Hands for a practice whose clock is shown in `zone`.
    pub fn new(flow: Flow, clock: Arc<MovableClock>, zone: Tz, people: People) -> Self {
        Self { flow, clock, zone, work: Mutex::new(Work { people, events: Vec::new() }) }
    }

    /// The steps.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The practice's clock.
    pub fn now(&self) -> (NaiveDateTime, Tz) {
        (self.clock.civil().local(self.zone), self.zone)
    }

    /// What happened, the newest first.
    pub async fn events(&self) -> Vec<Event> {
        self.work.lock().await.events.clone()
    }

    /// Whether any notice still waits.
    pub async fn waits(&self) -> Result<bool, FlowError> {
        Ok(self.flow.next_due_at(self.clock.civil()).await?.is_some())
    }

    /// Moves the clock to the next notice.
    pub async fn to_the_next(&self) -> Result<(), FlowError> {
        match self.flow.next_due_at(self.clock.civil()).await? {
            Some(due) => self.to(due).await,
            None => Ok(()),
        }
    }

    /// Moves the clock on.
    pub async fn by(&self, distance: Duration) -> Result<(), FlowError> {
        self.to(self.clock.civil() + distance).await
    }

    /// Moves the clock, stopping wherever something is due.
    pub async fn to(&self, to: Instant) -> Result<(), FlowError> {
        let mut work = self.work.lock().await;
        let Work { people, events } = &mut *work;
        let (mut answers, mut outcomes) = (0, 0);
        let moved = self
            .flow
            .advance(&self.clock, to, async |now| {
                let done = people.act(&self.flow, now).await?;
                answers += done.answers;
                outcomes += done.outcomes;
                Ok(())
            })
            .await?;
        events.insert(0, event(to.local(self.zone), moved.sent, answers, outcomes));
        events.truncate(REMEMBERED);
        Ok(())
    }

    /// Does what becomes due while the clock runs by itself, until told to stop.
    pub async fn pulse(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(PULSE)).await.is_some() {
            // While the clock is being moved, that is the work.
            let Ok(_work) = self.work.try_lock() else { continue };
            if let Err(error) = self.flow.settle().await {
                tracing::error!(%error, "the demo's work failed and is tried again");
            }
        }
    }
}
