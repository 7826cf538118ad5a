//! Practitioners, visit types and locations, by the names a file gives them.

use crate::{Flow, FlowError, OpenPractice};
use kept_domain::practice::Location;
use kept_domain::private::{PractitionerCol, PractitionerPrivate, VisitTypeCol, VisitTypePrivate};
use kept_domain::{BlindIndex, PracticeId, PractitionerId, Salt, VisitTypeId};
use kept_intake::{SourceVisit, sorted_words};
use kept_seal::{Blind, Place, PracticeKeys};
use kept_store::{NewName, Scope, Tx};
use std::collections::{BTreeMap, HashMap};

/// Who and what the names of a file mean.
#[derive(Default)]
pub(super) struct Names {
    practitioners: HashMap<String, PractitionerId>,
    visit_types: HashMap<String, VisitTypeId>,
    /// Names of locations that are none of the practice's, with how many rows have them.
    pub(super) unknown_locations: BTreeMap<String, u64>,
}

/// Names that were never seen before, sealed.
#[derive(Default)]
struct NewNames {
    practitioners: Vec<NewName<PractitionerId, PractitionerCol>>,
    visit_types: Vec<NewName<VisitTypeId, VisitTypeCol>>,
}

impl Names {
    /// Who and what the names of a file mean; those never seen before are written first, where `writes`.
    pub(super) async fn kept(
        flow: &Flow,
        practice: &OpenPractice,
        visits: &[SourceVisit],
        writes: bool,
    ) -> Result<Self, FlowError> {
        let id = practice.practice.id;
        loop {
            let mut tx = flow.store.read(Scope::Practice(id)).await?;
            let (names, new) = Self::of(flow, &mut tx, id, &practice.keys, &practice.salt, visits).await?;
            drop(tx);
            if !writes {
                return Ok(names);
            }
            let mut tx = flow.store.begin_batch(Scope::Practice(id)).await?;
            let all_ours = new.write(&mut tx, id).await?;
            tx.commit().await?;
            if all_ours {
                return Ok(names);
            }
            // Another import wrote some of them meanwhile, under ids of its own: those count, and ours stand for nobody.
        }
    }

    /// Looks every name of a file up; those never seen get an id and are returned to be written.
    ///
    /// A practitioner is the same whatever the order of the words and the title; a visit type whatever the case.
    async fn of(
        flow: &Flow,
        tx: &mut Tx,
        practice: PracticeId,
        keys: &PracticeKeys,
        salt: &Salt,
        visits: &[SourceVisit],
    ) -> Result<(Self, NewNames), FlowError> {
        let mut names = Self::default();
        let mut new = NewNames::default();
        let mut known: HashMap<BlindIndex, PractitionerId> =
            tx.practitioners(practice).await?.into_iter().map(|p| (p.name_bix, p.id)).collect();
        let mut known_types: HashMap<BlindIndex, VisitTypeId> =
            tx.visit_types(practice).await?.into_iter().map(|t| (t.name_bix, t.id)).collect();
        for visit in visits {
            if let Some(name) = &visit.practitioner
                && !names.practitioners.contains_key(name)
            {
                let name_bix = keys.blind(Blind::Name, &sorted_words(name));
                let id = if let Some(id) = known.get(&name_bix) {
                    *id
                } else {
                    let id: PractitionerId = flow.new_id();
                    let private = PractitionerPrivate { name: name.clone() };
                    let private = keys.seal::<PractitionerCol>(salt, Place::new(id, 1), &private)?;
                    new.practitioners.push(NewName { id, name_bix, private });
                    known.insert(name_bix, id);
                    id
                };
                names.practitioners.insert(name.clone(), id);
            }
            if let Some(name) = &visit.visit_type
                && !names.visit_types.contains_key(name)
            {
                let name_bix = keys.blind(Blind::Name, name);
                let id = if let Some(id) = known_types.get(&name_bix) {
                    *id
                } else {
                    let id: VisitTypeId = flow.new_id();
                    let private = VisitTypePrivate { name: name.clone() };
                    let private = keys.seal::<VisitTypeCol>(salt, Place::new(id, 1), &private)?;
                    new.visit_types.push(NewName { id, name_bix, private });
                    known_types.insert(name_bix, id);
                    id
                };
                names.visit_types.insert(name.clone(), id);
            }
        }
        Ok((names, new))
    }

    pub(super) fn practitioner(&self, name: Option<&str>) -> Option<PractitionerId> {
        self.practitioners.get(name?).copied()
    }

    pub(super) fn visit_type(&self, name: Option<&str>) -> Option<VisitTypeId> {
        self.visit_types.get(name?).copied()
    }

    /// The location of that name; the practice's first where a file names none, or one that is not known (which is counted: its
    /// zone decides when people are reminded, so a person should look).
    pub(super) fn location<'a>(&mut self, locations: &'a [Location], name: Option<&str>) -> Option<&'a Location> {
        let first = locations.first();
        let Some(name) = name else { return first };
        let wanted = name.trim().to_lowercase();
        let found = locations.iter().find(|location| location.name.trim().to_lowercase() == wanted);
        if found.is_none() {
            *self.unknown_locations.entry(name.to_owned()).or_default() += 1;
        }
        found.or(first)
    }
}

impl NewNames {
    /// Writes the new names; false where some stood already. The practice is touched, so that cached copies learn them; before
    /// the names, so that two imports wait for each other there and not crosswise.
    async fn write(&self, tx: &mut Tx, practice: PracticeId) -> Result<bool, FlowError> {
        let wanted = self.practitioners.len() + self.visit_types.len();
        if wanted == 0 {
            return Ok(true);
        }
        tx.touch_practice(practice).await?;
        let written = tx.insert_practitioners(practice, &self.practitioners).await?
            + tx.insert_visit_types(practice, &self.visit_types).await?;
        Ok(written == wanted as u64)
    }
}
