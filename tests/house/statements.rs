//! Every statement of the store is named by a test that runs on both engines.

use crate::repository::{files, has_extension, text};
use std::collections::BTreeSet;

/// Names of the public methods in a source text, without what serves tests only.
fn public_methods(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for line in code.lines() {
        let line = line.trim_start();
        let indented = code.contains("impl ") && line.starts_with("pub ");
        let rest = line.strip_prefix("pub async fn ").or_else(|| line.strip_prefix("pub fn "));
        if let Some(rest) = rest.filter(|_| indented) {
            let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            found.insert(name);
        }
    }
    found
}

#[test]
fn methods_are_found() {
    let source = "impl Tx {\n    pub async fn claim_batch(&mut self) {}\n    fn hidden() {}\n    pub(crate) fn own() {}\n}\n#[cfg(test)]\nmod t { impl X { pub fn not_this() {} } }";
    assert_eq!(public_methods(source), BTreeSet::from(["claim_batch".to_owned()]));
}

#[test]
fn every_statement_of_the_store_is_tested_on_both_engines() {
    let files = files();
    let tests: String = files
        .iter()
        .filter(|path| {
            (path.starts_with("crates/store/tests/")
                || path.ends_with("store/src/testing.rs")
                || (path.starts_with("crates/store/src/") && path.ends_with("_tests.rs")))
                && has_extension(path, &["rs"])
        })
        .filter_map(|path| text(path))
        .collect();
    assert!(tests.contains("both("), "the store's tests run on both engines through `both`");

    let mut untested = Vec::new();
    let mut count = 0;
    for path in files.iter().filter(|path| path.starts_with("crates/store/src/") && has_extension(path, &["rs"])) {
        if path.ends_with("/testing.rs") || path.ends_with("_tests.rs") {
            continue;
        }
        for method in public_methods(&text(path).expect("sources are UTF-8")) {
            count += 1;
            let called = [".", "::"].iter().any(|dot| tests.contains(&format!("{dot}{method}(")));
            if !called {
                untested.push(format!("{path}: {method}"));
            }
        }
    }
    assert!(count > 5, "only {count} methods found");
    assert!(untested.is_empty(), "methods of the store that no test of crates/store names: {untested:#?}");
}
