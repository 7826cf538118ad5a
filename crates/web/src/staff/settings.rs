//! What an administrator decides for the practice, and what the practice's own words make of its texts.

use super::{Access, Staff, plain_policy};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use kept_domain::ladder::OptOutScope;
use kept_domain::window::SendWindow;
use kept_domain::{Care, Locale};
use kept_flow::settings::{LocationWish, MAX_ALIAS_CHARS, MAX_READING_HOURS_CHARS, SettingsFault, SettingsWish};
use kept_flow::texts::TextFault;
use kept_render::settings as page;
use kept_render::staff::Choice;
use serde::Deserialize;
use std::collections::HashMap;
use std::str::FromStr;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Saved {
    #[serde(default)]
    saved: String,
}

impl Saved {
    /// Whether the page follows a form that was kept.
    pub(super) fn is_saved(&self) -> bool {
        self.saved == "yes"
    }
}

pub(super) async fn show(
    State(state): State<WebState>,
    staff: Staff,
    Query(query): Query<Saved>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let open = &staff.practice;
    let settings = &open.practice.settings;
    let word = |number: &dyn std::fmt::Display| number.to_string();
    let first = settings.locales.first().copied().unwrap_or(Locale::En);
    let form: HashMap<String, String> = [
        ("country", settings.country.clone()),
        ("care", word(&settings.care)),
        ("language", word(&first)),
        ("opt_out_scope", word(&settings.opt_out_scope)),
        ("email_from", settings.email_from.clone().unwrap_or_default()),
        ("window", settings.send_window.clone()),
        ("cap_per_day", word(&settings.cap_per_day)),
        ("cap_per_week", word(&settings.cap_per_week)),
        ("discreet", if settings.discreet { "yes".to_owned() } else { String::new() }),
        ("max_segments", word(&settings.max_segments)),
        ("answer_cut_off_min", word(&settings.answer_cut_off_min)),
        ("cancel_cut_off_min", word(&settings.cancel_cut_off_min)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .chain(settings.locales.iter().map(|locale| (format!("offer-{locale}"), "yes".to_owned())))
    .chain(settings.reading_hours.iter().map(|(locale, text)| (format!("hours-{locale}"), text.clone())))
    .chain(open.locations.iter().flat_map(|open| {
        let id = open.location.id;
        [
            (format!("alias-{id}"), open.location.alias.clone()),
            (format!("phone-{id}"), open.location.phone.clone().unwrap_or_default()),
            (format!("sender-{id}"), open.sender.clone().unwrap_or_default()),
        ]
    }))
    .collect();
    Ok(answer(&state, &staff, &form, Vec::new(), query.is_saved())?.into_response())
}

pub(super) async fn change(
    State(state): State<WebState>,
    staff: Staff,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let faults: Vec<&'static str> = match wish(&staff, &form) {
        Ok(wish) => {
            let faults = state.flow.change_settings(staff.practice.practice.id, staff.staff, &wish).await?;
            faults.into_iter().map(SettingsFault::as_str).collect()
        }
        Err(fault) => vec![fault],
    };
    if faults.is_empty() {
        return Ok(Redirect::to("/staff/settings?saved=yes").into_response());
    }
    let page = answer(&state, &staff, &form, faults, false)?;
    Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
}

/// A field without blanks around it; none is empty.
pub(super) fn text<'a>(form: &'a HashMap<String, String>, name: &str) -> &'a str {
    form.get(name).map_or("", |value| value.trim())
}

/// Languages in the order of the form: the practice's own, then the others that are ticked.
fn locales(first: Locale, form: &HashMap<String, String>) -> Vec<Locale> {
    let ticked = |locale: &&Locale| **locale != first && text(form, &format!("offer-{locale}")) == "yes";
    std::iter::once(first).chain(Locale::ALL.iter().filter(ticked).copied()).collect()
}

/// What the form wishes; else the word of what is wrong with it: a field that counts holds no whole number, or a choice is none of
/// those offered.
fn wish(staff: &Staff, form: &HashMap<String, String>) -> Result<SettingsWish, &'static str> {
    fn number<T: FromStr>(form: &HashMap<String, String>, name: &str) -> Result<T, &'static str> {
        text(form, name).parse().map_err(|_| "number")
    }
    fn choice<T: FromStr>(form: &HashMap<String, String>, name: &str) -> Result<T, &'static str> {
        text(form, name).parse().map_err(|_| "choice")
    }
    let location = |open: &kept_flow::OpenLocation| {
        let id = open.location.id;
        LocationWish {
            id,
            alias: text(form, &format!("alias-{id}")).to_owned(),
            phone: text(form, &format!("phone-{id}")).to_owned(),
            sender: text(form, &format!("sender-{id}")).to_owned(),
        }
    };
    let hours = |locale: &Locale| (*locale, text(form, &format!("hours-{locale}")).to_owned());
    Ok(SettingsWish {
        locations: staff.practice.locations.iter().map(location).collect(),
        country: text(form, "country").to_uppercase(),
        care: choice(form, "care")?,
        locales: locales(choice(form, "language")?, form),
        reading_hours: Locale::ALL.iter().map(hours).collect(),
        opt_out_scope: choice(form, "opt_out_scope")?,
        email_from: text(form, "email_from").to_owned(),
        send_window: text(form, "window").to_owned(),
        cap_per_day: number(form, "cap_per_day")?,
        cap_per_week: number(form, "cap_per_week")?,
        discreet: text(form, "discreet") == "yes",
        max_segments: number(form, "max_segments")?,
        answer_cut_off_min: number(form, "answer_cut_off_min")?,
        cancel_cut_off_min: number(form, "cancel_cut_off_min")?,
    })
}

/// The page with what the form holds, be it right or wrong.
fn answer(
    state: &WebState,
    staff: &Staff,
    form: &HashMap<String, String>,
    faults: Vec<&'static str>,
    saved: bool,
) -> Result<Page, WebError> {
    let value = |name: &str| text(form, name).to_owned();
    let location = |open: &kept_flow::OpenLocation| {
        let id = open.location.id;
        page::LocationForm {
            id: id.to_string(),
            name: open.location.name.clone(),
            alias: value(&format!("alias-{id}")),
            phone: value(&format!("phone-{id}")),
            sender: value(&format!("sender-{id}")),
        }
    };
    let choice = |word: &str, chosen: bool| Choice { value: word.to_owned(), label: word.to_owned(), chosen };
    let chosen = |name: &str, word: &str| choice(word, word == text(form, name));
    let warnings = state.flow.text_warnings(&staff.practice)?.into_iter().map(|one| {
        let (segments, word, gives_away) = match one.fault {
            TextFault::Segments { takes, .. } => (takes, String::new(), ""),
            TextFault::Private { word, gives_away } => (0, word, gives_away),
        };
        let language = one.locale.as_str();
        page::TextWarning { location: one.location, text: one.text, language, segments, word, gives_away }
    });
    let context = page::Settings {
        frame: staff.frame(state, "settings", None),
        locations: staff.practice.locations.iter().map(location).collect(),
        country: value("country"),
        cares: Care::ALL.iter().map(|care| chosen("care", care.as_str())).collect(),
        languages: Locale::ALL.iter().map(|locale| chosen("language", locale.as_str())).collect(),
        offered: Locale::ALL
            .iter()
            .map(|locale| choice(locale.as_str(), text(form, &format!("offer-{locale}")) == "yes"))
            .collect(),
        reading_hours: Locale::ALL
            .iter()
            .map(|locale| page::ReadingHours { language: locale.as_str(), text: value(&format!("hours-{locale}")) })
            .collect(),
        scopes: OptOutScope::ALL.iter().map(|scope| chosen("opt_out_scope", scope.as_str())).collect(),
        email_from: value("email_from"),
        windows: SendWindow::all()
            .iter()
            .filter(|window| window.may_be_chosen())
            .map(|window| chosen("window", window.name()))
            .collect(),
        cap_per_day: value("cap_per_day"),
        cap_per_week: value("cap_per_week"),
        discreet: text(form, "discreet") == "yes",
        max_segments: value("max_segments"),
        answer_cut_off_min: value("answer_cut_off_min"),
        cancel_cut_off_min: value("cancel_cut_off_min"),
        faults,
        saved,
        warnings: warnings.collect(),
        most_alias: MAX_ALIAS_CHARS,
        most_hours: MAX_READING_HOURS_CHARS,
    };
    Ok(Page::new(state.flow.render.page(staff.locale, &context)?, plain_policy()))
}
