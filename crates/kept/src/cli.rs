//! The command line. A new command: a file in `commands/` with `Args` and `run`, a variant here, an arm in
//! [`Command::run`], and a section in docs/CLI.md (a test looks for it).

use crate::commands;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Reminders that patients answer, for medical practices.
#[derive(Debug, Parser)]
#[command(name = "kept", version, about, long_about = None, disable_help_subcommand = true, propagate_version = true)]
pub struct Cli {
    /// Configuration file [default: kept.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What Kept can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it: a made-up practice on this machine, with a time machine
    Demo(commands::demo::Args),
    /// Set a practice up: database, keys, first location, first administrator
    Init(commands::init::Args),
    /// Take a schedule in: CSV or XLSX
    Import(commands::import::Args),
    /// Serve pages and send messages
    Serve(commands::serve::Args),
    /// Send messages without serving pages
    Work(commands::work::Args),
    /// Who may sign in
    Staff(commands::staff::Args),
    /// Where the practice works
    Location(commands::location::Args),
    /// Bring the database's schema up to date
    Migrate(commands::migrate::Args),
    /// Look whether everything is in order, and say what to do
    Doctor(commands::doctor::Args),
    /// Make key-encryption keys, and wrap again under a new one
    Keys(commands::keys::Args),
    /// Every message of a stretch of time before it goes out, and why the others will not
    Simulate(commands::simulate::Args),
    /// Make a fresh link to one visit
    Link(commands::link::Args),
    /// Erase a patient for good
    Patient(commands::patient::Args),
    /// Prove that nobody was written to against their word; show what is recorded of a number
    Consent(commands::consent::Args),
    /// Read replies: what each means, and by which rule
    Reply(commands::reply::Args),
    /// Verify the record of what was done
    Audit(commands::audit::Args),
    /// Missed-visit figures of a period
    Report(commands::report::Args),
    /// Write a made-up schedule, for trials and load
    SampleSchedule(commands::sample_schedule::Args),
}

/// What commands about one practice take.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Short name of the practice, where there are several
    #[arg(long, value_name = "SLUG")]
    pub practice: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// The configuration.
    pub config: Config,
}

impl Command {
    /// Whether it works on a configured practice. The others run anywhere, and a broken configuration does not stop them.
    pub fn needs_config(&self) -> bool {
        !matches!(self, Self::SampleSchedule(_) | Self::Demo(_) | Self::Reply(_))
    }

    /// Runs it.
    pub async fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Demo(args) => commands::demo::run(args, context).await,
            Self::Init(args) => commands::init::run(args, context).await,
            Self::Import(args) => commands::import::run(args, context).await,
            Self::Serve(args) => commands::serve::run(args, context).await,
            Self::Work(args) => commands::work::run(args, context).await,
            Self::Staff(args) => commands::staff::run(args, context).await,
            Self::Location(args) => commands::location::run(args, context).await,
            Self::Migrate(args) => commands::migrate::run(args, context).await,
            Self::Doctor(args) => commands::doctor::run(args, context).await,
            Self::Keys(args) => commands::keys::run(args, context).await,
            Self::Simulate(args) => commands::simulate::run(args, context).await,
            Self::Link(args) => commands::link::run(args, context).await,
            Self::Patient(args) => commands::patient::run(args, context).await,
            Self::Consent(args) => commands::consent::run(args, context).await,
            Self::Reply(args) => commands::reply::run(&args, context),
            Self::Audit(args) => commands::audit::run(args, context).await,
            Self::Report(args) => commands::report::run(args, context).await,
            Self::SampleSchedule(args) => commands::sample_schedule::run(args, context).await,
        }
    }
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
