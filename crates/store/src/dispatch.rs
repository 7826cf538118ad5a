//! Notices on their way out: claimed under a lease, armed, recorded. Every change names the lease token, so that
//! a worker whose lease was given to another can change nothing.
//!
//! `state || ''` where a lease is held is the state, and none of the conditions of an index over what is leased: by such an index
//! PostgreSQL would compare every leased notice with each of the batch, since it takes any token for a rare one.

mod doubt;
mod rows;

pub use doubt::{DoubtfulNotice, LOOKING_UP, SettledDoubt};
pub use rows::{
    ArmFacts, Armed, ClaimedNotice, DroppedNotice, ExpiredLease, NoticeReminder, Outcome, PastAttempt, Send,
};

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{BlindIndex, Channel, Instant, LeaseToken, LinkId, NoticeId, PracticeId, Sealed};
use uuid::Uuid;

impl Tx {
    /// Leases up to `limit` notices that are due, the longest due first. The caller's scope is `Work`.
    pub async fn claim_due_notices(
        &mut self,
        token: LeaseToken,
        lease_until: Instant,
        now: Instant,
        limit: i64,
    ) -> Result<Vec<(PracticeId, NoticeId)>, StoreError> {
        let rows = all!(
            self,
            (Uuid, Uuid),
            // Materialised, or PostgreSQL may run the choice once a row and claim more than the limit.
            "WITH due AS MATERIALIZED (
                 SELECT practice_id, id FROM notices WHERE state = 'planned' AND due_at_ms <= $3
                 ORDER BY due_at_ms, practice_id, id LIMIT $4 {lock})
             UPDATE notices SET state = 'claimed', lease_token = $1, lease_until_ms = $2
             WHERE (practice_id, id) IN (SELECT practice_id, id FROM due)
             RETURNING practice_id, id",
            token.as_uuid(),
            lease_until.as_ms(),
            now.as_ms(),
            limit
        )?;
        Ok(rows.into_iter().map(|(practice, id)| (practice.into(), id.into())).collect())
    }

    /// How many notices are due and unclaimed: the backlog that the metrics show.
    pub async fn due_notices_count(&mut self, now: Instant) -> Result<i64, StoreError> {
        scalar!(self, i64, "SELECT COUNT(*) FROM notices WHERE state = 'planned' AND due_at_ms <= $1", now.as_ms())
    }

    /// How many notices are due and unclaimed, by practice and channel; answers, which are few and wanted, left out.
    pub async fn due_by_practice(&mut self, now: Instant) -> Result<Vec<(PracticeId, Channel, i64)>, StoreError> {
        let rows = all!(
            self,
            (Uuid, String, i64),
            "SELECT practice_id, channel, COUNT(*) FROM notices
             WHERE state = 'planned' AND due_at_ms <= $1 AND kind <> 'answer' GROUP BY practice_id, channel ORDER BY 1, 2",
            now.as_ms()
        )?;
        let read = |(practice, channel, count): (Uuid, String, i64)| {
            let channel = channel.parse().map_err(|_| StoreError::Corrupt { table: "notices", column: "channel" })?;
            Ok((practice.into(), channel, count))
        };
        rows.into_iter().map(read).collect()
    }

    /// Gives notices that are due new due times `gap_ms` apart, the first to expire first and now. One that would expire before
    /// its turn keeps its time. Returns how many.
    pub async fn spread_notices(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        now: Instant,
        gap_ms: i64,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "WITH due AS MATERIALIZED (
                 SELECT id, ROW_NUMBER() OVER (ORDER BY expires_at_ms, due_at_ms, id) - 1 AS place FROM notices
                 WHERE practice_id = $1 AND channel = $2 AND state = 'planned' AND due_at_ms <= $3 AND expires_at_ms > $3
                     AND kind <> 'answer')
             UPDATE notices SET due_at_ms = $3 + due.place * $4 FROM due
             WHERE notices.practice_id = $1 AND notices.id = due.id AND notices.state = 'planned'
                 AND $3 + due.place * $4 < notices.expires_at_ms",
            practice.as_uuid(),
            channel.as_str(),
            now.as_ms(),
            gap_ms
        )
    }

    /// When the next notice is due after `after`; none when nothing waits.
    pub async fn next_notice_due(&mut self, after: Instant) -> Result<Option<Instant>, StoreError> {
        let due = one!(
            self,
            (Option<i64>,),
            "SELECT MIN(due_at_ms) FROM notices WHERE state = 'planned' AND due_at_ms > $1",
            after.as_ms()
        )?;
        Ok(due.0.map(Instant::from_ms))
    }

    /// The claimed notices of one practice, with numbers and zones.
    pub async fn claimed_notices(
        &mut self,
        practice: PracticeId,
        notices: &[NoticeId],
    ) -> Result<Vec<ClaimedNotice>, StoreError> {
        bulk_all!(
            self,
            ClaimedNotice,
            "SELECT n.practice_id, n.id, n.kind, n.channel, n.locale, n.template, n.contact_point_id, n.bix, n.location_id,
                 n.expires_at_ms, n.attempts, n.rev, n.body, n.link_secret, n.link_id,
                 c.private AS contact_private, c.rev AS contact_rev, p.salt, c.area_zones, p.time_zone AS patient_zone
             FROM {rows} AS r
             JOIN notices n ON n.practice_id = {practice} AND n.id = r.id
             JOIN contact_points c ON c.practice_id = n.practice_id AND c.id = n.contact_point_id
             JOIN patients p ON p.practice_id = c.practice_id AND p.id = c.patient_id",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid()
        )
    }

    /// The reminders in notices, with how their visits stand; by start.
    pub async fn notice_reminders(
        &mut self,
        practice: PracticeId,
        notices: &[NoticeId],
    ) -> Result<Vec<NoticeReminder>, StoreError> {
        bulk_all!(
            self,
            NoticeReminder,
            "SELECT m.notice_id, m.id, m.step, m.revision, m.appointment_id, a.patient_id, a.location_id, a.start_at_ms,
                 a.end_at_ms, CASE WHEN m.step = 'change-practitioner' THEN a.practitioner_revision ELSE a.revision END
                     AS current_revision, a.revision AS visit_revision, a.status, a.answer, a.plan_due, a.muted, a.held
             FROM {rows} AS r
             JOIN reminders m ON m.practice_id = {practice} AND m.notice_id = r.id
             JOIN appointments a ON a.practice_id = m.practice_id AND a.id = m.appointment_id
             WHERE m.state = 'planned' OR m.state = 'sent'
             ORDER BY a.start_at_ms, a.id",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Locks the rows of claimed notices until the end of the transaction. Returns those that are still held under the token.
    pub async fn hold_claimed(
        &mut self,
        practice: PracticeId,
        token: LeaseToken,
        notices: &[NoticeId],
    ) -> Result<Vec<NoticeId>, StoreError> {
        let rows = bulk_all!(
            self,
            (Uuid,),
            "SELECT n.id FROM notices n WHERE (n.practice_id, n.id) IN (SELECT {practice}, r.id FROM {rows} AS r)
                 AND n.state || '' = 'claimed' AND n.lease_token = $3
             ORDER BY n.id {wait_lock}",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid(),
            token.as_uuid()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Consent and suspension of the numbers of notices, as they stand now.
    pub async fn arm_facts(&mut self, practice: PracticeId, notices: &[NoticeId]) -> Result<Vec<ArmFacts>, StoreError> {
        bulk_all!(
            self,
            ArmFacts,
            "SELECT n.id, k.act AS consent, k.seq AS consent_seq, k.at_ms AS consent_at_ms, n.created_at_ms, c.suspended, EXISTS (
                 SELECT 1 FROM tasks t JOIN inbound i ON i.practice_id = t.practice_id AND i.id = t.subject_id
                 WHERE t.practice_id = $2 AND t.state = 'open' AND t.kind = 'stop-unclear' AND i.bix = n.bix) AS held,
                 EXISTS (SELECT 1 FROM inbound i WHERE i.practice_id = $2 AND i.bix = n.bix AND NOT i.applied) AS waits
             FROM {rows} AS r
             JOIN notices n ON n.practice_id = {practice} AND n.id = r.id
             JOIN contact_points c ON c.practice_id = n.practice_id AND c.id = n.contact_point_id
             LEFT JOIN consent_now k ON k.practice_id = n.practice_id AND k.bix = n.bix AND k.channel = n.channel",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid()
        )
    }

    /// What counts towards the caps of some numbers since a local day.
    pub async fn sends_since(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
        since_day: i64,
    ) -> Result<Vec<Send>, StoreError> {
        bulk_all!(
            self,
            Send,
            "SELECT s.bix, s.send_day, s.slot, s.notice_id FROM {rows} AS r
             JOIN sends s ON s.practice_id = {practice} AND s.bix = r.bix AND s.send_day >= $3",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            since_day
        )
    }

    /// Counts messages towards the caps. Returns the notices that got their place; another worker was faster for the rest.
    pub async fn insert_sends(&mut self, practice: PracticeId, sends: &[Send]) -> Result<Vec<NoticeId>, StoreError> {
        let mut rows =
            Rows::new(&[("bix", Kind::Bytes), ("send_day", Kind::Int), ("slot", Kind::Int), ("notice_id", Kind::Uuid)]);
        for send in sends {
            rows.push().bytes(&send.bix.0).int(send.send_day).int(send.slot).uuid(send.notice);
        }
        let taken = bulk_all!(
            self,
            (Uuid,),
            "INSERT INTO sends (practice_id, bix, send_day, slot, notice_id)
             SELECT $2, bix, send_day, slot, notice_id FROM {rows} AS r WHERE TRUE
             ON CONFLICT (practice_id, bix, send_day, slot) DO NOTHING RETURNING notice_id",
            rows,
            practice.as_uuid()
        )?;
        Ok(taken.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Messages that certainly never left no longer count.
    pub async fn delete_sends(&mut self, practice: PracticeId, notices: &[NoticeId]) -> Result<u64, StoreError> {
        bulk!(
            self,
            // By the number, which the notices know: without it every message of the practice would be looked at.
            "DELETE FROM sends WHERE (practice_id, bix) IN (
                 SELECT n.practice_id, n.bix FROM {rows} AS r JOIN notices AS n ON n.practice_id = {practice} AND n.id = r.id)
                 AND notice_id IN (SELECT id FROM {rows} AS r)",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Freezes claimed notices under a lease that begins anew, begins their attempts and marks their reminders as said (`now` is wall
    /// time, `civil` the practice's); those of a later attempt are said by that one. Returns how many notices were still held under the token; the
    /// caller rolls back if fewer than it asked for.
    pub async fn arm_notices(
        &mut self,
        practice: PracticeId,
        (token, lease_until): (LeaseToken, Instant),
        now: Instant,
        civil: Instant,
        armed: &[Armed],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("body", Kind::Bytes),
            ("link_secret", Kind::Bytes),
            ("link_id", Kind::Uuid),
            ("rev", Kind::Int),
            ("send_day", Kind::Int),
            ("carrier", Kind::Text),
            ("attempt", Kind::Uuid),
            ("number", Kind::Int),
            ("consent_seq", Kind::Int),
        ]);
        for notice in armed {
            rows.push()
                .uuid(notice.id)
                .bytes(notice.body.as_ciphertext())
                .opt_bytes(notice.link_secret.as_ref().map(Sealed::as_ciphertext))
                .opt_uuid(notice.link.map(LinkId::as_uuid))
                .int(notice.rev)
                .opt_int(notice.send_day)
                .text(notice.carrier)
                .uuid(notice.attempt)
                .int(notice.attempt_number)
                .opt_int(notice.consent_seq);
        }
        let count = bulk!(
            self,
            "UPDATE notices SET state = 'armed', body = r.body, link_secret = r.link_secret, link_id = r.link_id, rev = r.rev,
                 send_day = r.send_day, carrier = r.carrier, attempts = r.number, armed_at_ms = $4, lease_until_ms = $5
             FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state || '' = 'claimed' AND notices.lease_token = $3",
            rows,
            practice.as_uuid(),
            token.as_uuid(),
            now.as_ms(),
            lease_until.as_ms()
        )?;
        bulk!(
            self,
            "INSERT INTO attempts (practice_id, id, notice_id, number, lease_token, carrier, armed_at_ms, said_at_ms, consent_seq)
             SELECT $2, attempt, id, number, $3, carrier, $4, $5, consent_seq FROM {rows} AS r",
            rows,
            practice.as_uuid(),
            token.as_uuid(),
            now.as_ms(),
            civil.as_ms()
        )?;
        bulk!(
            self,
            "UPDATE reminders SET state = 'sent', reason = NULL, said_at_ms = $3 FROM {rows} AS r
             WHERE reminders.practice_id = {practice} AND reminders.notice_id = r.id
                 AND reminders.state IN ('planned', 'sent')",
            rows,
            practice.as_uuid(),
            civil.as_ms()
        )?;
        Ok(count)
    }

    /// Gives claimed notices back, each with a new due time.
    pub async fn release_notices(
        &mut self,
        practice: PracticeId,
        token: LeaseToken,
        notices: &[(NoticeId, Option<Instant>)],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[("id", Kind::Uuid), ("due_at_ms", Kind::Int)]);
        for (id, due_at) in notices {
            rows.push().uuid(*id).opt_int(due_at.map(Instant::as_ms));
        }
        bulk!(
            self,
            "UPDATE notices SET state = 'planned', lease_token = NULL, lease_until_ms = NULL,
                 due_at_ms = COALESCE(r.due_at_ms, notices.due_at_ms)
             FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state || '' = 'claimed' AND notices.lease_token = $3",
            rows,
            practice.as_uuid(),
            token.as_uuid()
        )
    }

    /// Ends claimed notices that will not be sent, and their reminders.
    pub async fn drop_notices(
        &mut self,
        practice: PracticeId,
        token: LeaseToken,
        now: Instant,
        notices: &[DroppedNotice],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("state", Kind::Text),
            ("reason", Kind::Text),
            ("why", Kind::Text),
            ("untaken", Kind::Bool),
        ]);
        for one in notices {
            rows.push().uuid(one.id).text(one.state.as_str()).text(one.reason).opt_text(one.why).bool(one.untaken);
        }
        bulk!(
            self,
            "UPDATE reminders SET state = 'skipped', reason = r.why, said_at_ms = NULL FROM {rows} AS r
             WHERE reminders.practice_id = {practice} AND reminders.notice_id = r.id
                 AND (reminders.state = 'planned' OR r.untaken AND reminders.state = 'sent')",
            rows,
            practice.as_uuid()
        )?;
        // What is still useful of an expired notice is planned anew: planning looks at them again. Locked in their order, since
        // two batches may hold notices of the same visits.
        bulk!(
            self,
            "WITH due AS MATERIALIZED (
                 SELECT a.practice_id, a.id FROM appointments a WHERE (a.practice_id, a.id) IN (
                     SELECT m.practice_id, m.appointment_id FROM {rows} AS r
                     JOIN reminders m ON m.practice_id = {practice} AND m.notice_id = r.id WHERE r.state = 'expired' OR r.untaken)
                 ORDER BY a.id {wait_lock})
             UPDATE appointments SET plan_due = TRUE WHERE (practice_id, id) IN (SELECT practice_id, id FROM due)",
            rows,
            practice.as_uuid()
        )?;
        bulk!(
            self,
            "UPDATE notices SET state = r.state, reason = r.reason, final_at_ms = $4, lease_token = NULL, lease_until_ms = NULL
             FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state || '' = 'claimed' AND notices.lease_token = $3",
            rows,
            practice.as_uuid(),
            token.as_uuid(),
            now.as_ms()
        )
    }

    /// Records what became of armed notices, under the live token only. A failed or expired notice loses its link's
    /// secret, and so does a mail that was taken: no receipt follows that could take it. Returns how many were still held.
    pub async fn record_outcomes(
        &mut self,
        practice: PracticeId,
        token: LeaseToken,
        now: Instant,
        outcomes: &[Outcome],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("state", Kind::Text),
            ("reason", Kind::Text),
            ("provider_ref", Kind::Text),
            ("due_at_ms", Kind::Int),
            ("attempt", Kind::Text),
            ("code", Kind::Text),
            ("ends", Kind::Bool),
        ]);
        for outcome in outcomes {
            rows.push()
                .uuid(outcome.id)
                .text(outcome.state.as_str())
                .opt_text(outcome.reason.as_deref())
                .opt_text(outcome.provider_ref.as_deref())
                .opt_int(outcome.due_at.map(Instant::as_ms))
                .text(outcome.attempt)
                .opt_text(outcome.code.as_deref())
                .bool(outcome.state.is_final());
        }
        bulk!(
            self,
            "UPDATE attempts SET finished_at_ms = $4, outcome = r.attempt, code = r.code FROM {rows} AS r
             WHERE attempts.practice_id = {practice} AND attempts.notice_id = r.id AND attempts.lease_token = $3
                 AND attempts.finished_at_ms IS NULL",
            rows,
            practice.as_uuid(),
            token.as_uuid(),
            now.as_ms()
        )?;
        bulk!(
            self,
            "UPDATE notices SET state = r.state, reason = r.reason, provider_ref = COALESCE(r.provider_ref, notices.provider_ref),
                 due_at_ms = COALESCE(r.due_at_ms, notices.due_at_ms), lease_token = NULL, lease_until_ms = NULL,
                 sent_at_ms = CASE WHEN r.state = 'sent' THEN $4 ELSE notices.sent_at_ms END,
                 final_at_ms = CASE WHEN r.ends THEN $4 ELSE NULL END,
                 link_secret = CASE WHEN r.ends OR (r.state = 'sent' AND notices.channel = 'email') THEN NULL
                     ELSE notices.link_secret END
             FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state || '' = 'armed' AND notices.lease_token = $3",
            rows,
            practice.as_uuid(),
            token.as_uuid(),
            now.as_ms()
        )
    }

    /// Notices whose worker has not come back. The caller's scope is `Work`.
    pub async fn expired_leases(&mut self, now: Instant, limit: i64) -> Result<Vec<ExpiredLease>, StoreError> {
        all!(
            self,
            ExpiredLease,
            "SELECT practice_id, id, state, lease_token, carrier, armed_at_ms FROM notices
             WHERE state IN ('claimed', 'armed') AND lease_until_ms < $1 ORDER BY lease_until_ms LIMIT $2 {lock}",
            now.as_ms(),
            limit
        )
    }

    /// Puts armed notices under a lost token back to be sent again with the same key, the same text and the same link.
    pub async fn rearm_notices(
        &mut self,
        practice: PracticeId,
        token: LeaseToken,
        notices: &[NoticeId],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE notices SET state = 'planned', lease_token = NULL, lease_until_ms = NULL FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state || '' = 'armed' AND notices.lease_token = $3",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid(),
            token.as_uuid()
        )
    }
}
