//! Moving the civil clock, as the demo's time machine and the stories do: it stops at every instant at which something
//! is due and finishes that before it goes on, so that a jump of a week sends what a week would have sent.

use crate::{Flow, FlowError, MovableClock, Turn};
use kept_domain::Instant;
use std::time::Duration;

/// Rounds of planning, sending and counting at one stop. Each round that changes something makes fewer things due; a
/// flow that is not quiet after so many has a fault.
pub const MAX_ROUNDS: usize = 10_000;
/// How long to wait for another worker of this or another process that holds a turn.
const TAKEN_PAUSE: Duration = Duration::from_millis(20);
/// The sweeps that make a stop quiet, in this order, with the sending between the first and the others.
const AFTER_SENDING: [&str; 3] = ["receipts", "reconcile", "report"];

/// What happened at the stops of one move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Advanced {
    /// Instants at which something was due.
    pub stops: usize,
    /// Notices the carrier took.
    pub sent: usize,
    /// Notices that will never be sent.
    pub dropped: usize,
}

impl Flow {
    /// Does everything that is due now: plans, sends, applies receipts, counts; until nothing is left.
    ///
    /// # Errors
    /// [`FlowError::Restless`] after [`MAX_ROUNDS`].
    pub async fn settle(&self) -> Result<Advanced, FlowError> {
        let mut done = Advanced::default();
        // Waits for whoever follows webhooks already: what they queue is due as well.
        self.turn("receipts").await?;
        for _ in 0..MAX_ROUNDS {
            let mut changed = self.turn("plan").await?;
            let summary = self.dispatch_due(crate::dispatch::BATCH).await?;
            done.sent += summary.sent;
            done.dropped += summary.dropped;
            changed += u64::from(summary.progressed());
            for sweep in AFTER_SENDING {
                changed += self.turn(sweep).await?;
            }
            if changed == 0 {
                return Ok(done);
            }
        }
        Err(FlowError::Restless)
    }

    /// Moves the clock to `to`, stopping wherever a notice is due. `at_stop` runs at each stop after everything due was
    /// done, and may do things of its own (answer, mark outcomes, time a restart); what it made due is done before the
    /// clock goes on.
    pub async fn advance<F>(&self, clock: &MovableClock, to: Instant, mut at_stop: F) -> Result<Advanced, FlowError>
    where
        F: AsyncFnMut(Instant) -> Result<(), FlowError>,
    {
        let mut total = Advanced::default();
        let mut visit = async |now: Instant, total: &mut Advanced| -> Result<(), FlowError> {
            for part in [true, false] {
                let done = self.settle().await?;
                total.sent += done.sent;
                total.dropped += done.dropped;
                if part {
                    at_stop(now).await?;
                }
            }
            total.stops += 1;
            Ok(())
        };
        visit(crate::Clock::civil(clock), &mut total).await?;
        while let Some(due) = self.next_due_at(crate::Clock::civil(clock)).await? {
            if due > to {
                break;
            }
            clock.set_civil(due);
            visit(due, &mut total).await?;
        }
        if crate::Clock::civil(clock) < to {
            clock.set_civil(to);
            visit(to, &mut total).await?;
        }
        Ok(total)
    }

    /// One turn of a sweep, waiting for whoever holds it.
    async fn turn(&self, name: &str) -> Result<u64, FlowError> {
        for _ in 0..MAX_ROUNDS {
            match self.run_sweep(name).await? {
                Turn::Ran(changed) => return Ok(changed),
                Turn::Taken => tokio::time::sleep(TAKEN_PAUSE).await,
                Turn::Unknown => return Err(FlowError::NotFound { what: "sweep" }),
            }
        }
        Err(FlowError::Restless)
    }
}
