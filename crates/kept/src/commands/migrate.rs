//! `kept migrate`: bring the database's schema up to date.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::{open, output};
use kept_store::Store;

/// Arguments of `kept migrate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `kept migrate`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let settings = context.config.store();
    open::refuse_missing(&settings)?;
    let store = Store::connect_and_migrate(&settings).await?;
    let state = store.schema_state().await?;
    store.close().await;
    if args.json {
        output::json(&serde_json::json!({ "schema": state.found }))?;
    } else {
        output::line(format_args!("The database has schema {}, as this program needs.", state.found))?;
    }
    Ok(Exit::Ok)
}
