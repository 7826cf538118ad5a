//! Patients and their numbers, practitioners and visit types, as calendars bring them.

use crate::dialect::{Kind, Rows};
use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{ContactCol, PatientCol, PractitionerCol, VisitTypeCol};
use kept_domain::sealed::Column;
use kept_domain::{
    BlindIndex, Channel, ContactPointId, ContentMac, Instant, Locale, PatientId, PracticeId, PractitionerId, Salt,
    Sealed, VisitTypeId,
};
use uuid::Uuid;

/// A practitioner or visit type seen for the first time.
#[derive(Debug)]
pub struct NewName<I, C: Column> {
    /// Its id, which its sealed name is bound to (revision 1).
    pub id: I,
    /// Finds it by its name.
    pub name_bix: BlindIndex,
    /// The name.
    pub private: Sealed<C>,
}

/// A patient as the database has them.
#[derive(Debug, Clone)]
pub struct KnownPatient {
    /// Which.
    pub id: PatientId,
    /// The key that calendars know them by.
    pub key_bix: BlindIndex,
    /// Salt of their rows.
    pub salt: Salt,
    /// Who they are.
    pub private: Sealed<PatientCol>,
    /// Revision that is sealed under.
    pub rev: i64,
    /// Of the private value.
    pub content_mac: ContentMac,
    /// Language they are addressed in.
    pub locale: Option<Locale>,
}

/// A patient seen for the first time; revision 1.
#[derive(Debug)]
pub struct NewPatient {
    /// Which.
    pub id: PatientId,
    /// The key that calendars know them by.
    pub key_bix: BlindIndex,
    /// Salt of their rows.
    pub salt: Salt,
    /// Who they are.
    pub private: Sealed<PatientCol>,
    /// Of the private value.
    pub content_mac: ContentMac,
    /// Keyed by name, not by an id.
    pub provisional: bool,
    /// Can identify at the portal.
    pub has_birth_date: bool,
    /// Language they are addressed in.
    pub locale: Option<Locale>,
}

/// A patient of whom a calendar says something else now.
#[derive(Debug)]
pub struct ChangedPatient {
    /// Which.
    pub id: PatientId,
    /// The revision that was read.
    pub was_rev: i64,
    /// Who they are, sealed under `was_rev + 1`.
    pub private: Sealed<PatientCol>,
    /// Of the private value.
    pub content_mac: ContentMac,
    /// Can identify at the portal.
    pub has_birth_date: bool,
    /// Language they are addressed in.
    pub locale: Option<Locale>,
}

/// A number or address as the database has it.
#[derive(Debug, Clone)]
pub struct KnownContact {
    /// Which.
    pub id: ContactPointId,
    /// Whose.
    pub patient: PatientId,
    /// How messages reach it.
    pub channel: Channel,
    /// Finds it by its value.
    pub bix: BlindIndex,
    /// 0 is the one to use.
    pub position: i64,
    /// Why no message goes to it.
    pub suspended: Option<String>,
    /// Zones its area code allows, comma-separated.
    pub area_zones: Option<String>,
}

/// A number or address seen for the first time at this patient; revision 1, position 0.
#[derive(Debug)]
pub struct NewContact {
    /// Which.
    pub id: ContactPointId,
    /// Whose.
    pub patient: PatientId,
    /// How messages reach it.
    pub channel: Channel,
    /// Finds it by its value.
    pub bix: BlindIndex,
    /// The value.
    pub private: Sealed<ContactCol>,
    /// Zones its area code allows, comma-separated.
    pub area_zones: Option<String>,
}

/// Where a number or address stands among those of its patient.
#[derive(Debug, Clone, Copy)]
pub struct ContactOrder {
    /// Which.
    pub id: ContactPointId,
    /// 0 is the one to use; others are not used.
    pub position: i64,
}

#[derive(sqlx::FromRow)]
struct PatientRow {
    #[sqlx(try_from = "Uuid")]
    id: PatientId,
    #[sqlx(try_from = "Vec<u8>")]
    key_bix: BlindIndex,
    #[sqlx(try_from = "Vec<u8>")]
    salt: Salt,
    #[sqlx(try_from = "Vec<u8>")]
    private: Sealed<PatientCol>,
    rev: i64,
    #[sqlx(try_from = "Vec<u8>")]
    content_mac: ContentMac,
    locale: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ContactRow {
    #[sqlx(try_from = "Uuid")]
    id: ContactPointId,
    #[sqlx(try_from = "Uuid")]
    patient_id: PatientId,
    #[sqlx(try_from = "String")]
    channel: Channel,
    #[sqlx(try_from = "Vec<u8>")]
    bix: BlindIndex,
    position: i64,
    suspended: Option<String>,
    area_zones: Option<String>,
}

fn name_rows<I: Copy + Into<Uuid>, C: Column>(new: &[NewName<I, C>]) -> Rows {
    let mut rows =
        Rows::new(&[("id", Kind::Uuid), ("name_bix", Kind::Bytes), ("private", Kind::Bytes), ("at", Kind::Int)]);
    for (at, name) in (0..).zip(new) {
        rows.push().uuid(name.id).bytes(&name.name_bix.0).bytes(name.private.as_ciphertext()).int(at);
    }
    rows
}

impl Tx {
    /// Adds practitioners after those that are there; a name that is there already is left alone. The caller touches the practice.
    pub async fn insert_practitioners(
        &mut self,
        practice: PracticeId,
        new: &[NewName<PractitionerId, PractitionerCol>],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "INSERT INTO practitioners (practice_id, id, private, rev, name_bix, position)
             SELECT $2, id, private, 1, name_bix,
                 at + (SELECT COALESCE(MAX(position), -1) + 1 FROM practitioners WHERE practice_id = $2)
             FROM {rows} AS r WHERE TRUE ON CONFLICT (practice_id, name_bix) DO NOTHING",
            name_rows(new),
            practice.as_uuid()
        )
    }

    /// Adds visit types after those that are there; a name that is there already is left alone. The caller touches the practice.
    pub async fn insert_visit_types(
        &mut self,
        practice: PracticeId,
        new: &[NewName<VisitTypeId, VisitTypeCol>],
    ) -> Result<u64, StoreError> {
        bulk!(
            self,
            "INSERT INTO visit_types (practice_id, id, private, rev, name_bix, position)
             SELECT $2, id, private, 1, name_bix,
                 at + (SELECT COALESCE(MAX(position), -1) + 1 FROM visit_types WHERE practice_id = $2)
             FROM {rows} AS r WHERE TRUE ON CONFLICT (practice_id, name_bix) DO NOTHING",
            name_rows(new),
            practice.as_uuid()
        )
    }

    /// The patients that calendars know by these keys.
    pub async fn patients_by_key(
        &mut self,
        practice: PracticeId,
        keys: &[BlindIndex],
    ) -> Result<Vec<KnownPatient>, StoreError> {
        let rows = bulk_all!(
            self,
            PatientRow,
            "SELECT p.id, p.key_bix, p.salt, p.private, p.rev, p.content_mac, p.locale FROM {rows} AS r
             JOIN patients AS p ON p.practice_id = {practice} AND p.key_bix = r.key_bix",
            Rows::of_bytes("key_bix", keys.iter().map(|key| key.0)),
            practice.as_uuid()
        )?;
        let known = |row: PatientRow| {
            let locale = row.locale.as_deref().map(str::parse).transpose();
            let locale = locale.map_err(|_| StoreError::Corrupt { table: "patients", column: "locale" })?;
            let PatientRow { id, key_bix, salt, private, rev, content_mac, .. } = row;
            Ok(KnownPatient { id, key_bix, salt, private, rev, content_mac, locale })
        };
        rows.into_iter().map(known).collect()
    }

    /// Adds patients; a key that is there already is left alone. Returns how many were added.
    pub async fn insert_patients(
        &mut self,
        practice: PracticeId,
        new: &[NewPatient],
        now: Instant,
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("salt", Kind::Bytes),
            ("private", Kind::Bytes),
            ("content_mac", Kind::Bytes),
            ("key_bix", Kind::Bytes),
            ("provisional", Kind::Bool),
            ("has_birth_date", Kind::Bool),
            ("locale", Kind::Text),
        ]);
        for patient in new {
            rows.push()
                .uuid(patient.id)
                .bytes(&patient.salt.0)
                .bytes(patient.private.as_ciphertext())
                .bytes(&patient.content_mac.0)
                .bytes(&patient.key_bix.0)
                .bool(patient.provisional)
                .bool(patient.has_birth_date)
                .opt_text(patient.locale.map(Locale::as_str));
        }
        bulk!(
            self,
            "INSERT INTO patients (practice_id, id, salt, private, rev, content_mac, key_bix, provisional, has_birth_date, locale, created_at_ms)
             SELECT $2, id, salt, private, 1, content_mac, key_bix, provisional, has_birth_date, locale, $3
             FROM {rows} AS r WHERE TRUE ON CONFLICT (practice_id, key_bix) DO NOTHING",
            rows,
            practice.as_uuid(),
            now.as_ms()
        )
    }

    /// Writes what calendars say of patients now, where they still stand as they were read. Returns how many were written.
    pub async fn update_patients(
        &mut self,
        practice: PracticeId,
        changed: &[ChangedPatient],
    ) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("was_rev", Kind::Int),
            ("private", Kind::Bytes),
            ("content_mac", Kind::Bytes),
            ("has_birth_date", Kind::Bool),
            ("locale", Kind::Text),
        ]);
        for patient in changed {
            rows.push()
                .uuid(patient.id)
                .int(patient.was_rev)
                .bytes(patient.private.as_ciphertext())
                .bytes(&patient.content_mac.0)
                .bool(patient.has_birth_date)
                .opt_text(patient.locale.map(Locale::as_str));
        }
        bulk!(
            self,
            "UPDATE patients SET private = r.private, rev = r.was_rev + 1, content_mac = r.content_mac,
                 has_birth_date = r.has_birth_date,
                 locale = CASE WHEN patients.locale_own THEN patients.locale ELSE r.locale END
             FROM {rows} AS r WHERE patients.practice_id = {practice} AND patients.id = r.id AND patients.rev = r.was_rev",
            rows,
            practice.as_uuid()
        )
    }

    /// Numbers and addresses of these patients.
    pub async fn contacts_of(
        &mut self,
        practice: PracticeId,
        patients: &[PatientId],
    ) -> Result<Vec<KnownContact>, StoreError> {
        let rows = bulk_all!(
            self,
            ContactRow,
            "SELECT c.id, c.patient_id, c.channel, c.bix, c.position, c.suspended, c.area_zones FROM {rows} AS r
             JOIN contact_points AS c ON c.practice_id = {practice} AND c.patient_id = r.id",
            Rows::of_ids("id", patients.iter().copied()),
            practice.as_uuid()
        )?;
        let known = |row: ContactRow| {
            let ContactRow { id, patient_id: patient, channel, bix, position, suspended, area_zones } = row;
            KnownContact { id, patient, channel, bix, position, suspended, area_zones }
        };
        Ok(rows.into_iter().map(known).collect())
    }

    /// Adds numbers and addresses; one that the patient has already is left alone. One that is suspended for somebody else, because it is
    /// a stranger's or nobody is reached there, is so for this patient too. Returns how many were added.
    pub async fn insert_contacts(&mut self, practice: PracticeId, new: &[NewContact]) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("patient_id", Kind::Uuid),
            ("channel", Kind::Text),
            ("private", Kind::Bytes),
            ("bix", Kind::Bytes),
            ("area_zones", Kind::Text),
        ]);
        for contact in new {
            rows.push()
                .uuid(contact.id)
                .uuid(contact.patient)
                .text(contact.channel.as_str())
                .bytes(contact.private.as_ciphertext())
                .bytes(&contact.bix.0)
                .opt_text(contact.area_zones.as_deref());
        }
        bulk!(
            self,
            "INSERT INTO contact_points (practice_id, id, patient_id, channel, private, rev, bix, position, area_zones, suspended)
             SELECT $2, id, patient_id, channel, private, 1, bix, 0, area_zones, (
                 SELECT MAX(c.suspended) FROM contact_points AS c WHERE c.practice_id = {practice} AND c.bix = r.bix
                     AND c.channel = r.channel AND c.suspended IN ('wrong-number', 'unreachable'))
             FROM {rows} AS r WHERE TRUE ON CONFLICT (practice_id, patient_id, channel, bix) DO NOTHING",
            rows,
            practice.as_uuid()
        )
    }

    /// Puts numbers and addresses in another order.
    pub async fn order_contacts(&mut self, practice: PracticeId, order: &[ContactOrder]) -> Result<u64, StoreError> {
        let mut rows = Rows::new(&[("id", Kind::Uuid), ("position", Kind::Int)]);
        for contact in order {
            rows.push().uuid(contact.id).int(contact.position);
        }
        bulk!(
            self,
            "UPDATE contact_points SET position = r.position FROM {rows} AS r
             WHERE contact_points.practice_id = {practice} AND contact_points.id = r.id",
            rows,
            practice.as_uuid()
        )
    }
}
