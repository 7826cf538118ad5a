//! A carrier of the tests' own: it keeps every text it was handed, under its key, and sends receipts by webhook. It has
//! fair weather unless a story makes it foul.

use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use kept_carrier::sandbox::{KEY_HEADER, NotTaken, ReplyEvent, StatusEvent, Submission, Taken};
use kept_carrier::{Caller, MessageStatus};
use kept_domain::Instant;
use kept_flow::{Clock, MovableClock};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// One text, as the carrier got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) key: String,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) at: Instant,
    /// The carrier's queue may deliver it so much later.
    pub(crate) valid_s: u64,
}

/// How the carrier behaves just now.
#[expect(clippy::struct_excessive_bools, reason = "independent kinds of bad weather, not states of one thing")]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Takes nothing.
    pub(crate) is_down: bool,
    /// Takes every so-manieth text and breaks off before it can say so; zero for none.
    pub(crate) breaks_off: usize,
    /// Keeps its receipts to itself.
    pub(crate) loses_receipts: bool,
    /// Takes a text and is silent about it.
    pub(crate) is_mute: bool,
    /// Says that it is busy and takes nothing for half an hour.
    pub(crate) is_busy: bool,
    /// So many seconds go by with each text.
    pub(crate) slow_s: i64,
}

/// How the carrier refuses a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusing {
    /// The hand-over is refused with this code.
    AtOnce(&'static str),
    /// The text is taken, and a receipt says later that it was not delivered.
    Later(&'static str),
}

#[derive(Debug, Default)]
struct Memory {
    texts: Vec<Delivered>,
    posts: BTreeMap<String, usize>,
    /// Posts by key that were not answered with a plain yes.
    failed: BTreeMap<String, usize>,
    weather: Weather,
    refusing: BTreeMap<String, Refusing>,
    /// Numbers refused or not delivered to, in order.
    refused: Vec<String>,
    replies: usize,
    inbound_url: String,
    /// Receipts that are owed: about which number, and to where.
    owed: Vec<(String, String, StatusEvent)>,
}

/// The carrier. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StoryCarrier {
    memory: Arc<Mutex<Memory>>,
    clock: Arc<MovableClock>,
    caller: Caller,
    /// Told of each text that was taken in silence.
    muted: Arc<Notify>,
}

impl StoryCarrier {
    pub(crate) fn new(clock: Arc<MovableClock>, caller: Caller) -> Self {
        Self { memory: Arc::default(), clock, caller, muted: Arc::default() }
    }

    pub(crate) fn router(&self) -> Router {
        // Asked what became of a message it does not know; a carrier that forgot would give the same answer.
        let look_up = get(|| async { StatusCode::SERVICE_UNAVAILABLE });
        Router::new().route("/messages", post(take)).route("/messages/{key}", look_up).with_state(self.clone())
    }

    /// Every text so far, in the order of arrival.
    pub(crate) fn texts(&self) -> Vec<Delivered> {
        self.memory.lock().unwrap().texts.clone()
    }

    /// The texts after the first `read`.
    pub(crate) fn texts_after(&self, read: usize) -> Vec<Delivered> {
        self.memory.lock().unwrap().texts[read..].to_vec()
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.memory.lock().unwrap().weather = weather;
    }

    /// Waits until one more text was taken in silence than when this was called.
    pub(crate) async fn muted(&self) {
        // A second text of an earlier silence may have left word.
        tokio::select! {
            biased;
            () = self.muted.notified() => {}
            () = std::future::ready(()) => {}
        }
        self.muted.notified().await;
    }

    /// How a number is refused from now on; none: it is not.
    pub(crate) fn refuse(&self, number: &str, how: Option<Refusing>) {
        let mut memory = self.memory.lock().unwrap();
        match how {
            Some(how) => memory.refusing.insert(number.to_owned(), how),
            None => memory.refusing.remove(number),
        };
    }

    /// The numbers after the first `read` that were refused, and that our side has been told of.
    pub(crate) fn refused_after(&self, read: usize) -> Vec<String> {
        self.memory.lock().unwrap().refused[read..].to_vec()
    }

    /// How often each key was posted without a plain yes for an answer.
    pub(crate) fn failed(&self) -> BTreeMap<String, usize> {
        self.memory.lock().unwrap().failed.clone()
    }

    /// How often each key was posted.
    pub(crate) fn posts(&self) -> BTreeMap<String, usize> {
        self.memory.lock().unwrap().posts.clone()
    }

    /// Sends the receipts that are owed, each twice, as carriers do now and then. Returns how many were owed.
    pub(crate) async fn send_receipts(&self) -> usize {
        let owed = {
            let mut memory = self.memory.lock().unwrap();
            let owed = std::mem::take(&mut memory.owed);
            if memory.weather.loses_receipts { Vec::new() } else { owed }
        };
        for (number, url, event) in &owed {
            for _ in 0..2 {
                self.caller.call(url, self.clock.wall(), event).await.expect("the webhook takes a receipt");
            }
            if event.status == MessageStatus::Undelivered {
                self.memory.lock().unwrap().refused.push(number.clone());
            }
        }
        owed.len()
    }

    /// A phone writes back.
    pub(crate) async fn reply(&self, from: &str, text: &str) {
        let (url, event) = {
            let mut memory = self.memory.lock().unwrap();
            memory.replies += 1;
            let event = ReplyEvent {
                event: format!("reply-{}", memory.replies),
                from: from.to_owned(),
                to: None,
                text: text.to_owned(),
                media: false,
                opt_out_confirmed: false,
            };
            (memory.inbound_url.clone(), event)
        };
        self.caller.call(&url, self.clock.wall(), &event).await.expect("the webhook takes a reply");
    }
}

async fn take(State(carrier): State<StoryCarrier>, headers: HeaderMap, Json(text): Json<Submission>) -> Response {
    let (answer, is_mute) = carrier.answer(&headers, text);
    if is_mute {
        carrier.muted.notify_one();
        std::future::pending::<()>().await;
    }
    answer
}

impl StoryCarrier {
    /// What is said about a text, and whether it is said at all.
    fn answer(&self, headers: &HeaderMap, text: Submission) -> (Response, bool) {
        let key = headers[KEY_HEADER].to_str().unwrap().to_owned();
        let at = self.clock.civil();
        let mut memory = self.memory.lock().unwrap();
        *memory.posts.entry(key.clone()).or_default() += 1;
        memory.inbound_url = text.inbound_url;
        let no = |memory: &mut Memory, key: String| *memory.failed.entry(key).or_default() += 1;
        if memory.weather.is_down {
            no(&mut memory, key);
            return (StatusCode::SERVICE_UNAVAILABLE.into_response(), false);
        }
        if memory.weather.is_busy {
            no(&mut memory, key);
            return ((StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1800")]).into_response(), false);
        }
        let refusing = memory.refusing.get(&text.to).copied();
        if let Some(Refusing::AtOnce(code)) = refusing {
            no(&mut memory, key);
            memory.refused.push(text.to);
            let no = (StatusCode::UNPROCESSABLE_ENTITY, Json(NotTaken { code: code.to_owned() }));
            return (no.into_response(), false);
        }
        let id = format!("m-{key}");
        let is_new = !memory.texts.iter().any(|taken| taken.key == key);
        if is_new {
            let (status, code) = match refusing {
                Some(Refusing::Later(code)) => (MessageStatus::Undelivered, Some(code.to_owned())),
                _ => (MessageStatus::Delivered, None),
            };
            let event = StatusEvent { event: format!("delivered-{key}"), message: id.clone(), status, code };
            memory.owed.push((text.to.clone(), text.status_url, event));
            memory.texts.push(Delivered {
                key: key.clone(),
                to: text.to,
                text: text.text,
                at,
                valid_s: text.validity_s,
            });
            if memory.weather.slow_s > 0 {
                self.clock.set_civil(at + chrono::Duration::seconds(memory.weather.slow_s));
            }
            let every = memory.weather.breaks_off;
            if every > 0 && memory.texts.len().is_multiple_of(every) {
                no(&mut memory, key);
                return (StatusCode::INTERNAL_SERVER_ERROR.into_response(), false);
            }
        }
        (Json(Taken { id }).into_response(), memory.weather.is_mute)
    }
}
