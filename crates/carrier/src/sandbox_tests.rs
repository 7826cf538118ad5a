//! The sandbox over real HTTP, against a scripted server; and its webhooks, bent in every way.

use super::*;
use crate::{AnyCarrier, BREAKER_FAILURES, Line, MAX_HOOK_BYTES};
use kept_domain::{Channel, NoticeId};
use reqwest::header::HeaderValue;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const NOW: Instant = Instant::from_ms(1_795_000_000_000);
const URL: &str = "https://kept.example.org/hooks/sandbox/oak/status";

/// A server that answers every request with the same bytes (or never) and keeps what it was asked.
async fn server(answer: Option<&'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sandbox/carrier/messages", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            loop {
                let n = socket.read(&mut chunk).await.unwrap();
                request.extend_from_slice(&chunk[..n]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((top, body)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    top.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if n == 0 || body.len() >= length.unwrap_or(0) {
                    log.lock().unwrap().push(text);
                    break;
                }
            }
            match answer {
                Some(answer) => socket.write_all(answer.as_bytes()).await.unwrap(),
                None => held.push(socket),
            }
        }
    });
    (url, seen)
}

fn carrier(url: String, key_life: Option<Duration>) -> SandboxCarrier {
    // Whoever comes first installs the provider; the rest find it there.
    let _second = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let settings =
        Settings { key_life, timeout: Duration::from_millis(300), ..Settings::new(url, Secret::new([7; 32])) };
    SandboxCarrier::new(client, settings)
}

fn notice() -> Outbound {
    Outbound {
        key: NoticeId::from_uuid(uuid::Uuid::from_u128(7)),
        to: "+12025550143".to_owned(),
        from: Some("+12025550100".to_owned()),
        text: "Oak: Tue 9:15 https://kept.example.org/oak/l#zzz".to_owned(),
        mail: None,
        valid_for: Duration::from_hours(1),
        status_url: URL.to_owned(),
        inbound_url: "https://kept.example.org/hooks/sandbox/oak/inbound".to_owned(),
    }
}

fn lost() -> Lost {
    let Outbound { key, to, text, .. } = notice();
    Lost { key, to, text, first_at: NOW, last_at: NOW, now: NOW, known: Vec::new(), alone: true }
}

async fn outcome(answer: Option<&'static str>, key_life: Option<Duration>) -> Outcome {
    let (url, _) = server(answer).await;
    carrier(url, key_life).submit(&notice()).await
}

const TAKEN: &str = "HTTP/1.1 201 Created\r\ncontent-length: 11\r\nconnection: close\r\n\r\n{\"id\":\"m1\"}";
const BUSY: &str = "HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 503 Broken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const OPTED_OUT: &str = "HTTP/1.1 422 No\r\ncontent-length: 20\r\nconnection: close\r\n\r\n{\"code\":\"opted-out\"}";

#[tokio::test]
async fn every_answer_says_how_sure_it_is() {
    let keys = Some(KEY_LIFE);
    assert_eq!(outcome(Some(TAKEN), keys).await, Outcome::Accepted { provider_ref: "m1".to_owned() });
    let busy = Outcome::Retry { after: Some(Duration::from_secs(7)), code: "busy".to_owned(), sure: Sure::NotTaken };
    assert_eq!(outcome(Some(BUSY), None).await, busy, "certainly not taken, keys or not");
    let refused = Outcome::Refused { why: Refusal::OptedOut, code: "opted-out".to_owned() };
    assert_eq!(outcome(Some(OPTED_OUT), keys).await, refused);
    assert_eq!(
        outcome(Some(BROKEN), keys).await,
        Outcome::Retry { after: None, code: "503".to_owned(), sure: Sure::KeyHolds }
    );
    assert_eq!(outcome(Some(BROKEN), None).await, Outcome::Unknown { code: "503".to_owned() });
    assert_eq!(outcome(None, keys).await, Outcome::Unknown { code: "timeout".to_owned() });
    let garbage = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    assert_eq!(outcome(Some(garbage), keys).await, Outcome::Unknown { code: "unreadable".to_owned() });
    let nobody = carrier("http://127.0.0.1:1/".to_owned(), None).submit(&notice()).await;
    assert_eq!(nobody, Outcome::Retry { after: None, code: "connect".to_owned(), sure: Sure::NotTaken });
}

#[tokio::test]
async fn the_key_is_the_notice_and_the_body_carries_what_a_carrier_needs() {
    let (url, seen) = server(Some(TAKEN)).await;
    let carrier = carrier(url, Some(KEY_LIFE));
    carrier.submit(&notice()).await;
    carrier.submit(&notice()).await;
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert!(request.contains(&format!("{KEY_HEADER}: {}", notice().key)), "{request}");
        let body: Submission = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((body.validity_s, body.text, body.status_url), (3600, notice().text, notice().status_url));
    }
    assert!(!format!("{:?}", notice()).contains("2025550143"));
}

#[tokio::test]
async fn a_look_up_tells_taken_from_never_taken_from_unknown() {
    let found =
        server(Some("HTTP/1.1 200 OK\r\ncontent-length: 11\r\nconnection: close\r\n\r\n{\"id\":\"m1\"}")).await.0;
    let none = server(Some("HTTP/1.1 404 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")).await.0;
    assert_eq!(carrier(found, None).look_up(&lost()).await, LookUp::Found { provider_ref: "m1".to_owned() });
    assert_eq!(carrier(none, None).look_up(&lost()).await, LookUp::NeverTaken);
    assert_eq!(carrier(server(Some(BROKEN)).await.0, None).look_up(&lost()).await, LookUp::NotYet);
    assert_eq!(carrier("http://127.0.0.1:1/".to_owned(), None).look_up(&lost()).await, LookUp::NotYet);
}

#[tokio::test]
async fn a_carrier_that_does_not_answer_is_left_alone() {
    let (url, seen) = server(Some(BROKEN)).await;
    let line = Line::new(AnyCarrier::Sandbox(carrier(url, Some(KEY_LIFE))), Channel::Sms, 0);
    for _ in 0..BREAKER_FAILURES + 5 {
        line.submit(&notice()).await;
    }
    assert_eq!(u32::try_from(seen.lock().unwrap().len()).unwrap(), BREAKER_FAILURES);
    assert!(matches!(line.submit(&notice()).await, Outcome::Retry { code, .. } if code == "open"));
}

fn signed(at: Instant, url: &str, body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(TIMESTAMP_HEADER, HeaderValue::from_str(&at.as_ms().to_string()).unwrap());
    let signature = Secret::new([7; 32]).sign(at, url, body);
    headers.insert(SIGNATURE_HEADER, HeaderValue::from_str(&signature).unwrap());
    headers
}

#[test]
fn a_webhook_counts_only_as_it_was_signed() {
    let line = Line::new(AnyCarrier::Sandbox(carrier(String::new(), None)), Channel::Sms, 0);
    let body = br#"{"event":"e1","message":"m1","status":"delivered"}"#;
    let headers = signed(NOW, URL, body);
    let request = HookRequest { kind: HookKind::Status, url: URL, query: None, headers: &headers, body };
    let events = line.take(&request, NOW).unwrap();
    assert!(
        matches!(&events[..], [Event::Receipt(receipt)] if receipt.status == MessageStatus::Delivered && receipt.provider_ref == "m1")
    );

    let mut bent = body.to_vec();
    for at in 0..body.len() {
        bent[at] ^= 1;
        assert_eq!(line.take(&HookRequest { body: &bent, ..request }, NOW), Err(HookError::Forged), "byte {at}");
        bent[at] ^= 1;
    }
    let other = "https://kept.example.org/hooks/sandbox/elm/status";
    assert_eq!(line.take(&HookRequest { url: other, ..request }, NOW), Err(HookError::Forged));
    let age = i64::try_from(MAX_HOOK_AGE.as_millis()).unwrap();
    for (away, expected) in [(age, true), (-age, true), (age + 1, false), (-age - 1, false)] {
        let taken = line.take(&request, Instant::from_ms(NOW.as_ms() + away));
        assert_eq!(taken.is_ok(), expected, "{away} ms away");
    }
    let empty = HeaderMap::new();
    assert_eq!(line.take(&HookRequest { headers: &empty, ..request }, NOW), Err(HookError::Unsigned));
    let mut garbled = headers.clone();
    garbled.insert(SIGNATURE_HEADER, HeaderValue::from_static("zz"));
    assert_eq!(line.take(&HookRequest { headers: &garbled, ..request }, NOW), Err(HookError::Unsigned));
    garbled.insert(SIGNATURE_HEADER, HeaderValue::from_static(""));
    assert_eq!(line.take(&HookRequest { headers: &garbled, ..request }, NOW), Err(HookError::Forged));
    let long = vec![b' '; MAX_HOOK_BYTES + 1];
    let headers = signed(NOW, URL, &long);
    let too_long = HookRequest { headers: &headers, body: &long, ..request };
    assert_eq!(line.take(&too_long, NOW), Err(HookError::TooLong));
    let headers = signed(NOW, URL, b"[]");
    let odd = HookRequest { headers: &headers, body: b"[]", ..request };
    assert_eq!(line.take(&odd, NOW), Err(HookError::Malformed));
}

#[test]
fn a_reply_is_read_and_prints_nothing() {
    let carrier = carrier(String::new(), None);
    let body = br#"{"event":"e2","from":"+12025550143","to":null,"text":"1"}"#;
    let headers = signed(NOW, URL, body);
    let request = HookRequest { kind: HookKind::Inbound, url: URL, query: None, headers: &headers, body };
    let events = carrier.parse(&request).unwrap();
    let [Event::Inbound(reply)] = &events[..] else { panic!("one reply") };
    assert_eq!((reply.from.as_str(), reply.text.as_str(), reply.has_media), ("+12025550143", "1", false));
    assert!(!format!("{events:?} {request:?}").contains("2025550143"));
    assert!(!format!("{:?}", Secret::new([7; 32])).contains('7'));
}

#[tokio::test]
async fn what_the_phone_calls_back_with_verifies_at_our_side() {
    let (url, seen) = server(Some("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")).await;
    let ours = carrier(String::new(), None);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let caller = crate::Caller::new(client, Secret::new([7; 32]));
    let event = StatusEvent {
        event: "e1".to_owned(),
        message: "m1".to_owned(),
        status: MessageStatus::Undelivered,
        code: Some("unreachable".to_owned()),
    };
    caller.call(&url, NOW, &event).await.unwrap();
    let request = seen.lock().unwrap()[0].clone();
    let (top, body) = request.split_once("\r\n\r\n").unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in top.lines().filter_map(|line| line.split_once(": ")) {
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let hook = HookRequest { kind: HookKind::Status, url: &url, query: None, headers: &headers, body: body.as_bytes() };
    assert_eq!(ours.verify(&hook, NOW), Ok(()));
    let events = ours.parse(&hook).unwrap();
    assert!(
        matches!(&events[..], [Event::Receipt(receipt)] if receipt.code.as_deref().map(|code| ours.refusal(code)) == Some(Refusal::Unreachable))
    );
    assert_eq!(caller.call("http://127.0.0.1:1/", NOW, &event).await, Err(crate::NotCalled::NoAnswer));
}
