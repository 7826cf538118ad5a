//! What is private lies in sealed columns, and every column of bytes is known for what it is.

use crate::schema::postgres;
use kept_domain::private::SEALED_COLUMNS;
use kept_store::testing::TestDatabase;
use std::collections::BTreeSet;

/// Names under which bytes that are not sealed may lie: keys' wrapping, salts, hashes and MACs.
fn is_known_bytes(column: &str) -> bool {
    column == "bix"
        || column == "hash"
        || column == "salt"
        || column == "verifier"
        || column.starts_with("wrapped_")
        || ["_bix", "_mac", "_hash"].iter().any(|end| column.ends_with(end))
}

#[tokio::test]
async fn sealed_columns_are_those_of_the_schema() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let schema = postgres(&database).await;
    let mut found = BTreeSet::new();
    for (name, table) in schema.iter().filter(|(name, _)| *name != "kept_migrations") {
        for (column, facts) in &table.columns {
            if facts.kind == "BYTEA" && !is_known_bytes(column) {
                found.insert((name.as_str(), column.as_str()));
                assert!(table.columns.contains_key("rev"), "{name}.{column} is sealed, so {name} needs `rev`");
            }
        }
    }
    let declared: BTreeSet<(&str, &str)> = SEALED_COLUMNS.iter().copied().collect();
    assert_eq!(declared.len(), SEALED_COLUMNS.len(), "a column is declared twice");
    assert_eq!(found, declared, "sealed columns: in the schema, and in kept_domain::private");
    database.close().await;
}
