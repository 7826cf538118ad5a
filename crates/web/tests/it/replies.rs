//! What a text leads to beyond a plain yes or no: photos, answers that come too late, and the carrier's patience.

use super::consent::{post, told};
use super::sandbox::{OMAR, OMAR_ROW, Scene};
use kept_carrier::sandbox::ReplyEvent;
use kept_domain::{Answer, Instant, PracticeSettings};
use kept_flow::testing::NOW;
use kept_store::testing::{TestDatabase, both};
use kept_store::{Chain, Scope};
use std::time::Duration;

/// The day after the visit.
const AFTER: Instant = Instant::from_ms(NOW.as_ms() + 11 * 86_400_000);
/// How long an acknowledgement may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn photo(scene: &Scene, event: &str, text: &str) {
    let reply = ReplyEvent {
        event: event.to_owned(),
        from: OMAR.to_owned(),
        to: None,
        text: text.to_owned(),
        media: true,
        opt_out_confirmed: false,
    };
    post(scene, &reply).await;
}

#[tokio::test]
async fn photos_and_voice_notes_are_for_a_person_whatever_is_written_under_them() {
    both(|store| async move {
        let scene = told(&store).await;
        photo(&scene, "p1", "").await;
        photo(&scene, "p2", "yes").await;
        assert_eq!(scene.tasks().await, ["reply", "reply"]);
        assert_eq!(scene.answers().await, [Answer::NeedsAction], "nobody knows what the yes is to");
        photo(&scene, "p3", "STOP").await;
        scene.settle().await;
        let ledger = scene.world.flow.consent_of(scene.world.practice, OMAR).await.unwrap();
        assert_eq!(ledger.entries.last().unwrap().act, "withdrawn", "an opt-out is one with a picture as well");
    })
    .await;
}

/// Two locations that text from numbers of their own: a yes goes to the one that asked.
#[tokio::test]
async fn a_yes_counts_only_for_what_the_number_it_went_to_has_asked() {
    const OURS: &str = "+12125550190";
    both(|store| async move {
        let scene = Scene::new(&store, PracticeSettings::default()).await;
        let practice = scene.world.practice;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let mut location = tx.locations(practice).await.unwrap().remove(0);
        location.sender = Some(OURS.to_owned());
        tx.set_location(practice, &location).await.unwrap();
        tx.commit().await.unwrap();
        scene.import(OMAR_ROW).await;
        scene.settle().await;
        let yes = |event: &str, to: &str| ReplyEvent {
            event: event.to_owned(),
            from: OMAR.to_owned(),
            to: Some(to.to_owned()),
            text: "yes".to_owned(),
            media: false,
            opt_out_confirmed: false,
        };
        post(&scene, &yes("y1", "+12125550191")).await;
        assert_eq!(scene.answers().await, [Answer::NeedsAction], "that number has asked nothing");
        post(&scene, &yes("y2", "(212) 555-0190")).await;
        assert_eq!(scene.answers().await, [Answer::Accepted]);
    })
    .await;
}

#[tokio::test]
async fn a_stop_that_means_something_else_holds_with_a_picture_as_without() {
    both(|store| async move {
        let scene = told(&store).await;
        photo(&scene, "p1", "Stop by at 3?").await;
        assert_eq!(scene.tasks().await, ["stop-unclear"]);
        scene.world.flow.advance(&scene.world.clock, AFTER, async |_| Ok(())).await.unwrap();
        assert_eq!(scene.received(OMAR), 1, "no automatic answer, and no reminder until a person has looked");
    })
    .await;
}

#[tokio::test]
async fn an_answer_after_the_visit_began_is_for_a_person_and_changes_nothing() {
    both(|store| async move {
        let scene = told(&store).await;
        scene.world.clock.set_civil(AFTER);
        scene.sandbox.reply(OMAR, "yes").await.unwrap();
        assert_eq!(scene.tasks().await, ["reply"]);
        assert_eq!(scene.answers().await, [Answer::NeedsAction]);
    })
    .await;
}

#[tokio::test]
async fn an_answer_to_a_visit_that_was_cancelled_is_for_a_person_and_changes_nothing() {
    both(|store| async move {
        let scene = told(&store).await;
        scene.import(&OMAR_ROW.replace("Scheduled", "Cancelled")).await;
        scene.settle().await;
        let before = scene.tasks().await;
        assert!(!before.contains(&"reply".to_owned()), "{before:?}");
        scene.sandbox.reply(OMAR, "1").await.unwrap();
        let after = scene.tasks().await;
        assert!(after.contains(&"reply".to_owned()), "{after:?}");
    })
    .await;
}

#[tokio::test]
async fn a_webhook_is_acknowledged_before_what_follows_from_it() {
    // Only here can what follows be made to wait while what was told is kept.
    let Some(database) = TestDatabase::postgres().await else { return };
    let scene = Scene::new(&database.store, PracticeSettings::default()).await;
    scene.import(OMAR_ROW).await;
    scene.settle().await;
    let practice = scene.world.practice;
    let mut ledger = database.store.begin(Scope::Practice(practice)).await.unwrap();
    ledger.lock_chain_head(practice, Chain::Consent).await.unwrap();
    tokio::time::timeout(PATIENCE, scene.sandbox.reply(OMAR, "stop"))
        .await
        .expect("the answer does not wait for the ledger")
        .unwrap();
    let mut tx = database.store.read(Scope::Practice(practice)).await.unwrap();
    assert_eq!(tx.opt_outs_waiting(practice).await.unwrap(), 1, "kept, and not followed yet");
    drop(tx);
    ledger.rollback().await.unwrap();
    scene.followed().await;
    let acts = scene.world.flow.consent_of(practice, OMAR).await.unwrap().entries;
    assert_eq!(acts.last().unwrap().act, "withdrawn");
    drop(scene);
    database.close().await;
}
