//! Who is signed in, as an extractor.

use super::{Access, token};
use crate::error::WebError;
use crate::state::WebState;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use kept_flow::staff::StaffSession;
use kept_render::staff::Frame;
use std::ops::Deref;

/// Header of requests that a page makes by itself; they do not keep a session alive.
const BY_ITSELF: &str = "x-kept-by-itself";
/// Where the password is changed; the only page of somebody who must.
const PASSWORD_PAGE: &str = "/staff/password";

/// The signed-in person. Without a live session the browser is sent to sign in.
#[derive(Debug)]
pub(crate) struct Staff(StaffSession);

impl Deref for Staff {
    type Target = StaffSession;
    fn deref(&self) -> &StaffSession {
        &self.0
    }
}

impl Staff {
    /// Refuses whoever may not.
    pub(crate) fn require(&self, access: Access) -> Result<(), WebError> {
        let allowed = match access {
            Access::Anybody | Access::Staff => true,
            Access::Desk => self.role.works_at_desk(),
            Access::Report => self.role.reads_report(),
            Access::Administrator => self.role.administers(),
        };
        if allowed { Ok(()) } else { Err(WebError::Forbidden) }
    }

    /// What stands around a page of theirs. `script` names the page's script in the assets.
    pub(crate) fn frame(&self, state: &WebState, here: &'static str, script: Option<&'static str>) -> Frame {
        Frame {
            practice: self.practice.practice.name.clone(),
            person: self.name.0.clone(),
            desk: self.role.works_at_desk(),
            report: self.role.reads_report(),
            settings: self.role.administers(),
            ..bare_frame(state, here, script)
        }
    }
}

/// What stands around a page of nobody in particular.
pub(crate) fn bare_frame(state: &WebState, here: &'static str, script: Option<&'static str>) -> Frame {
    Frame {
        stylesheet: state.assets.url("staff.css").to_owned(),
        script: script.map(|name| state.assets.url(name).to_owned()).unwrap_or_default(),
        integrity: script.map(|name| state.assets.integrity(name).to_owned()).unwrap_or_default(),
        here,
        demo: state.settings.demo,
        ..Frame::default()
    }
}

/// On to signing in, at the practice if it is known: a database may hold several.
pub(crate) fn sign_in_at(slug: Option<&str>) -> Response {
    let query = slug.map(|slug| format!("?practice={slug}")).unwrap_or_default();
    Redirect::to(&format!("/staff/sign-in{query}")).into_response()
}

impl FromRequestParts<WebState> for Staff {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Response> {
        let failed = |error| WebError::from(error).into_response();
        let token = token(&parts.headers).ok_or_else(|| sign_in_at(None))?;
        let deed = !parts.headers.contains_key(BY_ITSELF);
        let Some(session) = state.flow.staff_session(token, deed).await.map_err(failed)? else {
            let slug = state.flow.practice_of_session(token).await.map_err(failed)?;
            return Err(sign_in_at(slug.as_deref()));
        };
        if session.must_change && !matches!(parts.uri.path(), PASSWORD_PAGE | "/staff/sign-out") {
            return Err(Redirect::to(PASSWORD_PAGE).into_response());
        }
        Ok(Self(session))
    }
}
