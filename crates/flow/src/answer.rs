//! An answer is recorded: from the portal, from a text reply, from the desk. One place decides what it may change.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use kept_domain::private::{AnswerPrivate, RequestPrivate};
use kept_domain::{
    Answer, AnswerId, AnswerVia, AppointmentId, AppointmentStatus, InboundId, Instant, LinkId, PatientId, PracticeId,
    PracticeSettings, RequestId, StaffId, TaskId,
};
use kept_seal::Place;
use kept_store::{AnswerTarget, NewAnswer, NewRequest, Scope, Tx};
use std::sync::Arc;

/// Longest reason for a cancellation, in characters.
pub const MAX_REASON_CHARS: usize = 300;
/// Longest wish for another time, in characters.
pub const MAX_WISH_CHARS: usize = 1000;

/// What somebody answered.
#[derive(Debug, Clone)]
pub struct Answering {
    /// To which visit.
    pub appointment: AppointmentId,
    /// Revision that the page or text showed; none at the desk, which answers what stands.
    pub revision: Option<i64>,
    /// What they said.
    pub answer: Answer,
    /// Who, and by which way.
    pub by: AnsweredBy,
    /// Words, where there are any.
    pub words: Words,
}

/// By which way an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    /// A patient at level 1, through a link.
    Portal(LinkId, PatientId),
    /// A text; can confirm and nothing else.
    Text(InboundId),
    /// Staff wrote down what the patient said.
    Desk(StaffId),
}

/// Words with an answer. Prints nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Why they cannot come.
    pub reason: Option<String>,
    /// Days and half-days that suit, as words of the form.
    pub preferences: Vec<String>,
    /// What else they wrote about another time.
    pub wish: Option<String>,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words(…)")
    }
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It stands.
    Done,
    /// The same was said before; nothing was written.
    Unchanged,
    /// It was not taken.
    Refused(Refusal),
}

/// Why an answer was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The visit has moved since the page or text was made: look at the new time first.
    OldRevision,
    /// The visit has begun, or took place, or was missed.
    Over,
    /// It was called off before.
    Cancelled,
    /// Too near to the visit: call.
    InsideCutOff,
    /// This way of answering cannot say that (a text can only confirm).
    NotThisWay,
}

/// An answer with its words sealed, ready for a transaction.
#[derive(Debug)]
pub struct PreparedAnswer {
    open: Arc<OpenPractice>,
    answering: Answering,
    now: Instant,
    answer: NewAnswer,
    request: Option<(NewRequest, TaskId)>,
}

/// Whether an answer may be given, by the visit as it stands. Pure.
pub fn refusal(
    target: &AnswerTarget,
    answering: &Answering,
    settings: &PracticeSettings,
    now: Instant,
) -> Option<Refusal> {
    let desk = matches!(answering.by, AnsweredBy::Desk(_));
    if matches!(answering.by, AnsweredBy::Text(_)) && answering.answer != Answer::Accepted {
        return Some(Refusal::NotThisWay);
    }
    if answering.revision.is_some_and(|shown| shown != target.revision) {
        return Some(Refusal::OldRevision);
    }
    if target.status == AppointmentStatus::Cancelled && !asks_again(target, answering) {
        return Some(Refusal::Cancelled);
    }
    if !target.status.is_expected() && target.status != AppointmentStatus::Cancelled {
        return Some(Refusal::Over);
    }
    if !desk && now >= target.start_at {
        return Some(Refusal::Over);
    }
    if matches!(answering.by, AnsweredBy::Portal(..)) && now > last_moment(target.start_at, answering.answer, settings)
    {
        return Some(Refusal::InsideCutOff);
    }
    None
}

/// Until when the portal takes an answer.
pub fn last_moment(start_at: Instant, answer: Answer, settings: &PracticeSettings) -> Instant {
    let minutes = match answer {
        Answer::Declined => settings.cancel_cut_off_min.max(settings.answer_cut_off_min),
        Answer::NeedsAction | Answer::Accepted | Answer::Tentative => settings.answer_cut_off_min,
    };
    start_at - Duration::minutes(i64::from(minutes))
}

/// After a cancellation, another time may still be asked for.
fn asks_again(target: &AnswerTarget, answering: &Answering) -> bool {
    target.status == AppointmentStatus::Cancelled
        && answering.answer == Answer::Tentative
        && matches!(answering.by, AnsweredBy::Portal(..) | AnsweredBy::Desk(_))
}

impl Flow {
    /// Records an answer in a transaction of its own.
    pub async fn record_answer(&self, practice: PracticeId, answering: Answering) -> Result<Recorded, FlowError> {
        let prepared = self.prepare_answer(practice, answering).await?;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let (recorded, entry) = self.apply_answer(&mut tx, &prepared).await?;
        if let Some(entry) = entry {
            audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
            tx.commit().await?;
        }
        Ok(recorded)
    }

    /// Reads what sealing needs and seals the words, before any transaction that writes.
    pub async fn prepare_answer(
        &self,
        practice: PracticeId,
        answering: Answering,
    ) -> Result<PreparedAnswer, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let target = tx
            .answer_target(practice, answering.appointment)
            .await?
            .ok_or(FlowError::NotFound { what: "appointment" })?;
        drop(tx);
        let (via, link, staff) = match answering.by {
            AnsweredBy::Portal(link, _) => (AnswerVia::Portal, Some(link), None),
            AnsweredBy::Text(_) => (AnswerVia::Text, None, None),
            AnsweredBy::Desk(staff) => (AnswerVia::Desk, None, Some(staff)),
        };
        let id: AnswerId = self.new_id();
        let private = match (&answering.words.reason, answering.answer) {
            (Some(reason), Answer::Declined) => {
                let plain = AnswerPrivate { reason: Some(reason.clone()) };
                Some(open.keys.seal(&target.salt, Place::new(id, 1), &plain)?)
            }
            _ => None,
        };
        let request = if answering.answer == Answer::Tentative {
            let id: RequestId = self.new_id();
            let plain =
                RequestPrivate { preferences: answering.words.preferences.clone(), text: answering.words.wish.clone() };
            let private = open.keys.seal(&target.salt, Place::new(id, 1), &plain)?;
            let request =
                NewRequest { id, appointment: answering.appointment, patient: target.patient, private, at: now };
            Some((request, self.new_id::<TaskId>()))
        } else {
            None
        };
        let answer = NewAnswer {
            id,
            appointment: answering.appointment,
            revision: target.revision,
            answer: answering.answer,
            via,
            link,
            staff,
            private,
            at: now,
        };
        Ok(PreparedAnswer { open, answering, now, answer, request })
    }

    /// Records a prepared answer in the caller's transaction. The audit entry, if the answer was taken, must be
    /// appended last before the commit; without one, nothing was written.
    pub async fn apply_answer(
        &self,
        tx: &mut Tx,
        prepared: &PreparedAnswer,
    ) -> Result<(Recorded, Option<AuditEntry>), FlowError> {
        let PreparedAnswer { open, answering, now, answer, request } = prepared;
        let practice = open.practice.id;
        let target = tx
            .lock_answer_target(practice, answering.appointment)
            .await?
            .ok_or(FlowError::NotFound { what: "appointment" })?;
        if let Some(why) = refusal(&target, answering, &open.practice.settings, *now) {
            return Ok((Recorded::Refused(why), None));
        }
        if target.answer == answering.answer && answering.answer != Answer::Tentative {
            return Ok((Recorded::Unchanged, None));
        }
        tx.withdraw_requests(practice, answering.appointment, *now).await?;
        if let Some((request, task)) = request {
            tx.insert_request(practice, request).await?;
            tx.insert_reschedule_task(practice, *task, answering.appointment, request.id, *now).await?;
        }
        // Who cancelled and then asks for another time has still cancelled this visit.
        if !asks_again(&target, answering) {
            let answer = NewAnswer { revision: target.revision, ..answer.clone() };
            tx.insert_answer(practice, &answer).await?;
            if answering.answer == Answer::Declined {
                tx.cancel_for_patient(practice, answering.appointment, *now).await?;
            }
            tx.mark_days_dirty(practice, [target.local_day]).await?;
        }
        let actor = match answering.by {
            AnsweredBy::Portal(_, patient) => Actor::Patient(patient),
            // The sender's number can be forged: nobody has shown who they are.
            AnsweredBy::Text(_) => Actor::System,
            AnsweredBy::Desk(staff) => Actor::Staff(staff),
        };
        let entry = AuditEntry::new(act::ANSWER_RECORDED, actor)
            .id("appointment", answering.appointment)
            .word("answer", answering.answer.as_str())
            .word("via", answer.via.as_str());
        Ok((Recorded::Done, Some(entry)))
    }
}
