//! When an attempt whose end nobody wrote down had ended, and whether a message found at the carrier can be another's.

use super::dispatch::{LATER, NOW, armed, claim, notice_id, notices, outcome, token};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;

const LEASE_MS: i64 = 120_000;

#[tokio::test]
async fn an_attempt_ended_when_it_was_recorded_or_else_with_its_lease() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let first = [notice_id(0)];
        claim(&store, token(1), 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap();
        // The worker never came back, and its carrier recognises no keys any more.
        assert_eq!(tx.rearm_notices(practice, token(1), &first).await.unwrap(), 1);
        tx.commit().await.unwrap();
        claim(&store, token(2), 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.doubt_notices(practice, token(2), LOOKING_UP, &first).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let mut work = store.begin(Scope::Work).await.unwrap();
        let doubtful = work.doubtful_notices(LEASE_MS, 10).await.unwrap();
        let ended = Instant::from_ms(NOW.as_ms() + LEASE_MS);
        assert_eq!((doubtful[0].first_at, doubtful[0].last_at), (NOW, ended));
    })
    .await;
    both(|store| async move {
        let practice = notices(&store, 1).await;
        claim(&store, token(1), 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap();
        let reason = Some(LOOKING_UP.to_owned());
        let lost = Outcome { reason, attempt: "unknown", ..outcome(0, NoticeState::Uncertain, None) };
        let recorded = Instant::from_ms(NOW.as_ms() + 70_000);
        tx.record_outcomes(practice, token(1), recorded, &[lost]).await.unwrap();
        tx.commit().await.unwrap();
        let mut work = store.begin(Scope::Work).await.unwrap();
        let doubtful = work.doubtful_notices(LEASE_MS, 10).await.unwrap();
        assert_eq!((doubtful[0].first_at, doubtful[0].last_at), (NOW, recorded), "the hand-over may have been late");
    })
    .await;
}

#[tokio::test]
async fn whoever_is_on_the_way_to_the_same_number_may_be_what_is_found() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        let lost = [notice_id(0)];
        claim(&store, token(1), 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap();
        let uncertain = Outcome { attempt: "unknown", ..outcome(0, NoticeState::Uncertain, None) };
        tx.record_outcomes(practice, token(1), NOW, &[uncertain]).await.unwrap();
        assert_eq!(tx.notices_with_others(practice, &lost, NOW).await.unwrap(), [], "the other one only waits");
        tx.commit().await.unwrap();
        claim(&store, token(2), 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.notices_with_others(practice, &lost, NOW).await.unwrap(), lost, "claimed");
        tx.arm_notices(practice, (token(2), LATER), NOW, NOW, &[armed(1, 1)]).await.unwrap();
        assert_eq!(tx.notices_with_others(practice, &lost, NOW).await.unwrap(), lost, "armed");
        let uncertain = Outcome { attempt: "unknown", ..outcome(1, NoticeState::Uncertain, None) };
        tx.record_outcomes(practice, token(2), NOW, &[uncertain]).await.unwrap();
        assert_eq!(tx.notices_with_others(practice, &lost, NOW).await.unwrap(), lost, "lost as well");
        let later = Instant::from_ms(NOW.as_ms() + 1);
        assert_eq!(tx.notices_with_others(practice, &lost, later).await.unwrap(), [], "long before");
    })
    .await;
}
