//! Who works here and where: an administrator adds people and locations, gives a new first password, lets people go.

use super::settings::text;
use super::{Access, Staff, plain_policy};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use kept_domain::{Locale, StaffId};
use kept_flow::audit::Actor;
use kept_flow::people::{MAX_PLACE_NAME, NewPlace, Person};
use kept_flow::settings::MAX_ALIAS_CHARS;
use kept_flow::setup::{MAX_PERSON_NAME, NewPerson, SetupError};
use kept_flow::staff::Role;
use kept_render::people as page;
use kept_render::staff::Choice;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    said: String,
}

/// What a page shows beside who and where.
#[derive(Default)]
struct Shown {
    person: page::PersonForm,
    place: page::PlaceForm,
    role: Option<Role>,
    language: Option<Locale>,
    person_fault: &'static str,
    place_fault: &'static str,
    /// The person whose first password was just made, and the password.
    fresh: Option<(StaffId, String)>,
    said: String,
}

pub(super) async fn show(
    State(state): State<WebState>,
    staff: Staff,
    Query(query): Query<Said>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let said = if page::SAID.contains(&query.said.as_str()) { query.said } else { String::new() };
    Ok(answer(&state, &staff, Shown { said, ..Shown::default() }).await?.into_response())
}

async fn answer(state: &WebState, staff: &Staff, shown: Shown) -> Result<Page, WebError> {
    let open = &staff.practice;
    let people = state.flow.people(open.practice.id, Actor::Staff(staff.staff)).await?;
    let url = format!("{}/staff/sign-in?practice={}", state.settings.public_url, open.practice.slug);
    let fresh = shown.fresh.and_then(|(id, password)| {
        let one = people.iter().find(|person| person.id == id)?;
        Some(page::Fresh { name: one.name.0.clone(), email: one.email.0.clone(), password, url })
    });
    let choice = |value: &str, chosen| Choice { value: value.to_owned(), label: value.to_owned(), chosen };
    let role = shown.role.unwrap_or(Role::FrontDesk);
    let language = shown.language.unwrap_or(staff.locale);
    let context = page::People {
        frame: staff.frame(state, "settings", None),
        people: people.iter().map(|one| line(staff, one)).collect(),
        // As they are now: the session's copy may be a moment older.
        places: state.flow.practice(open.practice.id).await?.locations.iter().map(place).collect(),
        roles: Role::ALL.iter().map(|one| choice(one.as_str(), *one == role)).collect(),
        languages: Locale::ALL.iter().map(|one| choice(one.as_str(), *one == language)).collect(),
        person: shown.person,
        place: shown.place,
        person_fault: shown.person_fault,
        place_fault: shown.place_fault,
        fresh,
        said: shown.said,
        most_name: MAX_PERSON_NAME,
        most_place: MAX_PLACE_NAME,
        most_alias: MAX_ALIAS_CHARS,
    };
    Ok(Page::new(state.flow.render.page(staff.locale, &context)?, plain_policy()))
}

fn line(staff: &Staff, one: &Person) -> page::PersonLine {
    page::PersonLine {
        id: one.id.to_string(),
        name: one.name.0.clone(),
        email: one.email.0.clone(),
        role: one.role.as_str(),
        waiting: one.must_change,
        own: one.id == staff.staff,
    }
}

fn place(one: &kept_flow::OpenLocation) -> page::PlaceLine {
    page::PlaceLine { name: one.location.name.clone(), zone: one.location.time_zone.name() }
}

/// The word of a fault on the page; what is no fault of the form goes on as it is.
fn fault(error: SetupError) -> Result<&'static str, WebError> {
    Ok(match error {
        SetupError::PersonName => "person-name",
        SetupError::Email => "email",
        SetupError::EmailTaken => "email-taken",
        SetupError::LastAdministrator => "last-administrator",
        SetupError::PlaceName | SetupError::Name => "place-name",
        SetupError::PlaceTaken | SetupError::Taken(_) => "place-taken",
        SetupError::Zone => "zone",
        SetupError::PlaceAlias => "place-alias",
        SetupError::PlacePhone => "place-phone",
        SetupError::Flow(error) => return Err(error.into()),
    })
}

async fn refused(state: &WebState, staff: &Staff, shown: Shown) -> Result<Response, WebError> {
    Ok(answer(state, staff, shown).await?.status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
}

pub(super) async fn add(
    State(state): State<WebState>,
    staff: Staff,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let role: Role = text(&form, "role").parse().map_err(|_| WebError::BadForm("role"))?;
    let locale: Locale = text(&form, "language").parse().map_err(|_| WebError::BadForm("language"))?;
    let person = page::PersonForm { name: text(&form, "name").to_owned(), email: text(&form, "email").to_owned() };
    let new = NewPerson {
        name: person.name.clone(),
        email: person.email.clone(),
        role: role.as_str(),
        locale,
        password: None,
        must_change: true,
    };
    match state.flow.add_person(staff.practice.practice.id, Actor::Staff(staff.staff), &new).await {
        // The password stands in this one answer and in no address.
        Ok(made) => {
            let shown = Shown { fresh: Some((made.id, made.password)), ..Shown::default() };
            Ok(answer(&state, &staff, shown).await?.into_response())
        }
        Err(error) => {
            let person_fault = fault(error)?;
            let shown = Shown { person, role: Some(role), language: Some(locale), person_fault, ..Shown::default() };
            refused(&state, &staff, shown).await
        }
    }
}

fn person_id(text: &str) -> Result<StaffId, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}

pub(super) async fn renew(
    State(state): State<WebState>,
    staff: Staff,
    Path(person): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let id = person_id(&person)?;
    let made = match state.flow.renew_password(staff.practice.practice.id, Actor::Staff(staff.staff), id).await {
        Ok(made) => made,
        Err(error) => return Err(fault(error).err().unwrap_or(WebError::NotFound)),
    };
    let shown = Shown { fresh: Some((made.id, made.password)), ..Shown::default() };
    Ok(answer(&state, &staff, shown).await?.into_response())
}

pub(super) async fn leave(
    State(state): State<WebState>,
    staff: Staff,
    Path(person): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let id = person_id(&person)?;
    match state.flow.let_go(staff.practice.practice.id, Actor::Staff(staff.staff), id).await {
        Ok(()) => Ok(Redirect::to("/staff/people?said=left").into_response()),
        Err(error) => {
            let person_fault = fault(error)?;
            refused(&state, &staff, Shown { person_fault, ..Shown::default() }).await
        }
    }
}

pub(super) async fn add_place(
    State(state): State<WebState>,
    staff: Staff,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let value = |name| text(&form, name).to_owned();
    let new = NewPlace { name: value("name"), time_zone: value("zone"), alias: value("alias"), phone: value("phone") };
    match state.flow.add_place(staff.practice.practice.id, Actor::Staff(staff.staff), &new).await {
        Ok(_) => Ok(Redirect::to("/staff/people?said=place").into_response()),
        Err(error) => {
            let place_fault = fault(error)?;
            let NewPlace { name, time_zone: zone, alias, phone } = new;
            let place = page::PlaceForm { name, zone, alias, phone };
            refused(&state, &staff, Shown { place, place_fault, ..Shown::default() }).await
        }
    }
}
