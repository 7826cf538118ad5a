//! `kept serve` and `kept work` as a service manager meets them.

use crate::scene::{Running, Scene, exit};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long a start or a stop may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A free port, outside the range that the system hands out by itself, so that no other test gets it meanwhile.
pub(crate) fn port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 500).expect("small") * 20;
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().expect("its address");
        }
    }
}

/// The whole answer to a GET, once somebody listens.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let begun = Instant::now();
    loop {
        if let Ok(mut stream) = TcpStream::connect(address) {
            let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).expect("written");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("read");
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "nobody listens on {address}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks the process to end as a service manager does, and gives its exit code.
pub(crate) fn terminate(mut child: Running) -> Option<i32> {
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill is there");
    assert!(asked.success());
    let begun = Instant::now();
    loop {
        if let Some(status) = child.ended() {
            return status.code();
        }
        if begun.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn it_serves_reports_its_health_and_ends_when_asked() {
    let scene = Scene::with_practice();
    let (pages, metrics) = (port(), port());
    let listen = [("KEPT_LISTEN", pages.to_string()), ("KEPT_METRICS_LISTEN", metrics.to_string())];
    let child = scene.start(&["serve"], &listen);
    assert!(get(pages, "/health/live").ends_with("live\n"));
    let ready = get(pages, "/health/ready");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    assert!(ready.contains("\"name\":\"plan\"") && ready.contains("age_s"), "{ready}");
    assert!(get(pages, "/north-clinic/l").starts_with("HTTP/1.1 200"), "the first page of the portal");
    let told = get(metrics, "/metrics");
    assert!(told.contains("kept_database_up 1"), "{told}");
    assert!(!get(pages, "/metrics").contains("kept_database_up"), "metrics never on the public address");
    assert_eq!(terminate(child), Some(exit::OK));
}

#[test]
fn a_trial_shows_its_own_phone() {
    let scene = Scene::with_practice();
    let pages = port();
    let trial = [
        ("KEPT_LISTEN", pages.to_string()),
        ("KEPT_PUBLIC_URL", format!("http://{pages}")),
        ("KEPT_METRICS_LISTEN", String::new()),
        ("KEPT_CARRIER", "sandbox".to_owned()),
    ];
    let child = scene.start(&["serve"], &trial);
    assert!(get(pages, "/sandbox/phone").starts_with("HTTP/1.1 200"));
    assert_eq!(terminate(child), Some(exit::OK));
}

#[test]
fn work_alone_has_metrics_and_no_pages() {
    let scene = Scene::with_practice();
    let (pages, metrics) = (port(), port());
    // Taken: a process that wanted to serve pages could not start.
    let _taken = TcpListener::bind(pages).expect("free a moment ago");
    let listen = [("KEPT_LISTEN", pages.to_string()), ("KEPT_METRICS_LISTEN", metrics.to_string())];
    let child = scene.start(&["work"], &listen);
    assert!(get(metrics, "/metrics").contains("kept_database_up 1"));
    assert_eq!(terminate(child), Some(exit::OK));
}

#[test]
fn a_taken_port_is_told_at_once() {
    let scene = Scene::with_practice();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let ran = scene.run_with(&["serve"], &[("KEPT_LISTEN", &address), ("KEPT_METRICS_LISTEN", "")]);
    ran.failed(exit::UNAVAILABLE, &["cannot listen", "listen"]);
}

#[test]
fn plain_http_off_this_machine_is_refused() {
    let scene = Scene::with_practice();
    let ran = scene.run_with(&["serve"], &[("KEPT_PUBLIC_URL", "http://kept.example.org")]);
    ran.failed(exit::CONFIG, &["public_url", "https"]);
}

#[test]
fn a_key_file_that_is_open_to_others_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::with_practice();
    let key = scene.path("kept.key");
    let mode = std::fs::metadata(&key).expect("the key").permissions().mode() & 0o777;
    assert_eq!(mode, 0o400, "as `kept keys new` made it");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("own file");
    scene.run(&["serve"]).failed(exit::NO_PERMISSION, &["chmod 0400"]);
}

#[test]
fn without_a_practice_there_is_nothing_to_serve() {
    let scene = Scene::empty();
    scene.run(&["keys", "new", "--json"]).json();
    std::fs::write(scene.path("kept.db"), b"").expect("an empty file is an empty database");
    scene.run(&["migrate"]);
    scene.run(&["serve"]).failed(exit::CONFIG, &["no practice yet", "kept init"]);
}

#[test]
fn a_second_practice_is_made_only_when_asked() {
    let scene = Scene::with_practice();
    let mut arguments =
        vec!["init", "--practice", "South", "--time-zone", "america/denver", "--admin", "a@example.org"];
    scene.run(&arguments).failed(exit::CANNOT_CREATE, &["--another"]);
    arguments.extend(["--another", "--json"]);
    let made = scene.run(&arguments).json();
    assert_eq!(made["slug"], "south");
    let sign_in = made["sign_in"].as_str().expect("an address");
    assert!(sign_in.ends_with("/staff/sign-in?practice=south"), "{sign_in}");
    let ran = scene.run(&["audit", "verify", "--json"]);
    assert_eq!(ran.out.lines().count(), 4, "two practices, two chains each: {}", ran.out);
    let ran = scene.run(&["audit", "verify", "--practice", "south"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (exit::OK, "south: audit: 2 entries, all in order\nsouth: consent: 0 entries, all in order\n")
    );
}

#[tokio::test]
async fn an_edited_record_is_told_by_its_exit_code() {
    let scene = Scene::with_practice();
    let mut database = crate::bad_state::open(scene.database()).await;
    sqlx::Executor::execute(&mut database, "UPDATE audit SET actor = 'staff:nobody' WHERE seq = 2")
        .await
        .expect("edited");
    let ran = scene.run(&["audit", "verify"]);
    assert_eq!(ran.code, exit::FINDINGS);
    assert!(ran.out.contains("entry 2 was edited"), "{}", ran.out);
}

#[test]
fn the_doctor_says_what_to_do() {
    let scene = Scene::empty();
    let ran = scene.run(&["doctor"]);
    assert_eq!(ran.code, exit::FINDINGS, "{}", ran.out);
    assert!(ran.out.contains("kept keys new") && ran.out.contains("kept init"), "{}", ran.out);
    let scene = Scene::with_practice();
    let ran = scene.run(&["doctor", "--json"]);
    assert_eq!(ran.code, exit::OK, "{}", ran.out);
    let whats: Vec<String> = ran
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["what"].as_str().expect("text").to_owned()
        })
        .collect();
    assert_eq!(
        whats,
        [
            "configuration",
            "clock",
            "carrier",
            "mail",
            "key",
            "database",
            "practices",
            "rotation",
            "zones",
            "texts",
            "work"
        ]
    );
}

#[test]
fn a_new_data_key_is_made_once_at_a_time() {
    let scene = Scene::with_practice();
    scene.file("week.csv", crate::bad_input::good_rows(3));
    assert_eq!(scene.import("week.csv")["new"], 3);
    let made = scene.run(&["keys", "rotate", "--json"]).json();
    assert_eq!((&made["slug"], &made["version"]), (&"north-clinic".into(), &2.into()));
    scene.run(&["keys", "rotate", "--practice", "north-clinic"]).failed(exit::TRY_AGAIN, &["already", "kept doctor"]);
    scene.run(&["keys", "rotate", "--practice", "nowhere"]).failed(exit::DATA, &["practice"]);
    let ran = scene.run(&["doctor"]);
    assert!(ran.code == exit::OK && ran.out.contains("key 2 seals from"), "{}", ran.out);
    assert_eq!(scene.import("week.csv")["unchanged"], 3, "the old key still opens");
    scene.run(&["keys", "rewrap", "--json"]).json();
    assert_eq!(scene.run(&["audit", "verify"]).code, exit::OK);
}
