//! Receipts and replies: each event once, states only forward.

use super::dispatch::{NOW, NUMBER, notices, send_first};
use super::intake::{id, sealed};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use uuid::Uuid;

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn receipt(event: &str, message: &str, status: &'static str) -> NewReceipt {
    NewReceipt { event: event.to_owned(), provider_ref: message.to_owned(), status, code: None }
}

fn settled(waiting: &WaitingReceipt, state: Option<NoticeState>) -> SettledReceipt {
    SettledReceipt { provider: waiting.provider.clone(), event: waiting.event.clone(), notice: waiting.notice, state }
}

#[tokio::test]
async fn a_receipt_that_comes_early_waits_and_every_event_counts_once() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let early = [receipt("e1", "m-0", "delivered"), receipt("e9", "nobody", "delivered")];
        assert_eq!(tx.insert_receipts(practice, "sandbox", NOW, &early).await.unwrap(), 2);
        assert_eq!(tx.insert_receipts(practice, "sandbox", NOW, &early).await.unwrap(), 0, "seen before");
        assert!(tx.waiting_receipts(practice, 10).await.unwrap().is_empty(), "nobody knows m-0 yet");
        tx.commit().await.unwrap();

        let notice = send_first(&store, practice).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let waiting = tx.waiting_receipts(practice, 10).await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert_eq!((waiting[0].notice, waiting[0].bix, waiting[0].status.as_str()), (notice, NUMBER, "delivered"));
        let delivered = [settled(&waiting[0], Some(NoticeState::Delivered))];
        let moved = tx.settle_receipts(practice, NOW, &delivered).await.unwrap();
        assert_eq!(moved, [(notice, NoticeState::Delivered)]);
        assert!(tx.waiting_receipts(practice, 10).await.unwrap().is_empty());
        assert_eq!(tx.visits_of_notices(practice, &[notice]).await.unwrap(), [id(201)]);

        let later = [receipt("e2", "m-0", "undelivered")];
        assert_eq!(tx.insert_receipts(practice, "sandbox", NOW, &later).await.unwrap(), 1);
        let waiting = tx.waiting_receipts(practice, 10).await.unwrap();
        let failed = [settled(&waiting[0], Some(NoticeState::Failed))];
        assert_eq!(tx.settle_receipts(practice, NOW, &failed).await.unwrap(), [], "a final state never changes");
        assert_eq!(tx.board_reminders(practice, 0, 10).await.unwrap()[0].notice(), Some(NoticeState::Delivered));

        let tomorrow = Instant::from_ms(NOW.as_ms() + 1);
        assert_eq!(tx.give_up_receipts(practice, NOW).await.unwrap(), 0);
        assert_eq!(tx.give_up_receipts(practice, tomorrow).await.unwrap(), 1, "the stranger's");
    })
    .await;
}

#[tokio::test]
async fn of_two_final_events_the_first_counts() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let notice = send_first(&store, practice).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let events =
            [receipt("e1", "m-0", "sent"), receipt("e2", "m-0", "undelivered"), receipt("e3", "m-0", "delivered")];
        tx.insert_receipts(practice, "sandbox", NOW, &events).await.unwrap();
        let waiting = tx.waiting_receipts(practice, 10).await.unwrap();
        let states = [None, Some(NoticeState::Failed), Some(NoticeState::Delivered)];
        let all: Vec<_> = waiting.iter().zip(states).map(|(receipt, state)| settled(receipt, state)).collect();
        assert_eq!(tx.settle_receipts(practice, NOW, &all).await.unwrap(), [(notice, NoticeState::Failed)]);
        assert_eq!(tx.note_codes(practice, &[(notice, "30003")]).await.unwrap(), 1);
        let ends = tx.ends_of_numbers(practice, &[NUMBER], 5).await.unwrap();
        assert_eq!((ends.len(), ends[0].state, ends[0].send_day), (1, NoticeState::Failed, 5));
        assert_eq!((ends[0].carrier.as_str(), ends[0].code.as_deref()), ("sandbox", Some("30003")));
        assert!(tx.ends_of_numbers(practice, &[NUMBER], 6).await.unwrap().is_empty());
        assert!(tx.waiting_receipts(practice, 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_a_number_was_told_is_found_and_who_has_it() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let told = tx.told_visits(practice, Channel::Sms, &[NUMBER], NOW).await.unwrap();
        assert!(told.is_empty(), "planned is not told");
        tx.rollback().await.unwrap();
        send_first(&store, practice).await;

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let told = tx.told_visits(practice, Channel::Sms, &[NUMBER], NOW).await.unwrap();
        assert_eq!(told.len(), 1);
        let (number, told) = told[0].clone();
        assert_eq!((number, told.id, told.patient, told.answer), (NUMBER, id(201), id(101), Answer::NeedsAction));
        assert_eq!(told.asking, told.location);
        let begun = told.start_at;
        assert!(tx.told_visits(practice, Channel::Sms, &[NUMBER], begun).await.unwrap().is_empty(), "it has begun");
        let other = BlindIndex([8; 16]);
        assert!(tx.told_visits(practice, Channel::Sms, &[other], NOW).await.unwrap().is_empty());

        let owners = tx.number_owners(practice, Channel::Sms, &[NUMBER, other]).await.unwrap();
        assert_eq!(owners, [(NUMBER, NumberOwner { contact: id(401), locale: Some(Locale::Es), suspended: false })]);
        assert!(tx.number_owners(practice, Channel::Sms, &[other]).await.unwrap().is_empty());
        assert_eq!(tx.suspend_number(practice, Channel::Sms, NUMBER, "wrong-number").await.unwrap(), 1);
        assert!(tx.number_owners(practice, Channel::Sms, &[NUMBER]).await.unwrap()[0].1.suspended);
        let facts = tx.arm_facts(practice, &[id(10_000)]).await.unwrap();
        assert_eq!(facts[0].suspended.as_deref(), Some("wrong-number"));
    })
    .await;
}

#[tokio::test]
async fn a_text_is_kept_once_and_its_answer_is_queued() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let inbound = NewInbound {
            id: id(500),
            provider: "sandbox".to_owned(),
            event: "e1".to_owned(),
            bix: NUMBER,
            intent: "person",
            rule: "unknown-words",
            private: sealed(3),
            opts_out: false,
            gateway_answered: false,
            appointment: Some(id(201)),
            revision: Some(1),
            received_at: NOW,
        };
        let again = NewInbound { id: id(501), ..inbound.clone() };
        let other = NewInbound { id: id(502), event: "e2".to_owned(), opts_out: true, ..inbound.clone() };
        let new = tx.insert_inbound(practice, &[inbound, again.clone(), other]).await.unwrap();
        assert_eq!(new.len(), 2, "the same event of one call counts once");
        assert!(tx.insert_inbound(practice, &[again]).await.unwrap().is_empty(), "nor twice in two");
        assert_eq!(tx.opt_outs_waiting(practice).await.unwrap(), 1);

        let waiting = tx.waiting_texts(practice, 10).await.unwrap();
        assert_eq!(waiting.iter().map(|text| text.id).collect::<Vec<_>>(), [id(500), id(502)]);
        let first = &waiting[0];
        assert_eq!((first.intent.as_str(), first.rule.as_str(), first.opts_out), ("person", "unknown-words", false));
        assert_eq!((first.appointment, first.revision, waiting[1].opts_out), (Some(uuid(201)), Some(1), true));
        assert_eq!(tx.waiting_texts(practice, 1).await.unwrap().len(), 1);
        assert!(tx.arm_facts(practice, &[id(10_000)]).await.unwrap()[0].waits, "nothing goes out meanwhile");
        assert!(tx.claim_texts(practice, &[id(502)]).await.unwrap().is_empty(), "an earlier one of the number waits");
        assert_eq!(tx.claim_texts(practice, &[id(500)]).await.unwrap(), [id(500)]);
        assert!(tx.claim_texts(practice, &[id(500)]).await.unwrap().is_empty(), "once");
        assert_eq!(tx.claim_texts(practice, &[id(502)]).await.unwrap(), [id(502)]);
        assert!(!tx.arm_facts(practice, &[id(10_000)]).await.unwrap()[0].waits);

        let answer = NewAnswerNotice {
            id: id(510),
            template: "please-use-link",
            channel: Channel::Sms,
            contact: id(401),
            bix: NUMBER,
            location: id(2),
            locale: Locale::Es,
            body: sealed(4),
            link_secret: None,
            link: None,
            expires_at: Instant::from_ms(NOW.as_ms() + 1_000),
        };
        tx.insert_answer_notice(practice, NOW, &answer).await.unwrap();
        let before = Instant::from_ms(NOW.as_ms() - 1);
        assert_eq!(
            tx.answers_since(practice, &[NUMBER], before).await.unwrap(),
            [(NUMBER, "please-use-link".to_owned())]
        );
        assert!(tx.answers_since(practice, &[NUMBER], NOW).await.unwrap().is_empty());
        let claimed = tx.claimed_notices(practice, &[id(510)]).await.unwrap();
        assert_eq!((claimed[0].kind, claimed[0].rev), (NoticeKind::Answer, 1));
        assert!(claimed[0].sealed_body().unwrap().is_some());
    })
    .await;
}
