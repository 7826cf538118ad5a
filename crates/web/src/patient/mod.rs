//! The patient's portal: one public page per practice, then plain forms.
//!
//! | page | address | level |
//! |---|---|---|
//! | P0 link | `GET /{slug}/l` | none |
//! | open | `POST /{slug}/open` | the link |
//! | P1 identify | `GET POST /{slug}/identify` | 0 |
//! | wrong person | `GET /{slug}/not-me` | none |
//! | P2 visit | `GET /{slug}/visit` | 1 |
//! | answers | `POST /{slug}/visit/{n}/confirm`, `GET POST …/cancel`, `GET POST …/another-time` | 1 |
//! | P8 done | `GET /{slug}/visit/{n}/done` | 1 |
//! | reminders and language | `GET POST /{slug}/reminders` | 1 |
//! | a new link | `GET POST /{slug}/new-link`, `GET …/asked` | none; says nothing of anybody |
//! | no more mail | `GET POST /{slug}/u/{token}` | the token of a mail; opts out, and nothing else |
//! | calendar | `GET /{slug}/visit/{n}/calendar` → `…/appointment.ics` | 1 |

mod answers;
mod calendar;
mod front;
mod identify;
pub(crate) mod language;
mod new_link;
mod unsubscribe;
mod visit;
mod wishes;

pub(crate) use front::Fronts;
pub(crate) use unsubscribe::routes as stop_mail_routes;

use crate::cookie;
use crate::csp::Csp;
use crate::error::WebError;
use crate::problem::Problem;
use crate::state::WebState;
use axum::Router;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kept_domain::Locale;
use kept_flow::OpenPractice;
use kept_flow::portal::{IDLE, Session};
use kept_render::patient::Frame;
use std::sync::Arc;

/// Level 0: sealed, names the link.
const LINK_COOKIE: &str = "__Host-kept-link";
/// Level 1: a session's token.
const SESSION_COOKIE: &str = "__Host-kept-visit";
/// A remembered device's token.
const DEVICE_COOKIE: &str = "__Host-kept-device";

pub(crate) fn routes() -> Router<WebState> {
    Router::new()
        .route("/{slug}/l", get(front::show))
        .route("/{slug}/open", post(identify::open))
        .route("/{slug}/identify", get(identify::show).post(identify::check))
        .route("/{slug}/not-me", get(identify::not_me))
        .route("/{slug}/visit", get(visit::show))
        .route("/{slug}/visit/{ordinal}/confirm", post(answers::confirm))
        .route("/{slug}/visit/{ordinal}/cancel", get(answers::ask_cancel).post(answers::cancel))
        .route("/{slug}/visit/{ordinal}/another-time", get(answers::ask_another).post(answers::another))
        .route("/{slug}/visit/{ordinal}/done", get(visit::done))
        .route("/{slug}/visit/{ordinal}/calendar", get(calendar::redirect))
        .route("/{slug}/visit/{ordinal}/appointment.ics", get(calendar::file))
        .route("/{slug}/reminders", get(wishes::show).post(wishes::decide))
        .route("/{slug}/close", post(visit::close))
        .route("/{slug}/language", get(language::switch))
        .route("/{slug}/new-link", get(new_link::show).post(new_link::ask))
        .route("/{slug}/new-link/asked", get(new_link::asked))
        .route_layer(from_fn(crate::trace::route))
}

/// What stands around every page of a practice; without one (an unknown address) only Kept's own words.
pub(crate) fn frame(state: &WebState, practice: Option<&OpenPractice>, locale: Locale) -> Frame {
    let facts = practice.map(|known| &known.practice);
    let others = facts.map_or(&[][..], |known| &known.settings.locales);
    Frame {
        practice: facts.map(|known| known.alias.clone()),
        slug: facts.map(|known| known.slug.clone()).unwrap_or_default(),
        phone: facts.and_then(|known| known.phone.clone()),
        other_languages: others.iter().copied().filter(|&other| other != locale).collect(),
        here: None,
        css: state.assets.inline("patient.css").text.to_owned(),
        script: state.assets.inline("patient.js").text.to_owned(),
        demo: state.settings.demo,
        idle_s: None,
    }
}

/// What a patient's page may do: its own style and script, by hash.
pub(crate) fn policy(state: &WebState) -> Csp {
    Csp::new().style(state.assets.source("patient.css")).script(state.assets.source("patient.js"))
}

/// The practice of an address.
async fn practice(state: &WebState, slug: &str) -> Result<Arc<OpenPractice>, WebError> {
    state.fronts.practice(state, slug).await?.ok_or(WebError::NotFound)
}

/// The live session of a browser; without one, the page that says so.
async fn session(state: &WebState, practice: &OpenPractice, headers: &HeaderMap) -> Result<Session, Refused> {
    let token = cookie::read(headers, SESSION_COOKIE).ok_or(Refused::Problem(Problem::Closed))?;
    let session = state.flow.portal_session(practice.practice.id, token).await?;
    session.ok_or(Refused::Problem(Problem::Closed))
}

/// The frame of a page at level 1: the practice's full name, and the time until it closes.
fn private_frame(state: &WebState, practice: &OpenPractice, locale: Locale, here: &'static str) -> Frame {
    Frame {
        practice: Some(practice.practice.name.clone()),
        here: Some(here),
        idle_s: Some(IDLE.num_seconds()),
        ..frame(state, Some(practice), locale)
    }
}

/// Go on with a GET (RFC 9110 §15.4.4), so that going back or reloading sends no form again.
fn see_other(slug: &str, rest: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let place = HeaderValue::try_from(format!("/{slug}/{rest}")).expect("slugs and our own paths are ASCII");
    response.headers_mut().insert(header::LOCATION, place);
    response
}

/// A page that is not shown, as a problem or a failure.
enum Refused {
    Problem(Problem),
    Failed(WebError),
}

impl<E: Into<WebError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = match self {
            Self::Failed(error) => return error.into_response(),
            Self::Problem(problem) => problem,
        };
        let status = match problem {
            Problem::LinkDead => StatusCode::NOT_FOUND,
            Problem::Closed | Problem::Blocked | Problem::NoBirthDate => StatusCode::FORBIDDEN,
            Problem::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Left | Problem::WrongPerson => StatusCode::OK,
            Problem::BadForm => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::CONFLICT,
        };
        problem.response(status)
    }
}
