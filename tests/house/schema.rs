//! The two schemas are one: compared live, as each engine understood its migrations, and as text.

use crate::repository::{files, text};
use kept_store::DatabaseUrl;
use kept_store::testing::TestDatabase;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};

/// Tables that belong to no practice, so that row-level security has nothing to follow.
const SHARED: &[&str] = &["sweeps", "kept_migrations"];

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) kind: String,
    nullable: bool,
    default: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) columns: BTreeMap<String, Column>,
    /// Columns of the primary key, in order.
    key: Vec<String>,
    /// Columns of every other unique constraint or index, in order, and whether it covers some rows only.
    unique: BTreeSet<(Vec<String>, bool)>,
    /// Named indexes: columns in order, unique or not, some rows only or not.
    indexes: BTreeMap<String, (Vec<String>, bool, bool)>,
    /// Columns, the table they refer to, and its columns.
    references: BTreeSet<(Vec<String>, String, Vec<String>)>,
}

pub(crate) type Schema = BTreeMap<String, Table>;

/// A default as both engines could have written it.
fn default(text: &str) -> String {
    let text = text.split("::").next().unwrap_or_default().trim();
    match text.to_lowercase().as_str() {
        "false" => "0".to_owned(),
        "true" => "1".to_owned(),
        other => other.to_owned(),
    }
}

pub(crate) async fn sqlite(database: &TestDatabase) -> Schema {
    let DatabaseUrl::Sqlite(path) = &database.settings.url else { panic!("not SQLite") };
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.expect("opens");
    let names: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .fetch_all(&mut connection)
            .await
            .expect("tables");
    let mut schema = Schema::new();
    for name in names {
        let mut table = Table::default();
        let mut key: Vec<(i64, String)> = Vec::new();
        let columns =
            sqlx::query("SELECT name, type, \"notnull\" AS filled, dflt_value, pk FROM pragma_table_info(?1)")
                .bind(&name)
                .fetch_all(&mut connection)
                .await
                .expect("columns");
        for row in columns {
            let column: String = row.get("name");
            let place: i64 = row.get("pk");
            if place > 0 {
                key.push((place, column.clone()));
            }
            // SQLite lets a key be NULL where PostgreSQL never does; the key itself is compared on its own.
            let nullable = row.get::<i64, _>("filled") == 0 && place == 0;
            let default = row.get::<Option<String>, _>("dflt_value").as_deref().map(default);
            table.columns.insert(column, Column { kind: row.get("type"), nullable, default });
        }
        key.sort();
        table.key = key.into_iter().map(|(_, column)| column).collect();

        let indexes = sqlx::query("SELECT name, \"unique\" AS one, origin, partial FROM pragma_index_list(?1)")
            .bind(&name)
            .fetch_all(&mut connection)
            .await
            .expect("indexes");
        for row in indexes {
            let index: String = row.get("name");
            let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")
                .bind(&index)
                .fetch_all(&mut connection)
                .await
                .expect("columns of an index");
            let (one, partial) = (row.get::<i64, _>("one") == 1, row.get::<i64, _>("partial") == 1);
            match row.get::<String, _>("origin").as_str() {
                "pk" => {}
                "u" => drop(table.unique.insert((columns, partial))),
                _ => drop(table.indexes.insert(index, (columns, one, partial))),
            }
        }

        let mut references: BTreeMap<i64, (Vec<String>, String, Vec<String>)> = BTreeMap::new();
        let foreign = sqlx::query("SELECT id, \"table\" AS target, \"from\" AS own, \"to\" AS theirs FROM pragma_foreign_key_list(?1) ORDER BY id, seq")
            .bind(&name)
            .fetch_all(&mut connection)
            .await
            .expect("references");
        for row in foreign {
            let entry = references.entry(row.get("id")).or_insert_with(|| (Vec::new(), row.get("target"), Vec::new()));
            entry.0.push(row.get("own"));
            entry.2.push(row.get("theirs"));
        }
        table.references = references.into_values().collect();
        schema.insert(name, table);
    }
    connection.close().await.expect("closes");
    schema
}

async fn connect(database: &TestDatabase) -> PgConnection {
    let DatabaseUrl::Postgres(url) = &database.settings.url else { panic!("not PostgreSQL") };
    PgConnection::connect(url).await.expect("opens")
}

pub(crate) async fn postgres(database: &TestDatabase) -> Schema {
    let mut connection = connect(database).await;
    let mut schema = Schema::new();
    let columns = sqlx::query(
        "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES' AS nullable, column_default::text
         FROM information_schema.columns WHERE table_schema = 'public'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("columns");
    for row in columns {
        let table = schema.entry(row.get("table_name")).or_default();
        let kind = row.get::<String, _>("data_type").to_uppercase();
        let default = row.get::<Option<String>, _>("column_default").as_deref().map(default);
        table.columns.insert(row.get("column_name"), Column { kind, nullable: row.get("nullable"), default });
    }
    let indexes = sqlx::query(
        "SELECT t.relname::text AS table_name, i.relname::text AS index_name, x.indisprimary, x.indisunique,
                x.indpred IS NOT NULL AS partial, c.conname IS NOT NULL AS is_constraint,
                ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int[]) WITH ORDINALITY AS k(number, place)
                      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number ORDER BY k.place) AS columns
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u')
         WHERE n.nspname = 'public'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("indexes");
    for row in indexes {
        let table = schema.get_mut(row.get::<&str, _>("table_name")).expect("an index of a table");
        let columns: Vec<String> = row.get("columns");
        let (one, partial) = (row.get("indisunique"), row.get("partial"));
        if row.get("indisprimary") {
            table.key = columns;
        } else if row.get("is_constraint") {
            table.unique.insert((columns, partial));
        } else {
            table.indexes.insert(row.get("index_name"), (columns, one, partial));
        }
    }
    let names = |keys: &str, table: &str| {
        format!(
            "ARRAY(SELECT a.attname::text FROM unnest(c.{keys}) WITH ORDINALITY AS k(number, place)
             JOIN pg_attribute a ON a.attrelid = c.{table} AND a.attnum = k.number ORDER BY k.place)"
        )
    };
    let foreign = sqlx::query(AssertSqlSafe(format!(
        "SELECT c.conrelid::regclass::text AS table_name, c.confrelid::regclass::text AS target, {} AS own, {} AS theirs
         FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.contype = 'f' AND n.nspname = 'public'",
        names("conkey", "conrelid"),
        names("confkey", "confrelid")
    )))
    .fetch_all(&mut connection)
    .await
    .expect("references");
    for row in foreign {
        let table = schema.get_mut(row.get::<&str, _>("table_name")).expect("a reference of a table");
        table.references.insert((row.get("own"), row.get("target"), row.get("theirs")));
    }
    connection.close().await.expect("closes");
    schema
}

/// The types of SQLite's file in the words of PostgreSQL's, as far as they can be told.
fn same_kind(sqlite: &str, postgres: &str) -> bool {
    match sqlite {
        "BLOB" => matches!(postgres, "UUID" | "BYTEA"),
        other => other == postgres,
    }
}

#[tokio::test]
async fn both_engines_have_the_same_schema() {
    let small = TestDatabase::sqlite().await;
    let Some(large) = TestDatabase::postgres().await else { return };
    let (mut ours, mut theirs) = (sqlite(&small).await, postgres(&large).await);
    // sqlx makes this one, in each engine's own way.
    assert!(
        ours.remove("kept_migrations").is_some() && theirs.remove("kept_migrations").is_some(),
        "migrations table renamed"
    );
    assert!(ours.len() > 20, "only {} tables", ours.len());
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "tables");
    for (name, small) in &ours {
        let large = &theirs[name];
        assert_eq!(
            small.columns.keys().collect::<Vec<_>>(),
            large.columns.keys().collect::<Vec<_>>(),
            "columns of {name}"
        );
        for (column, mine) in &small.columns {
            let other = &large.columns[column];
            assert!(same_kind(&mine.kind, &other.kind), "{name}.{column}: {} and {}", mine.kind, other.kind);
            assert_eq!(
                (mine.nullable, &mine.default),
                (other.nullable, &other.default),
                "{name}.{column}: NULL and default"
            );
        }
        assert_eq!(small.key, large.key, "primary key of {name}");
        assert_eq!(small.unique, large.unique, "unique columns of {name}");
        assert_eq!(small.indexes, large.indexes, "indexes of {name}");
        assert_eq!(small.references, large.references, "references of {name}");
    }
    small.close().await;
    large.close().await;
}

/// Statements of a migration without comments, with types as SQLite writes them, and without row-level security.
fn statements(sql: &str) -> Vec<String> {
    let code: String =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let code = code.split("DO $$").next().unwrap_or_default();
    // Sizes that SQLite's planner is told; PostgreSQL finds out by itself.
    let code = code.split("ANALYZE;").next().unwrap_or_default();
    code.split(';')
        .map(|statement| {
            let words = statement.split_whitespace().map(|word| match word.trim_end_matches(',') {
                "UUID" | "BYTEA" => word.replace("UUID", "BLOB").replace("BYTEA", "BLOB"),
                "gen_random_uuid()" => word.replace("gen_random_uuid()", "randomblob(16)"),
                _ => word.to_owned(),
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .filter(|statement| {
            !statement.is_empty()
                && !statement.contains("ROW LEVEL SECURITY")
                && !statement.starts_with("CREATE POLICY")
                && !statement.starts_with("SET LOCAL kept.scope")
                && !statement.starts_with("INSERT INTO sqlite_stat1")
                && !statement.starts_with("ANALYZE sqlite_schema")
        })
        .collect()
}

/// What the live comparison cannot see (which rows a partial index covers) is the same text.
#[test]
fn both_migrations_say_the_same() {
    for path in files().into_iter().filter(|path| path.starts_with("migrations/sqlite/")) {
        let other = path.replace("/sqlite/", "/postgres/");
        let (small, large) = (text(&path).expect("UTF-8"), text(&other).expect("UTF-8"));
        assert_eq!(statements(&small), statements(&large), "{path} and {other}");
    }
}

#[tokio::test]
async fn row_level_security_is_forced_on_every_table_of_a_practice() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let mut connection = connect(&database).await;
    let free: bool = sqlx::query_scalar("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        .fetch_one(&mut connection)
        .await
        .expect("our role");
    assert!(!free, "the tests' role walks past row-level security: nothing here would be tested");
    let tables = sqlx::query(
        "SELECT c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
                EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid) AS policy
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("tables");
    assert!(tables.len() > 20, "only {} tables", tables.len());
    for row in tables {
        let name: &str = row.get("name");
        let (forced, policy): (bool, bool) = (row.get("forced"), row.get("policy"));
        assert_eq!(
            forced && policy,
            !SHARED.contains(&name),
            "row-level security of {name}: forced {forced}, policy {policy}"
        );
    }
    // Without a scope nothing is seen and nothing can be written.
    let seen: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM practices").fetch_one(&mut connection).await.expect("no error");
    assert_eq!(seen, 0);
    let write = sqlx::query("INSERT INTO dirty_days (practice_id, local_day) VALUES (gen_random_uuid(), 1)")
        .execute(&mut connection)
        .await;
    assert!(write.is_err(), "a row was written outside any scope");
    connection.close().await.expect("closes");
    database.close().await;
}
