//! What every step is given: the store, the keys, the clock, identifiers, the renderer.

use crate::keys::PracticeCache;
use crate::receipt::Groups;
use kept_carrier::Carriers;
use kept_domain::Instant;
use kept_domain::reply::Classifier;
use kept_render::Renderer;
use kept_seal::KeyRing;
use kept_store::Store;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

/// Two clocks. `civil` may be moved (demo, tests) and governs plans, windows and the life of links; `wall` is the
/// real one and governs leases, sessions, throttles and signatures.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time that the practice lives in.
    fn civil(&self) -> Instant;
    /// The time that the machine lives in.
    fn wall(&self) -> Instant;
}

/// Both clocks are the machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn civil(&self) -> Instant {
        self.wall()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn wall(&self) -> Instant {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Instant::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A civil clock that stands where it is put: the demo's time machine, and tests.
///
/// The demo lets it run by adding the machine's elapsed time; tests leave it still.
#[derive(Debug)]
pub struct MovableClock {
    civil_ms: AtomicI64,
    /// What the machine said when `civil_ms` was set; `i64::MIN` while the clock stands still.
    wall_at_set_ms: AtomicI64,
}

impl MovableClock {
    /// Stands still at `civil`. Wall time stands still with it, so that tests are deterministic.
    pub fn still(civil: Instant) -> Self {
        Self { civil_ms: AtomicI64::new(civil.as_ms()), wall_at_set_ms: AtomicI64::new(i64::MIN) }
    }

    /// Starts at `civil` and runs with the machine.
    pub fn running(civil: Instant) -> Self {
        Self { civil_ms: AtomicI64::new(civil.as_ms()), wall_at_set_ms: AtomicI64::new(SystemClock.wall().as_ms()) }
    }

    /// Moves the civil clock. Going back is allowed: the demo may be reset, and nothing rests on it going forward.
    pub fn set_civil(&self, civil: Instant) {
        self.civil_ms.store(civil.as_ms(), Ordering::SeqCst);
        if self.wall_at_set_ms.load(Ordering::SeqCst) != i64::MIN {
            self.wall_at_set_ms.store(SystemClock.wall().as_ms(), Ordering::SeqCst);
        }
    }
}

impl Clock for MovableClock {
    fn civil(&self) -> Instant {
        let set = self.wall_at_set_ms.load(Ordering::SeqCst);
        let civil = self.civil_ms.load(Ordering::SeqCst);
        if set == i64::MIN {
            return Instant::from_ms(civil);
        }
        Instant::from_ms(civil.saturating_add(SystemClock.wall().as_ms().saturating_sub(set)))
    }

    fn wall(&self) -> Instant {
        if self.wall_at_set_ms.load(Ordering::SeqCst) == i64::MIN { self.civil() } else { SystemClock.wall() }
    }
}

/// Makes identifiers. A new one is never seen before.
pub trait Ids: Send + Sync + std::fmt::Debug {
    /// A UUIDv7 (RFC 9562 §5.7) for something made at `now`.
    fn next(&self, now: Instant) -> Uuid;
}

/// UUIDv7 with random bits from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn next(&self, now: Instant) -> Uuid {
        let mut random = [0_u8; 10];
        getrandom::fill(&mut random).expect("the operating system has random bytes, or nothing here is safe to go on");
        let ms = u64::try_from(now.as_ms()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }
}

/// Configuration that steps need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where patients reach the portal, without a slash at the end: `https://kept.example.org`.
    pub public_url: String,
}

/// What a [`Flow`] is made of.
#[derive(Debug)]
pub struct FlowParts {
    /// The database.
    pub store: Store,
    /// Key-encryption keys.
    pub ring: KeyRing,
    /// Templates.
    pub render: Renderer,
    /// Carriers that are set up.
    pub carriers: Carriers,
    /// The two clocks.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// Configuration.
    pub settings: Settings,
}

/// The context of every step. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Flow(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: FlowParts,
    practices: PracticeCache,
    groups: Groups,
    replies: Classifier,
}

impl Deref for Flow {
    type Target = FlowParts;
    fn deref(&self) -> &FlowParts {
        &self.0.parts
    }
}

impl Flow {
    /// Puts the parts together.
    pub fn new(parts: FlowParts) -> Self {
        Self(Arc::new(Inner {
            parts,
            practices: PracticeCache::default(),
            groups: Groups::default(),
            replies: Classifier::default(),
        }))
    }

    /// The practices that are open in this process.
    pub(crate) fn cache(&self) -> &PracticeCache {
        &self.0.practices
    }

    /// Webhooks that are committed together.
    pub(crate) fn groups(&self) -> &Groups {
        &self.0.groups
    }

    /// Reads replies.
    pub(crate) fn replies(&self) -> &Classifier {
        &self.0.replies
    }

    /// A new identifier of the wanted kind, for something made now.
    pub fn new_id<I: From<Uuid>>(&self) -> I {
        I::from(self.ids.next(self.clock.wall()))
    }
}
