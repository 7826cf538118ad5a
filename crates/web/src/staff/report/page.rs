//! Figures into words, charts and rows.

use super::Choice;
use kept_domain::Locale;
use kept_domain::report::{Dimension, LeadBand, Tally};
use kept_domain::stats::{self, Difference, Interval};
use kept_flow::report::{Group, MissedLine, MissedReport, WeekLine};
use kept_render::report::{Before, Change, Figures, FunnelRow, GroupRow, MissedPage, WeekRow, signal_word};
use kept_render::staff::Frame;
use kept_render::{RenderError, Renderer, chart, words};

/// A change smaller than this many percentage points shows as 0.0.
const SMALLEST_CHANGE: f64 = 0.05;

/// Everything the template needs.
pub(super) fn context(
    render: &Renderer,
    locale: Locale,
    frame: Frame,
    report: &MissedReport,
    choice: Choice,
) -> Result<MissedPage, RenderError> {
    let Choice { period, by, year, problem } = choice;
    let (before_period, before) = &report.before;
    let sentence = weeks_sentence(render, locale, report)?;
    let scale = chart::ceiling(report.groups.iter().filter_map(|line| line.interval).map(|one| one.high));
    let groups = report
        .groups
        .iter()
        .map(|line| group_row(render, locale, by, line, report.whole.rate, scale))
        .collect::<Result<Vec<_>, _>>()?;
    let differing = differing(locale, report, &groups);
    let sent = report.funnel.first().map_or(0, |(_, visits)| *visits);
    Ok(MissedPage {
        frame,
        from: period.from(),
        to: period.to(),
        today: report.today,
        problem,
        by,
        dimensions: Dimension::ALL.iter().copied().filter(|one| *one != Dimension::All).collect(),
        year,
        whole: figures(report.whole.tally, report.whole.rate, report.whole.interval),
        due: report.whole.tally.due(),
        before: Before {
            from: before_period.from(),
            to: before_period.to(),
            rate: before.rate,
            change: report.change.map(change),
        },
        chart: weekly(render, locale, report, &sentence)?,
        weeks_sentence: sentence,
        weeks: report.weeks.iter().map(week_row).collect(),
        centre: report.centre,
        least_weeks: stats::LEAST_WEEKS,
        least_for_rate: stats::LEAST_FOR_RATE,
        groups,
        differing,
        scale,
        funnel: funnel(report, sent),
        sent,
        kept: report.funnel.last().map_or(0, |(_, visits)| *visits),
        late_hours: report.late_hours,
        query: format!(
            "from={}&to={}&by={by}&compare={}",
            period.from(),
            period.to(),
            if year { "year" } else { "previous" }
        ),
    })
}

fn figures(tally: Tally, rate: Option<f64>, interval: Option<Interval>) -> Figures {
    Figures {
        kept: tally.kept,
        missed: tally.noshow,
        unknown: tally.unknown,
        cancelled_late: tally.cancelled_late,
        rate,
        low: interval.map(|one| one.low),
        high: interval.map(|one| one.high),
    }
}

fn change(difference: Difference) -> Change {
    let points = difference.by * 100.0;
    let direction = match points {
        less if less <= -SMALLEST_CHANGE => "lower",
        more if more >= SMALLEST_CHANGE => "higher",
        _ => "same",
    };
    Change {
        direction,
        points: points.abs(),
        low: difference.interval.low * 100.0,
        high: difference.interval.high * 100.0,
        unusual: difference.is_unusual(),
    }
}

fn signals(report: &MissedReport) -> usize {
    let signal = |week: &&WeekLine| !week.running && week.point.is_some_and(|point| point.signal.is_some());
    report.weeks.iter().filter(signal).count()
}

fn weeks_sentence(render: &Renderer, locale: Locale, report: &MissedReport) -> Result<String, RenderError> {
    match (report.centre, signals(report)) {
        (None, _) => render.phrase(locale, "report.weeks.few", &[("least", &stats::LEAST_WEEKS)]),
        (Some(_), 0) => render.phrase(locale, "report.weeks.calm", &[]),
        (Some(_), found) => render.phrase(locale, "report.weeks.signals", &[("n", &found)]),
    }
}

fn weekly(render: &Renderer, locale: Locale, report: &MissedReport, sentence: &str) -> Result<String, RenderError> {
    let mut weeks = Vec::with_capacity(report.weeks.len());
    for week in &report.weeks {
        let missed = week.tally.missed();
        let rate = missed.rate();
        let tip = match rate {
            None => String::new(),
            Some(rate) => render.phrase(
                locale,
                "report.weeks.tip",
                &[
                    ("day", &words::short_date(locale, week.monday)),
                    ("missed", &missed.hits),
                    ("known", &missed.trials),
                    ("rate", &words::percent(locale, rate)),
                ],
            )?,
        };
        weeks.push(chart::Week {
            label: words::short_date(locale, week.monday),
            tip,
            rate,
            limits: week.point.and_then(|point| point.limits),
            signal: week.point.and_then(|point| point.signal),
            running: week.running,
        });
    }
    let average = match report.centre {
        None => None,
        Some(centre) => {
            let label = words::percent(locale, centre);
            Some((centre, render.phrase(locale, "report.weeks.average", &[("rate", &label)])?))
        }
    };
    Ok(chart::Weekly {
        locale,
        id: "weeks",
        title: &render.phrase(locale, "report.weeks.chart", &[])?,
        description: &render.phrase(locale, "report.weeks.description", &[("sentence", &sentence)])?,
        weeks: &weeks,
        centre: average.as_ref().map(|(centre, label)| (*centre, label.as_str())),
    }
    .svg())
}

fn week_row(week: &WeekLine) -> WeekRow {
    let limits = week.point.and_then(|point| point.limits);
    WeekRow {
        monday: week.monday,
        figures: figures(week.tally, week.tally.missed().rate(), None),
        limits: limits.map(|one| (one.low, one.high)),
        signal: week.point.and_then(|point| point.signal).filter(|_| !week.running).map(signal_word),
        running: week.running,
    }
}

fn group_row(
    render: &Renderer,
    locale: Locale,
    by: Dimension,
    line: &MissedLine,
    whole: Option<f64>,
    scale: f64,
) -> Result<GroupRow, RenderError> {
    let dot = line.rate.zip(line.interval).map(|(rate, interval)| chart::dot(rate, interval, whole, scale));
    Ok(GroupRow {
        label: label(render, locale, by, &line.group)?,
        figures: figures(line.tally, line.rate, line.interval),
        dot,
    })
}

fn label(render: &Renderer, locale: Locale, by: Dimension, group: &Group) -> Result<String, RenderError> {
    let phrase = |key: String| render.phrase(locale, &key, &[]);
    Ok(match group {
        Group::All => phrase("report.group.all".to_owned())?,
        Group::Practitioner(_, name) | Group::VisitType(_, name) | Group::Location(name) => name.clone(),
        Group::Weekday(day) => {
            let day = chrono::Weekday::try_from(day.saturating_sub(1)).unwrap_or(chrono::Weekday::Mon);
            words::weekday(locale, day).to_owned()
        }
        Group::Hour(hour) => {
            let at = |hour: u8| {
                let time = chrono::NaiveTime::from_hms_opt(u32::from(hour % 24), 0, 0).unwrap_or_default();
                words::time(locale, time)
            };
            render.phrase(locale, "report.group.hour", &[("from", &at(*hour)), ("to", &at(hour.saturating_add(1)))])?
        }
        Group::Lead(LeadBand::Days60) => phrase("report.group.lead.60".to_owned())?,
        Group::Lead(band) => phrase(format!("report.group.lead.{band}"))?,
        Group::Channel(channel) => phrase(format!("report.group.channel.{channel}"))?,
        Group::Answer(answer) => phrase(format!("report.group.answer.{answer}"))?,
        Group::Without => phrase(format!("report.group.none.{by}"))?,
    })
}

/// Groups whose interval leaves the whole out.
fn differing(locale: Locale, report: &MissedReport, rows: &[GroupRow]) -> Option<String> {
    let whole = report.whole.rate?;
    let lines = report.groups.iter().zip(rows);
    let names: Vec<&str> = lines
        .filter(|(line, _)| line.interval.is_some_and(|one| one.low > whole || one.high < whole))
        .map(|(_, row)| row.label.as_str())
        .collect();
    (!names.is_empty()).then(|| words::list(locale, &names))
}

fn funnel(report: &MissedReport, sent: u32) -> Vec<FunnelRow> {
    let mut before = None;
    let share = |n: u32, of: u32| (of > 0).then(|| f64::from(n) / f64::from(of));
    let row = |(step, visits): &(kept_domain::report::FunnelStep, u32)| {
        let of_before = before.replace(*visits).and_then(|of| share(*visits, of));
        FunnelRow { step: step.as_str(), n: *visits, of_before, bar: chart::bar(share(*visits, sent).unwrap_or(0.0)) }
    };
    report.funnel.iter().map(row).collect()
}
