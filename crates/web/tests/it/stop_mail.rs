//! "No more mail": fetching the address changes nothing, pressing its button does, and so does a mail provider's.

use crate::browser::Browser;
use crate::portal::web;
use axum::Router;
use http::{Method, StatusCode};
use kept_domain::{Channel, Locale};
use kept_flow::testing::World;
use kept_store::testing::both;
use kept_store::{Scope, Store};

const ADDRESS: &str = "lee@example.org";

async fn scene(store: &Store, locale: Locale) -> (World, Router, String) {
    let world = World::new(store).await;
    let token = world.stop_mail_token(ADDRESS, locale).await;
    let path = format!("/{}/u/{token}", world.slug);
    let router = web(&world);
    (world, router, path)
}

async fn stands(world: &World) -> Option<String> {
    let bix = world.address(ADDRESS).await;
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    tx.consent_now(world.practice, Channel::Email, &[bix]).await.unwrap().pop().map(|now| now.act)
}

#[tokio::test]
async fn fetching_ten_thousand_times_changes_nothing_and_one_press_stops_mail() {
    both(|store| async move {
        let (world, router, path) = scene(&store, Locale::Es).await;
        let counts = async || store.read(Scope::Work).await.unwrap().row_counts().await.unwrap();
        let before = counts().await;
        let mut browser = Browser::new(&router);
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.words().contains("¿No quiere más correos?"), "in the language of the mail: {}", page.words());
        assert_eq!(page.body.matches("<button").count(), 1);
        assert!(page.headers.get("set-cookie").is_none());
        let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
        for turn in 0..10_000 {
            let method = if turn % 2 == 0 { Method::GET } else { Method::HEAD };
            assert_eq!(browser.send(method, &path, &[]).await.status, StatusCode::OK);
        }
        assert_eq!(counts().await, before);
        assert_eq!(stands(&world).await, None);

        browser.fetch_site = Some("same-origin");
        let done = browser.post(&path, &[]).await;
        assert_eq!(done.status, StatusCode::OK);
        assert!(done.words().contains("No habrá más correos"), "{}", done.words());
        assert_eq!(stands(&world).await.as_deref(), Some("withdrawn"));
        let after = counts().await;
        assert_eq!(browser.post(&path, &[]).await.status, StatusCode::OK, "again is no error");
        assert_eq!(counts().await, after, "and no second entry");
        assert_eq!(world.flow.verify_consents(world.practice).await.unwrap(), Ok(1));
    })
    .await;
}

#[tokio::test]
async fn a_mail_provider_stops_it_with_one_request() {
    both(|store| async move {
        let (world, router, path) = scene(&store, Locale::En).await;
        let mut provider = Browser::new(&router);
        provider.fetch_site = Some("cross-site");
        let done = provider.post(&path, &[("List-Unsubscribe", "One-Click")]).await;
        assert_eq!(done.status, StatusCode::OK, "no cookie, no page before it, from anywhere");
        assert_eq!(stands(&world).await.as_deref(), Some("withdrawn"));
        assert_eq!(world.flow.verify_audit(world.practice).await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test]
async fn a_token_stops_its_own_address_at_its_own_practice_only() {
    both(|store| async move {
        let (world, router, path) = scene(&store, Locale::En).await;
        let mut browser = Browser::new(&router);
        let mut bent = path.clone();
        let last = if bent.pop() == Some('A') { 'E' } else { 'A' };
        bent.push(last);
        let elsewhere = path.replacen(&world.slug, "elsewhere", 1);
        for wrong in [bent, elsewhere, format!("/{}/u/x", world.slug), format!("{path}{}", "A".repeat(4_000))] {
            for method in [Method::GET, Method::POST] {
                let answer = browser.send(method, &wrong, &[]).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{wrong}");
                assert!(answer.body.contains("<html"), "a page that a person can read");
            }
        }
        assert_eq!(stands(&world).await, None);
        assert_eq!(browser.send(Method::DELETE, &path, &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    })
    .await;
}
