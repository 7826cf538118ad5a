//! The last look: what may still go out is frozen, in one short transaction.

use super::compose::{Draft, DraftText, is_unasked, obeys};
use super::route::{self, CARRIER_DOWN};
use super::{DispatchSummary, LEASE};
use crate::audit::{self, AuditEntry, act};
use crate::consent::{ConsentAct, SAID_ANYWAY, SAID_WHEN_ASKED};
use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use kept_carrier::Route;
use kept_domain::skip::SkipReason;
use kept_domain::time::day_number;
use kept_domain::window::LAST_MINUTE;
use kept_domain::{Answer, AttemptId, BlindIndex, Instant, LeaseToken, NoticeId, NoticeKind, NoticeState, ReminderId};
use kept_store::{ArmFacts, Armed, Chain, DroppedNotice, NoticeReminder, PastAttempt, Scope, Send};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Days that the weekly cap looks at, today included.
const CAP_DAYS: i64 = 7;
/// "Stop by at 3?" may be an opt-out: until a person has read it, what is due is looked at again after this.
const HELD_FOR: Duration = Duration::minutes(15);
/// A text from the number is acknowledged and nothing has followed from it yet: a matter of moments, or of the next sweep.
const UNREAD_FOR: Duration = Duration::seconds(30);
/// The step that is said to those who confirmed, too.
const LAST_NOTE: &str = "1d";

/// The reason of what planning has replaced, or will.
const SUPERSEDED: &str = SkipReason::Superseded.as_str();

/// An armed notice on its way to the carrier.
pub(super) struct Ready {
    pub(super) draft: Draft,
    pub(super) text: DraftText,
    pub(super) valid_for: Duration,
    pub(super) attempt_number: i64,
    /// Nothing of it may happen later.
    pub(super) lease_until: Instant,
    /// The line it goes through; none where the channel has none.
    pub(super) carrier: Option<&'static str>,
}

/// What arming left.
pub(super) struct ArmedBatch {
    pub(super) ready: Vec<Ready>,
    pub(super) summary: DispatchSummary,
}

/// What the last look decided about the notices of a batch.
#[derive(Default)]
struct Sorted {
    ready: Vec<Ready>,
    dropped: Vec<DroppedNotice>,
    released: Vec<(NoticeId, Option<Instant>)>,
    sends: Vec<Send>,
    /// What counted for another day, or was never taken.
    uncounted: Vec<NoticeId>,
    doubtful: Vec<(NoticeId, Vec<PastAttempt>)>,
}

/// What the last look decides about one notice.
enum Verdict {
    Go {
        valid_for: Duration,
        send: Option<Send>,
    },
    Drop(NoticeState, &'static str),
    /// No line took it on the day it counted for: planning decides anew, by the caps of today.
    PlanAnew,
    Release(Option<Instant>),
    /// An earlier attempt may have been taken, and the caps allow no other today.
    Doubt,
}

/// What the last look knows, for all notices of a batch.
struct Facts {
    now: Instant,
    numbers: HashMap<NoticeId, ArmFacts>,
    reminders: HashMap<NoticeId, Vec<NoticeReminder>>,
    sends: HashMap<BlindIndex, Vec<Send>>,
    cap_per_day: i64,
    cap_per_week: i64,
}

impl Flow {
    pub(super) async fn arm(
        &self,
        open: &OpenPractice,
        token: LeaseToken,
        drafts: Vec<Draft>,
    ) -> Result<ArmedBatch, FlowError> {
        let practice = open.practice.id;
        let settings = &open.practice.settings;
        let ids: Vec<NoticeId> = drafts.iter().map(|draft| draft.notice.id).collect();
        let numbers: Vec<BlindIndex> =
            drafts.iter().map(|draft| draft.notice.bix).collect::<HashSet<_>>().into_iter().collect();

        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        // From here to the commit nobody's consent changes, and what is armed is of this moment: an entry of the ledger is either
        // seen here or later than everything that goes out now.
        tx.hold_chain_head(practice, Chain::Consent).await?;
        let (now, wall) = (self.clock.civil(), self.clock.wall());
        let held: HashSet<NoticeId> = tx.hold_claimed(practice, token, &ids).await?.into_iter().collect();
        // A day of margin: the zones of a practice's patients differ by less.
        let since = i64::from(day_number(now.utc().date_naive())) - CAP_DAYS - 1;
        let mut facts = Facts {
            now,
            numbers: tx.arm_facts(practice, &ids).await?.into_iter().map(|fact| (fact.id, fact)).collect(),
            reminders: HashMap::new(),
            sends: HashMap::new(),
            cap_per_day: i64::from(settings.cap_per_day),
            cap_per_week: i64::from(settings.cap_per_week),
        };
        for reminder in tx.notice_reminders(practice, &ids).await? {
            facts.reminders.entry(reminder.notice).or_default().push(reminder);
        }
        for send in tx.sends_since(practice, &numbers, since).await? {
            facts.sends.entry(send.bix).or_default().push(send);
        }

        let drafts = drafts.into_iter().filter(|draft| held.contains(&draft.notice.id));
        let Sorted { mut ready, dropped, mut released, sends, uncounted, doubtful } =
            self.sort_out(drafts, &mut facts, wall);
        tx.delete_sends(practice, &uncounted).await?;
        // Another worker may have counted a message to the same number since we looked; it was first.
        let placed: HashSet<NoticeId> = tx.insert_sends(practice, &sends).await?.into_iter().collect();
        let unplaced: HashSet<NoticeId> =
            sends.iter().map(|send| send.notice).filter(|id| !placed.contains(id)).collect();
        released.extend(unplaced.iter().map(|id| (*id, None)));
        ready.retain(|one: &Ready| !unplaced.contains(&one.draft.notice.id));

        self.doubt(&mut tx, practice, token, &doubtful).await?;
        tx.drop_notices(practice, token, now, &dropped).await?;
        tx.release_notices(practice, token, &released).await?;
        let links: Vec<_> = ready.iter_mut().filter_map(|one| one.text.new_link.take()).collect();
        tx.insert_links(practice, &links).await?;
        let armed: Vec<Armed> = ready.iter().map(|one| self.armed(one, &facts)).collect();
        tx.arm_notices(practice, (token, wall + LEASE), wall, now, &armed).await?;
        let entry = AuditEntry::system(act::NOTICES_ARMED)
            .id("batch", token)
            .count("armed", count(ready.len()))
            .count("dropped", count(dropped.len()))
            .count("uncertain", count(doubtful.len()));
        if !(ready.is_empty() && dropped.is_empty() && doubtful.is_empty()) {
            audit::append(&mut tx, practice, wall, &[entry]).await?;
        }
        tx.commit().await?;
        let summary = DispatchSummary {
            dropped: dropped.len(),
            released: released.len(),
            uncertain: doubtful.len(),
            ..Default::default()
        };
        Ok(ArmedBatch { ready, summary })
    }

    /// Decides about each notice.
    fn sort_out(&self, drafts: impl Iterator<Item = Draft>, facts: &mut Facts, wall: Instant) -> Sorted {
        let mut sorted = Sorted::default();
        for mut draft in drafts {
            let id = draft.notice.id;
            let route = {
                let past = route::past(&draft.past, wall);
                self.carriers.route(draft.notice.channel, &past)
            };
            let carrier = match route {
                Route::Through(line) => Some(line.name()),
                Route::Nowhere => None,
                Route::Doubtful => {
                    sorted.doubtful.push((id, draft.past));
                    continue;
                }
            };
            let (state, reason, why) = match (verdict(&draft, facts), draft.text.take()) {
                (Verdict::Go { valid_for, send }, Some(text)) => {
                    if let Some(send) = send {
                        let counted = facts.sends.entry(send.bix).or_default();
                        if counted.iter().any(|other| other.notice == id) {
                            counted.retain(|other| other.notice != id);
                            sorted.uncounted.push(id);
                        }
                        counted.push(send.clone());
                        sorted.sends.push(send);
                    }
                    let attempt_number = draft.notice.attempts + 1;
                    let lease_until = wall + LEASE;
                    sorted.ready.push(Ready { draft, text, valid_for, attempt_number, lease_until, carrier });
                    continue;
                }
                (Verdict::Release(due_at), _) => {
                    sorted.released.push((id, due_at));
                    continue;
                }
                (Verdict::Doubt, _) => {
                    sorted.doubtful.push((id, draft.past));
                    continue;
                }
                (Verdict::Drop(state, CARRIER_DOWN), _) => (state, CARRIER_DOWN, Some(SkipReason::Expired.as_str())),
                (Verdict::Drop(state, reason), _) => (state, reason, Some(reason)),
                (Verdict::PlanAnew, _) => (NoticeState::Cancelled, SUPERSEDED, None),
                (Verdict::Go { .. }, None) => (NoticeState::Cancelled, SUPERSEDED, Some(SUPERSEDED)),
            };
            let untaken = draft.is_untaken();
            if untaken && let Some(sends) = facts.sends.get_mut(&draft.notice.bix) {
                sends.retain(|send| send.notice != id);
                sorted.uncounted.push(id);
            }
            sorted.dropped.push(DroppedNotice { id, state, reason, why, untaken });
        }
        sorted
    }

    fn armed(&self, ready: &Ready, facts: &Facts) -> Armed {
        let notice = &ready.draft.notice;
        Armed {
            id: notice.id,
            body: ready.text.sealed_body.clone(),
            link_secret: ready.text.sealed_secret.clone(),
            link: ready.text.link,
            rev: ready.text.rev,
            send_day: is_unasked(notice.kind).then(|| local_day(&ready.draft, facts.now)),
            carrier: ready.carrier.unwrap_or("none"),
            attempt: self.new_id::<AttemptId>(),
            attempt_number: ready.attempt_number,
            consent_seq: facts.numbers.get(&notice.id).and_then(|fact| fact.consent_seq).filter(|_| obeys(notice)),
        }
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn local_day(draft: &Draft, now: Instant) -> i64 {
    draft.zones.first().map_or(0, |zone| i64::from(day_number(now.local_day(*zone))))
}

/// Looks at consent, suspension, revisions, expiry, hours and caps, in this order. Pure.
fn verdict(draft: &Draft, facts: &Facts) -> Verdict {
    let notice = &draft.notice;
    if facts.now >= notice.expires_at {
        let reason = if draft.is_untaken() { CARRIER_DOWN } else { SkipReason::Expired.as_str() };
        return Verdict::Drop(NoticeState::Expired, reason);
    }
    if !obeys(notice) {
        return answer(draft, facts);
    }
    let number = facts.numbers.get(&notice.id);
    if number.is_some_and(|fact| fact.suspended.is_some()) {
        return Verdict::Drop(NoticeState::Cancelled, SkipReason::NumberSuspended.as_str());
    }
    match number.and_then(|fact| fact.consent.as_deref()).and_then(|act| act.parse::<ConsentAct>().ok()) {
        Some(act) if act.allows() => {}
        Some(ConsentAct::Withdrawn) => return Verdict::Drop(NoticeState::Cancelled, SkipReason::OptedOut.as_str()),
        // Never asked, or said no.
        Some(_) | None => return Verdict::Drop(NoticeState::Cancelled, SkipReason::NoConsent.as_str()),
    }
    if is_unasked(notice.kind)
        && let Some(verdict) = visits_changed(draft, facts)
    {
        return verdict;
    }
    // It may opt out; what follows from it comes before anything else to the number.
    if number.is_some_and(|fact| fact.waits) {
        return Verdict::Release(Some(facts.now + UNREAD_FOR));
    }
    if number.is_some_and(|fact| fact.held) {
        return Verdict::Release(Some(facts.now + HELD_FOR));
    }
    match draft.hours.next_open(facts.now, &draft.zones) {
        Some(opening) if opening <= facts.now => {}
        Some(opening) if opening < notice.expires_at => return Verdict::Release(Some(opening)),
        _ => return Verdict::Drop(NoticeState::Expired, SkipReason::WindowClosed.as_str()),
    }
    let valid_for = valid_for(draft, facts);
    // Caps count neither what the patient must know nor what was asked for.
    if notice.kind == NoticeKind::Change || !is_unasked(notice.kind) {
        return Verdict::Go { valid_for, send: None };
    }
    capped(draft, facts, valid_for)
}

/// A message counts once, for the day on which it goes out last, not for the one on which it was first tried.
fn capped(draft: &Draft, facts: &Facts, valid_for: Duration) -> Verdict {
    let notice = &draft.notice;
    let today = local_day(draft, facts.now);
    let counted = facts.sends.get(&notice.bix).map(Vec::as_slice).unwrap_or_default();
    let (own, others): (Vec<&Send>, Vec<&Send>) = counted.iter().partition(|send| send.notice == notice.id);
    if own.iter().any(|send| send.send_day == today) {
        return Verdict::Go { valid_for, send: None };
    }
    if !own.is_empty() && draft.is_untaken() {
        return Verdict::PlanAnew;
    }
    let on_day = count(others.iter().filter(|send| send.send_day == today).count());
    let in_week =
        count(others.iter().filter(|send| send.send_day > today - CAP_DAYS && send.send_day <= today).count());
    let full = match () {
        () if on_day >= facts.cap_per_day => Some(SkipReason::DayCap),
        () if in_week >= facts.cap_per_week => Some(SkipReason::WeekCap),
        () => None,
    };
    match full {
        None => {
            let is_free = |slot: &i64| !others.iter().any(|send| send.send_day == today && send.slot == *slot);
            let slot = (1..=on_day).find(is_free).unwrap_or(on_day + 1);
            let send = Send { bix: notice.bix, send_day: today, slot, notice: notice.id };
            Verdict::Go { valid_for, send: Some(send) }
        }
        // The day before may have it already.
        Some(_) if !own.is_empty() => Verdict::Doubt,
        Some(reason) => Verdict::Drop(NoticeState::Cancelled, reason.as_str()),
    }
}

/// An answer to something that the patient just did. Who opted out since hears what they asked for after it, and nothing that was
/// on its way; a stranger hears no more than how to stop.
fn answer(draft: &Draft, facts: &Facts) -> Verdict {
    let go = Verdict::Go { valid_for: valid_for(draft, facts), send: None };
    let Some(fact) = facts.numbers.get(&draft.notice.id) else { return go };
    let template = draft.notice.template.as_str();
    let asked = SAID_WHEN_ASKED.contains(&template);
    if SAID_ANYWAY.contains(&template) {
        return go;
    }
    let stopped = fact.consent.as_deref() == Some(ConsentAct::Withdrawn.as_str());
    if stopped && !(asked && fact.consent_at_ms.is_none_or(|at| at <= fact.created_at_ms)) {
        return Verdict::Drop(NoticeState::Cancelled, SkipReason::OptedOut.as_str());
    }
    if fact.suspended.as_deref() == Some("wrong-number") && !asked {
        return Verdict::Drop(NoticeState::Cancelled, SkipReason::NumberSuspended.as_str());
    }
    go
}

/// Whether the visits still stand as the text says.
fn visits_changed(draft: &Draft, facts: &Facts) -> Option<Verdict> {
    let now = facts.reminders.get(&draft.notice.id).map(Vec::as_slice).unwrap_or_default();
    let frozen = draft.notice.body.is_some();
    if now.is_empty() {
        return Some(Verdict::Drop(NoticeState::Cancelled, SkipReason::Superseded.as_str()));
    }
    let moot = |reminder: &NoticeReminder| {
        !reminder.status.is_expected()
            || reminder.revision != reminder.current_revision
            || reminder.answer == Answer::Declined.as_str()
    };
    if frozen {
        return frozen_changed(draft, facts.now, now, moot);
    }
    let ids: BTreeSet<ReminderId> = now.iter().map(|reminder| reminder.id).collect();
    let changed = ids != draft.reminders
        || now.iter().any(|reminder| moot(reminder) || reminder.plan_due || reminder.held.is_some());
    // Planning looks at it again, and then it comes back as it should be, or not at all.
    changed.then_some(Verdict::Release(None))
}

/// Whether a text that was frozen by an earlier attempt still says what is to be said. Planning does not look at it again.
fn frozen_changed(
    draft: &Draft,
    at: Instant,
    reminders: &[NoticeReminder],
    moot: impl Fn(&NoticeReminder) -> bool,
) -> Option<Verdict> {
    if reminders.iter().any(moot) {
        return Some(Verdict::Drop(NoticeState::Cancelled, SkipReason::Superseded.as_str()));
    }
    // Once all have confirmed, at most the note of the day before remains.
    let is_done = |one: &NoticeReminder| one.answer == Answer::Accepted.as_str() && one.step != LAST_NOTE;
    if draft.notice.kind == NoticeKind::Reminder && reminders.iter().all(is_done) {
        return Some(Verdict::Drop(NoticeState::Cancelled, SkipReason::Confirmed.as_str()));
    }
    if draft.notice.kind == NoticeKind::Reminder && reminders.iter().any(|one| one.muted) {
        return Some(Verdict::Drop(NoticeState::Cancelled, SkipReason::Muted.as_str()));
    }
    // Its row vanished meanwhile: the desk decides first.
    reminders.iter().any(|one| one.held.is_some()).then(|| Verdict::Release(Some(at + HELD_FOR)))
}

/// Until the hours close or the notice expires, whichever is first: a carrier's queue must not deliver at night.
fn valid_for(draft: &Draft, facts: &Facts) -> Duration {
    let expires = draft.notice.expires_at - facts.now;
    let closes =
        if obeys(&draft.notice) { draft.hours.closes_at(facts.now, &draft.zones) - facts.now } else { expires };
    expires.min(closes).max(LAST_MINUTE)
}
