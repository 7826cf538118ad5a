//! Signing in and out, and the password.

use super::session::{Staff, bare_frame, sign_in_at};
use super::{COOKIE, plain_policy, policy};
use crate::cookie;
use crate::error::WebError;
use crate::page::Page;
use crate::patient::language;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use kept_domain::Locale;
use kept_flow::FlowError;
use kept_flow::staff::{LONGEST, PasswordChange, SignIn};
use kept_render::staff;
use serde::Deserialize;

/// Shortest password of somebody's own choice (protocol.md §5). The browser holds to it; the server never sees one.
pub(crate) const LEAST_PASSWORD_CHARS: usize = 15;
/// The script that derives keys from passwords.
const SCRIPT: &str = "sign-in.js";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Place {
    #[serde(default)]
    practice: String,
}

/// Prints nothing of itself: it holds what signs in.
#[derive(Deserialize)]
pub(super) struct Entering {
    #[serde(default)]
    practice: String,
    email: String,
    #[serde(default)]
    auth: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Language {
    language: String,
}

#[derive(Deserialize)]
pub(super) struct Changing {
    old: String,
    new: String,
    kdf: String,
}

fn slug(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

pub(super) async fn show(
    State(state): State<WebState>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> Result<Page, WebError> {
    // A person may have typed it.
    let practice = place.practice.trim().to_lowercase();
    page(&state, &headers, &practice, String::new(), "", 0).await
}

async fn page(
    state: &WebState,
    headers: &HeaderMap,
    practice: &str,
    email: String,
    problem: &'static str,
    wait_s: i64,
) -> Result<Page, WebError> {
    let open = match state.flow.practice_for_command(slug(practice)).await {
        Ok(open) => open,
        Err(FlowError::WhichPractice | FlowError::NoPractice) => return which(state, headers, "", StatusCode::OK),
        Err(FlowError::NotFound { .. }) => return which(state, headers, "unknown", StatusCode::NOT_FOUND),
        Err(error) => return Err(error.into()),
    };
    let mut frame = bare_frame(state, "sign-in", Some(SCRIPT));
    frame.practice.clone_from(&open.practice.name);
    let context = staff::SignIn { frame, slug: open.practice.slug.clone(), email, problem, wait_s };
    let locale: Locale = language::choose(headers, None, &open.practice.settings.locales);
    let html = state.flow.render.page(locale, &context)?;
    Ok(Page::new(html, policy(state, SCRIPT).wasm()))
}

/// Asks which practice; the practices are nobody's business and are not listed.
fn which(state: &WebState, headers: &HeaderMap, problem: &'static str, status: StatusCode) -> Result<Page, WebError> {
    let mut frame = bare_frame(state, "sign-in", None);
    "Kept".clone_into(&mut frame.practice);
    let locale = language::choose(headers, None, Locale::ALL);
    let html = state.flow.render.page(locale, &staff::WhichPractice { frame, problem })?;
    Ok(Page::new(html, plain_policy()).status(status))
}

/// The derivation's parameters for an address: `{"alg","salt","m_kib","t","p"}`.
pub(super) async fn kdf(State(state): State<WebState>, Form(entering): Form<Entering>) -> Result<Response, WebError> {
    let json = state.flow.sign_in_kdf(slug(&entering.practice), &entering.email).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

pub(super) async fn enter(
    State(state): State<WebState>,
    headers: HeaderMap,
    Form(entering): Form<Entering>,
) -> Result<Response, WebError> {
    let done = state.flow.sign_in(slug(&entering.practice), &entering.email, &entering.auth).await?;
    let (problem, wait_s, status) = match done {
        SignIn::Welcome(token) => {
            let mut response = Redirect::to("/staff/today").into_response();
            cookie::set(response.headers_mut(), COOKIE, token.as_str(), Some(LONGEST.num_seconds()));
            return Ok(response);
        }
        SignIn::Wrong => ("wrong", 0, StatusCode::UNPROCESSABLE_ENTITY),
        SignIn::Wait(seconds) => ("wait", seconds, StatusCode::TOO_MANY_REQUESTS),
    };
    let page = page(&state, &headers, &entering.practice, entering.email, problem, wait_s).await?;
    Ok(page.status(status).into_response())
}

/// Shows the pages in another language from now on.
pub(super) async fn language(
    State(state): State<WebState>,
    staff: Staff,
    Form(form): Form<Language>,
) -> Result<Response, WebError> {
    let locale: Locale = form.language.parse().map_err(|_| WebError::BadForm("language"))?;
    state.flow.choose_language(staff.practice.practice.id, staff.staff, locale).await?;
    Ok(Redirect::to("/staff/password").into_response())
}

pub(super) async fn leave(State(state): State<WebState>, staff: Staff) -> Result<Response, WebError> {
    state.flow.sign_out(staff.practice.practice.id, staff.staff, staff.session).await?;
    let mut response = sign_in_at(Some(&staff.practice.practice.slug));
    cookie::set(response.headers_mut(), COOKIE, "", Some(0));
    Ok(response)
}

pub(super) async fn show_password(State(state): State<WebState>, staff: Staff) -> Result<Page, WebError> {
    password_page(&state, &staff, "").await
}

async fn password_page(state: &WebState, who: &Staff, problem: &'static str) -> Result<Page, WebError> {
    let context = staff::Password {
        frame: who.frame(state, "password", Some(SCRIPT)),
        must_change: who.must_change,
        fresh: state.flow.fresh_kdf()?,
        kdf: state.flow.own_kdf(who).await?,
        problem,
        least: LEAST_PASSWORD_CHARS,
        languages: Locale::ALL
            .iter()
            .map(|one| staff::Choice {
                value: one.as_str().to_owned(),
                label: one.as_str().to_owned(),
                chosen: *one == who.locale,
            })
            .collect(),
    };
    let html = state.flow.render.page(who.locale, &context)?;
    Ok(Page::new(html, policy(state, SCRIPT).wasm()))
}

pub(super) async fn change_password(
    State(state): State<WebState>,
    staff: Staff,
    Form(changing): Form<Changing>,
) -> Result<Response, WebError> {
    let problem = match state.flow.change_password(&staff, &changing.old, &changing.kdf, &changing.new).await? {
        PasswordChange::Done => return Ok(Redirect::to("/staff/today").into_response()),
        PasswordChange::Wrong => "wrong",
        PasswordChange::Unreadable => "unreadable",
    };
    let page = password_page(&state, &staff, problem).await?;
    Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
}
