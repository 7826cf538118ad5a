//! "Text me a new link": a form with a mobile number, and one answer for everybody.
//!
//! Nothing that depends on the number happens before the answer: it is counted, known or not, and what follows is done
//! apart from the request.

use super::{Refused, frame, language, policy, practice, see_other};
use crate::client::Client;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use kept_render::patient::NewLinkPage;
use serde::Deserialize;

/// The form. Prints nothing of itself.
#[derive(Deserialize)]
pub(crate) struct Asking {
    #[serde(default)]
    number: String,
}

pub(crate) async fn show(state: State<WebState>, slug: Path<String>, headers: HeaderMap) -> Result<Page, Refused> {
    page(state, slug, &headers, false).await
}

pub(crate) async fn asked(state: State<WebState>, slug: Path<String>, headers: HeaderMap) -> Result<Page, Refused> {
    page(state, slug, &headers, true).await
}

async fn page(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    headers: &HeaderMap,
    asked: bool,
) -> Result<Page, Refused> {
    let practice = practice(&state, &slug).await?;
    let locale = language::choose(headers, None, &practice.practice.settings.locales);
    let mut frame = frame(&state, Some(&practice), locale);
    frame.here = (!asked).then_some("new-link");
    let html = state.flow.render.page(locale, &NewLinkPage { frame, asked })?;
    Ok(Page::new(html, policy(&state)))
}

pub(crate) async fn ask(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    client: Client,
    Form(asking): Form<Asking>,
) -> Result<Response, Refused> {
    let id = practice(&state, &slug).await?.practice.id;
    if let Some(ask) = state.flow.ask_link(id, &asking.number, client.as_str()).await? {
        let flow = state.flow.clone();
        tokio::spawn(async move {
            let texted = flow.text_asked_link(id, &ask).await;
            if let Err(error) = flow.witness(texted).await {
                tracing::error!(%error, practice = %id, "a link that was asked for could not be texted");
            }
        });
    }
    Ok(see_other(&slug, "new-link/asked"))
}
