//! Notices out: each stage measured alone, and all together, on alternate days of the same run.

use crate::cpu::Processes;
use crate::results::Results;
use crate::scene::{Scene, at, crowded, figure, first_day};
use anyhow::{Context as _, ensure};
use chrono::{Days, NaiveDate};
use kept_flow::dispatch::{BATCH, Batch, DispatchSummary};
use std::time::{Duration, Instant};

/// Batches in flight, as in `kept serve`.
pub(crate) const BATCHES_IN_FLIGHT: usize = 3;
/// The share of the bound that the pipeline must reach.
const SHARE_OF_BOUND: f64 = 0.75;
/// Days from the first notice of a crowded week to its last.
const DAYS: u64 = 14;

/// A week of visits, each with reminders of its own; sends what is due day by day.
pub(crate) struct Week {
    from: NaiveDate,
    next: u64,
    /// Fewer on a day are not worth measuring.
    least: usize,
}

impl Week {
    /// Imports and plans a week of `visits` visits, `weeks` weeks after the first day.
    pub(crate) async fn plan(scene: &Scene<'_>, visits: usize, weeks: u64) -> anyhow::Result<Self> {
        let from = first_day() + Days::new(7 * weeks);
        scene.clock.set_civil(at(from - Days::new(7), 9));
        scene.import("crowded.csv", &crowded(visits, 2 + weeks, from).to_csv()).await?;
        scene.plan().await?;
        Ok(Self { from, next: 0, least: visits / 20 })
    }

    /// Moves the clock to the next afternoon on which much is due, sending the little before it; false when the week is over.
    pub(crate) async fn next_day(&mut self, scene: &Scene<'_>) -> anyhow::Result<bool> {
        while self.next < DAYS {
            // Five in the afternoon on the east coast: from Monday to Friday no state's hours are shut yet.
            scene.clock.set_civil(at(self.from - Days::new(7) + Days::new(self.next), 16));
            self.next += 1;
            scene.plan().await?;
            let now = scene.clock_ms();
            let due = format!("SELECT COUNT(*) FROM notices WHERE state = 'planned' AND due_at_ms <= {now}");
            if scene.number(&due).await? >= self.least.max(1) {
                return Ok(true);
            }
            while scene.flow.dispatch_due(BATCH).await?.progressed() {}
        }
        Ok(false)
    }
}

/// What it took to send some notices.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) notices: usize,
    pub(crate) took: Duration,
    pub(crate) cpu_s: f64,
}

impl Sent {
    pub(crate) fn add(&mut self, other: Self) {
        self.notices += other.notices;
        self.took += other.took;
        self.cpu_s += other.cpu_s;
    }

    pub(crate) fn per_second(&self) -> f64 {
        figure(self.notices) / self.took.as_secs_f64()
    }

    /// CPU microseconds a notice, over all processes.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_s * 1e6 / figure(self.notices)
    }
}

/// Sends all that is due as the workers do.
pub(crate) async fn send_due(scene: &Scene<'_>, processes: &Processes) -> anyhow::Result<Sent> {
    let (begun, spent) = (Instant::now(), processes.seconds()?);
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..BATCHES_IN_FLIGHT {
        let flow = scene.flow.clone();
        working.spawn(async move {
            let mut sent = 0;
            loop {
                let summary = flow.dispatch_due(BATCH).await?;
                sent += summary.sent;
                if !summary.progressed() {
                    return Ok::<usize, kept_flow::FlowError>(sent);
                }
            }
        });
    }
    let mut notices = 0;
    while let Some(done) = working.join_next().await {
        notices += done??;
    }
    Ok(Sent { notices, took: begun.elapsed(), cpu_s: processes.seconds()? - spent })
}

/// CPU seconds of each stage, and how many notices went through.
#[derive(Debug, Default)]
struct Stages {
    notices: usize,
    claim: f64,
    compose: f64,
    arm: f64,
    hand_over: f64,
    record: f64,
}

impl Stages {
    /// Sends all that is due, each stage for all batches before the next begins.
    async fn send_due(&mut self, scene: &Scene<'_>, processes: &Processes) -> anyhow::Result<()> {
        let flow = &scene.flow;
        let mut last = processes.seconds()?;
        let mut lap = || -> anyhow::Result<f64> {
            // The kernel counts a thread's time when it leaves its core.
            std::thread::sleep(Duration::from_millis(5));
            let now = processes.seconds()?;
            let spent = now - last;
            last = now;
            Ok(spent)
        };
        let mut batches: Vec<Batch> = Vec::new();
        while let Some(batch) = flow.claim_due(BATCH).await? {
            batches.push(batch);
        }
        self.claim += lap()?;
        let mut composed = Vec::with_capacity(batches.len());
        for batch in &batches {
            composed.push(flow.compose_batch(batch).await?);
        }
        self.compose += lap()?;
        let mut armed = Vec::with_capacity(batches.len());
        for batch in composed {
            armed.push(flow.arm_batch(batch).await?);
        }
        self.arm += lap()?;
        let mut handed = Vec::with_capacity(batches.len());
        for batch in armed {
            handed.push(flow.hand_over_batch(batch).await);
        }
        self.hand_over += lap()?;
        let mut whole = DispatchSummary::default();
        for batch in handed {
            let summary = flow.record_batch(batch).await?;
            whole.sent += summary.sent;
        }
        self.record += lap()?;
        let claimed: usize = batches.iter().map(Batch::len).sum();
        ensure!(whole.sent * 10 > claimed * 9, "of {claimed} claimed notices only {} were sent", whole.sent);
        self.notices += whole.sent;
        Ok(())
    }

    /// Of the stages that cannot be left out: claim, arm, HTTP, record. CPU microseconds a notice.
    fn bound_us(&self) -> f64 {
        self.us(self.claim + self.arm + self.hand_over + self.record)
    }

    fn us(&self, seconds: f64) -> f64 {
        seconds * 1e6 / figure(self.notices)
    }
}

/// Stages and pipeline. Returns what the pipeline did.
pub(crate) async fn run(scene: &Scene<'_>, visits: usize, results: &mut Results) -> anyhow::Result<Sent> {
    let mut week = Week::plan(scene, visits, 60).await?;
    let (mut stages, mut pipeline) = (Stages::default(), Sent::default());
    let mut processes: Option<Processes> = None;
    let mut alone = false;
    while week.next_day(scene).await? {
        let Some(known) = processes.take() else {
            // Everybody's connections are open after the first day, which does not count.
            let nobody = scene.processes().await?;
            send_due(scene, &nobody).await?;
            processes = Some(scene.processes().await?);
            continue;
        };
        alone = !alone;
        if alone {
            stages.send_due(scene, &known).await?;
        } else {
            pipeline.add(send_due(scene, &known).await?);
        }
        processes = Some(known);
    }
    ensure!(stages.notices > 0 && pipeline.notices > 0, "nothing was sent: too few visits");

    let cores = figure(std::thread::available_parallelism().context("how many cores")?.get());
    let bound = cores * 1e6 / stages.bound_us();
    let rate = pipeline.per_second();
    results.add_at_least(scene.named("claim to record, of the bound"), rate / bound, "×", Some(SHARE_OF_BOUND));
    // The same by CPU time alone, which other work on the machine does not change.
    results.add(scene.named("… by CPU time"), stages.bound_us() / pipeline.cpu_us(), "×");
    results.add(scene.named("claim to record"), rate, "notices/s");
    results.add(scene.named("the bound"), bound, "notices/s");
    results.add(scene.named("CPU a notice, all together"), pipeline.cpu_us(), "µs");
    for (stage, seconds) in [
        ("claim", stages.claim),
        ("open, render, seal", stages.compose),
        ("arm", stages.arm),
        ("HTTP, both sides", stages.hand_over),
        ("record", stages.record),
    ] {
        results.add(scene.named(&format!("CPU a notice, {stage}")), stages.us(seconds), "µs");
    }
    Ok(pipeline)
}
