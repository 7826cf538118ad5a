//! The form of files: their length, what may not stand in them, and who reads files and the environment.

use crate::repository::{files, has_extension, text};

/// Lines a source file may have. Longer ones are about more than one thing.
const LINES: usize = 500;

/// Files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[
    ("migrations/postgres/0001_first.sql", "a schema is read as a whole"),
    ("migrations/sqlite/0001_first.sql", "a schema is read as a whole"),
];

/// Sources people read; what is generated, or is data, is not among them.
fn is_source(path: &str) -> bool {
    let read = has_extension(path, &["rs", "js", "mjs", "ts", "css", "html", "sql", "toml", "sh"])
        || ["tests/run", "tests/postgres", ".ci/run", ".ci/assets"].contains(&path);
    read && !path.contains("/dist/") && !path.starts_with("tests/data/") && !path.ends_with("Cargo.lock")
}

#[test]
fn files_are_about_one_thing() {
    let mut long = Vec::new();
    for path in files().into_iter().filter(|path| is_source(path)) {
        let lines = text(&path).unwrap_or_else(|| panic!("{path} is not UTF-8")).lines().count();
        let excused = LONGER.iter().any(|(known, _)| *known == path);
        if lines > LINES && !excused {
            long.push(format!("{path}: {lines}"));
        }
        assert!(lines > LINES || !excused, "{path} has {lines} lines: take it off the list of longer files");
        let name = path.rsplit('/').next().unwrap_or(&path);
        assert!(
            !["utils.rs", "util.rs", "helpers.rs", "misc.rs", "common.rs"].contains(&name),
            "{path} says not what it is about"
        );
    }
    assert!(long.is_empty(), "files over {LINES} lines; split them by what they are about: {long:#?}");
}

/// What may not stand in any file, cut in two so that this list is not found itself.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("todo", "!("), "finish it or leave it out"),
    (concat!("unimplemented", "!("), "finish it or leave it out"),
    (concat!("FIX", "ME"), "fix it or file an issue"),
    (concat!("TO", "DO"), "do it or file an issue"),
    (concat!("XX", "X:"), "fix it or file an issue"),
    (concat!("#[al", "low("), "use #[expect(…, reason = …)]"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/home/", "runner"), "a path of one machine"),
    (concat!("registry.", "npmjs"), "no host of a registry: mirrors differ"),
    (concat!("static.", "crates"), "no host of a registry: mirrors differ"),
    (concat!("index.", "crates"), "no host of a registry: mirrors differ"),
    (concat!("deb.", "debian.org"), "no host of a registry: mirrors differ"),
    (concat!("\"resol", "ved\":"), "no host of a registry: npm lockfiles without addresses"),
];

#[test]
fn nothing_forbidden_stands_in_any_file() {
    let mut found = Vec::new();
    for path in files() {
        // Data is as its makers wrote it, and cargo itself writes the index into its lock file.
        if path.starts_with("tests/data/") || path == "Cargo.lock" || path.contains("/dist/") {
            continue;
        }
        let Some(content) = text(&path) else { continue };
        for (number, line) in content.lines().enumerate() {
            for (word, why) in FORBIDDEN {
                if line.contains(word) {
                    found.push(format!("{path}:{}: {word} ({why})", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Only the binary reads files and the environment; every other crate gets values. Embedding at compile time is no
/// reading, and what serves tests only may do as it likes.
#[test]
fn only_the_binary_reads_files_and_the_environment() {
    const READS: &[&str] = &[
        "std::fs::",
        "use std::fs",
        "tokio::fs",
        "File::open",
        "std::env::var",
        "env::var(",
        "std::env::args",
        "env::temp_dir",
    ];
    let mut found = Vec::new();
    for path in files() {
        let library = path.starts_with("crates/") && path.contains("/src/") && !path.starts_with("crates/kept/");
        let serves_tests = path.ends_with("testing.rs") || path.contains("/testing/") || path.contains("tests.rs");
        if !library || serves_tests || !has_extension(&path, &["rs"]) {
            continue;
        }
        let content = text(&path).unwrap_or_else(|| panic!("{path} is not UTF-8"));
        let code = content.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if !line.trim_start().starts_with("//") && READS.iter().any(|word| line.contains(word)) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "values come from `kept`, which alone reads files and the environment: {found:#?}");
}

/// Migrations are paired: one of each name for each engine.
#[test]
fn migrations_come_in_pairs() {
    let of = |engine: &str| -> Vec<String> {
        let folder = format!("migrations/{engine}/");
        files().into_iter().filter_map(|path| path.strip_prefix(&folder).map(str::to_owned)).collect()
    };
    let sqlite = of("sqlite");
    assert!(!sqlite.is_empty(), "no migrations found");
    assert_eq!(sqlite, of("postgres"));
}

/// Clippy refuses `Sealed::from_ciphertext` outside seal and store; the conversion that rows are read by is the same thing
/// by another name.
#[test]
fn only_the_store_reads_sealed_values_from_bytes() {
    let mut found = Vec::new();
    for path in files() {
        let elsewhere = path.starts_with("crates/")
            && !["store", "seal", "domain"].iter().any(|own| path.starts_with(&format!("crates/{own}/")));
        if !elsewhere || !has_extension(&path, &["rs"]) {
            continue;
        }
        let content = text(&path).unwrap_or_else(|| panic!("{path} is not UTF-8"));
        for (number, line) in content.lines().enumerate() {
            let makes = line.contains("Sealed") && (line.contains("try_from(") || line.contains("try_into("));
            if makes || line.contains("from_ciphertext") {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "only kept-seal makes sealed values and only kept-store reads them: {found:#?}");
}
