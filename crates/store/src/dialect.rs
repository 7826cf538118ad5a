//! The only place where the two engines differ: locks, and bulk rows.

use crate::pool::Engine;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, SqlSafeStr, SqlStr};
use std::io::Write as _;
use uuid::Uuid;

/// A statement's text for one engine: `{lock}`, `{wait_lock}`, `{share_lock}` and `{then}` are replaced. `{then} JOIN` is a join whose
/// left side comes first: SQLite left to itself may begin with the larger table, all of it; PostgreSQL counts rows, and knows better.
pub(crate) fn statement(engine: Engine, sql: &'static str) -> SqlStr {
    if !sql.contains('{') {
        return sql.into_sql_str();
    }
    // Safe: the text is a literal of this crate and the replacements are constants.
    AssertSqlSafe(locks(engine, sql)).into_sql_str()
}

/// The tables that grow. A plain `ANALYZE` would look at the server's own tables too, and warn of each.
const STATISTICS: &str = "ANALYZE patients, contact_points, consent_now, appointments, source_rows, dirty_days, day_counts, notices, reminders, \
     sends, receipts, attempts";

fn locks(engine: Engine, sql: &str) -> String {
    let (skip, wait, share, statistics, then) = match engine {
        // SQLite has one writer, and `BEGIN IMMEDIATE` has already made us it. Its plans need no counts.
        Engine::Sqlite => ("", "", "", "SELECT 1", "CROSS JOIN"),
        Engine::Postgres => ("FOR UPDATE SKIP LOCKED", "FOR UPDATE", "FOR SHARE", STATISTICS, "JOIN"),
    };
    sql.replace("{lock}", skip)
        .replace("{wait_lock}", wait)
        .replace("{share_lock}", share)
        .replace("{statistics}", statistics)
        .replace("{then} JOIN", then)
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

/// The values of one bulk column.
#[derive(Debug)]
enum Values {
    Uuid(Vec<Option<Uuid>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bool(Vec<bool>),
}

impl Values {
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Uuid => Self::Uuid(Vec::new()),
            Kind::Bytes => Self::Bytes(Vec::new()),
            Kind::Int => Self::Int(Vec::new()),
            Kind::Text => Self::Text(Vec::new()),
            Kind::Bool => Self::Bool(Vec::new()),
        }
    }

    const fn array(&self) -> &'static str {
        match self {
            Self::Uuid(_) => "uuid[]",
            Self::Bytes(_) => "bytea[]",
            Self::Int(_) => "bigint[]",
            Self::Text(_) => "text[]",
            Self::Bool(_) => "boolean[]",
        }
    }

    fn bind(&self, arguments: &mut PgArguments) -> Result<(), sqlx::Error> {
        let added = match self {
            Self::Uuid(values) => arguments.add(values),
            Self::Bytes(values) => arguments.add(values),
            Self::Int(values) => arguments.add(values),
            Self::Text(values) => arguments.add(values),
            Self::Bool(values) => arguments.add(values),
        };
        added.map_err(sqlx::Error::Encode)
    }

    fn write_json(&self, row: usize, json: &mut Vec<u8>) {
        let written = match self {
            Self::Uuid(values) => values.get(row).copied().flatten().map(|id| push_hex(json, id.as_bytes())),
            Self::Bytes(values) => values.get(row).and_then(Option::as_deref).map(|bytes| push_hex(json, bytes)),
            Self::Int(values) => values
                .get(row)
                .copied()
                .flatten()
                .map(|value| write!(json, "{value}").expect("writing into a Vec cannot fail")),
            Self::Text(values) => values
                .get(row)
                .and_then(Option::as_deref)
                .map(|text| serde_json::to_writer(&mut *json, text).expect("text has a JSON form")),
            Self::Bool(values) => {
                values.get(row).map(|value| json.extend_from_slice(if *value { b"true" } else { b"false" }))
            }
        };
        if written.is_none() {
            json.extend_from_slice(b"null");
        }
    }
}

fn push_hex(json: &mut Vec<u8>, bytes: &[u8]) {
    json.push(b'"');
    let from = json.len();
    json.resize(from + 2 * bytes.len(), 0);
    hex::encode_to_slice(bytes, &mut json[from..]).expect("there is room for two digits a byte");
    json.push(b'"');
}

/// Many rows, read as a table by a statement that is written once: on SQLite a JSON array of arrays in one bind, on
/// PostgreSQL one array a column ([ADR 26](../../../docs/adr/0026-arrays-on-postgresql.md)).
///
/// Either way the statement's text is the same for any number of rows: one prepared statement.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Vec<(&'static str, Values)>,
    count: usize,
}

impl Rows {
    pub(crate) fn new(columns: &[(&'static str, Kind)]) -> Self {
        Self { columns: columns.iter().map(|(name, kind)| (*name, Values::of(*kind))).collect(), count: 0 }
    }

    /// Rows of one column of ids, in their order: where two lock the same rows, neither has what the other waits for.
    pub(crate) fn of_ids<I: Into<Uuid>>(name: &'static str, ids: impl IntoIterator<Item = I>) -> Self {
        let mut ids: Vec<Uuid> = ids.into_iter().map(Into::into).collect();
        ids.sort_unstable();
        let mut rows = Self::new(&[(name, Kind::Uuid)]);
        for id in ids {
            rows.push().uuid(id);
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
        self.count += 1;
        RowWriter { rows: self, at: 0 }
    }

    /// SQLite's bind: an array of a row's values each; bytes and ids are hexadecimal.
    pub(crate) fn json(&self) -> String {
        let mut json = Vec::with_capacity(self.count * self.columns.len() * 24);
        json.push(b'[');
        for row in 0..self.count {
            json.extend_from_slice(if row == 0 { b"[" } else { b",[" });
            for (index, (_, values)) in self.columns.iter().enumerate() {
                if index > 0 {
                    json.push(b',');
                }
                values.write_json(row, &mut json);
            }
            json.push(b']');
        }
        json.push(b']');
        String::from_utf8(json).expect("made of texts, digits and punctuation")
    }

    /// PostgreSQL's binds: the first column is `$1`; the others follow after the statement's own, see [`Rows::bind_rest`].
    pub(crate) fn bind_first(&self, arguments: &mut PgArguments) -> Result<(), sqlx::Error> {
        self.columns.iter().take(1).try_for_each(|(_, values)| values.bind(arguments))
    }

    /// The columns after the first.
    pub(crate) fn bind_rest(&self, arguments: &mut PgArguments) -> Result<(), sqlx::Error> {
        self.columns.iter().skip(1).try_for_each(|(_, values)| values.bind(arguments))
    }

    /// The statement with `{rows}` replaced by a table expression over the rows; the statement has `binds` binds of its own.
    pub(crate) fn expand(&self, engine: Engine, sql: &'static str, binds: usize) -> SqlStr {
        let source = match engine {
            Engine::Sqlite => self.json_table(),
            Engine::Postgres => self.array_table(binds, sql.contains(PRACTICE)),
        };
        let practice = match engine {
            Engine::Sqlite => "$2",
            Engine::Postgres => "r.practice_id",
        };
        let text = rows_first(engine, &locks(engine, sql)).replace("{rows}", &source).replace(PRACTICE, practice);
        // Safe: literals of this crate only; values travel in the binds.
        AssertSqlSafe(text).into_sql_str()
    }

    fn json_table(&self) -> String {
        let value = |(index, (name, values)): (usize, &(&'static str, Values))| match values {
            Values::Uuid(_) | Values::Bytes(_) => format!("unhex(value ->> {index}) AS {name}"),
            Values::Int(_) | Values::Text(_) | Values::Bool(_) => format!("value ->> {index} AS {name}"),
        };
        let columns: Vec<String> = self.columns.iter().enumerate().map(value).collect();
        // The limit keeps the rows a table of their own: read once, and joined by an index that SQLite makes of them. Without
        // it they are parsed again for every row of the other table.
        format!("(SELECT {} FROM json_each($1) LIMIT -1)", columns.join(", "))
    }

    fn array_table(&self, binds: usize, with_practice: bool) -> String {
        let array = |(index, (_, values)): (usize, &(&'static str, Values))| {
            let bind = if index == 0 { 1 } else { 1 + binds + index };
            format!("${bind}::{}", values.array())
        };
        let arrays: Vec<String> = self.columns.iter().enumerate().map(array).collect();
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let (arrays, names) = (arrays.join(", "), names.join(", "));
        if with_practice {
            // The offset keeps the planner from seeing through the rows that all have one practice.
            format!("(SELECT t.*, $2::uuid AS practice_id FROM UNNEST({arrays}) AS t ({names}) OFFSET 0)")
        } else {
            format!("(SELECT * FROM UNNEST({arrays}) AS t ({names}))")
        }
    }
}

/// In a bulk statement: the practice of each row, `$2` in all of them.
///
/// To PostgreSQL it is a column of the rows. It may then find a table's rows by an index over the practice and something else only
/// with a row at hand. With a constant it could, and did, read all the practice has for each batch: while a table's statistics are of a
/// minute ago it believes that this is a row or two, and a prepared statement keeps such a plan.
const PRACTICE: &str = "{practice}";

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

/// Appends a value to the row's next column.
macro_rules! put {
    ($writer:ident, $kind:ident, $value:expr) => {{
        match $writer.rows.columns.get_mut($writer.at) {
            Some((_, Values::$kind(values))) => values.push($value),
            _ => panic!("value {} of a bulk row has another type than its column", $writer.at),
        }
        $writer.at += 1;
        $writer
    }};
}

impl RowWriter<'_> {
    pub(crate) fn uuid(self, id: impl Into<Uuid>) -> Self {
        self.opt_uuid(Some(id.into()))
    }

    pub(crate) fn opt_uuid(mut self, id: Option<Uuid>) -> Self {
        put!(self, Uuid, id)
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        self.opt_bytes(Some(bytes))
    }

    pub(crate) fn opt_bytes(mut self, bytes: Option<&[u8]>) -> Self {
        put!(self, Bytes, bytes.map(<[u8]>::to_vec))
    }

    pub(crate) fn int(self, value: i64) -> Self {
        self.opt_int(Some(value))
    }

    pub(crate) fn opt_int(mut self, value: Option<i64>) -> Self {
        put!(self, Int, value)
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.opt_text(Some(value))
    }

    pub(crate) fn opt_text(mut self, value: Option<&str>) -> Self {
        put!(self, Text, value.map(str::to_owned))
    }

    pub(crate) fn bool(mut self, value: bool) -> Self {
        put!(self, Bool, value)
    }
}

impl Drop for RowWriter<'_> {
    fn drop(&mut self) {
        debug_assert_eq!(self.at, self.rows.columns.len(), "a bulk row has fewer values than columns");
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
