//! Logs: to standard error, for people or as JSON. What is never logged stands in docs/LOGGING.md.

use crate::config::LogFormat;
use crate::exit::{Exit, Failure};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Parts whose lines hold values of statements or requests, and the most that each may say whatever is asked for.
///
/// `sqlx` prints the text of statements at `debug`; `hyper` and `reqwest` print addresses and headers, and `axum` the words of a
/// form or address that it refuses, at `trace`.
const KEPT_QUIET: &[(&str, Level)] = &[
    ("sqlx", Level::WARN),
    ("axum", Level::INFO),
    ("hyper", Level::INFO),
    ("hyper_util", Level::INFO),
    ("reqwest", Level::INFO),
    ("rustls", Level::INFO),
    ("h2", Level::INFO),
    ("lettre", Level::INFO),
];

/// Whether a line may be written as far as [`KEPT_QUIET`] goes. Also `log = "trace,axum::rejection=trace"` does not get past it.
fn is_harmless(metadata: &Metadata<'_>) -> bool {
    let part = metadata.target().split("::").next().unwrap_or_default();
    KEPT_QUIET.iter().all(|(quiet, most)| part != *quiet || metadata.level() <= most)
}

/// Starts logging. Call once.
pub fn start(format: LogFormat, filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| Failure::new(Exit::Config, format!("`log`: {error}")))?;
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_harmless));
    let started = match format {
        LogFormat::Human => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry.with(fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_target(false)).try_init()
        }
        LogFormat::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
            registry.with(layer.with_writer(std::io::stderr)).try_init()
        }
    };
    started.map_err(|error| Failure::of(Exit::Software, error))
}
