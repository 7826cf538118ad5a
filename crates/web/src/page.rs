//! One page as an answer.

use crate::csp::Csp;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

/// An HTML page with its policy. It is stored nowhere (`Cache-Control: no-store`) unless it says otherwise.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    html: String,
    csp: Csp,
    caching: String,
}

impl Page {
    /// A page that may do what `csp` says.
    pub fn new(html: String, csp: Csp) -> Self {
        Self { status: StatusCode::OK, html, csp, caching: "no-store".to_owned() }
    }

    /// With another status than 200.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// For the few pages that are the same for everybody.
    #[must_use]
    pub(crate) fn caching(mut self, caching: &str) -> Self {
        caching.clone_into(&mut self.caching);
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::try_from(self.caching).expect("caching directives are ASCII"));
        let policy = HeaderValue::try_from(self.csp.header()).expect("source expressions are ASCII");
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        response
    }
}
