//! What patients wish.

use super::intake::{id, patient, practice, sealed, three_visits};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;

const NOW: Instant = Instant::from_ms(1_000_000);
const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_wish_is_stored_and_marks_the_visits_to_come() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        let one = id(101);
        let stored = tx.patient_preference(practice, one).await.unwrap().unwrap();
        let nothing = StoredPreference {
            locale: Some(Locale::Es),
            locale_own: false,
            channel: None,
            has_sms: false,
            has_email: false,
        };
        assert_eq!(stored, nothing);
        assert_eq!(tx.patient_preference(practice, id(199)).await.unwrap(), None);
        let address = NewContact {
            id: id(501),
            patient: one,
            channel: Channel::Email,
            bix: BlindIndex([2; 16]),
            private: sealed(2),
            area_zones: None,
        };
        tx.insert_contacts(practice, &[address]).await.unwrap();
        assert_eq!(tx.set_patient_locale(practice, one, Locale::En).await.unwrap(), 1);
        assert_eq!(tx.set_patient_channel(practice, one, Some(Channel::Email)).await.unwrap(), 1);
        assert_eq!(tx.set_patient_channel(practice, id(199), None).await.unwrap(), 0);
        let stored = tx.patient_preference(practice, one).await.unwrap().unwrap();
        let wished = StoredPreference {
            locale: Some(Locale::En),
            locale_own: true,
            channel: Some(Channel::Email),
            has_email: true,
            ..nothing
        };
        assert_eq!(stored, wished);
        // A calendar that says another language does not undo the patient's own choice.
        let NewPatient { private, content_mac, .. } = patient(1);
        let said = ChangedPatient {
            id: one,
            was_rev: 1,
            private,
            content_mac,
            has_birth_date: true,
            locale: Some(Locale::Es),
        };
        assert_eq!(tx.update_patients(practice, &[said]).await.unwrap(), 1);
        assert_eq!(tx.patient_preference(practice, one).await.unwrap().unwrap().locale, Some(Locale::En));
        assert_eq!(tx.set_patient_channel(practice, one, None).await.unwrap(), 1);
        assert_eq!(tx.patient_preference(practice, one).await.unwrap().unwrap().channel, None);

        tx.take_plan_due(practice, 10).await.unwrap();
        assert_eq!(tx.replan_patient(practice, one, Instant::from_ms(2 * HOUR)).await.unwrap(), 2);
        assert_eq!(tx.take_plan_due(practice, 10).await.unwrap(), [id(202), id(203)]);
    })
    .await;
}

#[tokio::test]
async fn a_visit_is_muted_for_its_own_patient_only() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        tx.take_plan_due(practice, 10).await.unwrap();
        assert_eq!(tx.set_visit_muted(practice, id(102), id(202), true).await.unwrap(), 0, "somebody else's");
        assert_eq!(tx.set_visit_muted(practice, id(101), id(202), true).await.unwrap(), 1);
        assert_eq!(tx.set_visit_muted(practice, id(101), id(202), true).await.unwrap(), 0, "it is already");
        assert_eq!(tx.muted_visits(practice, id(101), NOW).await.unwrap(), [id(202)]);
        assert_eq!(tx.muted_visits(practice, id(101), Instant::from_ms(3 * HOUR)).await.unwrap(), []);
        assert_eq!(tx.take_plan_due(practice, 10).await.unwrap(), [id(202)]);
        assert!(tx.plan_visits(practice, &[id(202)]).await.unwrap()[0].muted);
        assert_eq!(tx.set_visit_muted(practice, id(101), id(202), false).await.unwrap(), 1);
        assert_eq!(tx.muted_visits(practice, id(101), NOW).await.unwrap(), []);
    })
    .await;
}
