//! `kept link new`: a fresh link to one visit, printed once.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use clap::Subcommand;
use kept_domain::AppointmentId;
use kept_flow::audit::Actor;

/// Arguments of `kept link`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with links
    #[command(subcommand)]
    command: Link,
}

#[derive(Debug, Subcommand)]
enum Link {
    /// Make a fresh link to one visit and print it; it cannot be shown again
    New(New),
}

#[derive(Debug, clap::Args)]
struct New {
    /// The visit's id in Kept, as `kept simulate --json` shows it
    #[arg(long, value_name = "ID")]
    appointment: AppointmentId,
    /// Short name of the practice, where there are several
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `kept link`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Link::New(args) = args.command;
    let flow = open::flow(&context.config).await?;
    let practice = flow.practice_for_command(args.practice.as_deref()).await?;
    let fresh = flow.new_link(practice.practice.id, args.appointment, Actor::System).await?;
    let expires_at = fresh.expires_at.rfc3339_in(practice.practice.time_zone);
    if args.json {
        output::json(&serde_json::json!({
            "link": fresh.id.to_string(), "url": fresh.url.reveal(), "expires_at": expires_at,
        }))?;
    } else {
        output::line(fresh.url.reveal())?;
        output::say(format_args!("It works until {expires_at}. Whoever has it still needs the birth date."));
    }
    Ok(Exit::Ok)
}
