//! Twilio over real HTTP against a scripted server; its webhooks against its own library's verdicts.

use super::*;
use crate::test_server::{NOW, Say, Server, TIMEOUT, client, headers, hook, lost, notice, say};
use crate::{Gateway, HookKind, MessageStatus, Sure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
const URL: &str = "https://kept.example.org/hooks/twilio/oak/status";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/twilio.json")).unwrap()
}

fn twilio(api_url: &str, token: &str) -> TwilioCarrier {
    let settings = Settings {
        api_url: api_url.to_owned(),
        account: ACCOUNT.to_owned(),
        user: ACCOUNT.to_owned(),
        password: Credential::new("hunter2"),
        token: Credential::new(token),
        sender: Sender::Number("+12025550100".to_owned()),
        discard_content: true,
        timeout: TIMEOUT,
    };
    TwilioCarrier::new(client(), settings)
}

async fn outcome(answer: Say) -> Outcome {
    let server = Server::new(vec![answer]).await;
    twilio(&server.url, "12345").submit(&notice()).await
}

fn retry(after: Option<u64>, code: &str) -> Outcome {
    Outcome::Retry { after: after.map(Duration::from_secs), code: code.to_owned(), sure: Sure::NotTaken }
}

fn unknown(code: &str) -> Outcome {
    Outcome::Unknown { code: code.to_owned() }
}

fn refused(why: Refusal, code: &str) -> Outcome {
    Outcome::Refused { why, code: code.to_owned() }
}

#[tokio::test]
async fn every_answer_says_how_sure_it_is() {
    let created = say(201, r#"{"sid":"SM1","status":"queued","new_field":{"a":[1]}}"#);
    assert_eq!(outcome(created).await, Outcome::Accepted { provider_ref: "SM1".to_owned() });
    let busy = Say::Answer(429, "retry-after: 7\r\n", r#"{"code":20429,"status":429}"#.to_owned());
    assert_eq!(outcome(busy).await, retry(Some(7), "20429"));
    assert_eq!(outcome(say(429, "")).await, retry(Some(1), "429"));
    let mad = Say::Answer(429, "retry-after: 99999999\r\n", String::new());
    assert_eq!(outcome(mad).await, retry(Some(crate::LONGEST_PAUSE.as_secs()), "429"));
    let date = Say::Answer(429, "retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n", String::new());
    assert_eq!(outcome(date).await, retry(Some(1), "429"), "a date is not understood");
    for (status, code, expected) in [
        (400, 21610, refused(Refusal::OptedOut, "21610")),
        (400, 21211, refused(Refusal::Unreachable, "21211")),
        (400, 21635, refused(Refusal::Unreachable, "21635")),
        (400, 21617, refused(Refusal::NotAccepted, "21617")),
        (400, 99999, refused(Refusal::NotAccepted, "99999")),
        (400, 21611, retry(Some(1), "21611")),
        (401, 20003, retry(None, "20003")),
        (400, 21606, retry(None, "21606")),
    ] {
        let body = format!(r#"{{"code":{code},"message":"…","more_info":"…","status":{status}}}"#);
        assert_eq!(outcome(say(status, &body)).await, expected, "{status} {code}");
    }
    assert_eq!(outcome(say(403, "<html>")).await, retry(None, "403"));
    assert_eq!(outcome(say(401, r#"{"code":29999}"#)).await, retry(None, "401"), "a code that we do not know");
    assert_eq!(outcome(say(400, "<html>")).await, refused(Refusal::NotAccepted, "400"));
    // No keys: whatever leaves it open is for a look-up.
    assert_eq!(outcome(say(500, "{}")).await, unknown("500"));
    assert_eq!(outcome(say(503, "")).await, unknown("503"));
    assert_eq!(outcome(say(302, "")).await, unknown("302"), "a redirect is not followed");
    assert_eq!(outcome(say(201, "{}")).await, unknown("unreadable"));
    assert_eq!(outcome(Say::Half).await, unknown("broken"));
    assert_eq!(outcome(Say::Silence).await, unknown("timeout"));
    assert_eq!(twilio("http://127.0.0.1:1", "t").submit(&notice()).await, retry(None, "connect"));
    let long = format!(r#"{{"sid":"{}"}}"#, "x".repeat(MAX_ANSWER_BYTES));
    assert_eq!(outcome(say(201, &long)).await, unknown("broken"));
}

#[tokio::test]
async fn credentials_are_checked_without_sending_or_reading_anything() {
    let server = Server::new(vec![
        say(200, r#"{"messages":[]}"#),
        say(401, r#"{"code":20003,"status":401}"#),
        say(401, "<html>"),
        Say::Silence,
    ])
    .await;
    let carrier = twilio(&server.url, "12345");
    let mut said = Vec::new();
    for _ in 0..4 {
        said.push(carrier.check().await.unwrap());
    }
    let no = |code: &str| Err(code.to_owned());
    assert_eq!(said, [Ok(()), no("20003"), no("401"), no("timeout")]);
    let request = server.seen().remove(0);
    let url = format!("GET /2010-04-01/Accounts/{ACCOUNT}/Messages.json?DateSent%3C=2000-01-01&PageSize=1 ");
    assert!(request.starts_with(&url) && request.to_lowercase().contains("authorization: basic"), "{request}");
    let listed = vectors()["list"].as_array().unwrap().iter().any(|name| name == "DateSent<");
    assert!(listed, "the description of the list knows the filter");
    for (code, meaning) in
        [("20003", Some(Meaning::Account)), ("401", Some(Meaning::Account)), ("500", None), ("99999", None)]
    {
        assert_eq!(carrier.meaning(code), meaning, "{code}");
    }
}

/// Fails if a field is not of the kind that the provider's public description says.
fn accepts(described: &Value, name: &str, value: &str) {
    let field = &described["create"][name];
    assert!(field.is_object(), "`{name}` is not in the description");
    match field["type"].as_str().unwrap() {
        "integer" => assert!(value.parse::<u64>().is_ok(), "{name}: {value}"),
        "boolean" => assert!(["true", "false"].contains(&value), "{name}: {value}"),
        "string" => {}
        other => panic!("{name}: a {other} cannot be one value"),
    }
    if let Some(words) = field["enum"].as_array() {
        assert!(words.iter().any(|word| word == value), "{name}: {value}");
    }
    match field["format"].as_str() {
        Some("phone-number") => assert!(value.starts_with('+'), "{name}: {value}"),
        Some("uri") => assert!(reqwest::Url::parse(value).is_ok(), "{name}: {value}"),
        _ => {}
    }
    let length = u64::try_from(value.chars().count()).unwrap();
    assert!(field["minLength"].as_u64().is_none_or(|least| length >= least), "{name}: {value}");
    assert!(field["maxLength"].as_u64().is_none_or(|most| length <= most), "{name}: {value}");
    if let Some(pattern) = field["pattern"].as_str() {
        let letters = pattern.trim_start_matches('^').get(..2).unwrap();
        assert!(
            value.starts_with(letters) && value[2..].bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn what_is_sent_is_what_the_public_description_takes() {
    let described = vectors();
    let senders = [Sender::Number("+12025550100".to_owned()), Sender::Service(format!("MG{}", "0f".repeat(16)))];
    for (valid_s, expected) in [(0, "1"), (90, "90"), (36_000, "36000"), (36_001, "36000"), (999_999, "36000")] {
        for sender in &senders {
            for from in [None, Some("+12025550111".to_owned())] {
                let server = Server::new(vec![say(201, r#"{"sid":"SM1"}"#)]).await;
                let mut carrier = twilio(&server.url, "12345");
                carrier.settings.sender = sender.clone();
                let notice = Outbound { from: from.clone(), valid_for: Duration::from_secs(valid_s), ..notice() };
                carrier.submit(&notice).await;
                let request = server.seen().pop().unwrap();
                let path = format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1\r\n");
                assert!(request.starts_with(&path), "{request}");
                let basic = STANDARD.encode(format!("{ACCOUNT}:hunter2"));
                assert!(request.contains(&format!("authorization: Basic {basic}")), "{request}");
                let body = server.body();
                let fields: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                for (name, value) in &fields {
                    accepts(&described, name, value);
                }
                for required in described["required"].as_array().unwrap() {
                    assert!(fields.contains_key(required.as_str().unwrap()));
                }
                let field = |name: &str| fields.get(name).map(String::as_str);
                assert_eq!((field("To"), field("Body")), (Some(&*notice.to), Some(&*notice.text)));
                assert_eq!(field("StatusCallback"), Some(&*notice.status_url));
                assert_eq!((field("ValidityPeriod"), field("ContentRetention")), (Some(expected), Some("discard")));
                let own = match (&from, sender) {
                    (Some(number), _) | (None, Sender::Number(number)) => ("From", number),
                    (None, Sender::Service(service)) => ("MessagingServiceSid", service),
                };
                assert_eq!(field(own.0), Some(own.1.as_str()));
                assert_ne!(fields.contains_key("From"), fields.contains_key("MessagingServiceSid"));
            }
        }
    }
    let server = Server::new(vec![say(201, r#"{"sid":"SM1"}"#)]).await;
    let mut carrier = twilio(&server.url, "tok-secret");
    carrier.settings.discard_content = false;
    carrier.submit(&notice()).await;
    assert!(!server.body().contains("ContentRetention"), "a setting");
    let shown = format!("{carrier:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("tok-secret"), "{shown}");
}

fn listed(sid: &str, to: &str, body: &str, at: &str, direction: &str) -> Value {
    serde_json::json!({
        "sid": sid, "to": to, "from": "+12025550100", "body": body, "direction": direction, "date_created": at,
        "date_sent": null, "status": "queued", "error_code": null,
    })
}

/// Five minutes before [`NOW`], as Twilio writes it: when the lost notice was handed over.
const THEN: &str = "Mon, 23 Nov 2026 14:55:00 +0000";

async fn looked_up(messages: &[Value], lost: &Lost) -> LookUp {
    let page = serde_json::json!({"messages": messages, "next_page_uri": null}).to_string();
    let server = Server::new(vec![say(200, &page)]).await;
    let found = twilio(&server.url, "12345").look_up(lost).await;
    if let [request] = &server.seen()[..] {
        assert!(request.starts_with("GET ") && request.contains("To=%2B12025550143&PageSize=200"), "{request}");
        assert!(request.contains("authorization: Basic "), "{request}");
    }
    found
}

#[tokio::test]
async fn a_lost_message_is_found_by_number_time_and_text_or_by_a_person() {
    let (to, text) = (notice().to, notice().text);
    let ours = |sid: &str| listed(sid, &to, &text, THEN, "outbound-api");
    let discarded = |sid: &str| listed(sid, &to, "", THEN, "outbound-api");
    let other = |sid: &str| listed(sid, &to, "another text", THEN, "outbound-api");
    let found = |sid: &str| LookUp::Found { provider_ref: sid.to_owned() };
    let ask = lost();
    assert_eq!(looked_up(&[], &ask).await, LookUp::NeverTaken);
    assert_eq!(looked_up(&[ours("SM1")], &ask).await, found("SM1"));
    assert_eq!(looked_up(&[other("SM0"), ours("SM1")], &ask).await, found("SM1"), "the text tells them apart");
    assert_eq!(looked_up(&[discarded("SM1")], &ask).await, found("SM1"), "Twilio discarded its text, as we asked");
    assert_eq!(looked_up(&[ours("SM1"), ours("SM2")], &ask).await, LookUp::Unknown, "several");
    assert_eq!(looked_up(&[discarded("SM1"), discarded("SM2")], &ask).await, LookUp::Unknown, "several");
    assert_eq!(looked_up(&[ours("SM1"), discarded("SM2")], &ask).await, LookUp::Unknown, "either may be ours");
    assert_eq!(looked_up(&[other("SM1")], &ask).await, LookUp::Unknown, "the network may have changed its text");
    assert_eq!(looked_up(&[discarded("SM1"), other("SM2")], &ask).await, LookUp::Unknown);

    let two = Lost { alone: false, ..ask.clone() };
    assert_eq!(looked_up(&[discarded("SM1")], &two).await, LookUp::Unknown, "either notice's");
    assert_eq!(looked_up(&[ours("SM1")], &two).await, found("SM1"));
    assert_eq!(looked_up(&[], &two).await, LookUp::NeverTaken);

    // What cannot be ours: other notices' messages, other numbers, texts that came in, other times.
    let known = Lost { known: vec!["SM1".to_owned()], ..ask.clone() };
    assert_eq!(looked_up(&[ours("SM1")], &known).await, LookUp::NeverTaken);
    assert_eq!(looked_up(&[discarded("SM1"), discarded("SM2")], &known).await, found("SM2"));
    let stranger = listed("SM1", "+12025550199", &text, THEN, "outbound-api");
    let inbound = listed("SM1", &to, &text, THEN, "inbound");
    assert_eq!(looked_up(&[stranger, inbound], &ask).await, LookUp::NeverTaken);
    for (at, expected) in [
        ("Mon, 23 Nov 2026 14:53:00 +0000", found("SM1")),
        ("Mon, 23 Nov 2026 14:52:59 +0000", LookUp::NeverTaken),
        ("Mon, 23 Nov 2026 15:00:00 +0000", found("SM1")),
        ("Mon, 23 Nov 2026 15:00:01 +0000", LookUp::NeverTaken),
        ("yesterday", LookUp::Unknown),
    ] {
        assert_eq!(looked_up(&[listed("SM1", &to, &text, at, "outbound-api")], &ask).await, expected, "{at}");
    }
    let fresh = Lost { last_at: NOW - chrono::Duration::seconds(59), ..ask.clone() };
    assert_eq!(looked_up(&[], &fresh).await, LookUp::NotYet, "the list is not old enough to say no");
}

#[tokio::test]
async fn every_page_of_the_list_is_read_and_our_key_goes_nowhere_else() {
    let ask = lost();
    let page = |next: Value, sid: Option<&str>| {
        let messages: Vec<_> =
            sid.into_iter().map(|sid| listed(sid, &ask.to, &ask.text, THEN, "outbound-api")).collect();
        say(200, &serde_json::json!({"messages": messages, "next_page_uri": next}).to_string())
    };
    let next = Value::from("/2010-04-01/Accounts/AC/Messages.json?Page=1&PageToken=x");
    let server = Server::new(vec![page(next.clone(), None), page(Value::Null, Some("SM9"))]).await;
    let found = twilio(&server.url, "t").look_up(&ask).await;
    assert_eq!(found, LookUp::Found { provider_ref: "SM9".to_owned() });
    assert!(server.seen()[1].contains("PageToken=x"));

    let endless = Server::new(vec![page(next, None)]).await;
    assert_eq!(twilio(&endless.url, "t").look_up(&ask).await, LookUp::Unknown, "not the whole list: not never taken");
    assert_eq!(endless.seen().len(), MAX_PAGES);
    let thief = Server::new(vec![page(Value::Null, None)]).await;
    let elsewhere = Server::new(vec![page(Value::from(format!("{}/x", thief.url)), None)]).await;
    assert_eq!(twilio(&elsewhere.url, "t").look_up(&ask).await, LookUp::Unknown);
    assert!(thief.seen().is_empty(), "our key went to another host");

    for answer in
        [say(429, ""), say(503, ""), say(401, "{}"), say(200, "<html>"), say(200, "{}"), Say::Silence, Say::Half]
    {
        let server = Server::new(vec![answer.clone()]).await;
        assert_eq!(twilio(&server.url, "t").look_up(&ask).await, LookUp::NotYet, "{answer:?}");
    }
    assert_eq!(twilio("http://127.0.0.1:1", "t").look_up(&ask).await, LookUp::NotYet);
}

#[test]
fn the_vector_of_the_providers_documentation() {
    let url = "https://mycompany.com/myapp.php";
    let body = "CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212";
    let signed = headers(&[FORM, (SIGNATURE_HEADER, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")]);
    let request = HookRequest { query: Some("foo=1&bar=2"), ..hook(HookKind::Status, url, &signed, body) };
    let carrier = twilio("", "12345");
    assert_eq!(carrier.verify(&request, NOW), Ok(()));
    assert_eq!(carrier.verify(&HookRequest { query: None, ..request }, NOW), Err(HookError::Forged));
    assert_eq!(twilio("", "12346").verify(&request, NOW), Err(HookError::Forged));
    let plain = headers(&[FORM]);
    assert_eq!(carrier.verify(&HookRequest { headers: &plain, ..request }, NOW), Err(HookError::Unsigned));
    for garbage in ["", "zz", "0/KCTR6DLpKmkAf8muzZqo1nDg", "AAAA"] {
        let bent = headers(&[FORM, (SIGNATURE_HEADER, garbage)]);
        assert!(carrier.verify(&HookRequest { headers: &bent, ..request }, NOW).is_err(), "{garbage}");
    }
}

#[test]
fn its_own_library_and_we_agree_on_every_webhook() {
    let all = vectors();
    let (mut accepted, mut refused) = (0, 0);
    let mut carrier = twilio("", "");
    for case in all["webhooks"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let kind = if case["json"] == true { ("content-type", "application/json") } else { FORM };
        let mut signed = vec![kind, (SIGNATURE_HEADER, text("signature"))];
        if !text("settings").is_empty() {
            signed.push((SETTINGS_HEADER, text("settings")));
        }
        let signed = headers(&signed);
        let query = Some(text("query")).filter(|query| !query.is_empty());
        let request = HookRequest { query, ..hook(HookKind::Status, text("url"), &signed, text("body")) };
        carrier.settings.token = Credential::new(text("token"));
        let ours = carrier.verify(&request, NOW).is_ok();
        assert_eq!(ours, case["accepted"] == true, "{case}");
        if ours {
            accepted += 1;
        } else {
            refused += 1;
        }
        if case["ours"] == true {
            // The other way round: what we would sign is what the library signs.
            let full = query.map_or_else(|| text("url").to_owned(), |query| format!("{}?{query}", text("url")));
            let parameters =
                if case["json"] == true { Vec::new() } else { webhook::parameters(text("body").as_bytes()) };
            assert_eq!(webhook::signature(text("token"), &full, &parameters, text("settings")), text("signature"));
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} {refused}");
}

fn parsed(kind: HookKind, body: &str) -> Result<Vec<Event>, HookError> {
    let none = headers(&[FORM]);
    twilio("", "t").parse(&hook(kind, URL, &none, body))
}

#[test]
fn every_state_of_the_description_is_read() {
    let queued = ["accepted", "scheduled", "queued", "sending"];
    let undelivered = ["undelivered", "failed", "canceled", "partially_delivered"];
    for word in vectors()["statuses"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()) {
        let expected = match word {
            "sent" => Some(MessageStatus::Sent),
            "delivered" | "read" => Some(MessageStatus::Delivered),
            _ if queued.contains(&word) => Some(MessageStatus::Queued),
            _ if undelivered.contains(&word) => Some(MessageStatus::Undelivered),
            "receiving" | "received" => None,
            new => panic!("`{new}` has no meaning for us yet"),
        };
        let body = format!("MessageSid=SM1&MessageStatus={word}&ErrorCode=30006&ChannelToAddress=x&Invented=1");
        let events = parsed(HookKind::Status, &body).unwrap();
        let read = events.first().map(|event| match event {
            Event::Receipt(receipt) => {
                assert_eq!((receipt.event.as_str(), receipt.provider_ref.as_str()), (&*format!("SM1:{word}"), "SM1"));
                assert_eq!(twilio("", "t").refusal(receipt.code.as_deref().unwrap()), Refusal::Unreachable);
                receipt.status
            }
            Event::Inbound(_) => panic!("a receipt"),
        });
        assert_eq!(read, expected, "{word}");
    }
    assert_eq!(
        parsed(HookKind::Status, "MessageSid=SM1&MessageStatus=teleported"),
        Ok(Vec::new()),
        "words of later years"
    );
    for odd in ["", "MessageStatus=sent", "MessageSid=SM1", "MessageSid=S%20M&MessageStatus=sent", "{}"] {
        assert_eq!(parsed(HookKind::Status, odd), Err(HookError::Malformed), "{odd}");
    }
    let long = format!("MessageSid={}&MessageStatus=sent", "a".repeat(65));
    assert_eq!(parsed(HookKind::Status, &long), Err(HookError::Malformed));
}

#[test]
fn a_reply_is_read_with_what_the_gateway_did_by_itself() {
    for (kind, expected) in [
        ("", None),
        ("STOP", Some(Gateway::Stop)),
        ("START", Some(Gateway::Start)),
        ("HELP", Some(Gateway::Help)),
        ("NEW", None),
    ] {
        let body = format!(
            "MessageSid=SM2&From=%2B12025550143&To=%2B12025550100&Body=no+m%C3%A1s&NumMedia=0&OptOutType={kind}"
        );
        let events = parsed(HookKind::Inbound, &body).unwrap();
        let [Event::Inbound(reply)] = &events[..] else { panic!("one reply") };
        assert_eq!((reply.event.as_str(), reply.from.as_str(), reply.text.as_str()), ("SM2", "+12025550143", "no más"));
        assert_eq!((reply.to.as_deref(), reply.has_media, reply.gateway), (Some("+12025550100"), false, expected));
        assert!(!format!("{events:?}").contains("2025550143"));
    }
    let events = parsed(HookKind::Inbound, "MessageSid=MM2&From=%2B1&NumMedia=2").unwrap();
    assert!(matches!(&events[..], [Event::Inbound(reply)] if reply.has_media && reply.text.is_empty()));
    assert_eq!(parsed(HookKind::Inbound, "MessageSid=SM2"), Err(HookError::Malformed));
}

#[test]
fn the_embedded_table_is_good_and_knows_what_the_design_names() {
    let carrier = twilio("", "t");
    for (code, meaning) in [
        ("21610", Meaning::OptedOut),
        ("30003", Meaning::Unreachable),
        ("30005", Meaning::Unreachable),
        ("30006", Meaning::Landline),
        ("30007", Meaning::Filtered),
        ("30008", Meaning::NotAccepted),
        ("30034", Meaning::Unregistered),
        ("20429", Meaning::Busy),
    ] {
        assert_eq!(carrier.codes.meaning(code), Some(meaning), "{code}");
        assert!(carrier.words(code).is_some_and(|words| words.len() > 5), "{code}");
    }
}
