//! Against a mail server and a verifier of signatures that are not ours: aiosmtpd and dkimpy, in Python.
//!
//! Runs where `python3` has both, or with the interpreter that KEPT_TEST_PYTHON names (`tests/run` makes one); elsewhere it says
//! that it did not.

use super::{DKIM_KEY, ROOT, accepted, notice, refused, retry, settings};
use crate::smtp::{DkimKey, Encryption, Login, Settings, SmtpCarrier};
use crate::{Carrier, Outbound, Refusal};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests");

struct Peer {
    port: u16,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

/// The server; none where Python or one of the two is missing and nobody asked for them.
async fn peer() -> Option<Peer> {
    let named = std::env::var("KEPT_TEST_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let known = Command::new(&python).args(["-c", "import aiosmtpd, dkim"]).stderr(Stdio::null()).status().await;
    if !known.is_ok_and(|status| status.success()) {
        assert!(named.is_none(), "{python} has no aiosmtpd or dkimpy; run tests/run, which installs them");
        return None;
    }
    let mut child = Command::new(python)
        .args([format!("{FOLDER}/mail/peer.py"), format!("{FOLDER}/data/smtp")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = lines.next_line().await.unwrap().expect("a port").parse().unwrap();
    Some(Peer { port, lines, _child: child })
}

#[tokio::test]
async fn a_real_server_takes_our_letters_and_a_real_verifier_our_signatures() {
    let _second = rustls::crypto::ring::default_provider().install_default();
    let Some(mut peer) = peer().await else {
        eprintln!("not run: python3 has no aiosmtpd and dkimpy");
        return;
    };
    let settings = |dkim: bool| Settings {
        dkim: dkim.then(|| DkimKey::from_pem("kept.test", "kept", DKIM_KEY).unwrap()),
        roots: Some(ROOT.to_owned()),
        timeout: Duration::from_secs(20),
        ..settings(peer.port, Encryption::StartTls)
    };
    let carrier = SmtpCarrier::new(settings(true)).unwrap();
    let to = |n, local: &str| Outbound { to: format!("{local}@example.org"), ..notice(n) };
    assert_eq!(carrier.submit(&to(1, "ann")).await, accepted(1));
    assert_eq!(carrier.submit(&to(2, "busy")).await, retry("451 4.3.0"));
    assert_eq!(carrier.submit(&to(3, "gone")).await, refused(Refusal::Unreachable, "550 5.1.1"));
    assert_eq!(carrier.submit(&to(4, "spam")).await, refused(Refusal::NotAccepted, "554 5.7.1"));
    let stranger =
        Settings { login: Some(Login { user: "kept".to_owned(), password: "wrong".to_owned() }), ..settings(false) };
    let said = SmtpCarrier::new(stranger).unwrap().submit(&to(5, "ann")).await;
    assert_eq!(said, retry("auth 535 5.7.8"));
    let unsigned = SmtpCarrier::new(settings(false)).unwrap();
    assert_eq!(unsigned.submit(&to(6, "ann")).await, accepted(6));

    let mut letters = Vec::new();
    while letters.len() < 3 {
        let line = peer.lines.next_line().await.unwrap().expect("a letter");
        letters.push(serde_json::from_str::<serde_json::Value>(&line).unwrap());
    }
    let [first, spam, plain] = &letters[..] else { panic!("three letters reached the server") };
    assert_eq!(first["dkim"], true, "{first}");
    assert_eq!(first["dkim_of_a_changed_letter"], false, "the header of RFC 8058 is signed");
    assert_eq!((&spam["dkim"], &plain["dkim"]), (&true.into(), &false.into()));
    assert_eq!((&first["tls"], &first["user"]), (&true.into(), &true.into()));
    assert_eq!(first["from"], "reminders@kept.test");
    assert_eq!(first["defects"], serde_json::json!([]), "{first}");
    let header = |name: &str| first["headers"][name].as_str().unwrap_or_default().to_owned();
    let sent = notice(1);
    let mail = sent.mail.clone().unwrap();
    assert_eq!(header("subject"), mail.subject, "decoded as it was written");
    assert_eq!(header("from"), "\"Oak Street, Norte\" <reminders@kept.test>");
    assert_eq!(header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    assert!(header("list-unsubscribe").starts_with(&format!("<{}>", mail.unsubscribe_url.unwrap())));
    let lines = |part: &str| first[part].as_str().unwrap().trim_end().replace("\r\n", "\n");
    assert_eq!(lines("text"), sent.text, "with its lone dot");
    assert_eq!(lines("html"), mail.html.trim_end());
}
