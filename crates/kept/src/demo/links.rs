//! Fresh links to visits to come, for whoever tries pages with a program (`kept demo --json`).

use crate::exit::Failure;
use kept_domain::{Answer, AppointmentStatus, Instant};
use kept_flow::Flow;
use kept_flow::audit::Actor;
use kept_flow::setup::CreatedPractice;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// How many.
pub const LINKS: usize = 24;
/// Days ahead that are looked at.
const DAYS: u64 = 10;

/// A link, and what opens it.
#[derive(Clone, Serialize)]
pub struct Fresh {
    /// The whole address, secret included: the people here are made up.
    link: String,
    /// Asked for by the portal.
    birth_date: String,
    /// Whether the link serves several patients.
    shared: bool,
}

/// Links to visits of different English-speaking patients that nobody has answered yet, tomorrow or later.
pub async fn fresh(flow: &Flow, made: &CreatedPractice, at: Instant, csv: &str) -> Result<Vec<Fresh>, Failure> {
    // The calendar that was imported says who was born when: name and start name a row.
    let mut born: HashMap<(String, String), &str> = HashMap::new();
    for row in csv.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        if let [_, _, given, family, birth_date, _, _, "English", date, time, ..] = cells.as_slice() {
            born.insert((format!("{given} {family}"), format!("{date} {time}")), birth_date);
        }
    }
    let zone = flow.practice(made.id).await?.practice.time_zone;
    let (mut found, mut people) = (Vec::new(), HashSet::new());
    for day in at.local_day(zone).iter_days().skip(1).take(usize::try_from(DAYS).unwrap_or_default()) {
        for visit in flow.board(made.id, made.admin.id, Some(day)).await?.visits {
            let key = (visit.patient.0.clone(), visit.start.at.format("%Y-%m-%d %H:%M").to_string());
            let waits = visit.status == AppointmentStatus::Booked && visit.answer == Answer::NeedsAction;
            let Some(birth_date) = born.get(&key).filter(|_| waits && visit.has_birth_date) else { continue };
            if people.insert((key.0, *birth_date)) {
                let link = flow.new_link(made.id, visit.id, Actor::System).await?;
                found.push(Fresh {
                    link: link.url.reveal().to_owned(),
                    birth_date: (*birth_date).to_owned(),
                    shared: false,
                });
            }
            if found.len() == LINKS {
                return Ok(found);
            }
        }
    }
    Ok(found)
}
