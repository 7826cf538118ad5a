//! The schema's version: looked at on connect, changed only by `migrate`.

use crate::error::StoreError;
use crate::pool::{Pools, Store};
use sqlx::migrate::{Migrate, Migrator};

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How the database's schema stands to this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaState {
    /// Newest migration applied; 0 in an empty database.
    pub found: i64,
    /// Newest migration this program knows.
    pub wanted: i64,
}

fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Tells SQLite's planner what our tables are like: large, of few practices, and found by the last column of an index. Without
/// statistics it takes an index's first column for selective, puts the table outside and the bulk rows (`json_each`) inside, and
/// every bulk statement visits all rows of the practice for each of its own. Real statistics of an empty file would say the same.
async fn seed_statistics(writer: &sqlx::SqlitePool) -> Result<(), StoreError> {
    let mut connection = writer.acquire().await?;
    // The first makes the table of statistics, the last reads it again.
    for statement in [
        "ANALYZE practices",
        "DELETE FROM sqlite_stat1",
        "INSERT INTO sqlite_stat1 (tbl, idx, stat)
         SELECT m.name, i.name, (CASE WHEN i.partial THEN '1000' ELSE '1000000' END) || (
             SELECT group_concat(CASE
                 WHEN c.seqno = 0 AND c.name = 'practice_id' AND last.seqno > 0 THEN CASE WHEN i.partial THEN ' 500' ELSE ' 500000' END
                 WHEN c.seqno = last.seqno AND i.\"unique\" THEN ' 1'
                 WHEN c.seqno = last.seqno THEN ' 5'
                 WHEN i.partial THEN ' 5'
                 WHEN c.seqno = 1 AND c.name IN ('source_id', 'dimension') THEN ' 100000'
                 WHEN c.seqno = 1 AND c.name = 'local_day' THEN ' 1000'
                 ELSE ' 5' END, '')
             FROM pragma_index_info(i.name) AS c,
                 (SELECT MAX(seqno) AS seqno FROM pragma_index_info(i.name)) AS last)
         FROM sqlite_schema AS m, pragma_index_list(m.name) AS i WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
        "ANALYZE sqlite_schema",
    ] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

impl Store {
    /// Applies the migrations that are missing. Safe to run from several processes at once on PostgreSQL.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let state = self.schema_state().await?;
        if state.found > state.wanted {
            return Err(StoreError::SchemaNewer { found: state.found, wanted: state.wanted });
        }
        match &self.pools {
            Pools::Sqlite { writer, .. } => {
                SQLITE.run(writer).await?;
                seed_statistics(writer).await?;
            }
            Pools::Postgres { pool, .. } => POSTGRES.run(pool).await?,
        }
        Ok(())
    }

    /// Compares the database's schema with this program's.
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        let (applied, wanted) = match &self.pools {
            Pools::Sqlite { writer, .. } => {
                let known =
                    sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM sqlite_master WHERE name = 'kept_migrations'");
                let mut connection = writer.acquire().await?;
                let applied = if known.fetch_one(&mut *connection).await? == 0 {
                    Vec::new()
                } else {
                    connection.list_applied_migrations(&SQLITE.table_name).await?
                };
                (applied, newest(&SQLITE))
            }
            Pools::Postgres { pool, .. } => {
                let known = sqlx::query_scalar::<_, bool>("SELECT to_regclass('kept_migrations') IS NOT NULL");
                let mut connection = pool.acquire().await?;
                let applied = if known.fetch_one(&mut *connection).await? {
                    connection.list_applied_migrations(&POSTGRES.table_name).await?
                } else {
                    Vec::new()
                };
                (applied, newest(&POSTGRES))
            }
        };
        let found = applied.iter().map(|migration| migration.version).max().unwrap_or(0);
        Ok(SchemaState { found, wanted })
    }

    pub(crate) async fn require_current_schema(&self) -> Result<(), StoreError> {
        let SchemaState { found, wanted } = self.schema_state().await?;
        match found.cmp(&wanted) {
            std::cmp::Ordering::Less => Err(StoreError::SchemaOlder { found, wanted }),
            std::cmp::Ordering::Greater => Err(StoreError::SchemaNewer { found, wanted }),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}
