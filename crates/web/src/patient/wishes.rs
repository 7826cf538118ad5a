//! "Reminders and language": what the patient decides about messages, and what is recorded of it.

use super::visit::Seen;
use super::{Refused, language, policy, private_frame, see_other};
use crate::page::Page;
use crate::problem::Problem;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::HeaderMap;
use kept_domain::{Channel, LinkId, Locale};
use kept_flow::consent::{ConsentAct, ConsentBasis};
use kept_flow::portal::Wish;
use kept_render::patient::{Reached, Recorded, WishVisit, WishesPage};
use serde::Deserialize;

/// What was just done, by word of `wishes.said.…`.
const SAID: [&str; 6] = ["language", "channel", "visit", "stop", "stop-one", "again"];

#[derive(Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    said: String,
}

pub(crate) async fn show(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    Query(query): Query<Said>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let wishes = state.flow.portal_wishes(seen.practice.practice.id, seen.session).await?;
    let offered = &seen.practice.practice.settings.locales;
    let own = wishes.locale.filter(|own| offered.contains(own)).or_else(|| offered.first().copied());
    let channel = wishes.channel.or_else(|| wishes.choices.first().copied());
    let page = WishesPage {
        frame: private_frame(&state, &seen.practice, seen.locale, "reminders"),
        link: wishes.link.to_string(),
        said: SAID.iter().copied().find(|said| *said == query.said).unwrap_or_default(),
        languages: offered.iter().map(|locale| (locale.as_str(), own == Some(*locale))).collect(),
        channels: if wishes.choices.len() > 1 {
            wishes.choices.iter().map(|one| (one.as_str(), channel == Some(*one))).collect()
        } else {
            Vec::new()
        },
        reached: wishes
            .reached
            .iter()
            .map(|one| Reached { channel: one.channel.as_str(), hint: one.hint.clone(), allowed: one.allowed })
            .collect(),
        blocks: wishes.carrier_blocks && query.said == "again",
        sender: wishes.sender.clone().unwrap_or_default(),
        allowed: wishes.reached.iter().any(|one| one.allowed),
        visits: wishes
            .visits
            .iter()
            .map(|visit| WishVisit { ordinal: visit.ordinal, start: visit.start, muted: visit.muted })
            .collect(),
        history: wishes
            .history
            .iter()
            .map(|event| Recorded {
                at: event.at,
                act: ConsentAct::as_str(event.act),
                how: ConsentBasis::as_str(event.basis),
                channel: event.channel.as_str(),
            })
            .collect(),
    };
    let html = state.flow.render.page(seen.locale, &page)?;
    Ok(seen.answer(&headers, Page::new(html, policy(&state))))
}

/// One decision. Each button says what shall be.
#[derive(Deserialize)]
pub(crate) struct Decision {
    link: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    visit: String,
    #[serde(default)]
    muted: String,
    #[serde(default)]
    all: String,
    /// A channel to stop.
    #[serde(default)]
    stop: String,
    /// A channel to start again.
    #[serde(default)]
    again: String,
}

impl Decision {
    fn wish(&self) -> Option<(Wish, &'static str)> {
        if let Ok(locale) = self.language.parse::<Locale>() {
            return Some((Wish::Language(locale), "language"));
        }
        if let Ok(channel) = self.channel.parse::<Channel>() {
            return Some((Wish::Channel(channel), "channel"));
        }
        if let (Ok(ordinal), word @ ("yes" | "no")) = (self.visit.parse::<i64>(), self.muted.as_str()) {
            return Some((Wish::Mute(ordinal, word == "yes"), "visit"));
        }
        if let Ok(channel) = self.stop.parse::<Channel>() {
            return Some((Wish::Stop(Some(channel)), "stop-one"));
        }
        if let Ok(channel) = self.again.parse::<Channel>() {
            return Some((Wish::Again(Some(channel)), "again"));
        }
        match self.all.as_str() {
            "stop" => Some((Wish::Stop(None), "stop")),
            "again" => Some((Wish::Again(None), "again")),
            _ => None,
        }
    }
}

pub(crate) async fn decide(
    State(state): State<WebState>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Decision>,
) -> Result<Response, Refused> {
    let seen = Seen::load(&state, &slug, &headers).await?;
    let link: LinkId = form.link.parse().map_err(|_| Refused::Problem(Problem::BadForm))?;
    if link != seen.session.link {
        return Err(Refused::Problem(Problem::OtherLink));
    }
    let (wish, said) = form.wish().ok_or(Refused::Problem(Problem::BadForm))?;
    let offered = &seen.practice.practice.settings.locales;
    if matches!(wish, Wish::Language(locale) if !offered.contains(&locale)) {
        return Err(Refused::Problem(Problem::BadForm));
    }
    state.flow.portal_wish(seen.practice.practice.id, seen.session, wish).await?;
    let mut response = see_other(&slug, &format!("reminders?said={said}"));
    if let Wish::Language(locale) = wish {
        language::remember(response.headers_mut(), locale);
    }
    Ok(response)
}
