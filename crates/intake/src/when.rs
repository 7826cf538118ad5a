//! Dates, times and lengths as calendars write them.

use crate::mapping::DateOrder;
use crate::sheet::{date_of_serial, day_and_second};
use chrono::{Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

/// Why a text is no date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenError {
    /// Not of any form that is known.
    Unreadable,
    /// Of a known form, but there is no such day: 31 February.
    NoSuchDay,
    /// Of a known form, but there is no such time: 25:70.
    NoSuchTime,
}

/// What was found in a text; parts that were not there are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) date: Option<NaiveDate>,
    pub(crate) time: Option<NaiveTime>,
    pub(crate) offset: Option<FixedOffset>,
}

const MONTHS: [&[&str]; 12] = [
    &["january", "enero"],
    &["february", "febrero"],
    &["march", "marzo"],
    &["april", "abril"],
    &["may", "mayo"],
    &["june", "junio"],
    &["july", "julio"],
    &["august", "agosto"],
    &["september", "septiembre", "setiembre"],
    &["october", "octubre"],
    &["november", "noviembre"],
    &["december", "diciembre"],
];

const WEEKDAYS: [&str; 16] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "lunes",
    "martes",
    "miércoles",
    "miercoles",
    "jueves",
    "viernes",
    "sábado",
    "sabado",
    "domingo",
];

/// Reads a date, a time, or both, in any order of the words. `serials`: bare numbers are a spreadsheet's.
pub(crate) fn parse(text: &str, order: DateOrder, serials: bool) -> Result<Parsed, WhenError> {
    let mut reading = Reading { order, serials, ..Reading::default() };
    for token in text.split(|c: char| c.is_whitespace() || c == ',') {
        if !token.is_empty() {
            reading.token(token)?;
        }
    }
    reading.finish()
}

struct Reading {
    order: DateOrder,
    serials: bool,
    found: Parsed,
    month: Option<u32>,
    numbers: Vec<u32>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { order: DateOrder::Iso, serials: false, found: Parsed::default(), month: None, numbers: Vec::new() }
    }
}

impl Reading {
    fn token(&mut self, token: &str) -> Result<(), WhenError> {
        let first_is_digit = token.starts_with(|c: char| c.is_ascii_digit());
        if first_is_digit
            && let Some((date, time)) = token.split_once(['T', 't'])
            && time.starts_with(|c: char| c.is_ascii_digit())
        {
            self.token(date)?;
            return self.token(time);
        }
        if token.contains(':') {
            return self.time(token);
        }
        if !first_is_digit {
            return self.word(token);
        }
        if token.bytes().all(|b| b.is_ascii_digit()) {
            return self.digits(token);
        }
        if self.serials
            && let Ok(serial) = token.parse::<f64>()
        {
            return self.serial(serial);
        }
        self.pieces(token.trim_end_matches('.'))
    }

    /// `12/31/2026`, `31.12.26`, `2026-12-31`, `31-Dec-2026`, `1st`, `8am`.
    fn pieces(&mut self, token: &str) -> Result<(), WhenError> {
        if let Some(numbers) = numeric_date(token) {
            self.found.date = Some(self.ordered(numbers)?);
            return Ok(());
        }
        let letters = token.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &token[..token.len() - letters.len()];
        match letters.to_ascii_lowercase().as_str() {
            "st" | "nd" | "rd" | "th" | "º" => return self.digits(digits),
            "am" | "pm" | "a" | "p" => {
                self.digits(digits)?;
                return self.word(letters);
            }
            _ => {}
        }
        let parts: Vec<&str> = token.split(['-', '/', '.']).collect();
        if parts.len() == 3 && month_of(parts[1]).is_some() {
            return parts.into_iter().try_for_each(|part| self.token(part));
        }
        Err(WhenError::Unreadable)
    }

    fn ordered(&self, (a, b, c): (Part, Part, Part)) -> Result<NaiveDate, WhenError> {
        let (year, month, day) = match (a.digits, self.order) {
            (4, _) => (a, b, c),
            (_, DateOrder::MonthFirst) => (c, a, b),
            (_, DateOrder::DayFirst) => (c, b, a),
            (_, DateOrder::Iso) => return Err(WhenError::Unreadable),
        };
        day_of(full_year(year)?, month.value, day.value)
    }

    fn digits(&mut self, token: &str) -> Result<(), WhenError> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| WhenError::Unreadable);
        match token.len() {
            8 | 12 | 14 if matches!(&token[..2], "19" | "20") => {
                let year = token[..4].parse().map_err(|_| WhenError::Unreadable)?;
                self.found.date = Some(day_of(year, number(&token[4..6])?, number(&token[6..8])?)?);
                if token.len() > 8 {
                    let second = if token.len() == 14 { number(&token[12..])? } else { 0 };
                    self.found.time = Some(time_of(number(&token[8..10])?, number(&token[10..12])?, second)?);
                }
                Ok(())
            }
            3 | 4 if self.found.date.is_some() && self.found.time.is_none() => {
                let (hour, minute) = token.split_at(token.len() - 2);
                self.found.time = Some(time_of(number(hour)?, number(minute)?, 0)?);
                Ok(())
            }
            5 if self.serials => self.serial(number(token)?.into()),
            1 | 2 | 4 => {
                self.numbers.push(number(token)?);
                Ok(())
            }
            _ => Err(WhenError::Unreadable),
        }
    }

    fn serial(&mut self, serial: f64) -> Result<(), WhenError> {
        let (day, second) = day_and_second(serial).ok_or(WhenError::Unreadable)?;
        let second = u32::try_from(second).map_err(|_| WhenError::Unreadable)?;
        if day >= 1 {
            self.found.date = Some(date_of_serial(day, false).ok_or(WhenError::NoSuchDay)?);
        }
        if day < 1 || second > 0 {
            self.found.time = NaiveTime::from_num_seconds_from_midnight_opt(second, 0);
        }
        Ok(())
    }

    fn time(&mut self, token: &str) -> Result<(), WhenError> {
        let lower = token.to_ascii_lowercase();
        let (clock, offset) = match lower.find(['z', '+', '-']) {
            None => (lower.as_str(), None),
            Some(at) => (&lower[..at], Some(offset_of(&lower[at..])?)),
        };
        let letters = clock.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == '.');
        let clock = clock[..clock.len() - letters.len()].trim_end_matches('.');
        let mut parts = clock.split(':');
        let mut next = || -> Result<Option<u32>, WhenError> {
            let Some(part) = parts.next() else { return Ok(None) };
            let whole = part.split('.').next().unwrap_or_default();
            whole.parse().map(Some).map_err(|_| WhenError::Unreadable)
        };
        let (hour, minute, second) = (next()?, next()?, next()?);
        if next()?.is_some() {
            return Err(WhenError::Unreadable);
        }
        let (Some(hour), Some(minute)) = (hour, minute) else { return Err(WhenError::Unreadable) };
        self.found.time = Some(time_of(hour, minute, second.unwrap_or(0))?);
        if offset.is_some() {
            self.found.offset = offset;
        }
        if letters.is_empty() { Ok(()) } else { self.word(letters) }
    }

    fn word(&mut self, token: &str) -> Result<(), WhenError> {
        let mut word = token.to_lowercase();
        word.retain(|c| c != '.');
        match word.as_str() {
            "am" | "a" if self.found.time.is_some() || !self.numbers.is_empty() => return self.half(false),
            "pm" | "p" if self.found.time.is_some() || !self.numbers.is_empty() => return self.half(true),
            "z" | "utc" | "gmt" => {
                self.found.offset = FixedOffset::east_opt(0);
                return Ok(());
            }
            "at" | "de" | "del" | "a" | "las" | "el" | "h" | "hrs" | "of" | "on" | "-" => return Ok(()),
            _ => {}
        }
        if word.starts_with(['+', '-']) && self.found.time.is_some() {
            self.found.offset = Some(offset_of(&word)?);
            return Ok(());
        }
        if let Some(month) = month_of(&word) {
            // The later word wins: "mar" is a Tuesday in Spanish where another month follows.
            self.month = Some(month);
            return Ok(());
        }
        let is_weekday = word.chars().count() >= 2 && WEEKDAYS.iter().any(|day| day.starts_with(&word));
        if is_weekday { Ok(()) } else { Err(WhenError::Unreadable) }
    }

    /// AM or PM, for the time read so far or for a bare hour.
    fn half(&mut self, pm: bool) -> Result<(), WhenError> {
        use chrono::Timelike;
        let time = match self.found.time {
            Some(time) => time,
            None => time_of(self.numbers.pop().ok_or(WhenError::Unreadable)?, 0, 0)?,
        };
        let hour = match (time.hour(), pm) {
            (12, false) => 0,
            (hour @ 1..=11, true) => hour + 12,
            (hour, _) => hour,
        };
        self.found.time = time.with_hour(hour);
        Ok(())
    }

    fn finish(mut self) -> Result<Parsed, WhenError> {
        match (self.month, self.numbers.as_slice()) {
            (None, []) => {}
            (Some(month), &[day, year] | &[year, day]) if (1000..=9999).contains(&year) || self.numbers[1] == year => {
                let year = i32::try_from(year).map_err(|_| WhenError::Unreadable)?;
                let year = if year < 100 { full_short_year(year) } else { year };
                self.found.date = Some(day_of(year, month, day)?);
            }
            _ => return Err(WhenError::Unreadable),
        }
        if self.found == Parsed::default() { Err(WhenError::Unreadable) } else { Ok(self.found) }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) value: u32,
    pub(crate) digits: usize,
}

/// Three groups of digits with `/`, `.` or `-` between them.
pub(crate) fn numeric_date(token: &str) -> Option<(Part, Part, Part)> {
    let mut parts = token.split(['/', '.', '-']).map(|part| {
        let digits = part.len();
        let is_number = (1..=4).contains(&digits) && part.bytes().all(|b| b.is_ascii_digit());
        if is_number { part.parse().ok().map(|value| Part { value, digits }) } else { None }
    });
    let found = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() { None } else { Some(found) }
}

fn full_year(part: Part) -> Result<i32, WhenError> {
    let year = i32::try_from(part.value).map_err(|_| WhenError::Unreadable)?;
    match part.digits {
        4 => Ok(year),
        2 => Ok(full_short_year(year)),
        _ => Err(WhenError::Unreadable),
    }
}

/// Two digits: this century up to 69. A birth date that would lie after the visit is moved back by the caller.
fn full_short_year(year: i32) -> i32 {
    if year < 70 { 2000 + year } else { 1900 + year }
}

/// Years outside 1850–2200 are slips of the keyboard, in birth dates as in visits.
fn day_of(year: i32, month: u32, day: u32) -> Result<NaiveDate, WhenError> {
    if !(1850..=2200).contains(&year) {
        return Err(WhenError::NoSuchDay);
    }
    NaiveDate::from_ymd_opt(year, month, day).ok_or(WhenError::NoSuchDay)
}

fn time_of(hour: u32, minute: u32, second: u32) -> Result<NaiveTime, WhenError> {
    NaiveTime::from_hms_opt(hour, minute, second).ok_or(WhenError::NoSuchTime)
}

fn month_of(word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    if word.chars().count() < 3 {
        return None;
    }
    (1..).zip(MONTHS).find(|(_, names)| names.iter().any(|name| name.starts_with(&word))).map(|(number, _)| number)
}

/// `z`, `+02:00`, `-0500`, `+01`.
fn offset_of(text: &str) -> Result<FixedOffset, WhenError> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let sign = match text.chars().next() {
        Some('z' | 'Z') if digits.is_empty() => 0,
        Some('+') => 1,
        Some('-') => -1,
        _ => return Err(WhenError::Unreadable),
    };
    let (hours, minutes) = match digits.len() {
        0 if sign == 0 => ("0", "0"),
        2 => (digits.as_str(), "0"),
        4 => digits.split_at(2),
        _ => return Err(WhenError::Unreadable),
    };
    let number = |text: &str| text.parse::<i32>().map_err(|_| WhenError::Unreadable);
    FixedOffset::east_opt(sign * (number(hours)? * 3600 + number(minutes)? * 60)).ok_or(WhenError::NoSuchTime)
}

impl Parsed {
    /// Date and time together, if both were there.
    pub(crate) fn local(self) -> Option<NaiveDateTime> {
        Some(self.date?.and_time(self.time?))
    }
}

/// Minutes of a length: `30`, `30 min`, `1:30`, `00:30:00`, `1 h 15 min`, `1.5 hours`. From 1 to 1,440.
pub(crate) fn minutes(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let minutes = if text.contains(':') {
        let parts: Vec<i64> = text.split(':').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
        match parts.as_slice() {
            [hours, minutes] | [hours, minutes, _] if (0..=24).contains(hours) && (0..60).contains(minutes) => {
                hours * 60 + minutes
            }
            _ => return None,
        }
    } else {
        let mut total = 0.0;
        let mut number: Option<f64> = None;
        let spaced: String = text
            .char_indices()
            .flat_map(|(i, c)| {
                let before = text[..i].chars().next_back();
                let turn = before.is_some_and(|b| {
                    b.is_ascii_digit() && c.is_alphabetic() || b.is_alphabetic() && c.is_ascii_digit()
                });
                turn.then_some(' ').into_iter().chain([c])
            })
            .collect();
        for word in spaced.split_whitespace() {
            if let Ok(value) = word.replace(',', ".").parse::<f64>() {
                if number.replace(value).is_some() {
                    return None;
                }
                continue;
            }
            total += number.take()?
                * if word.starts_with('h') {
                    60.0
                } else if word.starts_with('m') {
                    1.0
                } else {
                    return None;
                };
        }
        // A bare number, or what follows the hours in "1h30".
        total += number.unwrap_or(0.0);
        whole(total)?
    };
    (1..=1440).contains(&minutes).then_some(minutes)
}

#[expect(clippy::cast_possible_truncation, reason = "kept within a day")]
fn whole(minutes: f64) -> Option<i64> {
    (0.5..=1440.0).contains(&minutes).then(|| minutes.round() as i64)
}

/// A birth date with a two-digit year lies before the visit.
pub(crate) fn before(birth: NaiveDate, visit: NaiveDate, text: &str) -> Option<NaiveDate> {
    use chrono::Datelike;
    if birth <= visit + Duration::days(1) {
        return Some(birth);
    }
    let year_was_short = !text.contains(&birth.year().to_string());
    if year_was_short { birth.with_year(birth.year() - 100) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, order: DateOrder) -> String {
        match parse(text, order, false) {
            Ok(p) => format!(
                "{} {} {}",
                p.date.map_or("-".to_owned(), |d| d.to_string()),
                p.time.map_or("-".to_owned(), |t| t.to_string()),
                p.offset.map_or("-".to_owned(), |o| o.to_string())
            ),
            Err(e) => format!("{e:?}"),
        }
    }

    #[test]
    fn forms_seen_in_exports() {
        use DateOrder::{DayFirst, Iso, MonthFirst};
        for (text, order, expected) in [
            ("01/30/2025 9:00 AM", MonthFirst, "2025-01-30 09:00:00 -"),
            ("30/01/2025 12:15 am", DayFirst, "2025-01-30 00:15:00 -"),
            ("1/2/26 12:00PM", MonthFirst, "2026-01-02 12:00:00 -"),
            ("2026-06-01T14:45:00Z", Iso, "2026-06-01 14:45:00 +00:00"),
            ("2026-06-01 14:45:00.000+02:00", Iso, "2026-06-01 14:45:00 +02:00"),
            ("2026-06-01T14:45-0500", Iso, "2026-06-01 14:45:00 -05:00"),
            ("2026/06/01 0815", Iso, "2026-06-01 08:15:00 -"),
            ("20260601 8:15 p.m.", Iso, "2026-06-01 20:15:00 -"),
            ("202606011445", Iso, "2026-06-01 14:45:00 -"),
            ("Tue 01 Dec 2026 08:15", Iso, "2026-12-01 08:15:00 -"),
            ("Tuesday, December 1st, 2026 at 8 AM", Iso, "2026-12-01 08:00:00 -"),
            ("mar 01 dic 2026 16:00", Iso, "2026-12-01 16:00:00 -"),
            ("1 de diciembre de 2026", Iso, "2026-12-01 - -"),
            ("1-Dec-26 8am", Iso, "2026-12-01 08:00:00 -"),
            ("30.01.2025 08:45:00", DayFirst, "2025-01-30 08:45:00 -"),
            ("08:45:00", Iso, "- 08:45:00 -"),
            ("02/31/2026 8:00 AM", MonthFirst, "NoSuchDay"),
            ("13/45/2026 9:00 AM", MonthFirst, "NoSuchDay"),
            ("02/20/0206", MonthFirst, "NoSuchDay"),
            ("01/30/2025 25:00", MonthFirst, "NoSuchTime"),
            ("01/30/2025", Iso, "Unreadable"),
            ("TBD 9:00 AM", MonthFirst, "Unreadable"),
            ("tomorrow", MonthFirst, "Unreadable"),
            ("", MonthFirst, "Unreadable"),
            ("46349", MonthFirst, "Unreadable"),
        ] {
            assert_eq!(read(text, order), expected, "{text}");
        }
        let serial = parse("46349 0.3333333333333333", Iso, true).expect("a spreadsheet's numbers");
        assert_eq!(serial.local().map(|t| t.to_string()).as_deref(), Some("2026-11-23 08:00:00"));
    }

    #[test]
    fn lengths() {
        for (text, expected) in [
            ("30", Some(30)),
            ("30 min", Some(30)),
            ("45min.", Some(45)),
            ("1:30", Some(90)),
            ("00:20:00", Some(20)),
            ("1 h 15 min", Some(75)),
            ("1h30", Some(90)),
            ("1.5 hours", Some(90)),
            ("30.0", Some(30)),
            ("0", None),
            ("-5", None),
            ("9999", None),
            ("long", None),
            ("", None),
        ] {
            assert_eq!(minutes(text), expected, "{text}");
        }
    }

    #[test]
    fn a_birth_date_lies_before_the_visit() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a literal date");
        assert_eq!(before(day("2065-03-01"), day("2026-01-01"), "3/1/65"), Some(day("1965-03-01")));
        assert_eq!(before(day("2065-03-01"), day("2026-01-01"), "3/1/2065"), None);
        assert_eq!(before(day("2024-02-29"), day("2026-01-01"), "2/29/24"), Some(day("2024-02-29")));
    }
}
