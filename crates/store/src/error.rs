//! What can go wrong between Kept and its database.

/// A database error, sorted by what somebody can do about it. Messages name tables and opaque ids, never values.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The configured address is neither `sqlite:PATH` nor `postgres://…`.
    #[error(
        "the database address must be `sqlite:PATH` or `postgres://USER@HOST/NAME`; set `database_url` or KEPT_DATABASE_URL"
    )]
    Address,
    /// The database does not answer, or the file cannot be opened.
    #[error("the database cannot be reached: {0}; check that it runs and that its address is right (`kept doctor`)")]
    Unreachable(#[source] sqlx::Error),
    /// The schema is older than this program.
    #[error("the database has schema {found}, this program needs {wanted}: run `kept migrate`")]
    SchemaOlder {
        /// Newest migration applied; 0 in an empty database.
        found: i64,
        /// Newest migration this program knows.
        wanted: i64,
    },
    /// The schema was made by a newer program.
    #[error(
        "the database has schema {found}, this program knows only {wanted}: use the newer Kept that wrote it, or restore the backup taken before the upgrade"
    )]
    SchemaNewer {
        /// Newest migration applied.
        found: i64,
        /// Newest migration this program knows.
        wanted: i64,
    },
    /// A migration failed; nothing of it was kept.
    #[error("migrating the database failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Another program holds the database. Safe to try again.
    #[error("the database is busy; nothing was changed, try again")]
    Busy(#[source] sqlx::Error),
    /// The disk is full, or the file may not grow any more (a quota, a limit of the service).
    #[error("the database's disk is full, or its file may not grow; nothing was changed: free space and try again")]
    DiskFull(#[source] sqlx::Error),
    /// A row that must be there is not.
    #[error("{table}: no row {row}")]
    Missing {
        /// Table.
        table: &'static str,
        /// Opaque id.
        row: String,
    },
    /// A compare-and-set found another value: somebody was faster.
    #[error("{table}: row {row} was changed by somebody else meanwhile; try again")]
    Changed {
        /// Table.
        table: &'static str,
        /// Opaque id.
        row: String,
    },
    /// A stored value is not what its type says.
    #[error("{table}.{column}: a stored value cannot be read")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
    },
    /// Anything else.
    #[error("the database refused a statement: {0}")]
    Sql(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same call may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unreachable(_))
    }

    /// Whether a unique or primary key refused the row.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(inner)) if inner.is_unique_violation())
    }
}

/// PostgreSQL: could not serialise, deadlock, lock not available. SQLite: SQLITE_BUSY and its snapshot variant.
const BUSY_CODES: &[&str] = &["40001", "40P01", "55P03", "5", "6", "261", "517"];
/// PostgreSQL: disk full. SQLite: SQLITE_FULL, SQLITE_IOERR_SHMSIZE (the file beside the write-ahead log cannot grow), and
/// SQLITE_IOERR_WRITE (a quota or a limit on the size of files is reached).
const FULL_CODES: &[&str] = &["53100", "13", "4874", "778"];
/// PostgreSQL: the server ended the connection, shuts down, or starts up.
const GONE_CODES: &[&str] = &["57P01", "57P02", "57P03", "53300"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) => match inner.code().as_deref() {
                Some(code) if BUSY_CODES.contains(&code) => Self::Busy(error),
                Some(code) if FULL_CODES.contains(&code) => Self::DiskFull(error),
                Some(code) if GONE_CODES.contains(&code) => Self::Unreachable(error),
                _ => Self::Sql(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Tls(_) => Self::Unreachable(error),
            _ => Self::Sql(error),
        }
    }
}
