//! A new practice: its keys, first location, default plan and first administrator.

use crate::audit::{self, Actor, AuditEntry};
use crate::keys::stored_dek;
use crate::{Flow, FlowError};
use chrono_tz::Tz;
use kept_domain::plan::Plan;
use kept_domain::practice::{Location, Practice};
use kept_domain::private::{StaffCol, StaffPrivate};
use kept_domain::{Locale, LocationId, PlanId, PracticeId, PracticeSettings, StaffId};
use kept_seal::staff::{Kdf, first_password};
use kept_seal::{Blind, Place, PracticeKeys, SealError, row};
use kept_store::{NewStaff, Scope, StoredLocation, StoredPlan, StoredPractice, Tx};
use std::fmt;

/// The longest name of a practice, in characters.
pub const MAX_NAME: usize = 120;
/// The longest name of a practice in addresses, in characters.
pub const MAX_SLUG: usize = 40;
/// The longest name of a person, in characters.
pub const MAX_PERSON_NAME: usize = 80;
/// The longest e-mail address (RFC 5321 §4.5.3.1).
pub const MAX_EMAIL: usize = 254;
/// How many practices may want the same name in addresses: `riverside`, `riverside-2` … `riverside-99`.
const MAX_NAMESAKES: u32 = 99;

/// What a new practice is told.
#[derive(Debug, Clone)]
pub struct NewPractice {
    /// Its full name.
    pub name: String,
    /// Its name on lock screens; none: its full name.
    pub alias: Option<String>,
    /// Phone that patients call, E.164.
    pub phone: Option<String>,
    /// Zone of its first location.
    pub time_zone: Tz,
    /// What it decided.
    pub settings: PracticeSettings,
}

/// Somebody who starts to work at a practice. Prints neither name nor address.
#[derive(Clone)]
pub struct NewPerson {
    /// Shown to colleagues.
    pub name: String,
    /// Signs in with it.
    pub email: String,
    /// `front-desk`, `clinician`, `manager` or `administrator`.
    pub role: &'static str,
    /// Language of the pages.
    pub locale: Locale,
    /// The first password; none: a random one.
    pub password: Option<String>,
    /// Whether the password must be changed at the first sign-in.
    pub must_change: bool,
}

impl fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewPerson({}, …)", self.role)
    }
}

/// A person who may sign in from now on. The password is nowhere else; print it once. Debug prints no secret.
#[derive(Clone)]
pub struct CreatedPerson {
    /// Which.
    pub id: StaffId,
    /// The first password.
    pub password: String,
}

impl fmt::Debug for CreatedPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CreatedPerson({}, …)", self.id)
    }
}

/// A practice that stands.
#[derive(Debug, Clone)]
pub struct CreatedPractice {
    /// Which.
    pub id: PracticeId,
    /// Its name in addresses.
    pub slug: String,
    /// Its first location.
    pub location: LocationId,
    /// Its first administrator.
    pub admin: CreatedPerson,
}

/// A practice or a person cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The name is empty or too long.
    #[error("a practice's name has 1 to {MAX_NAME} characters, at least one of them a letter or digit")]
    Name,
    /// Not an address that mail could reach.
    #[error("this is not an e-mail address; write it like `front.desk@example.org`")]
    Email,
    /// Everybody wants this name.
    #[error("the name in addresses `{0}` and its {MAX_NAMESAKES} variants are taken; give the practice another name")]
    Taken(String),
    /// Somebody else signs in with this address.
    #[error("somebody at this practice already signs in with this address")]
    EmailTaken,
    /// A person has no name, or a long one.
    #[error("a person's name has 1 to {MAX_PERSON_NAME} characters on one line")]
    PersonName,
    /// Nobody could change settings or people any more.
    #[error("this is the last administrator: let somebody else be one first")]
    LastAdministrator,
    /// A location's name is empty or too long.
    #[error(
        "a location's name has 1 to {} characters on one line, as your calendar writes it",
        crate::people::MAX_PLACE_NAME
    )]
    PlaceName,
    /// The practice has a location of that name, or very many.
    #[error("a location of that name is there already, or there are {} of them", crate::people::MAX_PLACES)]
    PlaceTaken,
    /// No zone of that name.
    #[error("there is no time zone of that name; write an IANA name, e.g. America/New_York")]
    Zone,
    /// What a text calls the location is too long.
    #[error("the name in texts has at most {} characters; give a short one", crate::settings::MAX_ALIAS_CHARS)]
    PlaceAlias,
    /// The location's phone is none.
    #[error("the phone is no number of the practice's country; write it like +14155550100")]
    PlacePhone,
    /// The step itself.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

impl From<SealError> for SetupError {
    fn from(error: SealError) -> Self {
        Self::Flow(error.into())
    }
}

impl From<kept_store::StoreError> for SetupError {
    fn from(error: kept_store::StoreError) -> Self {
        Self::Flow(error.into())
    }
}

impl Flow {
    /// Sets a practice up, in one transaction: all of it stands, or nothing.
    pub async fn create_practice(&self, new: &NewPractice, admin: &NewPerson) -> Result<CreatedPractice, SetupError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(SetupError::Name);
        }
        let slug = self.free_slug(&slug(name).ok_or(SetupError::Name)?).await?;
        let now = self.clock.wall();
        let id: PracticeId = self.new_id();
        let (keys, wrapped) = PracticeKeys::create(&self.ring, id)?;
        let salt = row::new_salt()?;
        let alias = new.alias.as_deref().unwrap_or(name).trim().to_owned();
        let practice = StoredPractice {
            practice: Practice {
                id,
                slug: slug.clone(),
                name: name.to_owned(),
                alias: alias.clone(),
                time_zone: new.time_zone,
                phone: new.phone.clone(),
                settings: new.settings.clone(),
            },
            salt,
            wrapped_index_key: wrapped.index,
            deks: wrapped.deks.into_iter().map(stored_dek).collect(),
            rev: 1,
        };
        let location = Location {
            id: self.new_id(),
            name: name.to_owned(),
            alias,
            time_zone: new.time_zone,
            phone: new.phone.clone(),
            address: None,
        };
        let location_id = location.id;
        let plan_id: PlanId = self.new_id();
        let (person, staff) = self.prepare_person(&keys, &salt, admin).await?;

        let mut tx = self.store.begin(Scope::Practice(id)).await?;
        tx.insert_practice(&practice, now).await?;
        tx.insert_location(id, &StoredLocation { location, sender: None }).await?;
        tx.insert_plan(id, &default_plan(plan_id)).await?;
        insert_person(&mut tx, id, &staff).await?;
        let created = AuditEntry::system(audit::act::PRACTICE_CREATED).id("location", location_id).id("plan", plan_id);
        audit::append(&mut tx, id, now, &[created, staff_created(Actor::System, &staff)]).await?;
        tx.commit().await?;
        Ok(CreatedPractice { id, slug, location: location_id, admin: person })
    }

    /// Lets somebody sign in at a practice.
    pub async fn add_person(
        &self,
        practice: PracticeId,
        by: Actor,
        new: &NewPerson,
    ) -> Result<CreatedPerson, SetupError> {
        let open = self.practice(practice).await?;
        let (person, staff) = self.prepare_person(&open.keys, &open.salt, new).await?;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        insert_person(&mut tx, practice, &staff).await?;
        audit::append(&mut tx, practice, self.clock.wall(), &[staff_created(by, &staff)]).await?;
        tx.commit().await?;
        Ok(person)
    }

    /// Everything of a new person that takes time, before a transaction is open.
    async fn prepare_person(
        &self,
        keys: &PracticeKeys,
        salt: &kept_domain::Salt,
        new: &NewPerson,
    ) -> Result<(CreatedPerson, NewStaff), SetupError> {
        let email = email(&new.email).ok_or(SetupError::Email)?;
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > MAX_PERSON_NAME || name.contains(char::is_control) {
            return Err(SetupError::PersonName);
        }
        let id: StaffId = self.new_id();
        let (password, kdf, verifier) = first_secret(new.password.clone()).await?;
        let private = StaffPrivate { name: name.to_owned(), email: email.clone() };
        let staff = NewStaff {
            id,
            private: keys.seal::<StaffCol>(salt, Place::new(id, 1), &private)?,
            email_bix: keys.blind(Blind::StaffEmail, &email),
            role: new.role.to_owned(),
            kdf,
            verifier,
            locale: new.locale.as_str().to_owned(),
            must_change: new.must_change,
            created_at: self.clock.wall(),
        };
        Ok((CreatedPerson { id, password }, staff))
    }

    async fn free_slug(&self, wanted: &str) -> Result<String, SetupError> {
        let mut tx = self.store.read(Scope::Lookup).await?;
        if tx.practice_by_slug(wanted).await?.is_none() {
            return Ok(wanted.to_owned());
        }
        for number in 2..=MAX_NAMESAKES {
            let variant = format!("{wanted}-{number}");
            if tx.practice_by_slug(&variant).await?.is_none() {
                return Ok(variant);
            }
        }
        Err(SetupError::Taken(wanted.to_owned()))
    }
}

/// A first password, a random one unless one is given, with its derivation (JSON) and what recognises it.
pub(crate) async fn first_secret(given: Option<String>) -> Result<(String, String, [u8; 32]), SetupError> {
    let password = match given {
        Some(password) => password,
        None => first_password()?.to_string(),
    };
    let kdf = Kdf::fresh()?;
    let parameters =
        serde_json::to_string(&kdf).map_err(|_| SealError::Derivation("they cannot be written as JSON"))?;
    let secret = password.clone();
    // A tenth of a second of one core: not on the threads that answer requests.
    let derived = tokio::task::spawn_blocking(move || kdf.derive(&secret)).await;
    let verifier =
        derived.map_err(|_| SealError::Derivation("the thread that derived it ended early"))??.auth.verifier();
    Ok((password, parameters, verifier.0))
}

/// The plan that a practice starts with.
fn default_plan(id: PlanId) -> StoredPlan {
    StoredPlan { id, name: "Standard".to_owned(), steps: Plan::standard().to_json(), is_default: true, version: 1 }
}

async fn insert_person(tx: &mut Tx, practice: PracticeId, staff: &NewStaff) -> Result<(), SetupError> {
    match tx.insert_staff(practice, staff).await {
        Err(error) if error.is_duplicate() => Err(SetupError::EmailTaken),
        other => Ok(other?),
    }
}

fn staff_created(by: Actor, staff: &NewStaff) -> AuditEntry {
    AuditEntry::new(audit::act::STAFF_CREATED, by).id("staff", staff.id)
}

/// A name in addresses: lower-case ASCII letters, digits and single hyphens. Letters with the accents of Western
/// European languages lose them; everything else parts words. None: nothing is left.
fn slug(name: &str) -> Option<String> {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        let plain = match character {
            'a'..='z' | '0'..='9' => character,
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ñ' => 'n',
            'ç' => 'c',
            '\'' | '’' | '.' => continue,
            _ => '-',
        };
        if plain != '-' || (!slug.is_empty() && !slug.ends_with('-')) {
            slug.push(plain);
        }
        if slug.len() >= MAX_SLUG {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    // First segments of Kept's own addresses cannot be a practice's.
    let reserved = ["staff", "hooks", "sandbox", "assets", "health", "metrics", "api"];
    match slug {
        "" => None,
        word if reserved.contains(&word) => Some(format!("{word}-practice")),
        word => Some(word.to_owned()),
    }
}

/// An address in lower case, if it looks like one: one `@` with something on both sides, no spaces.
fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, host) = text.split_once('@')?;
    let fine = !local.is_empty()
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !host.contains('@')
        && text.len() <= MAX_EMAIL
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    fine.then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        for (name, expected) in [
            ("Riverside Family Practice", "riverside-family-practice"),
            ("  Dr. O'Neil & Sons ", "dr-oneil-sons"),
            ("Clínica Ñuñoa – Niños", "clinica-nunoa-ninos"),
            ("Staff", "staff-practice"),
            ("24/7", "24-7"),
        ] {
            assert_eq!(slug(name).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(slug("診療所"), None);
        assert_eq!(slug(&"a".repeat(500)).map(|slug| slug.len()), Some(MAX_SLUG));
    }

    #[test]
    fn addresses_are_checked_and_lowered() {
        assert_eq!(email(" Ann.Lee@Example.org ").as_deref(), Some("ann.lee@example.org"));
        for wrong in ["", "ann", "@example.org", "ann@", "ann@host", "a b@example.org", "a@b@c.org", "a@.org", "a@org."]
        {
            assert_eq!(email(wrong), None, "{wrong}");
        }
        assert_eq!(email(&format!("{}@example.org", "a".repeat(MAX_EMAIL))), None);
    }
}
