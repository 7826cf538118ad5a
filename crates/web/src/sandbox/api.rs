//! The sandbox's side of the carrier's API.

use super::phone::{Sandbox, Taking};
use crate::state::WebState;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use kept_flow::sandbox::{KEY_HEADER, NotTaken, SUBMIT_TIMEOUT, Submission, Taken};
use std::time::Duration;

/// Longest idempotency key.
const MAX_KEY: usize = 64;
/// A hand-over that times out is answered this long after our side gave up.
const TOO_LATE: Duration = Duration::from_secs(2);

/// `POST /sandbox/carrier/messages`: 201 taken, 200 taken before under the same key, 422 refused, 429 busy, 503 broken.
pub(super) async fn submit(
    State(state): State<WebState>,
    headers: HeaderMap,
    Json(submission): Json<Submission>,
) -> Response {
    let Some(sandbox) = &state.sandbox else { return StatusCode::NOT_FOUND.into_response() };
    let key = headers.get(KEY_HEADER).and_then(|value| value.to_str().ok()).filter(|key| key.len() <= MAX_KEY);
    let Some(key) = key else {
        return (StatusCode::BAD_REQUEST, "Send an Idempotency-Key of at most 64 characters.\n").into_response();
    };
    // It calls back to us and to nobody else, whatever address it is given.
    let hooks = format!("{}/hooks/", state.settings.public_url);
    if !submission.status_url.starts_with(&hooks) || !submission.inbound_url.starts_with(&hooks) {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(NotTaken { code: "foreign-webhook".to_owned() }))
            .into_response();
    }
    answer(sandbox, key, submission).await
}

async fn answer(sandbox: &Sandbox, key: &str, submission: Submission) -> Response {
    let known = sandbox.taken(key).is_some();
    match sandbox.submit(key, submission) {
        Taking::Taken { id, slow } => {
            if slow {
                tokio::time::sleep(SUBMIT_TIMEOUT + TOO_LATE).await;
            }
            let status = if known { StatusCode::OK } else { StatusCode::CREATED };
            (status, Json(Taken { id })).into_response()
        }
        Taking::Busy => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "5")]).into_response(),
        Taking::Broken => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Taking::Refused(code) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(NotTaken { code: code.to_owned() })).into_response()
        }
    }
}

/// `GET /sandbox/carrier/messages/{key}`: what became of a key.
pub(super) async fn look_up(State(state): State<WebState>, Path(key): Path<String>) -> Response {
    match state.sandbox.as_ref().and_then(|sandbox| sandbox.taken(&key)) {
        Some(id) => Json(Taken { id }).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
