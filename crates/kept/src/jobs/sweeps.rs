//! Sweeps: work without input that looks at rows, started by apalis-cron and claimed in its row of `sweeps`, so that of
//! several processes one does it.

use apalis::prelude::{Monitor, WorkerBuilder, WorkerBuilderExt as _};
use apalis_cron::{CronScheduler, Tick};
use cron::Schedule;
use kept_flow::{Flow, FlowError, Sweep};
use std::str::FromStr as _;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A sweep's period cannot be told by a cron expression: it must divide a minute, an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sweep cannot run every {0} s: take a period that divides a minute, an hour or a day")]
pub struct WrongPeriod(u32);

/// Seconds, minutes, hours, day of month, month, day of week.
fn schedule(every_s: u32) -> Result<Schedule, WrongPeriod> {
    let divides = |unit: u32, of: u32| every_s > 0 && every_s.is_multiple_of(unit) && of.is_multiple_of(every_s / unit);
    let expression = match every_s {
        seconds @ 1..60 if divides(1, 60) => format!("*/{seconds} * * * * *"),
        seconds @ 60..3600 if divides(60, 60) => format!("0 */{} * * * *", seconds / 60),
        seconds @ 3600..86400 if divides(3600, 24) => format!("0 0 */{} * * *", seconds / 3600),
        86400 => "0 0 0 * * *".to_owned(),
        _ => return Err(WrongPeriod(every_s)),
    };
    Schedule::from_str(&expression).map_err(|_| WrongPeriod(every_s))
}

/// Adds the worker of one sweep.
///
/// Ticks are taken at once and never queue: apalis-cron refuses a tick that lies in the past, so a worker that is busy
/// longer than a period would end. A tick that finds the sweep still running does nothing.
pub(super) fn register(monitor: Monitor, flow: &Flow, sweep: &'static Sweep) -> Result<Monitor, WrongPeriod> {
    let schedule = schedule(sweep.every_s)?;
    let (flow, running) = (flow.clone(), Arc::new(Mutex::new(())));
    Ok(monitor.register(move |_restarts| {
        let (flow, running) = (flow.clone(), running.clone());
        WorkerBuilder::new(sweep.name).backend(CronScheduler::new(schedule.clone())).catch_panic().build(
            move |_tick: Tick| {
                let (flow, running) = (flow.clone(), running.clone());
                async move {
                    let Ok(_turn) = running.try_lock_owned() else { return Ok::<(), FlowError>(()) };
                    flow.run_sweep(sweep.name).await?;
                    Ok(())
                }
            },
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sweep_has_a_schedule() {
        for sweep in kept_flow::SWEEPS {
            assert!(schedule(sweep.every_s).is_ok(), "{}", sweep.name);
        }
    }

    #[test]
    fn periods_become_schedules_that_keep_them() {
        let from = chrono::DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        for seconds in [1, 2, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 86400] {
            let ticks: Vec<_> = schedule(seconds).expect("it divides").after(&from).take(3).collect();
            for pair in ticks.windows(2) {
                assert_eq!((pair[1] - pair[0]).num_seconds(), i64::from(seconds), "every {seconds} s");
            }
        }
        for seconds in [0, 7, 45, 61, 5400, 7 * 3600, 2 * 86400] {
            assert!(schedule(seconds).is_err(), "{seconds}");
        }
    }
}
