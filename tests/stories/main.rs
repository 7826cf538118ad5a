//! Whole stories on both engines: a schedule goes in, texts come out, patients answer, figures follow.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

/// Runs a scene on each engine that is there.
macro_rules! on_both_engines {
    ($scene:ident, $sqlite:ident, $postgres:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $sqlite() {
            let database = kept_store::testing::TestDatabase::sqlite().await;
            $scene(&database).await;
            database.close().await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $postgres() {
            let Some(database) = kept_store::testing::TestDatabase::postgres().await else { return };
            $scene(&database).await;
            database.close().await;
        }
    };
}

mod any_point;
mod carrier;
mod erased;
mod half_year;
mod ninety_days;
mod outage;
mod practice;
mod scenes;
