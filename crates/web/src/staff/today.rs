//! The day's visits, what needs a person, and the desk's marks.

use super::{Access, Staff, policy};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Days, NaiveDate};
use kept_domain::{Answer, AppointmentId, AppointmentStatus, TaskId};
use kept_flow::answer::{AnsweredBy, Answering, Words};
use kept_flow::board::{Board, BoardVisit, Chip, Need};
use kept_render::staff;
use serde::Deserialize;

/// How much of what waits for a person stands above the day; the rest is folded up.
const NEEDS_SHOWN: usize = 3;

/// The script that watches for changes.
const SCRIPT: &str = "today.js";

#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    day: String,
    #[serde(default)]
    chip: String,
    #[serde(default)]
    location: String,
}

impl Filter {
    fn day(&self) -> Result<Option<NaiveDate>, WebError> {
        if self.day.is_empty() {
            return Ok(None);
        }
        self.day.parse().map(Some).map_err(|_| WebError::BadForm("day"))
    }

    /// The address to come back to after a mark.
    fn query(&self, day: NaiveDate) -> String {
        let mut query = format!("?day={day}");
        for (name, value) in [("chip", &self.chip), ("location", &self.location)] {
            // Only words that we write ourselves: nothing in an address is echoed unchecked.
            if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                query.extend(["&", name, "=", value]);
            }
        }
        query
    }

    fn admits(&self, visit: &BoardVisit) -> bool {
        (self.chip.is_empty() || self.chip == visit.chip.as_str())
            && (self.location.is_empty() || self.location == visit.location.to_string())
    }
}

pub(super) async fn show(
    State(state): State<WebState>,
    staff: Staff,
    Query(filter): Query<Filter>,
) -> Result<Response, WebError> {
    if !staff.role.works_at_desk() && staff.role.reads_report() {
        return Ok(Redirect::to("/staff/report").into_response());
    }
    staff.require(Access::Desk)?;
    let practice = staff.practice.practice.id;
    let board = state.flow.board(practice, staff.staff, filter.day()?).await?;
    let stamp = state.flow.board_stamp(practice, board.day).await?;
    let alarm = state.flow.birth_date_alarm(practice).await?;
    let context = staff::Today { alarm, ..page(&state, &staff, &filter, &board, stamp) };
    let html = state.flow.render.page(staff.locale, &context)?;
    Ok(Page::new(html, policy(&state, SCRIPT)).into_response())
}

/// What the page compares to know whether anything changed.
pub(super) async fn stamp(
    State(state): State<WebState>,
    staff: Staff,
    Query(filter): Query<Filter>,
) -> Result<String, WebError> {
    staff.require(Access::Desk)?;
    let day = filter.day()?.ok_or(WebError::BadForm("day"))?;
    state.flow.board_stamp(staff.practice.practice.id, day).await.map_err(WebError::from)
}

fn page(state: &WebState, staff: &Staff, filter: &Filter, board: &Board, stamp: String) -> staff::Today {
    let count = |chip: Chip| board.visits.iter().filter(|visit| visit.chip == chip).count();
    let chips = Chip::ALL
        .iter()
        .map(|chip| (choice(chip.as_str(), chip.as_str(), &filter.chip), count(*chip)))
        .filter(|(choice, count)| *count > 0 || choice.chosen)
        .collect();
    let places = &staff.practice.locations;
    let locations = if places.len() > 1 {
        places.iter().map(|open| choice(&open.location.id.to_string(), &open.location.name, &filter.location)).collect()
    } else {
        Vec::new()
    };
    let mut needs = needs(board);
    staff::Today {
        frame: staff.frame(state, "today", Some(SCRIPT)),
        day: board.day,
        before: board.day.checked_sub_days(Days::new(1)).unwrap_or(board.day).to_string(),
        after: board.day.checked_add_days(Days::new(1)).unwrap_or(board.day).to_string(),
        here: board.day.to_string(),
        is_today: board.day == board.today,
        query: filter.query(board.day),
        stamp,
        visits: board.visits.iter().filter(|visit| filter.admits(visit)).map(shown).collect(),
        total: board.visits.len(),
        chips,
        locations,
        more_needs: needs.split_off(needs.len().min(NEEDS_SHOWN)),
        needs,
        arrived: count(Chip::Arrived),
        alarm: None,
    }
}

fn choice(value: &str, label: &str, chosen: &str) -> staff::Choice {
    staff::Choice { value: value.to_owned(), label: label.to_owned(), chosen: value == chosen }
}

/// All that a person must look at: the urgent first, then tasks, visits to decide about and visits to enter elsewhere.
fn needs(board: &Board) -> Vec<staff::Need> {
    let held = board.to_decide.iter().filter_map(|visit| Some(of_visit(visit, "held", visit.held.as_deref()?)));
    let to_enter =
        board.to_decide.iter().filter_map(|visit| Some(of_visit(visit, "entered", visit.to_enter.as_deref()?)));
    let mut all: Vec<_> = board.needs.iter().map(task).chain(held).chain(to_enter).collect();
    all.sort_by_key(|need| !need.urgent);
    all
}

fn of_visit(visit: &BoardVisit, end: &'static str, why: &str) -> staff::Need {
    staff::Need {
        id: visit.id.to_string(),
        what: format!("{}.{why}", if end == "held" { "held" } else { "enter" }),
        end,
        urgent: false,
        since: None,
        visit: visit.id.to_string(),
        start: Some(visit.start.clone()),
        patient: Some(visit.patient.0.clone()),
        number: String::new(),
        perhaps: Vec::new(),
        words: Vec::new(),
    }
}

fn task(need: &Need) -> staff::Need {
    staff::Need {
        id: need.task.to_string(),
        what: format!("task.{}", need.kind),
        end: "done",
        urgent: need.kind == "urgent",
        since: Some(need.since),
        visit: need.visit.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default(),
        start: need.visit.as_ref().map(|(_, start)| start.clone()),
        number: need.number.as_ref().map(|number| number.0.clone()).unwrap_or_default(),
        perhaps: need.perhaps.iter().map(|name| name.0.clone()).collect(),
        patient: need.patient.as_ref().map(|name| name.0.clone()),
        words: need.words.iter().map(|word| word.0.clone()).collect(),
    }
}

fn shown(visit: &BoardVisit) -> staff::Visit {
    use AppointmentStatus as S;
    let marks: &[S] = match visit.status {
        S::Proposed | S::Pending | S::Booked | S::Waitlist => &[S::Arrived, S::Fulfilled, S::Noshow, S::Cancelled],
        S::Arrived | S::CheckedIn => &[S::Fulfilled, S::Booked],
        S::Fulfilled | S::Cancelled | S::Noshow | S::EnteredInError => &[S::Booked],
    };
    let answers: &[Answer] = match (visit.status.is_expected(), visit.answer) {
        (false, _) => &[],
        (true, Answer::Accepted) => &[Answer::Declined],
        (true, Answer::NeedsAction | Answer::Declined | Answer::Tentative) => &[Answer::Accepted, Answer::Declined],
    };
    let facts = [visit.practitioner.clone(), visit.visit_type.clone(), Some(visit.location_name.clone())];
    staff::Visit {
        id: visit.id.to_string(),
        start: visit.start.clone(),
        patient: visit.patient.0.clone(),
        facts: facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect(),
        chip: visit.chip.as_str(),
        status: visit.status.as_str(),
        answered: visit.answered,
        via: visit.answer_via.filter(|_| visit.answered.is_some()).map_or("", kept_domain::AnswerVia::as_str),
        silence: visit.silence.map_or("", kept_domain::SkipReason::as_str),
        next: visit.next_message,
        marks: marks.iter().map(|mark| mark.as_str()).collect(),
        answers: answers.iter().map(|answer| answer.as_str()).collect(),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Mark {
    status: AppointmentStatus,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeskAnswer {
    answer: Answer,
}

#[derive(Debug, Deserialize)]
pub(super) struct HeldChoice {
    choice: String,
}

fn back(filter: &Filter, anchor: Option<AppointmentId>) -> Result<Response, WebError> {
    let day = filter.day()?;
    let query = day.map(|day| filter.query(day)).unwrap_or_default();
    let anchor = anchor.map(|id| format!("#v-{id}")).unwrap_or_default();
    Ok(Redirect::to(&format!("/staff/today{query}{anchor}")).into_response())
}

pub(super) fn visit_id(text: &str) -> Result<AppointmentId, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}

pub(super) async fn mark(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Query(filter): Query<Filter>,
    Form(mark): Form<Mark>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    state.flow.mark_outcome(staff.practice.practice.id, staff.staff, id, mark.status).await?;
    back(&filter, Some(id))
}

pub(super) async fn answer(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Query(filter): Query<Filter>,
    Form(said): Form<DeskAnswer>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    let answering = Answering {
        appointment: id,
        revision: None,
        answer: said.answer,
        by: AnsweredBy::Desk(staff.staff),
        words: Words::default(),
    };
    state.flow.record_answer(staff.practice.practice.id, answering).await?;
    back(&filter, Some(id))
}

pub(super) async fn held(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Query(filter): Query<Filter>,
    Form(choice): Form<HeldChoice>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, id) = (staff.practice.practice.id, visit_id(&visit)?);
    match choice.choice.as_str() {
        "keep" => state.flow.keep_held(practice, staff.staff, id).await?,
        "cancelled" => state.flow.mark_outcome(practice, staff.staff, id, AppointmentStatus::Cancelled).await?,
        _ => return Err(WebError::BadForm("choice")),
    };
    back(&filter, None)
}

pub(super) async fn entered(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    state.flow.note_entered(staff.practice.practice.id, staff.staff, visit_id(&visit)?).await?;
    back(&filter, None)
}

pub(super) async fn task_done(
    State(state): State<WebState>,
    staff: Staff,
    Path(task): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let task: TaskId = task.parse().map_err(|_| WebError::NotFound)?;
    state.flow.close_task(staff.practice.practice.id, staff.staff, task).await?;
    back(&filter, None)
}

/// The desk has looked at the alarm: birth dates are taken again.
pub(super) async fn lift_alarm(State(state): State<WebState>, staff: Staff) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    state.flow.lift_birth_date_alarm(staff.practice.practice.id, staff.staff).await?;
    Ok(Redirect::to("/staff/today").into_response())
}

pub(super) async fn close_day(
    State(state): State<WebState>,
    staff: Staff,
    Path(day): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let day: NaiveDate = day.parse().map_err(|_| WebError::BadForm("day"))?;
    let number = i64::from(kept_domain::time::day_number(day));
    state.flow.close_day(staff.practice.practice.id, staff.staff, number).await?;
    Ok(Redirect::to(&format!("/staff/today?day={day}")).into_response())
}
