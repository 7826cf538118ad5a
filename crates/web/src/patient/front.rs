//! `GET /{slug}/l`: the page that a link in a text opens.
//!
//! One static page per practice, the same bytes for everybody, in all languages offered; its script picks the
//! browser's. It sets no cookie and is made without asking the database. Fetching, previewing or rendering it
//! changes nothing: the secret stays in the fragment, which browsers do not send, until Continue is pressed.

use super::{frame, policy};
use crate::error::WebError;
use crate::limits::{FRONT_PAGE_MAX_AGE_S, PRACTICE_FACTS_FRESH};
use crate::page::Page;
use crate::state::WebState;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use kept_domain::Locale;
use kept_flow::OpenPractice;
use kept_render::patient::{Front, FrontSection};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What is known of each practice, so that its first page and its error pages need no database.
#[derive(Debug, Default)]
pub(crate) struct Fronts {
    known: Mutex<HashMap<String, Known>>,
}

/// One practice.
#[derive(Debug)]
struct Known {
    read: Instant,
    practice: Arc<OpenPractice>,
    /// Its first page, once somebody asked for it.
    page: Option<Arc<str>>,
}

impl Fronts {
    /// A practice by its name in addresses. Read again after [`PRACTICE_FACTS_FRESH`]; only practices that exist are
    /// remembered, so made-up names cannot fill the memory.
    pub(crate) async fn practice(&self, state: &WebState, slug: &str) -> Result<Option<Arc<OpenPractice>>, WebError> {
        let remembered = self.locked().get(slug).map(|known| (known.read.elapsed(), Arc::clone(&known.practice)));
        if let Some((age, facts)) = &remembered
            && *age < PRACTICE_FACTS_FRESH
        {
            return Ok(Some(Arc::clone(facts)));
        }
        match state.flow.practice_by_slug(slug).await {
            Ok(Some(facts)) => {
                let known = Known { read: Instant::now(), practice: Arc::clone(&facts), page: None };
                self.locked().insert(slug.to_owned(), known);
                Ok(Some(facts))
            }
            Ok(None) => {
                self.locked().remove(slug);
                Ok(None)
            }
            // What we knew a minute ago is better than an error page without a phone number.
            Err(error) if remembered.is_some() => {
                tracing::warn!(%error, "the practice's facts could not be read again");
                Ok(remembered.map(|(_, facts)| facts))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) async fn show(State(state): State<WebState>, Path(slug): Path<String>) -> Result<Response, WebError> {
    let known = super::practice(&state, &slug).await?;
    let rendered = state.fronts.locked().get(&slug).and_then(|known| known.page.clone());
    let html = if let Some(page) = rendered {
        page
    } else {
        let page: Arc<str> = render(&state, &known)?.into();
        if let Some(known) = state.fronts.locked().get_mut(&slug) {
            known.page = Some(Arc::clone(&page));
        }
        page
    };
    let caching = format!("public, max-age={FRONT_PAGE_MAX_AGE_S}");
    // Its script asks whether we can be reached before it leaves the page.
    Ok(Page::new(html.to_string(), policy(&state).connect_self()).caching(&caching).into_response())
}

fn render(state: &WebState, known: &OpenPractice) -> Result<String, WebError> {
    let practice = &known.practice;
    let render = &state.flow.render;
    let languages = practice.settings.locales.clone();
    let mut sections = Vec::new();
    for &lang in &languages {
        let section = FrontSection {
            lang,
            alias: practice.alias.clone(),
            phone: practice.phone.clone(),
            reply: !practice.settings.discreet,
        };
        sections.push(render.page(lang, &section)?);
    }
    let first = languages.first().copied().unwrap_or(Locale::En);
    Ok(render.page(first, &Front { frame: frame(state, Some(known), first), languages, sections })?)
}
