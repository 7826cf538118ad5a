//! What must hold for any family, any zone and any time: looked for by chance.

use super::*;
use crate::time::from_day_number;
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
}

fn made() -> impl Strategy<Value = Made> {
    let answer =
        proptest::sample::select(vec![Answer::NeedsAction, Answer::NeedsAction, Answer::Accepted, Answer::Tentative]);
    let change = proptest::sample::select(vec![None, None, Some(Change::Moved), Some(Change::Practitioner)]);
    (-600_i64..20_000, 0_i64..30_000, answer, 1_i64..3, change, 0_usize..3).prop_map(
        |(starts_in_min, known_before_min, answer, revision, change, plan)| Made {
            starts_in_min,
            known_before_min,
            answer,
            revision: if change == Some(Change::Moved) { 2 } else { revision },
            change,
            plan,
        },
    )
}

/// Any hour of two years that hold leap day 2028 and every change of the clocks in every zone.
fn any_now() -> impl Strategy<Value = Instant> {
    (0_i64..17_520, 0_i64..3_600_000).prop_map(|(hour, ms)| Instant::from_ms(1_798_761_600_000 + hour * HOUR_MS + ms))
}

fn plans() -> [Plan; 3] {
    [Plan::standard(), Plan::full(), Plan::new(Vec::new()).expect("an empty plan is a plan")]
}

fn family<'a>(made: &[Made], plans: &'a [Plan; 3], zones: &[Tz], now: Instant) -> Number<'a> {
    let visit = |made: &Made| Visit {
        start: now + Duration::minutes(made.starts_in_min),
        zone: zones[0],
        known_at: now - Duration::minutes(made.known_before_min),
        booked_at: None,
        status: AppointmentStatus::Booked,
        answer: made.answer,
        held: false,
        revision: made.revision,
        practitioner_revision: 2,
        change: made.change,
        reach: Ok(()),
        plan: &plans[made.plan],
        known: Vec::new(),
    };
    Number { zones: zones.to_vec(), sent_days: Vec::new(), visits: made.iter().map(visit).collect() }
}

fn zones() -> impl Strategy<Value = Vec<Tz>> {
    prop_oneof![
        proptest::sample::select(ZONES.to_vec()).prop_map(|zone| vec![zone]),
        Just(vec![New_York, Phoenix]),
        Just(vec![Phoenix, New_York]),
    ]
}

/// Stores what was decided, as the store would: reminders by (visit, step, revision).
fn store(number: &mut Number<'_>, told: &Outcome) {
    for decision in &told.decisions {
        let visit = &mut number.visits[decision.visit];
        let revision = visit.revision_of(decision.step);
        visit.known.retain(|known| known.step != decision.step || known.revision != revision);
        let progress =
            if matches!(decision.verdict, Verdict::Send { .. }) { Progress::Waiting } else { Progress::Open };
        visit.known.push(Known { step: decision.step, revision, due_at: decision.due_at, progress });
    }
}

/// Sends one message at a time, as dispatch would.
fn send(number: &mut Number<'_>, told: &Outcome, message: &Message, at: Instant) {
    let zone = number.zones[0];
    if message.kind == NoticeKind::Reminder {
        number.sent_days.push(day_number(at.local_day(zone)));
    }
    for index in &message.members {
        let decision = told.decisions[*index];
        let visit = &mut number.visits[decision.visit];
        let revision = visit.revision_of(decision.step);
        let known = visit.known.iter_mut().find(|known| known.step == decision.step && known.revision == revision);
        known.expect("stored before it is sent").progress = Progress::Said(at);
    }
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
        let number = family(&made, &plans, &zones, now);
        let told = schedule(&number, limits, now);
        let mut days: Vec<i32> = Vec::new();
        for message in &told.messages {
            prop_assert!(message.due_at >= now);
            prop_assert!(limits.window.allows(message.due_at, &zones), "{:?}", message.due_at);
            prop_assert!(message.due_at < message.expires_at);
            for index in &message.members {
                let visit = &number.visits[told.decisions[*index].visit];
                prop_assert!(message.expires_at <= visit.start - USEFUL_BEFORE_START);
                prop_assert_eq!(message.due_at.local_day(zones[0]), told.decisions[*index].due_at.local_day(zones[0]));
            }
            if message.kind == NoticeKind::Reminder {
                days.push(day_number(message.due_at.local_day(zones[0])));
            }
        }
        for day in &days {
            let within = |last: i32| days.iter().filter(|other| (*day..=last).contains(*other)).count();
            prop_assert!(within(*day) <= 1, "two on {}", from_day_number(*day));
            prop_assert!(within(*day + 6) <= 3, "four from {}", from_day_number(*day));
        }
        // Every step has exactly one decision; every sending decision is in exactly one message.
        for (index, visit) in number.visits.iter().enumerate() {
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
        let mut number = family(&made, &plans, &zones, now);
        let first = schedule(&number, limits, now);
        prop_assert_eq!(&schedule(&number, limits, now), &first, "the same facts give the same answer");
        store(&mut number, &first);
        prop_assert_eq!(&schedule(&number, limits, now), &first, "what is stored gives the same answer");
    }

    // A life: plan, then go from due time to due time, sending what is due and planning again each time; visits move
    // back and forth and plans are edited on the way.
    #[test]
    fn a_life_keeps_the_caps_and_repeats_nothing(
        made in proptest::collection::vec(made(), 1..4),
        zones in zones(),
        now in any_now(),
        events in proptest::collection::vec((0_usize..4, -4_000_i64..4_000, 0_usize..3), 0..6),
    ) {
        let limits = Limits::of(&PracticeSettings::default()).unwrap();
        let plans = plans();
        let mut number = family(&made, &plans, &zones, now);
        let mut clock = now;
        let mut events = events.into_iter();
        let mut said: Vec<(usize, StepKey, i64)> = Vec::new();
        let mut changes = 0;
        for _ in 0..60 {
            let told = schedule(&number, limits, clock);
            store(&mut number, &told);
            if let Some((visit, minutes, plan)) = events.next() {
                let index = visit % number.visits.len();
                let visit = &mut number.visits[index];
                if plan == 0 {
                    visit.start = visit.start + Duration::minutes(minutes);
                    visit.revision += 1;
                    visit.change = Some(Change::Moved);
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
                let key = (decision.visit, decision.step, number.visits[decision.visit].revision_of(decision.step));
                prop_assert!(!said.contains(&key), "{key:?} twice");
                said.push(key);
            }
            send(&mut number, &told, &message, clock);
        }
        let moved = said.iter().filter(|(_, step, _)| *step == StepKey::Moved).count();
        prop_assert!(moved <= made.len() + changes, "one notice a move at most");
        for day in &number.sent_days {
            let within = |last: i32| number.sent_days.iter().filter(|other| (*day..=last).contains(*other)).count();
            prop_assert!(within(*day) <= 1 && within(*day + 6) <= 3);
        }
        prop_assert_eq!(schedule(&number, limits, clock).messages, vec![], "nothing is left over");
    }

    // A worker that is late, by less than the next due time, finds the same plan.
    #[test]
    fn time_alone_changes_nothing(
        made in proptest::collection::vec(made(), 1..4), zones in zones(), now in any_now(), part in 0_i64..100,
    ) {
        let limits = Limits::of(&PracticeSettings::default()).unwrap();
        let plans = plans();
        let mut number = family(&made, &plans, &zones, now);
        let first = schedule(&number, limits, now);
        store(&mut number, &first);
        let next = first.messages.iter().map(|message| message.due_at).filter(|due| *due > now).min();
        let nearest_start = number.visits.iter().map(|v| v.start - USEFUL_BEFORE_START).filter(|start| *start > now).min();
        // A missed step that the caps refused may find room on a later day: that is the one thing that time changes.
        let capped = |d: &Decision| matches!(d.verdict, Verdict::Skip(SkipReason::DayCap | SkipReason::WeekCap));
        let moves = first.decisions.iter().any(capped) || first.messages.iter().any(|message| message.due_at == now);
        if let Some(limit) = next.into_iter().chain(nearest_start).min().filter(|_| !moves) {
            let later = now + Duration::milliseconds((limit - now).num_milliseconds() * part / 100);
            prop_assert_eq!(schedule(&number, limits, later).messages, first.messages);
        }
    }
}
