//! The whole path, with a canary in everything that somebody writes.

use super::search::day_spellings;
use super::{Left, Seeds};
use crate::browser::{Answer, Browser, until};
use crate::daytime::Daytime;
use crate::engine::Postgres;
use crate::scene::{Scene, exit};
use chrono::NaiveDate;
use http::{Method, StatusCode};
use kept_seal::LinkToken;
use kept_seal::staff::Kdf;
use sqlx::{Connection as _, Executor as _};
use std::path::Path;
use std::time::Duration;

const GIVEN: &str = "Zo\u{eb}quizelda";
const FAMILY: &str = "O'Wolfenhausen";
const PATIENT_ID: &str = "MRNX7731905";
const VISIT_ID: &str = "APTX5520917";
const EMAIL: &str = "quizelda.wolfenhausen@canary-mail.example";
const BRING: &str = "the zirconium bracelet";
const DOCTOR: &str = "Vexelbrandt Ottokar";
const VISIT_TYPE: &str = "Proctoscopyx follow-up";
const REJECTED: &str = "Rejectavia Nonsuchberg";
const ADMIN: &str = "petronellix@canary-staff.example";
const REASON: &str = "kumquatfever came back";
const WISH: &str = "after the tangerinezest class";
const REPLY: &str = "my xylophonerash itches, please call";
const UPLOADED: &str = "ulyssandra-list.csv";
const UPLOADED_ROW: &str = "Uploadrina Hasselblom";
const STATUS_WORD: &str = "Statusella Wordenfels";
const WAITING: &str = "umbrellina-list.csv";
const WAITING_ROW: &str = "Waitalina Fensterbaum";
const STRANGER: &str = "strangerella@canary-nobody.example";
const FORGED: &str = "forgedella says confirm";
const PATH_WORD: &str = "pathandrina-secret";
const HEADER: &str =
    "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Email,Date,Time,Provider,Visit Type,Bring\n";

/// How long anything in the background may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// What may stand on the pages of the sandbox's phone: who was written to, what, and what was written back.
const AT_THE_CARRIER: &[&str] = &["contact_points.private: ", "notices.body", "notices.link_secret", "inbound.private"];

fn birth_date() -> NaiveDate {
    NaiveDate::from_ymd_opt(1931, 7, 19).expect("a day")
}

fn guess() -> NaiveDate {
    NaiveDate::from_ymd_opt(1902, 11, 24).expect("a day")
}

/// What stays the same for all that is run here.
struct Run<'a> {
    scene: &'a Scene,
    variables: Vec<(&'static str, String)>,
    root: String,
    number: String,
    seeds: Seeds,
    left: Vec<Left>,
}

impl Run<'_> {
    fn left(&mut self, name: &str, content: impl Into<Vec<u8>>, may_hold: &'static [&'static str]) {
        self.left.push(Left { name: name.to_owned(), content: content.into(), may_hold });
    }

    /// Runs a command; what it says on standard error is searched, and on standard output unless it is asked for there.
    fn command(&mut self, arguments: &[&str], prints: &'static [&'static str]) -> (i32, String) {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let ran = self.scene.run_with(arguments, &variables);
        self.left(&format!("standard error of {arguments:?}"), ran.err, &[]);
        self.left(&format!("standard output of {arguments:?}"), ran.out.clone(), prints);
        (ran.code, ran.out)
    }

    fn page(&mut self, name: &str, answer: &Answer) {
        let content = format!("{}\n{}\n{}", answer.status, answer.headers, answer.body);
        self.left(name, content, &["cookie", "form nonce"]);
    }
}

/// Lives it. Gives what was written, and everything that was left behind.
pub(super) async fn live(scene: &Scene, postgres: Option<&Postgres>) -> (Seeds, Vec<Left>) {
    let day = Daytime::now();
    let (pages, metrics) = (crate::serve::port(), crate::serve::port());
    let secret = "c4".repeat(32);
    let temporary = scene.path("tmp");
    std::fs::create_dir(&temporary).expect("a folder of our own");
    let root = format!("http://{pages}");
    let mut run = Run {
        scene,
        variables: vec![
            // Named parts get past a rule that only sets the level of whole crates.
            ("KEPT_LOG", "trace,axum::rejection=trace,sqlx::query=trace,hyper::proto=trace".to_owned()),
            ("KEPT_LOG_FORMAT", "json".to_owned()),
            ("KEPT_LISTEN", pages.to_string()),
            ("KEPT_PUBLIC_URL", root.clone()),
            ("KEPT_METRICS_LISTEN", metrics.to_string()),
            ("KEPT_CARRIER", "sandbox".to_owned()),
            ("KEPT_CARRIER_SECRET", secret.clone()),
            ("RUST_BACKTRACE", "full".to_owned()),
            ("TMPDIR", temporary.display().to_string()),
        ],
        root,
        number: day.number(1),
        seeds: Seeds::default(),
        left: Vec::new(),
    };
    run.seeds.add("carrier secret", &secret);
    set_up(&mut run, &day);
    let variables = run.variables.clone();
    let child = scene.start_logged(&["serve"], &variables, "serve.log");
    crate::serve::get(pages, "/health/live");
    let text = the_text(&run).await;
    let mut patient = Browser::new(&run.root);
    answer_by_link(&mut run, &mut patient, &text).await;
    reply_by_text(&mut run).await;
    let mut desk = Browser::new(&run.root);
    work_at_the_desk(&mut run, &mut desk, &day).await;
    strangers(&mut run).await;
    break_it(&mut run, &mut patient, &mut desk, postgres).await;
    let phone = Browser::new(&run.root).get(&phone_path(&run.number)).await;
    run.left("the sandbox's phone", phone.body, AT_THE_CARRIER);
    for (address, path) in [(metrics, "/metrics"), (pages, "/health/ready"), (pages, "/north-clinic/l")] {
        run.left(path, crate::serve::get(address, path), &[]);
    }
    for browser in [&patient, &desk] {
        for secret in &browser.secrets {
            run.seeds.add("cookie or form nonce", secret);
        }
    }
    // While it lives: the write-ahead log is still there.
    match postgres {
        Some(database) => {
            let dump = database.dump().await;
            run.left("the rows of PostgreSQL", dump, &[]);
        }
        None => {
            for end in ["", "-wal", "-shm"] {
                let path = format!("{}{end}", scene.database().display());
                let content = std::fs::read(&path).expect("SQLite's files while it is open");
                run.left(&format!("kept.db{end}"), content, &[]);
            }
        }
    }
    assert_eq!(crate::serve::terminate(child), Some(exit::OK));
    everything_in_the_folder(&mut run);
    (run.seeds, run.left)
}

fn set_up(run: &mut Run<'_>, day: &Daytime) {
    let scene = run.scene;
    assert_eq!(run.command(&["keys", "new"], &[]).0, exit::OK);
    let key = std::fs::read_to_string(scene.path("kept.key")).expect("the key file");
    let key = key.split_whitespace().max_by_key(|word| word.len()).expect("a key").to_owned();
    run.seeds.add("key-encryption key", key.rsplit(':').next().unwrap_or(&key));
    let zone = day.zone.name();
    let init = ["init", "--practice", "North Clinic", "--time-zone", zone, "--admin", ADMIN, "--json"];
    let (code, out) = run.command(&init, &["staff.private", "password"]);
    assert_eq!(code, exit::OK, "{out}");
    let made: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    run.seeds.add("password", made["password"].as_str().expect("it is printed once"));
    run.seeds.column("staff", "private", ADMIN);

    let (seeds, number) = (&mut run.seeds, run.number.clone());
    for value in [GIVEN, FAMILY, PATIENT_ID] {
        seeds.column("patients", "private", value);
    }
    for value in day_spellings(birth_date()) {
        seeds.column("patients", "private", &value);
    }
    for value in [VISIT_ID, BRING] {
        seeds.column("appointments", "private", value);
        seeds.column("source_rows", "said", value);
    }
    seeds.phone("contact_points", "private", &number);
    seeds.column("contact_points", "private", EMAIL);
    seeds.column("practitioners", "private", DOCTOR);
    seeds.column("visit_types", "private", VISIT_TYPE);
    seeds.column("imports", "private", REJECTED);
    let at = day.at(3, 10, 15);
    let row = |visit: &str, patient: &str, given: &str, family: &str, number: &str, date: &str| {
        format!(
            "{visit},{patient},{given},\"{family}\",{},{number},{EMAIL},{date},{},{DOCTOR},{VISIT_TYPE},{BRING}\n",
            birth_date(),
            at.format("%H:%M")
        )
    };
    let date = at.date().to_string();
    let (first, last) = REJECTED.split_once(' ').expect("two names");
    let file = [
        HEADER.to_owned(),
        row(VISIT_ID, PATIENT_ID, GIVEN, FAMILY, &number, &date),
        row("APTX5520918", "MRNX7731906", "Bea", "Plain", &day.number(2), &date),
        row("APTX5520919", "MRNX7731907", first, last, &day.number(3), "2031-02-30"),
    ];
    scene.file("week.csv", file.concat());
    let (code, out) = run.command(&["import", "week.csv", "--consent", "declared", "--json"], &[]);
    assert_eq!(code, exit::OK, "{out}");
    let counts: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&counts["new"], &counts["rejected"]), (&2.into(), &1.into()), "{counts}");
    // It holds names by design and says so; whoever asked for it deletes it.
    std::fs::remove_file(scene.path("week.csv.rejects.csv")).expect("the rejects");
    let bad = ["import", "week.csv", "--mapping", "week.csv", "--json"];
    assert_ne!(run.command(&bad, &[]).0, exit::OK, "a schedule is no mapping");
    let link = ["report", "missed", "--from", "2026-01-01", "--to", "2026-02-01", "--by", "practitioner", "--json"];
    assert_eq!(run.command(&link, &[]).0, exit::OK);
}

fn phone_path(number: &str) -> String {
    format!("/sandbox/phone/{}", number.trim_start_matches('+'))
}

/// What the phone received, with its link.
async fn the_text(run: &Run<'_>) -> String {
    let mut phone = Browser::new(&run.root);
    until("a text at the sandbox", PATIENCE, async || {
        let page = phone.get(&phone_path(&run.number)).await;
        let bubble = page.body.split("<p class=\"bubble\">").find(|part| part.contains("/l#"))?;
        Some(without_markup(bubble.split("</p>").next()?))
    })
    .await
}

fn without_markup(html: &str) -> String {
    let parts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    parts.collect::<String>().replace("&#x2F;", "/").replace("&amp;", "&")
}

async fn answer_by_link(run: &mut Run<'_>, browser: &mut Browser, text: &str) {
    let (words, link) = text.split_once("http").expect("a link");
    let (_, words) = words.split_once(": ").expect("the alias comes first");
    run.seeds.column("notices", "body", words.trim());
    let code = link.split_once("/l#").and_then(|(_, rest)| rest.split_whitespace().next()).expect("a code");
    run.seeds.column("notices", "link_secret", code);
    let auth = LinkToken::parse(code).expect("the code of a link").auth().to_base64url().to_string();
    run.seeds.add("what a browser derives of a link", &auth);

    let bad = browser.post("/north-clinic/open", &[("auth", &auth[..40])]).await;
    assert_eq!(bad.status, StatusCode::NOT_FOUND);
    run.page("a mistyped link", &bad);
    let opened = browser.post("/north-clinic/open", &[("auth", &auth)]).await;
    assert_eq!(opened.location, "/north-clinic/identify", "{}", opened.body);
    for value in day_spellings(guess()) {
        run.seeds.add("what a stranger guessed", &value);
    }
    let wrong = identify(browser, guess()).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    run.page("a wrong birth date", &wrong);
    let form = browser.get("/north-clinic/identify").await;
    let (link, nonce) = (form.hidden("link"), form.hidden("nonce"));
    let words = [
        ("link", link.as_str()),
        ("visit", "1"),
        ("nonce", &nonce),
        ("day", PATH_WORD),
        ("month", GIVEN),
        ("year", FAMILY),
    ];
    let no_date = browser.post("/north-clinic/identify", &words).await;
    assert_eq!(no_date.status, StatusCode::UNPROCESSABLE_ENTITY);
    run.page("a birth date that is none", &no_date);
    let inside = identify(browser, birth_date()).await;
    assert_eq!(inside.location, "/north-clinic/visit", "{}", inside.body);

    let page = browser.get("/north-clinic/visit").await;
    assert!(page.body.contains("zirconium"), "the patient sees what to bring: {}", page.body);
    let done = press(browser, &page, "confirm", &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/north-clinic/visit/1/appointment.ics").await.status, StatusCode::OK);
    let page = browser.get("/north-clinic/visit/1/another-time").await;
    assert_eq!(press(browser, &page, "another-time", &[("wish", WISH)]).await.status, StatusCode::SEE_OTHER);
    run.seeds.column("requests", "private", WISH);
    let page = browser.get("/north-clinic/visit/1/cancel").await;
    assert_eq!(press(browser, &page, "cancel", &[("reason", REASON)]).await.status, StatusCode::SEE_OTHER);
    run.seeds.column("answers", "private", REASON);
    let again = press(browser, &page, "cancel", &[("reason", REASON)]).await;
    run.page("an old form", &again);
}

async fn identify(browser: &mut Browser, day: NaiveDate) -> Answer {
    let form = browser.get("/north-clinic/identify").await;
    let (link, nonce) = (form.hidden("link"), form.hidden("nonce"));
    let (d, m, y) = (day.format("%-d").to_string(), day.format("%-m").to_string(), day.format("%Y").to_string());
    let form = [
        ("link", link.as_str()),
        ("visit", "1"),
        ("nonce", &nonce),
        ("day", &d),
        ("month", &m),
        ("year", &y),
        ("remember", "yes"),
    ];
    browser.post("/north-clinic/identify", &form).await
}

async fn press(browser: &mut Browser, page: &Answer, what: &str, more: &[(&str, &str)]) -> Answer {
    let (link, revision, nonce) = (page.hidden("link"), page.hidden("revision"), page.hidden("nonce"));
    let mut form = vec![("link", link.as_str()), ("revision", &revision), ("nonce", &nonce)];
    form.extend_from_slice(more);
    browser.post(&format!("/north-clinic/visit/1/{what}"), &form).await
}

async fn reply_by_text(run: &mut Run<'_>) {
    run.seeds.column("inbound", "private", REPLY);
    let mut phone = Browser::new(&run.root);
    let sent = phone.post(&phone_path(&run.number), &[("text", REPLY)]).await;
    assert_eq!(sent.location, phone_path(&run.number), "the webhook took it");
}

async fn work_at_the_desk(run: &mut Run<'_>, browser: &mut Browser, day: &Daytime) {
    let password =
        run.seeds.canaries.iter().find(|one| one.what.starts_with("password")).expect("seeded").value.clone();
    let kdf = browser.post("/staff/sign-in/kdf", &[("practice", "north-clinic"), ("email", ADMIN)]).await;
    let kdf: Kdf = serde_json::from_str(&kdf.body).expect("parameters");
    let auth = kdf.derive(&password).expect("derived").auth.to_base64url().to_string();
    run.seeds.add("a password's branch", &auth);
    let wrong =
        browser.post("/staff/sign-in", &[("practice", "north-clinic"), ("email", STRANGER), ("auth", &auth)]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    // The address stands in the form again, for whoever typed it.
    run.left("a failed sign-in", wrong.body, &["a stranger's address"]);
    run.seeds.add("a stranger's address", STRANGER);
    let inside =
        browser.post("/staff/sign-in", &[("practice", "north-clinic"), ("email", ADMIN), ("auth", &auth)]).await;
    assert_eq!(inside.location, "/staff/today", "{}", inside.body);
    if browser.get("/staff/today").await.location == "/staff/password" {
        let fresh = Kdf::fresh().expect("random bytes");
        let new = fresh.derive("a new and long enough password").expect("derived").auth.to_base64url().to_string();
        run.seeds.add("a password's branch", &new);
        let fresh = serde_json::to_string(&fresh).expect("JSON");
        let changed = browser.post("/staff/password", &[("old", &auth), ("new", &new), ("kdf", &fresh)]).await;
        assert_eq!(changed.location, "/staff/today", "{}", changed.body);
    }
    assert_eq!(browser.get("/staff/today").await.status, StatusCode::OK);

    run.seeds.column("uploads", "private", WAITING);
    run.seeds.column("uploads", "private", WAITING_ROW);
    run.seeds.column("imports", "private", UPLOADED);
    run.seeds.column("source_rows", "said", UPLOADED_ROW);
    for (table, column) in [("uploads", "mapping"), ("layouts", "mapping"), ("uploads", "private")] {
        run.seeds.column(table, column, STATUS_WORD);
    }
    let header = HEADER.replace("Bring", "Status");
    let at = day.at(4, 11, 0);
    let file = |who: &str, id: &str, n| {
        let (given, family) = who.split_once(' ').expect("two names");
        let (day_of, time) = (at.date(), at.format("%H:%M"));
        format!(
            "{header}{id},P{id},{given},{family},{},{},,{day_of},{time},{DOCTOR},{VISIT_TYPE},{STATUS_WORD}\n",
            birth_date(),
            day.number(n)
        )
    };
    let kept = browser.upload("/staff/upload", WAITING, file(WAITING_ROW, "UPX1", 4).as_bytes()).await;
    assert!(kept.location.ends_with("/columns"), "{}", kept.body);
    let taken = browser.upload("/staff/upload", UPLOADED, file(UPLOADED_ROW, "UPX2", 5).as_bytes()).await;
    let columns = browser.get(&taken.location).await;
    let mut form: Vec<(String, String)> = columns
        .body
        .split("<select id=")
        .skip(1)
        .filter_map(|select| {
            let name = select.split("name=\"").nth(1)?.split('"').next()?;
            let chosen = select.split("</select>").next()?.split("<option ").find(|one| one.contains(" selected"))?;
            Some((name.to_owned(), chosen.split("value=\"").nth(1)?.split('"').next()?.to_owned()))
        })
        .collect();
    form.push(("consent".to_owned(), "declared".to_owned()));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let upload = taken.location.trim_end_matches("/columns").to_owned();
    let matched = browser.post(&taken.location, &form).await;
    assert_eq!(matched.location, format!("{upload}/check"), "{}", matched.body);
    assert!(browser.get(&matched.location).await.body.contains("Uploadrina"), "the desk sees whom it is about");
    let explained = browser.post(&format!("{upload}/words"), &[(STATUS_WORD, "booked")]).await;
    assert_eq!(explained.location, format!("{upload}/check"), "{}", explained.body);
    browser.post(&format!("{upload}/send"), &[]).await;
    until("the upload", PATIENCE, async || browser.get(&upload).await.body.contains("rejected").then_some(())).await;

    let garbage: Vec<u8> = [GIVEN.as_bytes(), &[0, 1, 2, 0xFF], FAMILY.as_bytes()].concat();
    let refused = browser.upload("/staff/upload", UPLOADED, &garbage).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    run.page("an upload that is no schedule", &refused);
    let broken =
        browser.send(Method::POST, "/staff/upload", Some("multipart/form-data; boundary=other"), garbage).await;
    assert!(broken.status.is_client_error(), "{}", broken.status);
    run.page("a broken upload", &broken);
    let nowhere = browser.get(&format!("/staff/upload/{PATH_WORD}?name={GIVEN}")).await;
    run.page("an upload that is not there", &nowhere);
    run.seeds.add("a word in an address", PATH_WORD);
}

/// Forged webhooks, forms that are none, addresses that are none.
async fn strangers(run: &mut Run<'_>) {
    run.seeds.add("a forged webhook", FORGED);
    let number = run.number.clone();
    let mut stranger = Browser::new(&run.root);
    let event = format!("{{\"event\":\"e1\",\"from\":\"{number}\",\"to\":null,\"text\":\"{FORGED}\"}}");
    let json = Some("application/json");
    for (path, body) in [
        ("/hooks/sandbox/north-clinic/inbound", event.clone()),
        ("/hooks/sandbox/north-clinic/status", event.clone()),
        ("/hooks/sandbox/nobody/inbound", event.clone()),
        ("/hooks/pigeon/north-clinic/inbound", event.repeat(2000)),
        ("/sandbox/carrier/messages", event.clone()),
        ("/north-clinic/open", event.clone()),
        ("/north-clinic/identify", format!("link={FORGED}&visit={FAMILY}&nonce={PATIENT_ID}")),
        ("/staff/sign-in", format!("practice={FORGED}&email={EMAIL}")),
        ("/north-clinic/visit/1/cancel", format!("reason={REASON}")),
    ] {
        let kind = if body.starts_with('{') { json } else { Some("application/x-www-form-urlencoded") };
        let answer = stranger.send(Method::POST, path, kind, body.into_bytes()).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        run.page(&format!("a stranger at {path}"), &answer);
    }
    for path in [
        format!("/{PATH_WORD}/l"),
        format!("/north-clinic/visit?{PATH_WORD}={EMAIL}"),
        format!("/north-clinic/visit/{PATH_WORD}/done"),
        format!("/north-clinic/identify?visit={PATH_WORD}"),
        format!("/staff/today?day={PATH_WORD}"),
        format!("/sandbox/phone/{PATH_WORD}"),
        format!("/{PATH_WORD}/{PATIENT_ID}/{VISIT_ID}"),
    ] {
        let answer = stranger.get(&path).await;
        run.page("a stranger at an address that is none", &answer);
    }
}

/// Somebody writes to the database: values swap their places, and a table is missing for a while.
async fn break_it(run: &mut Run<'_>, patient: &mut Browser, desk: &mut Browser, postgres: Option<&Postgres>) {
    let swap = [
        "CREATE TABLE swapped AS SELECT id, private FROM patients",
        "UPDATE patients SET private = (SELECT s.private FROM swapped AS s WHERE s.id <> patients.id LIMIT 1)",
        "DROP TABLE swapped",
        "CREATE TABLE swapped AS SELECT id, private FROM appointments",
        "UPDATE appointments SET private = (SELECT s.private FROM swapped AS s WHERE s.id <> appointments.id LIMIT 1)",
        "DROP TABLE swapped",
    ];
    execute(run.scene.database(), postgres, &swap).await;
    for (who, browser, path) in [("patient", patient, "/north-clinic/visit"), ("desk", desk, "/staff/today")] {
        let broken = browser.get(path).await;
        assert_eq!(broken.status, StatusCode::INTERNAL_SERVER_ERROR, "the {who} at {path}");
        run.page(&format!("a value that does not open, as the {who} sees it"), &broken);
        execute(run.scene.database(), postgres, &["ALTER TABLE patients RENAME TO lost"]).await;
        let broken = browser.get(path).await;
        assert!(broken.status.is_server_error(), "the {who} at {path}: {}", broken.status);
        run.page(&format!("a table that is missing, as the {who} sees it"), &broken);
        execute(run.scene.database(), postgres, &["ALTER TABLE lost RENAME TO patients"]).await;
    }
    let from = (chrono::DateTime::from_timestamp_millis(kept_flow::Clock::wall(&kept_flow::SystemClock).as_ms()))
        .expect("now")
        .date_naive();
    let (from, to) = (from.to_string(), (from + chrono::Duration::days(8)).to_string());
    run.command(&["simulate", "--from", &from, "--to", &to, "--json"], &["notices.body"]);
    run.command(&["import", "week.csv", "--json"], &[]);
    run.command(&["audit", "verify", "--json"], &[]);
    run.command(&["doctor", "--json"], &[]);
}

async fn execute(database: &Path, postgres: Option<&Postgres>, statements: &[&'static str]) {
    if let Some(postgres) = postgres {
        let mut connection = postgres.connect().await;
        for sql in statements {
            connection.execute(*sql).await.expect(sql);
        }
        connection.close().await.expect("closed");
    } else {
        let mut connection = crate::bad_state::open(database).await;
        for sql in statements {
            connection.execute(*sql).await.expect(sql);
        }
        connection.close().await.expect("closed");
    }
}

/// Every file in the folder but what the story itself put there.
fn everything_in_the_folder(run: &mut Run<'_>) {
    let own = ["week.csv", "kept.key", "week.csv.rejects.csv"];
    let mut folders = vec![run.scene.path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of our own") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().is_some_and(|name| own.iter().any(|own| name == *own)) {
                let content = std::fs::read(&path).expect("a file of our own");
                run.left(&path.display().to_string(), content, &[]);
            }
        }
    }
}
