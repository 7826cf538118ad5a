//! Who works here and where: an administrator adds people and places, and what is wrong is said in the form.

use crate::browser::Answer;
use crate::portal::{ADMIN, at_desk};
use http::StatusCode;
use kept_flow::audit::Actor;
use kept_flow::testing::World;
use kept_store::Store;
use kept_store::testing::both;

const DANA: [(&str, &str); 4] =
    [("name", "Dana Desk"), ("email", "dana@example.org"), ("role", "front-desk"), ("language", "es")];

fn password(page: &Answer) -> String {
    page.body.split_once("<code>").unwrap().1.split_once("</code>").unwrap().0.to_owned()
}

fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    DANA.iter().map(|&(own, was)| (own, if own == name { value } else { was })).collect()
}

#[tokio::test]
async fn a_colleague_is_added_and_signs_in_with_the_password_that_was_shown_once() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let mut admin = at_desk(&world, ADMIN).await;
        assert!(admin.get("/staff/settings").await.body.contains("href=\"/staff/people\""), "the way there");
        assert!(admin.get("/staff/people").await.words().contains("ann@example.org"));

        let made = admin.post("/staff/people", &DANA).await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.words());
        assert!(made.words().contains("The first password of Dana Desk"), "{}", made.words());
        let first = password(&made);
        let again = admin.get("/staff/people").await;
        assert!(!again.body.contains(&first), "it is shown once");
        assert!(again.words().contains("dana@example.org · front desk"), "{}", again.words());

        let mut dana = at_desk(&world, ("dana@example.org", &first)).await;
        let must = dana.get("/staff/today").await;
        assert_eq!(must.location(), "/staff/password", "a password of her own comes first");
        for (name, value, said) in [
            ("name", " ", "write a name"),
            ("email", "dana", "no e-mail address"),
            ("email", "DANA@example.org", "signs in with this address already"),
        ] {
            let refused = admin.post("/staff/people", &with(name, value)).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(refused.words().contains(said), "{}", refused.words());
            assert!(name == "name" || refused.body.contains(&format!("value=\"{value}\"")), "what was typed stays");
        }
        for (name, value) in [("role", "king"), ("language", "tlh")] {
            assert!(admin.post("/staff/people", &with(name, value)).await.status.is_client_error(), "{name}");
        }
        let by = Actor::Staff(world.staff);
        assert_eq!(world.flow.people(world.practice, by).await.unwrap().len(), 2, "nobody else was added");
    })
    .await;
}

#[tokio::test]
async fn a_manager_comes_to_the_report_and_chooses_the_language_of_the_pages() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        world.person("mo@example.org", "manager", "staple battery horse", false).await;
        let mut browser = at_desk(&world, ("mo@example.org", "staple battery horse")).await;
        assert_eq!(browser.get("/staff/today").await.location(), "/staff/report");
        assert!(browser.get("/staff/password").await.words().contains("Change your password"));
        let chosen = browser.post("/staff/language", &[("language", "es")]).await;
        assert_eq!(chosen.location(), "/staff/password");
        assert!(browser.get("/staff/password").await.words().contains("Cambiar su contraseña"));
        assert!(browser.post("/staff/language", &[("language", "tlh")]).await.status.is_client_error());
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_the_old_one_and_who_has_left_is_out() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let by = Actor::Staff(world.staff);
        let id = world.person("dana@example.org", "front-desk", "staple battery horse", false).await;
        let (mut admin, mut dana) =
            (at_desk(&world, ADMIN).await, at_desk(&world, ("dana@example.org", "staple battery horse")).await);
        assert_eq!(dana.get("/staff/today").await.status, StatusCode::OK);
        for path in ["/staff/people", "/staff/places", &format!("/staff/people/{id}/leave")] {
            assert_eq!(dana.post(path, &DANA).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(dana.get("/staff/people").await.status, StatusCode::FORBIDDEN);

        let renewed = admin.post(&format!("/staff/people/{id}/password"), &[]).await;
        assert!(renewed.words().contains("The first password of Sam Staff"), "{}", renewed.words());
        assert_ne!(dana.get("/staff/today").await.status, StatusCode::OK, "signed out everywhere");
        at_desk(&world, ("dana@example.org", &password(&renewed))).await;

        let gone = admin.post(&format!("/staff/people/{id}/leave"), &[]).await;
        assert_eq!(gone.location(), "/staff/people?said=left");
        let page = admin.get(gone.location()).await;
        assert!(page.words().contains("cannot sign in any more") && !page.words().contains("dana@example.org"));
        for what in ["leave", "password"] {
            let nobody = admin.post(&format!("/staff/people/{id}/{what}"), &[]).await;
            assert_eq!(nobody.status, StatusCode::NOT_FOUND, "{what}");
            assert_eq!(admin.post(&format!("/staff/people/x/{what}"), &[]).await.status, StatusCode::NOT_FOUND);
        }
        let last = admin.post(&format!("/staff/people/{}/leave", world.staff), &[]).await;
        assert_eq!(last.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(last.words().contains("nobody else could change settings"), "{}", last.words());
        assert_eq!(world.flow.people(world.practice, by).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_place_is_added_and_a_fault_keeps_what_was_typed() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let mut admin = at_desk(&world, ADMIN).await;
        let west = [("name", "Westside"), ("zone", "america/los angeles"), ("alias", ""), ("phone", "")];
        let added = admin.post("/staff/places", &west).await;
        assert_eq!(added.location(), "/staff/people?said=place");
        let page = admin.get(added.location()).await;
        assert!(page.words().contains("Westside America/Los_Angeles"), "{}", page.words());
        for (zone, name, said) in [
            ("America/Los_Angeles", "westside", "there is a location of that name"),
            ("Mars/Base", "East", "no such time zone"),
            ("America/Los_Angeles", "", "write a name"),
        ] {
            let form = [("name", name), ("zone", zone), ("alias", ""), ("phone", "(212) 555-0142")];
            let refused = admin.post("/staff/places", &form).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(refused.words().contains(said), "{}", refused.words());
            assert!(refused.body.contains("value=\"(212) 555-0142\""), "what was typed stays");
        }
    })
    .await;
}
