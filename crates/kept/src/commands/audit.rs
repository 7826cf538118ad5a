//! `kept audit verify`: walk each practice's chain from its first entry to its head.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use clap::Subcommand;

/// Arguments of `kept audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with the record
    #[command(subcommand)]
    command: Audit,
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Check that no entry was edited, cut out, added or moved
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// Short name of one practice [default: all]
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
    /// Print JSON: one object a practice
    #[arg(long)]
    json: bool,
}

/// Runs `kept audit`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Audit::Verify(args) = args.command;
    let flow = open::flow(&context.config).await?;
    let practices = match &args.practice {
        Some(slug) => vec![flow.practice_for_command(Some(slug)).await?.practice.id],
        None => flow.practices().await?,
    };
    let mut exit = Exit::Ok;
    for id in practices {
        let slug = flow.practice(id).await?.practice.slug.clone();
        let verified = flow.verify_audit(id).await?;
        let broken = verified.broken.map(|broken| broken.to_string());
        if broken.is_some() {
            exit = Exit::Findings;
        }
        if args.json {
            output::json(&serde_json::json!({
                "practice": id.to_string(), "slug": slug, "entries": verified.entries, "broken": broken,
            }))?;
        } else {
            match broken {
                None => output::line(format_args!("{slug}: {} entries, all in order", verified.entries))?,
                Some(broken) => {
                    output::line(format_args!("{slug}: BROKEN after {} entries: {broken}", verified.entries))?;
                    output::say(
                        "Somebody changed the database outside Kept. Keep this database as it is, and compare it with a backup.",
                    );
                }
            }
        }
    }
    Ok(exit)
}
