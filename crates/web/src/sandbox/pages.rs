//! The sandbox's phones as pages.

use super::phone::{Phone, Sandbox, Text};
use super::switches::{Hand, Receipts, Switches};
use crate::csp::Csp;
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use chrono_tz::Tz;
use kept_domain::Locale;
use kept_render::sandbox::{Bubble, Choice, OpenPhone, Owner, Phones, Piece, Row};
use serde::Deserialize;

/// Phones listed beside the open one.
const LISTED: usize = 50;
/// Longest text that can be written on a phone's page, in characters.
const MAX_WRITTEN: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Trouble {
    trouble: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Written {
    text: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Switched {
    hand: Hand,
    receipts: Receipts,
    back: String,
}

/// `GET /sandbox/phone`: the newest phone, or an empty page.
pub(super) async fn phones(State(state): State<WebState>) -> Result<Page, WebError> {
    let sandbox = state.sandbox.as_ref().ok_or(WebError::NotFound)?;
    page(&state, sandbox, None, false).await
}

/// `GET /sandbox/phone/{number}`: one phone.
pub(super) async fn phone(
    State(state): State<WebState>,
    Path(number): Path<String>,
    Query(query): Query<Trouble>,
) -> Result<Page, WebError> {
    let sandbox = state.sandbox.as_ref().ok_or(WebError::NotFound)?;
    page(&state, sandbox, Some(&number), query.trouble.is_some()).await
}

/// `POST /sandbox/phone/{number}`: writes from a phone.
pub(super) async fn reply(
    State(state): State<WebState>,
    Path(number): Path<String>,
    Form(written): Form<Written>,
) -> Result<Redirect, WebError> {
    let sandbox = state.sandbox.as_ref().ok_or(WebError::NotFound)?;
    let number = sandbox.number(&number).ok_or(WebError::NotFound)?;
    let path = Sandbox::path_of(&number);
    if written.text.trim().is_empty() {
        return Ok(Redirect::to(&path));
    }
    if written.text.chars().count() > MAX_WRITTEN {
        return Err(WebError::BadForm("text"));
    }
    match sandbox.reply(&number, &written.text).await {
        Ok(()) => Ok(Redirect::to(&path)),
        Err(error) => {
            tracing::warn!(%error, "the sandbox could not deliver a reply");
            Ok(Redirect::to(&format!("{path}?trouble=reply")))
        }
    }
}

/// `POST /sandbox/switches`: how the carrier behaves from now on.
pub(super) async fn switch(
    State(state): State<WebState>,
    Form(switched): Form<Switched>,
) -> Result<Redirect, WebError> {
    let sandbox = state.sandbox.as_ref().ok_or(WebError::NotFound)?;
    sandbox.set_switches(Switches { hand: switched.hand, receipts: switched.receipts });
    let back = sandbox.number(&switched.back).map_or_else(|| "/sandbox/phone".to_owned(), |own| Sandbox::path_of(&own));
    Ok(Redirect::to(&back))
}

/// `GET /sandbox/news`: a number that changes when anything happened.
pub(super) async fn news(State(state): State<WebState>) -> Result<String, WebError> {
    Ok(state.sandbox.as_ref().ok_or(WebError::NotFound)?.stirs().to_string())
}

async fn page(state: &WebState, sandbox: &Sandbox, wanted: Option<&str>, trouble: bool) -> Result<Page, WebError> {
    let zone = match state.flow.practices().await?.first() {
        Some(first) => state.flow.practice(*first).await?.practice.time_zone,
        None => Tz::UTC,
    };
    let stirs = sandbox.stirs();
    let all = sandbox.conversations();
    let open = match wanted {
        Some(wanted) => {
            let number = sandbox.number(wanted).ok_or(WebError::NotFound)?;
            all.iter().find(|(own, _)| *own == number)
        }
        None => all.iter().find(|(_, phone)| phone.owner.is_some()).or(all.first()),
    };
    let row = |(number, phone): &(String, Phone)| {
        let last = phone.texts.back();
        Row {
            number: number.clone(),
            owner: phone.owner.as_ref().map(|(name, _)| name.clone()),
            path: Sandbox::path_of(number),
            last: last.map(|text| text.text.clone()).unwrap_or_default(),
            at: last.map(|text| text.at.local(zone)),
            open: open.is_some_and(|(own, _)| own == number),
        }
    };
    let switches = sandbox.switches();
    let context = Phones {
        stylesheet: state.assets.url("sandbox.css").to_owned(),
        script: state.assets.url("sandbox.js").to_owned(),
        integrity: state.assets.integrity("sandbox.js").to_owned(),
        stirs,
        trouble,
        more: all.len().saturating_sub(LISTED),
        rows: all.iter().take(LISTED).map(row).collect(),
        open: open.map(|(number, phone)| OpenPhone {
            number: number.clone(),
            path: Sandbox::path_of(number),
            digits: number.chars().filter(char::is_ascii_digit).collect(),
            owner: phone.owner.as_ref().map(|(name, born)| Owner { name: name.clone(), birth_date: *born }),
            texts: phone.texts.iter().map(|text| bubble(text, zone)).collect(),
        }),
        hand: Hand::ALL.iter().map(|hand| choice(hand.as_str(), switches.hand == *hand)).collect(),
        receipts: Receipts::ALL.iter().map(|one| choice(one.as_str(), switches.receipts == *one)).collect(),
    };
    let html = state.flow.render.page(Locale::En, &context)?;
    let csp = Csp::new().style("'self'").script(state.assets.source("sandbox.js")).connect_self();
    Ok(Page::new(html, csp))
}

fn choice(word: &'static str, chosen: bool) -> Choice {
    let said = match word {
        "take" => "Take it",
        "time-out" => "Take it, but answer too late",
        "busy" => "Say “busy, later”",
        "broken" => "Be out of order",
        "opted-out" => "Refuse: opted out",
        "unreachable" => "Refuse: no such phone",
        "prompt" => "Deliver, and say so",
        "late" => "Say so half a minute later",
        "lost" => "Never say so",
        _ => "Do not deliver, and say so",
    };
    Choice { word, said, chosen }
}

fn bubble(text: &Text, zone: Tz) -> Bubble {
    Bubble {
        own: text.own,
        at: text.at.local(zone),
        pieces: pieces(&text.text),
        receipt: text.receipt.map(kept_flow::sandbox::MessageStatus::as_str),
    }
}

/// A text with its addresses told apart, as phones do. Only http and https become links.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let address = word.trim_end();
        let is_link = address.starts_with("https://") || address.starts_with("http://");
        let (link, rest) = if is_link { (Some(address), &word[address.len()..]) } else { (None, word) };
        if let Some(link) = link {
            pieces.push(Piece { text: link.to_owned(), link: true });
        }
        match pieces.last_mut() {
            Some(last) if !last.link => last.text.push_str(rest),
            _ => pieces.push(Piece { text: rest.to_owned(), link: false }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_and_nothing_is_lost() {
        let text = "Oak: Tue 9:15. https://kept.example/oak/l#7m3k Reply 1, javascript:alert(1)";
        let pieces = pieces(text);
        let links: Vec<_> = pieces.iter().filter(|piece| piece.link).map(|piece| piece.text.as_str()).collect();
        assert_eq!(links, ["https://kept.example/oak/l#7m3k"]);
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
    }
}
