//! The patient's portal: one public page per practice, then plain forms.

mod front;
pub(crate) mod language;

pub(crate) use front::Fronts;

use crate::csp::Csp;
use crate::state::WebState;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use kept_flow::OpenPractice;
use kept_render::patient::Frame;

pub(crate) fn routes() -> Router<WebState> {
    Router::new().route("/{slug}/l", get(front::show)).route_layer(from_fn(crate::trace::route))
}

/// What stands around every page of a practice; without one (an unknown address) only Kept's own words.
pub(crate) fn frame(state: &WebState, practice: Option<&OpenPractice>, phone: Option<&str>) -> Frame {
    let facts = practice.map(|known| &known.practice);
    Frame {
        practice: facts.map(|known| known.name.clone()),
        phone: phone.map(str::to_owned).or_else(|| facts.and_then(|known| known.phone.clone())),
        css: state.assets.inline("patient.css").text.to_owned(),
        script: state.assets.inline("patient.js").text.to_owned(),
        demo: state.settings.demo,
    }
}

/// What a patient's page may do: its own style and script, by hash.
pub(crate) fn policy(state: &WebState) -> Csp {
    Csp::new().style(state.assets.source("patient.css")).script(state.assets.source("patient.js"))
}
