//! The consent ledger: append-only, hash-chained, and where each number stands.

use crate::audit::{Chain, ChainHead};
use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{BlindIndex, Channel, ConsentId, ImportId, Instant, NoticeId, PracticeId, StaffId};
use uuid::Uuid;

/// Where one number stands.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ConsentNow {
    /// The number or address.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// `sms`, `email`.
    #[sqlx(try_from = "String")]
    pub channel: Channel,
    /// `granted`, `denied`, `withdrawn` or `restored`.
    pub act: String,
    /// Entry of the ledger that says so.
    pub seq: i64,
    /// When.
    #[sqlx(try_from = "i64")]
    pub at: Instant,
}

/// An entry to append, hashed by the caller.
#[derive(Debug, Clone)]
pub struct ConsentEntry {
    /// Number in the ledger, from 1.
    pub seq: i64,
    /// Which.
    pub id: ConsentId,
    /// The number or address.
    pub bix: BlindIndex,
    /// `sms`, `email`.
    pub channel: Channel,
    /// `granted`, `denied`, `withdrawn`, `limited` or `restored`.
    pub act: String,
    /// What it rests on.
    pub basis: String,
    /// Id of the wording that was shown.
    pub wording: String,
    /// Language of the wording.
    pub locale: Option<String>,
    /// Who recorded it.
    pub staff: Option<StaffId>,
    /// The upload that brought it.
    pub import: Option<ImportId>,
    /// When.
    pub at: Instant,
    /// Hash of the entry before.
    pub prev_hash: [u8; 32],
    /// Its hash.
    pub hash: [u8; 32],
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    seq: i64,
    #[sqlx(try_from = "Uuid")]
    id: ConsentId,
    #[sqlx(try_from = "Vec<u8>")]
    bix: BlindIndex,
    #[sqlx(try_from = "String")]
    channel: Channel,
    act: String,
    basis: String,
    wording: String,
    locale: Option<String>,
    staff_id: Option<Uuid>,
    import_id: Option<Uuid>,
    at_ms: i64,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl TryFrom<EntryRow> for ConsentEntry {
    type Error = StoreError;
    fn try_from(row: EntryRow) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.seq,
            id: row.id,
            bix: row.bix,
            channel: row.channel,
            act: row.act,
            basis: row.basis,
            wording: row.wording,
            locale: row.locale,
            staff: row.staff_id.map(Into::into),
            import: row.import_id.map(Into::into),
            at: row.at_ms.into(),
            prev_hash: hash(row.prev_hash)?,
            hash: hash(row.hash)?,
        })
    }
}

fn hash(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt { table: "consents", column: "hash" })
}

impl Tx {
    /// Where these numbers stand on a channel; those never heard of are left out.
    // The channel is written so that no index fits: by it alone half of the table would.
    pub async fn consent_now(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        numbers: &[BlindIndex],
    ) -> Result<Vec<ConsentNow>, StoreError> {
        bulk_all!(
            self,
            ConsentNow,
            "SELECT n.bix, n.channel, n.act, n.seq, n.at_ms AS at FROM {rows} AS r
             JOIN consent_now AS n ON n.practice_id = {practice} AND n.bix = r.bix AND n.channel || '' = $3",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            channel.as_str()
        )
    }

    /// Appends entries that follow the head the caller has locked ([`Tx::lock_chain_head`]), moves the head, and lets each
    /// number stand where its last entry puts it.
    pub async fn append_consents(&mut self, practice: PracticeId, entries: &[ConsentEntry]) -> Result<(), StoreError> {
        let Some(last) = entries.last() else { return Ok(()) };
        let mut rows = Rows::new(&[
            ("seq", Kind::Int),
            ("id", Kind::Uuid),
            ("bix", Kind::Bytes),
            ("channel", Kind::Text),
            ("act", Kind::Text),
            ("basis", Kind::Text),
            ("wording", Kind::Text),
            ("locale", Kind::Text),
            ("staff_id", Kind::Uuid),
            ("import_id", Kind::Uuid),
            ("at_ms", Kind::Int),
            ("prev_hash", Kind::Bytes),
            ("hash", Kind::Bytes),
        ]);
        // An upsert may not touch a row twice: of several entries for one number the last counts.
        let mut stands = std::collections::BTreeMap::new();
        for entry in entries {
            rows.push()
                .int(entry.seq)
                .uuid(entry.id)
                .bytes(&entry.bix.0)
                .text(entry.channel.as_str())
                .text(&entry.act)
                .text(&entry.basis)
                .text(&entry.wording)
                .opt_text(entry.locale.as_deref())
                .opt_uuid(entry.staff.map(StaffId::as_uuid))
                .opt_uuid(entry.import.map(ImportId::as_uuid))
                .int(entry.at.as_ms())
                .bytes(&entry.prev_hash)
                .bytes(&entry.hash);
            stands.insert((entry.bix, entry.channel), entry);
        }
        bulk!(
            self,
            "INSERT INTO consents (practice_id, seq, id, bix, channel, act, basis, wording, locale, staff_id, import_id, at_ms, prev_hash, hash)
             SELECT $2, seq, id, bix, channel, act, basis, wording, locale, staff_id, import_id, at_ms, prev_hash, hash FROM {rows} AS r",
            rows,
            practice.as_uuid()
        )?;
        let mut rows = Rows::new(&[
            ("bix", Kind::Bytes),
            ("channel", Kind::Text),
            ("act", Kind::Text),
            ("seq", Kind::Int),
            ("at_ms", Kind::Int),
        ]);
        for entry in stands.values() {
            rows.push()
                .bytes(&entry.bix.0)
                .text(entry.channel.as_str())
                .text(&entry.act)
                .int(entry.seq)
                .int(entry.at.as_ms());
        }
        bulk!(
            self,
            "INSERT INTO consent_now (practice_id, bix, channel, act, seq, at_ms)
             SELECT $2, bix, channel, act, seq, at_ms FROM {rows} AS r WHERE TRUE
             ON CONFLICT (practice_id, bix, channel) DO UPDATE SET act = excluded.act, seq = excluded.seq, at_ms = excluded.at_ms",
            rows,
            practice.as_uuid()
        )?;
        self.set_chain_head(practice, Chain::Consent, &ChainHead { seq: last.seq, hash: last.hash }).await
    }

    /// Entries of the ledger for one number on one channel, in order.
    pub async fn consents_of(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        number: BlindIndex,
    ) -> Result<Vec<ConsentEntry>, StoreError> {
        let rows = all!(
            self,
            EntryRow,
            "SELECT seq, id, bix, channel, act, basis, wording, locale, staff_id, import_id, at_ms, prev_hash, hash
             FROM consents WHERE practice_id = $1 AND bix = $2 AND channel = $3 ORDER BY seq",
            practice.as_uuid(),
            number.0.as_slice(),
            channel.as_str()
        )?;
        rows.into_iter().map(ConsentEntry::try_from).collect()
    }

    /// Why messages to a number are suspended; none if they are not, or nobody has the number.
    pub async fn suspension(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        number: BlindIndex,
    ) -> Result<Option<String>, StoreError> {
        let row = opt!(
            self,
            (String,),
            "SELECT suspended FROM contact_points
             WHERE practice_id = $1 AND bix = $2 AND channel = $3 AND suspended IS NOT NULL ORDER BY id LIMIT 1",
            practice.as_uuid(),
            number.0.as_slice(),
            channel.as_str()
        )?;
        Ok(row.map(|(why,)| why))
    }

    /// Entries of the ledger after a number, in order, at most `limit`.
    pub async fn list_consents(
        &mut self,
        practice: PracticeId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ConsentEntry>, StoreError> {
        let rows = all!(
            self,
            EntryRow,
            "SELECT seq, id, bix, channel, act, basis, wording, locale, staff_id, import_id, at_ms, prev_hash, hash
             FROM consents WHERE practice_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            practice.as_uuid(),
            after,
            limit
        )?;
        rows.into_iter().map(ConsentEntry::try_from).collect()
    }

    /// Takes back what is planned for numbers that may no longer be written to, answers included but for the confirmation of an
    /// opt-out and what words of danger are answered with. What was handed over before and certainly never
    /// taken was not said, and does not count. Returns how many notices.
    pub async fn cancel_planned_notices(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        numbers: &[BlindIndex],
        reason: &str,
        now: Instant,
    ) -> Result<u64, StoreError> {
        let cancelled = bulk_all!(
            self,
            (Uuid, i64),
            "UPDATE notices SET state = 'cancelled', reason = $4, final_at_ms = $5 FROM {rows} AS r
             WHERE notices.practice_id = {practice} AND notices.channel = $3 AND notices.bix = r.bix AND notices.state = 'planned'
                 AND (notices.kind <> 'answer' OR notices.template NOT IN ('opt-out', 'urgent'))
             RETURNING notices.id, notices.attempts",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            channel.as_str(),
            reason,
            now.as_ms()
        )?;
        let tried: Vec<Uuid> = cancelled.iter().filter(|(_, attempts)| *attempts > 0).map(|(id, _)| *id).collect();
        let untaken = bulk_all!(
            self,
            (Uuid,),
            "SELECT r.id FROM {rows} AS r JOIN attempts a ON a.practice_id = {practice} AND a.notice_id = r.id
             GROUP BY r.id HAVING COUNT(*) = SUM(CASE WHEN a.outcome = 'retry' THEN 1 ELSE 0 END)",
            Rows::of_ids("id", tried),
            practice.as_uuid()
        )?;
        let untaken: Vec<NoticeId> = untaken.into_iter().map(|(id,)| id.into()).collect();
        bulk!(
            self,
            "UPDATE reminders SET state = 'skipped', reason = $3, said_at_ms = NULL FROM {rows} AS r
             WHERE reminders.practice_id = {practice} AND reminders.notice_id = r.id AND reminders.state = 'sent'",
            Rows::of_ids("id", untaken.iter().copied()),
            practice.as_uuid(),
            reason
        )?;
        self.delete_sends(practice, &untaken).await?;
        Ok(u64::try_from(cancelled.len()).unwrap_or(u64::MAX))
    }
}
