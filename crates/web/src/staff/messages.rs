//! The log of messages, what a person decides about one, and the call list.

use super::{Access, Staff, plain_policy, visit};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Days, NaiveDate};
use kept_domain::plan::StepKey;
use kept_domain::{Locale, NoticeId, SkipReason};
use kept_flow::calls::CALL_BEFORE;
use kept_flow::desk::Settling;
use kept_flow::outbox::{Cause, Fix, Log, LogQuery, Logged, MAX_LOG_DAYS, Place};
use kept_render::messages::{CAUSES, CallLine, Calls, Line, Messages, OUTCOMES, Part, SAID};
use kept_render::staff::Choice;
use serde::Deserialize;

/// The log's address. Words that it does not know are refused, so that nothing is echoed unchecked.
#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    open: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    said: String,
    /// The visit whose page a decision comes back to.
    #[serde(default)]
    visit: String,
}

fn optional<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<Option<T>, WebError> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| WebError::BadForm(what)) }
}

impl Filter {
    fn query(&self) -> Result<LogQuery, WebError> {
        if !self.reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(WebError::BadForm("reason"));
        }
        Ok(LogQuery {
            from: optional(&self.from, "from")?,
            to: optional(&self.to, "to")?,
            location: optional(&self.location, "location")?,
            place: optional(&self.place, "place")?,
            reason: self.reason.clone(),
            open: self.open == "yes",
            after: optional(&self.after, "after")?,
        })
    }
}

/// The address of a look at the log, of words that [`Filter::query`] has read.
fn address(query: &LogQuery) -> String {
    let mut text = String::from("?");
    let word = |value: Option<String>| value.unwrap_or_default();
    for (name, value) in [
        ("from", word(query.from.map(|day| day.to_string()))),
        ("to", word(query.to.map(|day| day.to_string()))),
        ("location", word(query.location.map(|id| id.to_string()))),
        ("place", word(query.place.map(|place| place.to_string()))),
        ("reason", query.reason.clone()),
        ("open", word(query.open.then(|| "yes".to_owned()))),
        ("after", word(query.after.map(|after| after.to_string()))),
    ] {
        if !value.is_empty() {
            if text.len() > 1 {
                text.push('&');
            }
            text.extend([name, "=", &value]);
        }
    }
    text
}

pub(super) async fn show(
    State(state): State<WebState>,
    staff: Staff,
    Query(filter): Query<Filter>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let query = filter.query()?;
    let log = state.flow.message_log(staff.practice.practice.id, staff.staff, &query).await?;
    let context = page(&state, &staff, &filter, &query, &log)?;
    let html = state.flow.render.page(staff.locale, &context)?;
    Ok(Page::new(html, plain_policy()).into_response())
}

fn page(state: &WebState, staff: &Staff, filter: &Filter, query: &LogQuery, log: &Log) -> Result<Messages, WebError> {
    let (from, to) = (log.from, log.to);
    let days = LogQuery { from: Some(from), to: Some(to), location: query.location, ..LogQuery::default() };
    let address = |query: &LogQuery| format!("/staff/messages{}", address(query));
    let part = |key: String, n: i64, wanted: LogQuery| {
        let same = |a: &LogQuery, b: &LogQuery| (a.place, &a.reason, a.open) == (b.place, &b.reason, b.open);
        let chosen = same(query, &wanted);
        let word = wanted.place.map_or("", Place::as_str).to_owned();
        Part { key, word, n, href: if chosen { address(&days) } else { address(&wanted) }, chosen }
    };
    let cause = |cause: &Cause| {
        let key = why(cause.place, Some(&cause.reason));
        let key = if key.is_empty() { format!("place.{}", cause.place) } else { key };
        let (place, reason) = (Some(cause.place), cause.reason.clone());
        part(key, cause.n, LogQuery { place, reason, open: cause.mendable, ..days.clone() })
    };
    let spans = [
        ("today", log.today, log.today),
        ("last", log.today.checked_sub_days(Days::new(6)).unwrap_or(log.today), log.today),
        ("coming", log.today, log.today.checked_add_days(Days::new(6)).unwrap_or(log.today)),
    ];
    let span = |(label, first, last): (&str, NaiveDate, NaiveDate)| Choice {
        value: address(&LogQuery { from: Some(first), to: Some(last), ..days.clone() }),
        label: label.to_owned(),
        chosen: (first, last) == (from, to),
    };
    let places = &staff.practice.locations;
    let location = |open: &kept_flow::OpenLocation| Choice {
        value: open.location.id.to_string(),
        label: open.location.name.clone(),
        chosen: query.location == Some(open.location.id),
    };
    let here = LogQuery { from: Some(from), to: Some(to), ..query.clone() };
    let next = log.next.map(|after| address(&LogQuery { after: Some(after), ..here.clone() }));
    let first = query.after.map(|_| address(&LogQuery { after: None, ..here.clone() }));
    Ok(Messages {
        frame: staff.frame(state, "messages", None),
        from,
        to,
        one_day: from == to,
        spans: spans.map(span).to_vec(),
        places: log
            .counts
            .iter()
            .map(|(place, n)| part(format!("place.{place}"), *n, LogQuery { place: Some(*place), ..days.clone() }))
            .collect(),
        mendable: log.causes.iter().filter(|one| one.mendable).map(cause).collect(),
        fine: log.causes.iter().filter(|one| !one.mendable).map(cause).collect(),
        locations: if places.len() > 1 { places.iter().map(location).collect() } else { Vec::new() },
        location: filter.location.clone(),
        lines: log.lines.iter().map(|one| line(state, staff, one)).collect::<Result<_, _>>()?,
        total: log.counts.iter().map(|(_, n)| n).sum(),
        next: next.unwrap_or_default(),
        first: first.unwrap_or_default(),
        query: self::address(&here),
        said: said(&filter.said),
        most_days: MAX_LOG_DAYS,
    })
}

/// What was just done, if it is a word of ours.
pub(super) fn said(word: &str) -> String {
    if SAID.contains(&word) { word.to_owned() } else { String::new() }
}

/// The key of the phrase for a reason; empty where there is none to tell.
pub(super) fn why(place: Place, reason: Option<&str>) -> String {
    match reason {
        Some(word) if word.parse::<SkipReason>().is_ok() => format!("reason.{word}"),
        Some(word) if CAUSES.contains(&word) => format!("cause.{word}"),
        _ if place == Place::Failed => "cause.failed".to_owned(),
        _ => String::new(),
    }
}

/// A line of the log, in words.
pub(super) fn line(state: &WebState, staff: &Staff, one: &Logged) -> Result<Line, WebError> {
    Ok(Line {
        id: one.id.to_string(),
        at: one.at.clone(),
        patient: one.patient.as_ref().map(|name| name.0.clone()).unwrap_or_default(),
        visit: one.visit.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default(),
        start: one.visit.as_ref().map(|(_, start)| start.clone()),
        what: what(state, staff, one)?,
        channel: one.channel.as_str(),
        place: one.place.as_str(),
        why: why(one.place, one.reason.as_deref()),
        code: one.code.clone().unwrap_or_default(),
        says: says(state, staff, one)?,
        attempts: one.attempts,
        together: one.together,
        text: one.text.as_ref().map(|text| text.0.clone()).unwrap_or_default(),
        fixes: one.fixes.iter().map(|fix| Fix::as_str(*fix)).collect(),
    })
}

/// What the carrier's code says: our words for it, which are English; else, and in other languages, what it means for us.
fn says(state: &WebState, staff: &Staff, one: &Logged) -> Result<String, WebError> {
    match (&one.words, one.meaning) {
        (Some(words), _) if staff.locale == Locale::En => Ok(words.clone()),
        (_, Some(meaning)) => Ok(state.flow.render.phrase(staff.locale, &format!("meaning.{meaning}"), &[])?),
        (_, None) => Ok(String::new()),
    }
}

/// A step of a plan in the reader's words: "3 days before".
pub(super) fn step_words(state: &WebState, staff: &Staff, step: StepKey) -> Result<String, WebError> {
    let (key, n) = match step {
        StepKey::Days(days) => ("what.days", u32::from(days)),
        StepKey::Hours(hours) => ("what.hours", u32::from(hours)),
        _ => return Ok(state.flow.render.phrase(staff.locale, "what.booking", &[])?),
    };
    Ok(state.flow.render.phrase(staff.locale, key, &[("n", &n)])?)
}

/// What a message is: of a plan's step, when.
fn what(state: &WebState, staff: &Staff, one: &Logged) -> Result<String, WebError> {
    let key = match one.step.parse::<StepKey>() {
        Ok(key) if !one.is_notice && key.is_plannable() => return step_words(state, staff, key),
        Ok(StepKey::Practitioner) => "what.change-practitioner",
        Ok(StepKey::Moved) => "what.change",
        _ if one.step == "change-practitioner" => "what.change-practitioner",
        _ if one.kind == "change" => "what.change",
        _ if one.kind == "answer" => "what.answer",
        _ => "what.reminder",
    };
    Ok(state.flow.render.phrase(staff.locale, key, &[])?)
}

#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    decision: Settling,
}

pub(super) async fn settle(
    State(state): State<WebState>,
    staff: Staff,
    Path(notice): Path<String>,
    Query(filter): Query<Filter>,
    Form(form): Form<Decision>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let notice: NoticeId = notice.parse().map_err(|_| WebError::NotFound)?;
    let settled = state.flow.settle_message(staff.practice.practice.id, staff.staff, notice, form.decision).await?;
    let said = if settled { "settled" } else { "too-late" };
    if !filter.visit.is_empty() {
        return Ok(visit::back(&super::today::visit_id(&filter.visit)?, said));
    }
    let query = filter.query()?;
    let today = state.flow.clock.civil().local_day(staff.practice.practice.time_zone);
    let back = address(&LogQuery { from: query.from.or(Some(today)), ..query });
    Ok(Redirect::to(&format!("/staff/messages{back}&said={said}")).into_response())
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    pub(super) said: String,
}

pub(super) async fn calls(
    State(state): State<WebState>,
    staff: Staff,
    Query(query): Query<Said>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let list = state.flow.call_list(staff.practice.practice.id, staff.staff).await?;
    let line = |one: &kept_flow::calls::ToCall| {
        let visit = &one.visit;
        let facts = [visit.practitioner.clone(), visit.visit_type.clone(), Some(visit.location_name.clone())];
        CallLine {
            visit: visit.id.to_string(),
            start: visit.start.clone(),
            patient: visit.patient.0.clone(),
            facts: facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect(),
            why: why(Place::NotSent, Some(&one.why)),
            numbers: one.numbers.iter().map(|number| number.0.clone()).collect(),
            calls: one.calls,
            last: one.last.map_or("", |(act, _)| act.as_str()),
            last_at: one.last.map(|(_, at)| at),
            owner: one.owner.as_ref().map(|(_, name)| name.0.clone()).unwrap_or_default(),
            mine: one.owner.as_ref().is_some_and(|(id, _)| *id == staff.staff),
        }
    };
    let context = Calls {
        frame: staff.frame(&state, "messages", None),
        hours: CALL_BEFORE.num_hours(),
        lines: list.iter().map(line).collect(),
        outcomes: OUTCOMES.to_vec(),
        said: said(&query.said),
    };
    let html = state.flow.render.page(staff.locale, &context)?;
    Ok(Page::new(html, plain_policy()).into_response())
}
