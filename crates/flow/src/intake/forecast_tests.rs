//! What is foretold is what planning stores once the file is kept.

use super::*;
use crate::consent::ConsentChoice;
use crate::intake::{CHUNK_ROWS, ImportOutcome, ImportRequest};
use crate::outbox::{LogQuery, Logged, Place};
use crate::plan::tests::WEEK;
use crate::testing::World;
use chrono::NaiveDateTime;
use kept_store::Store;
use kept_store::testing::both;
use std::fmt::Write as _;

const HEADER: &str = "Appt ID,Patient ID,Patient,DOB,Cell,Date,Time,Duration,Provider,Visit Type,Status,OK to text\n";

fn request(world: &World, rows: &str) -> ImportRequest<'static> {
    ImportRequest {
        practice: world.practice,
        file_name: "week.csv",
        content: format!("{HEADER}{rows}").into_bytes(),
        mapping: None,
        consent: Some(ConsentChoice::Declared),
        staff: Some(world.staff),
        dry_run: false,
        progress: None,
        words: crate::intake::RejectWords::default(),
    }
}

async fn foretell(world: &World, rows: &str) -> (ImportOutcome, Forecast) {
    world.flow.foretell(request(world, rows)).await.unwrap()
}

/// Keeps the file, plans, and reads what the log says of the visits that start at these times.
async fn kept(world: &World, rows: &str, starts: &[NaiveDateTime]) -> Vec<Logged> {
    world.flow.import(request(world, rows)).await.unwrap();
    world.flow.plan_sweep().await.unwrap();
    let from = crate::testing::NOW.local_day(chrono_tz::America::New_York);
    let to = from.checked_add_days(chrono::Days::new(30));
    let query = LogQuery { from: Some(from), to, ..LogQuery::default() };
    let log = world.flow.message_log(world.practice, world.staff, &query).await.unwrap();
    log.lines
        .into_iter()
        .filter(|line| line.visit.as_ref().is_some_and(|(_, start)| starts.contains(&start.at)))
        .collect()
}

/// Compares a forecast with what became true.
fn holds(forecast: &Forecast, log: &[Logged]) {
    let mut foretold: Vec<_> = forecast.messages.iter().map(|message| message.at.clone()).collect();
    let mut planned: Vec<_> =
        log.iter().filter(|line| line.place == Place::Waiting).map(|line| line.at.clone()).collect();
    foretold.sort_unstable();
    planned.sort_unstable();
    assert_eq!(foretold, planned);
    let mut unsaid: Vec<_> = forecast
        .silences
        .iter()
        .map(|silence| (silence.start.clone(), silence.step.to_string(), silence.reason.as_str().to_owned()))
        .collect();
    let mut skipped: Vec<_> = log
        .iter()
        .filter(|line| line.place == Place::NotSent)
        .map(|line| (line.visit.clone().unwrap().1, line.step.clone(), line.reason.clone().unwrap()))
        .collect();
    unsaid.sort_unstable();
    skipped.sort_unstable();
    assert_eq!(unsaid, skipped);
}

fn at(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_new_file_says_what_was_foretold_and_foretelling_keeps_nothing() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let rows = || async {
            let mut tx = store.read(kept_store::Scope::Work).await.unwrap();
            tx.row_counts().await.unwrap()
        };
        let before = rows().await;
        let (outcome, forecast) = foretell(&world, WEEK).await;
        assert_eq!(rows().await, before, "nothing is kept");
        assert_eq!((outcome.counts.new, outcome.import), (5, None));
        // Khan alone has three, the two children share three; nobody else can be reached.
        assert_eq!(forecast.messages.len(), 6);
        assert_eq!(forecast.silent_visits, 2);
        assert_eq!(forecast.reasons, [(SkipReason::NoNumber, 3), (SkipReason::NoConsent, 3)]);
        let shared = forecast.messages.iter().find(|message| message.visits == 2).unwrap();
        assert_eq!((shared.name.as_str(), shared.line), ("Emma Lee", Some(2)));
        for message in &forecast.messages {
            let written = world.flow.foretext(message).unwrap();
            assert_eq!(written.segments, 1);
            assert!(written.text.contains("/l#…") && !written.text.contains("Lee"), "{}", written.text);
        }
        let starts = [
            at("2026-12-04T10:00:00"),
            at("2026-12-04T10:30:00"),
            at("2026-12-03T09:00:00"),
            at("2026-12-03T10:00:00"),
            at("2026-12-03T11:00:00"),
        ];
        holds(&forecast, &kept(&world, WEEK, &starts).await);
        let (again, nothing) = foretell(&world, WEEK).await;
        assert_eq!((again.counts.unchanged, nothing), (5, Forecast::default()), "the same file says nothing new");
    })
    .await;
}

/// Khan moves, Brown has a number now, Green said yes, Emma's row is missing.
const NEXT: &str = "\
2,P2,Noah Lee,2017-01-05,212-555-0191,2026-12-04,10:30,30,Amy Wong,Flu Shot,Scheduled,Yes\n\
3,P3,Omar Khan,1960-01-05,212-555-0192,2026-12-04,09:00,30,Amy Wong,Follow Up,Scheduled,Yes\n\
4,P4,Zoe Brown,1937-02-02,212-555-0194,2026-12-03,10:00,30,Amy Wong,Flu Shot,Scheduled,Yes\n\
5,P5,Ian Green,1950-02-02,212-555-0195,2026-12-03,11:00,30,Amy Wong,Flu Shot,Scheduled,Yes\n";

#[tokio::test]
async fn a_changed_file_says_what_was_foretold() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        kept(&world, WEEK, &[]).await;
        let (outcome, forecast) = foretell(&world, NEXT).await;
        assert_eq!((outcome.counts.changed, outcome.counts.vanished), (3, 1));
        assert!(forecast.messages.iter().all(|message| message.name != "Noah Lee"), "his row is the same");
        let told: Vec<&str> = forecast.messages.iter().map(|message| message.name.as_str()).collect();
        for name in ["Omar Khan", "Zoe Brown", "Ian Green"] {
            assert!(told.contains(&name), "{name}: {told:?}");
        }
        let starts = [at("2026-12-04T09:00:00"), at("2026-12-03T10:00:00"), at("2026-12-03T11:00:00")];
        let log = kept(&world, NEXT, &starts).await;
        let waiting: Vec<_> =
            log.iter().filter(|line| line.place == Place::Waiting).map(|line| line.at.clone()).collect();
        let mut foretold: Vec<_> = forecast.messages.iter().map(|message| message.at.clone()).collect();
        let mut planned = waiting;
        foretold.sort_unstable();
        planned.sort_unstable();
        assert_eq!(foretold, planned);
    })
    .await;
}

#[tokio::test]
async fn two_chunks_of_one_patient_are_one_persons() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        // One patient in the first and the last row, and enough others between them for two chunks.
        let mut rows = String::from(
            "1,P1,Emma Lee,2005-09-23,(212) 555-0191,2026-12-04,10:00,30,Amy Wong,Flu Shot,Scheduled,Yes\n",
        );
        for n in 0..CHUNK_ROWS {
            writeln!(
                rows,
                "{},Q{n},Other Person,1970-01-01,n/a,2026-12-05,10:00,30,Amy Wong,Flu Shot,Scheduled,Yes",
                n + 10
            )
            .unwrap();
        }
        rows.push_str("2,P1,Emma Lee,2005-09-23,(212) 555-0191,2026-12-04,15:00,30,Amy Wong,Flu Shot,Scheduled,Yes\n");
        let (_, forecast) = foretell(&world, &rows).await;
        assert!(forecast.messages.iter().all(|message| message.visits == 2), "{:?}", forecast.messages);
        assert_eq!(forecast.messages.len(), 3);
        assert_eq!(forecast.silent_visits, CHUNK_ROWS);
    })
    .await;
}
