//! The birth-date guard: what was tried is counted in the transaction that checks it.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{Instant, LinkId, PatientId, PracticeId, StaffId};

/// Wrong birth dates so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardCounts {
    /// At this link for this patient, ever.
    pub link: i64,
    /// For this patient over all links since the day asked for.
    pub patient: i64,
}

/// How a practice's links fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct GuardStorm {
    /// Links with a wrong birth date and no right one after it.
    pub failing: i64,
    /// Links where a birth date was tried.
    pub tried: i64,
}

#[derive(sqlx::FromRow)]
struct AlarmRow {
    raised_at_ms: i64,
    lifted_at_ms: Option<i64>,
}

/// The last time that an alarm was raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredAlarm {
    /// When it was raised.
    pub raised_at: Instant,
    /// When somebody lifted it; none while it stands.
    pub lifted_at: Option<Instant>,
}

impl Tx {
    /// Takes hold of the counters of a link and a patient until the end of the transaction, and reads them.
    ///
    /// Both rows are written (with nothing added), so that on either engine a second guess waits until the first is
    /// counted. The patient's row comes first, always, so that two links cannot wait for each other.
    pub async fn lock_guards(
        &mut self,
        practice: PracticeId,
        link: LinkId,
        patient: PatientId,
        today: i64,
        first_day: i64,
    ) -> Result<GuardCounts, StoreError> {
        run!(
            self,
            "INSERT INTO patient_guards (practice_id, patient_id, guard_day, failures) VALUES ($1, $2, $3, 0)
             ON CONFLICT (practice_id, patient_id, guard_day) DO UPDATE SET failures = patient_guards.failures",
            practice.as_uuid(),
            patient.as_uuid(),
            today
        )?;
        let of_link = scalar!(
            self,
            i64,
            "INSERT INTO link_guards (practice_id, link_id, patient_id, failures) VALUES ($1, $2, $3, 0)
             ON CONFLICT (practice_id, link_id, patient_id) DO UPDATE SET failures = link_guards.failures
             RETURNING failures",
            practice.as_uuid(),
            link.as_uuid(),
            patient.as_uuid()
        )?;
        let of_patient = self.patient_failures(practice, patient, first_day).await?;
        Ok(GuardCounts { link: of_link, patient: of_patient })
    }

    /// Reads the counters without holding them.
    pub async fn guards(
        &mut self,
        practice: PracticeId,
        link: LinkId,
        patient: PatientId,
        first_day: i64,
    ) -> Result<GuardCounts, StoreError> {
        let of_link = scalar!(
            self,
            i64,
            "SELECT CAST(COALESCE(SUM(failures), 0) AS BIGINT) FROM link_guards
             WHERE practice_id = $1 AND link_id = $2 AND patient_id = $3",
            practice.as_uuid(),
            link.as_uuid(),
            patient.as_uuid()
        )?;
        let of_patient = self.patient_failures(practice, patient, first_day).await?;
        Ok(GuardCounts { link: of_link, patient: of_patient })
    }

    async fn patient_failures(
        &mut self,
        practice: PracticeId,
        patient: PatientId,
        first_day: i64,
    ) -> Result<i64, StoreError> {
        scalar!(
            self,
            i64,
            "SELECT CAST(COALESCE(SUM(failures), 0) AS BIGINT) FROM patient_guards
             WHERE practice_id = $1 AND patient_id = $2 AND guard_day >= $3",
            practice.as_uuid(),
            patient.as_uuid(),
            first_day
        )
    }

    /// Counts one wrong birth date. The counters must be locked.
    pub async fn count_guard_failure(
        &mut self,
        practice: PracticeId,
        link: LinkId,
        patient: PatientId,
        today: i64,
        at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE patient_guards SET failures = failures + 1
             WHERE practice_id = $1 AND patient_id = $2 AND guard_day = $3",
            practice.as_uuid(),
            patient.as_uuid(),
            today
        )?;
        run!(
            self,
            "UPDATE link_guards SET failures = failures + 1, last_failure_at_ms = $4
             WHERE practice_id = $1 AND link_id = $2 AND patient_id = $3",
            practice.as_uuid(),
            link.as_uuid(),
            patient.as_uuid(),
            at.as_ms()
        )?;
        Ok(())
    }

    /// Notes a right birth date.
    pub async fn note_guard_success(
        &mut self,
        practice: PracticeId,
        link: LinkId,
        patient: PatientId,
        at: Instant,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "UPDATE link_guards SET succeeded_at_ms = $4 WHERE practice_id = $1 AND link_id = $2 AND patient_id = $3",
            practice.as_uuid(),
            link.as_uuid(),
            patient.as_uuid(),
            at.as_ms()
        )?;
        Ok(())
    }

    /// How the practice's links fared since an instant (wall).
    pub async fn guard_storm(&mut self, practice: PracticeId, since: Instant) -> Result<GuardStorm, StoreError> {
        one!(
            self,
            GuardStorm,
            "SELECT COUNT(DISTINCT CASE WHEN last_failure_at_ms > $2
                        AND (succeeded_at_ms IS NULL OR succeeded_at_ms < last_failure_at_ms)
                        THEN link_id END) AS failing,
                    COUNT(DISTINCT link_id) AS tried
             FROM link_guards
             WHERE practice_id = $1 AND (last_failure_at_ms > $2 OR succeeded_at_ms > $2)",
            practice.as_uuid(),
            since.as_ms()
        )
    }

    /// Forgets what was tried for a patient: the desk has checked who is calling.
    pub async fn reset_guards(&mut self, practice: PracticeId, patient: PatientId) -> Result<(), StoreError> {
        run!(
            self,
            "DELETE FROM patient_guards WHERE practice_id = $1 AND patient_id = $2",
            practice.as_uuid(),
            patient.as_uuid()
        )?;
        run!(
            self,
            "UPDATE link_guards SET failures = 0, last_failure_at_ms = NULL WHERE practice_id = $1 AND patient_id = $2",
            practice.as_uuid(),
            patient.as_uuid()
        )?;
        Ok(())
    }

    /// The last alarm of a kind, standing or lifted.
    pub async fn last_alarm(&mut self, practice: PracticeId, kind: &str) -> Result<Option<StoredAlarm>, StoreError> {
        let row = opt!(
            self,
            AlarmRow,
            "SELECT raised_at_ms, lifted_at_ms FROM practice_alarms
             WHERE practice_id = $1 AND kind = $2 ORDER BY raised_at_ms DESC LIMIT 1",
            practice.as_uuid(),
            kind
        )?;
        Ok(row.map(|row| StoredAlarm {
            raised_at: Instant::from_ms(row.raised_at_ms),
            lifted_at: row.lifted_at_ms.map(Instant::from_ms),
        }))
    }

    /// Raises an alarm.
    pub async fn raise_alarm(&mut self, practice: PracticeId, kind: &str, at: Instant) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO practice_alarms (practice_id, kind, raised_at_ms) VALUES ($1, $2, $3)
             ON CONFLICT (practice_id, kind, raised_at_ms) DO NOTHING",
            practice.as_uuid(),
            kind,
            at.as_ms()
        )?;
        Ok(())
    }

    /// Lifts an alarm. Says whether one stood.
    pub async fn lift_alarm(
        &mut self,
        practice: PracticeId,
        kind: &str,
        by: Option<StaffId>,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let lifted = run!(
            self,
            "UPDATE practice_alarms SET lifted_at_ms = $3, lifted_by = $4
             WHERE practice_id = $1 AND kind = $2 AND lifted_at_ms IS NULL",
            practice.as_uuid(),
            kind,
            at.as_ms(),
            by.map(StaffId::as_uuid)
        )?;
        Ok(lifted > 0)
    }
}
