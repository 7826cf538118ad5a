//! The only place where the two engines differ: locks, and bulk rows.

use crate::pool::Engine;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::fmt::Write as _;
use uuid::Uuid;

/// A statement's text for one engine: `{lock}`, `{wait_lock}` and `{share_lock}` are replaced.
pub(crate) fn statement(engine: Engine, sql: &'static str) -> SqlStr {
    if !sql.contains('{') {
        return sql.into_sql_str();
    }
    // Safe: the text is a literal of this crate and the replacements are constants.
    AssertSqlSafe(locks(engine, sql)).into_sql_str()
}

fn locks(engine: Engine, sql: &str) -> String {
    let (skip, wait, share, statistics) = match engine {
        // SQLite has one writer, and `BEGIN IMMEDIATE` has already made us it. Its plans need no counts.
        Engine::Sqlite => ("", "", "", "SELECT 1"),
        Engine::Postgres => ("FOR UPDATE SKIP LOCKED", "FOR UPDATE", "FOR SHARE", "ANALYZE"),
    };
    sql.replace("{lock}", skip)
        .replace("{wait_lock}", wait)
        .replace("{share_lock}", share)
        .replace("{statistics}", statistics)
}

/// The type of a bulk column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Uuid,
    Bytes,
    Int,
    Text,
    Bool,
}

/// Many rows in one bind: a JSON array of arrays, read as a table by both engines.
///
/// One bind keeps the statement's text the same for any number of rows (one prepared statement) and the same on
/// both engines; `UNNEST` would be PostgreSQL's alone.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<(&'static str, Kind)>,
    json: String,
    count: usize,
}

impl Rows {
    pub(crate) fn new(columns: &[(&'static str, Kind)]) -> Self {
        Self { columns: columns.to_vec(), json: String::from("["), count: 0 }
    }

    /// Rows of one column of ids.
    pub(crate) fn of_ids<I: Into<Uuid>>(name: &'static str, ids: impl IntoIterator<Item = I>) -> Self {
        let mut rows = Self::new(&[(name, Kind::Uuid)]);
        for id in ids {
            rows.push().uuid(id.into());
        }
        rows
    }

    /// Rows of one column of bytes, such as blind indexes.
    pub(crate) fn of_bytes<B: AsRef<[u8]>>(name: &'static str, values: impl IntoIterator<Item = B>) -> Self {
        let mut rows = Self::new(&[(name, Kind::Bytes)]);
        for value in values {
            rows.push().bytes(value.as_ref());
        }
        rows
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Starts a row; its values follow in the order of the columns.
    pub(crate) fn push(&mut self) -> RowWriter<'_> {
        if self.count > 0 {
            self.json.push(',');
        }
        self.json.push('[');
        self.count += 1;
        RowWriter { rows: self, at: 0 }
    }

    pub(crate) fn json(&self) -> String {
        let mut json = String::with_capacity(self.json.len() + 1);
        json.push_str(&self.json);
        json.push(']');
        json
    }

    /// The statement with `{rows}` replaced by a table expression over `$1`.
    pub(crate) fn expand(&self, engine: Engine, sql: &'static str) -> SqlStr {
        let mut source = String::from("(SELECT ");
        for (index, (name, kind)) in self.columns.iter().enumerate() {
            if index > 0 {
                source.push_str(", ");
            }
            let written = match (engine, kind) {
                (Engine::Sqlite, Kind::Uuid | Kind::Bytes) => write!(source, "unhex(value ->> {index}) AS {name}"),
                (Engine::Sqlite, _) => write!(source, "value ->> {index} AS {name}"),
                (Engine::Postgres, Kind::Uuid) => write!(source, "(j ->> {index})::uuid AS {name}"),
                (Engine::Postgres, Kind::Bytes) => write!(source, "decode(j ->> {index}, 'hex') AS {name}"),
                (Engine::Postgres, Kind::Int) => write!(source, "(j ->> {index})::bigint AS {name}"),
                (Engine::Postgres, Kind::Text) => write!(source, "j ->> {index} AS {name}"),
                (Engine::Postgres, Kind::Bool) => write!(source, "(j ->> {index})::boolean AS {name}"),
            };
            written.expect("writing into a String cannot fail");
        }
        source.push_str(match engine {
            // The limit keeps the rows a table of their own: read once, and joined by an index that SQLite makes of them. Without
            // it they are parsed again for every row of the other table.
            Engine::Sqlite => " FROM json_each($1) LIMIT -1)",
            Engine::Postgres => " FROM jsonb_array_elements($1::jsonb) AS j)",
        });
        // Safe: literals of this crate only; values travel in the bind.
        AssertSqlSafe(rows_first(engine, &locks(engine, sql)).replace("{rows}", &source)).into_sql_str()
    }
}

/// SQLite takes `CROSS JOIN` for an order: first the bulk rows, then the table by its index. Left to itself, and without
/// statistics, it may scan the table of the whole practice. PostgreSQL knows better by itself, and refuses the words.
fn rows_first(engine: Engine, sql: &str) -> String {
    match engine {
        Engine::Sqlite => {
            let words: Vec<&str> = sql.split_whitespace().collect();
            words.join(" ").replace("{rows} AS r JOIN ", "{rows} AS r CROSS JOIN ")
        }
        Engine::Postgres => sql.to_owned(),
    }
}

/// Writes the values of one row.
pub(crate) struct RowWriter<'a> {
    rows: &'a mut Rows,
    at: usize,
}

impl RowWriter<'_> {
    fn next(&mut self, kind: Kind) -> &mut String {
        debug_assert_eq!(
            self.rows.columns.get(self.at).map(|(_, kind)| *kind),
            Some(kind),
            "value {} of a bulk row has another type than its column",
            self.at
        );
        if self.at > 0 {
            self.rows.json.push(',');
        }
        self.at += 1;
        &mut self.rows.json
    }

    pub(crate) fn uuid(self, id: impl Into<Uuid>) -> Self {
        self.opt_uuid(Some(id.into()))
    }

    pub(crate) fn opt_uuid(mut self, id: Option<Uuid>) -> Self {
        let json = self.next(Kind::Uuid);
        match id {
            Some(id) => write!(json, "\"{}\"", id.simple()).expect("writing into a String cannot fail"),
            None => json.push_str("null"),
        }
        self
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        self.opt_bytes(Some(bytes))
    }

    pub(crate) fn opt_bytes(mut self, bytes: Option<&[u8]>) -> Self {
        let json = self.next(Kind::Bytes);
        match bytes {
            Some(bytes) => {
                json.push('"');
                json.push_str(&hex::encode(bytes));
                json.push('"');
            }
            None => json.push_str("null"),
        }
        self
    }

    pub(crate) fn int(self, value: i64) -> Self {
        self.opt_int(Some(value))
    }

    pub(crate) fn opt_int(mut self, value: Option<i64>) -> Self {
        let json = self.next(Kind::Int);
        match value {
            Some(value) => write!(json, "{value}").expect("writing into a String cannot fail"),
            None => json.push_str("null"),
        }
        self
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.opt_text(Some(value))
    }

    pub(crate) fn opt_text(mut self, value: Option<&str>) -> Self {
        let json = self.next(Kind::Text);
        match value {
            Some(value) => json.push_str(&serde_json::Value::from(value).to_string()),
            None => json.push_str("null"),
        }
        self
    }

    pub(crate) fn bool(mut self, value: bool) -> Self {
        self.next(Kind::Bool).push_str(if value { "true" } else { "false" });
        self
    }
}

impl Drop for RowWriter<'_> {
    fn drop(&mut self) {
        debug_assert_eq!(self.at, self.rows.columns.len(), "a bulk row has fewer values than columns");
        self.rows.json.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Rows};
    use crate::testing::both;
    use crate::{Scope, StoreError};
    use uuid::Uuid;

    type Everything = (Vec<u8>, Option<i64>, String, bool, Option<Uuid>);

    #[tokio::test]
    async fn bulk_rows_mean_the_same_on_both_engines() {
        both(|store| async move {
            let mut tx = store.begin(Scope::Work).await.unwrap();
            run!(tx, "CREATE TEMPORARY TABLE t (k BIGINT PRIMARY KEY, words TEXT)").unwrap();
            let id = Uuid::from_u128(7);
            let mut rows = Rows::new(&[
                ("b", Kind::Bytes),
                ("i", Kind::Int),
                ("t", Kind::Text),
                ("o", Kind::Bool),
                ("u", Kind::Uuid),
            ]);
            rows.push().bytes(&[0, 255]).int(i64::MIN).text("quote \" back\\slash ñ 👍 ' \n").bool(true).uuid(id);
            rows.push().bytes(&[]).opt_int(None).text("").bool(false).opt_uuid(None);
            let found: Vec<Everything> =
                bulk_all!(tx, Everything, "SELECT b, i, t, o = TRUE, u FROM {rows} AS r ORDER BY t DESC", rows)
                    .unwrap();
            assert_eq!(
                found[0],
                (vec![0, 255], Some(i64::MIN), "quote \" back\\slash ñ 👍 ' \n".to_owned(), true, Some(id))
            );
            assert_eq!(found[1], (vec![], None, String::new(), false, None));

            let mut rows = Rows::new(&[("k", Kind::Int), ("words", Kind::Text)]);
            for k in 0..1000 {
                rows.push().int(k).text("x");
            }
            let insert =
                "INSERT INTO t (k, words) SELECT k, words FROM {rows} AS r WHERE k <> $2 ON CONFLICT (k) DO NOTHING";
            assert_eq!(bulk!(tx, insert, rows, 0_i64).unwrap(), 999);
            assert_eq!(bulk!(tx, insert, rows, -1_i64).unwrap(), 1);
            assert_eq!(bulk!(tx, "UPDATE t SET words = r.words FROM {rows} AS r WHERE r.k = t.k", rows).unwrap(), 1000);
            let none: Result<u64, StoreError> = bulk!(
                tx,
                "INSERT INTO t (k, words) SELECT k, words FROM {rows} AS r",
                Rows::of_ids("k", Vec::<Uuid>::new())
            );
            assert_eq!(none.unwrap(), 0);
            assert_eq!(scalar!(tx, i64, "SELECT COUNT(*) FROM t").unwrap(), 1000);
            assert_eq!(all!(tx, (i64,), "SELECT k FROM t WHERE k < $1 ORDER BY k {lock}", 3_i64).unwrap().len(), 3);
            assert_eq!(opt!(tx, (i64,), "SELECT k FROM t WHERE k = $1", -5_i64).unwrap(), None);
            assert_eq!(one!(tx, (i64,), "SELECT k FROM t WHERE k = $1 {wait_lock}", 5_i64).unwrap(), (5,));
            let ids: Vec<(Uuid,)> =
                bulk_all!(tx, (Uuid,), "SELECT id FROM {rows} AS r", Rows::of_ids("id", [id])).unwrap();
            assert_eq!(ids, [(id,)]);
            let bytes: Vec<(Vec<u8>,)> =
                bulk_all!(tx, (Vec<u8>,), "SELECT b FROM {rows} AS r", Rows::of_bytes("b", [[1, 2]])).unwrap();
            assert_eq!(bytes, [(vec![1, 2],)]);
        })
        .await;
    }
}
