//! A carrier that is down for hours: what waits goes out when it may, and only what is still true.

use crate::carrier::Weather;
use crate::practice::Practice;
use chrono::NaiveDateTime;
use chrono_tz::America::New_York;
use kept_domain::Instant;
use kept_domain::time::resolve_local;
use kept_flow::Clock as _;
use kept_flow::dispatch::{BATCH, LEASE, SENDERS};
use kept_store::Scope;
use kept_store::testing::TestDatabase;
use std::fmt::Write as _;

const HEADER: &str = "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Status,Booked On\n";
const FAIR: Weather =
    Weather { is_down: false, breaks_off: 0, loses_receipts: false, is_mute: false, is_busy: false, slow_s: 0 };
/// Nobody knows whether it took anything; it would know it again by its key.
const DOWN: Weather = Weather { is_down: true, ..FAIR };
/// It certainly takes nothing.
const BUSY: Weather = Weather { is_busy: true, ..FAIR };

/// Thursday, the second visit a day later so that the file has a last day.
fn file(first: Option<&str>) -> String {
    let first = first.map_or_else(String::new, |start| {
        let (day, time) = start.split_once('T').unwrap();
        format!("1,P1,Pat,One,1970-01-01,2125550191,{day},{time},Scheduled,2026-08-01\n")
    });
    format!(
        "{HEADER}0,P0,Pat,Nought,1970-01-01,,2026-09-14,09:00,Scheduled,2026-08-01\n{first}2,P2,Pat,Two,1970-01-01,,2026-09-30,09:00,Scheduled,2026-08-01\n"
    )
}

fn wall(text: &str) -> Instant {
    resolve_local(New_York, text.parse::<NaiveDateTime>().unwrap())
}

/// Lives on until `to`, stopping wherever something is due.
async fn live(practice: &Practice, to: &str) {
    let to = wall(to);
    loop {
        practice.flow.settle().await.unwrap();
        practice.carrier.send_receipts().await;
        let due = practice.flow.next_due_at(practice.clock.civil()).await.unwrap();
        let Some(due) = due.filter(|due| *due <= to) else { break };
        practice.clock.set_civil(due);
    }
    practice.clock.set_civil(to);
    practice.flow.settle().await.unwrap();
}

/// A visit on the 24th at 9:15; the carrier is down from `from` on.
async fn begin(database: &TestDatabase, from: &str) -> Practice {
    let practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    practice.import(&file(Some("2026-09-24T09:15"))).await;
    live(&practice, from).await;
    practice.carrier.set_weather(DOWN);
    practice
}

async fn end_of_outage(practice: &mut Practice) {
    practice.carrier.set_weather(Weather::default());
    // The breaker rests by the machine's clock, for which hours of a story are nothing.
    practice.restart().await;
}

fn arrived(practice: &Practice) -> Vec<String> {
    let local = |at: Instant| at.utc().with_timezone(&New_York).format("%d %H:%M").to_string();
    practice.carrier.texts().into_iter().map(|text| local(text.at)).collect()
}

/// Three hours are far more than six attempts of a few seconds each.
async fn a_reminder_outlives_hours_without_a_carrier(database: &TestDatabase) {
    let mut practice = begin(database, "2026-09-21T08:30:00").await;
    live(&practice, "2026-09-21T12:20:00").await;
    assert_eq!(arrived(&practice), Vec::<String>::new());
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-21T23:00:00").await;
    let texts = arrived(&practice);
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].as_str() < "21 13:00", "{texts:?}: the longest back-off is a quarter of an hour");
}

/// Up again at 23:00: nothing goes out at night.
async fn a_backlog_waits_for_the_morning(database: &TestDatabase) {
    let mut practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    practice.import(&file(Some("2026-09-24T16:45"))).await;
    live(&practice, "2026-09-21T16:00:00").await;
    practice.carrier.set_weather(DOWN);
    live(&practice, "2026-09-21T23:00:00").await;
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-22T12:00:00").await;
    assert_eq!(arrived(&practice), ["22 08:00"]);
}

/// The carrier is busy from Monday noon to Wednesday noon: what was due on Monday counts for the day on which it goes out, and the
/// text of the day before is not sent beside it.
async fn a_late_reminder_counts_for_the_day_on_which_it_goes_out(database: &TestDatabase) {
    let mut practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    practice.import(&file(Some("2026-09-24T16:45"))).await;
    live(&practice, "2026-09-21T12:00:00").await;
    practice.carrier.set_weather(BUSY);
    live(&practice, "2026-09-23T12:00:00").await;
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-24T20:00:00").await;
    let texts = arrived(&practice);
    assert!(texts.len() == 1 && texts[0].starts_with("23"), "{texts:?}");
}

/// A text fails on Monday at 20:59 and goes out on Tuesday at 8:00; another is due on Tuesday at 10:00.
async fn what_failed_in_the_evening_counts_for_the_morning(database: &TestDatabase) {
    in_the_evening(database, BUSY).await;
}

async fn what_is_in_doubt_since_the_evening_counts_for_the_morning_alone(database: &TestDatabase) {
    in_the_evening(database, DOWN).await;
}

async fn in_the_evening(database: &TestDatabase, weather: Weather) {
    let mut practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    let two = "1,P1,Pat,One,1970-01-01,2125550191,2026-09-24,20:58,Scheduled,2026-08-01\n\
               3,P1,Pat,One,1970-01-01,2125550191,2026-09-25,10:00,Scheduled,2026-08-01\n";
    practice.import(&format!("{}{two}", file(None))).await;
    live(&practice, "2026-09-21T20:00:00").await;
    practice.carrier.set_weather(weather);
    live(&practice, "2026-09-21T22:00:00").await;
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-25T20:00:00").await;
    let days: Vec<String> = arrived(&practice).into_iter().map(|at| at[..2].to_owned()).collect();
    assert_eq!(days, ["22", "23", "24"], "one a day");
}

/// Two siblings come on one day at 8:15 and 16:45. Their text of the day before is useless at 7:45, and the carrier is back at
/// nine: the second is reminded still.
async fn who_is_still_helped_is_reminded_when_the_text_for_both_has_expired(database: &TestDatabase) {
    let mut practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    let two = "1,P1,Pat,One,2016-01-01,2125550191,2026-09-24,08:15,Scheduled,2026-08-01\n\
               3,P3,Pat,Three,2018-01-01,2125550191,2026-09-24,16:45,Scheduled,2026-08-01\n";
    practice.import(&format!("{}{two}", file(None))).await;
    live(&practice, "2026-09-22T12:00:00").await;
    let before = arrived(&practice).len();
    practice.carrier.set_weather(BUSY);
    live(&practice, "2026-09-24T09:00:00").await;
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-24T20:00:00").await;
    let texts = arrived(&practice).split_off(before);
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].as_str() > "24 09:00" && texts[0].as_str() <= "24 09:30", "{texts:?}");
}

async fn a_reminder_that_confirms_nothing_any_more_is_not_sent(database: &TestDatabase) {
    let mut practice = begin(database, "2026-09-21T08:30:00").await;
    live(&practice, "2026-09-21T10:00:00").await;
    let day = chrono::NaiveDate::from_ymd_opt(2026, 9, 24);
    let visit = practice.flow.board(practice.id, practice.staff, day).await.unwrap().visits[0].id;
    let answering = kept_flow::answer::Answering {
        appointment: visit,
        revision: None,
        answer: kept_domain::Answer::Accepted,
        by: kept_flow::answer::AnsweredBy::Desk(practice.staff),
        words: kept_flow::answer::Words::default(),
    };
    practice.flow.record_answer(practice.id, answering).await.unwrap();
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-24T12:00:00").await;
    assert_eq!(arrived(&practice), ["23 09:15"], "only the note of the day before");
}

async fn a_reminder_that_the_patient_has_muted_is_not_sent(database: &TestDatabase) {
    let mut practice = begin(database, "2026-09-21T08:30:00").await;
    live(&practice, "2026-09-21T10:00:00").await;
    let day = chrono::NaiveDate::from_ymd_opt(2026, 9, 24);
    let visit = practice.flow.board(practice.id, practice.staff, day).await.unwrap().visits[0].id;
    let mut tx = practice.flow.store.read(Scope::Practice(practice.id)).await.unwrap();
    let patient = tx.plan_visits(practice.id, &[visit]).await.unwrap()[0].patient;
    drop(tx);
    let by = kept_flow::audit::Actor::Staff(practice.staff);
    assert!(practice.flow.mute_visit(practice.id, patient, visit, true, by).await.unwrap());
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-24T12:00:00").await;
    assert_eq!(arrived(&practice), Vec::<String>::new());
}

/// A webhook is acknowledged before what follows from it; waits for that.
async fn follow(practice: &Practice) {
    practice.flow.run_sweep("receipts").await.unwrap();
}

/// "Hello?" and then "STOP", while the carrier is down or the answer is in a worker's hands: of the two only the STOP is answered.
async fn what_was_to_be_answered_before_an_opt_out_is_not_said_after_it(database: &TestDatabase) {
    const NUMBER: &str = "+12125550191";
    let mut practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    practice.import(&file(Some("2026-09-24T09:15"))).await;
    live(&practice, "2026-09-21T10:00:00").await;
    assert_eq!(arrived(&practice).len(), 1);
    let said = |practice: &Practice, words: &str| {
        practice.carrier.texts().iter().filter(|text| text.text.contains(words)).count()
    };
    practice.carrier.set_weather(DOWN);
    practice.carrier.reply(NUMBER, "hello?").await;
    live(&practice, "2026-09-21T10:00:10").await;
    practice.carrier.reply(NUMBER, "STOP").await;
    practice.flow.settle().await.unwrap();
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-21T11:30:00").await;
    assert_eq!((said(&practice, "anything private"), said(&practice, "opted out")), (0, 1));

    practice.carrier.reply(NUMBER, "START").await;
    live(&practice, "2026-09-21T12:00:00").await;
    practice.carrier.reply(NUMBER, "hello?").await;
    follow(&practice).await;
    let held = practice.flow.claim_due(10).await.unwrap().unwrap();
    practice.carrier.reply(NUMBER, "STOP").await;
    follow(&practice).await;
    assert_eq!(practice.flow.dispatch_batch(held).await.unwrap().dropped, 1);
    live(&practice, "2026-09-21T13:00:00").await;
    assert_eq!((said(&practice, "anything private"), said(&practice, "opted out")), (0, 2));
    let proof = practice.flow.prove_consent(practice.id, |finding| panic!("{finding:?}")).await.unwrap();
    assert!(proof.is_clean());
}

/// Each text takes the carrier three seconds: what could not be written down within the lease is not begun, and goes out by the next.
async fn a_slow_carrier_is_not_handed_more_than_the_lease_allows(database: &TestDatabase) {
    const PATIENTS: usize = 60;
    let practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    let mut rows = file(None);
    for n in 0..PATIENTS {
        let number = 2_125_550_100 + n;
        writeln!(rows, "{n}x,Q{n},Pat,Many,1970-01-01,{number},2026-09-24,09:15,Scheduled,2026-08-01").unwrap();
    }
    practice.import(&rows).await;
    live(&practice, "2026-09-21T09:00:00").await;
    practice.carrier.set_weather(Weather { slow_s: 3, ..Weather::default() });
    practice.clock.set_civil(wall("2026-09-21T09:15:00"));
    let first = practice.flow.dispatch_due(BATCH).await.unwrap();
    assert_eq!((first.claimed, first.sent + first.retried), (PATIENTS, PATIENTS));
    assert!(first.retried > 0, "{first:?}");
    let last = practice.carrier.texts().last().unwrap().at;
    let allowed = LEASE.num_seconds() + i64::try_from(SENDERS).unwrap() * 3;
    assert!((last - wall("2026-09-21T09:15:00")).num_seconds() < allowed, "nothing began after the lease");
    practice.carrier.set_weather(Weather::default());
    live(&practice, "2026-09-21T12:00:00").await;
    let posts = practice.carrier.posts();
    assert_eq!((practice.carrier.texts().len(), posts.len()), (PATIENTS, PATIENTS));
    assert!(posts.values().all(|posts| *posts == 1), "each once");
}

async fn a_visit_that_vanished_meanwhile_waits_for_the_desk(database: &TestDatabase) {
    let mut practice = begin(database, "2026-09-21T08:30:00").await;
    live(&practice, "2026-09-21T10:00:00").await;
    assert_eq!(practice.import(&file(None)).await.counts.vanished, 1);
    end_of_outage(&mut practice).await;
    live(&practice, "2026-09-21T14:00:00").await;
    assert_eq!(arrived(&practice), Vec::<String>::new());
    let day = chrono::NaiveDate::from_ymd_opt(2026, 9, 24);
    let visit = practice.flow.board(practice.id, practice.staff, day).await.unwrap().visits[0].id;
    assert!(practice.flow.keep_held(practice.id, practice.staff, visit).await.unwrap());
    live(&practice, "2026-09-21T20:00:00").await;
    assert_eq!(arrived(&practice).len(), 1, "{:?}", arrived(&practice));
}

on_both_engines!(
    a_reminder_outlives_hours_without_a_carrier,
    hours_without_a_carrier_on_sqlite,
    hours_without_a_carrier_on_postgres
);
on_both_engines!(a_backlog_waits_for_the_morning, night_backlog_on_sqlite, night_backlog_on_postgres);
on_both_engines!(
    a_reminder_that_confirms_nothing_any_more_is_not_sent,
    confirmed_meanwhile_on_sqlite,
    confirmed_meanwhile_on_postgres
);
on_both_engines!(
    a_visit_that_vanished_meanwhile_waits_for_the_desk,
    vanished_meanwhile_on_sqlite,
    vanished_meanwhile_on_postgres
);
on_both_engines!(
    a_late_reminder_counts_for_the_day_on_which_it_goes_out,
    a_late_reminder_on_sqlite,
    a_late_reminder_on_postgres
);
on_both_engines!(
    what_failed_in_the_evening_counts_for_the_morning,
    failed_in_the_evening_on_sqlite,
    failed_in_the_evening_on_postgres
);
on_both_engines!(
    what_is_in_doubt_since_the_evening_counts_for_the_morning_alone,
    in_doubt_since_the_evening_on_sqlite,
    in_doubt_since_the_evening_on_postgres
);
on_both_engines!(
    who_is_still_helped_is_reminded_when_the_text_for_both_has_expired,
    still_helped_on_sqlite,
    still_helped_on_postgres
);
on_both_engines!(
    a_reminder_that_the_patient_has_muted_is_not_sent,
    muted_meanwhile_on_sqlite,
    muted_meanwhile_on_postgres
);
on_both_engines!(
    what_was_to_be_answered_before_an_opt_out_is_not_said_after_it,
    stopped_meanwhile_on_sqlite,
    stopped_meanwhile_on_postgres
);
on_both_engines!(
    a_slow_carrier_is_not_handed_more_than_the_lease_allows,
    a_slow_carrier_on_sqlite,
    a_slow_carrier_on_postgres
);
