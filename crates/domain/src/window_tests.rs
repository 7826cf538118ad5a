use super::*;
use chrono_tz::America::{Los_Angeles, New_York, Phoenix, Santiago};
use chrono_tz::Australia::Lord_Howe;
use chrono_tz::Europe::Dublin;
use chrono_tz::Pacific::{Apia, Honolulu};
use proptest::prelude::*;

fn at(zone: Tz, local: &str) -> Instant {
    resolve_local(zone, local.parse().unwrap())
}

fn default() -> &'static SendWindow {
    SendWindow::named("default").unwrap()
}

#[test]
fn the_embedded_hours_name_their_source() {
    for window in read_windows(SEND_WINDOWS).unwrap() {
        assert!(!window.source().0.is_empty() && window.source().1.year() >= 2026, "{}", window.name());
    }
    let error = SendWindow::named("night").unwrap_err().to_string();
    assert_eq!(error, "there are no sending hours called `night`; choose one of: default, strict");
    let record = |days: &str| format!("[[record]]\nname='x'\nsource='y'\nas_of='2026-01-01'\n[record.days]\n{days}");
    assert!(read_windows(&record("")).unwrap_err().contains("never open"));
    assert!(read_windows(&record("mon=['21:00','08:00']")).is_err());
    assert!(read_windows(&record("mon=['8am','9pm']")).is_err());
}

#[test]
fn the_edges_of_the_default_hours() {
    for (local, allowed) in [
        ("2026-11-24T20:59:59", true),
        ("2026-11-24T21:00:00", false),
        ("2026-11-24T07:59:59", false),
        ("2026-11-24T08:00:00", true),
    ] {
        assert_eq!(default().allows(at(Phoenix, local), &[Phoenix]), allowed, "{local}");
    }
}

#[test]
fn the_strict_hours_shorten_sunday() {
    let strict = SendWindow::named("strict").unwrap();
    for (local, allowed) in [
        ("2026-11-28T19:59:00", true), // Saturday
        ("2026-11-28T20:00:00", false),
        ("2026-11-29T11:59:00", false), // Sunday
        ("2026-11-29T12:00:00", true),
        ("2026-11-30T09:00:00", true), // Monday
        ("2026-11-30T08:59:59", false),
    ] {
        assert_eq!(strict.allows(at(New_York, local), &[New_York]), allowed, "{local}");
    }
    assert_eq!(
        strict.next_allowed(at(New_York, "2026-11-28T22:00:00"), &[New_York]),
        Some(at(New_York, "2026-11-29T12:00:00"))
    );
    assert_eq!(
        strict.last_allowed(at(New_York, "2026-11-29T10:00:00"), &[New_York]),
        Some(at(New_York, "2026-11-28T19:59:00"))
    );
}

#[test]
fn every_candidate_zone_binds() {
    let zones = [New_York, Los_Angeles];
    assert!(!default().allows(at(New_York, "2026-11-24T09:00:00"), &zones), "6 in the morning in the west");
    assert_eq!(
        default().next_allowed(at(New_York, "2026-11-24T09:00:00"), &zones),
        Some(at(Los_Angeles, "2026-11-24T08:00:00"))
    );
    assert_eq!(
        default().next_allowed(at(New_York, "2026-11-24T21:30:00"), &zones),
        Some(at(Los_Angeles, "2026-11-25T08:00:00"))
    );
    assert_eq!(
        default().last_allowed(at(New_York, "2026-11-24T23:00:00"), &zones),
        Some(at(New_York, "2026-11-24T20:59:00"))
    );
    assert_eq!(
        default().last_allowed(at(New_York, "2026-11-24T09:00:00"), &zones),
        Some(at(New_York, "2026-11-23T20:59:00"))
    );
    assert_eq!(default().closes_at(at(New_York, "2026-11-24T15:00:00"), &zones), at(New_York, "2026-11-24T21:00:00"));
    assert_eq!(default().closes_at(at(New_York, "2026-11-24T03:00:00"), &zones), at(New_York, "2026-11-24T03:00:00"));
}

#[test]
fn hours_that_never_meet_give_no_minute() {
    let night = SendWindow {
        days: std::array::from_fn(|_| {
            Some(DayHours { opens: NaiveTime::MIN, closes: NaiveTime::from_hms_opt(1, 0, 0).unwrap() })
        }),
        ..default().clone()
    };
    assert_eq!(night.next_allowed(at(New_York, "2026-11-24T12:00:00"), &[New_York, Honolulu]), None);
    assert_eq!(night.last_allowed(at(New_York, "2026-11-24T12:00:00"), &[New_York, Honolulu]), None);
}

#[test]
fn a_day_that_a_zone_skipped_has_no_opening() {
    let before = at(Apia, "2011-12-29T22:00:00");
    assert_eq!(default().next_allowed(before, &[Apia]), Some(at(Apia, "2011-12-31T08:00:00")));
    assert_eq!(default().last_allowed(at(Apia, "2011-12-31T07:00:00"), &[Apia]), Some(at(Apia, "2011-12-29T20:59:00")));
}

fn zones() -> impl Strategy<Value = Vec<Tz>> {
    proptest::sample::subsequence(vec![New_York, Phoenix, Lord_Howe, Santiago, Dublin, Apia, Los_Angeles], 1..=2)
}

proptest! {
    // Two years around every change of the clocks in the zones, to the second.
    #[test]
    fn found_minutes_are_allowed_and_on_the_right_side(
        seconds in 1_735_689_600_i64..1_798_761_600, zones in zones(), strict: bool,
    ) {
        let window = SendWindow::named(if strict { "strict" } else { "default" }).unwrap();
        let now = Instant::from_ms(seconds * 1000);
        if let Some(next) = window.next_allowed(now, &zones) {
            prop_assert!(next >= now && window.allows(next, &zones));
            // Nothing allowed was jumped over: the minute before the opening is not allowed.
            prop_assert!(next == now || !window.allows(next - Duration::minutes(1), &zones));
        }
        if let Some(last) = window.last_allowed(now, &zones) {
            prop_assert!(last <= now && window.allows(last, &zones));
        }
        prop_assert_eq!(window.next_allowed(now, &zones) == Some(now), window.allows(now, &zones));
        let closes = window.closes_at(now, &zones);
        prop_assert!(closes >= now);
        prop_assert!(closes == now || window.allows(closes - Duration::seconds(1), &zones));
    }
}
