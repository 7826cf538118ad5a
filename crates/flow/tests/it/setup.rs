//! A practice is set up, opened, changed, and its record verified.

use kept_domain::plan::Plan;
use kept_domain::practice::Location;
use kept_domain::{Instant, Locale, LocationId, PracticeSettings};
use kept_flow::audit::{Actor, AuditEntry, append};
use kept_flow::setup::{NewPerson, NewPractice, SetupError};
use kept_flow::{Flow, FlowError, FlowParts, MovableClock, RandomIds, Settings};
use kept_render::Renderer;
use kept_seal::chain::ChainBreak;
use kept_seal::{KeyFile, KeyRing, SealError};
use kept_store::testing::both;
use kept_store::{Chain, ChainHead, Scope, Store, StoredAudit, StoredLocation};
use std::sync::Arc;

const NOW: Instant = Instant::from_ms(1_795_000_000_000);

pub(crate) fn flow(store: &Store, ring: KeyRing) -> Flow {
    Flow::new(FlowParts {
        store: store.clone(),
        ring,
        render: Renderer::new().unwrap(),
        carriers: kept_carrier::Carriers::default(),
        clock: Arc::new(MovableClock::still(NOW)),
        ids: Arc::new(RandomIds),
        settings: Settings { public_url: "https://kept.example".to_owned() },
    })
}

pub(crate) fn new_practice(name: &str) -> NewPractice {
    NewPractice {
        name: name.to_owned(),
        alias: None,
        phone: Some("+14155550100".to_owned()),
        time_zone: "America/New_York".parse().unwrap(),
        settings: PracticeSettings::default(),
    }
}

pub(crate) fn person(email: &str) -> NewPerson {
    NewPerson {
        name: "Ann".to_owned(),
        email: email.to_owned(),
        role: "administrator",
        locale: Locale::En,
        password: Some("correct horse battery".to_owned()),
        must_change: true,
    }
}

#[tokio::test]
async fn a_practice_is_set_up_whole() {
    both(|store| async move {
        let flow = flow(&store, KeyRing::ephemeral().unwrap());
        assert!(matches!(flow.practice_for_command(None).await, Err(FlowError::NoPractice)));
        let created =
            flow.create_practice(&new_practice("Riverside Dental"), &person("ann@example.org")).await.unwrap();
        assert_eq!(created.slug, "riverside-dental");
        assert_eq!(created.admin.password, "correct horse battery");
        let open = flow.practice_for_command(None).await.unwrap();
        assert_eq!(open.practice.id, created.id);
        assert_eq!(open.locations.len(), 1);
        assert_eq!(open.location(created.location).unwrap().location.time_zone.name(), "America/New_York");
        let plan = open.plan_of(None).unwrap();
        assert_eq!(open.default_plan().unwrap().id, plan.id);
        assert_eq!(plan.plan, Plan::standard());
        assert_eq!(open.practitioner(kept_domain::PractitionerId::from_uuid(created.id.as_uuid())), None);
        assert_eq!(open.visit_type(kept_domain::VisitTypeId::from_uuid(created.id.as_uuid())), None);
        let verified = flow.verify_audit(created.id).await.unwrap();
        assert_eq!((verified.entries, verified.broken), (2, None), "the practice and its administrator");

        let namesake = flow.create_practice(&new_practice("Riverside Dental!"), &person("a@b.org")).await.unwrap();
        assert_eq!(namesake.slug, "riverside-dental-2");
        assert!(matches!(flow.practice_for_command(None).await, Err(FlowError::WhichPractice)));
        let named = flow.practice_for_command(Some("riverside-dental-2")).await.unwrap();
        assert_eq!(named.practice.id, namesake.id);
        assert!(flow.practice_by_slug("nobody").await.unwrap().is_none());
        assert!(matches!(flow.practice_for_command(Some("nobody")).await, Err(FlowError::NotFound { .. })));
        assert_eq!(flow.open_all().await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_set_up_leaves_nothing_behind() {
    both(|store| async move {
        let flow = flow(&store, KeyRing::ephemeral().unwrap());
        for name in ["", "   ", "!!!", &"x".repeat(121)] {
            let refused = flow.create_practice(&new_practice(name), &person("ann@example.org")).await;
            assert!(matches!(refused, Err(SetupError::Name)), "{name}");
        }
        let refused = flow.create_practice(&new_practice("North"), &person("not an address")).await;
        assert!(matches!(refused, Err(SetupError::Email)));
        assert!(flow.practices().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_colleague_is_added_once() {
    both(|store| async move {
        let flow = flow(&store, KeyRing::ephemeral().unwrap());
        let practice = flow.create_practice(&new_practice("North"), &person("ann@example.org")).await.unwrap();
        let by = Actor::Staff(practice.admin.id);
        let mut bo = person("bo@example.org");
        bo.password = None;
        let added = flow.add_person(practice.id, by, &bo).await.unwrap();
        assert_eq!(added.password.len(), 24);
        assert!(!format!("{added:?}{bo:?}").contains(&added.password));
        let again = flow.add_person(practice.id, by, &person("Bo@Example.org")).await;
        assert!(matches!(again, Err(SetupError::EmailTaken)), "case makes no other person");
        assert_eq!(flow.verify_audit(practice.id).await.unwrap().entries, 3, "a refusal leaves no entry");
    })
    .await;
}

#[tokio::test]
async fn an_open_practice_is_kept_until_something_of_it_changes() {
    both(|store| async move {
        let flow = flow(&store, KeyRing::ephemeral().unwrap());
        let id = flow.create_practice(&new_practice("North"), &person("ann@example.org")).await.unwrap().id;
        let first = flow.practice(id).await.unwrap();
        assert!(Arc::ptr_eq(&first, &flow.practice(id).await.unwrap()), "opened once");

        // Another process changes something.
        let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
        let location = Location {
            id: flow.new_id::<LocationId>(),
            name: "Branch".to_owned(),
            alias: "Branch".to_owned(),
            time_zone: "America/Chicago".parse().unwrap(),
            phone: None,
            address: None,
        };
        tx.insert_location(id, &StoredLocation { location, sender: None }).await.unwrap();
        tx.commit().await.unwrap();
        let second = flow.practice(id).await.unwrap();
        assert_eq!(second.locations.len(), 2);
        assert!(!Arc::ptr_eq(&first, &second));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_key_file_is_told_and_a_new_first_key_takes_over() {
    both(|store| async move {
        let (old_text, _) = KeyFile::generate().unwrap();
        let (new_text, new_id) = KeyFile::generate().unwrap();
        let old = KeyFile::parse(&old_text).unwrap();
        let created =
            flow(&store, old).create_practice(&new_practice("North"), &person("ann@example.org")).await.unwrap();

        let wrong = flow(&store, KeyFile::parse(&new_text).unwrap());
        let refused = wrong.open_all().await.unwrap_err();
        assert!(matches!(refused, FlowError::Seal(SealError::WrongKeyFile { .. })));
        assert!(refused.to_string().contains("put back the key file"), "{refused}");

        let both_keys = flow(&store, KeyFile::parse(&format!("{}{}", *new_text, *old_text)).unwrap());
        assert_eq!(both_keys.rewrap_keys().await.unwrap(), 1);
        let new_only = flow(&store, KeyFile::parse(&new_text).unwrap());
        assert_eq!(new_only.ring.primary_id(), new_id);
        assert_eq!(new_only.open_all().await.unwrap(), 1, "the old key may go");
        let verified = new_only.verify_audit(created.id).await.unwrap();
        assert_eq!((verified.entries, verified.broken), (3, None));
    })
    .await;
}

/// Deeds as stored by `append`, to be changed and put where they do not belong.
async fn deeds(flow: &Flow, store: &Store, count: i64) -> Vec<StoredAudit> {
    let id = flow.create_practice(&new_practice("North"), &person("ann@example.org")).await.unwrap().id;
    let mut tx = store.begin(Scope::Practice(id)).await.unwrap();
    let entries: Vec<_> =
        (0..count).map(|n| AuditEntry::system("link.opened").count("n", n).word("via", "portal")).collect();
    append(&mut tx, id, NOW, &entries).await.unwrap();
    append(&mut tx, id, NOW, &[]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(flow.verify_audit(id).await.unwrap().broken, None);
    let mut tx = store.read(Scope::Practice(id)).await.unwrap();
    let rows = tx.audit_after(id, 0, 100).await.unwrap();
    assert_eq!(rows.last().unwrap().detail, format!("{{\"n\":{},\"via\":\"portal\"}}", count - 1));
    rows
}

#[tokio::test]
async fn a_record_that_was_edited_cut_or_moved_is_told() {
    both(|store| async move {
        let flow = flow(&store, KeyRing::ephemeral().unwrap());
        let rows = deeds(&flow, &store, 5).await;
        let last = i64::try_from(rows.len()).unwrap();
        let head = |rows: &[StoredAudit]| rows.last().map_or([0; 32], |row| row.hash);

        // The whole record under another practice's id: every hash names the practice it belongs to.
        let moved = practice_with(&flow, &store, &rows, last, head(&rows)).await;
        assert_eq!(moved.1, Some(ChainBreak::Edited { seq: 1 }));
        // Nothing where the head says there is something.
        let emptied = practice_with(&flow, &store, &[], 7, [1; 32]).await;
        assert_eq!(emptied, (0, Some(ChainBreak::Cut { last: 0, head: 7 })));
        // A first entry that is not the first.
        let beheaded = practice_with(&flow, &store, &rows[1..], last, head(&rows)).await;
        assert_eq!(beheaded.1, Some(ChainBreak::Missing { expected: 1, found: 2 }));
        // Never written to.
        let untouched = practice_with(&flow, &store, &[], 0, [0; 32]).await;
        assert_eq!(untouched, (0, None));
    })
    .await;
}

/// Verifies the chain of a practice that has exactly these entries and this head.
async fn practice_with(
    flow: &Flow,
    store: &Store,
    rows: &[StoredAudit],
    seq: i64,
    hash: [u8; 32],
) -> (i64, Option<ChainBreak>) {
    let like = flow.practices().await.unwrap()[0];
    let bare = bare_practice(flow, store, like).await;
    let mut tx = store.begin(Scope::Practice(bare)).await.unwrap();
    tx.lock_chain_head(bare, Chain::Audit).await.unwrap();
    tx.insert_audit(bare, rows).await.unwrap();
    tx.set_chain_head(bare, Chain::Audit, &ChainHead { seq, hash }).await.unwrap();
    tx.commit().await.unwrap();
    let verified = flow.verify_audit(bare).await.unwrap();
    (verified.entries, verified.broken)
}

/// A practice row copied from another, without any audit entry.
async fn bare_practice(flow: &Flow, store: &Store, like: kept_domain::PracticeId) -> kept_domain::PracticeId {
    let mut tx = store.read(Scope::Practice(like)).await.unwrap();
    let mut row = tx.stored_practice(like).await.unwrap().unwrap();
    drop(tx);
    row.practice.id = flow.new_id();
    row.practice.slug = format!("bare-{}", row.practice.id);
    let mut tx = store.begin(Scope::Practice(row.practice.id)).await.unwrap();
    tx.insert_practice(&row, NOW).await.unwrap();
    tx.commit().await.unwrap();
    row.practice.id
}

#[tokio::test]
async fn a_value_moved_outside_kept_is_recorded_and_other_failures_are_not() {
    both(|store| async move {
        let flow = flow(&store, KeyRing::ephemeral().unwrap());
        let practice = flow.create_practice(&new_practice("North"), &person("ann@example.org")).await.unwrap().id;
        let other: Result<(), _> = Err(FlowError::NotFound { what: "visit" });
        assert!(flow.witness(other).await.is_err());
        assert!(flow.witness(Ok(())).await.is_ok());
        assert_eq!(flow.verify_audit(practice).await.unwrap().entries, 2);

        let row = practice.as_uuid();
        let tampered = SealError::Tampered { practice, table: "patients", column: "private", row };
        let passed: Result<(), _> = flow.witness(Err(tampered.into())).await;
        assert!(matches!(passed, Err(FlowError::Seal(SealError::Tampered { .. }))), "the failure itself is passed on");
        let mut tx = store.read(Scope::Practice(practice)).await.unwrap();
        let last = tx.audit_after(practice, 2, 10).await.unwrap();
        assert_eq!(last.len(), 1);
        assert_eq!(last[0].act, "decrypt.failed");
        assert_eq!(last[0].detail, format!("{{\"column\":\"private\",\"row\":\"{row}\",\"table\":\"patients\"}}"));
    })
    .await;
}
