//! Made-up people: patients who answer their texts or do not, and a front desk that marks who came.
//!
//! What somebody does follows from their number or name, so that a demo goes the same way twice.

use super::schedule::ZONE;
use chrono::{Duration, NaiveDate};
use kept_domain::{AppointmentId, AppointmentStatus, Instant, OutcomeBy, PracticeId, StaffId};
use kept_flow::{Flow, FlowError};
use kept_web::sandbox::Sandbox;
use std::collections::BTreeMap;

/// The desk marks a visit this long after it began.
const MARKED_AFTER: Duration = Duration::minutes(45);
/// … and looks after its marks this often.
const MARKS_EVERY: Duration = Duration::hours(2);
/// Of a hundred patients who did not call off, so many do not come.
const MISSED: u64 = 8;
/// Of a hundred visits, so many are never marked.
const FORGOTTEN: u64 = 3;

/// What they did at one stop of the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Texts sent back.
    pub answers: usize,
    /// Visits marked.
    pub outcomes: usize,
}

/// See the module.
#[derive(Debug)]
pub struct People {
    practice: PracticeId,
    desk: StaffId,
    sandbox: Sandbox,
    /// Played by the visitor: nobody answers for them.
    player: String,
    /// How many of a number's texts were read so far.
    read: BTreeMap<String, usize>,
    /// The day on which a number last wrote: once a day is enough, or thanks would be thanked for.
    wrote: BTreeMap<String, NaiveDate>,
    /// When the desk last looked.
    looked: Instant,
    /// The first day whose visits may not all be marked.
    marked: NaiveDate,
}

/// A number below 100 that follows from a text (FNV-1a, then mixed, because numbers of one area are alike).
fn chance(text: &str, salt: u8) -> u64 {
    let hash = text
        .bytes()
        .chain([salt])
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    (mixed ^ (mixed >> 33)) % 100
}

/// What a number writes back, if anything.
fn reply(number: &str) -> Option<&'static str> {
    Some(match chance(number, 1) {
        0..=54 => "1",
        55..=59 => "yes thank you",
        60..=62 => "sí",
        63..=64 => "Yes but I'll be late",
        65..=66 => "2",
        67..=68 => "can't make it",
        69 => "STOP",
        _ => return None,
    })
}

/// What became of a visit, if the desk writes it down.
fn outcome(patient: &str, visit: AppointmentId) -> Option<AppointmentStatus> {
    let key = format!("{patient}{visit}");
    match chance(&key, 2) {
        rolled if rolled < FORGOTTEN => None,
        rolled if rolled < FORGOTTEN + MISSED => Some(AppointmentStatus::Noshow),
        _ => Some(AppointmentStatus::Fulfilled),
    }
}

impl People {
    /// People of a practice; the desk signs as `desk`, visits before `since` are marked.
    pub fn new(practice: PracticeId, desk: StaffId, sandbox: Sandbox, player: &str, since: NaiveDate) -> Self {
        Self {
            practice,
            desk,
            sandbox,
            player: player.to_owned(),
            read: BTreeMap::new(),
            wrote: BTreeMap::new(),
            looked: Instant::from_ms(0),
            marked: since,
        }
    }

    /// Does what people do by now.
    pub async fn act(&mut self, flow: &Flow, now: Instant) -> Result<Done, FlowError> {
        // Receipts first: who has not got a text does not answer it.
        self.sandbox.quiet().await;
        Ok(Done { answers: self.answer(now.local_day(ZONE)).await, outcomes: self.mark(flow, now).await? })
    }

    /// Answers the texts that came since the last time, one answer a number.
    async fn answer(&mut self, today: NaiveDate) -> usize {
        let mut answers = 0;
        for (number, texts) in self.sandbox.phones() {
            let read = self.read.insert(number.clone(), texts).unwrap_or_default();
            let may = texts > read && number != self.player && self.wrote.get(&number) != Some(&today);
            let Some(words) = reply(&number).filter(|_| may) else { continue };
            match self.sandbox.reply(&number, words).await {
                Ok(()) => {
                    answers += 1;
                    self.wrote.insert(number, today);
                }
                Err(error) => tracing::warn!(%error, "a made-up answer did not arrive"),
            }
        }
        answers
    }

    /// Marks the visits that took place since the last time.
    async fn mark(&mut self, flow: &Flow, now: Instant) -> Result<usize, FlowError> {
        if now - self.looked < MARKS_EVERY {
            return Ok(0);
        }
        self.looked = now;
        let open = flow.practice(self.practice).await?;
        let zone = open.practice.time_zone;
        let (today, began) = (now.local_day(zone), (now - MARKED_AFTER).local(zone));
        let mut marked = 0;
        let mut day = self.marked;
        while day <= today {
            let board = flow.board(self.practice, self.desk, Some(day)).await?;
            let mut by_status: BTreeMap<&'static str, (AppointmentStatus, Vec<AppointmentId>)> = BTreeMap::new();
            for visit in board.visits {
                let open = visit.status == AppointmentStatus::Booked && visit.start.at <= began;
                if let Some(status) = outcome(&visit.patient.0, visit.id).filter(|_| open) {
                    by_status.entry(status.as_str()).or_insert((status, Vec::new())).1.push(visit.id);
                }
            }
            for (status, visits) in by_status.into_values() {
                marked += flow.mark_all(self.practice, self.desk, &visits, status, OutcomeBy::Desk).await?;
            }
            // Somebody at the second location comes an hour later: the day before is looked at once more.
            self.marked = today.pred_opt().unwrap_or(today);
            let Some(next) = day.succ_opt() else { break };
            day = next;
        }
        Ok(marked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_answer_and_some_do_not() {
        let replies: Vec<_> = (0..1000).map(|line| reply(&format!("+1312555{line:04}"))).collect();
        let count = |words: Option<&str>| replies.iter().filter(|reply| **reply == words).count();
        assert!((480..620).contains(&count(Some("1"))), "{} plain answers", count(Some("1")));
        assert!((220..380).contains(&count(None)), "{} silent", count(None));
        assert!((1..30).contains(&count(Some("STOP"))), "{} stops", count(Some("STOP")));
    }
}
