//! Ninety days with all that can go wrong: opt-outs in many wordings, returns, wrong numbers, carriers that are down or
//! refuse, files in which visits move and vanish; and a checker that knows only the rules of texting.

mod checker;
mod doctored;
mod explain;
mod life;
mod people;

use crate::carrier::{Refusing, Weather};
use crate::ninety_days::checker::{What, violations};
use crate::ninety_days::explain::{Known, Told, unexplained};
use crate::ninety_days::life::{Errand, Story};
use crate::ninety_days::people::{first_day, last_day};
use chrono::{Duration, NaiveDate};
use kept_domain::Instant;
use kept_store::testing::TestDatabase;
use std::collections::{BTreeMap, BTreeSet};

/// What is planned for every visit.
const STEPS: [&str; 3] = ["booking", "3d", "1d"];

/// A time on the first location's clock, so many days into the story.
fn on(day: i64, hour: u32, minute: u32) -> Instant {
    life::at(chrono_tz::America::New_York, (first_day() + Duration::days(day)).and_hms_opt(hour, minute, 0).unwrap())
}

/// Bad weather: from, to, and how.
fn storms() -> Vec<(Instant, Instant, Weather)> {
    let down = Weather { is_down: true, ..Weather::default() };
    vec![
        (on(10, 9, 0), on(10, 14, 0), down),
        // Over at night: the backlog waits until eight.
        (on(24, 17, 0), on(24, 22, 40), down),
        (on(31, 19, 30), on(32, 3, 0), down),
        (on(52, 12, 0), on(54, 12, 0), down),
        (on(62, 0, 0), on(66, 0, 0), Weather { loses_receipts: true, ..Weather::default() }),
        (on(70, 0, 0), on(80, 0, 0), Weather { breaks_off: 7, ..Weather::default() }),
    ]
}

/// Our own process sleeps.
fn sleeps() -> (Instant, Instant) {
    (on(38, 10, 0), on(40, 10, 0))
}

fn errands(story: &mut Story) {
    for (from, to, weather) in storms() {
        story.later(from, Errand::Weather(weather));
        story.later(to, Errand::Weather(Weather::default()));
    }
    story.later(sleeps().0, Errand::Sleep(sleeps().1));
    for week in 1..13 {
        story.later(on(week * 7, 7, 30), Errand::Upload(week));
    }
    for day in 0..90 {
        story.later(on(day, 9, 30), Errand::DeskLooks);
    }
    for day in [6, 24, 41, 53, 77] {
        story.later(on(day, 18, 5), Errand::Restart);
    }
    story.later(on(20, 7, 0), Errand::Refuse(people::Temper::Unreachable, Refusing::Later("unreachable")));
    story.later(on(25, 7, 0), Errand::Refuse(people::Temper::StoppedAtTheCarrier, Refusing::AtOnce("opted-out")));
    story.later(on(30, 7, 0), Errand::Refuse(people::Temper::StoppedAtTheCarrierLater, Refusing::Later("opted-out")));
}

async fn live(database: &TestDatabase) {
    let mut story = Story::begin(database, on(0, 7, 0)).await;
    errands(&mut story);
    let end = on(89, 23, 59);
    story.advance(end).await;
    let told = story.told().await;
    let log = story.end();

    let wrong = violations(&log);
    assert!(wrong.is_empty(), "{} violations: {:#?}", wrong.len(), &wrong[..wrong.len().min(12)]);

    // A backlog lasts until the morning after.
    let mut outages: Vec<(Instant, Instant)> =
        storms().into_iter().filter(|(.., weather)| weather.is_down).map(|(from, to, _)| (from, to)).collect();
    outages.push(sleeps());
    for (_, to) in &mut outages {
        *to = *to + Duration::hours(12);
    }
    let known = Known { outages, refusing: story.refusing(), booked: story.booked(), end };
    let silent = unexplained(&log, &known, &told, &STEPS);
    assert!(silent.is_empty(), "{} unexplained: {:#?}", silent.len(), &silent[..silent.len().min(12)]);

    let (flow, id) = (&story.practice.flow, story.practice.id);
    let mut against = Vec::new();
    let proof = flow.prove_consent(id, |finding| against.push(finding.clone())).await.unwrap();
    assert!(proof.is_clean(), "{proof:?}: {against:#?}");
    let entries = proof.chain.expect("the consent ledger holds");
    assert!(
        entries > 50 && proof.attempts > 250 && proof.waiting == 0,
        "{entries} entries, {} attempts",
        proof.attempts
    );
    let audit = flow.verify_audit(id).await.unwrap();
    assert!(audit.broken.is_none() && audit.entries > 500, "{audit:?}");
    much_happened(&log, &told);
    caught_up(&log);
}

/// The story is about something: each kind of trouble came up, and often.
fn much_happened(log: &checker::Log, told: &[Told]) {
    let mut wordings: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in &log.events {
        if let What::Wrote { text, intent, .. } = &event.what {
            wordings.entry(intent).or_default().insert(text);
        }
    }
    let many = |intent: &str, least: usize| {
        let count = wordings.get(intent).map_or(0, BTreeSet::len);
        assert!(count >= least, "{count} wordings of {intent}, of {:?}", wordings.keys());
    };
    for (intent, least) in [
        ("opt-out", 12),
        ("opt-out-ask", 1),
        ("opt-in", 5),
        ("wrong-number", 1),
        ("accept", 20),
        ("person", 8),
        ("urgent", 2),
        ("help", 2),
    ] {
        many(intent, least);
    }
    let by_hand = log.events.iter().filter(|event| event.what == What::Withdrew).count();
    assert!(by_hand >= 3, "{by_hand} opt-outs at the desk and the carrier");
    assert!(log.events.iter().any(|event| event.what == What::Unreachable));
    let reasons: BTreeMap<&str, usize> =
        told.iter().filter_map(|row| row.reason.as_deref()).fold(BTreeMap::new(), |mut reasons, reason| {
            *reasons.entry(reason).or_default() += 1;
            reasons
        });
    for reason in ["opted-out", "number-suspended", "no-number", "no-consent", "confirmed", "superseded", "not-new"] {
        assert!(reasons.contains_key(reason), "no step was skipped because of {reason}: {reasons:?}");
    }
    let texts = log.unasked().count();
    assert!(texts > 200, "{texts} texts");
    assert!(log.failed.len() > 10, "{} messages met bad weather", log.failed.len());
}

/// What was still useful after an outage went out: that same day where the hours were open, else the next morning. In the evening
/// nothing may have been due, so two of the outages must show it; that nothing useful was lost in any, `unexplained` judges.
fn caught_up(log: &checker::Log) {
    let after =
        |from: Instant, to: Instant| log.unasked().filter(|(event, ..)| from <= event.at && event.at < to).count();
    let mut caught_up = 0;
    for (from, to, _) in storms().into_iter().filter(|(.., weather)| weather.is_down) {
        assert_eq!(after(from, to), 0, "nothing is taken from {from:?} to {to:?}");
        caught_up += usize::from(after(to, to + Duration::hours(13)) > 0);
    }
    assert!(caught_up >= 2, "something came after {caught_up} outages only");
    assert_eq!(after(sleeps().0, sleeps().1), 0);
    assert!(after(sleeps().1, sleeps().1 + Duration::hours(11)) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ninety_days_on_sqlite() {
    let database = TestDatabase::sqlite().await;
    live(&database).await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ninety_days_on_postgres() {
    let Some(database) = TestDatabase::postgres().await else { return };
    live(&database).await;
    database.close().await;
}

#[test]
fn the_story_crosses_the_end_of_summer_time() {
    let back = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
    assert!(first_day() < back && back < last_day());
}
