//! The rows of a batch, as the rules want to see them: by circles of patients who share numbers or addresses.

use crate::consent::ConsentAct;
use crate::{Flow, FlowError, OpenPractice};
use chrono_tz::Tz;
use kept_domain::ladder::{Ladder, OptOutScope, Rung};
use kept_domain::plan::{Plan, StepKey};
use kept_domain::schedule::{Change, Circle, Known, Limits, Number, Outcome, Progress, Visit, schedule};
use kept_domain::time::day_number;
use kept_domain::window::Hours;
use kept_domain::zone::{candidate_zones, places_from_text, zones_from_text};
use kept_domain::{
    AppointmentId, BlindIndex, Channel, Instant, Locale, PatientId, PracticeId, ReminderState, SkipReason, cap,
};
use kept_store::{PlanContact, PlanReminder, PlanVisit, StoreError, Tx};
use std::collections::HashMap;

/// All that is known about a batch of visits.
pub(crate) struct Facts {
    limits: Limits,
    /// The setting by which a number's own place may narrow the hours.
    /// Languages offered, the practice's own first.
    locales: Vec<Locale>,
    /// Channels that something carries.
    channels: Vec<Channel>,
    opt_out_scope: OptOutScope,
    /// By start, so that the same rows always give the same groups.
    pub(crate) visits: Vec<PlanVisit>,
    reminders: HashMap<AppointmentId, Vec<PlanReminder>>,
    sent_days: HashMap<BlindIndex, Vec<i32>>,
}

/// The visits of one circle, or one visit of a patient who cannot be reached.
pub(crate) struct Group<'a> {
    /// What the rules look at.
    pub(crate) circle: Circle<'a>,
    /// The rows behind `circle.visits`, in the same order.
    pub(crate) rows: Vec<&'a PlanVisit>,
}

impl Facts {
    pub(crate) async fn read(
        flow: &Flow,
        tx: &mut Tx,
        open: &OpenPractice,
        ids: &[AppointmentId],
        now: Instant,
    ) -> Result<Self, FlowError> {
        let practice = open.practice.id;
        let mut visits = tx.plan_visits(practice, ids).await?;
        visits.sort_by_key(|visit| (visit.start, visit.id));
        let mut reminders: HashMap<AppointmentId, Vec<PlanReminder>> = HashMap::new();
        for reminder in tx.plan_reminders(practice, ids).await? {
            reminders.entry(reminder.appointment).or_default().push(reminder);
        }
        let mut numbers: Vec<BlindIndex> =
            visits.iter().flat_map(|visit| &visit.contacts).map(|contact| contact.bix).collect();
        numbers.sort_unstable();
        numbers.dedup();
        // A day of margin: no zone's calendar is more than a day from another's.
        let since = i64::from(day_number(now.utc().date_naive()) - cap::WEEK_DAYS - 1);
        let mut sent_days: HashMap<BlindIndex, Vec<i32>> = HashMap::new();
        for send in tx.sends_since(practice, &numbers, since).await? {
            let day =
                i32::try_from(send.send_day).map_err(|_| StoreError::Corrupt { table: "sends", column: "send_day" })?;
            sent_days.entry(send.bix).or_default().push(day);
        }
        let settings = &open.practice.settings;
        Ok(Self {
            limits: Limits::of(settings)?,
            locales: settings.locales.clone(),
            channels: flow.channels(),
            opt_out_scope: settings.opt_out_scope,
            visits,
            reminders,
            sent_days,
        })
    }

    /// Adds what counts towards the caps of more numbers than those of the visits.
    pub(crate) async fn add_sends(
        &mut self,
        tx: &mut Tx,
        practice: PracticeId,
        numbers: &[BlindIndex],
        now: Instant,
    ) -> Result<(), FlowError> {
        let new: Vec<BlindIndex> = numbers.iter().filter(|bix| !self.sent_days.contains_key(*bix)).copied().collect();
        let since = i64::from(day_number(now.utc().date_naive()) - cap::WEEK_DAYS - 1);
        for send in tx.sends_since(practice, &new, since).await? {
            let day =
                i32::try_from(send.send_day).map_err(|_| StoreError::Corrupt { table: "sends", column: "send_day" })?;
            self.sent_days.entry(send.bix).or_default().push(day);
        }
        Ok(())
    }

    /// The reminders that stand for a visit.
    pub(crate) fn reminders(&self, visit: AppointmentId) -> &[PlanReminder] {
        self.reminders.get(&visit).map(Vec::as_slice).unwrap_or_default()
    }

    /// The language a patient is written to: their own if it is offered, else the practice's.
    pub(crate) fn locale(&self, visit: &PlanVisit) -> Locale {
        let own = visit.locale.filter(|locale| self.locales.contains(locale));
        own.or_else(|| self.locales.first().copied()).unwrap_or(Locale::En)
    }

    /// The visits by circle.
    pub(crate) fn groups<'a>(&'a self, open: &'a OpenPractice) -> Vec<Group<'a>> {
        // Each number leads to the circle it was found in; circles that turn out to be one are poured together.
        let mut circle_of: HashMap<BlindIndex, usize> = HashMap::new();
        let mut circles: Vec<Vec<&PlanVisit>> = Vec::new();
        for visit in &self.visits {
            let numbers: Vec<BlindIndex> = self.contacts(visit).map(|contact| contact.bix).collect();
            let mut known: Vec<usize> = numbers.iter().filter_map(|bix| circle_of.get(bix).copied()).collect();
            known.sort_unstable();
            known.dedup();
            let circle = known.first().copied().unwrap_or(circles.len());
            if circle == circles.len() {
                circles.push(Vec::new());
            }
            for other in known.iter().skip(1) {
                let poured = circles.get_mut(*other).map(std::mem::take).unwrap_or_default();
                let moved = poured.iter().flat_map(|row| self.contacts(row)).map(|contact| contact.bix);
                circle_of.extend(moved.map(|bix| (bix, circle)));
                if let Some(rows) = circles.get_mut(circle) {
                    rows.extend(poured);
                }
            }
            circle_of.extend(numbers.into_iter().map(|bix| (bix, circle)));
            if let Some(rows) = circles.get_mut(circle) {
                rows.push(visit);
            }
        }
        circles.retain(|rows| !rows.is_empty());
        circles.into_iter().map(|rows| self.group(open, rows)).collect()
    }

    /// Decides about one circle.
    pub(crate) fn schedule(&self, group: &Group<'_>, now: Instant) -> Outcome {
        schedule(&group.circle, self.limits, now)
    }

    /// The numbers and addresses of a visit's patient that something could carry messages to.
    fn contacts<'a>(&'a self, visit: &'a PlanVisit) -> impl Iterator<Item = &'a PlanContact> {
        visit.contacts.iter().filter(|contact| self.channels.contains(&contact.channel))
    }

    /// Hours for a number: the practice's, narrowed to those of its place.
    fn hours(&self, contact: &PlanContact) -> Hours {
        let places = contact.area_zones.iter().flat_map(|text| places_from_text(text));
        self.limits.window.for_places(places)
    }

    fn group<'a>(&'a self, open: &'a OpenPractice, mut rows: Vec<&'a PlanVisit>) -> Group<'a> {
        rows.sort_by_key(|row| (row.start, row.id));
        let mut index_of: HashMap<BlindIndex, usize> = HashMap::new();
        let mut numbers: Vec<Number> = Vec::new();
        for row in &rows {
            for contact in self.contacts(row) {
                let index = *index_of.entry(contact.bix).or_insert_with(|| {
                    let sent_days = self.sent_days.get(&contact.bix).cloned().unwrap_or_default();
                    let (channel, hours) = (contact.channel, Some(self.hours(contact)));
                    numbers.push(Number { channel, zones: Vec::new(), hours, sent_days });
                    numbers.len() - 1
                });
                let Some(number) = numbers.get_mut(index) else { continue };
                for zone in zones_of(open, row, contact) {
                    if !number.zones.contains(&zone) {
                        number.zones.push(zone);
                    }
                }
            }
        }
        let mut patients: HashMap<PatientId, usize> = HashMap::new();
        let visits = rows
            .iter()
            .map(|row| {
                let next = patients.len();
                let patient = *patients.entry(row.patient).or_insert(next);
                let rung = |contact: &PlanContact| {
                    let number = *index_of.get(&contact.bix)?;
                    Some(Rung { channel: contact.channel, number, reach: reach(contact) })
                };
                let rungs = self.contacts(row).filter_map(rung).collect();
                self.visit(open, row, patient, Ladder::new(row.channel, rungs, self.opt_out_scope))
            })
            .collect();
        Group { circle: Circle { numbers, visits }, rows }
    }

    fn visit<'a>(&'a self, open: &'a OpenPractice, row: &PlanVisit, patient: usize, ladder: Ladder) -> Visit<'a> {
        static NOTHING: std::sync::LazyLock<Plan> = std::sync::LazyLock::new(Plan::default);
        let change = row.change_notice.as_deref().and_then(|word| word.parse::<Change>().ok());
        Visit {
            patient,
            start: row.start,
            zone: location_zone(open, row),
            known_at: row.known_at,
            booked_at: row.booked_at,
            status: row.status,
            answer: row.answer,
            held: row.held,
            muted: row.muted,
            revision: row.revision,
            practitioner_revision: row.practitioner_revision,
            change,
            ladder,
            plan: open.plan_of(row.visit_type).map_or(&*NOTHING, |found| &found.plan),
            known: self.reminders(row.id).iter().map(known).collect(),
        }
    }
}

/// Whether a number or address may be used, and if not, why.
fn reach(contact: &PlanContact) -> Result<(), SkipReason> {
    if contact.suspended.is_some() {
        return Err(SkipReason::NumberSuspended);
    }
    match contact.consent.as_deref().and_then(|act| act.parse::<ConsentAct>().ok()) {
        Some(act) if act.allows() => Ok(()),
        Some(ConsentAct::Withdrawn) => Err(SkipReason::OptedOut),
        _ => Err(SkipReason::NoConsent),
    }
}

fn location_zone(open: &OpenPractice, row: &PlanVisit) -> Tz {
    open.location(row.location).map_or(open.practice.time_zone, |found| found.location.time_zone)
}

/// Zones whose hours bind for a number or address, by one visit of its patient.
fn zones_of(open: &OpenPractice, row: &PlanVisit, contact: &PlanContact) -> Vec<Tz> {
    let own = row.patient_zone.as_deref().and_then(|name| name.parse().ok());
    let area = contact.area_zones.as_deref().map(zones_from_text);
    candidate_zones(own, &area.unwrap_or_default(), location_zone(open, row))
}

fn known(row: &PlanReminder) -> Known {
    let progress = match (row.said_at, row.state) {
        (Some(at), _) => Progress::Said(at),
        (None, ReminderState::Sent) => Progress::Said(row.due_at),
        (None, ReminderState::Planned) => Progress::Waiting,
        (None, ReminderState::Skipped | ReminderState::Superseded | ReminderState::Held) => Progress::Open,
    };
    Known { step: row.step, revision: row.revision, channel: row.channel, due_at: row.due_at, progress }
}

/// The revision that a reminder of a step is made for.
pub(crate) fn revision_of(row: &PlanVisit, step: StepKey) -> i64 {
    if step == StepKey::Practitioner { row.practitioner_revision } else { row.revision }
}
