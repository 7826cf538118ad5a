//! Connecting, schema versions, scopes, priorities.

use kept_store::testing::{TestDatabase, both};
use kept_store::{DatabaseUrl, Scope, Settings, Store, StoreError};
use sqlx::{Connection as _, PgConnection};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test]
async fn a_fresh_database_has_the_wanted_schema_and_migrating_again_changes_nothing() {
    both(|store| async move {
        let before = store.schema_state().await.unwrap();
        assert_eq!(before.found, before.wanted);
        assert!(before.wanted >= 1);
        store.migrate().await.unwrap();
        assert_eq!(store.schema_state().await.unwrap(), before);
    })
    .await;
}

#[tokio::test]
async fn an_empty_database_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("empty.db");
    std::fs::write(&path, b"").unwrap();
    let error = Store::connect(&Settings::new(DatabaseUrl::Sqlite(path))).await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaOlder { found: 0, .. }), "{error}");
    assert!(error.to_string().contains("kept migrate"));
}

#[tokio::test]
async fn a_missing_file_is_unreachable_and_is_not_created() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.db");
    let error = Store::connect(&Settings::new(DatabaseUrl::Sqlite(path.clone()))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
    assert!(error.is_passing() && !StoreError::Address.is_passing());
    assert!(!path.exists());
}

#[test]
fn an_address_of_another_kind_is_refused() {
    for text in ["", "mysql://x", "sqlite:", "kept.db"] {
        assert!(matches!(text.parse::<DatabaseUrl>(), Err(StoreError::Address)), "{text}");
    }
    assert!(!format!("{:?}", "postgres://u:secret@h/d".parse::<DatabaseUrl>().unwrap()).contains("secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_begin_that_is_given_up_leaves_no_transaction_behind() {
    let mut databases = vec![TestDatabase::sqlite().await];
    databases.extend(TestDatabase::postgres().await);
    for database in databases {
        // One connection, so that what one caller leaves is what the next one gets.
        let mut settings = database.settings.clone();
        settings.connections = 1;
        let store = Store::connect(&settings).await.unwrap();
        for wait_us in (0..400).step_by(4) {
            let wait = std::time::Duration::from_micros(wait_us);
            // Whether it began in time is left to chance; either way the next one must be able to write.
            drop(tokio::time::timeout(wait, store.read(Scope::Work)).await);
            let mut tx = store.begin(Scope::Work).await.unwrap();
            let now = kept_domain::Instant::from_ms(0);
            tx.claim_sweep("plan", kept_domain::LeaseToken::from(uuid::Uuid::nil()), now, now).await.unwrap();
            tx.rollback().await.unwrap();
        }
        store.close().await;
        database.close().await;
    }
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_the_writer_free() {
    both(|store| async move {
        for _ in 0..3 {
            let tx = store.begin(Scope::Work).await.unwrap();
            assert_eq!(tx.scope(), Scope::Work);
            drop(tx);
        }
        store.begin_batch(Scope::Work).await.unwrap().rollback().await.unwrap();
        store.read(Scope::Lookup).await.unwrap().commit().await.unwrap();
        store.begin(Scope::Work).await.unwrap().commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_batch_lets_a_portal_write_pass() {
    let database = TestDatabase::sqlite().await;
    let held = database.store.begin(Scope::Work).await.unwrap();
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let portal = tokio::spawn({
        let (store, order) = (database.store.clone(), order.clone());
        async move {
            let tx = store.begin(Scope::Work).await.unwrap();
            order.lock().unwrap().push("portal");
            tx.commit().await.unwrap();
        }
    });
    tokio::task::yield_now().await;
    let batch = tokio::spawn({
        let (store, order) = (database.store.clone(), order.clone());
        async move {
            let tx = store.begin_batch(Scope::Work).await.unwrap();
            order.lock().unwrap().push("batch");
            tx.commit().await.unwrap();
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    held.commit().await.unwrap();
    portal.await.unwrap();
    batch.await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["portal", "batch"]);
    database.close().await;
}

#[tokio::test]
async fn a_person_waits_for_one_batch_at_most() {
    let database = TestDatabase::sqlite().await;
    let (store, order) = (database.store.clone(), Arc::new(Mutex::new(Vec::new())));
    let under_way = store.begin_batch(Scope::Work).await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    // The batch has waited for longer than a batch is patient when the person comes.
    for (who, after) in [("batch", 0), ("person", 100)] {
        let (store, order) = (store.clone(), Arc::clone(&order));
        waiting.spawn(async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            let begun =
                if who == "batch" { store.begin_batch(Scope::Work).await } else { store.begin(Scope::Work).await };
            order.lock().unwrap().push(who);
            begun.unwrap().rollback().await.unwrap();
        });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    under_way.rollback().await.unwrap();
    while let Some(done) = waiting.join_next().await {
        done.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), ["person", "batch"]);
    database.close().await;
}

#[tokio::test]
async fn it_is_quiet_until_somebody_waits() {
    both(|store| async move {
        store.begin_batch(Scope::Work).await.unwrap().rollback().await.unwrap();
        assert!(store.is_quiet(), "batches disturb nobody");
        store.begin(Scope::Work).await.unwrap().rollback().await.unwrap();
        assert!(!store.is_quiet());
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert!(store.is_quiet());
    })
    .await;
}

/// What bulk statements rest on: without statistics SQLite would visit every row of the practice for each row of the batch.
#[tokio::test]
async fn sqlite_takes_bulk_rows_first_and_the_table_by_its_index() {
    let database = TestDatabase::sqlite().await;
    let rows = "(SELECT unhex(value ->> 0) AS id FROM json_each(?1) LIMIT -1) AS r";
    let by_index = |plan: &[String], table: &str| {
        plan.iter().any(|line| line.starts_with(&format!("SEARCH {table} ")) && line.contains("AND id=?"))
    };
    let mut tx = database.store.begin(Scope::Work).await.unwrap();
    for table in ["appointments", "notices", "reminders"] {
        let update =
            format!("UPDATE {table} SET id = r.id FROM {rows} WHERE {table}.practice_id = ?2 AND {table}.id = r.id");
        let plan = tx.explain(&update).await.unwrap();
        assert!(by_index(&plan, table), "{plan:?}");
    }
    drop(tx);
    let mut tx = database.store.read(Scope::Work).await.unwrap();
    let select = format!("SELECT a.id FROM {rows} JOIN appointments AS a ON a.practice_id = ?2 AND a.id = r.id");
    let plan = tx.explain(&select).await.unwrap();
    assert!(by_index(&plan, "a"), "readers know the statistics too: {plan:?}");
    drop(tx);
    database.close().await;
}

/// Row-level security binds migrations too: one that forgets it changes nothing.
#[tokio::test]
async fn a_practice_from_before_rotation_has_a_key_that_seals_after_migrating() {
    const MIGRATION: &str = include_str!("../../../../migrations/postgres/0014_first_keys_seal.sql");
    let Some(database) = TestDatabase::postgres().await else { return };
    super::intake::practice(&database.store).await;
    let DatabaseUrl::Postgres(url) = &database.settings.url else { panic!("a server") };
    let mut before = PgConnection::connect(url).await.unwrap();
    let old = "SET kept.scope = 'work';
        INSERT INTO practice_keys (practice_id, version, wrapped_dek, created_at_ms) SELECT id, 1, '\\x01', 5 FROM practices";
    sqlx::raw_sql(old).execute(&mut before).await.unwrap();
    let mut migrating = PgConnection::connect(url).await.unwrap();
    let text = sqlx::AssertSqlSafe(format!("BEGIN; {MIGRATION} COMMIT"));
    sqlx::raw_sql(text).execute(&mut migrating).await.unwrap();
    let sealing = "SELECT version, sealing_at_ms = created_at_ms FROM practice_keys";
    let keys: Vec<(i64, Option<bool>)> = sqlx::query_as(sealing).fetch_all(&mut before).await.unwrap();
    assert_eq!(keys, [(1, Some(true))]);
    database.close().await;
}
