//! How many webhooks a second are acknowledged while reminders go out, and that none is lost.
//!
//! The carrier's side is a process of its own: connections that each send a prepared, signed webhook, wait for the
//! answer, and send the next.

use crate::dispatch::BATCHES_IN_FLIGHT;
use crate::results::Results;
use crate::scene::{SECRET, Scene, at, figure, first_day};
use crate::stub::Stub;
use anyhow::{Context as _, ensure};
use chrono::Days;
use kept_carrier::MessageStatus;
use kept_carrier::sandbox::{ReplyEvent, SIGNATURE_HEADER, Secret, StatusEvent, TIMESTAMP_HEADER};
use kept_domain::PracticeSettings;
use kept_flow::Clock as _;
use kept_flow::dispatch::BATCH;
use kept_intake::sample::Sample;
use kept_store::Scope;
use kept_store::testing::TestDatabase;
use kept_web::{Settings as WebSettings, WebState, router};
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant as Moment;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Makes this program the carrier's side.
pub(crate) const ARGUMENT: &str = "--webhook-load";

/// Webhooks of one run.
const WEBHOOKS: usize = 20_000;
/// One in so many is a text; the others are receipts.
const TEXTS: usize = 10;
/// Connections of the carrier.
const CONNECTIONS: usize = 64;
/// Notices of which receipts tell, sent before.
const TOLD: usize = 3_000;
/// Acknowledged a second, and the time that carriers allow for it.
const GOAL_PER_S: f64 = 2_000.0;
const GOAL_P99_MS: f64 = 2_000.0;

/// What the carrier's side saw.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    acknowledged: usize,
    refused: usize,
    seconds: f64,
    p50_ms: f64,
    p99_ms: f64,
    longest_ms: f64,
}

/// A practice with thousands of reminders due, some of them sent, at the carrier's door.
struct Door<'a> {
    scene: Scene<'a>,
    numbers: Vec<String>,
}

async fn door<'a>(name: &'static str, database: &'a TestDatabase, stub: &'a Stub) -> anyhow::Result<Door<'a>> {
    let scene = Scene::new(name, database, stub).await?;
    let first = first_day();
    scene.clock.set_civil(at(first - Days::new(3), 9));
    let visits = TOLD * 6;
    let sample = Sample {
        visits,
        patients: visits,
        practitioners: (0..visits.div_ceil(40)).map(|number| format!("Practitioner {number}")).collect(),
        to: first + Days::new(12),
        ..Sample::new(visits, 3, first, first - Days::new(3))
    };
    let csv = sample.to_csv();
    scene.import("webhooks.csv", &csv).await?;
    // The sixth column is the telephone.
    let country = PracticeSettings::default().country;
    let numbers = csv
        .lines()
        .filter_map(|line| kept_domain::phone::parse(line.split(',').nth(5)?, &country).ok())
        .map(|phone| phone.e164().to_owned())
        .collect();
    scene.plan().await?;
    let mut sent = 0;
    for hour in [10, 19] {
        scene.clock.set_civil(at(first - Days::new(3), hour));
        while sent < TOLD {
            let summary = scene.flow.dispatch_due(BATCH).await?;
            sent += summary.sent;
            if !summary.progressed() {
                break;
            }
        }
    }
    ensure!(sent >= TOLD, "only {sent} notices went out before the webhooks");
    Ok(Door { scene, numbers })
}

impl Door<'_> {
    /// Sends reminders until told to stop. Says how many.
    fn send(&self, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<anyhow::Result<usize>> {
        let (flow, stop) = (self.scene.flow.clone(), Arc::clone(stop));
        tokio::spawn(async move {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                let summary = flow.dispatch_due(BATCH).await?;
                sent += summary.sent;
                if summary.claimed == 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
            Ok(sent)
        })
    }

    /// Signed requests as they go over the wire, each after its length.
    fn requests(&self, references: &[String]) -> anyhow::Result<Vec<u8>> {
        let now = self.scene.clock.wall();
        let secret = Secret::new(SECRET);
        let mut all = Vec::new();
        for n in 0..WEBHOOKS {
            let (kind, body) = if n % TEXTS == 0 {
                let text = ["1", "yes thank you", "what time is it?", "STOP"][n / TEXTS % 4];
                let event = ReplyEvent {
                    event: format!("text-{n}"),
                    from: self.numbers[n % self.numbers.len()].clone(),
                    to: None,
                    text: text.to_owned(),
                    media: false,
                    opt_out_confirmed: false,
                };
                ("inbound", serde_json::to_vec(&event)?)
            } else {
                let event = StatusEvent {
                    event: format!("receipt-{n}"),
                    message: references[n % references.len()].clone(),
                    status: if n < WEBHOOKS / 2 { MessageStatus::Sent } else { MessageStatus::Delivered },
                    code: None,
                };
                ("status", serde_json::to_vec(&event)?)
            };
            let path = format!("/hooks/sandbox/{}/{kind}", self.scene.slug);
            let signature = secret.sign(now, &format!("https://kept.example{path}"), &body);
            let mut request = format!(
                "POST {path} HTTP/1.1\r\nhost: kept.example\r\n{TIMESTAMP_HEADER}: {}\r\n{SIGNATURE_HEADER}: {signature}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                now.as_ms(),
                body.len()
            )
            .into_bytes();
            request.extend(body);
            all.extend(u32::try_from(request.len())?.to_le_bytes());
            all.extend(request);
        }
        Ok(all)
    }

    async fn rows(&self, table: &str) -> anyhow::Result<usize> {
        let mut tx = self.scene.flow.store.read(Scope::Work).await?;
        let counts = tx.row_counts().await?;
        let count = counts.into_iter().find(|(name, _)| name == table).context("a table")?.1;
        Ok(usize::try_from(count)?)
    }
}

/// The whole run on one engine.
pub(crate) async fn engine(
    name: &'static str,
    database: &TestDatabase,
    stub: &Stub,
    results: &mut Results,
) -> anyhow::Result<()> {
    let door = door(name, database, stub).await?;
    let scene = &door.scene;
    // What the stub called the notices that it took.
    let references = scene.words("SELECT provider_ref FROM notices WHERE provider_ref IS NOT NULL").await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("requests");
    std::fs::write(&file, door.requests(&references)?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let web = WebSettings { public_url: "https://kept.example".to_owned(), demo: false };
    let app = router(WebState::new(scene.flow.clone(), web));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..BATCHES_IN_FLIGHT).map(|_| door.send(&stop)).collect();
    let begun = Moment::now();
    let mut carrier = Command::new(std::env::current_exe()?);
    carrier.arg(ARGUMENT).arg(&address).arg(&file).stderr(Stdio::inherit());
    let output = tokio::task::spawn_blocking(move || carrier.output()).await??;
    stop.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await??;
    }
    let whole = begun.elapsed().as_secs_f64();
    let seen: Seen = serde_json::from_slice(&output.stdout).context("the carrier's side tells what it saw")?;
    server.abort();

    // Nothing is lost: every acknowledged webhook is a row, and something followed from each.
    ensure!(seen.refused == 0, "{} were refused", seen.refused);
    let kept = door.rows("receipts").await? + door.rows("inbound").await?;
    ensure!(kept == WEBHOOKS && seen.acknowledged == WEBHOOKS, "{kept} of {} kept", seen.acknowledged);
    let followed = Moment::now();
    scene.flow.run_sweep("receipts").await?;
    let mut tx = scene.flow.store.read(Scope::Practice(scene.practice)).await?;
    ensure!(tx.waiting_texts(scene.practice, 1).await?.is_empty(), "texts are left over");
    drop(tx);
    let proof = scene.flow.prove_consent(scene.practice, |_| {}).await?;
    ensure!(proof.is_clean(), "somebody was written to against their word: {proof:?}");

    let rate = figure(seen.acknowledged) / seen.seconds;
    results.add_at_least(format!("{name}: webhooks acknowledged"), rate, "webhooks/s", Some(GOAL_PER_S));
    results.add_at_most(format!("{name}: webhooks, 99 of 100 within"), seen.p99_ms, "ms", Some(GOAL_P99_MS));
    results.add(format!("{name}: webhooks, the longest"), seen.longest_ms, "ms");
    results.add(format!("{name}: reminders meanwhile"), figure(sent) / whole, "notices/s");
    results.add(format!("{name}: webhooks, followed after the last"), followed.elapsed().as_secs_f64(), "s");
    Ok(())
}

/// The carrier's side, in its own process.
pub(crate) fn load() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip_while(|word| word != ARGUMENT).skip(1).collect();
    let [address, file] = arguments.as_slice() else { anyhow::bail!("{ARGUMENT} takes an address and a file") };
    let requests = read_requests(Path::new(file))?;
    let seen = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(call(address, requests))?;
    std::io::stdout().write_all(&serde_json::to_vec(&seen)?)?;
    Ok(())
}

fn read_requests(file: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut file = std::io::BufReader::new(std::fs::File::open(file)?);
    let mut requests = Vec::new();
    let mut length = [0; 4];
    while file.read_exact(&mut length).is_ok() {
        let mut request = vec![0; usize::try_from(u32::from_le_bytes(length))?];
        file.read_exact(&mut request)?;
        requests.push(request);
    }
    Ok(requests)
}

async fn call(address: &str, requests: Vec<Vec<u8>>) -> anyhow::Result<Seen> {
    let requests = Arc::new(std::sync::Mutex::new(requests.into_iter()));
    let begun = Moment::now();
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut connection = BufReader::new(TcpStream::connect(address).await?);
        connection.get_ref().set_nodelay(true)?;
        let requests = Arc::clone(&requests);
        working.spawn(async move {
            let mut answers: Vec<(bool, f64)> = Vec::new();
            loop {
                let next = requests.lock().map_err(|_| anyhow::anyhow!("a caller panicked"))?.next();
                let Some(request) = next else { return anyhow::Ok(answers) };
                let sent = Moment::now();
                connection.get_mut().write_all(&request).await?;
                answers.push((acknowledged(&mut connection).await?, sent.elapsed().as_secs_f64() * 1_000.0));
            }
        });
    }
    let mut answers = Vec::new();
    while let Some(done) = working.join_next().await {
        answers.extend(done??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let acknowledged = answers.iter().filter(|(yes, _)| *yes).count();
    let mut times: Vec<f64> = answers.iter().map(|(_, ms)| *ms).collect();
    times.sort_by(f64::total_cmp);
    let of = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    let longest_ms = times.last().copied().unwrap_or_default();
    let refused = answers.len() - acknowledged;
    Ok(Seen { acknowledged, refused, seconds, p50_ms: of(50), p99_ms: of(99), longest_ms })
}

/// Reads one answer without a body. Says whether it is an acknowledgement.
async fn acknowledged(connection: &mut BufReader<TcpStream>) -> anyhow::Result<bool> {
    let mut line = String::new();
    ensure!(connection.read_line(&mut line).await? > 0, "the server hung up");
    let yes = line.starts_with("HTTP/1.1 204");
    loop {
        line.clear();
        ensure!(connection.read_line(&mut line).await? > 0, "the server hung up");
        if line == "\r\n" {
            return Ok(yes);
        }
    }
}
