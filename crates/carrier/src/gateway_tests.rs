//! A described gateway over real HTTP; what is escaped where; what is refused at start, and with which words.

use super::*;
use crate::test_server::{NOW, Say, Server, client, headers, hook, lost, notice, say};
use crate::{Gateway, HookKind, LookUp, MessageStatus};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;

const URL: &str = "https://kept.example.org/hooks/gateway/oak/status";

/// A whole description; `AT` stands for the server.
const WHOLE: &str = r#"
[submit]
url = "AT/v1/{key}/send?to={to}"
headers = { Authorization = "Bearer {secret}", X-Key = "{key}" }
json = { messages = [{ to = "{to_digits}", text = "{text}", ttl = "{valid_s}", note = "{{{valid_min}}} min", flash = false }] }
sender = "+12025550100"
timeout_s = 1
key_life_s = 3600

[answer]
taken = [200]
refused = [400, 401]
busy = [429, 503]
reference = "/messages/0/id"
code = "/messages/0/error"
must = { "/messages/0/status" = "0" }

[codes.opted-out]
7 = "opted out"
[codes.busy]
1 = "too fast"
[codes.account]
9 = "no credit"

[webhook]
scheme = "hmac-sha256"
header = "X-Signature"
prefix = "sha256="
signed = "{timestamp}.{url}.{body}"
timestamp_header = "X-Time"

[status]
list = "/reports"
event = "/uuid"
reference = "/id"
status = "/state"
code = "/err"
words = { delivered = ["DELIVRD"], undelivered = ["UNDELIV", "EXPIRED"], sent = ["SENT"] }

[inbound]
event = "/id"
from = "/msisdn"
to = "/to"
text = "/text"
media = "/media"
"#;

fn described(text: &str, at: &str) -> Result<Description, DescriptionError> {
    Description::parse(&text.replace("AT/", &format!("{at}/")))
}

fn gateway(text: &str, at: &str) -> GatewayCarrier {
    let description = described(text, at).unwrap_or_else(|error| panic!("{error}"));
    let (secret, webhook_secret) = (Credential::new("hunter2"), Credential::new("hook-secret"));
    GatewayCarrier::new(client(), Settings { description, secret, webhook_secret })
}

async fn outcome(text: &str, answer: Say) -> Outcome {
    let server = Server::new(vec![answer]).await;
    gateway(text, &server.url).submit(&notice()).await
}

#[tokio::test]
async fn every_value_is_escaped_for_the_place_it_stands_in() {
    let server = Server::new(vec![say(200, r#"{"messages":[{"id":5,"status":"0"}]}"#)]).await;
    let carrier = gateway(WHOLE, &server.url);
    assert_eq!(carrier.submit(&notice()).await, Outcome::Accepted { provider_ref: "5".to_owned() });
    let request = server.seen().pop().unwrap();
    let key = notice().key;
    assert!(request.starts_with(&format!("POST /v1/{key}/send?to=%2B12025550143 HTTP/1.1\r\n")), "{request}");
    assert!(request.contains("authorization: Bearer hunter2\r\n") && request.contains(&format!("x-key: {key}\r\n")));
    let body: Value = serde_json::from_str(&server.body()).unwrap();
    let (text, to) = (notice().text, "12025550143");
    let wanted = json!({"messages": [{"to": to, "text": text, "ttl": 5400, "note": "{90} min", "flash": false}]});
    assert_eq!(body, wanted, "a text with quotes and braces is one string");
    assert!(!format!("{carrier:?}").contains("hunter2") && !format!("{carrier:?}").contains("hook-secret"));

    let server = Server::new(vec![say(200, r#"{"id":"a"}"#)]).await;
    let form = "[submit]\nurl = \"AT/send\"\nform = { to = \"{to}\", from = \"{from}\", msg = \"{text}\", key = \"{secret}\" }\n";
    assert_eq!(gateway(form, &server.url).submit(&notice()).await, Outcome::Accepted { provider_ref: "a".to_owned() });
    let body = server.body();
    let fields: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!((fields["to"].as_str(), fields["from"].as_str()), ("+12025550143", ""));
    assert_eq!((&fields["msg"], fields["key"].as_str()), (&notice().text, "hunter2"));

    let server = Server::new(vec![say(200, r#"{"id":"a"}"#)]).await;
    let get = "[submit]\nmethod = \"GET\"\nurl = \"AT/send?to={to_digits}&text={text}\"\n";
    gateway(get, &server.url).submit(&notice()).await;
    let request = server.seen().pop().unwrap();
    let path = request.split(' ').nth(1).unwrap();
    let url = reqwest::Url::parse(&format!("{}{path}", server.url)).unwrap();
    let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!((asked.len(), &asked["text"]), (2, &notice().text));
}

#[tokio::test]
async fn every_answer_says_how_sure_it_is() {
    let retry = |after: Option<u64>, code: &str, sure| Outcome::Retry {
        after: after.map(Duration::from_secs),
        code: code.to_owned(),
        sure,
    };
    let no = |code: &str| say(200, &format!(r#"{{"messages":[{{"status":"1","error":"{code}"}}]}}"#));
    let refused = |why, code: &str| Outcome::Refused { why, code: code.to_owned() };
    assert_eq!(outcome(WHOLE, no("7")).await, refused(Refusal::OptedOut, "7"), "a 200 that says no");
    assert_eq!(outcome(WHOLE, no("8")).await, refused(Refusal::NotAccepted, "8"));
    assert_eq!(outcome(WHOLE, no("1")).await, retry(Some(1), "1", Sure::NotTaken));
    assert_eq!(outcome(WHOLE, no("9")).await, retry(None, "9", Sure::NotTaken));
    assert_eq!(outcome(WHOLE, say(401, "")).await, retry(None, "401", Sure::NotTaken), "until the key is mended");
    assert_eq!(outcome(WHOLE, say(400, "")).await, refused(Refusal::NotAccepted, "400"));
    let busy = Say::Answer(503, "retry-after: 4\r\n", String::new());
    assert_eq!(outcome(WHOLE, busy).await, retry(Some(4), "503", Sure::NotTaken), "the description says so");
    for (answer, code) in [(say(500, ""), "500"), (say(404, ""), "404"), (say(302, ""), "302")] {
        assert_eq!(outcome(WHOLE, answer).await, retry(None, code, Sure::KeyHolds));
    }
    let unread = say(200, r#"{"messages":[{"status":"0"}]}"#);
    assert_eq!(outcome(WHOLE, unread).await, retry(None, "unreadable", Sure::KeyHolds), "taken, without an id");

    let plain = "[submit]\nurl = \"AT/send\"\ntimeout_s = 1\nform = { to = \"{to}\", msg = \"{text}\" }\n";
    let unknown = |code: &str| Outcome::Unknown { code: code.to_owned() };
    assert_eq!(outcome(plain, say(500, "")).await, unknown("500"), "no key: never again");
    assert_eq!(outcome(plain, say(200, "ok")).await, unknown("unreadable"));
    assert_eq!(outcome(plain, Say::Half).await, unknown("broken"));
    assert_eq!(outcome(plain, Say::Silence).await, unknown("timeout"));
    assert_eq!(outcome(plain, say(404, "")).await, refused(Refusal::NotAccepted, "404"));
    for code in ["408", "409", "425"] {
        let answer = say(code.parse().unwrap(), "");
        assert_eq!(outcome(plain, answer).await, unknown(code), "it says neither yes nor no");
    }
    assert_eq!(outcome(plain, say(429, "")).await, retry(Some(1), "429", Sure::NotTaken));
    // What a description names counts where it names it; the rest keeps its default.
    let named = format!("{plain}[answer]\nbusy = [429, 408, 404]\ntaken = [200, 409]\n");
    for code in ["408", "404"] {
        let answer = say(code.parse().unwrap(), "");
        assert_eq!(outcome(&named, answer).await, retry(Some(1), code, Sure::NotTaken));
    }
    assert_eq!(outcome(&named, say(409, r#"{"id":"a"}"#)).await, Outcome::Accepted { provider_ref: "a".to_owned() });
    assert_eq!(outcome(&named, say(422, r#"{"code":"no"}"#)).await, refused(Refusal::NotAccepted, "no"));
    assert_eq!(outcome(&named, say(201, "")).await, unknown("201"), "its own list is the whole list");
    let nobody = gateway(plain, "http://127.0.0.1:1");
    assert_eq!(nobody.submit(&notice()).await, retry(None, "connect", Sure::NotTaken));
    assert_eq!((nobody.honours_keys(), nobody.looks_up()), (None, false));
    assert_eq!(nobody.look_up(&lost()).await, LookUp::Unknown);
}

#[test]
fn what_cannot_work_is_refused_at_start_with_what_to_do() {
    let said = |text: &str| match Description::parse(text) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("taken: {text}"),
    };
    let submit = |rest: &str| format!("[submit]\nurl = \"https://sms.example.org/send\"\n{rest}");
    let good = "form = { to = \"{to}\", msg = \"{text}\" }\n";
    Description::parse(&submit(good)).unwrap();
    for (text, expected) in [
        (
            submit("form = { to = \"{too}\", msg = \"{text}\" }"),
            "`{too}` in `{too}` is unknown; the placeholders are: {to}, {to_digits}",
        ),
        (submit("form = { to = \"{to}\", msg = \"{text\" }"), "write `{{` for the sign itself"),
        (submit("form = { to = \"{to}\", msg = \"}{text}\" }"), "write `}}` for the sign itself"),
        (submit("form = { to = \"{to}\" }"), "`{text}` stands nowhere"),
        (submit("form = { msg = \"{text}\" }"), "`{to}` or `{to_digits}` stands nowhere"),
        (submit("json = { msg = [1, \"{text}\", \"{nope}\"] }"), "`{nope}`"),
        (submit("form = { a = \"{to}\" }\njson = { b = \"{text}\" }"), "both `json` and `form`"),
        (submit(&format!("{good}method = \"DELETE\"")), "POST, PUT or GET"),
        (submit(&format!("{good}method = \"GET\"")), "GET carries no body"),
        (submit(&format!("{good}timeout_s = 31")), "1 to 30"),
        (submit(&format!("{good}key_life_s = 60")), "put `{key}` where it wants it"),
        (submit(&format!("{good}headers = {{ \"a b\" = \"x\" }}")), "no name of a header"),
        (submit(&format!("{good}headers = {{ X-Text = \"{{text}}\" }}")), "put it into the body"),
        (submit(&format!("{good}colour = 1")), "colour"),
        (submit(good).replace("https", "http"), "must begin with `https://HOST/`"),
        ("[submit]\nurl = \"https://{to}.example.org/{text}\"".to_owned(), "after the host alone"),
        (submit(&format!("{good}[answer]\nreference = \"id\"")), "no JSON pointer"),
        (submit(&format!("{good}[answer]\ntaken = [200, 429]\nbusy = [429]")), "429 stands in two lists"),
        (submit(&format!("{good}[codes.gone]\n1 = \"x\"")), "`gone`"),
        (submit(&format!("{good}[inbound]\nevent = \"/a\"\nfrom = \"/b\"\ntext = \"/c\"")), "[webhook] is missing"),
    ] {
        assert!(said(&text).contains(expected), "{} — {text}", said(&text));
    }
    let hook = |rest: &str| submit(&format!("{good}[webhook]\nscheme = \"hmac-sha256\"\nheader = \"X-Sign\"\n{rest}"));
    Description::parse(&hook("")).unwrap();
    for (rest, expected) in [
        ("signed = \"{timestamp}{body}\"", "go together"),
        ("timestamp_header = \"X-Time\"", "go together"),
        ("signed = \"{url}\"", "must hold `{body}`"),
        ("signed = \"{body}{host}\"", "at most `{timestamp}` and `{url}`"),
        ("signed = \"{body}{body}\"", "each once"),
        ("encoding = \"rot13\"", "rot13"),
        ("[status]\nreference = \"/a\"\nstatus = \"/b\"\nwords = {}", "no receipt would mean anything"),
        (
            "[status]\nreference = \"/a\"\nstatus = \"/b\"\nwords = { delivered = [\"x\"], sent = [\"x\"] }",
            "`x` stands twice",
        ),
        ("[status]\nreference = \"/a\"\nstatus = \"/b\"\nwords = { gone = [\"x\"] }", "`gone`"),
    ] {
        assert!(said(&hook(rest)).contains(expected), "{} — {rest}", said(&hook(rest)));
    }
}

fn signature(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"hook-secret").unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[test]
fn a_signed_webhook_counts_only_as_it_was_signed() {
    let carrier = gateway(WHOLE, "https://sms.example.org");
    let body = r#"{"reports":[{"uuid":"e1","id":9,"state":"DELIVRD","err":0},{"uuid":"e2","id":8,"state":"NEW"}],"u":"{url}"}"#;
    let now_s = NOW.as_ms() / 1000;
    let sign = |at: i64, url: &str, body: &str| {
        let signed = format!("sha256={}", signature(&format!("{at}.{url}.{body}")));
        headers(&[("x-signature", &signed), ("x-time", &at.to_string())])
    };
    let good = sign(now_s, URL, body);
    let request = hook(HookKind::Status, URL, &good, body);
    assert_eq!(carrier.verify(&request, NOW), Ok(()));
    let events = carrier.parse(&request).unwrap();
    let [Event::Receipt(receipt)] = &events[..] else { panic!("one that means something: {events:?}") };
    assert_eq!((receipt.event.as_str(), receipt.provider_ref.as_str()), ("e1", "9"));
    assert_eq!((receipt.status, receipt.code.as_deref()), (MessageStatus::Delivered, Some("0")));

    let mut bent = body.as_bytes().to_vec();
    for at in 0..bent.len() {
        bent[at] ^= 1;
        let request = HookRequest { body: &bent, ..request };
        assert_eq!(carrier.verify(&request, NOW), Err(HookError::Forged), "byte {at}");
        bent[at] ^= 1;
    }
    let elsewhere = "https://kept.example.org/hooks/gateway/elm/status";
    assert_eq!(carrier.verify(&HookRequest { url: elsewhere, ..request }, NOW), Err(HookError::Forged));
    let old = sign(now_s - 301, URL, body);
    assert_eq!(carrier.verify(&HookRequest { headers: &old, ..request }, NOW), Err(HookError::Stale));
    let early = sign(now_s + 300, URL, body);
    assert_eq!(carrier.verify(&HookRequest { headers: &early, ..request }, NOW), Ok(()));
    let mut half = good.clone();
    half.remove("x-time");
    assert_eq!(carrier.verify(&HookRequest { headers: &half, ..request }, NOW), Err(HookError::Unsigned));
    let bare = signature(&format!("{now_s}.{URL}.{body}"));
    let unprefixed = headers(&[("x-signature", &bare), ("x-time", &now_s.to_string())]);
    assert_eq!(carrier.verify(&HookRequest { headers: &unprefixed, ..request }, NOW), Err(HookError::Unsigned));
}

#[test]
fn a_form_in_base64_and_a_shared_secret_work_too() {
    let text = "[submit]\nurl = \"https://sms.example.org/s\"\nform = { to = \"{to}\", msg = \"{text}\" }\n\
        [webhook]\nscheme = \"hmac-sha256\"\nheader = \"X-Sign\"\nencoding = \"base64\"\n\
        [status]\nformat = \"form\"\nreference = \"/id\"\nstatus = \"/st\"\nwords = { undelivered = [\"2\"] }\n";
    let carrier = gateway(text, "");
    let body = "id=a%2Fb&st=2&new=1";
    let signed = headers(&[("x-sign", &STANDARD.encode(hex::decode(signature(body)).unwrap()))]);
    let request = hook(HookKind::Status, URL, &signed, body);
    assert_eq!(carrier.verify(&request, NOW), Ok(()));
    let events = carrier.parse(&request).unwrap();
    assert!(
        matches!(&events[..], [Event::Receipt(receipt)] if receipt.event == "a/b:2" && receipt.provider_ref == "a/b")
    );
    assert_eq!(carrier.parse(&hook(HookKind::Status, URL, &signed, "st=2")), Err(HookError::Malformed));
    assert_eq!(
        carrier.parse(&hook(HookKind::Inbound, URL, &signed, "x=1")),
        Err(HookError::Malformed),
        "not described"
    );

    let shared = text.replace("hmac-sha256", "secret").replace("encoding = \"base64\"\n", "");
    let carrier = gateway(&shared, "");
    for (claimed, expected) in
        [("hook-secret", Ok(())), ("hook-secreT", Err(HookError::Forged)), ("", Err(HookError::Forged))]
    {
        let given = headers(&[("x-sign", claimed)]);
        assert_eq!(carrier.verify(&hook(HookKind::Status, URL, &given, body), NOW), expected, "{claimed}");
    }
    let none = headers(&[]);
    assert_eq!(carrier.verify(&hook(HookKind::Status, URL, &none, body), NOW), Err(HookError::Unsigned));
    let unset = Settings { webhook_secret: Credential::default(), ..carrier.settings.clone() };
    let given = headers(&[("x-sign", "")]);
    let request = hook(HookKind::Status, URL, &given, body);
    assert_eq!(
        GatewayCarrier::new(client(), unset).verify(&request, NOW),
        Err(HookError::Forged),
        "no secret, no trust"
    );
}

#[test]
fn a_reply_is_read_with_or_without_a_plus_sign() {
    let carrier = gateway(WHOLE, "https://sms.example.org");
    let none = headers(&[]);
    for (from, expected) in [("12025550143", "+12025550143"), ("+12025550143", "+12025550143"), ("12345", "12345")] {
        for (media, has) in
            [(json!(null), false), (json!([]), false), (json!(["x"]), true), (json!(0), false), (json!("1"), true)]
        {
            let body = json!({"id": "e", "msisdn": from, "to": "12025550100", "text": "1", "media": media}).to_string();
            let events = carrier.parse(&hook(HookKind::Inbound, URL, &none, &body)).unwrap();
            let [Event::Inbound(reply)] = &events[..] else { panic!("one reply") };
            assert_eq!(
                (reply.from.as_str(), reply.to.as_deref(), reply.has_media),
                (expected, Some("+12025550100"), has)
            );
        }
    }
    assert_eq!(carrier.parse(&hook(HookKind::Inbound, URL, &none, "{}")), Err(HookError::Malformed));
}

#[test]
fn what_a_gateway_did_by_itself_is_read_where_it_says_so() {
    let acts =
        "did = \"/did\"\nwords = { stopped = [\"opt_out\", \"9\"], started = [\"opt_in\"], helped = [\"help\"] }\n";
    let base = "[submit]\nurl = \"https://sms.example.org/s\"\njson = { to = \"{to}\", text = \"{text}\" }\n\
        [webhook]\nscheme = \"secret\"\nheader = \"X-Sign\"\n[inbound]\nevent = \"/id\"\nfrom = \"/from\"\ntext = \"/text\"\n";
    let carrier = gateway(&format!("{base}{acts}"), "");
    let none = headers(&[]);
    for (did, expected) in [
        (json!("opt_out"), Some(Gateway::Stop)),
        (json!(9), Some(Gateway::Stop)),
        (json!("opt_in"), Some(Gateway::Start)),
        (json!("help"), Some(Gateway::Help)),
        (json!("none"), None),
        (json!(null), None),
    ] {
        let body = json!({"id": "e", "from": "+12025550143", "text": "STOP", "did": did}).to_string();
        let events = carrier.parse(&hook(HookKind::Inbound, URL, &none, &body)).unwrap();
        let [Event::Inbound(reply)] = &events[..] else { panic!("one reply") };
        assert_eq!(reply.gateway, expected, "{did}");
    }
    for wrong in ["did = \"/did\"\n", "words = { stopped = [\"x\"] }\n"] {
        let said = Description::parse(&format!("{base}{wrong}")).unwrap_err().to_string();
        assert!(said.contains("go together"), "{said}");
    }
    let unknown = Description::parse(&format!("{base}did = \"/did\"\nwords = {{ gone = [\"x\"] }}\n"));
    assert!(unknown.unwrap_err().to_string().contains("gone"));
}
