//! Counts of the no-show report: what must be counted again, the facts to count, and sums over a period.

use crate::dialect::{Kind, Rows};
use crate::{StoreError, Tx};
use kept_domain::report::{DayCounts, Outcome, VisitFacts};
use kept_domain::{AppointmentId, Instant, LocationId, PracticeId, PractitionerId, VisitTypeId};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A day whose counts are older than its visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct DirtyDay {
    /// Local day of the visits, since 1970-01-01.
    pub local_day: i64,
    /// How often the day has changed. Hand it back with the counts.
    pub stamp: i64,
}

/// How many visits of a group had an outcome in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeSum {
    /// The group's value, as stored.
    pub value: String,
    /// What became of the visits.
    pub outcome: Outcome,
    /// How many.
    pub n: i64,
}

/// How many visits of a week had an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekSum {
    /// [`kept_domain::report::week_of`].
    pub week: i64,
    /// What became of the visits.
    pub outcome: Outcome,
    /// How many.
    pub n: i64,
}

/// A period of whole local days, both ends included, and the first day that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySpan {
    /// First day.
    pub from: i64,
    /// Last day.
    pub to: i64,
    /// From this day on, visits that wait for an outcome (`arrived`, `unknown`) are left out.
    pub today: i64,
}

#[derive(sqlx::FromRow)]
struct FactsRow {
    local_day: i64,
    start_at_ms: i64,
    booked_at_ms: Option<i64>,
    time_zone: String,
    location_id: Uuid,
    practitioner_id: Option<Uuid>,
    visit_type_id: Option<Uuid>,
    status: String,
    status_at_ms: i64,
    cancelled_by: Option<String>,
    answer: String,
    first_channel: Option<String>,
    last_channel: Option<String>,
    delivered: bool,
    identified: bool,
}

impl TryFrom<FactsRow> for VisitFacts {
    type Error = StoreError;

    fn try_from(row: FactsRow) -> Result<Self, StoreError> {
        Ok(Self {
            local_day: row.local_day,
            start: Instant::from_ms(row.start_at_ms),
            booked: row.booked_at_ms.map(Instant::from_ms),
            zone: row.time_zone.parse().map_err(|_| StoreError::Corrupt { table: "locations", column: "time_zone" })?,
            location: LocationId::from_uuid(row.location_id),
            practitioner: row.practitioner_id.map(PractitionerId::from_uuid),
            visit_type: row.visit_type_id.map(VisitTypeId::from_uuid),
            status: row.status.parse().map_err(|_| StoreError::Corrupt { table: "appointments", column: "status" })?,
            status_at: Instant::from_ms(row.status_at_ms),
            cancelled_by_patient: match row.cancelled_by.as_deref() {
                Some("patient") => Some(true),
                Some("practice") => Some(false),
                _ => None,
            },
            answer: row.answer.parse().map_err(|_| StoreError::Corrupt { table: "appointments", column: "answer" })?,
            channels: row.first_channel.zip(row.last_channel),
            delivered: row.delivered,
            identified: row.identified,
        })
    }
}

fn day_rows(days: impl IntoIterator<Item = i64>) -> Rows {
    let mut rows = Rows::new(&[("local_day", Kind::Int)]);
    // In order and once each, so that two transactions lock the same days in the same order.
    for day in days.into_iter().collect::<BTreeSet<_>>() {
        rows.push().int(day);
    }
    rows
}

impl Tx {
    /// Says that visits of these days were made, moved, answered or got an outcome. Call it in the transaction that
    /// changes them, with the day before and the day after a move.
    pub async fn mark_days_dirty(
        &mut self,
        practice: PracticeId,
        days: impl IntoIterator<Item = i64>,
    ) -> Result<(), StoreError> {
        bulk!(
            self,
            "INSERT INTO dirty_days (practice_id, local_day) SELECT $2, local_day FROM {rows} AS r WHERE TRUE
             ON CONFLICT (practice_id, local_day) DO UPDATE SET stamp = dirty_days.stamp + 1",
            day_rows(days),
            practice.as_uuid()
        )?;
        Ok(())
    }

    /// As [`Tx::mark_days_dirty`], for the days of these visits: after a message was sent or delivered, or a link opened.
    pub async fn mark_appointments_dirty(
        &mut self,
        practice: PracticeId,
        appointments: impl IntoIterator<Item = AppointmentId>,
    ) -> Result<(), StoreError> {
        bulk!(
            self,
            "INSERT INTO dirty_days (practice_id, local_day)
             SELECT DISTINCT a.practice_id, a.local_day FROM {rows} AS r
             JOIN appointments AS a ON a.practice_id = {practice} AND a.id = r.id WHERE TRUE ORDER BY a.local_day
             ON CONFLICT (practice_id, local_day) DO UPDATE SET stamp = dirty_days.stamp + 1",
            Rows::of_ids("id", appointments),
            practice.as_uuid()
        )?;
        Ok(())
    }

    /// Has every day counted again: after a definition changed, such as the hours of a late cancellation.
    pub async fn mark_all_days_dirty(&mut self, practice: PracticeId) -> Result<(), StoreError> {
        run!(self, "UPDATE dirty_days SET stamp = stamp + 1 WHERE practice_id = $1", practice.as_uuid())?;
        Ok(())
    }

    /// Practices that have days to count again.
    pub async fn practices_with_dirty_days(&mut self) -> Result<Vec<PracticeId>, StoreError> {
        let rows: Vec<(Uuid,)> = all!(
            self,
            (Uuid,),
            "SELECT DISTINCT practice_id FROM dirty_days WHERE stamp > built ORDER BY practice_id"
        )?;
        Ok(rows.into_iter().map(|(id,)| PracticeId::from_uuid(id)).collect())
    }

    /// Days of a period to count again, latest first, at most `limit`.
    pub async fn dirty_days(
        &mut self,
        practice: PracticeId,
        (from, to): (i64, i64),
        limit: i64,
    ) -> Result<Vec<DirtyDay>, StoreError> {
        all!(
            self,
            DirtyDay,
            "SELECT local_day, stamp FROM dirty_days
             WHERE practice_id = $1 AND stamp > built AND local_day BETWEEN $2 AND $3 ORDER BY local_day DESC LIMIT $4",
            practice.as_uuid(),
            from,
            to,
            limit
        )
    }

    /// What the report must know of every visit of some days.
    pub async fn visit_facts(&mut self, practice: PracticeId, days: &[i64]) -> Result<Vec<VisitFacts>, StoreError> {
        let rows: Vec<FactsRow> = bulk_all!(
            self,
            FactsRow,
            "SELECT a.local_day, a.start_at_ms, a.booked_at_ms, l.time_zone, a.location_id, a.practitioner_id,
                a.visit_type_id, a.status, a.status_at_ms, a.cancelled_by, a.answer, s.first_channel, s.last_channel,
                COALESCE(s.delivered, 0) > 0 AS delivered,
                EXISTS (SELECT 1 FROM link_visits AS v JOIN links AS k ON k.practice_id = v.practice_id AND k.id = v.link_id
                    WHERE v.practice_id = a.practice_id AND v.appointment_id = a.id AND k.opened_at_ms IS NOT NULL)
                    AS identified
             FROM {rows} AS r
             JOIN appointments AS a ON a.practice_id = {practice} AND a.local_day = r.local_day
             JOIN locations AS l ON l.practice_id = a.practice_id AND l.id = a.location_id
             LEFT JOIN (
                SELECT m.appointment_id, MIN(m.channel) AS first_channel, MAX(m.channel) AS last_channel,
                    MAX(CASE WHEN n.state = 'delivered' THEN 1 ELSE 0 END) AS delivered
                FROM {rows} AS d
                JOIN appointments AS b ON b.practice_id = $2 AND b.local_day = d.local_day
                JOIN reminders AS m ON m.practice_id = b.practice_id AND m.appointment_id = b.id AND m.state = 'sent'
                LEFT JOIN notices AS n ON n.practice_id = m.practice_id AND n.id = m.notice_id
                GROUP BY m.appointment_id
             ) AS s ON s.appointment_id = a.id",
            day_rows(days.iter().copied()),
            practice.as_uuid()
        )?;
        rows.into_iter().map(VisitFacts::try_from).collect()
    }

    /// Replaces the counts of days by ones made from the facts of [`DirtyDay::stamp`]. Days that somebody has built from
    /// the same or a later state are left alone; a day that changed since stays dirty. Says how many days were replaced.
    pub async fn replace_day_counts(
        &mut self,
        practice: PracticeId,
        days: &[DirtyDay],
        counts: &DayCounts,
    ) -> Result<usize, StoreError> {
        let mut stamps = Rows::new(&[("local_day", Kind::Int), ("stamp", Kind::Int)]);
        for day in days {
            stamps.push().int(day.local_day).int(day.stamp);
        }
        let won: Vec<(i64,)> = bulk_all!(
            self,
            (i64,),
            "UPDATE dirty_days SET built = r.stamp FROM {rows} AS r
             WHERE dirty_days.practice_id = {practice} AND dirty_days.local_day = r.local_day AND dirty_days.built < r.stamp
             RETURNING dirty_days.local_day",
            stamps,
            practice.as_uuid()
        )?;
        let won: BTreeSet<i64> = won.into_iter().map(|(day,)| day).collect();
        bulk!(
            self,
            "DELETE FROM day_counts WHERE (practice_id, local_day) IN (SELECT {practice}, local_day FROM {rows} AS r)",
            day_rows(won.iter().copied()),
            practice.as_uuid()
        )?;
        let mut rows = Rows::new(&[
            ("local_day", Kind::Int),
            ("dimension", Kind::Text),
            ("value", Kind::Text),
            ("outcome", Kind::Text),
            ("n", Kind::Int),
        ]);
        for ((day, dimension, value, outcome), n) in counts.iter().filter(|((day, ..), _)| won.contains(day)) {
            rows.push().int(*day).text(dimension).text(value).text(outcome.as_str()).int(*n);
        }
        bulk!(
            self,
            "INSERT INTO day_counts (practice_id, local_day, dimension, value, outcome, n)
             SELECT $2, local_day, dimension, value, outcome, n FROM {rows} AS r WHERE TRUE",
            rows,
            practice.as_uuid()
        )?;
        Ok(won.len())
    }

    /// Sums of a dimension over a period, by group and outcome.
    pub async fn outcome_sums(
        &mut self,
        practice: PracticeId,
        dimension: &str,
        span: DaySpan,
    ) -> Result<Vec<OutcomeSum>, StoreError> {
        let rows: Vec<(String, String, i64)> = all!(
            self,
            (String, String, i64),
            "SELECT value, outcome, CAST(SUM(n) AS BIGINT) FROM day_counts
             WHERE practice_id = $1 AND dimension = $2 AND local_day BETWEEN $3 AND $4
                AND (local_day < $5 OR outcome NOT IN ('arrived', 'unknown'))
             GROUP BY value, outcome ORDER BY value, outcome",
            practice.as_uuid(),
            dimension,
            span.from,
            span.to,
            span.today
        )?;
        rows.into_iter()
            .map(|(value, outcome, n)| {
                let outcome =
                    outcome.parse().map_err(|_| StoreError::Corrupt { table: "day_counts", column: "outcome" })?;
                Ok(OutcomeSum { value, outcome, n })
            })
            .collect()
    }

    /// Sums of all visits over a period, by week and outcome.
    pub async fn week_sums(&mut self, practice: PracticeId, span: DaySpan) -> Result<Vec<WeekSum>, StoreError> {
        let rows: Vec<(i64, String, i64)> = all!(
            self,
            (i64, String, i64),
            "SELECT (local_day + 3) / 7 AS week, outcome, CAST(SUM(n) AS BIGINT) FROM day_counts
             WHERE practice_id = $1 AND dimension = 'all' AND local_day BETWEEN $2 AND $3
                AND (local_day < $4 OR outcome NOT IN ('arrived', 'unknown'))
             GROUP BY (local_day + 3) / 7, outcome ORDER BY week, outcome",
            practice.as_uuid(),
            span.from,
            span.to,
            span.today
        )?;
        rows.into_iter()
            .map(|(week, outcome, n)| {
                let outcome =
                    outcome.parse().map_err(|_| StoreError::Corrupt { table: "day_counts", column: "outcome" })?;
                Ok(WeekSum { week, outcome, n })
            })
            .collect()
    }

    /// First and last day that has visits, if any has.
    pub async fn report_days(&mut self, practice: PracticeId) -> Result<Option<(i64, i64)>, StoreError> {
        let (first, last): (Option<i64>, Option<i64>) = one!(
            self,
            (Option<i64>, Option<i64>),
            "SELECT MIN(local_day), MAX(local_day) FROM dirty_days WHERE practice_id = $1",
            practice.as_uuid()
        )?;
        Ok(first.zip(last))
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
