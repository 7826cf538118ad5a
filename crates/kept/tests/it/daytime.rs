//! A zone in which it is daytime now, so that a real process may send at any hour these tests run at.

use chrono::{NaiveDate, NaiveDateTime, Timelike as _};
use chrono_tz::Tz;
use kept_flow::{Clock as _, SystemClock};

/// A zone, and the beginning of mobile numbers there, to be followed by `digits` digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Daytime {
    pub(crate) zone: Tz,
    prefix: &'static str,
    digits: u32,
}

/// Together they cover every hour with a margin before 20:00, inside any sending hours.
const PLACES: [Daytime; 4] = [
    Daytime { zone: chrono_tz::America::New_York, prefix: "+12125", digits: 6 },
    Daytime { zone: chrono_tz::Europe::Madrid, prefix: "+34600", digits: 6 },
    Daytime { zone: chrono_tz::Asia::Tokyo, prefix: "+8190", digits: 8 },
    Daytime { zone: chrono_tz::America::Los_Angeles, prefix: "+12135", digits: 6 },
];

impl Daytime {
    pub(crate) fn now() -> Self {
        let now = SystemClock.wall();
        let fits = |place: &&Self| (9..18).contains(&now.local(place.zone).hour());
        *PLACES.iter().find(fits).expect("somewhere it is daytime")
    }

    /// The `n`th number there, E.164.
    pub(crate) fn number(&self, n: u32) -> String {
        // Does not begin with a zero, which some countries would take for something else.
        format!("{}{}", self.prefix, 10_u32.pow(self.digits - 1) + n * 7)
    }

    /// A working time `days` ahead.
    pub(crate) fn at(&self, days: i64, hour: u32, minute: u32) -> NaiveDateTime {
        let day: NaiveDate = SystemClock.wall().local_day(self.zone) + chrono::Duration::days(days);
        day.and_hms_opt(hour, minute, 0).expect("a time of day")
    }
}
