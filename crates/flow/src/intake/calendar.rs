//! Which calendar a file is of: by its header, or else by its visits.
//!
//! A program that exports one more column, or calls one by another name, writes another header. Were that another calendar, every
//! visit of it would stand twice. So the visits of a file with a header that is new are looked for in the calendars that are known
//! ([ADR 29](../../../../docs/adr/0029-a-new-header-is-not-a-new-calendar.md)).

use super::Run;
use super::diff::{Fields, Last, Says};
use super::said::Resolved;
use crate::consent::ConsentChoice;
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::private::SaidCol;
use kept_domain::{BlindIndex, Instant, SourceId};
use kept_intake::{Field, Mapping, Reading, SourceVisit, sorted_words};
use kept_seal::{Blind, Place};
use kept_store::{KnownVisit, Layout, Scope};
use std::collections::{BTreeSet, HashMap};

/// More than this share of a file's visits must be known to a calendar by their keys, in percent, and of these more than this share
/// must have the start and the patient that it said last: two calendars may both count from 1. Visits before the first or after the
/// last one that the calendar knows do not count: an export of the coming weeks reaches further each time.
pub const MOST_PERCENT: usize = 50;

/// Visits of a file that are looked up, spread over it.
const SAMPLE: usize = 1_000;
/// The same over all calendars, where a practice has many.
const LOOKED_UP: usize = 10_000;
/// Never fewer than these.
const LEAST: usize = 100;

/// The calendar that a file is of.
pub(super) struct Calendar {
    pub(super) source: SourceId,
    /// What was chosen for the numbers it says nothing of.
    pub(super) consent: Option<ConsentChoice>,
    /// The file's header is new.
    pub(super) is_new_layout: bool,
    /// Its files had other headers too.
    pub(super) has_other_layouts: bool,
}

/// A visit that is looked up.
struct Probe<'a> {
    key: BlindIndex,
    start: Instant,
    visit: &'a SourceVisit,
}

/// What a calendar knows of the visits.
#[derive(Default)]
struct Tally {
    known: usize,
    same: usize,
}

impl Flow {
    /// The calendar of a file, if it is known by its header or by its visits. `layouts` are those of the practice.
    pub(super) async fn calendar_of(
        &self,
        practice: &OpenPractice,
        layouts: &[Layout],
        header: BlindIndex,
        reading: Option<&Reading>,
    ) -> Result<Option<Calendar>, FlowError> {
        let by_header = layouts.iter().find(|layout| layout.header == header).map(|layout| layout.source);
        let source = match (by_header, reading) {
            (None, Some(reading)) => self.known_calendar(practice, layouts, reading).await?,
            (source, _) => source,
        };
        let Some(source) = source else { return Ok(None) };
        let own = || layouts.iter().filter(|layout| layout.source == source);
        Ok(Some(Calendar {
            source,
            consent: own().find_map(|layout| layout.consent.as_deref()?.parse().ok()),
            is_new_layout: by_header.is_none(),
            has_other_layouts: own().any(|layout| layout.header != header),
        }))
    }

    /// The calendar that most visits of a file are in already.
    async fn known_calendar(
        &self,
        practice: &OpenPractice,
        layouts: &[Layout],
        reading: &Reading,
    ) -> Result<Option<SourceId>, FlowError> {
        let sources: Vec<SourceId> =
            layouts.iter().map(|layout| layout.source).collect::<BTreeSet<_>>().into_iter().collect();
        if sources.is_empty() || reading.visits.is_empty() {
            return Ok(None);
        }
        let id = practice.practice.id;
        let probes = probes(practice, reading, (LOOKED_UP / sources.len()).clamp(LEAST, SAMPLE));
        let by_key: HashMap<BlindIndex, &Probe<'_>> = probes.iter().map(|probe| (probe.key, probe)).collect();
        let keys: Vec<BlindIndex> = by_key.keys().copied().collect();
        let mut tx = self.store.read_batch(Scope::Practice(id)).await?;
        let rows = tx.rows_by_key(id, &sources, &keys).await?;
        let spans = tx.source_spans(id, &sources).await?;
        drop(tx);
        let mut tallies: HashMap<SourceId, Tally> = HashMap::new();
        for row in rows {
            let Some(probe) = by_key.get(&row.key_bix) else { continue };
            let place = Place::new(row.row, row.row_rev);
            let said = practice.keys.open::<SaidCol>(&practice.salt, place, &row.said)?.fields;
            let tally = tallies.entry(row.source).or_default();
            tally.known += 1;
            tally.same += usize::from(is_same(probe, &said));
        }
        let is_it = |(source, tally): &(SourceId, Tally)| {
            let Some(span) = spans.iter().find(|span| span.source == *source) else { return false };
            let within = by_key.values().filter(|probe| (span.first..=span.last).contains(&probe.start)).count();
            // A visit that moved out of the span is known all the same.
            let all = within.max(tally.known);
            let most = |some: usize, all: usize| some * 100 > all * MOST_PERCENT;
            most(tally.known, all) && most(tally.same, tally.known)
        };
        let found = tallies.into_iter().filter(is_it).max_by_key(|(source, tally)| (tally.same, *source));
        Ok(found.map(|(source, _)| source))
    }
}

/// Visits of a file, spread over it, with their starts as an import would take them.
fn probes<'a>(practice: &OpenPractice, reading: &'a Reading, at_most: usize) -> Vec<Probe<'a>> {
    let visits = &reading.visits;
    let some = visits.iter().step_by(visits.len().div_ceil(at_most));
    let probe = |visit: &'a SourceVisit| {
        let wanted = visit.location.as_deref().map(|name| name.trim().to_lowercase());
        let named = practice.locations.iter().find(|open| Some(open.location.name.trim().to_lowercase()) == wanted);
        let zone =
            named.or(practice.locations.first()).map_or(practice.practice.time_zone, |open| open.location.time_zone);
        let key = practice.keys.blind(Blind::AppointmentKey, visit.key.as_str());
        Probe { key, start: visit.starts_at.resolve(zone), visit }
    };
    some.map(probe).collect()
}

/// Whether a row is the same visit: its start and its patient, for one alone may agree by chance. Ids of patients count from 1 too,
/// so they say something only where there are no names.
fn is_same(probe: &Probe<'_>, said: &Fields) -> bool {
    let visit = probe.visit;
    let start = said.get("start").and_then(|ms| ms.parse().ok()).map(Instant::from_ms);
    let same_name = match (said.get("name"), &visit.name) {
        (Some(was), Some(is)) => is_part_of(was, is) || is_part_of(is, was),
        _ => said.get("patient").is_some_and(|patient| patient == visit.patient.as_str()),
    };
    let birth_date = visit.birth_date.map(|day| day.to_string());
    let same_birth_date = birth_date.is_some() && said.get("birth_date") == birth_date.as_ref();
    let number = visit.phone.as_deref().map(digits).filter(|number| !number.is_empty());
    let same_number = number.is_some() && said.get("phone").map(|phone| digits(phone)) == number;
    start == Some(probe.start) && (same_name || same_birth_date || same_number)
}

/// Whether one name has all words of the other: a layout may leave a middle name out.
fn is_part_of(some: &str, all: &str) -> bool {
    let (some, all) = (sorted_words(some), sorted_words(all));
    let all: Vec<&str> = all.split(' ').collect();
    !some.is_empty() && some.split(' ').all(|word| all.contains(&word))
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

fn is_same_name(visit: &SourceVisit, said: &Fields) -> bool {
    let words = |name: &String| sorted_words(name);
    said.get("name").map(words).is_some_and(|was| !was.is_empty() && visit.name.as_ref().map(words) == Some(was))
}

impl Run<'_> {
    /// What a row says, with what it said last of all that the file does not speak of. A patient without an id is the one that the row
    /// had, if the name is the same.
    pub(super) fn says_with(&self, row: &Resolved<'_>, last: &Fields) -> Fields {
        let mut says = row.fields();
        let same_person = row.visit.name.is_none() || is_same_name(row.visit, last);
        let unspoken = self.unspoken.iter().filter(|name| **name != "patient" || same_person);
        let kept = unspoken.filter_map(|name| last.get_key_value(*name));
        says.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        says
    }

    /// The same for what a row means: where the file does not speak of it, as it was said last or as it stands.
    pub(super) fn fill_in(&self, says: &mut Says, last: &Fields, said_last: &Last, known: &KnownVisit) {
        if self.unspoken.contains("status") {
            says.status = said_last.status;
        }
        if self.unspoken.contains("location") {
            says.location = known.location;
        }
        if self.unspoken.contains("minutes") {
            let minutes = last.get("minutes").and_then(|text| text.parse().ok());
            says.end = minutes.map(|minutes| says.start + chrono::Duration::minutes(minutes));
        }
    }
}

/// What of a row no column of the file speaks of, by the names that [`super::said`] keeps it under.
pub(super) fn unspoken(mapping: &Mapping) -> BTreeSet<&'static str> {
    use Field::{
        Action, AppointmentId, Arrived, BirthDate, BookedAt, Bring, CancelledAt, ConsentEmail, ConsentSms, DeletedAt,
        DidNotArrive, DurationMin, Email, EndsAt, FamilyName, GivenName, Language, Location, PatientId, PatientName,
        Phone, Practitioner, Status, VisitType,
    };
    const NAME: &[Field] = &[PatientName, GivenName, FamilyName];
    const SPEAK: &[(&str, &[Field])] = &[
        ("appointment_id", &[AppointmentId]),
        ("patient", &[PatientId]),
        ("name", NAME),
        ("given", NAME),
        ("family", NAME),
        ("phone", &[Phone]),
        ("email", &[Email]),
        ("practitioner", &[Practitioner]),
        ("location", &[Location]),
        ("visit_type", &[VisitType]),
        ("bring", &[Bring]),
        ("birth_date", &[BirthDate]),
        ("minutes", &[DurationMin, EndsAt]),
        ("booked_at", &[BookedAt]),
        ("cancelled_at", &[CancelledAt]),
        ("language", &[Language]),
        ("status", &[Status, CancelledAt, DeletedAt, DidNotArrive, Arrived, Action]),
        ("cancelled_late", &[Status]),
        ("consent", &[ConsentSms]),
        ("consent_email", &[ConsentEmail]),
    ];
    let mapped = |field: &Field| mapping.columns().iter().any(|(mapped, _)| mapped == field);
    SPEAK.iter().filter(|(_, fields)| !fields.iter().any(mapped)).map(|(name, _)| *name).collect()
}
