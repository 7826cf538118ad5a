//! The same work beside 10,000, 100,000 and 1,000,000 notices that wait, and beside ten times the history.

use crate::copy::Copy;
use crate::dispatch::{Sent, Week, send_due};
use crate::results::Results;
use crate::scene::{Scene, figure};
use anyhow::ensure;
use kept_flow::dispatch::BATCH;
use std::time::{Duration, Instant};

/// How much slower sending may be beside the most that waits.
const THROUGHPUT: f64 = 0.9;
/// How much longer an idle poll may take, and in milliseconds.
const IDLE_RATIO: f64 = 1.5;
const IDLE_MS: f64 = 1.0;
/// Polls of which the middle one counts.
const POLLS: usize = 101;

pub(crate) async fn run(scene: &Scene<'_>, visits: usize, most: usize, results: &mut Results) -> anyhow::Result<()> {
    let mut week = Week::plan(scene, visits, 70).await?;
    let mut waiting = 0;
    let mut base: Option<(Sent, Duration)> = None;
    for many in [most / 100, most / 10, most] {
        // Due in some years, one a second. History: as many that were delivered.
        let more = many - waiting;
        let copy = |state, due, sent| {
            let columns = [
                ("id", "{id}"),
                ("state", state),
                ("due_at_ms", due),
                ("sent_at_ms", sent),
                ("lease_token", "NULL"),
                ("provider_ref", "NULL"),
            ];
            (columns, more)
        };
        for (columns, times) in [
            copy("'planned'", "due_at_ms + 300000000000 + 1000 * CAST(n AS BIGINT)", "NULL"),
            copy("'delivered'", "due_at_ms - 1000 * CAST(n AS BIGINT)", "due_at_ms"),
        ] {
            Copy { table: "notices", of: "TRUE LIMIT 1", times, columns: &columns }.run(scene).await?;
        }
        waiting = many;
        let processes = scene.processes().await?;
        let idle = idle_poll(scene).await?;
        ensure!(week.next_day(scene).await?, "too few days for all sizes");
        let sent = send_due(scene, &processes).await?;
        let name = |what: &str| scene.named(&format!("{what} beside {waiting} waiting"));
        results.add(name("claim to record"), sent.per_second(), "notices/s");
        results.add(name("CPU a notice"), sent.cpu_us(), "µs");
        let goal = (many == most).then_some(IDLE_MS);
        results.add_at_most(name("idle poll"), idle.as_secs_f64() * 1e3, "ms", goal);
        let (first, first_idle) = *base.get_or_insert((sent, idle));
        if many == most {
            // By CPU time: what else the machine did meanwhile is not this program's growth.
            let ratio = first.cpu_us() / sent.cpu_us();
            results.add_at_least(scene.named("growth: CPU a notice, least to most"), ratio, "×", Some(THROUGHPUT));
            let ratio = idle.as_secs_f64() / first_idle.as_secs_f64();
            results.add_at_most(scene.named("growth: idle poll, most to least"), ratio, "×", Some(IDLE_RATIO));
        }
    }
    results.add(scene.named("notices a day while growing"), figure(base.map_or(0, |(sent, _)| sent.notices)), "");
    Ok(())
}

/// The middle of some polls that find nothing.
async fn idle_poll(scene: &Scene<'_>) -> anyhow::Result<Duration> {
    while let Some(batch) = scene.flow.claim_due(BATCH).await? {
        scene.flow.dispatch_batch(batch).await?;
    }
    let mut polls = Vec::with_capacity(POLLS);
    for _ in 0..POLLS {
        let begun = Instant::now();
        ensure!(scene.flow.claim_due(BATCH).await?.is_none(), "something is due");
        polls.push(begun.elapsed());
    }
    polls.sort_unstable();
    Ok(polls[POLLS / 2])
}
