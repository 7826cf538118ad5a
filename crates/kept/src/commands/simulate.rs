//! `kept simulate`: every message of a stretch of time before it goes out, and why the others will not.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use kept_domain::Instant;
use kept_domain::time::resolve_local;
use kept_flow::simulate::{Decided, SimulatedLine};
use serde::Serialize;

/// Arguments of `kept simulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From when: a day, a day and time at the practice (2026-12-01T08:00), or a time with an offset
    #[arg(long, value_name = "TIME", value_parser = read_when)]
    from: When,
    /// Until when; a day is not part of it itself
    #[arg(long, value_name = "TIME", value_parser = read_when)]
    to: When,
    /// Print JSON: one object a line
    #[arg(long)]
    json: bool,
    /// Short name of the practice [default: the only one]
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
}

/// A time as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    At(Instant),
    Local(NaiveDateTime),
}

impl When {
    fn resolve(self, zone: Tz) -> Instant {
        match self {
            Self::At(at) => at,
            Self::Local(local) => resolve_local(zone, local),
        }
    }
}

fn read_when(text: &str) -> Result<When, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(When::At(at.to_utc().into()));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(When::Local(day.and_time(NaiveTime::MIN)));
    }
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    local.map(When::Local).ok_or_else(|| "write a day (2026-12-01) or a time (2026-12-01T08:00)".to_owned())
}

#[derive(Debug, Serialize)]
struct Line {
    appointment: String,
    step: String,
    channel: &'static str,
    due_at: String,
    local_time: String,
    decision: &'static str,
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    text: Option<String>,
    segments: Option<usize>,
}

impl From<&SimulatedLine> for Line {
    fn from(line: &SimulatedLine) -> Self {
        Self {
            appointment: line.appointment.to_string(),
            step: line.step.to_string(),
            channel: line.channel.as_str(),
            due_at: line.due_at.rfc3339_in(Tz::UTC),
            local_time: line.due_at.rfc3339_in(line.zone),
            decision: line.decision.as_str(),
            reason: line.reason.map(kept_domain::SkipReason::as_str),
            subject: line.subject.clone(),
            text: line.text.clone(),
            segments: line.segments,
        }
    }
}

/// Runs `kept simulate`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let flow = open::flow(&context.config).await?;
    let practice = flow.practice_for_command(args.practice.as_deref()).await?;
    let zone = practice.practice.time_zone;
    let (from, to) = (args.from.resolve(zone), args.to.resolve(zone));
    if to <= from {
        let said = "--to must be later than --from: exchange them, or, for one day, name the day after in --to";
        return Err(Failure::new(Exit::Usage, said));
    }
    let lines = flow.simulate(practice.practice.id, from, to).await?;
    if args.json {
        for line in &lines {
            output::json(&Line::from(line))?;
        }
        return Ok(Exit::Ok);
    }
    for line in &lines {
        let local = line.due_at.local(line.zone).format("%a %Y-%m-%d %H:%M");
        let what = match (&line.text, line.reason) {
            // Of a mail the subject: the text has many lines.
            (Some(text), _) => line.subject.as_deref().unwrap_or(text),
            (None, Some(reason)) => reason.sentence(),
            (None, None) => "",
        };
        let (decision, channel, step) = (line.decision.as_str(), line.channel.as_str(), line.step.to_string());
        output::line(format_args!("{local}  {decision:<4}  {channel:<5}  {step:<19}  {}  {what}", line.appointment))?;
    }
    let sends = lines.iter().filter(|line| line.decision == Decided::Send).count();
    output::say(format_args!("{sends} reminders would be sent, {} would not.", lines.len() - sends));
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let zone = chrono_tz::America::New_York;
        let at = |text| read_when(text).unwrap().resolve(zone).rfc3339_in(zone);
        assert_eq!(at("2026-12-01"), "2026-12-01T00:00:00-05:00");
        assert_eq!(at("2026-07-01T08:30"), "2026-07-01T08:30:00-04:00");
        assert_eq!(at("2026-07-01 08:30"), "2026-07-01T08:30:00-04:00");
        assert_eq!(at("2026-07-01T08:30:00Z"), "2026-07-01T04:30:00-04:00");
        assert!(read_when("tomorrow").unwrap_err().contains("2026-12-01"));
    }
}
