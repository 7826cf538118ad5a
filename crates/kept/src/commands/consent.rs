//! `kept consent`: prove that nobody was written to against their word, and show what is recorded of one number.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use clap::Subcommand;
use kept_domain::PracticeId;
use kept_flow::consent::{Finding, NotMeant, Proof};
use kept_flow::{Flow, OpenPractice};
use std::io::BufRead as _;

/// Arguments of `kept consent`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with the consent ledger
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prove that the ledger is whole and that no attempt to send went against it
    Verify(Verify),
    /// The ledger of one number or address
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// Short name of one practice [default: all]
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
    /// Print JSON: one object a finding, then one a practice
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Telephone number or e-mail address; `-` reads it from standard input, so that it stands in no list of processes
    #[arg(value_name = "NUMBER", allow_hyphen_values = true)]
    number: String,
    /// Short name of the practice, where there are several
    #[arg(long, value_name = "SLUG")]
    practice: Option<String>,
    /// Print JSON: one object an entry
    #[arg(long)]
    json: bool,
}

/// Runs `kept consent`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let flow = open::flow(&context.config).await?;
    match args.command {
        Command::Verify(args) => verify(&flow, &args).await,
        Command::Show(args) => show(&flow, &args).await,
    }
}

async fn verify(flow: &Flow, args: &Verify) -> Result<Exit, Failure> {
    let practices = match &args.practice {
        Some(slug) => vec![flow.practice_for_command(Some(slug)).await?.practice.id],
        None => flow.practices().await?,
    };
    let mut exit = Exit::Ok;
    for id in practices {
        let practice = flow.practice(id).await?;
        let mut told = Ok(());
        let proof = flow
            .prove_consent(id, |finding| {
                // The first line that cannot be written ends the writing, not the proof.
                if told.is_ok() {
                    told = print_finding(&practice, finding, args.json);
                }
            })
            .await?;
        told?;
        print_proof(id, &practice.practice.slug, &proof, args.json)?;
        if !proof.is_clean() {
            exit = Exit::Findings;
        }
    }
    Ok(exit)
}

fn print_finding(practice: &OpenPractice, finding: &Finding, json: bool) -> Result<(), Failure> {
    let zone = practice.practice.time_zone;
    let at = finding.at.rfc3339_in(zone);
    let entry = finding.entry.map(|(seq, at)| (seq, at.rfc3339_in(zone)));
    if json {
        return output::json(&serde_json::json!({
            "finding": finding.wrong.as_str(), "slug": practice.practice.slug, "notice": finding.notice.to_string(),
            "attempt": finding.attempt, "channel": finding.channel.as_str(), "at": at,
            "entry": entry.as_ref().map(|(seq, _)| *seq), "entry_at": entry.as_ref().map(|(_, at)| at),
        }));
    }
    let attempt = finding.attempt.map_or_else(|| "no attempt".to_owned(), |number| format!("attempt {number}"));
    let entry = entry.map_or_else(|| "no entry allows it".to_owned(), |(seq, at)| format!("entry {seq} of {at}"));
    let (slug, notice, channel) = (&practice.practice.slug, finding.notice, finding.channel);
    output::line(format_args!("{slug}: {}: notice {notice}, {attempt}, {channel}, {at}; {entry}", finding.wrong))
}

fn print_proof(id: PracticeId, slug: &str, proof: &Proof, json: bool) -> Result<(), Failure> {
    let broken = proof.chain.as_ref().err().map(ToString::to_string);
    let entries = proof.chain.as_ref().ok();
    if json {
        return output::json(&serde_json::json!({
            "practice": id.to_string(), "slug": slug, "entries": entries, "broken": broken,
            "attempts": proof.attempts, "findings": proof.findings, "waiting": proof.waiting,
        }));
    }
    match (&broken, entries) {
        (Some(broken), _) => {
            output::line(format_args!("{slug}: ledger: BROKEN: {broken}"))?;
            output::say("Somebody changed the database outside Kept. Keep it as it is, and compare it with a backup.");
        }
        (None, entries) => {
            let entries = entries.copied().unwrap_or(0);
            output::line(format_args!("{slug}: ledger: {entries} entries, all in order"))?;
        }
    }
    let (attempts, findings) = (proof.attempts, proof.findings);
    output::line(format_args!("{slug}: {attempts} attempts held beside it, {findings} against it"))?;
    if proof.waiting > 0 {
        output::say(format_args!(
            "{slug}: {} opt-outs were just received and are not in the ledger yet; nothing goes to their numbers meanwhile.",
            proof.waiting
        ));
    }
    Ok(())
}

async fn show(flow: &Flow, args: &Show) -> Result<Exit, Failure> {
    let practice = flow.practice_for_command(args.practice.as_deref()).await?;
    let number = if args.number == "-" {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        line
    } else {
        args.number.clone()
    };
    // The error says what is wrong with a number, and never which.
    let ledger = flow.consent_of(practice.practice.id, number.trim()).await;
    let ledger = ledger.map_err(|error| match error {
        NotMeant::Phone(error) => Failure::of(Exit::Data, error),
        NotMeant::Email(error) => Failure::of(Exit::Data, error),
        NotMeant::Flow(error) => error.into(),
    })?;
    let zone = practice.practice.time_zone;
    for entry in &ledger.entries {
        let at = entry.at.rfc3339_in(zone);
        let staff = entry.staff.map(|id| id.to_string());
        let import = entry.import.map(|id| id.to_string());
        if args.json {
            output::json(&serde_json::json!({
                "entry": entry.seq, "at": at, "channel": entry.channel.as_str(), "act": entry.act, "basis": entry.basis,
                "wording": entry.wording, "language": entry.locale, "staff": staff, "import": import,
            }))?;
            continue;
        }
        let by = match (&staff, &import) {
            (Some(staff), Some(import)) => format!(", by staff {staff} with import {import}"),
            (Some(staff), None) => format!(", by staff {staff}"),
            (None, Some(import)) => format!(", with import {import}"),
            (None, None) => String::new(),
        };
        let (seq, channel, act, basis, wording) = (entry.seq, entry.channel, &entry.act, &entry.basis, &entry.wording);
        let language = entry.locale.as_ref().map_or_else(String::new, |locale| format!(" in `{locale}`"));
        output::line(format_args!("{seq}: {at}: {channel} {act} ({basis}, {wording}{language}){by}"))?;
    }
    if ledger.entries.is_empty() {
        output::say("Nothing is recorded of this number; nothing is sent to it.");
    }
    if let Some(why) = &ledger.suspended {
        output::say(format_args!("Messages to it are suspended: {why}."));
    }
    Ok(Exit::Ok)
}
