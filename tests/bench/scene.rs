//! A practice with a schedule in it, on a clock that stands still, and a carrier in another process.

use crate::cpu::Processes;
use crate::stub::Stub;
use chrono::{Days, NaiveDate, NaiveTime};
use kept_carrier::sandbox::{SandboxCarrier, Secret, Settings};
use kept_carrier::{AnyCarrier, Carriers, Line};
use kept_domain::{Channel, Instant, Locale, PracticeId, PracticeSettings};
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::ImportRequest;
use kept_flow::setup::{NewPerson, NewPractice};
use kept_flow::{Flow, FlowParts, MovableClock, RandomIds, Turn};
use kept_intake::sample::Sample;
use kept_store::DatabaseUrl;
use kept_store::testing::TestDatabase;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use std::sync::Arc;

/// The zone of the made-up practice.
pub(crate) const ZONE: chrono_tz::Tz = chrono_tz::America::Chicago;

/// What the carrier and the practice sign with.
pub(crate) const SECRET: [u8; 32] = [7; 32];

/// How long to wait for the program's own writer.
const BUSY: std::time::Duration = std::time::Duration::from_secs(30);

/// The day on which it all begins, a Monday.
pub(crate) fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 3, 1).expect("a day")
}

/// A local time of a day as an instant.
pub(crate) fn at(day: NaiveDate, hour: u32) -> Instant {
    let time = NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour of the day");
    kept_domain::time::resolve_local(ZONE, day.and_time(time))
}

/// A whole number as a figure.
#[expect(clippy::cast_precision_loss, reason = "figures of some millions are exact")]
pub(crate) fn figure(count: usize) -> f64 {
    count as f64
}

/// A practice on one engine.
pub(crate) struct Scene<'a> {
    pub(crate) engine: &'static str,
    pub(crate) database: &'a TestDatabase,
    pub(crate) stub: &'a Stub,
    pub(crate) flow: Flow,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) practice: PracticeId,
    pub(crate) slug: String,
}

impl<'a> Scene<'a> {
    pub(crate) async fn new(engine: &'static str, database: &'a TestDatabase, stub: &'a Stub) -> anyhow::Result<Self> {
        let clock = Arc::new(MovableClock::still(at(first_day() - Days::new(7), 9)));
        let client = reqwest::Client::builder().no_proxy().build()?;
        let carrier = SandboxCarrier::new(client, Settings::new(stub.url.clone(), Secret::new(SECRET)));
        let flow = Flow::new(FlowParts {
            store: database.store.clone(),
            ring: kept_seal::KeyRing::ephemeral()?,
            render: kept_render::Renderer::new()?,
            clock: Arc::<MovableClock>::clone(&clock),
            ids: Arc::new(RandomIds),
            carriers: Carriers::new(vec![Line::new(AnyCarrier::Sandbox(carrier), Channel::Sms, 0)]),
            settings: kept_flow::Settings { public_url: "https://kept.example".to_owned() },
        });
        let practice = NewPractice {
            name: "Bench".to_owned(),
            alias: None,
            phone: Some("+13125550100".to_owned()),
            time_zone: ZONE,
            settings: PracticeSettings::default(),
        };
        let admin = NewPerson {
            name: "Bench".to_owned(),
            email: "bench@example.org".to_owned(),
            role: "administrator",
            locale: Locale::En,
            password: Some("correct horse battery".to_owned()),
            must_change: false,
        };
        let made = flow.create_practice(&practice, &admin).await?;
        Ok(Self { engine, database, stub, flow, clock, practice: made.id, slug: made.slug })
    }

    /// Now, by the clock that stands still.
    pub(crate) fn clock_ms(&self) -> i64 {
        use kept_flow::Clock as _;
        self.clock.civil().as_ms()
    }

    /// A row's name in the table.
    pub(crate) fn named(&self, what: &str) -> String {
        format!("{}: {what}", self.engine)
    }

    pub(crate) async fn import(&self, file_name: &str, csv: &str) -> anyhow::Result<kept_flow::intake::ImportOutcome> {
        let request = ImportRequest {
            practice: self.practice,
            file_name,
            content: csv.as_bytes().to_vec(),
            mapping: Some(Sample::mapping()),
            consent: Some(ConsentChoice::Declared),
            staff: None,
            dry_run: false,
            progress: None,
            words: kept_flow::intake::RejectWords::default(),
        };
        Ok(self.flow.import(request).await?)
    }

    /// Plans until nothing is left to plan. Returns the visits looked at.
    pub(crate) async fn plan(&self) -> anyhow::Result<u64> {
        let mut visits = 0;
        loop {
            match self.flow.run_sweep("plan").await? {
                Turn::Ran(0) => return Ok(visits),
                Turn::Ran(some) => visits += some,
                other => anyhow::bail!("planning did not run: {other:?}"),
            }
        }
    }

    /// The processes whose time counts.
    pub(crate) async fn processes(&self) -> anyhow::Result<Processes> {
        Processes::of(self.database, self.stub.id()).await
    }

    /// One number out of the database.
    pub(crate) async fn number(&self, sql: &str) -> anyhow::Result<usize> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let value: i64 = match self.connect().await? {
            Raw::Sqlite(mut connection) => sqlx::query_scalar(sql).fetch_one(&mut connection).await?,
            Raw::Postgres(mut connection) => sqlx::query_scalar(sql).fetch_one(&mut connection).await?,
        };
        Ok(usize::try_from(value)?)
    }

    /// A list of words out of the database.
    pub(crate) async fn words(&self, sql: &'static str) -> anyhow::Result<Vec<String>> {
        Ok(match self.connect().await? {
            Raw::Sqlite(mut connection) => sqlx::query_scalar(sql).fetch_all(&mut connection).await?,
            Raw::Postgres(mut connection) => sqlx::query_scalar(sql).fetch_all(&mut connection).await?,
        })
    }

    /// A connection past the program.
    pub(crate) async fn connect(&self) -> anyhow::Result<Raw> {
        Ok(match &self.database.settings.url {
            DatabaseUrl::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).busy_timeout(BUSY);
                Raw::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                // Row-level security shows nothing to who has not said whose rows are wanted.
                sqlx::raw_sql("SET kept.scope = 'work'").execute(&mut connection).await?;
                Raw::Postgres(connection)
            }
        })
    }
}

/// A connection past the program.
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    /// Runs statements in one transaction.
    pub(crate) async fn transaction(&mut self, statements: &[String]) -> anyhow::Result<()> {
        let ends = ["BEGIN".to_owned(), "COMMIT".to_owned()];
        for sql in ends.iter().take(1).chain(statements).chain(&ends[1..]) {
            let sql = sqlx::AssertSqlSafe(sql.clone());
            match self {
                Self::Sqlite(connection) => {
                    sqlx::query(sql).execute(connection).await?;
                }
                Self::Postgres(connection) => {
                    sqlx::query(sql).execute(connection).await?;
                }
            }
        }
        Ok(())
    }

    /// The names of a table's columns.
    pub(crate) async fn columns(&mut self, table: &str) -> anyhow::Result<Vec<String>> {
        Ok(match self {
            Self::Sqlite(connection) => {
                sqlx::query_scalar("SELECT name FROM pragma_table_info($1)").bind(table).fetch_all(connection).await?
            }
            Self::Postgres(connection) => {
                let sql = "SELECT column_name::text FROM information_schema.columns WHERE table_name = $1";
                sqlx::query_scalar(sql).bind(table).fetch_all(connection).await?
            }
        })
    }
}

/// A crowded week from a Monday on, so that much is due at once. Everybody comes once.
pub(crate) fn crowded(visits: usize, seed: u64, from: NaiveDate) -> Sample {
    Sample {
        visits,
        patients: visits,
        practitioners: (0..visits.div_ceil(40).max(3)).map(|number| format!("Practitioner {number}")).collect(),
        to: from + Days::new(4),
        ..Sample::new(visits, seed, from, from - Days::new(7))
    }
}
