//! `kept keys`: make a key file; wrap the practices' keys again under a new first key; give practices new keys.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use clap::Subcommand;
use kept_flow::rotate::SETTLE;
use kept_seal::KeyFile;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `kept keys`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with keys
    #[command(subcommand)]
    command: Keys,
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Make a new key file that only its owner may read; never overwrites one
    New(New),
    /// Wrap every practice's keys under the first key of the key file
    Rewrap(Rewrap),
    /// Make a new data-encryption key for a practice, and move everything to it in the background
    Rotate(Rotate),
}

#[derive(Debug, clap::Args)]
struct New {
    /// Where to write it [default: the configured key file]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Rewrap {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    /// One practice; without it all
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
    /// Print JSON: one object a practice
    #[arg(long)]
    json: bool,
}

/// Runs `kept keys`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    match args.command {
        Keys::New(args) => new(&args, context),
        Keys::Rewrap(args) => rewrap(&args, context).await,
        Keys::Rotate(args) => rotate(&args, context).await,
    }
}

fn new(args: &New, context: &Context) -> Result<Exit, Failure> {
    let path = args.out.as_deref().unwrap_or(&context.config.key_file);
    let (text, id) = KeyFile::generate().map_err(|error| Failure::of(Exit::Unavailable, error))?;
    write_new(path, text.as_bytes())?;
    if args.json {
        output::json(&serde_json::json!({ "key_file": path.display().to_string(), "key_id": id.to_string() }))?;
    } else {
        output::line(format_args!("Made key {id} in {}.", path.display()))?;
        output::say(
            "Keep a copy away from this machine and away from the database's backups: without it nothing can be read again.",
        );
    }
    Ok(Exit::Ok)
}

/// Writes a file that must not exist yet, readable by its owner alone from its first byte on.
fn write_new(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o400);
    }
    let shown = path.display();
    let mut file = options.open(path).map_err(|error| {
        let said = if error.kind() == std::io::ErrorKind::AlreadyExists {
            format!(
                "{shown} exists and is not overwritten: it may be the only key to your data. For a further key, \
                 write to another file with --out and put its line above the others"
            )
        } else {
            format!("{shown} cannot be made: {error}")
        };
        Failure::new(Exit::CannotCreate, said)
    })?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(Failure::from)
}

async fn rewrap(args: &Rewrap, context: &Context) -> Result<Exit, Failure> {
    let flow = open::flow(&context.config).await?;
    let practices = flow.rewrap_keys().await?;
    let id = flow.ring.primary_id();
    if args.json {
        output::json(&serde_json::json!({ "practices": practices, "key_id": id.to_string() }))?;
    } else {
        output::line(format_args!("{practices} practice(s) are now under key {id}; older keys may go."))?;
    }
    Ok(Exit::Ok)
}

async fn rotate(args: &Rotate, context: &Context) -> Result<Exit, Failure> {
    let flow = open::flow(&context.config).await?;
    let practices = match &args.practice {
        Some(slug) => vec![flow.practice_for_command(Some(slug)).await?.practice.id],
        None => flow.practices().await?,
    };
    for id in practices {
        let version = flow.rotate_keys(id).await?;
        let slug = &flow.practice(id).await?.practice.slug;
        if args.json {
            output::json(&serde_json::json!({ "practice": id.to_string(), "slug": slug, "version": version }))?;
        } else {
            output::line(format_args!("{slug}: key {version} is made."))?;
        }
    }
    if !args.json {
        output::say(format_args!(
            "`kept serve` or `kept work` does the rest: a new key seals in {} minutes, what lies under the old one is sealed anew, and \
             the old one is destroyed. `kept doctor` says how far it is.",
            SETTLE.num_minutes()
        ));
    }
    flow.store.close().await;
    Ok(Exit::Ok)
}
