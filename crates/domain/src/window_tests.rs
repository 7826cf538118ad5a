use super::*;
use chrono_tz::America::{Los_Angeles, New_York, Phoenix, Santiago};
use chrono_tz::Australia::Lord_Howe;
use chrono_tz::Europe::Dublin;
use chrono_tz::Pacific::{Apia, Honolulu};
use proptest::prelude::*;

fn at(zone: Tz, local: &str) -> Instant {
    resolve_local(zone, local.parse().unwrap())
}

fn named(name: &str) -> Hours {
    SendWindow::named(name).unwrap().hours()
}

fn default() -> Hours {
    named("default")
}

#[test]
fn the_embedded_hours_name_their_source() {
    for window in read_windows(SEND_WINDOWS).unwrap() {
        assert!(!window.source().0.is_empty() && window.source().1.year() >= 2026, "{}", window.name());
    }
    let error = SendWindow::named("night").unwrap_err().to_string();
    assert!(
        error.starts_with("there are no sending hours called `night`; choose one of: default, strict, us-al,"),
        "{error}"
    );
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
fn nothing_is_handed_over_in_the_last_minute() {
    for (local, next, last) in [
        ("2026-11-24T20:57:59", "2026-11-24T20:57:59", "2026-11-24T20:57:59"),
        ("2026-11-24T20:58:00", "2026-11-24T20:58:00", "2026-11-24T20:58:00"),
        // It may go out now, but what is due now would come too late.
        ("2026-11-24T20:59:00", "2026-11-24T20:59:00", "2026-11-24T20:58:00"),
        ("2026-11-24T20:59:01", "2026-11-25T08:00:00", "2026-11-24T20:58:00"),
        ("2026-11-24T20:59:59", "2026-11-25T08:00:00", "2026-11-24T20:58:00"),
        ("2026-11-24T21:00:00", "2026-11-25T08:00:00", "2026-11-24T20:58:00"),
    ] {
        let now = at(Phoenix, local);
        assert_eq!(default().next_open(now, &[Phoenix]), Some(at(Phoenix, next)), "{local}");
        assert_eq!(default().last_allowed(now, &[Phoenix]), Some(at(Phoenix, last)), "{local}");
    }
}

#[test]
fn the_strict_hours_shorten_sunday() {
    let strict = named("strict");
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
        Some(at(New_York, "2026-11-28T19:58:00"))
    );
}

#[test]
fn a_practice_by_place_keeps_the_hours_of_its_country_and_of_the_numbers_state() {
    let hours = |setting, country, places: &[&str]| {
        Hours::of_practice(setting, country).unwrap().for_places(places.iter().copied())
    };
    let allows = |hours: Hours, local| hours.allows(at(New_York, local), &[New_York]);
    let (tuesday, evening, sunday) = ("2026-11-24T08:30:00", "2026-11-24T20:30:00", "2026-11-29T11:30:00");
    for (setting, country, places, expected) in [
        ("default", "US", &[][..], [true, true, true]),
        ("default", "US", &["US-AZ"][..], [true, true, true]),
        ("default", "US", &["US-FL"][..], [true, false, true]),
        ("default", "US", &["US-TX"][..], [false, true, false]),
        // Two states share the family's number: the narrower of both.
        ("default", "US", &["US-TX", "US-FL"][..], [false, false, false]),
        ("default", "US", &["US-AL"][..], [true, false, true]),
        ("default", "US", &["US-KY"][..], [false, true, true]),
        ("default", "US", &["US-RI"][..], [false, false, true]),
        ("default", "US", &["US-UT"][..], [true, true, true]),
        ("default", "US", &["CA"][..], [false, true, true]),
        ("default", "ES", &[][..], [false, true, true]),
        ("default", "ES", &["US-FL"][..], [false, false, true]),
        // A country without a record has the usual hours.
        ("default", "PR", &["PR"][..], [true, true, true]),
        // What a practice chose is narrowed as well.
        ("strict", "US", &["US-TX"][..], [false, false, false]),
        ("us-fl", "US", &["US-TX"][..], [false, false, false]),
    ] {
        let hours = hours(setting, country, places);
        let found = [tuesday, evening, sunday].map(|local| allows(hours, local));
        assert_eq!(found, expected, "{setting} {country} {places:?}");
    }
    assert!(Hours::of_practice("night", "US").is_err());
    let never = Hours([None; 7]).narrowed(default());
    assert_eq!(never.next_allowed(at(New_York, tuesday), &[New_York]), None);
}

#[test]
fn where_nothing_may_be_sold_on_sundays_a_reminder_keeps_saturdays_hours() {
    let hours = Hours::of_practice("default", "US").unwrap().for_places(["US-RI"]);
    let sunday = at(New_York, "2026-11-29T09:00:00");
    assert_eq!(hours.last_allowed(sunday, &[New_York]), Some(at(New_York, "2026-11-28T16:58:00")));
    assert_eq!(hours.next_allowed(sunday, &[New_York]), Some(at(New_York, "2026-11-29T10:00:00")));
    // A family's number in all states at once still has hours.
    let states = SendWindow::all().iter().filter_map(SendWindow::place).filter(|place| place.starts_with("US-"));
    let all = Hours::of_practice("default", "US").unwrap().for_places(states);
    assert_eq!(all.next_allowed(sunday, &[New_York]), Some(at(New_York, "2026-11-29T12:00:00")));
    assert_eq!(
        all.last_allowed(at(New_York, "2026-11-30T20:00:00"), &[New_York]),
        Some(at(New_York, "2026-11-30T17:58:00"))
    );
}

#[test]
fn across_both_changes_of_the_clocks_the_edges_are_the_local_ones() {
    // 2026-03-08 has no 02:30 in New York, 2026-11-01 has two 01:30.
    for day in ["2026-03-08", "2026-11-01"] {
        for (time, allowed) in [("07:59:59", false), ("08:00:00", true), ("20:59:59", true), ("21:00:00", false)] {
            let local = format!("{day}T{time}");
            assert_eq!(default().allows(at(New_York, &local), &[New_York]), allowed, "{local}");
        }
        let night = at(New_York, &format!("{day}T00:30:00"));
        assert_eq!(default().next_allowed(night, &[New_York]), Some(at(New_York, &format!("{day}T08:00:00"))));
    }
    // A time that does not exist moves forward, one that exists twice is the first.
    assert_eq!(at(New_York, "2026-03-08T02:30:00"), at(New_York, "2026-03-08T03:30:00"));
    let twice = at(New_York, "2026-11-01T01:30:00");
    assert_eq!((twice + Duration::hours(1)).local(New_York), twice.local(New_York));
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
        Some(at(New_York, "2026-11-24T20:58:00"))
    );
    assert_eq!(
        default().last_allowed(at(New_York, "2026-11-24T09:00:00"), &zones),
        Some(at(New_York, "2026-11-23T20:58:00"))
    );
    assert_eq!(default().closes_at(at(New_York, "2026-11-24T15:00:00"), &zones), at(New_York, "2026-11-24T21:00:00"));
    assert_eq!(default().closes_at(at(New_York, "2026-11-24T03:00:00"), &zones), at(New_York, "2026-11-24T03:00:00"));
}

#[test]
fn hours_that_never_meet_give_no_minute() {
    let first = DayHours { opens: NaiveTime::MIN, closes: NaiveTime::from_hms_opt(1, 0, 0).unwrap() };
    let night = Hours([Some(first); 7]);
    assert_eq!(night.next_allowed(at(New_York, "2026-11-24T12:00:00"), &[New_York, Honolulu]), None);
    assert_eq!(night.last_allowed(at(New_York, "2026-11-24T12:00:00"), &[New_York, Honolulu]), None);
}

#[test]
fn a_day_that_a_zone_skipped_has_no_opening() {
    let before = at(Apia, "2011-12-29T22:00:00");
    assert_eq!(default().next_allowed(before, &[Apia]), Some(at(Apia, "2011-12-31T08:00:00")));
    assert_eq!(default().last_allowed(at(Apia, "2011-12-31T07:00:00"), &[Apia]), Some(at(Apia, "2011-12-29T20:58:00")));
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
        let window = named(if strict { "strict" } else { "default" });
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
