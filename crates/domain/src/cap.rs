//! How many messages one number may get: counted over all visits of all patients who share it, in local calendar days.

/// Days of the longer cap, today included.
pub const WEEK_DAYS: i32 = 7;

/// What a practice allows for one number (design: messaging, "When": 1 a day, 3 in 7 days).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Messages in one local calendar day.
    pub per_day: u32,
    /// Messages in any [`WEEK_DAYS`] local calendar days in a row.
    pub per_week: u32,
}

/// Which cap is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The day's.
    Day,
    /// The week's.
    Week,
}

/// Messages to one number by local day: those sent, and those chosen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    days: Vec<i32>,
}

impl Tally {
    /// Starts with what was sent: one entry a message, the local day it counted for, in any order.
    pub fn of(sent_days: &[i32]) -> Self {
        Self { days: sent_days.to_vec() }
    }

    /// Whether one more message on a day keeps every cap, in each run of seven days that the day is part of: a message
    /// chosen earlier for next week is not given up for one today.
    pub fn admits(&self, day: i32, caps: Caps) -> Result<(), Reached> {
        let between = |first: i32, last: i32| self.days.iter().filter(|sent| (first..=last).contains(*sent)).count();
        let room = |count: usize, cap: u32| u32::try_from(count).is_ok_and(|count| count < cap);
        if !room(between(day, day), caps.per_day) {
            return Err(Reached::Day);
        }
        let full =
            (day - (WEEK_DAYS - 1)..=day).any(|first| !room(between(first, first + WEEK_DAYS - 1), caps.per_week));
        if full { Err(Reached::Week) } else { Ok(()) }
    }

    /// These and some more.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = i32>) -> Self {
        Self { days: self.days.iter().copied().chain(more).collect() }
    }

    /// Counts one more message on a day.
    pub fn add(&mut self, day: i32) {
        self.days.push(day);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DEFAULT: Caps = Caps { per_day: 1, per_week: 3 };

    #[test]
    fn one_a_day_and_three_in_seven_days() {
        let mut tally = Tally::default();
        assert_eq!(tally.admits(100, DEFAULT), Ok(()));
        tally.add(100);
        assert_eq!(tally.admits(100, DEFAULT), Err(Reached::Day));
        tally.add(101);
        tally.add(102);
        assert_eq!(tally.admits(106, DEFAULT), Err(Reached::Week), "100 is the seventh day back from 106");
        assert_eq!(tally.admits(107, DEFAULT), Ok(()));
    }

    #[test]
    fn a_message_chosen_for_later_is_counted_against_today() {
        let tally = Tally::of(&[103, 104, 106]);
        assert_eq!(tally.admits(100, DEFAULT), Err(Reached::Week));
        assert_eq!(tally.admits(99, DEFAULT), Ok(()));
    }

    #[test]
    fn a_cap_of_nothing_admits_nothing() {
        assert_eq!(Tally::default().admits(1, Caps { per_day: 0, per_week: 3 }), Err(Reached::Day));
        assert_eq!(Tally::default().admits(1, Caps { per_day: 1, per_week: 0 }), Err(Reached::Week));
    }

    proptest! {
        #[test]
        fn what_is_admitted_keeps_every_window(wishes in proptest::collection::vec(0_i32..30, 0..60), day in 1_u32..3, week in 1_u32..5) {
            let caps = Caps { per_day: day, per_week: week };
            let mut tally = Tally::default();
            for wish in wishes {
                if tally.admits(wish, caps).is_ok() {
                    tally.add(wish);
                }
            }
            for first in -7..31 {
                let count = |last: i32| tally.days.iter().filter(|d| (first..=last).contains(*d)).count();
                prop_assert!(count(first) <= day as usize);
                prop_assert!(count(first + 6) <= week as usize);
            }
        }
    }
}
