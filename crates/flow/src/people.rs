//! The people who work at a practice and the places it works at, as an administrator changes them. People sign in with a first
//! password that is shown once and changed at once; who has left signs in no more and keeps their name in what they did.

use crate::audit::{self, Actor, AuditEntry, act};
use crate::board::Private;
use crate::setup::{CreatedPerson, SetupError, first_secret};
use crate::staff::Role;
use crate::{Flow, FlowError};
use chrono_tz::Tz;
use kept_domain::practice::Location;
use kept_domain::{BlindIndex, Locale, LocationId, PracticeId, StaffId, phone};
use kept_seal::Place;
use kept_store::{Scope, StoredLocation};
use uuid::Uuid;

/// The longest name of a location, in characters.
pub const MAX_PLACE_NAME: usize = 80;
/// Locations a practice may have: each is a choice of every list.
pub const MAX_PLACES: usize = 200;

/// Somebody who works at the practice. Prints neither name nor address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: StaffId,
    /// Shown to colleagues.
    pub name: Private,
    /// Signs in with it.
    pub email: Private,
    /// What they may do.
    pub role: Role,
    /// Language of their pages.
    pub locale: Locale,
    /// They have not chosen a password of their own yet.
    pub must_change: bool,
}

/// A location that is wished for. Empty texts: none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlace {
    /// Its name, as calendars write it.
    pub name: String,
    /// Its zone, an IANA name; forgiven are case and blanks for underscores.
    pub time_zone: String,
    /// What a text calls it; empty: its name.
    pub alias: String,
    /// Phone that patients call; empty: the practice's.
    pub phone: String,
}

impl Flow {
    /// Who works at a practice, in the order they came. One audit entry says who looked.
    pub async fn people(&self, practice: PracticeId, by: Actor) -> Result<Vec<Person>, FlowError> {
        let open = self.practice(practice).await?;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let rows = tx.staff_of(practice).await?;
        let mut people = Vec::with_capacity(rows.len());
        for row in rows {
            let private = open.keys.open(&open.salt, Place::new(row.id, row.rev), &row.private)?;
            people.push(Person {
                id: row.id,
                name: Private(private.name),
                email: Private(private.email),
                role: crate::staff::role(&row)?,
                locale: row.locale,
                must_change: row.must_change,
            });
        }
        audit::append(&mut tx, practice, self.clock.wall(), &[AuditEntry::new(act::PEOPLE_VIEWED, by)]).await?;
        tx.commit().await?;
        Ok(people)
    }

    /// Gives somebody a first password again: the old one counts no more, and their sessions have ended.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when nobody of that id works here.
    pub async fn renew_password(
        &self,
        practice: PracticeId,
        by: Actor,
        staff: StaffId,
    ) -> Result<CreatedPerson, SetupError> {
        let (password, kdf, verifier) = first_secret(None).await?;
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if !tx.renew_staff_password(practice, staff, &kdf, &verifier).await? {
            return Err(FlowError::NotFound { what: "person" }.into());
        }
        tx.end_staff_sessions(practice, staff, None, None, wall).await?;
        let entry = AuditEntry::new(act::PASSWORD_RENEWED, by).id("staff", staff);
        audit::append(&mut tx, practice, wall, &[entry]).await?;
        tx.commit().await?;
        Ok(CreatedPerson { id: staff, password })
    }

    /// Lets somebody go: they sign in no more, and their address is free for somebody else.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when nobody of that id works here, [`SetupError::LastAdministrator`] when nobody else could change
    /// settings or people afterwards.
    pub async fn let_go(&self, practice: PracticeId, by: Actor, staff: StaffId) -> Result<(), SetupError> {
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if tx.lock_administrators(practice).await? == [staff] {
            return Err(SetupError::LastAdministrator);
        }
        // Of no address: nobody signs in with it, and whoever had it may come back.
        let nobody = BlindIndex(self.new_id::<Uuid>().into_bytes());
        if !tx.staff_leaves(practice, staff, nobody, wall).await? {
            return Err(FlowError::NotFound { what: "person" }.into());
        }
        tx.end_staff_sessions(practice, staff, None, None, wall).await?;
        let entry = AuditEntry::new(act::STAFF_LEFT, by).id("staff", staff);
        audit::append(&mut tx, practice, wall, &[entry]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Shows somebody the pages in another language from now on.
    pub async fn choose_language(&self, practice: PracticeId, staff: StaffId, locale: Locale) -> Result<(), FlowError> {
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if !tx.set_staff_locale(practice, staff, locale).await? {
            return Err(FlowError::NotFound { what: "person" });
        }
        Ok(tx.commit().await?)
    }

    /// Adds a location after those there are. Rows of later uploads that name it are its.
    pub async fn add_place(&self, practice: PracticeId, by: Actor, new: &NewPlace) -> Result<LocationId, SetupError> {
        let open = self.practice(practice).await?;
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > MAX_PLACE_NAME || name.contains(char::is_control) {
            return Err(SetupError::PlaceName);
        }
        let same = |other: &str| other.trim().to_lowercase() == name.to_lowercase();
        if open.locations.len() >= MAX_PLACES || open.locations.iter().any(|one| same(&one.location.name)) {
            return Err(SetupError::PlaceTaken);
        }
        let time_zone = zone(&new.time_zone).ok_or(SetupError::Zone)?;
        let alias = Some(new.alias.trim()).filter(|alias| !alias.is_empty()).unwrap_or(name);
        if alias.chars().count() > crate::settings::MAX_ALIAS_CHARS {
            return Err(SetupError::PlaceAlias);
        }
        let phone = match new.phone.trim() {
            "" => open.practice.phone.clone(),
            text => {
                let found = phone::parse(text, &open.practice.settings.country).map_err(|_| SetupError::PlacePhone)?;
                Some(found.e164().to_owned())
            }
        };
        let id: LocationId = self.new_id();
        let location = Location { id, name: name.to_owned(), alias: alias.to_owned(), time_zone, phone, address: None };
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        tx.insert_location(practice, &StoredLocation { location, sender: None }).await?;
        let entry = AuditEntry::new(act::PLACE_ADDED, by).id("location", id);
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(id)
    }
}

/// A zone of the IANA database as people write it: spaces and case are forgiven.
pub fn zone(text: &str) -> Option<Tz> {
    let name = text.trim().replace(' ', "_");
    chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(&name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::NewPerson;
    use crate::testing::World;
    use kept_store::Store;
    use kept_store::testing::both;

    fn dana(role: Role) -> NewPerson {
        NewPerson {
            name: "Dana Desk".to_owned(),
            email: "Dana@Example.org".to_owned(),
            role: role.as_str(),
            locale: Locale::Es,
            password: None,
            must_change: true,
        }
    }

    async fn enters(world: &World, email: &str, password: &str) -> bool {
        let auth = world.auth_branch(&world.slug, email, password).await;
        let done = world.flow.sign_in(Some(&world.slug), email, &auth).await.unwrap();
        matches!(done, crate::staff::SignIn::Welcome(_))
    }

    #[tokio::test]
    async fn people_come_get_a_new_password_and_go() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            let (flow, practice, by) = (&world.flow, world.practice, Actor::Staff(world.staff));
            // Ids of one millisecond are in no order.
            world.clock.set_civil(crate::testing::NOW + chrono::Duration::minutes(1));
            let made = flow.add_person(practice, by, &dana(Role::FrontDesk)).await.unwrap();
            let people = flow.people(practice, by).await.unwrap();
            assert_eq!(people.iter().map(|one| one.role).collect::<Vec<_>>(), [Role::Administrator, Role::FrontDesk]);
            let one = &people[1];
            assert_eq!((one.id, one.name.0.as_str(), one.email.0.as_str()), (made.id, "Dana Desk", "dana@example.org"));
            assert!(one.must_change && one.locale == Locale::Es);
            let again = flow.add_person(practice, by, &dana(Role::Manager)).await.unwrap_err();
            assert!(matches!(again, SetupError::EmailTaken), "{again}");
            for name in ["", "  ", &"x".repeat(200), "Da\nna"] {
                let nameless =
                    NewPerson { name: name.to_owned(), email: "x@example.org".to_owned(), ..dana(Role::Manager) };
                let said = flow.add_person(practice, by, &nameless).await.unwrap_err();
                assert!(matches!(said, SetupError::PersonName), "{said}");
            }

            assert!(enters(&world, "dana@example.org", &made.password).await);
            let renewed = flow.renew_password(practice, by, made.id).await.unwrap();
            assert_ne!(renewed.password, made.password);
            assert!(!enters(&world, "dana@example.org", &made.password).await, "the old one counts no more");
            assert!(enters(&world, "dana@example.org", &renewed.password).await);
            flow.choose_language(practice, made.id, Locale::En).await.unwrap();
            assert_eq!(flow.people(practice, by).await.unwrap()[1].locale, Locale::En);

            flow.let_go(practice, by, made.id).await.unwrap();
            assert!(!enters(&world, "dana@example.org", &renewed.password).await);
            assert_eq!(flow.people(practice, by).await.unwrap().len(), 1);
            for gone in [
                flow.let_go(practice, by, made.id).await.map(|()| String::new()),
                flow.renew_password(practice, by, made.id).await.map(|one| one.password),
            ] {
                assert!(matches!(gone.unwrap_err(), SetupError::Flow(FlowError::NotFound { .. })));
            }
            assert!(flow.choose_language(practice, made.id, Locale::En).await.is_err());
            flow.add_person(practice, by, &dana(Role::Administrator)).await.expect("they may come back");
            flow.let_go(practice, by, world.staff).await.expect("there is another administrator");
            let last = flow.people(practice, by).await.unwrap()[0].id;
            let said = flow.let_go(practice, by, last).await.unwrap_err();
            assert!(matches!(said, SetupError::LastAdministrator), "{said}");
            assert!(flow.verify_audit(practice).await.unwrap().broken.is_none());
        })
        .await;
    }

    #[tokio::test]
    async fn a_place_is_added_once_with_its_zone() {
        both(|store: Store| async move {
            let world = World::new(&store).await;
            let (flow, practice, by) = (&world.flow, world.practice, Actor::Staff(world.staff));
            let west = NewPlace {
                name: " Westside ".to_owned(),
                time_zone: "america/los angeles".to_owned(),
                alias: String::new(),
                phone: "(212) 555-0142".to_owned(),
            };
            let id = flow.add_place(practice, by, &west).await.unwrap();
            let open = flow.practice(practice).await.unwrap();
            let found = &open.location(id).unwrap().location;
            assert_eq!((found.name.as_str(), found.alias.as_str()), ("Westside", "Westside"));
            assert_eq!((found.time_zone.name(), found.phone.as_deref()), ("America/Los_Angeles", Some("+12125550142")));
            assert_eq!(open.locations.len(), 2);
            assert_eq!(open.locations[1].location.id, id, "after those there were");
            let other = NewPlace { name: "East".to_owned(), ..west.clone() };
            for (wrong, expected) in [
                (NewPlace { name: "WESTSIDE".to_owned(), ..west.clone() }, "there already"),
                (NewPlace { name: " ".to_owned(), ..west.clone() }, "1 to"),
                (NewPlace { time_zone: "Mars/Base".to_owned(), ..other.clone() }, "IANA"),
                (NewPlace { alias: "x".repeat(41), ..other.clone() }, "40"),
                (NewPlace { phone: "call us".to_owned(), ..other }, "number"),
            ] {
                let said = flow.add_place(practice, by, &wrong).await.unwrap_err().to_string();
                assert!(said.contains(expected), "{said}");
            }
            assert_eq!(flow.practice(practice).await.unwrap().locations.len(), 2);
        })
        .await;
    }
}
