//! Simulation: what would be said in a stretch of time, and why the rest would not. The rules that plan decide, and
//! the function that writes texts writes them; nothing is stored.

use crate::message::{self, Message, SaidVisit};
use crate::plan::{Facts, Group};
use crate::{Flow, FlowError, OpenPractice, unsubscribe};
use chrono_tz::Tz;
use kept_domain::plan::StepKey;
use kept_domain::private::NoticeBody;
use kept_domain::schedule::{self, Outcome, Verdict};
use kept_domain::{Answer, AppointmentId, Channel, Instant, NoticeKind, PracticeId, SkipReason, text_enum};
use kept_store::Scope;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Visits whose facts are in memory at a time. Their number's other visits come along.
pub const SIMULATED_AT_ONCE: usize = 2_000;

text_enum! {
    /// What would become of a step.
    Decided: "decision" {
        /// It would go out.
        Send => "send",
        /// It would not; the reason says why.
        Skip => "skip",
    }
}

/// One step of one visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedLine {
    /// Which visit.
    pub appointment: AppointmentId,
    /// Which step.
    pub step: StepKey,
    /// How it would travel.
    pub channel: Channel,
    /// When its message would go out; for a skipped one, when it would have been due.
    pub due_at: Instant,
    /// Zone of the visit's location.
    pub zone: Tz,
    /// Whether it would be said.
    pub decision: Decided,
    /// Why not.
    pub reason: Option<SkipReason>,
    /// The subject of a mail.
    pub subject: Option<String>,
    /// The text, with an ellipsis in place of the link's secret. Steps that share a message share the text.
    pub text: Option<String>,
    /// Segments a text takes with a real link; none for a mail.
    pub segments: Option<usize>,
}

impl Flow {
    /// What would be said in `[from, to)` as things stand now, by time. What has been said already is not among it.
    pub async fn simulate(
        &self,
        practice: PracticeId,
        from: Instant,
        to: Instant,
    ) -> Result<Vec<SimulatedLine>, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        // A visit can be told of at any time before it starts, and never after.
        let all = tx.visits_starting(practice, from, Instant::from_ms(i64::MAX)).await?;
        let mut seen: HashSet<AppointmentId> = HashSet::new();
        let mut lines = Vec::new();
        for some in all.chunks(SIMULATED_AT_ONCE) {
            let fresh: Vec<AppointmentId> = some.iter().filter(|id| !seen.contains(id)).copied().collect();
            let visits = tx.visits_of_same_numbers(practice, &fresh, now).await?;
            seen.extend(visits.iter().copied());
            let facts = Facts::read(self, &mut tx, &open, &visits, now).await?;
            for group in facts.groups(&open) {
                let outcome = facts.schedule(&group, now);
                self.group_lines(&open, &facts, &group, &outcome, (from, to), &mut lines)?;
            }
        }
        lines.sort_by_key(|line| (line.due_at, line.appointment, line.step));
        Ok(lines)
    }

    fn group_lines(
        &self,
        open: &OpenPractice,
        facts: &Facts,
        group: &Group<'_>,
        outcome: &Outcome,
        (from, to): (Instant, Instant),
        lines: &mut Vec<SimulatedLine>,
    ) -> Result<(), FlowError> {
        let within = |at: Instant| from <= at && at < to;
        let mut written: HashMap<usize, (Instant, message::Written)> = HashMap::new();
        for planned in outcome.messages.iter().filter(|message| within(message.due_at)) {
            let Some(message) = self.message(open, facts, group, outcome, planned) else { continue };
            let mut shown = message::write(&self.render, &message)?;
            shown.text = shown.text.replace(NoticeBody::LINK, &format!("{}…", message.link_base));
            let of = |member: &usize| (*member, (planned.due_at, shown.clone()));
            written.extend(planned.members.iter().map(of));
        }
        for (index, decision) in outcome.decisions.iter().enumerate() {
            let Some((row, visit)) = group.rows.get(decision.visit).zip(group.circle.visits.get(decision.visit)) else {
                continue;
            };
            let line = |due_at, decided, reason, written: Option<message::Written>| {
                let segments = written.as_ref().and_then(|written| written.segments);
                let (text, mail) = written.map(|written| (written.text, written.mail)).unzip();
                let subject = mail.flatten().map(|mail| mail.subject);
                let (appointment, step, channel, zone) = (row.id, decision.step, decision.channel, visit.zone);
                SimulatedLine {
                    appointment,
                    step,
                    channel,
                    due_at,
                    zone,
                    decision: decided,
                    reason,
                    subject,
                    text,
                    segments,
                }
            };
            let skipped = |reason| line(decision.due_at, Decided::Skip, Some(reason), None);
            match decision.verdict {
                Verdict::Send { .. } => {
                    if let Some((due_at, written)) = written.remove(&index) {
                        lines.push(line(due_at, Decided::Send, None, Some(written)));
                    }
                }
                Verdict::Hold if within(decision.due_at) => lines.push(skipped(SkipReason::Held)),
                Verdict::Skip(reason) if within(decision.due_at) => lines.push(skipped(reason)),
                Verdict::Hold | Verdict::Skip(_) => {}
            }
        }
        Ok(())
    }

    /// What dispatch would write for a planned message; none for one without visits, which does not occur.
    pub(crate) fn message(
        &self,
        open: &OpenPractice,
        facts: &Facts,
        group: &Group<'_>,
        outcome: &Outcome,
        planned: &schedule::Message,
    ) -> Option<Message> {
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let decisions: Vec<_> = planned.members.iter().filter_map(|member| outcome.decisions.get(*member)).collect();
        let visits: Vec<_> = decisions.iter().filter(|decision| seen.insert(decision.visit)).collect();
        let first = group.rows.get(visits.first()?.visit)?;
        let settings = &open.practice.settings;
        let said = visits.iter().filter_map(|decision| {
            let visit = group.circle.visits.get(decision.visit)?;
            Some(SaidVisit { step: decision.step.to_string(), start: visit.start.local(visit.zone) })
        });
        let channel = group.circle.numbers.get(planned.number)?.channel;
        let place = open.location(first.location).map(|found| &found.location);
        Some(Message {
            channel,
            kind: planned.kind,
            template: template(planned.kind, decisions.iter().map(|decision| decision.step)).to_owned(),
            locale: facts.locale(first),
            alias: place.map_or(&open.practice.alias, |found| &found.alias).clone(),
            discreet: settings.discreet,
            visits: said.collect(),
            reply: visits.len() == 1 && first.answer == Answer::NeedsAction,
            max_segments: usize::from(settings.max_segments),
            link_base: message::link_base(&self.settings.public_url, &open.practice.slug),
            phone: place.and_then(|found| found.phone.clone()).or_else(|| open.practice.phone.clone()),
            unsubscribe: match channel {
                Channel::Sms => String::new(),
                Channel::Email => unsubscribe::url(&self.settings.public_url, &open.practice.slug, "…"),
            },
        })
    }
}

/// The template of a notice with these steps.
pub(crate) fn template(kind: NoticeKind, mut steps: impl Iterator<Item = StepKey>) -> &'static str {
    match kind {
        NoticeKind::Change if steps.all(|step| step == StepKey::Practitioner) => "change-practitioner",
        NoticeKind::Change => "change",
        NoticeKind::Reminder | NoticeKind::Answer => "reminder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{WEEK, import};
    use crate::testing::{NOW, World};
    use chrono::Duration;
    use kept_store::Store;
    use kept_store::testing::both;

    #[tokio::test]
    async fn simulation_tells_every_text_and_every_silence_and_stores_nothing() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            import(&world, WEEK).await;
            let (from, to) = (NOW, NOW + Duration::days(30));
            let lines = world.flow.simulate(world.practice, from, to).await.unwrap();
            let sends = |lines: &[SimulatedLine]| lines.iter().filter(|line| line.decision == Decided::Send).count();
            assert_eq!(sends(&lines), 9, "three patients on two numbers, three steps each");
            let booking = lines.iter().filter(|line| line.step == StepKey::Booking && line.decision == Decided::Send);
            let texts: BTreeSet<String> = booking.filter_map(|line| line.text.clone()).collect();
            assert_eq!(texts.len(), 2, "the children share one text: {texts:?}");
            for line in &lines {
                assert_eq!(line.decision == Decided::Skip, line.reason.is_some());
                assert_eq!(line.decision == Decided::Send, line.text.is_some());
                assert!(line.segments.is_none_or(|segments| segments == 1));
                assert!(line.text.as_deref().is_none_or(|text| text.contains("/l#…") && !text.contains("Khan")));
            }
            // The due times are those that planning stores; planning is not needed for it, nor changes it.
            let planned = world.flow.plan_sweep().await.unwrap();
            assert_eq!(planned.reminders, 15);
            assert_eq!(world.flow.simulate(world.practice, from, to).await.unwrap(), lines);
            // Only what is due in the stretch of time; its end is not part of it.
            let day = world.flow.simulate(world.practice, NOW, NOW + Duration::milliseconds(1)).await.unwrap();
            assert!(day.iter().all(|line| line.step == StepKey::Booking));
            assert_eq!(sends(&day), 3);
            assert_eq!(world.flow.simulate(world.practice, from, from).await.unwrap(), []);
        })
        .await;
    }

    #[test]
    fn the_template_follows_the_steps() {
        let of = |kind, steps: &[StepKey]| template(kind, steps.iter().copied());
        assert_eq!(of(NoticeKind::Reminder, &[StepKey::Booking]), "reminder");
        assert_eq!(of(NoticeKind::Change, &[StepKey::Practitioner]), "change-practitioner");
        assert_eq!(of(NoticeKind::Change, &[StepKey::Practitioner, StepKey::Moved]), "change");
    }
}
