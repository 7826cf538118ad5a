//! What is purged, and what is not.

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
