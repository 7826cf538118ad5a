//! A transaction, whose it is, and the macros that run one SQL text on either engine.

use crate::error::StoreError;
use crate::pool::Engine;
use kept_domain::PracticeId;
use tokio::sync::{OwnedMutexGuard, watch};

/// On whose behalf a transaction acts. PostgreSQL's row-level security enforces it; unset sees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Rows of one practice.
    Practice(PracticeId),
    /// Rows of all practices: claims, sweeps, migrations of keys. Never made for a request.
    Work,
    /// Reads the few tables that tell which practice a request is about.
    Lookup,
}

/// An open transaction. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    pub(crate) inner: Inner,
    pub(crate) scope: Scope,
    /// Told when SQLite has written something.
    written: Option<watch::Sender<()>>,
    /// A batch's turn on SQLite, until it is over. After `inner`, so that the writer is given back first.
    pub(crate) turn: Option<OwnedMutexGuard<()>>,
    /// Every statement so far, for tests that look at how the engine goes about it.
    #[cfg(feature = "testing")]
    pub(crate) seen: Vec<String>,
}

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Tx {
    pub(crate) fn new(inner: Inner, scope: Scope, written: Option<watch::Sender<()>>) -> Self {
        Self {
            inner,
            scope,
            written,
            turn: None,
            #[cfg(feature = "testing")]
            seen: Vec::new(),
        }
    }

    /// Takes note of a statement that is about to run.
    #[cfg(feature = "testing")]
    pub(crate) fn see(&mut self, text: &sqlx::SqlStr) {
        self.seen.push(text.as_str().to_owned());
    }

    /// Only tests take note.
    #[cfg(not(feature = "testing"))]
    pub(crate) const fn see(&mut self, _: &sqlx::SqlStr) {}

    /// Makes everything since `begin` durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        if let Some(written) = self.written {
            // Nobody listens any more where the store is being closed.
            written.send_replace(());
        }
        Ok(())
    }

    /// Undoes everything since `begin`, now rather than when dropped.
    pub async fn rollback(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(tx) => tx.rollback().await?,
            Inner::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    /// On whose behalf.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Which engine.
    pub fn engine(&self) -> Engine {
        match self.inner {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Rows of the query plan of a statement, for tests that hold work to what is due.
    #[cfg(feature = "testing")]
    pub async fn explain(&mut self, statement: &str) -> Result<Vec<String>, StoreError> {
        use sqlx::Row as _;
        match &mut self.inner {
            Inner::Sqlite(c) => {
                let text = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
                let rows = sqlx::query::<sqlx::Sqlite>(text).fetch_all(&mut **c).await?;
                rows.iter().map(|row| row.try_get::<String, _>("detail").map_err(StoreError::from)).collect()
            }
            Inner::Postgres(c) => {
                let text = sqlx::AssertSqlSafe(format!("EXPLAIN {statement}"));
                let rows = sqlx::query::<sqlx::Postgres>(text).fetch_all(&mut **c).await?;
                rows.iter().map(|row| row.try_get::<String, _>(0).map_err(StoreError::from)).collect()
            }
        }
    }
}

/// Runs one SQL text on the transaction's engine: `on!(tx, sql, [binds], |query, connection| …)`.
///
/// `{lock}` in the text becomes `FOR UPDATE SKIP LOCKED` on PostgreSQL and nothing on SQLite (whose writer is
/// alone), `{wait_lock}` becomes `FOR UPDATE`.
macro_rules! on {
    ($tx:expr, $make:ident::<$($row:ty)?>, $sql:expr, [$($bind:expr),*], $end:ident) => {{
        let text = $crate::dialect::statement($tx.engine(), $sql);
        $tx.see(&text);
        match &mut $tx.inner {
            $crate::tx::Inner::Sqlite(c) => sqlx::$make::<sqlx::Sqlite $(, $row)?>(text)$(.bind($bind))*.$end(&mut **c).await.map_err($crate::StoreError::from),
            $crate::tx::Inner::Postgres(c) => sqlx::$make::<sqlx::Postgres $(, $row)?>(text)$(.bind($bind))*.$end(&mut **c).await.map_err($crate::StoreError::from),
        }
    }};
}

/// All rows: `all!(tx, Row, "SELECT …", binds…) -> Result<Vec<Row>, StoreError>`.
macro_rules! all {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => { on!($tx, query_as::<$row>, $sql, [$($bind),*], fetch_all) };
}
/// One row or none.
macro_rules! opt {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => { on!($tx, query_as::<$row>, $sql, [$($bind),*], fetch_optional) };
}
/// Exactly one row.
macro_rules! one {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => { on!($tx, query_as::<$row>, $sql, [$($bind),*], fetch_one) };
}
/// Exactly one value.
macro_rules! scalar {
    ($tx:expr, $ty:ty, $sql:expr $(, $bind:expr)* $(,)?) => { on!($tx, query_scalar::<$ty>, $sql, [$($bind),*], fetch_one) };
}
/// Changes rows; says how many.
macro_rules! run {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let text = $crate::dialect::statement($tx.engine(), $sql);
        $tx.see(&text);
        match &mut $tx.inner {
            $crate::tx::Inner::Sqlite(c) => sqlx::query::<sqlx::Sqlite>(text)$(.bind($bind))*.execute(&mut **c).await.map(|done| done.rows_affected()).map_err($crate::StoreError::from),
            $crate::tx::Inner::Postgres(c) => sqlx::query::<sqlx::Postgres>(text)$(.bind($bind))*.execute(&mut **c).await.map(|done| done.rows_affected()).map_err($crate::StoreError::from),
        }
    }};
}
/// PostgreSQL's arguments of a bulk statement: the first column, the statement's own binds, the other columns.
macro_rules! bulk_arguments {
    ($rows:expr, [$($bind:expr),*]) => {
        (|| -> Result<sqlx::postgres::PgArguments, sqlx::Error> {
            let mut arguments = sqlx::postgres::PgArguments::default();
            $rows.bind_first(&mut arguments)?;
            $(sqlx::Arguments::add(&mut arguments, $bind).map_err(sqlx::Error::Encode)?;)*
            $rows.bind_rest(&mut arguments)?;
            Ok(arguments)
        })()
    };
}
/// Changes rows in bulk: `{rows}` in the text is a table expression over `$rows`; further binds start at `$2`. Says how many
/// rows.
macro_rules! bulk {
    ($tx:expr, $sql:expr, $rows:expr $(, $bind:expr)* $(,)?) => {{
        let rows: &$crate::dialect::Rows = &$rows;
        if rows.is_empty() {
            Ok(0)
        } else {
            let text = rows.expand($tx.engine(), $sql, <[&str]>::len(&[$(stringify!($bind)),*]));
            $tx.see(&text);
            match &mut $tx.inner {
                $crate::tx::Inner::Sqlite(c) => sqlx::query::<sqlx::Sqlite>(text).bind(rows.json())$(.bind($bind))*.execute(&mut **c).await.map(|done| done.rows_affected()).map_err($crate::StoreError::from),
                $crate::tx::Inner::Postgres(c) => match bulk_arguments!(rows, [$($bind),*]) {
                    Ok(arguments) => sqlx::query_with::<sqlx::Postgres, _>(text, arguments).execute(&mut **c).await.map(|done| done.rows_affected()).map_err($crate::StoreError::from),
                    Err(error) => Err($crate::StoreError::from(error)),
                },
            }
        }
    }};
}
/// As `bulk!`, for statements that return rows (`SELECT … FROM {rows} AS r JOIN …`, `… RETURNING …`).
macro_rules! bulk_all {
    ($tx:expr, $row:ty, $sql:expr, $rows:expr $(, $bind:expr)* $(,)?) => {{
        let rows: &$crate::dialect::Rows = &$rows;
        if rows.is_empty() {
            Ok(Vec::new())
        } else {
            let text = rows.expand($tx.engine(), $sql, <[&str]>::len(&[$(stringify!($bind)),*]));
            $tx.see(&text);
            match &mut $tx.inner {
                $crate::tx::Inner::Sqlite(c) => sqlx::query_as::<sqlx::Sqlite, $row>(text).bind(rows.json())$(.bind($bind))*.fetch_all(&mut **c).await.map_err($crate::StoreError::from),
                $crate::tx::Inner::Postgres(c) => match bulk_arguments!(rows, [$($bind),*]) {
                    Ok(arguments) => sqlx::query_as_with::<sqlx::Postgres, $row, _>(text, arguments).fetch_all(&mut **c).await.map_err($crate::StoreError::from),
                    Err(error) => Err($crate::StoreError::from(error)),
                },
            }
        }
    }};
}
