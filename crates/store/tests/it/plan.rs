//! What planning reads and writes.

use super::intake::{patient, practice, three_visits, visit};
use kept_domain::plan::StepKey;
use kept_domain::sealed::Column;
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use std::collections::BTreeSet;
use uuid::Uuid;

const NOW: Instant = Instant::from_ms(1_000_000);
const HOUR: i64 = 3_600_000;

fn id<I: From<Uuid>>(n: u128) -> I {
    I::from(Uuid::from_u128(n))
}

fn bix(n: u8) -> BlindIndex {
    BlindIndex([n; 16])
}

fn sealed<C: Column>(n: u8) -> Sealed<C> {
    Sealed::try_from(vec![n; 40]).unwrap()
}

fn visits(numbers: impl IntoIterator<Item = u128>) -> Vec<AppointmentId> {
    numbers.into_iter().map(|n| id(200 + n)).collect()
}

/// Three visits of one patient and one of another with the same number (1); a third patient has no number.
async fn family(tx: &mut Tx, practice: PracticeId) {
    let source = three_visits(tx, practice).await;
    tx.insert_patients(practice, &[patient(2), patient(3)], NOW).await.unwrap();
    let others =
        [NewVisit { patient: id(102), ..visit(4, 4 * HOUR) }, NewVisit { patient: id(103), ..visit(5, 5 * HOUR) }];
    tx.insert_visits(practice, source, &others, NOW).await.unwrap();
    let contact = |n: u128| NewContact {
        id: id(400 + n),
        patient: id(100 + n),
        channel: Channel::Sms,
        bix: bix(1),
        private: sealed(1),
        area_zones: Some("America/Phoenix".to_owned()),
    };
    assert_eq!(tx.insert_contacts(practice, &[contact(1), contact(2)]).await.unwrap(), 2);
}

fn reminder(n: u128, step: StepKey, notice: Option<u128>) -> PlannedReminder {
    PlannedReminder {
        id: id(600 + n),
        appointment: id(200 + n),
        step,
        revision: 1,
        channel: Channel::Sms,
        state: ReminderState::Planned,
        reason: None,
        due_at: Instant::from_ms(7 * HOUR),
        notice: notice.map(id),
    }
}

fn notice(n: u128) -> PlannedNotice {
    PlannedNotice {
        id: id(n),
        kind: NoticeKind::Reminder,
        channel: Channel::Sms,
        bix: bix(1),
        contact: id(401),
        location: id(2),
        locale: Locale::Es,
        template: "reminder",
        due_at: Instant::from_ms(7 * HOUR),
        expires_at: Instant::from_ms(8 * HOUR),
    }
}

#[tokio::test]
async fn marks_are_taken_cleared_and_set_again() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        family(&mut tx, practice).await;
        tx.commit().await.unwrap();
        let mut tx = store.read(Scope::Work).await.unwrap();
        assert_eq!(tx.practices_to_plan().await.unwrap(), [practice]);
        drop(tx);

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.refresh_statistics().await.unwrap();
        tx.lock_planning(practice).await.unwrap();
        assert_eq!(tx.count_plan_due(practice, 3).await.unwrap(), 3);
        assert_eq!(tx.count_plan_due(practice, 10).await.unwrap(), 5);
        assert_eq!(tx.take_plan_due(practice, 1).await.unwrap(), visits([1]));
        let together = tx.visits_of_same_numbers(practice, &visits([1]), NOW).await.unwrap();
        assert_eq!(BTreeSet::from_iter(together), BTreeSet::from_iter(visits(1..=4)), "both patients of the number");
        let later = Instant::from_ms(3 * HOUR);
        let together = tx.visits_of_same_numbers(practice, &visits([1]), later).await.unwrap();
        assert_eq!(
            BTreeSet::from_iter(together),
            BTreeSet::from_iter(visits([1, 4])),
            "those to come, and the one asked for"
        );
        assert_eq!(tx.visits_of_same_numbers(practice, &visits([5]), NOW).await.unwrap(), visits([5]));
        assert_eq!(tx.clear_plan_due(practice, &visits(1..=4)).await.unwrap(), 3, "one was taken already");
        assert_eq!(tx.take_plan_due(practice, 10).await.unwrap(), visits([5]));
        assert_eq!(tx.take_plan_due(practice, 10).await.unwrap(), []);
        tx.commit().await.unwrap();
        let mut tx = store.read(Scope::Work).await.unwrap();
        assert_eq!(tx.practices_to_plan().await.unwrap(), []);
        drop(tx);

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.mark_plan_due(practice, &visits([2])).await.unwrap(), 1);
        assert_eq!(tx.take_plan_due(practice, 10).await.unwrap(), visits([2]));
        assert_eq!(tx.mark_practice_plan_due(practice, Instant::from_ms(3 * HOUR)).await.unwrap(), 2);
        assert_eq!(tx.take_plan_due(practice, 10).await.unwrap(), visits([4, 5]));
        let between =
            tx.visits_starting(practice, Instant::from_ms(2 * HOUR), Instant::from_ms(4 * HOUR)).await.unwrap();
        assert_eq!(between, visits([2, 3]));
    })
    .await;
}

#[tokio::test]
async fn a_visit_is_read_with_its_number_and_consent() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        family(&mut tx, practice).await;
        let grant = ConsentEntry {
            seq: 1,
            id: id(700),
            bix: bix(1),
            channel: Channel::Sms,
            act: "granted".to_owned(),
            basis: "import-column".to_owned(),
            wording: "column".to_owned(),
            locale: None,
            staff: None,
            import: None,
            at: NOW,
            prev_hash: [0; 32],
            hash: [1; 32],
        };
        tx.lock_chain_head(practice, Chain::Consent).await.unwrap();
        tx.append_consents(practice, &[grant]).await.unwrap();
        let mut found = tx.plan_visits(practice, &visits([1, 5])).await.unwrap();
        found.sort_by_key(|visit| visit.id);
        let first = &found[0];
        assert_eq!((first.id, first.patient, first.start), (id(201), id(101), Instant::from_ms(HOUR)));
        assert_eq!((first.revision, first.practitioner_revision, first.held), (1, 1, false));
        assert_eq!((first.status, first.answer), (AppointmentStatus::Booked, Answer::NeedsAction));
        assert_eq!((first.known_at, first.booked_at, first.change_notice.as_deref()), (NOW, None, None));
        assert_eq!((first.locale, first.patient_zone.as_deref()), (Some(Locale::Es), None));
        assert_eq!((first.muted, first.channel), (false, None));
        let [contact] = &first.contacts[..] else { panic!("{:?}", first.contacts) };
        assert_eq!(first.contact(Channel::Sms), Some(contact));
        assert_eq!((contact.id, contact.bix, contact.suspended.as_deref()), (id(401), bix(1), None));
        assert_eq!(
            (contact.area_zones.as_deref(), contact.consent.as_deref()),
            (Some("America/Phoenix"), Some("granted"))
        );
        assert_eq!(found[1].contacts, []);
    })
    .await;
}

#[tokio::test]
async fn reminders_and_notices_are_written_once_and_change_until_they_are_in_somebodys_hands() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        family(&mut tx, practice).await;
        assert_eq!(tx.insert_planned_notices(practice, &[notice(801), notice(802)], NOW).await.unwrap(), 2);
        let new = [reminder(1, StepKey::Days(1), Some(801)), reminder(4, StepKey::Days(1), Some(801))];
        assert_eq!(tx.insert_planned_reminders(practice, &new).await.unwrap(), 2);
        assert_eq!(tx.insert_planned_reminders(practice, &new).await.unwrap(), 0, "insert or ignore");
        let mut inside = tx.visits_in_notices(practice, &[id(801), id(802)]).await.unwrap();
        inside.sort_unstable();
        assert_eq!(inside, [(id(801), id(201)), (id(801), id(204))]);

        let row = tx.plan_reminders(practice, &visits([1])).await.unwrap().remove(0);
        assert_eq!((row.id, row.appointment, row.step, row.revision), (id(601), id(201), StepKey::Days(1), 1));
        assert_eq!((row.state, row.reason.as_deref(), row.said_at), (ReminderState::Planned, None, None));
        assert_eq!(row.due_at, Instant::from_ms(7 * HOUR));
        let of = row.notice.unwrap();
        assert_eq!((of.id, of.kind, of.state, of.bix), (id(801), NoticeKind::Reminder, NoticeState::Planned, bix(1)));
        assert_eq!(
            (of.contact, of.location, of.locale, of.template.as_str()),
            (id(401), id(2), Locale::Es, "reminder")
        );
        assert_eq!((of.due_at.as_ms(), of.expires_at.as_ms()), (7 * HOUR, 8 * HOUR));

        let skipped = PlannedReminder {
            state: ReminderState::Skipped,
            reason: Some(SkipReason::Confirmed),
            notice: None,
            ..reminder(4, StepKey::Days(1), None)
        };
        assert_eq!(tx.update_planned_reminders(practice, &[skipped]).await.unwrap(), 1);
        let row = tx.plan_reminders(practice, &visits([4])).await.unwrap().remove(0);
        assert_eq!((row.state, row.reason.as_deref(), row.notice), (ReminderState::Skipped, Some("confirmed"), None));

        let by_mail = PlannedReminder { channel: Channel::Email, ..reminder(1, StepKey::Days(1), Some(801)) };
        assert_eq!(tx.update_planned_reminders(practice, &[by_mail]).await.unwrap(), 1);
        assert_eq!(tx.plan_reminders(practice, &visits([1])).await.unwrap().remove(0).channel, Channel::Email);

        let later = PlannedNotice { due_at: Instant::from_ms(9 * HOUR), contact: id(402), ..notice(801) };
        assert_eq!(tx.update_planned_notices(practice, &[later]).await.unwrap(), 1);
        let of = tx.plan_reminders(practice, &visits([1])).await.unwrap().remove(0).notice.unwrap();
        assert_eq!((of.due_at.as_ms(), of.contact), (9 * HOUR, id(402)));
        tx.commit().await.unwrap();

        // A worker takes one: it can be taken back, but not changed.
        let mut tx = store.begin(Scope::Work).await.unwrap();
        let due = Instant::from_ms(7 * HOUR);
        let claimed = tx.claim_due_notices(id(900), Instant::from_ms(7 * HOUR + 60_000), due, 10).await.unwrap();
        assert_eq!(claimed, [(practice, id(802))]);
        tx.commit().await.unwrap();
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.update_planned_notices(practice, &[notice(802)]).await.unwrap(), 0);
        let both = [id(801), id(802)];
        assert_eq!(tx.cancel_unarmed_notices(practice, &both, SkipReason::Superseded, NOW).await.unwrap(), 2);
        assert_eq!(tx.cancel_unarmed_notices(practice, &both, SkipReason::Superseded, NOW).await.unwrap(), 0);
        let of = tx.plan_reminders(practice, &visits([1])).await.unwrap().remove(0).notice.unwrap();
        assert_eq!(of.state, NoticeState::Cancelled);
        assert_eq!(tx.hold_claimed(practice, id(900), &[id(802)]).await.unwrap(), [], "the lease is gone");
    })
    .await;
}

/// Patient 1 has a number; patient 2 shares it and has an address; patient 3 shares the address only.
#[tokio::test]
async fn a_circle_goes_on_through_everybody_who_shares_a_number_or_an_address() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        family(&mut tx, practice).await;
        let address = |n: u128| NewContact {
            id: id(500 + n),
            patient: id(100 + n),
            channel: Channel::Email,
            bix: bix(2),
            private: sealed(2),
            area_zones: None,
        };
        assert_eq!(tx.insert_contacts(practice, &[address(2), address(3)]).await.unwrap(), 2);
        let circle = |together: Vec<AppointmentId>| BTreeSet::from_iter(together);
        let together = tx.visits_of_same_numbers(practice, &visits([5]), NOW).await.unwrap();
        assert_eq!(together, visits([5]), "nothing goes to an address without consent");
        let grant = ConsentEntry {
            seq: 1,
            id: id(700),
            bix: bix(2),
            channel: Channel::Email,
            act: "granted".to_owned(),
            basis: "import-column".to_owned(),
            wording: "column".to_owned(),
            locale: None,
            staff: None,
            import: None,
            at: NOW,
            prev_hash: [0; 32],
            hash: [1; 32],
        };
        tx.lock_chain_head(practice, Chain::Consent).await.unwrap();
        tx.append_consents(practice, &[grant]).await.unwrap();
        for from in [1, 4, 5] {
            let together = tx.visits_of_same_numbers(practice, &visits([from]), NOW).await.unwrap();
            assert_eq!(circle(together), circle(visits(1..=5)), "from visit {from}");
        }
        let found = tx.plan_visits(practice, &visits([4])).await.unwrap().remove(0);
        let email = found.contact(Channel::Email).unwrap();
        assert_eq!((email.id, email.bix, email.consent.as_deref()), (id(502), bix(2), Some("granted")));
        assert_eq!(found.contacts.len(), 2);
        let by_mail = PlannedNotice { channel: Channel::Email, bix: bix(2), contact: id(502), ..notice(801) };
        tx.insert_planned_notices(practice, &[by_mail], NOW).await.unwrap();
        assert_eq!(tx.claimed_notices(practice, &[id(801)]).await.unwrap()[0].channel, Channel::Email);
    })
    .await;
}
