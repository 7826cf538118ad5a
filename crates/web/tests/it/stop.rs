//! Who wants no more messages need have no visit here.

use crate::portal::{ADMIN, at_desk};
use http::StatusCode;
use kept_flow::testing::World;
use kept_store::Store;
use kept_store::testing::both;

#[tokio::test]
async fn a_number_or_address_is_stopped_at_the_desk_without_a_visit() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let mut browser = at_desk(&world, ADMIN).await;
        assert!(browser.get("/staff/messages").await.words().contains("Stop messages"));
        let page = browser.get("/staff/stop").await;
        assert!(page.words().contains("whether they have a visit or not"), "{}", page.words());
        for (number, said) in [
            ("(212) 555-0142", "stopped"),
            ("+1 212 555 0142", "nothing"),
            ("Ann@Example.org ", "stopped"),
            ("<ann@example.org>", "nothing"),
        ] {
            let sent = browser.post("/staff/stop", &[("number", number), ("said", "voicemail")]).await;
            assert_eq!(sent.location(), format!("/staff/stop?said={said}"), "{number}");
        }
        let page = browser.get("/staff/stop?said=stopped").await;
        assert!(page.words().contains("Written down. No more reminders go there"), "{}", page.words());
        for wrong in ["", "ann", "12", "Ann <ann@example.org>", "@", "ann@", "a@example.org, b@example.org"] {
            let page = browser.post("/staff/stop", &[("number", wrong), ("said", "mail")]).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
            assert!(page.words().contains("nothing was stopped"), "{wrong}: {}", page.words());
        }
        let unheard = browser.post("/staff/stop", &[("number", "(212) 555-0143"), ("said", "dream")]).await;
        assert!(unheard.status.is_client_error());
        assert_eq!(world.flow.verify_consents(world.practice).await.unwrap(), Ok(2), "each once, and nothing else");
        for written in ["212-555-0142", "ann@example.org"] {
            let ledger = world.flow.consent_of(world.practice, written).await.unwrap();
            let last = ledger.entries.last().unwrap();
            assert_eq!((last.act.as_str(), last.wording.as_str()), ("withdrawn", "desk.opt-out.voicemail"));
            assert_eq!(last.locale.as_deref(), Some("en"), "in the language of the page that was read");
        }
    })
    .await;
}
