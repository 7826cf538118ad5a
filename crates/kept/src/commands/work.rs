//! `kept work`: background work alone, beside one or more `kept serve` on PostgreSQL.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::serve::{self, Role};

/// Arguments of `kept work`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `kept work`.
pub async fn run(_args: Args, context: &Context) -> Result<Exit, Failure> {
    let flow = open::flow(&context.config).await?;
    serve::run(&context.config, flow, Role::Work).await
}
