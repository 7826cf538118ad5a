//! Made-up people of the story, their visits, and the words they write.

use chrono::{Datelike as _, Duration, NaiveDate, NaiveDateTime, Weekday};
use chrono_tz::{America, Pacific, Tz};
use std::fmt::Write as _;

/// Days between two visits of a person, roughly.
const EVERY: i64 = 17;

pub(super) fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 9, 14).unwrap()
}

/// The ninetieth day; clocks go back on the way.
pub(super) fn last_day() -> NaiveDate {
    first_day() + Duration::days(89)
}

/// A number that is the same for the same arguments, and looks like nothing (SplitMix64).
pub(super) fn mix(a: u64, b: u64) -> usize {
    const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut z = SEED.wrapping_mul(a.wrapping_add(1)).wrapping_add(b.wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((z ^ (z >> 31)) >> 16).expect("48 bits")
}

/// What somebody does with texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Temper {
    /// Says yes in some wording.
    Confirms,
    /// Writes what no rule may take for an answer.
    Dithers,
    /// Opts out in some wording after a text or two, and stays out.
    Stops,
    /// Opts out, says yes while out, comes back with START after days, and again.
    StopsAndReturns,
    /// It is somebody else's number.
    IsSomebodyElse,
    /// Writes a bare "cancel".
    Cancels,
    /// Tells the desk.
    TellsTheDesk,
    /// Texted STOP to the carrier, which refuses the hand-over.
    StoppedAtTheCarrier,
    /// The same, and the carrier says so in a receipt.
    StoppedAtTheCarrierLater,
    /// No phone answers there.
    Unreachable,
    /// Words of danger, HELP, another time.
    Asks,
    /// Nothing.
    IsSilent,
}

#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) number: Option<&'static str>,
    /// Zones that the area code leaves open, and the location's.
    pub(super) zones: Vec<Tz>,
    pub(super) location: &'static str,
    pub(super) temper: Temper,
    pub(super) spanish: bool,
    /// What the consent column says.
    pub(super) consent: &'static str,
}

pub(super) const OAK: &str = "Oak Street";
pub(super) const MESA: &str = "Mesa";

/// Where a made-up number may be, from the maps of the numbering plan, and not from our table.
fn area(number: &str) -> Vec<Tz> {
    match &number[..5] {
        "+1212" | "+1646" => vec![America::New_York],
        "+1850" => vec![America::Chicago, America::New_York],
        "+1602" => vec![America::Phoenix],
        "+1928" => vec![America::Phoenix, America::Denver],
        "+1310" => vec![America::Los_Angeles],
        "+1808" => vec![Pacific::Honolulu],
        "+1907" => vec![America::Anchorage, America::Juneau, America::Adak],
        "+3460" => Vec::new(),
        other => panic!("{other} is nowhere"),
    }
}

/// Places with narrower hours: Florida ends at eight (Florida Statutes 501.616), Spain begins at nine.
pub(super) fn hours(number: &str) -> Option<(u32, u32)> {
    match &number[..5] {
        "+1850" => Some((8, 20)),
        "+3460" => Some((9, 21)),
        _ => None,
    }
}

pub(super) fn people() -> Vec<Person> {
    use Temper::*;
    let person = |number: &'static str, location, temper| {
        let mut zones = area(number);
        let own = if location == OAK { America::New_York } else { America::Phoenix };
        if !zones.contains(&own) {
            zones.push(own);
        }
        Person { number: Some(number), zones, location, temper, spanish: false, consent: "" }
    };
    let mut people = vec![
        person("+12125550101", OAK, Confirms),
        person("+12125550102", OAK, Dithers),
        person("+12125550103", OAK, Stops),
        person("+12125550104", OAK, StopsAndReturns),
        person("+12125550105", OAK, IsSomebodyElse),
        person("+12125550106", OAK, Cancels),
        person("+12125550107", OAK, TellsTheDesk),
        person("+12125550108", OAK, StoppedAtTheCarrier),
        person("+12125550109", OAK, StoppedAtTheCarrierLater),
        person("+12125550110", OAK, Unreachable),
        person("+12125550111", OAK, Asks),
        person("+12125550112", OAK, IsSilent),
        person("+18505550113", OAK, Confirms),
        person("+18505550114", OAK, StopsAndReturns),
        person("+13105550115", OAK, IsSilent),
        person("+13105550116", OAK, Stops),
        person("+18085550117", OAK, IsSilent),
        person("+18085550118", OAK, Confirms),
        person("+19075550119", OAK, IsSilent),
        person("+16025550120", MESA, Confirms),
        person("+16025550121", MESA, StopsAndReturns),
        person("+19285550122", MESA, Dithers),
        person("+19285550123", MESA, IsSilent),
        person("+34600123124", MESA, Asks),
        person("+16465550125", OAK, Dithers),
        person("+16465550126", OAK, Stops),
        // Two children on their parent's phone, twice.
        person("+12125550127", OAK, Confirms),
        person("+12125550127", OAK, Confirms),
        person("+16025550128", MESA, StopsAndReturns),
        person("+16025550128", MESA, StopsAndReturns),
        Person { number: None, ..person("+12125550101", OAK, IsSilent) },
        Person { consent: "No", ..person("+12125550129", OAK, IsSilent) },
    ];
    for person in people.iter_mut().skip(3).step_by(4) {
        person.spanish = true;
    }
    people
}

/// A row of the calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: usize,
    pub(super) person: usize,
    pub(super) start: NaiveDateTime,
    pub(super) booked_on: NaiveDate,
    pub(super) status: &'static str,
    /// Missing from the file.
    pub(super) is_gone: bool,
}

/// The next working day that is not before `day`.
pub(super) fn working_day(mut day: NaiveDate) -> NaiveDate {
    while matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
        day += Duration::days(1);
    }
    day
}

/// Visits from 8:15 to 16:45; siblings come on one day, one after the other.
pub(super) fn rows(people: &[Person]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, person) in people.iter().enumerate() {
        let family = people.iter().position(|other| other.number == person.number).unwrap_or(index);
        let mut day = first_day() + Duration::days(4 + i64::try_from(family % 13).unwrap());
        let mut nth = 0;
        while day <= last_day() {
            day = working_day(day);
            let slot = (mix(family as u64, nth) + index - family) % 18;
            let minutes = i64::try_from(15 + slot * 30).unwrap();
            let start = day.and_hms_opt(8, 0, 0).unwrap() + Duration::minutes(minutes);
            let booked_on = NaiveDate::from_ymd_opt(2026, 8, 3).unwrap();
            rows.push(Row { id: rows.len(), person: index, start, booked_on, status: "Scheduled", is_gone: false });
            nth += 1;
            day += Duration::days(EVERY);
        }
    }
    rows
}

pub(super) fn csv(people: &[Person], rows: &[Row]) -> String {
    let mut text = String::from(
        "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Location,Language,Text Consent,Status,Booked On\n",
    );
    for row in rows.iter().filter(|row| !row.is_gone) {
        let person = &people[row.person];
        writeln!(
            text,
            "V{},P{},Pat,Number{},1970-03-{:02},{},{},{},{},{},{},{},{}",
            row.id,
            row.person,
            row.person,
            1 + row.person % 28,
            person.number.unwrap_or(""),
            row.start.date(),
            row.start.format("%H:%M"),
            person.location,
            if person.spanish { "Spanish" } else { "English" },
            person.consent,
            row.status,
            row.booked_on,
        )
        .unwrap();
    }
    text
}

/// Labelled replies, by what they mean.
pub(super) struct Words(Vec<(String, String)>);

impl Words {
    /// The corpus, without what is labelled for another number of open questions or names a time that may be a visit's here, and
    /// without danger that also opts out.
    pub(super) fn read() -> Self {
        let line = |line: &str| -> Option<(String, String)> {
            let all: serde_json::Value = serde_json::from_str(line).unwrap();
            let word = |key: &str| all[key].as_str().unwrap().to_owned();
            let (text, intent) = (word("text"), word("intent"));
            let plain = text.to_lowercase();
            let both = intent == "urgent" && (plain.contains("stop") || plain.contains("alto"));
            let names_a_time =
                all.get("visit").is_some() || intent == "person" && (plain.contains(":15") || plain.contains(":45"));
            (all["open_questions"] == 1 && !both && !names_a_time).then_some((text, intent))
        };
        Self(include_str!("../../data/replies/corpus.jsonl").lines().filter_map(line).collect())
    }

    /// Some wording of an intent.
    pub(super) fn pick(&self, intent: &str, which: usize) -> String {
        let all: Vec<&String> = self.0.iter().filter(|(_, other)| other == intent).map(|(text, _)| text).collect();
        all[which % all.len()].clone()
    }
}
