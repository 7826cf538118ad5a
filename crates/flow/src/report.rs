//! `report`: the missed-visit figures of a period, from counts per day that are rebuilt for the days that changed.
//!
//! Definitions stand in [`kept_domain::report`], statistics in [`kept_domain::stats`]. Work grows with the period asked
//! for: sums come from the counts of its days, and only its changed days are counted again.

pub mod csv;

use crate::audit::{Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use chrono::NaiveDate;
use kept_domain::report::{Dimension, FUNNEL, FunnelStep, LeadBand, NONE, Tally, count_days, week_of, week_start};
use kept_domain::stats::{self, ControlChart, Difference, Interval, Point};
use kept_domain::time::{day_number, from_day_number};
use kept_domain::{Answer, PracticeId, StaffId};
use kept_store::{DaySpan, Scope};
use std::collections::BTreeMap;

/// Days whose counts are replaced in one transaction: some 3 ms of writing at 100 visits a day.
pub const REBUILD_DAYS: i64 = 7;
/// Longest period that is reported on, in days: ten years.
pub const LONGEST_PERIOD_DAYS: i64 = 3660;

/// Whole local days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: NaiveDate,
    to: NaiveDate,
}

/// A period cannot be reported on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// The end lies before the beginning.
    #[error("the period ends before it begins: give --from the earlier day and --to the later one")]
    Backwards,
    /// Longer than [`LONGEST_PERIOD_DAYS`].
    #[error("the period is longer than ten years: ask for a shorter one")]
    TooLong,
}

impl Period {
    /// A period from one day to another.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Self, PeriodError> {
        match (to - from).num_days() {
            ..0 => Err(PeriodError::Backwards),
            LONGEST_PERIOD_DAYS.. => Err(PeriodError::TooLong),
            _ => Ok(Self { from, to }),
        }
    }

    /// First day.
    pub fn from(self) -> NaiveDate {
        self.from
    }

    /// Last day.
    pub fn to(self) -> NaiveDate {
        self.to
    }

    fn days(self) -> (i64, i64) {
        (i64::from(day_number(self.from)), i64::from(day_number(self.to)))
    }

    /// The period of the same length that ends before this one begins, on the same weekdays.
    #[must_use]
    pub fn previous(self) -> Self {
        let length = (self.to - self.from).num_days() + 1;
        self.back((length + 6) / 7 * 7)
    }

    /// The same weekdays 52 weeks earlier.
    #[must_use]
    pub fn year_before(self) -> Self {
        self.back(364)
    }

    fn back(self, days: i64) -> Self {
        let shift = chrono::Duration::days(days);
        Self { from: self.from - shift, to: self.to - shift }
    }
}

/// Which visits a line is about. Names of people and kinds of visit are as the calendar writes them; Debug prints none.
#[derive(Clone, PartialEq, Eq)]
pub enum Group {
    /// All of them.
    All,
    /// One practitioner: place in file order from 1, and name.
    Practitioner(usize, String),
    /// One site.
    Location(String),
    /// 1 (Monday) to 7.
    Weekday(u8),
    /// Hour of the start, 0 to 23.
    Hour(u8),
    /// Days between booking and visit.
    Lead(LeadBand),
    /// How it was reminded.
    Channel(String),
    /// What the patient said.
    Answer(Answer),
    /// One kind of visit: place in file order from 1, and name.
    VisitType(usize, String),
    /// Visits that have none of what they are grouped by.
    Without,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.word(false))
    }
}

impl Group {
    /// As the command prints it. Without names, people and kinds of visit are known by their place in file order.
    pub fn word(&self, names: bool) -> String {
        const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        match self {
            Self::All => "all".to_owned(),
            Self::Practitioner(_, name) | Self::VisitType(_, name) if names => name.clone(),
            Self::Practitioner(place, _) => format!("practitioner {place}"),
            Self::VisitType(place, _) => format!("visit type {place}"),
            Self::Location(name) => name.clone(),
            Self::Weekday(day) => {
                DAYS.get(usize::from(*day).wrapping_sub(1)).map_or_else(|| day.to_string(), |name| (*name).to_owned())
            }
            Self::Hour(hour) => format!("{hour:02}"),
            Self::Lead(band) => band.to_string(),
            Self::Channel(channel) => channel.clone(),
            Self::Answer(answer) => answer.to_string(),
            Self::Without => NONE.to_owned(),
        }
    }
}

/// The figures of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct MissedLine {
    /// Which visits.
    pub group: Group,
    /// What became of them.
    pub tally: Tally,
    /// Missed / (kept + missed); `None` below 20 known outcomes, and for visits without a reminder when grouped by channel.
    pub rate: Option<f64>,
    /// Wilson 95 %, where there is a rate.
    pub interval: Option<Interval>,
}

impl MissedLine {
    fn new(group: Group, tally: Tally, comparable: bool) -> Self {
        let share = tally.missed();
        let shown = comparable && share.is_enough();
        Self { group, tally, rate: share.rate().filter(|_| shown), interval: share.wilson().filter(|_| shown) }
    }
}

/// One week of the chart.
#[derive(Debug, Clone, PartialEq)]
pub struct WeekLine {
    /// Its Monday.
    pub monday: NaiveDate,
    /// What became of its visits so far.
    pub tally: Tally,
    /// Limits and signal, once there are enough whole weeks.
    pub point: Option<Point>,
    /// It has not ended.
    pub running: bool,
}

/// Everything on the manager's page.
#[derive(Debug, Clone, PartialEq)]
pub struct MissedReport {
    /// What was asked for.
    pub period: Period,
    /// The day at the practice, which has not ended.
    pub today: NaiveDate,
    /// All visits of the period.
    pub whole: MissedLine,
    /// The period it is compared with, and its visits.
    pub before: (Period, MissedLine),
    /// The change of the missed rate, in shares.
    pub change: Option<Difference>,
    /// Every week that the period touches, whole.
    pub weeks: Vec<WeekLine>,
    /// Centre of the weekly chart, from at least 12 whole weeks.
    pub centre: Option<f64>,
    /// By what the lines below are told apart.
    pub by: Dimension,
    /// The groups in their own order: people in file order, never ranked.
    pub groups: Vec<MissedLine>,
    /// Visits whose day has ended that got as far as each step.
    pub funnel: Vec<(FunnelStep, u32)>,
    /// A cancellation by the patient less than so many hours before is late.
    pub late_hours: u16,
}

impl Flow {
    /// The missed-visit figures of a period by group: the lines of `kept report missed`.
    pub async fn missed_lines(
        &self,
        practice: PracticeId,
        period: Period,
        by: Dimension,
    ) -> Result<Vec<MissedLine>, FlowError> {
        let open = self.practice(practice).await?;
        let (from, to) = period.days();
        self.rebuild_counts(&open, (from, to)).await?;
        let span = DaySpan { from, to, today: self.today(&open) };
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let sums = tx.outcome_sums(practice, by.as_str(), span).await?;
        drop(tx);
        Ok(lines(&open, by, &sums))
    }

    /// The manager's page. One audit entry says who looked.
    pub async fn view_report(
        &self,
        practice: PracticeId,
        staff: StaffId,
        (period, by, year): (Period, Dimension, bool),
    ) -> Result<MissedReport, FlowError> {
        let report = self.missed_report(practice, period, by, year).await?;
        let entry = AuditEntry::new(act::REPORT_VIEWED, Actor::Staff(staff)).word("by", by.as_str());
        self.note_view(practice, entry).await?;
        Ok(report)
    }

    /// The manager's figures, to take away as a file, with `names` or without. One audit entry says who took them.
    pub async fn export_report(
        &self,
        practice: PracticeId,
        staff: StaffId,
        (period, by, year): (Period, Dimension, bool),
        names: bool,
    ) -> Result<MissedReport, FlowError> {
        let report = self.missed_report(practice, period, by, year).await?;
        let entry = AuditEntry::new(act::REPORT_EXPORTED, Actor::Staff(staff))
            .word("by", by.as_str())
            .word("names", if names { "yes" } else { "no" });
        self.note_view(practice, entry).await?;
        Ok(report)
    }

    /// Everything on the manager's page. `year` compares with a year before instead of the period before.
    pub async fn missed_report(
        &self,
        practice: PracticeId,
        period: Period,
        by: Dimension,
        year: bool,
    ) -> Result<MissedReport, FlowError> {
        let open = self.practice(practice).await?;
        let today = self.today(&open);
        let (from, to) = period.days();
        let before = if year { period.year_before() } else { period.previous() };
        let (first_week, last_week) = (week_of(from), week_of(to.min(today).max(from)));
        let weeks_span = DaySpan { from: week_start(first_week), to: week_start(last_week) + 6, today };
        let span = DaySpan { from, to, today };
        let before_span = DaySpan { from: before.days().0, to: before.days().1, today };
        self.rebuild_counts(&open, (weeks_span.from.min(from), weeks_span.to.max(to))).await?;
        self.rebuild_counts(&open, before.days()).await?;

        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let whole = tx.outcome_sums(practice, Dimension::All.as_str(), span).await?;
        let earlier = tx.outcome_sums(practice, Dimension::All.as_str(), before_span).await?;
        let weekly = tx.week_sums(practice, weeks_span).await?;
        let grouped = tx.outcome_sums(practice, by.as_str(), span).await?;
        let steps = tx.outcome_sums(practice, FUNNEL, DaySpan { to: to.min(today - 1), ..span }).await?;
        drop(tx);

        let one = |sums: &[kept_store::OutcomeSum]| {
            MissedLine::new(Group::All, tally(sums.iter().map(|sum| (sum.outcome, sum.n))), true)
        };
        let (whole, earlier) = (one(&whole), one(&earlier));
        let (weeks, chart) = week_lines((first_week, last_week), week_of(today), &weekly);
        Ok(MissedReport {
            period,
            today: date(today),
            change: change(&whole, &earlier),
            whole,
            before: (before, earlier),
            weeks,
            centre: chart.map(|chart| chart.centre),
            by,
            groups: lines(&open, by, &grouped),
            funnel: funnel(&steps),
            late_hours: open.practice.settings.late_cancel_hours,
        })
    }

    /// The sweep: counts every changed day of every practice again. Says how many days.
    pub async fn sweep_report(&self) -> Result<usize, FlowError> {
        let mut tx = self.store.read(Scope::Work).await?;
        let practices = tx.practices_with_dirty_days().await?;
        drop(tx);
        let mut rebuilt = 0;
        for practice in practices {
            let open = self.practice(practice).await?;
            rebuilt += self.rebuild_counts(&open, (i64::MIN, i64::MAX)).await?;
        }
        Ok(rebuilt)
    }

    /// The practice's local day, which has not ended.
    fn today(&self, open: &OpenPractice) -> i64 {
        i64::from(day_number(self.clock.civil().local_day(open.practice.time_zone)))
    }

    async fn rebuild_counts(&self, open: &OpenPractice, period: (i64, i64)) -> Result<usize, FlowError> {
        let practice = open.practice.id;
        let late_hours = open.practice.settings.late_cancel_hours;
        let mut rebuilt = 0;
        loop {
            let mut tx = self.store.read(Scope::Practice(practice)).await?;
            let days = tx.dirty_days(practice, period, REBUILD_DAYS).await?;
            if days.is_empty() {
                return Ok(rebuilt);
            }
            let numbers: Vec<i64> = days.iter().map(|day| day.local_day).collect();
            let facts = tx.visit_facts(practice, &numbers).await?;
            drop(tx);
            let counts = count_days(&facts, late_hours);
            let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
            rebuilt += tx.replace_day_counts(practice, &days, &counts).await?;
            tx.commit().await?;
        }
    }
}

/// Counts of visits stay far below 2³² in any period.
fn whole_number(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn date(day: i64) -> NaiveDate {
    from_day_number(i32::try_from(day).unwrap_or(i32::MAX))
}

fn tally(sums: impl Iterator<Item = (kept_domain::report::Outcome, i64)>) -> Tally {
    let mut tally = Tally::default();
    for (outcome, n) in sums {
        tally.add(outcome, whole_number(n));
    }
    tally
}

fn change(whole: &MissedLine, before: &MissedLine) -> Option<Difference> {
    let (now, then) = (whole.tally.missed(), before.tally.missed());
    stats::difference(now, then).filter(|_| now.is_enough() && then.is_enough())
}

fn week_lines(
    (first, last): (i64, i64),
    running: i64,
    sums: &[kept_store::WeekSum],
) -> (Vec<WeekLine>, Option<ControlChart>) {
    let mut weeks: Vec<WeekLine> = (first..=last)
        .map(|week| WeekLine {
            monday: date(week_start(week)),
            tally: tally(sums.iter().filter(|sum| sum.week == week).map(|sum| (sum.outcome, sum.n))),
            point: None,
            running: week >= running,
        })
        .collect();
    let ended: Vec<stats::Share> = weeks.iter().filter(|week| !week.running).map(|week| week.tally.missed()).collect();
    let chart = stats::control_chart(&ended);
    if let Some(chart) = &chart {
        let mut points = chart.points.iter();
        for week in &mut weeks {
            week.point = if week.running {
                Some(stats::point(week.tally.missed(), chart.centre))
            } else {
                points.next().copied()
            };
        }
    }
    (weeks, chart)
}

fn funnel(sums: &[kept_store::OutcomeSum]) -> Vec<(FunnelStep, u32)> {
    let reached =
        |step: &FunnelStep| sums.iter().filter(|sum| sum.value == step.as_str()).map(|sum| whole_number(sum.n)).sum();
    FunnelStep::ALL.iter().map(|step| (*step, reached(step))).collect()
}

/// One line a group, in the group's own order.
fn lines(open: &OpenPractice, by: Dimension, sums: &[kept_store::OutcomeSum]) -> Vec<MissedLine> {
    let mut groups: BTreeMap<&str, Tally> = BTreeMap::new();
    for sum in sums {
        groups.entry(sum.value.as_str()).or_default().add(sum.outcome, whole_number(sum.n));
    }
    let mut found: Vec<((usize, &str), MissedLine)> = groups
        .into_iter()
        .map(|(value, tally)| {
            let (place, group) = label(open, by, value);
            // Reminded against not reminded would compare those who booked early with those who booked today.
            let comparable = by != Dimension::Channel || group != Group::Without;
            ((place, value), MissedLine::new(group, tally, comparable))
        })
        .collect();
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, line)| line).collect()
}

/// The place of a group among the others, and what it is called.
fn label(open: &OpenPractice, by: Dimension, value: &str) -> (usize, Group) {
    const LAST: usize = usize::MAX;
    if value == NONE {
        return (LAST, Group::Without);
    }
    let number = || value.parse::<u8>().unwrap_or(u8::MAX);
    match by {
        Dimension::All => (0, Group::All),
        Dimension::Practitioner => {
            let place = open.practitioners.iter().position(|one| one.id.to_string() == value);
            place.map_or((LAST, Group::Without), |at| {
                (at, Group::Practitioner(at + 1, open.practitioners[at].name.clone()))
            })
        }
        Dimension::VisitType => {
            let place = open.visit_types.iter().position(|one| one.id.to_string() == value);
            place.map_or((LAST, Group::Without), |at| (at, Group::VisitType(at + 1, open.visit_types[at].name.clone())))
        }
        Dimension::Location => {
            let place = open.locations.iter().position(|one| one.location.id.to_string() == value);
            place.map_or((LAST, Group::Without), |at| (at, Group::Location(open.locations[at].location.name.clone())))
        }
        Dimension::Weekday => (usize::from(number()), Group::Weekday(number())),
        Dimension::Hour => (usize::from(number()), Group::Hour(number())),
        Dimension::Lead => match value.parse::<LeadBand>() {
            Ok(band) => (LeadBand::ALL.iter().position(|one| *one == band).unwrap_or(LAST), Group::Lead(band)),
            Err(_) => (LAST, Group::Without),
        },
        Dimension::Channel => (0, Group::Channel(value.to_owned())),
        Dimension::Answer => match value.parse::<Answer>() {
            Ok(answer) => (Answer::ALL.iter().position(|one| *one == answer).unwrap_or(LAST), Group::Answer(answer)),
            Err(_) => (LAST, Group::Without),
        },
    }
}
