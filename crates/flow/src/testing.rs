//! A ready practice on a test database, with patients, visits and links as a test wants them.

use crate::consent::{self, ConsentAct, ConsentBasis, Heard, NewConsent, Whose};
use crate::setup::{NewPerson, NewPractice};
use crate::{Flow, FlowParts, MovableClock, RandomIds, Settings};
use chrono::NaiveDate;
use kept_domain::private::{AppointmentPrivate, ContactPrivate, PatientPrivate};
use kept_domain::time::day_number;
use kept_domain::{
    AppointmentId, AppointmentStatus, BlindIndex, Channel, ContactPointId, Instant, LinkId, Locale, LocationId,
    PatientId, PracticeId, PracticeSettings, SourceId, StaffId,
};
use kept_render::Renderer;
use kept_seal::{Blind, KeyRing, LinkToken, Place, row};
use kept_store::{NewContact, NewLink, NewLinkVisit, NewPatient, NewVisit, Scope, Store};
use std::sync::Arc;

/// Monday 2026-11-23, 10:00 in New York.
pub const NOW: Instant = Instant::from_ms(1_795_446_000_000);

/// The context of steps on a store, with a clock that stands still at [`NOW`] until it is moved.
pub fn flow(store: &Store) -> (Flow, Arc<MovableClock>) {
    flow_with(store, kept_carrier::Carriers::default(), "https://kept.example")
}

/// The same with carriers, reached at `public_url`.
pub fn flow_with(store: &Store, carriers: kept_carrier::Carriers, public_url: &str) -> (Flow, Arc<MovableClock>) {
    let clock = Arc::new(MovableClock::still(NOW));
    let flow = Flow::new(FlowParts {
        store: store.clone(),
        ring: KeyRing::ephemeral().expect("random bytes"),
        render: Renderer::new().expect("the embedded templates compile"),
        clock: Arc::<MovableClock>::clone(&clock),
        ids: Arc::new(RandomIds),
        carriers,
        settings: Settings { public_url: public_url.to_owned() },
    });
    (flow, clock)
}

/// What the script of the first page derives from the secret of a link.
pub fn auth_of_link(secret: &str) -> String {
    LinkToken::parse(secret).expect("a secret").auth().to_base64url().to_string()
}

/// One practice in New York, "Oak Street Family Medicine", with one location and one administrator.
#[derive(Debug)]
pub struct World {
    /// The steps.
    pub flow: Flow,
    /// Their clock.
    pub clock: Arc<MovableClock>,
    /// The practice.
    pub practice: PracticeId,
    /// Its name in addresses.
    pub slug: String,
    /// Its location.
    pub location: LocationId,
    /// Its administrator.
    pub staff: StaffId,
}

impl World {
    /// With the usual settings.
    pub async fn new(store: &Store) -> Self {
        Self::with(store, PracticeSettings::default()).await
    }

    /// With other settings.
    pub async fn with(store: &Store, settings: PracticeSettings) -> Self {
        let (flow, clock) = flow(store);
        Self::over(flow, clock, settings).await
    }

    /// With steps of one's own.
    pub async fn over(flow: Flow, clock: Arc<MovableClock>, settings: PracticeSettings) -> Self {
        let new = NewPractice {
            name: "Oak Street Family Medicine".to_owned(),
            alias: Some("Oak Street".to_owned()),
            phone: Some("+14155550123".to_owned()),
            time_zone: chrono_tz::America::New_York,
            settings,
        };
        let admin = NewPerson {
            name: "Ann Admin".to_owned(),
            email: "ann@example.org".to_owned(),
            role: "administrator",
            locale: Locale::En,
            password: Some("correct horse battery".to_owned()),
            must_change: false,
        };
        let made = flow.create_practice(&new, &admin).await.expect("a practice");
        Self { flow, clock, practice: made.id, slug: made.slug, location: made.location, staff: made.admin.id }
    }

    /// What a browser sends to sign in: asks for the parameters and derives, as its script does.
    pub async fn auth_branch(&self, slug: &str, email: &str, password: &str) -> String {
        let kdf = self.flow.sign_in_kdf(Some(slug), email).await.expect("parameters");
        let kdf: kept_seal::staff::Kdf = serde_json::from_str(&kdf).expect("parameters as JSON");
        kdf.derive(password).expect("derived").auth.to_base64url().to_string()
    }

    /// Somebody with a role, who signs in with `password`.
    pub async fn person(&self, email: &str, role: &'static str, password: &str, must_change: bool) -> StaffId {
        let new = NewPerson {
            name: "Sam Staff".to_owned(),
            email: email.to_owned(),
            role,
            locale: Locale::En,
            password: Some(password.to_owned()),
            must_change,
        };
        let by = crate::audit::Actor::Staff(self.staff);
        self.flow.add_person(self.practice, by, &new).await.expect("a person").id
    }

    /// A patient named "Pat Example".
    pub async fn patient(&self, birth_date: Option<NaiveDate>, locale: Option<Locale>) -> PatientId {
        let open = self.flow.practice(self.practice).await.expect("the practice opens");
        let id: PatientId = self.flow.new_id();
        let salt = row::new_salt().expect("random bytes");
        let plain = PatientPrivate {
            given: Some("Pat".to_owned()),
            family: Some("Example".to_owned()),
            name: "Pat Example".to_owned(),
            birth_date,
            external_id: Some(id.to_string()),
        };
        let patient = NewPatient {
            id,
            key_bix: open.keys.blind(Blind::PatientKey, &id.to_string()),
            salt,
            private: open.keys.seal(&salt, Place::new(id, 1), &plain).expect("sealed"),
            content_mac: open.keys.content_mac(id.to_string().as_bytes()),
            provisional: false,
            has_birth_date: birth_date.is_some(),
            locale,
        };
        let mut tx = self.flow.store.begin(Scope::Practice(self.practice)).await.expect("a transaction");
        tx.insert_patients(self.practice, &[patient], NOW).await.expect("inserted");
        tx.commit().await.expect("committed");
        id
    }

    /// A booked visit of half an hour.
    pub async fn visit(&self, patient: PatientId, start: Instant) -> AppointmentId {
        let open = self.flow.practice(self.practice).await.expect("the practice opens");
        let id: AppointmentId = self.flow.new_id();
        let mut tx = self.flow.store.begin(Scope::Practice(self.practice)).await.expect("a transaction");
        let salt = tx.patient_salt(self.practice, patient).await.expect("read").expect("the patient exists");
        let plain = AppointmentPrivate { external_id: None, bring: Some("Your insurance card".to_owned()) };
        let visit = NewVisit {
            id,
            patient,
            practitioner: None,
            location: self.location,
            visit_type: None,
            start,
            end: Some(start + chrono::Duration::minutes(30)),
            local_day: i64::from(day_number(start.local_day(chrono_tz::America::New_York))),
            booked_at: None,
            status: AppointmentStatus::Booked,
            status_at: NOW,
            outcome_by: None,
            cancelled_by: None,
            private: open.keys.seal(&salt, Place::new(id, 1), &plain).expect("sealed"),
        };
        tx.insert_visits(self.practice, self.flow.new_id::<SourceId>(), &[visit], NOW).await.expect("inserted");
        tx.commit().await.expect("committed");
        id
    }

    /// Gives a visit's patient an e-mail address to which mails may go.
    pub async fn mail_address(&self, visit: AppointmentId, address: &str) {
        let open = self.flow.practice(self.practice).await.expect("the practice opens");
        let mut tx = self.flow.store.begin(Scope::Practice(self.practice)).await.expect("a transaction");
        let row = tx.board_visit(self.practice, visit).await.expect("read").expect("the visit");
        let id: ContactPointId = self.flow.new_id();
        let plain = ContactPrivate { value: address.to_owned() };
        let new = NewContact {
            id,
            patient: row.patient,
            channel: Channel::Email,
            bix: open.keys.blind(Blind::Email, address),
            private: open.keys.seal(&row.salt, Place::new(id, 1), &plain).expect("sealed"),
            area_zones: None,
        };
        tx.insert_contacts(self.practice, &[new]).await.expect("inserted");
        tx.commit().await.expect("committed");
        let whose = Whose::Written(address);
        assert!(self.flow.record_opt_in(self.practice, whose, Heard::Desk, self.staff).await.expect("recorded"));
    }

    /// The carrier says that a number opted out there.
    pub async fn blocked_at_carrier(&self, number: &str) {
        let ledger = self.flow.consent_of(self.practice, number).await.expect("a number");
        let entry = NewConsent {
            bix: ledger.entries.last().expect("it has an entry").bix,
            channel: Channel::Sms,
            act: ConsentAct::Withdrawn,
            basis: ConsentBasis::Carrier,
            wording: "carrier.opted-out",
            locale: None,
            staff: None,
            import: None,
        };
        let mut tx = self.flow.store.begin(Scope::Practice(self.practice)).await.expect("a transaction");
        let now = self.flow.clock.civil();
        assert!(consent::withdraw(&self.flow, &mut tx, self.practice, now, &entry).await.expect("withdrawn"));
        tx.commit().await.expect("committed");
    }

    /// The blind index of an e-mail address.
    pub async fn address(&self, address: &str) -> BlindIndex {
        let open = self.flow.practice(self.practice).await.expect("the practice opens");
        open.keys.blind(Blind::Email, address)
    }

    /// The blind index of a number.
    pub async fn number(&self, e164: &str) -> BlindIndex {
        let open = self.flow.practice(self.practice).await.expect("the practice opens");
        open.keys.blind(Blind::Phone, e164)
    }

    /// The token of a mail to an address, as its "no more mail" address has it.
    pub async fn stop_mail_token(&self, address: &str, locale: Locale) -> String {
        let open = self.flow.practice(self.practice).await.expect("the practice opens");
        let bix = open.keys.blind(Blind::Email, address);
        open.keys.seal_opt_out(&kept_seal::OptOut { bix, locale }).expect("sealed")
    }

    /// A link to visits, as a notice makes one.
    pub async fn link(&self, visits: &[(AppointmentId, PatientId)]) -> (LinkId, LinkToken) {
        let token = LinkToken::generate().expect("random bytes");
        let id: LinkId = self.flow.new_id();
        let visits = (1..)
            .zip(visits)
            .map(|(ordinal, &(appointment, patient))| NewLinkVisit { appointment, patient, revision: 1, ordinal })
            .collect();
        let link = NewLink {
            id,
            auth_hash: token.auth_hash().0,
            notice: None,
            created_at: NOW,
            expires_at: NOW + crate::link::LONGEST,
            visits,
        };
        let mut tx = self.flow.store.begin(Scope::Practice(self.practice)).await.expect("a transaction");
        tx.insert_links(self.practice, &[link]).await.expect("inserted");
        tx.commit().await.expect("committed");
        (id, token)
    }
}

/// Every sealed value of one column of a practice, as it lies in the database.
pub async fn sealed_values<C: kept_store::Resealed>(flow: &Flow, practice: PracticeId) -> Vec<kept_store::OldCell<C>> {
    let mut tx = flow.store.read(Scope::Practice(practice)).await.expect("a transaction");
    // No key has this version: all values are under another.
    tx.old_cells::<C>(practice, u32::MAX, uuid::Uuid::nil(), 10_000).await.expect("read")
}

/// Every sealed value of one column, opened, as JSON: to look for what must not be there. Panics at one that does not open.
pub async fn opened_values<C: kept_store::Resealed>(flow: &Flow, practice: PracticeId) -> Vec<String> {
    let open = flow.practice(practice).await.expect("the practice opens");
    let json = |cell: kept_store::OldCell<C>| {
        let plain = open.keys.open(&cell.salt, Place::new(cell.row, cell.rev), &cell.cell).expect("it opens");
        format!("{}: {}", C::TABLE, serde_json::to_string(&plain).expect("it has a JSON form"))
    };
    sealed_values::<C>(flow, practice).await.into_iter().map(json).collect()
}

/// Whether a value opens under a salt, with the practice's keys.
pub async fn opens_under<C: kept_store::Resealed>(
    flow: &Flow,
    practice: PracticeId,
    salt: &kept_domain::Salt,
    cell: &kept_store::OldCell<C>,
) -> bool {
    let open = flow.practice(practice).await.expect("the practice opens");
    open.keys.open(salt, Place::new(cell.row, cell.rev), &cell.cell).is_ok()
}
