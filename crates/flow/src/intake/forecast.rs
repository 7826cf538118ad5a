//! What a file would have said, before anything of it is kept: its visits as they would stand, planned in memory.
//!
//! The rows come from the same dry run that counts them ([`super::chunk`]), the rules are those of planning
//! ([`crate::plan::Facts`]), the texts those of dispatch ([`crate::message`]). Only visits to come can be spoken of; the
//! visits of the same numbers that stand already come along, for caps and joint messages are a number's.

use super::outcome::{RowClass, RowDetail};
use crate::consent::ConsentAct;
use crate::message::{self, Message};
use crate::plan::Facts;
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::private::NoticeBody;
use kept_domain::schedule::Verdict;
use kept_domain::{Answer, AppointmentId, BlindIndex, Channel, Instant, LocalTime, Locale, PatientId, SkipReason};
use kept_store::{ChangedVisit, ContactOrder, KnownContact, NewContact, NewVisit, PlanContact, PlanVisit, Scope};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Visits of a file to come, as they would stand after it.
#[derive(Default)]
pub(super) struct Draft {
    new: Vec<PlanVisit>,
    changed: HashMap<AppointmentId, ChangedFacts>,
    /// Of every visit that the file brings or changes.
    rows: HashMap<AppointmentId, Row>,
    /// New patients by their key, so that the rows of two chunks are one person's.
    patients: HashMap<BlindIndex, PatientId>,
    /// What the file says of a patient's language.
    locales: HashMap<PatientId, Option<Locale>>,
    touched: BTreeSet<PatientId>,
    contacts: Vec<(PatientId, PlanContact)>,
    order: Vec<ContactOrder>,
    held: Vec<AppointmentId>,
    cancelled: Vec<AppointmentId>,
}

/// A visit's row, for the desk.
struct Row {
    name: String,
    line: Option<u32>,
}

/// What a file changes of a visit that stands.
struct ChangedFacts {
    patient: PatientId,
    visit: PlanVisit,
}

/// What a dry run found of one chunk.
pub(super) struct Found<'a> {
    pub(super) patients: &'a HashMap<BlindIndex, (PatientId, kept_domain::Salt)>,
    pub(super) locales: Vec<(PatientId, Option<Locale>)>,
    pub(super) contacts: &'a [NewContact],
    pub(super) order: &'a [ContactOrder],
    pub(super) new: &'a [NewVisit],
    pub(super) changed: &'a [ChangedVisit],
    pub(super) details: &'a [RowDetail],
}

impl Draft {
    /// Takes what a dry run found of one chunk.
    pub(super) fn take(&mut self, found: &Found<'_>, now: Instant) {
        // A patient of an earlier chunk is not in the database: this chunk took them for another.
        let mut same: HashMap<PatientId, PatientId> = HashMap::new();
        for (key, (id, _)) in found.patients {
            let first = *self.patients.entry(*key).or_insert(*id);
            same.insert(*id, first);
        }
        let person = |id: PatientId| same.get(&id).copied().unwrap_or(id);
        self.touched.extend(same.values().copied());
        self.locales.extend(found.locales.iter().map(|(id, locale)| (person(*id), *locale)));
        self.order.extend(found.order.iter().copied());
        self.contacts.extend(found.contacts.iter().map(|new| {
            let contact = PlanContact {
                id: new.id,
                channel: new.channel,
                bix: new.bix,
                area_zones: new.area_zones.clone(),
                suspended: None,
                consent: None,
            };
            (person(new.patient), contact)
        }));
        let details = |class: RowClass| found.details.iter().filter(move |row| row.class == class);
        for (visit, detail) in found.new.iter().zip(details(RowClass::New)) {
            if visit.start > now {
                self.rows.insert(visit.id, Row::of(detail));
                self.new.push(new_visit(visit, person(visit.patient), now));
            }
        }
        for (changed, detail) in found.changed.iter().zip(details(RowClass::Changed)) {
            let stands = &changed.now;
            if stands.start > now {
                self.rows.insert(stands.id, Row::of(detail));
                let facts = ChangedFacts { patient: person(stands.patient), visit: changed_visit(changed, now) };
                self.changed.insert(stands.id, facts);
            }
        }
    }

    /// Takes what would become of rows that are missing.
    pub(super) fn vanished(&mut self, to_come: Vec<AppointmentId>, cancel: bool) {
        if cancel { &mut self.cancelled } else { &mut self.held }.extend(to_come);
    }
}

impl Row {
    fn of(detail: &RowDetail) -> Self {
        Self { name: detail.name.clone().unwrap_or_default(), line: detail.line }
    }
}

fn new_visit(visit: &NewVisit, patient: PatientId, now: Instant) -> PlanVisit {
    PlanVisit {
        id: visit.id,
        patient,
        location: visit.location,
        visit_type: visit.visit_type,
        start: visit.start,
        booked_at: visit.booked_at,
        known_at: now,
        status: visit.status,
        answer: Answer::NeedsAction,
        held: false,
        muted: false,
        revision: 1,
        practitioner_revision: 1,
        change_notice: None,
        locale: None,
        patient_zone: None,
        channel: None,
        contacts: Vec::new(),
    }
}

/// What the file makes of a visit that stands; what it does not speak of is filled in from the database.
fn changed_visit(changed: &ChangedVisit, now: Instant) -> PlanVisit {
    let stands = &changed.now;
    PlanVisit {
        id: stands.id,
        patient: stands.patient,
        location: stands.location,
        visit_type: stands.visit_type,
        start: stands.start,
        booked_at: stands.booked_at,
        known_at: now,
        status: stands.status,
        answer: stands.answer,
        held: stands.held.is_some(),
        muted: false,
        revision: stands.revision,
        practitioner_revision: stands.practitioner_revision,
        change_notice: stands.change_notice.clone(),
        locale: None,
        patient_zone: None,
        channel: None,
        contacts: Vec::new(),
    }
}

/// A message that the file would have planned.
#[derive(Clone, PartialEq, Eq)]
pub struct ForetoldMessage {
    /// The patient's name as the file writes it; of several visits the first one of the file.
    pub name: String,
    /// Line of the file.
    pub line: Option<u32>,
    /// Start of that visit, on its location's clock.
    pub start: LocalTime,
    /// How many visits it is about.
    pub visits: usize,
    /// How it travels.
    pub channel: Channel,
    /// In which language.
    pub locale: Locale,
    /// When it would go out, on the location's clock.
    pub at: LocalTime,
    due_at: Instant,
    message: Message,
}

impl std::fmt::Debug for ForetoldMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ForetoldMessage(line {:?}, {} at {})", self.line, self.channel, self.at.at)
    }
}

/// A step of a visit that would not be said.
#[derive(Clone, PartialEq, Eq)]
pub struct ForetoldSilence {
    /// The patient's name as the file writes it.
    pub name: String,
    /// Line of the file.
    pub line: Option<u32>,
    /// Start of the visit, on its location's clock.
    pub start: LocalTime,
    starts_at: Instant,
    /// The plan's step.
    pub step: kept_domain::plan::StepKey,
    /// Why.
    pub reason: SkipReason,
}

impl std::fmt::Debug for ForetoldSilence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ForetoldSilence(line {:?}, {}, {})", self.line, self.step, self.reason)
    }
}

/// All that a file would have said, and not said, of its new and changed visits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Messages, by time.
    pub messages: Vec<ForetoldMessage>,
    /// Silences, by start.
    pub silences: Vec<ForetoldSilence>,
    /// How many silences for which reason, the most frequent first.
    pub reasons: Vec<(SkipReason, usize)>,
    /// Visits to come that the file brings or changes, and of which nothing at all would be said.
    pub silent_visits: usize,
}

/// A message as it would be written.
#[derive(Clone, PartialEq, Eq)]
pub struct Foretext {
    /// The text, with an ellipsis in place of the link's secret; a mail begins with its subject and an empty line.
    pub text: String,
    /// Segments it takes with a real link; 0 for a mail.
    pub segments: usize,
}

impl std::fmt::Debug for Foretext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Foretext({} segments)", self.segments)
    }
}

impl Flow {
    /// Writes a message of a forecast, with the function that dispatch writes with.
    pub fn foretext(&self, foretold: &ForetoldMessage) -> Result<Foretext, FlowError> {
        let written = message::write(&self.render, &foretold.message)?;
        let text = written.text.replace(NoticeBody::LINK, &format!("{}…", foretold.message.link_base));
        let text = written.mail.map_or_else(|| text.clone(), |mail| format!("{}\n\n{text}", mail.subject));
        Ok(Foretext { text, segments: written.segments.unwrap_or(0) })
    }

    /// Plans a draft in memory. Writes nothing.
    pub(super) async fn forecast(
        &self,
        open: &OpenPractice,
        draft: Draft,
        consents: &HashMap<(Channel, BlindIndex), ConsentAct>,
        now: Instant,
    ) -> Result<Forecast, FlowError> {
        let rows_of_file: HashSet<AppointmentId> = draft.rows.keys().copied().collect();
        let facts = self.drafted_facts(open, &draft, consents, now).await?;
        let mut forecast = Forecast::default();
        let mut spoken: HashSet<AppointmentId> = HashSet::new();
        for group in facts.groups(open) {
            if !group.rows.iter().any(|row| rows_of_file.contains(&row.id)) {
                continue;
            }
            let outcome = facts.schedule(&group, now);
            for planned in &outcome.messages {
                let members = planned.members.iter().filter_map(|member| outcome.decisions.get(*member));
                let visits: BTreeSet<usize> = members.map(|decision| decision.visit).collect();
                let rows = visits.iter().filter_map(|index| group.rows.get(*index));
                let mut of_file = rows.filter(|row| rows_of_file.contains(&row.id));
                let Some(row) = of_file.next() else { continue };
                spoken.insert(row.id);
                spoken.extend(of_file.map(|row| row.id));
                let Some(message) = self.message(open, &facts, &group, &outcome, planned) else { continue };
                let Some(seen) = draft.rows.get(&row.id) else { continue };
                let zone = zone(open, row);
                forecast.messages.push(ForetoldMessage {
                    name: seen.name.clone(),
                    line: seen.line,
                    start: open.local(row.start, zone),
                    visits: visits.len(),
                    channel: group.circle.numbers.get(planned.number).map_or(Channel::Sms, |number| number.channel),
                    locale: message.locale,
                    at: open.local(planned.due_at, zone),
                    due_at: planned.due_at,
                    message,
                });
            }
            for decision in &outcome.decisions {
                let reason = match decision.verdict {
                    Verdict::Send { .. } => continue,
                    Verdict::Hold => SkipReason::Held,
                    Verdict::Skip(reason) => reason,
                };
                let Some(row) = group.rows.get(decision.visit) else { continue };
                let Some(seen) = draft.rows.get(&row.id) else { continue };
                forecast.silences.push(ForetoldSilence {
                    name: seen.name.clone(),
                    line: seen.line,
                    start: open.local(row.start, zone(open, row)),
                    starts_at: row.start,
                    step: decision.step,
                    reason,
                });
            }
        }
        forecast.messages.sort_by_key(|message| (message.due_at, message.line));
        forecast.silences.sort_by_key(|silence| (silence.starts_at, silence.line, silence.step));
        let mut reasons: BTreeMap<SkipReason, usize> = BTreeMap::new();
        for silence in &forecast.silences {
            *reasons.entry(silence.reason).or_default() += 1;
        }
        forecast.reasons = reasons.into_iter().collect();
        forecast.reasons.sort_by_key(|(reason, n)| (std::cmp::Reverse(*n), *reason));
        forecast.silent_visits = rows_of_file.len() - rows_of_file.intersection(&spoken).count();
        Ok(forecast)
    }

    /// The draft, with everything that stands already and shares numbers with it.
    async fn drafted_facts(
        &self,
        open: &OpenPractice,
        draft: &Draft,
        consents: &HashMap<(Channel, BlindIndex), ConsentAct>,
        now: Instant,
    ) -> Result<Facts, FlowError> {
        let practice = open.practice.id;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let people: Vec<PatientId> = draft.touched.iter().copied().collect();
        let known = tx.contacts_of(practice, &people).await?;
        let mut contacts = contacts_after(draft, known);
        let numbers: Vec<BlindIndex> = {
            let all: BTreeSet<BlindIndex> = contacts.values().flatten().map(|contact| contact.bix).collect();
            all.into_iter().collect()
        };
        let mut acts: HashMap<(Channel, BlindIndex), String> = HashMap::new();
        for channel in Channel::ALL.iter().copied() {
            let stands = tx.consent_now(practice, channel, &numbers).await?;
            acts.extend(stands.into_iter().map(|stands| ((channel, stands.bix), stands.act)));
        }
        for contact in contacts.values_mut().flatten() {
            contact.consent = acts.get(&(contact.channel, contact.bix)).cloned();
        }
        let mut stand: Vec<AppointmentId> = tx.visits_of_numbers(practice, &numbers, now).await?;
        stand.extend(draft.changed.keys().chain(&draft.held).chain(&draft.cancelled).copied());
        let ids = tx.visits_of_same_numbers(practice, &stand, now).await?;
        let mut facts = Facts::read(self, &mut tx, open, &ids, now).await?;
        facts.add_sends(&mut tx, practice, &numbers, now).await?;
        drop(tx);

        let held: HashSet<AppointmentId> = draft.held.iter().copied().collect();
        let cancelled: HashSet<AppointmentId> = draft.cancelled.iter().copied().collect();
        for row in &mut facts.visits {
            if let Some(changed) = draft.changed.get(&row.id) {
                let stood = std::mem::replace(row, changed.visit.clone());
                *row = PlanVisit {
                    patient: changed.patient,
                    known_at: stood.known_at,
                    muted: stood.muted,
                    locale: stood.locale,
                    patient_zone: stood.patient_zone,
                    channel: stood.channel,
                    contacts: stood.contacts,
                    ..row.clone()
                };
            }
            row.held |= held.contains(&row.id);
            if cancelled.contains(&row.id) {
                row.status = kept_domain::AppointmentStatus::Cancelled;
            }
        }
        facts.visits.extend(draft.new.iter().cloned());
        for row in &mut facts.visits {
            if let Some(mine) = contacts.get(&row.patient) {
                row.contacts.clone_from(mine);
            }
            if let Some(locale) = draft.locales.get(&row.patient) {
                row.locale = locale.or(row.locale);
            }
            for contact in &mut row.contacts {
                if let Some(act) = consents.get(&(contact.channel, contact.bix)) {
                    contact.consent = Some(act.as_str().to_owned());
                }
            }
        }
        facts.visits.sort_by_key(|visit| (visit.start, visit.id));
        Ok(facts)
    }
}

/// The number and address in use of each patient of the draft, as they would stand.
fn contacts_after(draft: &Draft, known: Vec<KnownContact>) -> HashMap<PatientId, Vec<PlanContact>> {
    let position: HashMap<_, i64> = draft.order.iter().map(|order| (order.id, order.position)).collect();
    let mut after: HashMap<PatientId, Vec<PlanContact>> =
        draft.touched.iter().map(|patient| (*patient, Vec::new())).collect();
    for contact in known {
        if position.get(&contact.id).copied().unwrap_or(contact.position) == 0 {
            after.entry(contact.patient).or_default().push(PlanContact {
                id: contact.id,
                channel: contact.channel,
                bix: contact.bix,
                area_zones: contact.area_zones,
                suspended: contact.suspended,
                consent: None,
            });
        }
    }
    for (patient, contact) in &draft.contacts {
        let mine = after.entry(*patient).or_default();
        // Of two rows of one patient the later one's number is used, as it is when they are written.
        mine.retain(|other| other.channel != contact.channel);
        mine.push(contact.clone());
    }
    for mine in after.values_mut() {
        mine.sort_by_key(|contact| contact.channel);
    }
    after
}

fn zone(open: &OpenPractice, row: &PlanVisit) -> chrono_tz::Tz {
    open.location(row.location).map_or(open.practice.time_zone, |found| found.location.time_zone)
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
