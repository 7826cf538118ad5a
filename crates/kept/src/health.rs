//! Whether the process lives and whether it is of use, for load balancers and people.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use kept_flow::Flow;
use kept_store::{Scope, SweepState};
use serde_json::json;

/// `/health/live`: the process answers. `/health/ready`: the database answers too; tells the age of each sweep's last
/// success in seconds. Neither tells anything of a practice.
pub fn routes(flow: Flow) -> Router {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready)).with_state(flow)
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(flow): State<Flow>) -> Response {
    match sweeps(&flow).await {
        Ok(sweeps) => {
            let now = flow.clock.wall();
            let sweeps: Vec<_> = sweeps
                .iter()
                .map(|sweep| json!({ "name": sweep.name, "age_s": age_s(sweep, now), "failures": sweep.failures }))
                .collect();
            Json(json!({ "ready": true, "database": "answers", "sweeps": sweeps })).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "not ready");
            let body = Json(json!({ "ready": false, "database": "does not answer", "sweeps": [] }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

/// Every sweep that ever ran.
pub async fn sweeps(flow: &Flow) -> Result<Vec<SweepState>, kept_store::StoreError> {
    flow.store.read(Scope::Work).await?.sweep_states().await
}

/// Seconds since a sweep last came to its end; none if it never did.
pub fn age_s(sweep: &SweepState, now: kept_domain::Instant) -> Option<i64> {
    sweep.succeeded_at.map(|at| (now - at).num_seconds().max(0))
}
