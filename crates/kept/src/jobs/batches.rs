//! The apalis backend over our own rows: asks for a batch when there is room for one, and gives nothing else.

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::layers::Identity;
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::{RandomId, TaskId};
use apalis_core::worker::context::WorkerContext;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// How long nothing is asked after nothing was due, or nothing came of what was.
pub(crate) const IDLE: Duration = Duration::from_secs(1);

/// How long nothing is asked after the database failed; doubles with each failure in a row …
pub(crate) const FIRST_REST: Duration = Duration::from_secs(1);
/// … up to this.
pub(crate) const LONGEST_REST: Duration = Duration::from_secs(30);

/// Where batches come from.
pub(crate) trait Source: Send + 'static {
    /// Leased work.
    type Batch: Send + 'static;
    /// Why there may be none now.
    type Error: std::fmt::Display + Send + 'static;
    /// Leases what is due; none when nothing is.
    fn claim(&self) -> BoxFuture<'static, Result<Option<Self::Batch>, Self::Error>>;
    /// Gives a lease back that was not begun.
    fn release(&self, batch: Self::Batch) -> BoxFuture<'static, Result<(), Self::Error>>;
}

type Claiming<S> = BoxFuture<'static, Result<Option<<S as Source>::Batch>, <S as Source>::Error>>;

enum State<S: Source> {
    /// Ready to ask.
    Ready,
    /// A claim is under way. It is never dropped: what it leased would be idle until the lease ends.
    Claiming(Claiming<S>),
    /// Waits.
    Resting(Pin<Box<Sleep>>),
    /// Gives back what was claimed while the worker was told to stop.
    Releasing(BoxFuture<'static, Result<(), S::Error>>),
}

fn idle<S: Source>() -> State<S> {
    State::Resting(Box::pin(tokio::time::sleep(IDLE)))
}

/// Batches as an apalis backend.
///
/// It never fails: an error would end the worker, and a database that is away for a minute is no reason for that. It rests
/// and asks again.
pub(crate) struct Batches<S: Source> {
    source: S,
    state: State<S>,
    failures: u32,
    /// Set by whoever works on the batches: the last one came to nothing, so asking again at once would only come to the
    /// same.
    stuck: Arc<AtomicBool>,
    /// Tasks need an id; only the log sees it.
    handed_out: u64,
}

impl<S: Source> std::fmt::Debug for Batches<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batches({} handed out)", self.handed_out)
    }
}

impl<S: Source> Batches<S> {
    pub(crate) fn new(source: S, stuck: Arc<AtomicBool>) -> Self {
        Self { source, state: State::Ready, failures: 0, stuck, handed_out: 0 }
    }

    /// What to do after the database failed once more.
    fn rest(&mut self, error: &S::Error) -> State<S> {
        let rest = FIRST_REST.saturating_mul(1 << self.failures.min(10)).min(LONGEST_REST);
        self.failures += 1;
        tracing::warn!(%error, failures = self.failures, rest_s = rest.as_secs(), "due notices cannot be asked for");
        State::Resting(Box::pin(tokio::time::sleep(rest)))
    }
}

impl<S: Source + Unpin> Backend for Batches<S> {
    type Task = Task<S::Batch>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        loop {
            self.state = match &mut self.state {
                State::Ready if self.stuck.swap(false, Ordering::Relaxed) => idle(),
                State::Ready => State::Claiming(self.source.claim()),
                State::Claiming(claim) => match std::task::ready!(claim.poll_unpin(cx)) {
                    Ok(Some(batch)) => {
                        self.failures = 0;
                        self.handed_out += 1;
                        self.state = State::Ready;
                        let task = TaskBuilder::new(batch).task_id(TaskId::from_int(self.handed_out)).build();
                        return Poll::Ready(Some(Ok(task)));
                    }
                    Ok(None) => {
                        self.failures = 0;
                        idle()
                    }
                    Err(error) => self.rest(&error),
                },
                State::Resting(sleep) => {
                    std::task::ready!(sleep.as_mut().poll(cx));
                    State::Ready
                }
                State::Releasing(_) => return Poll::Ready(None),
            };
        }
    }

    /// A claim that is under way is finished, and what it leased is given back.
    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        loop {
            self.state = match &mut self.state {
                State::Ready | State::Resting(_) => return Poll::Ready(Ok(())),
                State::Claiming(claim) => match std::task::ready!(claim.poll_unpin(cx)) {
                    Ok(Some(batch)) => State::Releasing(self.source.release(batch)),
                    Ok(None) | Err(_) => State::Ready,
                },
                State::Releasing(release) => {
                    if let Err(error) = std::task::ready!(release.poll_unpin(cx)) {
                        tracing::warn!(%error, "a lease was not given back; it ends by itself");
                    }
                    State::Ready
                }
            };
        }
    }
}

impl<S: Source> BackendConfig for Batches<S> {
    type Args = S::Batch;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

#[cfg(test)]
#[path = "batches_tests.rs"]
mod tests;
