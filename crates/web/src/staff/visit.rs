//! One visit and its patient: the number, consent, a fresh link, the birth-date guard, calls, everything sent.

use super::messages::{Said, line, said, why};
use super::today::visit_id;
use super::{Access, Staff, plain_policy};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use kept_domain::{AppointmentId, Channel, Locale};
use kept_flow::FlowError;
use kept_flow::calls::CallAct;
use kept_flow::consent::{ConsentAct, ConsentBasis, Heard};
use kept_flow::desk::{ConsentSaid, NumberEntered};
use kept_flow::outbox::Place;
use kept_flow::visit::{ConsentEvent, Contact};
use kept_render::messages::OUTCOMES;
use kept_render::staff::Choice;
use kept_render::visit as page;
use serde::Deserialize;

/// What was done and did not do what was asked for, by word of `said.…`.
const DID_NOT: [&str; 8] = [
    "too-late",
    "number-unreadable",
    "number-no-consent",
    "number-opted-out",
    "link-refused",
    "erase-sure",
    "erase-visits",
    "erase-messages",
];

pub(super) async fn show(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Query(query): Query<Said>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    let panel = state.flow.visit_panel(staff.practice.practice.id, staff.staff, id).await?;
    let visit = &panel.visit;
    let facts = [visit.practitioner.clone(), visit.visit_type.clone(), Some(visit.location_name.clone())];
    let contacts: Vec<page::Contact> = panel.contacts.iter().map(contact).collect();
    let number = contacts.iter().find(|contact| contact.channel == Channel::Sms.as_str());
    let said = said(&query.said);
    let context = page::VisitPanel {
        frame: staff.frame(&state, "today", None),
        id: id.to_string(),
        patient: visit.patient.0.clone(),
        start: visit.start.clone(),
        day: visit.start.at.date().to_string(),
        facts: facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect(),
        chip: visit.chip.as_str(),
        why: why(Place::NotSent, visit.silence.map(kept_domain::SkipReason::as_str)),
        next: visit.next_message,
        to_come: panel.to_come,
        held: visit.held.clone().unwrap_or_default(),
        has_number: number.is_some(),
        may_text: panel.to_come && number.is_some_and(|number| number.allowed && number.suspended.is_empty()),
        contacts,
        carrier_blocks: panel.carrier_blocks,
        sender: panel.sender.clone().unwrap_or_default(),
        languages: languages(&staff, panel.preference.locale),
        consents: panel.consents.iter().map(event).collect(),
        lines: panel.log.iter().map(|one| line(&state, &staff, one)).collect::<Result<_, _>>()?,
        failures: panel.guarded.failures,
        blocked: panel.guarded.blocked,
        has_birth_date: visit.has_birth_date,
        outcomes: OUTCOMES.to_vec(),
        may_erase: staff.require(Access::Administrator).is_ok() && !panel.to_come && !visit.erased,
        erased: visit.erased,
        failed: DID_NOT.contains(&said.as_str()),
        said,
    };
    let html = state.flow.render.page(staff.locale, &context)?;
    Ok(Page::new(html, plain_policy()).into_response())
}

/// Languages offered, the patient's marked; with none on record, an empty choice first.
fn languages(staff: &Staff, known: Option<Locale>) -> Vec<Choice> {
    let choice = |value: &str, chosen| Choice { value: value.to_owned(), label: value.to_owned(), chosen };
    let offered = &staff.practice.practice.settings.locales;
    let unknown = known.is_none().then(|| choice("", true));
    let all = offered.iter().map(|locale| choice(locale.as_str(), known == Some(*locale)));
    unknown.into_iter().chain(all).collect()
}

fn contact(contact: &Contact) -> page::Contact {
    let known = |word: &String| page::SUSPENSIONS.contains(&word.as_str());
    let suspended = contact.suspended.as_ref();
    page::Contact {
        channel: contact.channel.as_str(),
        value: contact.value.0.clone(),
        suspended: suspended
            .map(|word| if known(word) { word.clone() } else { "other".to_owned() })
            .unwrap_or_default(),
        consent: contact.consent.map_or("none", ConsentAct::as_str),
        allowed: contact.consent.is_some_and(ConsentAct::allows),
    }
}

fn event(event: &ConsentEvent) -> page::ConsentEvent {
    page::ConsentEvent {
        at: event.at,
        channel: event.channel.as_str(),
        act: event.act.as_str(),
        how: how(event.basis, &event.wording),
        staff: event.staff.as_ref().map(|name| name.0.clone()).unwrap_or_default(),
    }
}

/// The key of the phrase for what an entry rests on: its wording where that is one of ours, its basis otherwise.
pub(crate) fn how(basis: ConsentBasis, wording: &str) -> String {
    // Of an upload's wording the file's hash follows after a blank.
    let word = wording.split(' ').next().unwrap_or_default().replace('.', "-");
    if page::WORDINGS.contains(&word.as_str()) { format!("wording.{word}") } else { format!("basis.{basis}") }
}

/// Back to the page of a visit, which says what was done.
pub(super) fn back(visit: &AppointmentId, said: &str) -> Response {
    Redirect::to(&format!("/staff/visits/{visit}?said={said}")).into_response()
}

#[derive(Deserialize)]
pub(super) struct Number {
    #[serde(default)]
    number: String,
    #[serde(default)]
    agrees: String,
}

pub(super) async fn number(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Form(form): Form<Number>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, id) = (staff.practice.practice.id, visit_id(&visit)?);
    let agrees = form.agrees == "yes";
    let said = match state.flow.enter_number(practice, staff.staff, id, &form.number, agrees).await? {
        NumberEntered::Done => "number",
        NumberEntered::WithoutConsent => "number-no-consent",
        NumberEntered::OptedOut => "number-opted-out",
        NumberEntered::Unreadable => "number-unreadable",
    };
    Ok(back(&id, said))
}

#[derive(Debug, Deserialize)]
pub(super) struct Language {
    #[serde(default)]
    language: String,
}

pub(super) async fn language(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Form(form): Form<Language>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    if form.language.is_empty() {
        return Ok(back(&id, "nothing"));
    }
    let locale: Locale = form.language.parse().map_err(|_| WebError::BadForm("language"))?;
    if !staff.practice.practice.settings.locales.contains(&locale) {
        return Err(WebError::BadForm("language"));
    }
    state.flow.enter_language(staff.practice.practice.id, staff.staff, id, locale).await?;
    Ok(back(&id, "language"))
}

#[derive(Debug, Deserialize)]
pub(super) struct OnChannel {
    channel: Channel,
}

pub(super) async fn wrong_number(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Form(form): Form<OnChannel>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    state.flow.mark_wrong_number(staff.practice.practice.id, staff.staff, id, form.channel).await?;
    Ok(back(&id, "wrong-number"))
}

pub(super) async fn release(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Form(form): Form<OnChannel>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    let released = state.flow.release_number(staff.practice.practice.id, staff.staff, id, form.channel).await?;
    Ok(back(&id, if released { "released" } else { "nothing" }))
}

#[derive(Debug, Deserialize)]
pub(super) struct Consent {
    channel: Channel,
    said: String,
}

pub(super) async fn consent(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Form(form): Form<Consent>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, id) = (staff.practice.practice.id, visit_id(&visit)?);
    let (said, word) = match form.said.as_str() {
        "agrees" => (ConsentSaid::Agrees, "agreed"),
        "again" => (ConsentSaid::Again, "again"),
        way => {
            let how: Heard = way.parse().map_err(|_| WebError::BadForm("said"))?;
            (ConsentSaid::Stop(how), "stopped")
        }
    };
    let changed = state.flow.record_consent(practice, staff.staff, id, form.channel, said).await?;
    Ok(back(&id, if changed { word } else { "nothing" }))
}

pub(super) async fn link(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    let sent = match state.flow.text_link(staff.practice.practice.id, staff.staff, id).await {
        Ok(sent) => sent,
        // The visit is there (it has a page), its number or its time to come is not.
        Err(FlowError::NotFound { what }) if what != "visit" => false,
        Err(error) => return Err(error.into()),
    };
    Ok(back(&id, if sent { "link" } else { "link-refused" }))
}

pub(super) async fn guard(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    state.flow.reset_birth_date_guard(staff.practice.practice.id, staff.staff, id).await?;
    Ok(back(&id, "guard"))
}

#[derive(Debug, Deserialize)]
pub(super) struct Call {
    act: CallAct,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    back: String,
}

pub(super) async fn call(
    State(state): State<WebState>,
    staff: Staff,
    Path(visit): Path<String>,
    Query(from): Query<From>,
    Form(form): Form<Call>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let id = visit_id(&visit)?;
    state.flow.note_call(staff.practice.practice.id, staff.staff, id, form.act).await?;
    if from.back == "panel" {
        return Ok(back(&id, "call"));
    }
    let said = if matches!(form.act, CallAct::Taken | CallAct::Left) { "" } else { "?said=call" };
    Ok(Redirect::to(&format!("/staff/calls{said}#c-{id}")).into_response())
}
