//! Leaves a carrier alone that does not answer.

use std::time::{Duration, Instant};

/// After this many failures in a row the carrier is left alone.
pub const BREAKER_FAILURES: u32 = 10;

/// For this long; then one message tries.
pub const BREAKER_REST: Duration = Duration::from_secs(20);

/// A carrier that asks for more quiet than this is tried again after this.
pub const BREAKER_LONGEST_REST: Duration = Duration::from_mins(5);

/// Counts failures in a row. A message that was never posted because the breaker is open was certainly not taken, so
/// it simply waits.
#[derive(Debug, Default)]
pub struct Breaker {
    failures: u32,
    closed_again_at: Option<Instant>,
}

impl Breaker {
    /// How long the carrier is still left alone; `None` if a message may go. When the rest is over, one caller gets
    /// through and the others wait for its result or another rest.
    pub fn wait(&mut self, now: Instant) -> Option<Duration> {
        let until = self.closed_again_at?;
        if until > now {
            return Some(until - now);
        }
        self.closed_again_at = Some(now + BREAKER_REST);
        None
    }

    /// The carrier answered (whatever it said).
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// The carrier asked to be left alone for a while ("too many requests"): it works, and hammering it would not help.
    pub fn rest(&mut self, now: Instant, asked: Duration) {
        self.failures = 0;
        let until = now + asked.min(BREAKER_LONGEST_REST);
        self.closed_again_at = self.closed_again_at.max(Some(until));
    }

    /// How long the carrier is still left alone; asking takes nobody's turn.
    pub fn rests(&self, now: Instant) -> Option<Duration> {
        self.closed_again_at.filter(|until| *until > now).map(|until| until - now)
    }

    /// The carrier did not answer, or was broken.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= BREAKER_FAILURES {
            self.closed_again_at = Some(now + BREAKER_REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_lets_one_try_and_closes_on_an_answer() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 1..BREAKER_FAILURES {
            breaker.failed(start);
        }
        assert_eq!(breaker.wait(start), None, "one failure less than the limit");
        breaker.failed(start);
        assert_eq!(breaker.wait(start), Some(BREAKER_REST));
        let later = start + BREAKER_REST;
        assert_eq!(breaker.wait(later), None, "one may try");
        assert!(breaker.wait(later).is_some(), "and only one");
        breaker.answered();
        assert_eq!(breaker.wait(later), None);
        breaker.failed(later);
        assert_eq!(breaker.wait(later), None, "the count starts again");
    }

    #[test]
    fn rests_as_long_as_the_carrier_asks_and_no_longer_than_the_limit() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        assert_eq!(breaker.rests(start), None);
        breaker.rest(start, Duration::from_secs(7));
        breaker.rest(start, Duration::from_secs(2));
        assert_eq!(breaker.rests(start), Some(Duration::from_secs(7)), "the longer one counts");
        assert_eq!(breaker.wait(start), Some(Duration::from_secs(7)));
        assert_eq!(breaker.wait(start + Duration::from_secs(7)), None, "then one tries");
        breaker.rest(start, Duration::from_hours(9));
        assert_eq!(breaker.rests(start), Some(BREAKER_LONGEST_REST));
    }
}
