//! `kept demo`: a made-up practice on this machine, with a time machine.

use crate::cli::Context;
use crate::demo::{self, Wanted};
use crate::exit::{Exit, Failure};
use chrono::NaiveDateTime;
use std::net::SocketAddr;

/// Arguments of `kept demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen, on this machine only; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// What the practice's clock says when you come, e.g. 2026-11-23T10:00 [default: this working day's morning, or the next one's]
    #[arg(long, value_name = "TIME", value_parser = local_time)]
    at: Option<NaiveDateTime>,
    /// Print the addresses as one JSON line
    #[arg(long)]
    json: bool,
}

/// A local time to the minute or second.
fn local_time(text: &str) -> Result<NaiveDateTime, String> {
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .ok_or_else(|| "write it as 2026-11-23T10:00, the practice's local time".to_owned())
}

/// Runs `kept demo`. It needs no configuration.
pub async fn run(args: Args, _context: &Context) -> Result<Exit, Failure> {
    demo::run(Wanted { listen: args.listen, at: args.at, json: args.json }).await
}
