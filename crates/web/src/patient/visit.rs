//! P2 and P8: the visits of a session, and what happens next.

use super::{LINK_COOKIE, Refused, SESSION_COOKIE, language, policy, practice, private_frame, session};
use crate::cookie;
use crate::error::WebError;
use crate::page::Page;
use crate::problem::Problem;
use crate::state::WebState;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use kept_domain::Locale;
use kept_flow::OpenPractice;
use kept_flow::portal::{IDLE, Session, VisitState, VisitView, Visits};
use kept_render::patient::{CardState, DonePage, VisitCard, VisitPage};
use std::fmt::Write as _;
use std::sync::Arc;

/// A session with what it sees, for every page behind level 1.
pub(crate) struct Seen {
    pub(crate) practice: Arc<OpenPractice>,
    pub(crate) session: Session,
    pub(crate) visits: Visits,
    pub(crate) locale: Locale,
}

impl Seen {
    pub(crate) async fn load(state: &WebState, slug: &str, headers: &HeaderMap) -> Result<Self, Refused> {
        let practice = practice(state, slug).await?;
        let session = session(state, &practice, headers).await?;
        let visits = state.flow.portal_visits(practice.practice.id, session).await?;
        let locale = language::choose(headers, visits.locale, &practice.practice.settings.locales);
        Ok(Self { practice, session, visits, locale })
    }

    pub(crate) fn visit(&self, ordinal: i64) -> Result<&VisitView, Refused> {
        let found = self.visits.visits.iter().find(|visit| visit.ordinal == ordinal);
        found.ok_or(Refused::Failed(WebError::NotFound))
    }

    pub(crate) fn card(&self, state: &WebState, visit: &VisitView) -> VisitCard {
        let location = &visit.location;
        let now = state.flow.clock.civil();
        VisitCard {
            ordinal: visit.ordinal,
            revision: visit.revision,
            start: visit.start,
            practitioner: visit.practitioner.clone(),
            place: location.name.clone(),
            address: location.address.clone(),
            map_query: location.address.as_deref().map(percent_encode),
            phone: location.phone.clone().or_else(|| self.practice.practice.phone.clone()),
            bring: visit.bring.clone(),
            state: card_state(visit.state),
            moved: visit.moved,
            may_cancel: now <= visit.cancel_until,
            may_ask: visit.state == VisitState::CancelledByPatient { may_ask: true },
            change_until: visit.change_until,
            nonce: visit.confirm_nonce.clone(),
        }
    }

    /// A page of this session. The cookies slide with it.
    pub(crate) fn answer(&self, headers: &HeaderMap, page: Page) -> Response {
        let mut response = page.into_response();
        let out = response.headers_mut();
        if let Some(token) = cookie::read(headers, SESSION_COOKIE) {
            cookie::set(out, SESSION_COOKIE, token, Some(IDLE.num_seconds()));
        }
        // Error pages do not know the patient: the language stays what it is here.
        if self.visits.locale == Some(self.locale)
            && language::choose(headers, None, &self.practice.practice.settings.locales) != self.locale
        {
            language::remember(out, self.locale);
        }
        response
    }
}

pub(crate) async fn show(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let frame = private_frame(&state, &seen.practice, seen.locale, "visit");
    let visits = seen.visits.visits.iter().map(|visit| seen.card(&state, visit)).collect();
    let stopped = state.flow.portal_stopped(seen.practice.practice.id, seen.session).await?;
    let page = VisitPage { frame, link: seen.visits.link.to_string(), stopped, visits };
    let html = state.flow.render.page(seen.locale, &page)?;
    Ok(seen.answer(&headers, Page::new(html, policy(&state))))
}

pub(crate) async fn done(
    State(state): State<WebState>,
    Path((slug, ordinal)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let visit = seen.card(&state, seen.visit(ordinal)?);
    let hours = &seen.practice.practice.settings.reading_hours;
    let page = DonePage {
        frame: private_frame(&state, &seen.practice, seen.locale, "visit"),
        visit,
        reading_hours: hours.get(seen.locale.as_str()).cloned(),
        waiting: seen.visits.visits.iter().filter(|visit| visit.state == VisitState::Asked).count(),
    };
    let html = state.flow.render.page(seen.locale, &page)?;
    Ok(seen.answer(&headers, Page::new(html, policy(&state))))
}

/// "Close this page": the session ends, on the server and in the browser.
pub(crate) async fn close(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let practice = practice(&state, &slug).await?;
    if let Ok(session) = session(&state, &practice, &headers).await {
        state.flow.portal_close(practice.practice.id, session).await?;
    }
    let mut response = Refused::Problem(Problem::Left).into_response();
    cookie::set(response.headers_mut(), SESSION_COOKIE, "", Some(0));
    cookie::set(response.headers_mut(), LINK_COOKIE, "", Some(0));
    Ok(response)
}

fn card_state(state: VisitState) -> CardState {
    match state {
        VisitState::Asked => CardState::Asked,
        VisitState::Accepted => CardState::Accepted,
        VisitState::AnotherTimeAsked => CardState::AnotherTime,
        VisitState::CallUs { accepted: true } => CardState::CallAccepted,
        VisitState::CallUs { accepted: false } => CardState::Call,
        VisitState::CancelledByPatient { .. } => CardState::Cancelled,
        VisitState::CancelledByPractice => CardState::CancelledByPractice,
        VisitState::Over => CardState::Over,
    }
}

/// For the query of an address (RFC 3986 §2.3: all but unreserved characters).
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing into a String cannot fail");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn an_address_cannot_leave_its_query() {
        assert_eq!(percent_encode("1 Ñ&#x=\"'~"), "1%20%C3%91%26%23x%3D%22%27~");
    }
}
