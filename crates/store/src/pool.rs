//! Connections: one writer and several readers on SQLite, one pool on PostgreSQL.

use crate::checkpoint;
use crate::error::StoreError;
use crate::tx::{Inner, Scope, Tx};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// How long a statement waits for another program's lock on the SQLite file before it is [`StoreError::Busy`].
pub(crate) const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a batch lets portal writes pass before it takes its turn all the same.
const BATCH_PATIENCE: Duration = Duration::from_millis(50);
/// After nobody has waited for so long, background work may take more at once.
const QUIET: Duration = Duration::from_secs(1);

/// SQLite's writer keeps this much of the file in memory (negative: KiB). Keys of most indexes are random, so that a large upload
/// comes back to all their pages; with the usual 2 MiB it would read and write each of them many times over.
const WRITER_CACHE_KIB: &str = "-65536";
/// Rows that SQLite's thread may be ahead of who reads them: a batch, so that the two need not take turns.
const ROW_BUFFER: usize = 512;

/// How PostgreSQL begins a batch. Its statements find each of their rows by an index, whatever the planner believes: of a table
/// that was empty a moment ago it believes that reading all of it costs nothing, and a prepared statement keeps that plan while
/// the table grows a thousandfold.
const BATCH: &str =
    "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";
const READ_BATCH: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off; \
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";

/// Every so-manieth batch on PostgreSQL makes its connection's plans anew. A prepared statement keeps the plan of the day when its
/// tables were small, and sizes are looked at when a plan is made; making one costs a fraction of a millisecond.
const PLANS_LAST_BATCHES: usize = 8;

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A `postgres://` address; may hold a password, hence no `Debug` of it.
    Postgres(String),
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres:…"),
        }
    }
}

impl std::str::FromStr for DatabaseUrl {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(StoreError::Address) } else { Ok(Self::Sqlite(path.into())) };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(StoreError::Address)
    }
}

/// What the store needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the database is.
    pub url: DatabaseUrl,
    /// Connections at most: PostgreSQL's pool, SQLite's readers.
    pub connections: u32,
}

impl Settings {
    /// With the default number of connections (16).
    pub fn new(url: DatabaseUrl) -> Self {
        Self { url, connections: 16 }
    }
}

/// Which engine a store speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file.
    Sqlite,
    /// A server.
    Postgres,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) pools: Pools,
    people: Arc<People>,
}

/// When somebody last waited for a transaction.
#[derive(Debug)]
struct People {
    opened: std::time::Instant,
    /// Milliseconds since the store was opened; 0: never.
    last_ms: AtomicU64,
}

impl People {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.engine())
    }
}

#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
        folder: SqlitePool,
        urgent: Arc<watch::Sender<usize>>,
        /// Whose turn it is among batches.
        turn: Arc<Mutex<()>>,
        /// Told of every commit.
        written: watch::Sender<()>,
    },
    Postgres {
        pool: PgPool,
        /// Batches that were begun.
        batches: Arc<AtomicUsize>,
    },
}

impl Store {
    /// Opens the database without changing its schema, and refuses one that is older or newer than this program.
    pub async fn connect(settings: &Settings) -> Result<Self, StoreError> {
        let store = Self::open(settings, false).await?;
        store.require_current_schema().await?;
        Ok(store)
    }

    /// Opens the database, creates the SQLite file where there is none, and brings the schema up to date.
    pub async fn connect_and_migrate(settings: &Settings) -> Result<Self, StoreError> {
        let store = Self::open(settings, true).await?;
        store.migrate().await?;
        Ok(store)
    }

    pub(crate) async fn open(settings: &Settings, create: bool) -> Result<Self, StoreError> {
        let pools = match &settings.url {
            DatabaseUrl::Sqlite(path) => {
                // `synchronous=FULL`: a confirmed visit survives a power cut. It costs nothing once writes are batched.
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(create)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    // What a statement sets aside (bulk rows, a way back) stays in memory.
                    .pragma("temp_store", "memory")
                    .row_buffer_size(ROW_BUFFER)
                    .busy_timeout(SQLITE_BUSY_TIMEOUT);
                let writer = SqlitePoolOptions::new()
                    .max_connections(1)
                    .min_connections(1)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .before_acquire(|connection, _| Box::pin(async move { Ok(is_free(connection)) }))
                    .connect_with(
                        options
                            .clone()
                            .pragma("cache_size", WRITER_CACHE_KIB)
                            .pragma("wal_autocheckpoint", checkpoint::LAST_RESORT_PAGES),
                    )
                    .await
                    .map_err(unreachable)?;
                let readers = SqlitePoolOptions::new()
                    .max_connections(settings.connections)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .before_acquire(|connection, _| Box::pin(async move { Ok(is_free(connection)) }))
                    .connect_with(options.clone().pragma("query_only", "on"))
                    .await
                    .map_err(unreachable)?;
                let written = watch::Sender::new(());
                let folder = checkpoint::start(options, written.subscribe());
                let urgent = Arc::new(watch::Sender::new(0));
                Pools::Sqlite { writer, readers, folder, urgent, turn: Arc::default(), written }
            }
            DatabaseUrl::Postgres(url) => {
                let options: PgConnectOptions = url.parse().map_err(|_| StoreError::Address)?;
                let pool = PgPoolOptions::new()
                    .max_connections(settings.connections)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .connect_with(options.application_name("kept"))
                    .await
                    .map_err(unreachable)?;
                Pools::Postgres { pool, batches: Arc::default() }
            }
        };
        let people = Arc::new(People { opened: std::time::Instant::now(), last_ms: AtomicU64::new(0) });
        Ok(Self { pools, people })
    }

    /// Whether nobody has waited for a transaction for a while, so that background work may take more at once: whoever comes next
    /// waits until it is done.
    pub fn is_quiet(&self) -> bool {
        let last = self.people.last_ms.load(Ordering::Relaxed);
        last == 0 || u128::from(self.people.now_ms().saturating_sub(last)) >= QUIET.as_millis()
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Begins a read-write transaction that a person waits for.
    pub async fn begin(&self, scope: Scope) -> Result<Tx, StoreError> {
        self.people.last_ms.store(self.people.now_ms().max(1), Ordering::Relaxed);
        match &self.pools {
            Pools::Sqlite { writer, urgent, written, .. } => {
                urgent.send_modify(|waiting| *waiting += 1);
                let _guard = Urgent(urgent);
                let tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                Ok(Tx::new(Inner::Sqlite(tx), scope, Some(written.clone())))
            }
            Pools::Postgres { pool, .. } => begin_postgres(pool, "BEGIN", scope).await,
        }
    }

    /// Begins a read-write transaction of background work. On SQLite, which has one writer, it lets those that a
    /// person waits for go first, and no other batch stands between them and the one that is under way.
    pub async fn begin_batch(&self, scope: Scope) -> Result<Tx, StoreError> {
        match &self.pools {
            Pools::Sqlite { writer, urgent, turn, written, .. } => {
                let turn = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(turn).lock_owned())
                    .await
                    .map_err(|_| sqlx::Error::PoolTimedOut)?;
                let mut waiting = urgent.subscribe();
                // Patience ends, so that steady portal traffic cannot starve the senders.
                let gave_way =
                    tokio::time::timeout(BATCH_PATIENCE, waiting.wait_for(|count| *count == 0)).await.is_ok();
                tracing::trace!(gave_way, "batch takes the writer");
                let tx = writer.begin_with("BEGIN IMMEDIATE").await?;
                let mut tx = Tx::new(Inner::Sqlite(tx), scope, Some(written.clone()));
                tx.turn = Some(turn);
                Ok(tx)
            }
            Pools::Postgres { pool, batches } => begin_postgres(pool, &batch(BATCH, batches), scope).await,
        }
    }

    /// Begins a read-only transaction over one snapshot.
    pub async fn read(&self, scope: Scope) -> Result<Tx, StoreError> {
        match &self.pools {
            Pools::Sqlite { readers, .. } => {
                Ok(Tx::new(Inner::Sqlite(readers.begin_with("BEGIN").await?), scope, None))
            }
            Pools::Postgres { pool, .. } => {
                begin_postgres(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", scope).await
            }
        }
    }

    /// As [`Store::read`], for background work that looks up many rows at once.
    pub async fn read_batch(&self, scope: Scope) -> Result<Tx, StoreError> {
        match &self.pools {
            Pools::Sqlite { .. } => self.read(scope).await,
            Pools::Postgres { pool, batches } => begin_postgres(pool, &batch(READ_BATCH, batches), scope).await,
        }
    }

    /// Closes every connection; on SQLite folds the write-ahead log into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers, folder, .. } => {
                folder.close().await;
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres { pool, .. } => pool.close().await,
        }
    }
}

/// Whether no transaction is counted on a connection that nobody holds. When the disk is full SQLite ends a transaction by itself;
/// sqlx goes on counting it and refuses every further one. Such a connection is closed and another one made.
fn is_free(connection: &SqliteConnection) -> bool {
    !connection.is_in_transaction()
}

/// Counts a waiting `begin` for as long as it waits, also when its future is dropped.
struct Urgent<'a>(&'a watch::Sender<usize>);

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}

fn unreachable(error: sqlx::Error) -> StoreError {
    match StoreError::from(error) {
        StoreError::Sql(inner) => StoreError::Unreachable(inner),
        other => other,
    }
}

fn batch(begin: &'static str, batches: &AtomicUsize) -> String {
    let begun = batches.fetch_add(1, Ordering::Relaxed);
    let plans = if begun.is_multiple_of(PLANS_LAST_BATCHES) { "; DISCARD PLANS" } else { "" };
    format!("{begin}{plans}")
}

async fn begin_postgres(pool: &PgPool, begin: &str, scope: Scope) -> Result<Tx, StoreError> {
    // One round trip. The scope words are ours and an id prints only hex and hyphens, so nothing can be injected.
    let (word, practice) = match scope {
        Scope::Practice(id) => ("practice", id.to_string()),
        Scope::Work => ("work", String::new()),
        Scope::Lookup => ("lookup", String::new()),
    };
    let text = format!("{begin}; SET LOCAL kept.scope = '{word}'; SET LOCAL kept.practice = '{practice}'");
    // In a task of its own, so that it ends even if the caller is dropped meanwhile (a patient who closes the page): sqlx counts a
    // transaction only once it has begun, and a connection given back between the two would stay in it, read-only perhaps.
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(sqlx::AssertSqlSafe(text)).await }).await;
    match begun {
        Ok(tx) => Ok(Tx::new(Inner::Postgres(tx?), scope, None)),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being shut down.
            Err(_) => Err(StoreError::Unreachable(sqlx::Error::PoolClosed)),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::Scope;
    use crate::testing::TestDatabase;

    #[tokio::test]
    async fn a_connection_whose_transaction_sqlite_ended_is_replaced() {
        let database = TestDatabase::sqlite().await;
        for commit in [true, false] {
            let mut tx = database.store.begin(Scope::Work).await.unwrap();
            // As SQLite does by itself when the disk is full, and without telling sqlx.
            run!(tx, "ROLLBACK").unwrap();
            if commit {
                assert!(tx.commit().await.is_err(), "there is nothing to commit");
            } else {
                drop(tx);
            }
            let mut tx = database.store.begin(Scope::Work).await.unwrap();
            run!(tx, "DELETE FROM sweeps").unwrap();
            tx.commit().await.unwrap();
        }
        database.close().await;
    }
}
