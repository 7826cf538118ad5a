//! What a handler can fail with, and the status that says so.

use crate::problem::Problem;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kept_flow::FlowError;
use kept_render::RenderError;

/// A request that does not get what it asked for. Becomes a page (see [`crate::problem`]), a status and a log line;
/// input of any kind never becomes a 500.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// There is no such page, or not for this reader: both look the same.
    #[error("there is no such page")]
    NotFound,
    /// The form is incomplete or not one of ours.
    #[error("the form cannot be read: {0}")]
    BadForm(&'static str),
    /// Signed in, but not allowed to do this.
    #[error("not allowed")]
    Forbidden,
    /// A step failed.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// A page cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl WebError {
    /// The status and what the page says.
    fn problem(&self) -> (StatusCode, Problem) {
        match self {
            Self::NotFound | Self::Flow(FlowError::NotFound { .. }) => (StatusCode::NOT_FOUND, Problem::NotFound),
            // A form of ours always names the practice where there are several.
            Self::BadForm(_) | Self::Flow(FlowError::WhichPractice | FlowError::NoPractice) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Problem::BadForm)
            }
            Self::Forbidden => (StatusCode::FORBIDDEN, Problem::Forbidden),
            Self::Flow(error) if error.is_passing() || error.is_no_room() => {
                (StatusCode::SERVICE_UNAVAILABLE, Problem::Busy)
            }
            Self::Flow(_) | Self::Render(_) => (StatusCode::INTERNAL_SERVER_ERROR, Problem::Broken),
        }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let (status, problem) = self.problem();
        if status.is_server_error() {
            // Errors of the steps hold no private data: see FlowError.
            tracing::error!(error = %self, "a request failed");
        }
        problem.response(status)
    }
}
