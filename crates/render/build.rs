//! Rebuilds the crate when a template or catalogue is added, which the embedding macro alone does not notice.

fn main() {
    println!("cargo::rerun-if-changed=../../templates");
}
