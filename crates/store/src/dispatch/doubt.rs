//! Notices whose fate nobody knows: the attempts they had, and what is found out about them later.

use super::rows::PastAttempt;
use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::sealed;
use crate::tx::Tx;
use kept_domain::private::{LinkSecretCol, NoticeBodyCol};
use kept_domain::{BlindIndex, Instant, LeaseToken, NoticeId, NoticeState, PracticeId, Sealed};
use sqlx::FromRow;
use uuid::Uuid;

/// The reason of an uncertain notice that its carrier is being asked about.
pub const LOOKING_UP: &str = "looking-up";

/// An uncertain notice that its carrier is being asked about.
#[derive(Debug, Clone, FromRow)]
pub struct DoubtfulNotice {
    /// Whose.
    #[sqlx(rename = "practice_id", try_from = "Uuid")]
    pub practice: PracticeId,
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: NoticeId,
    /// Its number.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// The carrier that may have it.
    pub carrier: String,
    /// Attempts so far; guards what is found out against an attempt made meanwhile.
    pub attempts: i64,
    /// How often its sealed values were written.
    pub rev: i64,
    /// The frozen text.
    #[sqlx(try_from = "Vec<u8>")]
    pub body: Sealed<NoticeBodyCol>,
    /// The secret of its link.
    pub link_secret: Option<Vec<u8>>,
    /// When the first attempt began whose end nobody knows (wall),
    #[sqlx(rename = "first_at_ms", try_from = "i64")]
    pub first_at: Instant,
    /// and by when the last one had ended.
    #[sqlx(rename = "last_at_ms", try_from = "i64")]
    pub last_at: Instant,
}

impl DoubtfulNotice {
    /// The sealed secret of the link, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is no sealed value.
    pub fn sealed_link_secret(&self) -> Result<Option<Sealed<LinkSecretCol>>, StoreError> {
        sealed::optional(self.link_secret.as_deref())
    }
}

/// What was found out about a doubtful notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledDoubt {
    /// Which.
    pub id: NoticeId,
    /// The attempts it had when its carrier was asked.
    pub attempts: i64,
    /// Where it stands now: sent, planned (again), or uncertain for a person.
    pub state: NoticeState,
    /// Why, where a person must look.
    pub reason: Option<&'static str>,
    /// The carrier's id of the message.
    pub provider_ref: Option<String>,
    /// How its open attempts ended: accepted, retry, unknown.
    pub attempt: &'static str,
}

impl Tx {
    /// The attempts that notices had so far, in their order.
    pub async fn attempts_of(
        &mut self,
        practice: PracticeId,
        notices: &[NoticeId],
    ) -> Result<Vec<PastAttempt>, StoreError> {
        bulk_all!(
            self,
            PastAttempt,
            "SELECT a.notice_id, a.carrier, a.armed_at_ms, a.outcome, a.code FROM {rows} AS r
             JOIN attempts a ON a.practice_id = {practice} AND a.notice_id = r.id
             ORDER BY a.notice_id, a.number",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid()
        )
    }

    /// Marks claimed notices as uncertain, with the reason: an earlier attempt may have been taken, and asking again is not
    /// safe. Returns how many were still held.
    pub async fn doubt_notices(
        &mut self,
        practice: PracticeId,
        token: LeaseToken,
        reason: &str,
        notices: &[NoticeId],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "UPDATE notices SET state = 'uncertain', reason = $4, lease_token = NULL, lease_until_ms = NULL FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state || '' = 'claimed' AND notices.lease_token = $3",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid(),
            token.as_uuid(),
            reason
        )
    }

    /// Notices that their carriers are being asked about, the longest lost first. An attempt whose end nobody wrote down had ended when
    /// its lease had, `lease_ms` after it began. The caller's scope is `Work`.
    pub async fn doubtful_notices(&mut self, lease_ms: i64, limit: i64) -> Result<Vec<DoubtfulNotice>, StoreError> {
        all!(
            self,
            DoubtfulNotice,
            "SELECT n.practice_id, n.id, n.bix, MIN(a.carrier) AS carrier, n.attempts, n.rev, n.body, n.link_secret,
                 MIN(a.armed_at_ms) AS first_at_ms, MAX(COALESCE(a.finished_at_ms, a.armed_at_ms + $1)) AS last_at_ms
             FROM notices n
             JOIN attempts a ON a.practice_id = n.practice_id AND a.notice_id = n.id
                 AND (a.outcome IS NULL OR a.outcome = 'unknown')
             WHERE n.state = 'uncertain' AND n.reason = 'looking-up' AND n.body IS NOT NULL
             GROUP BY n.practice_id, n.id ORDER BY 10, n.id LIMIT $2",
            lease_ms,
            limit
        )
    }

    /// Of these notices, those to whose number another message may be at a carrier without our knowing its id: one is on its way, or
    /// in doubt since then.
    pub async fn notices_with_others(
        &mut self,
        practice: PracticeId,
        notices: &[NoticeId],
        since: Instant,
    ) -> Result<Vec<NoticeId>, StoreError> {
        let rows = bulk_all!(
            self,
            (Uuid,),
            "SELECT DISTINCT n.id FROM {rows} AS r
             JOIN notices n ON n.practice_id = {practice} AND n.id = r.id
             JOIN notices other ON other.practice_id = n.practice_id AND other.bix = n.bix AND other.id <> n.id
             WHERE other.state IN ('claimed', 'armed') OR other.state = 'uncertain' AND other.armed_at_ms >= $3",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid(),
            since.as_ms()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// The carrier's ids of messages to these numbers that were recorded since.
    pub async fn refs_of_numbers(
        &mut self,
        practice: PracticeId,
        carrier: &str,
        numbers: &[BlindIndex],
        since: Instant,
    ) -> Result<Vec<(BlindIndex, String)>, StoreError> {
        let rows = bulk_all!(
            self,
            (Vec<u8>, String),
            "SELECT n.bix, n.provider_ref FROM {rows} AS r
             JOIN notices n ON n.practice_id = {practice} AND n.bix = r.bix
             WHERE n.carrier = $3 AND n.provider_ref IS NOT NULL AND n.sent_at_ms >= $4",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            carrier,
            since.as_ms()
        )?;
        rows.into_iter()
            .map(|(bix, provider_ref)| {
                let bix = bix.try_into().map_err(|_| StoreError::Corrupt { table: "notices", column: "bix" })?;
                Ok((bix, provider_ref))
            })
            .collect()
    }

    /// Writes down what carriers say of doubtful notices, and how their open attempts ended. One that somebody else settled, or
    /// that was tried again meanwhile, stays as it is. Returns those that changed.
    pub async fn settle_doubts(
        &mut self,
        practice: PracticeId,
        now: Instant,
        settled: &[SettledDoubt],
    ) -> Result<Vec<NoticeId>, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("attempts", Kind::Int),
            ("state", Kind::Text),
            ("reason", Kind::Text),
            ("provider_ref", Kind::Text),
        ]);
        for one in settled {
            rows.push()
                .uuid(one.id)
                .int(one.attempts)
                .text(one.state.as_str())
                .opt_text(one.reason)
                .opt_text(one.provider_ref.as_deref());
        }
        let changed = bulk_all!(
            self,
            (Uuid,),
            "UPDATE notices SET state = r.state, reason = r.reason, provider_ref = COALESCE(r.provider_ref, notices.provider_ref),
                 sent_at_ms = CASE WHEN r.state = 'sent' THEN $3 ELSE notices.sent_at_ms END
             FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state = 'uncertain'
                 AND notices.reason = 'looking-up' AND notices.attempts = r.attempts
             RETURNING notices.id",
            rows,
            practice.as_uuid(),
            now.as_ms()
        )?;
        let changed: Vec<NoticeId> = changed.into_iter().map(|(id,)| id.into()).collect();
        let mut rows = Rows::new(&[("id", Kind::Uuid), ("attempt", Kind::Text)]);
        for one in settled.iter().filter(|one| changed.contains(&one.id)) {
            rows.push().uuid(one.id).text(one.attempt);
        }
        bulk!(
            self,
            "UPDATE attempts SET outcome = r.attempt, finished_at_ms = COALESCE(attempts.finished_at_ms, $3) FROM {rows} AS r
             WHERE attempts.practice_id = {practice} AND attempts.notice_id = r.id
                 AND (attempts.outcome IS NULL OR attempts.outcome = 'unknown')",
            rows,
            practice.as_uuid(),
            now.as_ms()
        )?;
        Ok(changed)
    }
}
