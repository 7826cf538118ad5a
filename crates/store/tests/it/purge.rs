//! What is purged, and what is not.

use crate::intake::{id, practice, sealed};
use kept_domain::Instant;
use kept_store::testing::both;
use kept_store::{PurgeBefore, Scope};

#[tokio::test]
async fn purging_an_empty_database_deletes_nothing() {
    both(|store| async move {
        let mut tx = store.begin_batch(Scope::Work).await.unwrap();
        let now = Instant::from_ms(0);
        let before = PurgeBefore { expired: now, sessions: now, uploads: now, throttles: now, guard_day: 0 };
        assert_eq!(tx.purge(&before).await.unwrap(), 0);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_old_file_goes_unless_somebody_imports_it() {
    both(|store| async move {
        let practice = practice(&store).await;
        let at = Instant::from_ms;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        for n in 1..=4 {
            tx.insert_upload(practice, id(n), id(900), &sealed(6), at(1_000)).await.unwrap();
        }
        tx.insert_upload(practice, id(5), id(900), &sealed(6), at(3_000)).await.unwrap();
        assert!(tx.claim_upload(practice, id(2), id(20), at(6_000), at(1_000)).await.unwrap());
        assert!(tx.claim_upload(practice, id(3), id(30), at(4_000), at(1_000)).await.unwrap(), "its process died");
        tx.commit().await.unwrap();
        let before = |now, uploads| PurgeBefore {
            expired: at(now),
            sessions: at(0),
            uploads: at(uploads),
            throttles: at(0),
            guard_day: 0,
        };
        let mut tx = store.begin_batch(Scope::Work).await.unwrap();
        assert_eq!(tx.purge(&before(5_000, 2_000)).await.unwrap(), 3);
        let mut left = Vec::new();
        for n in 1..=5 {
            left.extend(tx.upload(practice, id(n)).await.unwrap().map(|_| n));
        }
        assert_eq!(left, [2, 5], "one that is being imported, and one that is new");
        assert_eq!(tx.purge(&before(9_000, 2_000)).await.unwrap(), 1);
        tx.commit().await.unwrap();
    })
    .await;
}
