//! The five schedules under `tests/data/schedules`, against the counts of its EXPECTED.md.

use super::reading;
use kept_domain::AppointmentStatus::{self, Arrived, Booked, Cancelled, EnteredInError, Fulfilled, Noshow, Pending};
use kept_domain::{Instant, Locale};
use kept_intake::{Action, Moment, Reading, Table, guess};

macro_rules! sample {
    ($file:literal) => {
        include_bytes!(concat!("../../../../tests/data/schedules/", $file))
    };
}

macro_rules! mapping {
    ($file:literal) => {
        include_str!(concat!("../../../../tests/data/schedules/", $file, ".toml"))
    };
}

fn count(reading: &Reading, status: Option<AppointmentStatus>) -> usize {
    reading.visits.iter().filter(|visit| visit.status == status).count()
}

fn codes(reading: &Reading) -> Vec<(&'static str, u32)> {
    reading.rejects.iter().map(|reject| (reject.reason.code(), reject.line)).collect()
}

#[test]
fn clinic_upload() {
    let file = sample!("clinic-upload.csv");
    let reading = reading(file, mapping!("clinic-upload"));
    assert_eq!(reading.visits.len() + reading.rejects.len(), 420);
    assert_eq!(codes(&reading), [("no-such-day", 40), ("not-a-date", 216)]);
    assert_eq!(Table::open(file, None).unwrap().blank_rows(), 2);
    assert_eq!(count(&reading, Some(Booked)) + count(&reading, Some(Cancelled)), 418);
    assert_eq!(reading.problems, []);
    assert_eq!(reading.unmapped, [""; 0]);

    let first = &reading.visits[0];
    assert_eq!(first.line, 3);
    assert_eq!(first.appointment_id.as_deref(), Some("500317"));
    assert_eq!(first.name.as_deref(), Some("Emma Lee"));
    assert_eq!(first.birth_date.map(|d| d.to_string()).as_deref(), Some("2005-09-23"));
    assert_eq!(first.starts_at, Moment::Local("2026-11-30T08:15:00".parse().unwrap()));
    assert_eq!((first.minutes, first.language, first.status), (Some(30), Some(Locale::Es), Some(Cancelled)));
    assert_eq!(reading.visits[1].name.as_deref(), Some("Fatima Müller"));
    assert!(reading.visits.iter().all(|visit| visit.birth_date.is_some() && visit.minutes.is_some()));
}

#[test]
fn past_visits_in_utc() {
    let reading = reading(sample!("past-visits-utc.csv"), mapping!("past-visits-utc"));
    assert_eq!((reading.visits.len(), codes(&reading)), (500, vec![]));
    assert_eq!(count(&reading, Some(Cancelled)), 45);
    assert_eq!(count(&reading, Some(EnteredInError)), 5);
    assert_eq!(count(&reading, Some(Noshow)), 57);
    assert_eq!(count(&reading, Some(Arrived)), 378);
    assert_eq!(count(&reading, None), 15, "nobody wrote down what became of them");
    assert_eq!(reading.unmapped, ["notes"]);

    let first = &reading.visits[0];
    let instant = |text: &str| Moment::At(Instant::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap()));
    assert_eq!(first.starts_at, instant("2026-06-01T14:45:00Z"));
    assert_eq!(first.booked_at, Some(instant("2026-05-28T06:45:00Z")));
    assert_eq!(first.minutes, Some(45));
    assert!(reading.visits.iter().filter(|v| v.status == Some(Cancelled)).all(|v| v.cancelled_at.is_some()));
    // Quoted line breaks are part of a cell: the row after one keeps its right line.
    assert_eq!(reading.visits[7].line, 10);
}

#[test]
fn one_character_statuses_in_windows_1252() {
    let file = sample!("symbols-latin1.csv");
    let reading = reading(file, mapping!("symbols-latin1"));
    assert_eq!((reading.visits.len(), codes(&reading)), (300, vec![]));
    for (status, expected) in
        [(Arrived, 13 + 8 + 8), (Cancelled, 8 + 23), (Booked, 11 + 136), (Fulfilled, 68), (Noshow, 12), (Pending, 13)]
    {
        assert_eq!(count(&reading, Some(status)), expected, "{status}");
    }
    assert_eq!(reading.visits.iter().filter(|visit| visit.cancelled_late).count(), 8);
    assert_eq!(reading.visits.iter().filter(|visit| visit.consent_sms == Some(true)).count(), 146);
    assert_eq!(reading.visits.iter().filter(|visit| visit.consent_sms == Some(false)).count(), 80);
    assert!(reading.visits.iter().any(|visit| visit.name.as_deref() == Some("Jürgen Dubois")));
    assert_eq!(reading.problems, []);

    // Day and month are told apart without being told.
    let untold = mapping!("symbols-latin1").replace("[formats]\ndate = \"day-first\"", "");
    assert_eq!(super::reading(file, &untold).visits, reading.visits);
}

#[test]
fn tabs_in_utf_16_with_actions_and_without_ids() {
    let reading = reading(sample!("unicode-tabs.txt"), mapping!("unicode-tabs"));
    assert_eq!((reading.visits.len(), codes(&reading)), (150, vec![]));
    assert!(reading.has_actions);
    assert_eq!(reading.visits.iter().filter(|visit| visit.action == Action::Delete).count(), 16);
    assert!(reading.visits.iter().all(|visit| visit.patient.is_provisional() && visit.patient_id.is_none()));
    let first = &reading.visits[0];
    assert_eq!(first.name.as_deref(), Some("Ernie Okafor"));
    assert_eq!((first.given.as_deref(), first.family.as_deref()), (Some("Ernie"), Some("Okafor")));
    assert_eq!(first.starts_at, Moment::Local("2026-12-01T08:15:00".parse().unwrap()));
}

#[test]
fn a_week_in_a_workbook() {
    let file = sample!("weekly.xlsx");
    let reading = reading(file, mapping!("weekly"));
    assert_eq!((reading.visits.len(), codes(&reading)), (260, vec![]));
    let table = Table::open(file, None).unwrap();
    assert_eq!((table.header_line(), table.rows().len()), (4, 260));
    let [first, second, ..] = reading.visits.as_slice() else { panic!("two visits") };
    assert_eq!(first.starts_at, Moment::Local("2026-11-23T08:00:00".parse().unwrap()));
    assert_eq!(second.starts_at, first.starts_at, "the date of the row above");
    assert_eq!(first.birth_date.map(|d| d.to_string()).as_deref(), Some("1957-10-10"));
    assert_eq!((first.phone.as_deref(), first.patient_id.as_deref()), (Some("4155550122"), Some("21762")));
    assert_eq!((first.name.as_deref(), first.minutes, first.line), (Some("Fatima Kowalski"), Some(60), 5));
    assert_eq!(reading.unmapped, ["Room"]);
    assert_eq!(reading.problems, []);
}

#[test]
fn the_guess_reads_all_five_as_the_mapping_does() {
    let files: [(&[u8], &str); 5] = [
        (sample!("clinic-upload.csv"), mapping!("clinic-upload")),
        (sample!("past-visits-utc.csv"), mapping!("past-visits-utc")),
        (sample!("symbols-latin1.csv"), mapping!("symbols-latin1")),
        (sample!("unicode-tabs.txt"), mapping!("unicode-tabs")),
        (sample!("weekly.xlsx"), mapping!("weekly")),
    ];
    for (file, mapping) in files {
        let table = Table::open(file, None).unwrap();
        let guessed = guess(&table).mapping.unwrap();
        let by_guess = kept_intake::read(&table, &guessed).unwrap();
        assert_eq!(by_guess.visits, reading(file, mapping).visits, "{:?}", table.header());
    }
}
