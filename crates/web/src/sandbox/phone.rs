//! The sandbox's memory: what each number received and sent, bounded.

use super::switches::{Hand, Receipts, Switches};
use chrono::NaiveDate;
use kept_domain::Instant;
use kept_flow::sandbox::{Caller, MessageStatus, NotCalled, ReplyEvent, StatusEvent, Submission};
use kept_flow::{Clock, Ids as _, RandomIds};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Numbers that are remembered; the one that was silent longest is forgotten first.
pub const MAX_NUMBERS: usize = 2_000;
/// Texts that are remembered of one number; the oldest go first.
pub const MAX_TEXTS: usize = 100;
/// Idempotency keys that are remembered; the oldest go first.
pub const MAX_KEYS: usize = 100_000;
/// Webhooks called at once.
const CALLS: usize = 8;
/// How late a late receipt is.
const LATE: Duration = Duration::from_secs(30);
/// A webhook that is not taken is called again after each of these.
const AGAIN: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(8)];

/// One text in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "a text has a text, as carriers say it")]
pub(super) struct Text {
    pub(super) at: Instant,
    /// Written by the patient; else received.
    pub(super) own: bool,
    pub(super) text: String,
    /// What the sandbox told our side.
    pub(super) receipt: Option<MessageStatus>,
}

/// One number's phone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Phone {
    pub(super) texts: VecDeque<Text>,
    pub(super) received: usize,
    /// Whose phone it is, in the demo.
    pub(super) owner: Option<(String, NaiveDate)>,
    reply_to: Option<(String, Option<String>)>,
    stirred: u64,
}

#[derive(Debug, Default)]
struct Memory {
    phones: HashMap<String, Phone>,
    keys: HashMap<String, String>,
    key_order: VecDeque<String>,
    switches: Switches,
    /// Raised with every change, so that an open page knows when to load again.
    stirs: u64,
}

/// The sandbox. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    caller: Caller,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
    calls: Semaphore,
    under_way: watch::Sender<usize>,
}

/// What a hand-over is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taking {
    Taken { id: String, slow: bool },
    Busy,
    Broken,
    Refused(&'static str),
}

impl Sandbox {
    /// A sandbox without a text. Conversations are shown in the clock's civil time.
    pub fn new(caller: Caller, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            caller,
            clock,
            memory: Mutex::default(),
            calls: Semaphore::new(CALLS),
            under_way: watch::Sender::new(0),
        }))
    }

    /// The page of one phone: `/sandbox/phone/18475550142`.
    pub fn path_of(number: &str) -> String {
        format!("/sandbox/phone/{}", digits(number))
    }

    /// Every number that received a text, with how many it received so far.
    pub fn phones(&self) -> Vec<(String, usize)> {
        let memory = self.memory();
        let mut phones: Vec<_> = memory.phones.iter().map(|(number, phone)| (number.clone(), phone.received)).collect();
        phones.sort();
        phones
    }

    /// Says whose phone it is, on its page: without the birth date nobody gets past the portal's first question.
    pub fn introduce(&self, number: &str, name: &str, birth_date: NaiveDate) {
        self.memory().phone(number).owner = Some((name.to_owned(), birth_date));
    }

    /// Writes back from a phone: posts the webhook and waits until it is taken.
    ///
    /// # Errors
    /// The number never received a text, so that nobody knows where to write; or the webhook did not take it.
    pub async fn reply(&self, number: &str, text: &str) -> Result<(), NotCalled> {
        let now = self.0.clock.civil();
        let to = {
            let mut memory = self.memory();
            memory.stirs += 1;
            let stirred = memory.stirs;
            let Some(phone) = memory.phones.get_mut(number) else { return Err(NotCalled::NoAnswer) };
            phone.stirred = stirred;
            phone.add(Text { at: now, own: true, text: text.to_owned(), receipt: None });
            phone.reply_to.clone()
        };
        let Some((url, to)) = to else { return Err(NotCalled::NoAnswer) };
        let wall = self.0.clock.wall();
        let event = RandomIds.next(wall).to_string();
        let reply = ReplyEvent {
            event,
            from: number.to_owned(),
            to,
            text: text.to_owned(),
            media: false,
            opt_out_confirmed: false,
        };
        let _call = self.0.calls.acquire().await;
        self.call(&url, &reply).await
    }

    /// Waits until every receipt that is not meant to be late has been called.
    pub async fn quiet(&self) {
        // The sender lives as long as we do, so this ends only when the count is zero.
        let mut count = self.0.under_way.subscribe();
        let _zero = count.wait_for(|count| *count == 0).await;
    }

    /// How it behaves just now.
    pub fn switches(&self) -> Switches {
        self.memory().switches
    }

    /// Tells it how to behave from now on.
    pub fn set_switches(&self, switches: Switches) {
        self.memory().switches = switches;
    }

    /// Counts everything that ever happened.
    pub(super) fn stirs(&self) -> u64 {
        self.memory().stirs
    }

    /// The phones, the one with the newest text first.
    pub(super) fn conversations(&self) -> Vec<(String, Phone)> {
        let memory = self.memory();
        let mut all: Vec<_> = memory.phones.iter().map(|(number, phone)| (number.clone(), phone.clone())).collect();
        all.sort_by_key(|(_, phone)| std::cmp::Reverse(phone.stirred));
        all
    }

    /// The number of a page's address.
    pub(super) fn number(&self, wanted: &str) -> Option<String> {
        self.memory().phones.keys().find(|number| digits(number) == wanted).cloned()
    }

    /// The message that was taken under a key.
    pub(super) fn taken(&self, key: &str) -> Option<String> {
        self.memory().keys.get(key).cloned()
    }

    /// Takes a text, unless told otherwise. The same key again is the same message and no second text.
    pub(super) fn submit(&self, key: &str, submission: Submission) -> Taking {
        let mut memory = self.memory();
        let Switches { hand, receipts } = memory.switches;
        if let Some(id) = memory.keys.get(key) {
            return Taking::Taken { id: id.clone(), slow: false };
        }
        match hand {
            Hand::Busy => return Taking::Busy,
            Hand::Broken => return Taking::Broken,
            Hand::OptedOut | Hand::Unreachable => return Taking::Refused(hand.as_str()),
            Hand::Take | Hand::TimeOut => {}
        }
        let id = format!("sandbox-{key}");
        memory.remember_key(key, &id);
        memory.stirs += 1;
        let stirred = memory.stirs;
        let at = self.0.clock.civil();
        let phone = memory.phone(&submission.to);
        phone.stirred = stirred;
        phone.received += 1;
        phone.reply_to = Some((submission.inbound_url, submission.from));
        let receipt = match receipts {
            Receipts::Prompt | Receipts::Late => Some(MessageStatus::Delivered),
            Receipts::Undelivered => Some(MessageStatus::Undelivered),
            Receipts::Lost => None,
        };
        phone.add(Text { at, own: false, text: submission.text, receipt });
        drop(memory);
        if let Some(status) = receipt {
            let code = (status == MessageStatus::Undelivered).then(|| "unreachable".to_owned());
            let event = StatusEvent { event: format!("{id}:{status}"), message: id.clone(), status, code };
            self.give_receipt(submission.status_url, event, receipts == Receipts::Late);
        }
        Taking::Taken { id, slow: hand == Hand::TimeOut }
    }

    fn give_receipt(&self, url: String, event: StatusEvent, late: bool) {
        let sandbox = self.clone();
        if !late {
            self.0.under_way.send_modify(|count| *count += 1);
        }
        tokio::spawn(async move {
            if late {
                tokio::time::sleep(LATE).await;
            }
            let call = sandbox.0.calls.acquire().await;
            let called = sandbox.call(&url, &event).await;
            drop(call);
            if let Err(error) = called {
                tracing::warn!(%error, "the sandbox could not deliver a receipt");
            }
            if !late {
                sandbox.0.under_way.send_modify(|count| *count -= 1);
            }
        });
    }

    async fn call(&self, url: &str, event: &(impl serde::Serialize + Sync)) -> Result<(), NotCalled> {
        let mut waits = AGAIN.into_iter();
        loop {
            match self.0.caller.call(url, self.0.clock.wall(), event).await {
                Ok(()) => return Ok(()),
                // A refusal stays one; silence and a server's trouble may pass.
                Err(error @ NotCalled::Status(400..=499)) => return Err(error),
                Err(error) => match waits.next() {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(error),
                },
            }
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn phone(&mut self, number: &str) -> &mut Phone {
        if self.phones.len() >= MAX_NUMBERS && !self.phones.contains_key(number) {
            let silent = self.phones.iter().min_by_key(|(_, phone)| phone.stirred).map(|(number, _)| number.clone());
            if let Some(silent) = silent {
                self.phones.remove(&silent);
            }
        }
        self.phones.entry(number.to_owned()).or_default()
    }

    fn remember_key(&mut self, key: &str, id: &str) {
        if self.key_order.len() >= MAX_KEYS
            && let Some(oldest) = self.key_order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        self.keys.insert(key.to_owned(), id.to_owned());
        self.key_order.push_back(key.to_owned());
    }
}

impl Phone {
    fn add(&mut self, text: Text) {
        if self.texts.len() >= MAX_TEXTS {
            self.texts.pop_front();
        }
        self.texts.push_back(text);
    }
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
#[path = "phone_tests.rs"]
mod tests;
