//! The backend against a source that the tests control.

use super::*;
use apalis::prelude::{Monitor, WorkerBuilder, WorkerBuilderExt as _};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// What the next claim comes to.
enum Next {
    Batch(u32),
    Nothing,
    Fails,
    /// Comes to this batch once the test says so.
    Late(u32, Arc<Notify>),
}

#[derive(Clone, Default)]
struct Script {
    next: Arc<Mutex<VecDeque<Next>>>,
    claims: Arc<Mutex<u32>>,
    released: Arc<Mutex<Vec<u32>>>,
    done: Arc<Mutex<Vec<u32>>>,
    progress: Arc<Notify>,
    stuck: Arc<AtomicBool>,
}

impl Script {
    fn of(steps: impl IntoIterator<Item = Next>) -> Self {
        let script = Self::default();
        script.next.lock().unwrap().extend(steps);
        script
    }
}

impl Source for Script {
    type Batch = u32;
    type Error = &'static str;

    fn claim(&self) -> BoxFuture<'static, Result<Option<u32>, &'static str>> {
        *self.claims.lock().unwrap() += 1;
        let next = self.next.lock().unwrap().pop_front();
        self.progress.notify_one();
        async move {
            match next {
                Some(Next::Batch(batch)) => Ok(Some(batch)),
                Some(Next::Late(batch, when)) => {
                    when.notified().await;
                    Ok(Some(batch))
                }
                Some(Next::Fails) => Err("the database is away"),
                Some(Next::Nothing) | None => Ok(None),
            }
        }
        .boxed()
    }

    fn release(&self, batch: u32) -> BoxFuture<'static, Result<(), &'static str>> {
        self.released.lock().unwrap().push(batch);
        async { Ok(()) }.boxed()
    }
}

fn monitor(script: &Script) -> Monitor {
    let script = script.clone();
    Monitor::new().register(move |_| {
        let done = script.clone();
        WorkerBuilder::new("test")
            .backend(Batches::new(script.clone(), script.stuck.clone()))
            .concurrency(2)
            .catch_panic()
            .build(move |batch: u32| {
                let done = done.clone();
                async move {
                    assert_ne!(batch, 13, "a task that panics");
                    done.done.lock().unwrap().push(batch);
                    done.progress.notify_one();
                }
            })
    })
}

async fn until(script: &Script, what: impl Fn(&Script) -> bool) {
    let waiting = async {
        while !what(script) {
            let _ = tokio::time::timeout(Duration::from_millis(50), script.progress.notified()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("within 20 s");
}

#[tokio::test]
async fn a_failing_database_and_a_panic_end_nothing() {
    let script = Script::of([Next::Fails, Next::Batch(1), Next::Batch(13), Next::Nothing, Next::Batch(2)]);
    let monitor = monitor(&script);
    let context = monitor.context();
    let running = tokio::spawn(monitor.run());
    until(&script, |script| script.done.lock().unwrap().contains(&2)).await;
    assert_eq!(*script.done.lock().unwrap(), [1, 2]);
    context.shutdown().unwrap();
    tokio::time::timeout(Duration::from_secs(5), running).await.expect("it stops").unwrap().expect("without an error");
    assert!(script.released.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_claimed_while_stopping_is_given_back() {
    let late = Arc::new(Notify::new());
    let script = Script::of([Next::Late(7, late.clone())]);
    let monitor = monitor(&script);
    let context = monitor.context();
    let running = tokio::spawn(monitor.run());
    until(&script, |script| *script.claims.lock().unwrap() == 1).await;
    context.shutdown().unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!running.is_finished(), "the claim under way is waited for");
    late.notify_one();
    tokio::time::timeout(Duration::from_secs(5), running).await.expect("it stops").unwrap().expect("without an error");
    assert_eq!(*script.released.lock().unwrap(), [7]);
    assert!(script.done.lock().unwrap().is_empty(), "and it was not begun");
}

#[tokio::test]
async fn an_idle_backend_asks_no_more_than_once_a_second() {
    let script = Script::default();
    let monitor = monitor(&script);
    let context = monitor.context();
    let running = tokio::spawn(monitor.run());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let claims = *script.claims.lock().unwrap();
    assert!((1..=2).contains(&claims), "{claims} claims in 1.5 s");
    context.shutdown().unwrap();
    tokio::time::timeout(Duration::from_secs(5), running).await.expect("it stops").unwrap().expect("without an error");
}

#[tokio::test]
async fn after_a_batch_that_came_to_nothing_it_rests() {
    let script = Script::of((0..1000).map(Next::Batch));
    script.stuck.store(true, Ordering::Relaxed);
    let mut backend = Batches::new(script.clone(), script.stuck.clone());
    let worker = WorkerContext::new("test");
    let first = tokio::time::timeout(IDLE / 2, std::future::poll_fn(|cx| backend.poll_next(cx, &worker))).await;
    assert!(first.is_err(), "it rests before it asks");
    let first = std::future::poll_fn(|cx| backend.poll_next(cx, &worker)).await;
    assert!(first.is_some_and(|task| task.is_ok()));
    let second = tokio::time::timeout(IDLE / 2, std::future::poll_fn(|cx| backend.poll_next(cx, &worker))).await;
    assert!(second.is_ok(), "and then asks on");
}
