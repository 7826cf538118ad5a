//! `kept demo`: a made-up practice that lives as long as the process, on this machine only.
//!
//! Everything is real but the people, the clock and the phone: the calendar comes in through the import, notices go out over HTTP
//! to the sandbox's phone, receipts and replies come back by webhook. The database lies in a temporary folder, the key in memory.

mod hands;
mod links;
mod machine;
mod people;
mod schedule;

use crate::exit::{Exit, Failure};
use crate::{carriers, health, output};
use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use hands::Hands;
use kept_carrier::sandbox::{SandboxCarrier, Secret, Settings as SandboxSettings};
use kept_carrier::{AnyCarrier, Caller, Carriers, Line};
use kept_domain::time::resolve_local;
use kept_domain::{Channel, Instant, Locale, PracticeSettings};
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::ImportRequest;
use kept_flow::setup::{CreatedPractice, NewPerson, NewPractice};
use kept_flow::{Clock, Flow, FlowParts, MovableClock, RandomIds, SystemClock};
use kept_intake::sample::Sample;
use kept_render::Renderer;
use kept_seal::KeyRing;
use kept_store::{DatabaseUrl, Scope, Settings as StoreSettings, Store};
use kept_web::WebState;
use kept_web::sandbox::Sandbox;
use people::People;
use schedule::{LOCATIONS, Player, SECOND_ZONE, ZONE};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The practice's name.
const PRACTICE: &str = "Oak Street Family Medicine";
/// Its name on lock screens.
const ALIAS: &str = "Oak Street";
/// That of its second location, short enough for one segment.
const SECOND_ALIAS: &str = "Oak West";
/// Signs in at the desk and reads the report.
const EMAIL: &str = "demo@example.org";
/// Working days that are lived through before the visitor comes, so that there are answers and outcomes to see.
const LIVED: usize = 2;
/// The hour at which the visitor comes, on a working day.
const HOUR: u32 = 10;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Where to listen; loopback only.
    pub listen: SocketAddr,
    /// The practice's clock when the visitor comes; none: a working day's morning.
    pub at: Option<NaiveDateTime>,
    /// Print one JSON line in place of words.
    pub json: bool,
}

/// Runs until a signal comes.
pub async fn run(wanted: Wanted) -> Result<Exit, Failure> {
    if !wanted.listen.ip().is_loopback() {
        let said = format!(
            "the demo shows its password to whoever asks, so it listens on this machine only: {} is not a loopback address; take 127.0.0.1:8080",
            wanted.listen
        );
        return Err(Failure::new(Exit::Usage, said));
    }
    let listener = TcpListener::bind(wanted.listen).await.map_err(|error| {
        let said = format!("cannot listen on {}: {error}; take another port with --listen 127.0.0.1:0", wanted.listen);
        Failure::new(Exit::Unavailable, said)
    })?;
    let public_url = format!("http://{}", listener.local_addr()?);
    let folder = tempfile::tempdir()?;
    let stop = CancellationToken::new();
    let demo = Demo::set_up(&public_url, folder.path(), wanted.at).await?;
    let stopped = stop.clone();
    let served = tokio::spawn(async move {
        let service = demo.router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        axum::serve(listener, service).with_graceful_shutdown(stopped.cancelled_owned()).await
    });
    // Served from here on: the phone that texts go to is one of the pages.
    demo.hands.to(demo.at).await?;
    let links =
        if wanted.json { links::fresh(demo.hands.flow(), &demo.made, demo.at, &demo.csv).await? } else { Vec::new() };
    demo.addresses.print(wanted.json, &links)?;
    let pulse = tokio::spawn({
        let (hands, stop) = (demo.hands.clone(), stop.clone());
        async move { hands.pulse(stop).await }
    });
    let signal = crate::serve::signal().await;
    stop.cancel();
    pulse.await.map_err(|error| Failure::of(Exit::Software, error))?;
    // Open pages keep their connections; nobody waits for a browser to let go.
    let served = tokio::time::timeout(std::time::Duration::from_secs(2), served).await;
    demo.hands.flow().store.close().await;
    if let Ok(ended) = served {
        ended.map_err(|error| Failure::of(Exit::Software, error))??;
    }
    signal.map(|_| Exit::Ok)
}

/// The practice, ready to be served.
struct Demo {
    router: axum::Router,
    hands: Arc<Hands>,
    addresses: Addresses,
    at: Instant,
    made: CreatedPractice,
    csv: String,
}

impl Demo {
    /// The practice with its calendar, some days before `at`.
    async fn set_up(public_url: &str, folder: &Path, at: Option<NaiveDateTime>) -> Result<Self, Failure> {
        let at = at.unwrap_or_else(|| working_morning(SystemClock.wall().local(ZONE)));
        let on = working_days_before(at.date(), LIVED);
        let clock = Arc::new(MovableClock::running(resolve_local(ZONE, on.and_time(at.time()))));
        let secret = secret()?;
        let flow = flow(public_url, folder, &clock, secret.clone()).await?;
        let made = practice(&flow).await?;
        let player = Player::on(at.date());
        let csv = schedule::csv(on, &player);
        import(&flow, &made, &csv).await?;

        let clocks: Arc<dyn Clock> = Arc::<MovableClock>::clone(&clock);
        let sandbox = Sandbox::new(Caller::new(carriers::client()?, secret), clocks);
        sandbox.introduce(player.number, &player.full_name(), player.birth_date);
        let people = People::new(made.id, made.admin.id, sandbox.clone(), player.number, on);
        let hands = Arc::new(Hands::new(flow.clone(), clock, ZONE, people));
        let settings = kept_web::Settings { public_url: public_url.to_owned(), demo: true };
        let state = WebState::new(flow.clone(), settings).with_sandbox(sandbox);
        let addresses = Addresses::new(public_url, &made.admin.password, player);
        let machine = machine::routes(addresses.facts(), hands.clone(), state.assets.clone());
        let router = kept_web::router(state).merge(machine).merge(health::routes(flow));
        Ok(Self { router, hands, addresses, at: resolve_local(ZONE, at), made, csv })
    }
}

/// The morning of this working day, or of the next one.
fn working_morning(now: NaiveDateTime) -> NaiveDateTime {
    let day = now.date().iter_days().find(|day| is_working(*day)).unwrap_or(now.date());
    day.and_time(NaiveTime::from_hms_opt(HOUR, 0, 0).unwrap_or_default())
}

fn is_working(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The working day that lies so many working days before another day.
fn working_days_before(day: NaiveDate, count: usize) -> NaiveDate {
    let earlier = std::iter::successors(day.pred_opt(), NaiveDate::pred_opt);
    earlier.filter(|day| is_working(*day)).nth(count.saturating_sub(1)).unwrap_or(day)
}

/// What the phone and we both know, for as long as the process lives.
fn secret() -> Result<Secret, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Failure::of(Exit::Unavailable, error))?;
    Ok(Secret::new(bytes))
}

async fn flow(public_url: &str, folder: &Path, clock: &Arc<MovableClock>, secret: Secret) -> Result<Flow, Failure> {
    let settings = SandboxSettings::new(format!("{public_url}/sandbox/carrier/messages"), secret);
    let carrier = AnyCarrier::Sandbox(SandboxCarrier::new(carriers::client()?, settings));
    Ok(Flow::new(FlowParts {
        store: Store::connect_and_migrate(&StoreSettings::new(DatabaseUrl::Sqlite(folder.join("demo.db")))).await?,
        ring: KeyRing::ephemeral().map_err(|error| Failure::of(Exit::Unavailable, error))?,
        render: Renderer::new().map_err(|error| Failure::of(Exit::Software, error))?,
        clock: Arc::<MovableClock>::clone(clock),
        ids: Arc::new(RandomIds),
        carriers: Carriers::new(vec![Line::new(carrier, Channel::Sms, 0)]),
        settings: kept_flow::Settings { public_url: public_url.to_owned() },
    }))
}

/// The practice with both its locations.
async fn practice(flow: &Flow) -> Result<CreatedPractice, Failure> {
    let new = NewPractice {
        name: PRACTICE.to_owned(),
        alias: Some(ALIAS.to_owned()),
        phone: Some("+13125550100".to_owned()),
        time_zone: ZONE,
        settings: PracticeSettings::default(),
    };
    let admin = NewPerson {
        name: "Dana Demo".to_owned(),
        email: EMAIL.to_owned(),
        role: "administrator",
        locale: Locale::En,
        password: None,
        must_change: false,
    };
    let made = flow.create_practice(&new, &admin).await?;
    let mut tx = flow.store.begin(Scope::Practice(made.id)).await?;
    let mut first =
        tx.locations(made.id).await?.into_iter().next().ok_or_else(|| {
            Failure::new(Exit::Software, "a practice is made with its first location, and there is none")
        })?;
    LOCATIONS[0].clone_into(&mut first.location.name);
    first.location.address = Some("120 Main St, Springfield".to_owned());
    tx.set_location(made.id, &first).await?;
    let mut second = first.clone();
    second.location.id = flow.new_id();
    LOCATIONS[1].clone_into(&mut second.location.name);
    SECOND_ALIAS.clone_into(&mut second.location.alias);
    second.location.time_zone = SECOND_ZONE;
    second.location.address = Some("8 Ridge Road, Fairview".to_owned());
    tx.insert_location(made.id, &second).await?;
    tx.commit().await?;
    Ok(made)
}

async fn import(flow: &Flow, made: &CreatedPractice, csv: &str) -> Result<(), Failure> {
    let request = ImportRequest {
        practice: made.id,
        file_name: "schedule.csv",
        content: csv.as_bytes().to_vec(),
        mapping: Some(Sample::mapping()),
        consent: Some(ConsentChoice::Declared),
        staff: Some(made.admin.id),
        dry_run: false,
        progress: None,
        words: kept_flow::intake::RejectWords::default(),
    };
    let outcome = flow.import(request).await?;
    tracing::info!(visits = outcome.counts.new, "the made-up calendar is in");
    Ok(())
}

/// What the visitor needs.
#[derive(Debug, Clone)]
struct Addresses {
    base: String,
    password: String,
    player: Player,
}

impl Addresses {
    fn new(base: &str, password: &str, player: Player) -> Self {
        Self { base: base.to_owned(), password: password.to_owned(), player }
    }

    fn phone(&self) -> String {
        format!("{}{}", self.base, Sandbox::path_of(self.player.number))
    }

    fn desk(&self) -> String {
        format!("{}/staff/today", self.base)
    }

    fn manager(&self) -> String {
        format!("{}/staff/report", self.base)
    }

    fn machine(&self) -> String {
        format!("{}{}", self.base, machine::PATH)
    }

    fn facts(&self) -> machine::Facts {
        machine::Facts {
            practice: PRACTICE.to_owned(),
            player: kept_render::demo::Player {
                name: self.player.full_name(),
                birth_date: self.player.birth_date,
                number: self.player.number.to_owned(),
                visit: self.player.visit,
            },
            phone: self.phone(),
            desk: self.desk(),
            manager: self.manager(),
            email: EMAIL.to_owned(),
            password: self.password.clone(),
        }
    }

    fn print(&self, json: bool, links: &[links::Fresh]) -> Result<(), Failure> {
        if json {
            return output::json(&serde_json::json!({
                "phone": self.phone(),
                "desk": self.desk(),
                "manager": self.manager(),
                "email": EMAIL,
                "password": self.password,
                "time_machine": self.machine(),
                "patients": links,
                "player": { "name": self.player.full_name(), "birth_date": self.player.birth_date, "number": self.player.number, "visit": self.player.visit },
            }));
        }
        output::line(format_args!(
            "\n  *** DEMO: every person here is made up, and no message leaves this computer ***\n\n  \
             Begin here        {}\n  \
             Patient's phone   {}\n                    {}, born {}\n  \
             Front desk        {}\n  \
             Manager           {}\n                    sign in as {EMAIL} with {}\n\n  \
             Ctrl-C ends it; nothing is kept.\n",
            self.machine(),
            self.phone(),
            self.player.full_name(),
            self.player.birth_date,
            self.desk(),
            self.manager(),
            self.password,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weekend_is_not_lived_through() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        assert_eq!(working_days_before(day("2026-11-23"), 2), day("2026-11-19"), "Monday: from Thursday on");
        assert_eq!(working_days_before(day("2026-11-26"), 2), day("2026-11-24"));
    }

    #[test]
    fn a_visitor_comes_on_a_working_morning() {
        let at = |text: &str| text.parse::<NaiveDateTime>().expect("a time");
        assert_eq!(working_morning(at("2026-11-23T23:50:00")), at("2026-11-23T10:00:00"));
        assert_eq!(working_morning(at("2026-11-28T08:00:00")), at("2026-11-30T10:00:00"), "Saturday to Monday");
    }
}
