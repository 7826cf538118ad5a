//! The time machine: one page that shows the clock and moves it.

use super::hands::Hands;
use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use chrono::Duration;
use kept_domain::Locale;
use kept_flow::FlowError;
use kept_render::demo::{Event, Machine, Player};
use kept_web::csp::Csp;
use kept_web::{Assets, Page};
use serde::Deserialize;
use std::sync::Arc;

/// Where it is.
pub const PATH: &str = "/demo";

/// What the page shows and does not change.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The practice's name.
    pub practice: String,
    /// Whom the visitor plays.
    pub player: Player,
    /// Address of the player's phone.
    pub phone: String,
    /// Address of the front desk.
    pub desk: String,
    /// Address of the report.
    pub manager: String,
    /// Signs in.
    pub email: String,
    /// Signs in.
    pub password: String,
}

#[derive(Debug, Clone)]
struct Here {
    facts: Arc<Facts>,
    hands: Arc<Hands>,
    assets: Arc<Assets>,
}

/// How far to move the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Next,
    Hour,
    Day,
    Week,
}

#[derive(Debug, Deserialize)]
struct Move {
    by: By,
}

/// The page and its button.
pub fn routes(facts: Facts, hands: Arc<Hands>, assets: Arc<Assets>) -> Router {
    let here = Here { facts: Arc::new(facts), hands, assets };
    Router::new()
        .route("/", get(|| async { Redirect::to(PATH) }))
        .route(PATH, get(show))
        .route(&format!("{PATH}/advance"), post(advance))
        .with_state(here)
}

async fn show(State(here): State<Here>) -> Response {
    let (now, zone) = here.hands.now();
    let machine = Machine {
        stylesheet: here.assets.url("demo.css").to_owned(),
        practice: here.facts.practice.clone(),
        now,
        zone: zone.name().to_owned(),
        player: here.facts.player.clone(),
        phone: here.facts.phone.clone(),
        desk: here.facts.desk.clone(),
        manager: here.facts.manager.clone(),
        email: here.facts.email.clone(),
        password: here.facts.password.clone(),
        events: here.hands.events().await,
        more: match here.hands.waits().await {
            Ok(waits) => waits,
            Err(error) => return failed(&error),
        },
    };
    match here.hands.flow().render.page(Locale::En, &machine) {
        Ok(html) => Page::new(html, Csp::new().style("'self'")).into_response(),
        Err(error) => failed(&error.into()),
    }
}

async fn advance(State(here): State<Here>, headers: HeaderMap, Form(wanted): Form<Move>) -> Response {
    // Another page in the same browser must not move the clock.
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok()).unwrap_or("none");
    if !["same-origin", "none"].contains(&site) {
        return StatusCode::FORBIDDEN.into_response();
    }
    // On a thread of its own: what people do at each stop is an async closure, whose future cannot be shown to be `Send`.
    let (hands, runtime) = (here.hands.clone(), tokio::runtime::Handle::current());
    let moving = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            match wanted.by {
                By::Next => hands.to_the_next().await,
                By::Hour => hands.by(Duration::hours(1)).await,
                By::Day => hands.by(Duration::days(1)).await,
                By::Week => hands.by(Duration::weeks(1)).await,
            }
        })
    });
    let moved = match moving.await {
        Ok(moved) => moved,
        Err(error) => {
            tracing::error!(%error, "the time machine broke");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    match moved {
        Ok(()) => (StatusCode::SEE_OTHER, [(http::header::LOCATION, PATH)]).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &FlowError) -> Response {
    tracing::error!(%error, "the time machine failed");
    (StatusCode::SERVICE_UNAVAILABLE, "The time machine failed; the log says why. Go back and try again.\n")
        .into_response()
}

/// What happened until a moment, for the page.
pub fn event(at: chrono::NaiveDateTime, texts: usize, answers: usize, outcomes: usize) -> Event {
    Event { at, texts, answers, outcomes }
}
