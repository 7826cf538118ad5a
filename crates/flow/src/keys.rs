//! A practice, opened: its keys unwrapped once, its names readable, kept until something of it changes.
//!
//! Whoever changes something that an open practice holds calls `Tx::touch_practice` in the same transaction; every
//! process notices at its next look, because looking compares the practice's `rev` first.

use crate::{Flow, FlowError};
use chrono_tz::Tz;
use kept_domain::plan::Plan;
use kept_domain::practice::{Location, Practice};
use kept_domain::{Instant, LocalTime, LocationId, PlanId, PracticeId, PractitionerId, Salt, VisitTypeId};
use kept_seal::{KeyRing, Place, PracticeKeys, WrappedDek, WrappedKeys};
use kept_store::{Scope, StoreError, StoredDek, StoredPlan, StoredPractice, Tx};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A practice with everything that steps look up all the time.
pub struct OpenPractice {
    /// What everybody may know, and what it decided.
    pub practice: Practice,
    /// Its locations, in its order; never empty once set up.
    pub locations: Vec<OpenLocation>,
    /// Its plans, the default one first.
    pub plans: Vec<OpenPlan>,
    /// Its visit types, in file order.
    pub visit_types: Vec<OpenVisitType>,
    /// Its practitioners, in file order.
    pub practitioners: Vec<OpenPractitioner>,
    pub(crate) keys: PracticeKeys,
    pub(crate) salt: Salt,
    rev: i64,
}

impl OpenPractice {
    /// A location by id.
    pub fn location(&self, id: LocationId) -> Option<&OpenLocation> {
        self.locations.iter().find(|open| open.location.id == id)
    }

    /// The wall-clock time in a zone, which is named where the practice has clocks in several.
    pub(crate) fn local(&self, at: Instant, zone: Tz) -> LocalTime {
        let several = self.locations.iter().any(|open| open.location.time_zone != self.practice.time_zone);
        if several { at.named_local(zone) } else { at.local(zone).into() }
    }

    /// A practitioner by id.
    pub fn practitioner(&self, id: PractitionerId) -> Option<&OpenPractitioner> {
        self.practitioners.iter().find(|open| open.id == id)
    }

    /// A visit type by id.
    pub fn visit_type(&self, id: VisitTypeId) -> Option<&OpenVisitType> {
        self.visit_types.iter().find(|open| open.id == id)
    }

    /// The plan of a visit type; the default plan where it has none or is unknown.
    pub fn plan_of(&self, visit_type: Option<VisitTypeId>) -> Option<&OpenPlan> {
        let own = visit_type.and_then(|id| self.visit_type(id)).and_then(|open| open.plan);
        own.and_then(|id| self.plans.iter().find(|plan| plan.id == id)).or_else(|| self.default_plan())
    }

    /// The plan of visit types without one.
    pub fn default_plan(&self) -> Option<&OpenPlan> {
        self.plans.iter().find(|plan| plan.is_default)
    }
}

impl fmt::Debug for OpenPractice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenPractice({}, rev {})", self.practice.id, self.rev)
    }
}

/// A location, with the number that its texts come from.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenLocation {
    /// What everybody may know.
    pub location: Location,
    /// E.164; none: the carrier's default sender.
    pub sender: Option<String>,
}

/// A plan, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPlan {
    /// Which.
    pub id: PlanId,
    /// Its name.
    pub name: String,
    /// Whether visit types without a plan use it.
    pub is_default: bool,
    /// Raised with each edit.
    pub version: i64,
    /// Its steps.
    pub plan: Plan,
}

impl TryFrom<StoredPlan> for OpenPlan {
    type Error = StoreError;
    fn try_from(row: StoredPlan) -> Result<Self, StoreError> {
        let plan = Plan::from_json(&row.steps).map_err(|_| StoreError::Corrupt { table: "plans", column: "steps" })?;
        Ok(Self { id: row.id, name: row.name, is_default: row.is_default, version: row.version, plan })
    }
}

/// A practitioner. Prints no name.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenPractitioner {
    /// Which.
    pub id: PractitionerId,
    /// As the calendar writes it.
    pub name: String,
}

impl fmt::Debug for OpenPractitioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenPractitioner({}, …)", self.id)
    }
}

/// A visit type. Prints no name.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenVisitType {
    /// Which.
    pub id: VisitTypeId,
    /// As the calendar writes it.
    pub name: String,
    /// Its plan; none: the default plan.
    pub plan: Option<PlanId>,
}

impl fmt::Debug for OpenVisitType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenVisitType({}, …)", self.id)
    }
}

/// The open practices of a process, and the names that were looked up.
#[derive(Debug, Default)]
pub(crate) struct PracticeCache {
    open: Mutex<HashMap<PracticeId, Arc<OpenPractice>>>,
    names: Mutex<HashMap<String, PracticeId>>,
}

impl PracticeCache {
    fn find(&self, id: PracticeId, rev: i64) -> Option<Arc<OpenPractice>> {
        // A panic while the lock is held leaves a map of whole values; nothing in it can be half written.
        let held = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&id).filter(|open| open.rev == rev).cloned()
    }

    fn keep(&self, open: &Arc<OpenPractice>) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(open.practice.id, Arc::clone(open));
    }
}

impl Flow {
    /// The open practice, as it stands now.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when there is none, [`FlowError::Seal`] when the key file does not open it.
    pub async fn practice(&self, id: PracticeId) -> Result<Arc<OpenPractice>, FlowError> {
        let mut tx = self.store.read(Scope::Practice(id)).await?;
        let rev = tx.practice_rev(id).await?.ok_or(FlowError::NotFound { what: "practice" })?;
        if let Some(open) = self.cache().find(id, rev) {
            return Ok(open);
        }
        let rows = Rows::read(&mut tx, id).await?;
        drop(tx);
        let open = Arc::new(rows.open(self)?);
        self.cache().keep(&open);
        Ok(open)
    }

    /// The open practice of a name in addresses; none if nobody has that name.
    pub async fn practice_by_slug(&self, slug: &str) -> Result<Option<Arc<OpenPractice>>, FlowError> {
        let found = self.store.read(Scope::Lookup).await?.practice_by_slug(slug).await?;
        match found {
            Some(id) => self.practice(id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The practice of a name in addresses, looked up once a process: a name is never given to another practice. For what comes
    /// thousands of times a second.
    pub(crate) async fn practice_named(&self, slug: &str) -> Result<Option<PracticeId>, FlowError> {
        let names = &self.cache().names;
        let known = names.lock().unwrap_or_else(PoisonError::into_inner).get(slug).copied();
        if known.is_some() {
            return Ok(known);
        }
        let found = self.store.read(Scope::Lookup).await?.practice_by_slug(slug).await?;
        if let Some(id) = found {
            names.lock().unwrap_or_else(PoisonError::into_inner).insert(slug.to_owned(), id);
        }
        Ok(found)
    }

    /// All practices, oldest first.
    pub async fn practices(&self) -> Result<Vec<PracticeId>, FlowError> {
        Ok(self.store.read(Scope::Work).await?.practice_ids().await?)
    }

    /// The practice that a command is about: the named one, or the only one there is.
    pub async fn practice_for_command(&self, slug: Option<&str>) -> Result<Arc<OpenPractice>, FlowError> {
        if let Some(slug) = slug {
            return self.practice_by_slug(slug).await?.ok_or(FlowError::NotFound { what: "practice" });
        }
        match self.practices().await?.as_slice() {
            [only] => self.practice(*only).await,
            [] => Err(FlowError::NoPractice),
            _ => Err(FlowError::WhichPractice),
        }
    }

    /// Opens every practice, so that a wrong or missing key stops the process at its start instead of at the first patient.
    /// Gives the number of practices.
    pub async fn open_all(&self) -> Result<usize, FlowError> {
        let practices = self.practices().await?;
        for id in &practices {
            self.practice(*id).await?;
        }
        Ok(practices.len())
    }

    /// Wraps the keys of every practice under the key file's first key; the keys themselves stay. Gives the number of
    /// practices.
    pub async fn rewrap_keys(&self) -> Result<usize, FlowError> {
        let practices = self.practices().await?;
        for id in &practices {
            let wrapped = self.practice(*id).await?.keys.wrap(&self.ring)?;
            let deks: Vec<_> = wrapped.deks.into_iter().map(stored_dek).collect();
            let mut tx = self.store.begin(Scope::Practice(*id)).await?;
            tx.rewrap_practice_keys(*id, &wrapped.index, &deks).await?;
            let entry = crate::audit::AuditEntry::system(crate::audit::act::KEYS_REWRAPPED);
            crate::audit::append(&mut tx, *id, self.clock.wall(), &[entry]).await?;
            tx.commit().await?;
        }
        Ok(practices.len())
    }
}

pub(crate) fn stored_dek(dek: WrappedDek) -> StoredDek {
    StoredDek { version: i64::from(dek.version), wrapped: dek.wrapped, sealing: true }
}

/// The keys of a practice as stored. The newest one that seals already does so; the others open.
pub(crate) fn unwrap_keys(
    ring: &KeyRing,
    practice: PracticeId,
    index: Vec<u8>,
    stored: Vec<StoredDek>,
) -> Result<PracticeKeys, FlowError> {
    let corrupt = |column| StoreError::Corrupt { table: "practice_keys", column };
    let sealing = stored.iter().filter(|dek| dek.sealing).map(|dek| dek.version).max();
    let sealing = sealing.and_then(|version| u32::try_from(version).ok()).ok_or_else(|| corrupt("sealing_at_ms"))?;
    let read = |dek: StoredDek| {
        let version = u32::try_from(dek.version).map_err(|_| corrupt("version"))?;
        Ok(WrappedDek { version, wrapped: dek.wrapped })
    };
    let deks = stored.into_iter().map(read).collect::<Result<_, StoreError>>()?;
    let keys = PracticeKeys::unwrap(ring, practice, &WrappedKeys { index, deks })?;
    keys.sealing_with(sealing).ok_or_else(|| corrupt("sealing_at_ms").into())
}

/// What is read in one snapshot, before anything is opened.
struct Rows {
    stored: StoredPractice,
    locations: Vec<kept_store::StoredLocation>,
    plans: Vec<StoredPlan>,
    visit_types: Vec<kept_store::StoredVisitType>,
    practitioners: Vec<kept_store::StoredPractitioner>,
}

impl Rows {
    async fn read(tx: &mut Tx, id: PracticeId) -> Result<Self, FlowError> {
        Ok(Self {
            stored: tx.stored_practice(id).await?.ok_or(FlowError::NotFound { what: "practice" })?,
            locations: tx.locations(id).await?,
            plans: tx.plans(id).await?,
            visit_types: tx.visit_types(id).await?,
            practitioners: tx.practitioners(id).await?,
        })
    }

    fn open(self, flow: &Flow) -> Result<OpenPractice, FlowError> {
        let StoredPractice { practice, salt, wrapped_index_key, deks, rev } = self.stored;
        let keys = unwrap_keys(&flow.ring, practice.id, wrapped_index_key, deks)?;
        let practitioners = self.practitioners.into_iter().map(|row| {
            let name = keys.open(&salt, Place::new(row.id, row.rev), &row.private)?.name;
            Ok(OpenPractitioner { id: row.id, name })
        });
        let practitioners = practitioners.collect::<Result<_, FlowError>>()?;
        let visit_types = self.visit_types.into_iter().map(|row| {
            let name = keys.open(&salt, Place::new(row.id, row.rev), &row.private)?.name;
            Ok(OpenVisitType { id: row.id, name, plan: row.plan })
        });
        let visit_types = visit_types.collect::<Result<_, FlowError>>()?;
        let locations = self.locations.into_iter();
        let locations = locations.map(|row| OpenLocation { location: row.location, sender: row.sender }).collect();
        let plans = self.plans.into_iter().map(OpenPlan::try_from).collect::<Result<_, _>>()?;
        Ok(OpenPractice { practice, locations, plans, visit_types, practitioners, keys, salt, rev })
    }
}
