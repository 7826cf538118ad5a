//! Sources, their rows, patients, numbers and visits.

use kept_domain::practice::{Location, Practice};
use kept_domain::sealed::Column;
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use uuid::Uuid;

const NOW: Instant = Instant::from_ms(1_000_000);
const HOUR: i64 = 3_600_000;

pub(crate) fn id<I: From<Uuid>>(n: u128) -> I {
    I::from(Uuid::from_u128(n))
}

fn bix(n: u8) -> BlindIndex {
    BlindIndex([n; 16])
}

fn mac(n: u8) -> ContentMac {
    ContentMac([n; 16])
}

pub(crate) fn sealed<C: Column>(n: u8) -> Sealed<C> {
    Sealed::try_from(vec![n; 40]).unwrap()
}

const PRACTICE: u128 = 1;
const LOCATION: u128 = 2;

/// A practice with one location.
pub(crate) async fn practice(store: &Store) -> PracticeId {
    let practice: PracticeId = id(PRACTICE);
    let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
    let facts = Practice {
        id: practice,
        slug: "north".to_owned(),
        name: "North".to_owned(),
        alias: "N".to_owned(),
        time_zone: "UTC".parse().unwrap(),
        phone: None,
        settings: PracticeSettings::default(),
    };
    let new = StoredPractice { practice: facts, salt: Salt([0; 32]), wrapped_index_key: vec![1], deks: vec![], rev: 1 };
    tx.insert_practice(&new, NOW).await.unwrap();
    let location = Location {
        id: id(LOCATION),
        name: "Main".to_owned(),
        alias: "M".to_owned(),
        time_zone: "UTC".parse().unwrap(),
        phone: None,
        address: None,
    };
    tx.insert_location(practice, &StoredLocation { location, sender: None }).await.unwrap();
    tx.commit().await.unwrap();
    practice
}

pub(crate) fn patient(n: u8) -> NewPatient {
    NewPatient {
        id: id(100 + u128::from(n)),
        key_bix: bix(n),
        salt: Salt([n; 32]),
        private: sealed(n),
        content_mac: mac(n),
        provisional: n.is_multiple_of(2),
        has_birth_date: true,
        locale: Some(Locale::Es),
    }
}

pub(crate) fn visit(n: u8, start: i64) -> NewVisit {
    NewVisit {
        id: id(200 + u128::from(n)),
        patient: id(101),
        practitioner: None,
        location: id(LOCATION),
        visit_type: None,
        start: Instant::from_ms(start),
        end: Some(Instant::from_ms(start + HOUR)),
        local_day: 3,
        booked_at: None,
        status: AppointmentStatus::Booked,
        status_at: NOW,
        outcome_by: None,
        cancelled_by: None,
        private: sealed(n),
    }
}

/// The ciphertext, to compare.
pub(crate) fn bytes<C: Column>(sealed: &Sealed<C>) -> Vec<u8> {
    sealed.as_ciphertext().to_vec()
}

/// The first of a header, of a source.
pub(crate) fn layout(header: u8, source: u128) -> NewLayout {
    NewLayout {
        id: id(70 + u128::from(header)),
        rev: 1,
        header: bix(header),
        source: id(source),
        mapping: sealed(header),
    }
}

fn row(n: u8, start: i64) -> NewRow {
    NewRow {
        id: Uuid::from_u128(300 + u128::from(n)),
        key_bix: bix(n),
        appointment: id(200 + u128::from(n)),
        content_mac: mac(n),
        said: sealed(n),
        said_start: Instant::from_ms(start),
    }
}

/// A source with three visits of one patient, an hour apart.
pub(crate) async fn three_visits(tx: &mut Tx, practice: PracticeId) -> SourceId {
    let source = tx.keep_source(practice, &layout(9, 50), "Weekly", None, NOW).await.unwrap().unwrap();
    assert_eq!(tx.insert_patients(practice, &[patient(1)], NOW).await.unwrap(), 1);
    let visits: Vec<_> = (1..=3).map(|n| visit(n, i64::from(n) * HOUR)).collect();
    assert_eq!(tx.insert_visits(practice, source, &visits, NOW).await.unwrap(), 3);
    let rows: Vec<_> = (1..=3).map(|n| row(n, i64::from(n) * HOUR)).collect();
    assert_eq!(tx.insert_source_rows(practice, source, id(60), &rows).await.unwrap(), 3);
    source
}

#[tokio::test]
async fn a_source_is_found_by_its_header_and_keeps_the_last_mapping() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert!(tx.layouts(practice).await.unwrap().is_empty());
        let first: SourceId = id(50);
        let kept = tx.keep_source(practice, &layout(9, 50), "a", Some("declared"), NOW).await.unwrap();
        assert_eq!(kept, Some(first));
        let second = NewLayout { rev: 2, source: id(51), mapping: sealed(2), ..layout(9, 50) };
        let again = tx.keep_source(practice, &second, "b", None, NOW).await.unwrap();
        assert_eq!(again, Some(first), "the header decides");
        // Whoever did not see what another kept meanwhile writes nothing, and looks again.
        let late = tx.keep_source(practice, &second, "b", Some("none"), NOW).await.unwrap();
        let blind = NewLayout { id: id(999), ..layout(9, 51) };
        assert_eq!((late, tx.keep_source(practice, &blind, "b", Some("none"), NOW).await.unwrap()), (None, None));
        let later = Instant::from_ms(NOW.as_ms() + 1);
        let more = tx.keep_source(practice, &layout(8, 50), "a", None, later).await.unwrap();
        assert_eq!(more, Some(first), "one more header of the same source");
        let other = tx.keep_source(practice, &layout(7, 52), "c", Some("none"), later).await.unwrap().unwrap();
        let layouts = tx.layouts(practice).await.unwrap();
        let told: Vec<_> = layouts
            .iter()
            .map(|l| (l.header, l.source, l.rev, l.sealed_mapping().unwrap().as_ref().map(bytes), l.consent.as_deref()))
            .collect();
        let declared = Some("declared");
        assert_eq!(
            told,
            [
                (bix(9), first, 2, Some(vec![2; 40]), declared),
                (bix(7), other, 1, Some(vec![7; 40]), Some("none")),
                (bix(8), first, 1, Some(vec![8; 40]), declared),
            ]
        );
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn rows_are_found_by_key_in_every_source_that_is_named() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let source = three_visits(&mut tx, practice).await;
        let other = tx.keep_source(practice, &layout(8, 51), "Other", None, NOW).await.unwrap().unwrap();
        let twin = NewRow { id: Uuid::from_u128(400), ..row(2, 7 * HOUR) };
        assert_eq!(tx.insert_source_rows(practice, other, id(60), &[twin]).await.unwrap(), 1);
        let keys = [bix(1), bix(2), bix(77)];
        let mut found = tx.rows_by_key(practice, &[source, other], &keys).await.unwrap();
        found.sort_by_key(|row| (row.source, row.key_bix));
        let told: Vec<_> = found.iter().map(|row| (row.source, row.key_bix, row.row, row.row_rev)).collect();
        assert_eq!(
            told,
            [
                (source, bix(1), Uuid::from_u128(301), 1),
                (source, bix(2), Uuid::from_u128(302), 1),
                (other, bix(2), Uuid::from_u128(400), 1),
            ]
        );
        assert_eq!(found[0].said.as_ciphertext(), [1; 40]);
        assert_eq!(tx.rows_by_key(practice, &[other], &keys).await.unwrap().len(), 1);
        let mut spans = tx.source_spans(practice, &[source, other, id(99)]).await.unwrap();
        spans.sort_by_key(|span| span.source);
        let at = Instant::from_ms;
        let told: Vec<_> = spans.iter().map(|span| (span.source, span.first, span.last)).collect();
        assert_eq!(told, [(source, at(HOUR), at(3 * HOUR)), (other, at(7 * HOUR), at(7 * HOUR))]);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn rows_are_recognised_written_over_and_missed() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let source = three_visits(&mut tx, practice).await;
        assert_eq!(tx.insert_source_rows(practice, source, id(60), &[row(1, 0)]).await.unwrap(), 0);

        let marks = tx.row_marks(practice, source, &[bix(1), bix(2), bix(77)]).await.unwrap();
        assert_eq!(marks.len(), 2);
        assert!(marks.iter().all(|mark| mark.content_mac.0 == mark.key_bix.0 && !mark.vanished));

        let between = |from, to| (Instant::from_ms(from), Instant::from_ms(to));
        let (from, to) = between(HOUR, 2 * HOUR);
        let missable = tx.rows_between(practice, source, from, to).await.unwrap();
        assert_eq!(missable.iter().map(|row| row.key_bix).collect::<Vec<_>>(), [bix(1), bix(2)]);
        assert_eq!(
            (missable[0].start, missable[0].local_day, missable[0].status),
            (from, 3, AppointmentStatus::Booked)
        );
        assert_eq!(missable[1].appointment, id(202));
        assert_eq!(tx.mark_vanished(practice, source, &[bix(2)], NOW).await.unwrap(), 1);
        assert_eq!(tx.rows_between(practice, source, from, to).await.unwrap().len(), 1);
        assert!(tx.row_marks(practice, source, &[bix(2)]).await.unwrap()[0].vanished);

        let change = |was_rev| ChangedRow {
            key_bix: bix(2),
            was_rev,
            content_mac: mac(22),
            said: sealed(22),
            said_start: Instant::from_ms(5 * HOUR),
        };
        assert_eq!(tx.update_source_rows(practice, source, id(61), &[change(7)]).await.unwrap(), 0, "another revision");
        assert_eq!(tx.update_source_rows(practice, source, id(61), &[change(1)]).await.unwrap(), 1);
        let mark = tx.row_marks(practice, source, &[bix(2)]).await.unwrap()[0];
        assert_eq!((mark.content_mac, mark.vanished), (mac(22), false));
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn visits_change_only_where_they_stand_as_they_were_read() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let source = three_visits(&mut tx, practice).await;
        let known = tx.visits_of_rows(practice, source, &[bix(2)]).await.unwrap().remove(0);
        assert_eq!((known.id, known.patient, known.patient_salt), (id(202), id(101), Salt([1; 32])));
        assert_eq!((known.row, known.row_rev, known.rev, known.revision), (Uuid::from_u128(302), 1, 1, 1));
        assert_eq!((known.answer, known.held.as_deref(), known.vanished), (Answer::NeedsAction, None, false));

        let mut now = known.clone();
        now.start = Instant::from_ms(9 * HOUR);
        now.revision = 2;
        now.rev = 2;
        now.private = sealed(77);
        now.status = AppointmentStatus::Noshow;
        now.outcome_by = Some(OutcomeBy::Import);
        now.change_notice = Some("moved".to_owned());
        now.to_enter = Some("cancelled".to_owned());
        now.held = Some("conflict".to_owned());
        let change = |was_status| ChangedVisit {
            now: now.clone(),
            was_rev: 1,
            was_status,
            was_answer: Answer::NeedsAction,
            was_revision: 1,
            was_held: None,
            was_to_enter: None,
        };
        assert_eq!(tx.update_visits(practice, &[change(AppointmentStatus::Cancelled)]).await.unwrap(), 0);
        assert_eq!(tx.update_visits(practice, &[change(AppointmentStatus::Booked)]).await.unwrap(), 1);
        let known = tx.visits_of_rows(practice, source, &[bix(2)]).await.unwrap().remove(0);
        assert_eq!((known.start, known.revision, known.rev), (Instant::from_ms(9 * HOUR), 2, 2));
        assert_eq!(known.private.as_ciphertext(), [77; 40]);
        assert_eq!((known.status, known.outcome_by), (AppointmentStatus::Noshow, Some(OutcomeBy::Import)));
        assert_eq!(known.change_notice.as_deref(), Some("moved"));

        // The desk chooses between the reading and the writing: its word is not written over.
        let read = || ChangedVisit {
            was_rev: 2,
            was_status: AppointmentStatus::Noshow,
            was_answer: Answer::NeedsAction,
            was_revision: 2,
            was_held: Some("conflict".to_owned()),
            was_to_enter: Some("cancelled".to_owned()),
            now: known.clone(),
        };
        assert!(tx.note_entered(practice, id(202)).await.unwrap());
        assert_eq!(tx.update_visits(practice, &[read()]).await.unwrap(), 0, "entered meanwhile");
        let entered = || ChangedVisit { was_to_enter: None, ..read() };
        assert!(tx.keep_held(practice, id(202)).await.unwrap());
        assert_eq!(tx.update_visits(practice, &[entered()]).await.unwrap(), 0, "kept meanwhile");
        assert_eq!(tx.update_visits(practice, &[ChangedVisit { was_held: None, ..entered() }]).await.unwrap(), 1);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn vanished_visits_are_held_or_cancelled_and_settled() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let source = three_visits(&mut tx, practice).await;
        assert_eq!(tx.hold_visits(practice, &[id(201)]).await.unwrap(), 1);
        assert_eq!(tx.hold_visits(practice, &[id(201)]).await.unwrap(), 0, "already held");
        assert_eq!(tx.cancel_visits(practice, &[id(202)], NOW).await.unwrap(), 1);
        assert_eq!(tx.cancel_visits(practice, &[id(202)], NOW).await.unwrap(), 0, "already cancelled");
        let state = |visits: Vec<KnownVisit>| {
            visits.into_iter().map(|v| (v.held, v.status, v.cancelled_by)).collect::<Vec<_>>()
        };
        let held = state(tx.visits_of_rows(practice, source, &[bix(1)]).await.unwrap());
        assert_eq!(held, [(Some("vanished".to_owned()), AppointmentStatus::Booked, None)]);
        let cancelled = state(tx.visits_of_rows(practice, source, &[bix(2)]).await.unwrap());
        assert_eq!(cancelled, [(None, AppointmentStatus::Cancelled, Some("source".to_owned()))]);

        let mut now = tx.visits_of_rows(practice, source, &[bix(3)]).await.unwrap().remove(0);
        let was = ChangedVisit {
            was_rev: now.rev,
            was_status: now.status,
            was_answer: now.answer,
            was_revision: now.revision,
            was_held: now.held.clone(),
            was_to_enter: now.to_enter.clone(),
            now: {
                now.status = AppointmentStatus::Cancelled;
                now.to_enter = Some("cancelled".to_owned());
                now
            },
        };
        assert_eq!(tx.update_visits(practice, &[was]).await.unwrap(), 1);
        assert_eq!(tx.settle_cancelled(practice, &[id(203), id(201)]).await.unwrap(), 1);
        let settled = tx.visits_of_rows(practice, source, &[bix(3)]).await.unwrap().remove(0);
        assert_eq!((settled.to_enter.as_deref(), settled.held.as_deref()), (None, None));
        let conflict = ChangedVisit {
            was_rev: settled.rev,
            was_status: settled.status,
            was_answer: settled.answer,
            was_revision: settled.revision,
            was_held: None,
            was_to_enter: None,
            now: KnownVisit { held: Some("conflict".to_owned()), ..settled },
        };
        assert_eq!(tx.update_visits(practice, &[conflict]).await.unwrap(), 1);
        assert_eq!(
            tx.settle_cancelled(practice, &[id(203)]).await.unwrap(),
            1,
            "cancelled here and gone there: no conflict"
        );
        assert_eq!(tx.visits_of_rows(practice, source, &[bix(3)]).await.unwrap()[0].held, None);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn people_and_their_numbers() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.insert_patients(practice, &[patient(1), patient(2)], NOW).await.unwrap(), 2);
        assert_eq!(tx.insert_patients(practice, &[patient(1)], NOW).await.unwrap(), 0);
        let known = tx.patients_by_key(practice, &[bix(2), bix(8)]).await.unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!((known[0].id, known[0].key_bix, known[0].rev), (id(102), bix(2), 1));
        assert_eq!((known[0].salt, known[0].content_mac, known[0].locale), (Salt([2; 32]), mac(2), Some(Locale::Es)));
        let change = |was_rev| ChangedPatient {
            id: id(102),
            was_rev,
            private: sealed(5),
            content_mac: mac(5),
            has_birth_date: false,
            locale: None,
        };
        assert_eq!(tx.update_patients(practice, &[change(3)]).await.unwrap(), 0);
        assert_eq!(tx.update_patients(practice, &[change(1)]).await.unwrap(), 1);
        let known = tx.patients_by_key(practice, &[bix(2)]).await.unwrap();
        assert_eq!((known[0].rev, known[0].content_mac, known[0].locale), (2, mac(5), None));
        assert_eq!(known[0].private.as_ciphertext(), [5; 40]);

        let contact = |n: u8, patient: u128| NewContact {
            id: id(400 + u128::from(n)),
            patient: id(patient),
            channel: Channel::Sms,
            bix: bix(n),
            private: sealed(n),
            area_zones: Some("America/Chicago".to_owned()),
        };
        assert_eq!(
            tx.insert_contacts(practice, &[contact(1, 101), contact(2, 101), contact(3, 102)]).await.unwrap(),
            3
        );
        assert_eq!(tx.insert_contacts(practice, &[contact(1, 101)]).await.unwrap(), 0);
        // A stranger's number stays a stranger's, whoever a file gives it to; one that was put aside is another matter.
        assert_eq!(tx.suspend_number(practice, Channel::Sms, bix(2), "wrong-number").await.unwrap(), 1);
        assert!(tx.replace_contact(practice, id(401)).await.unwrap());
        let again = |n: u8, new: u128| NewContact { id: id(new), ..contact(n, 102) };
        assert_eq!(tx.insert_contacts(practice, &[again(1, 411), again(2, 412)]).await.unwrap(), 2);
        let mut new = tx.contacts_of(practice, &[id(102)]).await.unwrap();
        new.sort_by_key(|contact| contact.bix);
        let suspended: Vec<_> = new.iter().map(|contact| contact.suspended.as_deref()).collect();
        assert_eq!(suspended, [None, Some("wrong-number"), None]);
        let order = ContactOrder { id: id(401), position: 1 };
        assert_eq!(tx.order_contacts(practice, &[order]).await.unwrap(), 1);
        let mut contacts = tx.contacts_of(practice, &[id(101)]).await.unwrap();
        contacts.sort_by_key(|contact| contact.bix);
        let places: Vec<_> = contacts.iter().map(|c| (c.id, c.patient, c.channel, c.bix, c.position)).collect();
        assert_eq!(places, [(id(401), id(101), Channel::Sms, bix(1), 1), (id(402), id(101), Channel::Sms, bix(2), 0)]);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn names_are_added_in_file_order_and_once() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let doctor = |n: u8| NewName { id: id(500 + u128::from(n)), name_bix: bix(n), private: sealed(n) };
        assert_eq!(tx.insert_practitioners(practice, &[doctor(3), doctor(1)]).await.unwrap(), 2);
        assert_eq!(tx.insert_practitioners(practice, &[doctor(2), doctor(1)]).await.unwrap(), 1);
        let order: Vec<_> = tx.practitioners(practice).await.unwrap().into_iter().map(|p| p.name_bix).collect();
        assert_eq!(order, [bix(3), bix(1), bix(2)]);
        let kind = |n: u8| NewName { id: id(600 + u128::from(n)), name_bix: bix(n), private: sealed(n) };
        assert_eq!(tx.insert_visit_types(practice, &[kind(2), kind(1)]).await.unwrap(), 2);
        assert_eq!(tx.insert_visit_types(practice, &[kind(1), kind(4)]).await.unwrap(), 1);
        let order: Vec<_> = tx.visit_types(practice).await.unwrap().into_iter().map(|t| t.name_bix).collect();
        assert_eq!(order, [bix(2), bix(1), bix(4)]);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_upload_is_kept() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let import = NewImport {
            id: id(60),
            source: id(50),
            file_hash: [7; 32],
            counts: "{}".to_owned(),
            private: sealed(6),
            staff: None,
            finished_at: NOW,
        };
        tx.insert_import(practice, &import).await.unwrap();
        let (private, rev) = tx.find_import(practice, id(60)).await.unwrap().unwrap();
        assert_eq!((private.as_ciphertext(), rev), (&[6; 40][..], 1));
        assert!(tx.find_import(practice, id(61)).await.unwrap().is_none());
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn visits_behind_a_number_are_planned_again_from_now_on() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        let contact = NewContact {
            id: id(401),
            patient: id(101),
            channel: Channel::Sms,
            bix: bix(1),
            private: sealed(1),
            area_zones: None,
        };
        tx.insert_contacts(practice, &[contact]).await.unwrap();
        assert_eq!(tx.replan_numbers(practice, &[bix(1)], Instant::from_ms(2 * HOUR)).await.unwrap(), 2);
        assert_eq!(tx.replan_numbers(practice, &[bix(5)], Instant::from_ms(0)).await.unwrap(), 0);
        tx.commit().await.unwrap();
    })
    .await;
}
