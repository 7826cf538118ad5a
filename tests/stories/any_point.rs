//! A process dies at each point where it waits: between any two statements, before and after each commit, while the carrier is
//! spoken to. Another one begins with the database and the key file alone, and nothing is lost or sent blindly again.

use crate::carrier::Weather;
use crate::practice::Practice;
use chrono::{Duration, NaiveDate, Timelike as _};
use chrono_tz::America::New_York;
use kept_carrier::sandbox::KEY_LIFE;
use kept_domain::Instant;
use kept_domain::time::resolve_local;
use kept_flow::consent::ConsentChoice;
use kept_flow::dispatch::LEASE;
use kept_flow::intake::ImportRequest;
use kept_flow::lost::ASKED_FOR;
use kept_flow::{Clock as _, TURN};
use kept_store::testing::TestDatabase;
use kept_store::{Engine, Scope};
use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// More points than the path has; a path that is longer needs a look at this test.
const MOST_POINTS: u32 = 400;
/// Fewer points than this would mean that the path was not walked.
const FEWEST_POINTS: u32 = 15;
/// Deaths between the carrier's taking a text and our hearing of it: the wait that a count of points meets only by luck, since
/// the carrier reads at its own pace.
const DEATHS_AFTER_HAND_OVER: u32 = 2;

/// Runs a step up to the given point where it waits, and lets it go there, as a process does that dies. Gives what it came to if it
/// came to its end before.
async fn until_point<T>(points: u32, step: impl Future<Output = T>) -> Option<T> {
    let mut step = pin!(step);
    let mut left = points;
    poll_fn(|context| match step.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

fn number(n: u32) -> String {
    format!("+1212556{:04}", 1000 + n)
}

/// One patient a row, up to and with the `last`.
fn csv(last: u32) -> String {
    let mut text = String::from("Appointment ID,Patient ID,First Name,Last Name,Cell Phone,Date,Time\n");
    for n in 0..=last {
        writeln!(text, "A{n},P{n},Pat,Number{n},{},2026-12-16,10:15", number(n)).unwrap();
    }
    text
}

/// The whole path of one round: the file comes in, a text goes out.
async fn path(practice: &Practice, csv: String) {
    let request = ImportRequest {
        practice: practice.id,
        file_name: "schedule.csv",
        content: csv.into_bytes(),
        mapping: None,
        consent: Some(ConsentChoice::Declared),
        staff: Some(practice.staff),
        dry_run: false,
        progress: None,
        words: kept_flow::intake::RejectWords::default(),
    };
    practice.flow.import(request).await.unwrap();
    practice.flow.settle().await.unwrap();
}

/// What a round came to.
async fn uncertain(practice: &Practice) -> usize {
    let mut tx = practice.flow.store.read(Scope::Practice(practice.id)).await.unwrap();
    tx.open_tasks(practice.id).await.unwrap().iter().filter(|task| task.kind == "uncertain").count()
}

/// Another process takes over once every lease and every turn of the dead one has run out; before evening comes the next morning.
async fn begin_again(practice: &mut Practice) {
    practice.restart().await;
    let mut later = practice.clock.civil() + LEASE.max(TURN) + Duration::seconds(1);
    if later.local(New_York).hour() >= 19 {
        later = later + Duration::hours(14);
    }
    practice.clock.set_civil(later);
}

async fn live(database: &TestDatabase, key_life: Option<std::time::Duration>) {
    let morning = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap().and_hms_opt(8, 30, 0).unwrap();
    let start: Instant = resolve_local(New_York, morning);
    let mut practice = Practice::with_carrier(database, start, key_life).await;
    // The waits of the two engines differ; a stride keeps the test within its time where there are many.
    let stride = if database.store.engine() == Engine::Postgres { 3 } else { 1 };
    let (mut round, mut point, mut ended) = (0, 0, 0);
    while ended < 3 {
        assert!(point < MOST_POINTS, "the path does not end");
        if until_point(point, Box::pin(path(&practice, csv(round)))).await.is_some() {
            ended += 1;
        }
        begin_again(&mut practice).await;
        Box::pin(path(&practice, csv(round))).await;
        round += 1;
        point += stride;
    }
    assert!(point > FEWEST_POINTS, "{point} points");
    for _ in 0..DEATHS_AFTER_HAND_OVER {
        practice.carrier.set_weather(Weather { is_mute: true, ..Weather::default() });
        tokio::select! {
            () = practice.carrier.muted() => {}
            () = Box::pin(path(&practice, csv(round))) => panic!("the path ended without a word from the carrier"),
        }
        practice.carrier.set_weather(Weather::default());
        begin_again(&mut practice).await;
        Box::pin(path(&practice, csv(round))).await;
        round += 1;
    }
    // What became of a text without a word is asked of the carrier for a while, which is no help here; then a person is told.
    begin_again(&mut practice).await;
    practice.clock.set_civil(practice.clock.civil() + ASKED_FOR);
    practice.flow.settle().await.unwrap();

    let texts = practice.carrier.texts();
    let posts = practice.carrier.posts();
    let open = uncertain(&practice).await;
    let mut silent = 0;
    for n in 0..round {
        let got: Vec<_> = texts.iter().filter(|text| text.to == number(n)).collect();
        assert!(got.len() <= 1, "round {n} was told {} times", got.len());
        silent += usize::from(got.is_empty());
    }
    let again = posts.values().filter(|posts| **posts > 1).count();
    if key_life.is_some() {
        assert_eq!((silent, open), (0, 0), "every text arrived, and none is in doubt");
        assert!(again >= DEATHS_AFTER_HAND_OVER as usize, "{again} texts handed over a second time, under their key");
    } else {
        assert_eq!(again, 0, "without keys nothing is sent a second time");
        assert!(open >= DEATHS_AFTER_HAND_OVER as usize && silent <= open, "{silent} silent, {open} shown to a person");
        // In doubt are armed ones only; what was never armed was sent.
        assert_eq!(texts.len() + silent, round as usize);
    }
    let verified = practice.flow.verify_audit(practice.id).await.unwrap();
    assert!(verified.broken.is_none(), "{verified:?}");
    let board = practice.flow.board(practice.id, practice.staff, NaiveDate::from_ymd_opt(2026, 12, 16)).await.unwrap();
    assert_eq!(board.visits.len(), round as usize, "every row is one visit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_point_loses_nothing_on_sqlite() {
    let database = TestDatabase::sqlite().await;
    Box::pin(live(&database, Some(KEY_LIFE))).await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_point_loses_nothing_on_postgres() {
    let Some(database) = TestDatabase::postgres().await else { return };
    Box::pin(live(&database, Some(KEY_LIFE))).await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_a_death_leaves_a_question_and_no_second_text_on_sqlite() {
    let database = TestDatabase::sqlite().await;
    Box::pin(live(&database, None)).await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_a_death_leaves_a_question_and_no_second_text_on_postgres() {
    let Some(database) = TestDatabase::postgres().await else { return };
    Box::pin(live(&database, None)).await;
    database.close().await;
}
