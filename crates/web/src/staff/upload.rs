//! A schedule goes in: file → match columns → check → send.

use super::told::Teller;
use super::{Access, Staff, policy};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::multipart::MultipartError;
use axum::extract::{Multipart, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::Days;
use http::{HeaderValue, StatusCode, header};
use kept_domain::UploadId;
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::sample::Sample;
use kept_flow::intake::{DateOrder, Field, FileLook, Mapping, MappingError, limits};
use kept_flow::upload::UploadStage;
use kept_render::staff::Choice;
use kept_render::{Template, upload};
use std::collections::{BTreeMap, HashMap};

/// The script that looks again while an import runs.
pub(super) const SCRIPT: &str = "upload.js";
/// Visits of the example, and what they follow from: it is the same each day but for its dates.
const EXAMPLE_VISITS: usize = 20;
const EXAMPLE_SEED: u64 = 7;
/// Bytes of a megabyte.
const MB: u64 = 1024 * 1024;

fn html<T: Template>(state: &WebState, staff: &Staff, context: &T) -> Result<Page, WebError> {
    Ok(Page::new(state.flow.render.page(staff.locale, context)?, policy(state, SCRIPT)))
}

pub(super) fn upload_id(text: &str) -> Result<UploadId, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}

pub(super) fn teller<'a>(state: &'a WebState, staff: &Staff) -> Teller<'a> {
    Teller { render: &state.flow.render, locale: staff.locale }
}

pub(super) async fn show(State(state): State<WebState>, staff: Staff) -> Result<Page, WebError> {
    staff.require(Access::Desk)?;
    file_page(&state, &staff, String::new())
}

fn file_page(state: &WebState, staff: &Staff, problem: String) -> Result<Page, WebError> {
    let frame = staff.frame(state, "upload", Some(SCRIPT));
    html(state, staff, &upload::UploadFile { frame, problem, most_mb: limits::MAX_FILE_BYTES / MB })
}

pub(super) async fn take(State(state): State<WebState>, staff: Staff, form: Multipart) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let practice = staff.practice.practice.id;
    let refuse = |status, key: &str| -> Result<Response, WebError> {
        let problem = state.flow.render.phrase(staff.locale, key, &[("n", &(limits::MAX_FILE_BYTES / MB))])?;
        Ok(file_page(&state, &staff, problem)?.status(status).into_response())
    };
    let (name, content) = match read_file(form).await {
        Ok(Some(file)) => file,
        Ok(None) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, "upload.no_file"),
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "upload.too_large");
        }
        Err(_) => return Err(WebError::BadForm("file")),
    };
    if let Err(error) = limits::check_lines(&content) {
        let page = file_page(&state, &staff, teller(&state, &staff).file(&error)?)?;
        return Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
    }
    let id = state.flow.keep_upload(practice, staff.staff, &name, &content).await?;
    match state.flow.look_at_upload(practice, id).await {
        Ok(_) => Ok(Redirect::to(&format!("/staff/upload/{id}/columns")).into_response()),
        Err(error) => {
            let page = file_page(&state, &staff, teller(&state, &staff).import(error)?)?;
            Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
        }
    }
}

async fn read_file(mut form: Multipart) -> Result<Option<(String, Vec<u8>)>, MultipartError> {
    while let Some(field) = form.next_field().await? {
        let name = match field.name() {
            Some("file") => field.file_name().unwrap_or_default().to_owned(),
            Some("text") => "pasted.txt".to_owned(),
            _ => continue,
        };
        let content = field.bytes().await?;
        if !name.is_empty() {
            // Without a copy where nobody else holds it.
            return Ok(Some((name, content.into())));
        }
    }
    Ok(None)
}

pub(super) async fn show_columns(
    State(state): State<WebState>,
    staff: Staff,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    columns_page(&state, &staff, upload_id(&id)?, None).await
}

pub(super) async fn columns_page(
    state: &WebState,
    staff: &Staff,
    id: UploadId,
    problem: Option<String>,
) -> Result<Response, WebError> {
    let look = match state.flow.upload_columns(staff.practice.practice.id, staff.staff, id).await {
        Ok(look) => look,
        Err(error) => {
            let page = file_page(state, staff, teller(state, staff).import(error)?)?;
            return Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
        }
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let chosen = base(&look);
    let mut field_of: HashMap<&str, Field> = HashMap::new();
    for (field, headers) in chosen.iter().flat_map(|mapping| mapping.columns()) {
        for header in headers {
            field_of.insert(header, *field);
        }
    }
    let order = chosen.and_then(Mapping::date_order).map_or("", order_word);
    let columns = look.guess.columns.iter().enumerate().map(|(index, column)| {
        let ours = if chosen.is_some() { field_of.get(column.header.as_str()).copied() } else { column.field };
        let fields = std::iter::once("").chain(Field::ALL.iter().map(|field| field.as_str()));
        upload::Column {
            name: format!("c{index}"),
            header: column.header.clone(),
            samples: column.samples.clone(),
            fields: fields.map(|word| choice(word, word == ours.map_or("", Field::as_str))).collect(),
        }
    });
    let context = upload::MatchColumns {
        frame: staff.frame(state, "upload", Some(SCRIPT)),
        id: id.to_string(),
        rows: look.rows,
        remembered: look.remembered.is_some(),
        columns: columns.collect(),
        dates: ["", "month-first", "day-first", "iso"].map(|word| choice(word, word == order)).to_vec(),
        declared: look.consent == Some(ConsentChoice::Declared),
        problem: problem.unwrap_or_default(),
    };
    Ok(html(state, staff, &context)?.status(status).into_response())
}

/// The mapping that the page starts from.
fn base(look: &FileLook) -> Option<&Mapping> {
    look.remembered.as_ref().or(look.guess.mapping.as_ref().ok())
}

pub(super) fn choice(value: &str, chosen: bool) -> Choice {
    Choice { value: value.to_owned(), label: value.to_owned(), chosen }
}

const fn order_word(order: DateOrder) -> &'static str {
    match order {
        DateOrder::MonthFirst => "month-first",
        DateOrder::DayFirst => "day-first",
        DateOrder::Iso => "iso",
    }
}

pub(super) async fn match_columns(
    State(state): State<WebState>,
    staff: Staff,
    Path(id): Path<String>,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, id) = (staff.practice.practice.id, upload_id(&id)?);
    let look = match state.flow.look_at_upload(practice, id).await {
        Ok(look) => look,
        Err(error) => {
            let page = file_page(&state, &staff, teller(&state, &staff).import(error)?)?;
            return Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
        }
    };
    let Some(consent) = form.get("consent").and_then(|word| word.parse::<ConsentChoice>().ok()) else {
        return Err(WebError::BadForm("consent"));
    };
    let order = match form.get("dates").map(String::as_str) {
        Some("month-first") => Some(DateOrder::MonthFirst),
        Some("day-first") => Some(DateOrder::DayFirst),
        Some("iso") => Some(DateOrder::Iso),
        _ => None,
    };
    let words = state.flow.upload_choices(practice, id).await?.status_words;
    let mapping = match chosen_mapping(&look, chosen_fields(&look, &form)?) {
        Ok(mapping) => mapping.with_date_order(order).with_status_words(words),
        Err(error) => {
            let problem = teller(&state, &staff).mapping(&error)?;
            return columns_page(&state, &staff, id, Some(problem)).await;
        }
    };
    // Where it is being imported, or in, its own page says so.
    let step = if state.flow.match_upload(practice, id, &mapping, consent).await? { "/check" } else { "" };
    Ok(Redirect::to(&format!("/staff/upload/{id}{step}")).into_response())
}

fn chosen_fields(look: &FileLook, form: &HashMap<String, String>) -> Result<BTreeMap<Field, Vec<String>>, WebError> {
    let mut fields: BTreeMap<Field, Vec<String>> = BTreeMap::new();
    for (index, column) in look.guess.columns.iter().enumerate() {
        let Some(word) = form.get(&format!("c{index}")).filter(|word| !word.is_empty()) else { continue };
        let field: Field = word.parse().map_err(|_| WebError::BadForm("column"))?;
        fields.entry(field).or_default().push(column.header.clone());
    }
    Ok(fields)
}

/// The mapping that the form describes. Where it says what the remembered or guessed one says, that one is kept, with its
/// words and formats.
fn chosen_mapping(look: &FileLook, fields: BTreeMap<Field, Vec<String>>) -> Result<Mapping, MappingError> {
    if let Some(base) = base(look) {
        let same: BTreeMap<Field, Vec<String>> = base.columns().iter().cloned().collect();
        let sorted = |map: &BTreeMap<Field, Vec<String>>| -> BTreeMap<Field, Vec<String>> {
            map.iter()
                .map(|(field, headers)| {
                    let mut headers = headers.clone();
                    headers.sort();
                    (*field, headers)
                })
                .collect()
        };
        if sorted(&same) == sorted(&fields) {
            return Ok(base.clone());
        }
    }
    Mapping::from_columns(fields)
}

pub(super) async fn send(
    State(state): State<WebState>,
    staff: Staff,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, person, id) = (staff.practice.practice.id, staff.staff, upload_id(&id)?);
    // Looked up first, so that another practice's upload is not found here rather than in the background.
    let stage = state.flow.upload(practice, id).await?.stage;
    if matches!(stage, UploadStage::Check | UploadStage::Failed(_)) {
        let (flow, locale) = (state.flow.clone(), staff.locale);
        tokio::spawn(async move {
            let words = Teller { render: &flow.render, locale }.rejects().unwrap_or_default();
            if let Err(error) = flow.send_upload(practice, person, id, words).await {
                tracing::error!(%error, upload = %id, "an upload could not be sent");
            }
        });
    }
    Ok(Redirect::to(&format!("/staff/upload/{id}")).into_response())
}

pub(super) async fn stage(
    State(state): State<WebState>,
    staff: Staff,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, id) = (staff.practice.practice.id, upload_id(&id)?);
    let mut context = upload::Sent {
        frame: staff.frame(&state, "upload", Some(SCRIPT)),
        id: id.to_string(),
        stage: "importing",
        progress: 0,
        total: 0,
        counts: Vec::new(),
        rejects: false,
    };
    match state.flow.upload(practice, id).await?.stage {
        UploadStage::Match => return Ok(Redirect::to(&format!("/staff/upload/{id}/columns")).into_response()),
        UploadStage::Check => return Ok(Redirect::to(&format!("/staff/upload/{id}/check")).into_response()),
        UploadStage::Importing(progress, total) => (context.progress, context.total) = (progress, total),
        UploadStage::Failed(_) => context.stage = "failed",
        UploadStage::Done(import) => {
            let result = state.flow.upload_result(practice, import).await?;
            context.stage = "done";
            context.rejects = !result.rejects_csv.0.is_empty();
            context.counts = ["new", "changed", "unchanged", "vanished", "rejected"]
                .map(|word| (word, result.counts.get(word).and_then(serde_json::Value::as_u64).unwrap_or(0)))
                .to_vec();
        }
    }
    Ok(html(&state, &staff, &context)?.into_response())
}

pub(super) async fn rejects(
    State(state): State<WebState>,
    staff: Staff,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let (practice, id) = (staff.practice.practice.id, upload_id(&id)?);
    let UploadStage::Done(import) = state.flow.upload(practice, id).await?.stage else {
        return Err(WebError::NotFound);
    };
    let rows = state.flow.export_rejects(practice, staff.staff, import).await?;
    Ok(csv(rows.0, HeaderValue::from_static("attachment; filename=\"rejected-rows.csv\"")))
}

/// A schedule of made-up people, as a calendar exports it, to see what a file looks like.
pub(super) async fn example(State(state): State<WebState>, staff: Staff) -> Result<Response, WebError> {
    staff.require(Access::Desk)?;
    let today = state.flow.clock.civil().local_day(staff.practice.practice.time_zone);
    let locations = staff.practice.locations.iter().map(|open| open.location.name.clone()).collect();
    let sample = Sample::new(EXAMPLE_VISITS, EXAMPLE_SEED, today + Days::new(1), today);
    Ok(csv(
        of_its_own(&Sample { locations, ..sample }.to_csv()),
        HeaderValue::from_static("attachment; filename=\"example-schedule.csv\""),
    ))
}

/// A made-up schedule that no other can be taken for: with ids and a header of its own, and a mark so that spreadsheets read the
/// letters right.
fn of_its_own(rows: &str) -> String {
    let (header, rows) = rows.split_once('\n').unwrap_or((rows, ""));
    let rows = rows.lines().map(|row| format!("EX{}\r\n", row.trim_end().replacen(',', ",EX", 1)));
    format!("\u{FEFF}{}\n{}", header.replacen("Appointment ID", "Visit ID", 1), rows.collect::<String>())
}

fn csv(rows: String, name: HeaderValue) -> Response {
    let mut response = rows.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, name);
    response
}
