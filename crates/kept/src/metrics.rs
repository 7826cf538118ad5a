//! Metrics as Prometheus text, on a listener of their own: never on the public address.

use crate::exit::{Exit, Failure};
use crate::health;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use kept_flow::Flow;
use kept_store::Scope;
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
    match backlog(&metrics.flow).await {
        #[expect(clippy::cast_precision_loss, reason = "a count of rows is far below 2^53")]
        Ok(due) => metrics::gauge!("kept_notices_due").set(due as f64),
        Err(error) => tracing::warn!(%error, "metrics without the backlog"),
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

/// Messages that are due and that nobody has taken up: an index holds them and little else.
async fn backlog(flow: &Flow) -> Result<i64, kept_store::StoreError> {
    flow.store.read(Scope::Work).await?.due_notices_count(flow.clock.civil()).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }

    /// `name{label}` of every metric that the code keeps, as far as both stand on the macro's own line.
    fn kept() -> BTreeSet<String> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crates");
        let mut files = Vec::new();
        sources(crates, &mut files);
        let mut names = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(&file).expect("UTF-8");
            for macro_name in ["counter", "gauge", "histogram"] {
                for rest in text.split(&format!("metrics::{macro_name}!(\"")).skip(1) {
                    // `name", "label" => …, "label" => …).`, or `name").`
                    let call: Vec<&str> = rest.split(").").next().unwrap_or_default().split('"').collect();
                    let labels: Vec<&str> = call
                        .windows(2)
                        .filter(|pair| pair[1].trim_start().starts_with("=>"))
                        .map(|pair| pair[0])
                        .collect();
                    let name = call.first().copied().unwrap_or_default();
                    let label = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                    names.insert(format!("{name}{label}"));
                }
            }
        }
        names
    }

    #[test]
    fn the_document_lists_every_metric_and_no_other() {
        let document = include_str!("../../../docs/LOGGING.md");
        let table = document.split("| metric | what |").nth(1).expect("the table of metrics");
        let listed: BTreeSet<String> =
            table.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned())).collect();
        assert_eq!(listed, kept());
    }
}
