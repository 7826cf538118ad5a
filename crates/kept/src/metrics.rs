//! Metrics as Prometheus text, on a listener of their own: never on the public address.

use crate::exit::{Exit, Failure};
use crate::health;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use kept_flow::Flow;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// How often old observations are folded, so that memory stays bounded while nobody reads.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Where the crates below put what they count.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    flow: Flow,
}

impl Metrics {
    /// Installs the recorder of this process. Call once.
    pub fn install(flow: Flow) -> Result<Self, Failure> {
        let handle = PrometheusBuilder::new().install_recorder().map_err(|error| Failure::of(Exit::Software, error))?;
        Ok(Self { handle, flow })
    }

    /// The router of the metrics' own listener.
    pub fn routes(self) -> Router {
        Router::new().route("/metrics", get(render)).with_state(self)
    }

    /// Folds old observations from time to time, for ever.
    pub async fn keep_up(self) {
        let mut every = tokio::time::interval(UPKEEP_EVERY);
        loop {
            every.tick().await;
            self.handle.run_upkeep();
        }
    }
}

async fn render(State(metrics): State<Metrics>) -> String {
    match health::sweeps(&metrics.flow).await {
        Ok(sweeps) => {
            metrics::gauge!("kept_database_up").set(1.0);
            for sweep in sweeps {
                if let Some(age_s) = sweep.age_s {
                    #[expect(clippy::cast_precision_loss, reason = "an age in seconds is far below 2^53")]
                    metrics::gauge!("kept_sweep_age_seconds", "sweep" => sweep.name).set(age_s as f64);
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, "metrics without the sweeps");
            metrics::gauge!("kept_database_up").set(0.0);
        }
    }
    match metrics.flow.rotations().await {
        Ok(rotations) => {
            let left: u64 = rotations.iter().map(|rotation| rotation.left).sum();
            #[expect(clippy::cast_precision_loss, reason = "a count of rows is far below 2^53")]
            metrics::gauge!("kept_reseal_left").set(left as f64);
        }
        Err(error) => tracing::warn!(%error, "metrics without the changes of keys"),
    }
    metrics.handle.render()
}
