//! The front desk and the manager. Who may do what is [`ROUTES`]: the table is the documentation, the router is made
//! beside it, and a test holds both together.

mod check;
mod erase;
mod messages;
mod people;
mod plans;
mod report;
mod session;
mod settings;
mod sign_in;
mod stop;
mod today;
mod told;
mod upload;
mod visit;

pub(crate) use session::Staff;

use crate::cookie;
use crate::csp::Csp;
use crate::state::WebState;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderMap, Method, StatusCode, header};

/// The session's token.
pub(crate) const COOKIE: &str = "__Host-kept-staff";

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: signing in.
    Anybody,
    /// Whoever is signed in.
    Staff,
    /// Front desk, clinician, administrator.
    Desk,
    /// Manager, administrator.
    Report,
    /// Administrator.
    Administrator,
}

/// Every staff route: method, address, who. Each rule is enforced by the handler's first line.
pub const ROUTES: &[(&str, &str, Access)] = &[
    ("GET", "/staff", Access::Anybody),
    ("GET", "/staff/sign-in", Access::Anybody),
    ("POST", "/staff/sign-in", Access::Anybody),
    ("POST", "/staff/sign-in/kdf", Access::Anybody),
    ("POST", "/staff/sign-out", Access::Staff),
    ("GET", "/staff/password", Access::Staff),
    ("POST", "/staff/password", Access::Staff),
    ("POST", "/staff/language", Access::Staff),
    ("GET", "/staff/today", Access::Desk),
    ("GET", "/staff/today/stamp", Access::Desk),
    ("POST", "/staff/alarm/lift", Access::Desk),
    ("GET", "/staff/messages", Access::Desk),
    ("POST", "/staff/messages/{notice}/settle", Access::Desk),
    ("GET", "/staff/calls", Access::Desk),
    ("GET", "/staff/stop", Access::Desk),
    ("POST", "/staff/stop", Access::Desk),
    ("GET", "/staff/visits/{visit}", Access::Desk),
    ("POST", "/staff/visits/{visit}/number", Access::Desk),
    ("POST", "/staff/visits/{visit}/language", Access::Desk),
    ("POST", "/staff/visits/{visit}/wrong-number", Access::Desk),
    ("POST", "/staff/visits/{visit}/release", Access::Desk),
    ("POST", "/staff/visits/{visit}/consent", Access::Desk),
    ("POST", "/staff/visits/{visit}/link", Access::Desk),
    ("POST", "/staff/visits/{visit}/guard", Access::Desk),
    ("POST", "/staff/visits/{visit}/erase", Access::Administrator),
    ("POST", "/staff/visits/{visit}/call", Access::Desk),
    ("POST", "/staff/visits/{visit}/mark", Access::Desk),
    ("POST", "/staff/visits/{visit}/answer", Access::Desk),
    ("POST", "/staff/visits/{visit}/held", Access::Desk),
    ("POST", "/staff/visits/{visit}/entered", Access::Desk),
    ("POST", "/staff/tasks/{task}/done", Access::Desk),
    ("POST", "/staff/day/{day}/close", Access::Desk),
    ("GET", "/staff/settings", Access::Administrator),
    ("POST", "/staff/settings", Access::Administrator),
    ("GET", "/staff/plans", Access::Administrator),
    ("POST", "/staff/plans", Access::Administrator),
    ("GET", "/staff/people", Access::Administrator),
    ("POST", "/staff/people", Access::Administrator),
    ("POST", "/staff/people/{person}/password", Access::Administrator),
    ("POST", "/staff/people/{person}/leave", Access::Administrator),
    ("POST", "/staff/places", Access::Administrator),
    ("GET", "/staff/report", Access::Report),
    ("GET", "/staff/report.csv", Access::Report),
    ("GET", "/staff/upload", Access::Desk),
    ("POST", "/staff/upload", Access::Desk),
    ("GET", "/staff/upload/example.csv", Access::Desk),
    ("GET", "/staff/upload/{upload}", Access::Desk),
    ("GET", "/staff/upload/{upload}/columns", Access::Desk),
    ("POST", "/staff/upload/{upload}/columns", Access::Desk),
    ("GET", "/staff/upload/{upload}/check", Access::Desk),
    ("POST", "/staff/upload/{upload}/words", Access::Desk),
    ("POST", "/staff/upload/{upload}/send", Access::Desk),
    ("GET", "/staff/upload/{upload}/rejects.csv", Access::Desk),
];

pub(crate) fn routes() -> Router<WebState> {
    Router::new()
        .route("/staff", get(|| async { Redirect::to("/staff/today") }))
        .route("/staff/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/staff/sign-in/kdf", post(sign_in::kdf))
        .route("/staff/sign-out", post(sign_in::leave))
        .route("/staff/password", get(sign_in::show_password).post(sign_in::change_password))
        .route("/staff/language", post(sign_in::language))
        .route("/staff/today", get(today::show))
        .route("/staff/today/stamp", get(today::stamp))
        .route("/staff/alarm/lift", post(today::lift_alarm))
        .route("/staff/messages", get(messages::show))
        .route("/staff/messages/{notice}/settle", post(messages::settle))
        .route("/staff/calls", get(messages::calls))
        .route("/staff/stop", get(stop::show).post(stop::stop))
        .route("/staff/visits/{visit}", get(visit::show))
        .route("/staff/visits/{visit}/number", post(visit::number))
        .route("/staff/visits/{visit}/language", post(visit::language))
        .route("/staff/visits/{visit}/wrong-number", post(visit::wrong_number))
        .route("/staff/visits/{visit}/release", post(visit::release))
        .route("/staff/visits/{visit}/consent", post(visit::consent))
        .route("/staff/visits/{visit}/link", post(visit::link))
        .route("/staff/visits/{visit}/guard", post(visit::guard))
        .route("/staff/visits/{visit}/erase", post(erase::erase))
        .route("/staff/visits/{visit}/call", post(visit::call))
        .route("/staff/visits/{visit}/mark", post(today::mark))
        .route("/staff/visits/{visit}/answer", post(today::answer))
        .route("/staff/visits/{visit}/held", post(today::held))
        .route("/staff/visits/{visit}/entered", post(today::entered))
        .route("/staff/tasks/{task}/done", post(today::task_done))
        .route("/staff/day/{day}/close", post(today::close_day))
        .route("/staff/settings", get(settings::show).post(settings::change))
        .route("/staff/plans", get(plans::show).post(plans::change))
        .route("/staff/people", get(people::show).post(people::add))
        .route("/staff/people/{person}/password", post(people::renew))
        .route("/staff/people/{person}/leave", post(people::leave))
        .route("/staff/places", post(people::add_place))
        .route("/staff/report", get(report::show))
        .route("/staff/report.csv", get(report::csv))
        .route("/staff/upload", get(upload::show).post(upload::take).layer(upload_limit()))
        .route("/staff/upload/example.csv", get(upload::example))
        .route("/staff/upload/{upload}", get(upload::stage))
        .route("/staff/upload/{upload}/columns", get(upload::show_columns).post(upload::match_columns))
        .route("/staff/upload/{upload}/check", get(check::check))
        .route("/staff/upload/{upload}/words", post(check::words))
        .route("/staff/upload/{upload}/send", post(upload::send))
        .route("/staff/upload/{upload}/rejects.csv", get(upload::rejects))
        .route_layer(from_fn(same_origin))
        .route_layer(from_fn(crate::trace::route))
}

/// A file may be larger than any form; the rest of the request gets the room of a form besides.
fn upload_limit() -> DefaultBodyLimit {
    let file = usize::try_from(kept_flow::intake::limits::MAX_FILE_BYTES).unwrap_or(usize::MAX);
    DefaultBodyLimit::max(file.saturating_add(crate::limits::FORM_BODY_BYTES))
}

/// Forms are taken from our own pages only (OWASP ASVS 5.0, 3.5.1): the browser says where a request comes from, and
/// our cookies are `SameSite=Strict` besides.
async fn same_origin(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && !comes_from_us(request.headers()) {
        tracing::warn!("a form of another site was refused");
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

fn comes_from_us(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok()) {
        return site == "same-origin";
    }
    let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == text(header::HOST)
}

/// What a staff page may do: our style sheet, and one script by hash that may fetch from us.
pub(crate) fn policy(state: &WebState, script: &'static str) -> Csp {
    Csp::new().style("'self'").script(state.assets.source(script)).connect_self()
}

/// What a staff page without a script may do: our style sheet, and forms to ourselves.
pub(crate) fn plain_policy() -> Csp {
    Csp::new().style("'self'")
}

fn token(headers: &HeaderMap) -> Option<&str> {
    cookie::read(headers, COOKIE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_our_own_pages_send_forms() {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            comes_from_us(&headers)
        };
        assert!(with(&[("sec-fetch-site", "same-origin")]));
        assert!(!with(&[("sec-fetch-site", "cross-site"), ("origin", "https://k"), ("host", "k")]));
        assert!(!with(&[("sec-fetch-site", "same-site")]));
        assert!(with(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        assert!(!with(&[("origin", "https://evil.example"), ("host", "kept.example")]));
        assert!(!with(&[]));
        assert!(!with(&[("origin", "null"), ("host", "kept.example")]));
    }
}
