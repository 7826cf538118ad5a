//! Headers of every answer. A page sets its own content security policy; everything else gets the one that allows nothing.

use crate::csp::Csp;
use crate::limits::HSTS_MAX_AGE_S;
use crate::problem::Problem;
use crate::state::WebState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

/// A layer: sets what is missing.
pub(crate) async fn secure(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    default(headers, header::CONTENT_SECURITY_POLICY, &Csp::new().header());
    default(headers, header::CACHE_CONTROL, "no-store");
    default(headers, header::REFERRER_POLICY, "no-referrer");
    default(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(headers, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    default(
        headers,
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    // For readers that do not know the policy's `frame-ancestors`.
    default(headers, header::X_FRAME_OPTIONS, "DENY");
    default(headers, HeaderName::from_static("x-robots-tag"), "noindex, nofollow");
    if state.settings.is_https() {
        default(headers, header::STRICT_TRANSPORT_SECURITY, &format!("max-age={HSTS_MAX_AGE_S}; includeSubDomains"));
    }
    response
}

/// A layer on people's pages: a form that another site sends is refused (browsers say where a request comes from, W3C
/// Fetch Metadata). Cookies would not travel with it anyway; this keeps another site from opening a link in somebody's
/// browser either.
pub(crate) async fn same_origin(request: Request, next: Next) -> Response {
    let foreign = request.headers().get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if foreign && !request.method().is_safe() {
        return Problem::Forbidden.response(StatusCode::FORBIDDEN);
    }
    next.run(request).await
}

fn default(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let header::Entry::Vacant(entry) = headers.entry(name) {
        entry.insert(HeaderValue::from_str(value).expect("our header values are ASCII"));
    }
}
