//! `kept report missed`: missed visits of a period by group, with their uncertainty.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use chrono::NaiveDate;
use clap::Subcommand;
use kept_domain::report::Dimension;
use kept_flow::report::{MissedLine, Period, csv};
use serde::Serialize;

/// Arguments of `kept report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which report
    #[command(subcommand)]
    report: Report,
}

#[derive(Debug, Subcommand)]
enum Report {
    /// Missed visits: noshow / (kept + noshow), with Wilson's 95 % interval
    Missed(Missed),
}

#[derive(Debug, clap::Args)]
struct Missed {
    /// First local day of the visits, e.g. 2026-05-25
    #[arg(long, value_name = "DAY")]
    from: NaiveDate,
    /// Last local day of the visits; today counts what is already marked
    #[arg(long, value_name = "DAY")]
    to: NaiveDate,
    /// Tell visits apart: practitioner, location, weekday, hour, lead, channel, answer, visit-type
    #[arg(long, value_name = "GROUP", default_value = "all", hide_default_value = true)]
    by: Dimension,
    /// Print JSON: one object a line
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV; people and kinds of visit by their place in file order
    #[arg(long)]
    csv: bool,
    /// Write names into the CSV
    #[arg(long, requires = "csv")]
    names: bool,
    /// Short name of the practice [default: the only one]
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
}

/// One line of JSON. `rate`, `low` and `high` are null below 20 known outcomes, and without a reminder by channel.
#[derive(Debug, Serialize)]
struct Line {
    group: String,
    fulfilled: u32,
    noshow: u32,
    unknown: u32,
    cancelled_late: u32,
    rate: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

impl From<&MissedLine> for Line {
    fn from(line: &MissedLine) -> Self {
        Self {
            group: line.group.word(true),
            fulfilled: line.tally.kept,
            noshow: line.tally.noshow,
            unknown: line.tally.unknown,
            cancelled_late: line.tally.cancelled_late,
            rate: line.rate,
            low: line.interval.map(|one| one.low),
            high: line.interval.map(|one| one.high),
        }
    }
}

/// Runs `kept report`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Report::Missed(args) = args.report;
    let period = Period::new(args.from, args.to).map_err(|error| Failure::of(Exit::Usage, error))?;
    let flow = open::flow(&context.config).await?;
    let practice = flow.practice_for_command(args.practice.as_deref()).await?.practice.id;
    let lines = flow.missed_lines(practice, period, args.by).await?;
    if args.csv {
        output::line(csv::lines(&lines, args.names).trim_end())?;
    } else if args.json {
        for line in &lines {
            output::json(&Line::from(line))?;
        }
    } else {
        table(&lines)?;
    }
    Ok(Exit::Ok)
}

fn table(lines: &[MissedLine]) -> Result<(), Failure> {
    if lines.is_empty() {
        output::say("There are no visits in this period. Import a schedule with `kept import`, or choose other days.");
        return Ok(());
    }
    let width = lines.iter().map(|line| line.group.word(true).chars().count()).max().unwrap_or(0).max(5);
    output::line(format_args!(
        "{:width$}     kept   missed  unknown  cancelled late     rate   95 % interval",
        "group"
    ))?;
    for line in lines {
        let (group, tally) = (line.group.word(true), line.tally);
        let rate = line.rate.map_or_else(|| "too few".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
        let interval =
            line.interval.map_or_else(String::new, |one| format!("{:.1} – {:.1} %", one.low * 100.0, one.high * 100.0));
        output::line(
            format_args!(
                "{group:width$} {:8} {:8} {:8} {:15} {rate:>8}   {interval}",
                tally.kept, tally.noshow, tally.unknown, tally.cancelled_late
            )
            .to_string()
            .trim_end(),
        )?;
    }
    Ok(())
}
