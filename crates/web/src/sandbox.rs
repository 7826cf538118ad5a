//! The sandbox: a carrier that is a phone on a page.
//!
//! It stands where a real carrier would: our side reaches it over HTTP, and it calls our webhooks over HTTP, signed. It
//! shows what each number received, can answer, and can be told to fail, to be late or to lose receipts. It exists only
//! where it was switched on (the demo, a trial on one machine), and answers only to addresses of this machine.

mod api;
mod pages;
mod phone;
mod switches;

pub use phone::{MAX_KEYS, MAX_NUMBERS, MAX_TEXTS, Sandbox};
pub use switches::{Hand, Receipts, Switches};

use crate::state::WebState;
use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header, uri::Authority};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

pub(crate) fn routes() -> Router<WebState> {
    Router::new()
        .route("/sandbox/carrier/messages", post(api::submit))
        .route("/sandbox/carrier/messages/{key}", get(api::look_up))
        .route("/sandbox/phone", get(pages::phones))
        .route("/sandbox/phone/{number}", get(pages::phone).post(pages::reply))
        .route("/sandbox/switches", post(pages::switch))
        .route("/sandbox/news", get(pages::news))
        .route_layer(from_fn(this_machine_only))
        .route_layer(from_fn(crate::trace::route))
}

/// Refuses what was asked of any name but this machine's own (a page elsewhere may point a name of its own at us), and
/// forms that another site posts.
async fn this_machine_only(request: Request, next: Next) -> Response {
    if is_from_this_machine(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "The sandbox answers only on this machine: open it at 127.0.0.1.\n").into_response()
}

fn is_from_this_machine(headers: &http::HeaderMap) -> bool {
    let named = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = named(header::HOST);
    let origin = named(header::ORIGIN).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    host.is_some_and(is_this_machine) && origin.is_none_or(|origin| Some(origin) == host)
}

fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for own in ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "[::1]:9", "127.1.2.3"] {
            assert!(is_this_machine(own), "{own}");
        }
        for other in ["", "example.org", "localhost.example.org", "192.168.0.2:80", "[::2]:1", "0.0.0.0", "a b"] {
            assert!(!is_this_machine(other), "{other}");
        }
    }
}
