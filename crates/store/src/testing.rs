//! Fresh databases for tests: every body runs on SQLite and on PostgreSQL.

use crate::pool::{DatabaseUrl, Settings, Store};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::future::Future;

/// Environment variable with the address of a PostgreSQL database whose (not super-) user may create databases.
/// `tests/run` sets it. Without it only SQLite is tested, unless `CI` is set: then a missing one is a failure.
pub const POSTGRES_VARIABLE: &str = "KEPT_TEST_POSTGRES_URL";

/// Seconds to wait for the server's cleaner to leave a database of many rows.
const DROP_TRIES: u32 = 60;

/// One empty, migrated database.
#[derive(Debug)]
pub struct TestDatabase {
    /// The store on it.
    pub store: Store,
    /// How it was opened, to open it again as a restart would.
    pub settings: Settings,
    directory: Option<tempfile::TempDir>,
    drop_postgres: Option<(String, String)>,
}

impl TestDatabase {
    /// An empty SQLite file in a temporary directory.
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let settings = Settings::new(DatabaseUrl::Sqlite(directory.path().join("kept.db")));
        let store = Store::connect_and_migrate(&settings).await.expect("a fresh SQLite database");
        Self { store, settings, directory: Some(directory), drop_postgres: None }
    }

    /// An empty PostgreSQL database, where a server is given.
    pub async fn postgres() -> Option<Self> {
        // The name needs no more than to be new on this server: process id and a counter of the process.
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let Ok(server) = std::env::var(POSTGRES_VARIABLE) else {
            assert!(std::env::var_os("CI").is_none(), "{POSTGRES_VARIABLE} must be set in CI: run tests/run");
            return None;
        };
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("kept_test_{}_{count}", std::process::id());
        let mut admin = PgConnection::connect(&server).await.expect("the test server answers");
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}")))
            .execute(&mut admin)
            .await
            .expect("no old database");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await
            .expect("may create databases");
        admin.close().await.expect("the test server says goodbye");
        let (base, _) = server.rsplit_once('/').expect("the address ends in a database name");
        let mut settings = Settings::new(DatabaseUrl::Postgres(format!("{base}/{name}")));
        settings.connections = 8;
        let store = Store::connect_and_migrate(&settings).await.expect("a fresh PostgreSQL database");
        Some(Self { store, settings, directory: None, drop_postgres: Some((server, name)) })
    }

    /// Where the SQLite file lies, to search it raw.
    pub fn sqlite_directory(&self) -> Option<&std::path::Path> {
        self.directory.as_ref().map(tempfile::TempDir::path)
    }

    /// Removes the database. A test that panics leaves its database to the end of the test server.
    pub async fn close(self) {
        self.store.close().await;
        if let Some((server, name)) = self.drop_postgres {
            let mut admin = PgConnection::connect(&server).await.expect("the test server answers");
            // The server's own cleaner may look at the database just now; it is the superuser's, not ours to end.
            for tries_left in (0..DROP_TRIES).rev() {
                let sql = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                match sqlx::query(sql).execute(&mut admin).await {
                    Err(problem) if tries_left == 0 => panic!("the database can be dropped: {problem}"),
                    Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
                    Ok(_) => break,
                }
            }
        }
    }
}

/// Runs `body` once on each engine, each time with an empty database.
pub async fn both<F, Fut>(body: F)
where
    F: Fn(Store) -> Fut,
    Fut: Future<Output = ()>,
{
    let database = TestDatabase::sqlite().await;
    body(database.store.clone()).await;
    database.close().await;
    if let Some(database) = TestDatabase::postgres().await {
        body(database.store.clone()).await;
        database.close().await;
    }
}

impl crate::Tx {
    /// Every statement that ran in this transaction so far, as the engine got it, with the lines of its plan: on PostgreSQL the
    /// one that a prepared statement keeps for all its runs. Starts anew.
    pub async fn explain_all(&mut self) -> Result<Vec<(String, Vec<String>)>, crate::StoreError> {
        let mut plans = Vec::new();
        for text in std::mem::take(&mut self.seen) {
            let explained = match self.engine() {
                crate::Engine::Sqlite => text.clone(),
                crate::Engine::Postgres => {
                    let binds = (1..100).take_while(|n| text.contains(&format!("${n}"))).count();
                    let nothing = vec!["NULL"; binds].join(", ");
                    let prepare =
                        format!("SET LOCAL plan_cache_mode = force_generic_plan; PREPARE explained AS {text}");
                    if let crate::tx::Inner::Postgres(c) = &mut self.inner {
                        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut **c).await?;
                    }
                    if binds == 0 { "EXECUTE explained".to_owned() } else { format!("EXECUTE explained ({nothing})") }
                }
            };
            let plan = self.explain(&explained).await?;
            if let crate::tx::Inner::Postgres(c) = &mut self.inner {
                sqlx::raw_sql("DEALLOCATE explained").execute(&mut **c).await?;
            }
            plans.push((text, plan));
        }
        Ok(plans)
    }

    /// Locks every row of a table until the transaction ends, as another program may.
    pub async fn lock_table_rows(&mut self, table: &str) -> Result<(), crate::StoreError> {
        if let crate::tx::Inner::Postgres(c) = &mut self.inner {
            sqlx::raw_sql(AssertSqlSafe(format!("SELECT 1 FROM {table} FOR UPDATE"))).execute(&mut **c).await?;
        }
        Ok(())
    }

    /// How many rows each table holds, by name, for tests that nothing was written. Needs [`crate::Scope::Work`].
    pub async fn row_counts(&mut self) -> Result<Vec<(String, i64)>, crate::StoreError> {
        let names = match self.engine() {
            crate::Engine::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
            crate::Engine::Postgres => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
            }
        };
        let names: Vec<(String,)> = all!(self, (String,), names)?;
        let mut counts = Vec::new();
        for (name,) in names {
            let text = AssertSqlSafe(format!("SELECT COUNT(*) FROM {name}"));
            let count = match &mut self.inner {
                crate::tx::Inner::Sqlite(c) => {
                    sqlx::query_scalar::<sqlx::Sqlite, i64>(text).fetch_one(&mut **c).await?
                }
                crate::tx::Inner::Postgres(c) => {
                    sqlx::query_scalar::<sqlx::Postgres, i64>(text).fetch_one(&mut **c).await?
                }
            };
            counts.push((name, count));
        }
        Ok(counts)
    }
}
