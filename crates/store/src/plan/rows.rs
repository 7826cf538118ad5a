//! The rows that planning reads and writes.

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use kept_domain::plan::StepKey;
use kept_domain::{
    Answer, AppointmentId, AppointmentStatus, BlindIndex, Channel, ContactPointId, Instant, Locale, LocationId,
    NoticeId, NoticeKind, NoticeState, PatientId, ReminderId, ReminderState, SkipReason, VisitTypeId,
};
use sqlx::FromRow;
use uuid::Uuid;

/// A visit with all that planning asks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVisit {
    /// Which.
    pub id: AppointmentId,
    /// Whose.
    pub patient: PatientId,
    /// Where.
    pub location: LocationId,
    /// What for.
    pub visit_type: Option<VisitTypeId>,
    /// Start.
    pub start: Instant,
    /// When it was made, if known.
    pub booked_at: Option<Instant>,
    /// When Kept first heard of it.
    pub known_at: Instant,
    /// Where it stands.
    pub status: AppointmentStatus,
    /// What the patient answered.
    pub answer: Answer,
    /// Its reminders wait for the desk.
    pub held: bool,
    /// The patient wants no reminders about it.
    pub muted: bool,
    /// Changes of start or location so far, plus one.
    pub revision: i64,
    /// Changes of practitioner so far, plus one.
    pub practitioner_revision: i64,
    /// A notice of a change that is owed: `moved` or `practitioner`.
    pub change_notice: Option<String>,
    /// The patient's language, if recorded.
    pub locale: Option<Locale>,
    /// The patient's own zone, if recorded.
    pub patient_zone: Option<String>,
    /// The channel that the patient wants, if they said so.
    pub channel: Option<Channel>,
    /// The number and the address to use, at most one a channel, in the order of [`Channel::ALL`].
    pub contacts: Vec<PlanContact>,
}

impl PlanVisit {
    /// The number or address to use on a channel.
    pub fn contact(&self, channel: Channel) -> Option<&PlanContact> {
        self.contacts.iter().find(|contact| contact.channel == channel)
    }
}

/// A number or address of a visit's patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanContact {
    /// Which.
    pub id: ContactPointId,
    /// How messages reach it.
    pub channel: Channel,
    /// Of the number: equal for all who share it.
    pub bix: BlindIndex,
    /// Zones the area code allows, comma-separated.
    pub area_zones: Option<String>,
    /// Why it is suspended.
    pub suspended: Option<String>,
    /// Last act in the consent ledger for the number.
    pub consent: Option<String>,
}

#[derive(FromRow)]
pub(super) struct VisitRow {
    id: Uuid,
    patient_id: Uuid,
    location_id: Uuid,
    visit_type_id: Option<Uuid>,
    start_at_ms: i64,
    booked_at_ms: Option<i64>,
    known_at_ms: i64,
    #[sqlx(try_from = "String")]
    status: AppointmentStatus,
    #[sqlx(try_from = "String")]
    answer: Answer,
    held: bool,
    muted: bool,
    revision: i64,
    practitioner_revision: i64,
    change_notice: Option<String>,
    locale: Option<String>,
    time_zone: Option<String>,
    channel: Option<String>,
    sms_id: Option<Uuid>,
    sms_bix: Option<Vec<u8>>,
    sms_zones: Option<String>,
    sms_suspended: Option<String>,
    sms_consent: Option<String>,
    email_id: Option<Uuid>,
    email_bix: Option<Vec<u8>>,
    email_suspended: Option<String>,
    email_consent: Option<String>,
}

impl TryFrom<VisitRow> for PlanVisit {
    type Error = StoreError;
    fn try_from(row: VisitRow) -> Result<Self, StoreError> {
        let bix = |bytes: Option<Vec<u8>>| {
            let bix = bytes.map(BlindIndex::try_from).transpose();
            bix.map_err(|_| StoreError::Corrupt { table: "contact_points", column: "bix" })
        };
        let sms = row.sms_id.zip(bix(row.sms_bix)?).map(|(id, bix)| PlanContact {
            id: id.into(),
            channel: Channel::Sms,
            bix,
            area_zones: row.sms_zones,
            suspended: row.sms_suspended,
            consent: row.sms_consent,
        });
        let email = row.email_id.zip(bix(row.email_bix)?).map(|(id, bix)| PlanContact {
            id: id.into(),
            channel: Channel::Email,
            bix,
            area_zones: None,
            suspended: row.email_suspended,
            consent: row.email_consent,
        });
        let channel = row.channel.as_deref().map(str::parse).transpose();
        let locale = row.locale.as_deref().map(str::parse).transpose();
        Ok(Self {
            id: row.id.into(),
            patient: row.patient_id.into(),
            location: row.location_id.into(),
            visit_type: row.visit_type_id.map(Into::into),
            start: row.start_at_ms.into(),
            booked_at: row.booked_at_ms.map(Into::into),
            known_at: row.known_at_ms.into(),
            status: row.status,
            answer: row.answer,
            held: row.held,
            muted: row.muted,
            revision: row.revision,
            practitioner_revision: row.practitioner_revision,
            change_notice: row.change_notice,
            locale: locale.map_err(|_| StoreError::Corrupt { table: "patients", column: "locale" })?,
            patient_zone: row.time_zone,
            channel: channel.map_err(|_| StoreError::Corrupt { table: "patients", column: "channel" })?,
            contacts: sms.into_iter().chain(email).collect(),
        })
    }
}

/// A reminder as it stands, with its notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanReminder {
    /// Which.
    pub id: ReminderId,
    /// Of which visit.
    pub appointment: AppointmentId,
    /// Which step.
    pub step: StepKey,
    /// Revision it was made for.
    pub revision: i64,
    /// How it travels, or travelled.
    pub channel: Channel,
    /// Where it stands.
    pub state: ReminderState,
    /// Why it was skipped.
    pub reason: Option<String>,
    /// When it is or was due.
    pub due_at: Instant,
    /// When it was said, civil.
    pub said_at: Option<Instant>,
    /// The notice it is part of.
    pub notice: Option<PlanNotice>,
}

/// A notice that a reminder is part of, as planning sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanNotice {
    /// Which.
    pub id: NoticeId,
    /// Reminder or change.
    pub kind: NoticeKind,
    /// Where it stands.
    pub state: NoticeState,
    /// Of the number.
    pub bix: BlindIndex,
    /// The contact point it goes to.
    pub contact: ContactPointId,
    /// Location whose alias and sender it has.
    pub location: LocationId,
    /// Its language.
    pub locale: Locale,
    /// Its template.
    pub template: String,
    /// When it may go out.
    pub due_at: Instant,
    /// Not useful after this.
    pub expires_at: Instant,
}

#[derive(FromRow)]
pub(super) struct ReminderRow {
    id: Uuid,
    appointment_id: Uuid,
    #[sqlx(try_from = "String")]
    step: StepKey,
    revision: i64,
    #[sqlx(try_from = "String")]
    channel: Channel,
    #[sqlx(try_from = "String")]
    state: ReminderState,
    reason: Option<String>,
    due_at_ms: i64,
    said_at_ms: Option<i64>,
    notice_id: Option<Uuid>,
    kind: Option<String>,
    notice_state: Option<String>,
    bix: Option<Vec<u8>>,
    contact_point_id: Option<Uuid>,
    location_id: Option<Uuid>,
    locale: Option<String>,
    template: Option<String>,
    notice_due_at_ms: Option<i64>,
    expires_at_ms: Option<i64>,
}

impl ReminderRow {
    fn notice(&mut self) -> Result<Option<PlanNotice>, StoreError> {
        // The notice's columns are all there or all absent: a left join.
        let (Some(id), Some(kind)) = (self.notice_id, self.kind.take()) else { return Ok(None) };
        let corrupt = |column| StoreError::Corrupt { table: "notices", column };
        let word = |value: &Option<String>, column| value.clone().ok_or_else(|| corrupt(column));
        Ok(Some(PlanNotice {
            id: id.into(),
            kind: kind.parse().map_err(|_| corrupt("kind"))?,
            state: word(&self.notice_state, "state")?.parse().map_err(|_| corrupt("state"))?,
            bix: self.bix.take().and_then(|bix| bix.try_into().ok()).ok_or_else(|| corrupt("bix"))?,
            contact: self.contact_point_id.ok_or_else(|| corrupt("contact_point_id"))?.into(),
            location: self.location_id.ok_or_else(|| corrupt("location_id"))?.into(),
            locale: word(&self.locale, "locale")?.parse().map_err(|_| corrupt("locale"))?,
            template: word(&self.template, "template")?,
            due_at: self.notice_due_at_ms.ok_or_else(|| corrupt("due_at_ms"))?.into(),
            expires_at: self.expires_at_ms.ok_or_else(|| corrupt("expires_at_ms"))?.into(),
        }))
    }
}

impl TryFrom<ReminderRow> for PlanReminder {
    type Error = StoreError;
    fn try_from(mut row: ReminderRow) -> Result<Self, StoreError> {
        Ok(Self {
            notice: row.notice()?,
            id: row.id.into(),
            appointment: row.appointment_id.into(),
            step: row.step,
            revision: row.revision,
            channel: row.channel,
            state: row.state,
            reason: row.reason,
            due_at: row.due_at_ms.into(),
            said_at: row.said_at_ms.map(Into::into),
        })
    }
}

/// A reminder as planning wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedReminder {
    /// Which: a new id, or that of the row to change.
    pub id: ReminderId,
    /// Of which visit. Not changed.
    pub appointment: AppointmentId,
    /// Which step. Not changed.
    pub step: StepKey,
    /// Revision it is made for. Not changed.
    pub revision: i64,
    /// How it travels.
    pub channel: Channel,
    /// Planned, held, skipped or superseded.
    pub state: ReminderState,
    /// Why, for skipped.
    pub reason: Option<SkipReason>,
    /// When it is, or would have been, due.
    pub due_at: Instant,
    /// The notice it is part of.
    pub notice: Option<NoticeId>,
}

/// A notice as planning wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNotice {
    /// Which: a new id, or that of the row to change.
    pub id: NoticeId,
    /// Reminder or change. Not changed.
    pub kind: NoticeKind,
    /// How it travels.
    pub channel: Channel,
    /// Of the number.
    pub bix: BlindIndex,
    /// The contact point it goes to.
    pub contact: ContactPointId,
    /// Location whose alias and sender it has.
    pub location: LocationId,
    /// Its language.
    pub locale: Locale,
    /// Its template.
    pub template: &'static str,
    /// When it may go out.
    pub due_at: Instant,
    /// Not useful after this.
    pub expires_at: Instant,
}

pub(super) fn reminder_rows(reminders: &[PlannedReminder]) -> Rows {
    let mut rows = Rows::new(&[
        ("id", Kind::Uuid),
        ("appointment_id", Kind::Uuid),
        ("step", Kind::Text),
        ("revision", Kind::Int),
        ("channel", Kind::Text),
        ("state", Kind::Text),
        ("reason", Kind::Text),
        ("due_at_ms", Kind::Int),
        ("notice_id", Kind::Uuid),
    ]);
    for reminder in reminders {
        rows.push()
            .uuid(reminder.id)
            .uuid(reminder.appointment)
            .text(&reminder.step.to_string())
            .int(reminder.revision)
            .text(reminder.channel.as_str())
            .text(reminder.state.as_str())
            .opt_text(reminder.reason.map(SkipReason::as_str))
            .int(reminder.due_at.as_ms())
            .opt_uuid(reminder.notice.map(NoticeId::as_uuid));
    }
    rows
}

pub(super) fn notice_rows(notices: &[PlannedNotice]) -> Rows {
    let mut rows = Rows::new(&[
        ("id", Kind::Uuid),
        ("kind", Kind::Text),
        ("channel", Kind::Text),
        ("contact_point_id", Kind::Uuid),
        ("bix", Kind::Bytes),
        ("location_id", Kind::Uuid),
        ("locale", Kind::Text),
        ("template", Kind::Text),
        ("due_at_ms", Kind::Int),
        ("expires_at_ms", Kind::Int),
    ]);
    for notice in notices {
        rows.push()
            .uuid(notice.id)
            .text(notice.kind.as_str())
            .text(notice.channel.as_str())
            .uuid(notice.contact)
            .bytes(&notice.bix.0)
            .uuid(notice.location)
            .text(notice.locale.as_str())
            .text(notice.template)
            .int(notice.due_at.as_ms())
            .int(notice.expires_at.as_ms());
    }
    rows
}
