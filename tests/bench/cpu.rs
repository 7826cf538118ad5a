//! CPU seconds of every process that takes part: what a noisy machine does not change.

use anyhow::Context as _;
use kept_store::DatabaseUrl;
use kept_store::testing::TestDatabase;
use sqlx::{Connection as _, PgConnection};
use std::path::Path;

/// PostgreSQL's processes that write what its backends leave to them.
const HELPERS: [&str; 3] = ["checkpointer", "background writer", "walwriter"];

/// This process, the stub carrier and, on PostgreSQL, its backends of one database and its helpers.
#[derive(Debug)]
pub(crate) struct Processes(Vec<u32>);

impl Processes {
    /// Finds them. Connections must be open already; later ones are not counted.
    pub(crate) async fn of(database: &TestDatabase, stub: u32) -> anyhow::Result<Self> {
        let mut processes = vec![std::process::id(), stub];
        if let DatabaseUrl::Postgres(url) = &database.settings.url {
            let mut connection = PgConnection::connect(url).await?;
            let backends: Vec<(i32,)> = sqlx::query_as(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'kept'",
            )
            .fetch_all(&mut connection)
            .await?;
            connection.close().await?;
            for (pid,) in &backends {
                let pid = u32::try_from(*pid)?;
                anyhow::ensure!(Path::new(&format!("/proc/{pid}")).exists(), "the database server runs elsewhere");
                processes.push(pid);
            }
            if let Some(first) = processes.get(2) {
                let postmaster = parent(*first)?;
                processes.extend(helpers(postmaster)?);
            }
        }
        Ok(Self(processes))
    }

    /// Seconds so far.
    pub(crate) fn seconds(&self) -> anyhow::Result<f64> {
        self.0.iter().map(|pid| process_seconds(*pid)).sum()
    }
}

/// Of all threads that live: the first field of `schedstat` is nanoseconds on a CPU.
fn process_seconds(pid: u32) -> anyhow::Result<f64> {
    let mut seconds = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).with_context(|| format!("process {pid}"))? {
        // A thread that ends meanwhile has nothing more to say.
        let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let ns: f64 = text.split(' ').next().context("schedstat has fields")?.parse()?;
        seconds += ns / 1e9;
    }
    Ok(seconds)
}

fn parent(pid: u32) -> anyhow::Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:")).context("a process has a parent")?;
    Ok(line.trim().parse()?)
}

fn helpers(postmaster: u32) -> anyhow::Result<Vec<u32>> {
    let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"))?;
    let is_helper = |pid: &u32| {
        let title = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        HELPERS.iter().any(|helper| title.contains(helper))
    };
    Ok(children.split_whitespace().filter_map(|pid| pid.parse().ok()).filter(is_helper).collect())
}

/// The most memory this process has held, in megabytes.
pub(crate) fn peak_megabytes() -> anyhow::Result<f64> {
    memory("self", "VmHWM:")
}

/// What a process holds now, in megabytes.
pub(crate) fn resident_megabytes(pid: u32) -> anyhow::Result<f64> {
    memory(&pid.to_string(), "VmRSS:")
}

fn memory(process: &str, line: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = status.lines().find_map(|text| text.strip_prefix(line)).context("a process has memory")?;
    Ok(kilobytes.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
