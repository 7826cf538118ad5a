//! A ready practice on a test database, with patients, visits and links as a test wants them.

use crate::setup::{NewPerson, NewPractice};
use crate::{Flow, FlowParts, MovableClock, RandomIds, Settings};
use chrono::NaiveDate;
use kept_domain::private::{AppointmentPrivate, PatientPrivate};
use kept_domain::time::day_number;
use kept_domain::{
    AppointmentId, AppointmentStatus, BlindIndex, Instant, LinkId, Locale, LocationId, PatientId, PracticeId,
    PracticeSettings, SourceId, StaffId,
};
use kept_render::Renderer;
use kept_seal::{Blind, KeyRing, LinkToken, Place, row};
use kept_store::{NewLink, NewLinkVisit, NewPatient, NewVisit, Scope, Store};
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

    /// The blind index of a telephone number, E.164.
    pub async fn number(&self, number: &str) -> BlindIndex {
        let open = self.flow.practice(self.practice).await.expect("the practice opens");
        open.keys.blind(Blind::Phone, number)
    }

    /// The blind index of an e-mail address.
    pub async fn address(&self, address: &str) -> BlindIndex {
        let open = self.flow.practice(self.practice).await.expect("the practice opens");
        open.keys.blind(Blind::Email, address)
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
