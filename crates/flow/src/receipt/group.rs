//! Webhooks of one practice that come together are committed together.
//!
//! The first one commits what waits, alone if it is alone; whatever comes while it does is the next group. So a quiet practice waits for
//! nothing, and a busy one pays for one commit where it would have paid for hundreds. A webhook is acknowledged when its group is
//! durable; what follows from it (answers, opt-outs, tasks) is done after, by [`Flow::follow_hooks`] or by the sweep.

use super::{NewReceipt, NotTaken};
use crate::reply::Arrived;
use crate::{Flow, FlowError};
use kept_domain::PracticeId;
use kept_store::{Scope, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Webhooks that may wait for their commit, over all practices: some seconds' worth. Beyond them the carrier is asked to come again,
/// which it does by itself, instead of being kept waiting until it gives up.
pub const MAX_WAITING: usize = 8_192;

/// Webhooks in one transaction: a commit must not keep the portal waiting.
pub const MAX_GROUP: usize = 256;

/// What one webhook told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) provider: &'static str,
    pub(super) receipts: Vec<NewReceipt>,
    pub(super) texts: Vec<Arrived>,
}

/// A webhook that waits for its commit.
struct Waiting {
    told: Told,
    done: oneshot::Sender<Result<(), NotTaken>>,
    _room: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Somebody commits, and looks again before they end.
    led: bool,
}

/// The webhooks of one practice.
#[derive(Default)]
struct Group {
    queue: Mutex<Queue>,
    /// Held by whoever does what follows; one at a time in this process.
    following: Arc<tokio::sync::Mutex<()>>,
    /// Something new was committed since the follower began its round.
    again: AtomicBool,
}

impl Group {
    /// Adds a webhook. Says whether the caller must see to the commit.
    fn push(&self, waiting: Waiting) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push(waiting);
        !std::mem::replace(&mut queue.led, true)
    }

    /// The next group; none, and nobody leads any more, when nothing waits.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.is_empty() {
            queue.led = false;
            return None;
        }
        let size = queue.waiting.len().min(MAX_GROUP);
        let rest = queue.waiting.split_off(size);
        Some(std::mem::replace(&mut queue.waiting, rest))
    }
}

/// Gives the lead up if the leader panics: what waits is told to come again, and the next webhook leads.
struct Lead(Arc<Group>);

impl Drop for Lead {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.led = false;
            queue.waiting.clear();
        }
    }
}

/// The groups of a process.
pub(crate) struct Groups {
    practices: Mutex<HashMap<PracticeId, Arc<Group>>>,
    room: Arc<Semaphore>,
}

impl Default for Groups {
    fn default() -> Self {
        Self { practices: Mutex::default(), room: Arc::new(Semaphore::new(MAX_WAITING)) }
    }
}

impl std::fmt::Debug for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Groups({} places free)", self.room.available_permits())
    }
}

impl Groups {
    fn of(&self, practice: PracticeId) -> Arc<Group> {
        Arc::clone(self.practices.lock().unwrap_or_else(PoisonError::into_inner).entry(practice).or_default())
    }
}

impl Flow {
    /// Commits what a webhook told, with whatever else waits. When it returns `Ok`, it is durable.
    pub(super) async fn keep_told(&self, practice: PracticeId, told: Told) -> Result<(), NotTaken> {
        let room = Arc::clone(&self.groups().room).try_acquire_owned().map_err(|_| NotTaken::Busy)?;
        let group = self.groups().of(practice);
        let (done, kept) = oneshot::channel();
        if group.push(Waiting { told, done, _room: room }) {
            let (flow, lead) = (self.clone(), Lead(group));
            // On a task of its own: the carrier may hang up, and the others' commit must not hang on it.
            tokio::spawn(async move {
                while let Some(some) = lead.0.next() {
                    flow.commit_group(practice, some).await;
                }
            });
        }
        kept.await.unwrap_or(Err(NotTaken::Busy))
    }

    async fn commit_group(&self, practice: PracticeId, group: Vec<Waiting>) {
        let told: Vec<&Told> = group.iter().map(|waiting| &waiting.told).collect();
        metrics::histogram!("kept_webhooks_in_group").record(f64::from(u32::try_from(told.len()).unwrap_or(u32::MAX)));
        let failed = match self.commit_told(practice, &told).await {
            Ok(()) => {
                for waiting in group {
                    // Whoever hung up hears of it when the carrier asks again.
                    let _gone = waiting.done.send(Ok(()));
                }
                return;
            }
            Err(failed) => failed,
        };
        // The database is away, or busy, or full: that is so for each of them.
        let for_all = failed.is_passing() || matches!(failed, FlowError::Store(StoreError::DiskFull(_)));
        if for_all || group.len() == 1 {
            tracing::warn!(%practice, webhooks = group.len(), error = %failed, "webhooks were not kept; the carrier sends them again");
            let mut first = Some(failed);
            for waiting in group {
                let why = first.take().map_or(NotTaken::Busy, NotTaken::Flow);
                let _gone = waiting.done.send(Err(why));
            }
            return;
        }
        // One of them cannot be kept; it must not take the others with it.
        for waiting in group {
            let kept = self.commit_told(practice, &[&waiting.told]).await;
            let _gone = waiting.done.send(kept.map_err(NotTaken::Flow));
        }
    }

    /// One transaction: each receipt and each text once.
    async fn commit_told(&self, practice: PracticeId, told: &[&Told]) -> Result<(), FlowError> {
        let open = self.practice(practice).await?;
        let arrived: Vec<&Arrived> = told.iter().flat_map(|one| &one.texts).collect();
        let texts = self.read_texts(&open, &arrived).await?;
        let mut receipts: BTreeMap<&'static str, Vec<NewReceipt>> = BTreeMap::new();
        for one in told.iter().filter(|one| !one.receipts.is_empty()) {
            receipts.entry(one.provider).or_default().extend(one.receipts.iter().cloned());
        }
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let mut new = 0;
        for (provider, rows) in receipts {
            new += tx.insert_receipts(practice, provider, self.clock.wall(), &rows).await?;
        }
        let kept = tx.insert_inbound(practice, &texts).await?;
        tx.commit().await?;
        metrics::counter!("kept_receipts_total").increment(new);
        for text in texts.iter().filter(|text| kept.contains(&text.id)) {
            metrics::counter!("kept_replies_total", "intent" => text.intent).increment(1);
        }
        Ok(())
    }

    /// Does what follows from what a practice's webhooks told, until nothing waits. Where somebody does it already, they do it for
    /// us, and we return at once; else we return after the first round, and the rest goes on without us. Failures are logged: it is
    /// committed, and the sweep comes back to it.
    pub async fn follow_hooks(&self, practice: PracticeId) {
        let group = self.groups().of(practice);
        group.again.store(true, Ordering::SeqCst);
        let Ok(turn) = Arc::clone(&group.following).try_lock_owned() else { return };
        let (first, done) = oneshot::channel();
        let flow = self.clone();
        tokio::spawn(async move {
            let (mut turn, mut first) = (Some(turn), Some(first));
            while turn.is_some() {
                while group.again.swap(false, Ordering::SeqCst) {
                    match flow.follow_round(practice).await {
                        Ok(more) => group.again.fetch_or(more, Ordering::SeqCst),
                        Err(error) => {
                            tracing::error!(%practice, %error, "what follows from webhooks is left to the sweep");
                            false
                        }
                    };
                    // The first waits for one round, no more; nobody may be listening.
                    let _gone = first.take().map(|first| first.send(()));
                }
                turn = None;
                // Somebody may have come between our last look and our going.
                if group.again.load(Ordering::SeqCst) {
                    turn = Arc::clone(&group.following).try_lock_owned().ok();
                }
            }
        });
        // An error says that the task is gone; what it left waits for the sweep.
        let _round = done.await;
    }

    /// The same for the sweep, which waits for whoever is at it. Says how many were followed.
    pub(super) async fn follow_all(&self, practice: PracticeId) -> Result<u64, FlowError> {
        let group = self.groups().of(practice);
        let _turn = group.following.lock().await;
        let mut done = 0;
        loop {
            let followed = self.follow_texts(practice).await?;
            let settled = self.settle_some(practice).await?;
            done += followed.done + settled;
            if !followed.more && settled < super::SETTLED {
                return Ok(done);
            }
        }
    }

    /// One round; says whether more waits. Texts first: an opt-out is among them.
    async fn follow_round(&self, practice: PracticeId) -> Result<bool, FlowError> {
        let followed = self.witness(self.follow_texts(practice).await).await?;
        let settled = self.witness(self.settle_some(practice).await).await?;
        Ok(followed.more || settled >= super::SETTLED)
    }
}
