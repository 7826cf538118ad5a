//! `just bench`: how fast a schedule becomes visits, visits become notices, and notices leave, on each engine.
//!
//! The carrier is a stub in another process, reached over HTTP on loopback. Prints a table and writes
//! `target/bench/results.json`: a list of `{"name", "value", "unit", "goal", "met"}`; a goal of null is none.
//!
//! `KEPT_BENCH_ROWS` sets the rows of the schedule (100,000), `KEPT_BENCH_NOTICES` about how many visits are reminded
//! of through the stub (20,000). `KEPT_TEST_POSTGRES_URL` adds PostgreSQL; without it only SQLite is measured.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its results")]

mod measure;
mod results;
mod stub;
mod webhooks;

use anyhow::Context as _;
use kept_store::testing::TestDatabase;
use measure::Load;
use results::Results;

fn main() -> anyhow::Result<()> {
    if std::env::args().any(|argument| argument == stub::ARGUMENT) {
        return stub::serve();
    }
    if std::env::args().any(|argument| argument == webhooks::ARGUMENT) {
        return webhooks::load();
    }
    // The client is built for TLS too, although the stub speaks without.
    rustls::crypto::ring::default_provider().install_default().ok().context("the first to choose a provider")?;
    let load = Load { rows: number("KEPT_BENCH_ROWS", 100_000)?, notices: number("KEPT_BENCH_NOTICES", 20_000)? };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(load))
}

fn number(variable: &str, usual: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable} must be a number")),
        Err(_) => Ok(usual),
    }
}

async fn run(load: Load) -> anyhow::Result<()> {
    let stub = stub::Stub::start()?;
    let mut results = Results::default();
    let sqlite = TestDatabase::sqlite().await;
    measure::engine("sqlite", &sqlite, load, &stub, &mut results).await?;
    sqlite.close().await;
    let sqlite = TestDatabase::sqlite().await;
    webhooks::engine("sqlite", &sqlite, &stub, &mut results).await?;
    sqlite.close().await;
    if let Some(postgres) = TestDatabase::postgres().await {
        measure::engine("postgres", &postgres, load, &stub, &mut results).await?;
        postgres.close().await;
    }
    if let Some(postgres) = TestDatabase::postgres().await {
        webhooks::engine("postgres", &postgres, &stub, &mut results).await?;
        postgres.close().await;
    }
    results.print();
    let path = results.write()?;
    println!("\n{} rows, about {} notices; written to {}", load.rows, load.notices, path.display());
    Ok(())
}
