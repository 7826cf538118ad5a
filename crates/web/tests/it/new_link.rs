//! "Text me a new link": everybody gets the same answer, and a text goes only where one may.

use crate::browser::{Answer, Browser};
use crate::portal::{birth, web};
use crate::sandbox::{OMAR, OMAR_ROW, Scene};
use chrono::Duration;
use http::StatusCode;
use kept_domain::{Channel, PracticeSettings};
use kept_flow::Clock as _;
use kept_flow::reply::asked::{MAX_ASKS_PER_CLIENT, MAX_ASKS_PER_NUMBER, NUMBER_WINDOW};
use kept_flow::testing::{NOW, World, auth_of_link};
use kept_store::testing::both;
use kept_store::{Scope, Store};
use std::collections::BTreeSet;

const STRANGER: &str = "(212) 555-0177";

/// A patient who was told of a visit.
async fn told(store: &Store) -> Scene {
    let scene = Scene::new(store, PracticeSettings::default()).await;
    scene.import(OMAR_ROW).await;
    assert_eq!(scene.settle().await, 1);
    scene
}

/// Asks as the page does, and waits for what follows.
async fn ask(scene: &Scene, number: &str, client: &str) -> bool {
    let (flow, practice) = (&scene.world.flow, scene.world.practice);
    match flow.ask_link(practice, number, client).await.unwrap() {
        Some(asked) => flow.text_asked_link(practice, &asked).await.unwrap(),
        None => false,
    }
}

fn wait(scene: &Scene, length: Duration) {
    scene.world.clock.set_civil(scene.world.clock.civil() + length);
}

async fn proved(scene: &Scene) {
    let proof = scene.world.flow.prove_consent(scene.world.practice, |found| panic!("{found:?}")).await.unwrap();
    assert!(proof.is_clean());
}

#[tokio::test]
async fn a_told_patient_gets_a_link_that_opens_and_not_two_at_once() {
    both(|store| async move {
        let scene = told(&store).await;
        assert!(ask(&scene, "212-555-0192", "a").await);
        assert!(!ask(&scene, OMAR, "b").await, "one in a quarter of an hour, however the number is written");
        assert_eq!(scene.settle().await, 1);
        assert_eq!(scene.received(OMAR), 2);
        let phone = scene.client.get(format!("{}{}", scene.url, kept_web::sandbox::Sandbox::path_of(OMAR)));
        let page = phone.send().await.unwrap().text().await.unwrap();
        let secret = |rest: &str| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        let links: BTreeSet<String> = page.split("/l#").skip(1).map(secret).collect();
        assert_eq!(links.len(), 2, "{page}");
        let router = web(&scene.world);
        for link in links {
            let open = format!("/{}/open", scene.world.slug);
            let opened = Browser::new(&router).post(&open, &[("auth", &auth_of_link(&link))]).await;
            assert!(opened.location().ends_with("/identify"), "{} {}", opened.status, opened.body);
        }
        proved(&scene).await;
    })
    .await;
}

#[tokio::test]
async fn a_number_and_a_client_can_ask_so_often_only() {
    both(|store| async move {
        let scene = told(&store).await;
        for turn in 0..MAX_ASKS_PER_NUMBER {
            assert!(ask(&scene, OMAR, "a").await, "{turn}");
            scene.settle().await;
            wait(&scene, Duration::minutes(16));
        }
        assert!(!ask(&scene, OMAR, "b").await, "enough for a day");
        wait(&scene, NUMBER_WINDOW);
        assert!(ask(&scene, OMAR, "b").await);

        wait(&scene, NUMBER_WINDOW);
        for turn in 0..MAX_ASKS_PER_CLIENT {
            assert!(!ask(&scene, &format!("212-555-01{turn:02}"), "c").await, "nobody's number");
        }
        assert!(!ask(&scene, OMAR, "c").await, "whoever tries numbers out gets nothing more");
        assert!(ask(&scene, OMAR, "d").await, "and uses up nothing of the patient's");
    })
    .await;
}

#[tokio::test]
async fn who_was_told_of_nothing_or_wants_nothing_gets_nothing() {
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        scene.import(OMAR_ROW).await;
        assert!(!ask(&scene, OMAR, "a").await, "a visit that nobody was told of");
        scene.settle().await;
        assert!(!ask(&scene, STRANGER, "a").await);
        assert!(!ask(&scene, "no number at all", "a").await);
        scene.sandbox.reply(OMAR, "STOP").await.unwrap();
        scene.settle().await;
        wait(&scene, Duration::minutes(16));
        assert!(!ask(&scene, OMAR, "a").await, "opted out");

        let scene = told(&store).await;
        let bix = scene.world.number(OMAR).await;
        let mut tx = store.begin(Scope::Practice(scene.world.practice)).await.unwrap();
        tx.suspend_number(scene.world.practice, Channel::Sms, bix, "wrong-number").await.unwrap();
        tx.commit().await.unwrap();
        assert!(!ask(&scene, OMAR, "a").await, "suspended");
        assert_eq!(scene.received(OMAR), 1);
    })
    .await;
}

#[tokio::test]
async fn at_night_the_text_waits_and_a_stop_meanwhile_is_heard() {
    both(|store| async move {
        for stop in [false, true] {
            let scene = told(&store).await;
            wait(&scene, Duration::hours(13)); // 23:00
            assert!(ask(&scene, OMAR, "a").await);
            scene.settle().await;
            assert_eq!(scene.received(OMAR), 1, "nobody knows who asked: hours hold");
            if stop {
                scene.sandbox.reply(OMAR, "STOP").await.unwrap();
                scene.settle().await;
                assert_eq!(scene.received(OMAR), 2, "the confirmation");
            }
            wait(&scene, Duration::hours(9) + Duration::minutes(5)); // 8:05
            scene.settle().await;
            assert_eq!(scene.received(OMAR), 2, "the link, or nothing after a stop");
            proved(&scene).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_answer_is_the_same_for_everybody() {
    both(|store| async move {
        let scene = told(&store).await;
        let at = |rest: &str| format!("/{}/{rest}", scene.world.slug);
        let router = web(&scene.world);
        let mut answers = Vec::new();
        for number in [OMAR, STRANGER, "", "who?", &"9".repeat(500), "+12125550192"] {
            let mut browser = Browser::new(&router);
            let sent = browser.post(&at("new-link"), &[("number", number)]).await;
            assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, at("new-link/asked").as_str()));
            let page = browser.get(sent.location()).await;
            assert!(page.words().contains("please call us") && page.body.contains("tel:"), "{}", page.body);
            answers.push((sent.body, sent.headers, page.body, page.headers));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        for _ in 0..100 {
            if scene.settle().await > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(scene.received(OMAR), 2, "and yet the one who may gets the link");
    })
    .await;
}

#[tokio::test]
async fn pages_of_links_that_do_not_work_offer_a_new_one() {
    both(|store| async move {
        let world = World::new(&store).await;
        world.visit(world.patient(Some(birth()), None).await, NOW + Duration::days(1)).await;
        let mut browser = Browser::new(&web(&world));
        let form = format!("action=\"/{}/new-link\"", world.slug);
        let dead = browser.post(&format!("/{}/open", world.slug), &[("auth", "x")]).await;
        let closed = browser.get(&format!("/{}/visit", world.slug)).await;
        let lost = browser.get(&format!("/{}/what", world.slug)).await;
        let asked = browser.get(&format!("/{}/new-link", world.slug)).await;
        for page in [&dead, &closed, &lost, &asked] {
            assert!(page.body.contains(&form) && page.body.contains("tel:"), "{}", page.body);
        }
        browser.language = "es";
        let spanish = browser.get(&format!("/{}/new-link", world.slug)).await;
        assert!(spanish.words().contains("Envíenme un enlace nuevo"), "{}", spanish.words());
        for elsewhere in ["/nobody/visit", "/nobody/new-link", "/staff/nothing"] {
            let Answer { body, .. } = browser.get(elsewhere).await;
            assert!(!body.contains("/new-link\""), "{elsewhere}: no practice, no form");
        }
        let not_me = browser.get(&format!("/{}/not-me", world.slug)).await;
        assert!(!not_me.body.contains(&form), "whoever got it by mistake needs none");
    })
    .await;
}
