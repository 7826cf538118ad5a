//! Files that are no schedule, and rows that are no visit.

use crate::scene::{Scene, exit};
use std::fmt::Write as _;

const HEADER: &str = "Appointment ID,Patient ID,Patient Name,DOB,Cell Phone,Start,Location Time Zone\n";

/// A file of good rows, in two weeks from a day that is surely to come.
pub(crate) fn good_rows(count: usize) -> String {
    let mut text =
        String::from("Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Provider,Status\n");
    for row in 0..count {
        writeln!(
            text,
            "A{row},P{row},Ana,Example{row},02/03/1980,(312) 555-01{:02},03/{:02}/2031,{}:15 AM,Dr Gray,Scheduled",
            row % 100,
            13 + row % 14,
            8 + row % 4
        )
        .expect("a String takes all");
    }
    text
}

#[test]
fn a_file_that_is_no_schedule_is_refused_with_what_to_do() {
    let scene = Scene::with_practice();
    let binary: Vec<u8> = (0_u32..4096).map(|at| u8::try_from(at * 7 % 256).expect("below 256")).collect();
    scene.file("binary.csv", &binary);
    scene.file("empty.csv", "");
    scene.file("blank.csv", "\n\n  \n");
    scene.file("header.csv", HEADER);
    scene.file("not-a-workbook.xlsx", b"PK\x03\x04 but no more");
    scene.file("words.csv", "This is a letter.\nIt is about nothing.\n");
    for name in ["binary.csv", "empty.csv", "blank.csv", "not-a-workbook.xlsx", "words.csv"] {
        let ran = scene.run(&["import", name, "--json"]);
        ran.failed(exit::DATA, &[]);
        assert!(ran.err.len() > 30, "{name}: {}", ran.err);
    }
    scene.run(&["import", "nowhere.csv", "--json"]).failed(exit::NO_INPUT, &["nowhere.csv", "check"]);
    // A header without rows is an answer, not an accident: either way nothing comes in and nothing breaks.
    let ran = scene.run(&["import", "header.csv", "--json"]);
    assert!([exit::OK, exit::DATA].contains(&ran.code), "{}", ran.err);
}

/// What refusing a file may take at most, whatever is in it (protocol.md §8).
const MOST_MEMORY: u64 = 256 << 20;

/// A line of 2 GB that comes through a pipe: no size is known beforehand.
#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let scene = Scene::with_practice();
    let endless = |into: &mut dyn std::io::Write| {
        let chunk = vec![b'x'; 1 << 16];
        // Ends when the reader has gone away.
        let mut left = (2_u64 << 30) / (1 << 16);
        while left > 0 && into.write_all(&chunk).is_ok() {
            left -= 1;
        }
        assert!(left > 0, "somebody read 2 GB of it");
    };
    let (ran, peak) = scene.run_measured(&["import", "/dev/stdin", "--json"], endless);
    ran.failed(exit::DATA, &["/dev/stdin", "line"]);
    assert!(peak < MOST_MEMORY, "{peak} bytes");
}

/// A workbook of some kilobytes that would unpack to 64 MB.
#[test]
fn a_workbook_that_unpacks_without_end_is_refused() {
    use std::io::Write as _;
    let scene = Scene::with_practice();
    let mut bomb = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    bomb.start_file("xl/worksheets/sheet1.xml", options).expect("a part");
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..64 {
        bomb.write_all(&blanks).expect("memory takes all");
    }
    let bomb = bomb.finish().expect("a workbook").into_inner();
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    scene.file("bomb.xlsx", bomb);
    let (ran, peak) = scene.run_measured(&["import", "bomb.xlsx", "--json"], |_| ());
    ran.failed(exit::DATA, &["unpacks to more"]);
    assert!(peak < MOST_MEMORY, "{peak} bytes");
}

/// A line of 2 GB: a file without content on the disk, and zero after zero to read.
#[test]
fn a_line_of_two_gigabytes_is_refused_at_once() {
    let scene = Scene::with_practice();
    let path = scene.file("long.csv", "");
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("opens");
    file.set_len(2 << 30).expect("a sparse file");
    let begun = std::time::Instant::now();
    let (ran, peak) = scene.run_measured(&["import", "long.csv", "--json"], |_| ());
    ran.failed(exit::DATA, &["long.csv"]);
    assert!(peak < MOST_MEMORY, "{peak} bytes");
    assert!(begun.elapsed().as_secs() < 20, "it took {:?}", begun.elapsed());
}

#[test]
fn bad_rows_are_set_aside_with_a_reason_and_good_ones_come_in() {
    let scene = Scene::with_practice();
    let mut text = good_rows(5);
    text.push_str("A90,P90,Ben,Wrongdate,02/03/1980,(312) 555-0190,02/30/2031,8:15 AM,Dr Gray,Scheduled\n");
    text.push_str("A91,P91,Ben,Wrongtime,02/03/1980,(312) 555-0191,03/13/2031,25:99,Dr Gray,Scheduled\n");
    text.push_str("A92,P92,Ben\n");
    text.push_str("A3,P93,Ben,Secondid,02/03/1980,(312) 555-0193,03/14/2031,8:15 AM,Dr Gray,Scheduled\n");
    scene.file("week.csv", &text);
    let counts = scene.import("week.csv");
    let rejected = counts["rejected"].as_u64().expect("a number");
    assert!(counts["new"].as_u64().is_some_and(|new| (4..=5).contains(&new)), "{counts}");
    assert!((4..=5).contains(&rejected), "{counts}");
    let rejects = scene.path(counts["rejects_file"].as_str().expect("a file of rejected rows"));
    let rejects = std::fs::read_to_string(rejects).expect("readable");
    for row in ["A90", "A91", "A92", "P93"] {
        assert!(rejects.contains(row), "{row} is not among: {rejects}");
    }
}

#[test]
fn rejected_rows_are_for_their_owner_only_whatever_stood_there() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::with_practice();
    scene.file("week.csv", good_rows(2).replace("03/13/2031", "02/30/2031"));
    let old = scene.file("week.csv.rejects.csv", "old ".repeat(5_000));
    std::fs::set_permissions(&old, PermissionsExt::from_mode(0o644)).expect("own file");
    assert_eq!(scene.import("week.csv")["rejected"], 1);
    let text = std::fs::read_to_string(&old).expect("readable");
    assert!(text.contains("A0") && !text.contains("old"), "{text}");
    let mode = std::fs::metadata(&old).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A pipe or a device is written into and stays what it is.
    let ran = scene.run(&["import", "week.csv", "--rejects", "/dev/stderr", "--json"]);
    assert!(ran.err.contains("A0") && ran.code == exit::OK, "{}", ran.err);
    // A dry run never says that anything came in.
    for (flag, said) in [("--dry-run", "Nothing was imported"), ("--json", "The good rows were imported")] {
        let ran = scene.run(&["import", "week.csv", "--rejects", "nowhere/rejects.csv", flag]);
        ran.failed(exit::CANNOT_CREATE, &["nowhere/rejects.csv", said]);
    }
    let left: Vec<_> =
        std::fs::read_dir(scene.path(".")).expect("own folder").map(|one| one.expect("a file")).collect();
    assert!(left.iter().all(|one| !one.file_name().to_string_lossy().starts_with(".tmp")), "{left:?}");
}

#[test]
fn more_counts_follow_and_advice_is_for_who_has_not_chosen() {
    const ADVICE: &str = "--consent declared";
    let scene = Scene::with_practice();
    let rows = good_rows(3).replace("(312) 555-0101", "n/a").replace("Provider", "Colour of the folder");
    scene.file("week.csv", rows);
    let ran = scene.run(&["import", "week.csv", "--dry-run", "--json"]);
    let six = "{\"new\":3,\"changed\":0,\"unchanged\":0,\"vanished\":0,\"rejected\":0,\"rejects_file\":null,";
    assert!(ran.out.starts_with(six), "{}", ran.out);
    let told = ran.json();
    assert_eq!((&told["without_number"], &told["unmapped"][0]), (&1.into(), &"Colour of the folder".into()), "{told}");

    assert!(scene.run(&["import", "week.csv", "--dry-run"]).err.contains(ADVICE));
    assert!(!scene.run(&["import", "week.csv", "--dry-run", "--consent", "declared"]).err.contains(ADVICE));
    assert!(!scene.run(&["import", "week.csv", "--consent", "declared"]).err.contains(ADVICE));
    // All numbers stand granted, and the choice is remembered.
    scene.file("week.csv", good_rows(4).replace("Provider", "Colour of the folder"));
    for flags in [&["--dry-run"][..], &[]] {
        let ran = scene.run(&[&["import", "week.csv"], flags].concat());
        assert!(ran.out.contains("1 new") && !ran.err.contains(ADVICE), "{} {}", ran.out, ran.err);
    }
}

#[test]
fn an_unknown_zone_is_refused_where_it_is_said() {
    let scene = Scene::empty();
    scene.run(&["keys", "new", "--json"]).json();
    let ran = scene.run(&["init", "--practice", "X", "--time-zone", "Amerika/Berlin", "--admin", "a@example.org"]);
    ran.failed(64, &["Amerika/Berlin"]);

    let scene = Scene::with_practice();
    scene.file("week.csv", good_rows(2));
    scene.file("m.toml", "[columns]\nappointment_id = \"Appointment ID\"\nstarts_at = [\"Date\", \"Time\"]\n[formats]\ndate = \"month-first\"\ntime_zone = \"Amerika/Berlin\"\n");
    scene.run(&["import", "week.csv", "--mapping", "m.toml", "--json"]).failed(exit::DATA, &["Amerika/Berlin"]);
}

#[test]
fn the_same_file_twice_changes_nothing() {
    let scene = Scene::with_practice();
    scene.file("week.csv", good_rows(40));
    assert_eq!(scene.import("week.csv")["new"], 40);
    let again = scene.import("week.csv");
    for (count, wanted) in [("new", 0), ("changed", 0), ("unchanged", 40), ("vanished", 0), ("rejected", 0)] {
        assert_eq!(again[count], wanted, "{count} in {again}");
    }
    assert!(again["rejects_file"].is_null(), "{again}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let scene = Scene::with_practice();
    scene.file("week.csv", good_rows(3));
    let tried = scene.run(&["import", "week.csv", "--dry-run", "--json"]).json();
    assert_eq!(tried["new"], 3);
    assert_eq!(scene.import("week.csv")["new"], 3, "the trial must not have brought them in");
}

#[test]
fn a_stretch_of_time_that_ends_before_it_begins_is_refused() {
    let scene = Scene::with_practice();
    for (from, to) in [("2026-12-02", "2026-12-01"), ("2026-12-01", "2026-12-01"), ("2026-12-01T09:00", "2026-12-01")] {
        scene.run(&["simulate", "--from", from, "--to", to]).failed(exit::USAGE, &["--to", "--from", "day after"]);
    }
}
