//! `kept location …`: where a practice works, from the command line; an administrator has the same under Settings.

use crate::cli::{Common, Context};
use crate::exit::{Exit, Failure};
use crate::{open, output};
use clap::Subcommand;
use kept_flow::audit::Actor;
use kept_flow::people::NewPlace;

/// Arguments of `kept location`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    command: Location,
}

#[derive(Debug, Subcommand)]
enum Location {
    /// Every location, in the practice's order
    List(Common),
    /// Add a location
    Add(Add),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Its name, exactly as your calendar writes it
    #[arg(long)]
    name: String,
    /// Its time zone, a name of the IANA database
    #[arg(long, value_name = "ZONE")]
    time_zone: String,
    /// What texts call it [default: its name]
    #[arg(long, default_value = "", hide_default_value = true)]
    alias: String,
    /// Phone that patients call [default: the practice's]
    #[arg(long, default_value = "", hide_default_value = true)]
    phone: String,
    #[command(flatten)]
    common: Common,
}

/// Runs `kept location`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let flow = open::flow(&context.config).await?;
    let (Location::List(common) | Location::Add(Add { common, .. })) = &args.command;
    let (slug, json) = (common.practice.clone(), common.json);
    let open = flow.practice_for_command(slug.as_deref()).await?;
    match args.command {
        Location::List(_) => {
            for one in &open.locations {
                let (place, sender) = (&one.location, one.sender.as_deref());
                if json {
                    output::json(&serde_json::json!({
                        "location": place.id.to_string(), "name": place.name, "alias": place.alias,
                        "time_zone": place.time_zone.name(), "phone": place.phone, "sender": sender,
                    }))?;
                } else {
                    output::line(format_args!(
                        "{}  {}  in texts: {}",
                        place.name,
                        place.time_zone.name(),
                        place.alias
                    ))?;
                }
            }
        }
        Location::Add(add) => {
            let new = NewPlace { name: add.name, time_zone: add.time_zone, alias: add.alias, phone: add.phone };
            let id = flow.add_place(open.practice.id, Actor::System, &new).await?;
            if json {
                output::json(&serde_json::json!({ "location": id.to_string() }))?;
            } else {
                output::line(format_args!(
                    "{} is added. Rows of later uploads that name it are its visits.",
                    new.name.trim()
                ))?;
            }
        }
    }
    Ok(Exit::Ok)
}
