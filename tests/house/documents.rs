//! What the documents claim exists: paths, links, and the commands of the README.

use crate::repository::{files, has_extension, root, text};
use std::collections::BTreeSet;
use std::process::Command;

/// Folders whose paths the documents may name. A name in backticks that begins with one of them is taken for a path.
const FOLDERS: &[&str] = &["crates/", "migrations/", "templates/", "tests/", "deploy/", "docs/", ".ci/", ".config/"];

fn documents() -> Vec<String> {
    let documents: Vec<String> = files()
        .into_iter()
        .filter(|path| path == "README.md" || (path.starts_with("docs/") && has_extension(path, &["md"])))
        .collect();
    assert!(documents.iter().any(|path| path == "README.md"), "no README");
    documents
}

/// `crates/{a,b}/src` stands for two paths.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![path.to_owned()] };
    choices.split(',').flat_map(|choice| expanded(&format!("{before}{}{after}", choice.trim()))).collect()
}

/// Whether a path as a document writes it is there. `*` stands for any name, `<locale>` and the like for any folder.
fn exists(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let wild = |part: &str| part.contains('*') || part.contains('<') || part.contains('…');
    if !path.split('/').any(wild) {
        return root().join(path).exists();
    }
    let fixed = path.split('/').take_while(|part| !wild(part)).collect::<Vec<_>>().join("/");
    root().join(fixed).is_dir()
}

#[test]
fn paths_are_expanded_and_found() {
    assert_eq!(expanded("a/{b,c}/d"), ["a/b/d", "a/c/d"]);
    assert!(exists("crates/domain/src/lib.rs") && exists("migrations/<engine>/") && exists("crates/*/src"));
    assert!(!exists("crates/nobody/src/lib.rs") && !exists("crates/nobody/<x>"));
}

#[test]
fn paths_that_documents_name_exist() {
    let mut missing = Vec::new();
    for document in documents() {
        let content = text(&document).expect("documents are UTF-8");
        for name in content.split('`').skip(1).step_by(2) {
            let name = name.split(['#', ':']).next().unwrap_or_default().trim();
            let is_path = FOLDERS.iter().any(|folder| name.starts_with(folder)) && !name.contains(char::is_whitespace);
            if is_path {
                missing.extend(
                    expanded(name).into_iter().filter(|path| !exists(path)).map(|path| format!("{document}: {path}")),
                );
            }
        }
    }
    assert!(missing.is_empty(), "documents name what is not there: {missing:#?}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let content = text(&document).expect("documents are UTF-8");
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        for part in content.split("](").skip(1) {
            let target = part.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !root().join(folder).join(target).exists() {
                broken.push(format!("{document} → {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

/// The binary that `tests/run` has built beside this test.
fn kept(arguments: &[&str]) -> (bool, String) {
    let own = std::env::current_exe().expect("a test knows its path");
    let binary = own.ancestors().nth(2).expect("target/debug/deps/house").join("kept");
    let output = Command::new(&binary).args(arguments).output().unwrap_or_else(|error| {
        panic!("{}: {error}; build it first: cargo build --workspace --bins --tests", binary.display())
    });
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Commands in the code blocks of a document: what follows `kept ` or `cargo run … -- `, up to the first option.
fn commands(content: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for block in content.split("```").skip(1).step_by(2) {
        for line in block.lines().map(str::trim) {
            let line = line.trim_start_matches("$ ");
            let rest = if line.starts_with("cargo run") {
                line.split_once(" -- ").map(|(_, rest)| rest)
            } else {
                line.strip_prefix("kept ").or_else(|| line.strip_prefix("./kept "))
            };
            let words = rest.into_iter().flat_map(str::split_whitespace);
            let is_name = |word: &&str| {
                word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') && !word.starts_with('-')
            };
            let name: Vec<String> = words.take_while(is_name).take(2).map(str::to_owned).collect();
            if !name.is_empty() {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn commands_that_documents_show_exist() {
    let mut checked = 0;
    for document in documents() {
        for command in commands(&text(&document).expect("documents are UTF-8")) {
            let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            arguments.push("--help");
            let (fine, help) = kept(&arguments);
            assert!(
                fine && help.contains("Usage:"),
                "{document} shows `kept {}`, which does not exist",
                command.join(" ")
            );
            checked += 1;
        }
    }
    assert!(checked > 0, "the documents show no command at all");
    let (_, help) = kept(&["no-such-command", "--help"]);
    assert!(!help.contains("Usage: kept no-such-command"), "a made-up command must not pass");
}

#[test]
fn verbs_that_documents_show_are_in_the_justfile() {
    let justfile = text("justfile").expect("the justfile is UTF-8");
    let verbs: BTreeSet<&str> = justfile
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()) && line.contains(':'))
        .filter_map(|line| line.split([' ', ':']).next())
        .collect();
    for wanted in ["demo", "test", "lint", "bench", "fmt", "assets"] {
        assert!(verbs.contains(wanted), "the justfile lacks {wanted}");
    }
    for document in documents() {
        let content = text(&document).expect("documents are UTF-8");
        for verb in content.split("`just ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next()) {
            assert!(verbs.contains(verb), "{document} shows `just {verb}`, which does not exist");
        }
    }
}

/// Words that promise more than anybody can keep.
#[test]
fn documents_do_not_promise_what_cannot_be_kept() {
    for document in documents() {
        let content = text(&document).expect("documents are UTF-8").to_lowercase();
        for word in [
            "hipaa-certified",
            "hipaa certified",
            "zero-knowledge",
            "zero knowledge",
            "unbreakable",
            "military-grade",
            "100% secure",
        ] {
            assert!(!content.contains(word), "{document} says “{word}”");
        }
    }
}

/// A table of rules is worth what its tests are worth: each test that docs/MESSAGING.md names stands somewhere in the sources.
#[test]
fn the_tests_that_hold_the_rules_of_texting_exist() {
    let document = text("docs/MESSAGING.md").expect("UTF-8");
    let named: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| "))
        .flat_map(|line| line.rsplit(" | ").next().unwrap_or_default().split('`').skip(1).step_by(2))
        .collect();
    assert!(named.len() > 30, "only {} tests are named", named.len());
    let sources: String = files()
        .iter()
        .filter(|path| has_extension(path, &["rs"]) && path.as_str() != "tests/house/documents.rs")
        .filter_map(|path| text(path))
        .collect();
    let missing: Vec<&&str> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "named and not there: {missing:#?}");
}
