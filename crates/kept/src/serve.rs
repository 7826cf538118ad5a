//! The running process: pages, background work, metrics; stops in good order on a signal, and as a whole when a part dies.

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::{carriers, health, jobs, metrics::Metrics, output};
use axum::Router;
use kept_flow::Flow;
use kept_web::WebState;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long parts may take to finish what they began once they were told to stop. A notice that was handed to the carrier
/// is recorded well within it; what is not is reconciled at the next start.
pub const GRACE: Duration = Duration::from_secs(30);

/// What a process does beside background work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Pages and background work.
    Serve,
    /// Background work only.
    Work,
}

/// Runs until a signal comes or a part dies.
///
/// # Errors
/// An address that cannot be listened on; a part that died: the supervisor should start the process again.
pub async fn run(config: &Config, flow: Flow, role: Role) -> Result<Exit, Failure> {
    let stop = CancellationToken::new();
    let mut parts: JoinSet<(&'static str, Result<(), Failure>)> = JoinSet::new();

    // Every listener before anything starts: a taken port is told at once, with nothing half running.
    let metrics = match config.metrics_address()? {
        Some(address) => Some((listen(address, "metrics_listen").await?, Metrics::install(flow.clone())?)),
        None => None,
    };
    if role == Role::Serve {
        let listener = listen(config.listen, "listen").await?;
        let settings = kept_web::Settings { public_url: config.public_url.clone(), demo: false };
        let mut state = WebState::new(flow.clone(), settings);
        if let Some(phone) = carriers::phone(config, Arc::clone(&flow.clock))? {
            output::say(format_args!(
                "texts go to the phones at {}/sandbox/phone and to nobody else",
                config.public_url
            ));
            state = state.with_sandbox(phone);
        }
        let router = kept_web::router(state).merge(health::routes(flow.clone()));
        output::say(format_args!("kept serves {} (listening on {})", config.public_url, config.listen));
        parts.spawn(http("pages", listener, router, stop.clone()));
    }
    if let Some((listener, metrics)) = metrics {
        tokio::spawn(metrics.clone().keep_up());
        parts.spawn(http("metrics", listener, metrics.routes(), stop.clone()));
    }

    let (work, work_stop) = (flow.clone(), stop.clone());
    parts.spawn(async move { ("background work", jobs::run(work, work_stop).await) });

    let mut outcome = Ok(Exit::Ok);
    tokio::select! {
        signal = signal() => tracing::info!(signal = signal?, "stopping"),
        Some(ended) = parts.join_next() => outcome = Err(died(ended)),
    }
    stop.cancel();
    let finished = tokio::time::timeout(GRACE, async {
        while let Some(ended) = parts.join_next().await {
            if let Ok((part, Err(failure))) = ended {
                tracing::error!(part, %failure, "ended badly");
                outcome = Err(failure);
            }
        }
        outcome
    });
    let outcome = finished.await.unwrap_or_else(|_| {
        Err(Failure::new(Exit::Software, format!("some work did not stop within {} s", GRACE.as_secs())))
    });
    flow.store.close().await;
    tracing::info!("stopped");
    outcome
}

async fn listen(address: SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let said = format!("cannot listen on {address}: {error}; free the port or change `{setting}`");
        Failure::new(Exit::Unavailable, said)
    })
}

async fn http(
    part: &'static str,
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> (&'static str, Result<(), Failure>) {
    // With the peer's address: asks for links are counted by client.
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await;
    (part, served.map_err(Failure::from))
}

/// A part ended although nobody had asked it to.
fn died(ended: Result<(&'static str, Result<(), Failure>), tokio::task::JoinError>) -> Failure {
    match ended {
        Ok((part, Err(failure))) => {
            Failure { exit: failure.exit, error: failure.error.context(format!("{part} ended")) }
        }
        Ok((part, Ok(()))) => Failure::new(Exit::Software, format!("{part} ended by itself")),
        Err(error) => Failure::new(Exit::Software, format!("a part of the process panicked: {error}")),
    }
}

/// Waits for SIGTERM or Ctrl-C; says which.
pub async fn signal() -> Result<&'static str, Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut term = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = term.recv() => Ok("SIGTERM"),
            pressed = tokio::signal::ctrl_c() => { pressed?; Ok("SIGINT") }
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await?;
        Ok("Ctrl-C")
    }
}
