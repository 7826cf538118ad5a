//! Erasing a patient: what stands in the way, and what goes.

use crate::dispatch::{NOW, NUMBER, notice_id, notices};
use crate::intake::{bytes, id, patient, sealed};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use uuid::Uuid;

const VISITS: [u128; 3] = [201, 202, 203];

fn cell<C: Column>(row: u128, n: u8) -> ErasedCell<C> {
    ErasedCell { row: Uuid::from_u128(row), rev: 2, cell: sealed(n) }
}

fn text(n: u128, from: BlindIndex) -> NewInbound {
    NewInbound {
        id: id(n),
        provider: "sandbox".to_owned(),
        event: format!("e{n}"),
        bix: from,
        intent: "person",
        rule: "unknown-words",
        private: sealed(3),
        opts_out: false,
        gateway_answered: false,
        appointment: None,
        revision: None,
        received_at: NOW,
    }
}

#[tokio::test]
async fn what_stands_in_the_way_is_counted() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let found = tx.erasable(practice, id(201), NOW).await.unwrap().unwrap();
        assert_eq!(found, Erasable { patient: id(101), rev: 1, visits: 3, to_come: 3, open_messages: 2 });
        let late = tx.erasable(practice, id(203), Instant::from_ms(i64::MAX)).await.unwrap().unwrap();
        assert_eq!(late.to_come, 0);
        assert!(tx.erasable(practice, id(299), NOW).await.unwrap().is_none(), "no such visit");
        assert!(tx.erasable(id(77), id(201), NOW).await.unwrap().is_none(), "of another practice");
    })
    .await;
}

/// Another patient has a second number of the first one: what came from there is not the first one's alone.
#[tokio::test]
async fn what_is_of_the_patient_goes_and_nothing_else() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        let shared = BlindIndex([8; 16]);
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_patients(practice, &[patient(2)], NOW).await.unwrap();
        let contact = |n: u128, whose: u128| NewContact {
            id: id(n),
            patient: id(whose),
            channel: Channel::Email,
            bix: shared,
            private: sealed(1),
            area_zones: None,
        };
        tx.insert_contacts(practice, &[contact(402, 101), contact(403, 102)]).await.unwrap();
        tx.insert_inbound(practice, &[text(500, NUMBER), text(501, shared), text(502, BlindIndex([9; 16]))])
            .await
            .unwrap();
        let task = |n, subject| NewTask {
            id: id(n),
            kind: "reply",
            appointment: None,
            subject: Some(Uuid::from_u128(subject)),
        };
        tx.insert_tasks(practice, NOW, &[task(800, 500), task(801, 501)]).await.unwrap();
        let visit_task = NewTask { id: id(802), kind: "reschedule", appointment: Some(id(201)), subject: None };
        tx.insert_tasks(practice, NOW, &[visit_task]).await.unwrap();
        let import = NewImport {
            id: id(60),
            source: id(50),
            file_hash: [1; 32],
            counts: "{}".to_owned(),
            private: sealed(4),
            staff: None,
            finished_at: NOW,
        };
        tx.insert_import(practice, &import).await.unwrap();
        let session = PatientSession { id: id(700), link: id(650), patient: id(101), seen_at: NOW };
        tx.insert_patient_session(practice, &session, &[5; 32]).await.unwrap();

        let visits = tx.erasable_visits(practice, id(101)).await.unwrap();
        assert_eq!(visits, VISITS.map(|n| (Uuid::from_u128(n), 1)));
        let texts = tx.erasable_texts(practice, id(101)).await.unwrap();
        assert_eq!(texts, [(Uuid::from_u128(500), 1)], "not from a number that somebody else has too");
        let left = tx.left_behind(practice, id(0), 10).await.unwrap();
        assert_eq!(
            left.iter().map(|(id, rev, cell)| (*id, *rev, bytes(cell))).collect::<Vec<_>>(),
            [(id(60), 1, vec![4; 40])]
        );
        assert!(tx.left_behind(practice, id(60), 10).await.unwrap().is_empty(), "after the last");

        let cells: Vec<_> = VISITS.iter().map(|&n| cell(n, 70)).collect();
        assert_eq!(tx.erase_visits(practice, &cells).await.unwrap(), 3);
        assert_eq!(tx.erase_texts(practice, &[cell(500, 71)], NOW).await.unwrap(), 1);
        assert_eq!(tx.erase_rejects(practice, &[cell(60, 72)]).await.unwrap(), 1);
        assert_eq!(tx.erase_messages(practice, id(101)).await.unwrap(), 2);
        let erased = ErasedPatient {
            patient: id(101),
            rev: 2,
            private: sealed(73),
            salt: Salt([74; 32]),
            content_mac: ContentMac([75; 16]),
            key: BlindIndex([76; 16]),
            at: NOW,
        };
        tx.erase_patient(practice, &erased).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let row = tx.board_visit(practice, id(201)).await.unwrap().unwrap();
        assert_eq!((row.salt, row.has_birth_date), (Salt([74; 32]), false));
        let found = tx.erasable(practice, id(201), NOW).await.unwrap().unwrap();
        assert_eq!((found.rev, found.visits), (2, 3));
        assert!(tx.visit_contacts(practice, &[id(201)]).await.unwrap().is_empty(), "no number");
        assert!(
            tx.rows_by_key(practice, &[id(50)], &[BlindIndex([1; 16])]).await.unwrap().is_empty(),
            "no calendar knows them"
        );
        let open: Vec<_> = tx.open_tasks(practice).await.unwrap().into_iter().map(|task| task.id).collect();
        assert_eq!(open, [id(801)], "what is somebody else's too stays open");
        assert_eq!(bytes(&tx.find_import(practice, id(60)).await.unwrap().unwrap().0), [72; 40]);
        assert!(tx.patient_session(practice, &[5; 32]).await.unwrap().is_none(), "no session");
        let claimed = tx.claimed_notices(practice, &[notice_id(0)]).await.unwrap();
        assert!(claimed.is_empty(), "it has no number any more");
        tx.rollback().await.unwrap();
    })
    .await;
}
