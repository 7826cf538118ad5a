//! What is measured.

use crate::results::Results;
use crate::stub::Stub;
use anyhow::{Context as _, ensure};
use chrono::{Days, Duration, NaiveDate, NaiveTime};
use kept_carrier::sandbox::{SandboxCarrier, Secret, Settings};
use kept_carrier::{AnyCarrier, Carriers, Line};
use kept_domain::{Channel, Instant, Locale, PracticeId, PracticeSettings};
use kept_flow::consent::ConsentChoice;
use kept_flow::dispatch::BATCH;
use kept_flow::intake::ImportRequest;
use kept_flow::setup::{NewPerson, NewPractice};
use kept_flow::{Flow, FlowParts, MovableClock, RandomIds, Turn};
use kept_intake::sample::Sample;
use kept_store::testing::TestDatabase;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use std::sync::Arc;

/// The zone of the made-up practice.
const ZONE: chrono_tz::Tz = chrono_tz::America::Chicago;
/// Batches in flight, as in `kept serve`.
const BATCHES_IN_FLIGHT: usize = 3;
/// Seconds from the first byte of a 100,000-row file to its last reminder, and for the same file again.
const PLANNED_WITHIN_S: f64 = 5.0;
const AGAIN_WITHIN_S: f64 = 2.0;
/// The goals above are for this many rows.
const GOAL_ROWS: usize = 100_000;

/// How much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) rows: usize,
    pub(crate) notices: usize,
}

/// A whole number as a figure.
#[expect(clippy::cast_precision_loss, reason = "figures of some millions are exact")]
fn figure(count: u64) -> f64 {
    count as f64
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 3, 1).expect("a day")
}

/// A local time of a day as an instant.
fn at(day: NaiveDate, hour: u32) -> Instant {
    let time = NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour of the day");
    kept_domain::time::resolve_local(ZONE, day.and_time(time))
}

/// A practice with a schedule in it, on a clock that stands still.
struct Scene {
    flow: Flow,
    clock: Arc<MovableClock>,
    practice: PracticeId,
}

async fn scene(database: &TestDatabase, stub: &Stub) -> anyhow::Result<Scene> {
    let clock = Arc::new(MovableClock::still(at(first_day() - Days::new(7), 9)));
    let client = reqwest::Client::builder().no_proxy().build()?;
    let carrier = SandboxCarrier::new(client, Settings::new(stub.url.clone(), Secret::new([7; 32])));
    let flow = Flow::new(FlowParts {
        store: database.store.clone(),
        ring: kept_seal::KeyRing::ephemeral()?,
        render: kept_render::Renderer::new()?,
        clock: Arc::<MovableClock>::clone(&clock),
        ids: Arc::new(RandomIds),
        carriers: Carriers::new(vec![Line::new(AnyCarrier::Sandbox(carrier), Channel::Sms, 0)]),
        settings: kept_flow::Settings { public_url: "https://kept.example".to_owned() },
    });
    let practice = NewPractice {
        name: "Bench".to_owned(),
        alias: None,
        phone: Some("+13125550100".to_owned()),
        time_zone: ZONE,
        settings: PracticeSettings::default(),
    };
    let admin = NewPerson {
        name: "Bench".to_owned(),
        email: "bench@example.org".to_owned(),
        role: "administrator",
        locale: Locale::En,
        password: Some("correct horse battery".to_owned()),
        must_change: false,
    };
    let made = flow.create_practice(&practice, &admin).await?;
    Ok(Scene { flow, clock, practice: made.id })
}

impl Scene {
    async fn import(&self, file_name: &str, csv: &str) -> anyhow::Result<kept_flow::intake::ImportOutcome> {
        let request = ImportRequest {
            practice: self.practice,
            file_name,
            content: csv.as_bytes().to_vec(),
            mapping: Some(Sample::mapping()),
            consent: Some(ConsentChoice::Declared),
            staff: None,
            dry_run: false,
            progress: None,
        };
        Ok(self.flow.import(request).await?)
    }

    /// Plans until nothing is left to plan.
    async fn plan(&self) -> anyhow::Result<()> {
        loop {
            match self.flow.run_sweep("plan").await? {
                Turn::Ran(0) => return Ok(()),
                Turn::Ran(_) => {}
                other => anyhow::bail!("planning did not run: {other:?}"),
            }
        }
    }

    async fn count(&self, database: &TestDatabase, what: &str) -> anyhow::Result<u64> {
        let rows = match &database.settings.url {
            kept_store::DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await?;
                let count: i64 = sqlx::query_scalar::<sqlx::Sqlite, _>(sqlx::AssertSqlSafe(what.to_owned()))
                    .fetch_one(&mut connection)
                    .await?;
                count
            }
            kept_store::DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                // Row-level security shows nothing to who has not said whose rows are wanted.
                sqlx::raw_sql("SET kept.scope = 'work'").execute(&mut connection).await?;
                sqlx::query_scalar(sqlx::AssertSqlSafe(what.to_owned())).fetch_one(&mut connection).await?
            }
        };
        Ok(u64::try_from(rows)?)
    }
}

/// Import, the same file again, planning, and sending, on one engine.
pub(crate) async fn engine(
    name: &str,
    database: &TestDatabase,
    load: Load,
    stub: &Stub,
    results: &mut Results,
) -> anyhow::Result<()> {
    let scene = scene(database, stub).await?;
    let csv = Sample::new(load.rows, 1, first_day(), first_day() - Days::new(7)).to_csv();

    let begun = std::time::Instant::now();
    let first = scene.import("schedule.csv", &csv).await?;
    let import_s = begun.elapsed().as_secs_f64();
    ensure!(first.counts.new > 0, "nothing came in: {:?}", first.counts);
    results.add(format!("{name}: import"), figure(first.counts.new) / import_s, "rows/s");

    let begun = std::time::Instant::now();
    scene.plan().await?;
    let plan_s = begun.elapsed().as_secs_f64();
    let reminders = scene.count(database, "SELECT COUNT(*) FROM reminders").await?;
    ensure!(reminders > 0, "nothing was planned");
    results.add(format!("{name}: plan"), figure(reminders) / plan_s, "reminders/s");
    let goal = |seconds| (load.rows == GOAL_ROWS).then_some(seconds);
    let whole = format!("{name}: schedule to reminders stored");
    results.add_at_most(whole, import_s + plan_s, "s", goal(PLANNED_WITHIN_S));

    let begun = std::time::Instant::now();
    let again = scene.import("schedule.csv", &csv).await?;
    let again_s = begun.elapsed().as_secs_f64();
    ensure!(again.counts.unchanged == first.counts.new, "the second import changed something: {:?}", again.counts);
    results.add_at_most(format!("{name}: the same file again"), again_s, "s", goal(AGAIN_WITHIN_S));

    dispatch(name, &scene, load.notices, results).await
}

/// A few crowded days, so that much is due at once, reminded of through the stub.
async fn dispatch(name: &str, scene: &Scene, notices: usize, results: &mut Results) -> anyhow::Result<()> {
    let from = first_day() + Days::new(400);
    let crowded = Sample {
        visits: notices,
        patients: notices,
        practitioners: (0..notices.div_ceil(40).max(3)).map(|number| format!("Practitioner {number}")).collect(),
        to: from + Days::new(6),
        ..Sample::new(notices, 2, from, from - Days::new(7))
    };
    scene.clock.set_civil(at(from - Days::new(7), 9));
    scene.import("crowded.csv", &crowded.to_csv()).await?;
    scene.plan().await?;
    let (mut sent, mut took) = (0, Duration::zero());
    for day in 0..14 {
        scene.clock.set_civil(at(from - Days::new(7) + Days::new(day), 19));
        let begun = std::time::Instant::now();
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
        let mut today = 0;
        while let Some(done) = working.join_next().await {
            today += done??;
        }
        if today > 0 {
            took += Duration::from_std(begun.elapsed()).context("a short time")?;
        }
        sent += today;
        scene.plan().await?;
    }
    ensure!(sent > 0, "nothing was sent");
    let seconds = took.as_seconds_f64();
    results.add(format!("{name}: claim to record, stub carrier"), figure(u64::try_from(sent)?) / seconds, "notices/s");
    Ok(())
}
