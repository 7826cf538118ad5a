//! What patients wish: their language, the channel they are reached on, silence about single visits.
//!
//! Whoever calls has made sure who asks: a session at level 1 may speak for its own patient only, staff for all of the
//! practice. Consent is another matter (see [`crate::consent`]): a wished channel that has opted out stays silent.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::{Flow, FlowError};
use kept_domain::{AppointmentId, Channel, Locale, PatientId, PracticeId};
use kept_store::Scope;

/// What a patient wishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// Language they are addressed in; none: the practice's own.
    pub locale: Option<Locale>,
    /// Channel they want to be reached on; none: a text message, else e-mail.
    pub channel: Option<Channel>,
    /// Channels among which there is a choice: those with a number or address of theirs that something carries. With fewer
    /// than two, there is nothing to choose.
    pub choices: Vec<Channel>,
    /// Visits to come about which nothing more is said.
    pub muted: Vec<AppointmentId>,
}

impl Flow {
    /// What a patient wishes.
    pub async fn preference(&self, practice: PracticeId, patient: PatientId) -> Result<Preference, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let stored = tx.patient_preference(practice, patient).await?;
        let stored = stored.ok_or(FlowError::NotFound { what: "patient" })?;
        let muted = tx.muted_visits(practice, patient, self.clock.civil()).await?;
        let has = |channel: &Channel| match channel {
            Channel::Sms => stored.has_sms,
            Channel::Email => stored.has_email,
        };
        let choices = self.channels().into_iter().filter(has).collect();
        Ok(Preference { locale: stored.locale, channel: stored.channel, choices, muted })
    }

    /// Addresses a patient in a language from now on, whatever calendars say.
    pub async fn set_patient_locale(
        &self,
        practice: PracticeId,
        patient: PatientId,
        locale: Locale,
        by: Actor,
    ) -> Result<(), FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if tx.set_patient_locale(practice, patient, locale).await? == 0 {
            return Err(FlowError::NotFound { what: "patient" });
        }
        tx.replan_patient(practice, patient, self.clock.civil()).await?;
        let entry = AuditEntry::new(act::PREFERENCE_SET, by).id("patient", patient).word("locale", locale.as_str());
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Reaches a patient on a channel from now on, as long as it may be used; `None`: no wish.
    pub async fn set_patient_channel(
        &self,
        practice: PracticeId,
        patient: PatientId,
        channel: Option<Channel>,
        by: Actor,
    ) -> Result<(), FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if tx.set_patient_channel(practice, patient, channel).await? == 0 {
            return Err(FlowError::NotFound { what: "patient" });
        }
        tx.replan_patient(practice, patient, self.clock.civil()).await?;
        let word = channel.map_or("none", Channel::as_str);
        let entry = AuditEntry::new(act::PREFERENCE_SET, by).id("patient", patient).word("channel", word);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sends no more reminders about one visit of a patient, or does again. A notice that the visit moved still goes out: who
    /// mutes a reminder does not ask to come at the old time. Returns whether anything changed.
    pub async fn mute_visit(
        &self,
        practice: PracticeId,
        patient: PatientId,
        appointment: AppointmentId,
        muted: bool,
        by: Actor,
    ) -> Result<bool, FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if tx.set_visit_muted(practice, patient, appointment, muted).await? == 0 {
            return Ok(false);
        }
        let word = if muted { "yes" } else { "no" };
        let entry = AuditEntry::new(act::VISIT_MUTED, by).id("appointment", appointment).word("muted", word);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Channels that something carries, in the order of the ladder. With nothing set up planning goes on as if texts would go
    /// out: that is what a trial without a carrier wants to see.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        let carried: Vec<Channel> = Channel::ALL
            .iter()
            .copied()
            .filter(|channel| self.carriers.of_channel(*channel).next().is_some())
            .collect();
        if carried.is_empty() { vec![Channel::Sms] } else { carried }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{WEEK, import};
    use crate::testing::{NOW, World};
    use chrono::Duration;
    use kept_domain::Instant;
    use kept_domain::plan::StepKey;
    use kept_store::testing::both;
    use kept_store::{PlanReminder, PlanVisit, Store};

    async fn khan(world: &World) -> (PlanVisit, Vec<PlanReminder>) {
        let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
        let ids = tx.visits_starting(world.practice, Instant::from_ms(0), NOW + Duration::days(400)).await.unwrap();
        let first = tx.plan_visits(world.practice, &ids[..1]).await.unwrap().remove(0);
        let mut reminders = tx.plan_reminders(world.practice, &ids[..1]).await.unwrap();
        reminders.sort_by_key(|row| (row.due_at, row.step));
        (first, reminders)
    }

    #[tokio::test]
    async fn wishes_are_kept_and_planned_by() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            import(&world, WEEK).await;
            world.flow.plan_sweep().await.unwrap();
            let (visit, before) = khan(&world).await;
            let by = Actor::Patient(visit.patient);
            let (flow, practice) = (&world.flow, world.practice);

            let wish = flow.preference(practice, visit.patient).await.unwrap();
            let nothing = Preference { locale: None, channel: None, choices: vec![Channel::Sms], muted: Vec::new() };
            assert_eq!(wish, nothing);
            flow.set_patient_locale(practice, visit.patient, Locale::Es, by).await.unwrap();
            flow.set_patient_channel(practice, visit.patient, Some(Channel::Email), by).await.unwrap();
            let wish = flow.preference(practice, visit.patient).await.unwrap();
            assert_eq!((wish.locale, wish.channel), (Some(Locale::Es), Some(Channel::Email)));
            flow.plan_sweep().await.unwrap();
            let (_, after) = khan(&world).await;
            // There is no address of theirs: texts it is, in their language.
            for (was, is) in before.iter().zip(&after) {
                let (was, is) = (was.notice.as_ref().unwrap(), is.notice.as_ref().unwrap());
                assert_eq!((was.id, was.locale, is.locale), (is.id, Locale::En, Locale::Es));
            }

            assert!(flow.mute_visit(practice, visit.patient, visit.id, true, by).await.unwrap());
            assert!(!flow.mute_visit(practice, visit.patient, visit.id, true, by).await.unwrap());
            assert!(!flow.mute_visit(practice, flow.new_id(), visit.id, false, by).await.unwrap(), "somebody else's");
            flow.plan_sweep().await.unwrap();
            let (_, muted) = khan(&world).await;
            assert!(
                muted.iter().all(|row| row.reason.as_deref() == Some("muted") && row.notice.is_none()),
                "{muted:?}"
            );
            assert_eq!(flow.preference(practice, visit.patient).await.unwrap().muted, [visit.id]);
            assert!(flow.mute_visit(practice, visit.patient, visit.id, false, by).await.unwrap());
            flow.plan_sweep().await.unwrap();
            let (_, again) = khan(&world).await;
            assert!(again.iter().any(|row| row.step == StepKey::Days(1) && row.notice.is_some()), "{again:?}");

            for nobody in [
                flow.preference(practice, flow.new_id()).await.map(|_| ()),
                flow.set_patient_locale(practice, flow.new_id(), Locale::En, by).await,
                flow.set_patient_channel(practice, flow.new_id(), None, by).await,
            ] {
                assert!(matches!(nobody, Err(FlowError::NotFound { what: "patient" })), "{nobody:?}");
            }
        })
        .await;
    }
}
