//! `KEPT_BENCH_STATEMENTS=20`: which statements the time went to, as sqlx saw them. It costs time itself, so that its figures tell where
//! to look and not how fast it is.

use crate::scene::figure;
use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Characters of a statement that are printed.
const SHOWN: usize = 110;

/// How often a statement ran, and for how long.
#[derive(Debug, Default, Clone, Copy)]
struct Spent {
    runs: usize,
    seconds: f64,
}

type Counts = Arc<Mutex<HashMap<String, Spent>>>;

/// What is counted, if anything is.
#[derive(Debug)]
pub(crate) struct Statements {
    counts: Counts,
    shown: usize,
}

struct Counting(Counts);

#[derive(Default)]
struct Seen {
    text: String,
    seconds: f64,
}

impl Visit for Seen {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.seconds = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // The short form stands in `summary`, the whole text beside it where it is longer.
        if field.name() == "db.statement" && !value.is_empty() || field.name() == "summary" && self.text.is_empty() {
            self.text = value.split_whitespace().collect::<Vec<_>>().join(" ");
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl<S: tracing::Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = counts.entry(seen.text).or_default();
        spent.runs += 1;
        spent.seconds += seen.seconds;
    }
}

impl Statements {
    /// Begins to count if that was asked for.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let shown = crate::number("KEPT_BENCH_STATEMENTS", 0)?;
        let counts = Counts::default();
        if shown > 0 {
            let only = Targets::new().with_target("sqlx::query", LevelFilter::DEBUG);
            tracing_subscriber::registry().with(Counting(Arc::clone(&counts)).with_filter(only)).try_init()?;
        }
        Ok(Self { counts, shown })
    }

    /// The longest of what ran since the last time.
    pub(crate) fn told(&self, part: &str) -> String {
        let counts = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let mut all: Vec<(String, Spent)> = counts.into_iter().collect();
        all.sort_by(|(_, a), (_, b)| b.seconds.total_cmp(&a.seconds));
        let mut told = String::new();
        for (text, spent) in all.into_iter().take(self.shown) {
            let each = spent.seconds * 1e3 / figure(spent.runs.max(1));
            let text: String = text.chars().take(SHOWN).collect();
            let _infallible =
                writeln!(told, "{part}: {:8.3} s {:7} × {each:8.3} ms  {text}", spent.seconds, spent.runs);
        }
        told
    }
}
