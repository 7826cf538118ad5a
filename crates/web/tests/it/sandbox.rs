//! A text goes out to the sandbox's phone and an answer comes back, over real HTTP, on both engines.

use kept_carrier::sandbox::{SandboxCarrier, Secret, Settings as CarrierSettings};
use kept_carrier::{AnyCarrier, Caller, Carriers, Line};
use kept_domain::{Answer, Channel, Instant, PracticeSettings};
use kept_flow::dispatch::Batch;
use kept_flow::intake::ImportRequest;
use kept_flow::sandbox::{MessageStatus, NotCalled, StatusEvent};
use kept_flow::testing::{NOW, World, flow_with};
use kept_store::testing::{TestDatabase, both};
use kept_store::{DatabaseUrl, Scope, Store};
use kept_web::sandbox::{Hand, Receipts, Sandbox, Switches};
use kept_web::{Settings, WebState, router};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const HEADER: &str =
    "Appt ID,Patient ID,Patient,DOB,Cell,Date,Time,Duration,Provider,Visit Type,Status,OK to text\n";
pub(crate) const OMAR: &str = "+12125550192";
pub(crate) const OMAR_ROW: &str =
    "3,P3,Omar Khan,1960-01-05,212-555-0192,2026-12-03,09:00,30,Amy Wong,Follow Up,Scheduled,Yes\n";
const LEE: &str = "+12125550191";
const LEE_ROWS: &str = "\
1,P1,Emma Lee,2015-09-23,(212) 555-0191,2026-12-04,10:00,30,Amy Wong,Flu Shot,Scheduled,Yes\n\
2,P2,Noah Lee,2017-01-05,212-555-0191,2026-12-04,10:30,30,Amy Wong,Flu Shot,Scheduled,Yes\n";

/// A practice whose texts go to a sandbox that listens on this machine.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) sandbox: Sandbox,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

impl Scene {
    pub(crate) async fn new(store: &Store, settings: PracticeSettings) -> Self {
        Self::behind(store, settings, None).await
    }

    /// The sandbox is the second line, behind `first`.
    pub(crate) async fn behind(store: &Store, settings: PracticeSettings, first: Option<AnyCarrier>) -> Self {
        // Whoever comes first installs the provider; the rest find it there.
        let _second = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let carrier = CarrierSettings {
            timeout: Duration::from_millis(500),
            ..CarrierSettings::new(format!("{url}/sandbox/carrier/messages"), Secret::new([9; 32]))
        };
        let carrier = AnyCarrier::Sandbox(SandboxCarrier::new(client.clone(), carrier));
        let lines = first.into_iter().chain([carrier]).map(|carrier| Line::new(carrier, Channel::Sms, 0));
        let carriers = Carriers::new(lines.collect());
        let (flow, clock) = flow_with(store, carriers, &url);
        let sandbox = Sandbox::new(Caller::new(client.clone(), Secret::new([9; 32])), Arc::clone(&clock) as _);
        let state = WebState::new(flow.clone(), Settings { public_url: url.clone(), demo: true });
        let app = router(state.with_sandbox(sandbox.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { world: World::over(flow, clock, settings).await, sandbox, url, client }
    }

    pub(crate) async fn import(&self, rows: &str) {
        let request = ImportRequest {
            practice: self.world.practice,
            file_name: "week.csv",
            content: format!("{HEADER}{rows}").into_bytes(),
            mapping: None,
            consent: None,
            staff: Some(self.world.staff),
            dry_run: false,
            progress: None,
            words: kept_flow::intake::RejectWords::default(),
        };
        self.world.flow.import(request).await.unwrap();
    }

    /// Plans and sends what is due, and waits for the receipts. Says how many went out.
    pub(crate) async fn settle(&self) -> usize {
        let done = self.world.flow.settle().await.unwrap();
        self.sandbox.quiet().await;
        self.world.flow.settle().await.unwrap();
        done.sent
    }

    async fn page(&self, path: &str) -> String {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// What followed from the webhooks that were acknowledged is done.
    pub(crate) async fn followed(&self) {
        self.world.flow.run_sweep("receipts").await.unwrap();
    }

    pub(crate) async fn answers(&self) -> Vec<Answer> {
        self.followed().await;
        let mut tx = self.world.flow.store.read(Scope::Practice(self.world.practice)).await.unwrap();
        let far = Instant::from_ms(NOW.as_ms() * 2);
        let ids = tx.visits_starting(self.world.practice, NOW, far).await.unwrap();
        tx.plan_visits(self.world.practice, &ids).await.unwrap().into_iter().map(|visit| visit.answer).collect()
    }

    pub(crate) async fn tasks(&self) -> Vec<String> {
        self.followed().await;
        let mut tx = self.world.flow.store.read(Scope::Practice(self.world.practice)).await.unwrap();
        let mut kinds: Vec<_> =
            tx.open_tasks(self.world.practice).await.unwrap().into_iter().map(|task| task.kind).collect();
        kinds.sort();
        kinds
    }

    pub(crate) fn received(&self, number: &str) -> usize {
        self.sandbox.phones().into_iter().find(|(own, _)| own == number).map_or(0, |(_, count)| count)
    }
}

#[tokio::test]
async fn a_text_goes_out_a_one_comes_back_and_the_visit_is_confirmed() {
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        scene.import(OMAR_ROW).await;
        assert_eq!(scene.settle().await, 1, "the booking is confirmed at once");
        assert_eq!(scene.received(OMAR), 1);
        let page = scene.page(&Sandbox::path_of(OMAR)).await;
        assert!(page.contains(&format!("href=\"{}/{}/l#", scene.url, scene.world.slug)), "{page}");
        assert!(!page.contains("Omar") && !page.contains("Wong") && !page.contains("Follow"), "nothing private");

        scene.sandbox.reply(OMAR, "Yes, thank you!").await.unwrap();
        assert_eq!(scene.answers().await, [Answer::Accepted]);
        assert_eq!(scene.settle().await, 1, "and it is said");
        scene.sandbox.reply(OMAR, "1").await.unwrap();
        assert_eq!(scene.tasks().await, [] as [&str; 0], "it was answered: nobody need read it again");
        assert_eq!(scene.world.flow.verify_audit(scene.world.practice).await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test]
async fn stop_is_heard_confirmed_once_and_kept() {
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        scene.import(OMAR_ROW).await;
        scene.settle().await;
        scene.sandbox.reply(OMAR, "Stop. Thank you").await.unwrap();
        assert_eq!(scene.settle().await, 1, "the confirmation, and nothing else");
        for text in ["STOP", "yes", "what?"] {
            scene.sandbox.reply(OMAR, text).await.unwrap();
        }
        let visit = Instant::from_ms(NOW.as_ms() + 11 * 86_400_000);
        let flow = &scene.world.flow;
        flow.advance(&scene.world.clock, visit, async |_| Ok(())).await.unwrap();
        assert_eq!(scene.received(OMAR), 2, "no reminder, no answer to a stopped number");
        assert_eq!(flow.verify_consents(scene.world.practice).await.unwrap().unwrap(), 2, "granted, withdrawn");

        scene.sandbox.reply(OMAR, "START").await.unwrap();
        assert_eq!(scene.settle().await, 1);
        assert_eq!(flow.verify_consents(scene.world.practice).await.unwrap().unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn two_open_questions_are_not_confirmed_by_one_yes() {
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        scene.import(LEE_ROWS).await;
        assert_eq!(scene.settle().await, 1, "one text for two children");
        scene.sandbox.reply(LEE, "1").await.unwrap();
        assert_eq!(scene.answers().await, [Answer::NeedsAction; 2]);
        assert_eq!(scene.settle().await, 1, "asks which, with a link");
        let page = scene.page(&Sandbox::path_of(LEE)).await;
        let link = format!("href=\"{}/{}/l#", scene.url, scene.world.slug);
        assert_eq!(page.matches(&link).count(), 2, "two texts, each with a link");
        scene.sandbox.reply(LEE, "???").await.unwrap();
        scene.sandbox.reply(LEE, "hello").await.unwrap();
        assert_eq!(scene.settle().await, 0, "one automatic answer in a quarter of an hour");
        assert_eq!(scene.tasks().await, ["reply", "reply"], "nobody need read the 1");
        scene.sandbox.reply(LEE, "I have chest pain").await.unwrap();
        assert_eq!(scene.settle().await, 1, "danger is answered whatever was said before");
        assert!(scene.tasks().await.contains(&"urgent".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_text_of_one_of_two_is_shown_with_its_number_and_both_names() {
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        scene.import(LEE_ROWS).await;
        scene.import(OMAR_ROW).await;
        scene.settle().await;
        scene.sandbox.reply(LEE, "yes but we will be late").await.unwrap();
        scene.followed().await;
        let board = scene.world.flow.board(scene.world.practice, scene.world.staff, None).await.unwrap();
        let [need] = board.needs.as_slice() else { panic!("{:?}", board.needs) };
        assert_eq!((need.visit.is_none(), need.patient.is_none()), (true, true), "whose it is, a person must find out");
        assert_eq!(need.number.as_ref().map(|number| number.0.as_str()), Some(LEE));
        let mut names: Vec<&str> = need.perhaps.iter().map(|name| name.0.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Emma Lee", "Noah Lee"]);
    })
    .await;
}

#[tokio::test]
async fn a_hand_over_that_times_out_is_one_text_under_one_key() {
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        scene.import(OMAR_ROW).await;
        scene.sandbox.set_switches(Switches { hand: Hand::TimeOut, ..Switches::default() });
        assert_eq!(scene.settle().await, 0);
        assert_eq!(scene.received(OMAR), 1, "it was taken, but we do not know");
        scene.sandbox.set_switches(Switches::default());
        let later = Instant::from_ms(NOW.as_ms() + 3_600_000);
        let done = scene.world.flow.advance(&scene.world.clock, later, async |_| Ok(())).await.unwrap();
        assert_eq!((done.sent, scene.received(OMAR)), (1, 1));
        scene.sandbox.reply(OMAR, "1").await.unwrap();
        assert_eq!(scene.answers().await, [Answer::Accepted]);
    })
    .await;
}

/// A due message, claimed by a program that waits for no lock.
async fn claimed_by_the_impatient(database: &TestDatabase) -> (Store, Scene, Batch) {
    let mut settings = database.settings.clone();
    let DatabaseUrl::Postgres(url) = &mut settings.url else { panic!("{settings:?}") };
    url.push_str("?options=-c%20lock_timeout%3D20ms");
    let store = Store::connect(&settings).await.unwrap();
    let scene = Scene::new(&store, PracticeSettings::default()).await;
    scene.import(OMAR_ROW).await;
    scene.world.flow.plan_sweep().await.unwrap();
    let batch = scene.world.flow.claim_due(10).await.unwrap().expect("the booking is due");
    (store, scene, batch)
}

#[tokio::test]
async fn what_was_handed_over_is_recorded_although_somebody_holds_a_lock() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let (store, scene, batch) = claimed_by_the_impatient(&database).await;
    let flow = &scene.world.flow;
    let armed = flow.arm_batch(flow.compose_batch(&batch).await.unwrap()).await.unwrap();
    let handed = flow.hand_over_batch(armed).await;

    let mut other = database.store.begin(Scope::Work).await.unwrap();
    other.lock_table_rows("notices").await.unwrap();
    let recording = flow.record_batch(handed);
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.commit().await.unwrap();
    };
    let (recorded, ()) = tokio::join!(recording, later);
    assert_eq!(recorded.unwrap().sent, 1, "what the carrier said is not lost");
    store.close().await;
    database.close().await;
}

#[tokio::test]
async fn a_batch_that_met_a_lock_is_given_back_and_goes_out_a_moment_later() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let (store, scene, batch) = claimed_by_the_impatient(&database).await;
    let flow = &scene.world.flow;
    // Arming counts what it says in the ledger's practice first.
    let mut other = database.store.begin(Scope::Work).await.unwrap();
    other.lock_table_rows("chain_heads").await.unwrap();
    let error = flow.dispatch_batch(batch).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    other.commit().await.unwrap();
    assert!(flow.claim_due(10).await.unwrap().is_none(), "not at once");
    scene.world.clock.set_civil(scene.world.flow.clock.civil() + kept_flow::dispatch::AFTER_FAULT);
    assert_eq!(flow.dispatch_due(10).await.unwrap().sent, 1);
    store.close().await;
    database.close().await;
}

#[tokio::test]
async fn what_is_not_delivered_is_shown_and_the_number_rests() {
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        scene.import(OMAR_ROW).await;
        scene.sandbox.set_switches(Switches { receipts: Receipts::Undelivered, ..Switches::default() });
        assert_eq!(scene.settle().await, 1);
        assert_eq!(scene.tasks().await, ["undelivered"]);
        scene.sandbox.set_switches(Switches::default());
        let visit = Instant::from_ms(NOW.as_ms() + 11 * 86_400_000);
        scene.world.flow.advance(&scene.world.clock, visit, async |_| Ok(())).await.unwrap();
        assert_eq!(scene.received(OMAR), 1, "nothing more goes to a number that cannot be reached");
    })
    .await;
}

#[tokio::test]
async fn forged_webhooks_and_foreign_pages_change_nothing() {
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        scene.import(OMAR_ROW).await;
        scene.settle().await;
        let forger = Caller::new(scene.client.clone(), Secret::new([8; 32]));
        let ours = Caller::new(scene.client.clone(), Secret::new([9; 32]));
        let hook = |slug: &str, kind: &str| format!("{}/hooks/sandbox/{slug}/{kind}", scene.url);
        let event = StatusEvent {
            event: "e".to_owned(),
            message: "m".to_owned(),
            status: MessageStatus::Delivered,
            code: None,
        };
        let slug = scene.world.slug.as_str();
        assert_eq!(forger.call(&hook(slug, "status"), NOW, &event).await, Err(NotCalled::Status(401)));
        let old = Instant::from_ms(NOW.as_ms() - 301_000);
        assert_eq!(ours.call(&hook(slug, "status"), old, &event).await, Err(NotCalled::Status(401)));
        assert_eq!(ours.call(&hook("nobody", "status"), NOW, &event).await, Err(NotCalled::Status(404)));
        assert_eq!(ours.call(&hook(slug, "inbound"), NOW, &event).await, Err(NotCalled::Status(400)));
        let long = "x".repeat(70_000);
        assert_eq!(ours.call(&hook(slug, "status"), NOW, &long).await, Err(NotCalled::Status(413)));
        assert_eq!(ours.call(&hook(slug, "status"), NOW, &event).await, Ok(()), "a stranger's message is kept aside");
        assert_eq!(scene.answers().await, [Answer::NeedsAction]);

        for (header, value) in [("host", "example.org"), ("origin", "https://example.org")] {
            let page = scene.client.get(format!("{}/sandbox/phone", scene.url)).header(header, value);
            assert_eq!(page.send().await.unwrap().status(), 403, "{header}");
        }
        let missing = scene.client.get(format!("{}/sandbox/phone/999", scene.url)).send().await.unwrap();
        assert_eq!(missing.status(), 404);
    })
    .await;
}
