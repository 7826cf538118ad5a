//! Rows and a mapping become visits.

use crate::error::FileError;
use crate::field::Field;
use crate::limits::MAX_CELL_BYTES;
use crate::mapping::{DateOrder, Mapping};
use crate::order::{Verdict, Votes};
use crate::problem::{Notes, Problem, ProblemKind};
use crate::reject::{Reason, Reject};
use crate::table::{Origin, Places, Row, Table};
use crate::visit::{Action, Moment, PatientKey, RowKey, SourceVisit};
use crate::when::{self, Parsed, WhenError};
use crate::words;
use chrono::{NaiveDate, TimeZone};
use kept_domain::{AppointmentStatus, Instant};
use std::collections::HashMap;
use std::fmt;

/// What a file says. Prints no cell.
#[derive(Clone)]
pub struct Reading {
    /// The rows that can be used, in file order.
    pub visits: Vec<SourceVisit>,
    /// The others.
    pub rejects: Vec<Reject>,
    /// What to look at.
    pub problems: Vec<Problem>,
    /// Columns that nothing was read from.
    pub unmapped: Vec<String>,
    /// Whether an action column says what to do: then a row that is not there means nothing.
    pub has_actions: bool,
    /// Whether a consent column is mapped.
    pub has_consent: bool,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({} visits, {:?}, {:?})", self.visits.len(), self.rejects, self.problems)
    }
}

/// Reads every row. Bad rows are rejected with a reason; good ones are never stopped by them.
///
/// # Errors
/// Only for what concerns the whole file: a mapped column is missing or there twice, or day and month cannot be told apart.
pub fn read(table: &Table, mapping: &Mapping) -> Result<Reading, FileError> {
    let places = Places::of(table, mapping)?;
    let reader = Reader {
        table,
        mapping,
        last_column: places.last(),
        orders: orders(table, mapping, &places)?,
        serials: matches!(table.origin(), Origin::Sheet { .. }),
        places,
    };
    let mut notes = Notes::default();
    let mut visits: Vec<SourceVisit> = Vec::with_capacity(table.rows().len());
    let mut rejects = Vec::new();
    let mut seen: HashMap<RowKey, usize> = HashMap::with_capacity(table.rows().len());
    let mut day = String::new();
    let has_actions = !reader.places.get(Field::Action).is_empty();
    for row in table.rows() {
        reader.fill_down(row, &mut day);
        let visit = match reader.visit(row, &day, &mut notes) {
            Ok(visit) => visit,
            Err(reason) => {
                rejects.push(reader.reject(row, reason));
                continue;
            }
        };
        match seen.get(&visit.key) {
            // A list of actions is read in order: the last word counts.
            Some(&index) if has_actions => visits[index] = visit,
            Some(&index) => {
                let first_line = visits[index].line;
                rejects.push(reader.reject(row, Reason::Twice { first_line }));
            }
            None => {
                seen.insert(visit.key.clone(), visits.len());
                visits.push(visit);
            }
        }
    }
    let unmapped = table.header().iter().enumerate().filter(|(i, name)| !name.is_empty() && !reader.places.uses(*i));
    Ok(Reading {
        visits,
        rejects,
        problems: notes.into_problems(),
        unmapped: unmapped.map(|(_, name)| name.clone()).collect(),
        has_actions,
        has_consent: [Field::ConsentSms, Field::ConsentEmail]
            .into_iter()
            .any(|field| !reader.places.get(field).is_empty()),
    })
}

/// Fields that hold dates.
const DATES: [Field; 5] = [Field::StartsAt, Field::EndsAt, Field::BirthDate, Field::BookedAt, Field::CancelledAt];

/// Order of day and month per field: the mapping's, else the column's own, else that of the other columns.
fn orders(table: &Table, mapping: &Mapping, places: &Places) -> Result<[DateOrder; Field::COUNT], FileError> {
    let mut orders = [mapping.date_order().unwrap_or(DateOrder::Iso); Field::COUNT];
    if mapping.date_order().is_some() {
        return Ok(orders);
    }
    let mut open = Vec::new();
    let mut decided: Option<DateOrder> = None;
    let mut agree = true;
    for field in DATES {
        let mut votes = Votes::default();
        for row in table.rows() {
            for column in places.get(field) {
                votes.count(row.cell(*column));
            }
        }
        match votes.verdict() {
            Verdict::Order(order) => {
                orders[field as usize] = order;
                agree &= decided.is_none_or(|other| other == order);
                decided = Some(order);
            }
            // The day equals the month wherever both are small, so that either order reads it.
            Verdict::NoMatter => orders[field as usize] = DateOrder::MonthFirst,
            Verdict::Ambiguous(example) => open.push((field, example)),
        }
    }
    for (field, example) in open {
        match decided {
            Some(order) if agree => orders[field as usize] = order,
            _ => {
                let column = places.get(field).first().map(|i| table.header()[*i].clone()).unwrap_or_default();
                return Err(FileError::AmbiguousDates { column, example });
            }
        }
    }
    Ok(orders)
}

struct Reader<'a> {
    table: &'a Table,
    mapping: &'a Mapping,
    places: Places,
    last_column: usize,
    orders: [DateOrder; Field::COUNT],
    /// Bare numbers are a spreadsheet's days.
    serials: bool,
}

impl Reader<'_> {
    fn column(&self, field: Field) -> String {
        let names: Vec<&str> = self.places.get(field).iter().map(|i| self.table.header()[*i].as_str()).collect();
        names.join("” and “")
    }

    /// The cells of a field, joined by blanks.
    fn text(&self, row: &Row, field: Field) -> Option<String> {
        let text = match self.places.get(field) {
            [] => return None,
            [one] => row.cell(*one).to_owned(),
            several => {
                let cells = several.iter().map(|i| row.cell(*i)).filter(|cell| !cell.is_empty());
                cells.collect::<Vec<_>>().join(" ")
            }
        };
        (!text.is_empty()).then_some(text)
    }

    /// Where a date stands only in the first row of its day, it holds for the rows below.
    fn fill_down(&self, row: &Row, day: &mut String) {
        if let [date, _, ..] = self.places.get(Field::StartsAt)
            && !row.cell(*date).is_empty()
        {
            row.cell(*date).clone_into(day);
        }
    }

    fn start_text(&self, row: &Row, day: &str) -> Option<String> {
        match self.places.get(Field::StartsAt) {
            [date, time @ ..] if !time.is_empty() && row.cell(*date).is_empty() => {
                let time: Vec<&str> = time.iter().map(|i| row.cell(*i)).filter(|cell| !cell.is_empty()).collect();
                (!time.is_empty()).then(|| format!("{day} {}", time.join(" ")))
            }
            _ => self.text(row, Field::StartsAt),
        }
    }

    fn reject(&self, row: &Row, reason: Reason) -> Reject {
        let key = self.text(row, Field::AppointmentId).map(|id| RowKey::id(&id));
        // What is kept for the desk stays readable: a cell of megabytes is not.
        let cut = |cell: &str| cell[..cell.floor_char_boundary(MAX_CELL_BYTES)].to_owned();
        Reject { line: row.line(), reason, cells: row.cells().map(cut).collect(), key }
    }

    fn check_shape(&self, row: &Row) -> Result<(), Reason> {
        if row.longest_cell() > MAX_CELL_BYTES {
            return Err(Reason::CellTooLong);
        }
        let (found, expected) = (row.width(), self.table.header().len());
        let too_long = (expected..found).any(|i| !row.cell(i).is_empty());
        // A workbook leaves blank cells out; a text file that does has lost something, unless it was nothing we read.
        let too_short = !self.serials && found <= self.last_column;
        if too_long || too_short { Err(Reason::WrongWidth { found, expected }) } else { Ok(()) }
    }

    fn visit(&self, row: &Row, day: &str, notes: &mut Notes) -> Result<SourceVisit, Reason> {
        self.check_shape(row)?;
        let text = |field| self.text(row, field);
        let start = self.start(row, day)?;
        let starts_at = self.moment(start).ok_or_else(|| Reason::NoTime { column: self.column(Field::StartsAt) })?;
        let appointment_id = text(Field::AppointmentId);
        let patient_id = text(Field::PatientId);
        let (name, given, family) = self.name(row);
        let phone = text(Field::Phone);
        let patient = match (&patient_id, &name, &appointment_id) {
            (Some(id), _, _) => PatientKey::id(id),
            (None, None, None) => return Err(self.no_key()),
            (None, name, id) => {
                let name = sorted_words(name.as_deref().unwrap_or_default());
                PatientKey::provisional(&name, &digits(phone.as_deref().unwrap_or_default()), id.as_deref(), starts_at)
            }
        };
        let practitioner = text(Field::Practitioner);
        let key = match &appointment_id {
            Some(id) => RowKey::id(id),
            None => RowKey::composed(&patient, &sorted_words(practitioner.as_deref().unwrap_or_default()), starts_at),
        };
        let action = match text(Field::Action) {
            None => Action::Upsert,
            Some(word) => self
                .mapping
                .action(&word)
                .ok_or_else(|| Reason::UnknownAction { column: self.column(Field::Action) })?,
        };
        let (status, cancelled_late) = self.status(row, notes);
        let visit_day = start.date.unwrap_or_default();
        Ok(SourceVisit {
            line: row.line(),
            key,
            action,
            appointment_id,
            patient,
            patient_id,
            name,
            given,
            family,
            birth_date: self.birth_date(row, visit_day, notes),
            phone,
            email: text(Field::Email).filter(|mail| mail.contains('@')),
            starts_at,
            minutes: self.minutes(row, start, starts_at, notes),
            booked_at: self.side_time(row, Field::BookedAt, notes),
            practitioner,
            location: text(Field::Location).map(|name| self.mapping.location(&name).to_owned()),
            visit_type: text(Field::VisitType),
            language: self
                .word(row, Field::Language, ProblemKind::UnknownLanguage, notes, |w| self.mapping.language(w)),
            status,
            cancelled_at: self.cancelled_at(row),
            cancelled_late,
            consent_sms: self.consent(row, Field::ConsentSms, notes),
            consent_email: self.consent(row, Field::ConsentEmail, notes),
            bring: text(Field::Bring),
        })
    }

    fn consent(&self, row: &Row, field: Field, notes: &mut Notes) -> Option<bool> {
        self.word(row, field, ProblemKind::UnknownConsent, notes, |word| self.mapping.consent(field, word))
    }

    fn start(&self, row: &Row, day: &str) -> Result<Parsed, Reason> {
        let column = || self.column(Field::StartsAt);
        let text = self.start_text(row, day).ok_or_else(|| Reason::NoStart { column: column() })?;
        let start = self.parse(&text, Field::StartsAt).map_err(|e| match e {
            WhenError::Unreadable => Reason::NotADate { column: column() },
            WhenError::NoSuchDay => Reason::NoSuchDay { column: column() },
            WhenError::NoSuchTime => Reason::NoSuchTime { column: column() },
        })?;
        match (start.date, start.time) {
            (None, _) => Err(Reason::NoDate { column: column() }),
            (_, None) => Err(Reason::NoTime { column: column() }),
            _ => Ok(start),
        }
    }

    fn parse(&self, text: &str, field: Field) -> Result<Parsed, WhenError> {
        when::parse(text, self.orders[field as usize], self.serials)
    }

    /// An offset in the text wins over the mapping's zone, and that over the location's.
    fn moment(&self, parsed: Parsed) -> Option<Moment> {
        let local = parsed.local()?;
        Some(match (parsed.offset, self.mapping.zone()) {
            (Some(offset), _) => {
                let time = offset.from_local_datetime(&local).single()?;
                Moment::At(Instant::from(time.to_utc()))
            }
            (None, Some(zone)) => Moment::At(kept_domain::time::resolve_local(zone, local)),
            (None, None) => Moment::Local(local),
        })
    }

    fn no_key(&self) -> Reason {
        let keys = [Field::AppointmentId, Field::PatientId, Field::PatientName, Field::GivenName, Field::FamilyName];
        let columns: Vec<String> = keys
            .into_iter()
            .filter(|field| !self.places.get(*field).is_empty())
            .map(|field| format!("“{}”", self.column(field)))
            .collect();
        Reason::NoKey { columns: columns.join(", ") }
    }

    /// Whole, given and family name; `Last, First` is turned round.
    fn name(&self, row: &Row) -> (Option<String>, Option<String>, Option<String>) {
        let (mut given, mut family) = (self.text(row, Field::GivenName), self.text(row, Field::FamilyName));
        let mut whole = self.text(row, Field::PatientName);
        if let Some(text) = &whole
            && let Some((last, first)) = text.split_once(',')
            && !last.trim().is_empty()
            && !first.trim().is_empty()
        {
            let (last, first) = (last.trim().to_owned(), first.trim().to_owned());
            whole = Some(format!("{first} {last}"));
            given.get_or_insert(first);
            family.get_or_insert(last);
        }
        if whole.is_none() {
            let parts: Vec<&str> = [given.as_deref(), family.as_deref()].into_iter().flatten().collect();
            whole = (!parts.is_empty()).then(|| parts.join(" "));
        }
        (whole, given, family)
    }

    fn word<T>(
        &self,
        row: &Row,
        field: Field,
        kind: ProblemKind,
        notes: &mut Notes,
        meaning: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let word = self.text(row, field)?;
        let found = meaning(&word);
        if found.is_none() {
            notes.add(kind, self.column(field), Some(word), row.line());
        }
        found
    }

    fn tick(&self, row: &Row, field: Field, notes: &mut Notes) -> Option<bool> {
        self.word(row, field, ProblemKind::UnknownTick, notes, |w| words::yes_or_no(&words::normal(w)))
    }

    /// Deleted beats cancelled beats missed; a mark of arrival beats a status that only says booked.
    fn status(&self, row: &Row, notes: &mut Notes) -> (Option<AppointmentStatus>, bool) {
        let marked = |field| self.text(row, field).is_some_and(|t| words::yes_or_no(&words::normal(&t)) != Some(false));
        let word = self.text(row, Field::Status);
        let late = word.as_deref().is_some_and(|word| words::is_late_cancellation(&words::normal(word)));
        if marked(Field::DeletedAt) {
            return (Some(AppointmentStatus::EnteredInError), false);
        }
        if marked(Field::CancelledAt) {
            return (Some(AppointmentStatus::Cancelled), late);
        }
        if self.tick(row, Field::DidNotArrive, notes) == Some(true) {
            return (Some(AppointmentStatus::Noshow), false);
        }
        let status = self.word(row, Field::Status, ProblemKind::UnknownStatus, notes, |w| self.mapping.status(w));
        let arrived = self.tick(row, Field::Arrived, notes) == Some(true);
        match status {
            None | Some(AppointmentStatus::Booked | AppointmentStatus::Pending) if arrived => {
                (Some(AppointmentStatus::Arrived), false)
            }
            status => (status, late && status == Some(AppointmentStatus::Cancelled)),
        }
    }

    fn cancelled_at(&self, row: &Row) -> Option<Moment> {
        let text = self.text(row, Field::CancelledAt)?;
        // A column of ticks says that, not when.
        self.parse(&text, Field::CancelledAt).ok().and_then(|parsed| self.moment(parsed))
    }

    fn birth_date(&self, row: &Row, visit: NaiveDate, notes: &mut Notes) -> Option<NaiveDate> {
        let text = self.text(row, Field::BirthDate)?;
        let parsed = self.parse(&text, Field::BirthDate).ok().and_then(|parsed| parsed.date);
        let found = parsed.and_then(|date| when::before(date, visit, &text));
        if found.is_none() {
            notes.add(ProblemKind::BirthDate, self.column(Field::BirthDate), None, row.line());
        }
        found
    }

    fn minutes(&self, row: &Row, start: Parsed, starts_at: Moment, notes: &mut Notes) -> Option<i64> {
        if let Some(text) = self.text(row, Field::DurationMin) {
            let minutes = when::minutes(&text);
            if minutes.is_none() {
                notes.add(ProblemKind::Duration, self.column(Field::DurationMin), None, row.line());
            }
            return minutes;
        }
        let text = self.text(row, Field::EndsAt)?;
        let end = self.parse(&text, Field::EndsAt).ok().and_then(|end| {
            // An end is often a time alone: that of the start's day, and in the start's offset.
            self.moment(Parsed { date: end.date.or(start.date), time: end.time, offset: end.offset.or(start.offset) })
        });
        let minutes = end.and_then(|end| starts_at.minutes_until(end)).filter(|minutes| (1..=1440).contains(minutes));
        if minutes.is_none() {
            notes.add(ProblemKind::Duration, self.column(Field::EndsAt), None, row.line());
        }
        minutes
    }

    /// A time beside the start; a day alone means its beginning.
    fn side_time(&self, row: &Row, field: Field, notes: &mut Notes) -> Option<Moment> {
        let text = self.text(row, field)?;
        let parsed = self.parse(&text, field).ok().filter(|parsed| parsed.date.is_some());
        let found = parsed.and_then(|parsed| {
            self.moment(Parsed { time: parsed.time.or(chrono::NaiveTime::from_hms_opt(0, 0, 0)), ..parsed })
        });
        if found.is_none() {
            notes.add(ProblemKind::Time, self.column(field), None, row.line());
        }
        found
    }
}

/// Digits of a number for telling patients apart within one series of files: without an extension, the last ten.
fn digits(phone: &str) -> String {
    let main = phone.to_lowercase();
    let main = main.split(['x', 'e', '#']).next().unwrap_or_default();
    let digits: String = main.chars().filter(char::is_ascii_digit).collect();
    digits[digits.len().saturating_sub(10)..].to_owned()
}

/// Words of a name, lower case, sorted, without titles: `Dr Amy Wong`, `WONG AMY` and `Wong, Amy` are the same.
pub fn sorted_words(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-' && c != '’')
        .filter(|word| {
            !word.is_empty() && !matches!(*word, "dr" | "dra" | "mr" | "mrs" | "ms" | "md" | "do" | "np" | "prof")
        })
        .collect();
    words.sort_unstable();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_for_telling_apart() {
        for name in ["Dr Amy Wong", "WONG AMY", "Wong, Amy", "Amy Wong, MD"] {
            assert_eq!(sorted_words(name), "amy wong", "{name}");
        }
        for phone in ["+1 303 555 0151", "(303) 555-0151", "303.555.0151 x12", "3035550151"] {
            assert_eq!(digits(phone), "3035550151", "{phone}");
        }
        assert_eq!(digits("n/a"), "");
    }
}
