//! "Stop messages to a number or address": who opts out by telephone, voicemail or letter need have no visit here.

use super::messages::{Said, said};
use super::{Access, Staff, plain_policy};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use kept_flow::consent::{Heard, NotMeant, Whose};
use kept_render::messages::StopPage;
use serde::Deserialize;

pub(super) async fn show(
    State(state): State<WebState>,
    staff: Staff,
    Query(query): Query<Said>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    Ok(page(&state, &staff, "", said(&query.said), false)?.into_response())
}

fn page(state: &WebState, staff: &Staff, number: &str, said: String, unreadable: bool) -> Result<Page, WebError> {
    let context = StopPage { frame: staff.frame(state, "messages", None), number: number.to_owned(), said, unreadable };
    Ok(Page::new(state.flow.render.page(staff.locale, &context)?, plain_policy()))
}

#[derive(Deserialize)]
pub(super) struct Stop {
    #[serde(default)]
    number: String,
    #[serde(default)]
    said: String,
}

pub(super) async fn stop(
    State(state): State<WebState>,
    staff: Staff,
    Form(form): Form<Stop>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let how: Heard = form.said.parse().map_err(|_| WebError::BadForm("said"))?;
    let number = form.number.trim();
    let whose = Whose::Written(number);
    let word = match state.flow.record_opt_out(staff.practice.practice.id, whose, how, staff.staff).await {
        Ok(true) => "stopped",
        Ok(false) => "nothing",
        Err(NotMeant::Phone(_) | NotMeant::Email(_)) => {
            let page = page(&state, &staff, number, String::new(), true)?;
            return Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
        }
        Err(NotMeant::Flow(error)) => return Err(error.into()),
    };
    // The number stands in no address.
    Ok(Redirect::to(&format!("/staff/stop?said={word}")).into_response())
}
