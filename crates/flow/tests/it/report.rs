//! The missed-visit figures, against marks that are known.

use chrono::{Days, Duration, NaiveDate};
use kept_domain::report::Dimension;
use kept_domain::stats::Share;
use kept_domain::{AppointmentStatus, Instant, OutcomeBy};
use kept_flow::report::{Group, Period, PeriodError};
use kept_flow::testing::{NOW, World};
use kept_store::testing::both;

/// [`NOW`] is a Monday.
fn today() -> NaiveDate {
    NOW.local_day(chrono_tz::America::New_York)
}

fn days_ago(days: u64) -> NaiveDate {
    today() - Days::new(days)
}

fn period(from: NaiveDate, to: NaiveDate) -> Period {
    Period::new(from, to).unwrap()
}

/// A visit a day over `days` days before today, five hours after [`NOW`]'s hour, with a status by its number of days ago.
async fn history(world: &World, days: i64, status: impl Fn(i64) -> AppointmentStatus) {
    let patient = world.patient(None, None).await;
    let mut by_status: Vec<(AppointmentStatus, Vec<_>)> = Vec::new();
    for ago in 1..=days {
        let visit = world.visit(patient, Instant::from_ms(NOW.as_ms()) - Duration::days(ago)).await;
        match by_status.iter_mut().find(|(known, _)| *known == status(ago)) {
            Some((_, visits)) => visits.push(visit),
            None => by_status.push((status(ago), vec![visit])),
        }
    }
    for (status, visits) in by_status {
        world.flow.mark_all(world.practice, world.staff, &visits, status, OutcomeBy::Desk).await.unwrap();
    }
}

#[tokio::test]
async fn figures_are_those_of_the_marks_and_follow_them() {
    both(|store| async move {
        let world = World::new(&store).await;
        // 98 days: every seventh day ago (Mondays) missed, the rest kept.
        let mark = |ago: i64| if ago % 7 == 0 { AppointmentStatus::Noshow } else { AppointmentStatus::Fulfilled };
        history(&world, 98, mark).await;
        let (flow, practice) = (&world.flow, world.practice);
        let span = period(days_ago(98), days_ago(1));
        let all = flow.missed_lines(practice, span, Dimension::All).await.unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].tally.missed(), Share { hits: 14, trials: 98 });
        assert_eq!(all[0].rate, Some(14.0 / 98.0));
        assert_eq!(all[0].interval, Share { hits: 14, trials: 98 }.wilson());

        let weekdays = flow.missed_lines(practice, span, Dimension::Weekday).await.unwrap();
        let groups: Vec<Group> = weekdays.iter().map(|line| line.group.clone()).collect();
        assert_eq!(groups, (1..=7).map(Group::Weekday).collect::<Vec<_>>());
        assert_eq!(weekdays[0].tally.missed(), Share { hits: 14, trials: 14 });
        assert_eq!(weekdays[0].rate, None, "14 outcomes are too few for a rate");
        for by in Dimension::ALL {
            let lines = flow.missed_lines(practice, span, *by).await.unwrap();
            assert_eq!(lines.iter().map(|line| line.tally.due()).sum::<u32>(), 98, "{by}");
        }

        let report = flow.missed_report(practice, span, Dimension::Channel, false).await.unwrap();
        assert_eq!((report.weeks.len(), report.today), (14, today()));
        assert!((report.centre.unwrap() - 1.0 / 7.0).abs() < 1e-12);
        assert!(report.weeks.iter().all(|week| !week.running && week.tally.missed() == Share { hits: 1, trials: 7 }));
        assert_eq!(report.before.0, period(days_ago(196), days_ago(99)));
        assert_eq!((report.change, report.before.1.tally.due()), (None, 0));
        assert_eq!(report.groups[0].group, Group::Without);
        assert_eq!((report.groups[0].rate, report.groups[0].tally.due()), (None, 98));

        // Yesterday was marked kept; the desk corrects it, and the next look says so.
        let patient = world.patient(None, None).await;
        let corrected = world.visit(patient, NOW - Duration::days(1)).await;
        flow.mark_outcome(practice, world.staff, corrected, AppointmentStatus::Noshow).await.unwrap();
        let after = flow.missed_lines(practice, span, Dimension::All).await.unwrap();
        assert_eq!(after[0].tally.missed(), Share { hits: 15, trials: 99 });
        assert_eq!(flow.sweep_report().await.unwrap(), 0, "the look has counted what changed");
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_the_end_of_the_day_is_not_counted_before() {
    both(|store| async move {
        let world = World::new(&store).await;
        let patient = world.patient(None, None).await;
        let mark = async |status| {
            let visit = world.visit(patient, NOW + Duration::hours(1)).await;
            // A mark of its own for `booked` changes nothing, so the day is marked by the others.
            world.flow.mark_outcome(world.practice, world.staff, visit, status).await.unwrap();
        };
        for status in [AppointmentStatus::Arrived, AppointmentStatus::Noshow, AppointmentStatus::Booked] {
            mark(status).await;
        }
        let now = period(today(), today());
        let (flow, practice) = (&world.flow, world.practice);
        let line = flow.missed_lines(practice, now, Dimension::All).await.unwrap().remove(0);
        assert_eq!((line.tally.kept, line.tally.noshow, line.tally.unknown), (0, 1, 0));
        let report = flow.missed_report(practice, now, Dimension::Hour, true).await.unwrap();
        assert!(report.weeks.len() == 1 && report.weeks[0].running && report.centre.is_none());
        world.clock.set_civil(NOW + Duration::days(1));
        let line = flow.missed_lines(practice, now, Dimension::All).await.unwrap().remove(0);
        assert_eq!((line.tally.kept, line.tally.noshow, line.tally.unknown), (1, 1, 1));
    })
    .await;
}

#[test]
fn periods_are_compared_on_the_same_weekdays() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let ten_days = period(day("2026-11-10"), day("2026-11-19"));
    assert_eq!(ten_days.previous(), period(day("2026-10-27"), day("2026-11-05")));
    assert_eq!(ten_days.year_before(), period(day("2025-11-11"), day("2025-11-20")));
    assert_eq!(Period::new(day("2026-11-10"), day("2026-11-09")), Err(PeriodError::Backwards));
    assert_eq!(Period::new(day("2006-11-10"), day("2026-11-09")), Err(PeriodError::TooLong));
}
