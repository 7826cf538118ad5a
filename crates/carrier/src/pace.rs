//! Keeps each sender's number within the rate the carrier grants it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Senders remembered; the idle ones are forgotten first.
pub const MAX_SENDERS: usize = 10_000;

/// A message that would have to wait longer than this goes back to its queue instead of holding a worker.
pub const MAX_PACE_WAIT: Duration = Duration::from_secs(2);

/// Spaces the messages of each sender evenly.
#[derive(Debug)]
pub struct Pace {
    gap: Duration,
    senders: HashMap<String, Sender>,
}

/// When a sender's next turns are.
#[derive(Debug, Clone, Copy)]
struct Sender {
    /// The next turn that can be taken.
    free_at: Instant,
    /// When the next one that was sent away is to come back.
    back_at: Instant,
}

impl Pace {
    /// At most `per_second` messages a second from one sender; zero means no limit.
    pub fn new(per_second: u32) -> Self {
        Self { gap: Duration::from_secs(1).checked_div(per_second).unwrap_or_default(), senders: HashMap::new() }
    }

    /// Messages a second from one sender; none without a limit.
    pub fn per_second(&self) -> Option<u32> {
        let gap = u32::try_from(self.gap.as_millis()).unwrap_or(u32::MAX);
        (!self.gap.is_zero()).then(|| 1_000_u32.checked_div(gap).unwrap_or(u32::MAX).max(1))
    }

    /// Takes the sender's next turn. `Ok` says how long to wait before using it, `Err` that the next turn is too far
    /// away: then none was taken, and the message should come back after the time given. Those sent away are told times as
    /// far apart as turns are, so that a burst comes back one by one and not all at once.
    pub fn turn(&mut self, sender: &str, now: Instant) -> Result<Duration, Duration> {
        if self.gap.is_zero() {
            return Ok(Duration::ZERO);
        }
        if self.senders.len() >= MAX_SENDERS && !self.senders.contains_key(sender) {
            self.senders.retain(|_, sender| sender.free_at > now);
        }
        let known = self.senders.get(sender).copied().unwrap_or(Sender { free_at: now, back_at: now });
        let free_at = known.free_at.max(now);
        let wait = free_at - now;
        if wait > MAX_PACE_WAIT {
            let back_at = known.back_at.max(free_at);
            self.senders.insert(sender.to_owned(), Sender { free_at, back_at: back_at + self.gap });
            return Err(back_at - now);
        }
        self.senders.insert(sender.to_owned(), Sender { free_at: free_at + self.gap, ..known });
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_has_its_own_even_pace() {
        let now = Instant::now();
        assert_eq!((Pace::new(0).per_second(), Pace::new(1).per_second()), (None, Some(1)));
        let mut pace = Pace::new(10);
        assert_eq!(pace.per_second(), Some(10));
        let waits: Vec<_> = (0..3).map(|_| pace.turn("+12025550100", now)).collect();
        assert_eq!(waits, [Ok(Duration::ZERO), Ok(Duration::from_millis(100)), Ok(Duration::from_millis(200))]);
        assert_eq!(pace.turn("+12025550101", now), Ok(Duration::ZERO));
        assert_eq!(pace.turn("+12025550100", now + Duration::from_secs(1)), Ok(Duration::ZERO));
    }

    #[test]
    fn a_turn_too_far_away_is_not_taken() {
        let now = Instant::now();
        let mut pace = Pace::new(1);
        assert_eq!((0..4).filter(|_| pace.turn("a", now).is_ok()).count(), 3, "0 s, 1 s, 2 s");
        assert!(pace.turn("a", now).is_err());
        assert_eq!(pace.turn("a", now + Duration::from_secs(1)), Ok(Duration::from_secs(2)));
    }

    #[test]
    fn a_burst_comes_back_one_by_one() {
        let now = Instant::now();
        let mut pace = Pace::new(1);
        let turns: Vec<_> = (0..8).map(|_| pace.turn("a", now)).collect();
        let seconds = Duration::from_secs;
        assert_eq!(turns[..3], [Ok(seconds(0)), Ok(seconds(1)), Ok(seconds(2))]);
        assert_eq!(turns[3..], [3, 4, 5, 6, 7].map(|wait| Err(seconds(wait))));
        for wait in 3..8 {
            assert_eq!(pace.turn("a", now + seconds(wait)), Ok(seconds(0)), "each finds its turn when it comes back");
        }
    }

    #[test]
    fn no_limit_and_bounded_memory() {
        let now = Instant::now();
        let mut pace = Pace::new(0);
        assert!((0..10_000).all(|_| pace.turn("a", now) == Ok(Duration::ZERO)));
        let mut pace = Pace::new(100);
        for n in 0..MAX_SENDERS * 3 {
            let later = now + Duration::from_millis(20) * u32::try_from(n).expect("small");
            assert!(pace.turn(&n.to_string(), later).is_ok());
        }
        assert!(pace.senders.len() <= MAX_SENDERS);
    }
}
