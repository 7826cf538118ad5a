//! The consent ledger.

use super::intake::practice;
use kept_domain::{BlindIndex, Channel, ConsentId, Instant, PracticeId};
use kept_store::testing::both;
use kept_store::{Chain, ConsentEntry, Scope, StoreError};
use uuid::Uuid;

fn entry(seq: i64, number: u8, act: &str) -> ConsentEntry {
    ConsentEntry {
        seq,
        id: ConsentId::from_uuid(Uuid::from_u128(700 + u128::from(seq.unsigned_abs()))),
        bix: BlindIndex([number; 16]),
        channel: Channel::Sms,
        act: act.to_owned(),
        basis: "import-column".to_owned(),
        wording: "file-column".to_owned(),
        locale: None,
        staff: None,
        import: None,
        at: Instant::from_ms(seq * 10),
        prev_hash: [1; 32],
        hash: [2; 32],
    }
}

#[tokio::test]
async fn entries_are_appended_and_each_number_stands_where_its_last_entry_puts_it() {
    both(|store| async move {
        let practice: PracticeId = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.lock_chain_head(practice, Chain::Consent).await.unwrap().seq, 0);
        tx.append_consents(practice, &[]).await.unwrap();
        let entries = [entry(1, 7, "granted"), entry(2, 8, "denied"), entry(3, 7, "withdrawn")];
        tx.append_consents(practice, &entries).await.unwrap();
        assert_eq!(tx.chain_head(practice, Chain::Consent).await.unwrap().unwrap().seq, 3);

        let numbers = [BlindIndex([7; 16]), BlindIndex([8; 16]), BlindIndex([9; 16])];
        let mut now = tx.consent_now(practice, Channel::Sms, &numbers).await.unwrap();
        now.sort_by_key(|now| now.bix);
        let stands: Vec<_> = now.iter().map(|now| (now.bix.0[0], now.act.as_str(), now.seq, now.at.as_ms())).collect();
        assert_eq!(stands, [(7, "withdrawn", 3, 30), (8, "denied", 2, 20)]);
        assert!(tx.consent_now(practice, Channel::Email, &numbers).await.unwrap().is_empty());

        let listed = tx.list_consents(practice, 1, 10).await.unwrap();
        assert_eq!(
            listed.iter().map(|e| (e.seq, e.act.as_str())).collect::<Vec<_>>(),
            [(2, "denied"), (3, "withdrawn")]
        );
        let own = tx.consents_of(practice, Channel::Sms, numbers[0]).await.unwrap();
        assert_eq!(own.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 3]);
        assert!(tx.consents_of(practice, Channel::Email, numbers[0]).await.unwrap().is_empty());
        assert_eq!(tx.suspension(practice, Channel::Sms, numbers[0]).await.unwrap(), None);
        assert_eq!((listed[0].prev_hash, listed[0].hash, listed[0].channel), ([1; 32], [2; 32], Channel::Sms));
        tx.commit().await.unwrap();

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let twice = tx.append_consents(practice, &[entry(3, 7, "granted")]).await.unwrap_err();
        assert!(matches!(&twice, StoreError::Sql(_)) && twice.is_duplicate(), "{twice}");
    })
    .await;
}

#[tokio::test]
async fn nothing_planned_is_nothing_to_take_back() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let now = Instant::from_ms(1);
        let taken = tx.cancel_planned_notices(practice, Channel::Sms, &[BlindIndex([7; 16])], "opted-out", now).await;
        assert_eq!(taken.unwrap(), 0);
    })
    .await;
}
