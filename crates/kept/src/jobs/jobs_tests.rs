//! A worker that is broken ends the whole.

use super::*;
use apalis_core::backend::dequeue::VecDequeBackend;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A monitor with a worker whose task panics outside any layer that would catch it, and one that waits for ever.
fn falling(times: Arc<AtomicUsize>) -> Monitor {
    let waiting = Monitor::new()
        .register(|_| WorkerBuilder::new("waits").backend(VecDequeBackend::<u32>::new()).build(|_: u32| async {}));
    waiting.register(move |_| {
        let times = times.clone();
        WorkerBuilder::new("falls").backend(Batches::new(Always, Arc::default())).build(move |_: u32| {
            times.fetch_add(1, Ordering::SeqCst);
            async { fall() }
        })
    })
}

fn fall() {
    panic!("on purpose");
}

#[derive(Clone)]
struct Always;

impl Source for Always {
    type Batch = u32;
    type Error = &'static str;

    fn claim(&self) -> BoxFuture<'static, Result<Option<u32>, &'static str>> {
        async { Ok(Some(1)) }.boxed()
    }

    fn release(&self, _: u32) -> BoxFuture<'static, Result<(), &'static str>> {
        async { Ok(()) }.boxed()
    }
}

#[tokio::test]
async fn a_worker_that_falls_for_ever_ends_the_process() {
    let times = Arc::new(AtomicUsize::new(0));
    let ended =
        tokio::time::timeout(Duration::from_secs(20), supervise(falling(times.clone()), CancellationToken::new()));
    let failure = ended.await.expect("it gives up").expect_err("and says so");
    assert_eq!(failure.exit, Exit::Software);
    assert_eq!(times.load(Ordering::SeqCst), MAX_RESTARTS + 1);
}

#[tokio::test]
async fn told_to_stop_it_stops_without_an_error() {
    let stop = CancellationToken::new();
    let monitor = Monitor::new()
        .register(|_| WorkerBuilder::new("waits").backend(VecDequeBackend::<u32>::new()).build(|_: u32| async {}));
    let running = tokio::spawn(supervise(monitor, stop.clone()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), running)
        .await
        .expect("it stops")
        .expect("no panic")
        .expect("no error");
}
