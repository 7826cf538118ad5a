//! The call list: visits of the next [`CALL_BEFORE`] whose patients have not answered, with why messages did not do it.

use crate::answer::{AnsweredBy, Answering, Words};
use crate::audit::{self, Actor, AuditEntry};
use crate::board::{BoardVisit, Chip, NO_ANSWER_BEFORE, Private};
use crate::visit::opened;
use crate::{Flow, FlowError};
use chrono::{Duration, NaiveDateTime};
use kept_domain::time::day_number;
use kept_domain::{Answer, AppointmentId, Channel, PracticeId, SkipReason, StaffId, text_enum};
use kept_store::{BoardReminder, BoardRow, Call, Scope};
use std::collections::HashMap;

/// Who has not answered is called from this long before the visit.
pub const CALL_BEFORE: Duration = NO_ANSWER_BEFORE;

text_enum! {
    /// An entry of the call list.
    CallAct: "entry of the call list" {
        /// Somebody calls.
        Taken => "taken",
        /// They do not, after all.
        Left => "left",
        /// The patient will come.
        Confirmed => "confirmed",
        /// The patient cannot come.
        Declined => "declined",
        /// A message was left.
        MessageLeft => "message-left",
        /// Nobody answered.
        NoReply => "no-reply",
        /// It is somebody else's number.
        WrongNumber => "wrong-number",
    }
}

impl CallAct {
    /// Whether somebody called.
    const fn is_call(self) -> bool {
        !matches!(self, Self::Taken | Self::Left)
    }
}

/// A visit to call about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToCall {
    /// Which.
    pub visit: BoardVisit,
    /// Why it must be called about: a word of `reason.…` where messages are kept back, else `failed`, `uncertain`,
    /// `no-answer` or `not-sent`.
    pub why: String,
    /// Numbers to call, as far as they are known; a number that opted out of texts may be called by a person.
    pub numbers: Vec<Private>,
    /// How often somebody called, and what came of the last call, on the location's clock.
    pub calls: usize,
    /// What came of the last call.
    pub last: Option<(CallAct, NaiveDateTime)>,
    /// Who calls.
    pub owner: Option<(StaffId, Private)>,
}

impl Flow {
    /// The call list, by start. One audit entry says that this person looked at it.
    pub async fn call_list(&self, practice: PracticeId, staff: StaffId) -> Result<Vec<ToCall>, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        // A day of margin on either side: locations lie in several zones.
        let day = i64::from(day_number(now.utc().date_naive()));
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let mut rows: Vec<BoardRow> = tx.board_visits(practice, day - 1, day + 2).await?;
        rows.retain(|row| {
            let soon = row.start_at > now && row.start_at <= now + CALL_BEFORE;
            soon && row.status.is_expected() && row.answer == Answer::NeedsAction && row.held.is_none()
        });
        let ids: Vec<AppointmentId> = rows.iter().map(|row| row.id).collect();
        let mut reminders: HashMap<AppointmentId, Vec<BoardReminder>> = HashMap::new();
        for reminder in tx.board_reminders(practice, day - 1, day + 2).await? {
            reminders.entry(reminder.appointment).or_default().push(reminder);
        }
        let mut numbers: HashMap<AppointmentId, Vec<Private>> = HashMap::new();
        for contact in tx.visit_contacts(practice, &ids).await? {
            if contact.channel == Channel::Sms && contact.suspended.as_deref() != Some("wrong-number") {
                numbers.entry(contact.appointment).or_default().push(opened(&open, &contact)?.value);
            }
        }
        let mut calls: HashMap<AppointmentId, Vec<Call>> = HashMap::new();
        for call in tx.calls_of(practice, &ids).await? {
            calls.entry(call.appointment).or_default().push(call);
        }
        drop(tx);
        let people = self.names_of(&open, calls.values().flatten().map(|call| call.staff)).await?;
        let mut list = Vec::with_capacity(rows.len());
        for row in &rows {
            let visit = Self::board_visit(&open, row, reminders.get(&row.id).map_or(&[], Vec::as_slice), now)?;
            // A message that is still to come, or has just gone out, may do it.
            if visit.next_message.is_some() && visit.silence.is_none() {
                continue;
            }
            let zone = open.location(row.location).map_or(open.practice.time_zone, |found| found.location.time_zone);
            let mine = calls.get(&row.id).map_or(&[][..], Vec::as_slice);
            let acts: Vec<(CallAct, &Call)> =
                mine.iter().filter_map(|call| Some((call.act.parse().ok()?, call))).collect();
            let owner = acts.last().filter(|(act, _)| *act != CallAct::Left).map(|(_, call)| call.staff);
            let last = acts.iter().rev().find(|(act, _)| act.is_call());
            list.push(ToCall {
                why: why(&visit),
                numbers: numbers.remove(&row.id).unwrap_or_default(),
                calls: acts.iter().filter(|(act, _)| act.is_call()).count(),
                last: last.map(|(act, call)| (*act, call.at.local(zone))),
                owner: owner.map(|id| (id, people.get(&id).cloned().unwrap_or_default())),
                visit,
            });
        }
        let count = i64::try_from(list.len()).unwrap_or(i64::MAX);
        let entry = AuditEntry::new(audit::act::CALLS_VIEWED, Actor::Staff(staff)).count("visits", count);
        self.note_view(practice, entry).await?;
        Ok(list)
    }

    /// Takes a call over, gives it back, or writes down what calling came to. What the patient said is recorded as an answer; a
    /// wrong number is suspended.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when there is no such visit.
    pub async fn note_call(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
        act: CallAct,
    ) -> Result<(), FlowError> {
        let answer = match act {
            CallAct::Confirmed => Some(Answer::Accepted),
            CallAct::Declined => Some(Answer::Declined),
            _ => None,
        };
        if let Some(answer) = answer {
            let by = AnsweredBy::Desk(staff);
            let answering = Answering { appointment: visit, revision: None, answer, by, words: Words::default() };
            self.record_answer(practice, answering).await?;
        }
        if act == CallAct::WrongNumber {
            match self.mark_wrong_number(practice, staff, visit, Channel::Sms).await {
                // Called from the practice's own records: there is no number here to suspend.
                Err(FlowError::NotFound { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        let now = self.clock.civil();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.board_visit(practice, visit).await?.ok_or(FlowError::NotFound { what: "visit" })?;
        let call = Call {
            id: self.ids.next(self.clock.wall()),
            appointment: visit,
            staff,
            act: act.as_str().to_owned(),
            at: now,
        };
        tx.insert_call(practice, &call).await?;
        let entry = AuditEntry::new(audit::act::CALL_NOTED, Actor::Staff(staff))
            .id("appointment", visit)
            .word("call", act.as_str());
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Why messages did not do it. Pure.
fn why(visit: &BoardVisit) -> String {
    match (visit.silence, visit.chip) {
        (Some(reason), _) if !matches!(reason, SkipReason::Collapsed | SkipReason::Told | SkipReason::Superseded) => {
            reason.as_str().to_owned()
        }
        (_, Chip::Failed) => "failed".to_owned(),
        (_, Chip::NoAnswer | Chip::Sent | Chip::Delivered) => "no-answer".to_owned(),
        _ => "not-sent".to_owned(),
    }
}
