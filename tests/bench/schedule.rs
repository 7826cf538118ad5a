//! A schedule in, reminders out: one file of 100,000 rows, and the same file again.

use crate::copy::Copy;
use crate::cpu;
use crate::results::Results;
use crate::scene::{Scene, figure, first_day};
use anyhow::ensure;
use chrono::Days;
use kept_intake::sample::Sample;
use std::time::Instant;

/// Seconds from the first byte of a 100,000-row file to its last reminder, and for the same file again.
const PLANNED_WITHIN_S: f64 = 5.0;
const AGAIN_WITHIN_S: f64 = 2.0;
/// Megabytes that this process may hold meanwhile.
const MEMORY_MB: f64 = 300.0;
/// The goals above are for this many rows.
const GOAL_ROWS: usize = 100_000;
/// How much faster than a transaction a row.
const FASTER_THAN_SINGLE: f64 = 30.0;
/// Rows that are written in a transaction each, to compare with.
const SINGLE_ROWS: usize = 300;

pub(crate) async fn run(scene: &Scene<'_>, rows: usize, results: &mut Results) -> anyhow::Result<()> {
    let csv = Sample::new(rows, 1, first_day(), first_day() - Days::new(7)).to_csv();
    let goal = |limit| (rows == GOAL_ROWS).then_some(limit);

    let (begun, processes) = (Instant::now(), scene.processes().await?);
    let spent = processes.seconds()?;
    let first = scene.import("schedule.csv", &csv).await?;
    let import_s = begun.elapsed().as_secs_f64();
    let import_cpu_s = processes.seconds()? - spent;
    ensure!(first.counts.new > 0, "nothing came in: {:?}", first.counts);
    let new = usize::try_from(first.counts.new)?;
    results.add(scene.named("import"), figure(new) / import_s, "rows/s");

    let (begun, spent) = (Instant::now(), processes.seconds()?);
    scene.plan().await?;
    let plan_s = begun.elapsed().as_secs_f64();
    let plan_cpu_s = processes.seconds()? - spent;
    let reminders = scene.number("SELECT COUNT(*) FROM reminders").await?;
    ensure!(reminders > 0, "nothing was planned");
    results.add(scene.named("plan"), figure(reminders) / plan_s, "reminders/s");
    let whole_s = import_s + plan_s;
    results.add_at_most(scene.named("schedule to reminders stored"), whole_s, "s", goal(PLANNED_WITHIN_S));
    results.add(scene.named("… of it CPU, import"), import_cpu_s, "s");
    results.add(scene.named("… of it CPU, plan"), plan_cpu_s, "s");
    results.add_at_most(scene.named("memory at most so far"), cpu::peak_megabytes()?, "MB", goal(MEMORY_MB));

    let (begun, spent) = (Instant::now(), processes.seconds()?);
    let again = scene.import("schedule.csv", &csv).await?;
    let again_s = begun.elapsed().as_secs_f64();
    ensure!(again.counts.unchanged == first.counts.new, "the second import changed something: {:?}", again.counts);
    results.add_at_most(scene.named("the same file again"), again_s, "s", goal(AGAIN_WITHIN_S));
    results.add(scene.named("… of it CPU"), processes.seconds()? - spent, "s");

    let single = one_by_one(scene).await?;
    let ratio = (figure(new) / whole_s) / single;
    results.add(scene.named("a transaction a row"), single, "rows/s");
    results.add_at_least(scene.named("schedule against a transaction a row"), ratio, "×", goal(FASTER_THAN_SINGLE));
    Ok(())
}

/// Rows a second, where each row of the schedule, with one reminder and its notice, is a transaction of its own.
async fn one_by_one(scene: &Scene<'_>) -> anyhow::Result<f64> {
    let tables = ["appointments", "source_rows", "notices", "reminders"];
    let mut copies = Vec::new();
    for table in tables {
        let more: &[(&str, &str)] = match table {
            "source_rows" => &[("key_bix", "{id}"), ("id", "{id}")],
            // The copies wait for nothing and belong to no visit that is looked at again.
            "reminders" => &[("id", "{id}"), ("revision", "revision + 1000000 + n"), ("state", "'superseded'")],
            "notices" => &[("id", "{id}"), ("state", "'cancelled'")],
            _ => &[("id", "{id}"), ("plan_due", "FALSE"), ("start_at_ms", "start_at_ms - 40000000000")],
        };
        copies.push(Copy { table, of: "TRUE LIMIT 1", times: 1, columns: more }.statement(scene).await?);
    }
    let mut raw = scene.connect().await?;
    let begun = Instant::now();
    for row in 0..SINGLE_ROWS {
        // The engines number their copies from one; here each statement makes one copy.
        let some: Vec<String> = copies.iter().map(|text| text.replace(" + n", &format!(" + {row}"))).collect();
        raw.transaction(&some).await?;
    }
    Ok(figure(SINGLE_ROWS) / begun.elapsed().as_secs_f64())
}
