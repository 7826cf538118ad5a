//! What must hold for any family, any zone and any time: looked for by chance.

use super::*;
use chrono_tz::America::{New_York, Phoenix, Santiago};
use chrono_tz::Australia::Lord_Howe;
use chrono_tz::Europe::Dublin;
use chrono_tz::Pacific::Apia;
use proptest::prelude::*;

const ZONES: [Tz; 6] = [New_York, Phoenix, Lord_Howe, Santiago, Dublin, Apia];
const HOUR_MS: i64 = 3_600_000;

/// A visit as chance makes it; times are relative to `now`.
#[derive(Debug, Clone)]
struct Made {
    starts_in_min: i64,
    known_before_min: i64,
    answer: Answer,
    revision: i64,
    change: Option<Change>,
    plan: usize,
    /// Of which of two patients, who share a phone and have an address each.
    patient: usize,
    preferred: Option<Channel>,
}

fn made() -> impl Strategy<Value = Made> {
    let answer =
        proptest::sample::select(vec![Answer::NeedsAction, Answer::NeedsAction, Answer::Accepted, Answer::Tentative]);
    let change =
        proptest::sample::select(vec![None, None, Some(Change::Moved), Some(Change::Practitioner), Some(Change::Both)]);
    let preferred = proptest::sample::select(vec![None, None, Some(Channel::Sms), Some(Channel::Email)]);
    (-600_i64..20_000, 0_i64..30_000, answer, 1_i64..3, change, 0_usize..4, 0_usize..2, preferred).prop_map(
        |(starts_in_min, known_before_min, answer, revision, change, plan, patient, preferred)| Made {
            starts_in_min,
            known_before_min,
            answer,
            revision: if matches!(change, Some(Change::Moved | Change::Both)) { 2 } else { revision },
            change,
            plan,
            patient,
            preferred,
        },
    )
}

/// Any hour of two years that hold leap day 2028 and every change of the clocks in every zone.
fn any_now() -> impl Strategy<Value = Instant> {
    (0_i64..17_520, 0_i64..3_600_000).prop_map(|(hour, ms)| Instant::from_ms(1_798_761_600_000 + hour * HOUR_MS + ms))
}

fn plans() -> [Plan; 4] {
    let mixed = r#"[{"key":"7d","channel":"email"},{"key":"3d"},{"key":"2d","channel":"email"},{"key":"1d"}]"#;
    [
        Plan::standard(),
        Plan::full(),
        Plan::new(Vec::new()).expect("an empty plan is a plan"),
        Plan::from_json(mixed).expect("a plan of two channels"),
    ]
}

fn family<'a>(made: &[Made], plans: &'a [Plan; 4], zones: &[Tz], now: Instant) -> Circle<'a> {
    let rung = |channel, number| Rung { channel, number, reach: Ok(()) };
    let ladder = |made: &Made| {
        let rungs = vec![rung(Channel::Sms, 0), rung(Channel::Email, 1 + made.patient)];
        Ladder::new(made.preferred, rungs, OptOutScope::Number)
    };
    let visit = |made: &Made| Visit {
        patient: made.patient,
        start: now + Duration::minutes(made.starts_in_min),
        zone: zones[0],
        known_at: now - Duration::minutes(made.known_before_min),
        booked_at: None,
        status: AppointmentStatus::Booked,
        answer: made.answer,
        held: false,
        muted: false,
        revision: made.revision,
        practitioner_revision: 2,
        change: made.change,
        ladder: ladder(made),
        plan: &plans[made.plan],
        known: Vec::new(),
    };
    let number = |channel| Number { channel, zones: zones.to_vec(), hours: None, sent_days: Vec::new() };
    let numbers = [Channel::Sms, Channel::Email, Channel::Email].map(number).to_vec();
    Circle { numbers, visits: made.iter().map(visit).collect() }
}

fn zones() -> impl Strategy<Value = Vec<Tz>> {
    prop_oneof![
        proptest::sample::select(ZONES.to_vec()).prop_map(|zone| vec![zone]),
        Just(vec![New_York, Phoenix]),
        Just(vec![Phoenix, New_York]),
    ]
}

/// Stores what was decided, as the store would: reminders by (visit, step, revision).
fn store(circle: &mut Circle<'_>, told: &Outcome) {
    for decision in &told.decisions {
        let visit = &mut circle.visits[decision.visit];
        let revision = visit.revision_of(decision.step);
        visit.known.retain(|known| known.step != decision.step || known.revision != revision);
        let progress =
            if matches!(decision.verdict, Verdict::Send { .. }) { Progress::Waiting } else { Progress::Open };
        let Decision { step, channel, due_at, .. } = *decision;
        visit.known.push(Known { step, revision, channel, due_at, progress });
    }
}

/// Sends one message at a time, as dispatch would.
fn send(circle: &mut Circle<'_>, told: &Outcome, message: &Message, at: Instant) {
    let number = &mut circle.numbers[message.number];
    if message.kind == NoticeKind::Reminder {
        number.sent_days.push(number.day(at).expect("a zone"));
    }
    for index in &message.members {
        let decision = told.decisions[*index];
        let visit = &mut circle.visits[decision.visit];
        let revision = visit.revision_of(decision.step);
        let known = visit.known.iter_mut().find(|known| known.step == decision.step && known.revision == revision);
        known.expect("stored before it is sent").progress = Progress::Said(at);
    }
}

/// One a day and three in seven days.
fn keeps_caps(days: &[i32]) -> bool {
    let within = |day: i32, last: i32| days.iter().filter(|other| (day..=last).contains(*other)).count();
    days.iter().all(|day| within(*day, *day) <= 1 && within(*day, *day + 6) <= 3)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn messages_are_in_the_hours_in_time_and_within_the_caps(
        made in proptest::collection::vec(made(), 1..5), zones in zones(), now in any_now(), strict: bool,
    ) {
        let settings = PracticeSettings { send_window: if strict { "strict" } else { "default" }.to_owned(), ..PracticeSettings::default() };
        let limits = Limits::of(&settings).unwrap();
        let plans = plans();
        let circle = family(&made, &plans, &zones, now);
        let told = schedule(&circle, limits, now);
        let mut by_number: [Vec<i32>; 3] = Default::default();
        let mut by_patient: [Vec<i32>; 2] = Default::default();
        for message in &told.messages {
            prop_assert!(message.due_at >= now);
            prop_assert!(limits.window.allows(message.due_at, &zones), "{:?}", message.due_at);
            prop_assert!(message.due_at < message.expires_at);
            for index in &message.members {
                let decision = told.decisions[*index];
                let visit = &circle.visits[decision.visit];
                prop_assert!(message.expires_at <= visit.start - USEFUL_BEFORE_START);
                prop_assert_eq!(message.due_at.local_day(zones[0]), decision.due_at.local_day(zones[0]));
                prop_assert_eq!(decision.channel, circle.numbers[message.number].channel);
            }
            if message.kind == NoticeKind::Reminder {
                let day = day_number(message.due_at.local_day(zones[0]));
                by_number[message.number].push(day);
                for (patient, days) in (0..).zip(&mut by_patient) {
                    if message.members.iter().any(|index| circle.visits[told.decisions[*index].visit].patient == patient) {
                        days.push(day);
                    }
                }
            }
        }
        prop_assert!(by_number.iter().chain(&by_patient).all(|days| keeps_caps(days)), "{by_number:?} {by_patient:?}");
        // Every step has exactly one decision; every sending decision is in exactly one message.
        for (index, visit) in circle.visits.iter().enumerate() {
            for step in visit.plan.steps() {
                prop_assert_eq!(told.decisions.iter().filter(|d| d.visit == index && d.step == step.key).count(), 1);
            }
        }
        let sending = told.decisions.iter().filter(|d| matches!(d.verdict, Verdict::Send { .. })).count();
        prop_assert_eq!(sending, told.messages.iter().map(|message| message.members.len()).sum::<usize>());
    }

    #[test]
    fn planning_again_changes_nothing(
        made in proptest::collection::vec(made(), 1..5), zones in zones(), now in any_now(),
    ) {
        let limits = Limits::of(&PracticeSettings::default()).unwrap();
        let plans = plans();
        let mut circle = family(&made, &plans, &zones, now);
        let first = schedule(&circle, limits, now);
        prop_assert_eq!(&schedule(&circle, limits, now), &first, "the same facts give the same answer");
        store(&mut circle, &first);
        prop_assert_eq!(&schedule(&circle, limits, now), &first, "what is stored gives the same answer");
    }

    // A life: plan, then go from due time to due time, sending what is due and planning again each time; visits move
    // back and forth and plans are edited on the way.
    #[test]
    fn a_life_keeps_the_caps_and_repeats_nothing(
        made in proptest::collection::vec(made(), 1..4),
        zones in zones(),
        now in any_now(),
        events in proptest::collection::vec((0_usize..4, -4_000_i64..4_000, 0_usize..4), 0..6),
    ) {
        let limits = Limits::of(&PracticeSettings::default()).unwrap();
        let plans = plans();
        let mut circle = family(&made, &plans, &zones, now);
        let mut clock = now;
        let mut events = events.into_iter();
        let mut said: Vec<(usize, StepKey, i64)> = Vec::new();
        let mut changes = 0;
        for _ in 0..60 {
            let told = schedule(&circle, limits, clock);
            store(&mut circle, &told);
            if let Some((visit, minutes, plan)) = events.next() {
                let index = visit % circle.visits.len();
                let visit = &mut circle.visits[index];
                if plan == 0 {
                    visit.start = visit.start + Duration::minutes(minutes);
                    visit.revision += 1;
                    visit.change = Some(Change::Moved.after(visit.change));
                    visit.answer = Answer::NeedsAction;
                    changes += 1;
                } else {
                    visit.plan = &plans[plan];
                }
                continue;
            }
            let Some(message) = told.messages.first().cloned() else { break };
            clock = clock.max(message.due_at);
            prop_assert!(clock < message.expires_at);
            prop_assert!(limits.window.allows(clock, &zones));
            for index in &message.members {
                let decision = told.decisions[*index];
                let key = (decision.visit, decision.step, circle.visits[decision.visit].revision_of(decision.step));
                prop_assert!(!said.contains(&key), "{key:?} twice");
                said.push(key);
            }
            send(&mut circle, &told, &message, clock);
        }
        let moved = said.iter().filter(|(_, step, _)| *step == StepKey::Moved).count();
        prop_assert!(moved <= made.len() + changes, "one notice a move at most");
        prop_assert!(circle.numbers.iter().all(|number| keeps_caps(&number.sent_days)));
        prop_assert_eq!(schedule(&circle, limits, clock).messages, vec![], "nothing is left over");
    }

    // A worker that is late, by less than the next due time, finds the same plan.
    #[test]
    fn time_alone_changes_nothing(
        made in proptest::collection::vec(made(), 1..4), zones in zones(), now in any_now(), part in 0_i64..100,
    ) {
        let limits = Limits::of(&PracticeSettings::default()).unwrap();
        let plans = plans();
        let mut circle = family(&made, &plans, &zones, now);
        let first = schedule(&circle, limits, now);
        store(&mut circle, &first);
        let next = first.messages.iter().map(|message| message.due_at).filter(|due| *due > now).min();
        let nearest_start = circle.visits.iter().map(|v| v.start - USEFUL_BEFORE_START).filter(|start| *start > now).min();
        // A missed step that the caps refused may find room on a later day: that is the one thing that time changes.
        let capped = |d: &Decision| matches!(d.verdict, Verdict::Skip(SkipReason::DayCap | SkipReason::WeekCap));
        let moves = first.decisions.iter().any(capped) || first.messages.iter().any(|message| message.due_at == now);
        if let Some(limit) = next.into_iter().chain(nearest_start).min().filter(|_| !moves) {
            let later = now + Duration::milliseconds((limit - now).num_milliseconds() * part / 100);
            prop_assert_eq!(schedule(&circle, limits, later).messages, first.messages);
        }
    }
}
