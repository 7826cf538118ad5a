//! Webhooks of carriers: raw bytes and headers go to the step that verifies them; nothing is decoded here. One is answered as soon
//! as what it told is committed, and what follows from it goes on without the carrier.

use crate::state::WebState;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::middleware::from_fn;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use kept_flow::receipt::{Hook, HookError, Kind, MAX_HOOK_BYTES, NotTaken};

pub(crate) fn routes() -> Router<WebState> {
    Router::new()
        .route("/hooks/{provider}/{slug}/status", post(status))
        .route("/hooks/{provider}/{slug}/inbound", post(inbound))
        .layer(DefaultBodyLimit::max(MAX_HOOK_BYTES))
        .route_layer(from_fn(crate::trace::route))
}

type Names = Path<(String, String)>;

async fn status(state: State<WebState>, path: Names, query: RawQuery, headers: HeaderMap, body: Bytes) -> StatusCode {
    take(state, path, Kind::Status, query, &headers, &body).await
}

async fn inbound(state: State<WebState>, path: Names, query: RawQuery, headers: HeaderMap, body: Bytes) -> StatusCode {
    take(state, path, Kind::Inbound, query, &headers, &body).await
}

async fn take(
    State(state): State<WebState>,
    Path((provider, slug)): Names,
    kind: Kind,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
    body: &[u8],
) -> StatusCode {
    let hook = Hook { provider: &provider, slug: &slug, kind, query: query.as_deref(), headers, body };
    match state.flow.keep_hook(hook).await {
        Ok(practice) => {
            if let Some(practice) = practice {
                let flow = state.flow.clone();
                tokio::spawn(async move { flow.follow_hooks(practice).await });
            }
            StatusCode::NO_CONTENT
        }
        Err(refused) => {
            let status = status_of(&refused);
            // Neither the error nor the status holds anything of the body.
            tracing::warn!(status = status.as_u16(), error = %refused, "a webhook was not taken");
            status
        }
    }
}

fn status_of(refused: &NotTaken) -> StatusCode {
    match refused {
        NotTaken::NoSuchAddress | NotTaken::Hook(HookError::NoSuchCarrier) => StatusCode::NOT_FOUND,
        NotTaken::Hook(HookError::TooLong) => StatusCode::PAYLOAD_TOO_LARGE,
        NotTaken::Hook(HookError::Malformed) => StatusCode::BAD_REQUEST,
        NotTaken::Hook(HookError::Unsigned | HookError::Forged | HookError::Stale) => StatusCode::UNAUTHORIZED,
        // Ours to mend; the carrier sends it again.
        NotTaken::Flow(_) | NotTaken::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}
