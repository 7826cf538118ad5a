//! The ninety days as they go by: what is due is done, people write, the desk and the weather do their part.

use super::checker::{Course, Event, Log, Sort, Stand, What, sort_of};
use super::explain::Told;
use super::people::{self, MESA, OAK, Person, Row, Temper, Words, mix, working_day};
use crate::carrier::{Refusing, Weather};
use crate::practice::Practice;
use chrono::{Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::{America, Tz};
use kept_domain::{Answer, AppointmentId, Instant};
use kept_flow::Clock as _;
use kept_flow::board::BoardVisit;
use kept_flow::consent::{Heard, Whose};
use kept_store::Scope;
use kept_store::testing::TestDatabase;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// While a carrier is down we look as seldom as this: what matters is what comes after.
const WHILE_DOWN: Duration = Duration::minutes(30);

/// The instant of a time on a wall; the first where it comes twice.
pub(super) fn at(zone: Tz, wall: NaiveDateTime) -> Instant {
    let time = zone.from_local_datetime(&wall).earliest().expect("a time that exists");
    Instant::from_ms(time.with_timezone(&Utc).timestamp_millis())
}

/// What somebody will do.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    Write {
        person: usize,
        intent: &'static str,
        which: usize,
    },
    TellTheDesk {
        person: usize,
    },
    Weather(Weather),
    Refuse(Temper, Refusing),
    /// Our process sleeps until then.
    Sleep(Instant),
    Upload(i64),
    DeskLooks,
    Restart,
}

pub(super) struct Story {
    pub(super) practice: Practice,
    people: Vec<Person>,
    rows: Vec<Row>,
    words: Words,
    log: Log,
    ids: HashMap<AppointmentId, usize>,
    /// Day of the first file that had the visit.
    heard: BTreeMap<usize, NaiveDate>,
    /// Visits that vanished and that the desk keeps.
    kept: BTreeSet<usize>,
    errands: BTreeMap<(Instant, usize), Errand>,
    turn: usize,
    read: usize,
    refused: usize,
    is_down: bool,
}

impl Story {
    pub(super) async fn begin(database: &TestDatabase, start: Instant) -> Self {
        let practice = Practice::open(database, start).await;
        let people = people::people();
        let rows = people::rows(&people);
        let zones =
            people.iter().filter_map(|person| Some((person.number?.to_owned(), person.zones.clone()))).collect();
        let hours = people
            .iter()
            .filter_map(|person| Some((person.number?.to_owned(), people::hours(person.number?)?)))
            .collect();
        let visit = |row: &Row| Course { number: people[row.person].number.map(str::to_owned), stands: Vec::new() };
        let log = Log { zones, hours, visits: rows.iter().map(visit).collect(), ..Log::default() };
        let mut story = Self {
            practice,
            people,
            rows,
            words: Words::read(),
            log,
            ids: HashMap::new(),
            heard: BTreeMap::new(),
            kept: BTreeSet::new(),
            errands: BTreeMap::new(),
            turn: 0,
            read: 0,
            refused: 0,
            is_down: false,
        };
        story.second_location().await;
        story.upload().await;
        story
    }

    async fn second_location(&self) {
        let mut tx = self.practice.flow.store.begin(Scope::Practice(self.practice.id)).await.unwrap();
        let mut first = tx.locations(self.practice.id).await.unwrap().remove(0);
        OAK.clone_into(&mut first.location.name);
        tx.set_location(self.practice.id, &first).await.unwrap();
        let mut second = first.clone();
        second.location.id = self.practice.flow.new_id();
        MESA.clone_into(&mut second.location.name);
        MESA.clone_into(&mut second.location.alias);
        second.location.time_zone = America::Phoenix;
        tx.insert_location(self.practice.id, &second).await.unwrap();
        tx.commit().await.unwrap();
    }

    fn now(&self) -> Instant {
        self.practice.clock.civil()
    }

    pub(super) fn later(&mut self, at: Instant, errand: Errand) {
        self.turn += 1;
        self.errands.insert((at, self.turn), errand);
    }

    /// Lives until `end`: stops wherever something is due or somebody does something.
    pub(super) async fn advance(&mut self, end: Instant) {
        loop {
            self.settle().await;
            let now = self.now();
            let due = self.practice.flow.next_due_at(now).await.unwrap();
            let due = due.map(|due| if self.is_down { due.max(now + WHILE_DOWN) } else { due });
            let errand = self.errands.first_key_value().map(|((at, _), _)| *at);
            let Some(next) = due.into_iter().chain(errand).min().filter(|next| *next <= end) else { break };
            self.practice.clock.set_civil(next.max(now));
            while let Some(first) = self.errands.first_entry().filter(|first| first.key().0 <= next) {
                let errand = first.remove();
                self.run(errand).await;
            }
        }
    }

    /// Everything that is due now, with what people answer at once.
    async fn settle(&mut self) {
        loop {
            self.practice.flow.settle().await.unwrap();
            let receipts = self.practice.carrier.send_receipts().await;
            if self.harvest() == 0 && receipts == 0 {
                return;
            }
            let now = self.now();
            while let Some(first) = self.errands.first_entry().filter(|first| first.key().0 <= now) {
                let errand = first.remove();
                self.run(errand).await;
            }
        }
    }

    /// Notes what arrived and who was refused, and lets people think about it. Gives how many.
    fn harvest(&mut self) -> usize {
        let texts = self.practice.carrier.texts_after(self.read);
        let refused = self.practice.carrier.refused_after(self.refused);
        self.read += texts.len();
        self.refused += refused.len();
        let count = texts.len() + refused.len();
        for text in texts {
            let sort = sort_of(&text.text);
            let what = What::Got { key: text.key, text: text.text, valid_s: text.valid_s };
            self.log.events.push(Event { at: text.at, number: text.to.clone(), what });
            if matches!(sort, Some(Sort::Reminder | Sort::Change)) {
                self.think(&text.to, text.at);
            }
        }
        for number in refused {
            let person = self.people.iter().find(|person| person.number == Some(&number)).expect("one of ours");
            let gone = person.temper == Temper::Unreachable;
            let what = if gone { What::Unreachable } else { What::Withdrew };
            self.log.events.push(Event { at: self.now(), number, what });
        }
        count
    }

    /// What somebody will write about the text that has just come.
    fn think(&mut self, number: &str, now: Instant) {
        let person = self.people.iter().position(|person| person.number == Some(number)).expect("one of ours");
        let nth = self.log.unasked().filter(|(event, ..)| event.number == number).count();
        let which = mix(person as u64, nth as u64);
        let write = |intent| Errand::Write { person, intent, which };
        let soon = now + [Duration::zero(), Duration::minutes(7), Duration::hours(6)][which % 3];
        match self.people[person].temper {
            Temper::Dithers => self.later(soon, write(["person", "reschedule", "cannot-come", "person"][nth % 4])),
            Temper::Stops if nth == 2 => {
                self.later(soon, write("opt-out"));
                self.later(soon + Duration::days(2), write("accept"));
                self.later(soon + Duration::days(3), write("help"));
                self.later(soon + Duration::days(4), write("opt-out"));
            }
            Temper::StopsAndReturns if nth % 3 == 2 => {
                self.later(soon, write("opt-out"));
                self.later(soon + Duration::days(2), write("accept"));
                self.later(soon + Duration::days(6), write("opt-in"));
            }
            Temper::Confirms | Temper::StopsAndReturns => self.later(soon, write("accept")),
            Temper::IsSomebodyElse if nth == 2 => self.later(soon, write("wrong-number")),
            Temper::Cancels if nth == 2 => self.later(soon, write("opt-out-ask")),
            Temper::TellsTheDesk if nth == 3 => self.later(now + Duration::hours(2), Errand::TellTheDesk { person }),
            Temper::Asks => self.later(soon, write(["help", "urgent", "person"][nth % 3])),
            _ => {}
        }
    }

    async fn run(&mut self, errand: Errand) {
        match errand {
            Errand::Write { person, intent, which } => self.write(person, intent, which).await,
            Errand::TellTheDesk { person } => self.tell_the_desk(person).await,
            Errand::Weather(weather) => {
                self.practice.carrier.set_weather(weather);
                // The breaker rests by the clock of the machine, for which a day of the story is a blink.
                if self.is_down && !weather.is_down {
                    self.practice.restart().await;
                }
                self.is_down = weather.is_down;
            }
            Errand::Refuse(temper, how) => {
                for person in self.people.iter().filter(|person| person.temper == temper) {
                    self.practice.carrier.refuse(person.number.expect("has a phone"), Some(how));
                }
            }
            Errand::Sleep(until) => self.practice.clock.set_civil(until),
            Errand::Upload(week) => self.change_and_upload(week).await,
            Errand::DeskLooks => self.desk_looks().await,
            Errand::Restart => self.practice.restart().await,
        }
    }

    async fn write(&mut self, person: usize, intent: &'static str, which: usize) {
        let number = self.people[person].number.expect("has a phone");
        let text = self.words.pick(intent, which);
        let before = self.answers().await;
        self.practice.carrier.reply(number, &text).await;
        // What follows from a text may come a moment after it is acknowledged.
        let at = self.log.events.len();
        let what = What::Wrote { text: text.clone(), intent: intent.to_owned(), changed: Vec::new() };
        self.log.events.push(Event { at: self.now(), number: number.to_owned(), what });
        self.practice.flow.settle().await.unwrap();
        let after = self.answers().await;
        let changed =
            after.into_iter().filter(|(visit, answer)| before.get(visit) != Some(answer)).map(|(visit, _)| visit);
        self.log.events[at].what = What::Wrote { text, intent: intent.to_owned(), changed: changed.collect() };
    }

    async fn answers(&self) -> BTreeMap<usize, Answer> {
        let ids: Vec<AppointmentId> = self.ids.keys().copied().collect();
        let mut tx = self.practice.flow.store.read(Scope::Practice(self.practice.id)).await.unwrap();
        let visits = tx.plan_visits(self.practice.id, &ids).await.unwrap();
        visits.into_iter().map(|visit| (self.ids[&visit.id], visit.answer)).collect()
    }

    async fn tell_the_desk(&mut self, person: usize) {
        let number = self.people[person].number.expect("has a phone");
        let (flow, id, staff) = (&self.practice.flow, self.practice.id, self.practice.staff);
        assert!(flow.record_opt_out(id, Whose::Written(number), Heard::Telephone, staff).await.unwrap(), "it is new");
        self.log.events.push(Event { at: self.now(), number: number.to_owned(), what: What::Withdrew });
    }

    /// Once a day somebody reads what waits, and decides about half of the visits that vanished two days ago.
    async fn desk_looks(&mut self) {
        let (flow, id, staff, now) = (&self.practice.flow, self.practice.id, self.practice.staff, self.now());
        let board = flow.board(id, staff, None).await.unwrap();
        for need in board.needs {
            flow.close_task(id, staff, need.task).await.unwrap();
        }
        for (appointment, visit) in &self.ids {
            let course = &mut self.log.visits[*visit];
            let stand = *course.stands.last().expect("it was in a file");
            let waited = !stand.live && self.rows[*visit].is_gone && now - stand.since > Duration::hours(40);
            if waited && stand.at > now && visit % 2 == 0 && flow.keep_held(id, staff, *appointment).await.unwrap() {
                self.kept.insert(*visit);
                course.stands.push(Stand { since: now, live: true, ..stand });
            }
        }
    }

    /// A new week's file: visits moved, gone, back, called off and booked.
    async fn change_and_upload(&mut self, week: i64) {
        let today = people::first_day() + Duration::days(week * 7);
        let week = u64::try_from(week).unwrap();
        let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap();
        for row in self.rows.iter_mut().filter(|row| row.start.date() > today && row.status == "Scheduled") {
            match (mix(week + 100, row.id as u64) % 25, row.is_gone) {
                (0, false) => row.start = working_day(row.start.date() + Duration::days(1)).and_time(row.start.time()),
                (1, false) => row.start += Duration::hours(if row.start.time() < noon { 2 } else { -2 }),
                (2, false) => row.is_gone = true,
                (3, false) => row.status = "Cancelled",
                (4..12, true) => row.is_gone = false,
                _ => {}
            }
        }
        for (turn, hour) in [(week, 13), (week * 7 + 12, 14)] {
            let person = usize::try_from(turn).unwrap() % self.people.len();
            let start = working_day(today + Duration::days(5)).and_hms_opt(hour, 5, 0).unwrap();
            let id = self.rows.len();
            self.rows.push(Row { id, person, start, booked_on: today, status: "Scheduled", is_gone: false });
            let number = self.people[person].number.map(str::to_owned);
            self.log.visits.push(Course { number, stands: Vec::new() });
        }
        self.upload().await;
    }

    fn zone(&self, row: &Row) -> Tz {
        if self.people[row.person].location == OAK { America::New_York } else { America::Phoenix }
    }

    async fn upload(&mut self) {
        let now = self.now();
        let outcome = self.practice.import(&people::csv(&self.people, &self.rows)).await;
        assert_eq!(outcome.counts.rejected, 0, "{:?}", outcome.problems);
        for row in &self.rows {
            let begins = at(self.zone(row), row.start);
            if row.is_gone {
                // What the desk decided to keep stays as long as the file says nothing new.
                let stand =
                    self.log.visits[row.id].stands.last().copied().expect("it was in a file before it vanished");
                if stand.live && !self.kept.contains(&row.id) {
                    self.log.visits[row.id].stands.push(Stand { since: now, live: false, ..stand });
                }
                continue;
            }
            self.kept.remove(&row.id);
            self.heard.entry(row.id).or_insert_with(|| now_day(now));
            let live = row.status == "Scheduled";
            let stands = &mut self.log.visits[row.id].stands;
            if stands.last().is_none_or(|last| (last.start, last.live) != (row.start, live)) {
                stands.push(Stand { since: now, start: row.start, at: begins, live });
            }
        }
        self.learn_ids().await;
    }

    /// Which visit of the product's is which row: by name and start, as the desk sees them.
    async fn learn_ids(&mut self) {
        let known: BTreeSet<usize> = self.ids.values().copied().collect();
        let new: Vec<&Row> = self.rows.iter().filter(|row| !known.contains(&row.id)).collect();
        let days: BTreeSet<NaiveDate> = new.iter().map(|row| row.start.date()).collect();
        let mut seen = Vec::new();
        for day in days {
            seen.extend(
                self.practice.flow.board(self.practice.id, self.practice.staff, Some(day)).await.unwrap().visits,
            );
        }
        for row in new {
            let name = format!("Number{}", row.person);
            let is_it = |visit: &&BoardVisit| {
                visit.start.at == row.start && visit.patient.0.split(' ').any(|word| word == name)
            };
            let visit = seen.iter().find(is_it).unwrap_or_else(|| panic!("{row:?} is not on the board"));
            self.ids.insert(visit.id, row.id);
        }
    }

    /// Every reminder in the product's books.
    pub(super) async fn told(&self) -> Vec<Told> {
        let ids: Vec<AppointmentId> = self.ids.keys().copied().collect();
        let mut tx = self.practice.flow.store.read(Scope::Practice(self.practice.id)).await.unwrap();
        let reminders = tx.plan_reminders(self.practice.id, &ids).await.unwrap();
        let told = reminders.into_iter().map(|row| Told {
            visit: self.ids[&row.appointment],
            step: row.step.to_string(),
            state: row.state,
            reason: row.reason,
            due: row.due_at,
            notice: row.notice.map(|notice| (notice.id.to_string(), notice.state)),
        });
        told.collect()
    }

    /// What happened, with the carrier's own books.
    pub(super) fn end(&self) -> Log {
        Log { posts: self.practice.carrier.posts(), failed: self.practice.carrier.failed(), ..self.log.clone() }
    }

    /// Numbers whose consent column says no.
    pub(super) fn refusing(&self) -> BTreeSet<String> {
        let no = self.people.iter().filter(|person| person.consent == "No");
        no.filter_map(|person| person.number.map(str::to_owned)).collect()
    }

    /// Days of booking and of the first file.
    pub(super) fn booked(&self) -> BTreeMap<usize, (NaiveDate, NaiveDate)> {
        self.heard.iter().map(|(visit, heard)| (*visit, (self.rows[*visit].booked_on, *heard))).collect()
    }
}

fn now_day(now: Instant) -> NaiveDate {
    super::checker::local(now, America::New_York).date()
}
