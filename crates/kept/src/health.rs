//! Whether the process lives and whether it is of use, for load balancers and people.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use kept_domain::Instant;
use kept_flow::{Flow, SWEEPS, Sweep};
use kept_store::{Scope, SweepState};
use serde::Serialize;
use serde_json::json;

/// A sweep is late after so many of its periods …
const LATE_PERIODS: i64 = 5;
/// … and so many seconds more, in which a slow one or a restart fits.
const LATE_GRACE_S: i64 = 120;

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
        Ok(sweeps) => Json(json!({ "ready": true, "database": "answers", "sweeps": sweeps })).into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            let body = Json(json!({ "ready": false, "database": "does not answer", "sweeps": [] }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

/// How a sweep stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepHealth {
    /// Which.
    pub name: &'static str,
    /// Seconds since it last came to its end; none: never.
    pub age_s: Option<i64>,
    /// Seconds between two runs.
    pub every_s: u32,
    /// Failures since it last came to its end.
    pub failures: i64,
    /// Whether it should have come to its end since.
    pub late: bool,
}

impl SweepHealth {
    fn of(sweep: &Sweep, state: Option<&SweepState>, now: Instant) -> Self {
        let age_s = state.and_then(|state| state.succeeded_at).map(|at| (now - at).num_seconds().max(0));
        let patience_s = i64::from(sweep.every_s) * LATE_PERIODS + LATE_GRACE_S;
        Self {
            name: sweep.name,
            age_s,
            every_s: sweep.every_s,
            failures: state.map_or(0, |state| state.failures),
            late: age_s.is_none_or(|age_s| age_s > patience_s),
        }
    }
}

/// Every sweep there is, also one that never ran on this database.
pub async fn sweeps(flow: &Flow) -> Result<Vec<SweepHealth>, kept_store::StoreError> {
    let states = flow.store.read(Scope::Work).await?.sweep_states().await?;
    let now = flow.clock.wall();
    let state = |name: &str| states.iter().find(|state| state.name == name);
    Ok(SWEEPS.iter().map(|sweep| SweepHealth::of(sweep, state(sweep.name), now)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_late_after_some_periods_and_when_it_never_ran() {
        let sweep = Sweep { name: "plan", every_s: 10 };
        let at = |seconds: i64| Instant::from_ms(seconds * 1000);
        let state = SweepState { name: "plan".to_owned(), succeeded_at: Some(at(1000)), failures: 2 };
        let patience_s = 10 * LATE_PERIODS + LATE_GRACE_S;
        let fresh = SweepHealth::of(&sweep, Some(&state), at(1000 + patience_s));
        assert_eq!((fresh.age_s, fresh.failures, fresh.late), (Some(patience_s), 2, false));
        assert!(SweepHealth::of(&sweep, Some(&state), at(1001 + patience_s)).late);
        assert!(SweepHealth::of(&sweep, None, at(0)).late);
        assert_eq!(SweepHealth::of(&sweep, Some(&state), at(0)).age_s, Some(0), "a clock that went back is no age");
    }
}
