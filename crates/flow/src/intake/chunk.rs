//! Some rows at a time: look up, compare, seal, write.

use super::diff::{self, Here, Last, Says};
use super::forecast::Found;
use super::names::Names;
use super::numbers::Numbers;
use super::outcome::{ImportProblem, RowClass, RowDetail};
use super::people::{Had, People, PeopleWork};
use super::said::{self, Resolved, label};
use super::{CHUNK_ROWS, Opened, Run};
use crate::plan::COUNT_BEFORE_CHUNKS;
use crate::{FlowError, OpenPractice};
use kept_domain::practice::Location;
use kept_domain::private::{AppointmentCol, AppointmentPrivate, SaidCol, SaidPrivate};
use kept_domain::time::day_number;
use kept_domain::{AppointmentId, AppointmentStatus, BlindIndex, Channel, ContentMac, Instant, PatientId, Salt};
use kept_intake::{Action, SourceVisit};
use kept_seal::{Blind, Place};
use kept_store::{ChangedRow, ChangedVisit, KnownVisit, NewRow, NewVisit, Scope, StoreError};
use std::collections::{BTreeSet, HashMap};

/// How often a chunk is done again because somebody changed its visits meanwhile.
const ATTEMPTS: usize = 5;

/// New visits after which the engine counts its rows anew.
const COUNT_AFTER_ROWS: u64 = 2_000;

/// A row, with what it takes to compare it.
struct Item<'a> {
    said: Resolved<'a>,
    location: &'a Location,
    key: BlindIndex,
    patient: BlindIndex,
    mac: ContentMac,
    has_number: bool,
}

/// What a chunk comes to.
#[derive(Default)]
struct Work {
    people: PeopleWork,
    visits: Vec<NewVisit>,
    rows: Vec<NewRow>,
    changed: Vec<ChangedVisit>,
    changed_rows: Vec<ChangedRow>,
    days: BTreeSet<i64>,
    moved: Vec<AppointmentId>,
    details: Vec<RowDetail>,
    consented: Vec<(Channel, BlindIndex)>,
    unchanged: u64,
}

impl Work {
    fn is_idle(&self) -> bool {
        self.rows.is_empty() && self.changed_rows.is_empty()
    }
}

impl Run<'_> {
    /// All rows of the file.
    pub(super) async fn visits(
        &mut self,
        opened: &Opened,
        progress: Option<&(dyn Fn(u64, u64) + Send + Sync)>,
    ) -> Result<(), FlowError> {
        let visits = &opened.reading.visits;
        let practice = self.practice;
        let locations: Vec<Location> = practice.locations.iter().map(|open| open.location.clone()).collect();
        let mut names = Names::kept(self.flow, practice, visits, self.writes).await?;
        let mut numbers = Numbers::new(&practice.keys, &practice.practice.settings.country);
        let mut done = 0_u64;
        for (index, some) in visits.chunks(CHUNK_ROWS).enumerate() {
            if self.writes && COUNT_BEFORE_CHUNKS.contains(&index) {
                self.flow.count_tables().await?;
            }
            let items = self.items(some, &locations, &mut names, &mut numbers)?;
            self.chunk(&items, &names, &mut numbers).await?;
            done += some.len() as u64;
            if let Some(progress) = progress {
                progress(done, visits.len() as u64);
            }
            // Opening and sealing keeps the thread; others may have waited.
            tokio::task::yield_now().await;
        }
        if self.writes && self.outcome.counts.new >= COUNT_AFTER_ROWS {
            // The desk's pages plan by what the engine believes of the tables, which were small a moment ago.
            self.flow.count_tables().await?;
        }
        for (name, count) in &names.unknown_locations {
            let first = locations.first().map_or_else(String::new, |location| location.name.clone());
            let problem = ImportProblem::UnknownLocation { name: name.clone(), count: *count, first };
            self.outcome.problems.push(problem);
        }
        Ok(())
    }

    fn items<'a>(
        &mut self,
        visits: &'a [SourceVisit],
        locations: &'a [Location],
        names: &mut Names,
        numbers: &mut Numbers<'_>,
    ) -> Result<Vec<Item<'a>>, FlowError> {
        let keys = &self.practice.keys;
        let mails = self.flow.channels().contains(&Channel::Email);
        let mut items = Vec::with_capacity(visits.len());
        let mut bytes = Vec::new();
        for visit in visits {
            let location = names
                .location(locations, visit.location.as_deref())
                .ok_or(FlowError::NotFound { what: "location of the practice" })?;
            let zone = location.time_zone;
            let said = Resolved {
                visit,
                start: visit.starts_at.resolve(zone),
                booked_at: visit.booked_at.map(|moment| moment.resolve(zone)),
                cancelled_at: visit.cancelled_at.map(|moment| moment.resolve(zone)),
            };
            said.canonical(&mut bytes);
            let number = visit.phone.as_deref().and_then(|raw| numbers.read(raw)).map(|number| number.bix);
            let address = visit.email.as_deref().and_then(|raw| numbers.address(raw)).map(|address| address.bix);
            if let (Some(bix), Action::Upsert) = (number, visit.action) {
                self.wishes.add(Channel::Sms, bix, visit.consent_sms);
            }
            // Who said No to texts has not agreed to mail by what somebody declares for everybody.
            let unsaid = visit.consent_email.is_none() && visit.consent_sms == Some(false);
            if let (Some(bix), Action::Upsert, false) = (address, visit.action, unsaid) {
                self.wishes.add(Channel::Email, bix, visit.consent_email);
            }
            let by_mail = mails && address.is_some();
            self.outcome.without_number += u64::from(number.is_none() && !by_mail);
            items.push(Item {
                said,
                location,
                key: keys.blind(Blind::AppointmentKey, visit.key.as_str()),
                patient: keys.blind(Blind::PatientKey, visit.patient.as_str()),
                mac: keys.content_mac(&bytes),
                has_number: number.is_some(),
            });
        }
        Ok(items)
    }

    async fn chunk(&mut self, items: &[Item<'_>], names: &Names, numbers: &mut Numbers<'_>) -> Result<(), FlowError> {
        for _ in 0..ATTEMPTS {
            let work = self.prepare(items, names, numbers).await?;
            if !self.writes || work.is_idle() || self.write(&work).await? {
                if let Some(draft) = &mut self.draft {
                    let changed = work.people.changed.iter().map(|person| (person.id, person.locale));
                    let new = work.people.new.iter().map(|person| (person.id, person.locale));
                    let found = Found {
                        patients: &work.people.known,
                        locales: new.chain(changed).collect(),
                        contacts: &work.people.contacts,
                        order: &work.people.order,
                        new: &work.visits,
                        changed: &work.changed,
                        details: &work.details,
                    };
                    draft.take(&found, self.now);
                }
                self.outcome.counts.new += work.rows.len() as u64;
                self.outcome.counts.changed += work.changed.len() as u64;
                self.outcome.counts.unchanged += work.unchanged;
                for (channel, bix) in work.consented {
                    self.wishes.changed_to_yes(channel, bix);
                }
                for detail in work.details {
                    self.outcome.describe(detail);
                }
                return Ok(());
            }
        }
        Err(StoreError::Changed { table: "source_rows", row: self.source.to_string() }.into())
    }

    async fn prepare(&self, items: &[Item<'_>], names: &Names, numbers: &mut Numbers<'_>) -> Result<Work, FlowError> {
        let practice = self.id();
        let mut work = Work::default();
        let all: Vec<BlindIndex> = items.iter().map(|item| item.key).collect();
        let mut tx = self.flow.store.read_batch(Scope::Practice(practice)).await?;
        let marks = tx.row_marks(practice, self.source, &all).await?;
        let marks: HashMap<BlindIndex, _> = marks.into_iter().map(|mark| (mark.key_bix, mark)).collect();
        let mut new = Vec::new();
        let mut touched = Vec::new();
        for item in items {
            match marks.get(&item.key) {
                None => new.push(item),
                Some(mark) if mark.content_mac == item.mac && !mark.vanished => work.unchanged += 1,
                Some(_) => touched.push(item),
            }
        }
        if new.is_empty() && touched.is_empty() {
            return Ok(work);
        }
        let keys: Vec<BlindIndex> = touched.iter().map(|item| item.key).collect();
        let known = tx.visits_of_rows(practice, self.source, &keys).await?;
        let mut known: HashMap<BlindIndex, KnownVisit> =
            known.into_iter().map(|visit| (visit.key_bix, visit)).collect();
        let mut people = People::new();
        let mut before = Vec::with_capacity(touched.len());
        for item in touched {
            let Some(visit) = known.remove(&item.key) else { continue };
            let place = Place::new(visit.row, visit.row_rev);
            let last = self.practice.keys.open::<SaidCol>(&self.practice.salt, place, &visit.said)?.fields;
            let had = |name| last.contains_key(name) && !self.unspoken.contains(name);
            let had = Had { number: had("phone"), address: had("email") };
            people.add(self.patient_key(&self.says_with(&item.said, &last)), &item.said, numbers, had);
            before.push((item, visit, last));
        }
        for item in &new {
            people.add(item.patient, &item.said, numbers, Had::default());
        }
        if !people.is_empty() {
            work.people = people.resolve(self.flow, &mut tx, practice, &self.practice.keys).await?;
        }
        drop(tx);
        for item in new {
            self.add_visit(&mut work, item, names)?;
        }
        for (item, visit, last) in before {
            self.change_visit(&mut work, item, visit, &last, names, numbers)?;
        }
        Ok(work)
    }

    /// Of the patient that a row names.
    fn patient_key(&self, says: &diff::Fields) -> BlindIndex {
        self.practice.keys.blind(Blind::PatientKey, says.get("patient").map_or("", String::as_str))
    }

    fn says(&self, item: &Item<'_>, names: &Names) -> Says {
        let visit = item.said.visit;
        let status = said::status(visit).unwrap_or(AppointmentStatus::Booked);
        let start = item.said.start;
        // An hour before is as good as any moment within 24 hours; it is only asked whether it was late.
        let late = visit.cancelled_late.then(|| (start - chrono::Duration::hours(1)).min(self.now));
        Says {
            start,
            end: visit.minutes.map(|minutes| start + chrono::Duration::minutes(minutes)),
            local_day: i64::from(day_number(start.local_day(item.location.time_zone))),
            location: item.location.id,
            practitioner: names.practitioner(visit.practitioner.as_deref()),
            visit_type: names.visit_type(visit.visit_type.as_deref()),
            booked_at: item.said.booked_at,
            status,
            status_at: item.said.cancelled_at.or(late),
            by_patient: visit.cancelled_late,
        }
    }

    fn add_visit(&self, work: &mut Work, item: &Item<'_>, names: &Names) -> Result<(), FlowError> {
        let says = self.says(item, names);
        let (patient, salt) = person(&work.people, item.patient)?;
        let id: AppointmentId = self.flow.new_id();
        let (outcome_by, cancelled_by) = diff::marks(says.status, says.by_patient);
        work.visits.push(NewVisit {
            id,
            patient,
            practitioner: says.practitioner,
            location: says.location,
            visit_type: says.visit_type,
            start: says.start,
            end: says.end,
            local_day: says.local_day,
            booked_at: says.booked_at,
            status: says.status,
            status_at: says.status_at.unwrap_or(self.now),
            outcome_by,
            cancelled_by,
            private: self.practice.keys.seal::<AppointmentCol>(&salt, Place::new(id, 1), &private(item))?,
        });
        let row = self.flow.ids.next(self.now);
        let fields = SaidPrivate { fields: item.said.fields() };
        work.rows.push(NewRow {
            id: row,
            key_bix: item.key,
            appointment: id,
            content_mac: item.mac,
            said: self.practice.keys.seal::<SaidCol>(&self.practice.salt, Place::new(row, 1), &fields)?,
            said_start: item.said.start,
        });
        work.days.insert(says.local_day);
        work.details.push(detail(self.practice, item, RowClass::New, Vec::new(), false));
        Ok(())
    }

    fn change_visit(
        &self,
        work: &mut Work,
        item: &Item<'_>,
        known: KnownVisit,
        last: &diff::Fields,
        names: &Names,
        numbers: &mut Numbers<'_>,
    ) -> Result<(), FlowError> {
        let now_says = self.says_with(&item.said, last);
        let patient = self.patient_key(&now_says);
        let changed = diff::changed_fields(last, &now_says);
        let private = AppointmentPrivate {
            external_id: now_says.get("appointment_id").cloned(),
            bring: now_says.get("bring").cloned(),
        };
        let said = SaidPrivate { fields: now_says };
        let place = Place::new(known.row, known.row_rev + 1);
        work.changed_rows.push(ChangedRow {
            key_bix: item.key,
            was_rev: known.row_rev,
            content_mac: item.mac,
            said: self.practice.keys.seal::<SaidCol>(&self.practice.salt, place, &said)?,
            said_start: item.said.start,
        });
        if changed.is_empty() && !known.vanished {
            // The same in other columns.
            work.unchanged += 1;
            return Ok(());
        }
        let said_last = Last {
            start: last.get("start").and_then(|ms| ms.parse().ok()).map_or(known.start, Instant::from_ms),
            status: last.get("status").and_then(|word| word.parse().ok()).unwrap_or(AppointmentStatus::Booked),
            vanished: known.vanished,
        };
        let mut says = self.says(item, names);
        self.fill_in(&mut says, last, &said_last, &known);
        let next = diff::merge(&here(&known), &says, &changed, &said_last, self.now);
        let (patient, salt) = person(&work.people, patient)?;
        work.days.extend([known.local_day, next.local_day]);
        // Another number or address, another person, another time: a link that went out before opens nothing any more.
        let elsewhere = changed.contains("phone") || changed.contains("email");
        if next.revision != known.revision || patient != known.patient || elsewhere {
            work.moved.push(known.id);
        }
        if last.get("consent").map(String::as_str) == Some("no")
            && item.said.visit.consent_sms == Some(true)
            && let Some(number) = item.said.visit.phone.as_deref().and_then(|raw| numbers.read(raw))
        {
            work.consented.push((Channel::Sms, number.bix));
        }
        if last.get("consent_email").map(String::as_str) == Some("no")
            && item.said.visit.consent_email == Some(true)
            && let Some(address) = item.said.visit.email.as_deref().and_then(|raw| numbers.address(raw))
        {
            work.consented.push((Channel::Email, address.bix));
        }
        let fields: BTreeSet<&'static str> = changed.iter().map(|field| label(field)).collect();
        let conflict = next.held.as_deref() == Some("conflict");
        work.details.push(detail(self.practice, item, RowClass::Changed, fields.into_iter().collect(), conflict));
        let rev = known.rev + 1;
        let sealed = self.practice.keys.seal::<AppointmentCol>(&salt, Place::new(known.id, rev), &private)?;
        work.changed.push(ChangedVisit {
            was_rev: known.rev,
            was_status: known.status,
            was_answer: known.answer,
            was_revision: known.revision,
            was_held: known.held.clone(),
            was_to_enter: known.to_enter.clone(),
            now: KnownVisit {
                patient,
                patient_salt: salt,
                private: sealed,
                rev,
                start: next.start,
                end: next.end,
                local_day: next.local_day,
                location: next.location,
                practitioner: next.practitioner,
                visit_type: next.visit_type,
                booked_at: next.booked_at,
                status: next.status,
                status_at: next.status_at,
                outcome_by: next.outcome_by,
                answer: next.answer,
                cancelled_by: next.cancelled_by,
                revision: next.revision,
                practitioner_revision: next.practitioner_revision,
                held: next.held,
                to_enter: next.to_enter,
                change_notice: next.change_notice,
                ..known
            },
        });
        Ok(())
    }

    /// Writes a chunk, if everything still stands as it was read. Otherwise nothing is written, and it is to be done again.
    async fn write(&self, work: &Work) -> Result<bool, FlowError> {
        let practice = self.id();
        let mut tx = self.flow.store.begin_batch(Scope::Practice(practice)).await?;
        let people = &work.people;
        // First, and alone: numbers of a patient whom somebody else has just added under another id would have nobody to belong to.
        if tx.insert_patients(practice, &people.new, self.now).await? != people.new.len() as u64 {
            tx.rollback().await?;
            return Ok(false);
        }
        let written = [
            (tx.update_patients(practice, &people.changed).await?, people.changed.len()),
            (tx.insert_contacts(practice, &people.contacts).await?, people.contacts.len()),
            (tx.order_contacts(practice, &people.order).await?, people.order.len()),
            (tx.insert_source_rows(practice, self.source, self.import, &work.rows).await?, work.rows.len()),
            (
                tx.update_source_rows(practice, self.source, self.import, &work.changed_rows).await?,
                work.changed_rows.len(),
            ),
        ];
        if written.iter().any(|(done, wanted)| *done != *wanted as u64) {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.insert_visits(practice, self.source, &work.visits, self.now).await?;
        if tx.update_visits(practice, &work.changed).await? != work.changed.len() as u64 {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.revoke_links_of_appointments(practice, &work.moved, "changed", self.now).await?;
        tx.mark_days_dirty(practice, work.days.iter().copied()).await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn person(people: &PeopleWork, key: BlindIndex) -> Result<(PatientId, Salt), FlowError> {
    people.known.get(&key).copied().ok_or(FlowError::NotFound { what: "patient of the row" })
}

fn private(item: &Item<'_>) -> AppointmentPrivate {
    let visit = item.said.visit;
    AppointmentPrivate { external_id: visit.appointment_id.clone(), bring: visit.bring.clone() }
}

/// Where a visit stands, as the diff looks at it.
fn here(known: &KnownVisit) -> Here {
    Here {
        start: known.start,
        end: known.end,
        local_day: known.local_day,
        location: known.location,
        practitioner: known.practitioner,
        visit_type: known.visit_type,
        booked_at: known.booked_at,
        status: known.status,
        status_at: known.status_at,
        outcome_by: known.outcome_by,
        answer: known.answer,
        cancelled_by: known.cancelled_by.clone(),
        revision: known.revision,
        practitioner_revision: known.practitioner_revision,
        held: known.held.clone(),
        to_enter: known.to_enter.clone(),
        change_notice: known.change_notice.clone(),
    }
}

fn detail(
    open: &OpenPractice,
    item: &Item<'_>,
    class: RowClass,
    fields: Vec<&'static str>,
    conflict: bool,
) -> RowDetail {
    let visit = item.said.visit;
    RowDetail {
        class,
        line: Some(visit.line),
        fields,
        name: visit.name.clone(),
        start: open.local(item.said.start, item.location.time_zone),
        practitioner: visit.practitioner.clone(),
        has_number: item.has_number,
        conflict,
    }
}
