//! The audit chain and the heads of both chains.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::{Instant, PracticeId};

/// Which of a practice's chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// What was done.
    Audit,
    /// The consent ledger.
    Consent,
}

impl Chain {
    /// As stored in `chain_heads.chain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Consent => "consent",
        }
    }
}

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// Number of the last entry; 0 in an empty chain.
    pub seq: i64,
    /// Its hash; all zero in an empty chain.
    pub hash: [u8; 32],
}

/// An audit entry as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAudit {
    /// Number in the chain, from 1.
    pub seq: i64,
    /// When, wall.
    pub at: Instant,
    /// What was done.
    pub act: String,
    /// By whom.
    pub actor: String,
    /// JSON of opaque ids and counts.
    pub detail: String,
    /// Hash of the entry before.
    pub prev_hash: [u8; 32],
    /// Hash of this entry.
    pub hash: [u8; 32],
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    seq: i64,
    at_ms: i64,
    act: String,
    actor: String,
    detail: String,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
}

/// A hash as read; one of a wrong length (somebody wrote to the table) becomes all ones, which no chain accepts, so that
/// verifying reports the entry instead of failing to read it.
fn hash(bytes: Vec<u8>) -> [u8; 32] {
    bytes.try_into().unwrap_or([0xFF; 32])
}

impl Tx {
    /// The head of a chain, locked until the transaction ends, so that entries of two transactions cannot get one number.
    /// Makes it where there is none. Take it last before commit, several in the order of practice ids.
    pub async fn lock_chain_head(&mut self, practice: PracticeId, chain: Chain) -> Result<ChainHead, StoreError> {
        run!(
            self,
            "INSERT INTO chain_heads (practice_id, chain, seq, hash) VALUES ($1, $2, 0, $3)
             ON CONFLICT (practice_id, chain) DO NOTHING",
            practice.as_uuid(),
            chain.as_str(),
            [0_u8; 32].as_slice()
        )?;
        let (seq, bytes) = one!(
            self,
            (i64, Vec<u8>),
            "SELECT seq, hash FROM chain_heads WHERE practice_id = $1 AND chain = $2 {wait_lock}",
            practice.as_uuid(),
            chain.as_str()
        )?;
        Ok(ChainHead { seq, hash: hash(bytes) })
    }

    /// The head of a chain, to compare with its entries. None: nothing was ever written.
    pub async fn chain_head(&mut self, practice: PracticeId, chain: Chain) -> Result<Option<ChainHead>, StoreError> {
        let row = opt!(
            self,
            (i64, Vec<u8>),
            "SELECT seq, hash FROM chain_heads WHERE practice_id = $1 AND chain = $2",
            practice.as_uuid(),
            chain.as_str()
        )?;
        Ok(row.map(|(seq, bytes)| ChainHead { seq, hash: hash(bytes) }))
    }

    /// Keeps a chain from growing until the transaction ends; others may do the same meanwhile. What is decided under it
    /// by the entries there are stands in their order.
    pub async fn hold_chain_head(&mut self, practice: PracticeId, chain: Chain) -> Result<(), StoreError> {
        opt!(
            self,
            (i64,),
            "SELECT seq FROM chain_heads WHERE practice_id = $1 AND chain = $2 {share_lock}",
            practice.as_uuid(),
            chain.as_str()
        )?;
        Ok(())
    }

    /// Moves a head that this transaction has locked.
    pub async fn set_chain_head(
        &mut self,
        practice: PracticeId,
        chain: Chain,
        head: &ChainHead,
    ) -> Result<(), StoreError> {
        let done = run!(
            self,
            "UPDATE chain_heads SET seq = $3, hash = $4 WHERE practice_id = $1 AND chain = $2 AND seq <= $3",
            practice.as_uuid(),
            chain.as_str(),
            head.seq,
            head.hash.as_slice()
        )?;
        if done == 1 { Ok(()) } else { Err(StoreError::Changed { table: "chain_heads", row: practice.to_string() }) }
    }

    /// Stores entries whose hashes are computed. The caller holds the head.
    pub async fn insert_audit(&mut self, practice: PracticeId, entries: &[StoredAudit]) -> Result<(), StoreError> {
        use crate::dialect::{Kind, Rows};
        let mut rows = Rows::new(&[
            ("seq", Kind::Int),
            ("at_ms", Kind::Int),
            ("act", Kind::Text),
            ("actor", Kind::Text),
            ("detail", Kind::Text),
            ("prev_hash", Kind::Bytes),
            ("hash", Kind::Bytes),
        ]);
        for entry in entries {
            rows.push()
                .int(entry.seq)
                .int(entry.at.as_ms())
                .text(&entry.act)
                .text(&entry.actor)
                .text(&entry.detail)
                .bytes(&entry.prev_hash)
                .bytes(&entry.hash);
        }
        bulk!(
            self,
            "INSERT INTO audit (practice_id, seq, at_ms, act, actor, detail, prev_hash, hash)
             SELECT $2, seq, at_ms, act, actor, detail, prev_hash, hash FROM {rows} AS r WHERE TRUE",
            rows,
            practice.as_uuid()
        )?;
        Ok(())
    }

    /// Entries after a number, in order, at most `limit`: one page of a walk over the whole chain.
    pub async fn audit_after(
        &mut self,
        practice: PracticeId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredAudit>, StoreError> {
        let rows = all!(
            self,
            AuditRow,
            "SELECT seq, at_ms, act, actor, detail, prev_hash, hash FROM audit
             WHERE practice_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            practice.as_uuid(),
            after,
            limit
        )?;
        let read = |row: AuditRow| StoredAudit {
            seq: row.seq,
            at: Instant::from_ms(row.at_ms),
            act: row.act,
            actor: row.actor,
            detail: row.detail,
            prev_hash: hash(row.prev_hash),
            hash: hash(row.hash),
        };
        Ok(rows.into_iter().map(read).collect())
    }
}
