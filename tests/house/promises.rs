//! Every promise of docs/PROMISES.md has its tests, and they are there.

use crate::repository::text;

const DOCUMENT: &str = "docs/PROMISES.md";

/// Rows of the document's tables without their heads: the cells.
fn rows(content: &str) -> Vec<Vec<&str>> {
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("|---") && !line.contains(" by |");
    content.lines().filter(is_row).map(cells).collect()
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split(" | ").map(str::trim).collect()
}

/// The tests that a cell names: `path::name`.
fn tests(cell: &str) -> Vec<(&str, &str)> {
    cell.split('`').skip(1).step_by(2).filter_map(|name| name.split_once("::")).collect()
}

/// Whether a file has a test of that name: a function with the attribute above it, or a scene that a macro makes tests of.
fn has_test(content: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    let lines: Vec<&str> = content.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let is_it = line.starts_with(&function) || line.starts_with(&format!("async {function}"));
        let attribute = lines[..at]
            .iter()
            .rev()
            .take_while(|before| !before.is_empty())
            .any(|before| ["#[test]", "#[tokio::test"].iter().any(|attribute| before.starts_with(attribute)));
        let by_macro = content.split("on_both_engines!(").skip(1).any(|call| call.trim_start().starts_with(name));
        // A macro such as proptest's keeps the attribute on the line above as well.
        is_it && (attribute || by_macro)
    })
}

#[test]
fn every_promise_has_its_tests() {
    let content = text(DOCUMENT).expect("the document is UTF-8");
    let rows = rows(&content);
    assert!(rows.len() > 25, "{} promises", rows.len());
    let mut missing = Vec::new();
    for row in &rows {
        let named = row.last().map(|cell| tests(cell)).unwrap_or_default();
        if named.is_empty() {
            missing.push(format!("no test: {row:?}"));
        }
        for (path, name) in named {
            if !text(path).is_some_and(|source| has_test(&source, name)) {
                missing.push(format!("{path} has no test {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{DOCUMENT}: {missing:#?}");
}

#[test]
fn rows_and_tests_are_read() {
    let table = "| rule | held by |\n|---|---|\n| it holds | `a.rs::one` `b.rs::two` |\n";
    assert_eq!(rows(table), [["it holds", "`a.rs::one` `b.rs::two`"]]);
    assert_eq!(tests("`a.rs::one` `b.rs::two`"), [("a.rs", "one"), ("b.rs", "two")]);
    assert!(has_test("#[test]\nfn one() {", "one") && has_test("    #[tokio::test]\n    async fn one() {", "one"));
    assert!(has_test("async fn scene(database) {\n}\non_both_engines!(scene, a, b);", "scene"));
    assert!(!has_test("fn one() {", "one") && !has_test("#[test]\nfn one_more() {", "one"));
}
