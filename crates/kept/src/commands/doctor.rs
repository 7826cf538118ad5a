//! `kept doctor`: looks at configuration, key, database, clock, zone data and carrier, and says what to do.

use crate::cli::Context;
use crate::config::{CarrierKind, Config};
use crate::exit::{Exit, Failure};
use crate::{carriers, health, open, output, text_lines};
use chrono::Duration;
use kept_carrier::Line;
use kept_domain::Instant;
use kept_flow::rotate::{Rotation, SETTLE};
use kept_flow::{Clock as _, Flow, SystemClock};
use serde::Serialize;

/// No machine that runs this release can truly say an earlier time: 2026-01-01.
const EARLIEST_WALL: Instant = Instant::from_ms(1_767_225_600_000);

/// A change of keys that is not finished after this long needs a look: a million values take some minutes.
const ROTATION_PATIENCE: Duration = Duration::hours(12);

/// Arguments of `kept doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON: one object a finding
    #[arg(long)]
    json: bool,
}

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    said: String,
}

impl Finding {
    fn ok(what: &'static str, said: impl Into<String>) -> Self {
        Self { what, state: State::Ok, said: said.into() }
    }

    fn warn(what: &'static str, said: impl Into<String>) -> Self {
        Self { what, state: State::Warn, said: said.into() }
    }

    fn fail(what: &'static str, said: impl std::fmt::Display) -> Self {
        Self { what, state: State::Fail, said: said.to_string() }
    }
}

/// Runs `kept doctor`.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let findings = examine(&context.config).await;
    for finding in &findings {
        if args.json {
            output::json(finding)?;
        } else {
            let mark = match finding.state {
                State::Ok => "ok  ",
                State::Warn => "warn",
                State::Fail => "FAIL",
            };
            output::line(format_args!("{mark}  {:<13}  {}", finding.what, finding.said))?;
        }
    }
    let bad = findings.iter().any(|finding| finding.state == State::Fail);
    Ok(if bad { Exit::Findings } else { Exit::Ok })
}

async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![configuration(config), clock()];
    findings.extend(lines(config).await);
    findings.push(mail(config).await);
    let ring = match open::key_ring(&config.key_file) {
        Ok(ring) => {
            let ids = ring.ids().map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
            findings.push(Finding::ok("key", format!("{} holds {ids}", config.key_file.display())));
            Some(ring)
        }
        Err(failure) => {
            findings.push(Finding::fail("key", failure));
            None
        }
    };
    match open::store(config).await {
        Ok(store) => {
            findings.push(Finding::ok("database", format!("{:?} answers, its schema fits", config.database_url)));
            if let Some(ring) = ring {
                match open::flow_over(config, store, ring) {
                    Ok(flow) => practices(&flow, &mut findings).await,
                    Err(failure) => findings.push(Finding::fail("templates", failure)),
                }
            }
        }
        Err(failure) => findings.push(Finding::fail("database", failure)),
    }
    findings
}

fn configuration(config: &Config) -> Finding {
    match config.check_served() {
        Ok(()) => Finding::ok("configuration", format!("patients reach {}", config.public_url)),
        Err(error) => Finding::fail("configuration", error),
    }
}

/// A finding for each line that carries texts. Those that can be asked are asked whether they take our credentials.
async fn lines(config: &Config) -> Vec<Finding> {
    if config.carrier.is_empty() {
        return vec![Finding::warn("carrier", "none: nothing is sent by text; set `carrier` when you are ready")];
    }
    let mut findings = Vec::new();
    for kind in config.carrier.iter() {
        findings.push(match (kind, carriers::line(kind, config)) {
            (CarrierKind::Twilio | CarrierKind::Telnyx | CarrierKind::Vonage | CarrierKind::Gateway, Ok(line)) => {
                let described = text_lines::described(kind, config);
                match line.check().await {
                    None => Finding::ok("carrier", format!("{described}; it cannot be asked whether it knows us")),
                    Some(Ok(())) => Finding::ok("carrier", format!("{described}; it takes our credentials")),
                    Some(Err(code)) => {
                        Finding::fail("carrier", format!("{}: {}", kind.as_str(), refused(&line, &code)))
                    }
                }
            }
            (_, Err(failure)) => Finding::fail("carrier", format!("{}: {failure}", kind.as_str())),
            (CarrierKind::Sandbox, Ok(_)) => {
                Finding::warn("carrier", format!("the sandbox at {}: no patient gets anything", config.carrier_api()))
            }
        });
    }
    findings
}

/// Why a carrier does not answer well, and what to do.
fn refused(line: &Line, code: &str) -> String {
    match (code, line.words(code)) {
        ("connect" | "timeout" | "broken", _) => {
            format!("it does not answer ({code}); check the address in the settings and the firewall")
        }
        (_, Some(words)) => format!("it refuses us ({code}: {words}); check account, key and sender in the settings"),
        (_, None) => format!("it refuses us ({code}); check account, key and sender in the settings"),
    }
}

/// Whether mail can be sent: connects to the server, encrypts, signs in, hangs up.
async fn mail(config: &Config) -> Finding {
    let server = match crate::mail::server(config) {
        Ok(Some(server)) => server,
        Ok(None) => return Finding::ok("mail", "none: nobody is reached by e-mail; set `smtp_host` for it"),
        Err(failure) => return Finding::fail("mail", failure),
    };
    let (host, port) = (&config.smtp_host, config.smtp_port);
    match server.check().await {
        Err(code) => Finding::fail("mail", format!("{host}:{port}: {code}: {}", crate::mail::advice(&code))),
        Ok(()) if config.dkim_key_file.is_empty() => Finding::warn(
            "mail",
            format!(
                "through {host}:{port}, unsigned: set `dkim_key_file` unless that server signs for {}",
                config.signing_domain()
            ),
        ),
        Ok(()) => Finding::ok("mail", format!("through {host}:{port}, signed for {}", config.signing_domain())),
    }
}

fn clock() -> Finding {
    let now = SystemClock.wall();
    if now < EARLIEST_WALL {
        return Finding::fail(
            "clock",
            format!(
                "the machine says {now:?}: set its clock (turn on time synchronisation), or nothing is sent when it should be"
            ),
        );
    }
    Finding::ok("clock", format!("{now:?}"))
}

async fn practices(flow: &Flow, findings: &mut Vec<Finding>) {
    match flow.open_all().await {
        Ok(0) => findings.push(Finding::warn("practices", "none yet: set one up with `kept init`")),
        Ok(count) => findings.push(Finding::ok("practices", format!("{count}, all opened with this key"))),
        Err(error) => {
            findings.push(Finding::fail("practices", error));
            return;
        }
    }
    findings.push(rotations(flow).await);
    findings.push(zones(flow).await);
    texts(flow, findings).await;
    findings.push(sweeps(flow).await);
}

/// How far changes of data-encryption keys are.
async fn rotations(flow: &Flow) -> Finding {
    let rotations = match flow.rotations().await {
        Ok(rotations) => rotations,
        Err(error) => return Finding::fail("rotation", error),
    };
    let now = flow.clock.wall();
    let mut said = Vec::new();
    let mut overdue = false;
    for Rotation { practice, version, made_at, sealing_at, left } in rotations {
        overdue |= now > made_at + ROTATION_PATIENCE;
        said.push(match sealing_at {
            None => format!("{practice}: key {version} seals from {:?} on", made_at + SETTLE),
            Some(_) if left > 0 => format!("{practice}: {left} values are still under an older key than {version}"),
            Some(at) => format!("{practice}: everything is under key {version}; older ones go at {:?}", at + SETTLE),
        });
    }
    match (said.is_empty(), overdue) {
        (true, _) => Finding::ok("rotation", "no change of keys is under way"),
        (false, false) => Finding::ok("rotation", said.join("; ")),
        (false, true) => Finding::warn(
            "rotation",
            format!(
                "{}; this takes too long: does `kept serve` or `kept work` run, and what does its log say of `reseal`?",
                said.join("; ")
            ),
        ),
    }
}

/// Each location's zone, with the wall-clock time there now: a wrong zone shows at a glance.
async fn zones(flow: &Flow) -> Finding {
    let version = chrono_tz::IANA_TZDB_VERSION;
    let now = flow.clock.civil();
    let mut said = Vec::new();
    let ids = match flow.practices().await {
        Ok(ids) => ids,
        Err(error) => return Finding::fail("zones", error),
    };
    for id in ids {
        match flow.practice(id).await {
            Ok(open) => said.extend(open.locations.iter().map(|open| {
                let zone = open.location.time_zone;
                format!("{} {}", zone.name(), now.local(zone).format("%H:%M"))
            })),
            Err(error) => return Finding::fail("zones", error),
        }
    }
    Finding::ok("zones", format!("IANA {version}; now at the locations: {}", said.join(", ")))
}

/// Every text as the practices' own words make it: too long, or too telling for a lock screen.
async fn texts(flow: &Flow, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let ids = match flow.practices().await {
        Ok(ids) => ids,
        Err(error) => return findings.push(Finding::fail("texts", error)),
    };
    for id in ids {
        let warnings = match flow.practice(id).await {
            Ok(open) => flow.text_warnings(&open),
            Err(error) => Err(error),
        };
        match warnings {
            Ok(warnings) => findings.extend(warnings.iter().map(|one| Finding::warn("texts", one.to_string()))),
            Err(error) => findings.push(Finding::fail("texts", error)),
        }
    }
    if findings.len() == before {
        findings.push(Finding::ok("texts", "each fits its segments and gives nothing away"));
    }
}

/// Whether background work runs somewhere.
async fn sweeps(flow: &Flow) -> Finding {
    let sweeps = match health::sweeps(flow).await {
        Ok(sweeps) => sweeps,
        Err(error) => return Finding::fail("work", error),
    };
    if sweeps.iter().all(|sweep| sweep.age_s.is_none()) {
        return Finding::warn("work", "has never run on this database: start `kept serve` (or `kept work`)");
    }
    let late: Vec<_> = sweeps.iter().filter(|sweep| sweep.late).map(|sweep| sweep.name).collect();
    if late.is_empty() {
        Finding::ok("work", format!("{} sweeps came to their end lately", sweeps.len()))
    } else {
        Finding::warn("work", format!("not done lately: {}; is `kept serve` or `kept work` running?", late.join(", ")))
    }
}
