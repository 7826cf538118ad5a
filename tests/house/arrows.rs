//! Who may know whom.

use crate::repository::metadata;
use cargo_metadata::DependencyKind;
use std::collections::{BTreeMap, BTreeSet};

/// The five in the middle. They see the domain and never each other.
const MIDDLE: &[&str] = &["kept-seal", "kept-store", "kept-render", "kept-intake", "kept-carrier"];

/// Every arrow that may exist between crates of the workspace.
fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let domain = BTreeSet::from(["kept-domain"]);
    let mut arrows = BTreeMap::from([("kept-domain", BTreeSet::new())]);
    arrows.extend(MIDDLE.iter().map(|middle| (*middle, domain.clone())));
    let below_flow: BTreeSet<_> = MIDDLE.iter().copied().chain(["kept-domain"]).collect();
    arrows.insert("kept-flow", below_flow.clone());
    arrows.insert("kept-web", BTreeSet::from(["kept-flow", "kept-render", "kept-domain"]));
    let all: BTreeSet<_> = below_flow.into_iter().chain(["kept-flow", "kept-web"]).collect();
    arrows.insert("kept", all.clone());
    arrows.insert("kept-tests", all);
    arrows
}

/// Libraries that only some crates may know directly, so that what they do stays in one place.
const KEPT_IN_ONE_PLACE: &[(&str, &[&str])] = &[
    ("sqlx", &["kept-store", "kept-tests"]),
    ("axum", &["kept-web", "kept"]),
    ("tower-http", &["kept-web"]),
    ("apalis", &["kept"]),
    ("apalis-core", &["kept"]),
    ("apalis-cron", &["kept"]),
    ("tera", &["kept-render"]),
    ("aes-gcm", &["kept-seal"]),
    ("hkdf", &["kept-seal"]),
    ("reqwest", &["kept-carrier", "kept", "kept-tests"]),
    ("calamine", &["kept-intake"]),
    ("csv", &["kept-intake"]),
    ("clap", &["kept"]),
    ("tracing-subscriber", &["kept", "kept-tests"]),
];

/// What the pure crate may know directly: values and text, nothing that reads, writes or waits.
const DOMAIN_KNOWS: &[&str] =
    &["chrono", "chrono-tz", "proptest", "rlibphonenumber", "serde", "serde_json", "thiserror", "toml", "uuid"];

#[test]
fn arrows_between_crates_are_the_allowed_ones() {
    let metadata = metadata();
    let allowed = allowed();
    let packages = metadata.workspace_packages();
    let found: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(found, allowed.keys().copied().collect(), "a crate came or went: say here what it may know");

    let mut wrong = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            let to = dependency.name.as_str();
            let fine = match dependency.kind {
                // Tests may open what lies below, and a crate's own features for tests; the middle stays apart even so.
                DependencyKind::Development if MIDDLE.contains(&name) || name == "kept-domain" => {
                    to == name || allowed[name].contains(to)
                }
                DependencyKind::Development => to == name || allowed["kept"].contains(to),
                _ => allowed[name].contains(to),
            };
            if !fine {
                wrong.push(format!("{name} → {to} ({:?})", dependency.kind));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that may not be: {wrong:#?}");
}

#[test]
fn a_library_is_known_where_it_belongs() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        for dependency in &package.dependencies {
            let library = dependency.name.as_str();
            let places = KEPT_IN_ONE_PLACE.iter().find(|(known, _)| *known == library);
            if places.is_some_and(|(_, places)| !places.contains(&name)) && dependency.kind == DependencyKind::Normal {
                wrong.push(format!("{name} knows {library}"));
            }
            if name == "kept-domain" && !DOMAIN_KNOWS.contains(&library) {
                wrong.push(format!("kept-domain knows {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_can_be_published_by_mistake() {
    for package in metadata().workspace_packages() {
        assert_eq!(package.publish.as_deref(), Some(&[][..]), "{} lacks `publish.workspace = true`", package.name);
        assert_eq!(package.license.as_deref(), Some("Apache-2.0"), "{} lacks `license.workspace = true`", package.name);
    }
}
