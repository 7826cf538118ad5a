//! The made-up practice's calendar: half a year past, three weeks to come, and one visit of the patient whom the visitor
//! plays.

use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use chrono_tz::Tz;
use kept_intake::sample::Sample;
use std::fmt::Write as _;

/// The practice's zone, and its first location's.
pub const ZONE: Tz = chrono_tz::America::Chicago;
/// The zone of the second location.
pub const SECOND_ZONE: Tz = chrono_tz::America::Denver;
/// Names of the two locations, as the calendar writes them.
pub const LOCATIONS: [&str; 2] = ["Main St", "Westside"];

/// Weeks of past visits with outcomes.
pub const WEEKS_PAST: u64 = 26;
/// Weeks of visits to come.
pub const WEEKS_TO_COME: u64 = 3;
/// Patients.
pub const PATIENTS: usize = 400;
/// The same people and visits each time.
const SEED: u64 = 7;
/// Slots that are taken, of those that practitioners have: a busy practice.
const VISITS_A_WEEK: usize = 200;

/// Whom the visitor plays.
#[derive(Debug, Clone)]
pub struct Player {
    /// Given and family name.
    pub name: (&'static str, &'static str),
    /// Asked for by the portal.
    pub birth_date: NaiveDate,
    /// E.164. No other made-up number is in this area.
    pub number: &'static str,
    /// When, on the practice's clock.
    pub visit: NaiveDateTime,
}

impl Player {
    /// As the calendar writes it.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.name.0, self.name.1)
    }

    /// Maria Lopez, with a visit on the next working day after `today`.
    pub fn on(today: NaiveDate) -> Self {
        let is_working = |day: &NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let next = today.iter_days().skip(1).find(is_working).unwrap_or(today);
        Self {
            name: ("Maria", "Lopez"),
            birth_date: NaiveDate::from_ymd_opt(1980, 3, 14).unwrap_or_default(),
            number: "+18475550142",
            visit: next.and_time(NaiveTime::from_hms_opt(9, 15, 0).unwrap_or_default()),
        }
    }
}

/// The calendar as a CSV file that is imported `on` a day, written as if it were then.
pub fn csv(on: NaiveDate, player: &Player) -> String {
    let from = on - Days::new(7 * WEEKS_PAST);
    let to = on + Days::new(7 * WEEKS_TO_COME);
    let weeks = usize::try_from(WEEKS_PAST + WEEKS_TO_COME).unwrap_or_default();
    let sample = Sample {
        visits: weeks * VISITS_A_WEEK,
        patients: PATIENTS - 1,
        locations: LOCATIONS.map(str::to_owned).to_vec(),
        to,
        ..Sample::new(weeks * VISITS_A_WEEK, SEED, from, on)
    };
    let mut csv = Sample { practitioners: sample.practitioners.iter().take(3).cloned().collect(), ..sample }.to_csv();
    let Player { name: (given, family), birth_date, number, visit } = player;
    let booked = on - Days::new(20);
    write!(
        csv,
        "990001,99001,{given},{family},{birth_date},{number},,English,{},{},30,Amy Wong,{},Follow Up,Scheduled,{booked},Yes\r\n",
        visit.date(),
        visit.format("%H:%M"),
        LOCATIONS[0],
    )
    .expect("writing into a String cannot fail");
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_player_comes_on_the_next_working_day() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        assert_eq!(Player::on(day("2026-11-23")).visit.date(), day("2026-11-24"));
        assert_eq!(Player::on(day("2026-11-27")).visit.date(), day("2026-11-30"), "Friday to Monday");
    }

    #[test]
    fn the_calendar_covers_half_a_year_and_three_weeks() {
        let on = "2026-11-20".parse().expect("a date");
        let csv = csv(on, &Player::on(on));
        let rows = csv.lines().count() - 1;
        assert!((5_000..6_500).contains(&rows), "{rows} visits");
        for words in ["2026-05-22", "2026-12-10", "No Show", "Main St", "Westside", "Spanish", "Maria,Lopez,1980-03-14"]
        {
            assert!(csv.contains(words), "{words}");
        }
        let practitioners: std::collections::BTreeSet<_> =
            csv.lines().skip(1).filter_map(|row| row.split(',').nth(11)).collect();
        assert_eq!(practitioners.len(), 3, "{practitioners:?}");
    }
}
