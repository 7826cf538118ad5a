//! A practice with its keys, locations, plans, visit types and practitioners.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::practice::{Location, Practice};
use kept_domain::private::{PractitionerCol, StaffCol, VisitTypeCol};
use kept_domain::{
    BlindIndex, Instant, LocationId, PlanId, PracticeId, PracticeSettings, PractitionerId, Salt, Sealed, StaffId,
    VisitTypeId,
};
use uuid::Uuid;

/// A practice as stored: what everybody may know, and the wrapped keys.
#[derive(Debug, Clone)]
pub struct StoredPractice {
    /// What everybody may know.
    pub practice: Practice,
    /// Salt of rows that belong to several or no patients.
    pub salt: Salt,
    /// The index key, under the key ring.
    pub wrapped_index_key: Vec<u8>,
    /// Versions of the data-encryption key, rising, under the key ring.
    pub deks: Vec<StoredDek>,
    /// Raised by [`Tx::touch_practice`]: tells a cached copy from a current one.
    pub rev: i64,
}

/// One version of a data-encryption key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDek {
    /// From 1, rising.
    pub version: i64,
    /// Under the key ring.
    pub wrapped: Vec<u8>,
    /// Whether it seals; else it only opens, until every process knows it.
    pub sealing: bool,
}

/// A location as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLocation {
    /// What everybody may know.
    pub location: Location,
    /// Number that texts come from, E.164.
    pub sender: Option<String>,
}

/// A practitioner as stored.
#[derive(Debug, Clone)]
pub struct StoredPractitioner {
    /// Which.
    pub id: PractitionerId,
    /// The name. Salt: the practice's; place: `id`, `rev`.
    pub private: Sealed<PractitionerCol>,
    /// Revision of the sealed value.
    pub rev: i64,
    /// Of the name.
    pub name_bix: BlindIndex,
}

/// A visit type as stored.
#[derive(Debug, Clone)]
pub struct StoredVisitType {
    /// Which.
    pub id: VisitTypeId,
    /// The name. Salt: the practice's; place: `id`, `rev`.
    pub private: Sealed<VisitTypeCol>,
    /// Revision of the sealed value.
    pub rev: i64,
    /// Of the name.
    pub name_bix: BlindIndex,
    /// Its plan; none is the default plan.
    pub plan: Option<PlanId>,
}

/// A plan as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPlan {
    /// Which.
    pub id: PlanId,
    /// Its name.
    pub name: String,
    /// JSON of `domain::plan::Step[]`.
    pub steps: String,
    /// Whether visit types without a plan use it.
    pub is_default: bool,
    /// Raised with each edit.
    pub version: i64,
}

/// A person who starts to work at a practice.
#[derive(Debug, Clone)]
pub struct NewStaff {
    /// Which.
    pub id: StaffId,
    /// Name and address. Salt: the practice's; place: `id`, revision 1.
    pub private: Sealed<StaffCol>,
    /// Of the address.
    pub email_bix: BlindIndex,
    /// `front-desk`, `clinician`, `manager` or `administrator`.
    pub role: String,
    /// JSON of the browser's derivation.
    pub kdf: String,
    /// Of the sign-in branch.
    pub verifier: [u8; 32],
    /// Language of the pages, BCP 47.
    pub locale: String,
    /// Whether the password must be changed at the first sign-in.
    pub must_change: bool,
    /// When, wall.
    pub created_at: Instant,
}

#[derive(sqlx::FromRow)]
struct PracticeRow {
    id: Uuid,
    slug: String,
    name: String,
    alias: String,
    phone: Option<String>,
    time_zone: String,
    settings: String,
    salt: Vec<u8>,
    wrapped_index_key: Vec<u8>,
    rev: i64,
}

impl PracticeRow {
    fn read(self, deks: Vec<StoredDek>) -> Result<StoredPractice, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "practices", column };
        Ok(StoredPractice {
            practice: Practice {
                id: PracticeId::from_uuid(self.id),
                slug: self.slug,
                name: self.name,
                alias: self.alias,
                time_zone: self.time_zone.parse().map_err(|_| corrupt("time_zone"))?,
                phone: self.phone,
                settings: serde_json::from_str(&self.settings).map_err(|_| corrupt("settings"))?,
            },
            salt: self.salt.try_into().map_err(|_| corrupt("salt"))?,
            wrapped_index_key: self.wrapped_index_key,
            deks,
            rev: self.rev,
        })
    }
}

#[derive(sqlx::FromRow)]
struct LocationRow {
    id: Uuid,
    name: String,
    alias: String,
    time_zone: String,
    phone: Option<String>,
    address: Option<String>,
    sender: Option<String>,
}

impl TryFrom<LocationRow> for StoredLocation {
    type Error = StoreError;
    fn try_from(row: LocationRow) -> Result<Self, StoreError> {
        let time_zone =
            row.time_zone.parse().map_err(|_| StoreError::Corrupt { table: "locations", column: "time_zone" })?;
        let id = LocationId::from_uuid(row.id);
        let location =
            Location { id, name: row.name, alias: row.alias, time_zone, phone: row.phone, address: row.address };
        Ok(Self { location, sender: row.sender })
    }
}

#[derive(sqlx::FromRow)]
struct NamedRow {
    id: Uuid,
    private: Vec<u8>,
    rev: i64,
    name_bix: Vec<u8>,
    plan_id: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct PlanRow {
    id: Uuid,
    name: String,
    steps: String,
    is_default: bool,
    version: i64,
}

fn settings_json(settings: &PracticeSettings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|_| StoreError::Corrupt { table: "practices", column: "settings" })
}

impl Tx {
    /// Stores a new practice with its keys. A slug that is taken is a duplicate ([`StoreError::is_duplicate`]).
    pub async fn insert_practice(&mut self, new: &StoredPractice, now: Instant) -> Result<(), StoreError> {
        let practice = &new.practice;
        run!(
            self,
            "INSERT INTO practices (id, slug, name, alias, phone, time_zone, settings, salt, wrapped_index_key, rev,
                created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            practice.id.as_uuid(),
            &practice.slug,
            &practice.name,
            &practice.alias,
            practice.phone.as_deref(),
            practice.time_zone.name(),
            settings_json(&practice.settings)?,
            new.salt.0.as_slice(),
            &new.wrapped_index_key,
            new.rev,
            now.as_ms()
        )?;
        for dek in &new.deks {
            self.insert_practice_key(practice.id, dek, now).await?;
        }
        Ok(())
    }

    /// Says that something of the practice changed that open copies hold: its facts, settings, keys, locations, plans,
    /// visit types or practitioners. Call it in the transaction of the change.
    pub async fn touch_practice(&mut self, practice: PracticeId) -> Result<(), StoreError> {
        let done = run!(self, "UPDATE practices SET rev = rev + 1 WHERE id = $1", practice.as_uuid())?;
        if done == 1 { Ok(()) } else { Err(StoreError::Missing { table: "practices", row: practice.to_string() }) }
    }

    /// The practice's current `rev`, to tell whether an open copy still holds. None: there is no such practice.
    pub async fn practice_rev(&mut self, practice: PracticeId) -> Result<Option<i64>, StoreError> {
        let row = opt!(self, (i64,), "SELECT rev FROM practices WHERE id = $1", practice.as_uuid())?;
        Ok(row.map(|(rev,)| rev))
    }

    /// The practice of a name in addresses. Needs [`crate::Scope::Lookup`] or [`crate::Scope::Work`].
    pub async fn practice_by_slug(&mut self, slug: &str) -> Result<Option<PracticeId>, StoreError> {
        let row = opt!(self, (Uuid,), "SELECT id FROM practices WHERE slug = $1", slug)?;
        Ok(row.map(|(id,)| PracticeId::from_uuid(id)))
    }

    /// All practices, oldest first. Needs [`crate::Scope::Lookup`] or [`crate::Scope::Work`].
    pub async fn practice_ids(&mut self) -> Result<Vec<PracticeId>, StoreError> {
        let rows = all!(self, (Uuid,), "SELECT id FROM practices ORDER BY created_at_ms, id")?;
        Ok(rows.into_iter().map(|(id,)| PracticeId::from_uuid(id)).collect())
    }

    /// A practice with its wrapped keys, those that were not destroyed.
    pub async fn stored_practice(&mut self, practice: PracticeId) -> Result<Option<StoredPractice>, StoreError> {
        let Some(row) = opt!(
            self,
            PracticeRow,
            "SELECT id, slug, name, alias, phone, time_zone, settings, salt, wrapped_index_key, rev
             FROM practices WHERE id = $1",
            practice.as_uuid()
        )?
        else {
            return Ok(None);
        };
        let deks = all!(
            self,
            (i64, Vec<u8>, Option<i64>),
            "SELECT version, wrapped_dek, sealing_at_ms FROM practice_keys
             WHERE practice_id = $1 AND retired_at_ms IS NULL ORDER BY version",
            practice.as_uuid()
        )?;
        let read = |(version, wrapped, sealing): (i64, Vec<u8>, Option<i64>)| StoredDek {
            version,
            wrapped,
            sealing: sealing.is_some(),
        };
        let deks = deks.into_iter().map(read).collect();
        row.read(deks).map(Some)
    }

    /// Changes what a practice decided. Touches the practice.
    pub async fn set_practice_settings(
        &mut self,
        practice: PracticeId,
        settings: &PracticeSettings,
    ) -> Result<(), StoreError> {
        let json = settings_json(settings)?;
        run!(self, "UPDATE practices SET settings = $2 WHERE id = $1", practice.as_uuid(), json)?;
        self.touch_practice(practice).await
    }

    /// Changes what a practice is called and its phone. Touches the practice.
    pub async fn set_practice_facts(
        &mut self,
        practice: PracticeId,
        name: &str,
        alias: &str,
        phone: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE practices SET name = $2, alias = $3, phone = $4 WHERE id = $1";
        run!(self, sql, practice.as_uuid(), name, alias, phone)?;
        self.touch_practice(practice).await
    }

    /// Adds a location after those there are. Touches the practice.
    pub async fn insert_location(&mut self, practice: PracticeId, new: &StoredLocation) -> Result<(), StoreError> {
        let location = &new.location;
        run!(
            self,
            "INSERT INTO locations (practice_id, id, name, alias, time_zone, phone, address, sender, position)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, COUNT(*) FROM locations WHERE practice_id = $1",
            practice.as_uuid(),
            location.id.as_uuid(),
            &location.name,
            &location.alias,
            location.time_zone.name(),
            location.phone.as_deref(),
            location.address.as_deref(),
            new.sender.as_deref()
        )?;
        self.touch_practice(practice).await
    }

    /// Changes a location. Touches the practice.
    pub async fn set_location(&mut self, practice: PracticeId, changed: &StoredLocation) -> Result<(), StoreError> {
        let location = &changed.location;
        let done = run!(
            self,
            "UPDATE locations SET name = $3, alias = $4, time_zone = $5, phone = $6, address = $7, sender = $8
             WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            location.id.as_uuid(),
            &location.name,
            &location.alias,
            location.time_zone.name(),
            location.phone.as_deref(),
            location.address.as_deref(),
            changed.sender.as_deref()
        )?;
        if done != 1 {
            return Err(StoreError::Missing { table: "locations", row: location.id.to_string() });
        }
        self.touch_practice(practice).await
    }

    /// The practice's locations, in its order.
    pub async fn locations(&mut self, practice: PracticeId) -> Result<Vec<StoredLocation>, StoreError> {
        let rows = all!(
            self,
            LocationRow,
            "SELECT id, name, alias, time_zone, phone, address, sender
             FROM locations WHERE practice_id = $1 ORDER BY position, id",
            practice.as_uuid()
        )?;
        rows.into_iter().map(StoredLocation::try_from).collect()
    }

    /// The practice's practitioners, in file order.
    pub async fn practitioners(&mut self, practice: PracticeId) -> Result<Vec<StoredPractitioner>, StoreError> {
        let rows = all!(
            self,
            NamedRow,
            "SELECT id, private, rev, name_bix, id AS plan_id FROM practitioners WHERE practice_id = $1
             ORDER BY position, id",
            practice.as_uuid()
        )?;
        let read = |row: NamedRow| {
            Ok(StoredPractitioner {
                id: PractitionerId::from_uuid(row.id),
                private: sealed(row.private),
                rev: row.rev,
                name_bix: index(row.name_bix, "practitioners")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// The practice's visit types, in file order.
    pub async fn visit_types(&mut self, practice: PracticeId) -> Result<Vec<StoredVisitType>, StoreError> {
        let rows = all!(
            self,
            NamedRow,
            "SELECT id, private, rev, name_bix, plan_id FROM visit_types WHERE practice_id = $1 ORDER BY position, id",
            practice.as_uuid()
        )?;
        let read = |row: NamedRow| {
            Ok(StoredVisitType {
                id: VisitTypeId::from_uuid(row.id),
                private: sealed(row.private),
                rev: row.rev,
                name_bix: index(row.name_bix, "visit_types")?,
                plan: row.plan_id.map(PlanId::from_uuid),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Adds a plan. A default plan takes the place of the former default. Touches the practice.
    pub async fn insert_plan(&mut self, practice: PracticeId, plan: &StoredPlan) -> Result<(), StoreError> {
        if plan.is_default {
            run!(self, "UPDATE plans SET is_default = FALSE WHERE practice_id = $1", practice.as_uuid())?;
        }
        run!(
            self,
            "INSERT INTO plans (practice_id, id, name, steps, is_default, version) VALUES ($1, $2, $3, $4, $5, $6)",
            practice.as_uuid(),
            plan.id.as_uuid(),
            &plan.name,
            &plan.steps,
            plan.is_default,
            plan.version
        )?;
        self.touch_practice(practice).await
    }

    /// Changes the steps of a plan, which raises its version. Touches the practice.
    pub async fn set_plan_steps(&mut self, practice: PracticeId, plan: PlanId, steps: &str) -> Result<(), StoreError> {
        let done = run!(
            self,
            "UPDATE plans SET steps = $3, version = version + 1 WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            plan.as_uuid(),
            steps
        )?;
        if done != 1 {
            return Err(StoreError::Missing { table: "plans", row: plan.to_string() });
        }
        self.touch_practice(practice).await
    }

    /// Gives a visit type a plan of its own, or the default one. Touches the practice.
    pub async fn set_visit_type_plan(
        &mut self,
        practice: PracticeId,
        visit_type: VisitTypeId,
        plan: Option<PlanId>,
    ) -> Result<(), StoreError> {
        let done = run!(
            self,
            "UPDATE visit_types SET plan_id = $3 WHERE practice_id = $1 AND id = $2",
            practice.as_uuid(),
            visit_type.as_uuid(),
            plan.map(PlanId::as_uuid)
        )?;
        if done != 1 {
            return Err(StoreError::Missing { table: "visit_types", row: visit_type.to_string() });
        }
        self.touch_practice(practice).await
    }

    /// Deletes plans that no visit type has, but for the default one. Says how many.
    pub async fn drop_unused_plans(&mut self, practice: PracticeId) -> Result<u64, StoreError> {
        run!(
            self,
            "DELETE FROM plans WHERE practice_id = $1 AND NOT is_default AND NOT EXISTS (
                 SELECT 1 FROM visit_types AS t WHERE t.practice_id = plans.practice_id AND t.plan_id = plans.id)",
            practice.as_uuid()
        )
    }

    /// The practice's plans, the default one first.
    pub async fn plans(&mut self, practice: PracticeId) -> Result<Vec<StoredPlan>, StoreError> {
        let rows = all!(
            self,
            PlanRow,
            "SELECT id, name, steps, is_default, version FROM plans WHERE practice_id = $1
             ORDER BY is_default DESC, name, id",
            practice.as_uuid()
        )?;
        let read = |row: PlanRow| StoredPlan {
            id: PlanId::from_uuid(row.id),
            name: row.name,
            steps: row.steps,
            is_default: row.is_default,
            version: row.version,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Adds somebody who works at the practice. An address that is taken is a duplicate.
    pub async fn insert_staff(&mut self, practice: PracticeId, new: &NewStaff) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO staff (practice_id, id, private, rev, email_bix, role, kdf, verifier, locale, must_change,
                created_at_ms) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10)",
            practice.as_uuid(),
            new.id.as_uuid(),
            new.private.as_ciphertext(),
            new.email_bix.0.as_slice(),
            &new.role,
            &new.kdf,
            new.verifier.as_slice(),
            &new.locale,
            new.must_change,
            new.created_at.as_ms()
        )?;
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "just read from the sealed column")]
fn sealed<C: kept_domain::Column>(bytes: Vec<u8>) -> Sealed<C> {
    Sealed::from_ciphertext(bytes)
}

fn index(bytes: Vec<u8>, table: &'static str) -> Result<BlindIndex, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt { table, column: "name_bix" })
}
