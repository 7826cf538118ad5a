use super::*;
use proptest::prelude::*;

fn share(hits: u32, trials: u32) -> Share {
    Share { hits, trials }
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 0.000_05
}

/// Newcombe 1998, Statistics in Medicine 17:857–872, table I, method 3 (score, without continuity correction).
#[test]
fn wilson_agrees_with_newcombes_table() {
    for (hits, trials, low, high) in
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    {
        let found = share(hits, trials).wilson().expect("something was counted");
        assert!(close(found.low, low) && close(found.high, high), "{hits}/{trials}: {found:?}");
    }
}

/// Newcombe 1998, Statistics in Medicine 17:873–890, table II, method 10.
#[test]
fn differences_agree_with_newcombes_table() {
    let table = [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ];
    for (first, second, low, high) in table {
        let found = difference(share(first.0, first.1), share(second.0, second.1)).expect("something was counted");
        assert!(
            close(found.interval.low, low) && close(found.interval.high, high),
            "{first:?} − {second:?}: {found:?}"
        );
    }
}

#[test]
fn a_difference_is_unusual_only_if_zero_is_left_out() {
    assert!(difference(share(56, 70), share(48, 80)).expect("counted").is_unusual());
    assert!(difference(share(48, 80), share(56, 70)).expect("counted").is_unusual());
    assert!(!difference(share(5, 56), share(0, 29)).expect("counted").is_unusual());
    assert_eq!(difference(share(0, 0), share(1, 2)), None);
}

/// Montgomery, Introduction to Statistical Quality Control, example 7.1: 30 samples of 50 juice cans, centre 0.2313,
/// limits 0.0524 and 0.4102, samples 15 and 23 outside.
#[test]
fn the_chart_agrees_with_montgomerys_example() {
    let cans =
        [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6];
    let chart = control_chart(&cans.map(|hits| share(hits, 50))).expect("30 groups are enough");
    assert!(close(chart.centre, 0.231_33));
    let limits = chart.points[0].limits.expect("50 cans");
    assert!((limits.low - 0.0524).abs() < 0.000_1 && (limits.high - 0.4102).abs() < 0.000_1, "{limits:?}");
    let outside: Vec<usize> =
        (0..30).filter(|&i| chart.points[i].signal == Some(Signal::Above)).map(|i| i + 1).collect();
    assert_eq!(outside, [15, 23]);
    assert!(chart.points.iter().all(|point| point.signal != Some(Signal::RunAbove)));
}

#[test]
fn fewer_than_twelve_weeks_have_no_limits() {
    let mut weeks = vec![share(1, 10); LEAST_WEEKS - 1];
    assert_eq!(control_chart(&weeks), None);
    weeks.push(share(0, 0));
    assert_eq!(control_chart(&weeks), None);
    weeks.push(share(1, 10));
    let chart = control_chart(&weeks).expect("twelve weeks");
    assert_eq!(chart.points.len(), LEAST_WEEKS + 1);
    assert_eq!(chart.points[LEAST_WEEKS - 1].limits, None);
}

#[test]
fn eight_on_one_side_are_a_signal_and_seven_are_not() {
    let week = |hits| share(hits, 100);
    let seven: Vec<Share> = [12; 7].into_iter().chain([8; 7]).map(week).collect();
    assert!(control_chart(&seven).expect("enough").points.iter().all(|point| point.signal.is_none()));
    let eight: Vec<Share> = [12; 8].into_iter().chain([8; 8]).map(week).collect();
    let signals: Vec<_> = control_chart(&eight).expect("enough").points.iter().map(|point| point.signal).collect();
    assert_eq!(signals[..8], [Some(Signal::RunAbove); 8]);
    assert_eq!(signals[8..], [Some(Signal::RunBelow); 8]);
}

#[test]
fn a_point_on_the_centre_or_of_nothing_does_not_break_a_run() {
    let mut weeks = vec![share(12, 100); 4];
    weeks.extend([share(0, 0), share(10, 100)]);
    weeks.extend([share(12, 100); 4]);
    weeks.extend([share(8, 100); 8]);
    let signals: Vec<_> = control_chart(&weeks).expect("enough").points.iter().map(|point| point.signal).collect();
    assert_eq!(signals[3], Some(Signal::RunAbove));
    assert_eq!(signals[4..6], [None, None]);
    assert_eq!(signals[9], Some(Signal::RunAbove));
}

proptest! {
    #[test]
    fn the_interval_holds_the_rate_and_narrows(hits in 0u32..200, more in 0u32..200) {
        let trials = hits + more;
        prop_assume!(trials > 0);
        let one = share(hits, trials);
        let (rate, interval) = (one.rate().expect("counted"), one.wilson().expect("counted"));
        prop_assert!(0.0 <= interval.low && interval.low <= rate && rate <= interval.high && interval.high <= 1.0);
        let ten = share(hits * 10, trials * 10).wilson().expect("counted");
        prop_assert!(ten.high - ten.low < interval.high - interval.low);
    }

    #[test]
    fn swapping_turns_the_difference_round(a in 0u32..50, b in 1u32..50, c in 0u32..50, d in 1u32..50) {
        let (first, second) = (share(a, a + b), share(c, c + d));
        let (there, back) = (difference(first, second).expect("counted"), difference(second, first).expect("counted"));
        prop_assert!((there.by + back.by).abs() < 1e-12);
        prop_assert!((there.interval.low + back.interval.high).abs() < 1e-12);
    }
}
