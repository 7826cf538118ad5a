//! The rows of a batch, as the rules want to see them: by number.

use crate::consent::ConsentAct;
use crate::{FlowError, OpenPractice};
use chrono_tz::Tz;
use kept_domain::plan::{Plan, StepKey};
use kept_domain::schedule::{Change, Known, Limits, Number, Outcome, Progress, Visit, schedule};
use kept_domain::time::day_number;
use kept_domain::zone::{candidate_zones, zones_from_text};
use kept_domain::{AppointmentId, BlindIndex, Instant, Locale, ReminderState, SkipReason, cap};
use kept_store::{PlanReminder, PlanVisit, StoreError, Tx};
use std::collections::{BTreeMap, HashMap};

/// All that is known about a batch of visits.
pub(crate) struct Facts {
    limits: Limits<'static>,
    /// Languages offered, the practice's own first.
    locales: Vec<Locale>,
    /// By start, so that the same rows always give the same groups.
    pub(crate) visits: Vec<PlanVisit>,
    reminders: HashMap<AppointmentId, Vec<PlanReminder>>,
    sent_days: HashMap<BlindIndex, Vec<i32>>,
}

/// The visits of one number, or one visit of a patient without a number.
pub(crate) struct Group<'a> {
    /// What the rules look at.
    pub(crate) number: Number<'a>,
    /// The rows behind `number.visits`, in the same order.
    pub(crate) rows: Vec<&'a PlanVisit>,
}

impl Facts {
    pub(crate) async fn read(
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
            visits.iter().filter_map(|visit| Some(visit.contact.as_ref()?.bix)).collect();
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
        let limits = Limits::of(&open.practice.settings)?;
        Ok(Self { limits, locales: open.practice.settings.locales.clone(), visits, reminders, sent_days })
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

    /// The visits by number.
    pub(crate) fn groups<'a>(&'a self, open: &'a OpenPractice) -> Vec<Group<'a>> {
        let mut by_number: BTreeMap<BlindIndex, Vec<&PlanVisit>> = BTreeMap::new();
        let mut groups = Vec::new();
        for visit in &self.visits {
            match &visit.contact {
                Some(contact) => by_number.entry(contact.bix).or_default().push(visit),
                None => groups.push(self.group(open, vec![visit], None)),
            }
        }
        groups.extend(by_number.into_iter().map(|(bix, rows)| self.group(open, rows, Some(bix))));
        groups
    }

    /// Decides about one number.
    pub(crate) fn schedule(&self, group: &Group<'_>, now: Instant) -> Outcome {
        schedule(&group.number, self.limits, now)
    }

    fn group<'a>(&'a self, open: &'a OpenPractice, rows: Vec<&'a PlanVisit>, bix: Option<BlindIndex>) -> Group<'a> {
        let mut zones: Vec<Tz> = Vec::new();
        for row in rows.iter().filter(|row| row.contact.is_some()) {
            for zone in zones_of(open, row) {
                if !zones.contains(&zone) {
                    zones.push(zone);
                }
            }
        }
        let sent_days = bix.and_then(|bix| self.sent_days.get(&bix)).cloned().unwrap_or_default();
        let visits = rows.iter().map(|row| self.visit(open, row)).collect();
        Group { number: Number { zones, sent_days, visits }, rows }
    }

    fn visit<'a>(&'a self, open: &'a OpenPractice, row: &PlanVisit) -> Visit<'a> {
        static NOTHING: std::sync::LazyLock<Plan> = std::sync::LazyLock::new(Plan::default);
        let change = match row.change_notice.as_deref() {
            Some("moved") => Some(Change::Moved),
            Some("practitioner") => Some(Change::Practitioner),
            _ => None,
        };
        Visit {
            start: row.start,
            zone: location_zone(open, row),
            known_at: row.known_at,
            booked_at: row.booked_at,
            status: row.status,
            answer: row.answer,
            held: row.held,
            revision: row.revision,
            practitioner_revision: row.practitioner_revision,
            change,
            reach: reach(row),
            plan: open.plan_of(row.visit_type).map_or(&*NOTHING, |found| &found.plan),
            known: self.reminders(row.id).iter().map(known).collect(),
        }
    }
}

/// Whether the patient can be reached, and if not, why.
fn reach(row: &PlanVisit) -> Result<(), SkipReason> {
    let contact = row.contact.as_ref().ok_or(SkipReason::NoNumber)?;
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

/// Zones whose hours bind for a visit's number.
fn zones_of(open: &OpenPractice, row: &PlanVisit) -> Vec<Tz> {
    let own = row.patient_zone.as_deref().and_then(|name| name.parse().ok());
    let area = row.contact.as_ref().and_then(|contact| contact.area_zones.as_deref()).map(zones_from_text);
    candidate_zones(own, &area.unwrap_or_default(), location_zone(open, row))
}

fn known(row: &PlanReminder) -> Known {
    let progress = match (row.said_at, row.state) {
        (Some(at), _) => Progress::Said(at),
        (None, ReminderState::Sent) => Progress::Said(row.due_at),
        (None, ReminderState::Planned) => Progress::Waiting,
        (None, ReminderState::Skipped | ReminderState::Superseded | ReminderState::Held) => Progress::Open,
    };
    Known { step: row.step, revision: row.revision, due_at: row.due_at, progress }
}

/// The revision that a reminder of a step is made for.
pub(crate) fn revision_of(row: &PlanVisit, step: StepKey) -> i64 {
    if step == StepKey::Practitioner { row.practitioner_revision } else { row.revision }
}
