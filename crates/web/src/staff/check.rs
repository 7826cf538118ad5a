//! What a file would change and have said, before anything of it is kept.

use super::told::Teller;
use super::upload::{SCRIPT, choice, columns_page, teller, upload_id};
use super::{Access, Staff, policy};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use kept_domain::plan::StepKey;
use kept_domain::{AppointmentStatus, Channel, SkipReason};
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::{
    Forecast, ForetoldMessage, ForetoldSilence, ImportOutcome, ImportProblem, Problem, ProblemKind, RowClass,
};
use kept_flow::upload::{MAX_STATUS_CHARS, UploadStage};
use kept_render::messages::Part;
use kept_render::upload;
use serde::Deserialize;

/// Rows that the check shows; all are counted.
const ROWS_SHOWN: usize = 300;
/// Messages, or silences, on one page; all are counted.
const PAGE: usize = 100;

/// What a word may mean, the likely ones first.
const MEANINGS: [AppointmentStatus; AppointmentStatus::ALL.len()] = {
    use AppointmentStatus::{
        Arrived, Booked, Cancelled, CheckedIn, EnteredInError, Fulfilled, Noshow, Pending, Proposed, Waitlist,
    };
    [Booked, Cancelled, Fulfilled, Noshow, Arrived, CheckedIn, Pending, Proposed, Waitlist, EnteredInError]
};

/// Which part of the check, and from where on.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Look {
    #[serde(default)]
    show: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    page: usize,
}

pub(super) async fn check(
    State(state): State<WebState>,
    staff: Staff,
    Path(id): Path<String>,
    Query(look): Query<Look>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, id) = (staff.practice.practice.id, upload_id(&id)?);
    if !matches!(state.flow.upload(practice, id).await?.stage, UploadStage::Check) {
        return Ok(Redirect::to(&format!("/staff/upload/{id}")).into_response());
    }
    let reason: Option<SkipReason> = match look.reason.as_str() {
        "" => None,
        word => Some(word.parse().map_err(|_| WebError::BadForm("reason"))?),
    };
    let tell = teller(&state, &staff);
    let (outcome, forecast) = match state.flow.foretell_upload(practice, staff.staff, id).await {
        Ok(found) => found,
        Err(error) => return columns_page(&state, &staff, id, Some(tell.import(error)?)).await,
    };
    let note = |key: &str| state.flow.render.phrase(staff.locale, key, &[]);
    let (no_number, conflict) = (note("check.no_number")?, note("check.conflict")?);
    let choices = state.flow.upload_choices(practice, id).await?;
    let (rows, more) = rows(tell, &outcome, &no_number, &conflict)?;
    let counts = outcome.counts;
    let show = match look.show.as_str() {
        "silent" => "silent",
        "rows" => "rows",
        "messages" => "messages",
        // What there is to see first: texts, else the rows.
        _ if forecast.messages.is_empty() => "rows",
        _ => "messages",
    };
    let here = format!("/staff/upload/{id}/check");
    let silences: Vec<&ForetoldSilence> =
        forecast.silences.iter().filter(|one| reason.is_none_or(|reason| one.reason == reason)).collect();
    let of = if show == "silent" { silences.len() } else { forecast.messages.len() };
    let first = look.page.min(of / PAGE) * PAGE;
    let filter = reason.map(|reason| format!("&reason={reason}")).unwrap_or_default();
    let page = |at: usize| format!("{here}?show={show}{filter}&page={}", at / PAGE);
    let context = upload::Check {
        frame: staff.frame(&state, "upload", Some(SCRIPT)),
        id: id.to_string(),
        counts: vec![
            ("new", counts.new),
            ("changed", counts.changed),
            ("unchanged", counts.unchanged),
            ("vanished", counts.vanished),
            ("rejected", counts.rejected),
            ("without_number", outcome.without_number),
        ],
        problems: outcome.problems.iter().map(|problem| tell.problem(problem)).collect::<Result<_, _>>()?,
        words: status_words(&outcome.problems, choices.status_words),
        new_columns: outcome.new_columns,
        unmapped: outcome.unmapped,
        show,
        rows_total: counts.new + counts.changed + counts.vanished + counts.rejected,
        rows: if show == "rows" { rows } else { Vec::new() },
        more,
        declared: choices.consent == Some(ConsentChoice::Declared),
        to_do: counts.new + counts.changed + counts.vanished,
        messages_total: forecast.messages.len(),
        silences_total: forecast.silences.len(),
        silent_visits: forecast.silent_visits,
        messages: match show {
            "messages" => messages(&state, forecast.messages.iter().skip(first).take(PAGE))?,
            _ => Vec::new(),
        },
        reasons: if show == "silent" { reasons(&forecast, reason, &here) } else { Vec::new() },
        silences: match show {
            "silent" => silent(&state, &staff, silences.into_iter().skip(first).take(PAGE))?,
            _ => Vec::new(),
        },
        earlier: if first > 0 && show != "rows" { page(first - PAGE) } else { String::new() },
        later: if first + PAGE < of && show != "rows" { page(first + PAGE) } else { String::new() },
    };
    let html = state.flow.render.page(staff.locale, &context)?;
    Ok(Page::new(html, policy(&state, SCRIPT)).into_response())
}

/// Their words for a status: those that nobody knows, then those that were given a meaning.
fn status_words(problems: &[ImportProblem], given: Vec<(String, AppointmentStatus)>) -> Vec<upload::StatusWord> {
    let meanings = |chosen: Option<AppointmentStatus>| {
        let none = chosen.is_none().then_some("");
        none.into_iter()
            .chain(MEANINGS.iter().map(|status| status.as_str()))
            .map(|word| choice(word, chosen.is_some_and(|chosen| chosen.as_str() == word)))
            .collect()
    };
    let unknown = problems.iter().filter_map(|problem| match problem {
        ImportProblem::Read(Problem { kind: ProblemKind::UnknownStatus, word: Some(word), .. }) => Some(word),
        _ => None,
    });
    // `…` stands for the words beyond those that are listed.
    let can_be_told = |word: &&String| word.chars().count() <= MAX_STATUS_CHARS && *word != "…";
    let unknown =
        unknown.filter(can_be_told).map(|word| upload::StatusWord { word: word.clone(), meanings: meanings(None) });
    let given = given.into_iter().map(|(word, status)| upload::StatusWord { word, meanings: meanings(Some(status)) });
    unknown.chain(given).collect()
}

/// What their words mean.
pub(super) async fn words(
    State(state): State<WebState>,
    staff: Staff,
    Path(id): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, id) = (staff.practice.practice.id, upload_id(&id)?);
    let mut words = Vec::new();
    for (word, meaning) in form.into_iter().filter(|(_, meaning)| !meaning.is_empty()) {
        words.push((word, meaning.parse().map_err(|_| WebError::BadForm("meaning"))?));
    }
    let step = if state.flow.explain_upload(practice, id, words).await? { "/check" } else { "" };
    Ok(Redirect::to(&format!("/staff/upload/{id}{step}")).into_response())
}

/// Messages as they would be written, with the function that writes them.
fn messages<'a>(
    state: &WebState,
    some: impl Iterator<Item = &'a ForetoldMessage>,
) -> Result<Vec<upload::CheckMessage>, WebError> {
    some.map(|one| {
        let written = state.flow.foretext(one)?;
        Ok(upload::CheckMessage {
            name: one.name.clone(),
            line: one.line,
            start: one.start.clone(),
            visits: one.visits,
            channel: one.channel.as_str(),
            language: one.locale.as_str(),
            at: one.at.clone(),
            text: written.text,
            // Mail is not cut into segments.
            segments: if one.channel == Channel::Sms { written.segments } else { 0 },
        })
    })
    .collect()
}

fn reasons(forecast: &Forecast, chosen: Option<SkipReason>, here: &str) -> Vec<Part> {
    let part = |(reason, n): &(SkipReason, usize)| {
        let is_chosen = chosen == Some(*reason);
        Part {
            key: format!("reason.{reason}"),
            word: "not-sent".to_owned(),
            n: i64::try_from(*n).unwrap_or(i64::MAX),
            href: if is_chosen { format!("{here}?show=silent") } else { format!("{here}?show=silent&reason={reason}") },
            chosen: is_chosen,
        }
    };
    forecast.reasons.iter().map(part).collect()
}

fn silent<'a>(
    state: &WebState,
    staff: &Staff,
    some: impl Iterator<Item = &'a ForetoldSilence>,
) -> Result<Vec<upload::CheckSilence>, WebError> {
    let what = |step: StepKey| {
        let (key, n) = match step {
            StepKey::Booking => ("what.booking", 0),
            StepKey::Days(n) => ("what.days", n),
            StepKey::Hours(n) => ("what.hours", n),
            StepKey::Moved => ("what.change", 0),
            StepKey::Practitioner => ("what.change-practitioner", 0),
        };
        state.flow.render.phrase(staff.locale, key, &[("n", &n)])
    };
    some.map(|one| {
        Ok(upload::CheckSilence {
            name: one.name.clone(),
            line: one.line,
            start: one.start.clone(),
            what: what(one.step)?,
            why: format!("reason.{}", one.reason),
        })
    })
    .collect()
}

/// The rows to look at, those that cannot be used first, and how many are not shown.
fn rows(
    tell: Teller<'_>,
    outcome: &ImportOutcome,
    no_number: &str,
    conflict: &str,
) -> Result<(Vec<upload::CheckRow>, u64), WebError> {
    let rejected = outcome.rejects.iter().map(|reject| {
        Ok(upload::CheckRow {
            class: "rejected",
            line: Some(reject.line),
            start: None,
            name: reject.cells.iter().filter(|cell| !cell.is_empty()).take(4).cloned().collect::<Vec<_>>().join(" · "),
            notes: vec![tell.row(&reject.reason)?],
        })
    });
    let of = |class: RowClass| outcome.details.iter().filter(move |row| row.class == class);
    let told = [RowClass::Vanished, RowClass::Changed, RowClass::New].into_iter().flat_map(of).map(|row| {
        let mut notes = tell.changed(row)?;
        if row.conflict {
            notes.push(conflict.to_owned());
        }
        if !row.has_number {
            notes.push(no_number.to_owned());
        }
        Ok(upload::CheckRow {
            class: match row.class {
                RowClass::New => "new",
                RowClass::Changed => "changed",
                RowClass::Vanished => "vanished",
            },
            line: row.line,
            start: Some(row.start.clone()),
            name: row.name.clone().unwrap_or_default(),
            notes,
        })
    });
    let shown = rejected.chain(told).take(ROWS_SHOWN).collect::<Result<Vec<_>, WebError>>()?;
    let counts = outcome.counts;
    let all = counts.new + counts.changed + counts.vanished + counts.rejected;
    let more = all.saturating_sub(shown.len() as u64);
    Ok((shown, more))
}
