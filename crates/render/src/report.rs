//! The manager's page: missed visits with their uncertainty, the definitions printed beside the figures.

use crate::Template;
use crate::chart;
use crate::samples::Sampled;
use crate::staff::Frame;
use chrono::NaiveDate;
use kept_domain::report::Dimension;
use kept_domain::stats::{Interval, Share, Signal, control_chart};
use serde::Serialize;

/// `/staff/report`.
#[derive(Debug, Clone, Serialize)]
pub struct MissedPage {
    /// What every page of the desk has.
    pub frame: Frame,
    /// First day asked for.
    pub from: NaiveDate,
    /// Last day asked for.
    pub to: NaiveDate,
    /// The day at the practice, which has not ended.
    pub today: NaiveDate,
    /// What was wrong with the period asked for: the key of a phrase, `report.problem.…` without the beginning.
    pub problem: Option<&'static str>,
    /// By what the groups are told apart.
    pub by: Dimension,
    /// All that they may be told apart by.
    pub dimensions: Vec<Dimension>,
    /// Compared with a year before instead of the period before.
    pub year: bool,
    /// All visits of the period.
    pub whole: Figures,
    /// Visits that should have an outcome.
    pub due: u32,
    /// What the period is compared with.
    pub before: Before,
    /// The weekly chart, as SVG.
    pub chart: String,
    /// What the chart shows, in a sentence.
    pub weeks_sentence: String,
    /// Its figures.
    pub weeks: Vec<WeekRow>,
    /// Share of missed visits over all whole weeks; none below 12.
    pub centre: Option<f64>,
    /// Whole weeks that a control chart needs.
    pub least_weeks: usize,
    /// Known outcomes that a rate needs.
    pub least_for_rate: u32,
    /// The groups.
    pub groups: Vec<GroupRow>,
    /// Names of groups that differ from the whole by more than chance usually explains, as a list in words.
    pub differing: Option<String>,
    /// End of the scale of the dots, a share.
    pub scale: f64,
    /// From reminder to visit.
    pub funnel: Vec<FunnelRow>,
    /// Visits at the first step.
    pub sent: u32,
    /// Visits at the last step.
    pub kept: u32,
    /// Hours before the start below which a cancellation is late.
    pub late_hours: u16,
    /// Query of the page, to ask for the same figures as CSV.
    pub query: String,
}

/// The figures of some visits.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Came.
    pub kept: u32,
    /// Did not come.
    pub missed: u32,
    /// Nobody said.
    pub unknown: u32,
    /// Called off too late.
    pub cancelled_late: u32,
    /// Missed / (kept + missed), where enough is known.
    pub rate: Option<f64>,
    /// Lower bound of the 95 % interval.
    pub low: Option<f64>,
    /// Upper bound.
    pub high: Option<f64>,
}

/// The period compared with.
#[derive(Debug, Clone, Serialize)]
pub struct Before {
    /// Its first day.
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
    /// Its missed rate, where enough is known.
    pub rate: Option<f64>,
    /// The change, where both rates are known.
    pub change: Option<Change>,
}

/// A change of the missed rate.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// `lower`, `higher` or `same`.
    pub direction: &'static str,
    /// How much, without sign, in percentage points.
    pub points: f64,
    /// Lower bound with sign, in percentage points.
    pub low: f64,
    /// Upper bound with sign, in percentage points.
    pub high: f64,
    /// Whether chance alone is a poor explanation.
    pub unusual: bool,
}

/// A row of the weekly chart's table.
#[derive(Debug, Clone, Serialize)]
pub struct WeekRow {
    /// Its Monday.
    pub monday: NaiveDate,
    /// Its figures; the rate stands also below 20 known outcomes, because the limits say how much it means.
    pub figures: Figures,
    /// Lower and upper limit, in shares.
    pub limits: Option<(f64, f64)>,
    /// `above`, `below`, `run-above` or `run-below`.
    pub signal: Option<&'static str>,
    /// It has not ended.
    pub running: bool,
}

/// A row of a dot plot.
#[derive(Debug, Clone, Serialize)]
pub struct GroupRow {
    /// The group, in the reader's words.
    pub label: String,
    /// Its figures.
    pub figures: Figures,
    /// Dot and interval, as SVG.
    pub dot: Option<String>,
}

/// A step of the funnel.
#[derive(Debug, Clone, Serialize)]
pub struct FunnelRow {
    /// `sent`, `delivered`, `identified`, `confirmed`, `kept`.
    pub step: &'static str,
    /// Visits that got so far.
    pub n: u32,
    /// Share of the step before.
    pub of_before: Option<f64>,
    /// Share of the first step, as SVG.
    pub bar: String,
}

/// The word of a signal in phrases and CSV.
pub const fn signal_word(signal: Signal) -> &'static str {
    match signal {
        Signal::Above => "above",
        Signal::Below => "below",
        Signal::RunAbove => "run-above",
        Signal::RunBelow => "run-below",
    }
}

impl Template for MissedPage {
    const NAME: &'static str = "web/report/missed.html";

    fn samples() -> Vec<Self> {
        vec![full(), empty()]
    }
}

/// For [`crate::samples::all`].
pub(crate) fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<MissedPage>()]
}

fn figures(missed: u32, kept: u32) -> Figures {
    let share = Share { hits: missed, trials: missed + kept };
    let interval = share.wilson().filter(|_| share.is_enough());
    Figures {
        kept,
        missed,
        unknown: 3,
        cancelled_late: 5,
        rate: share.rate().filter(|_| share.is_enough()),
        low: interval.map(|one| one.low),
        high: interval.map(|one| one.high),
    }
}

fn empty() -> MissedPage {
    let day = NaiveDate::default();
    MissedPage {
        frame: Frame::sample("report"),
        from: day,
        to: day,
        today: day,
        problem: Some("backwards"),
        by: Dimension::Channel,
        dimensions: Dimension::ALL.to_vec(),
        year: true,
        whole: Figures { unknown: 0, ..figures(0, 0) },
        due: 0,
        before: Before { from: day, to: day, rate: None, change: None },
        chart: String::new(),
        weeks_sentence: "No week stands out.".to_owned(),
        weeks: Vec::new(),
        centre: None,
        least_weeks: 12,
        least_for_rate: 20,
        groups: Vec::new(),
        differing: None,
        scale: 0.05,
        funnel: Vec::new(),
        sent: 0,
        kept: 0,
        late_hours: 24,
        query: String::new(),
    }
}

fn full() -> MissedPage {
    let monday = |week: u64| NaiveDate::default() + chrono::Days::new(4 + 7 * week);
    let missed = [6_u32, 8, 5, 7, 9, 6, 22, 7, 5, 8, 6, 7, 3, 2, 4, 3, 2, 3, 4, 2, 3, 1];
    let shares = missed.map(|hits| Share { hits, trials: 80 });
    let control = control_chart(&shares[..21]);
    let mut weeks = Vec::new();
    let mut drawn = Vec::new();
    for (week, share) in (0..).zip(shares) {
        let place = usize::try_from(week).unwrap_or(usize::MAX);
        let point = control.as_ref().and_then(|chart| chart.points.get(place));
        let limits: Option<Interval> = point.and_then(|point| point.limits);
        let signal = point.and_then(|point| point.signal);
        let running = place == 21;
        drawn.push(chart::Week {
            label: crate::words::short_date(kept_domain::Locale::En, monday(week)),
            tip: String::new(),
            rate: share.rate(),
            limits,
            signal,
            running,
        });
        weeks.push(WeekRow {
            monday: monday(week),
            figures: figures(share.hits, share.trials - share.hits),
            limits: limits.map(|one| (one.low, one.high)),
            signal: signal.map(signal_word),
            running,
        });
    }
    let centre = control.map(|chart| chart.centre);
    let weekly = chart::Weekly {
        locale: kept_domain::Locale::En,
        id: "weeks",
        title: "Missed visits by week",
        description: "Sample",
        weeks: &drawn,
        centre: centre.map(|centre| (centre, "average")),
    };
    let scale = 0.2;
    let groups = [("Ana Ruiz", 30, 300), ("Ben Shah", 60, 290), ("Locum", 1, 12)].map(|(label, missed, kept)| {
        let figures = figures(missed, kept);
        let interval = figures.low.zip(figures.high).map(|(low, high)| Interval { low, high });
        let dot = figures.rate.zip(interval).map(|(rate, interval)| chart::dot(rate, interval, Some(0.1), scale));
        GroupRow { label: label.to_owned(), figures, dot }
    });
    let steps = [("sent", 700, None), ("delivered", 690, Some(0.986)), ("kept", 500, Some(0.72))];
    let funnel =
        steps.map(|(step, n, of_before)| FunnelRow { step, n, of_before, bar: chart::bar(f64::from(n) / 700.0) });
    let change = Change { direction: "lower", points: 1.3, low: -3.1, high: 0.5, unusual: false };
    MissedPage {
        problem: None,
        by: Dimension::Practitioner,
        year: false,
        whole: Figures { unknown: 37, ..figures(91, 602) },
        due: 730,
        before: Before { rate: Some(0.144), change: Some(change), ..empty().before },
        chart: weekly.svg(),
        weeks,
        centre,
        groups: groups.into(),
        differing: Some("Ben Shah".to_owned()),
        scale,
        funnel: funnel.into(),
        sent: 700,
        kept: 500,
        query: "from=2026-05-25&to=2026-11-22&by=practitioner".to_owned(),
        ..empty()
    }
}
