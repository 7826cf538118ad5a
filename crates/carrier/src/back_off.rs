//! How long to wait before asking again.

use std::time::Duration;

/// The middle of the first wait.
pub const BACK_OFF_FIRST: Duration = Duration::from_secs(5);

/// No wait is longer.
pub const BACK_OFF_LONGEST: Duration = Duration::from_mins(15);

/// The wait before the next try after `attempts` tries: doubles each time, spread evenly over half to one and a half
/// of itself by `random` (any 64 random bits), so that what failed together does not come back together. At least
/// what the carrier `asked` for.
pub fn back_off(attempts: u32, random: u64, asked: Option<Duration>) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let middle = BACK_OFF_FIRST.saturating_mul(1 << doublings).min(BACK_OFF_LONGEST * 2 / 3);
    let thousandths = u32::try_from(random % 1001).unwrap_or(0);
    let wait = middle / 2 + middle * thousandths / 1000;
    asked
        .map_or(wait, |least| least.saturating_add(wait / 4).max(wait))
        .min(BACK_OFF_LONGEST.max(asked.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_spread_and_stop_growing() {
        for attempts in 0_u32..40 {
            let middle = BACK_OFF_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16));
            for random in [0, 1, 499, 500, 1000, u64::MAX] {
                let wait = back_off(attempts, random, None);
                assert!(wait >= (middle / 2).min(BACK_OFF_LONGEST / 3), "{attempts} {random} {wait:?}");
                assert!(wait <= BACK_OFF_LONGEST, "{attempts} {random} {wait:?}");
            }
        }
        assert_eq!(back_off(1, 0, None), BACK_OFF_FIRST / 2);
        assert_eq!(back_off(1, 1000, None), BACK_OFF_FIRST * 3 / 2);
        assert_eq!(back_off(2, 500, None), BACK_OFF_FIRST * 2);
    }

    #[test]
    fn never_sooner_than_the_carrier_asked() {
        let asked = Duration::from_mins(2);
        for random in 0..2000 {
            assert!(back_off(1, random, Some(asked)) >= asked);
        }
        let hour = Duration::from_hours(1);
        assert!(back_off(1, 7, Some(hour)) >= hour);
    }
}
