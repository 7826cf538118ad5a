//! Background work, hosted by apalis: one worker that hands out batches of due notices, and one for each sweep.
//!
//! apalis holds no truth. What is due, who holds it and since when stands in our rows; a worker that dies leaves leases
//! that end by themselves. This folder is the only place that knows apalis.

mod batches;
mod sweeps;

use crate::exit::{Exit, Failure};
use apalis::prelude::{Event, Monitor, WorkerBuilder, WorkerBuilderExt as _};
use batches::{Batches, Source};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kept_flow::dispatch::{BATCH, Batch};
use kept_flow::{Flow, FlowError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// Batches in flight in one process: one is claimed or recorded while others wait for the carrier.
pub const BATCHES_IN_FLIGHT: usize = 3;

/// A worker that fell this often since the process began is broken, and the process ends so that its supervisor sees it.
pub const MAX_RESTARTS: usize = 16;

/// Runs until `stop`, and then until what was begun is finished and what was claimed but not begun is given back.
///
/// # Errors
/// A worker died for good: the process should end, and its supervisor start it again.
pub async fn run(flow: Flow, stop: CancellationToken) -> Result<(), Failure> {
    let dispatcher = flow.clone();
    let mut monitor = Monitor::new().register(move |_restarts| {
        let flow = dispatcher.clone();
        let stuck = Arc::new(AtomicBool::new(false));
        WorkerBuilder::new("dispatch")
            .backend(Batches::new(Notices(flow.clone()), stuck.clone()))
            .enable_tracing()
            .concurrency(BATCHES_IN_FLIGHT)
            .catch_panic()
            .build(move |batch: Batch| {
                let (flow, stuck) = (flow.clone(), stuck.clone());
                async move {
                    // On a task of its own: batches are sealed and rendered on several cores.
                    let summary = tokio::spawn(async move { flow.dispatch_batch(batch).await }).await??;
                    tracing::debug!(?summary, "a batch is done");
                    stuck.store(!summary.progressed(), Ordering::Relaxed);
                    Ok::<(), apalis::prelude::BoxDynError>(())
                }
            })
    });
    for sweep in kept_flow::SWEEPS {
        monitor = sweeps::register(monitor, &flow, sweep).map_err(|error| Failure::of(Exit::Software, error))?;
    }
    supervise(monitor, stop).await
}

/// Runs a monitor until it is told to stop or a worker is broken.
async fn supervise(monitor: Monitor, stop: CancellationToken) -> Result<(), Failure> {
    let broken = CancellationToken::new();
    let told = broken.clone();
    let monitor = monitor
        .should_restart(move |worker, error| {
            // A panic of a task is caught before; what arrives here is a fault of the worker itself.
            let again = worker.restarts() < MAX_RESTARTS;
            tracing::error!(worker = worker.name(), %error, restarts = worker.restarts(), again, "a worker fell");
            if !again {
                told.cancel();
            }
            again
        })
        .on_event(|worker, event| {
            if let Event::Error(error) = event {
                tracing::error!(worker = worker.name(), %error, "work failed and will be tried again");
            }
        });
    let context = monitor.context();
    let ending = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = broken.cancelled() => {}
        }
        context.shutdown()
    };
    let (ended, told) = tokio::join!(monitor.run(), ending);
    let ended = ended.and(told).map_err(|error| Failure::of(Exit::Software, error));
    if broken.is_cancelled() && ended.is_ok() {
        return Err(Failure::new(Exit::Software, "a worker fell again and again; the log says why"));
    }
    ended
}

/// Due notices as the backend asks for them.
#[derive(Debug, Clone)]
struct Notices(Flow);

impl Source for Notices {
    type Batch = Batch;
    type Error = FlowError;

    fn claim(&self) -> BoxFuture<'static, Result<Option<Batch>, FlowError>> {
        let flow = self.0.clone();
        async move { flow.claim_due(BATCH).await }.boxed()
    }

    fn release(&self, batch: Batch) -> BoxFuture<'static, Result<(), FlowError>> {
        let flow = self.0.clone();
        async move { flow.release(batch).await }.boxed()
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
