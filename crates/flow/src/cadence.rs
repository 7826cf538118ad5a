//! When reminders go out, for all visits and for single visit types, as an administrator decides. Visits to come are planned anew;
//! what was said already stays said.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::plan::Plan;
use kept_domain::{PlanId, PracticeId, StaffId, VisitTypeId};
use kept_store::{Scope, StoredPlan, Tx};

/// The plan of a visit type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cadence {
    /// The one of all visits.
    AsAll,
    /// One of its own; without steps nothing is said.
    Own(Plan),
}

/// Which plans are wished for. What is not named stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CadenceWish {
    /// Of visit types without a plan of their own, and of visits without a type.
    pub all: Option<Plan>,
    /// Of single visit types.
    pub visit_types: Vec<(VisitTypeId, Cadence)>,
}

impl OpenPractice {
    /// The plan of a visit type as an administrator sees it.
    pub fn cadence(&self, visit_type: VisitTypeId) -> Cadence {
        let own = self.visit_type(visit_type).and_then(|open| open.plan);
        let own = own.and_then(|id| self.plans.iter().find(|plan| plan.id == id && !plan.is_default));
        own.map_or(Cadence::AsAll, |open| Cadence::Own(open.plan.clone()))
    }
}

impl Flow {
    /// Changes plans, all of them or none, and says how many changed. A wish that changes nothing writes nothing.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when the practice has no such visit type.
    pub async fn change_plans(&self, practice: PracticeId, by: Actor, wish: &CadenceWish) -> Result<usize, FlowError> {
        let open = self.practice(practice).await?;
        let mut changed = 0;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if let Some(all) = &wish.all {
            let steps = all.to_json();
            match open.default_plan() {
                Some(found) if found.plan == *all => {}
                Some(found) => {
                    tx.set_plan_steps(practice, found.id, &steps).await?;
                    changed += 1;
                }
                None => {
                    tx.insert_plan(practice, &self.new_plan("Standard", steps, true)).await?;
                    changed += 1;
                }
            }
        }
        for (visit_type, cadence) in &wish.visit_types {
            let known = open.visit_type(*visit_type).ok_or(FlowError::NotFound { what: "visit type" })?;
            if open.cadence(*visit_type) != *cadence {
                self.change_plan(&mut tx, &open, (*visit_type, known.plan), cadence).await?;
                changed += 1;
            }
        }
        if changed == 0 {
            tx.rollback().await?;
            return Ok(0);
        }
        tx.drop_unused_plans(practice).await?;
        tx.mark_practice_plan_due(practice, self.clock.civil()).await?;
        let entry = AuditEntry::new(act::PLANS_CHANGED, by).count("plans", i64::try_from(changed).unwrap_or(i64::MAX));
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Writes down that somebody looked at the plans, which name visit types.
    pub async fn note_plans_viewed(&self, practice: PracticeId, staff: StaffId) -> Result<(), FlowError> {
        self.note_view(practice, AuditEntry::new(act::PLANS_VIEWED, Actor::Staff(staff))).await
    }

    async fn change_plan(
        &self,
        tx: &mut Tx,
        open: &OpenPractice,
        (visit_type, before): (VisitTypeId, Option<PlanId>),
        cadence: &Cadence,
    ) -> Result<(), FlowError> {
        let practice = open.practice.id;
        let Cadence::Own(plan) = cadence else {
            return Ok(tx.set_visit_type_plan(practice, visit_type, None).await?);
        };
        // A plan that others use too is left to them.
        let alone = |id: &PlanId| {
            open.plans.iter().any(|plan| plan.id == *id && !plan.is_default)
                && open.visit_types.iter().filter(|other| other.plan == Some(*id)).count() == 1
        };
        if let Some(own) = before.filter(alone) {
            return Ok(tx.set_plan_steps(practice, own, &plan.to_json()).await?);
        }
        let new = self.new_plan("Own", plan.to_json(), false);
        tx.insert_plan(practice, &new).await?;
        Ok(tx.set_visit_type_plan(practice, visit_type, Some(new.id)).await?)
    }

    fn new_plan(&self, name: &str, steps: String, is_default: bool) -> StoredPlan {
        StoredPlan { id: self.new_id(), name: name.to_owned(), steps, is_default, version: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{WEEK, import};
    use crate::testing::World;
    use kept_domain::messaging::Channel;
    use kept_domain::plan::{Step, StepKey};
    use kept_store::Store;
    use kept_store::testing::both;

    fn steps(keys: &[StepKey]) -> Plan {
        Plan::new(keys.iter().map(|key| Step { key: *key, channel: Channel::Sms }).collect()).unwrap()
    }

    /// Steps of the notices that wait, by visit type, in order.
    async fn waiting(world: &World) -> Vec<String> {
        world.flow.plan_sweep().await.unwrap();
        let open = world.flow.practice(world.practice).await.unwrap();
        let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
        let far = crate::testing::NOW + chrono::Duration::days(400);
        let ids = tx.visits_starting(world.practice, kept_domain::Instant::from_ms(0), far).await.unwrap();
        let visits = tx.plan_visits(world.practice, &ids).await.unwrap();
        let mut lines = std::collections::BTreeSet::new();
        for row in tx.plan_reminders(world.practice, &ids).await.unwrap() {
            let visit = visits.iter().find(|visit| visit.id == row.appointment).unwrap();
            let name = visit.visit_type.and_then(|id| open.visit_type(id)).map_or("-", |open| open.name.as_str());
            if row.state == kept_domain::ReminderState::Planned {
                lines.insert(format!("{name} {}", row.step));
            }
        }
        lines.into_iter().collect()
    }

    #[tokio::test]
    async fn a_visit_type_has_a_plan_of_its_own_or_the_one_of_all() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            let (flow, practice, by) = (&world.flow, world.practice, Actor::Staff(world.staff));
            import(&world, WEEK).await;
            let standard =
                ["Flu Shot 1d", "Flu Shot 3d", "Flu Shot booking", "Follow Up 1d", "Follow Up 3d", "Follow Up booking"];
            assert_eq!(waiting(&world).await, standard);
            let open = flow.practice(practice).await.unwrap();
            let kind = |name: &str| open.visit_types.iter().find(|open| open.name == name).unwrap().id;
            let (flu, follow) = (kind("Flu Shot"), kind("Follow Up"));
            assert_eq!(open.cadence(flu), Cadence::AsAll);

            let own = |plan| CadenceWish { all: None, visit_types: vec![(flu, Cadence::Own(plan))] };
            let week = steps(&[StepKey::Days(7), StepKey::Days(1)]);
            assert_eq!(flow.change_plans(practice, by, &own(week.clone())).await.unwrap(), 1);
            assert_eq!(flow.practice(practice).await.unwrap().cadence(flu), Cadence::Own(week.clone()));
            let with_week = ["Flu Shot 1d", "Flu Shot 7d", "Follow Up 1d", "Follow Up 3d", "Follow Up booking"];
            assert_eq!(waiting(&world).await, with_week);
            assert_eq!(flow.change_plans(practice, by, &own(week)).await.unwrap(), 0, "it stands so already");

            assert_eq!(flow.change_plans(practice, by, &own(Plan::default())).await.unwrap(), 1);
            let silent = ["Follow Up 1d", "Follow Up 3d", "Follow Up booking"];
            assert_eq!(waiting(&world).await, silent, "nothing is said of these");
            assert_eq!(flow.practice(practice).await.unwrap().plans.len(), 2, "edited, not added beside");

            let wish = CadenceWish {
                all: Some(steps(&[StepKey::Days(3)])),
                visit_types: vec![(flu, Cadence::AsAll), (follow, Cadence::AsAll)],
            };
            assert_eq!(flow.change_plans(practice, by, &wish).await.unwrap(), 2);
            assert_eq!(waiting(&world).await, ["Flu Shot 3d", "Follow Up 3d"]);
            assert_eq!(flow.practice(practice).await.unwrap().plans.len(), 1, "nothing is left over");
            let unknown = CadenceWish { all: None, visit_types: vec![(flow.new_id(), Cadence::AsAll)] };
            let said = flow.change_plans(practice, by, &unknown).await.unwrap_err();
            assert!(matches!(said, FlowError::NotFound { .. }), "{said}");
        })
        .await;
    }
}
