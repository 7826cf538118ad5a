//! The front desk's day, opened: who comes when, what was sent, what they said, what needs a person.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use chrono::{Duration, NaiveDate, NaiveDateTime};
use kept_domain::skip::SkipReason;
use kept_domain::text_enum;
use kept_domain::time::day_number;
use kept_domain::{
    Answer, AnswerVia, AppointmentId, AppointmentStatus, Instant, LocalTime, LocationId, NoticeState, PracticeId,
    PractitionerId, ReminderState, StaffId, TaskId, VisitTypeId,
};
use kept_seal::Place;
use kept_store::{BoardReminder, BoardRow, OpenTask, Scope};
use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A visit without an answer counts as "no answer" from this long before its start.
pub const NO_ANSWER_BEFORE: Duration = Duration::hours(24);

text_enum! {
    /// What the desk sees at a glance. One a visit; the most telling wins.
    Chip: "chip" {
        /// Nothing was sent yet; perhaps nothing will be, and then a reason stands beside it.
        NotSent => "not-sent",
        /// A message is with the carrier.
        Sent => "sent",
        /// A message is on the phone.
        Delivered => "delivered",
        /// No message arrived.
        Failed => "failed",
        /// A message arrived a while ago, the visit is near, and nobody answered.
        NoAnswer => "no-answer",
        /// Will be there.
        Confirmed => "confirmed",
        /// Asked for another time.
        WantsChange => "wants-change",
        /// Called off.
        Cancelled => "cancelled",
        /// In the building.
        Arrived => "arrived",
        /// Came.
        Kept => "kept",
        /// Did not come.
        Noshow => "noshow",
        /// The calendar no longer has it, or contradicts it: decide.
        Held => "held",
    }
}

/// A person's name or words. Prints nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Private(pub String);

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(…)")
    }
}

/// One visit on the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardVisit {
    /// Which.
    pub id: AppointmentId,
    /// Start on the location's clock.
    pub start: LocalTime,
    /// The patient's name.
    pub patient: Private,
    /// With whom.
    pub practitioner: Option<String>,
    /// What for.
    pub visit_type: Option<String>,
    /// Where.
    pub location: LocationId,
    /// The location's name.
    pub location_name: String,
    /// At a glance.
    pub chip: Chip,
    /// What the books say.
    pub status: AppointmentStatus,
    /// What the patient said.
    pub answer: Answer,
    /// By which way.
    pub answer_via: Option<AnswerVia>,
    /// When, on the location's clock.
    pub answered: Option<NaiveDateTime>,
    /// Why nothing was or will be sent.
    pub silence: Option<SkipReason>,
    /// When the next message goes out, on the location's clock.
    pub next_message: Option<NaiveDateTime>,
    /// Whether the patient can identify at the portal.
    pub has_birth_date: bool,
    /// Whether the patient was erased: only the figures need the visit.
    pub erased: bool,
    /// Why its reminders are held: `vanished` or `conflict`.
    pub held: Option<String>,
    /// What the desk must enter in its own system.
    pub to_enter: Option<String>,
}

/// Something a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Which task.
    pub task: TaskId,
    /// What about (the task's kind).
    pub kind: String,
    /// Since when, on the practice's clock.
    pub since: NaiveDateTime,
    /// The visit, and when it is on its location's clock.
    pub visit: Option<(AppointmentId, LocalTime)>,
    /// Whose.
    pub patient: Option<Private>,
    /// The number that a text came from, E.164.
    pub number: Option<Private>,
    /// Where no visit says whose it is: everybody with that number.
    pub perhaps: Vec<Private>,
    /// What they chose or wrote.
    pub words: Vec<Private>,
}

/// A day of a practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// Which day, at the locations.
    pub day: NaiveDate,
    /// The practice's today.
    pub today: NaiveDate,
    /// Visits by time.
    pub visits: Vec<BoardVisit>,
    /// Open tasks, the oldest first.
    pub needs: Vec<Need>,
    /// Visits to decide about or to enter elsewhere, by time.
    pub to_decide: Vec<BoardVisit>,
}

impl Flow {
    /// A day's board. One audit entry says that this person looked at it.
    pub async fn board(
        &self,
        practice: PracticeId,
        staff: StaffId,
        day: Option<NaiveDate>,
    ) -> Result<Board, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        let today = now.local_day(open.practice.time_zone);
        let day = day.unwrap_or(today);
        let number = i64::from(day_number(day));
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let rows = tx.board_visits(practice, number, number).await?;
        let mut reminders: HashMap<AppointmentId, Vec<BoardReminder>> = HashMap::new();
        for reminder in tx.board_reminders(practice, number, number).await? {
            reminders.entry(reminder.appointment).or_default().push(reminder);
        }
        let decide = tx.needs_visits(practice, now - Duration::days(1)).await?;
        let tasks = tx.open_tasks(practice).await?;
        let people = tx.task_people(practice).await?;
        drop(tx);
        let visits = rows
            .iter()
            .map(|row| Self::board_visit(&open, row, reminders.get(&row.id).map_or(&[], Vec::as_slice), now))
            .collect::<Result<_, _>>();
        let visits = self.witness(visits).await?;
        let to_decide = decide.iter().map(|row| Self::board_visit(&open, row, &[], now)).collect::<Result<_, _>>()?;
        let mut perhaps: HashMap<TaskId, Vec<Private>> = HashMap::new();
        for one in &people {
            let patient = open.keys.open(&one.salt, Place::new(one.patient, one.rev), &one.private)?;
            perhaps.entry(one.task).or_default().push(Private(patient.name));
        }
        let need = |task: &OpenTask| self.need(&open, task, perhaps.remove(&task.id).unwrap_or_default());
        let needs = tasks.iter().map(need).collect::<Result<_, _>>()?;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let entry = AuditEntry::new(act::BOARD_VIEWED, Actor::Staff(staff)).count("day", number);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(Board { day, today, visits, needs, to_decide })
    }

    /// A word that changes whenever the board of a day would look different. Opens nothing, so pages may ask often.
    pub async fn board_stamp(&self, practice: PracticeId, day: NaiveDate) -> Result<String, FlowError> {
        let number = i64::from(day_number(day));
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let visits = tx.board_visits(practice, number, number).await?;
        let reminders = tx.board_reminders(practice, number, number).await?;
        let tasks = tx.open_tasks(practice).await?;
        drop(tx);
        let mut hasher = DefaultHasher::new();
        for row in &visits {
            (row.id, row.start_at, row.status, row.answer, row.answer_at_ms, &row.held, &row.to_enter)
                .hash(&mut hasher);
        }
        for one in &reminders {
            (one.appointment, one.state, one.due_at, &one.notice_state).hash(&mut hasher);
        }
        for task in &tasks {
            task.id.hash(&mut hasher);
        }
        Ok(format!("{:016x}", hasher.finish()))
    }

    pub(crate) fn board_visit(
        open: &OpenPractice,
        row: &BoardRow,
        reminders: &[BoardReminder],
        now: Instant,
    ) -> Result<BoardVisit, FlowError> {
        let location = open.location(row.location).map(|found| &found.location);
        let zone = location.map_or(open.practice.time_zone, |found| found.time_zone);
        let patient = open.keys.open(&row.salt, Place::new(row.patient, row.patient_rev), &row.patient_private)?;
        let practitioner = row.practitioner_id.map(PractitionerId::from_uuid).and_then(|id| open.practitioner(id));
        let visit_type = row.visit_type_id.map(VisitTypeId::from_uuid).and_then(|id| open.visit_type(id));
        let next = reminders.iter().find(|one| one.state == ReminderState::Planned && one.due_at >= now);
        Ok(BoardVisit {
            id: row.id,
            start: open.local(row.start_at, zone),
            patient: Private(patient.name),
            practitioner: practitioner.map(|found| found.name.clone()),
            visit_type: visit_type.map(|found| found.name.clone()),
            location: row.location,
            location_name: location.map(|found| found.name.clone()).unwrap_or_default(),
            chip: chip(row, reminders, now),
            status: row.status,
            answer: row.answer,
            answer_via: row.answer_via.as_deref().and_then(|word| word.parse().ok()),
            answered: row.answer_at_ms.map(|at| Instant::from_ms(at).local(zone)),
            silence: silence(row, reminders),
            next_message: next.map(|one| one.due_at.local(zone)),
            has_birth_date: row.has_birth_date,
            erased: row.erased,
            held: row.held.clone(),
            to_enter: row.to_enter.clone(),
        })
    }

    fn need(&self, open: &OpenPractice, task: &OpenTask, perhaps: Vec<Private>) -> Result<Need, FlowError> {
        let zone_of = |id: Option<uuid::Uuid>| {
            id.map(LocationId::from_uuid)
                .and_then(|id| open.location(id))
                .map_or(open.practice.time_zone, |found| found.location.time_zone)
        };
        let patient = match task.patient()? {
            Some((id, private, rev, salt)) => Some(Private(open.keys.open(&salt, Place::new(id, rev), &private)?.name)),
            None => None,
        };
        let mut words = Vec::new();
        if let (Some((id, private, rev)), Some((_, _, _, salt))) = (task.request()?, task.patient()?) {
            let request = open.keys.open(&salt, Place::new(id, rev), &private)?;
            words.extend(request.preferences.into_iter().chain(request.text).map(Private));
        }
        let mut number = None;
        if let Some((id, private, rev)) = task.inbound()? {
            let inbound = open.keys.open(&open.salt, Place::new(id, rev), &private)?;
            words.push(Private(inbound.text));
            number = Some(Private(inbound.from));
        }
        words.extend(task.detail.as_deref().map(|detail| Private(self.trouble_in_words(detail))));
        let visit = match (task.appointment_id, task.start_at_ms) {
            (Some(id), Some(start)) => {
                Some((id.into(), open.local(Instant::from_ms(start), zone_of(task.location_id))))
            }
            _ => None,
        };
        Ok(Need {
            task: task.id,
            kind: task.kind.clone(),
            since: task.created_at.local(open.practice.time_zone),
            visit,
            patient,
            number,
            perhaps,
            words,
        })
    }
}

/// The most telling word for a visit. Pure.
fn chip(row: &BoardRow, reminders: &[BoardReminder], now: Instant) -> Chip {
    match row.status {
        AppointmentStatus::Cancelled | AppointmentStatus::EnteredInError => return Chip::Cancelled,
        AppointmentStatus::Arrived | AppointmentStatus::CheckedIn => return Chip::Arrived,
        AppointmentStatus::Fulfilled => return Chip::Kept,
        AppointmentStatus::Noshow => return Chip::Noshow,
        AppointmentStatus::Proposed
        | AppointmentStatus::Pending
        | AppointmentStatus::Booked
        | AppointmentStatus::Waitlist => {}
    }
    if row.held.is_some() {
        return Chip::Held;
    }
    match row.answer {
        Answer::Accepted => return Chip::Confirmed,
        Answer::Declined => return Chip::Cancelled,
        Answer::Tentative => return Chip::WantsChange,
        Answer::NeedsAction => {}
    }
    let last = reminders.iter().filter_map(BoardReminder::notice).rfind(|state| *state != NoticeState::Planned);
    match last {
        Some(NoticeState::Sent | NoticeState::Delivered) if row.start_at - now <= NO_ANSWER_BEFORE => Chip::NoAnswer,
        Some(NoticeState::Delivered) => Chip::Delivered,
        Some(NoticeState::Sent | NoticeState::Armed) => Chip::Sent,
        Some(NoticeState::Failed | NoticeState::Uncertain) => Chip::Failed,
        Some(NoticeState::Planned | NoticeState::Claimed | NoticeState::Expired | NoticeState::Cancelled) | None => {
            Chip::NotSent
        }
    }
}

/// Why nothing goes out: the reason of the last skipped reminder where none is planned and none was sent.
fn silence(row: &BoardRow, reminders: &[BoardReminder]) -> Option<SkipReason> {
    if !row.status.is_expected()
        || reminders.iter().any(|one| matches!(one.state, ReminderState::Planned | ReminderState::Sent))
    {
        return None;
    }
    reminders.iter().rev().filter_map(|one| one.reason.as_deref()).find_map(|word| word.parse().ok())
}
