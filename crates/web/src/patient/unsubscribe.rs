//! `/{slug}/u/{token}`: "no more mail". A GET shows a page with one button and changes nothing; the POST opts out, from the
//! page or from a mail provider that presses for the reader (RFC 8058: no cookie, no page before it, any body).

use super::{frame, language, policy, practice};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Router;
use axum::extract::{Path, State};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderMap;
use kept_flow::unsubscribe;
use kept_render::patient::StopMailPage;

/// Not among the other pages: a mail provider's request comes from another site, and is welcome.
pub(crate) fn routes() -> Router<WebState> {
    Router::new().route("/{slug}/u/{token}", get(show).post(stop)).route_layer(from_fn(crate::trace::route))
}

async fn show(
    State(state): State<WebState>,
    Path((slug, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    answer(&state, &slug, &token, &headers, false).await
}

async fn stop(
    State(state): State<WebState>,
    Path((slug, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    let known = practice(&state, &slug).await?;
    if !state.flow.unsubscribe(known.practice.id, &token).await? {
        return Err(WebError::NotFound);
    }
    answer(&state, &slug, &token, &headers, true).await
}

async fn answer(
    state: &WebState,
    slug: &str,
    token: &str,
    headers: &HeaderMap,
    done: bool,
) -> Result<Response, WebError> {
    let known = practice(state, slug).await?;
    let mail = unsubscribe::language(&known, token).ok_or(WebError::NotFound)?;
    let locale = language::choose(headers, Some(mail), &known.practice.settings.locales);
    let page = StopMailPage { frame: frame(state, Some(&known), locale), done };
    Ok(Page::new(state.flow.render.page(locale, &page)?, policy(state)).into_response())
}
