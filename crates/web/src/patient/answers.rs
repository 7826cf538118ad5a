//! "Yes, I will be there", "I cannot come" (P4), "I need another time".

use super::visit::Seen;
use super::{Refused, policy, private_frame, see_other};
use crate::page::Page;
use crate::problem::Problem;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use kept_domain::LinkId;
use kept_flow::answer::{MAX_REASON_CHARS, MAX_WISH_CHARS, Refusal};
use kept_flow::portal::{AnswerForm, Answered, PortalAnswer, VisitState, VisitView};
use kept_render::patient::{AnotherTimePage, CancelPage, Choice, VisitCard, WishProblem};
use serde::Deserialize;
use std::collections::HashMap;

/// Days to choose from; also the words that are stored.
const DAYS: [&str; 5] = ["monday", "tuesday", "wednesday", "thursday", "friday"];
/// Parts of the day to choose from; also the words that are stored.
const PARTS: [&str; 2] = ["morning", "afternoon"];

/// What every answer's form carries.
#[derive(Deserialize)]
pub(crate) struct Common {
    link: String,
    revision: i64,
    nonce: String,
}

pub(crate) async fn confirm(
    State(state): State<WebState>,
    Path((slug, ordinal)): Path<(String, i64)>,
    headers: HeaderMap,
    Form(form): Form<Common>,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    answer(&state, &slug, &seen, ordinal, form, PortalAnswer::Confirm).await
}

pub(crate) async fn ask_cancel(
    State(state): State<WebState>,
    Path((slug, ordinal)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let visit = seen.visit(ordinal)?;
    if !matches!(visit.state, VisitState::Asked | VisitState::Accepted | VisitState::AnotherTimeAsked) {
        return Ok(see_other(&slug, "visit"));
    }
    if state.flow.clock.civil() > visit.cancel_until {
        return Err(Refused::Problem(Problem::InsideCutOff));
    }
    cancel_page(&state, &headers, &seen, visit, None)
}

/// The second tap.
pub(crate) async fn cancel(
    State(state): State<WebState>,
    Path((slug, ordinal)): Path<(String, i64)>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let words = form.get("reason").map(|text| text.trim().to_owned()).unwrap_or_default();
    if words.chars().count() > MAX_REASON_CHARS {
        return cancel_page(&state, &headers, &seen, seen.visit(ordinal)?, Some(words));
    }
    let reason = (!words.is_empty()).then_some(words);
    answer(&state, &slug, &seen, ordinal, common(&form)?, PortalAnswer::Cancel { reason }).await
}

fn cancel_page(
    state: &WebState,
    headers: &HeaderMap,
    seen: &Seen,
    visit: &VisitView,
    too_long: Option<String>,
) -> Result<Response, Refused> {
    let status = if too_long.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = CancelPage {
        frame: private_frame(state, &seen.practice, seen.locale, "visit"),
        link: seen.visits.link.to_string(),
        visit: VisitCard { nonce: visit.cancel_nonce.clone(), ..seen.card(state, visit) },
        max_reason: MAX_REASON_CHARS,
        too_long: too_long.is_some(),
        reason: too_long.unwrap_or_default(),
    };
    let html = state.flow.render.page(seen.locale, &page)?;
    Ok(seen.answer(headers, Page::new(html, policy(state)).status(status)))
}

pub(crate) async fn ask_another(
    State(state): State<WebState>,
    Path((slug, ordinal)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let visit = seen.visit(ordinal)?;
    match visit.state {
        VisitState::Asked
        | VisitState::Accepted
        | VisitState::AnotherTimeAsked
        | VisitState::CancelledByPatient { may_ask: true } => {}
        VisitState::CallUs { .. } => return Err(Refused::Problem(Problem::InsideCutOff)),
        VisitState::CancelledByPatient { .. } | VisitState::CancelledByPractice | VisitState::Over => {
            return Ok(see_other(&slug, "visit"));
        }
    }
    another_page(&state, &headers, &seen, visit, &HashMap::new(), None)
}

pub(crate) async fn another(
    State(state): State<WebState>,
    Path((slug, ordinal)): Path<(String, i64)>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let chosen = |word: &&&str| form.contains_key(**word);
    let preferences: Vec<String> =
        DAYS.iter().chain(&PARTS).filter(|word| chosen(word)).map(|word| (*word).to_owned()).collect();
    let words = form.get("wish").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let problem = match &words {
        Some(text) if text.chars().count() > MAX_WISH_CHARS => Some(WishProblem::TooLong),
        None if preferences.is_empty() => Some(WishProblem::Empty),
        _ => None,
    };
    if problem.is_some() {
        return another_page(&state, &headers, &seen, seen.visit(ordinal)?, &form, problem);
    }
    let wish = PortalAnswer::AnotherTime { preferences, wish: words };
    answer(&state, &slug, &seen, ordinal, common(&form)?, wish).await
}

fn another_page(
    state: &WebState,
    headers: &HeaderMap,
    seen: &Seen,
    visit: &VisitView,
    form: &HashMap<String, String>,
    problem: Option<WishProblem>,
) -> Result<Response, Refused> {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let choices = |words: &[&'static str]| {
        words.iter().map(|&word| Choice { word, on: form.contains_key(word) }).collect::<Vec<_>>()
    };
    let page = AnotherTimePage {
        frame: private_frame(state, &seen.practice, seen.locale, "visit"),
        link: seen.visits.link.to_string(),
        visit: VisitCard { nonce: visit.another_nonce.clone(), ..seen.card(state, visit) },
        days: choices(&DAYS),
        parts: choices(&PARTS),
        max_wish: MAX_WISH_CHARS,
        problem,
        wish: form.get("wish").cloned().unwrap_or_default(),
    };
    let html = state.flow.render.page(seen.locale, &page)?;
    Ok(seen.answer(headers, Page::new(html, policy(state)).status(status)))
}

fn common(form: &HashMap<String, String>) -> Result<Common, Refused> {
    let get = |name: &str| form.get(name).ok_or(Refused::Problem(Problem::BadForm));
    Ok(Common {
        link: get("link")?.clone(),
        revision: get("revision")?.parse().map_err(|_| Refused::Problem(Problem::BadForm))?,
        nonce: get("nonce")?.clone(),
    })
}

async fn answer(
    state: &WebState,
    slug: &str,
    seen: &Seen,
    ordinal: i64,
    form: Common,
    answer: PortalAnswer,
) -> Result<Response, Refused> {
    let link: LinkId = form.link.parse().map_err(|_| Refused::Problem(Problem::BadForm))?;
    let form = AnswerForm { link, ordinal, revision: form.revision, nonce: form.nonce, answer };
    let answered = state.flow.portal_answer(seen.practice.practice.id, seen.session, form).await?;
    let problem = match answered {
        // Sent twice: the first one stands, and the page says what stands.
        Answered::Done | Answered::Unchanged => return Ok(see_other(slug, &format!("visit/{ordinal}/done"))),
        Answered::OtherLink => Problem::OtherLink,
        Answered::OldForm => Problem::OldForm,
        Answered::Refused(Refusal::OldRevision) => Problem::Replaced,
        Answered::Refused(Refusal::Over) => Problem::Over,
        Answered::Refused(Refusal::Cancelled) => Problem::Cancelled,
        Answered::Refused(Refusal::InsideCutOff | Refusal::NotThisWay) => Problem::InsideCutOff,
    };
    Err(Refused::Problem(problem))
}
