//! Charts as our own SVG: a title, a description, a role, and classes that the style sheet colours in light and dark.
//!
//! No `viewBox`: what lies along the width is in percent, what lies along the height in pixels, so that a chart fills any
//! width while its letters keep their size. No style attributes, which the content security policy would refuse.

use crate::words;
use kept_domain::Locale;
use kept_domain::stats::{Interval, Signal};
use std::fmt::Write as _;

/// Height of a weekly chart in pixels.
pub const WEEKLY_HEIGHT: f64 = 260.0;
/// Room above the plot, below it (weeks), in pixels.
const TOP: f64 = 14.0;
const BOTTOM: f64 = 26.0;
/// Room left of the first week and right of the last, in percent.
const LEFT: f64 = 8.0;
const RIGHT: f64 = 2.0;
/// At most so many weeks are named below the axis.
const MOST_LABELS: usize = 6;

/// One week of a control chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Week {
    /// What stands below the axis: its Monday.
    pub label: String,
    /// What a pointer resting on the point reads.
    pub tip: String,
    /// Share of missed visits; `None` where nothing is known.
    pub rate: Option<f64>,
    /// Its limits, once there are enough weeks.
    pub limits: Option<Interval>,
    /// Whether and why it is a signal.
    pub signal: Option<Signal>,
    /// The week has not ended: drawn hollow.
    pub running: bool,
}

/// A weekly control chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Weekly<'a> {
    /// Language of the axis.
    pub locale: Locale,
    /// Unique in the page; letters and hyphens.
    pub id: &'a str,
    /// What the chart is.
    pub title: &'a str,
    /// What it shows, in a sentence.
    pub description: &'a str,
    /// In order of time.
    pub weeks: &'a [Week],
    /// The centre line and what stands at it.
    pub centre: Option<(f64, &'a str)>,
}

impl Weekly<'_> {
    /// Draws it.
    pub fn svg(&self) -> String {
        let top = ceiling(self.weeks.iter().flat_map(|week| {
            // Limits of a week with few visits may reach far up; three times the centre is as far as the eye needs.
            let cap = self.centre.map_or(1.0, |(centre, _)| centre * 3.0);
            // The running week has few visits yet; its wide limits would press all others flat.
            let limits = week.limits.filter(|_| !week.running);
            [week.rate, limits.map(|limits| limits.high.min(cap))].into_iter().flatten()
        }));
        let mut svg = String::with_capacity(512 + 420 * self.weeks.len());
        open(&mut svg, "chart weekly", WEEKLY_HEIGHT, Some((self.id, self.title, self.description)));
        self.grid(&mut svg, top);
        self.limits(&mut svg, top);
        self.line(&mut svg, top);
        self.points(&mut svg, top);
        self.names(&mut svg);
        svg.push_str("</svg>");
        svg
    }

    fn step(&self) -> f64 {
        (100.0 - LEFT - RIGHT) / real(self.weeks.len().max(1))
    }

    /// The middle of a week.
    fn x(&self, index: usize) -> f64 {
        LEFT + self.step() * (real(index) + 0.5)
    }

    fn grid(&self, svg: &mut String, top: f64) {
        for tick in ticks(top) {
            let height = y(tick, top);
            let label = words::whole_percent(self.locale, tick);
            put(svg, format_args!(r#"<line class="grid" x1="0" x2="100%" y1="{height:.1}" y2="{height:.1}"/>"#));
            put(svg, format_args!(r#"<text class="tick" x="0" y="{:.1}">{label}</text>"#, height - 4.0));
        }
    }

    fn limits(&self, svg: &mut String, top: f64) {
        for (index, week) in self.weeks.iter().enumerate() {
            let Some(limits) = week.limits else { continue };
            let (high, low) = (y(limits.high.min(top), top), y(limits.low, top));
            let (x, width) = (self.x(index) - self.step() / 2.0, self.step());
            put(
                svg,
                format_args!(
                    r#"<rect class="band" x="{x:.2}%" y="{high:.1}" width="{width:.2}%" height="{:.1}"/>"#,
                    low - high
                ),
            );
            for (edge, limit) in [(high, limits.high), (low, limits.low)] {
                if limit < top && limit > 0.0 {
                    put(
                        svg,
                        format_args!(
                            r#"<line class="limit" x1="{x:.2}%" x2="{:.2}%" y1="{edge:.1}" y2="{edge:.1}"/>"#,
                            x + width
                        ),
                    );
                }
            }
        }
        if let Some((centre, label)) = self.centre {
            let height = y(centre, top);
            put(
                svg,
                format_args!(r#"<line class="centre" x1="{LEFT}%" x2="100%" y1="{height:.1}" y2="{height:.1}"/>"#),
            );
            put(svg, format_args!(r#"<text class="note" x="100%" y="{:.1}">{}</text>"#, height - 5.0, escape(label)));
        }
    }

    fn line(&self, svg: &mut String, top: f64) {
        let known: Vec<(usize, f64)> =
            self.weeks.iter().enumerate().filter_map(|(index, week)| week.rate.map(|rate| (index, rate))).collect();
        for pair in known.windows(2) {
            let ((from, first), (to, second)) = (pair[0], pair[1]);
            let class = if self.weeks[to].running { "line running" } else { "line" };
            put(
                svg,
                format_args!(
                    r#"<line class="{class}" x1="{:.2}%" x2="{:.2}%" y1="{:.1}" y2="{:.1}"/>"#,
                    self.x(from),
                    self.x(to),
                    y(first, top),
                    y(second, top)
                ),
            );
        }
    }

    fn points(&self, svg: &mut String, top: f64) {
        for (index, week) in self.weeks.iter().enumerate() {
            let Some(rate) = week.rate else { continue };
            let (x, height) = (self.x(index), y(rate, top));
            let class = match (week.running, week.signal) {
                (true, _) => "point running",
                (false, Some(Signal::Above | Signal::Below)) => "point outside",
                (false, Some(Signal::RunAbove | Signal::RunBelow)) => "point run",
                (false, None) => "point",
            };
            put(svg, format_args!("<g><title>{}</title>", escape(&week.tip)));
            // A ring beside colour: signals are seen without it, too.
            if !week.running && week.signal.is_some() {
                put(svg, format_args!(r#"<circle class="ring" cx="{x:.2}%" cy="{height:.1}" r="8"/>"#));
            }
            put(svg, format_args!(r#"<circle class="{class}" cx="{x:.2}%" cy="{height:.1}" r="4"/></g>"#));
        }
    }

    fn names(&self, svg: &mut String) {
        let every = self.weeks.len().div_ceil(MOST_LABELS).max(1);
        for (index, week) in self.weeks.iter().enumerate().step_by(every) {
            let (x, label) = (self.x(index), escape(&week.label));
            put(svg, format_args!(r#"<text class="name" x="{x:.2}%" y="{:.0}">{label}</text>"#, WEEKLY_HEIGHT - 6.0));
        }
    }
}

/// One row of a dot plot: a share with its interval on a scale from 0 to `top`, and a line where the whole stands. The
/// table around it says the same in figures, so it is hidden from those who hear the page.
pub fn dot(rate: f64, interval: Interval, whole: Option<f64>, top: f64) -> String {
    const HEIGHT: f64 = 24.0;
    let middle = HEIGHT / 2.0;
    let percent = |share: f64| (share / top).clamp(0.0, 1.0) * 100.0;
    let mut svg = String::with_capacity(400);
    open(&mut svg, "chart dot", HEIGHT, None);
    put(&mut svg, format_args!(r#"<line class="grid" x1="0" x2="100%" y1="{middle}" y2="{middle}"/>"#));
    if let Some(whole) = whole {
        put(
            &mut svg,
            format_args!(r#"<line class="centre" x1="{0:.2}%" x2="{0:.2}%" y1="0" y2="{HEIGHT}"/>"#, percent(whole)),
        );
    }
    let (low, high) = (percent(interval.low), percent(interval.high));
    put(&mut svg, format_args!(r#"<line class="range" x1="{low:.2}%" x2="{high:.2}%" y1="{middle}" y2="{middle}"/>"#));
    put(&mut svg, format_args!(r#"<circle class="point" cx="{:.2}%" cy="{middle}" r="5"/></svg>"#, percent(rate)));
    svg
}

/// One row of a funnel: a bar of a share of the whole.
pub fn bar(share: f64) -> String {
    let mut svg = String::with_capacity(200);
    open(&mut svg, "chart share", 12.0, None);
    put(&mut svg, format_args!(r#"<rect class="rest" x="0" y="0" width="100%" height="12" rx="3"/>"#));
    put(
        &mut svg,
        format_args!(
            r#"<rect class="fill" x="0" y="0" width="{:.2}%" height="12" rx="3"/></svg>"#,
            share.clamp(0.0, 1.0) * 100.0
        ),
    );
    svg
}

/// The end of a scale that holds all shares: 5, 10, 20, 30, 40, 50, 75 or 100 %.
pub fn ceiling(shares: impl IntoIterator<Item = f64>) -> f64 {
    let most = shares.into_iter().fold(0.0, f64::max);
    [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75].into_iter().find(|end| most <= *end).unwrap_or(1.0)
}

fn ticks(top: f64) -> [f64; 3] {
    [0.0, top / 2.0, top]
}

fn y(share: f64, top: f64) -> f64 {
    WEEKLY_HEIGHT - BOTTOM - (share / top).clamp(0.0, 1.0) * (WEEKLY_HEIGHT - BOTTOM - TOP)
}

/// Counts of weeks are far below 2³².
fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn open(svg: &mut String, class: &str, height: f64, named: Option<(&str, &str, &str)>) {
    match named {
        Some((id, title, description)) => put(
            svg,
            format_args!(
                r#"<svg class="{class}" role="img" width="100%" height="{height}" aria-labelledby="{id}-title {id}-desc"><title id="{id}-title">{}</title><desc id="{id}-desc">{}</desc>"#,
                escape(title),
                escape(description)
            ),
        ),
        None => put(svg, format_args!(r#"<svg class="{class}" aria-hidden="true" width="100%" height="{height}">"#)),
    }
}

fn put(svg: &mut String, piece: std::fmt::Arguments<'_>) {
    svg.write_fmt(piece).expect("writing into a String cannot fail");
}

/// Text as it may stand in HTML or SVG, also inside a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(rate: f64) -> Week {
        Week {
            label: "24 Nov".into(),
            tip: "<tip>".into(),
            rate: Some(rate),
            limits: None,
            signal: None,
            running: false,
        }
    }

    fn chart<'a>(weeks: &'a [Week], title: &'a str) -> Weekly<'a> {
        Weekly { locale: Locale::En, id: "weeks", title, description: "d", weeks, centre: Some((0.1, "average")) }
    }

    #[test]
    fn a_chart_has_name_role_and_no_markup_of_others() {
        let weeks = [week(0.1), week(0.2)];
        let svg = chart(&weeks, "<script>").svg();
        assert!(svg.starts_with(r#"<svg class="chart weekly" role="img""#) && svg.ends_with("</svg>"));
        assert!(svg.contains(r#"<title id="weeks-title">&lt;script&gt;</title>"#) && svg.contains("&lt;tip&gt;"));
        assert!(!svg.contains("style=") && !svg.contains("<script"));
    }

    #[test]
    fn signals_have_a_ring_and_the_running_week_is_hollow() {
        let weeks = [
            Week { signal: Some(Signal::Above), ..week(0.2) },
            Week { signal: Some(Signal::RunBelow), ..week(0.1) },
            Week { running: true, signal: Some(Signal::Above), ..week(0.1) },
            Week { rate: None, ..week(0.0) },
        ];
        let svg = chart(&weeks, "t").svg();
        assert_eq!(svg.matches(r#"class="ring""#).count(), 2);
        assert_eq!(svg.matches(r#"class="point running""#).count(), 1);
        assert_eq!(svg.matches("<circle").count(), 5);
    }

    #[test]
    fn everything_lies_inside_the_drawing() {
        let weeks: Vec<Week> = (0..60).map(|i| week(f64::from(i) / 59.0)).collect();
        let drawn = chart(&weeks, "t");
        assert!(drawn.x(0) > LEFT && drawn.x(59) < 100.0 - RIGHT);
        assert!(y(0.0, 1.0) <= WEEKLY_HEIGHT - BOTTOM && y(1.0, 1.0) >= TOP && y(9.0, 1.0) >= TOP);
        assert!(drawn.svg().matches(r#"class="name""#).count() <= MOST_LABELS);
    }

    #[test]
    fn scales_end_at_round_figures() {
        let ends = [0.0, 0.05, 0.051, 0.31, 0.8].map(|most| format!("{:.2}", ceiling([most])));
        assert_eq!(ends, ["0.05", "0.05", "0.10", "0.40", "1.00"]);
        assert!(dot(0.5, Interval { low: 0.4, high: 2.0 }, Some(0.1), 0.5).contains(r#"cx="100.00%""#));
        assert!(bar(2.0).contains(r#"width="100.00%""#));
    }
}
