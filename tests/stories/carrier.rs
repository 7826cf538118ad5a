//! A carrier of the tests' own: it keeps every text it was handed, under its key, and sends receipts by webhook.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use kept_carrier::sandbox::{KEY_HEADER, ReplyEvent, StatusEvent, Submission, Taken};
use kept_carrier::{Caller, MessageStatus};
use kept_domain::Instant;
use kept_flow::{Clock, MovableClock};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// One text, as the carrier got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) key: String,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) at: Instant,
}

#[derive(Debug, Default)]
struct Memory {
    texts: Vec<Delivered>,
    posts: BTreeMap<String, usize>,
    replies: usize,
    inbound_url: String,
    /// Receipts that are owed.
    owed: Vec<(String, StatusEvent)>,
}

/// The carrier. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StoryCarrier {
    memory: Arc<Mutex<Memory>>,
    clock: Arc<MovableClock>,
    caller: Caller,
}

impl StoryCarrier {
    pub(crate) fn new(clock: Arc<MovableClock>, caller: Caller) -> Self {
        Self { memory: Arc::default(), clock, caller }
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

    /// How often each key was posted.
    pub(crate) fn posts(&self) -> BTreeMap<String, usize> {
        self.memory.lock().unwrap().posts.clone()
    }

    /// Sends the receipts that are owed, each twice, as carriers do now and then. Returns how many were owed.
    pub(crate) async fn send_receipts(&self) -> usize {
        let owed = std::mem::take(&mut self.memory.lock().unwrap().owed);
        for (url, event) in &owed {
            for _ in 0..2 {
                self.caller.call(url, self.clock.wall(), event).await.expect("the webhook takes a receipt");
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

async fn take(State(carrier): State<StoryCarrier>, headers: HeaderMap, Json(text): Json<Submission>) -> Json<Taken> {
    let key = headers[KEY_HEADER].to_str().unwrap().to_owned();
    let at = carrier.clock.civil();
    let mut memory = carrier.memory.lock().unwrap();
    *memory.posts.entry(key.clone()).or_default() += 1;
    memory.inbound_url = text.inbound_url;
    let id = format!("m-{key}");
    if memory.posts[&key] == 1 {
        let event = StatusEvent {
            event: format!("delivered-{key}"),
            message: id.clone(),
            status: MessageStatus::Delivered,
            code: None,
        };
        memory.owed.push((text.status_url, event));
        memory.texts.push(Delivered { key, to: text.to, text: text.text, at });
    }
    Json(Taken { id })
}
