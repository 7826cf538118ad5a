//! Canaries: a value of its own in every private field, the whole path with the real binary at TRACE, and then a search of all
//! that is left behind: the database with its write-ahead log (or every row of PostgreSQL), the logs, error pages, metrics,
//! health, the sandbox's phone, what commands said, temporary files. Nothing but what the design names may be found: the
//! number, the text and its link at the carrier.
//!
//! A new sealed column fails [`Seeds::cover_every_column`] until the story here writes a canary into it.

mod search;
mod story;

use crate::engine::Postgres;
use crate::scene::Scene;
use kept_domain::private::SEALED_COLUMNS;
use search::{Canary, Search};
use std::collections::BTreeSet;

/// Values that were written somewhere, with the sealed column that must hold them, if one does.
#[derive(Default)]
pub(crate) struct Seeds {
    canaries: Vec<Canary>,
    places: BTreeSet<(&'static str, &'static str)>,
}

impl Seeds {
    /// A value that lies in a sealed column.
    fn column(&mut self, table: &'static str, column: &'static str, value: &str) {
        self.places.insert((table, column));
        self.add(&format!("{table}.{column}"), value);
    }

    /// A number in a sealed column, however it is written.
    fn phone(&mut self, table: &'static str, column: &'static str, e164: &str) {
        for form in search::phone_spellings(e164) {
            self.column(table, column, &form);
        }
    }

    /// A secret or a stranger's word that lies nowhere at all.
    fn add(&mut self, what: &str, value: &str) {
        self.canaries.push(Canary { what: format!("{what}: {value}"), value: value.to_owned() });
    }

    fn cover_every_column(&self) {
        let sealed: BTreeSet<_> = SEALED_COLUMNS.iter().copied().collect();
        assert_eq!(self.places, sealed, "sealed columns without a canary here, or canaries for columns that are gone");
    }

    fn search(&self, but: impl Fn(&Canary) -> bool) -> Search {
        Search::new(self.canaries.iter().filter(|canary| !but(canary)).cloned().collect())
    }
}

/// Something that was left behind, and the canaries that may be in it.
pub(crate) struct Left {
    name: String,
    content: Vec<u8>,
    may_hold: &'static [&'static str],
}

/// Searches everything; tells all finds at once.
fn nothing_is_found(seeds: &Seeds, left: &[Left]) {
    let mut found = Vec::new();
    for Left { name, content, may_hold } in left {
        let search = seeds.search(|canary| may_hold.iter().any(|what| canary.what.starts_with(what)));
        for find in search.find(content) {
            found.push(format!("{name} holds {} as {}: …{}…", find.what, find.spelling, find.around));
        }
    }
    assert!(found.is_empty(), "{} finds\n{}", found.len(), found.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_private_is_left_behind_on_sqlite() {
    let scene = Scene::empty();
    let (seeds, left) = story::live(&scene, None).await;
    seeds.cover_every_column();
    nothing_is_found(&seeds, &left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_private_is_left_behind_on_postgres() {
    let Some(database) = Postgres::new().await else { return };
    let scene = Scene::over(Some(database.url()));
    let (seeds, left) = story::live(&scene, Some(&database)).await;
    seeds.cover_every_column();
    nothing_is_found(&seeds, &left);
    database.drop().await;
}
