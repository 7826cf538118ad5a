//! "Add to my calendar": one event (RFC 5545) with a neutral title, since calendars are shared with families and clouds.

use super::visit::Seen;
use super::{Refused, see_other};
use crate::state::WebState;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use kept_domain::Instant;

/// Length of a visit whose end the calendar does not tell.
const USUAL_LENGTH: chrono::Duration = chrono::Duration::minutes(30);

/// The press of the button; the file itself is fetched by a GET that a phone may repeat.
pub(crate) async fn redirect(
    State(state): State<WebState>,
    Path((slug, ordinal)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    seen.visit(ordinal)?;
    Ok(see_other(&slug, &format!("visit/{ordinal}/appointment.ics")))
}

pub(crate) async fn file(
    State(state): State<WebState>,
    Path((slug, ordinal)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let visit = seen.visit(ordinal)?;
    let title = state.flow.render.phrase(seen.locale, "calendar.title", &[("alias", &visit.location.alias)])?;
    let place = visit.location.address.as_deref().unwrap_or(&visit.location.alias);
    let end = visit.end_at.unwrap_or(visit.start_at + USUAL_LENGTH);
    let lines = [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Kept//Portal//EN".to_owned(),
        "METHOD:PUBLISH".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        // The same event for the same visit of the same link, so that a second press updates it.
        format!("UID:{}-{ordinal}@kept", seen.visits.link),
        format!("SEQUENCE:{}", visit.revision - 1),
        format!("DTSTAMP:{}", utc(state.flow.clock.civil())),
        format!("DTSTART:{}", utc(visit.start_at)),
        format!("DTEND:{}", utc(end)),
        format!("SUMMARY:{}", escape(&title)),
        format!("LOCATION:{}", escape(place)),
        "CLASS:PRIVATE".to_owned(),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ];
    let text: String = lines.iter().map(|line| fold(line)).collect();
    let mut response = text.into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
    out.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"appointment.ics\""));
    Ok(response)
}

fn utc(at: Instant) -> String {
    at.utc().format("%Y%m%dT%H%M%SZ").to_string()
}

/// RFC 5545 §3.3.11.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// RFC 5545 §3.1: lines of at most 75 bytes, never splitting a character.
fn fold(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut used = 0;
    for c in line.chars() {
        if used + c.len_utf8() > 75 {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(c);
        used += c.len_utf8();
    }
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_add_lines_or_values() {
        assert_eq!(escape("a;b,c\\d\r\nATTENDEE:x"), "a\\;b\\,c\\\\d\\nATTENDEE:x");
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let folded = fold(&"ñ".repeat(100));
        assert!(folded.split("\r\n").all(|line| line.len() <= 75));
        assert_eq!(folded.replace("\r\n ", "").trim_end(), "ñ".repeat(100));
    }
}
