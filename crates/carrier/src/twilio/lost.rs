//! Looking for a message in Twilio's list, when its answer to the hand-over never came.

use super::TwilioCarrier;
use crate::exchange::{self, Exchange};
use crate::{LookUp, Lost};
use chrono::DateTime;
use kept_domain::Instant;
use serde::Deserialize;
use std::time::Duration;

/// The list is complete for what was handed over this long ago.
pub const SETTLES_AFTER: Duration = Duration::from_mins(1);

/// Twilio's clock and ours may differ: a message created this long before our first attempt may be ours,
pub const WINDOW_BEFORE: Duration = Duration::from_mins(2);

/// and one created this long after our last.
pub const WINDOW_AFTER: Duration = Duration::from_mins(5);

/// Messages on a page of the list.
const PAGE_SIZE: &str = "200";

/// Pages read; a number with more messages is not settled by us.
pub const MAX_PAGES: usize = 5;

/// A page may have this many bytes.
const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

#[derive(Deserialize)]
struct Page {
    messages: Vec<Listed>,
    next_page_uri: Option<String>,
}

/// A message of the list, as far as it tells whether it is ours.
#[derive(Deserialize)]
struct Listed {
    sid: String,
    to: String,
    direction: String,
    /// Empty where Twilio was asked to discard it.
    #[serde(default)]
    body: Option<String>,
    /// RFC 2822.
    date_created: String,
}

impl TwilioCarrier {
    pub(super) async fn search(&self, lost: &Lost) -> LookUp {
        if lost.now < lost.last_at + chrono::Duration::from_std(SETTLES_AFTER).unwrap_or_default() {
            return LookUp::NotYet;
        }
        let Ok(mut url) = reqwest::Url::parse(&self.messages_url()) else { return LookUp::NotYet };
        // By receiver alone: the date filters look at when a message was *sent*, and one that still waits was not. The number
        // stands in the address because the interface has no other place for it; this address is never logged.
        url.query_pairs_mut().append_pair("To", &lost.to).append_pair("PageSize", PAGE_SIZE);
        let mut listed = Vec::new();
        for _ in 0..MAX_PAGES {
            let request =
                self.client.get(url.clone()).basic_auth(&self.settings.user, Some(self.settings.password.reveal()));
            let page: Page = match exchange::ask(request, self.settings.timeout, MAX_PAGE_BYTES).await {
                Exchange::Answered(answer) if answer.status == 200 => match serde_json::from_slice(&answer.body) {
                    Ok(page) => page,
                    Err(_) => return LookUp::NotYet,
                },
                _ => return LookUp::NotYet,
            };
            listed.extend(page.messages);
            let Some(next) = page.next_page_uri else { return settle(lost, &listed) };
            match url.join(&next) {
                // Our key goes to the host that it belongs to and nowhere else.
                Ok(joined) if joined.origin() == url.origin() => url = joined,
                _ => return LookUp::Unknown,
            }
        }
        LookUp::Unknown
    }
}

/// Which message of the whole list is the lost one.
fn settle(lost: &Lost, listed: &[Listed]) -> LookUp {
    let before = chrono::Duration::from_std(WINDOW_BEFORE).unwrap_or_default();
    let after = chrono::Duration::from_std(WINDOW_AFTER).unwrap_or_default();
    let (from, until) = (lost.first_at - before, lost.last_at + after);
    let mut candidates = Vec::new();
    for message in listed {
        if message.to != lost.to || !message.direction.starts_with("outbound") || lost.known.contains(&message.sid) {
            continue;
        }
        let Ok(created) = DateTime::parse_from_rfc2822(&message.date_created) else {
            // It may be ours; without its time nobody can say.
            return LookUp::Unknown;
        };
        let created = Instant::from_ms(created.timestamp_millis());
        if created >= from && created <= until {
            candidates.push(message);
        }
    }
    let body = |message: &Listed| message.body.clone().unwrap_or_default();
    let same: Vec<&Listed> = candidates.iter().copied().filter(|message| body(message) == lost.text).collect();
    let discarded: Vec<&Listed> = candidates.iter().copied().filter(|message| body(message).is_empty()).collect();
    match (same.as_slice(), discarded.as_slice(), candidates.len()) {
        (_, _, 0) => LookUp::NeverTaken,
        ([only], [], _) => LookUp::Found { provider_ref: only.sid.clone() },
        // Its text was discarded as we asked; only one message it can be.
        ([], [only], 1) if lost.alone => LookUp::Found { provider_ref: only.sid.clone() },
        // Several, or one with another text, which the network or another program may have changed or sent.
        _ => LookUp::Unknown,
    }
}
