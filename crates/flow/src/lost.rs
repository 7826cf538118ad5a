//! Notices whose fate nobody knows, and that their carrier can be asked about: by number, time and text. What it never had is
//! sent again; what it cannot tell is for a person. Opened here for the question, and for nothing else.

use crate::dispatch::LEASE;
use crate::reconcile::ReconcileSummary;
use crate::{Flow, FlowError, OpenPractice};
use chrono::Duration;
use futures_util::{StreamExt as _, stream};
use kept_carrier::{Line, LookUp, Lost};
use kept_domain::{BlindIndex, NoticeId, NoticeState, PracticeId, TaskId};
use kept_seal::{LinkToken, Place};
use kept_store::{DoubtfulNotice, NewTask, Scope, SettledDoubt};
use std::collections::BTreeMap;

/// Lost notices looked at in one go.
pub const LOST_BATCH: i64 = 200;
/// Questions under way at once: far fewer than hand-overs, and never in their way.
const AT_ONCE: usize = 4;
/// A carrier that has not said after this long is asked no more.
pub const ASKED_FOR: Duration = Duration::minutes(30);
/// Messages recorded this long before a lost one are of no interest: the carrier's list is looked at from minutes before.
const KNOWN_SINCE: Duration = Duration::hours(1);

impl Flow {
    /// Asks carriers about lost notices, up to [`LOST_BATCH`]. One practice's trouble is not another's.
    pub(crate) async fn look_for_lost(&self, summary: &mut ReconcileSummary) -> Result<(), FlowError> {
        let mut tx = self.store.begin_batch(Scope::Work).await?;
        let doubtful = tx.doubtful_notices(LEASE.num_milliseconds(), LOST_BATCH).await?;
        tx.rollback().await?;
        let mut groups: BTreeMap<(PracticeId, String), Vec<DoubtfulNotice>> = BTreeMap::new();
        for notice in doubtful {
            groups.entry((notice.practice, notice.carrier.clone())).or_default().push(notice);
        }
        let mut first_error = None;
        for ((practice, carrier), notices) in groups {
            if let Err(error) = self.look_through(practice, &carrier, notices, summary).await {
                tracing::error!(%practice, %error, "lost notices could not be looked for");
                self.note_tampering(&error).await?;
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn look_through(
        &self,
        practice: PracticeId,
        carrier: &str,
        notices: Vec<DoubtfulNotice>,
        summary: &mut ReconcileSummary,
    ) -> Result<(), FlowError> {
        let line = self.carriers.by_name(carrier).filter(|line| line.looks_up());
        let open = self.practice(practice).await?;
        let numbers: Vec<BlindIndex> = notices.iter().map(|notice| notice.bix).collect();
        let since = notices.iter().map(|notice| notice.first_at).min().map(|first| first - KNOWN_SINCE);
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let ids: Vec<NoticeId> = notices.iter().map(|notice| notice.id).collect();
        let (known, crowded) = match since {
            Some(since) => (
                tx.refs_of_numbers(practice, carrier, &numbers, since).await?,
                tx.notices_with_others(practice, &ids, since).await?,
            ),
            None => (Vec::new(), Vec::new()),
        };
        drop(tx);
        let mut questions = Vec::with_capacity(notices.len());
        for notice in notices {
            let alone = !crowded.contains(&notice.id);
            let known = known.iter().filter(|(bix, _)| *bix == notice.bix).map(|(_, own)| own.clone()).collect();
            questions.push((self.question(&open, &notice, known, alone)?, notice));
        }
        let asked = questions.into_iter().map(|(lost, notice)| async move { (notice, ask(line, &lost).await) });
        let answers: Vec<(DoubtfulNotice, LookUp)> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        self.settle_lost_ones(practice, answers, summary).await
    }

    fn question(
        &self,
        open: &OpenPractice,
        notice: &DoubtfulNotice,
        known: Vec<String>,
        alone: bool,
    ) -> Result<Lost, FlowError> {
        let place = || Place::new(notice.id, notice.rev);
        let body = open.keys.open(&open.salt, place(), &notice.body)?;
        let token = match notice.sealed_link_secret()? {
            Some(sealed) => LinkToken::parse(&open.keys.open(&open.salt, place(), &sealed)?.t).ok(),
            None => None,
        };
        let text = match &token {
            Some(token) => body.with_link(&crate::link::url(&self.settings.public_url, &open.practice.slug, token)),
            None => body.text.clone(),
        };
        let now = self.clock.wall();
        let (first_at, last_at) = (notice.first_at, notice.last_at);
        Ok(Lost { key: notice.id, to: body.to.clone(), text, first_at, last_at, now, known, alone })
    }

    async fn settle_lost_ones(
        &self,
        practice: PracticeId,
        answers: Vec<(DoubtfulNotice, LookUp)>,
        summary: &mut ReconcileSummary,
    ) -> Result<(), FlowError> {
        let wall = self.clock.wall();
        let mut settled = Vec::new();
        for (notice, answer) in answers {
            let (state, reason, provider_ref, attempt) = match answer {
                LookUp::Found { provider_ref } => (NoticeState::Sent, None, Some(provider_ref), "accepted"),
                LookUp::NeverTaken => (NoticeState::Planned, None, None, "retry"),
                LookUp::NotYet if wall - notice.last_at < ASKED_FOR => continue,
                LookUp::NotYet | LookUp::Unknown => (NoticeState::Uncertain, Some("unknown"), None, "unknown"),
            };
            settled.push(SettledDoubt {
                id: notice.id,
                attempts: notice.attempts,
                state,
                reason,
                provider_ref,
                attempt,
            });
        }
        if settled.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin_batch(Scope::Practice(practice)).await?;
        let changed = tx.settle_doubts(practice, wall, &settled).await?;
        let mut tasks = Vec::new();
        for one in settled.iter().filter(|one| changed.contains(&one.id)) {
            match one.state {
                NoticeState::Sent => summary.found += 1,
                NoticeState::Planned => summary.resent += 1,
                _ => {
                    summary.uncertain += 1;
                    let (id, subject) = (self.new_id::<TaskId>(), Some(one.id.into()));
                    tasks.push(NewTask { id, kind: "uncertain", appointment: None, subject });
                }
            }
        }
        tx.insert_tasks(practice, wall, &tasks).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A line that is gone, or cannot be asked, cannot tell; one that rests is asked later.
async fn ask(line: Option<&Line>, lost: &Lost) -> LookUp {
    match line {
        None => LookUp::Unknown,
        Some(line) if line.rests() => LookUp::NotYet,
        Some(line) => line.look_up(lost).await,
    }
}
