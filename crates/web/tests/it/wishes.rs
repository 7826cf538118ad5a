//! "Reminders and language": the patient's own control, and what is recorded.

use crate::browser::{Answer, Browser};
use crate::portal::{ADMIN, Case, at_desk};
use http::StatusCode;
use kept_store::testing::both;
use kept_store::{Scope, Store};

/// A patient with a number that may get messages, inside.
async fn inside(store: &Store) -> (Case, Browser) {
    let case = Case::new(store).await;
    let world = &case.world;
    world.flow.enter_number(world.practice, world.staff, case.visit, "(212) 555-0142", true).await.unwrap();
    let browser = case.inside().await;
    (case, browser)
}

async fn decides(case: &Case, browser: &mut Browser, form: &[(&str, &str)]) -> Answer {
    let page = browser.get(&case.at("reminders")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.words());
    let link = page.hidden("link");
    let mut whole = vec![("link", link.as_str())];
    whole.extend_from_slice(form);
    let sent = browser.post(&case.at("reminders"), &whole).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.words());
    browser.get(sent.location()).await
}

#[tokio::test]
async fn one_tap_stops_all_reminders_and_one_tap_starts_them_again() {
    both(|store| async move {
        let (case, mut browser) = inside(&store).await;
        let visit = browser.get(&case.at("visit")).await;
        assert!(visit.words().contains("Reminders and language"), "{}", visit.words());
        assert!(!visit.words().contains("You stopped our messages"), "{}", visit.words());
        let page = browser.get(&case.at("reminders")).await;
        assert!(page.words().contains("The phone that ends in 0142 gets our messages."), "{}", page.words());
        assert!(!page.body.contains("5550142"), "never the whole number");
        assert!(page.words().contains("You said yes to messages. You told our staff."), "{}", page.words());
        assert!(!page.body.contains("Ann Admin"), "nobody of the practice is named");

        let page = decides(&case, &mut browser, &[("all", "stop")]).await;
        assert!(page.words().contains("All reminders have stopped."), "{}", page.words());
        assert!(page.words().contains("gets no messages."), "{}", page.words());
        assert!(page.words().contains("You stopped messages. You did it on this page."), "{}", page.words());
        let panel = case.world.flow.visit_panel(case.world.practice, case.world.staff, case.visit).await.unwrap();
        assert_eq!(panel.consents[0].wording, kept_flow::portal::WORDING_STOP);
        decides(&case, &mut browser, &[("all", "stop")]).await;
        let visit = browser.get(&case.at("visit")).await;
        assert!(visit.words().contains("You stopped our messages"), "{}", visit.words());
        let page = decides(&case, &mut browser, &[("all", "again")]).await;
        assert!(page.words().contains("You will get reminders again."), "{}", page.words());
        assert!(page.words().contains("You asked for messages again."), "{}", page.words());
        assert_eq!(
            case.world.flow.verify_consents(case.world.practice).await.unwrap(),
            Ok(3),
            "a second tap adds nothing"
        );
        assert_eq!(case.world.flow.verify_audit(case.world.practice).await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test]
async fn each_channel_stops_and_starts_by_itself() {
    both(|store| async move {
        let (case, mut browser) = inside(&store).await;
        case.world.mail_address(case.visit, "maria@example.org").await;
        let state = async |browser: &mut Browser| {
            let page = browser.get(&case.at("reminders")).await;
            (page.body.matches("name=\"stop\"").count(), page.body.matches("name=\"again\"").count())
        };
        assert_eq!(state(&mut browser).await, (2, 0));
        let page = decides(&case, &mut browser, &[("stop", "sms")]).await;
        assert!(page.words().contains("Those messages have stopped."), "{}", page.words());
        assert!(page.words().contains("The phone that ends in 0142 gets no messages."), "{}", page.words());
        assert!(page.words().contains("m…@example.org gets our messages."), "{}", page.words());
        assert_eq!(state(&mut browser).await, (1, 1), "texts alone can be started again");
        let page = decides(&case, &mut browser, &[("again", "sms")]).await;
        assert!(page.words().contains("The phone that ends in 0142 gets our messages."), "{}", page.words());
        assert_eq!(state(&mut browser).await, (2, 0));
        let panel = case.world.flow.visit_panel(case.world.practice, case.world.staff, case.visit).await.unwrap();
        assert_eq!(panel.consents[0].wording, kept_flow::portal::WORDING_AGAIN_ONE);
        decides(&case, &mut browser, &[("all", "stop")]).await;
        assert_eq!(state(&mut browser).await, (0, 2), "all at once as before");
    })
    .await;
}

#[tokio::test]
async fn after_a_carriers_block_a_restart_says_how_to_lift_it() {
    both(|store| async move {
        let (case, mut browser) = inside(&store).await;
        decides(&case, &mut browser, &[("all", "stop")]).await;
        let page = decides(&case, &mut browser, &[("all", "again")]).await;
        assert!(
            !page.words().contains("answer our last text with START"),
            "the carrier knows nothing of it: {}",
            page.words()
        );
        case.world.blocked_at_carrier("212-555-0142").await;
        let at = format!("/staff/visits/{}", case.visit);
        let mut desk = at_desk(&case.world, ADMIN).await;
        assert!(
            desk.get(&at).await.words().contains("answer our last text with START"),
            "before somebody restarts it at the desk"
        );
        let page = decides(&case, &mut browser, &[("all", "again")]).await;
        assert!(page.words().contains("answer our last text with START"), "{}", page.words());
        assert!(
            !browser.get(&case.at("reminders")).await.words().contains("answer our last text with START"),
            "said once"
        );

        // With a number of the location's own it is named.
        case.world.blocked_at_carrier("212-555-0142").await;
        let mut tx = case.world.flow.store.begin(Scope::Practice(case.world.practice)).await.unwrap();
        let mut location = tx.locations(case.world.practice).await.unwrap().remove(0);
        location.sender = Some("+14155550199".to_owned());
        tx.set_location(case.world.practice, &location).await.unwrap();
        tx.commit().await.unwrap();
        let sent = desk.post(&format!("{at}/consent"), &[("channel", "sms"), ("said", "again")]).await;
        let page = desk.get(sent.location()).await;
        assert!(page.words().contains("Ask the patient to text START to (415) 555-0199"), "{}", page.words());
    })
    .await;
}

#[tokio::test]
async fn a_visit_is_muted_and_the_language_is_kept_for_good() {
    both(|store| async move {
        let (case, mut browser) = inside(&store).await;
        let page = decides(&case, &mut browser, &[("visit", "1"), ("muted", "yes")]).await;
        assert!(page.words().contains("No reminders for this visit."), "{}", page.words());
        let wishes = case.world.flow.preference(case.world.practice, case.patient).await.unwrap();
        assert_eq!(wishes.muted, [case.visit]);
        let page = decides(&case, &mut browser, &[("visit", "1"), ("muted", "no")]).await;
        assert!(!page.words().contains("No reminders for this visit."), "{}", page.words());
        let page = decides(&case, &mut browser, &[("language", "es")]).await;
        assert!(page.words().contains("Desde ahora le escribimos en este idioma."), "{}", page.words());
        let wishes = case.world.flow.preference(case.world.practice, case.patient).await.unwrap();
        assert_eq!(wishes.locale, Some(kept_domain::Locale::Es));
    })
    .await;
}

#[tokio::test]
async fn only_who_is_inside_decides_and_only_with_our_words() {
    both(|store| async move {
        let (case, mut browser) = inside(&store).await;
        let mut stranger = Browser::new(&case.router);
        assert_eq!(stranger.get(&case.at("reminders")).await.status, StatusCode::FORBIDDEN);
        case.open(&mut stranger).await;
        assert_eq!(
            stranger.get(&case.at("reminders")).await.status,
            StatusCode::FORBIDDEN,
            "a link alone shows nothing"
        );
        let link = browser.get(&case.at("reminders")).await.hidden("link");
        let post = [("link", link.as_str()), ("all", "stop")];
        assert_eq!(
            stranger.post(&case.at("reminders"), &post).await.status,
            StatusCode::FORBIDDEN,
            "nor stops anything"
        );
        for wrong in [
            vec![("link", link.as_str())],
            vec![("link", "x"), ("all", "stop")],
            vec![("link", link.as_str()), ("language", "fr")],
            vec![("link", link.as_str()), ("visit", "1"), ("muted", "perhaps")],
        ] {
            let answer = browser.post(&case.at("reminders"), &wrong).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
        }
        let other = "00000000-0000-7000-8000-000000000000";
        let answer = browser.post(&case.at("reminders"), &[("link", other), ("all", "stop")]).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "another tab's link");
        let missing =
            browser.post(&case.at("reminders"), &[("link", link.as_str()), ("visit", "9"), ("muted", "yes")]).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        assert_eq!(case.world.flow.verify_consents(case.world.practice).await.unwrap(), Ok(1), "nothing was recorded");
    })
    .await;
}
