//! One line a request in the log: its id (made here, never taken from the client), its method, the pattern of its route, its status, its duration. Never the path
//! itself, the query, a header or an address: links, names and slugs must not reach a log.

use crate::state::WebState;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;
use tracing::Instrument as _;

/// The pattern of the matched route (`/{slug}/visit`), handed from the router up to the log line.
#[derive(Debug, Clone)]
struct Route(String);

/// A layer around the whole router.
pub(crate) async fn request(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let id = state.flow.ids.next(state.flow.clock.wall());
    let span = tracing::info_span!("request", %id, %method);
    let begun = Instant::now();
    async move {
        let response = next.run(request).await;
        let route = response.extensions().get::<Route>().map_or("(none)", |route| route.0.as_str());
        let status = response.status().as_u16();
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if status >= 500 {
            tracing::error!(route, status, duration_ms, "answered");
        } else {
            tracing::info!(route, status, duration_ms, "answered");
        }
        response
    }
    .instrument(span)
    .await
}

/// A layer inside the router, where the route is known.
pub(crate) async fn route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| Route(path.as_str().to_owned()));
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use kept_flow::testing::World;
    use kept_store::testing::TestDatabase;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn every_staff_route_is_named_in_its_line() {
        let database = TestDatabase::sqlite().await;
        let world = World::new(&database.store).await;
        let settings = crate::Settings { public_url: "https://kept.example".to_owned(), demo: false };
        let router = crate::staff::routes().with_state(WebState::new(world.flow.clone(), settings));
        for (method, path, _) in crate::staff::ROUTES {
            let address = path.replace(['{', '}'], "");
            let request = Request::builder().method(*method).uri(address).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let named = answer.extensions().get::<Route>().map(|route| route.0.as_str());
            assert_eq!(named, Some(*path), "{method}");
        }
        database.close().await;
    }
}
