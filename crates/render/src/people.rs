//! Who works at a practice, and where, for administrators.

use crate::Template;
use crate::samples::Sampled;
use crate::staff::{Choice, Frame};
use serde::Serialize;

/// Somebody who works here.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PersonLine {
    /// Who.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Signs in with it.
    pub email: String,
    /// What they may do, `role.…`.
    pub role: &'static str,
    /// They have not chosen a password of their own yet.
    pub waiting: bool,
    /// It is whoever reads the page.
    pub own: bool,
}

impl std::fmt::Debug for PersonLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonLine({}, {})", self.id, self.role)
    }
}

/// A location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceLine {
    /// Its name, as calendars write it.
    pub name: String,
    /// Its zone.
    pub zone: &'static str,
}

/// A first password, to be handed over. Shown once.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Fresh {
    /// Whose.
    pub name: String,
    /// Signs in with it.
    pub email: String,
    /// The password.
    pub password: String,
    /// Where.
    pub url: String,
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fresh(…)")
    }
}

/// What was typed into the form of a person.
#[derive(Clone, PartialEq, Eq, Default, Serialize)]
pub struct PersonForm {
    /// Name.
    pub name: String,
    /// E-mail.
    pub email: String,
}

impl std::fmt::Debug for PersonForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonForm(…)")
    }
}

/// What was typed into the form of a location.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PlaceForm {
    /// Name.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// Name in texts.
    pub alias: String,
    /// Phone.
    pub phone: String,
}

/// Words of [`People::person_fault`].
pub const PERSON_FAULTS: [&str; 4] = ["person-name", "email", "email-taken", "last-administrator"];
/// Words of [`People::place_fault`].
pub const PLACE_FAULTS: [&str; 5] = ["place-name", "place-taken", "zone", "place-alias", "place-phone"];
/// Words of [`People::said`].
pub const SAID: [&str; 2] = ["left", "place"];

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct People {
    /// Around it.
    pub frame: Frame,
    /// Who works here.
    pub people: Vec<PersonLine>,
    /// Where.
    pub places: Vec<PlaceLine>,
    /// What somebody may do, to choose from.
    pub roles: Vec<Choice>,
    /// Languages of pages, to choose from.
    pub languages: Vec<Choice>,
    /// The form of a person, as typed.
    pub person: PersonForm,
    /// The form of a location, as typed.
    pub place: PlaceForm,
    /// What is wrong with the person or what was to be done with them; empty: nothing.
    pub person_fault: &'static str,
    /// What is wrong with the location; empty: nothing.
    pub place_fault: &'static str,
    /// A first password that was just made.
    pub fresh: Option<Fresh>,
    /// What was just done, by word of [`SAID`]; empty: nothing.
    pub said: String,
    /// Longest name of a person, in characters.
    pub most_name: usize,
    /// Longest name of a location, in characters.
    pub most_place: usize,
    /// Longest name in texts, in characters.
    pub most_alias: usize,
}

impl Template for People {
    const NAME: &'static str = "web/staff/people.html";
    fn samples() -> Vec<Self> {
        let choice = |value: &&str| Choice {
            value: (*value).to_owned(),
            label: (*value).to_owned(),
            chosen: *value == "front-desk" || *value == "en",
        };
        let person = |id: &str, role, waiting| PersonLine {
            id: id.to_owned(),
            name: "Ann Admin".to_owned(),
            email: "ann@example.org".to_owned(),
            role,
            waiting,
            own: id == "1",
        };
        let plain = Self {
            frame: Frame::sample("settings"),
            people: vec![
                person("1", "administrator", false),
                person("2", "front-desk", true),
                person("3", "manager", false),
                person("4", "clinician", false),
            ],
            places: vec![PlaceLine { name: "Main St".to_owned(), zone: "America/Chicago" }],
            roles: ["front-desk", "clinician", "manager", "administrator"].iter().map(choice).collect(),
            languages: ["en", "es"].iter().map(choice).collect(),
            person: PersonForm::default(),
            place: PlaceForm::default(),
            person_fault: "",
            place_fault: "",
            fresh: None,
            said: String::new(),
            most_name: 80,
            most_place: 80,
            most_alias: 40,
        };
        let fresh = Fresh {
            name: "Dana Desk".to_owned(),
            email: "dana@example.org".to_owned(),
            password: "8v62-29sm-tdh7-6rq4-7na6".to_owned(),
            url: "https://kept.example.org/staff/sign-in?practice=oak".to_owned(),
        };
        let typed = PersonForm { name: "Dana".to_owned(), email: "dana".to_owned() };
        let people = PERSON_FAULTS.map(|fault| Self { person_fault: fault, person: typed.clone(), ..plain.clone() });
        let place = PlaceForm { name: "West".to_owned(), zone: "Mars".to_owned(), ..PlaceForm::default() };
        let places = PLACE_FAULTS.map(|fault| Self { place_fault: fault, place: place.clone(), ..plain.clone() });
        let said = SAID.map(|said| Self { said: said.to_owned(), ..plain.clone() });
        let made = Self { fresh: Some(fresh), ..plain.clone() };
        [plain, made].into_iter().chain(people).chain(places).chain(said).collect()
    }
}

/// This module's templates.
pub fn sampled() -> Vec<Sampled> {
    vec![Sampled::page::<People>()]
}
