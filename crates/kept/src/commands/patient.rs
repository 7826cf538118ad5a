//! `kept patient erase`: a patient who asks to be forgotten.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use clap::Subcommand;
use kept_domain::AppointmentId;
use kept_flow::audit::Actor;

/// Arguments of `kept patient`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with a patient
    #[command(subcommand)]
    command: Patient,
}

#[derive(Debug, Subcommand)]
enum Patient {
    /// Erase a patient for good: name, birth date, numbers, words. Visits stay as figures, opt-outs stay
    Erase(Erase),
}

#[derive(Debug, clap::Args)]
struct Erase {
    /// The id of one of the patient's visits: the end of its page's address
    #[arg(long, value_name = "ID")]
    appointment: AppointmentId,
    /// Do it; without this, only say what it would do
    #[arg(long)]
    yes: bool,
    /// Short name of the practice, where there are several
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `kept patient`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let Patient::Erase(args) = args.command;
    let flow = open::flow(&context.config).await?;
    let practice = flow.practice_for_command(args.practice.as_deref()).await?.practice.id;
    if !args.yes {
        let found = flow.erasable(practice, args.appointment).await?;
        if args.json {
            output::json(&serde_json::json!({
                "patient": found.patient.to_string(), "erased": false, "visits": found.visits, "to_come": found.to_come,
                "open_messages": found.open_messages,
            }))?;
        } else {
            output::line(format_args!(
                "Visits: {}, of them to come: {}. Messages that are not settled: {}. Nothing was changed.",
                found.visits, found.to_come, found.open_messages
            ))?;
            output::say(format_args!("Nothing brings an erased patient back. To go on, run it again with --yes."));
        }
        return Ok(Exit::Ok);
    }
    let erased = flow.erase_patient(practice, args.appointment, Actor::System).await?;
    if args.json {
        output::json(&serde_json::json!({
            "patient": erased.patient.to_string(), "erased": true, "visits": erased.visits, "messages": erased.messages,
            "texts": erased.texts, "uploads": erased.uploads,
        }))?;
    } else {
        output::line(format_args!(
            "Erased. Visits that stay as figures: {}. Gone are the texts of messages ({}) and replies ({}), and the rejected rows of uploads ({}).",
            erased.visits, erased.messages, erased.texts, erased.uploads
        ))?;
        output::say(format_args!(
            "Backups from before still hold the patient: let them run out, or erase again after a restore."
        ));
    }
    Ok(Exit::Ok)
}
