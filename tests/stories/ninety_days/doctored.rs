//! The checker is checked: a clean log has no violation, and each doctored one has its own.

use super::checker::{Course, Event, Log, Sort, Stand, What, sort_of, violations};
use super::explain::{Known, Told, unexplained};
use chrono::{Duration, NaiveDateTime};
use chrono_tz::America::{Chicago, New_York};
use kept_domain::{Instant, NoticeState, ReminderState};
use std::collections::{BTreeMap, BTreeSet};

const NUMBER: &str = "+18505550100";

fn at(utc: &str) -> Instant {
    let time: NaiveDateTime = utc.parse().unwrap();
    Instant::from_ms(time.and_utc().timestamp_millis())
}

fn got(utc: &str, text: &str) -> Event {
    let key = format!("key-{utc}");
    Event { at: at(utc), number: NUMBER.to_owned(), what: What::Got { key, text: text.to_owned(), valid_s: 60 } }
}

fn wrote(utc: &str, text: &str, intent: &str, changed: &[usize]) -> Event {
    let (text, intent) = (text.to_owned(), intent.to_owned());
    let what = What::Wrote { text, intent, changed: changed.to_vec() };
    Event { at: at(utc), number: NUMBER.to_owned(), what }
}

const REMINDER: &str = "Oak Street: visit Thu 24 Sep, 9:15 AM. https://k/l#abc Reply 1 to confirm, STOP to opt out.";
const CONFIRMED: &str = "Oak Street: you have opted out and will get no more texts from us.";
const THANKS: &str = "Oak Street: thank you. See you Thu 24 Sep, 9:15 AM.";
const HELP: &str = "Oak Street: texts about your visits. Call us: (212) 555-0100. Reply STOP to opt out.";
const URGENT: &str = "Oak Street: nobody watches this number. In an emergency call 911 now.";
const USE_LINK: &str = "Oak Street: please use your secure link for anything private: https://k/l#abc";

fn visit(start: &str) -> Course {
    let start: NaiveDateTime = start.parse().unwrap();
    let utc = Instant::from_ms((start + Duration::hours(4)).and_utc().timestamp_millis());
    let stand = Stand { since: at("2026-09-01T12:00:00"), start, at: utc, live: true };
    Course { number: Some(NUMBER.to_owned()), stands: vec![stand] }
}

/// Pensacola may be an hour behind New York: 13 UTC is 9 and 8 there. One reminder, a yes, thanks; later a stop.
fn clean() -> Log {
    let events = vec![
        got("2026-09-21T13:15:00", REMINDER),
        wrote("2026-09-21T13:20:00", "1", "accept", &[0]),
        got("2026-09-21T13:20:00", THANKS),
        got("2026-09-23T13:15:00", REMINDER),
        wrote("2026-09-24T02:00:00", "who can tell", "person", &[]),
        got("2026-09-24T02:00:00", USE_LINK),
        wrote("2026-09-24T02:01:00", "stop it", "opt-out", &[]),
        got("2026-09-24T02:01:00", CONFIRMED),
    ];
    let keys = events.iter().filter_map(|event| match &event.what {
        What::Got { key, .. } => Some((key.clone(), 1)),
        _ => None,
    });
    Log {
        posts: keys.collect(),
        failed: BTreeMap::new(),
        zones: BTreeMap::from([(NUMBER.to_owned(), vec![New_York, Chicago])]),
        hours: BTreeMap::new(),
        visits: vec![visit("2026-09-24T09:15:00")],
        events,
    }
}

fn with(more: impl IntoIterator<Item = Event>) -> Log {
    let mut log = clean();
    log.events.extend(more);
    log.events.sort_by_key(|event| event.at);
    log
}

#[track_caller]
fn found(log: &Log, words: &str) {
    let violations = violations(log);
    assert!(violations.iter().any(|found| found.contains(words)), "not found: {words}; but {violations:#?}");
}

#[test]
fn a_clean_log_has_no_violation() {
    assert_eq!(violations(&clean()), Vec::<String>::new());
}

#[test]
fn a_text_outside_the_hours_of_any_zone_is_found() {
    // 8:30 in New York is 7:30 in Chicago; 21:00 sharp is too late, the second before is not.
    found(&with([got("2026-09-20T12:30:00", REMINDER)]), "outside the hours");
    found(&with([got("2026-09-21T01:00:00", REMINDER)]), "outside the hours");
    // Valid for no longer than that second.
    let mut last = got("2026-09-20T00:59:59", REMINDER);
    last.what = What::Got { key: "last".to_owned(), text: REMINDER.to_owned(), valid_s: 1 };
    let mut last_second = with([last]);
    assert_eq!(violations(&last_second), Vec::<String>::new());
    last_second.hours.insert(NUMBER.to_owned(), (8, 20));
    found(&last_second, "outside the hours");
}

#[test]
fn a_text_that_a_queue_may_deliver_at_night_is_found() {
    // Sent at half past eight in the evening in New York and valid for two hours: half past ten.
    let mut event = got("2026-09-20T00:30:00", REMINDER);
    event.what = What::Got { key: "late".to_owned(), text: REMINDER.to_owned(), valid_s: 7_200 };
    found(&with([event.clone()]), "may get at 2026-09-19 22:30:00");
    event.what = What::Got { key: "late".to_owned(), text: REMINDER.to_owned(), valid_s: 1_800 };
    assert_eq!(violations(&with([event])), Vec::<String>::new());
}

#[test]
fn a_text_beyond_the_caps_is_found() {
    found(&with([got("2026-09-21T18:00:00", REMINDER)]), "2 reminders on 2026-09-21");
    let more = ["2026-09-17T15:00:00", "2026-09-18T15:00:00", "2026-09-19T15:00:00"];
    let log = with(more.map(|day| got(day, REMINDER)));
    found(&log, "4 reminders in the week up to 2026-09-21");
}

#[test]
fn what_follows_an_opt_out_is_found() {
    found(&with([got("2026-09-24T12:30:00", REMINDER)]), "after the opt-out");
    found(&with([got("2026-09-24T02:02:00", CONFIRMED)]), "confirms an opt-out twice");
    let mut late = clean();
    late.events.last_mut().unwrap().at = at("2026-09-24T02:06:01");
    found(&late, "too late");
    found(&with([got("2026-09-24T02:03:00", THANKS)]), "not asked for");
    let help = wrote("2026-09-24T02:02:00", "help", "help", &[]);
    found(&with([help.clone(), got("2026-09-24T02:03:00", USE_LINK)]), "not asked for");
    found(&with([help.clone(), got("2026-09-24T02:03:00", URGENT)]), "not asked for");
    assert_eq!(violations(&with([help, got("2026-09-24T02:03:00", HELP)])), Vec::<String>::new());
    // A yes does not undo it; START does.
    let yes = wrote("2026-09-24T03:00:00", "yes", "accept", &[]);
    found(&with([yes, got("2026-09-24T13:00:00", REMINDER)]), "after the opt-out");
    let start = wrote("2026-09-24T03:00:00", "START", "opt-in", &[]);
    assert_eq!(violations(&with([start, got("2026-09-24T13:00:00", REMINDER)])), Vec::<String>::new());
    let desk = Event { at: at("2026-09-22T12:00:00"), number: NUMBER.to_owned(), what: What::Withdrew };
    found(&with([desk]), "after the opt-out");
}

#[test]
fn what_follows_a_wrong_number_is_found() {
    found(&with([wrote("2026-09-22T12:00:00", "who is this", "wrong-number", &[])]), "somebody else's number");
    let gone = Event { at: at("2026-09-22T12:00:00"), number: NUMBER.to_owned(), what: What::Unreachable };
    found(&with([gone]), "somebody else's number");
}

#[test]
fn a_reply_that_changes_more_than_it_may_is_found() {
    found(&with([wrote("2026-09-22T14:00:00", "yes but late", "person", &[0])]), "is no yes");
    let mut log = with([wrote("2026-09-22T14:00:00", "1", "accept", &[0, 1])]);
    log.visits.push(visit("2026-09-24T10:45:00"));
    found(&log, "several visits");
    log.visits[1].number = None;
    found(&log, "another number");
    let both = "Oak Street: 2 visits Thu 24 Sep, first 9:15 AM. Answer: https://k/l#abc Reply STOP to opt out.";
    let mut log = with([got("2026-09-20T15:00:00", both), wrote("2026-09-20T15:01:00", "1", "accept", &[0])]);
    log.visits.push(visit("2026-09-24T10:45:00"));
    found(&log, "one of several open visits");
}

#[test]
fn a_second_text_of_one_key_is_found() {
    let mut twice = got("2026-09-22T15:00:00", REMINDER);
    twice.what = What::Got { key: "key-2026-09-21T13:15:00".to_owned(), text: REMINDER.to_owned(), valid_s: 60 };
    found(&with([twice]), "twice");
    let mut log = clean();
    log.posts.insert("key-2026-09-21T13:15:00".to_owned(), 2);
    found(&log, "posted 2 times");
    log.failed.insert("key-2026-09-21T13:15:00".to_owned(), 1);
    assert_eq!(violations(&log), Vec::<String>::new());
}

#[test]
fn a_text_about_a_visit_that_does_not_stand_is_found() {
    let mut moved = clean();
    let first = moved.visits[0].stands[0];
    let since = at("2026-09-22T12:00:00");
    moved.visits[0].stands.push(Stand { since, start: first.start + Duration::days(1), ..first });
    found(&moved, "no such visit stands");
    let mut gone = clean();
    gone.visits[0].stands.push(Stand { since, live: false, ..first });
    found(&gone, "no such visit stands");
    found(&with([got("2026-09-24T13:16:00", REMINDER)]), "no such visit stands");
}

#[test]
fn an_answer_to_nobody_or_too_often_is_found() {
    found(&with([got("2026-09-22T15:00:00", THANKS)]), "answers nobody");
    let asked = wrote("2026-09-22T15:00:00", "?", "person", &[]);
    found(
        &with([asked, got("2026-09-22T15:00:00", USE_LINK), got("2026-09-22T15:14:00", USE_LINK)]),
        "within a quarter of an hour",
    );
    found(&with([got("2026-09-22T15:00:00", "Oak Street: buy pills")]), "nobody knows what this is");
}

#[test]
fn texts_are_told_apart_by_their_words() {
    for (text, sort) in [
        (REMINDER, Sort::Reminder),
        ("Oak: 2 visits Thu 24 Sep, first 9:15 AM. Answer: https://k/l#a", Sort::Reminder),
        ("Oak: 2 citas jue 24 sep, desde 9:15. Responda: https://k/l#a", Sort::Reminder),
        ("Oak: moved to Thu 24 Sep, 9:15 AM. https://k/l#a", Sort::Change),
        ("Oak: 2 of your visits have changed. See: https://k/l#a", Sort::Change),
        (CONFIRMED, Sort::OptOutConfirmed),
        (USE_LINK, Sort::UseLink),
        (THANKS, Sort::OtherAnswer),
        (HELP, Sort::Help),
        (URGENT, Sort::Urgent),
        ("Oak: 2 visits wait for your answer. Please answer each here: https://k/l#a", Sort::OtherAnswer),
    ] {
        assert_eq!(sort_of(text), Some(sort), "{text}");
    }
}

fn told(step: &str, state: ReminderState, reason: Option<&str>, due: &str) -> Told {
    let notice = (state == ReminderState::Sent).then(|| (format!("key-{due}"), NoticeState::Delivered));
    Told { visit: 0, step: step.to_owned(), state, reason: reason.map(str::to_owned), due: at(due), notice }
}

/// The books that belong to the clean log, and what is not explained in them after a change.
fn explained(change: impl FnOnce(&mut Log, &mut Known, &mut Vec<Told>)) -> Vec<String> {
    let mut log = clean();
    // Without the stop at the end, which would explain every silence.
    log.events.retain(|event| event.at < at("2026-09-24T02:01:00"));
    let mut rows = vec![
        told("booking", ReminderState::Skipped, Some("past"), "2026-09-01T12:00:00"),
        told("3d", ReminderState::Sent, None, "2026-09-21T13:15:00"),
        told("1d", ReminderState::Sent, None, "2026-09-23T13:15:00"),
    ];
    let end = at("2026-09-30T12:00:00");
    let mut known = Known { outages: Vec::new(), refusing: BTreeSet::new(), booked: BTreeMap::new(), end };
    change(&mut log, &mut known, &mut rows);
    unexplained(&log, &known, &rows, &["booking", "3d", "1d"])
}

#[test]
fn clean_books_explain_everything() {
    assert_eq!(explained(|_, _, _| {}), Vec::<String>::new());
}

#[test]
fn what_was_silently_lost_is_found() {
    let found = |change: fn(&mut Log, &mut Known, &mut Vec<Told>), words: &str| {
        let found = explained(change);
        assert!(found.iter().any(|found| found.contains(words)), "not found: {words}; but {found:#?}");
    };
    found(|_, _, rows| drop(rows.remove(1)), "nothing is known of its step 3d");
    found(|log, _, _| drop(log.events.remove(0)), "it never arrived");
    found(|_, _, rows| rows[2].notice = None, "by no message");
    found(|_, _, rows| rows[0].reason = None, "without a reason");
    found(|_, _, rows| rows[1].state = ReminderState::Planned, "planned for the past");
    found(|_, _, rows| rows[1].state = ReminderState::Held, "the visit stands");
    found(|_, _, rows| rows[1].state = ReminderState::Superseded, "nothing changed");
    // One that failed is not explained by an outage that ended while it was still useful.
    let failed = |known: &mut Known, rows: &mut Vec<Told>, to: &str| {
        rows[1].notice = Some(("key-other".to_owned(), NoticeState::Failed));
        known.outages = vec![(at("2026-09-21T12:00:00"), at(to))];
    };
    let left = explained(|_, known, rows| failed(known, rows, "2026-09-22T02:00:00"));
    assert!(left.iter().any(|found| found.contains("it never arrived")), "{left:?}");
    assert_eq!(explained(|_, known, rows| failed(known, rows, "2026-09-24T02:00:00")), Vec::<String>::new());
}

#[test]
fn a_reason_that_is_not_true_is_found() {
    for reason in [
        "not-expected",
        "no-number",
        "number-suspended",
        "no-consent",
        "not-new",
        "expired",
        "window-closed",
        "cap-week",
        "declined",
        "another-time",
        "booked-long-ago",
        "no such reason",
    ] {
        let left = explained(|_, _, rows| rows[0].reason = Some(reason.to_owned()));
        assert!(left.iter().any(|found| found.contains("which is not true")), "{reason}: {left:?}");
    }
    let true_here = explained(|_, _, rows| rows[0].reason = Some("confirmed".to_owned()));
    assert_eq!(true_here, Vec::<String>::new());
}
