//! Rows of the design's table "Consent and opt-out", from the phone to the ledger; docs/MESSAGING.md names them.

use super::sandbox::{OMAR, OMAR_ROW, Scene};
use kept_carrier::Caller;
use kept_carrier::sandbox::{ReplyEvent, Secret};
use kept_domain::{Instant, PracticeSettings};
use kept_flow::consent::{Heard, Whose};
use kept_flow::testing::NOW;
use kept_store::testing::both;
use kept_store::{Scope, Store};

/// Monday 2026-11-23, 23:00 in New York.
const NIGHT: Instant = Instant::from_ms(NOW.as_ms() + 13 * 3_600_000);
/// The day of the visit.
const VISIT_DAY: Instant = Instant::from_ms(NOW.as_ms() + 11 * 86_400_000);

/// Omar has got the text about his booking.
pub(crate) async fn told(store: &Store) -> Scene {
    let scene = Scene::new(store, PracticeSettings::default()).await;
    scene.import(OMAR_ROW).await;
    assert_eq!(scene.settle().await, 1);
    scene
}

async fn acts(scene: &Scene) -> Vec<String> {
    scene.followed().await;
    let ledger = scene.world.flow.consent_of(scene.world.practice, OMAR).await.unwrap();
    ledger.entries.into_iter().map(|entry| entry.act).collect()
}

/// Lives through all that was planned; nothing may have gone against the ledger.
async fn live_on(scene: &Scene) {
    let flow = &scene.world.flow;
    flow.advance(&scene.world.clock, VISIT_DAY, async |_| Ok(())).await.unwrap();
    let mut found = Vec::new();
    let proof = flow.prove_consent(scene.world.practice, |finding| found.push(finding.clone())).await.unwrap();
    assert!(proof.is_clean() && found.is_empty(), "{found:?}");
    assert_eq!(proof.waiting, 0);
}

/// A text whose carrier tells more than the page's phone does.
async fn write(scene: &Scene, event: &str, to: Option<&str>, text: &str, opt_out_confirmed: bool) {
    let reply = ReplyEvent {
        event: event.to_owned(),
        from: OMAR.to_owned(),
        to: to.map(str::to_owned),
        text: text.to_owned(),
        media: false,
        opt_out_confirmed,
    };
    post(scene, &reply).await;
}

/// The same, with everything about it.
pub(crate) async fn post(scene: &Scene, reply: &ReplyEvent) {
    let hook = format!("{}/hooks/sandbox/{}/inbound", scene.url, scene.world.slug);
    let wall = kept_flow::Clock::wall(&*scene.world.clock);
    Caller::new(scene.client.clone(), Secret::new([9; 32])).call(&hook, wall, reply).await.unwrap();
}

#[tokio::test]
async fn an_opt_out_is_confirmed_once_and_at_night_too() {
    both(|store| async move {
        let scene = told(&store).await;
        scene.world.clock.set_civil(NIGHT);
        scene.sandbox.reply(OMAR, "please stop texting me").await.unwrap();
        assert_eq!((scene.settle().await, scene.received(OMAR)), (1, 2), "quiet hours do not apply to it");
        scene.sandbox.reply(OMAR, "STOP").await.unwrap();
        assert_eq!(scene.settle().await, 0, "one is enough");
        assert_eq!(scene.tasks().await, [] as [&str; 0], "and nobody need read it");
        live_on(&scene).await;
        assert_eq!(scene.received(OMAR), 2);
        assert_eq!(acts(&scene).await, ["granted", "withdrawn"]);
    })
    .await;
}

#[tokio::test]
async fn an_opt_out_that_the_gateway_confirmed_is_not_confirmed_again() {
    both(|store| async move {
        let scene = told(&store).await;
        write(&scene, "g1", None, "STOP", true).await;
        assert_eq!((scene.settle().await, scene.received(OMAR)), (0, 1));
        assert_eq!(acts(&scene).await, ["granted", "withdrawn"]);
        live_on(&scene).await;
        assert_eq!(scene.received(OMAR), 1);
    })
    .await;
}

#[tokio::test]
async fn a_confirmation_that_would_be_late_is_not_sent() {
    both(|store| async move {
        let scene = told(&store).await;
        // Six minutes without a worker: the text is followed, its confirmation would puzzle.
        scene.sandbox.reply(OMAR, "stop").await.unwrap();
        scene.world.clock.set_civil(Instant::from_ms(NOW.as_ms() + 6 * 60_000));
        assert_eq!((scene.settle().await, scene.received(OMAR)), (0, 1));
        live_on(&scene).await;
    })
    .await;
}

#[tokio::test]
async fn a_bare_cancel_opts_out_and_a_person_is_asked() {
    both(|store| async move {
        let scene = told(&store).await;
        scene.sandbox.reply(OMAR, "CANCEL").await.unwrap();
        assert_eq!(scene.settle().await, 1, "confirmed as any opt-out is");
        assert_eq!(acts(&scene).await, ["granted", "withdrawn"]);
        assert_eq!(scene.tasks().await, ["opt-out-ask"]);
        live_on(&scene).await;
        assert_eq!(scene.received(OMAR), 2);
    })
    .await;
}

#[tokio::test]
async fn cancelling_the_visit_by_text_is_a_task_and_no_opt_out() {
    both(|store| async move {
        let scene = told(&store).await;
        scene.sandbox.reply(OMAR, "cancel my appointment").await.unwrap();
        assert_eq!(scene.settle().await, 1, "the link to do it");
        assert_eq!(
            (acts(&scene).await, scene.tasks().await),
            (vec!["granted".to_owned()], vec!["cannot-come".to_owned()])
        );
    })
    .await;
}

#[tokio::test]
async fn what_was_said_at_the_desk_or_on_the_machine_has_the_same_effect() {
    both(|store| async move {
        let scene = told(&store).await;
        let (flow, practice, staff) = (&scene.world.flow, scene.world.practice, scene.world.staff);
        let whose = Whose::Written("212-555-0192");
        assert!(flow.record_opt_out(practice, whose, Heard::Voicemail, staff).await.unwrap());
        let ledger = flow.consent_of(practice, OMAR).await.unwrap();
        let last = ledger.entries.last().unwrap();
        assert_eq!((last.act.as_str(), last.basis.as_str()), ("withdrawn", "desk"));
        assert_eq!((last.wording.as_str(), last.staff), ("desk.opt-out.voicemail", Some(staff)));
        live_on(&scene).await;
        assert_eq!(scene.received(OMAR), 1);
    })
    .await;
}

#[tokio::test]
async fn only_start_restores_and_a_yes_does_not() {
    both(|store| async move {
        let scene = told(&store).await;
        scene.sandbox.reply(OMAR, "stop").await.unwrap();
        scene.settle().await;
        for text in ["yes", "YES", "1", "resubscribe me", "unsubscribe"] {
            scene.sandbox.reply(OMAR, text).await.unwrap();
        }
        assert_eq!((scene.settle().await, acts(&scene).await.len()), (0, 2));
        scene.sandbox.reply(OMAR, "UNSTOP").await.unwrap();
        assert_eq!(acts(&scene).await, ["granted", "withdrawn", "restored"]);
        let ledger = scene.world.flow.consent_of(scene.world.practice, OMAR).await.unwrap();
        let languages: Vec<_> = ledger.entries.iter().map(|entry| entry.locale.as_deref()).collect();
        assert_eq!(languages, [None, Some("en"), Some("en")], "of a column nobody knows it");
        live_on(&scene).await;
        assert!(scene.received(OMAR) > 3, "reminders go on");
    })
    .await;
}

#[tokio::test]
async fn help_says_who_and_how_to_stop_and_changes_nothing() {
    both(|store| async move {
        let scene = told(&store).await;
        for text in ["HELP", "info"] {
            scene.sandbox.reply(OMAR, text).await.unwrap();
        }
        assert_eq!(scene.settle().await, 1, "once in a quarter of an hour");
        assert_eq!((acts(&scene).await.len(), scene.tasks().await.len()), (1, 0));
        let page = kept_web::sandbox::Sandbox::path_of(OMAR);
        let page = scene.client.get(format!("{}{page}", scene.url)).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("Oak Street") && page.contains("STOP") && page.contains("555"), "{page}");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_number_is_suspended_its_links_end_and_a_person_is_told() {
    both(|store| async move {
        let scene = told(&store).await;
        scene.sandbox.reply(OMAR, "who is this? wrong number").await.unwrap();
        assert_eq!(scene.settle().await, 0, "to a stranger nothing more is said");
        let (flow, practice) = (&scene.world.flow, scene.world.practice);
        let ledger = flow.consent_of(practice, OMAR).await.unwrap();
        assert_eq!(ledger.suspended.as_deref(), Some("wrong-number"));
        assert_eq!(scene.tasks().await, ["wrong-number"]);
        let open = flow.consent_of(practice, OMAR).await.unwrap().entries[0].bix;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let left = tx.revoke_links_of_contact(practice, open, "again", NOW).await.unwrap();
        assert_eq!(left, 0, "every link of the number was revoked already");
        tx.rollback().await.unwrap();
        live_on(&scene).await;
        assert_eq!(scene.received(OMAR), 1);
    })
    .await;
}

#[tokio::test]
async fn an_opt_out_at_one_number_of_the_practice_holds_at_every_other() {
    both(|store| async move {
        let scene = told(&store).await;
        // Texts went out from the carrier's own sender; the STOP comes in at another number of the practice.
        write(&scene, "a1", Some("+12125550100"), "STOP", false).await;
        scene.settle().await;
        assert_eq!(acts(&scene).await, ["granted", "withdrawn"]);
        let received = scene.received(OMAR);
        live_on(&scene).await;
        assert_eq!(scene.received(OMAR), received, "nothing from any number");
    })
    .await;
}
