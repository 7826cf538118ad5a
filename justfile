# The verbs of the house. `just` alone lists them; each is also a plain command that works without just.

_default:
    @just --list --unsorted

# A made-up practice on this machine: prints the addresses of the patient's phone, the front desk and the manager
demo *args:
    cargo run --release -- demo {{ args }}

# Every test: Rust on SQLite and PostgreSQL, then browsers (installs what is missing on Debian as root)
test *args:
    tests/run {{ args }}

# Look for cases that break a property: many more, and newly drawn ones
properties cases="20000":
    PROPTEST_CASES={{ cases }} tests/run rust -E 'package(kept-domain) + package(kept-seal) + package(kept-render) + package(kept-intake)'

# What a reviewer's machine will say: form, lints, documentation
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items

# Everything that must hold before a change lands
ci:
    .ci/run

# Rows, reminders and notices a second; writes target/bench/results.json
bench:
    cargo bench --package kept-tests --bench throughput

# Put the code into form
fmt:
    cargo fmt --all

# Build the browser's scripts and styles again (needs Node; the result is committed)
assets:
    cd crates/web/assets && npm ci --ignore-scripts && npm run build

# Make the pictures of the README again
screenshots:
    KEPT_SCREENSHOTS=1 tests/run browser story
