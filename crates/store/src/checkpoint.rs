//! SQLite's write-ahead log is folded into the file beside the writer, not by it: a commit that had to do it would keep those at
//! the portal waiting.

use crate::pool::SQLITE_BUSY_TIMEOUT;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use std::time::Duration;
use tokio::sync::watch;

/// Pages of the log (4 KiB each) at which a commit folds it in itself after all: whoever works beside it has fallen behind.
pub(crate) const LAST_RESORT_PAGES: &str = "16384";
/// The least time between two rounds: pages that are written again meanwhile are folded in once.
const ROUND: Duration = Duration::from_millis(100);

/// Folds the log in after commits, on a connection and thread of its own. Ends with the last sender of `written`.
pub(crate) fn start(options: SqliteConnectOptions, mut written: watch::Receiver<()>) -> SqlitePool {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .acquire_timeout(SQLITE_BUSY_TIMEOUT)
        .connect_lazy_with(options);
    let connections = pool.clone();
    tokio::spawn(async move {
        while written.changed().await.is_ok() {
            // Passive: waits for nobody and keeps nobody waiting. What it leaves, the next round takes.
            match sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&connections).await {
                Ok(_) => {}
                Err(sqlx::Error::PoolClosed) => return,
                Err(error) => {
                    tracing::warn!(%error, "the write-ahead log was not folded in; the next commit tries again");
                }
            }
            tokio::time::sleep(ROUND).await;
        }
    });
    pool
}
