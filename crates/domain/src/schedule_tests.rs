#[path = "schedule_properties.rs"]
mod properties;

use super::*;
use crate::appointment::AppointmentStatus;
use crate::ladder::{Ladder, OptOutScope, Rung};
use crate::plan::Plan;
use crate::time::day_number;
use chrono_tz::America::{Los_Angeles, New_York, Phoenix};

fn at(local: &str) -> Instant {
    at_in(Phoenix, local)
}

fn at_in(zone: Tz, local: &str) -> Instant {
    resolve_local(zone, local.parse().unwrap())
}

fn limits() -> Limits {
    Limits::of(&PracticeSettings::default()).unwrap()
}

/// A visit on Friday 2026-12-11, 10:00 in Phoenix, first heard of long before.
fn visit(plan: &Plan) -> Visit<'_> {
    Visit {
        patient: 0,
        start: at("2026-12-11T10:00:00"),
        zone: Phoenix,
        known_at: at("2026-11-23T09:00:00"),
        booked_at: None,
        status: AppointmentStatus::Booked,
        answer: Answer::NeedsAction,
        held: false,
        muted: false,
        revision: 1,
        practitioner_revision: 1,
        change: None,
        ladder: Ladder::one(Channel::Sms, 0),
        plan,
        known: Vec::new(),
    }
}

fn number(visits: Vec<Visit<'_>>) -> Circle<'_> {
    let number = Number { channel: Channel::Sms, zones: vec![Phoenix], hours: None, sent_days: Vec::new() };
    Circle { numbers: vec![number], visits }
}

/// An e-mail address, as number 1.
fn address() -> Number {
    Number { channel: Channel::Email, zones: vec![Phoenix], hours: None, sent_days: Vec::new() }
}

fn rungs(sms: Result<(), SkipReason>, email: Result<(), SkipReason>) -> Vec<Rung> {
    vec![
        Rung { channel: Channel::Sms, number: 0, reach: sms },
        Rung { channel: Channel::Email, number: 1, reach: email },
    ]
}

fn said(step: StepKey, local: &str) -> Known {
    Known { step, revision: 1, channel: Channel::Sms, due_at: at(local), progress: Progress::Said(at(local)) }
}

fn waiting(step: StepKey, local: &str) -> Known {
    Known { step, revision: 1, channel: Channel::Sms, due_at: at(local), progress: Progress::Waiting }
}

/// `step: local time` or `step: reason`, in the order of the decisions.
fn story(number: &Circle<'_>, now: &str) -> Vec<String> {
    let told = schedule(number, limits(), at(now));
    told.decisions
        .iter()
        .map(|decision| match decision.verdict {
            Verdict::Send { .. } => format!("{}: {}", decision.step, decision.due_at.local(Phoenix).format("%d %H:%M")),
            Verdict::Hold => format!("{}: held", decision.step),
            Verdict::Skip(reason) => format!("{}: {reason}", decision.step),
        })
        .collect()
}

#[test]
fn the_default_plan_says_it_at_booking_three_days_and_one_day_before() {
    let plan = Plan::standard();
    let number = number(vec![visit(&plan)]);
    assert_eq!(story(&number, "2026-11-23T09:00:00"), ["booking: 23 09:00", "3d: 08 10:00", "1d: 10 10:00"]);
    let told = schedule(&number, limits(), at("2026-11-23T09:00:00"));
    assert_eq!(told.messages.len(), 3);
    assert_eq!(told.messages[0].expires_at, at("2026-12-08T10:00:00"), "useful until the next step says the same");
    assert_eq!(told.messages[2].expires_at, at("2026-12-11T09:30:00"), "never late");
}

#[test]
fn all_steps_keep_to_three_in_seven_days() {
    let plan = Plan::full();
    let steps = story(&number(vec![visit(&plan)]), "2026-11-23T09:00:00");
    // 7 d, 3 d, 1 d and 2 h lie in eight days: all four fit, for 4 and 11 December are seven days apart.
    assert_eq!(steps, ["booking: 23 09:00", "7d: 04 10:00", "3d: 08 10:00", "1d: 10 10:00", "2h: 11 08:00"]);
}

#[test]
fn the_week_keeps_the_steps_nearest_the_visit() {
    let steps = [StepKey::Days(5), StepKey::Days(4), StepKey::Days(3), StepKey::Days(2), StepKey::Days(1)];
    let steps = steps.map(|key| crate::plan::Step { key, channel: crate::Channel::Sms });
    let plan = Plan::new(steps.to_vec()).unwrap();
    assert_eq!(
        story(&number(vec![visit(&plan)]), "2026-11-23T09:00:00"),
        ["5d: cap-week", "4d: cap-week", "3d: 08 10:00", "2d: 09 10:00", "1d: 10 10:00"]
    );
}

#[test]
fn a_late_booking_gets_one_message_now() {
    let plan = Plan::standard();
    let mut late = visit(&plan);
    late.known_at = at("2026-12-09T15:00:00");
    assert_eq!(
        story(&number(vec![late.clone()]), "2026-12-09T15:00:00"),
        ["booking: collapsed", "3d: 09 15:00", "1d: 10 10:00"]
    );
    late.known_at = at("2026-12-10T15:00:00");
    assert_eq!(
        story(&number(vec![late.clone()]), "2026-12-10T15:00:00"),
        ["booking: collapsed", "3d: collapsed", "1d: 10 15:00"]
    );
    // A step of the same day goes out with it, not after it.
    late.known_at = at("2026-12-10T08:30:00");
    let number = number(vec![late]);
    let told = schedule(&number, limits(), at("2026-12-10T08:30:00"));
    assert_eq!(told.messages.len(), 1);
    assert_eq!((told.messages[0].due_at, told.messages[0].members.len()), (at("2026-12-10T08:30:00"), 2));
}

#[test]
fn a_late_booking_at_night_waits_for_the_morning_if_that_is_early_enough() {
    let plan = Plan::standard();
    let mut late = visit(&plan);
    late.known_at = at("2026-12-10T23:00:00");
    assert_eq!(story(&number(vec![late.clone()]), "2026-12-10T23:00:00")[2], "1d: 11 08:00");
    late.start = at("2026-12-11T08:15:00");
    assert_eq!(story(&number(vec![late.clone()]), "2026-12-10T23:00:00")[2], "1d: window-closed");
    late.start = at("2026-12-11T08:30:00");
    assert_eq!(
        story(&number(vec![late.clone()]), "2026-12-10T23:00:00")[2],
        "1d: window-closed",
        "08:00 is half an hour before"
    );
    late.start = at("2026-12-11T08:31:00");
    assert_eq!(story(&number(vec![late]), "2026-12-10T23:00:00")[2], "1d: 11 08:00");
}

#[test]
fn nothing_is_said_within_half_an_hour_of_the_start() {
    let plan = Plan::standard();
    let number = number(vec![visit(&plan)]);
    assert_eq!(story(&number, "2026-12-11T09:29:00")[2], "1d: 11 09:29");
    assert_eq!(story(&number, "2026-12-11T09:30:00")[2], "1d: expired");
    assert_eq!(story(&number, "2026-12-11T10:00:00"), ["booking: past", "3d: past", "1d: past"]);
}

#[test]
fn a_visit_booked_long_before_the_upload_is_not_called_new() {
    let plan = Plan::standard();
    let mut old = visit(&plan);
    old.booked_at = Some(at("2026-11-22T08:59:00"));
    assert_eq!(story(&number(vec![old.clone()]), "2026-11-23T09:00:00")[0], "booking: booked-long-ago");
    old.booked_at = Some(at("2026-11-22T09:00:00"));
    assert_eq!(story(&number(vec![old]), "2026-11-23T09:00:00")[0], "booking: 23 09:00");
}

#[test]
fn a_confirmed_patient_gets_at_most_the_one_day_note() {
    let plan = Plan::full();
    for (answer, word) in [(Answer::Accepted, "confirmed"), (Answer::Tentative, "another-time")] {
        let mut done = visit(&plan);
        done.answer = answer;
        let skipped = |step: &str| format!("{step}: {word}");
        let expected = [skipped("booking"), skipped("7d"), skipped("3d"), "1d: 10 10:00".to_owned(), skipped("2h")];
        assert_eq!(story(&number(vec![done.clone()]), "2026-11-23T09:00:00"), expected);
        assert_eq!(
            story(&number(vec![done]), "2026-12-10T11:00:00")[3],
            skipped("1d"),
            "no note at once for who just answered"
        );
    }
    let mut declined = visit(&plan);
    declined.answer = Answer::Declined;
    assert!(story(&number(vec![declined]), "2026-11-23T09:00:00").iter().all(|line| line.ends_with("declined")));
}

#[test]
fn a_visit_that_will_not_take_place_is_not_reminded_of() {
    let plan = Plan::standard();
    for status in AppointmentStatus::ALL {
        let mut visit = visit(&plan);
        visit.status = *status;
        let sends = schedule(&number(vec![visit]), limits(), at("2026-11-23T09:00:00")).messages.len();
        assert_eq!(sends > 0, status.is_expected(), "{status}");
    }
}

#[test]
fn held_visits_wait_and_unreachable_numbers_say_why() {
    let plan = Plan::standard();
    let mut held = visit(&plan);
    held.held = true;
    assert_eq!(story(&number(vec![held]), "2026-11-23T09:00:00"), ["booking: held", "3d: held", "1d: held"]);
    for reason in [SkipReason::NoNumber, SkipReason::NoConsent, SkipReason::OptedOut, SkipReason::NumberSuspended] {
        let mut visit = visit(&plan);
        visit.ladder = Ladder::new(None, rungs(Err(reason), Err(reason)), OptOutScope::Number);
        if reason == SkipReason::NoNumber {
            visit.ladder = Ladder::new(None, Vec::new(), OptOutScope::Number);
        }
        visit.change = Some(Change::Moved);
        let mut number = number(vec![visit]);
        number.numbers.push(address());
        let told = schedule(&number, limits(), at("2026-11-23T09:00:00"));
        assert_eq!(told.messages, []);
        assert_eq!(told.decisions.len(), 4, "the change and three steps");
        assert!(told.decisions.iter().all(|decision| decision.verdict == Verdict::Skip(reason)));
    }
}

#[test]
fn a_step_in_quiet_hours_goes_back_to_the_last_allowed_minute() {
    let steps =
        [StepKey::Days(3), StepKey::Hours(2)].map(|key| crate::plan::Step { key, channel: crate::Channel::Sms });
    let plan = Plan::new(steps.to_vec()).unwrap();
    let mut early = visit(&plan);
    early.start = at("2026-12-11T08:15:00");
    assert_eq!(story(&number(vec![early.clone()]), "2026-11-23T09:00:00"), ["3d: 08 08:15", "2h: 10 20:58"]);
    // With a 1-day note the evening before already has its message.
    let steps =
        [StepKey::Days(1), StepKey::Hours(2)].map(|key| crate::plan::Step { key, channel: crate::Channel::Sms });
    let plan = Plan::new(steps.to_vec()).unwrap();
    early.plan = &plan;
    assert_eq!(story(&number(vec![early.clone()]), "2026-11-23T09:00:00"), ["1d: 10 08:15", "2h: quiet-hours"]);
    // Said today about another visit: the same.
    let mut sent = number(vec![early]);
    sent.numbers[0].sent_days = vec![day_number("2026-12-10".parse().unwrap())];
    assert_eq!(story(&sent, "2026-12-10T09:00:00")[1], "2h: quiet-hours");
}

#[test]
fn two_children_get_one_message_a_day() {
    let plan = Plan::standard();
    let mut younger = visit(&plan);
    younger.start = at("2026-12-11T10:45:00");
    let both = number(vec![visit(&plan), younger.clone()]);
    let told = schedule(&both, limits(), at("2026-11-23T09:00:00"));
    assert_eq!(told.messages.len(), 3);
    assert!(told.messages.iter().all(|message| message.members.len() == 2));
    assert_eq!(told.messages[2].due_at, at("2026-12-10T10:00:00"), "the earlier of both");
    assert_eq!(told.messages[2].expires_at, at("2026-12-11T09:30:00"), "useful for both");
    // Days apart, the caps hold over both: 8, 9, 10 and 11 December would be four.
    younger.start = at("2026-12-12T10:45:00");
    let apart = number(vec![visit(&plan), younger]);
    assert_eq!(
        story(&apart, "2026-11-23T09:00:00"),
        ["booking: 23 09:00", "3d: 08 10:00", "1d: 10 10:00", "booking: 23 09:00", "3d: cap-week", "1d: 11 10:45"]
    );
}

#[test]
fn a_moved_visit_gets_one_notice_of_the_change() {
    let plan = Plan::standard();
    let mut moved = visit(&plan);
    moved.revision = 2;
    moved.change = Some(Change::Moved);
    moved.known = vec![said(StepKey::Booking, "2026-11-23T09:00:00"), waiting(StepKey::Days(3), "2026-12-05T09:00:00")];
    let mut number = number(vec![moved]);
    // The number's message of today and its week are used: a change is exempt.
    let today = day_number("2026-11-30".parse().unwrap());
    number.numbers[0].sent_days = vec![today - 2, today - 1, today];
    assert_eq!(
        story(&number, "2026-11-30T12:00:00"),
        ["change: 30 12:00", "booking: not-new", "3d: 08 10:00", "1d: 10 10:00"]
    );
    let told = schedule(&number, limits(), at("2026-11-30T12:00:00"));
    assert_eq!(told.messages[0].kind, NoticeKind::Change);
    // Not exempt from quiet hours.
    assert_eq!(story(&number, "2026-11-30T22:00:00")[0], "change: 01 08:00");
    // Once said it is not said again, and what it made moot stays unsaid.
    let known = Known {
        channel: Channel::Sms,
        step: StepKey::Moved,
        revision: 2,
        due_at: at("2026-12-08T12:00:00"),
        progress: Progress::Said(at("2026-12-08T12:00:00")),
    };
    number.visits[0].known.push(known);
    assert_eq!(story(&number, "2026-12-08T13:00:00"), ["booking: not-new", "3d: told", "1d: 10 10:00"]);
}

#[test]
fn a_change_stands_for_the_steps_it_makes_moot() {
    let plan = Plan::standard();
    let mut moved = visit(&plan);
    moved.revision = 2;
    moved.change = Some(Change::Moved);
    assert_eq!(
        story(&number(vec![moved]), "2026-12-10T09:00:00"),
        ["change: 10 09:00", "booking: not-new", "3d: change-says-it", "1d: change-says-it"]
    );
}

#[test]
fn a_change_of_practitioner_is_said_and_does_not_swallow_a_move() {
    let plan = Plan::standard();
    let mut changed = visit(&plan);
    changed.practitioner_revision = 3;
    changed.change = Some(Change::Practitioner.after(Some(Change::Moved)));
    changed.answer = Answer::Accepted;
    changed.known = vec![
        waiting(StepKey::Moved, "2026-11-29T12:00:00"),
        Known { revision: 2, ..said(StepKey::Practitioner, "2026-11-25T12:00:00") },
    ];
    let lines = story(&number(vec![changed.clone()]), "2026-11-30T12:00:00");
    assert_eq!(&lines[..2], ["change: 29 12:00", "change-practitioner: 30 12:00"]);
    changed.known.push(Known { revision: 3, ..said(StepKey::Practitioner, "2026-11-30T12:00:00") });
    assert!(
        !story(&number(vec![changed.clone()]), "2026-12-01T12:00:00").iter().any(|line| line.starts_with("change-p"))
    );
    // The other way round: of the move the patient was told, of the change of practitioner not yet.
    changed.known = vec![said(StepKey::Moved, "2026-11-29T12:00:00")];
    let lines = story(&number(vec![changed]), "2026-11-30T12:00:00");
    assert_eq!(lines.iter().filter(|line| line.starts_with("change")).count(), 1, "{lines:?}");
    assert_eq!(lines[0], "change-practitioner: 30 12:00");
}

#[test]
fn an_outage_of_two_days_sends_what_is_useful_and_no_more() {
    let plan = Plan::standard();
    let mut number = number(vec![visit(&plan)]);
    number.visits[0].known = vec![
        said(StepKey::Booking, "2026-11-23T09:00:00"),
        waiting(StepKey::Days(3), "2026-12-08T10:00:00"),
        waiting(StepKey::Days(1), "2026-12-10T10:00:00"),
    ];
    assert_eq!(story(&number, "2026-12-10T09:00:00"), ["3d: 08 10:00", "1d: 10 10:00"], "joined: one message");
    assert_eq!(schedule(&number, limits(), at("2026-12-10T09:00:00")).messages.len(), 1);
    assert_eq!(story(&number, "2026-12-10T10:00:00"), ["3d: collapsed", "1d: 10 10:00"]);
    assert_eq!(story(&number, "2026-12-11T09:45:00"), ["3d: collapsed", "1d: expired"]);
}

#[test]
fn what_was_said_stands_whatever_changes() {
    let plan = Plan::standard();
    let mut number = number(vec![visit(&plan)]);
    number.visits[0].known = vec![
        said(StepKey::Booking, "2026-11-23T09:00:00"),
        said(StepKey::Days(3), "2026-12-08T10:00:00"),
        said(StepKey::Days(1), "2026-12-10T10:00:00"),
    ];
    assert_eq!(story(&number, "2026-12-10T10:01:00"), [""; 0]);
    // A plan that gained a 7-day step meanwhile does not go back to it.
    let longer = Plan::full();
    number.visits[0].plan = &longer;
    assert_eq!(story(&number, "2026-12-10T10:01:00"), ["7d: told", "2h: 11 08:00"]);
}

#[test]
fn every_zone_of_the_number_binds() {
    let plan = Plan::standard();
    let mut visit = visit(&plan);
    visit.zone = New_York;
    visit.start = at_in(New_York, "2026-12-11T09:00:00");
    let mut number = number(vec![visit]);
    number.numbers[0].zones = vec![New_York, Los_Angeles];
    let told = schedule(&number, limits(), at_in(New_York, "2026-11-23T09:00:00"));
    assert_eq!(told.decisions[0].due_at, at_in(Los_Angeles, "2026-11-23T08:00:00"), "forward: it cannot be earlier");
    assert_eq!(told.decisions[1].due_at, at_in(New_York, "2026-12-07T20:58:00"), "back out of the west's night");
}

#[test]
fn a_missing_birth_date_or_language_plays_no_part() {
    // Neither is among the facts: `Visit` names everything that the rules look at.
    let plan = Plan::standard();
    assert_eq!(schedule(&number(vec![visit(&plan)]), limits(), at("2026-11-23T09:00:00")).messages.len(), 3);
}

#[test]
fn clocks_that_change_move_the_instant_not_the_time_of_day() {
    let plan = Plan::standard();
    let mut spring = visit(&plan);
    spring.zone = New_York;
    spring.start = at_in(New_York, "2026-03-09T10:00:00");
    spring.known_at = at_in(New_York, "2026-02-01T10:00:00");
    let mut number = number(vec![spring]);
    number.numbers[0].zones = vec![New_York];
    let told = schedule(&number, limits(), at_in(New_York, "2026-02-01T10:00:00"));
    assert_eq!(told.decisions[2].due_at.rfc3339_in(New_York), "2026-03-08T10:00:00-04:00");
    assert_eq!(told.decisions[1].due_at.rfc3339_in(New_York), "2026-03-06T10:00:00-05:00");
    number.visits[0].start = at_in(New_York, "2028-03-01T10:00:00");
    let told = schedule(&number, limits(), at_in(New_York, "2028-02-01T10:00:00"));
    assert_eq!(told.decisions[2].due_at, at_in(New_York, "2028-02-29T10:00:00"), "a leap day");
}

#[test]
fn unknown_sending_hours_are_an_error() {
    let settings = PracticeSettings { send_window: "always".to_owned(), ..PracticeSettings::default() };
    assert!(Limits::of(&settings).unwrap_err().to_string().contains("default, strict"));
}

/// `step channel` of what goes out, and the reasons of the rest.
fn ways(circle: &Circle<'_>, now: &str) -> Vec<String> {
    let told = schedule(circle, limits(), at(now));
    let way = |decision: &Decision| match decision.verdict {
        Verdict::Skip(reason) => format!("{} {reason}", decision.step),
        _ => format!("{} {}", decision.step, decision.channel),
    };
    told.decisions.iter().map(way).collect()
}

fn with_address(preferred: Option<Channel>, rungs: Vec<Rung>, plan: &Plan) -> Circle<'_> {
    let mut visit = visit(plan);
    visit.ladder = Ladder::new(preferred, rungs, OptOutScope::Number);
    let mut circle = number(vec![visit]);
    circle.numbers.push(address());
    circle
}

#[test]
fn each_step_takes_one_rung_of_the_ladder() {
    let (plan, now) = (Plan::standard(), "2026-11-23T09:00:00");
    let of = |preferred, sms, email| ways(&with_address(preferred, rungs(sms, email), &plan), now);
    assert_eq!(of(None, Ok(()), Ok(())), ["booking sms", "3d sms", "1d sms"]);
    assert_eq!(of(Some(Channel::Email), Ok(()), Ok(())), ["booking email", "3d email", "1d email"]);
    assert_eq!(of(None, Err(SkipReason::OptedOut), Ok(())), ["booking email", "3d email", "1d email"]);
    let suspended = Err(SkipReason::NumberSuspended);
    assert_eq!(of(Some(Channel::Email), Ok(()), suspended), ["booking sms", "3d sms", "1d sms"]);
    let mixed = Plan::from_json(r#"[{"key":"7d","channel":"email"},{"key":"1d","channel":"sms"}]"#).unwrap();
    assert_eq!(ways(&with_address(None, rungs(Ok(()), Ok(())), &mixed), now), ["7d email", "1d sms"]);
    let own = with_address(Some(Channel::Email), rungs(Ok(()), Ok(())), &mixed);
    assert_eq!(ways(&own, now), ["7d email", "1d email"], "their own wish goes before the plan's");
}

#[test]
fn who_is_reached_in_two_places_gets_no_more_than_in_one() {
    let mixed =
        Plan::from_json(r#"[{"key":"5d","channel":"email"},{"key":"4d"},{"key":"3d","channel":"email"},{"key":"1d"}]"#);
    let plan = mixed.unwrap();
    let circle = with_address(None, rungs(Ok(()), Ok(())), &plan);
    assert_eq!(ways(&circle, "2026-11-23T09:00:00"), ["5d cap-week", "4d sms", "3d email", "1d sms"]);
    // Another visit of theirs whose step falls on the day of the 1-day note, on the other channel: one of them.
    let other_plan = Plan::from_json(r#"[{"key":"2d","channel":"email"}]"#).unwrap();
    let mut other = circle.visits[0].clone();
    other.plan = &other_plan;
    other.start = at("2026-12-12T10:00:00");
    let mut both = circle.clone();
    both.visits.push(other);
    assert_eq!(ways(&both, "2026-11-23T09:00:00")[4], "2d cap-day");
    // Somebody else's is their own.
    both.visits[1].patient = 1;
    both.numbers.push(address());
    let rung = Rung { channel: Channel::Email, number: 2, reach: Ok(()) };
    both.visits[1].ladder = Ladder::new(None, vec![rung], OptOutScope::Number);
    assert_eq!(ways(&both, "2026-11-23T09:00:00")[4], "2d email");
    // Said by text this morning: nothing by mail today, though nothing went to the address.
    let mut told = circle.clone();
    let mail_today = Plan::from_json(r#"[{"key":"3d","channel":"email"}]"#).unwrap();
    told.visits[0].known = vec![said(StepKey::Booking, "2026-12-08T08:30:00")];
    let mut second = told.visits[0].clone();
    (second.known, second.plan) = (Vec::new(), &mail_today);
    told.visits.push(second);
    assert_eq!(ways(&told, "2026-12-08T09:00:00").last().unwrap(), "3d cap-day");
}

#[test]
fn a_muted_visit_gets_no_reminders_but_is_told_of_a_move() {
    let plan = Plan::standard();
    let mut muted = visit(&plan);
    (muted.muted, muted.revision, muted.change) = (true, 2, Some(Change::Moved));
    let steps = story(&number(vec![muted]), "2026-11-30T12:00:00");
    assert_eq!(steps, ["change: 30 12:00", "booking: muted", "3d: muted", "1d: muted"]);
}

#[test]
fn the_hours_of_the_numbers_own_state_bind() {
    // A booking heard of at 20:30: a Floridian number hears of it in the morning.
    let plan = Plan::standard();
    for (places, due) in [(&[][..], "2026-11-23T20:30:00"), (&["US-FL"][..], "2026-11-24T08:00:00")] {
        let mut visit = visit(&plan);
        visit.known_at = at("2026-11-23T20:30:00");
        let mut circle = number(vec![visit]);
        circle.numbers[0].hours = Some(limits().window.for_places(places.iter().copied()));
        let told = schedule(&circle, limits(), at("2026-11-23T20:30:00"));
        assert_eq!(told.messages[0].due_at, at(due), "{places:?}");
    }
}
