//! Attempts beside the ledger.

use super::dispatch::{NOW, NUMBER, notices, send_first};
use super::intake::id;
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use uuid::Uuid;

fn entry(seq: i64, act: &str) -> ConsentEntry {
    ConsentEntry {
        seq,
        id: id(700 + u128::from(seq.unsigned_abs())),
        bix: NUMBER,
        channel: Channel::Sms,
        act: act.to_owned(),
        basis: "reply".to_owned(),
        wording: "opt-out-word".to_owned(),
        locale: None,
        staff: None,
        import: None,
        at: Instant::from_ms(seq * 10),
        prev_hash: [1; 32],
        hash: [2; 32],
    }
}

#[tokio::test]
async fn attempts_and_the_ledger_are_read_by_number_and_page() {
    both(|store| async move {
        let practice = notices(&store, 3).await;
        let first = send_first(&store, practice).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.lock_chain_head(practice, Chain::Consent).await.unwrap();
        tx.append_consents(practice, &[entry(1, "granted"), entry(2, "withdrawn")]).await.unwrap();
        tx.hold_chain_head(practice, Chain::Consent).await.unwrap();

        let none = AttemptId::from_uuid(Uuid::nil());
        let page = tx.attempts_after(practice, none, 10).await.unwrap();
        assert_eq!(page.len(), 1);
        assert_eq!((page[0].notice, page[0].number, page[0].kind), (first, 1, NoticeKind::Reminder));
        assert_eq!((page[0].bix, page[0].at, page[0].consent_seq), (NUMBER, NOW, Some(1)));
        assert!(tx.attempts_after(practice, page[0].id, 10).await.unwrap().is_empty());

        let lines = tx.ledger_of(practice, &[NUMBER, BlindIndex([9; 16])]).await.unwrap();
        let told: Vec<_> = lines.iter().map(|line| (line.seq, line.act.as_str(), line.at.as_ms())).collect();
        assert_eq!(told, [(1, "granted", 10), (2, "withdrawn", 20)]);
        assert!(tx.texts_of(practice, &[NUMBER]).await.unwrap().is_empty());
        assert!(tx.opt_out_confirmations(practice, &[NUMBER]).await.unwrap().is_empty());
        assert_eq!(tx.opt_outs_waiting(practice).await.unwrap(), 0);
        assert_eq!(tx.contact_number(practice, id(401)).await.unwrap(), Some((Channel::Sms, NUMBER)));
        assert_eq!(tx.contact_number(practice, id(999)).await.unwrap(), None);
        let none = NoticeId::from_uuid(Uuid::nil());
        assert!(
            tx.said_without_attempt(practice, none, 10).await.unwrap().is_empty(),
            "what is planned claims nothing"
        );
    })
    .await;
}
