//! Keys change while two processes read and write, on both engines.

use super::*;
use crate::consent::ConsentChoice;
use crate::intake::ImportRequest;
use crate::portal::{AnswerForm, Answered, Gate, Identified, Identify, PortalAnswer};
use crate::testing::{NOW, World};
use crate::{Clock as _, FlowParts, RandomIds, Settings};
use kept_domain::PracticeSettings;
use kept_domain::private::SEALED_COLUMNS;
use kept_render::Renderer;
use kept_store::testing::both;
use kept_store::{RESEALED_COLUMNS, Store};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Visits that lie there before the change: several batches.
const ROWS: u32 = 250;

#[test]
fn every_sealed_column_is_sealed_anew() {
    let all: BTreeSet<_> = SEALED_COLUMNS.iter().copied().collect();
    assert_eq!(COLUMNS.iter().copied().collect::<BTreeSet<_>>(), all, "columns! in rotate.rs");
    assert_eq!(RESEALED_COLUMNS.iter().copied().collect::<BTreeSet<_>>(), all, "resealed! in the store");
}

/// Another process on the same database and key file.
fn other_process(world: &World) -> Flow {
    let parts: &FlowParts = &world.flow;
    Flow::new(FlowParts {
        store: parts.store.clone(),
        ring: parts.ring.clone(),
        render: Renderer::new().unwrap(),
        carriers: kept_carrier::Carriers::default(),
        clock: Arc::<crate::MovableClock>::clone(&world.clock),
        ids: Arc::new(RandomIds),
        settings: Settings { public_url: "https://kept.example".to_owned() },
    })
}

/// A calendar of its own for each `source`.
fn csv(source: char, rows: std::ops::Range<u32>) -> String {
    let mut text = format!(
        "Appt ID,Patient ID,Patient,DOB,Cell,Email,Date,Time,Provider,Visit Type,Status,Bring,OK to text,Remark {source}\n"
    );
    for n in rows {
        let (number, day) = (3_000_000 + (u32::from(source) - 64) * 10_000 + n, 1 + n % 28);
        writeln!(
            text,
            "{source}{n},P{source}{n},Pat Number{n},1980-05-17,+1212{number},p{n}@example.org,2026-12-{day:02},09:15,Amy Wong,Flu Shot,Scheduled,a card,Yes,"
        )
        .unwrap();
    }
    text
}

async fn import(flow: &Flow, world: &World, source: char, rows: std::ops::Range<u32>) {
    let request = ImportRequest {
        practice: world.practice,
        file_name: "week.csv",
        content: csv(source, rows).into_bytes(),
        mapping: None,
        consent: Some(ConsentChoice::Declared),
        staff: Some(world.staff),
        dry_run: false,
        progress: None,
        words: crate::intake::RejectWords::default(),
    };
    flow.import(request).await.unwrap();
}

/// Opens a link, shows the birth date, confirms, cancels with words, asks for another time.
async fn answer(flow: &Flow, world: &World) {
    let patient = world.patient(chrono::NaiveDate::from_ymd_opt(1980, 5, 17), None).await;
    let visit = world.visit(patient, NOW + Duration::days(9)).await;
    let (_, token) = world.link(&[(visit, patient)]).await;
    let practice = world.practice;
    let opening = flow.portal_open(practice, &token.auth().to_base64url(), None).await.unwrap().expect("a live link");
    let Gate::Ask { cookie, link, ordinal, nonce, .. } =
        flow.portal_gate(practice, &opening.cookie, None).await.unwrap()
    else {
        panic!("the birth date is asked")
    };
    let birth_date = chrono::NaiveDate::from_ymd_opt(1980, 5, 17).unwrap();
    let entered = Identify { link, ordinal, nonce, birth_date, remember: false, device: None };
    let Identified::In { session, .. } = flow.portal_identify(practice, &cookie, entered).await.unwrap() else {
        panic!("the right birth date opens")
    };
    let session = flow.portal_session(practice, &session).await.unwrap().expect("a session that has just begun");
    let words = Some("words of mine".to_owned());
    for answer in [
        PortalAnswer::AnotherTime { preferences: vec!["monday".to_owned()], wish: words.clone() },
        PortalAnswer::Cancel { reason: words },
    ] {
        let shown = flow.portal_visits(practice, session).await.unwrap();
        let visit = &shown.visits[0];
        let nonce = match &answer {
            PortalAnswer::Cancel { .. } => visit.cancel_nonce.clone(),
            _ => visit.another_nonce.clone(),
        };
        let form = AnswerForm { link: shown.link, ordinal: visit.ordinal, revision: visit.revision, nonce, answer };
        assert_eq!(flow.portal_answer(practice, session, form).await.unwrap(), Answered::Done);
    }
}

async fn read(flow: &Flow, world: &World) {
    for day in 1..=28 {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 12, day);
        let board = flow.board(world.practice, world.staff, day).await.expect("every value opens");
        assert!(board.visits.len() >= 8, "{} visits", board.visits.len());
    }
}

async fn versions(flow: &Flow, practice: PracticeId) -> Vec<i64> {
    let mut tx = flow.store.read(Scope::Practice(practice)).await.unwrap();
    tx.stored_practice(practice).await.unwrap().unwrap().deks.iter().map(|dek| dek.version).collect()
}

async fn left(flow: &Flow, practice: PracticeId, version: u32) -> i64 {
    flow.store.read(Scope::Practice(practice)).await.unwrap().count_old_cells(practice, version).await.unwrap()
}

async fn change_keys(store: Store) {
    let world = World::with(&store, PracticeSettings::default()).await;
    let (one, other) = (world.flow.clone(), other_process(&world));
    let practice = world.practice;
    import(&one, &world, 'C', 0..ROWS).await;
    one.keep_upload(practice, world.staff, "waiting.csv", b"a file").await.unwrap();
    answer(&one, &world).await;
    read(&other, &world).await;
    let before = left(&one, practice, 2).await;
    assert!(before > i64::from(5 * ROWS), "{before} values");

    assert_eq!(one.rotate_keys(practice).await.unwrap(), 2);
    assert!(matches!(other.rotate_keys(practice).await, Err(FlowError::RotationUnderWay)));
    // Both processes go on all the time, reading everything and writing new values.
    let running = Arc::new(AtomicBool::new(true));
    let world = Arc::new(world);
    let tasks: Vec<_> = [('A', one.clone()), ('B', other.clone())]
        .into_iter()
        .map(|(source, flow)| {
            let (world, running) = (Arc::clone(&world), Arc::clone(&running));
            tokio::spawn(async move {
                let mut rounds = 0;
                while running.load(Ordering::SeqCst) {
                    rounds += 1;
                    import(&flow, &world, source, 0..rounds * 5).await;
                    answer(&flow, &world).await;
                    read(&flow, &world).await;
                }
                rounds
            })
        })
        .collect();

    assert_eq!(one.reseal().await.unwrap(), 0, "the new key only opens for a while");
    assert_eq!(one.practice(practice).await.unwrap().keys.current_version(), 1);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(other.rotations().await.unwrap()[0].sealing_at, None);
    world.clock.set_civil(world.clock.civil() + SETTLE);
    let mut moved = other.reseal().await.unwrap();
    assert!(i64::try_from(moved).unwrap() >= before, "{moved} of {before} at least");
    assert_eq!(one.practice(practice).await.unwrap().keys.current_version(), 2, "the other process seals with it too");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    running.store(false, Ordering::SeqCst);
    for task in tasks {
        let rounds = task.await.expect("no read and no write failed");
        assert!(rounds > 1, "{rounds} rounds");
    }
    // Steps that began before sealed under the old key; the next turns find it.
    moved += one.reseal().await.unwrap();
    assert_eq!(versions(&one, practice).await, [1, 2], "the old key stays for steps that are under way");
    world.clock.set_civil(world.clock.civil() + SETTLE);
    one.reseal().await.unwrap();
    assert_eq!(versions(&one, practice).await, [2]);
    assert_eq!(left(&one, practice, 2).await, 0);
    assert_eq!(one.rotations().await.unwrap(), []);
    for flow in [&one, &other, &other_process(&world)] {
        read(flow, &world).await;
        answer(flow, &world).await;
    }
    let audit = one.verify_audit(practice).await.unwrap();
    assert!(audit.broken.is_none() && moved > 0, "{audit:?}");
    // Names are found by blind indexes, whose key stayed: the same file is still unchanged.
    import(&other, &world, 'C', 0..ROWS).await;
    assert_eq!(other.rotate_keys(practice).await.unwrap(), 3, "and the next change can begin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_change_while_everybody_reads_and_writes() {
    both(change_keys).await;
}

#[tokio::test]
async fn a_value_that_does_not_open_keeps_the_old_key_and_nothing_else() {
    both(|store| async move {
        let world = World::new(&store).await;
        let (flow, practice) = (&world.flow, world.practice);
        import(flow, &world, 'C', 0..5).await;
        // Two patients' values have changed places.
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let cells: Vec<OldCell<PatientCol>> = tx.old_cells(practice, 9, Uuid::nil(), 2).await.unwrap();
        let [a, b] = <[_; 2]>::try_from(cells).unwrap();
        let swapped = [NewCell { cell: b.cell.clone(), old: a.clone() }, NewCell { cell: a.cell, old: b }];
        assert_eq!(tx.replace_cells(practice, &swapped).await.unwrap(), 2);
        tx.commit().await.unwrap();
        flow.rotate_keys(practice).await.unwrap();
        for _ in 0..3 {
            world.clock.set_civil(world.clock.civil() + SETTLE);
            flow.reseal().await.unwrap();
        }
        assert_eq!(left(flow, practice, 2).await, 2);
        assert_eq!(versions(flow, practice).await, [1, 2], "somebody may want to look into it");
    })
    .await;
}
