//! The manager's page: missed visits, one page with its state in the address, and its figures as CSV.

mod page;

use super::{Access, Staff};
use crate::csp::Csp;
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use chrono::{Datelike, Days, NaiveDate};
use http::{HeaderValue, header};
use kept_domain::report::Dimension;
use kept_flow::report::{Period, PeriodError, csv as figures};
use serde::Deserialize;

/// Whole weeks that are shown when nobody asks for other days; the running week follows them.
pub const USUAL_WEEKS: u64 = 26;
/// The page's style sheet.
const STYLE: &str = "report.css";

/// The address's query. Everything is text here: a broken date is a sentence on the page, not an error page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    compare: String,
    #[serde(default)]
    figures: String,
    #[serde(default)]
    names: String,
}

/// What the query means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    period: Period,
    by: Dimension,
    year: bool,
    problem: Option<&'static str>,
}

impl Asked {
    fn read(&self, today: NaiveDate) -> Choice {
        let usual = usual_period(today);
        let (period, problem) = match (self.from.as_str(), self.to.as_str()) {
            ("", "") => (usual, None),
            (from, to) => match (from.parse::<NaiveDate>(), to.parse::<NaiveDate>()) {
                (Ok(from), Ok(to)) => match Period::new(from, to) {
                    Ok(period) => (period, None),
                    Err(PeriodError::Backwards) => (usual, Some("backwards")),
                    Err(PeriodError::TooLong) => (usual, Some("too-long")),
                },
                _ => (usual, Some("unreadable")),
            },
        };
        let by = self.by.parse().ok().filter(|by| *by != Dimension::All).unwrap_or(Dimension::Practitioner);
        Choice { period, by, year: self.compare == "year", problem }
    }
}

/// The whole weeks before this one, and what has passed of this one.
fn usual_period(today: NaiveDate) -> Period {
    let monday = today - Days::new(u64::from(today.weekday().num_days_from_monday()));
    let from = monday - Days::new(7 * USUAL_WEEKS);
    Period::new(from, today).expect("half a year is a period")
}

pub(super) async fn show(
    State(state): State<WebState>,
    staff: Staff,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    staff.require(Access::Report)?;
    let practice = &staff.practice.practice;
    let choice = asked.read(state.flow.clock.civil().local_day(practice.time_zone));
    let wanted = (choice.period, choice.by, choice.year);
    let report = state.flow.view_report(practice.id, staff.staff, wanted).await?;
    let mut frame = staff.frame(&state, "report", None);
    state.assets.url(STYLE).clone_into(&mut frame.stylesheet);
    let context = page::context(&state.flow.render, staff.locale, frame, &report, choice)?;
    let html = state.flow.render.page(staff.locale, &context)?;
    Ok(Page::new(html, Csp::new().style("'self'")).into_response())
}

pub(super) async fn csv(
    State(state): State<WebState>,
    staff: Staff,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    staff.require(Access::Report)?;
    let practice = &staff.practice.practice;
    let choice = asked.read(state.flow.clock.civil().local_day(practice.time_zone));
    if choice.problem.is_some() {
        return Err(WebError::BadForm("from, to"));
    }
    let names = asked.names == "1";
    let wanted = (choice.period, choice.by, choice.year);
    let report = state.flow.export_report(practice.id, staff.staff, wanted, names).await?;
    let (name, text) = match asked.figures.as_str() {
        "weeks" => ("weeks", figures::weeks(&report.weeks)),
        "funnel" => ("funnel", figures::funnel(&report.funnel)),
        _ => (choice.by.as_str(), figures::lines(&report.groups, names)),
    };
    let file = format!("attachment; filename=\"missed-{name}-{}-{}.csv\"", choice.period.from(), choice.period.to());
    let mut response = format!("{}{text}", figures::BYTE_ORDER_MARK).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(file).expect("days and words are ASCII"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a literal day")
    }

    fn asked(from: &str, to: &str) -> Choice {
        Asked { from: from.to_owned(), to: to.to_owned(), ..Asked::default() }.read(day("2026-11-25"))
    }

    #[test]
    fn the_usual_period_is_whole_weeks_and_the_running_one() {
        let choice = asked("", "");
        assert_eq!((choice.period.from(), choice.period.to()), (day("2026-05-25"), day("2026-11-25")));
        assert_eq!((choice.by, choice.problem), (Dimension::Practitioner, None));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_usual_period_shown() {
        for (from, to, problem) in [
            ("2026-02-30", "2026-03-01", "unreadable"),
            ("2026-03-01", "", "unreadable"),
            ("2026-03-02", "2026-03-01", "backwards"),
            ("1990-01-01", "2026-03-01", "too-long"),
            ("-262143-01-01", "+262142-12-31", "too-long"),
        ] {
            let choice = asked(from, to);
            assert_eq!((choice.problem, choice.period), (Some(problem), asked("", "").period), "{from} {to}");
        }
        assert_eq!(asked("2026-03-01", "2026-03-01").problem, None);
    }
}
