//! One visit and its patient, opened for the desk: numbers, consent in its history, everything sent and not sent and why.

use crate::audit::{Actor, AuditEntry, act};
use crate::board::{BoardVisit, Private};
use crate::consent::{ConsentAct, ConsentBasis};
use crate::outbox::Logged;
use crate::portal::{GUARD_DAYS, MAX_FAILURES_PER_LINK, MAX_FAILURES_PER_PATIENT};
use crate::preference::Preference;
use crate::{Flow, FlowError, OpenPractice};
use chrono::NaiveDateTime;
use kept_domain::private::ContactPrivate;
use kept_domain::time::day_number;
use kept_domain::{AppointmentId, BlindIndex, Channel, Instant, PatientId, PracticeId, StaffId};
use kept_seal::Place;
use kept_store::{BoardReminder, ConsentLine, Scope, VisitContact};
use std::collections::HashMap;

/// A number or address of a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// How messages reach it.
    pub channel: Channel,
    /// E.164, or an e-mail address.
    pub value: Private,
    /// Why no message goes there: `wrong-number`, `unreachable`, …
    pub suspended: Option<String>,
    /// Where it stands in the ledger; none: nothing is recorded.
    pub consent: Option<ConsentAct>,
}

/// What the ledger says of a number, in the practice's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEvent {
    /// When.
    pub at: NaiveDateTime,
    /// Of which channel.
    pub channel: Channel,
    /// What.
    pub act: ConsentAct,
    /// What it rests on.
    pub basis: ConsentBasis,
    /// Id of the wording, or the rule that read a reply.
    pub wording: String,
    /// Who wrote it down.
    pub staff: Option<Private>,
}

/// Wrong birth dates of a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded {
    /// Wrong ones in the last [`GUARD_DAYS`] days, over all links.
    pub failures: i64,
    /// Whether some link, or every one, takes none any more.
    pub blocked: bool,
}

/// A visit and its patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitPanel {
    /// As the board shows it.
    pub visit: BoardVisit,
    /// Whether it is still to come.
    pub to_come: bool,
    /// Whose.
    pub patient: PatientId,
    /// What the patient wishes.
    pub preference: Preference,
    /// Numbers and addresses in use.
    pub contacts: Vec<Contact>,
    /// What the ledger says of them, the newest first.
    pub consents: Vec<ConsentEvent>,
    /// Whether the carrier may still hold texts back; see [`carrier_blocks`].
    pub carrier_blocks: bool,
    /// The number that texts about this visit come from, if it is the location's own.
    pub sender: Option<String>,
    /// Everything sent and not sent about the visit, by time.
    pub log: Vec<Logged>,
    /// Wrong birth dates.
    pub guarded: Guarded,
}

impl Flow {
    /// A visit and its patient, for the desk. One audit entry says that this person looked.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when the practice has no such visit.
    pub async fn visit_panel(
        &self,
        practice: PracticeId,
        staff: StaffId,
        visit: AppointmentId,
    ) -> Result<VisitPanel, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let row = tx.board_visit(practice, visit).await?.ok_or(FlowError::NotFound { what: "visit" })?;
        let day = i64::from(day_number(row.start_at.local_day(location_zone(&open, row.location))));
        let mut reminders: Vec<BoardReminder> = tx.board_reminders(practice, day, day).await?;
        reminders.retain(|one| one.appointment == visit);
        let contacts = tx.visit_contacts(practice, &[visit]).await?;
        let numbers: Vec<BlindIndex> = contacts.iter().map(|contact| contact.bix).collect();
        let consents = tx.consent_lines(practice, &numbers).await?;
        let log = tx.visit_log(practice, visit, row.patient).await?;
        let today = i64::from(day_number(self.clock.wall().utc().date_naive()));
        let (failures, at_link) = tx.guard_failures(practice, row.patient, today - GUARD_DAYS + 1).await?;
        drop(tx);
        let people = self.names_of(&open, consents.iter().filter_map(|line| line.staff_id.map(Into::into))).await?;
        let consents: Vec<ConsentEvent> =
            consents.iter().rev().filter_map(|line| event(&open, line, &people)).collect();
        let panel = VisitPanel {
            visit: self.witness(Self::board_visit(&open, &row, &reminders, now)).await?,
            to_come: row.start_at > now && row.status.is_expected(),
            patient: row.patient,
            preference: self.preference(practice, row.patient).await?,
            contacts: contacts.iter().map(|contact| opened(&open, contact)).collect::<Result<_, _>>()?,
            carrier_blocks: carrier_blocks(&consents),
            sender: open.location(row.location).and_then(|found| found.sender.clone()),
            consents,
            log: log.iter().map(|line| self.logged(&open, line, now)).collect::<Result<_, _>>()?,
            guarded: Guarded {
                failures,
                blocked: failures >= MAX_FAILURES_PER_PATIENT || at_link >= MAX_FAILURES_PER_LINK,
            },
        };
        let entry = AuditEntry::new(act::VISIT_VIEWED, Actor::Staff(staff)).id("appointment", visit);
        self.note_view(practice, entry).await?;
        Ok(panel)
    }

    /// The names of people who work, or worked, at the practice.
    pub(crate) async fn names_of(
        &self,
        open: &OpenPractice,
        who: impl Iterator<Item = StaffId>,
    ) -> Result<HashMap<StaffId, Private>, FlowError> {
        let mut ids: Vec<StaffId> = who.collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let practice = open.practice.id;
        let rows = self.store.read(Scope::Practice(practice)).await?.people(practice, &ids).await?;
        rows.into_iter()
            .map(|(id, private, rev)| {
                Ok((id, Private(open.keys.open(&open.salt, Place::new(id, rev), &private)?.name)))
            })
            .collect()
    }
}

fn location_zone(open: &OpenPractice, location: kept_domain::LocationId) -> chrono_tz::Tz {
    open.location(location).map_or(open.practice.time_zone, |found| found.location.time_zone)
}

/// A number or address, opened.
pub(crate) fn opened(open: &OpenPractice, contact: &VisitContact) -> Result<Contact, FlowError> {
    let place = Place::new(contact.id, contact.rev);
    let plain: ContactPrivate = open.keys.open(&contact.salt, place, &contact.private)?;
    Ok(Contact {
        channel: contact.channel,
        value: Private(plain.value),
        suspended: contact.suspended.clone(),
        consent: contact.consent.as_deref().and_then(|act| act.parse().ok()),
    })
}

/// Whether the carrier may still hold texts to a number back, whatever our own ledger says by now: it stopped them by itself when
/// the number opted out by text or there, and only a START from that phone undoes that. `events` are the newest first. Pure.
pub(crate) fn carrier_blocks(events: &[ConsentEvent]) -> bool {
    let told =
        events.iter().filter(|event| event.channel == Channel::Sms).find_map(|event| match (event.act, event.basis) {
            (ConsentAct::Restored, ConsentBasis::Reply) => Some(false),
            (ConsentAct::Withdrawn, ConsentBasis::Reply | ConsentBasis::Carrier) => Some(true),
            _ => None,
        });
    told.unwrap_or(false)
}

/// A line of the ledger; none for words that this release does not know.
pub(crate) fn event(
    open: &OpenPractice,
    line: &ConsentLine,
    people: &HashMap<StaffId, Private>,
) -> Option<ConsentEvent> {
    Some(ConsentEvent {
        at: Instant::local(line.at, open.practice.time_zone),
        channel: line.channel,
        act: line.act.parse().ok()?,
        basis: line.basis.parse().ok()?,
        wording: line.wording.clone(),
        staff: line.staff_id.and_then(|id| people.get(&id.into()).cloned()),
    })
}
