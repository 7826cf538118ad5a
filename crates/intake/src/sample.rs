//! Made-up schedules shaped like real exports, for trials, the demo and load. Everybody in them is invented; numbers are
//! from the 555 exchange, which no one is connected to.

use crate::mapping::{DateOrder, Mapping};
use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use std::fmt::Write as _;

/// What a made-up schedule looks like. The same settings make the same file, byte for byte.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Chooses everything that is left to chance.
    pub seed: u64,
    /// How many visits.
    pub visits: usize,
    /// How many people they are spread over.
    pub patients: usize,
    /// Whom they visit, by name.
    pub practitioners: Vec<String>,
    /// Where, by name. Practitioners are spread over them.
    pub locations: Vec<String>,
    /// First day with visits; Saturdays and Sundays have none.
    pub from: NaiveDate,
    /// Last day with visits.
    pub to: NaiveDate,
    /// Visits before this day have an outcome.
    pub today: NaiveDate,
}

const GIVEN: [&str; 32] = [
    "Emma",
    "Fatima",
    "Dmitri",
    "Zoë",
    "Beth",
    "Gus",
    "Hal",
    "Priya",
    "Omar",
    "Noah",
    "Guadalupe",
    "Olivia",
    "Maria",
    "Aisha",
    "Ling",
    "José",
    "Chloé",
    "Siobhán",
    "Wei",
    "Liam",
    "Inés",
    "Carl",
    "Ramón",
    "Jürgen",
    "Arjun",
    "Mary-Kate",
    "Mohamed",
    "Ana",
    "Luis",
    "Rosa",
    "Kwame",
    "Yuki",
];
const FAMILY: [&str; 32] = [
    "Lee",
    "Müller",
    "Brown",
    "Núñez",
    "García",
    "Ali",
    "Torres",
    "Svensson",
    "Smith-Jones",
    "St. John",
    "O'Brien",
    "Rodríguez",
    "Dubois",
    "van der Berg",
    "Nguyen",
    "Khan",
    "Patel",
    "Chen",
    "Hernández",
    "Kim",
    "Okafor",
    "Haddad",
    "Davis",
    "Peña",
    "Kowalski",
    "Ivanov",
    "Johnson",
    "Martínez",
    "Lopez",
    "Cohen",
    "Ferrari",
    "Tanaka",
];
const TYPES: [(&str, u16); 6] = [
    ("Follow Up", 15),
    ("Annual Physical", 30),
    ("New Patient", 30),
    ("Procedure - Colonoscopy", 30),
    ("Flu Shot", 15),
    ("Telehealth", 15),
];
const AREAS: [u16; 60] = [
    212, 213, 214, 303, 305, 312, 313, 314, 404, 415, 503, 512, 602, 612, 617, 702, 713, 718, 801, 812, 816, 901, 904,
    913, 916, 917, 919, 928, 949, 954, 206, 210, 216, 225, 301, 302, 304, 307, 308, 309, 310, 316, 317, 319, 320, 330,
    334, 336, 339, 347, 401, 402, 405, 406, 407, 408, 410, 412, 414, 417,
];
/// Visits a practitioner can have in a day: every half hour from 8:00, last one at 16:30.
const SLOTS_A_DAY: u32 = 18;

struct Patient {
    id: u32,
    given: &'static str,
    family: &'static str,
    born: NaiveDate,
    phone: String,
    email: String,
    language: &'static str,
    consent: &'static str,
    /// Out of 100: how often this person does not come.
    misses: u64,
}

impl Sample {
    /// A schedule of that many visits from a day on; practitioners, patients and days follow from the number.
    pub fn new(visits: usize, seed: u64, from: NaiveDate, today: NaiveDate) -> Self {
        let practitioners = (visits / 2_000).clamp(3, 40);
        let names = ["Amy Wong", "Rakesh Patel", "Sean O'Neill"].map(str::to_owned).into_iter();
        let more = (3..practitioners).map(|i| format!("{} {}", GIVEN[i % GIVEN.len()], FAMILY[(i * 7) % FAMILY.len()]));
        let a_day = practitioners * SLOTS_A_DAY as usize;
        // Four slots of five are taken.
        let working_days = (visits * 5).div_ceil(a_day * 4).max(1) as u64;
        Self {
            seed,
            visits,
            patients: (visits / 3).max(1),
            practitioners: names.chain(more).collect(),
            locations: vec!["Main St".to_owned()],
            from,
            to: from + Days::new(working_days.div_ceil(5) * 7),
            today,
        }
    }

    /// The mapping of [`Sample::to_csv`].
    ///
    /// # Panics
    /// Never: the columns are fixed.
    pub fn mapping() -> Mapping {
        use crate::Field::{
            AppointmentId, BirthDate, BookedAt, ConsentSms, DurationMin, Email, FamilyName, GivenName, Language,
            Location, PatientId, Phone, Practitioner, StartsAt, Status, VisitType,
        };
        let one = [
            (AppointmentId, "Appointment ID"),
            (PatientId, "Patient ID"),
            (GivenName, "First Name"),
            (FamilyName, "Last Name"),
            (BirthDate, "Date of Birth"),
            (Phone, "Mobile"),
            (Email, "Email"),
            (Language, "Language"),
            (DurationMin, "Duration"),
            (Practitioner, "Provider"),
            (Location, "Location"),
            (VisitType, "Visit Type"),
            (Status, "Status"),
            (BookedAt, "Booked On"),
            (ConsentSms, "OK to Text"),
        ];
        let start = (StartsAt, vec!["Date".to_owned(), "Time".to_owned()]);
        Mapping::from_columns(one.into_iter().map(|(field, name)| (field, vec![name.to_owned()])).chain([start]))
            .expect("a start and an id are among the columns")
            .with_date_order(Some(DateOrder::Iso))
    }

    /// The schedule as a CSV file in UTF-8, by day, time and practitioner.
    pub fn to_csv(&self) -> String {
        let mut out = String::with_capacity(self.visits * 160 + 200);
        out.push_str(
            "Appointment ID,Patient ID,First Name,Last Name,Date of Birth,Mobile,Email,Language,Date,Time,Duration,Provider,Location,Visit Type,Status,Booked On,OK to Text\r\n",
        );
        let people = self.people();
        let mut chance = Chance(self.seed ^ 0x5EED);
        let days: Vec<NaiveDate> = self
            .from
            .iter_days()
            .take_while(|day| *day <= self.to)
            .filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
            .collect();
        let mut slots = days.len() * SLOTS_A_DAY as usize * self.practitioners.len();
        let mut wanted = self.visits.min(slots);
        let mut number = 500_000_u32;
        for day in days {
            for slot in 0..SLOTS_A_DAY {
                for (index, practitioner) in self.practitioners.iter().enumerate() {
                    // Chooses exactly `wanted` of the slots that are left, each with the same probability.
                    let take = chance.below(slots as u64) < wanted as u64;
                    slots -= 1;
                    if !take {
                        continue;
                    }
                    wanted -= 1;
                    number += 1;
                    let patient = &people[chance.index(people.len())];
                    let location = &self.locations[index % self.locations.len()];
                    self.write_visit(&mut out, number, patient, day, slot, (practitioner, location), &mut chance);
                }
            }
        }
        out
    }

    #[expect(clippy::too_many_arguments, reason = "one call, and each is a column")]
    fn write_visit(
        &self,
        out: &mut String,
        number: u32,
        patient: &Patient,
        day: NaiveDate,
        slot: u32,
        (practitioner, location): (&str, &str),
        chance: &mut Chance,
    ) {
        let (kind, minutes) = TYPES[chance.index(TYPES.len())];
        let time = NaiveTime::from_num_seconds_from_midnight_opt(8 * 3600 + slot * 1800, 0).unwrap_or_default();
        let lead = [0, 1, 2, 5, 9, 14, 21, 30, 45, 75][chance.index(10)];
        let booked = (day - Days::new(lead)).min(self.today);
        let status = match chance.below(100) {
            0..=5 => "Cancelled",
            _ if day >= self.today => "Scheduled",
            // Some outcomes are never written down.
            6..=8 => "Scheduled",
            // Who booked long ago misses more.
            _ if chance.below(100) < patient.misses + lead / 5 => "No Show",
            _ => "Completed",
        };
        let Patient { id, given, family, born, phone, email, language, consent, .. } = patient;
        write!(
            out,
            "{number},{id},{given},{family},{born},{phone},{email},{language},{day},{},{minutes},{practitioner},{location},{kind},{status},{booked},{consent}\r\n",
            time.format("%H:%M")
        )
        .expect("writing into a String cannot fail");
    }

    fn people(&self) -> Vec<Patient> {
        let mut chance = Chance(self.seed);
        let mut people: Vec<Patient> = Vec::with_capacity(self.patients);
        let mut households = 0_usize;
        for index in 0..self.patients {
            let given = GIVEN[chance.index(GIVEN.len())];
            // One in five shares name, number and language with the one before: a family.
            let relative = if chance.below(5) == 0 { people.last() } else { None };
            let (family, phone, language) = if let Some(other) = relative {
                (other.family, other.phone.clone(), other.language)
            } else {
                households += 1;
                let phone = if chance.below(12) == 0 { missing(&mut chance) } else { number(households, &mut chance) };
                (FAMILY[chance.index(FAMILY.len())], phone, if chance.below(4) == 0 { "Spanish" } else { "English" })
            };
            let id = 10_000 + u32::try_from(index).unwrap_or(u32::MAX);
            // Born 1 to 95 years before the schedule begins.
            let born = self.from - Days::new(365 + chance.below(365 * 94));
            let email = if chance.below(3) == 0 { format!("patient{id}@example.org") } else { String::new() };
            let consent = match chance.below(25) {
                0 => "No",
                1 => "",
                _ => "Yes",
            };
            let misses = [2, 4, 6, 8, 10, 14, 20, 35][chance.index(8)];
            people.push(Patient { id, given, family, born, phone, email, language, consent, misses });
        }
        people
    }
}

/// A different number for each household, as different people write them: first the 100 numbers an area that are set aside for
/// fiction, then others of the 555 exchange.
fn number(household: usize, chance: &mut Chance) -> String {
    let area = AREAS[household % AREAS.len()];
    let turn = household / AREAS.len();
    let line = if turn < 100 { 100 + turn } else { 2_000 + turn % 7_000 };
    match chance.below(4) {
        0 => format!("+1{area}555{line:04}"),
        1 => format!("({area}) 555-{line:04}"),
        2 => format!("{area}.555.{line:04}"),
        _ => format!("{area}555{line:04}"),
    }
}

fn missing(chance: &mut Chance) -> String {
    ["", "", "n/a", "none"][chance.index(4)].to_owned()
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, and the same everywhere. Not for secrets.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `end` − 1; 0 where there is nothing to choose from.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kept_domain::AppointmentStatus;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a literal date")
    }

    #[test]
    fn a_seed_decides_everything_and_the_file_reads_back() {
        let sample = Sample::new(5_000, 7, day("2026-08-03"), day("2026-11-23"));
        let csv = sample.to_csv();
        assert_eq!(csv, sample.to_csv());
        assert_ne!(csv, Sample { seed: 8, ..sample.clone() }.to_csv());
        let table = crate::Table::open(csv.as_bytes(), None).expect("our own file");
        let guessed = crate::guess(&table).mapping.expect("recognised without help");
        for mapping in [guessed, Sample::mapping()] {
            let reading = crate::read(&table, &mapping).expect("our own file");
            assert_eq!((reading.visits.len(), reading.rejects.len(), reading.problems.len()), (5_000, 0, 0));
            assert!(reading.unmapped.is_empty());
            let count = |status| reading.visits.iter().filter(|visit| visit.status == Some(status)).count();
            assert!(count(AppointmentStatus::Noshow) > 50 && count(AppointmentStatus::Fulfilled) > 500);
            assert!(reading.visits.iter().any(|visit| visit.language == Some(kept_domain::Locale::Es)));
            let without_number =
                reading.visits.iter().filter(|visit| visit.phone.as_deref().is_none_or(|p| !p.contains("555"))).count();
            assert!(without_number > 100, "some have no number: {without_number}");
            let numbers: std::collections::HashSet<_> =
                reading.visits.iter().map(|visit| (&visit.phone, &visit.patient_id)).collect();
            let alone: std::collections::HashSet<_> = reading.visits.iter().map(|visit| &visit.phone).collect();
            assert!(numbers.len() > alone.len() + 100, "families share numbers");
        }
    }

    #[test]
    fn a_practice_of_two_places_over_half_a_year() {
        let sample = Sample {
            seed: 1,
            visits: 1_500,
            patients: 400,
            practitioners: vec!["Amy Wong".to_owned(), "Rakesh Patel".to_owned(), "Sean O'Neill".to_owned()],
            locations: vec!["North".to_owned(), "South".to_owned()],
            from: day("2026-05-25"),
            to: day("2026-12-14"),
            today: day("2026-11-23"),
        };
        let csv = sample.to_csv();
        assert_eq!(csv.lines().count(), 1_501);
        assert!(csv.contains(",North,") && csv.contains(",South,"));
    }
}
