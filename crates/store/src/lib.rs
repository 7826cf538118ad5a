//! SQLite and PostgreSQL behind one concrete [`Store`].
//!
//! One SQL text a statement serves both engines; what must differ stands in `dialect`. A transaction says
//! whose it is ([`Scope`]); on PostgreSQL row-level security follows it. Every statement is a method of [`Tx`], one
//! file an area, and every method is tested on both engines.
//!
//! The store carries ciphertext and never opens it.

// First: its macros are used by every area below.
#[macro_use]
mod tx;

mod answer;
mod audit;
mod board;
mod checkpoint;
mod consent;
mod desk;
mod dialect;
mod dispatch;
mod erase;
mod error;
mod guard;
mod health;
mod inbound;
mod intake;
mod keys;
mod link;
mod link_ask;
mod outbox;
mod patient_session;
mod plan;
mod pool;
mod portal;
mod practice;
mod preference;
mod proof;
mod purge;
mod receipt;
mod report;
mod reseal;
mod schema;
mod sealed;
mod staff;
mod sweeps;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod upload;

pub use answer::{AnswerTarget, NewAnswer, NewRequest};
pub use audit::{Chain, ChainHead, StoredAudit};
pub use board::{BoardReminder, BoardRow, MAX_NEEDS, MAX_OPEN_TASKS, MAX_TASK_PEOPLE, OpenTask, TaskPerson};
pub use consent::{ConsentEntry, ConsentNow};
pub use desk::{Call, ConsentLine, VisitContact};
pub use dispatch::{
    ArmFacts, Armed, ClaimedNotice, DoubtfulNotice, DroppedNotice, ExpiredLease, LOOKING_UP, NoticeReminder, Outcome,
    PastAttempt, Send, SettledDoubt,
};
pub use erase::{Erasable, ErasedCell, ErasedPatient};
pub use error::StoreError;
pub use guard::{GuardCounts, GuardStorm, StoredAlarm};
pub use health::SweepState;
pub use inbound::{NewAnswerNotice, NewInbound, NumberOwner, ToldVisit, WaitingText};
pub use intake::{
    ChangedPatient, ChangedRow, ChangedVisit, ContactOrder, KnownContact, KnownPatient, KnownRow, KnownVisit, Layout,
    MissableRow, NewContact, NewImport, NewLayout, NewName, NewPatient, NewRow, NewVisit, RowMark, SourceSpan,
};
pub use keys::KeyState;
pub use link::{LinkTarget, NewLink, NewLinkVisit, StoredLink};
pub use outbox::{LOG_PAGE, LogCount, LogFilter, LogLine};
pub use patient_session::PatientSession;
pub use plan::{PlanContact, PlanNotice, PlanReminder, PlanVisit, PlannedNotice, PlannedReminder};
pub use pool::{DatabaseUrl, Engine, Settings, Store};
pub use portal::PortalVisit;
pub use practice::{
    NewStaff, StoredDek, StoredLocation, StoredPlan, StoredPractice, StoredPractitioner, StoredVisitType,
};
pub use preference::StoredPreference;
pub use proof::{ArmedAttempt, LedgerLine, SaidWithoutAttempt};
pub use purge::PurgeBefore;
pub use receipt::{MessageEnd, NewReceipt, SettledReceipt, WaitingReceipt};
pub use report::{DaySpan, DirtyDay, OutcomeSum, WeekSum};
pub use reseal::{NewCell, OldCell, RESEALED_COLUMNS, Resealed};
pub use schema::SchemaState;
pub use sealed::PatientCell;
pub use staff::{StaffRow, StaffSessionRow};
pub use task::NewTask;
pub use tx::{Scope, Tx};
pub use upload::{UploadEnd, UploadRow};
