//! Logs: to standard error, for people or as JSON. What is never logged stands in docs/LOGGING.md.

use crate::config::LogFormat;
use crate::exit::{Exit, Failure};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Parts whose lines hold values of statements or requests below `info`; they stay at `info` whatever is asked for.
///
/// `sqlx` prints the text of statements at `debug`, `hyper` and `reqwest` print addresses and headers at `trace`.
const KEPT_QUIET: &[&str] = &["sqlx=warn", "hyper=info", "hyper_util=info", "reqwest=info", "rustls=info", "h2=info"];

/// Starts logging. Call once.
pub fn start(format: LogFormat, filter: &str) -> Result<(), Failure> {
    let mut filter =
        EnvFilter::try_new(filter).map_err(|error| Failure::new(Exit::Config, format!("`log`: {error}")))?;
    for directive in KEPT_QUIET {
        filter = filter.add_directive(directive.parse().expect("our own directives are well-formed"));
    }
    let registry = tracing_subscriber::registry().with(filter);
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
