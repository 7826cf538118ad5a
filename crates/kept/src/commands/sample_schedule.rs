//! `kept sample-schedule`: a made-up schedule shaped like a real export, for trials and load.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use chrono::{Days, NaiveDate};
use kept_flow::intake::{limits, sample::Sample};
use kept_flow::{Clock as _, SystemClock};
use std::io::Write as _;

/// How many days before today the schedule begins, so that it has visits with outcomes and visits to come.
const DAYS_BACK: u64 = 28;

/// Arguments of `kept sample-schedule`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many visits
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=limits::MAX_ROWS as i64))]
    visits: u32,
    /// Chooses everything that is left to chance: the same seed and dates make the same file
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// First day with visits [default: four weeks before today]
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Visits before this day have an outcome [default: today, in UTC]
    #[arg(long, value_name = "DATE")]
    today: Option<NaiveDate>,
}

/// Runs `kept sample-schedule`.
#[expect(clippy::unused_async, reason = "commands are run alike")]
pub async fn run(args: Args, _context: &Context) -> Result<Exit, Failure> {
    let today = args.today.unwrap_or_else(|| SystemClock.civil().utc().date_naive());
    let from = args.from.unwrap_or(today - Days::new(DAYS_BACK));
    let csv = Sample::new(args.visits as usize, args.seed, from, today).to_csv();
    let mut out = std::io::stdout().lock();
    out.write_all(csv.as_bytes()).and_then(|()| out.flush())?;
    Ok(Exit::Ok)
}
