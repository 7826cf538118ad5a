//! Kept over HTTP: the patient's portal, the front desk, the webhooks of carriers, and the sandbox's phone.
//!
//! Server-rendered pages and forms. This crate never sees a key or a row: it turns requests into calls of
//! `kept-flow` and read models into pages of `kept-render`. Every answer carries the headers of [`headers`]; every
//! page its own content security policy ([`csp`]); every limit stands in [`limits`].

mod assets;
mod client;
mod cookie;
pub mod csp;
mod error;
mod headers;
mod hooks;
pub mod limits;
mod page;
mod patient;
mod problem;
pub mod sandbox;
pub mod staff;
mod state;
mod trace;

pub use assets::{Assets, Inline};
pub use error::WebError;
pub use page::Page;
pub use state::{Settings, WebState};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

/// Everything that is served on the public address.
pub fn router(state: WebState) -> Router {
    // People's pages: what goes wrong there is shown as a page with one sentence and the practice's phone.
    let pages = Router::new()
        .merge(patient::routes())
        .merge(staff::routes())
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(from_fn(headers::same_origin));
    let pages = for_people(pages, &state);

    // The one page whose form may come from anywhere: mail providers press it for their readers (RFC 8058).
    let stop_mail = for_people(patient::stop_mail_routes(), &state);

    Router::new()
        .merge(assets::routes())
        .merge(hooks::routes())
        .merge(sandbox::routes())
        .merge(stop_mail)
        .merge(pages)
        .layer(DefaultBodyLimit::max(limits::FORM_BODY_BYTES))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(from_fn_with_state(state.clone(), headers::secure))
        .layer(from_fn_with_state(state.clone(), trace::request))
        .with_state(state)
}

/// What goes wrong becomes a page, a panic too.
fn for_people(pages: Router<WebState>, state: &WebState) -> Router<WebState> {
    pages
        .layer(TimeoutLayer::with_status_code(http::StatusCode::SERVICE_UNAVAILABLE, limits::REQUEST_TIME))
        .layer(CatchPanicLayer::custom(problem::after_panic_in_page))
        .layer(from_fn_with_state(state.clone(), problem::as_page))
}
