use super::*;
use crate::time::{day_number, resolve_local};
use chrono::NaiveDate;
use uuid::Uuid;

const ZONE: Tz = chrono_tz::America::New_York;

fn at(text: &str) -> Instant {
    resolve_local(ZONE, text.parse().expect("a literal time"))
}

fn visit() -> VisitFacts {
    VisitFacts {
        local_day: 20_781,
        start: at("2026-11-24T09:15:00"),
        booked: Some(at("2026-11-10T23:30:00")),
        zone: ZONE,
        location: LocationId::from_uuid(Uuid::from_u128(1)),
        practitioner: None,
        visit_type: None,
        status: AppointmentStatus::Booked,
        status_at: at("2026-11-10T23:30:00"),
        cancelled_by_patient: None,
        answer: Answer::NeedsAction,
        channels: None,
        delivered: false,
        identified: false,
    }
}

#[test]
fn every_status_has_its_outcome() {
    use AppointmentStatus as S;
    let expected = [
        (S::Proposed, None),
        (S::Pending, Some(Outcome::Unknown)),
        (S::Booked, Some(Outcome::Unknown)),
        (S::Arrived, Some(Outcome::Arrived)),
        (S::CheckedIn, Some(Outcome::Arrived)),
        (S::Fulfilled, Some(Outcome::Kept)),
        (S::Cancelled, Some(Outcome::Cancelled)),
        (S::Noshow, Some(Outcome::Noshow)),
        (S::EnteredInError, None),
        (S::Waitlist, None),
    ];
    assert_eq!(expected.map(|(status, _)| status).as_slice(), S::ALL);
    for (status, outcome) in expected {
        assert_eq!(VisitFacts { status, ..visit() }.outcome(24), outcome, "{status}");
    }
}

#[test]
fn a_cancellation_is_late_under_24_hours_and_by_the_patient_only() {
    let cancelled = |when: &str, by| {
        let status = AppointmentStatus::Cancelled;
        VisitFacts { status, status_at: at(when), cancelled_by_patient: by, ..visit() }.outcome(24)
    };
    assert_eq!(cancelled("2026-11-23T09:15:00", Some(true)), Some(Outcome::Cancelled));
    assert_eq!(cancelled("2026-11-23T09:15:01", Some(true)), Some(Outcome::CancelledLate));
    assert_eq!(cancelled("2026-11-24T09:00:00", Some(false)), Some(Outcome::CancelledByPractice));
    assert_eq!(cancelled("2026-11-24T09:00:00", None), Some(Outcome::Cancelled));
}

#[test]
fn groups_are_those_of_the_location() {
    let visit = visit();
    assert_eq!(visit.group(Dimension::Weekday), "2");
    assert_eq!(visit.group(Dimension::Hour), "09");
    // Booked on the 10th at 23:30 there, which is the 11th in Greenwich: 14 days, not 13.
    assert_eq!(visit.group(Dimension::Lead), "14-29");
    assert_eq!(visit.group(Dimension::Channel), NONE);
    let both = Some(("email".to_owned(), "sms".to_owned()));
    assert_eq!(VisitFacts { channels: both, ..visit }.group(Dimension::Channel), SEVERAL_CHANNELS);
}

#[test]
fn lead_bands_begin_and_end_where_the_report_says() {
    let bands = [0, 1, 2, 3, 6, 7, 13, 14, 29, 30, 59, 60, 400].map(|days| LeadBand::of_days(days).as_str());
    let expected = ["0", "1-2", "1-2", "3-6", "3-6", "7-13", "7-13", "14-29", "14-29", "30-59", "30-59", "60+", "60+"];
    assert_eq!(bands, expected);
    assert_eq!(LeadBand::of_days(-3), LeadBand::SameDay);
}

#[test]
fn every_step_of_the_funnel_is_a_part_of_the_one_before() {
    let desk = VisitFacts { answer: Answer::Accepted, status: AppointmentStatus::Fulfilled, ..visit() };
    assert!(FunnelStep::ALL.iter().all(|step| !desk.reached(*step)));
    let portal = VisitFacts {
        channels: Some(("sms".to_owned(), "sms".to_owned())),
        delivered: true,
        identified: true,
        ..desk.clone()
    };
    assert!(FunnelStep::ALL.iter().all(|step| portal.reached(*step)));
    let undelivered = VisitFacts { delivered: false, ..portal };
    let reached: Vec<_> = FunnelStep::ALL.iter().filter(|step| undelivered.reached(**step)).collect();
    assert_eq!(reached, [&FunnelStep::Sent]);
}

#[test]
fn every_dimension_sums_to_the_visits() {
    let statuses = AppointmentStatus::ALL.iter().map(|&status| VisitFacts { status, ..visit() });
    let visits: Vec<_> = statuses.chain([visit(), visit()]).collect();
    let counts = count_days(&visits, 24);
    let agreed = i64::try_from(visits.iter().filter(|visit| visit.outcome(24).is_some()).count()).expect("few");
    for dimension in Dimension::ALL {
        let sum: i64 = counts.iter().filter(|((_, of, ..), _)| *of == dimension.as_str()).map(|(_, n)| n).sum();
        assert_eq!(sum, agreed, "{dimension}");
    }
}

#[test]
fn weeks_run_from_monday() {
    let day = |text: &str| i64::from(day_number(text.parse::<NaiveDate>().expect("a literal day")));
    assert_eq!(week_of(day("2026-11-23")), week_of(day("2026-11-29")));
    assert_eq!(week_of(day("2026-11-22")) + 1, week_of(day("2026-11-23")));
    assert_eq!(week_start(week_of(day("2026-11-26"))), day("2026-11-23"));
    assert_eq!(week_start(week_of(-1)), -3);
}
