//! A yes may name the visit's own day and time, and no other.

use super::text::Word;
use super::words::Words;
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, Timelike};

/// The visit asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub(super) start: NaiveDateTime,
    pub(super) today: Option<NaiveDate>,
}

/// How many words at the start of `text` name the visit's own day or time; 0 if they name none or another.
pub(super) fn names_visit(text: &[Word], visit: Visit, words: &Words) -> usize {
    let at = words.at.longest(text);
    let rest = &text[at..];
    let named = day(rest, visit, words).max(clock(rest, visit, words));
    if named == 0 { 0 } else { at + named }
}

fn day(text: &[Word], visit: Visit, words: &Words) -> usize {
    let on = |phrases: &super::words::Phrases, day: Option<NaiveDate>| {
        if day == Some(visit.start.date()) { phrases.longest(text) } else { 0 }
    };
    let weekday = words.days.index(text).filter(|index| {
        // Seven a language, Monday first.
        u32::try_from(index % 7).ok() == Some(visit.start.weekday().num_days_from_monday())
    });
    on(&words.today, visit.today)
        .max(on(&words.tomorrow, visit.today.and_then(|today| today.checked_add_days(Days::new(1)))))
        .max(usize::from(weekday.is_some()))
}

fn clock(text: &[Word], visit: Visit, words: &Words) -> usize {
    let Some(first) = text.first() else { return 0 };
    let digits_end = first.text.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(first.text.len());
    let (digits, suffix) = first.text.split_at(digits_end);
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) => (hour.parse::<u32>().ok(), minute.parse::<u32>().ok()),
        None => (digits.parse::<u32>().ok(), Some(0)),
    };
    let (Some(hour), Some(minute)) = (hour, minute) else { return 0 };
    let (half, length) = match suffix {
        "am" | "a" => (Some(0), 1),
        "pm" | "p" => (Some(12), 1),
        "" if words.am.starts(&text[1..]) => (Some(0), 1 + words.am.longest(&text[1..])),
        "" if words.pm.starts(&text[1..]) => (Some(12), 1 + words.pm.longest(&text[1..])),
        "" => (None, 1),
        _ => return 0,
    };
    let same_hour = match half {
        Some(half) => hour <= 12 && hour % 12 + half == visit.start.hour(),
        None => hour == visit.start.hour() || (hour <= 12 && hour % 12 == visit.start.hour() % 12),
    };
    if same_hour && minute == visit.start.minute() { length } else { 0 }
}
