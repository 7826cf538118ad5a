//! `kept consent`: what went against the ledger is found, whoever wrote it.

use crate::bad_state::open;
use crate::scene::{Scene, exit};
use sqlx::Executor as _;

const ROWS: &str = "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Provider,Status,OK to text
A1,P1,Ana,Example,02/03/1980,(312) 555-0101,03/13/2031,8:15 AM,Dr Gray,Scheduled,Yes
A2,P2,Ben,Example,02/03/1981,(312) 555-0102,03/13/2031,9:15 AM,Dr Gray,Scheduled,No
";

/// A row that says nothing of consent.
const DECLARED: &str = "A3,P3,Cy,Example,02/03/1982,(312) 555-0103,03/14/2031,9:15 AM,Dr Gray,Scheduled,\n";

/// Notices that somebody wrote behind the product's back, one for each number of the ledger.
const NOTICES: &str = "INSERT INTO notices (practice_id, id, kind, channel, contact_point_id, bix, location_id, locale, template, state,
        due_at_ms, expires_at_ms, armed_at_ms, created_at_ms)
    SELECT c.practice_id, randomblob(16), 'reminder', 'sms', p.id, c.bix, l.id, 'en', 'reminder', 'sent', 1, 2, c.at_ms + 1000, 1
    FROM consents c JOIN contact_points p ON p.bix = c.bix JOIN locations l";
/// … and attempts for them, a second after the ledger's entry.
const ATTEMPTS: &str =
    "INSERT INTO attempts (practice_id, id, notice_id, number, lease_token, carrier, armed_at_ms, said_at_ms)
    SELECT practice_id, randomblob(16), id, 1, randomblob(16), 'sandbox', armed_at_ms, armed_at_ms FROM notices
    WHERE armed_at_ms IS NOT NULL";

fn lines(out: &str) -> Vec<serde_json::Value> {
    out.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

#[tokio::test]
async fn an_attempt_written_behind_the_products_back_is_found() {
    let scene = Scene::with_practice();
    scene.file("week.csv", ROWS);
    scene.import("week.csv");
    let verify = ["consent", "verify", "--json"];
    let clean = scene.run(&verify);
    assert_eq!(clean.code, exit::OK, "{}{}", clean.out, clean.err);
    assert_eq!((&lines(&clean.out)[0]["entries"], &lines(&clean.out)[0]["attempts"]), (&2.into(), &0.into()));

    let mut database = open(scene.database()).await;
    database.execute(NOTICES).await.expect("the file can be written by anyone who has it");
    let ran = scene.run(&verify);
    let found = lines(&ran.out);
    assert_eq!((ran.code, found.len()), (exit::FINDINGS, 3), "{}", ran.out);
    assert_eq!((&found[0]["finding"], &found[0]["attempt"]), (&"no-attempt".into(), &serde_json::Value::Null));

    database.execute(ATTEMPTS).await.expect("the same");
    let ran = scene.run(&verify);
    let found = lines(&ran.out);
    assert_eq!((ran.code, found.len()), (exit::FINDINGS, 2), "the one who said Yes may be written to: {}", ran.out);
    assert_eq!((&found[0]["finding"], &found[0]["attempt"]), (&"no-grant".into(), &1.into()));
    assert!(found[0]["entry"].is_number() && found[0]["entry_at"].is_string(), "{}", found[0]);
    assert_eq!((&found[1]["attempts"], &found[1]["findings"]), (&2.into(), &1.into()));
    let plain = scene.run(&["consent", "verify"]);
    assert!(plain.out.contains("no-grant: notice ") && plain.out.contains("1 against it"), "{}", plain.out);

    // A grant that is written over: the chain says so, whatever the attempts say.
    database.execute("UPDATE consents SET act = 'granted'").await.expect("the same");
    let ran = scene.run(&verify);
    assert_eq!(ran.code, exit::FINDINGS);
    assert!(ran.out.contains("was edited"), "{}", ran.out);
}

#[test]
fn one_number_is_shown_however_it_is_written_and_never_logged() {
    let scene = Scene::with_practice();
    scene.file("week.csv", ROWS);
    scene.import("week.csv");
    for number in ["(312) 555-0101", "+1 312 555 0101", "3125550101"] {
        let ran = scene.run(&["consent", "show", number, "--json"]);
        let entry = ran.json();
        assert_eq!(
            (&entry["act"], &entry["basis"], &entry["channel"]),
            (&"granted".into(), &"import-column".into(), &"sms".into())
        );
        let wording = entry["wording"].as_str().expect("a wording");
        assert!(wording.starts_with("import.column sha256:") && wording.len() == 21 + 64, "{wording}");
        assert!(entry["import"].is_string());
    }
    let loud = scene.run_with(&["consent", "show", "312-555-0102"], &[("KEPT_LOG", "trace")]);
    assert!(loud.out.contains("denied") && !loud.err.contains("5550102"), "{}", loud.err);
    let unknown = scene.run(&["consent", "show", "312 555 0199"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (exit::OK, ""));
    assert!(unknown.err.contains("Nothing is recorded"), "{}", unknown.err);
    let mail = scene.run_with_input(&["consent", "show", "-"], "ana@example.org\n");
    assert!(mail.err.contains("Nothing is recorded"), "{}", mail.err);
    let wrong = scene.run(&["consent", "show", "55501"]);
    wrong.failed(exit::DATA, &["too short"]);
    assert!(!wrong.err.contains("55501"), "{}", wrong.err);
    scene.file("more.csv", ROWS.lines().next().map(|header| format!("{header}\n{DECLARED}")).expect("a header"));
    scene.run(&["import", "more.csv", "--consent", "declared", "--json"]).json();
    let declared = scene.run(&["consent", "show", "312-555-0103"]);
    assert!(declared.out.contains("in `en`)"), "the language of the wording: {}", declared.out);
    for address in ["@", "Ana <ana@example.org>", "ana@example"] {
        let wrong = scene.run(&["consent", "show", address]);
        wrong.failed(exit::DATA, &["e-mail address"]);
        assert!(!wrong.err.contains("ana@"), "{}", wrong.err);
    }
}
