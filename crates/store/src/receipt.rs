//! What carriers tell us of messages. Each event is kept once; states only move forward, whatever order they come in.

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{AppointmentId, BlindIndex, Channel, Instant, NoticeId, NoticeState, PracticeId};
use uuid::Uuid;

/// An event to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReceipt {
    /// The carrier's id of the event.
    pub event: String,
    /// The carrier's id of the message.
    pub provider_ref: String,
    /// What it says, in our words.
    pub status: &'static str,
    /// The carrier's error code.
    pub code: Option<String>,
}

/// A kept event whose notice is known by now, and which was not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WaitingReceipt {
    /// The carrier's name.
    pub provider: String,
    /// The carrier's id of the event.
    pub event: String,
    /// What it says, in our words.
    pub status: String,
    /// The carrier's error code.
    pub code: Option<String>,
    /// The notice it is about.
    #[sqlx(rename = "notice_id", try_from = "Uuid")]
    pub notice: NoticeId,
    /// Its number.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// How it travelled.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
}

/// What follows from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledReceipt {
    /// The carrier's name.
    pub provider: String,
    /// The carrier's id of the event.
    pub event: String,
    /// The notice it is about.
    pub notice: NoticeId,
    /// Where the notice stands by it; none for news on the way.
    pub state: Option<NoticeState>,
}

/// How a message to a number ended.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct MessageEnd {
    /// The number.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// How it travelled.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// Delivered or failed.
    #[sqlx(try_from = "String")]
    pub state: NoticeState,
    /// The local day it counted for.
    pub send_day: i64,
    /// The carrier of its last attempt.
    pub carrier: String,
    /// The carrier's code.
    pub code: Option<String>,
}

impl Tx {
    /// Keeps events; those seen before are left alone. Returns how many are new.
    pub async fn insert_receipts(
        &mut self,
        practice: PracticeId,
        provider: &str,
        now: Instant,
        receipts: &[NewReceipt],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("event", Kind::Text),
            ("provider_ref", Kind::Text),
            ("status", Kind::Text),
            ("code", Kind::Text),
        ]);
        for receipt in receipts {
            rows.push()
                .text(&receipt.event)
                .text(&receipt.provider_ref)
                .text(receipt.status)
                .opt_text(receipt.code.as_deref());
        }
        bulk!(
            self,
            "INSERT INTO receipts (practice_id, provider, event, provider_ref, status, code, received_at_ms)
             SELECT $2, $3, event, provider_ref, status, code, $4 FROM {rows} AS r WHERE TRUE
             ON CONFLICT (practice_id, provider, event) DO NOTHING",
            rows,
            practice.as_uuid(),
            provider,
            now.as_ms()
        )
    }

    /// Events whose notice is known and which nobody has looked at, the oldest first. An event may come before the
    /// hand-over is recorded; then it waits here.
    pub async fn waiting_receipts(
        &mut self,
        practice: PracticeId,
        limit: i64,
    ) -> Result<Vec<WaitingReceipt>, StoreError> {
        all!(
            self,
            WaitingReceipt,
            "SELECT r.provider, r.event, r.status, r.code, n.id AS notice_id, n.bix, n.channel
             FROM receipts r
             JOIN notices n ON n.practice_id = r.practice_id AND n.carrier = r.provider AND n.provider_ref = r.provider_ref
             WHERE r.practice_id = $1 AND NOT r.applied
             ORDER BY r.received_at_ms, r.event LIMIT $2",
            practice.as_uuid(),
            limit
        )
    }

    /// Moves notices forward by what events say and marks the events as looked at. A notice in a final state stays as it
    /// is; a final one loses its link's secret. Returns the notices that moved.
    pub async fn settle_receipts(
        &mut self,
        practice: PracticeId,
        now: Instant,
        settled: &[SettledReceipt],
    ) -> Result<Vec<(NoticeId, NoticeState)>, StoreError> {
        let mut events = Rows::new(&[("provider", Kind::Text), ("event", Kind::Text), ("notice_id", Kind::Uuid)]);
        let mut states = Rows::new(&[("id", Kind::Uuid), ("state", Kind::Text), ("reason", Kind::Text)]);
        let mut first = std::collections::BTreeSet::new();
        for one in settled {
            events.push().text(&one.provider).text(&one.event).uuid(one.notice);
            // Of two final events of one batch the first counts, as it would in two batches.
            let Some(state) = one.state.filter(|_| first.insert(one.notice)) else { continue };
            let reason = (state == NoticeState::Failed).then_some("undelivered");
            states.push().uuid(one.notice).text(state.as_str()).opt_text(reason);
        }
        let moved = bulk_all!(
            self,
            (Uuid, String),
            "UPDATE notices SET state = r.state, reason = r.reason, final_at_ms = $3, link_secret = NULL
             FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.id = r.id AND notices.state IN ('sent', 'uncertain')
             RETURNING notices.id, notices.state",
            states,
            practice.as_uuid(),
            now.as_ms()
        )?;
        bulk!(
            self,
            "UPDATE receipts SET applied = TRUE, notice_id = r.notice_id FROM {rows} AS r
             WHERE receipts.practice_id = {practice} AND receipts.provider = r.provider AND receipts.event = r.event",
            events,
            practice.as_uuid()
        )?;
        moved
            .into_iter()
            .map(|(id, state)| {
                let state = state.parse().map_err(|_| StoreError::Corrupt { table: "notices", column: "state" })?;
                Ok((id.into(), state))
            })
            .collect()
    }

    /// Keeps the codes of messages that a carrier took and did not deliver, with the attempts that were taken.
    pub async fn note_codes(&mut self, practice: PracticeId, codes: &[(NoticeId, &str)]) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[("id", Kind::Uuid), ("code", Kind::Text)]);
        for (notice, code) in codes {
            rows.push().uuid(*notice).text(code);
        }
        bulk!(
            self,
            "UPDATE attempts SET code = r.code FROM {rows} AS r
             WHERE attempts.practice_id = {practice} AND attempts.notice_id = r.id AND attempts.outcome = 'accepted'",
            rows,
            practice.as_uuid()
        )
    }

    /// How messages to some numbers ended that count for a local day since, the last first; answers, which count for none, left out.
    pub async fn ends_of_numbers(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
        since_day: i64,
    ) -> Result<Vec<MessageEnd>, StoreError> {
        bulk_all!(
            self,
            MessageEnd,
            "SELECT n.bix, n.channel, n.state, n.send_day, a.carrier, a.code FROM {rows} AS r
             JOIN notices n ON n.practice_id = {practice} AND n.bix = r.bix
             JOIN attempts a ON a.practice_id = n.practice_id AND a.notice_id = n.id AND a.number = n.attempts
             WHERE n.state IN ('delivered', 'failed') AND n.send_day >= $3
             ORDER BY n.send_day DESC, a.armed_at_ms DESC",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            since_day
        )
    }

    /// Events that came before `before` and belong to no notice of ours are looked at no more. Returns how many.
    pub async fn give_up_receipts(&mut self, practice: PracticeId, before: Instant) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE receipts SET applied = TRUE WHERE practice_id = $1 AND NOT applied AND received_at_ms < $2",
            practice.as_uuid(),
            before.as_ms()
        )
    }

    /// The visits that notices are about.
    pub async fn visits_of_notices(
        &mut self,
        practice: PracticeId,
        notices: &[NoticeId],
    ) -> Result<Vec<AppointmentId>, StoreError> {
        let rows = bulk_all!(
            self,
            (Uuid,),
            "SELECT DISTINCT m.appointment_id FROM {rows} AS r
             JOIN reminders m ON m.practice_id = {practice} AND m.notice_id = r.id",
            Rows::of_ids("id", notices.iter().copied()),
            practice.as_uuid()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }
}
