//! A practice over real HTTP on the loopback, that can be restarted at any moment.

use crate::carrier::StoryCarrier;
use axum::Router;
use kept_carrier::sandbox::{KEY_LIFE, SandboxCarrier, Secret, Settings as SandboxSettings};
use kept_carrier::{AnyCarrier, Caller, Carriers, Line};
use kept_domain::{Channel, Instant, Locale, PracticeId, PracticeSettings, StaffId};
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::{ImportOutcome, ImportRequest};
use kept_flow::setup::{NewPerson, NewPractice};
use kept_flow::{Flow, FlowParts, MovableClock, RandomIds, Settings};
use kept_render::Renderer;
use kept_seal::KeyRing;
use kept_store::Store;
use kept_store::testing::TestDatabase;
use kept_web::WebState;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::net::TcpListener;

const SECRET: [u8; 32] = [7; 32];

pub(crate) struct Practice {
    pub(crate) flow: Flow,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) carrier: StoryCarrier,
    pub(crate) id: PracticeId,
    pub(crate) staff: StaffId,
    ring: KeyRing,
    settings: kept_store::Settings,
    public_url: String,
    carrier_url: String,
    key_life: Option<Duration>,
    served: Arc<RwLock<Router>>,
}

impl Practice {
    /// A new practice in New York on an empty database, its clock standing at `start`.
    pub(crate) async fn open(database: &TestDatabase, start: Instant) -> Self {
        Self::with_carrier(database, start, Some(KEY_LIFE)).await
    }

    /// The same with a carrier that honours keys for so long, or not at all.
    pub(crate) async fn with_carrier(database: &TestDatabase, start: Instant, key_life: Option<Duration>) -> Self {
        // Whoever comes second finds it installed already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let clock = Arc::new(MovableClock::still(start));
        let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public_url = format!("http://{}", web.local_addr().unwrap());
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let carrier_url = format!("http://{}/messages", api.local_addr().unwrap());
        let carrier = StoryCarrier::new(Arc::clone(&clock), Caller::new(client(), Secret::new(SECRET)));
        let router = carrier.router();
        tokio::spawn(async move { axum::serve(api, router).await });
        let ring = KeyRing::ephemeral().unwrap();
        let flow = flow(database.store.clone(), &ring, &clock, &public_url, &carrier_url, key_life);
        let new = NewPractice {
            name: "Oak Street Family Medicine".to_owned(),
            alias: Some("Oak Street".to_owned()),
            phone: Some("+12125550100".to_owned()),
            time_zone: chrono_tz::America::New_York,
            settings: PracticeSettings::default(),
        };
        let admin = NewPerson {
            name: "Ann Admin".to_owned(),
            email: "ann@example.org".to_owned(),
            role: "administrator",
            locale: Locale::En,
            password: Some("correct horse battery".to_owned()),
            must_change: false,
        };
        let made = flow.create_practice(&new, &admin).await.unwrap();
        let served = Arc::new(RwLock::new(routes(&flow, &public_url)));
        let current = Arc::clone(&served);
        tokio::spawn(async move {
            // Each connection gets the router of the process that lives when it comes.
            let forward = Router::new().fallback(move |request: axum::extract::Request| {
                let router = current.read().unwrap().clone();
                async move { tower::ServiceExt::oneshot(router, request).await }
            });
            axum::serve(web, forward).await
        });
        Self {
            flow,
            clock,
            carrier,
            id: made.id,
            staff: made.admin.id,
            ring,
            settings: database.settings.clone(),
            public_url,
            carrier_url,
            key_life,
            served,
        }
    }

    /// The process dies and another begins: only the database and the key file remain.
    pub(crate) async fn restart(&mut self) {
        let store = Store::connect(&self.settings).await.unwrap();
        let old = std::mem::replace(
            &mut self.flow,
            flow(store, &self.ring, &self.clock, &self.public_url, &self.carrier_url, self.key_life),
        );
        *self.served.write().unwrap() = routes(&self.flow, &self.public_url);
        old.store.close().await;
    }

    /// Takes a schedule whose patients agreed to reminders.
    pub(crate) async fn import(&self, csv: &str) -> ImportOutcome {
        let request = ImportRequest {
            practice: self.id,
            file_name: "schedule.csv",
            content: csv.as_bytes().to_vec(),
            mapping: None,
            consent: Some(ConsentChoice::Declared),
            staff: Some(self.staff),
            dry_run: false,
            progress: None,
            words: kept_flow::intake::RejectWords::default(),
        };
        self.flow.import(request).await.unwrap()
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn flow(
    store: Store,
    ring: &KeyRing,
    clock: &Arc<MovableClock>,
    public_url: &str,
    carrier_url: &str,
    key_life: Option<Duration>,
) -> Flow {
    let settings = SandboxSettings { key_life, ..SandboxSettings::new(carrier_url.to_owned(), Secret::new(SECRET)) };
    let carrier = AnyCarrier::Sandbox(SandboxCarrier::new(client(), settings));
    Flow::new(FlowParts {
        store,
        ring: ring.clone(),
        render: Renderer::new().unwrap(),
        clock: Arc::<MovableClock>::clone(clock),
        ids: Arc::new(RandomIds),
        carriers: Carriers::new(vec![Line::new(carrier, Channel::Sms, 0)]),
        settings: Settings { public_url: public_url.to_owned() },
    })
}

fn routes(flow: &Flow, public_url: &str) -> Router {
    let settings = kept_web::Settings { public_url: public_url.to_owned(), demo: false };
    kept_web::router(WebState::new(flow.clone(), settings))
}
