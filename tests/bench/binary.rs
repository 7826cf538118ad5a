//! The program itself: how soon it is ready, what it holds when idle, how large it is. Needs `target/release/kept`.

use crate::cpu;
use crate::results::Results;
use anyhow::{Context as _, ensure};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const READY_MS: f64 = 300.0;
const IDLE_MB: f64 = 60.0;
const SIZE_MB: f64 = 40.0;
/// How long it may take before this gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Starts of which the middle one counts.
const STARTS: usize = 5;

pub(crate) async fn run(results: &mut Results) -> anyhow::Result<()> {
    let binary = binary()?;
    if !binary.exists() {
        eprintln!("not measured: {} is not there; `cargo build --release` makes it", binary.display());
        return Ok(());
    }
    #[expect(clippy::cast_precision_loss, reason = "a program's size")]
    let size = binary.metadata()?.len() as f64 / 1e6;
    results.add_at_most("binary size".to_owned(), size, "MB", Some(SIZE_MB));

    let folder = tempfile::tempdir()?;
    let program = Program { binary, folder: folder.path() };
    program.run(&["keys", "new"])?;
    program.run(&["init", "--practice", "Bench", "--time-zone", "America/Chicago", "--admin", "a@example.org"])?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut starts = Vec::with_capacity(STARTS);
    let mut idle = 0.0;
    for _ in 0..STARTS {
        let begun = Instant::now();
        let mut served = Served(program.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        while client.get(format!("http://{LISTEN}/health/ready")).send().await.is_err() {
            ensure!(begun.elapsed() < PATIENCE && served.0.try_wait()?.is_none(), "kept serve does not get ready");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        starts.push(begun.elapsed());
        tokio::time::sleep(Duration::from_secs(2)).await;
        idle = cpu::resident_megabytes(served.0.id())?;
    }
    starts.sort_unstable();
    results.add_at_most("start to ready".to_owned(), starts[STARTS / 2].as_secs_f64() * 1e3, "ms", Some(READY_MS));
    results.add_at_most("idle memory".to_owned(), idle, "MB", Some(IDLE_MB));
    Ok(())
}

/// Where it listens; nothing else on this machine should.
const LISTEN: &str = "127.0.0.1:28471";

/// Beside this program: `target/release/deps/throughput-…` and `target/release/kept`.
fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().and_then(Path::parent).context("a bench lies in target/release/deps")?.join("kept"))
}

struct Program<'a> {
    binary: PathBuf,
    folder: &'a Path,
}

impl Program<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .current_dir(self.folder)
            .env("KEPT_DATABASE_URL", format!("sqlite:{}/kept.db", self.folder.display()))
            .env("KEPT_KEY_FILE", self.folder.join("kept.key"))
            .env("KEPT_PUBLIC_URL", "https://kept.example")
            .env("KEPT_LISTEN", LISTEN);
        command
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let done = self.command(arguments).output()?;
        ensure!(done.status.success(), "kept {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr));
        Ok(())
    }
}

/// Ends when dropped.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        if let Err(error) = ended {
            eprintln!("a server may still run: {error}");
        }
    }
}
