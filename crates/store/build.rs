//! Rebuilds when a migration changes, since `migrate!` embeds them.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
    println!("cargo:rerun-if-changed=sqlx.toml");
}
