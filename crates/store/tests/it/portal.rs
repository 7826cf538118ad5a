//! Links, guards, sessions and answers.

use crate::intake::{id, practice, sealed, three_visits};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;

const NOW: Instant = Instant::from_ms(1_000_000);
const LATER: Instant = Instant::from_ms(2_000_000);

fn link(n: u8, visits: &[(u128, i64)]) -> NewLink {
    let visits = (1..)
        .zip(visits)
        .map(|(ordinal, &(visit, revision))| NewLinkVisit {
            appointment: id(visit),
            patient: id(101),
            revision,
            ordinal,
        })
        .collect();
    NewLink {
        id: id(400 + u128::from(n)),
        auth_hash: [n; 32],
        notice: None,
        created_at: NOW,
        expires_at: LATER,
        visits,
    }
}

#[tokio::test]
async fn links_are_found_by_their_hash_and_revoked() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        tx.insert_links(practice, &[]).await.unwrap();
        let links = [link(1, &[(201, 1), (202, 1)]), link(2, &[(202, 1)]), link(3, &[(203, 1)]), link(4, &[(203, 0)])];
        tx.insert_links(practice, &links).await.unwrap();

        let found = tx.link_by_auth(practice, &[1; 32]).await.unwrap().unwrap();
        assert_eq!(found, StoredLink { id: id(401), notice: None, expires_at: LATER, revoked_at: None });
        assert_eq!(tx.link_by_auth(practice, &[9; 32]).await.unwrap(), None);
        assert_eq!(tx.link_by_auth(id(77), &[1; 32]).await.unwrap(), None, "of another practice");
        assert_eq!(tx.link_by_id(practice, id(401)).await.unwrap(), Some(found));

        let visits = tx.portal_visits(practice, id(401)).await.unwrap();
        assert_eq!(
            visits.iter().map(|visit| (visit.ordinal, visit.appointment)).collect::<Vec<_>>(),
            [(1, id(201)), (2, id(202))]
        );
        assert_eq!((visits[0].patient, visits[0].salt, visits[0].locale), (id(101), Salt([1; 32]), Some(Locale::Es)));
        assert!(visits[0].has_birth_date && visits[0].practitioner.is_none());
        let target = tx.appointment_for_link(practice, id(202)).await.unwrap().unwrap();
        assert_eq!((target.patient, target.revision), (id(101), 1));
        assert!(tx.appointment_for_link(practice, id(999)).await.unwrap().is_none());

        tx.note_link_opened(practice, id(401), NOW).await.unwrap();
        assert!(tx.revoke_link(practice, id(402), "desk", NOW).await.unwrap());
        assert!(!tx.revoke_link(practice, id(402), "desk", NOW).await.unwrap(), "once");
        let moved = tx.revoke_links_of_older_revisions(practice, &[id(203)], "moved", NOW).await.unwrap();
        assert_eq!(moved, 1, "the one of revision 0");
        let all = tx.revoke_links_of_appointments(practice, &[id(201), id(203)], "desk", NOW).await.unwrap();
        assert_eq!(all, 2);
        assert_eq!(tx.link_by_id(practice, id(403)).await.unwrap().unwrap().revoked_at, Some(NOW));
        let none = tx.revoke_links_of_contact(practice, BlindIndex([5; 16]), "wrong-number", NOW).await.unwrap();
        assert_eq!(none, 0, "no link travelled in a notice");
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn guesses_are_counted_by_link_and_by_patient() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let (a, b): (LinkId, LinkId) = (id(401), id(402));
        let patient: PatientId = id(101);
        let counts = tx.lock_guards(practice, a, patient, 40, 11).await.unwrap();
        assert_eq!(counts, GuardCounts { link: 0, patient: 0 });
        tx.count_guard_failure(practice, a, patient, 40, NOW).await.unwrap();
        tx.lock_guards(practice, b, patient, 41, 12).await.unwrap();
        tx.count_guard_failure(practice, b, patient, 41, NOW).await.unwrap();
        assert_eq!(tx.lock_guards(practice, a, patient, 41, 12).await.unwrap(), GuardCounts { link: 1, patient: 2 });
        assert_eq!(tx.guards(practice, b, patient, 41).await.unwrap(), GuardCounts { link: 1, patient: 1 });

        let since = Instant::from_ms(0);
        assert_eq!(tx.guard_storm(practice, since).await.unwrap(), GuardStorm { failing: 2, tried: 2 });
        tx.note_guard_success(practice, b, patient, LATER).await.unwrap();
        assert_eq!(tx.guard_storm(practice, since).await.unwrap(), GuardStorm { failing: 1, tried: 2 });
        assert_eq!(tx.guard_storm(practice, NOW).await.unwrap(), GuardStorm { failing: 0, tried: 1 });

        tx.reset_guards(practice, patient).await.unwrap();
        assert_eq!(tx.guards(practice, a, patient, 0).await.unwrap(), GuardCounts { link: 0, patient: 0 });

        assert_eq!(tx.last_alarm(practice, "birth-date").await.unwrap(), None);
        tx.raise_alarm(practice, "birth-date", NOW).await.unwrap();
        let standing = tx.last_alarm(practice, "birth-date").await.unwrap().unwrap();
        assert_eq!(standing, StoredAlarm { raised_at: NOW, lifted_at: None });
        assert!(tx.lift_alarm(practice, "birth-date", None, LATER).await.unwrap());
        assert!(!tx.lift_alarm(practice, "birth-date", None, LATER).await.unwrap());
        assert_eq!(tx.last_alarm(practice, "birth-date").await.unwrap().unwrap().lifted_at, Some(LATER));
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn sessions_devices_and_nonces() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let session = PatientSession { id: id(500), link: id(401), patient: id(101), seen_at: NOW };
        tx.insert_patient_session(practice, &session, &[7; 32]).await.unwrap();
        assert_eq!(tx.patient_session(practice, &[7; 32]).await.unwrap(), Some(session.clone()));
        assert_eq!(tx.patient_session(practice, &[8; 32]).await.unwrap(), None);
        tx.touch_patient_session(practice, session.id, LATER).await.unwrap();
        tx.touch_patient_session(practice, session.id, NOW).await.unwrap();
        assert_eq!(tx.patient_session(practice, &[7; 32]).await.unwrap().unwrap().seen_at, LATER, "never back");
        tx.end_patient_session(practice, session.id, LATER).await.unwrap();
        assert_eq!(tx.patient_session(practice, &[7; 32]).await.unwrap(), None);

        tx.remember_device(practice, id(101), &[6; 32], NOW).await.unwrap();
        assert!(!tx.device_is_remembered(practice, id(101), &[6; 32], NOW).await.unwrap(), "expired");
        tx.remember_device(practice, id(101), &[6; 32], LATER).await.unwrap();
        assert!(tx.device_is_remembered(practice, id(101), &[6; 32], NOW).await.unwrap());
        assert!(!tx.device_is_remembered(practice, id(102), &[6; 32], NOW).await.unwrap(), "per patient");

        assert!(tx.use_nonce(practice, &[5; 32], LATER).await.unwrap());
        assert!(!tx.use_nonce(practice, &[5; 32], LATER).await.unwrap(), "once");
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_answer_stands_and_a_request_can_be_withdrawn() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        let visit: AppointmentId = id(201);
        assert_eq!(tx.patient_salt(practice, id(101)).await.unwrap(), Some(Salt([1; 32])));
        assert_eq!(tx.patient_salt(practice, id(999)).await.unwrap(), None);
        let target = tx.lock_answer_target(practice, visit).await.unwrap().unwrap();
        assert_eq!((target.patient, target.revision, target.answer), (id(101), 1, Answer::NeedsAction));
        assert!(tx.answer_target(practice, id(999)).await.unwrap().is_none());
        let mut answer = NewAnswer {
            id: id(600),
            appointment: visit,
            revision: 1,
            answer: Answer::Tentative,
            via: AnswerVia::Portal,
            link: Some(id(401)),
            staff: None,
            private: None,
            at: NOW,
        };
        tx.insert_answer(practice, &answer).await.unwrap();
        let request = NewRequest { id: id(700), appointment: visit, patient: id(101), private: sealed(3), at: NOW };
        tx.insert_request(practice, &request).await.unwrap();
        tx.insert_reschedule_task(practice, id(800), visit, request.id, NOW).await.unwrap();
        tx.withdraw_requests(practice, visit, LATER).await.unwrap();

        answer.id = id(601);
        answer.answer = Answer::Declined;
        answer.private = Some(sealed(4));
        tx.insert_answer(practice, &answer).await.unwrap();
        tx.cancel_for_patient(practice, visit, LATER).await.unwrap();
        let target = tx.answer_target(practice, visit).await.unwrap().unwrap();
        assert_eq!((target.answer, target.status), (Answer::Declined, AppointmentStatus::Cancelled));
        answer.id = id(602);
        answer.appointment = id(999);
        let missing = tx.insert_answer(practice, &answer).await;
        assert!(matches!(missing, Err(StoreError::Missing { table: "appointments", .. })), "{missing:?}");
    })
    .await;
}

#[tokio::test]
async fn asks_are_counted_in_the_window_that_the_first_of_them_opened() {
    both(|store| async move {
        let practice = practice(&store).await;
        let (one, other) = (BlindIndex([1; 16]), BlindIndex([2; 16]));
        let at = |minutes: i64| Instant::from_ms(minutes * 60_000);
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let mut seen = Vec::new();
        for minutes in [0, 10, 59, 60, 61] {
            seen.push(tx.count_link_ask(practice, one, at(minutes), at(minutes - 60)).await.unwrap());
        }
        assert_eq!(seen, [1, 2, 3, 1, 2]);
        assert_eq!(tx.count_link_ask(practice, other, at(61), at(1)).await.unwrap(), 1);
        tx.commit().await.unwrap();

        let mut tx = store.begin_batch(Scope::Work).await.unwrap();
        let (never, now) = (Instant::from_ms(0), at(61));
        let before = PurgeBefore { expired: never, sessions: never, uploads: never, throttles: now, guard_day: 0 };
        assert_eq!(tx.purge(&before).await.unwrap(), 1, "the window of before");
        tx.commit().await.unwrap();
    })
    .await;
}
