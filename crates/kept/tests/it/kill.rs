//! `kill -9` under load, twenty times, with the carrier in this process and Kept in others: nothing is lost, and nothing is
//! sent blindly a second time (performance.md, "Safety is measured with it").
//!
//! A carrier sees a repeated key at most for rows that a killed process held. What such a process held is free again when its
//! lease runs out, after two minutes; the tests here let that time pass by writing to the leases, which the product never
//! trusts more than tokens.

use crate::browser::until;
use crate::daytime::Daytime;
use crate::engine::Postgres;
use crate::scene::{Running, Scene, exit};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use kept_carrier::sandbox::{KEY_HEADER, Submission, Taken};
use sqlx::{PgConnection, SqliteConnection};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Visits to remind of: more than the killed processes hold together before their leases are freed.
const VISITS: u32 = 4000;
/// Processes killed.
const KILLS: u32 = 20;
/// Kills that must meet work under way at least.
const MET: usize = 5;
/// So long a kill waits for work to be under way.
const IDLE: Duration = Duration::from_secs(3);
/// The carrier takes so long for one message: kills meet messages under way.
const CARRIER_TAKES: Duration = Duration::from_millis(60);
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// What the carrier was handed, by key.
#[derive(Default)]
struct Handed {
    posts: BTreeMap<String, u64>,
    texts: BTreeMap<String, Vec<(String, String)>>,
}

#[derive(Clone, Default)]
struct Carrier(Arc<Mutex<Handed>>);

impl Carrier {
    async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/messages", listener.local_addr().expect("its address"));
        let router = Router::new().route("/messages", post(take)).route("/messages/{key}", get(find));
        let router = router.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn posts(&self) -> u64 {
        self.0.lock().expect("whole").posts.values().sum()
    }

    /// Every message came under one key, and again only where a killed process had held it.
    fn check(&self, notices: u64, held: u64, at_kills: &[u64]) {
        let handed = self.0.lock().expect("whole");
        assert_eq!(handed.posts.len() as u64, notices, "lost 0, and every message one key");
        let posts: u64 = handed.posts.values().sum();
        let repeated: u64 = handed.posts.values().map(|posts| posts - 1).sum();
        assert_eq!(posts - notices, repeated, "a hand-over beyond one a message has a repeated key");
        assert!(
            repeated <= held,
            "{repeated} repeated hand-overs, but killed processes held {held} rows: {at_kills:?}"
        );
        assert!(at_kills.iter().filter(|held| **held > 0).count() >= MET, "kills met work under way: {at_kills:?}");
        for (key, texts) in &handed.texts {
            let same = texts.windows(2).all(|pair| pair[0] == pair[1]);
            assert!(same, "{key} was handed over again as another text or to another number");
        }
    }
}

async fn take(State(carrier): State<Carrier>, headers: HeaderMap, Json(text): Json<Submission>) -> Json<Taken> {
    let key = headers[KEY_HEADER].to_str().expect("ASCII").to_owned();
    {
        let mut handed = carrier.0.lock().expect("whole");
        *handed.posts.entry(key.clone()).or_default() += 1;
        handed.texts.entry(key.clone()).or_default().push((text.to, text.text));
    }
    tokio::time::sleep(CARRIER_TAKES).await;
    Json(Taken { id: format!("m-{key}") })
}

async fn find(State(carrier): State<Carrier>, Path(key): Path<String>) -> Result<Json<Taken>, StatusCode> {
    let known = carrier.0.lock().expect("whole").posts.contains_key(&key);
    if known { Ok(Json(Taken { id: format!("m-{key}") })) } else { Err(StatusCode::NOT_FOUND) }
}

/// The database beside Kept, as the superuser.
enum Beside {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Beside {
    async fn count(&mut self, sql: &'static str) -> u64 {
        let count: i64 = match self {
            Self::Sqlite(c) => sqlx::query_scalar(sql).fetch_one(c).await.expect(sql),
            Self::Postgres(c) => sqlx::query_scalar(sql).fetch_one(c).await.expect(sql),
        };
        count.try_into().expect("a count")
    }

    async fn run(&mut self, sql: &'static str) {
        match self {
            Self::Sqlite(c) => drop(sqlx::query(sql).execute(c).await.expect(sql)),
            Self::Postgres(c) => drop(sqlx::query(sql).execute(c).await.expect(sql)),
        }
    }

    /// Two minutes pass for every lease. Says how many notices were leased, not counting those told before.
    async fn let_leases_run_out(&mut self) -> u64 {
        let held =
            self.count("SELECT COUNT(*) FROM notices WHERE state IN ('claimed', 'armed') AND lease_until_ms > 1").await;
        self.run("UPDATE notices SET lease_until_ms = 1 WHERE state IN ('claimed', 'armed')").await;
        self.run("UPDATE sweeps SET lease_until_ms = 1 WHERE lease_until_ms IS NOT NULL").await;
        held
    }
}

fn schedule(day: &Daytime) -> String {
    let at = day.at(3, 11, 0);
    let mut text = String::from("Appointment ID,Patient ID,First Name,Last Name,Cell Phone,Date,Time\n");
    for n in 0..VISITS {
        let (date, time) = (at.date(), at.format("%H:%M"));
        writeln!(text, "A{n},P{n},Pat,Number{n},{},{date},{time}", day.number(n)).expect("a String takes all");
    }
    text
}

/// Numbers without randomness of the machine, so that a failure can be looked into.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

async fn live(scene: &Scene, mut beside: Beside, processes: usize) {
    let day = Daytime::now();
    let carrier = Carrier::default();
    let variables = [
        ("KEPT_CARRIER", "sandbox".to_owned()),
        ("KEPT_CARRIER_URL", carrier.serve().await),
        ("KEPT_CARRIER_SECRET", "a7".repeat(32)),
        ("KEPT_METRICS_LISTEN", String::new()),
        ("KEPT_LOG", "warn".to_owned()),
    ];
    scene.file("week.csv", schedule(&day));
    let imported = scene.run(&["import", "week.csv", "--consent", "declared", "--json"]).json();
    assert_eq!(imported["new"], VISITS, "{imported}");

    let start = || scene.start_logged(&["work"], &variables, "work.log");
    let mut working: Vec<Running> = (0..processes).map(|_| start()).collect();
    until("the first hand-overs", PATIENCE, async || (carrier.posts() > 0).then_some(())).await;
    let (mut held, mut at_kills, mut random) = (0, Vec::new(), u64::from(VISITS));
    for _ in 0..KILLS {
        // Best while work is under way; where the dead hold all of it, an idle process is killed.
        let (before, begun) = (carrier.posts(), std::time::Instant::now());
        while carrier.posts() == before && begun.elapsed() < IDLE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis(next(&mut random) % 400)).await;
        let victim = usize::try_from(next(&mut random)).expect("small") % processes;
        working[victim].kill();
        let leased = beside.let_leases_run_out().await;
        at_kills.push(leased);
        held += leased;
        working[victim] = start();
    }
    let done = "SELECT COUNT(*) FROM notices WHERE state IN ('sent', 'delivered')";
    until("every notice", PATIENCE, async || (beside.count(done).await >= u64::from(VISITS)).then_some(())).await;
    for child in working {
        assert_eq!(crate::serve::terminate(child), Some(exit::OK));
    }

    let notices = u64::from(VISITS);
    assert_eq!(beside.count(done).await, notices, "one notice a visit");
    let rest = "SELECT COUNT(*) FROM notices WHERE state NOT IN ('sent', 'delivered', 'planned')";
    assert_eq!(beside.count(rest).await, 0, "and nothing but what is due on a later day");
    carrier.check(notices, held, &at_kills);
    let twice =
        "SELECT COUNT(*) FROM (SELECT bix FROM notices WHERE state <> 'planned' GROUP BY bix HAVING COUNT(*) > 1) AS t";
    assert_eq!(beside.count(twice).await, 0, "nobody is told twice");
    let ran = scene.run(&["audit", "verify", "--json"]);
    assert_eq!(ran.code, exit::OK, "{}{}", ran.out, ran.err);
}

fn set_up(scene: &Scene) {
    scene.run(&["keys", "new", "--json"]).json();
    let zone = Daytime::now().zone.name();
    let init = ["init", "--practice", "North Clinic", "--time-zone", zone, "--admin", "desk@example.org", "--json"];
    scene.run(&init).json();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing_on_sqlite() {
    let scene = Scene::empty();
    set_up(&scene);
    let beside = Beside::Sqlite(crate::bad_state::open(scene.database()).await);
    live(&scene, beside, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_of_one_of_two_lose_nothing_on_postgres() {
    let Some(database) = Postgres::new().await else { return };
    let scene = Scene::over(Some(database.url()));
    set_up(&scene);
    let beside = Beside::Postgres(database.connect().await);
    live(&scene, beside, 2).await;
    database.drop().await;
}
