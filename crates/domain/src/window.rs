//! Sending hours, as data: when an automatic message may go out.

use crate::time::{Instant, resolve_local};
use chrono::{Datelike, Duration, NaiveTime, Timelike};
use chrono_tz::Tz;
use serde::Deserialize;
use std::sync::LazyLock;

/// The data file, embedded; each record carries its source and date.
const SEND_WINDOWS: &str = include_str!("../data/send_windows.toml");

/// Immutable once read.
static WINDOWS: LazyLock<Vec<SendWindow>> =
    LazyLock::new(|| read_windows(SEND_WINDOWS).expect("a test of this module reads the embedded sending hours"));

/// The setting of practices that follow the hours of their own country. The number's place narrows these and any other.
pub const BY_PLACE: &str = "default";

/// How far ahead or back an allowed minute is looked for. Any weekday that is open at all comes round within it.
pub const SEARCH_DAYS: i64 = 9;

/// Nothing is handed over so shortly before the hours end: no carrier takes a shorter validity, and its queue must not deliver at
/// night.
pub const LAST_MINUTE: Duration = Duration::minutes(1);

/// Opening and closing time of one weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DayHours {
    /// The first allowed minute.
    opens: NaiveTime,
    /// The first minute that is no longer allowed.
    closes: NaiveTime,
}

/// Sending hours of a week, by local time. From Monday; none is closed all day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours([Option<DayHours>; 7]);

/// A record of the data: hours with a name, and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendWindow {
    name: String,
    source: String,
    as_of: chrono::NaiveDate,
    place: Option<String>,
    hours: Hours,
}

/// The settings name hours that the data does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there are no sending hours called `{name}`; choose one of: {known}")]
pub struct UnknownWindow {
    /// What was asked for.
    pub name: String,
    /// The names there are, comma-separated.
    pub known: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowFile {
    record: Vec<WindowRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowRecord {
    name: String,
    source: String,
    as_of: chrono::NaiveDate,
    place: Option<String>,
    days: WindowDays,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowDays {
    mon: Option<[String; 2]>,
    tue: Option<[String; 2]>,
    wed: Option<[String; 2]>,
    thu: Option<[String; 2]>,
    fri: Option<[String; 2]>,
    sat: Option<[String; 2]>,
    sun: Option<[String; 2]>,
}

fn read_windows(text: &str) -> Result<Vec<SendWindow>, String> {
    let file: WindowFile = toml::from_str(text).map_err(|error| error.to_string())?;
    file.record.into_iter().map(read_window).collect()
}

fn read_window(record: WindowRecord) -> Result<SendWindow, String> {
    let WindowDays { mon, tue, wed, thu, fri, sat, sun } = &record.days;
    let mut days = [None; 7];
    for (day, hours) in days.iter_mut().zip([mon, tue, wed, thu, fri, sat, sun]) {
        let Some([opens, closes]) = hours else { continue };
        let read = |time: &str| NaiveTime::parse_from_str(time, "%H:%M").map_err(|error| format!("{time}: {error}"));
        let (opens, closes) = (read(opens)?, read(closes)?);
        if opens >= closes {
            return Err(format!("{}: {opens} does not come before {closes}", record.name));
        }
        *day = Some(DayHours { opens, closes });
    }
    if days.iter().all(Option::is_none) {
        return Err(format!("{} is never open", record.name));
    }
    let WindowRecord { name, source, as_of, place, .. } = record;
    Ok(SendWindow { name, source, as_of, place, hours: Hours(days) })
}

impl SendWindow {
    /// The hours a practice named in its settings.
    pub fn named(name: &str) -> Result<&'static Self, UnknownWindow> {
        WINDOWS.iter().find(|window| window.name == name).ok_or_else(|| UnknownWindow {
            name: name.to_owned(),
            known: WINDOWS.iter().map(|window| window.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// All there are, in the data's order.
    pub fn all() -> &'static [Self] {
        &WINDOWS
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the rule comes from, and the day it was looked up.
    pub fn source(&self) -> (&str, chrono::NaiveDate) {
        (&self.source, self.as_of)
    }

    /// The country or state whose hours these are, ISO 3166: `US`, `US-FL`.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// Whether a practice may choose it. The records of single places are not chosen: [`BY_PLACE`] picks among them.
    pub fn may_be_chosen(&self) -> bool {
        self.name == BY_PLACE || self.place.is_none()
    }

    /// The hours.
    pub const fn hours(&self) -> Hours {
        self.hours
    }

    fn of_place(place: &str) -> Option<&'static Self> {
        let exact = |place: &str| WINDOWS.iter().find(|window| window.place.as_deref() == Some(place));
        exact(place).or_else(|| exact(place.split_once('-')?.0))
    }
}

impl Hours {
    /// The hours of a practice: its setting, or for [`BY_PLACE`] those of its country.
    ///
    /// # Errors
    /// The setting names hours that the data does not have.
    pub fn of_practice(setting: &str, country: &str) -> Result<Self, UnknownWindow> {
        let named = SendWindow::named(setting)?;
        let window = if setting == BY_PLACE { SendWindow::of_place(country).unwrap_or(named) } else { named };
        Ok(window.hours)
    }

    /// The hours for a number: narrowed to those of the places that its code names (see [`crate::zone::places_from_text`]). A place
    /// without a record narrows nothing.
    #[must_use]
    pub fn for_places<'a>(self, places: impl IntoIterator<Item = &'a str>) -> Self {
        places.into_iter().filter_map(SendWindow::of_place).fold(self, |hours, window| hours.narrowed(window.hours))
    }

    /// What both allow.
    #[must_use]
    fn narrowed(self, other: Self) -> Self {
        let mut days = self.0;
        for (day, other) in days.iter_mut().zip(other.0) {
            *day = day.zip(other).and_then(|(one, two)| {
                let both = DayHours { opens: one.opens.max(two.opens), closes: one.closes.min(two.closes) };
                (both.opens < both.closes).then_some(both)
            });
        }
        Self(days)
    }

    fn of_day(&self, day: chrono::NaiveDate) -> Option<DayHours> {
        // From Monday = 0 to Sunday = 6, always within the array.
        self.0.get(day.weekday().num_days_from_monday() as usize).copied().flatten()
    }

    fn allows_in(&self, at: Instant, zone: Tz) -> bool {
        let local = at.local(zone);
        self.of_day(local.date()).is_some_and(|hours| hours.opens <= local.time() && local.time() < hours.closes)
    }

    /// Whether a message that is due at an instant is handed over before the last minute.
    fn has_room_in(&self, at: Instant, zone: Tz) -> bool {
        let local = at.local(zone);
        self.of_day(local.date())
            .is_some_and(|hours| hours.opens <= local.time() && hours.closes - local.time() >= LAST_MINUTE * 2)
    }

    /// Whether a message may go out at an instant: inside the hours of every zone.
    pub fn allows(&self, at: Instant, zones: &[Tz]) -> bool {
        zones.iter().all(|zone| self.allows_in(at, *zone))
    }

    /// The first allowed instant that is not before `at`: `at` itself, or the opening of a window. None when no
    /// minute within [`SEARCH_DAYS`] is allowed in every zone.
    pub fn next_allowed(&self, at: Instant, zones: &[Tz]) -> Option<Instant> {
        let limit = at + Duration::days(SEARCH_DAYS);
        let mut candidate = at;
        while candidate <= limit {
            let Some(zone) = zones.iter().find(|zone| !self.allows_in(candidate, **zone)) else {
                return Some(candidate);
            };
            candidate = self.next_opening(candidate, *zone)?;
        }
        None
    }

    /// The same, but not in the [`LAST_MINUTE`] of a window: when a message can be handed over.
    pub fn next_open(&self, at: Instant, zones: &[Tz]) -> Option<Instant> {
        let next = self.next_allowed(at, zones)?;
        let closes = self.closes_at(next, zones);
        if closes - next < LAST_MINUTE { self.next_allowed(closes, zones) } else { Some(next) }
    }

    /// The first opening after `at`, which is outside the hours of `zone`.
    fn next_opening(&self, at: Instant, zone: Tz) -> Option<Instant> {
        let today = at.local_day(zone);
        (0..=SEARCH_DAYS).find_map(|ahead| {
            let day = today + Duration::days(ahead);
            let opening = resolve_local(zone, day.and_time(self.of_day(day)?.opens));
            // A day that a zone skipped resolves to the next day's hours; only a real opening ends the search.
            (opening > at && self.allows_in(opening, zone)).then_some(opening)
        })
    }

    /// The last minute that is not after `at` and in which something can still be handed over: `at` itself, or the one that ends
    /// [`LAST_MINUTE`] before a closing. None when no minute within [`SEARCH_DAYS`] is allowed in every zone.
    pub fn last_allowed(&self, at: Instant, zones: &[Tz]) -> Option<Instant> {
        let limit = at - Duration::days(SEARCH_DAYS);
        let mut candidate = at;
        while candidate >= limit {
            let Some(zone) = zones.iter().find(|zone| !self.has_room_in(candidate, **zone)) else {
                return Some(candidate);
            };
            candidate = self.last_open_minute(candidate, *zone)?;
        }
        None
    }

    /// The minute before the last one of the latest window before `at`, which is outside the hours of `zone`.
    fn last_open_minute(&self, at: Instant, zone: Tz) -> Option<Instant> {
        let today = at.local_day(zone);
        (0..=SEARCH_DAYS).find_map(|back| {
            let day = today - Duration::days(back);
            let minute = resolve_local(zone, day.and_time(self.of_day(day)?.closes)) - LAST_MINUTE * 2;
            (minute < at && self.has_room_in(minute, zone)).then_some(minute)
        })
    }

    /// When the window that is open at `at` closes in the first of the zones to close: the end of the carrier's
    /// validity period, so that its queue cannot deliver at night. `at` itself when it is outside the hours.
    pub fn closes_at(&self, at: Instant, zones: &[Tz]) -> Instant {
        if !self.allows(at, zones) {
            return at;
        }
        let closing = |zone: &Tz| {
            let local = at.local(*zone);
            let hours = self.of_day(local.date())?;
            let left = i64::from(hours.closes.num_seconds_from_midnight())
                - i64::from(local.time().num_seconds_from_midnight());
            // Across a DST change the clock and the seconds left disagree; the earlier of both is safe.
            let by_clock = resolve_local(*zone, local.date().and_time(hours.closes));
            Some(by_clock.min(at + Duration::seconds(left.max(0))).max(at))
        };
        zones.iter().filter_map(closing).min().unwrap_or(at)
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
