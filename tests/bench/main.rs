//! `just bench`: how fast a schedule becomes visits, visits become notices, and notices leave, on each engine; and whether
//! it stays so fast when much waits. `docs/PERFORMANCE.md` says how to read it.
//!
//! The carrier is a stub in another process, reached over HTTP on loopback. Prints a table, ratios first, and writes
//! `target/bench/results.json`: a list of `{"name", "value", "unit", "goal", "met"}`; a goal of null is none.
//!
//! `KEPT_BENCH_ROWS` sets the rows of the schedule (100,000), `KEPT_BENCH_NOTICES` about how many visits are reminded
//! of through the stub (20,000), `KEPT_BENCH_WAITING` how many notices wait beside them at most (1,000,000),
//! `KEPT_BENCH_STATEMENTS` prints the statements that took longest (`statements.rs`). `KEPT_BENCH_ONLY` names parts and engines, separated by commas. `KEPT_TEST_POSTGRES_URL` adds PostgreSQL; without it only SQLite is
//! measured.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its results")]

mod binary;
mod calendar;
mod copy;
mod cpu;
mod dispatch;
mod growth;
mod portal;
mod results;
mod scene;
mod schedule;
mod statements;
mod stub;
mod webhooks;

use anyhow::Context as _;
use kept_store::testing::TestDatabase;
use results::Results;
use scene::Scene;
use statements::Statements;

/// What can be named in `KEPT_BENCH_ONLY`.
const ENGINES: [&str; 2] = ["sqlite", "postgres"];
const PARTS: [&str; 7] = ["schedule", "calendar", "dispatch", "growth", "portal", "webhooks", "binary"];

fn main() -> anyhow::Result<()> {
    if std::env::args().any(|argument| argument == stub::ARGUMENT) {
        return stub::serve();
    }
    if std::env::args().any(|argument| argument == webhooks::ARGUMENT) {
        return webhooks::load();
    }
    // The client is built for TLS too, although the stub speaks without.
    rustls::crypto::ring::default_provider().install_default().ok().context("the first to choose a provider")?;
    let load = Load {
        rows: number("KEPT_BENCH_ROWS", 100_000)?,
        notices: number("KEPT_BENCH_NOTICES", 20_000)?,
        waiting: number("KEPT_BENCH_WAITING", 1_000_000)?,
        only: std::env::var("KEPT_BENCH_ONLY").ok(),
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(&load))
}

/// How much.
#[derive(Debug)]
struct Load {
    rows: usize,
    notices: usize,
    waiting: usize,
    only: Option<String>,
}

impl Load {
    /// Whether a part is wanted: none is named, or this one is.
    fn has(&self, part: &str, parts: &[&str]) -> bool {
        let Some(only) = &self.only else { return true };
        let named = |one: &str| only.split(',').any(|name| name == one);
        named(part) || !parts.iter().any(|other| named(other))
    }
}

fn number(variable: &str, usual: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable} must be a number")),
        Err(_) => Ok(usual),
    }
}

async fn run(load: &Load) -> anyhow::Result<()> {
    let stub = stub::Stub::start()?;
    let mut results = Results::default();
    let statements = Statements::start()?;
    if load.has("sqlite", &ENGINES) {
        let sqlite = TestDatabase::sqlite().await;
        engine(&Scene::new("sqlite", &sqlite, &stub).await?, load, &mut results, &statements).await?;
        sqlite.close().await;
        if load.has("webhooks", &PARTS) {
            let sqlite = TestDatabase::sqlite().await;
            webhooks::engine("sqlite", &sqlite, &stub, &mut results).await?;
            sqlite.close().await;
        }
    }
    if load.has("postgres", &ENGINES)
        && let Some(postgres) = TestDatabase::postgres().await
    {
        engine(&Scene::new("postgres", &postgres, &stub).await?, load, &mut results, &statements).await?;
        postgres.close().await;
    }
    if load.has("postgres", &ENGINES)
        && load.has("webhooks", &PARTS)
        && let Some(postgres) = TestDatabase::postgres().await
    {
        webhooks::engine("postgres", &postgres, &stub, &mut results).await?;
        postgres.close().await;
    }
    if load.has("binary", &PARTS) {
        binary::run(&mut results).await?;
    }
    results.print();
    let path = results.write()?;
    println!("\n{load:?}; written to {}", path.display());
    Ok(())
}

async fn engine(scene: &Scene<'_>, load: &Load, results: &mut Results, statements: &Statements) -> anyhow::Result<()> {
    if load.has("schedule", &PARTS) {
        schedule::run(scene, load.rows, results).await?;
        eprint!("{}", statements.told("schedule"));
        // Years of the same schedule.
        if load.has("calendar", &PARTS) {
            calendar::run(scene, results).await?;
        }
    }
    if load.has("dispatch", &PARTS) {
        dispatch::run(scene, load.notices, results).await?;
        eprint!("{}", statements.told("dispatch"));
    }
    if load.has("growth", &PARTS) {
        growth::run(scene, load.notices, load.waiting, results).await?;
    }
    if load.has("portal", &PARTS) {
        portal::run(scene, load.notices, results).await?;
        eprint!("{}", statements.told("portal"));
    }
    Ok(())
}
