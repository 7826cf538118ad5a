//! `kept audit verify`: walk each practice's chains, audit and consent, from the first entry to the head.

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
    /// Print JSON: one object a chain
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
        let audit = flow.verify_audit(id).await?;
        let consent = flow.verify_consents(id).await?;
        let chains =
            [("audit", Some(audit.entries), audit.broken), ("consent", consent.as_ref().ok().copied(), consent.err())];
        for (chain, entries, broken) in chains {
            let broken = broken.map(|broken| broken.to_string());
            if broken.is_some() {
                exit = Exit::Findings;
            }
            if args.json {
                output::json(&serde_json::json!({
                    "practice": id.to_string(), "slug": slug, "chain": chain, "entries": entries, "broken": broken,
                }))?;
                continue;
            }
            match broken {
                None => {
                    let entries = entries.unwrap_or(0);
                    output::line(format_args!("{slug}: {chain}: {entries} entries, all in order"))?;
                }
                Some(broken) => {
                    output::line(format_args!("{slug}: {chain}: BROKEN: {broken}"))?;
                    output::say(
                        "Somebody changed the database outside Kept. Keep it as it is, and compare it with a backup.",
                    );
                }
            }
        }
    }
    Ok(exit)
}
