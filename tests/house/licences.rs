//! What we may ship: licences, banned crates, and versions that come twice.

use crate::repository::metadata;
use cargo_metadata::Metadata;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// Licences that let anybody use, change and pass on what we ship with no more than a notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, by any way, and why.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "TLS is rustls, so that the binary needs no library of the system"),
    ("openssl-sys", "TLS is rustls, so that the binary needs no library of the system"),
    ("native-tls", "TLS is rustls, so that the binary needs no library of the system"),
    ("aws-lc-rs", "ring is the one provider; this one needs cmake and minutes of C"),
    ("aws-lc-sys", "ring is the one provider; this one needs cmake and minutes of C"),
    ("hl7v2", "its licence is the AGPL"),
    ("time", "chrono is the one calendar"),
    ("async-std", "tokio is the one runtime"),
];

/// Crates that are built in more than one version, and for whose sake. An entry that is no longer needed fails the test.
const TWICE: &[(&str, &str)] = &[
    ("base64", "reqwest and hyper-util are one version ahead of metrics-exporter-prometheus"),
    ("block-buffer", "sha2 0.10"),
    ("cpufeatures", "sha2 0.10"),
    ("crypto-common", "sha2 0.10"),
    ("digest", "sha2 0.10"),
    ("foldhash", "hashbrown"),
    ("getrandom", "ring 0.17 and rand_core 0.9 are behind"),
    ("hashbrown", "each of dashmap, petgraph, sqlx-core and indexmap is at its own version"),
    ("itertools", "prost's code generator and its derive macro differ (build of rlibphonenumber)"),
    ("logos", "protox and prost-reflect differ (build of rlibphonenumber)"),
    ("logos-codegen", "logos"),
    ("logos-derive", "logos"),
    ("phf", "chrono-tz and cron differ"),
    ("phf_shared", "phf"),
    ("rand", "metrics-util and phf's generator are behind"),
    ("rand_core", "rand"),
    ("serde_spanned", "toml 0.8"),
    ("sha2", "sqlx-core 0.9.0 hashes migrations with 0.10"),
    ("syn", "derive macros move to version 3 one by one"),
    ("thiserror", "build of rlibphonenumber"),
    ("thiserror-impl", "thiserror"),
    ("toml", "sqlx-core 0.9.0 reads sqlx.toml with 0.8"),
    ("toml_datetime", "toml 0.8"),
    ("toml_edit", "toml 0.8"),
    ("tower-http", "reqwest 0.13 follows redirects with 0.6"),
    ("winnow", "toml 0.8 and cron"),
];

/// Whether a licence expression (SPDX, or the old form with a slash) can be met by allowed licences alone.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words: VecDeque<&str> = spaced.split_whitespace().collect();
    let met = any_of(&mut words);
    met && words.is_empty()
}

fn any_of(words: &mut VecDeque<&str>) -> bool {
    let mut met = all_of(words);
    while words.front() == Some(&"OR") {
        words.pop_front();
        met |= all_of(words);
    }
    met
}

fn all_of(words: &mut VecDeque<&str>) -> bool {
    let mut met = one(words);
    while words.front() == Some(&"AND") {
        words.pop_front();
        met &= one(words);
    }
    met
}

fn one(words: &mut VecDeque<&str>) -> bool {
    let Some(word) = words.pop_front() else { return false };
    if word == "(" {
        let met = any_of(words);
        return words.pop_front() == Some(")") && met;
    }
    let mut licence = word.to_owned();
    if words.front() == Some(&"WITH") {
        words.pop_front();
        licence = format!("{licence} WITH {}", words.pop_front().unwrap_or_default());
    }
    ALLOWED.contains(&licence.as_str())
}

#[test]
fn licence_expressions_are_understood() {
    for fine in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-2.0) AND BSD-3-Clause",
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert!(is_allowed(fine), "{fine} is fine");
    }
    for not in [
        "",
        "GPL-3.0",
        "AGPL-3.0-only",
        "MIT AND GPL-3.0",
        "(MIT OR Apache-2.0) AND LGPL-2.1",
        "Apache-2.0 WITH Something",
        "MIT)",
        "(MIT",
    ] {
        assert!(!is_allowed(not), "{not} is not fine");
    }
}

#[test]
fn every_licence_is_on_the_list() {
    let metadata = metadata();
    let wrong: Vec<String> = reached(&metadata)
        .into_iter()
        .filter(|(_, _, licence)| !is_allowed(licence.as_deref().unwrap_or_default()))
        .map(|(name, version, licence)| format!("{name} {version}: {licence:?}"))
        .collect();
    assert!(wrong.is_empty(), "licences not on the list: {wrong:#?}");
}

#[test]
fn banned_crates_stay_out() {
    let metadata = metadata();
    let names: BTreeSet<String> = reached(&metadata).into_iter().map(|(name, ..)| name).collect();
    for (banned, reason) in BANNED {
        assert!(!names.contains(*banned), "{banned} came in: {reason} (`cargo tree -i {banned}` tells by which way)");
    }
}

#[test]
fn versions_that_come_twice_are_known() {
    let metadata = metadata();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version, _) in reached(&metadata) {
        versions.entry(name).or_default().insert(version);
    }
    let twice: BTreeSet<&str> =
        versions.iter().filter(|(_, found)| found.len() > 1).map(|(name, _)| name.as_str()).collect();
    let known: BTreeSet<&str> = TWICE.iter().map(|(name, _)| *name).collect();
    let new: Vec<_> = twice.difference(&known).map(|name| (*name, &versions[*name])).collect();
    let gone: Vec<_> = known.difference(&twice).collect();
    assert!(new.is_empty(), "built in more than one version; agree on one, or say in TWICE why not: {new:?}");
    assert!(gone.is_empty(), "no longer built twice, take them off the list: {gone:?}");
}

/// Name, version and licence of every package of others that is built on this platform.
fn reached(metadata: &Metadata) -> HashSet<(String, String, Option<String>)> {
    let resolve = metadata.resolve.as_ref().expect("metadata with dependencies");
    let ids: HashSet<_> = resolve.nodes.iter().map(|node| &node.id).collect();
    let packages: HashSet<_> = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some() && ids.contains(&package.id))
        .map(|package| (package.name.to_string(), package.version.to_string(), package.license.clone()))
        .collect();
    assert!(packages.len() > 100, "only {} packages found", packages.len());
    packages
}
