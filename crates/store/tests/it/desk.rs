//! Staff, their sessions, the day's board, and uploaded files.

use crate::intake::{bytes, id, practice, sealed, three_visits};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;

const NOW: Instant = Instant::from_ms(1_000_000);
const LATER: Instant = Instant::from_ms(2_000_000);
/// The day of the three visits.
const DAY: i64 = 3;
const EMAIL: BlindIndex = BlindIndex([7; 16]);

fn somebody() -> NewStaff {
    NewStaff {
        id: id(900),
        private: sealed(9),
        email_bix: EMAIL,
        role: "front-desk".to_owned(),
        kdf: "{}".to_owned(),
        verifier: [1; 32],
        locale: "es".to_owned(),
        must_change: true,
        created_at: NOW,
    }
}

#[tokio::test]
async fn staff_are_found_and_change_their_password() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_staff(practice, &somebody()).await.unwrap();
        let found = tx.staff_by_email(practice, EMAIL).await.unwrap().unwrap();
        assert_eq!((found.id, found.role.as_str(), found.locale), (id(900), "front-desk", Locale::Es));
        assert!(found.must_change);
        assert!(tx.staff_by_email(practice, BlindIndex([8; 16])).await.unwrap().is_none());
        assert!(tx.staff_by_email(id(77), EMAIL).await.unwrap().is_none(), "of another practice");
        assert!(tx.set_staff_password(practice, id(900), "{\"t\":3}", &[2; 32]).await.unwrap());
        assert!(!tx.set_staff_password(practice, id(901), "{}", &[2; 32]).await.unwrap());
        let found = tx.staff_by_id(practice, id(900)).await.unwrap().unwrap();
        assert_eq!((found.kdf.as_str(), found.verifier, found.must_change), ("{\"t\":3}", vec![2; 32], false));
        assert!(tx.staff_by_id(practice, id(901)).await.unwrap().is_none());
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn staff_come_and_go_and_the_last_administrators_are_known() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_staff(practice, &somebody()).await.unwrap();
        let admin = |n: u128, email: u8| NewStaff {
            id: id(n),
            email_bix: BlindIndex([email; 16]),
            role: "administrator".to_owned(),
            ..somebody()
        };
        for (n, email) in [(901, 1), (902, 2)] {
            tx.insert_staff(practice, &admin(n, email)).await.unwrap();
        }
        let ids: Vec<_> = tx.staff_of(practice).await.unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(ids, [id(900), id(901), id(902)]);
        assert_eq!(tx.lock_administrators(practice).await.unwrap(), [id(901), id(902)]);
        assert!(tx.set_staff_locale(practice, id(900), Locale::En).await.unwrap());
        assert!(tx.set_staff_password(practice, id(900), "{}", &[2; 32]).await.unwrap());
        assert!(tx.renew_staff_password(practice, id(900), "{\"t\":4}", &[3; 32]).await.unwrap());
        let row = tx.staff_by_id(practice, id(900)).await.unwrap().unwrap();
        assert_eq!(
            (row.locale, row.kdf.as_str(), row.verifier, row.must_change),
            (Locale::En, "{\"t\":4}", vec![3; 32], true)
        );

        assert!(tx.staff_leaves(practice, id(901), BlindIndex([9; 16]), NOW).await.unwrap());
        assert!(!tx.staff_leaves(practice, id(901), BlindIndex([8; 16]), NOW).await.unwrap(), "gone already");
        assert!(!tx.staff_leaves(id(77), id(902), BlindIndex([8; 16]), NOW).await.unwrap(), "of another practice");
        assert_eq!(tx.lock_administrators(practice).await.unwrap(), [id(902)]);
        assert!(tx.staff_by_id(practice, id(901)).await.unwrap().is_none());
        assert!(!tx.renew_staff_password(practice, id(901), "{}", &[3; 32]).await.unwrap());
        assert!(!tx.set_staff_locale(practice, id(901), Locale::En).await.unwrap());
        tx.insert_staff(practice, &admin(903, 1)).await.expect("the address is free again");
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn failures_are_counted_by_address_and_forgotten() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.sign_in_throttle(practice, EMAIL).await.unwrap(), (0, Instant::from_ms(0)));
        tx.note_sign_in_failure(practice, EMAIL, NOW).await.unwrap();
        tx.note_sign_in_failure(practice, EMAIL, LATER).await.unwrap();
        assert_eq!(tx.sign_in_throttle(practice, EMAIL).await.unwrap(), (2, LATER));
        assert_eq!(tx.sign_in_throttle(practice, BlindIndex([8; 16])).await.unwrap().0, 0);
        tx.clear_sign_in_failures(practice, EMAIL).await.unwrap();
        assert_eq!(tx.sign_in_throttle(practice, EMAIL).await.unwrap().0, 0);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn sessions_are_found_by_their_hash_and_end() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_staff(practice, &somebody()).await.unwrap();
        let session = |n: u8| StaffSessionRow {
            practice,
            id: id(910 + u128::from(n)),
            staff: id(900),
            created_at: NOW,
            seen_at: NOW,
        };
        for n in 1..=3 {
            tx.insert_staff_session(&session(n), &[n; 32]).await.unwrap();
        }
        tx.touch_staff_session(practice, id(911), LATER).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = store.read(Scope::Lookup).await.unwrap();
        let found = tx.staff_session(&[1; 32]).await.unwrap();
        assert_eq!(found, Some(StaffSessionRow { seen_at: LATER, ..session(1) }));
        assert_eq!(tx.staff_session(&[9; 32]).await.unwrap(), None);
        drop(tx);

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.end_staff_sessions(practice, id(900), Some(id(911)), None, LATER).await.unwrap(), 1);
        assert_eq!(tx.end_staff_sessions(practice, id(900), None, Some(id(912)), LATER).await.unwrap(), 1);
        assert_eq!(tx.staff_session(&[1; 32]).await.unwrap(), None);
        assert_eq!(tx.staff_session(&[3; 32]).await.unwrap(), None);
        assert!(tx.staff_session(&[2; 32]).await.unwrap().is_some(), "the one that was kept");
        tx.commit().await.unwrap();

        let mut tx = store.read(Scope::Lookup).await.unwrap();
        for n in [1, 2] {
            assert_eq!(tx.practice_of_staff_session(&[n; 32]).await.unwrap(), Some(practice), "ended or not");
        }
        assert_eq!(tx.practice_of_staff_session(&[9; 32]).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_board_shows_a_day_and_takes_marks() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        let shown = tx.board_visits(practice, DAY, DAY).await.unwrap();
        assert_eq!(shown.iter().map(|row| row.id).collect::<Vec<_>>(), [id(201), id(202), id(203)]);
        assert!(tx.board_visits(practice, DAY + 1, DAY + 2).await.unwrap().is_empty());
        assert!(tx.board_visits(id(77), DAY, DAY).await.unwrap().is_empty(), "of another practice");
        assert!(tx.board_reminders(practice, DAY, DAY).await.unwrap().is_empty(), "nothing is planned yet");

        let arrive = [id(201), id(202), id(999)];
        let by = OutcomeBy::Desk;
        let changed = tx.set_statuses(practice, &arrive, AppointmentStatus::Arrived, by, LATER).await.unwrap();
        assert_eq!(changed.len(), 2, "who is unknown is left out");
        let again = tx.set_statuses(practice, &arrive, AppointmentStatus::Arrived, by, LATER).await.unwrap();
        assert!(again.is_empty(), "no change, no entry");
        let theirs = tx.set_statuses(id(77), &[id(203)], AppointmentStatus::Noshow, by, LATER).await.unwrap();
        assert!(theirs.is_empty());
        assert_eq!(tx.arrived_visits(practice, DAY).await.unwrap(), [id(201), id(202)]);
        assert!(tx.arrived_visits(practice, DAY + 1).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_cancellation_is_undone_as_a_whole_and_other_answers_stay() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        let said = |number: u128, visit: u128, answer| NewAnswer {
            id: id(number),
            appointment: id(visit),
            revision: 1,
            answer,
            via: AnswerVia::Portal,
            link: None,
            staff: None,
            private: None,
            at: NOW,
        };
        tx.insert_answer(practice, &said(601, 201, Answer::Declined)).await.unwrap();
        tx.cancel_for_patient(practice, id(201), NOW).await.unwrap();
        tx.insert_answer(practice, &said(602, 202, Answer::Accepted)).await.unwrap();
        let both = [id(201), id(202)];
        let by = OutcomeBy::Desk;
        tx.set_statuses(practice, &both, AppointmentStatus::Cancelled, by, LATER).await.unwrap();
        let undone = tx.set_statuses(practice, &both, AppointmentStatus::Booked, by, LATER).await.unwrap();
        assert_eq!(undone.len(), 2);
        let shown = tx.board_visits(practice, DAY, DAY).await.unwrap();
        let stands = |index: usize| {
            let row = &shown[index];
            (row.status, row.answer, row.answer_via.as_deref(), row.answer_at_ms, row.to_enter.as_deref())
        };
        assert_eq!(stands(0), (AppointmentStatus::Booked, Answer::NeedsAction, None, None, None));
        let at = Some(NOW.as_ms());
        assert_eq!(stands(1), (AppointmentStatus::Booked, Answer::Accepted, Some("portal"), at, None));
        assert!(tx.needs_visits(practice, Instant::from_ms(0)).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_needs_a_person_is_listed_until_somebody_decides() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        tx.hold_visits(practice, &[id(201)]).await.unwrap();
        tx.cancel_for_patient(practice, id(202), NOW).await.unwrap();
        let needs = tx.needs_visits(practice, Instant::from_ms(0)).await.unwrap();
        let why: Vec<_> = needs.iter().map(|row| (row.id, row.held.is_some(), row.to_enter.as_deref())).collect();
        assert_eq!(why, [(id(201), true, None), (id(202), false, Some("cancelled"))]);
        assert!(tx.keep_held(practice, id(201)).await.unwrap());
        assert!(!tx.keep_held(practice, id(201)).await.unwrap(), "once");
        assert!(!tx.note_entered(id(77), id(202)).await.unwrap(), "not from another practice");
        assert!(tx.note_entered(practice, id(202)).await.unwrap());
        assert!(!tx.note_entered(practice, id(202)).await.unwrap(), "once");
        assert!(tx.needs_visits(practice, Instant::from_ms(0)).await.unwrap().is_empty());

        let request = NewRequest { id: id(700), appointment: id(203), patient: id(101), private: sealed(4), at: NOW };
        tx.insert_request(practice, &request).await.unwrap();
        tx.insert_reschedule_task(practice, id(800), id(203), id(700), NOW).await.unwrap();
        let open = tx.open_tasks(practice).await.unwrap();
        assert_eq!((open.len(), open[0].kind.as_str()), (1, "reschedule"));
        assert_eq!(open[0].patient().unwrap().unwrap().0, id(101));
        assert!(open[0].request().unwrap().is_some() && open[0].inbound().unwrap().is_none());
        assert!(!tx.close_task(id(77), id(800), id(900), NOW).await.unwrap(), "not from another practice");
        assert!(tx.close_task(practice, id(800), id(900), NOW).await.unwrap());
        assert!(!tx.close_task(practice, id(800), id(900), NOW).await.unwrap(), "once");
        assert!(tx.open_tasks(practice).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_file_waits_until_it_is_done() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_upload(practice, id(600), id(900), &sealed(6), NOW).await.unwrap();
        assert!(tx.upload(id(77), id(600)).await.unwrap().is_none(), "of another practice");
        let upload = id(600);
        assert!(tx.set_upload_mapping(practice, upload, (&sealed(1), 1), "declared", NOW).await.unwrap());
        let row = tx.upload(practice, upload).await.unwrap().unwrap();
        assert_eq!(
            (row.state.as_str(), row.mapping_rev, row.sealed_mapping().unwrap().as_ref().map(bytes)),
            ("uploaded", 1, Some(vec![1; 40]))
        );
        let unseen = tx.set_upload_mapping(practice, upload, (&sealed(9), 1), "none", NOW).await.unwrap();
        assert!(!unseen, "somebody else said it meanwhile");
        assert_eq!(row.consent.as_deref(), Some("declared"));
        let (one, other, third) = (id(1), id(2), id(3));
        let later = |ms| Instant::from_ms(NOW.as_ms() + ms);
        assert!(tx.claim_upload(practice, upload, one, later(10), NOW).await.unwrap());
        assert!(!tx.claim_upload(practice, upload, other, later(20), later(9)).await.unwrap(), "one of all");
        assert!(
            !tx.set_upload_mapping(practice, upload, (&sealed(2), 2), "none", later(9)).await.unwrap(),
            "it is being read"
        );
        assert!(tx.note_upload(practice, upload, one, (4, 9), later(20)).await.unwrap());
        let row = tx.upload(practice, upload).await.unwrap().unwrap();
        assert_eq!((row.progress, row.total, row.lease_until_ms), (4, 9, Some(later(20).as_ms())));
        // Its process died: after the lease somebody else goes on, and what the first still says counts no more.
        assert!(!tx.claim_upload(practice, upload, other, later(30), later(19)).await.unwrap());
        assert!(tx.claim_upload(practice, upload, other, later(30), later(20)).await.unwrap());
        assert!(!tx.note_upload(practice, upload, one, (5, 9), later(40)).await.unwrap());
        assert!(!tx.end_upload(practice, upload, one, UploadEnd::Failed("late")).await.unwrap());
        assert!(tx.end_upload(practice, upload, other, UploadEnd::Failed("no-start")).await.unwrap());
        assert!(!tx.note_upload(practice, upload, other, (5, 9), later(40)).await.unwrap(), "it has ended");
        let row = tx.upload(practice, upload).await.unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.problem.as_deref()), ("failed", Some("no-start")));
        // Its columns can be matched anew, also after a process died over it.
        assert!(tx.set_upload_mapping(practice, upload, (&sealed(2), 2), "none", later(21)).await.unwrap());
        let row = tx.upload(practice, upload).await.unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.problem), ("uploaded", None));
        assert!(tx.claim_upload(practice, upload, one, later(30), later(21)).await.unwrap());
        assert!(tx.set_upload_mapping(practice, upload, (&sealed(3), 3), "none", later(30)).await.unwrap());
        assert!(tx.claim_upload(practice, upload, third, later(50), later(40)).await.unwrap());
        assert!(tx.end_upload(practice, upload, third, UploadEnd::Done(id(60))).await.unwrap());
        assert!(!tx.claim_upload(practice, upload, third, later(90), later(80)).await.unwrap(), "done is done");
        assert!(!tx.set_upload_mapping(practice, upload, (&sealed(4), 4), "none", later(80)).await.unwrap());
        let row = tx.upload(practice, upload).await.unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.import_id, row.lease_until_ms), ("done", Some(id(60)), None));
        assert!(tx.import_result(practice, id(60)).await.unwrap().is_none(), "no import of that id was kept");
        tx.commit().await.unwrap();
    })
    .await;
}
