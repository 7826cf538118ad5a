//! Against a scripted mail server on this machine, over real connections and real TLS.

use super::*;
use crate::{AnyCarrier, Line, Mail};
use kept_domain::{Channel, NoticeId};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const ROOT: &str = include_str!("../../../tests/data/smtp/ca.pem");
const SERVER: &str = include_str!("../../../tests/data/smtp/server.pem");
const SERVER_KEY: &str = include_str!("../../../tests/data/smtp/server.key");
const DKIM_KEY: &str = include_str!("../../../tests/data/smtp/dkim.key");

/// What the server says.
#[derive(Clone, Copy)]
struct Script {
    encryption: Encryption,
    /// Offers STARTTLS.
    starttls: bool,
    auth: &'static str,
    mail: &'static str,
    rcpt: &'static str,
    data: &'static str,
    /// After the letter; empty: closes the connection; `hang`: never answers.
    end: &'static str,
}

const GOOD: Script = Script {
    encryption: Encryption::StartTls,
    starttls: true,
    auth: "235 2.7.0 welcome",
    mail: "250 2.1.0 ok",
    rcpt: "250 2.1.5 ok",
    data: "354 go ahead",
    end: "250 2.0.0 queued as 1",
};

/// What the server was told: commands with whether they came encrypted, and letters.
#[derive(Default)]
struct Log {
    commands: Vec<(bool, String)>,
    letters: Vec<String>,
    connections: usize,
}

type Shared = Arc<Mutex<Log>>;

/// Speaks until the client leaves. Gives the stream back where it is to be encrypted.
async fn session<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    script: Script,
    log: &Shared,
    encrypted: bool,
) -> Option<S> {
    let mut stream = BufReader::new(stream);
    let mut reply = "220 mail.test ready".to_owned();
    if encrypted && script.encryption == Encryption::StartTls {
        reply.clear();
    }
    loop {
        if !reply.is_empty() {
            stream.write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        log.lock().unwrap().commands.push((encrypted, line.clone()));
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        reply = match verb.as_str() {
            "EHLO" => {
                let starttls = if script.starttls && !encrypted { "250-STARTTLS\r\n" } else { "" };
                format!("250-mail.test\r\n{starttls}250-AUTH PLAIN LOGIN\r\n250 ENHANCEDSTATUSCODES")
            }
            "STARTTLS" => {
                stream.write_all(b"220 2.0.0 go ahead\r\n").await.ok()?;
                return Some(stream.into_inner());
            }
            "AUTH" => script.auth.to_owned(),
            "MAIL" => script.mail.to_owned(),
            "RCPT" => script.rcpt.to_owned(),
            "DATA" if !script.data.starts_with('3') => script.data.to_owned(),
            "DATA" => {
                stream.write_all(format!("{}\r\n", script.data).as_bytes()).await.ok()?;
                let mut letter = String::new();
                while !letter.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut letter).await.ok()? == 0 {
                        return None;
                    }
                }
                log.lock().unwrap().letters.push(letter);
                match script.end {
                    "" => return None,
                    "hang" => std::future::pending().await,
                    end => end.to_owned(),
                }
            }
            "QUIT" => return None,
            _ => "250 2.0.0 ok".to_owned(),
        };
    }
}

async fn server(script: Script) -> (u16, Shared) {
    let _second = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_slice(SERVER.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Shared::default();
    let told = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, log) = (acceptor.clone(), Arc::clone(&told));
            log.lock().unwrap().connections += 1;
            tokio::spawn(async move {
                let plain = match script.encryption {
                    Encryption::Tls => Some(socket),
                    _ => session(socket, script, &log, false).await,
                };
                if let Some(plain) = plain
                    && let Ok(tls) = acceptor.accept(plain).await
                {
                    session(tls, script, &log, true).await;
                }
            });
        }
    });
    (port, log)
}

fn settings(port: u16, encryption: Encryption) -> Settings {
    Settings {
        host: "localhost".to_owned(),
        port,
        encryption,
        login: Some(Login { user: "kept".to_owned(), password: "correct horse".to_owned() }),
        roots: Some(ROOT.to_owned()),
        from: "reminders@kept.test".to_owned(),
        unsubscribe_address: Some("stop@kept.test".to_owned()),
        dkim: None,
        timeout: Duration::from_millis(1_500),
    }
}

fn notice(n: u128) -> Outbound {
    Outbound {
        key: NoticeId::from_uuid(uuid::Uuid::from_u128(n)),
        to: "ann@example.org".to_owned(),
        from: None,
        text: "Oak Street: su cita es el sábado.\n.\nhttps://kept.test/oak/l#zzz".to_owned(),
        valid_for: Duration::from_hours(1),
        status_url: String::new(),
        inbound_url: String::new(),
        mail: Some(Mail {
            subject: "Oak Street: cita el sábado 28 de noviembre a las 9:15, recuerde".to_owned(),
            html: format!("<p>{}</p>", "palabra ".repeat(40)),
            from_name: "Oak Street, Norte".to_owned(),
            unsubscribe_url: Some(format!("https://kept.test/oak/u/{}", "a".repeat(80))),
        }),
    }
}

async fn outcome(script: Script) -> Outcome {
    let (port, _) = server(script).await;
    SmtpCarrier::new(settings(port, script.encryption)).unwrap().submit(&notice(7)).await
}

fn retry(code: &str) -> Outcome {
    Outcome::Retry { after: None, code: code.to_owned(), sure: Sure::NotTaken }
}

fn refused(why: Refusal, code: &str) -> Outcome {
    Outcome::Refused { why, code: code.to_owned() }
}

fn accepted(n: u128) -> Outcome {
    Outcome::Accepted { provider_ref: format!("<{}@kept.test>", uuid::Uuid::from_u128(n)) }
}

#[tokio::test]
async fn every_answer_says_how_sure_it_is() {
    assert_eq!(outcome(GOOD).await, accepted(7));
    assert_eq!(outcome(Script { encryption: Encryption::Tls, ..GOOD }).await, accepted(7));
    // Before the letter is handed over the server has nothing.
    assert_eq!(outcome(Script { mail: "421 4.3.2 shutting down", ..GOOD }).await, retry("421 4.3.2"));
    assert_eq!(outcome(Script { rcpt: "450 4.2.0 greylisted", ..GOOD }).await, retry("450 4.2.0"));
    assert_eq!(outcome(Script { data: "451 busy", ..GOOD }).await, retry("451"));
    assert_eq!(outcome(Script { auth: "535 5.7.8 no", ..GOOD }).await, retry("auth 535 5.7.8"), "ours to mend");
    let gone = Script { rcpt: "550 5.1.1 <ann@example.org>: no such user", ..GOOD };
    assert_eq!(outcome(gone).await, refused(Refusal::Unreachable, "550 5.1.1"));
    assert_eq!(outcome(Script { rcpt: "550 go away", ..GOOD }).await, refused(Refusal::NotAccepted, "550"));
    // After it the answer decides, and without an answer nobody knows.
    assert_eq!(outcome(Script { end: "452 4.3.1 full", ..GOOD }).await, retry("452 4.3.1"));
    let spam = Script { end: "554 5.7.1 looks like spam", ..GOOD };
    assert_eq!(outcome(spam).await, refused(Refusal::NotAccepted, "554 5.7.1"));
    assert_eq!(outcome(Script { end: "", ..GOOD }).await, Outcome::Unknown { code: "broken".to_owned() });
    assert_eq!(outcome(Script { end: "hang", ..GOOD }).await, Outcome::Unknown { code: "timeout".to_owned() });
    let nobody = SmtpCarrier::new(settings(1, Encryption::StartTls)).unwrap().submit(&notice(7)).await;
    assert_eq!(nobody, retry("connect"));
}

#[tokio::test]
async fn nothing_is_said_in_clear() {
    let (port, log) = server(Script { starttls: false, ..GOOD }).await;
    assert_eq!(
        SmtpCarrier::new(settings(port, Encryption::StartTls)).unwrap().submit(&notice(7)).await,
        retry("no-starttls")
    );
    let verbs: Vec<String> = log.lock().unwrap().commands.iter().map(|(_, line)| line.clone()).collect();
    assert_eq!(verbs, ["EHLO kept.test", "QUIT"]);
    // A certificate that nobody we trust has signed.
    let (port, log) = server(GOOD).await;
    let other_host = Settings { host: "127.0.0.1".to_owned(), ..settings(port, Encryption::StartTls) };
    for settings in [Settings { roots: None, ..settings(port, Encryption::StartTls) }, other_host] {
        let said = SmtpCarrier::new(settings).unwrap().submit(&notice(7)).await;
        assert!(matches!(&said, Outcome::Retry { code, .. } if code == "tls" || code == "connect"), "{said:?}");
    }
    assert!(
        log.lock().unwrap().commands.iter().all(|(_, line)| line.starts_with("EHLO") || line.starts_with("STARTTLS"))
    );
    // In clear only to this machine, and only by a setting that says so.
    let clear = Settings { host: "mail.example.org".to_owned(), ..settings(25, Encryption::NoneOnLoopback) };
    assert!(SmtpCarrier::new(clear).unwrap_err().to_string().contains("unencrypted"));
    let script = Script { encryption: Encryption::NoneOnLoopback, starttls: false, ..GOOD };
    let (port, _) = server(script).await;
    assert_eq!(
        SmtpCarrier::new(settings(port, Encryption::NoneOnLoopback)).unwrap().submit(&notice(7)).await,
        accepted(7)
    );
    let wrong = Settings { from: "nobody".to_owned(), ..settings(25, Encryption::StartTls) };
    assert!(SmtpCarrier::new(wrong).unwrap_err().to_string().contains("reminders@example.org"));
}

#[tokio::test]
async fn a_letter_has_both_parts_and_says_how_to_stop() {
    let (port, log) = server(GOOD).await;
    let dkim = DkimKey::from_pem("kept.test", "kept", DKIM_KEY).unwrap();
    let carrier = SmtpCarrier::new(Settings { dkim: Some(dkim), ..settings(port, Encryption::StartTls) }).unwrap();
    carrier.submit(&notice(7)).await;
    carrier.submit(&notice(7)).await;
    carrier.submit(&Outbound { from: Some("oak@oak.test".to_owned()), ..notice(8) }).await;
    let log = log.lock().unwrap();
    assert_eq!(log.connections, 1, "a connection is kept");
    assert_eq!(log.letters.len(), 3);
    let letter = &log.letters[0];
    let (head, body) = letter.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ");
    let has = |line: &str| assert!(unfolded.lines().any(|header| header.trim() == line), "{line}\n{head}");
    has(&format!("Message-ID: <{}@kept.test>", uuid::Uuid::from_u128(7)));
    has("To: ann@example.org");
    has("From: =?utf-8?b?T2FrIFN0cmVldCwgTm9ydGU=?= <reminders@kept.test>");
    has("Auto-Submitted: auto-generated");
    has("X-Auto-Response-Suppress: All");
    has("List-Unsubscribe-Post: List-Unsubscribe=One-Click");
    let url = format!("https://kept.test/oak/u/{}", "a".repeat(80));
    has(&format!("List-Unsubscribe: <{url}>, <mailto:stop@kept.test?subject=unsubscribe>"));
    assert!(head.contains("multipart/alternative") && body.contains("text/plain") && body.contains("text/html"));
    assert!(head.starts_with("DKIM-Signature:") && unfolded.contains("List-Unsubscribe-Post"));
    assert!(letter.is_ascii() && letter.lines().all(|line| line.len() < 998));
    let id = |letter: &str| letter.lines().find(|line| line.starts_with("Message-ID")).unwrap().to_owned();
    assert_eq!(id(letter), id(&log.letters[1]), "the same on every attempt");
    assert!(id(&log.letters[2]).ends_with("@oak.test>"), "the practice's own address");
    // The lone dot of the text is not the end of the letter.
    assert!(body.contains("https://kept.test/oak/l#zzz"));
    let said = log.commands.iter().filter(|(encrypted, line)| !encrypted && !line.starts_with("EHLO")).count();
    assert_eq!(said, 1, "STARTTLS alone");
    assert!(!format!("{carrier:?} {:?}", settings(1, Encryption::Tls).login).contains("horse"));
}

#[tokio::test]
async fn what_is_no_letter_is_refused_without_a_dialogue() {
    let (port, log) = server(GOOD).await;
    let carrier = SmtpCarrier::new(settings(port, Encryption::StartTls)).unwrap();
    let text = Outbound { mail: None, ..notice(7) };
    assert_eq!(carrier.submit(&text).await, refused(Refusal::NotAccepted, "no-content"));
    let nowhere = Outbound { to: "+12025550143".to_owned(), ..notice(7) };
    assert_eq!(carrier.submit(&nowhere).await, refused(Refusal::Unreachable, "no-address"));
    let two = Outbound { to: "ann@example.org\r\nRCPT TO:<bob@example.org>".to_owned(), ..notice(7) };
    assert_eq!(carrier.submit(&two).await, refused(Refusal::Unreachable, "no-address"));
    let from = Outbound { from: Some("+12025550100".to_owned()), ..notice(7) };
    assert_eq!(carrier.submit(&from).await, refused(Refusal::NotAccepted, "no-sender"));
    assert_eq!(log.lock().unwrap().connections, 0);
    assert!(!carrier.looks_up());
    assert_eq!(carrier.honours_keys(), None);
    assert_eq!(carrier.refusal("550 5.1.1"), Refusal::Unreachable);
}

#[tokio::test]
async fn a_subject_cannot_smuggle_headers() {
    let (port, log) = server(GOOD).await;
    let carrier = SmtpCarrier::new(settings(port, Encryption::StartTls)).unwrap();
    let mut bent = notice(7);
    let mail = bent.mail.as_mut().unwrap();
    "Visit\r\nBcc: bob@example.org".clone_into(&mut mail.subject);
    "Oak\r\nBcc: bob@example.org".clone_into(&mut mail.from_name);
    carrier.submit(&bent).await;
    let log = log.lock().unwrap();
    assert!(log.letters.iter().all(|letter| !letter.lines().any(|line| line.starts_with("Bcc"))), "{:?}", log.letters);
}

#[tokio::test]
async fn a_dead_connection_is_not_used_again_and_a_line_takes_it() {
    let (port, log) = server(Script { end: "", ..GOOD }).await;
    let carrier = SmtpCarrier::new(settings(port, Encryption::StartTls)).unwrap();
    let line = Line::new(AnyCarrier::Smtp(Box::new(carrier)), Channel::Email, 0);
    assert_eq!(line.name(), NAME);
    for _ in 0..2 {
        assert!(matches!(line.submit(&notice(7)).await, Outcome::Unknown { .. }));
    }
    assert_eq!(log.lock().unwrap().connections, 2);
    let (port, _) = server(Script { auth: "535 5.7.8 no", ..GOOD }).await;
    let carrier = SmtpCarrier::new(settings(port, Encryption::StartTls)).unwrap();
    assert_eq!(carrier.check().await, Err("auth 535 5.7.8".to_owned()));
    let (port, _) = server(GOOD).await;
    assert_eq!(SmtpCarrier::new(settings(port, Encryption::StartTls)).unwrap().check().await, Ok(()));
}

#[tokio::test]
async fn many_letters_at_once_share_a_few_connections() {
    let (port, log) = server(GOOD).await;
    let settings = Settings { timeout: Duration::from_secs(30), ..settings(port, Encryption::StartTls) };
    let carrier = Arc::new(SmtpCarrier::new(settings).unwrap());
    let send = |n: u128| {
        let carrier = Arc::clone(&carrier);
        tokio::spawn(async move { (n, carrier.submit(&notice(n)).await) })
    };
    for sent in (0..4 * MAX_CONNECTIONS as u128).map(send).collect::<Vec<_>>() {
        let (n, outcome) = sent.await.unwrap();
        assert_eq!(outcome, accepted(n));
    }
    let log = log.lock().unwrap();
    assert_eq!(log.letters.len(), 4 * MAX_CONNECTIONS);
    assert!(log.connections <= MAX_CONNECTIONS, "{} connections", log.connections);
}

#[path = "smtp_peer_tests.rs"]
mod peer;
