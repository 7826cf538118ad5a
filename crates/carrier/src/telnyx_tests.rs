//! Telnyx over real HTTP against a scripted server; its webhooks against its own library's verdicts.

use super::*;
use crate::test_server::{NOW, Say, Server, TIMEOUT, client, headers, hook, lost, notice, say};
use crate::{HookKind, LookUp};
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};

const URL: &str = "https://kept.example.org/hooks/telnyx/oak/status";
const SEED: [u8; 32] = [7; 32];

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/telnyx.json")).unwrap()
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&SEED).unwrap()
}

fn public() -> PublicKey {
    PublicKey(ring::signature::KeyPair::public_key(&pair()).as_ref().try_into().unwrap())
}

fn telnyx(api_url: &str, public_key: PublicKey) -> TelnyxCarrier {
    let settings = Settings {
        api_url: api_url.to_owned(),
        key: Credential::new("KEY-hunter2"),
        public_key,
        sender: Sender::Number("+12025550100".to_owned()),
        timeout: TIMEOUT,
    };
    TelnyxCarrier::new(client(), settings)
}

async fn outcome(answer: Say) -> Outcome {
    let server = Server::new(vec![answer]).await;
    telnyx(&server.url, public()).submit(&notice()).await
}

#[tokio::test]
async fn credentials_are_checked_without_sending_anything() {
    let problem = r#"{"errors":[{"code":"10009","title":"Authentication failed"}]}"#;
    let server = Server::new(vec![say(200, r#"{"data":[]}"#), say(401, problem)]).await;
    let carrier = telnyx(&server.url, public());
    assert_eq!(carrier.check().await, Some(Ok(())));
    assert_eq!(carrier.check().await, Some(Err("10009".to_owned())));
    let request = server.seen().remove(0);
    assert!(request.starts_with("GET /v2/messaging_profiles?page%5Bsize%5D=1 "), "{request}");
    let settings = Settings { sender: Sender::Profile("40019a1b".to_owned()), ..carrier.settings.clone() };
    TelnyxCarrier::new(client(), settings).check().await;
    assert!(server.seen().pop().unwrap().starts_with("GET /v2/messaging_profiles/40019a1b "));
    assert_eq!(carrier.meaning("10009"), Some(Meaning::Account));
    assert_eq!(carrier.words("10009"), Some("the key is wrong"));
}

fn retry(after: Option<u64>, code: &str, sure: Sure) -> Outcome {
    Outcome::Retry { after: after.map(Duration::from_secs), code: code.to_owned(), sure }
}

#[tokio::test]
async fn every_answer_says_how_sure_it_is() {
    use Sure::{KeyHolds, NotTaken};
    let created = say(200, r#"{"data":{"id":"m1","to":[{"status":"queued"}],"new":1}}"#);
    assert_eq!(outcome(created).await, Outcome::Accepted { provider_ref: "m1".to_owned() });
    let busy = Say::Answer(429, "retry-after: 3\r\n", r#"{"errors":[{"code":"10011"}]}"#.to_owned());
    assert_eq!(outcome(busy).await, retry(Some(3), "10011", NotTaken));
    let problem = |code: &str| format!(r#"{{"errors":[{{"code":{code},"title":"…","detail":"+12025550143"}}]}}"#);
    let refused = |why, code: &str| Outcome::Refused { why, code: code.to_owned() };
    for (status, code, expected) in [
        (400, "\"40300\"", refused(Refusal::OptedOut, "40300")),
        (400, "40300", refused(Refusal::OptedOut, "40300")),
        (422, "\"40310\"", refused(Refusal::Unreachable, "40310")),
        (422, "\"77777\"", refused(Refusal::NotAccepted, "77777")),
        (403, "\"40312\"", retry(None, "40312", NotTaken)),
        (422, "\"40318\"", retry(Some(1), "40318", NotTaken)),
        (401, "\"10009\"", retry(None, "10009", NotTaken)),
    ] {
        assert_eq!(outcome(say(status, &problem(code))).await, expected, "{status} {code}");
    }
    assert_eq!(outcome(say(402, "")).await, retry(None, "402", NotTaken));
    // Its keys make an open question one that may be asked again, of it alone.
    assert_eq!(outcome(say(409, "")).await, retry(None, "409", KeyHolds));
    assert_eq!(outcome(say(500, "")).await, retry(None, "500", KeyHolds));
    assert_eq!(outcome(say(302, "")).await, retry(None, "302", KeyHolds));
    for (answer, code) in [(say(200, "{}"), "unreadable"), (Say::Half, "broken"), (Say::Silence, "timeout")] {
        assert_eq!(outcome(answer).await, Outcome::Unknown { code: code.to_owned() });
    }
    let nobody = telnyx("http://127.0.0.1:1", public());
    assert_eq!(nobody.submit(&notice()).await, retry(None, "connect", NotTaken));
    assert!(nobody.honours_keys().is_some() && !nobody.looks_up());
    assert_eq!(nobody.look_up(&lost()).await, LookUp::Unknown);
}

#[tokio::test]
async fn what_is_sent_is_what_its_library_would_send() {
    let described = vectors();
    for sender in [Sender::Number("+12025550100".to_owned()), Sender::Profile("abc-123".to_owned())] {
        for from in [None, Some("+12025550111".to_owned())] {
            let server = Server::new(vec![say(200, r#"{"data":{"id":"m1"}}"#)]).await;
            let mut carrier = telnyx(&server.url, public());
            carrier.settings.sender = sender.clone();
            let notice = Outbound { from: from.clone(), ..notice() };
            carrier.submit(&notice).await;
            carrier.submit(&notice).await;
            for request in server.seen() {
                assert!(request.starts_with("POST /v2/messages HTTP/1.1\r\n"), "{request}");
                assert!(request.contains("authorization: Bearer KEY-hunter2\r\n"), "{request}");
                assert!(request.contains(&format!("idempotency-key: {}\r\n", notice.key)), "the same each time");
            }
            let body: Value = serde_json::from_str(&server.body()).unwrap();
            for (name, value) in body.as_object().unwrap() {
                let field = &described["create"][name];
                let kind = if value.is_boolean() { "boolean" } else { "string" };
                assert_eq!(field["type"], kind, "{name}");
                assert!(field["enum"].as_array().is_none_or(|words| words.contains(value)), "{name}: {value}");
            }
            assert_eq!((&body["to"], &body["text"]), (&json!(notice.to), &json!(notice.text)));
            assert_eq!(body["webhook_url"], json!(notice.status_url));
            let own = match (&from, &sender) {
                (Some(number), _) | (None, Sender::Number(number)) => ("from", number),
                (None, Sender::Profile(profile)) => ("messaging_profile_id", profile),
            };
            assert_eq!(body[own.0], json!(own.1));
        }
    }
    let shown = format!("{:?}", telnyx("", public()));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn its_own_library_and_we_agree_on_every_webhook() {
    let all = vectors();
    let now = Instant::from_ms(all["now_s"].as_i64().unwrap() * 1000);
    let (mut accepted, mut refused) = (0, 0);
    let mut carrier = telnyx("", public());
    for case in all["webhooks"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let signed = headers(&[(SIGNATURE_HEADER, text("signature")), (TIMESTAMP_HEADER, text("timestamp"))]);
        carrier.settings.public_key = PublicKey::parse(text("public_key")).unwrap();
        let ours = carrier.verify(&hook(HookKind::Inbound, URL, &signed, text("body")), now);
        assert_eq!(ours.is_ok(), case["accepted"] == true, "{ours:?} {case}");
        if ours.is_ok() {
            accepted += 1;
        } else {
            refused += 1;
        }
        if case["ours"] == true {
            // The other way round: what we would sign is what the library signs.
            let pair = Ed25519KeyPair::from_seed_unchecked(&hex::decode(text("seed")).unwrap()).unwrap();
            let signature = pair.sign(format!("{}|{}", text("timestamp"), text("body")).as_bytes());
            assert_eq!(STANDARD.encode(signature), text("signature"));
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} {refused}");
}

#[test]
fn a_webhook_counts_only_as_it_was_signed_and_while_it_is_fresh() {
    let carrier = telnyx("", public());
    let body = r#"{"data":{"id":"e1","event_type":"message.sent","payload":{"id":"m1","to":[]}}}"#;
    let sign = |timestamp: i64, body: &str| {
        let signature = STANDARD.encode(pair().sign(format!("{timestamp}|{body}").as_bytes()));
        headers(&[(SIGNATURE_HEADER, &signature), (TIMESTAMP_HEADER, &timestamp.to_string())])
    };
    let now_s = NOW.as_ms() / 1000;
    let signed = sign(now_s, body);
    assert_eq!(carrier.verify(&hook(HookKind::Status, URL, &signed, body), NOW), Ok(()));
    let mut bent = body.as_bytes().to_vec();
    for at in 0..bent.len() {
        bent[at] ^= 1;
        let request = HookRequest { body: &bent, ..hook(HookKind::Status, URL, &signed, "") };
        assert_eq!(carrier.verify(&request, NOW), Err(HookError::Forged), "byte {at}");
        bent[at] ^= 1;
    }
    for (away, expected) in [
        (300, Ok(())),
        (-300, Ok(())),
        (301, Err(HookError::Stale)),
        (-301, Err(HookError::Stale)),
        (i64::MAX / 2, Err(HookError::Stale)),
    ] {
        let old = sign(now_s.saturating_sub(away), body);
        assert_eq!(carrier.verify(&hook(HookKind::Status, URL, &old, body), NOW), expected, "{away} s ago");
    }
    for (missing, kept) in [(SIGNATURE_HEADER, TIMESTAMP_HEADER), (TIMESTAMP_HEADER, SIGNATURE_HEADER)] {
        let mut half = signed.clone();
        half.remove(missing);
        assert!(half.contains_key(kept));
        assert_eq!(carrier.verify(&hook(HookKind::Status, URL, &half, body), NOW), Err(HookError::Unsigned));
    }
    assert_eq!((PublicKey::parse("AAAA"), PublicKey::parse("zz!")), (None, None));
}

fn parsed(event: &Value) -> Result<Vec<Event>, HookError> {
    let none = headers(&[]);
    telnyx("", public()).parse(&hook(HookKind::Status, URL, &none, &event.to_string()))
}

fn told(kind: &str, payload: &Value) -> Value {
    json!({"data": {"id": "e1", "event_type": kind, "record_type": "event", "payload": payload}, "meta": {"attempt": 1}})
}

#[test]
fn receipts_and_replies_are_read() {
    for (kind, word, expected) in [
        ("message.sent", "queued", Some(MessageStatus::Queued)),
        ("message.sent", "sending", Some(MessageStatus::Queued)),
        ("message.sent", "sent", Some(MessageStatus::Sent)),
        ("message.finalized", "delivered", Some(MessageStatus::Delivered)),
        ("message.finalized", "read", Some(MessageStatus::Delivered)),
        ("message.finalized", "delivery_unconfirmed", Some(MessageStatus::Sent)),
        ("message.finalized", "sending_failed", Some(MessageStatus::Undelivered)),
        ("message.finalized", "delivery_failed", Some(MessageStatus::Undelivered)),
        ("message.finalized", "expired", Some(MessageStatus::Undelivered)),
        ("message.finalized", "teleported", None),
        ("message.dreamt", "delivered", None),
    ] {
        let payload =
            json!({"id": "m1", "to": [{"phone_number": "+1", "status": word}], "errors": [{"code": "40001"}]});
        let events = parsed(&told(kind, &payload)).unwrap();
        let read = events.first().map(|event| match event {
            Event::Receipt(receipt) => {
                assert_eq!((receipt.event.as_str(), receipt.provider_ref.as_str()), ("e1", "m1"));
                assert_eq!(receipt.code.as_deref(), Some("40001"));
                receipt.status
            }
            Event::Inbound(_) => panic!("a receipt"),
        });
        assert_eq!(read, expected, "{kind} {word}");
    }
    for (kind, expected) in [
        (json!(null), None),
        (json!("STOP"), Some(Gateway::Stop)),
        (json!("START"), Some(Gateway::Start)),
        (json!("HELP"), Some(Gateway::Help)),
    ] {
        let payload = json!({
            "id": "m2", "from": {"phone_number": "+12025550143"}, "to": [{"phone_number": "+12025550100"}],
            "text": "1", "media": [], "autoresponse_type": kind,
        });
        let events = parsed(&told("message.received", &payload)).unwrap();
        let [Event::Inbound(reply)] = &events[..] else { panic!("one reply") };
        assert_eq!((reply.event.as_str(), reply.from.as_str(), reply.text.as_str()), ("e1", "+12025550143", "1"));
        assert_eq!((reply.to.as_deref(), reply.has_media, reply.gateway), (Some("+12025550100"), false, expected));
    }
    let photo = json!({"id": "m2", "from": {"phone_number": "+1202"}, "media": [{"url": "https://x"}]});
    assert!(
        matches!(&parsed(&told("message.received", &photo)).unwrap()[..], [Event::Inbound(reply)] if reply.has_media)
    );
    for odd in [
        json!({}),
        json!({"data": {"id": "", "event_type": "x", "payload": 1}}),
        told("message.sent", &json!([])),
        json!([]),
    ] {
        assert_eq!(parsed(&odd), Err(HookError::Malformed), "{odd}");
    }
}
