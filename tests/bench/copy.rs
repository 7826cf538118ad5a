//! Many rows from few, without the program: a calendar of years, a queue of a million.

use crate::scene::{Raw, Scene};

/// Copies of the rows of a table.
pub(crate) struct Copy<'a> {
    pub(crate) table: &'a str,
    /// Of which rows: what follows `WHERE`.
    pub(crate) of: &'a str,
    /// How many of each.
    pub(crate) times: usize,
    /// Columns that differ, each with an expression; `n` numbers the copies from 1, `{id}` is a new id that rises with
    /// `n`, as UUIDv7 does.
    pub(crate) columns: &'a [(&'a str, &'a str)],
}

impl Copy<'_> {
    /// Makes them, in one transaction.
    pub(crate) async fn run(&self, scene: &Scene<'_>) -> anyhow::Result<()> {
        let statement = self.statement(scene).await?;
        scene.connect().await?.transaction(&[statement]).await
    }

    /// The statement that makes them.
    pub(crate) async fn statement(&self, scene: &Scene<'_>) -> anyhow::Result<String> {
        let mut raw = scene.connect().await?;
        let columns = raw.columns(self.table).await?;
        let Self { table, of, times, .. } = self;
        let (id, numbers) = match raw {
            Raw::Sqlite(_) => (
                "(unhex(printf('0190%08x7000', n)) || randomblob(8))",
                format!(
                    "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {times}) SELECT n FROM s)"
                ),
            ),
            Raw::Postgres(_) => (
                "('0190' || lpad(to_hex(n), 8, '0') || '7000' || substr(md5(random()::text), 1, 16))::uuid",
                format!("(SELECT n FROM generate_series(1, {times}) AS n)"),
            ),
        };
        // A blind index is bytes where an id may be a UUID.
        let bytes = match raw {
            Raw::Sqlite(_) => id.to_owned(),
            Raw::Postgres(_) => format!("decode(replace({id}::text, '-', ''), 'hex')"),
        };
        let value = |column: &String| match self.columns.iter().find(|(name, _)| name == column) {
            Some((name, expression)) if name.ends_with("bix") => expression.replace("{id}", &bytes),
            Some((_, expression)) => expression.replace("{id}", id),
            None => column.clone(),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        // The rows to copy are chosen first: what follows WHERE may have a LIMIT.
        Ok(format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {numbers} AS numbers CROSS JOIN (SELECT * FROM {table} WHERE {of}) AS t",
            columns.join(", "),
            values.join(", ")
        ))
    }
}
