//! P1: the link is opened, and a birth date shows who it is.

use super::{DEVICE_COOKIE, LINK_COOKIE, Refused, SESSION_COOKIE, frame, language, policy, practice, see_other};
use crate::cookie;
use crate::page::Page;
use crate::problem::Problem;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use http::{HeaderMap, StatusCode};
use kept_domain::{LinkId, Locale};
use kept_flow::OpenPractice;
use kept_flow::portal::{DEVICE_LIFE, Gate, IDLE, Identified, Identify};
use kept_render::patient::{IdentifyPage, IdentifyProblem, PickPage, PickVisit};
use serde::Deserialize;

/// The form of the public page: what its script derived from the link's secret. The secret itself never comes here.
#[derive(Deserialize)]
pub(crate) struct OpenForm {
    #[serde(default)]
    auth: String,
    /// A language the reader chose there; empty otherwise.
    #[serde(default)]
    lang: String,
}

pub(crate) async fn open(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Form(form): Form<OpenForm>,
) -> Result<Response, Refused> {
    let practice = practice(&state, &slug).await?;
    let device = cookie::read(&headers, DEVICE_COOKIE);
    let opening = state.flow.portal_open(practice.practice.id, &form.auth, device).await?;
    let Some(opening) = opening else {
        return Err(Refused::Problem(Problem::LinkDead));
    };
    let mut response = match &opening.session {
        Some(_) => see_other(&slug, "visit"),
        None => see_other(&slug, "identify"),
    };
    let out = response.headers_mut();
    cookie::set(out, LINK_COOKIE, &opening.cookie, Some(IDLE.num_seconds()));
    // A session of another link, from another tab, ends here in this browser.
    let session = opening.session.as_deref().unwrap_or_default();
    cookie::set(out, SESSION_COOKIE, session, Some(if session.is_empty() { 0 } else { IDLE.num_seconds() }));
    if let Ok(locale) = form.lang.parse::<Locale>() {
        language::remember(out, locale);
    }
    Ok(response)
}

/// Which visit of a shared link.
#[derive(Deserialize)]
pub(crate) struct Picked {
    visit: Option<i64>,
}

pub(crate) async fn show(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    Query(picked): Query<Picked>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let practice = practice(&state, &slug).await?;
    gate(&state, &practice, &headers, picked.visit, None).await
}

/// The birth date's form. What does not parse as a date is answered without being counted.
#[derive(Deserialize)]
pub(crate) struct IdentifyForm {
    link: String,
    visit: i64,
    nonce: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    year: String,
    #[serde(default)]
    remember: String,
}

pub(crate) async fn check(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Form(form): Form<IdentifyForm>,
) -> Result<Response, Refused> {
    let practice = practice(&state, &slug).await?;
    let link: LinkId = form.link.parse().map_err(|_| Refused::Problem(Problem::BadForm))?;
    let again = |problem| gate(&state, &practice, &headers, Some(form.visit), Some(problem));
    let today = state.flow.clock.civil().utc().date_naive();
    let Some(birth_date) = read_date(&form.year, &form.month, &form.day, today) else {
        return again(IdentifyProblem::NotADate).await;
    };
    let Some(level_0) = cookie::read(&headers, LINK_COOKIE) else {
        return Err(Refused::Problem(Problem::Closed));
    };
    let entered = Identify {
        link,
        ordinal: form.visit,
        nonce: form.nonce,
        birth_date,
        remember: form.remember == "yes",
        device: cookie::read(&headers, DEVICE_COOKIE).map(str::to_owned),
    };
    match state.flow.portal_identify(practice.practice.id, level_0, entered).await? {
        Identified::Wrong { tries_left } if tries_left > 0 => again(IdentifyProblem::Wrong).await,
        Identified::OldForm => again(IdentifyProblem::Again).await,
        Identified::Wrong { .. } | Identified::Blocked => Err(Refused::Problem(Problem::Blocked)),
        Identified::Closed => Err(Refused::Problem(Problem::Closed)),
        Identified::OtherLink => Err(Refused::Problem(Problem::OtherLink)),
        Identified::Stopped => Err(Refused::Problem(Problem::Stopped)),
        Identified::NoBirthDate => Err(Refused::Problem(Problem::NoBirthDate)),
        Identified::In { session, device } => {
            let mut response = see_other(&slug, "visit");
            let out = response.headers_mut();
            cookie::set(out, SESSION_COOKIE, &session, Some(IDLE.num_seconds()));
            if let Some(device) = device {
                cookie::set(out, DEVICE_COOKIE, &device, Some(DEVICE_LIFE.num_seconds()));
            }
            Ok(response)
        }
    }
}

/// "This is not for me": says how to make it stop. Somebody with a link alone can change nothing, not even this.
pub(crate) async fn not_me() -> Response {
    Refused::Problem(Problem::WrongPerson).into_response()
}

/// The page for somebody with a link's secret: pick a visit, enter a birth date, or why neither.
async fn gate(
    state: &WebState,
    practice: &OpenPractice,
    headers: &HeaderMap,
    ordinal: Option<i64>,
    problem: Option<IdentifyProblem>,
) -> Result<Response, Refused> {
    let level_0 = cookie::read(headers, LINK_COOKIE).ok_or(Refused::Problem(Problem::Closed))?;
    let locale = language::choose(headers, None, &practice.practice.settings.locales);
    let mut frame = frame(state, Some(practice), locale);
    frame.here = Some("identify");
    let (html, keep) = match state.flow.portal_gate(practice.practice.id, level_0, ordinal).await? {
        Gate::Closed => return Err(Refused::Problem(Problem::Closed)),
        Gate::NoBirthDate => return Err(Refused::Problem(Problem::NoBirthDate)),
        Gate::Blocked => return Err(Refused::Problem(Problem::Blocked)),
        Gate::Stopped => return Err(Refused::Problem(Problem::Stopped)),
        Gate::Pick { cookie, visits } => {
            let visits = visits.into_iter().map(|visit| PickVisit { ordinal: visit.ordinal, start: visit.start });
            (state.flow.render.page(locale, &PickPage { frame, visits: visits.collect() })?, cookie)
        }
        Gate::Ask { cookie, link, ordinal, nonce, tries_left, may_remember } => {
            let page =
                IdentifyPage { frame, link: link.to_string(), ordinal, nonce, may_remember, problem, tries_left };
            (state.flow.render.page(locale, &page)?, cookie)
        }
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut response = Page::new(html, policy(state)).status(status).into_response();
    cookie::set(response.headers_mut(), LINK_COOKIE, &keep, Some(IDLE.num_seconds()));
    Ok(response)
}

/// A date from three fields. Numbers only; the year in four digits, not before 1870 and not after today.
fn read_date(year: &str, month: &str, day: &str, today: NaiveDate) -> Option<NaiveDate> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let year = Some(year.trim()).filter(|text| text.len() == 4).and_then(number)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(month)?, number(day)?)?;
    (year >= 1870 && date <= today).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_are_compared_and_counted() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
        let read = |year, month, day| read_date(year, month, day, today);
        assert_eq!(read("1980", " 05", "17 "), NaiveDate::from_ymd_opt(1980, 5, 17));
        assert_eq!(read("2024", "2", "29"), NaiveDate::from_ymd_opt(2024, 2, 29));
        for (year, month, day) in [
            ("2023", "2", "29"),
            ("80", "5", "17"),
            ("1980", "13", "1"),
            ("1980", "0", "1"),
            ("1980", "May", "1"),
            ("", "", ""),
            ("2026", "11", "24"),
            ("1869", "1", "1"),
            ("19٨0", "5", "1"),
            ("-198", "5", "1"),
            ("1980", "99999999999", "1"),
        ] {
            assert_eq!(read(year, month, day), None, "{year}-{month}-{day}");
        }
    }
}
