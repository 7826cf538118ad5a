//! The audit chain as stored, and what health reads.

use super::intake::practice as a_practice;
use kept_domain::*;
use kept_store::testing::{TestDatabase, both};
use kept_store::*;

fn entry(seq: i64) -> StoredAudit {
    let hash = |n: i64| [u8::try_from(n).unwrap(); 32];
    StoredAudit {
        seq,
        at: Instant::from_ms(seq * 10),
        act: "link.opened".to_owned(),
        actor: "system".to_owned(),
        detail: format!("{{\"n\":{seq}}}"),
        prev_hash: hash(seq - 1),
        hash: hash(seq),
    }
}

#[tokio::test]
async fn entries_and_head_come_back() {
    both(|store| async move {
        let id = a_practice(&store).await;
        let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
        assert_eq!(tx.chain_head(id, Chain::Audit).await.unwrap(), None);
        assert_eq!(tx.lock_chain_head(id, Chain::Audit).await.unwrap(), ChainHead { seq: 0, hash: [0; 32] });
        tx.insert_audit(id, &[entry(1), entry(2), entry(3)]).await.unwrap();
        tx.insert_audit(id, &[]).await.unwrap();
        let head = ChainHead { seq: 3, hash: [3; 32] };
        tx.set_chain_head(id, Chain::Audit, &head).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = store.read(Scope::Practice(id)).await.unwrap();
        assert_eq!(tx.chain_head(id, Chain::Audit).await.unwrap(), Some(head));
        assert_eq!(tx.chain_head(id, Chain::Consent).await.unwrap(), None, "the chains are apart");
        assert_eq!(tx.audit_after(id, 0, 2).await.unwrap(), [entry(1), entry(2)]);
        assert_eq!(tx.audit_after(id, 2, 2).await.unwrap(), [entry(3)]);
        assert!(tx.audit_after(id, 3, 2).await.unwrap().is_empty());
        drop(tx);

        let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
        assert_eq!(tx.lock_chain_head(id, Chain::Audit).await.unwrap(), head);
        let back = tx.set_chain_head(id, Chain::Audit, &ChainHead { seq: 2, hash: [2; 32] }).await;
        assert!(matches!(back, Err(StoreError::Changed { .. })), "a head never goes back");
        assert!(tx.insert_audit(id, &[entry(2)]).await.unwrap_err().is_duplicate(), "a number is given once");
    })
    .await;
}

/// Two that append at once: the second waits for the first's commit and goes on from its number.
async fn no_number_is_given_twice(store: Store) {
    let id = a_practice(&store).await;
    let append = |store: Store| async move {
        for _ in 0..10 {
            let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
            let head = tx.lock_chain_head(id, Chain::Audit).await.unwrap();
            let next = entry(head.seq + 1);
            tx.insert_audit(id, std::slice::from_ref(&next)).await.unwrap();
            let head = ChainHead { seq: next.seq, hash: next.hash };
            tx.set_chain_head(id, Chain::Audit, &head).await.unwrap();
            tx.commit().await.unwrap();
        }
    };
    tokio::join!(append(store.clone()), append(store.clone()), append(store.clone()));
    let mut tx = store.read(Scope::Practice(id)).await.unwrap();
    let seqs: Vec<_> = tx.audit_after(id, 0, 100).await.unwrap().into_iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn appending_at_once_is_one_after_another() {
    both(no_number_is_given_twice).await;
}

#[tokio::test]
async fn a_practice_sees_no_other_chain() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let id = a_practice(&database.store).await;
    let mut tx = database.store.begin(Scope::Practice(id)).await.unwrap();
    tx.insert_audit(id, &[entry(1)]).await.unwrap();
    tx.commit().await.unwrap();
    let other = PracticeId::from_uuid(uuid::Uuid::from_u128(999));
    let mut tx = database.store.read(Scope::Practice(other)).await.unwrap();
    assert!(tx.audit_after(id, 0, 10).await.unwrap().is_empty(), "row-level security");
    drop(tx);
    database.close().await;
}

#[tokio::test]
async fn sweeps_that_never_ran_are_not_listed() {
    both(|store| async move {
        let mut tx = store.read(Scope::Work).await.unwrap();
        assert_eq!(tx.sweep_states().await.unwrap(), []);
    })
    .await;
}
