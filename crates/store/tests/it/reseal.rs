//! Values that lie under old keys, and the versions of keys.

use super::intake::{id, patient, practice, sealed, visit};
use kept_domain::private::{AppointmentCol, PatientCol};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use uuid::Uuid;

const NOW: Instant = Instant::from_ms(1_000_000);

/// The version that `sealed(n)` says it is under.
fn version(n: u8) -> u32 {
    u32::from_be_bytes([n; 4])
}

fn dek(version: i64, sealing: bool) -> StoredDek {
    StoredDek { version, wrapped: vec![7], sealing }
}

#[tokio::test]
async fn values_under_other_keys_are_found_in_order_and_replaced_where_they_still_stand() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_patients(practice, &[patient(1), patient(2), patient(3), patient(4)], NOW).await.unwrap();
        tx.insert_visits(practice, id::<SourceId>(9), &[visit(1, 5), visit(3, 6)], NOW).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        // Four patients and two visits, of which one patient and one visit are under version 3.
        assert_eq!(tx.count_old_cells(practice, version(3)).await.unwrap(), 4);
        let first: Vec<OldCell<PatientCol>> = tx.old_cells(practice, version(3), Uuid::nil(), 2).await.unwrap();
        assert_eq!(first.iter().map(|cell| cell.row).collect::<Vec<_>>(), [id::<Uuid>(101), id(102)]);
        assert_eq!((first[0].salt, first[0].rev, first[0].via), (Salt([1; 32]), 1, id(101)));
        assert_eq!(first[1].cell.as_ciphertext(), [2; 40]);
        let after = first[1].via;
        let rest: Vec<OldCell<PatientCol>> = tx.old_cells(practice, version(3), after, 2).await.unwrap();
        assert_eq!(rest.iter().map(|cell| cell.row).collect::<Vec<_>>(), [id::<Uuid>(104)]);
        let visits: Vec<OldCell<AppointmentCol>> = tx.old_cells(practice, version(3), Uuid::nil(), 9).await.unwrap();
        assert_eq!((visits.len(), visits[0].row, visits[0].salt), (1, id(201), Salt([1; 32])), "the patient's salt");

        let mut new: Vec<_> = first.into_iter().map(|old| NewCell { old, cell: sealed(3) }).collect();
        // Somebody wrote meanwhile: the second is no longer what was read.
        new[1].old.cell = sealed(8);
        assert_eq!(tx.replace_cells(practice, &new).await.unwrap(), 1);
        assert_eq!(tx.replace_cells::<PatientCol>(practice, &[]).await.unwrap(), 0);
        assert_eq!(tx.count_old_cells(practice, version(3)).await.unwrap(), 3);
        let other = PracticeId::from_uuid(Uuid::from_u128(77));
        assert_eq!(tx.count_old_cells(other, version(3)).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_made_seals_and_is_destroyed() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_practice_key(practice, &dek(1, true), NOW).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.read(Scope::Work).await.unwrap().rotating_practices().await.unwrap(), []);

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_practice_key(practice, &dek(2, false), NOW).await.unwrap();
        assert_eq!(tx.stored_practice(practice).await.unwrap().unwrap().deks, [dek(1, true), dek(2, false)]);
        tx.commit().await.unwrap();
        assert_eq!(store.read(Scope::Work).await.unwrap().rotating_practices().await.unwrap(), [practice]);

        let later = Instant::from_ms(2_000_000);
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let rev = tx.practice_rev(practice).await.unwrap();
        assert!(tx.begin_sealing(practice, 2, later).await.unwrap());
        assert!(!tx.begin_sealing(practice, 2, NOW).await.unwrap(), "once");
        assert_ne!(tx.practice_rev(practice).await.unwrap(), rev, "open copies notice");
        assert_eq!(tx.stored_practice(practice).await.unwrap().unwrap().deks, [dek(1, true), dek(2, true)]);
        assert_eq!(tx.retire_keys(practice, 2, later).await.unwrap(), 1);
        assert_eq!(tx.retire_keys(practice, 2, later).await.unwrap(), 0);
        assert_eq!(tx.stored_practice(practice).await.unwrap().unwrap().deks, [dek(2, true)]);
        let states = tx.key_states(practice).await.unwrap();
        let facts: Vec<_> = states.iter().map(|one| (one.version, one.sealing_at, one.retired_at)).collect();
        assert_eq!(facts, [(1, Some(NOW), Some(later)), (2, Some(later), None)]);
        // Wrapping anew concerns what is left.
        tx.rewrap_practice_keys(practice, &[4], &[dek(2, true)]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(store.read(Scope::Work).await.unwrap().rotating_practices().await.unwrap(), []);
    })
    .await;
}
