//! Patients and their numbers, as the rows of a chunk bring them.

use super::numbers::{Number, Numbers};
use super::said::Resolved;
use crate::{Flow, FlowError};
use kept_domain::private::{ContactCol, ContactPrivate, PatientCol, PatientPrivate};
use kept_domain::{BlindIndex, Channel, ContactPointId, Locale, PatientId, PracticeId, Salt};
use kept_seal::{Place, PracticeKeys};
use kept_store::{ChangedPatient, ContactOrder, KnownContact, KnownPatient, NewContact, NewPatient, Tx};
use std::collections::HashMap;

/// What the rows of a chunk say of one patient; later rows win over earlier ones.
struct Said {
    private: PatientPrivate,
    provisional: bool,
    locale: Option<Locale>,
    number: Option<Number>,
    /// The source had a number for them and has none now.
    number_gone: bool,
    address: Option<Number>,
    /// The source had an address for them and has none now.
    address_gone: bool,
}

/// What the last version of a row had.
#[derive(Clone, Copy, Default)]
pub(super) struct Had {
    pub(super) number: bool,
    pub(super) address: bool,
}

/// The patients of a chunk while it is read.
pub(super) struct People {
    order: Vec<BlindIndex>,
    said: HashMap<BlindIndex, Said>,
}

/// What must be written, and who everybody is.
#[derive(Default)]
pub(super) struct PeopleWork {
    pub(super) new: Vec<NewPatient>,
    pub(super) changed: Vec<ChangedPatient>,
    pub(super) contacts: Vec<NewContact>,
    pub(super) order: Vec<ContactOrder>,
    pub(super) known: HashMap<BlindIndex, (PatientId, Salt)>,
}

impl People {
    pub(super) fn new() -> Self {
        Self { order: Vec::new(), said: HashMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Takes what a new or changed row says. `had`: its last version.
    pub(super) fn add(&mut self, key: BlindIndex, row: &Resolved<'_>, numbers: &mut Numbers<'_>, had: Had) {
        let visit = row.visit;
        let number = visit.phone.as_deref().and_then(|raw| numbers.read(raw).cloned());
        let address = visit.email.as_deref().and_then(|raw| numbers.address(raw).cloned());
        let said = self.said.entry(key).or_insert_with(|| {
            self.order.push(key);
            Said {
                private: PatientPrivate {
                    given: None,
                    family: None,
                    name: String::new(),
                    birth_date: None,
                    external_id: visit.patient_id.clone(),
                },
                provisional: visit.patient.is_provisional(),
                locale: None,
                number: None,
                number_gone: false,
                address: None,
                address_gone: false,
            }
        });
        if let Some(name) = &visit.name {
            said.private.name.clone_from(name);
            said.private.given.clone_from(&visit.given);
            said.private.family.clone_from(&visit.family);
        }
        said.private.birth_date = visit.birth_date.or(said.private.birth_date);
        said.locale = visit.language.or(said.locale);
        said.number_gone = number.is_none() && (had.number || said.number_gone) && said.number.is_none();
        said.number = number.or(said.number.take());
        said.address_gone = address.is_none() && (had.address || said.address_gone) && said.address.is_none();
        said.address = address.or(said.address.take());
    }

    /// Compares with who is known, and seals what is new.
    pub(super) async fn resolve(
        self,
        flow: &Flow,
        tx: &mut Tx,
        practice: PracticeId,
        keys: &PracticeKeys,
    ) -> Result<PeopleWork, FlowError> {
        let known = tx.patients_by_key(practice, &self.order).await?;
        let ids: Vec<PatientId> = known.iter().map(|patient| patient.id).collect();
        let mut contacts: HashMap<PatientId, Vec<KnownContact>> = HashMap::new();
        for contact in tx.contacts_of(practice, &ids).await? {
            contacts.entry(contact.patient).or_default().push(contact);
        }
        let mut known: HashMap<BlindIndex, KnownPatient> = known.into_iter().map(|p| (p.key_bix, p)).collect();
        let mut work = PeopleWork::default();
        let mut said = self.said;
        for key in self.order {
            let Some(person) = said.remove(&key) else { continue };
            let (id, salt) = match known.remove(&key) {
                None => work.add_patient(flow, keys, key, &person)?,
                Some(patient) => work.change_patient(keys, patient, &person)?,
            };
            work.known.insert(key, (id, salt));
            let mine = contacts.remove(&id).unwrap_or_default();
            work.place(flow, keys, (id, &salt), Channel::Sms, &mine, person.number, person.number_gone)?;
            work.place(flow, keys, (id, &salt), Channel::Email, &mine, person.address, person.address_gone)?;
        }
        Ok(work)
    }
}

impl PeopleWork {
    fn add_patient(
        &mut self,
        flow: &Flow,
        keys: &PracticeKeys,
        key_bix: BlindIndex,
        said: &Said,
    ) -> Result<(PatientId, Salt), FlowError> {
        let id: PatientId = flow.new_id();
        let salt = kept_seal::row::new_salt()?;
        self.new.push(NewPatient {
            id,
            key_bix,
            salt,
            private: keys.seal::<PatientCol>(&salt, Place::new(id, 1), &said.private)?,
            content_mac: keys.content_mac(&canonical(&said.private)),
            provisional: said.provisional,
            has_birth_date: said.private.birth_date.is_some(),
            locale: said.locale,
        });
        Ok((id, salt))
    }

    /// What a file leaves blank is kept: a shorter export does not make anybody forget a birth date.
    fn change_patient(
        &mut self,
        keys: &PracticeKeys,
        known: KnownPatient,
        said: &Said,
    ) -> Result<(PatientId, Salt), FlowError> {
        let KnownPatient { id, salt, rev, content_mac, locale, private, .. } = known;
        let mut merged = keys.open::<PatientCol>(&salt, Place::new(id, rev), &private)?;
        if !said.private.name.is_empty() {
            merged.name.clone_from(&said.private.name);
            merged.given.clone_from(&said.private.given);
            merged.family.clone_from(&said.private.family);
        }
        merged.birth_date = said.private.birth_date.or(merged.birth_date);
        merged.external_id = said.private.external_id.clone().or(merged.external_id);
        let new_locale = said.locale.or(locale);
        let new_mac = keys.content_mac(&canonical(&merged));
        if new_mac != content_mac || new_locale != locale {
            self.changed.push(ChangedPatient {
                id,
                was_rev: rev,
                private: keys.seal::<PatientCol>(&salt, Place::new(id, rev + 1), &merged)?,
                content_mac: new_mac,
                has_birth_date: merged.birth_date.is_some(),
                locale: new_locale,
            });
        }
        Ok((id, salt))
    }

    /// Makes `value` the contact point to use on a channel; with `gone`, none is used any more.
    #[expect(clippy::too_many_arguments, reason = "one patient and one channel, each a fact of it")]
    fn place(
        &mut self,
        flow: &Flow,
        keys: &PracticeKeys,
        (patient, salt): (PatientId, &Salt),
        channel: Channel,
        known: &[KnownContact],
        value: Option<Number>,
        gone: bool,
    ) -> Result<(), FlowError> {
        if value.is_none() && !gone {
            return Ok(());
        }
        let wanted = value.as_ref().map(|number| number.bix);
        // The desk put this one aside for another: a calendar that still names it does not bring it back.
        let replaced = |contact: &KnownContact| contact.suspended.as_deref() == Some("replaced");
        if known.iter().any(|one| one.channel == channel && Some(one.bix) == wanted && replaced(one)) {
            return Ok(());
        }
        let mine = known.iter().filter(|contact| contact.channel == channel);
        let mut is_there = false;
        for contact in mine {
            let position = i64::from(Some(contact.bix) != wanted);
            is_there |= position == 0;
            if contact.position != position {
                self.order.push(ContactOrder { id: contact.id, position });
            }
        }
        if let (Some(Number { value, bix, area_zones }), false) = (value, is_there) {
            let id: ContactPointId = flow.new_id();
            let private = keys.seal::<ContactCol>(salt, Place::new(id, 1), &ContactPrivate { value })?;
            self.contacts.push(NewContact { id, patient, channel, bix, private, area_zones });
        }
        Ok(())
    }
}

/// What a patient's content MAC covers.
fn canonical(private: &PatientPrivate) -> Vec<u8> {
    serde_json::to_vec(private).expect("a struct of strings and a date has a JSON form")
}
