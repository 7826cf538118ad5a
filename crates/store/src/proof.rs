//! What shows that nobody was written to against their word: every attempt beside the ledger, page by page.

use crate::dialect::Rows;
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{AttemptId, BlindIndex, Channel, ContactPointId, Instant, NoticeId, NoticeKind, PracticeId};
use uuid::Uuid;

/// One attempt to send, with what it was about.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ArmedAttempt {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: AttemptId,
    /// Its notice.
    #[sqlx(rename = "notice_id", try_from = "Uuid")]
    pub notice: NoticeId,
    /// Its number, from 1.
    pub number: i64,
    /// Reminder, change, or answer.
    #[sqlx(try_from = "String")]
    pub kind: NoticeKind,
    /// Name of the text.
    pub template: String,
    /// How it travels.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// The number or address.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// When it was armed: civil, or wall where it was made before civil times were kept.
    #[sqlx(rename = "at_ms", try_from = "i64")]
    pub at: Instant,
    /// The ledger's entry that it names as allowing it.
    pub consent_seq: Option<i64>,
}

/// A notice that claims to have gone out and has no attempt.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SaidWithoutAttempt {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: NoticeId,
    /// How it travelled.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// When it was armed, if that is written, else when it was made.
    #[sqlx(rename = "at_ms", try_from = "i64")]
    pub at: Instant,
}

/// An entry of the ledger, as far as it decides about sending.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LedgerLine {
    /// The number or address.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// `sms`, `email`.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// Its number in the ledger.
    pub seq: i64,
    /// What it does.
    pub act: String,
    /// When.
    #[sqlx(rename = "at_ms", try_from = "i64")]
    pub at: Instant,
}

impl Tx {
    /// Attempts after one, by id, at most `limit`: one page of a walk over all of them.
    pub async fn attempts_after(
        &mut self,
        practice: PracticeId,
        after: AttemptId,
        limit: i64,
    ) -> Result<Vec<ArmedAttempt>, StoreError> {
        all!(
            self,
            ArmedAttempt,
            "SELECT a.id, a.notice_id, a.number, n.kind, n.template, n.channel, n.bix,
                 COALESCE(a.said_at_ms, a.armed_at_ms) AS at_ms, a.consent_seq
             FROM attempts a JOIN notices n ON n.practice_id = a.practice_id AND n.id = a.notice_id
             WHERE a.practice_id = $1 AND a.id > $2 ORDER BY a.id LIMIT $3",
            practice.as_uuid(),
            after.as_uuid(),
            limit
        )
    }

    /// Notices after one, by id, that claim to have gone out although no attempt was ever made; at most `limit`.
    pub async fn said_without_attempt(
        &mut self,
        practice: PracticeId,
        after: NoticeId,
        limit: i64,
    ) -> Result<Vec<SaidWithoutAttempt>, StoreError> {
        all!(
            self,
            SaidWithoutAttempt,
            "SELECT n.id, n.channel, COALESCE(n.armed_at_ms, n.created_at_ms) AS at_ms FROM notices n
             WHERE n.practice_id = $1 AND n.id > $2 AND n.state IN ('armed', 'sent', 'delivered', 'uncertain')
                 AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.practice_id = n.practice_id AND a.notice_id = n.id)
             ORDER BY n.id LIMIT $3",
            practice.as_uuid(),
            after.as_uuid(),
            limit
        )
    }

    /// Every entry of the ledger for some numbers, on all channels, in its order.
    pub async fn ledger_of(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
    ) -> Result<Vec<LedgerLine>, StoreError> {
        bulk_all!(
            self,
            LedgerLine,
            "SELECT c.bix, c.channel, c.seq, c.act, c.at_ms FROM {rows} AS r
             JOIN consents c ON c.practice_id = {practice} AND c.bix = r.bix ORDER BY c.seq",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid()
        )
    }

    /// When texts of some numbers came.
    pub async fn texts_of(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
    ) -> Result<Vec<(BlindIndex, Instant)>, StoreError> {
        let rows = bulk_all!(
            self,
            (Vec<u8>, i64),
            "SELECT i.bix, i.received_at_ms FROM {rows} AS r
             JOIN inbound i ON i.practice_id = {practice} AND i.bix = r.bix ORDER BY i.received_at_ms",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid()
        )?;
        numbered(rows.into_iter().map(|(bix, at)| (bix, Instant::from_ms(at))))
    }

    /// Confirmations of an opt-out that some numbers got: notices with the time of their first attempt.
    pub async fn opt_out_confirmations(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
    ) -> Result<Vec<(BlindIndex, (NoticeId, Instant))>, StoreError> {
        let rows = bulk_all!(
            self,
            (Vec<u8>, Uuid, i64),
            "SELECT n.bix, n.id, MIN(COALESCE(a.said_at_ms, a.armed_at_ms)) FROM {rows} AS r
             JOIN notices n ON n.practice_id = {practice} AND n.bix = r.bix
             JOIN attempts a ON a.practice_id = n.practice_id AND a.notice_id = n.id
             WHERE n.kind = 'answer' AND n.template = 'opt-out' GROUP BY n.bix, n.id ORDER BY 3, 2",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid()
        )?;
        numbered(rows.into_iter().map(|(bix, id, at)| (bix, (id.into(), Instant::from_ms(at)))))
    }

    /// How many texts that opt a number out were acknowledged and are not in the ledger yet.
    pub async fn opt_outs_waiting(&mut self, practice: PracticeId) -> Result<i64, StoreError> {
        scalar!(
            self,
            i64,
            "SELECT COUNT(*) FROM inbound WHERE practice_id = $1 AND NOT applied AND opts_out",
            practice.as_uuid()
        )
    }

    /// The number or address of a contact point.
    pub async fn contact_number(
        &mut self,
        practice: PracticeId,
        contact: ContactPointId,
    ) -> Result<Option<(Channel, BlindIndex)>, StoreError> {
        let row = opt!(
            self,
            (String, Vec<u8>),
            "SELECT channel, bix FROM contact_points WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            contact.as_uuid()
        )?;
        let Some((channel, bix)) = row else { return Ok(None) };
        let channel =
            channel.parse().map_err(|_| StoreError::Corrupt { table: "contact_points", column: "channel" })?;
        Ok(Some((channel, blind(bix)?)))
    }
}

fn blind(bytes: Vec<u8>) -> Result<BlindIndex, StoreError> {
    BlindIndex::try_from(bytes).map_err(|_| StoreError::Corrupt { table: "notices", column: "bix" })
}

fn numbered<T>(rows: impl Iterator<Item = (Vec<u8>, T)>) -> Result<Vec<(BlindIndex, T)>, StoreError> {
    rows.map(|(bix, rest)| Ok((blind(bix)?, rest))).collect()
}
