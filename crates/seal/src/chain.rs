//! The hash chains of audit and consent: `hash = SHA-256(previous hash | canonical entry)`.
//!
//! Each entry names its practice and its number, so an entry that was edited, cut out, added, moved or brought from
//! another practice breaks the chain where it stands; one cut off the end is told by the head kept apart.

use crate::canonical::Canonical;
use kept_domain::sealed::WrongLength;
use kept_domain::{BlindIndex, ConsentId, ImportId, Instant, PracticeId, StaffId};
use sha2::{Digest, Sha256};
use std::fmt;

/// The hash of an entry, which the next one builds on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// What the first entry of a chain builds on.
    pub const GENESIS: Self = Self([0; 32]);

    /// The hash of the entry that follows this one.
    #[must_use]
    pub fn next(&self, entry: &Canonical) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(entry.as_bytes()).finalize().into())
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl TryFrom<Vec<u8>> for ChainHash {
    type Error = WrongLength;
    fn try_from(bytes: Vec<u8>) -> Result<Self, WrongLength> {
        let found = bytes.len();
        bytes.try_into().map(Self).map_err(|_| WrongLength { expected: 32, found })
    }
}

/// SHA-256 of a file, to tell later which one an entry came from.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// An entry of the audit chain.
#[derive(Debug, Clone, Copy)]
pub struct AuditRecord<'a> {
    /// Whose chain.
    pub practice: PracticeId,
    /// Number in the chain, from 1.
    pub seq: i64,
    /// When, wall.
    pub at: Instant,
    /// What was done: a word of the program.
    pub act: &'a str,
    /// By whom: `system`, `staff:<id>`, `patient:<id>` or `link:<id>`.
    pub actor: &'a str,
    /// JSON of opaque ids and counts, exactly as stored.
    pub detail: &'a str,
}

impl AuditRecord<'_> {
    /// What is hashed: `"kept/v1/audit" | practice | seq | at | act | actor | detail`.
    pub fn canonical(&self) -> Canonical {
        Canonical::new("kept/v1/audit")
            .uuid(self.practice.as_uuid())
            .int(self.seq)
            .int(self.at.as_ms())
            .text(self.act)
            .text(self.actor)
            .text(self.detail)
    }
}

/// An entry of the consent ledger.
#[derive(Debug, Clone, Copy)]
pub struct ConsentRecord<'a> {
    /// Whose ledger.
    pub practice: PracticeId,
    /// Number in the ledger, from 1.
    pub seq: i64,
    /// Its id.
    pub id: ConsentId,
    /// The number or address it is about.
    pub bix: BlindIndex,
    /// `sms`, `email`, …
    pub channel: &'a str,
    /// `granted`, `denied`, `withdrawn` or `restored`.
    pub act: &'a str,
    /// What it rests on.
    pub basis: &'a str,
    /// Id of the wording that was shown.
    pub wording: &'a str,
    /// Language of the wording.
    pub locale: Option<&'a str>,
    /// Who recorded it, if a person did.
    pub staff: Option<StaffId>,
    /// The upload that brought it, if one did.
    pub import: Option<ImportId>,
    /// When, civil or wall as the writer has it.
    pub at: Instant,
}

impl ConsentRecord<'_> {
    /// What is hashed: `"kept/v1/consent" | practice | seq | id | bix | channel | act | basis | wording | locale | staff | import | at`.
    pub fn canonical(&self) -> Canonical {
        Canonical::new("kept/v1/consent")
            .uuid(self.practice.as_uuid())
            .int(self.seq)
            .uuid(self.id.as_uuid())
            .bytes(&self.bix.0)
            .text(self.channel)
            .text(self.act)
            .text(self.basis)
            .text(self.wording)
            .opt_text(self.locale)
            .opt_uuid(self.staff.map(StaffId::as_uuid))
            .opt_uuid(self.import.map(ImportId::as_uuid))
            .int(self.at.as_ms())
    }
}

/// Where and how a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainBreak {
    /// Entries are missing, or stand in another order.
    #[error("entry {expected} is missing: entry {found} follows {previous}", previous = expected - 1)]
    Missing {
        /// The number that should come.
        expected: i64,
        /// The number that came.
        found: i64,
    },
    /// An entry does not build on the one before it.
    #[error("entry {seq} does not build on the entry before it")]
    Unlinked {
        /// Which.
        seq: i64,
    },
    /// An entry's content does not give its hash.
    #[error("entry {seq} was edited: its content does not give its hash")]
    Edited {
        /// Which.
        seq: i64,
    },
    /// The chain ends elsewhere than its head says.
    #[error("the chain ends at entry {last}, but its head says {head}")]
    Cut {
        /// The last entry there is.
        last: i64,
        /// The number that the head has.
        head: i64,
    },
    /// The chain ends where its head says, with another hash.
    #[error("the last entry, {last}, is not the one that the head names")]
    OtherHead {
        /// The last entry.
        last: i64,
    },
}

/// Checks a chain entry by entry, holding one hash: a chain of any length fits.
#[derive(Debug)]
pub struct ChainWalk {
    last: i64,
    head: ChainHash,
}

impl ChainWalk {
    /// Before the first entry.
    pub const fn new() -> Self {
        Self { last: 0, head: ChainHash::GENESIS }
    }

    /// Looks at the next entry as stored.
    pub fn step(
        &mut self,
        seq: i64,
        previous: &ChainHash,
        hash: &ChainHash,
        entry: &Canonical,
    ) -> Result<(), ChainBreak> {
        if seq != self.last + 1 {
            return Err(ChainBreak::Missing { expected: self.last + 1, found: seq });
        }
        if *previous != self.head {
            return Err(ChainBreak::Unlinked { seq });
        }
        if self.head.next(entry) != *hash {
            return Err(ChainBreak::Edited { seq });
        }
        self.last = seq;
        self.head = *hash;
        Ok(())
    }

    /// Compares the end with the head that is stored apart; gives the number of entries.
    pub fn finish(self, head_seq: i64, head: &ChainHash) -> Result<i64, ChainBreak> {
        if self.last != head_seq {
            return Err(ChainBreak::Cut { last: self.last, head: head_seq });
        }
        if self.head != *head {
            return Err(ChainBreak::OtherHead { last: self.last });
        }
        Ok(self.last)
    }
}

impl Default for ChainWalk {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[derive(Clone)]
    struct Row {
        seq: i64,
        act: String,
        detail: String,
        previous: ChainHash,
        hash: ChainHash,
    }

    fn canonical(practice: u128, row: &Row) -> Canonical {
        AuditRecord {
            practice: PracticeId::from_uuid(Uuid::from_u128(practice)),
            seq: row.seq,
            at: Instant::from_ms(row.seq * 10),
            act: &row.act,
            actor: "system",
            detail: &row.detail,
        }
        .canonical()
    }

    fn chain(practice: u128, length: i64) -> Vec<Row> {
        let mut previous = ChainHash::GENESIS;
        (1..=length)
            .map(|seq| {
                let mut row = Row {
                    seq,
                    act: "link.opened".into(),
                    detail: format!("{{\"n\":{seq}}}"),
                    previous,
                    hash: previous,
                };
                row.hash = previous.next(&canonical(practice, &row));
                previous = row.hash;
                row
            })
            .collect()
    }

    fn verify(practice: u128, rows: &[Row], head: &Row) -> Result<i64, ChainBreak> {
        let mut walk = ChainWalk::new();
        for row in rows {
            walk.step(row.seq, &row.previous, &row.hash, &canonical(practice, row))?;
        }
        walk.finish(head.seq, &head.hash)
    }

    proptest! {
        #[test]
        fn every_change_is_caught(length in 2i64..12, at in 0usize..12, kind in 0usize..8) {
            let whole = chain(1, length);
            let head = whole.last().expect("two at least").clone();
            prop_assert_eq!(verify(1, &whole, &head), Ok(length));
            let at = at % whole.len();
            let mut rows = whole.clone();
            match kind {
                0 => rows[at].detail.push(' '),
                1 => rows[at].act = "link.opene".into(),
                2 => { rows.remove(at); }
                3 => { let other = (at + 1) % rows.len(); rows.swap(at, other); }
                4 => { let copy = rows[at].clone(); rows.insert(at, copy); }
                5 => { rows.truncate(at); }
                6 => rows[at].hash.0[0] ^= 1,
                // An editor who knows the chain re-hashes one entry: the next one no longer fits, or the head.
                _ => {
                    rows[at].detail.push(' ');
                    let previous = rows[at].previous;
                    rows[at].hash = previous.next(&canonical(1, &rows[at]));
                }
            }
            prop_assert!(verify(1, &rows, &head).is_err());
            prop_assert!(verify(2, &whole, &head).is_err(), "another practice's chain");
        }
    }

    #[test]
    fn a_chain_rewritten_to_its_end_is_told_by_the_head() {
        let head = chain(1, 5).pop().expect("five");
        let mut forged = chain(1, 5);
        forged[4].detail.push(' ');
        forged[4].hash = forged[4].previous.next(&canonical(1, &forged[4]));
        assert_eq!(verify(1, &forged, &head), Err(ChainBreak::OtherHead { last: 5 }));
        assert_eq!(verify(1, &chain(1, 4), &head), Err(ChainBreak::Cut { last: 4, head: 5 }));
    }

    #[test]
    fn absent_and_empty_are_different_entries() {
        let record = |locale| ConsentRecord {
            practice: PracticeId::from_uuid(Uuid::nil()),
            seq: 1,
            id: ConsentId::from_uuid(Uuid::nil()),
            bix: BlindIndex([0; 16]),
            channel: "sms",
            act: "granted",
            basis: "desk",
            wording: "v1",
            locale,
            staff: None,
            import: None,
            at: Instant::from_ms(0),
        };
        let hash = |locale| ChainHash::GENESIS.next(&record(locale).canonical());
        assert_ne!(hash(None), hash(Some("")));
        assert_ne!(hash(Some("")), hash(Some("en")));
    }
}
