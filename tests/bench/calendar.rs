//! A calendar of years: one change in it, and the manager's page over it.

use crate::copy::Copy;
use crate::results::Results;
use crate::scene::{Scene, figure, first_day};
use anyhow::{Context as _, ensure};
use chrono::Days;
use kept_domain::report::Dimension;
use kept_flow::Turn;
use kept_flow::report::Period;
use std::time::{Duration, Instant};

/// Years of which the schedule is the last.
const YEARS: usize = 10;
/// Milliseconds that the manager's page may take.
const PAGE_MS: f64 = 200.0;
/// Looks of which the middle one counts.
const LOOKS: usize = 15;

/// Needs the schedule to be in.
pub(crate) async fn run(scene: &Scene<'_>, results: &mut Results) -> anyhow::Result<()> {
    let year_ms = 364_i64 * 86_400_000;
    let (start, day) = (format!("start_at_ms - {year_ms} * n"), "local_day - 364 * n");
    let status = "CASE WHEN (start_at_ms / 900000 + n) % 10 = 0 THEN 'noshow' ELSE 'fulfilled' END";
    let columns = [
        ("id", "{id}"),
        ("start_at_ms", start.as_str()),
        ("local_day", day),
        ("status", status),
        ("status_at_ms", start.as_str()),
        ("outcome_by", "'import'"),
        ("plan_due", "FALSE"),
    ];
    Copy { table: "appointments", of: "TRUE", times: YEARS - 1, columns: &columns }.run(scene).await?;
    let days = "INSERT INTO dirty_days (practice_id, local_day) SELECT DISTINCT practice_id, local_day FROM appointments \
        WHERE TRUE ON CONFLICT (practice_id, local_day) DO NOTHING";
    scene.connect().await?.transaction(&[days.to_owned()]).await?;
    let visits = scene.number("SELECT COUNT(*) FROM appointments").await?;
    let name = |what: &str| scene.named(&format!("{what}, {visits} visits"));

    one_change(scene, results, &name).await?;

    let begun = Instant::now();
    ensure!(matches!(scene.flow.run_sweep("report").await?, Turn::Ran(days) if days > 0), "nothing was counted");
    results.add(name("counting all anew"), begun.elapsed().as_secs_f64(), "s");
    let year = page(scene, 364).await?;
    results.add_at_most(name("figures of the manager's page, a year"), ms(year), "ms", Some(PAGE_MS));
    let ten = page(scene, 364 * (YEARS as u64) - 10).await?;
    results.add_at_most(name("figures of the manager's page, ten years"), ms(ten), "ms", Some(PAGE_MS));
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// One visit to come is marked, as a change of its row does.
async fn one_change(scene: &Scene<'_>, results: &mut Results, name: &dyn Fn(&str) -> String) -> anyhow::Result<()> {
    scene.plan().await?;
    let now = scene.clock_ms();
    let one = format!("(SELECT id FROM appointments WHERE start_at_ms > {now} ORDER BY start_at_ms LIMIT 1)");
    let mark = format!("UPDATE appointments SET plan_due = TRUE WHERE id = {one}");
    scene.connect().await?.transaction(&[mark]).await?;
    let same_number = scene
        .number(&format!(
            "SELECT COUNT(*) FROM appointments AS a WHERE a.start_at_ms > {now} AND a.patient_id IN (
                 SELECT k.patient_id FROM contact_points AS k JOIN contact_points AS c ON c.bix = k.bix AND c.position = 0
                     JOIN appointments AS m ON m.patient_id = c.patient_id
                 WHERE k.channel = 'sms' AND k.position = 0 AND c.channel = 'sms' AND m.plan_due)"
        ))
        .await?;
    let begun = Instant::now();
    let looked_at = usize::try_from(scene.plan().await?)?;
    results.add(name("planning after one change"), ms(begun.elapsed()), "ms");
    // Those who share the number share its caps, so they are looked at with it.
    let goal = Some(figure(same_number.max(1)));
    results.add_at_most(name("visits looked at after one change"), figure(looked_at), "visits", goal);
    Ok(())
}

/// The middle of some looks at the period that ends when the schedule begins.
async fn page(scene: &Scene<'_>, days: u64) -> anyhow::Result<Duration> {
    let to = first_day() - Days::new(8);
    let period = Period::new(to - Days::new(days), to).context("a period")?;
    let mut looks = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        let begun = Instant::now();
        let report = scene.flow.missed_report(scene.practice, period, Dimension::Practitioner, false).await?;
        ensure!(report.whole.rate.is_some(), "there is nothing to report");
        looks.push(begun.elapsed());
    }
    looks.sort_unstable();
    Ok(looks[LOOKS / 2])
}
