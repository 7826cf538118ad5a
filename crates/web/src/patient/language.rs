//! Which language a page is in.

use super::{practice, see_other};
use crate::cookie;
use crate::error::WebError;
use crate::state::WebState;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use kept_domain::Locale;
use serde::Deserialize;

/// Remembers a language that the reader chose with the switch on the page. Not private, not a secret.
const COOKIE: &str = "__Host-kept-lang";
/// For how long, in seconds: a year.
const COOKIE_LIFE_S: i64 = 365 * 24 * 3600;

/// Remembers a language.
pub(crate) fn remember(headers: &mut HeaderMap, locale: Locale) {
    cookie::set(headers, COOKIE, locale.as_str(), Some(COOKIE_LIFE_S));
}

/// The switch on a page.
#[derive(Deserialize)]
pub(crate) struct Switch {
    to: String,
    #[serde(default)]
    back: String,
}

/// Sets the language and goes back to the page. Changes nothing here, so a GET may do it.
pub(crate) async fn switch(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    Query(switch): Query<Switch>,
) -> Result<Response, WebError> {
    let slug = practice(&state, &slug).await?.practice.slug.clone();
    // Only pages of ours, so that nobody can be sent elsewhere.
    let back = ["identify", "reminders", "new-link"].into_iter().find(|page| *page == switch.back).unwrap_or("visit");
    let mut response = see_other(&slug, back);
    if let Ok(locale) = switch.to.parse() {
        remember(response.headers_mut(), locale);
    }
    Ok(response)
}

/// The reader's own choice, else what the practice knows of them, else what the browser asks for, else the first
/// language offered.
pub(crate) fn choose(headers: &HeaderMap, known: Option<Locale>, offered: &[Locale]) -> Locale {
    let chosen = cookie::read(headers, COOKIE).and_then(|word| word.parse().ok());
    [chosen, known]
        .into_iter()
        .flatten()
        .find(|locale| offered.contains(locale))
        .or_else(|| asked_for(headers, offered))
        .or_else(|| offered.first().copied())
        .unwrap_or(Locale::En)
}

/// The best of `Accept-Language` (RFC 9110 §12.5.4) among those offered.
fn asked_for(headers: &HeaderMap, offered: &[Locale]) -> Option<Locale> {
    let mut best: Option<(u16, Locale)> = None;
    for part in headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?.split(',') {
        let mut pieces = part.split(';');
        let tag = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
        let primary = tag.split('-').next().unwrap_or_default();
        let weight = match pieces.find_map(|piece| piece.trim().strip_prefix("q=")) {
            None => 1000,
            Some(q) => thousandths(q),
        };
        let Some(&locale) = offered.iter().find(|locale| locale.as_str() == primary) else { continue };
        // The first of equal weight wins.
        if weight > 0 && best.is_none_or(|(found, _)| weight > found) {
            best = Some((weight, locale));
        }
    }
    best.map(|(_, locale)| locale)
}

/// `0.8` is 800. What is no weight is 0.
fn thousandths(q: &str) -> u16 {
    let (whole, fraction) = q.trim().split_once('.').unwrap_or((q.trim(), ""));
    match whole {
        "1" => 1000,
        "0" if fraction.len() <= 3 => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn chosen(header: &'static str) -> Locale {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(header));
        choose(&headers, None, Locale::ALL)
    }

    #[test]
    fn the_browser_decides_by_weight_then_by_order() {
        assert_eq!(chosen("es-MX,es;q=0.9,en;q=0.8"), Locale::Es);
        assert_eq!(chosen("fr, en;q=0.3, es;q=0.7"), Locale::Es);
        assert_eq!(chosen("en;q=0, es;q=0.001"), Locale::Es);
        assert_eq!(chosen("fr, *;q=0.5"), Locale::En);
        assert_eq!(chosen(";;q=,,=;q=9"), Locale::En);
    }

    #[test]
    fn what_we_know_beats_the_browser_and_a_choice_beats_both() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        assert_eq!(choose(&headers, Some(Locale::Es), Locale::ALL), Locale::Es);
        headers.insert(http::header::COOKIE, HeaderValue::from_static("__Host-kept-lang=en"));
        assert_eq!(choose(&headers, Some(Locale::Es), Locale::ALL), Locale::En);
        assert_eq!(choose(&headers, None, &[Locale::Es]), Locale::Es, "only what is offered");
    }
}
