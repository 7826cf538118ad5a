//! The difference between what is decided and what stands.

use super::facts::{Facts, Group, revision_of};
use crate::Flow;
use kept_domain::plan::StepKey;
use kept_domain::schedule::{Decision, Message, Outcome, Verdict};
use kept_domain::{AppointmentId, Instant, NoticeId, NoticeState, ReminderState, SkipReason};
use kept_store::{PlanNotice, PlanReminder, PlanVisit, PlannedNotice, PlannedReminder};
use std::collections::{HashMap, HashSet};

/// What a batch writes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) new_notices: Vec<PlannedNotice>,
    pub(super) changed_notices: Vec<PlannedNotice>,
    pub(super) cancelled_notices: Vec<NoticeId>,
    pub(super) new_reminders: Vec<PlannedReminder>,
    pub(super) changed_reminders: Vec<PlannedReminder>,
    /// Notices that stood before and that a number of this batch has decided about.
    decided: HashSet<NoticeId>,
}

impl Changes {
    pub(super) fn reminders(&self) -> usize {
        self.new_reminders.len() + self.changed_reminders.len()
    }

    pub(super) fn notices(&self) -> usize {
        self.new_notices.len() + self.changed_notices.len() + self.cancelled_notices.len()
    }

    /// Notices that stood before and change.
    pub(super) fn touched_notices(&self) -> Vec<NoticeId> {
        self.changed_notices.iter().map(|notice| notice.id).chain(self.cancelled_notices.iter().copied()).collect()
    }

    /// Adds the difference of one circle.
    pub(super) fn of_group(&mut self, facts: &Facts, group: &Group<'_>, outcome: &Outcome, now: Instant, flow: &Flow) {
        let standing = Standing::of(facts, group, &self.decided);
        // Two who shared a number and have one each now still share a notice: it goes with the first, the other gets a new one.
        self.decided.extend(standing.notices.keys());
        let mut used: HashSet<NoticeId> = HashSet::new();
        let mut notice_of: HashMap<usize, NoticeId> = HashMap::new();
        for message in &outcome.messages {
            let Some(wanted) = wanted_notice(facts, group, outcome, message) else { continue };
            let id = self.place(&standing, &mut used, group, outcome, message, &wanted, flow);
            notice_of.extend(message.members.iter().map(|member| (*member, id)));
        }
        let mut left: Vec<NoticeId> = standing.notices.keys().filter(|id| !used.contains(id)).copied().collect();
        left.sort_unstable();
        self.cancelled_notices.extend(left);

        let mut decided: HashSet<(AppointmentId, StepKey, i64)> = HashSet::new();
        for (index, decision) in outcome.decisions.iter().enumerate() {
            let Some(row) = group.rows.get(decision.visit) else { continue };
            let revision = revision_of(row, decision.step);
            decided.insert((row.id, decision.step, revision));
            let stands = standing.reminders.get(&(row.id, decision.step, revision)).copied();
            let notice = notice_of.get(&index).copied();
            self.of_reminder(row, decision, revision, stands, notice, now, flow);
        }
        for stands in standing.reminders.values() {
            let waits = matches!(stands.state, ReminderState::Planned | ReminderState::Held);
            if waits && !decided.contains(&(stands.appointment, stands.step, stands.revision)) {
                self.changed_reminders.push(PlannedReminder {
                    id: stands.id,
                    appointment: stands.appointment,
                    step: stands.step,
                    revision: stands.revision,
                    channel: stands.channel,
                    state: ReminderState::Superseded,
                    reason: Some(SkipReason::Superseded),
                    due_at: stands.due_at,
                    notice: None,
                });
            }
        }
    }

    /// Finds a place for a message: a notice of its members that waits, or a new one.
    #[expect(clippy::too_many_arguments, reason = "one call; a struct would only rename them")]
    fn place(
        &mut self,
        standing: &Standing<'_>,
        used: &mut HashSet<NoticeId>,
        group: &Group<'_>,
        outcome: &Outcome,
        message: &Message,
        wanted: &PlannedNotice,
        flow: &Flow,
    ) -> NoticeId {
        let members: HashSet<(AppointmentId, StepKey)> = message
            .members
            .iter()
            .filter_map(|member| outcome.decisions.get(*member))
            .filter_map(|decision| Some((group.rows.get(decision.visit)?.id, decision.step)))
            .collect();
        let fits = |notice: &&PlanNotice| {
            let same = same_notice(notice, wanted);
            let same_members = standing.members.get(&notice.id).is_some_and(|stand| *stand == members);
            // One that a worker holds is either exactly right or taken back: its text may be written already.
            notice.kind == wanted.kind
                && !used.contains(&notice.id)
                && (notice.state == NoticeState::Planned || (same && same_members))
        };
        let candidates = message.members.iter().filter_map(|member| {
            let decision = outcome.decisions.get(*member)?;
            let row = group.rows.get(decision.visit)?;
            let key = (row.id, decision.step, revision_of(row, decision.step));
            let notice = standing.reminders.get(&key)?.notice.as_ref()?;
            standing.notices.get(&notice.id).copied()
        });
        let found = candidates.filter(fits).min_by_key(|notice| (notice.state != NoticeState::Claimed, notice.id));
        if let Some(found) = found {
            used.insert(found.id);
            if !same_notice(found, wanted) {
                self.changed_notices.push(PlannedNotice { id: found.id, ..wanted.clone() });
            }
            return found.id;
        }
        let id = flow.new_id();
        self.new_notices.push(PlannedNotice { id, ..wanted.clone() });
        id
    }

    #[expect(clippy::too_many_arguments, reason = "one call; a struct would only rename them")]
    fn of_reminder(
        &mut self,
        row: &PlanVisit,
        decision: &Decision,
        revision: i64,
        stands: Option<&PlanReminder>,
        notice: Option<NoticeId>,
        now: Instant,
        flow: &Flow,
    ) {
        let (state, reason) = match decision.verdict {
            Verdict::Send { .. } => (ReminderState::Planned, None),
            Verdict::Hold => (ReminderState::Held, Some(SkipReason::Held)),
            Verdict::Skip(reason) => (ReminderState::Skipped, Some(reason)),
        };
        let wanted = |id| PlannedReminder {
            id,
            appointment: row.id,
            step: decision.step,
            revision,
            channel: decision.channel,
            state,
            reason,
            due_at: decision.due_at,
            notice,
        };
        let Some(stands) = stands else {
            // There is nothing to explain about visits of the past, nor about those that never were to come.
            if row.start > now && row.status.is_expected() {
                self.new_reminders.push(wanted(flow.new_id()));
            }
            return;
        };
        let wanted = wanted(stands.id);
        if !stands_right(stands, &wanted) {
            self.changed_reminders.push(wanted);
        }
    }
}

/// What stands for the visits of a circle and can still change.
struct Standing<'a> {
    reminders: HashMap<(AppointmentId, StepKey, i64), &'a PlanReminder>,
    /// Notices that nobody has armed.
    notices: HashMap<NoticeId, &'a PlanNotice>,
    /// What waits in each of them.
    members: HashMap<NoticeId, HashSet<(AppointmentId, StepKey)>>,
}

impl<'a> Standing<'a> {
    fn of(facts: &'a Facts, group: &Group<'_>, decided: &HashSet<NoticeId>) -> Self {
        let mut standing = Self { reminders: HashMap::new(), notices: HashMap::new(), members: HashMap::new() };
        for reminder in group.rows.iter().flat_map(|row| facts.reminders(row.id)) {
            standing.reminders.insert((reminder.appointment, reminder.step, reminder.revision), reminder);
            let Some(notice) = &reminder.notice else { continue };
            let free =
                matches!(notice.state, NoticeState::Planned | NoticeState::Claimed) && !decided.contains(&notice.id);
            if free && reminder.state == ReminderState::Planned {
                standing.notices.insert(notice.id, notice);
                standing.members.entry(notice.id).or_default().insert((reminder.appointment, reminder.step));
            }
        }
        standing
    }
}

/// A notice for a message; it speaks for its first visit's location, in its patient's language. Its id is not set yet.
fn wanted_notice(facts: &Facts, group: &Group<'_>, outcome: &Outcome, message: &Message) -> Option<PlannedNotice> {
    let decisions = || message.members.iter().filter_map(|member| outcome.decisions.get(*member));
    let first = group.rows.get(decisions().next()?.visit)?;
    let channel = group.circle.numbers.get(message.number)?.channel;
    let contact = first.contact(channel)?;
    let template = crate::simulate::template(message.kind, decisions().map(|decision| decision.step));
    Some(PlannedNotice {
        id: NoticeId::from_uuid(uuid::Uuid::nil()),
        kind: message.kind,
        channel,
        bix: contact.bix,
        contact: contact.id,
        location: first.location,
        locale: facts.locale(first),
        template,
        due_at: message.due_at,
        expires_at: message.expires_at,
    })
}

fn same_notice(stands: &PlanNotice, wanted: &PlannedNotice) -> bool {
    stands.bix == wanted.bix
        && stands.contact == wanted.contact
        && stands.location == wanted.location
        && stands.locale == wanted.locale
        && stands.template == wanted.template
        && stands.due_at == wanted.due_at
        && stands.expires_at == wanted.expires_at
}

fn stands_right(stands: &PlanReminder, wanted: &PlannedReminder) -> bool {
    if stands.state != wanted.state {
        return false;
    }
    if wanted.state == ReminderState::Skipped {
        // The first reason explains more than "too late" does.
        let too_late =
            [SkipReason::Past, SkipReason::Expired, SkipReason::Collapsed, SkipReason::Told].map(SkipReason::as_str);
        let reason = wanted.reason.map(SkipReason::as_str);
        return stands.reason.is_some()
            && (stands.reason.as_deref() == reason || reason.is_some_and(|r| too_late.contains(&r)));
    }
    stands.channel == wanted.channel
        && stands.due_at == wanted.due_at
        && stands.notice.as_ref().map(|notice| notice.id) == wanted.notice
}
