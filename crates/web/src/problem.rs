//! Error pages: one sentence, the practice's phone, what to do.
//!
//! A handler answers with a [`Problem`] and a status; the layer [`as_page`] makes the page, because only it knows the
//! practice and the reader's language. Answers of the framework itself (body too large, wrong method, …) become pages
//! in the same way.

use crate::page::Page;
use crate::patient;
use crate::state::WebState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use kept_domain::Locale;
use kept_render::patient::ProblemPage;
use std::any::Any;

/// What went wrong, as far as a reader is concerned. Each has a title and a sentence in the catalogues
/// (`problem.<word>.title`, `problem.<word>.text`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    NotFound,
    BadForm,
    Forbidden,
    TooLarge,
    WrongMethod,
    Busy,
    Broken,
    /// Unknown, expired or revoked: nobody can tell which.
    LinkDead,
    /// No session: too long ago, or never begun.
    Closed,
    /// The patient closed the page.
    Left,
    /// Too many wrong birth dates.
    Blocked,
    /// The practice takes no birth dates at the moment.
    Stopped,
    /// There is no birth date to compare with.
    NoBirthDate,
    /// Another link was opened in another tab since.
    OtherLink,
    /// The form was shown too long ago.
    OldForm,
    /// The visit moved since the page was shown.
    Replaced,
    /// The visit has begun or is over.
    Over,
    /// The visit was called off.
    Cancelled,
    /// Too near to the visit.
    InsideCutOff,
    /// Whoever reads this says that the message was not for them.
    WrongPerson,
}

impl Problem {
    #[cfg(test)]
    const ALL: [Self; 20] = [
        Self::NotFound,
        Self::BadForm,
        Self::Forbidden,
        Self::TooLarge,
        Self::WrongMethod,
        Self::Busy,
        Self::Broken,
        Self::LinkDead,
        Self::Closed,
        Self::Left,
        Self::Blocked,
        Self::Stopped,
        Self::NoBirthDate,
        Self::OtherLink,
        Self::OldForm,
        Self::Replaced,
        Self::Over,
        Self::Cancelled,
        Self::InsideCutOff,
        Self::WrongPerson,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::BadForm => "bad-form",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too-large",
            Self::WrongMethod => "wrong-method",
            Self::Busy => "busy",
            Self::Broken => "broken",
            Self::LinkDead => "link-dead",
            Self::Closed => "closed",
            Self::Left => "left",
            Self::Blocked => "blocked",
            Self::Stopped => "stopped",
            Self::NoBirthDate => "no-birth-date",
            Self::OtherLink => "other-link",
            Self::OldForm => "old-form",
            Self::Replaced => "replaced",
            Self::Over => "over",
            Self::Cancelled => "cancelled",
            Self::InsideCutOff => "inside-cut-off",
            Self::WrongPerson => "wrong-person",
        }
    }

    /// The words for somebody at the front desk, who has no text message to tap.
    fn staff_word(self) -> &'static str {
        match self {
            Self::NotFound | Self::WrongMethod => "staff-not-found",
            Self::Forbidden => "staff-forbidden",
            other => other.word(),
        }
    }

    /// Whether the page leads back to the visit.
    fn leads_back(self) -> bool {
        matches!(self, Self::OldForm | Self::Replaced | Self::Cancelled | Self::Over | Self::InsideCutOff)
    }

    /// Whether a new link is what helps.
    fn needs_link(self) -> bool {
        matches!(self, Self::LinkDead | Self::Closed | Self::NotFound)
    }

    /// What the framework's own refusals mean.
    fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::WrongMethod,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Self::Forbidden,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Self::Busy,
            status if status.is_server_error() => Self::Broken,
            _ => Self::BadForm,
        }
    }

    /// An answer without a body; the layer fills it.
    pub(crate) fn response(self, status: StatusCode) -> Response {
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

pub(crate) async fn not_found() -> Response {
    Problem::NotFound.response(StatusCode::NOT_FOUND)
}

pub(crate) async fn wrong_method() -> Response {
    Problem::WrongMethod.response(StatusCode::METHOD_NOT_ALLOWED)
}

/// After a panic in a page, which the panic hook has logged: the layer around it makes the page that says so.
pub(crate) fn after_panic_in_page(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::Broken.response(StatusCode::INTERNAL_SERVER_ERROR)
}

/// After a panic anywhere else, or in making that page: in no language but this, since nothing is known of the reader.
pub(crate) fn after_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side. Please call us, or try again later.\n")
        .into_response()
}

/// A layer: turns refusals without a page into one.
pub(crate) async fn as_page(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let mut response = next.run(request).await;
    let status = response.status();
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_bare_refusal(&response) => Problem::of(status),
        None => return response,
    };
    let html = match page(&state, problem, &path, &headers).await {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "the page of a problem cannot be rendered");
            return response;
        }
    };
    let mut page = Page::new(html, patient::policy(&state)).status(status).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        page.headers_mut().insert(header::ALLOW, allow.clone());
    }
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        page.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    page.extensions_mut().extend(std::mem::take(response.extensions_mut()));
    page
}

fn is_bare_refusal(response: &Response) -> bool {
    let plain =
        response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    (response.status().is_client_error() || response.status().is_server_error()) && plain
}

async fn page(
    state: &WebState,
    problem: Problem,
    path: &str,
    headers: &HeaderMap,
) -> Result<String, crate::error::WebError> {
    let slug = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    // A database that cannot be reached must not keep the page from showing.
    let practice = state.fronts.practice(state, slug).await.ok().flatten();
    let offered = practice.as_ref().map_or(Locale::ALL, |facts| &facts.practice.settings.locales);
    let locale = patient::language::choose(headers, None, offered);
    let word = if slug == "staff" { problem.staff_word() } else { problem.word() };
    let context = ProblemPage {
        frame: patient::frame(state, practice.as_deref(), locale),
        back: problem.leads_back(),
        ask: problem.needs_link() && practice.is_some(),
        title: state.flow.render.phrase(locale, &format!("problem.{word}.title"), &[])?,
        text: state.flow.render.phrase(locale, &format!("problem.{word}.text"), &[])?,
    };
    Ok(state.flow.render.page(locale, &context)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt as _;

    #[test]
    fn every_problem_has_words_in_every_language() {
        let renderer = kept_render::Renderer::new().unwrap();
        for problem in Problem::ALL {
            for &locale in Locale::ALL {
                for word in [problem.word(), problem.staff_word()] {
                    for part in ["title", "text"] {
                        renderer.phrase(locale, &format!("problem.{word}.{part}"), &[]).unwrap();
                    }
                }
            }
        }
    }

    async fn falls() -> StatusCode {
        panic!("Quizelda Wolfenhausen, 1931-07-19")
    }

    #[tokio::test]
    async fn a_panic_in_a_page_is_a_page_with_the_phone_in_the_readers_language() {
        let database = kept_store::testing::TestDatabase::sqlite().await;
        let world = kept_flow::testing::World::new(&database.store).await;
        let settings = crate::Settings { public_url: "https://kept.example".to_owned(), demo: false };
        let state = WebState::new(world.flow.clone(), settings);
        let pages = axum::Router::new().route("/{slug}/falls", axum::routing::get(falls));
        let router = crate::for_people(pages, &state).with_state(state);
        let request = Request::builder().uri(format!("/{}/falls", world.slug)).header(header::ACCEPT_LANGUAGE, "es");
        let answer = router.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("lang=\"es\"") && body.contains("tel:+14155550123"), "{body}");
        assert!(!body.contains("Quizelda"), "{body}");
        database.close().await;
    }

    #[tokio::test]
    async fn a_panic_tells_the_reader_nothing_of_its_cause() {
        let router = axum::Router::<()>::new()
            .route("/", axum::routing::get(falls))
            .layer(tower_http::catch_panic::CatchPanicLayer::custom(after_panic));
        let answer = router.oneshot(Request::new(axum::body::Body::empty())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let told = format!("{:?}", answer.headers());
        let body = axum::body::to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("call us"), "{body}");
        assert!(!body.contains("Quizelda") && !told.contains("Quizelda"), "{told} {body}");
    }
}
