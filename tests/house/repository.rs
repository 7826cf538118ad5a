//! The repository as the tests see it.

use cargo_metadata::{Metadata, MetadataCommand};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_path_buf()
}

/// What cargo knows of the packages that are built on this platform.
pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked".into(), "--filter-platform".into(), platform()])
        .exec()
        .expect("cargo metadata answers")
}

fn platform() -> String {
    let version = Command::new("rustc").arg("-vV").output().expect("rustc answers").stdout;
    let version = String::from_utf8(version).expect("rustc writes UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    host.to_owned()
}

/// Paths of all files of the repository, relative to its root: what is tracked, and what is new and not ignored.
pub(crate) fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git answers");
    assert!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let list = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let files: Vec<String> = list.lines().map(str::to_owned).filter(|path| root().join(path).is_file()).collect();
    assert!(files.len() > 50, "only {} files found", files.len());
    files
}

/// The text of a file, or none where it is not UTF-8.
pub(crate) fn text(path: &str) -> Option<String> {
    let bytes = std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
    String::from_utf8(bytes).ok()
}

/// Whether a path's name ends in one of `extensions` (without the dot).
pub(crate) fn has_extension(path: &str, extensions: &[&str]) -> bool {
    Path::new(path).extension().and_then(|found| found.to_str()).is_some_and(|found| extensions.contains(&found))
}
