//! When reminders go out: an administrator ticks steps, for all visits and for single visit types.

use super::messages::step_words;
use super::settings::{Saved, text};
use super::{Access, Staff, plain_policy};
use crate::error::WebError;
use crate::page::Page;
use crate::state::WebState;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use kept_domain::VisitTypeId;
use kept_domain::messaging::Channel;
use kept_domain::plan::{Plan, Step, StepKey};
use kept_flow::OpenPractice;
use kept_flow::audit::Actor;
use kept_flow::cadence::{Cadence, CadenceWish};
use kept_render::plans as page;
use std::collections::HashMap;

/// Steps that are always offered, farthest first; those that a plan has beside them are offered too.
const OFFERED: [StepKey; 6] =
    [StepKey::Booking, StepKey::Days(7), StepKey::Days(3), StepKey::Days(2), StepKey::Days(1), StepKey::Hours(2)];

/// The plan of all visits.
fn all(open: &OpenPractice) -> Plan {
    open.default_plan().map(|found| found.plan.clone()).unwrap_or_default()
}

/// The steps of a form for a plan.
fn offered(plan: &Plan) -> Vec<StepKey> {
    let mut keys: Vec<StepKey> = OFFERED.into_iter().chain(plan.steps().iter().map(|step| step.key)).collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.before_start()));
    keys.dedup();
    keys
}

pub(super) async fn show(
    State(state): State<WebState>,
    staff: Staff,
    Query(query): Query<Saved>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let open = &staff.practice;
    let ticks = |plan: &Plan| {
        let tick = |key: StepKey| {
            let chosen = plan.steps().iter().any(|step| step.key == key);
            Ok(page::StepTick { word: key.to_string(), label: step_words(&state, &staff, key)?, chosen })
        };
        offered(plan).into_iter().map(tick).collect::<Result<Vec<_>, WebError>>()
    };
    let all = all(open);
    let kinds = open.visit_types.iter().map(|kind| {
        let cadence = open.cadence(kind.id);
        let (own, plan) = match cadence {
            Cadence::AsAll => (false, all.clone()),
            Cadence::Own(plan) => (true, plan),
        };
        let words = plan.steps().iter().map(|step| step_words(&state, &staff, step.key));
        let now = words.collect::<Result<Vec<_>, WebError>>()?.join(" · ");
        Ok(page::PlanForm { id: kind.id.to_string(), name: kind.name.clone(), own, now, steps: ticks(&plan)? })
    });
    let context = page::Plans {
        frame: staff.frame(&state, "settings", None),
        all: ticks(&all)?,
        kinds: kinds.collect::<Result<_, WebError>>()?,
        saved: query.is_saved(),
    };
    // Visit types are named as calendars write them, which may be free text.
    state.flow.note_plans_viewed(open.practice.id, staff.staff).await?;
    Ok(Page::new(state.flow.render.page(staff.locale, &context)?, plain_policy()).into_response())
}

/// The plan that is ticked under a name. A step that was there keeps its channel.
fn ticked(form: &HashMap<String, String>, name: &str, before: &Plan) -> Result<Plan, WebError> {
    let chosen = form.iter().filter(|(_, value)| *value == "yes");
    let words = chosen.filter_map(|(field, _)| field.strip_prefix(name)?.strip_prefix('.'));
    let mut steps = Vec::new();
    for word in words {
        let key: StepKey = word.parse().map_err(|_| WebError::BadForm("step"))?;
        let known = before.steps().iter().find(|step| step.key == key);
        steps.push(Step { key, channel: known.map_or(Channel::Sms, |step| step.channel) });
    }
    Plan::new(steps).map_err(|_| WebError::BadForm("steps"))
}

pub(super) async fn change(
    State(state): State<WebState>,
    staff: Staff,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Response, WebError> {
    staff.require(Access::Administrator)?;
    let open = &staff.practice;
    let all = all(open);
    let mut wish = CadenceWish { all: Some(ticked(&form, "all", &all)?), visit_types: Vec::new() };
    for kind in &open.visit_types {
        let id: VisitTypeId = kind.id;
        let name = id.to_string();
        // A visit type that came by an upload while the page was open is not in the form, and stays as it is.
        let cadence = match text(&form, &name) {
            "" => continue,
            "as-all" => Cadence::AsAll,
            "own" => {
                let before = match open.cadence(id) {
                    Cadence::Own(plan) => plan,
                    Cadence::AsAll => all.clone(),
                };
                Cadence::Own(ticked(&form, &name, &before)?)
            }
            _ => return Err(WebError::BadForm("plan")),
        };
        wish.visit_types.push((id, cadence));
    }
    state.flow.change_plans(open.practice.id, Actor::Staff(staff.staff), &wish).await?;
    Ok(Redirect::to("/staff/plans?saved=yes").into_response())
}
