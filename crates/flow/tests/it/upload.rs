//! A file is sent: once, whoever presses the button how often, and again after its process died.

use kept_domain::{ImportId, Instant, LeaseToken, UploadId};
use kept_flow::Clock as _;
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::{Mapping, RejectWords, sample};
use kept_flow::testing::World;
use kept_flow::upload::{LEASE, UploadStage};
use kept_store::testing::both;
use kept_store::{Scope, Store};

/// A file of some visits, matched and ready to be sent.
async fn ready(world: &World, rows: usize) -> UploadId {
    let day = |text: &str| text.parse().unwrap();
    let csv = sample::Sample::new(rows, 5, day("2026-11-02"), day("2026-11-23")).to_csv();
    let id = world.flow.keep_upload(world.practice, world.staff, "week.csv", csv.as_bytes()).await.unwrap();
    let look = world.flow.look_at_upload(world.practice, id).await.unwrap();
    matched(world, id, &look.guess.mapping.unwrap()).await;
    id
}

async fn matched(world: &World, id: UploadId, mapping: &Mapping) {
    assert!(world.flow.match_upload(world.practice, id, mapping, ConsentChoice::Declared).await.unwrap());
    assert_eq!(stage(world, id).await, UploadStage::Check);
}

async fn stage(world: &World, id: UploadId) -> UploadStage {
    world.flow.upload(world.practice, id).await.unwrap().stage
}

async fn imported(world: &World, id: UploadId) -> ImportId {
    match stage(world, id).await {
        UploadStage::Done(import) => import,
        other => panic!("{other:?}"),
    }
}

async fn send(world: &World, id: UploadId) {
    Box::pin(world.flow.send_upload(world.practice, world.staff, id, RejectWords::default())).await.unwrap();
}

async fn imports(store: &Store) -> i64 {
    let mut tx = store.read(Scope::Work).await.unwrap();
    tx.row_counts().await.unwrap().into_iter().find(|(table, _)| table == "imports").unwrap().1
}

/// A process takes the file, and is heard of until then and no longer.
async fn claimed(world: &World, id: UploadId, until: Instant) {
    let mut tx = world.flow.store.begin(Scope::Practice(world.practice)).await.unwrap();
    let token: LeaseToken = world.flow.new_id();
    assert!(tx.claim_upload(world.practice, id, token, until, world.clock.wall()).await.unwrap());
    assert!(tx.note_upload(world.practice, id, token, (500, 900), until).await.unwrap());
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_press_of_the_button_changes_nothing() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let id = ready(&world, 700).await;
        tokio::join!(send(&world, id), send(&world, id), send(&world, id));
        let first = imported(&world, id).await;
        send(&world, id).await;
        assert_eq!((imported(&world, id).await, imports(&store).await), (first, 1));
        let counts = world.flow.upload_result(world.practice, first).await.unwrap().counts;
        assert_eq!((counts["new"].as_u64(), counts["unchanged"].as_u64()), (Some(700), Some(0)));
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_process_left_can_be_sent_again() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let id = ready(&world, 20).await;
        claimed(&world, id, world.clock.wall() + LEASE).await;
        assert_eq!(stage(&world, id).await, UploadStage::Importing(500, 900));
        send(&world, id).await;
        assert_eq!(stage(&world, id).await, UploadStage::Importing(500, 900), "it may live yet");
        world.clock.set_civil(world.clock.civil() + LEASE);
        assert_eq!(stage(&world, id).await, UploadStage::Failed("interrupted".to_owned()));
        send(&world, id).await;
        imported(&world, id).await;
        // Nobody sends it again: the file does not stay for ever.
        let other = ready(&world, 10).await;
        claimed(&world, other, world.clock.wall() + LEASE).await;
        world.clock.set_civil(world.clock.civil() + chrono::Duration::hours(25));
        world.flow.purge().await.unwrap();
        assert!(world.flow.upload(world.practice, other).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn columns_can_be_corrected_after_a_failure() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let id = ready(&world, 20).await;
        let good = world.flow.look_at_upload(world.practice, id).await.unwrap().guess.mapping.unwrap();
        let wrong = "[columns]\npatient_name = \"Nobody\"\nstarts_at = \"Never\"\n";
        matched(&world, id, &Mapping::parse(wrong).unwrap()).await;
        send(&world, id).await;
        assert_eq!(stage(&world, id).await, UploadStage::Failed("column-missing".to_owned()));
        matched(&world, id, &good).await;
        send(&world, id).await;
        imported(&world, id).await;
        let late = world.flow.match_upload(world.practice, id, &good, ConsentChoice::Declared).await.unwrap();
        assert!(!late, "it is in");
    })
    .await;
}
