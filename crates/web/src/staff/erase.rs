//! "Erase this patient", at one of their visits; for administrators.

use super::today::visit_id;
use super::visit::back;
use super::{Access, Staff};
use crate::error::WebError;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use kept_flow::FlowError;
use kept_flow::audit::Actor;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Sure {
    #[serde(default)]
    sure: String,
}

pub(super) async fn erase(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Form(form): Form<Sure>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let id = visit_id(&visit)?;
    if form.sure != "yes" {
        return Ok(back(&id, "erase-sure"));
    }
    match state.flow.erase_patient(staff.practice.practice.id, id, Actor::Staff(staff.staff)).await {
        Ok(_) => Ok(back(&id, "erased")),
        Err(FlowError::VisitsToCome { .. }) => Ok(back(&id, "erase-visits")),
        Err(FlowError::MessagesUnderWay { .. }) => Ok(back(&id, "erase-messages")),
        Err(error) => Err(error.into()),
    }
}
