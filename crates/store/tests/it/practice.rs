//! Practices, their keys, and what stands beside them.

use super::intake::{id, practice as a_practice, sealed};
use kept_domain::practice::{Location, Practice};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use uuid::Uuid;

const NOW: Instant = Instant::from_ms(1_000_000);

fn stored(number: u128, slug: &str) -> StoredPractice {
    StoredPractice {
        practice: Practice {
            id: PracticeId::from_uuid(Uuid::from_u128(number)),
            slug: slug.to_owned(),
            name: "Südpraxis".to_owned(),
            alias: "South".to_owned(),
            time_zone: "America/New_York".parse().unwrap(),
            phone: Some("+14155550100".to_owned()),
            settings: PracticeSettings { discreet: true, ..PracticeSettings::default() },
        },
        salt: Salt([7; 32]),
        wrapped_index_key: vec![1, 2],
        deks: vec![dek(1, 3), dek(2, 4)],
        rev: 1,
    }
}

fn dek(version: i64, byte: u8) -> StoredDek {
    StoredDek { version, wrapped: vec![byte], sealing: true }
}

fn location(number: u128, name: &str) -> StoredLocation {
    StoredLocation {
        location: Location {
            id: LocationId::from_uuid(Uuid::from_u128(number)),
            name: name.to_owned(),
            alias: name.to_owned(),
            time_zone: "America/Chicago".parse().unwrap(),
            phone: None,
            address: Some("1 Main St".to_owned()),
        },
        sender: Some("+14155550199".to_owned()),
    }
}

#[tokio::test]
async fn a_practice_comes_back_as_it_was_stored() {
    both(|store| async move {
        let new = stored(50, "south");
        let id = new.practice.id;
        let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
        tx.insert_practice(&new, NOW).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = store.read(Scope::Practice(id)).await.unwrap();
        let found = tx.stored_practice(id).await.unwrap().unwrap();
        assert_eq!(found.practice, new.practice);
        assert_eq!((found.salt, found.wrapped_index_key, found.deks, found.rev), (new.salt, vec![1, 2], new.deks, 1));
        assert!(tx.stored_practice(PracticeId::from_uuid(Uuid::nil())).await.unwrap().is_none());
        drop(tx);

        let mut tx = store.read(Scope::Lookup).await.unwrap();
        assert_eq!(tx.practice_by_slug("south").await.unwrap(), Some(id));
        assert_eq!(tx.practice_by_slug("north").await.unwrap(), None);
        assert_eq!(tx.practice_ids().await.unwrap(), [id]);
        drop(tx);

        let taken = stored(51, "south");
        let mut tx = store.begin(Scope::Practice(taken.practice.id)).await.unwrap();
        assert!(tx.insert_practice(&taken, NOW).await.unwrap_err().is_duplicate());
    })
    .await;
}

#[tokio::test]
async fn every_change_raises_the_rev() {
    both(|store| async move {
        let id = a_practice(&store).await;
        let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
        let mut last = tx.practice_rev(id).await.unwrap().unwrap();
        let settings = PracticeSettings { cap_per_day: 2, ..PracticeSettings::default() };
        tx.set_practice_settings(id, &settings).await.unwrap();
        assert!(tx.practice_rev(id).await.unwrap().unwrap() > std::mem::replace(&mut last, i64::MAX));
        last = tx.practice_rev(id).await.unwrap().unwrap();
        tx.set_practice_facts(id, "New", "N", Some("+14155550100")).await.unwrap();
        assert_eq!(tx.practice_rev(id).await.unwrap().unwrap(), last + 1);
        let found = tx.stored_practice(id).await.unwrap().unwrap().practice;
        assert_eq!((found.name.as_str(), found.alias.as_str(), found.settings), ("New", "N", settings));

        let mut branch = location(900, "Branch");
        tx.insert_location(id, &branch).await.unwrap();
        branch.location.phone = Some("+14155550101".to_owned());
        tx.set_location(id, &branch).await.unwrap();
        let plan = StoredPlan {
            id: PlanId::from_uuid(Uuid::from_u128(1)),
            name: "Standard".to_owned(),
            steps: "[]".to_owned(),
            is_default: true,
            version: 1,
        };
        tx.insert_plan(id, &plan).await.unwrap();
        tx.touch_practice(id).await.unwrap();
        assert_eq!(tx.practice_rev(id).await.unwrap().unwrap(), last + 5);

        let missing = tx.set_location(id, &location(901, "Nowhere")).await.unwrap_err();
        assert!(matches!(missing, StoreError::Missing { table: "locations", .. }));
        let nobody = PracticeId::from_uuid(Uuid::nil());
        assert!(matches!(tx.touch_practice(nobody).await, Err(StoreError::Missing { table: "practices", .. })));
        assert_eq!(tx.practice_rev(nobody).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn locations_and_plans_keep_their_order() {
    both(|store| async move {
        let id = a_practice(&store).await;
        let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
        tx.insert_location(id, &location(1, "Second")).await.unwrap();
        tx.insert_location(id, &location(0, "Third")).await.unwrap();
        let names: Vec<_> = tx.locations(id).await.unwrap().into_iter().map(|found| found.location.name).collect();
        assert_eq!(names, ["Main", "Second", "Third"]);
        assert_eq!(tx.locations(id).await.unwrap()[1], location(1, "Second"));

        let plan = |number: u128, name: &str, is_default| StoredPlan {
            id: PlanId::from_uuid(Uuid::from_u128(number)),
            name: name.to_owned(),
            steps: "[]".to_owned(),
            is_default,
            version: 1,
        };
        tx.insert_plan(id, &plan(1, "B", true)).await.unwrap();
        tx.insert_plan(id, &plan(2, "A", false)).await.unwrap();
        assert_eq!(tx.plans(id).await.unwrap(), [plan(1, "B", true), plan(2, "A", false)]);
        tx.insert_plan(id, &plan(3, "C", true)).await.unwrap();
        let plans = tx.plans(id).await.unwrap();
        assert_eq!(plans.iter().filter(|plan| plan.is_default).count(), 1, "one default only");
        assert_eq!(plans[0].name, "C");
        assert!(tx.practitioners(id).await.unwrap().is_empty());
        assert!(tx.visit_types(id).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn keys_are_added_and_wrapped_again_all_or_none() {
    both(|store| async move {
        let new = stored(50, "south");
        let id = new.practice.id;
        let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
        tx.insert_practice(&new, NOW).await.unwrap();
        tx.insert_practice_key(id, &dek(3, 5), NOW).await.unwrap();
        let again =
            |version: i64| StoredDek { version, wrapped: vec![9, u8::try_from(version).unwrap()], sealing: true };
        tx.rewrap_practice_keys(id, &[8], &[again(1), again(2), again(3)]).await.unwrap();
        let found = tx.stored_practice(id).await.unwrap().unwrap();
        assert_eq!(found.deks, [again(1), again(2), again(3)]);
        assert_eq!(found.wrapped_index_key, [8]);
        for wrong in [vec![again(1), again(2)], vec![again(1), again(2), again(4)]] {
            assert!(matches!(tx.rewrap_practice_keys(id, &[8], &wrong).await, Err(StoreError::Changed { .. })));
        }
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_address_signs_in_once() {
    both(|store| async move {
        let id = a_practice(&store).await;
        let person = |number: u128, bix: u8| NewStaff {
            id: StaffId::from_uuid(Uuid::from_u128(number)),
            private: Sealed::try_from(vec![1; 40]).unwrap(),
            email_bix: BlindIndex([bix; 16]),
            role: "administrator".to_owned(),
            kdf: "{}".to_owned(),
            verifier: [2; 32],
            locale: "en".to_owned(),
            must_change: true,
            created_at: NOW,
        };
        let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
        tx.insert_staff(id, &person(1, 1)).await.unwrap();
        tx.insert_staff(id, &person(2, 2)).await.unwrap();
        assert!(tx.insert_staff(id, &person(3, 1)).await.unwrap_err().is_duplicate());
    })
    .await;
}

#[tokio::test]
async fn a_visit_type_has_a_plan_of_its_own_and_unused_ones_go() {
    both(|store| async move {
        let practice = a_practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let kind = |n: u8| NewName { id: id(600 + u128::from(n)), name_bix: BlindIndex([n; 16]), private: sealed(n) };
        assert_eq!(tx.insert_visit_types(practice, &[kind(2), kind(1)]).await.unwrap(), 2);
        let plan = |n: u128, is_default| StoredPlan {
            id: id(n),
            name: "Own".to_owned(),
            steps: "[]".to_owned(),
            is_default,
            version: 1,
        };
        for new in [plan(91, true), plan(92, false), plan(93, false)] {
            tx.insert_plan(practice, &new).await.unwrap();
        }
        let first = tx.visit_types(practice).await.unwrap()[0].id;
        tx.set_visit_type_plan(practice, first, Some(id(92))).await.unwrap();
        tx.set_plan_steps(practice, id(92), "[{}]").await.unwrap();
        assert_eq!(tx.visit_types(practice).await.unwrap()[0].plan, Some(id(92)));
        assert_eq!(tx.drop_unused_plans(practice).await.unwrap(), 1, "nobody has the third");
        let plans: Vec<_> = tx.plans(practice).await.unwrap().into_iter().map(|p| (p.id, p.steps, p.version)).collect();
        assert_eq!(plans, [(id(91), "[]".to_owned(), 1), (id(92), "[{}]".to_owned(), 2)]);
        tx.set_visit_type_plan(practice, first, None).await.unwrap();
        assert_eq!(tx.visit_types(practice).await.unwrap()[0].plan, None);
        let missing = tx.set_plan_steps(practice, id(99), "[]").await.unwrap_err();
        assert!(matches!(missing, StoreError::Missing { table: "plans", .. }), "{missing}");
        let missing = tx.set_visit_type_plan(practice, id(99), None).await.unwrap_err();
        assert!(matches!(missing, StoreError::Missing { table: "visit_types", .. }), "{missing}");
    })
    .await;
}
