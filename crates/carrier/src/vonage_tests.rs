//! Vonage over real HTTP against a scripted server; its webhooks against its own library's verdicts.

use super::*;
use crate::test_server::{NOW, Say, Server, TIMEOUT, client, headers, hook, lost, notice, say};
use crate::{HookKind, Inbound, LookUp, MessageStatus, Sure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const URL: &str = "https://kept.example.org/hooks/vonage/oak/status";
const SIGNATURE_SECRET: &str = "sig-hunter3";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/vonage.json")).unwrap()
}

fn vonage(api_url: &str) -> VonageCarrier {
    let settings = Settings {
        api_url: api_url.to_owned(),
        key: "abcd1234".to_owned(),
        secret: Credential::new("sec-hunter2"),
        signature_secret: Credential::new(SIGNATURE_SECRET),
        sender: "+12025550100".to_owned(),
        timeout: TIMEOUT,
    };
    VonageCarrier::new(client(), settings)
}

async fn outcome(answer: Say) -> Outcome {
    let server = Server::new(vec![answer]).await;
    vonage(&server.url).submit(&notice()).await
}

fn problem_of(code: &str) -> String {
    format!(r#"{{"type":"https://developer.vonage.com/{code}","title":"…","detail":"+12025550143","instance":"i1"}}"#)
}

#[tokio::test]
async fn credentials_are_checked_without_sending_anything() {
    let server = Server::new(vec![say(200, "{}"), say(401, &problem_of("api-errors#unauthorized"))]).await;
    let carrier = vonage(&server.url);
    assert_eq!(carrier.check().await, Some(Ok(())));
    assert_eq!(carrier.check().await, Some(Err("unauthorized".to_owned())));
    for request in server.seen() {
        assert!(request.starts_with("GET /v2/applications?page_size=1 "), "{request}");
    }
    assert_eq!(carrier.meaning("unauthorized"), Some(Meaning::Account));
    assert_eq!(carrier.words("unauthorized"), Some("the key or its secret is wrong"));
}

fn retry(after: Option<u64>, code: &str) -> Outcome {
    Outcome::Retry { after: after.map(Duration::from_secs), code: code.to_owned(), sure: Sure::NotTaken }
}

#[tokio::test]
async fn every_answer_says_how_sure_it_is() {
    let created = say(202, r#"{"message_uuid":"m1","new":1}"#);
    assert_eq!(outcome(created).await, Outcome::Accepted { provider_ref: "m1".to_owned() });
    let busy = Say::Answer(429, "retry-after: 3\r\n", problem_of("api-errors#throttled"));
    assert_eq!(outcome(busy).await, retry(Some(3), "throttled"));
    let refused = |why, code: &str| Outcome::Refused { why, code: code.to_owned() };
    for (status, code, expected) in [
        (422, "api-errors/messages#1240", refused(Refusal::OptedOut, "1240")),
        (422, "api-errors/messages#1170", refused(Refusal::Unreachable, "1170")),
        (422, "api-errors/messages#1120", refused(Refusal::NotAccepted, "1120")),
        (422, "api-errors/messages#7777", refused(Refusal::NotAccepted, "7777")),
        (422, "api-errors/messages#1000", retry(Some(1), "1000")),
        (402, "api-errors#low-balance", retry(None, "low-balance")),
        (401, "api-errors#unauthorized", retry(None, "unauthorized")),
        (403, "api-errors#a-new-word", retry(None, "403")),
        // Nothing but short words is a code: what else stands there could hold anything.
        (422, "api-errors/messages#the number +12025550143", refused(Refusal::NotAccepted, "422")),
    ] {
        assert_eq!(outcome(say(status, &problem_of(code))).await, expected, "{status} {code}");
    }
    assert_eq!(outcome(say(402, "")).await, retry(None, "402"));
    // It knows no keys: nothing that it may have taken is asked again.
    for (answer, code) in [
        (say(500, &problem_of("api-errors/messages#1030")), "500"),
        (say(302, ""), "302"),
        (say(202, "{}"), "unreadable"),
        (Say::Half, "broken"),
        (Say::Silence, "timeout"),
    ] {
        assert_eq!(outcome(answer).await, Outcome::Unknown { code: code.to_owned() });
    }
    let nobody = vonage("http://127.0.0.1:1");
    assert_eq!(nobody.submit(&notice()).await, retry(None, "connect"));
    assert!(nobody.honours_keys().is_none() && !nobody.looks_up());
    assert_eq!(nobody.look_up(&lost()).await, LookUp::Unknown);
}

#[tokio::test]
async fn what_is_sent_is_what_its_library_would_send() {
    let described = vectors();
    for (from, valid_for, ttl) in [
        (None, Duration::from_mins(90), 5400),
        (Some("+12025550111".to_owned()), Duration::from_secs(1), 20),
        (None, Duration::from_hours(1000), 604_800),
    ] {
        let server = Server::new(vec![say(202, r#"{"message_uuid":"m1"}"#)]).await;
        let carrier = vonage(&server.url);
        let notice = Outbound { from: from.clone(), valid_for, ..notice() };
        carrier.submit(&notice).await;
        let request = server.seen().remove(0);
        assert!(request.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{request}");
        // abcd1234:sec-hunter2
        assert!(request.contains("authorization: Basic YWJjZDEyMzQ6c2VjLWh1bnRlcjI=\r\n"), "{request}");
        let body: Value = serde_json::from_str(&server.body()).unwrap();
        for name in described["required"].as_array().unwrap() {
            assert!(body.get(name.as_str().unwrap()).is_some(), "{name} is missing");
        }
        for (name, value) in body.as_object().unwrap() {
            let field = &described["create"][name];
            assert_eq!(field["type"], if value.is_u64() { "integer" } else { "string" }, "{name}");
            assert!(field["enum"].as_array().is_none_or(|words| words.contains(value)), "{name}: {value}");
            let length = value.as_str().map_or(0, |text| text.chars().count() as u64);
            assert!(field["maxLength"].as_u64().is_none_or(|most| length <= most), "{name}: {value}");
            let number = value.as_u64().unwrap_or_default();
            assert!(field["minimum"].as_u64().is_none_or(|least| number >= least), "{name}: {value}");
            assert!(field["maximum"].as_u64().is_none_or(|most| number <= most), "{name}: {value}");
        }
        assert_eq!((&body["to"], &body["text"]), (&json!("12025550143"), &json!(notice.text)));
        assert_eq!(body["from"], json!(if from.is_some() { "12025550111" } else { "12025550100" }));
        assert_eq!((&body["ttl"], &body["webhook_url"]), (&json!(ttl), &json!(notice.status_url)));
        assert_eq!(body["client_ref"], json!(notice.key.to_string()));
    }
    let shown = format!("{:?}", vonage(""));
    assert!(!shown.contains("hunter"), "{shown}");
}

/// A token as Vonage makes it.
fn token(secret: &str, head: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(head), part(claims));
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn checked(token: &str, body: &str) -> Result<(), HookError> {
    let signed = headers(&[("authorization", &format!("Bearer {token}"))]);
    vonage("").verify(&hook(HookKind::Status, URL, &signed, body), NOW)
}

#[test]
fn its_own_library_and_we_agree_on_every_webhook() {
    let all = vectors();
    let now = Instant::from_ms(all["now_s"].as_i64().unwrap() * 1000);
    let (mut accepted, mut refused) = (0, 0);
    let mut carrier = vonage("");
    for case in all["webhooks"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let signed = headers(&[("authorization", text("authorization"))]);
        carrier.settings.signature_secret = Credential::new(text("secret"));
        let ours = carrier.verify(&hook(HookKind::Inbound, URL, &signed, text("body")), now);
        assert_eq!(ours.is_ok(), case["accepted"] == true, "{ours:?} {case}");
        if ours.is_ok() {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} {refused}");
}

#[test]
fn a_webhook_counts_only_as_it_was_signed_and_while_it_is_fresh() {
    let body = r#"{"message_uuid":"m1","status":"delivered"}"#;
    let head = json!({"alg": "HS256", "typ": "JWT"});
    let now_s = NOW.as_ms() / 1000;
    let claims = |iat: i64, body: &str| {
        let hash = hex::encode(Sha256::digest(body));
        json!({"iat": iat, "jti": "j1", "iss": "Vonage", "payload_hash": hash, "api_key": "abcd1234"})
    };
    let good = token(SIGNATURE_SECRET, &head, &claims(now_s, body));
    assert_eq!(checked(&good, body), Ok(()));
    for at in 0..body.len() {
        let mut bent = body.as_bytes().to_vec();
        bent[at] ^= 1;
        assert_eq!(checked(&good, std::str::from_utf8(&bent).unwrap()), Err(HookError::Forged), "byte {at}");
    }
    for at in 0..good.len() {
        let mut bent = good.clone().into_bytes();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        assert!(checked(std::str::from_utf8(&bent).unwrap(), body).is_err(), "sign {at} of the token");
    }
    for (away, expected) in [
        (300, Ok(())),
        (-300, Ok(())),
        (301, Err(HookError::Stale)),
        (-301, Err(HookError::Stale)),
        (i64::MAX / 2, Err(HookError::Stale)),
    ] {
        let old = token(SIGNATURE_SECRET, &head, &claims(now_s.saturating_sub(away), body));
        assert_eq!(checked(&old, body), expected, "{away} s ago");
    }
    assert_eq!(checked(&token("another", &head, &claims(now_s, body)), body), Err(HookError::Forged));
    for alg in ["none", "HS512", "RS256", "hs256"] {
        let chosen = token(SIGNATURE_SECRET, &json!({"alg": alg}), &claims(now_s, body));
        assert_eq!(checked(&chosen, body), Err(HookError::Unsigned), "{alg}");
    }
    // The hash is not optional: nothing else binds the body.
    let loose = token(SIGNATURE_SECRET, &head, &json!({"iat": now_s, "jti": "j1"}));
    assert_eq!(checked(&loose, body), Err(HookError::Unsigned));
    for wrong in ["", "a.b", "a.b.c.d", "..", &good.replace('.', "")] {
        assert_eq!(checked(wrong, body), Err(HookError::Unsigned), "{wrong}");
    }
    for (name, value) in [("x-token", format!("Bearer {good}")), ("authorization", format!("Basic {good}"))] {
        let signed = headers(&[(name, &value)]);
        let told = vonage("").verify(&hook(HookKind::Status, URL, &signed, body), NOW);
        assert_eq!(told, Err(HookError::Unsigned));
    }
}

fn parsed(kind: HookKind, told: &Value) -> Result<Vec<Event>, HookError> {
    vonage("").parse(&hook(kind, URL, &headers(&[]), &told.to_string()))
}

#[test]
fn receipts_are_read() {
    for (word, expected) in [
        ("submitted", Some(MessageStatus::Sent)),
        ("delivered", Some(MessageStatus::Delivered)),
        ("read", Some(MessageStatus::Delivered)),
        ("rejected", Some(MessageStatus::Undelivered)),
        ("undeliverable", Some(MessageStatus::Undelivered)),
        ("teleported", None),
    ] {
        let told = json!({
            "message_uuid": "m1", "to": "12025550143", "from": "12025550100", "timestamp": "2026-11-23T14:00:00.000Z",
            "status": word, "channel": "sms", "client_ref": "r1", "usage": {"currency": "EUR", "price": "0.03"},
            "error": {"type": "https://developer.vonage.com/api-errors/messages#1180", "title": 1180, "detail": "…"},
        });
        let events = parsed(HookKind::Status, &told).unwrap();
        let read = events.first().map(|event| match event {
            Event::Receipt(receipt) => {
                assert_eq!((receipt.event.clone(), receipt.provider_ref.as_str()), (format!("m1/{word}"), "m1"));
                assert_eq!(receipt.code.as_deref(), Some("1180"));
                receipt.status
            }
            Event::Inbound(_) => panic!("a receipt"),
        });
        assert_eq!(read, expected, "{word}");
    }
    let plain = parsed(HookKind::Status, &json!({"message_uuid": "m1", "status": "delivered", "error": null})).unwrap();
    assert!(matches!(&plain[..], [Event::Receipt(receipt)] if receipt.code.is_none()));
    for odd in
        [json!({}), json!([]), json!({"message_uuid": "", "status": "delivered"}), json!({"status": "delivered"})]
    {
        assert_eq!(parsed(HookKind::Status, &odd), Err(HookError::Malformed), "{odd}");
    }
    assert_eq!(vonage("").refusal("1180"), Refusal::NotReached);
}

#[test]
fn replies_are_read() {
    let told = json!({
        "channel": "sms", "message_uuid": "m2", "to": "12025550100", "from": "12025550143", "text": "1",
        "timestamp": "2026-11-23T14:00:00Z", "message_type": "text", "sms": {"num_messages": "1", "keyword": "1"},
        "usage": {"currency": "EUR", "price": "0.03"}, "new": true,
    });
    let expected = Inbound {
        event: "m2".to_owned(),
        from: "+12025550143".to_owned(),
        to: Some("+12025550100".to_owned()),
        text: "1".to_owned(),
        has_media: false,
        gateway: None,
    };
    assert_eq!(parsed(HookKind::Inbound, &told), Ok(vec![Event::Inbound(expected.clone())]));
    for (name, value, changed) in [
        ("to", json!("54321"), Inbound { to: Some("54321".to_owned()), ..expected.clone() }),
        ("to", json!("OAKCLINIC"), Inbound { to: None, ..expected.clone() }),
        ("from", json!("+12025550143"), expected.clone()),
        ("message_type", json!("image"), Inbound { has_media: true, ..expected.clone() }),
        ("text", json!(null), Inbound { text: String::new(), ..expected }),
    ] {
        let mut other = told.clone();
        other[name] = value;
        assert_eq!(parsed(HookKind::Inbound, &other), Ok(vec![Event::Inbound(changed)]), "{name}");
    }
    for (name, value) in
        [("from", json!("Oak")), ("from", json!("")), ("from", json!("1234567890123456")), ("message_uuid", json!(""))]
    {
        let mut odd = told.clone();
        odd[name] = value;
        assert_eq!(parsed(HookKind::Inbound, &odd), Err(HookError::Malformed), "{name}");
    }
}

#[test]
fn the_embedded_table_is_good() {
    let carrier = vonage("");
    for (code, meaning) in [
        ("1240", Meaning::OptedOut),
        ("1180", Meaning::Unreachable),
        ("1190", Meaning::UnknownNumber),
        ("1210", Meaning::Filtered),
        ("1120", Meaning::Unregistered),
        ("1360", Meaning::Expired),
        ("1000", Meaning::Busy),
        ("low-balance", Meaning::Account),
    ] {
        assert_eq!(carrier.codes.meaning(code), Some(meaning), "{code}");
        assert!(carrier.words(code).is_some_and(|words| words.len() > 5), "{code}");
    }
    assert_eq!((carrier.meaning("402"), carrier.meaning("9999")), (Some(Meaning::Account), None));
}
