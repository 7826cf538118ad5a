//! A wrong key, another schema, a database that is locked or has no room: a clear message, and nothing lost.

use crate::browser::{Answer, Browser, until};
use crate::scene::{Scene, exit};
use http::StatusCode;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const ROWS: &str = "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Provider,Status
A1,P1,Ana,Example,02/03/1980,(312) 555-0101,03/13/2031,8:15 AM,Dr Gray,Scheduled
A2,P2,Ben,Example,02/03/1981,(312) 555-0102,03/13/2031,9:15 AM,Dr Gray,Scheduled
";

/// Commands that open the practice.
const OPENING: &[&[&str]] = &[&["import", "week.csv", "--json"], &["audit", "verify", "--json"], &["work"]];

pub(crate) async fn open(database: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.expect("opens")
}

#[test]
fn without_a_key_nothing_starts() {
    let scene = Scene::empty();
    let init = ["init", "--practice", "X", "--time-zone", "America/Chicago", "--admin", "a@example.org"];
    scene.run(&init).failed(exit::NO_INPUT, &["kept.key", "kept keys new"]);
    assert!(!scene.database().exists(), "no database is left behind");
    scene.file("kept.key", "this is no key file\n");
    std::fs::set_permissions(scene.path("kept.key"), std::fs::Permissions::from_mode(0o400)).expect("own file");
    scene.run(&init).failed(exit::DATA, &["kept.key"]);
}

#[test]
fn a_key_file_is_for_its_owner_only_and_never_overwritten() {
    let scene = Scene::with_practice();
    let key = scene.path("kept.key");
    let mode = std::fs::metadata(&key).expect("there").permissions().mode() & 0o7777;
    assert_eq!(mode, 0o400);
    let before = std::fs::read(&key).expect("readable");
    scene.run(&["keys", "new"]).failed(exit::CANNOT_CREATE, &["kept.key"]);
    assert_eq!(std::fs::read(&key).expect("readable"), before);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("own file");
    scene.run(&["audit", "verify"]).failed(exit::NO_PERMISSION, &["0644", "chmod 0400"]);
}

#[test]
fn a_wrong_key_is_told_at_once() {
    let scene = Scene::with_practice();
    scene.file("week.csv", ROWS);
    std::fs::remove_file(scene.path("kept.key")).expect("own file");
    scene.run(&["keys", "new", "--json"]).json();
    for command in OPENING {
        scene.run(command).failed(exit::NO_PERMISSION, &["key"]);
    }
}

#[tokio::test]
async fn another_schema_is_refused_and_left_alone() {
    let scene = Scene::with_practice();
    scene.file("week.csv", ROWS);
    let mut database = open(scene.database()).await;
    database
        .execute("INSERT INTO kept_migrations (version, description, success, checksum, execution_time) VALUES (990001, 'later', TRUE, x'00', 0)")
        .await
        .expect("a row");
    for command in OPENING {
        scene.run(command).failed(exit::CONFIG, &["newer"]);
    }
    scene.run(&["migrate"]).failed(exit::CONFIG, &["newer"]);
    database.execute("DELETE FROM kept_migrations").await.expect("deleted");
    for command in OPENING {
        scene.run(command).failed(exit::CONFIG, &["kept migrate"]);
    }
}

#[test]
fn only_setting_up_makes_a_database() {
    let scene = Scene::with_practice();
    let mistyped = format!("sqlite:{}", scene.path("kpet.db").display());
    for command in [&["migrate"][..], &["audit", "verify"]] {
        let ran = scene.run_with(command, &[("KEPT_DATABASE_URL", &mistyped)]);
        ran.failed(exit::NO_INPUT, &["kpet.db", "kept init"]);
        assert!(!scene.path("kpet.db").exists(), "{command:?} made one");
    }
    assert_eq!(scene.run(&["migrate"]).code, exit::OK);
}

#[tokio::test]
async fn a_locked_database_is_waited_for_and_then_told() {
    let scene = Scene::with_practice();
    scene.file("week.csv", ROWS);
    let mut database = open(scene.database()).await;
    database.execute("BEGIN IMMEDIATE").await.expect("the lock");
    scene.run(&["import", "week.csv", "--json"]).failed(exit::TRY_AGAIN, &["again"]);
    database.execute("ROLLBACK").await.expect("released");
    assert_eq!(scene.import("week.csv")["new"], 2, "nothing was half done");
}

#[test]
fn a_database_that_is_no_database_is_refused() {
    let scene = Scene::with_practice();
    scene.file("week.csv", ROWS);
    std::fs::write(
        scene.database(),
        b"this is not a database, only a text of more than a hundred bytes that stands where one was expected; really",
    )
    .expect("own file");
    let ran = scene.run(&["import", "week.csv", "--json"]);
    assert_ne!(ran.code, exit::OK);
    assert!(ran.out.is_empty() && ran.err.len() > 30, "{}", ran.err);
}

/// A file system of two megabytes, where the tests may mount one (as root; CI is).
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let ended = Command::new("umount").arg(self.0.path()).status();
        assert!(ended.is_ok_and(|status| status.success()) || std::thread::panicking(), "the small disk stays mounted");
    }
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        assert!(std::env::var_os("CI").is_none(), "CI runs as root and can mount a small disk");
        return;
    };
    let scene = Scene::with_database_in(disk.0.path());
    scene.file("week.csv", ROWS);
    let filler = disk.0.path().join("filler");
    // Writes until nothing fits any more.
    let full = Command::new("dd")
        .args(["if=/dev/zero", "bs=4096"])
        .arg(format!("of={}", filler.display()))
        .output()
        .expect("dd");
    assert!(!full.status.success(), "the disk is full now");
    scene.run(&["import", "week.csv", "--json"]).failed(exit::IO, &["full"]);
    std::fs::remove_file(filler).expect("own file");
    assert_eq!(scene.import("week.csv")["new"], 2, "there is room again, and all of the file comes in");
}

/// A limit on the size of files meets a service as a full disk does, and needs no mount to be tried.
#[test]
fn a_file_that_may_not_grow_is_told_and_loses_nothing() {
    let scene = Scene::with_practice();
    scene.file("month.csv", crate::bad_input::good_rows(3000));
    let size = std::fs::metadata(scene.database()).expect("the database").len();
    let ran = scene.run_with_files_of(size + (256 << 10), &["import", "month.csv", "--json"]);
    ran.failed(exit::IO, &["full", "try again"]);
    assert_eq!(scene.run(&["audit", "verify", "--json"]).code, exit::OK);
    // What had been committed stays, and the rest comes in.
    let again = scene.import("month.csv");
    let rows = ["new", "changed", "unchanged"].map(|count| again[count].as_u64().expect("a count"));
    assert_eq!(rows.iter().sum::<u64>(), 3000, "{again}");
    assert_eq!(again["rejected"], 0, "{again}");
}

/// A sign-in that nobody has: the least that writes.
async fn sign_in(browser: &mut Browser) -> Answer {
    let form = [("practice", "north-clinic"), ("email", "nobody@example.org"), ("auth", "wrong")];
    browser.post("/staff/sign-in", &form).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_say_busy_while_the_database_is_locked() {
    let scene = Scene::with_practice();
    let (child, mut browser) = serve(&scene);
    assert_eq!(sign_in(&mut browser).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut database = open(scene.database()).await;
    database.execute("BEGIN IMMEDIATE").await.expect("the lock");
    let busy = sign_in(&mut browser).await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(busy.body.contains("<main"), "a page, with what to do: {}", busy.body);
    let read = browser.get("/staff/sign-in?practice=north-clinic").await;
    assert_eq!(read.status, StatusCode::OK, "who only reads is not held up");
    database.execute("ROLLBACK").await.expect("released");
    assert_eq!(sign_in(&mut browser).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(crate::serve::terminate(child), Some(exit::OK));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_say_busy_while_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount() else {
        assert!(std::env::var_os("CI").is_none(), "CI runs as root and can mount a small disk");
        return;
    };
    let scene = Scene::with_database_in(disk.0.path());
    let (child, mut browser) = serve(&scene);
    assert_eq!(sign_in(&mut browser).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let filler = disk.0.path().join("filler");
    let fill = Command::new("dd").args(["if=/dev/zero", "bs=4096"]).arg(format!("of={}", filler.display())).output();
    assert!(!fill.expect("dd").status.success(), "the disk is full now");
    // The log beside the file has room for a few writes more.
    let mut last = StatusCode::OK;
    for _ in 0..400 {
        last = sign_in(&mut browser).await.status;
        assert_ne!(last, StatusCode::INTERNAL_SERVER_ERROR, "a full disk is not a mistake in Kept");
        if last == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
    }
    assert_eq!(last, StatusCode::SERVICE_UNAVAILABLE);
    std::fs::remove_file(filler).expect("own file");
    let again = until("room again", Duration::from_secs(30), async || {
        let status = sign_in(&mut browser).await.status;
        status.is_client_error().then_some(status)
    })
    .await;
    assert!([StatusCode::UNPROCESSABLE_ENTITY, StatusCode::TOO_MANY_REQUESTS].contains(&again), "{again}");
    assert_eq!(crate::serve::terminate(child), Some(exit::OK));
    assert_eq!(scene.run(&["audit", "verify", "--json"]).code, exit::OK);
}

fn serve(scene: &Scene) -> (crate::scene::Running, Browser) {
    let pages = crate::serve::port();
    let listen = [
        ("KEPT_LISTEN", pages.to_string()),
        ("KEPT_PUBLIC_URL", format!("http://{pages}")),
        ("KEPT_METRICS_LISTEN", String::new()),
    ];
    let child = scene.start(&["serve"], &listen);
    crate::serve::get(pages, "/health/live");
    (child, Browser::new(&format!("http://{pages}")))
}

#[test]
fn settings_that_do_not_exist_are_refused() {
    let scene = Scene::with_practice();
    scene
        .run_with(&["audit", "verify"], &[("KEPT_DATABSE_URL", "sqlite:x")])
        .failed(exit::CONFIG, &["KEPT_DATABSE_URL"]);
    scene.run_with(&["serve"], &[("KEPT_PUBLIC_URL", "http://kept.example.org")]).failed(exit::CONFIG, &["https"]);
    scene.file("kept.toml", "lissten = \"127.0.0.1:0\"\n");
    scene.run(&["audit", "verify"]).failed(exit::CONFIG, &["lissten"]);
}
