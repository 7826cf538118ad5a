//! What templates can call: phrases, and words of dates, times and numbers in the reader's language.

use crate::catalogue::{Catalogue, fill};
use crate::chart::escape;
use crate::words;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use kept_domain::Locale;
use std::borrow::Cow;
use std::sync::Arc;
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

/// Gives a language's Tera its functions and filters.
pub(crate) fn register(tera: &mut Tera, locale: Locale, catalogue: &Arc<Catalogue>) {
    let catalogue = Arc::clone(catalogue);
    tera.register_function("t", move |arguments: Kwargs, state: &State<'_>| phrase(&catalogue, &arguments, state));
    tera.register_filter("day", move |value: &str, _: Kwargs, _: &State<'_>| {
        read_date(value).map(|d| words::day(locale, d))
    });
    tera.register_filter("short_day", move |value: &str, _: Kwargs, _: &State<'_>| {
        read_date(value).map(|d| words::short_day(locale, d))
    });
    tera.register_filter("date", move |value: &str, _: Kwargs, _: &State<'_>| {
        read_date(value).map(|d| words::date(locale, d))
    });
    tera.register_filter("short_date", move |value: &str, _: Kwargs, _: &State<'_>| {
        read_date(value).map(|d| words::short_date(locale, d))
    });
    tera.register_filter("time", move |value: &str, _: Kwargs, _: &State<'_>| {
        let (value, zone) = split_zone(value);
        let time = words::time(locale, read_time(value)?);
        Ok::<_, Error>(zone.map_or_else(|| time.clone(), |zone| format!("{time} {zone}")))
    });
    tera.register_filter("clock", move |value: &str, _: Kwargs, _: &State<'_>| {
        read_time(split_zone(value).0).map(|t| words::time(locale, t))
    });
    tera.register_filter("zone", |value: &str, _: Kwargs, _: &State<'_>| split_zone(value).1.unwrap_or("").to_owned());
    tera.register_filter("phone", |value: &str, _: Kwargs, _: &State<'_>| words::phone(value));
    tera.register_filter("percent", move |value: f64, _: Kwargs, _: &State<'_>| words::percent(locale, value));
    tera.register_filter("decimal", move |value: f64, _: Kwargs, _: &State<'_>| words::decimal(locale, value));
    tera.register_filter("whole", move |value: i64, _: Kwargs, _: &State<'_>| words::whole(locale, value));
}

/// `t(key="…", name=value, …)`.
fn phrase(catalogue: &Catalogue, arguments: &Kwargs, state: &State<'_>) -> TeraResult<Value> {
    let key = arguments.must_get::<&str>("key")?;
    let one = arguments.get::<i64>("n")?.map(|n| n == 1);
    let phrase = catalogue.find(key, one).map_err(Error::message)?;
    let markup = state.autoescaping_enabled() && key.ends_with("_html");
    let value = |name: &str| {
        let (_, value) = arguments.iter().find(|(given, _)| given.as_str() == Some(name))?;
        let text = value.to_string();
        Some(Cow::Owned(if markup && !value.is_safe() { escape(&text) } else { text }))
    };
    let filled = fill(key, phrase, value).map_err(Error::message)?;
    Ok(if markup { Value::safe_string(&filled) } else { Value::from(filled) })
}

/// A time, and the name of its zone where it has one, as [`kept_domain::LocalTime`] is written.
fn split_zone(value: &str) -> (&str, Option<&str>) {
    value.split_once(' ').map_or((value, None), |(time, zone)| (time, Some(zone)))
}

/// A date, or the date of a local date and time, as serde writes chrono's types.
fn read_date(value: &str) -> TeraResult<NaiveDate> {
    let (value, _) = split_zone(value);
    value
        .parse::<NaiveDate>()
        .or_else(|_| value.parse::<NaiveDateTime>().map(|time| time.date()))
        .map_err(|_| Error::message("the filter needs a date (chrono::NaiveDate or NaiveDateTime)"))
}

fn read_time(value: &str) -> TeraResult<NaiveTime> {
    value
        .parse::<NaiveTime>()
        .or_else(|_| value.parse::<NaiveDateTime>().map(|time| time.time()))
        .map_err(|_| Error::message("the filter needs a time (chrono::NaiveTime or NaiveDateTime)"))
}
