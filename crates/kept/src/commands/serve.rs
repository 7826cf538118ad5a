//! `kept serve`: pages and background work in one process.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::open;
use crate::serve::{self, Role};
use kept_flow::FlowError;

/// Arguments of `kept serve`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs `kept serve`.
pub async fn run(_args: Args, context: &Context) -> Result<Exit, Failure> {
    context.config.check_served()?;
    let flow = open::flow(&context.config).await?;
    if flow.practices().await?.is_empty() {
        return Err(FlowError::NoPractice.into());
    }
    serve::run(&context.config, flow, Role::Serve).await
}
