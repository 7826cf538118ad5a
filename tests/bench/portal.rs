//! Patients at the portal while notices go out: each opens the link, shows the birth date, looks at the visit and confirms, over
//! HTTP on loopback.

use crate::dispatch::{Week, send_due};
use crate::results::Results;
use crate::scene::{Scene, figure};
use anyhow::{Context as _, ensure};
use chrono::NaiveDate;
use kept_domain::PracticeSettings;
use kept_flow::audit::Actor;
use kept_flow::dispatch::BATCH;
use kept_flow::testing::World;
use kept_seal::LinkToken;
use kept_web::{Settings, WebState, router};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Patients a second, and for how long.
const PATIENTS_A_SECOND: u32 = 200;
const SECONDS: u32 = 5;
/// Whose patients they are. A practice's audit chain is written by one after the other, and nobody's patients come so thick.
const PRACTICES: u32 = 20;
/// Milliseconds within which 99 of 100 answers must come.
const P99_MS: f64 = 25.0;

pub(crate) async fn run(scene: &Scene<'_>, visits: usize, results: &mut Results) -> anyhow::Result<()> {
    let mut week = Week::plan(scene, visits, 80).await?;
    // A first day to see how fast notices go out by themselves.
    ensure!(week.next_day(scene).await?, "nothing is due");
    let free = send_due(scene, &scene.processes().await?).await?.per_second();
    ensure!(week.next_day(scene).await?, "nothing is due");
    let links = patients(scene).await?;

    let settings = Settings { public_url: "https://kept.example".to_owned(), demo: false };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(axum::serve(listener, router(WebState::new(scene.flow.clone(), settings))).into_future());

    let over = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicUsize::new(0));
    let sender = tokio::spawn(send_slowly(scene.flow.clone(), free / 2.0, Arc::clone(&over), Arc::clone(&sent)));
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let begun = Instant::now();
    let mut visitors = JoinSet::new();
    for (number, link) in (0_u32..).zip(links) {
        // Each comes at their own time, whether or not those before are done.
        let due = Duration::from_secs(1) * number / PATIENTS_A_SECOND;
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
        visitors.spawn(Visitor::new(client.clone(), &base).visit(link));
    }
    let mut answers = Vec::new();
    while let Some(times) = visitors.join_next().await {
        answers.extend(times??);
    }
    let took = begun.elapsed();
    over.store(true, Ordering::Relaxed);
    sender.await??;
    server.abort();

    answers.sort_unstable();
    let at = |share: usize| answers[(answers.len() * share / 100).min(answers.len() - 1)].as_secs_f64() * 1e3;
    results.add_at_most(scene.named("portal, 99 of 100 answers within"), at(99), "ms", Some(P99_MS));
    results.add(scene.named("portal, half of the answers within"), at(50), "ms");
    results.add(scene.named("portal, answers"), figure(answers.len()) / took.as_secs_f64(), "answers/s");
    let rate = figure(sent.load(Ordering::Relaxed)) / took.as_secs_f64();
    results.add(scene.named("… while notices went out"), rate, "notices/s");
    Ok(())
}

fn birth_date() -> NaiveDate {
    NaiveDate::from_ymd_opt(1980, 5, 17).expect("a day")
}

/// Patients of other practices, each with a visit tomorrow: the practice's name in addresses, and what their link opens with.
async fn patients(scene: &Scene<'_>) -> anyhow::Result<Vec<(String, String)>> {
    let mut worlds = Vec::new();
    for _ in 0..PRACTICES {
        worlds.push(World::over(scene.flow.clone(), Arc::clone(&scene.clock), PracticeSettings::default()).await);
    }
    let start = kept_domain::Instant::from_ms(scene.clock_ms() + 86_400_000);
    let mut links = Vec::new();
    let patients = usize::try_from(PATIENTS_A_SECOND * SECONDS)?;
    for world in worlds.iter().cycle().take(patients) {
        let patient = world.patient(Some(birth_date()), None).await;
        let visit = world.visit(patient, start).await;
        let link = scene.flow.new_link(world.practice, visit, Actor::System).await?;
        let auth = LinkToken::parse(link.url.reveal())?.auth().to_base64url().to_string();
        links.push((world.slug.clone(), auth));
    }
    Ok(links)
}

/// Sends what is due, at so many notices a second, until told to stop or nothing is left.
async fn send_slowly(
    flow: kept_flow::Flow,
    rate: f64,
    over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let summary = flow.dispatch_due(BATCH).await?;
        let all = sent.fetch_add(summary.sent, Ordering::Relaxed) + summary.sent;
        if summary.claimed == 0 {
            return Ok(());
        }
        let due = Duration::from_secs_f64(figure(all) / rate);
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
    }
    Ok(())
}

/// One patient's browser.
struct Visitor {
    client: reqwest::Client,
    base: String,
    cookies: BTreeMap<String, String>,
    times: Vec<Duration>,
}

impl Visitor {
    fn new(client: reqwest::Client, base: &str) -> Self {
        Self { client, base: base.to_owned(), cookies: BTreeMap::new(), times: Vec::new() }
    }

    /// From the link to "Thank you". Returns how long each answer took.
    async fn visit(mut self, (slug, auth): (String, String)) -> anyhow::Result<Vec<Duration>> {
        let at = |rest: &str| format!("/{slug}/{rest}");
        self.send(&at("l"), None).await?;
        self.send(&at("open"), Some(&[("auth", &auth)])).await?;
        let page = self.send(&at("identify"), None).await?;
        let (link, visit, nonce) = (hidden(&page, "link")?, hidden(&page, "visit")?, hidden(&page, "nonce")?);
        let form = [
            ("link", link),
            ("visit", visit),
            ("nonce", nonce),
            ("day", "17"),
            ("month", "5"),
            ("year", "1980"),
            ("remember", ""),
        ];
        let next = self.send(&at("identify"), Some(&form)).await?;
        ensure!(next == at("visit"), "the birth date was not taken");
        let page = self.send(&at("visit"), None).await?;
        let (link, revision, nonce) = (hidden(&page, "link")?, hidden(&page, "revision")?, hidden(&page, "nonce")?);
        let form = [("link", link), ("revision", revision), ("nonce", nonce)];
        let next = self.send(&at("visit/1/confirm"), Some(&form)).await?;
        ensure!(next == at("visit/1/done"), "the answer was not taken");
        self.send(&next, None).await?;
        Ok(self.times)
    }

    /// One request. Returns the page, or where it leads.
    async fn send(&mut self, path: &str, form: Option<&[(&str, &str)]>) -> anyhow::Result<String> {
        let url = format!("{}{path}", self.base);
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match form {
            Some(form) => self.client.post(url).form(form),
            None => self.client.get(url),
        };
        let begun = Instant::now();
        let response = request.header(COOKIE, cookies.join("; ")).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await?;
        self.times.push(begun.elapsed());
        ensure!(status.is_success() || status.is_redirection(), "{path}: {status}");
        for cookie in headers.get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str()?.split_once('=').context("a cookie has a value")?;
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned());
        }
        Ok(match headers.get(LOCATION) {
            Some(location) => location.to_str()?.to_owned(),
            None => body,
        })
    }
}

/// The value of a hidden field.
fn hidden<'a>(page: &'a str, name: &str) -> anyhow::Result<&'a str> {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page.split_once(&start).with_context(|| format!("the page has no field {name}"))?.1;
    Ok(rest.split('"').next().unwrap_or_default())
}
