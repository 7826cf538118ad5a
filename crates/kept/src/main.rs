//! The binary: commands, configuration, and the work that runs in the background.
//!
//! Only this crate reads files and the environment; only `jobs` knows apalis. Everything that Kept decides stands in
//! `kept-flow` and below.

mod carriers;
mod cli;
mod commands;
mod config;
mod demo;
mod exit;
mod health;
mod jobs;
mod logging;
mod mail;
mod metrics;
mod open;
mod output;
mod serve;
mod text_lines;

use clap::Parser as _;
use cli::{Cli, Context};
use config::Config;
use exit::{Exit, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            // Help and version are answers, on standard output; everything else is a mistake in the command line.
            let exit = if said.use_stderr() { Exit::Usage } else { Exit::Ok };
            let _closed = said.print();
            return ExitCode::from(exit.code());
        }
    };
    let exit = match start(cli) {
        Ok(exit) => exit,
        Err(failure) => {
            output::say(format_args!("kept: {failure}"));
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

fn start(cli: Cli) -> Result<Exit, Failure> {
    let config = if cli.command.needs_config() { Config::load(cli.config.as_deref())? } else { Config::defaults() };
    // Whoever tries the demo wants to read its addresses, and not each request.
    let log = if matches!(cli.command, cli::Command::Demo(_)) { "warn" } else { &config.log };
    logging::start(config.log_format, log)?;
    // Before the first connection: rustls is built without a provider of its own choice. A second call is refused,
    // which cannot happen here.
    let _second = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(cli.command.run(&Context { config }))
}
