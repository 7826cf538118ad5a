//! Six and a half months with both clock changes: import → plan → send → receipt → link → answer → report.

use crate::carrier::Delivered;
use crate::practice::Practice;
use chrono::{Datelike as _, Duration, NaiveDate, Timelike as _, Weekday};
use chrono_tz::America::New_York;
use kept_domain::report::Dimension;
use kept_domain::time::resolve_local;
use kept_domain::{AppointmentStatus, Instant, OutcomeBy};
use kept_flow::portal::{AnswerForm, Answered, Gate, Identified, Identify, PortalAnswer};
use kept_flow::report::Period;
use kept_seal::LinkToken;
use kept_store::Scope;
use kept_store::testing::TestDatabase;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// Patients of the story. The last two are children on one number.
const PATIENTS: u32 = 18;
/// Days between two visits of a patient, roughly.
const EVERY: i64 = 26;

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 9, 7).unwrap()
}

fn last_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 3, 19).unwrap()
}

fn number(patient: u32) -> String {
    // The two children have their parent's phone. 212 is New York and nothing else.
    format!("+1212555{:04}", 100 + patient.min(PATIENTS - 2))
}

fn birth_date(patient: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(1950 + i32::try_from(patient).unwrap(), 3, 1 + patient % 28).unwrap()
}

#[derive(Clone)]
struct Visit {
    id: u32,
    patient: u32,
    start: chrono::NaiveDateTime,
}

/// Visits on working days, at times from 8:15 to 16:45.
fn visits() -> Vec<Visit> {
    let mut visits = Vec::new();
    for patient in 0..PATIENTS {
        let mut day = first_day() + Duration::days(3 + i64::from(patient.min(PATIENTS - 2)));
        let mut nth = 0;
        while day < last_day() {
            while matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
                day += Duration::days(1);
            }
            let half_hours = (patient * 5 + nth * 3) % 18;
            let start = day.and_hms_opt(8 + half_hours / 2, 15 + 30 * (half_hours % 2), 0).unwrap();
            visits.push(Visit { id: 1000 + patient * 100 + nth, patient, start });
            nth += 1;
            day += Duration::days(EVERY);
        }
    }
    visits
}

fn csv(visits: &[Visit]) -> String {
    let mut text = String::from(
        "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Provider,Status,Booked On\n",
    );
    for visit in visits {
        writeln!(
            text,
            "{},P{},Pat,Number{},{},{},{},{},Wong Amy,Scheduled,2026-08-01",
            visit.id,
            visit.patient,
            visit.patient,
            birth_date(visit.patient),
            number(visit.patient),
            visit.start.date(),
            visit.start.format("%H:%M"),
        )
        .unwrap();
    }
    text
}

/// What a made-up person does with a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Habit {
    Link,
    CancelByLink,
    Text,
    Late,
    Stop,
    Silent,
}

fn habit(patient: u32) -> Habit {
    match patient % 8 {
        0 | 1 => Habit::Link,
        2 => Habit::CancelByLink,
        3 | 4 => Habit::Text,
        5 => Habit::Late,
        6 if patient == 14 => Habit::Stop,
        _ => Habit::Silent,
    }
}

/// Opens the link in a text as the browser would, shows the birth date, and answers the first visit that waits.
async fn by_link(practice: &Practice, text: &str, patient: u32, cancel: bool) -> Option<Answered> {
    let (flow, id) = (&practice.flow, practice.id);
    let secret = text.split_once("/l#")?.1.split_whitespace().next()?;
    let token = LinkToken::parse(secret).expect("the link in a text is whole");
    let opening = flow.portal_open(id, &token.auth().to_base64url(), None).await.unwrap().expect("a fresh link opens");
    let Gate::Ask { cookie, link, ordinal, nonce, .. } = flow.portal_gate(id, &opening.cookie, None).await.unwrap()
    else {
        panic!("one patient's link asks for the birth date")
    };
    let wrong = birth_date(patient) + Duration::days(1);
    let entered = |birth_date, nonce| Identify { link, ordinal, nonce, birth_date, remember: false, device: None };
    let answer = flow.portal_identify(id, &cookie, entered(wrong, nonce)).await.unwrap();
    assert!(matches!(answer, Identified::Wrong { .. } | Identified::Blocked), "{answer:?}");
    let Gate::Ask { cookie, nonce, .. } = flow.portal_gate(id, &cookie, None).await.unwrap() else { return None };
    let Identified::In { session, .. } =
        flow.portal_identify(id, &cookie, entered(birth_date(patient), nonce)).await.unwrap()
    else {
        panic!("the right birth date opens")
    };
    let session = flow.portal_session(id, &session).await.unwrap().expect("a session that has just begun");
    let shown = flow.portal_visits(id, session).await.unwrap();
    let visit = &shown.visits[0];
    let (nonce, answer) = if cancel {
        (visit.cancel_nonce.clone(), PortalAnswer::Cancel { reason: Some("canary-reason".to_owned()) })
    } else {
        (visit.confirm_nonce.clone(), PortalAnswer::Confirm)
    };
    let form = AnswerForm { link: shown.link, ordinal: visit.ordinal, revision: visit.revision, nonce, answer };
    Some(flow.portal_answer(id, session, form).await.unwrap())
}

#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// When, to whom, and the words without the link.
    texts: Vec<(Instant, String, String)>,
    /// fulfilled, noshow, cancelled by patients.
    outcomes: (u32, u32, u32),
}

/// Lives the half year. With `restarts`, the process dies at every third stop.
async fn live(database: &TestDatabase, restarts: bool) -> Told {
    let start = resolve_local(New_York, first_day().and_hms_opt(7, 0, 0).unwrap());
    let mut practice = Practice::open(database, start).await;
    let all = visits();
    let schedule = csv(&all);
    let first = practice.import(&schedule).await;
    assert_eq!((first.counts.new, first.counts.rejected), (all.len() as u64, 0), "{:?}", first.problems);
    let again = practice.import(&schedule).await;
    assert_eq!((again.counts.unchanged, again.counts.new, again.counts.changed), (all.len() as u64, 0, 0));

    let mut read = 0;
    let mut answered: HashMap<String, Answered> = HashMap::new();
    let mut moved: Option<Visit> = None;
    let mut day = first_day();
    while day <= last_day() {
        let evening = resolve_local(New_York, day.and_hms_opt(22, 0, 0).unwrap());
        // The clock stops wherever something is due; a restart can come at any of these stops.
        let mut stop = 0;
        loop {
            practice.flow.settle().await.unwrap();
            practice.carrier.send_receipts().await;
            for text in practice.carrier.texts().split_off(read) {
                read += 1;
                act(&practice, &text, &mut answered).await;
            }
            practice.flow.settle().await.unwrap();
            stop += 1;
            if restarts && stop % 3 == 1 {
                practice.restart().await;
            }
            let now = kept_flow::Clock::civil(practice.clock.as_ref());
            match practice.flow.next_due_at(now).await.unwrap() {
                Some(due) if due <= evening => practice.clock.set_civil(due),
                _ => break,
            }
        }
        practice.clock.set_civil(evening);
        practice.flow.settle().await.unwrap();
        mark(&practice, day).await;
        if day == NaiveDate::from_ymd_opt(2026, 10, 5).unwrap() {
            moved = Some(move_one(&practice, &all, day).await);
        }
        day += Duration::days(1);
    }
    check_answers(&answered);
    check_texts(&practice, &all, moved.as_ref());
    nothing_is_left(&practice).await;
    report_agrees(&practice).await
}

async fn act(practice: &Practice, text: &Delivered, answered: &mut HashMap<String, Answered>) {
    let patient = (0..PATIENTS).find(|patient| number(*patient) == text.to).expect("one of ours");
    // A shared number asks which child first; in this story the parent is silent.
    if patient >= PATIENTS - 2 {
        return;
    }
    match habit(patient) {
        Habit::Link | Habit::CancelByLink => {
            let cancel = habit(patient) == Habit::CancelByLink;
            if let Some(done) = by_link(practice, &text.text, patient, cancel).await {
                answered.insert(text.key.clone(), done);
            }
        }
        Habit::Text => practice.carrier.reply(&text.to, "1").await,
        Habit::Late => practice.carrier.reply(&text.to, "yes but I'll be late").await,
        Habit::Stop => practice.carrier.reply(&text.to, "please stop texting me").await,
        Habit::Silent => {}
    }
    // A webhook is acknowledged before what follows from it: what a phone wrote is followed here before it writes again, or the
    // second of two texts could be read either way.
    practice.flow.run_sweep("receipts").await.unwrap();
}

/// At the end of a day the desk marks who came: everybody but each seventh visit.
async fn mark(practice: &Practice, day: NaiveDate) {
    let board = practice.flow.board(practice.id, practice.staff, Some(day)).await.unwrap();
    let mut came = Vec::new();
    let mut missed = Vec::new();
    for (index, visit) in board.visits.iter().enumerate().filter(|(_, visit)| visit.status.is_expected()) {
        if index % 7 == 3 { missed.push(visit.id) } else { came.push(visit.id) }
    }
    let (flow, id, staff) = (&practice.flow, practice.id, practice.staff);
    flow.mark_all(id, staff, &came, AppointmentStatus::Fulfilled, OutcomeBy::Desk).await.unwrap();
    flow.mark_all(id, staff, &missed, AppointmentStatus::Noshow, OutcomeBy::Desk).await.unwrap();
}

/// The practice moves one confirmed visit by a day and uploads again: one notice of the change, the old answer gone.
async fn move_one(practice: &Practice, all: &[Visit], today: NaiveDate) -> Visit {
    let index = all
        .iter()
        .position(|visit| visit.patient == 0 && visit.start.date() > today + Duration::days(2))
        .expect("a visit to come");
    let mut changed = all.to_vec();
    let on = if changed[index].start.weekday() == Weekday::Fri { 3 } else { 1 };
    changed[index].start += Duration::days(on);
    let outcome = practice.import(&csv(&changed)).await;
    assert_eq!(outcome.counts.changed, 1);
    changed[index].clone()
}

fn check_answers(answered: &HashMap<String, Answered>) {
    let done = answered.values().filter(|answer| **answer == Answered::Done).count();
    assert!(done > 15, "{done} answers by link: {answered:?}");
}

fn check_texts(practice: &Practice, all: &[Visit], moved: Option<&Visit>) {
    let texts = practice.carrier.texts();
    assert!(texts.len() > 120, "{} texts", texts.len());
    for (key, posts) in practice.carrier.posts() {
        assert_eq!(posts, 1, "{key} was handed over {posts} times");
    }
    // Answers to what a patient just wrote are exempt from hours and caps.
    let is_answer = |text: &Delivered| text.text.contains("anything private");
    let asked: Vec<&Delivered> = texts.iter().filter(|text| text.text.contains("/l#") && !is_answer(text)).collect();
    let mut days: BTreeMap<(&str, NaiveDate), usize> = BTreeMap::new();
    for text in &asked {
        let local = text.at.local(New_York);
        assert!((8..21).contains(&local.hour()), "{local} {}", text.text);
        assert!(!text.text.contains("Pat") && !text.text.contains("Wong"), "{}", text.text);
        assert!(text.text.chars().count() <= 160, "{}", text.text);
        *days.entry((&text.to, local.date())).or_default() += 1;
    }
    let moved_number = moved.map(|visit| number(visit.patient));
    for ((to, day), count) in &days {
        // Only the notice of a change may come beside a reminder.
        let most = if moved_number.as_deref() == Some(*to) { 2 } else { 1 };
        assert!(*count <= most, "{to} got {count} on {day}");
        let week = days.range((*to, *day - Duration::days(6))..=(*to, *day)).map(|(_, count)| count).sum::<usize>();
        assert!(week < 3 + most, "{to} got {week} in the week up to {day}");
    }
    // Whoever opted out got nothing but the confirmation after the first text.
    let stopped = number(14);
    let to_stopped = texts.iter().filter(|text| text.to == stopped).count();
    assert_eq!(to_stopped, 2, "one text, and the confirmation that there are no more");
    // Everybody else with a visit was told at least once a visit.
    for visit in all.iter().filter(|visit| visit.patient != 14 && visit.start.date() < last_day()) {
        let before = visit.start.date();
        let told = asked.iter().any(|text| {
            let sent = text.at.local(New_York).date();
            text.to == number(visit.patient) && sent <= before && sent >= before - Duration::days(8)
        });
        let was_moved = moved.is_some_and(|other| other.id == visit.id);
        assert!(told || was_moved, "nobody told patient {} of {}", visit.patient, visit.start);
    }
}

/// Nothing is under way, nothing due, no receipt waits, and both chains hold.
async fn nothing_is_left(practice: &Practice) {
    let flow = &practice.flow;
    let rest = flow.settle().await.unwrap();
    assert_eq!((rest.sent, rest.dropped), (0, 0));
    let mut tx = flow.store.begin(Scope::Work).await.unwrap();
    assert_eq!(tx.expired_leases(Instant::from_ms(i64::MAX), 10).await.unwrap(), []);
    let due = tx.due_notices_count(kept_flow::Clock::civil(practice.clock.as_ref())).await.unwrap();
    assert_eq!(due, 0);
    drop(tx);
    let audit = flow.verify_audit(practice.id).await.unwrap();
    assert!(audit.broken.is_none() && audit.entries > 500, "{audit:?}");
}

/// The report's sums are those of the raw rows.
async fn report_agrees(practice: &Practice) -> Told {
    let period = Period::new(first_day(), last_day()).unwrap();
    let lines = practice.flow.missed_lines(practice.id, period, Dimension::All).await.unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let total = lines[0].tally;
    let (mut kept, mut noshow, mut cancelled) = (0, 0, 0);
    let mut day = first_day();
    while day <= last_day() {
        for visit in practice.flow.board(practice.id, practice.staff, Some(day)).await.unwrap().visits {
            match visit.status {
                AppointmentStatus::Fulfilled => kept += 1,
                AppointmentStatus::Noshow => noshow += 1,
                AppointmentStatus::Cancelled => cancelled += 1,
                other => panic!("{other} is left at the end"),
            }
        }
        day += Duration::days(1);
    }
    assert_eq!((total.kept, total.noshow, total.unknown), (kept, noshow, 0));
    assert_eq!(total.cancelled + total.cancelled_late, cancelled);
    let rate = lines[0].rate.expect("far more than 20 outcomes");
    assert!((rate - f64::from(noshow) / f64::from(kept + noshow)).abs() < 1e-9);
    assert!(noshow > 5 && cancelled > 5, "{noshow} missed, {cancelled} cancelled");
    let texts = practice.carrier.texts();
    let texts = texts
        .iter()
        .map(|text| {
            (text.at, text.to.clone(), text.text.split("/l#").next().unwrap_or_default().replace("127.0.0.1", ""))
        })
        .map(|(at, to, words)| (at, to, words.split("http").next().unwrap_or_default().to_owned()));
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    Told { texts, outcomes: (kept, noshow, cancelled) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_year_on_sqlite_and_a_restart_at_any_point_changes_nothing() {
    let (plain, restarted) = (TestDatabase::sqlite().await, TestDatabase::sqlite().await);
    let told = live(&plain, false).await;
    assert_eq!(live(&restarted, true).await, told);
    plain.close().await;
    restarted.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_year_on_postgres_with_restarts() {
    let Some(database) = TestDatabase::postgres().await else { return };
    live(&database, true).await;
    database.close().await;
}
