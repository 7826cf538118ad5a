//! The report's figures as CSV (RFC 4180), without names unless asked for.

use super::{MissedLine, WeekLine};
use kept_domain::report::FunnelStep;
use kept_domain::stats::{Interval, Signal};

/// First line of the figures by group.
pub const LINES_HEADER: &str = "group,fulfilled,noshow,unknown,cancelled_late,rate,low,high";
/// First line of the weekly figures.
pub const WEEKS_HEADER: &str =
    "monday,running,fulfilled,noshow,unknown,cancelled_late,rate,limit_low,limit_high,signal";
/// First line of the funnel.
pub const FUNNEL_HEADER: &str = "step,visits";

/// Begins a file that a person opens in a spreadsheet, so that its letters are read as UTF-8. Programs get what the functions
/// here give, without it.
pub const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// Figures by group, as `kept report missed --csv` prints them.
pub fn lines(lines: &[MissedLine], names: bool) -> String {
    let mut csv = start(LINES_HEADER);
    for line in lines {
        let tally = line.tally;
        let (low, high) = bounds(line.interval);
        row(
            &mut csv,
            &[
                &line.group.word(names),
                &tally.kept.to_string(),
                &tally.noshow.to_string(),
                &tally.unknown.to_string(),
                &tally.cancelled_late.to_string(),
                &share(line.rate),
                &low,
                &high,
            ],
        );
    }
    csv
}

/// The weekly chart's figures.
pub fn weeks(weeks: &[WeekLine]) -> String {
    let mut csv = start(WEEKS_HEADER);
    for week in weeks {
        let (low, high) = bounds(week.point.and_then(|point| point.limits));
        let signal = match week.point.and_then(|point| point.signal) {
            None => "",
            Some(Signal::Above) => "above",
            Some(Signal::Below) => "below",
            Some(Signal::RunAbove) => "run-above",
            Some(Signal::RunBelow) => "run-below",
        };
        row(
            &mut csv,
            &[
                &week.monday.to_string(),
                if week.running { "yes" } else { "no" },
                &week.tally.kept.to_string(),
                &week.tally.noshow.to_string(),
                &week.tally.unknown.to_string(),
                &week.tally.cancelled_late.to_string(),
                &share(week.tally.missed().rate()),
                &low,
                &high,
                signal,
            ],
        );
    }
    csv
}

/// The funnel's figures.
pub fn funnel(steps: &[(FunnelStep, u32)]) -> String {
    let mut csv = start(FUNNEL_HEADER);
    for (step, visits) in steps {
        row(&mut csv, &[step.as_str(), &visits.to_string()]);
    }
    csv
}

fn start(header: &str) -> String {
    format!("{header}\r\n")
}

/// Six digits: more than any count of visits can tell.
fn share(share: Option<f64>) -> String {
    share.map_or_else(String::new, |share| format!("{share:.6}"))
}

fn bounds(interval: Option<Interval>) -> (String, String) {
    (share(interval.map(|one| one.low)), share(interval.map(|one| one.high)))
}

fn row(csv: &mut String, cells: &[&str]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            csv.push(',');
        }
        csv.push_str(&quoted(cell));
    }
    csv.push_str("\r\n");
}

/// Quotes what needs it. A name that a spreadsheet would take for a formula is made text by an apostrophe (OWASP, CSV
/// Injection).
fn quoted(cell: &str) -> String {
    let cell = match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{cell}"),
        _ => cell.to_owned(),
    };
    if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::super::Group;
    use super::*;
    use kept_domain::report::Tally;

    #[test]
    fn names_appear_only_when_asked_for_and_never_as_formulas() {
        let tally = Tally { kept: 90, noshow: 10, ..Tally::default() };
        let group = |name: &str| Group::Practitioner(2, name.to_owned());
        let found = [MissedLine::new(group("=Ruiz, \"Ana\""), tally, true)];
        let interval = tally.missed().wilson().expect("counted");
        let figures = format!("90,10,0,0,0.100000,{:.6},{:.6}", interval.low, interval.high);
        assert_eq!(lines(&found, false), format!("{LINES_HEADER}\r\npractitioner 2,{figures}\r\n"));
        assert_eq!(lines(&found, true), format!("{LINES_HEADER}\r\n\"'=Ruiz, \"\"Ana\"\"\",{figures}\r\n"));
    }

    #[test]
    fn few_visits_show_counts_only() {
        let tally = Tally { kept: 18, noshow: 1, ..Tally::default() };
        let found = [MissedLine::new(Group::Without, tally, true)];
        assert_eq!(lines(&found, true), format!("{LINES_HEADER}\r\nnone,18,1,0,0,,,\r\n"));
        assert_eq!(funnel(&[(FunnelStep::Sent, 4)]), "step,visits\r\nsent,4\r\n");
    }
}
