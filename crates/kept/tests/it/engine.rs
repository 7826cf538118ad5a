//! The two engines under the binary, and what lies in their rows.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use std::sync::atomic::{AtomicU32, Ordering};

/// Names a PostgreSQL server whose role may create databases; `tests/run` sets it. Without it only SQLite is tested, unless
/// `CI` is set.
const VARIABLE: &str = "KEPT_TEST_POSTGRES_URL";

/// An empty PostgreSQL database of a test's own.
pub(crate) struct Postgres {
    server: String,
    name: String,
}

impl Postgres {
    pub(crate) async fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(VARIABLE) else {
            assert!(std::env::var_os("CI").is_none(), "{VARIABLE} must be set in CI: run tests/run");
            return None;
        };
        let name = format!("kept_binary_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&server).await.expect("the test server answers");
        for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            admin.execute(AssertSqlSafe(sql)).await.expect("may make databases");
        }
        Some(Self { server, name })
    }

    /// As Kept reaches it.
    pub(crate) fn url(&self) -> String {
        let (base, _) = self.server.rsplit_once('/').expect("the address ends in a database's name");
        format!("{base}/{}", self.name)
    }

    /// As the superuser, whom row-level security does not bind.
    pub(crate) async fn connect(&self) -> PgConnection {
        let (scheme, rest) = self.server.split_once("://").expect("an address");
        let (_, host) = rest.split_once('@').expect("it names a user");
        let (host, _) = host.rsplit_once('/').expect("the address ends in a database's name");
        PgConnection::connect(&format!("{scheme}://postgres@{host}/{}", self.name))
            .await
            .expect("the superuser comes in")
    }

    /// Every row of every table as text, as a dump would write it.
    pub(crate) async fn dump(&self) -> Vec<u8> {
        let mut connection = self.connect().await;
        let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
        let mut out = Vec::new();
        for table in sqlx::query(tables).fetch_all(&mut connection).await.expect("the tables") {
            let table: String = table.get(0);
            let rows = format!("SELECT t::text FROM {table} AS t");
            for row in sqlx::query(AssertSqlSafe(rows)).fetch_all(&mut connection).await.expect("the rows") {
                out.extend_from_slice(row.get::<String, _>(0).as_bytes());
                out.push(b'\n');
            }
        }
        out
    }

    pub(crate) async fn drop(self) {
        let mut admin = PgConnection::connect(&self.server).await.expect("the test server answers");
        // A connection that is not closed yet keeps nobody: FORCE ends it. Should it fail, the database goes with the server.
        let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        let _stays = admin.execute(drop).await;
    }
}
