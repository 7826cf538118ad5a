//! Two lines: the second is for what the first certainly did not take, and what may have gone out is never sent again.

use crate::sandbox::{OMAR, OMAR_ROW, Scene};
use kept_carrier::AnyCarrier;
use kept_carrier::sandbox::{SandboxCarrier, Secret, Settings};
use kept_domain::{Instant, NoticeId, PracticeSettings};
use kept_flow::testing::NOW;
use kept_store::Scope;
use kept_store::testing::both;
use kept_web::sandbox::{Hand, Switches};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::net::TcpListener;

/// A first line at an address, called `first`.
fn first(url: &str, key_life: Option<Duration>) -> AnyCarrier {
    let settings = Settings::new(url.to_owned(), Secret::new([9; 32]));
    let settings = Settings { name: "first", key_life, timeout: Duration::from_millis(300), ..settings };
    AnyCarrier::Sandbox(SandboxCarrier::new(client(), settings))
}

pub(crate) fn client() -> reqwest::Client {
    // Whoever comes first installs the provider; the rest find it there.
    let _second = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Takes every connection and answers none.
async fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(socket);
        }
    });
    url
}

impl Scene {
    /// Each attempt at the one notice there is: which line, and how it ended.
    pub(crate) async fn attempts(&self) -> Vec<(String, String)> {
        let practice = self.world.practice;
        let far = Instant::from_ms(NOW.as_ms() * 2);
        let mut tx = self.world.flow.store.read(Scope::Practice(practice)).await.unwrap();
        let visits = tx.visits_starting(practice, NOW, far).await.unwrap();
        let reminders = tx.plan_reminders(practice, &visits).await.unwrap();
        let notices: BTreeSet<NoticeId> =
            reminders.into_iter().filter_map(|reminder| reminder.notice.map(|notice| notice.id)).collect();
        let attempts = tx.attempts_of(practice, &notices.into_iter().collect::<Vec<_>>()).await.unwrap();
        let ended = |end: Option<String>| end.unwrap_or_default();
        attempts.into_iter().map(|attempt| (attempt.carrier, ended(attempt.outcome))).collect()
    }

    async fn an_hour(&self) {
        let later = Instant::from_ms(NOW.as_ms() + 3_600_000);
        self.world.flow.advance(&self.world.clock, later, async |_| Ok(())).await.unwrap();
        self.world.flow.reconcile().await.unwrap();
    }
}

pub(crate) fn tried(attempts: &[(&str, &str)]) -> Vec<(String, String)> {
    attempts.iter().map(|(line, end)| ((*line).to_owned(), (*end).to_owned())).collect()
}

#[tokio::test]
async fn a_refused_connection_is_certain_and_the_second_line_takes_it_at_once() {
    both(|store| async move {
        let scene = Scene::behind(&store, PracticeSettings::default(), Some(first("http://127.0.0.1:1/", None))).await;
        scene.import(OMAR_ROW).await;
        assert_eq!(scene.settle().await, 1);
        assert_eq!(scene.received(OMAR), 1);
        assert_eq!(scene.attempts().await, tried(&[("first", "retry"), ("sandbox", "accepted")]));
        assert_eq!(scene.tasks().await, [] as [&str; 0]);
    })
    .await;
}

#[tokio::test]
async fn silence_without_keys_is_asked_about_and_never_for_the_second_line() {
    both(|store| async move {
        let scene = Scene::behind(&store, PracticeSettings::default(), Some(first(&silent().await, None))).await;
        scene.import(OMAR_ROW).await;
        scene.settle().await;
        scene.an_hour().await;
        assert_eq!(scene.attempts().await, tried(&[("first", "unknown")]));
        assert_eq!((scene.received(OMAR), scene.tasks().await), (0, vec!["uncertain".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn silence_with_keys_stays_with_its_line_until_a_person_looks() {
    both(|store| async move {
        let line = first(&silent().await, Some(Duration::from_mins(30)));
        let scene = Scene::behind(&store, PracticeSettings::default(), Some(line)).await;
        scene.import(OMAR_ROW).await;
        scene.settle().await;
        scene.an_hour().await;
        // Asked again and again while the key would be known, and nobody else is asked, nor it itself any later.
        let attempts = scene.attempts().await;
        let unknown = attempts.iter().filter(|(_, end)| end == "unknown").count();
        assert!(unknown >= 2 && attempts[0].1 == "unknown", "{attempts:?}");
        assert!(attempts.iter().all(|(line, end)| line == "first" && end != "accepted"), "{attempts:?}");
        assert_eq!((scene.received(OMAR), scene.tasks().await), (0, vec!["uncertain".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn who_opted_out_at_the_carrier_is_opted_out_here() {
    both(|store| async move {
        for (hand, consents) in [(Hand::OptedOut, 2), (Hand::Unreachable, 1)] {
            let scene = Scene::new(&store, PracticeSettings::default()).await;
            scene.import(OMAR_ROW).await;
            scene.sandbox.set_switches(Switches { hand, ..Switches::default() });
            scene.settle().await;
            scene.sandbox.set_switches(Switches::default());
            let flow = &scene.world.flow;
            let visit = Instant::from_ms(NOW.as_ms() + 11 * 86_400_000);
            flow.advance(&scene.world.clock, visit, async |_| Ok(())).await.unwrap();
            assert_eq!(scene.received(OMAR), 0, "{hand:?}: nothing more goes there");
            let entries = flow.verify_consents(scene.world.practice).await.unwrap().unwrap();
            assert_eq!(entries, consents, "{hand:?}: granted, and withdrawn once");
            assert_eq!(scene.tasks().await, ["undelivered"]);
        }
    })
    .await;
}
