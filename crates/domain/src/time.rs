//! Instants in milliseconds, and wall-clock times in a zone.

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use std::fmt;

/// A point in time: milliseconds since the Unix epoch, as stored in columns named `…_at_ms`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Instant(i64);

impl Instant {
    /// From milliseconds since the Unix epoch.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// As a chrono time. Instants outside chrono's range (±262,000 years) become the epoch.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// The wall-clock time in a zone.
    pub fn local(self, zone: Tz) -> NaiveDateTime {
        self.utc().with_timezone(&zone).naive_local()
    }

    /// The calendar day in a zone.
    pub fn local_day(self, zone: Tz) -> NaiveDate {
        self.local(zone).date()
    }

    /// The wall-clock time in a zone, with the zone's name beside it.
    pub fn named_local(self, zone: Tz) -> LocalTime {
        // Zones without letters of their own are written as their offset: "-03".
        let name = self.utc().with_timezone(&zone).format("%Z").to_string();
        let name = if name.starts_with(['+', '-']) { format!("GMT{name}") } else { name };
        LocalTime { at: self.local(zone), zone: Some(name) }
    }

    /// RFC 3339 with the zone's offset, to the second.
    pub fn rfc3339_in(self, zone: Tz) -> String {
        self.utc().with_timezone(&zone).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }
}

/// A wall-clock time to be read, with the name of its zone where another zone stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime {
    /// The time.
    pub at: NaiveDateTime,
    /// Its zone's name at that time, e.g. `MST`; none: there is only one zone.
    pub zone: Option<String>,
}

impl From<NaiveDateTime> for LocalTime {
    fn from(at: NaiveDateTime) -> Self {
        Self { at, zone: None }
    }
}

/// As chrono writes the time, and the zone's name after a space.
impl serde::Serialize for LocalTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.zone {
            Some(zone) => serializer.collect_str(&format_args!("{:?} {zone}", self.at)),
            None => self.at.serialize(serializer),
        }
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

impl From<i64> for Instant {
    fn from(ms: i64) -> Self {
        Self(ms)
    }
}

impl std::ops::Add<Duration> for Instant {
    type Output = Self;
    fn add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(length.num_milliseconds()))
    }
}

impl std::ops::Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(length.num_milliseconds()))
    }
}

impl std::ops::Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        Duration::milliseconds(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

/// The instant of a wall-clock time in a zone.
///
/// A time that does not exist (the spring gap) is read with the offset in force before the gap, which moves it
/// forward by the gap's length; one that exists twice (the autumn fold) is the first (RFC 5545 §3.3.5).
pub fn resolve_local(zone: Tz, local: NaiveDateTime) -> Instant {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Instant::from(time.with_timezone(&Utc)),
        LocalResult::None => {
            // No zone in the IANA database has a gap of more than a day (Samoa and Kwajalein skipped
            // one whole day), so the offset a day and an hour earlier is the one before the gap.
            let before = zone.offset_from_utc_datetime(&(local - Duration::hours(49))).fix();
            let utc = local - Duration::seconds(i64::from(before.local_minus_utc()));
            Instant::from(utc.and_utc())
        }
    }
}

/// The date as a number of days since 1970-01-01, as stored in columns named `…_day`.
pub fn day_number(day: NaiveDate) -> i32 {
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).unwrap_or(0)
}

/// The date of a day number.
pub fn from_day_number(days: i32) -> NaiveDate {
    NaiveDate::default() + Duration::days(i64::from(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().expect("a literal date and time")
    }

    #[test]
    fn a_named_time_tells_standard_from_summer() {
        let winter = Instant::from_ms(1_767_225_600_000); // 2026-01-01T00:00Z
        let summer = winter + Duration::days(181);
        let named = |at: Instant, zone: Tz| serde_json::to_value(at.named_local(zone)).unwrap();
        assert_eq!(named(winter, chrono_tz::America::Denver), "2025-12-31T17:00:00 MST");
        assert_eq!(named(summer, chrono_tz::America::Denver), "2026-06-30T18:00:00 MDT");
        assert_eq!(named(summer, chrono_tz::America::Phoenix), "2026-06-30T17:00:00 MST");
        assert_eq!(named(winter, chrono_tz::America::Bogota), "2025-12-31T19:00:00 GMT-05");
        let plain = LocalTime::from(winter.local(chrono_tz::UTC));
        assert_eq!(serde_json::to_value(plain).unwrap(), "2026-01-01T00:00:00");
    }

    #[test]
    fn a_gap_moves_forward_and_a_fold_is_the_first() {
        let zone = chrono_tz::America::New_York;
        assert_eq!(resolve_local(zone, at("2026-03-08T02:30:00")).local(zone), at("2026-03-08T03:30:00"));
        assert_eq!(resolve_local(zone, at("2026-11-01T01:30:00")).rfc3339_in(zone), "2026-11-01T01:30:00-04:00");
        let apia = chrono_tz::Pacific::Apia;
        assert_eq!(resolve_local(apia, at("2011-12-30T10:00:00")).local(apia), at("2011-12-31T10:00:00"));
    }

    #[test]
    fn day_numbers_go_both_ways() {
        for text in ["1969-12-31", "1970-01-01", "2024-02-29", "2026-11-23"] {
            let day: NaiveDate = text.parse().expect("a literal date");
            assert_eq!(from_day_number(day_number(day)), day);
        }
    }
}
