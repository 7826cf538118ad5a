//! Statistics of the no-show report: shares with their uncertainty, and what a chart may call unusual.
//!
//! Sources: E. B. Wilson, JASA 22 (1927) 209–212 for the interval of a share; R. G. Newcombe, Statistics in
//! Medicine 17 (1998) 857–872 (single shares) and 873–890 (differences; method 10 there); D. C. Montgomery,
//! *Introduction to Statistical Quality Control*, §7.2 for the p-chart.

/// Standard normal quantile of a two-sided 95 % interval.
pub const Z95: f64 = 1.959_963_984_540_054;
/// Cells with fewer outcomes than this show counts only: their interval would be wider than any finding.
pub const LEAST_FOR_RATE: u32 = 20;
/// Whole weeks a control chart needs before it draws limits.
pub const LEAST_WEEKS: usize = 12;
/// Points in a row on one side of the centre that are a signal.
pub const RUN_LENGTH: usize = 8;
/// Standard deviations between the centre and a limit.
const SIGMAS: f64 = 3.0;

/// A share of a whole: `hits` of `trials`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// How many were what is counted; at most `trials`.
    pub hits: u32,
    /// How many there were.
    pub trials: u32,
}

/// An interval of shares or of differences of shares, each from −1 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Share {
    /// The share as a number from 0 to 1; `None` of nothing.
    pub fn rate(self) -> Option<f64> {
        (self.trials > 0).then(|| f64::from(self.hits) / f64::from(self.trials))
    }

    /// Wilson's score interval at 95 %; `None` of nothing.
    pub fn wilson(self) -> Option<Interval> {
        let rate = self.rate()?;
        let n = f64::from(self.trials);
        let z2 = Z95 * Z95;
        let middle = rate + z2 / (2.0 * n);
        let half = Z95 * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z2 / n;
        // The formula gives exactly 0 and 1 at the ends; rounding must not leave them.
        let low = if self.hits == 0 { 0.0 } else { ((middle - half) / scale).max(0.0) };
        let high = if self.hits == self.trials { 1.0 } else { ((middle + half) / scale).min(1.0) };
        Some(Interval { low, high })
    }

    /// Whether a rate may be shown: not below [`LEAST_FOR_RATE`].
    pub const fn is_enough(self) -> bool {
        self.trials >= LEAST_FOR_RATE
    }
}

/// A difference of two shares with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// First minus second.
    pub by: f64,
    /// Where the true difference lies.
    pub interval: Interval,
}

impl Difference {
    /// Whether chance alone is a poor explanation: the interval leaves zero out.
    pub fn is_unusual(self) -> bool {
        self.interval.low > 0.0 || self.interval.high < 0.0
    }
}

/// `first − second` by Newcombe's hybrid of two Wilson intervals (his method 10); `None` if one is of nothing.
pub fn difference(first: Share, second: Share) -> Option<Difference> {
    let (p1, p2) = (first.rate()?, second.rate()?);
    let (i1, i2) = (first.wilson()?, second.wilson()?);
    let by = p1 - p2;
    let below = ((p1 - i1.low).powi(2) + (i2.high - p2).powi(2)).sqrt();
    let above = ((i1.high - p1).powi(2) + (p2 - i2.low).powi(2)).sqrt();
    Some(Difference { by, interval: Interval { low: (by - below).max(-1.0), high: (by + above).min(1.0) } })
}

/// Why a point of a control chart is a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Above the upper limit.
    Above,
    /// Below the lower limit.
    Below,
    /// One of at least [`RUN_LENGTH`] points in a row above the centre.
    RunAbove,
    /// One of at least [`RUN_LENGTH`] points in a row below the centre.
    RunBelow,
}

/// A point of a control chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// What was counted.
    pub share: Share,
    /// Its 3-sigma limits; `None` where nothing was counted.
    pub limits: Option<Interval>,
    /// Whether and why it is a signal. A limit goes before a run.
    pub signal: Option<Signal>,
}

/// A p-chart: shares of groups of changing size around their common centre.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlChart {
    /// The share of all points together.
    pub centre: f64,
    /// The points in the order given.
    pub points: Vec<Point>,
}

/// Draws the limits of a p-chart; `None` if fewer than [`LEAST_WEEKS`] groups hold anything, for then limits would
/// promise more than they know. Give whole weeks only.
///
/// Groups of nothing have no limits and neither add to a run nor break it; so does a point exactly on the centre.
pub fn control_chart(groups: &[Share]) -> Option<ControlChart> {
    if groups.iter().filter(|share| share.trials > 0).count() < LEAST_WEEKS {
        return None;
    }
    let total = |pick: fn(&Share) -> u32| groups.iter().map(|share| f64::from(pick(share))).sum::<f64>();
    let centre = total(|share| share.hits) / total(|share| share.trials);
    let mut points: Vec<Point> = groups.iter().map(|&share| point(share, centre)).collect();
    mark_runs(&mut points, centre);
    Some(ControlChart { centre, points })
}

/// The limits of one group around a known centre, and whether it lies outside them; also for a group that did not help to
/// find the centre.
pub fn point(share: Share, centre: f64) -> Point {
    let Some(rate) = share.rate() else { return Point { share, limits: None, signal: None } };
    let reach = SIGMAS * (centre * (1.0 - centre) / f64::from(share.trials)).sqrt();
    let limits = Interval { low: (centre - reach).max(0.0), high: (centre + reach).min(1.0) };
    let signal = if rate > limits.high {
        Some(Signal::Above)
    } else if rate < limits.low {
        Some(Signal::Below)
    } else {
        None
    };
    Point { share, limits: Some(limits), signal }
}

fn mark_runs(points: &mut [Point], centre: f64) {
    let mut run: Vec<usize> = Vec::new();
    let mut above = false;
    for i in 0..=points.len() {
        let side = match points.get(i) {
            Some(point) => match point.share.rate() {
                Some(rate) if rate > centre => Some(true),
                Some(rate) if rate < centre => Some(false),
                _ => continue,
            },
            None => None,
        };
        if side == Some(above) {
            run.push(i);
            continue;
        }
        if run.len() >= RUN_LENGTH {
            for &member in &run {
                let signal = if above { Signal::RunAbove } else { Signal::RunBelow };
                points[member].signal.get_or_insert(signal);
            }
        }
        run.clear();
        if let Some(side) = side {
            above = side;
            run.push(i);
        }
    }
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
