//! Who did what: one hash chain a practice, appended in the transaction of the deed, and verified entry by entry.
//!
//! An entry holds words of the program, opaque ids and counts; there is no way to put other text into it, so no name,
//! number, message or secret of a link can get in.

use crate::{Flow, FlowError};
use kept_domain::{Instant, LinkId, PatientId, PracticeId, StaffId};
use kept_seal::SealError;
use kept_seal::chain::{AuditRecord, ChainBreak, ChainHash, ChainWalk};
use kept_store::{Chain, ChainHead, Scope, StoredAudit, Tx};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;

/// Words for what was done. A deed that is audited gets a word here.
pub mod act {
    /// The practice was set up.
    pub const PRACTICE_CREATED: &str = "practice.created";
    /// Somebody started to work at the practice.
    pub const STAFF_CREATED: &str = "staff.created";
    /// Somebody works at the practice no more.
    pub const STAFF_LEFT: &str = "staff.left";
    /// Somebody was given a first password again.
    pub const PASSWORD_RENEWED: &str = "staff.password-renewed";
    /// Somebody looked at who works here.
    pub const PEOPLE_VIEWED: &str = "people.viewed";
    /// An administrator looked at the plans, which name visit types as calendars write them.
    pub const PLANS_VIEWED: &str = "plans.viewed";
    /// An administrator changed when reminders go out.
    pub const PLANS_CHANGED: &str = "plans.changed";
    /// A location was added.
    pub const PLACE_ADDED: &str = "place.added";
    /// The practice's keys were wrapped under another key-encryption key.
    pub const KEYS_REWRAPPED: &str = "keys.rewrapped";
    /// A new data-encryption key was made; it opens, and does not seal yet.
    pub const KEY_MADE: &str = "key.made";
    /// A new data-encryption key seals from now on.
    pub const KEY_SEALS: &str = "key.seals";
    /// Values were moved to the newest data-encryption key.
    pub const VALUES_RESEALED: &str = "values.resealed";
    /// Older data-encryption keys were destroyed: nothing was left under them.
    pub const KEY_DESTROYED: &str = "key.destroyed";
    /// A link was made at the desk or on the command line.
    pub const LINK_MADE: &str = "link.made";
    /// A link was opened by somebody who showed who they are.
    pub const LINK_OPENED: &str = "link.opened";
    /// A birth date was wrong.
    pub const BIRTH_DATE_WRONG: &str = "birth-date.wrong";
    /// Too many links fail: birth dates are no longer taken until the desk lifts it.
    pub const BIRTH_DATE_STOPPED: &str = "birth-date.stopped";
    /// An answer was recorded.
    pub const ANSWER_RECORDED: &str = "answer.recorded";
    /// Notices were frozen and handed to the carrier; some may have been dropped.
    pub const NOTICES_ARMED: &str = "notices.armed";
    /// What became of a visit was marked.
    pub const OUTCOME_MARKED: &str = "outcome.marked";
    /// A held visit was kept.
    pub const HELD_KEPT: &str = "held.kept";
    /// A patient's change was entered in the practice's own system.
    pub const CHANGE_ENTERED: &str = "change.entered";
    /// A task was looked after.
    pub const TASK_DONE: &str = "task.done";
    /// Somebody looked at a day's visits.
    pub const BOARD_VIEWED: &str = "board.viewed";
    /// Somebody signed in.
    pub const SIGNED_IN: &str = "staff.signed-in";
    /// A sign-in failed.
    pub const SIGN_IN_FAILED: &str = "staff.sign-in-failed";
    /// Somebody signed out.
    pub const SIGNED_OUT: &str = "staff.signed-out";
    /// Somebody changed their password.
    pub const PASSWORD_CHANGED: &str = "staff.password-changed";
    /// A patient's language or channel was chosen.
    pub const PREFERENCE_SET: &str = "preference.set";
    /// Reminders about a visit were switched off, or on again.
    pub const VISIT_MUTED: &str = "visit.muted";
    /// Mail to an address was stopped by the address in a mail.
    pub const EMAIL_STOPPED: &str = "email.stopped";
    /// A text came in and was read; consent, links or the number may have changed by it.
    pub const REPLY_RECEIVED: &str = "reply.received";
    /// A carrier says that a number cannot be reached, or has opted out there.
    pub const NUMBER_REFUSED: &str = "number.refused";
    /// Staff wrote down what somebody said about messages.
    pub const CONSENT_RECORDED: &str = "consent.recorded";
    /// Somebody looked at messages, their texts opened.
    pub const MESSAGES_VIEWED: &str = "messages.viewed";
    /// Somebody looked at a visit, its patient's number and consent.
    pub const VISIT_VIEWED: &str = "visit.viewed";
    /// Somebody looked at the call list.
    pub const CALLS_VIEWED: &str = "calls.viewed";
    /// Somebody looked at a file before it was imported: its columns' values, or what it would change and say.
    pub const UPLOAD_VIEWED: &str = "upload.viewed";
    /// Somebody took the rows of a file that could not be used.
    pub const REJECTS_EXPORTED: &str = "rejects.exported";
    /// Somebody looked at the report of missed visits, which names people who work here.
    pub const REPORT_VIEWED: &str = "report.viewed";
    /// Somebody took the report's figures as a file.
    pub const REPORT_EXPORTED: &str = "report.exported";
    /// Somebody took a call over, or wrote down what calling came to.
    pub const CALL_NOTED: &str = "call.noted";
    /// Somebody decided about a message: it arrived, goes out again, or is planned anew.
    pub const MESSAGE_SETTLED: &str = "message.settled";
    /// The desk wrote down another number of a patient.
    pub const NUMBER_CHANGED: &str = "number.changed";
    /// The desk suspended a number, or lets messages go to it again.
    pub const NUMBER_SUSPENDED: &str = "number.suspended";
    /// The desk wrote down that a patient agrees to messages for the first time.
    pub const CONSENT_NOTED: &str = "consent.noted";
    /// A patient said by the portal that they want messages, or none.
    pub const CONSENT_SAID: &str = "consent.said";
    /// A link was texted to a patient who asked for it.
    pub const LINK_TEXTED: &str = "link.texted";
    /// The desk let a patient try birth dates again.
    pub const GUARD_RESET: &str = "guard.reset";
    /// An administrator changed what the practice decided.
    pub const SETTINGS_CHANGED: &str = "settings.changed";
    /// The desk has birth dates taken again.
    pub const ALARM_LIFTED: &str = "alarm.lifted";
    /// A schedule was imported.
    pub const SCHEDULE_IMPORTED: &str = "schedule.imported";
    /// A patient was erased.
    pub const PATIENT_ERASED: &str = "patient.erased";
    /// A sealed value did not open.
    pub const DECRYPT_FAILED: &str = "decrypt.failed";
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Kept itself, or somebody at its command line.
    System,
    /// Somebody who works at the practice.
    Staff(StaffId),
    /// A patient who has shown who they are.
    Patient(PatientId),
    /// Whoever holds a link.
    Link(LinkId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Staff(id) => write!(f, "staff:{id}"),
            Self::Patient(id) => write!(f, "patient:{id}"),
            Self::Link(id) => write!(f, "link:{id}"),
        }
    }
}

/// What is told of a deed: ids, counts and words of the program, under names that are sorted when stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail(BTreeMap<&'static str, serde_json::Value>);

impl Detail {
    fn canonical(&self) -> String {
        // A map of sorted names to strings and integers; serialising it cannot fail.
        serde_json::to_string(&self.0).expect("ids, counts and words are JSON")
    }
}

/// One deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    act: &'static str,
    actor: Actor,
    detail: Detail,
}

impl AuditEntry {
    /// A deed of somebody; `act` is a word of the program, e.g. [`act::PRACTICE_CREATED`].
    pub fn new(act: &'static str, actor: Actor) -> Self {
        Self { act, actor, detail: Detail::default() }
    }

    /// A deed of Kept itself.
    pub fn system(act: &'static str) -> Self {
        Self::new(act, Actor::System)
    }

    /// Tells which thing it was about.
    #[must_use]
    pub fn id(mut self, name: &'static str, id: impl Into<Uuid>) -> Self {
        self.detail.0.insert(name, id.into().to_string().into());
        self
    }

    /// Tells how many.
    #[must_use]
    pub fn count(mut self, name: &'static str, count: i64) -> Self {
        self.detail.0.insert(name, count.into());
        self
    }

    /// Tells which of a set of words of the program.
    #[must_use]
    pub fn word(mut self, name: &'static str, word: &'static str) -> Self {
        self.detail.0.insert(name, word.into());
        self
    }
}

/// Appends deeds to a practice's chain. `now` is wall time.
///
/// Call it once a transaction and practice, with everything the transaction did, as the last thing before commit: it locks the
/// chain's head, and others who append wait for that lock. Several practices in one transaction: in the order of their ids.
pub async fn append(tx: &mut Tx, practice: PracticeId, now: Instant, entries: &[AuditEntry]) -> Result<(), FlowError> {
    if entries.is_empty() {
        return Ok(());
    }
    let ChainHead { mut seq, hash } = tx.lock_chain_head(practice, Chain::Audit).await?;
    let mut previous = ChainHash(hash);
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        seq += 1;
        let row = StoredAudit {
            seq,
            at: now,
            act: entry.act.to_owned(),
            actor: entry.actor.to_string(),
            detail: entry.detail.canonical(),
            prev_hash: previous.0,
            hash: [0; 32],
        };
        let hash = previous.next(&record(practice, &row).canonical());
        rows.push(StoredAudit { hash: hash.0, ..row });
        previous = hash;
    }
    tx.insert_audit(practice, &rows).await?;
    tx.set_chain_head(practice, Chain::Audit, &ChainHead { seq, hash: previous.0 }).await?;
    Ok(())
}

fn record(practice: PracticeId, row: &StoredAudit) -> AuditRecord<'_> {
    AuditRecord { practice, seq: row.seq, at: row.at, act: &row.act, actor: &row.actor, detail: &row.detail }
}

impl Flow {
    /// Records a failure that came of a sealed value that was changed or moved outside Kept; other failures pass by.
    ///
    /// It takes a transaction of its own: that of the step was rolled back.
    pub async fn note_tampering(&self, error: &FlowError) -> Result<(), FlowError> {
        let FlowError::Seal(SealError::Tampered { practice, table, column, row }) = error else { return Ok(()) };
        metrics::counter!("kept_decrypt_failures").increment(1);
        tracing::error!(%practice, table, column, %row, "a sealed value was changed or moved outside Kept");
        let entry = AuditEntry::system(act::DECRYPT_FAILED).id("row", *row).word("table", table).word("column", column);
        let mut tx = self.store.begin(Scope::Practice(*practice)).await?;
        append(&mut tx, *practice, self.clock.wall(), &[entry]).await?;
        Ok(tx.commit().await?)
    }

    /// Passes a step's result on, after [`Flow::note_tampering`] of its error. Put it around what a request or a sweep calls.
    pub async fn witness<T>(&self, result: Result<T, FlowError>) -> Result<T, FlowError> {
        if let Err(error) = &result {
            self.note_tampering(error).await?;
        }
        result
    }
}

/// Entries that are read at a time while verifying.
const PAGE: i64 = 1000;

/// What verifying a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose chain.
    pub practice: PracticeId,
    /// Entries that hold, from the first on.
    pub entries: i64,
    /// Where it breaks, if it does.
    pub broken: Option<ChainBreak>,
}

impl Flow {
    /// Verifies a practice's audit chain from its first entry to its head, over one snapshot. Holds one page at a time.
    pub async fn verify_audit(&self, practice: PracticeId) -> Result<Verified, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let head = tx.chain_head(practice, Chain::Audit).await?.unwrap_or(ChainHead { seq: 0, hash: [0; 32] });
        let mut walk = ChainWalk::new();
        let mut entries = 0;
        loop {
            let page = tx.audit_after(practice, entries, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for row in &page {
                let entry = record(practice, row).canonical();
                if let Err(broken) = walk.step(row.seq, &ChainHash(row.prev_hash), &ChainHash(row.hash), &entry) {
                    return Ok(Verified { practice, entries, broken: Some(broken) });
                }
                entries = row.seq;
            }
        }
        let broken = walk.finish(head.seq, &ChainHash(head.hash)).err();
        Ok(Verified { practice, entries, broken })
    }
}
