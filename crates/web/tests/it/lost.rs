//! A carrier without keys, played by a server of the tests' own: what it does not answer is looked for in its list, and its
//! webhooks count as they were signed, once.

use crate::lines::{client, tried};
use crate::sandbox::{OMAR, OMAR_ROW, Scene};
use axum::extract::{Form, State};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use kept_carrier::twilio::{SIGNATURE_HEADER, Sender, Settings, TwilioCarrier};
use kept_carrier::{AnyCarrier, Credential};
use kept_domain::{Instant, PracticeSettings};
use kept_flow::testing::NOW;
use kept_store::Store;
use kept_store::testing::both;
use serde_json::{Value, json};
use sha1::Sha1;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "tok";

#[derive(Debug, Default)]
struct Memory {
    /// Texts that were posted.
    posted: Vec<BTreeMap<String, String>>,
    /// Posts that get no answer.
    silent: usize,
    /// How often each text stands in the list.
    copies: usize,
}

/// A stand-in for Twilio. Cheap to clone.
#[derive(Debug, Clone, Default)]
struct FakeTwilio(Arc<Mutex<Memory>>);

impl FakeTwilio {
    async fn scene(&self, store: &Store, silent: usize, copies: usize) -> Scene {
        *self.0.lock().unwrap() = Memory { silent, copies, ..Memory::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_url = format!("http://{}", listener.local_addr().unwrap());
        let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
        let app = Router::new().route(&path, post(take).get(list)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let settings = Settings {
            api_url,
            account: ACCOUNT.to_owned(),
            user: ACCOUNT.to_owned(),
            password: Credential::new(TOKEN),
            token: Credential::new(TOKEN),
            sender: Sender::Number("+12125550100".to_owned()),
            discard_content: true,
            timeout: Duration::from_millis(300),
        };
        let carrier = AnyCarrier::Twilio(Box::new(TwilioCarrier::new(client(), settings)));
        let scene = Scene::behind(store, PracticeSettings::default(), Some(carrier)).await;
        scene.import(OMAR_ROW).await;
        scene.settle().await;
        scene
    }

    fn posts(&self) -> usize {
        self.0.lock().unwrap().posted.len()
    }
}

async fn take(State(twilio): State<FakeTwilio>, Form(form): Form<BTreeMap<String, String>>) -> Json<Value> {
    let (sid, silent) = {
        let mut memory = twilio.0.lock().unwrap();
        memory.posted.push(form);
        let count = memory.posted.len();
        (format!("SM{count}"), count <= memory.silent)
    };
    if silent {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    Json(json!({"sid": sid}))
}

async fn list(State(twilio): State<FakeTwilio>) -> Json<Value> {
    let memory = twilio.0.lock().unwrap();
    let listed = |n: usize, copy: usize| {
        json!({
            "sid": format!("SM{}{}", n + 1, "x".repeat(copy)), "to": memory.posted[n]["To"], "body": memory.posted[n]["Body"],
            "direction": "outbound-api", "date_created": "Mon, 23 Nov 2026 15:00:01 +0000",
        })
    };
    let messages: Vec<_> = (0..memory.posted.len())
        .flat_map(|n| (0..memory.copies).map(move |copy| (n, copy)))
        .map(|(n, copy)| listed(n, copy))
        .collect();
    Json(json!({"messages": messages, "next_page_uri": null}))
}

impl Scene {
    /// Two minutes pass: the list is old enough.
    async fn a_while(&self) -> (u64, u64, u64) {
        let later = Instant::from_ms(self.world.flow.clock.civil().as_ms() + 120_000);
        self.world.clock.set_civil(later);
        let done = self.world.flow.reconcile().await.unwrap();
        (done.found, done.resent, done.uncertain)
    }

    /// Calls a webhook as Twilio does, signed with `token`.
    async fn told(&self, kind: &str, token: &str, form: &[(&str, &str)]) -> u16 {
        let url = format!("{}/hooks/twilio/{}/{kind}", self.url, self.world.slug);
        let sorted: BTreeMap<_, _> = form.iter().copied().collect();
        let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
        mac.update(url.as_bytes());
        for (name, value) in sorted {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client.post(&url).header(SIGNATURE_HEADER, signature);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap().status().as_u16()
    }

    async fn texts_us(&self, sid: &str, body: &str, gateway: &str) -> u16 {
        let form = [
            ("MessageSid", sid),
            ("From", OMAR),
            ("Body", body),
            ("NumMedia", "0"),
            ("OptOutType", gateway),
            ("New", "1"),
        ];
        self.told("inbound", TOKEN, &form).await
    }

    async fn consents(&self) -> i64 {
        self.followed().await;
        self.world.flow.verify_consents(self.world.practice).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn what_the_list_has_counts_as_sent_and_its_receipts_count() {
    both(|store| async move {
        let twilio = FakeTwilio::default();
        let scene = twilio.scene(&store, 1, 1).await;
        assert_eq!(scene.world.flow.reconcile().await.unwrap().found, 0, "too early to tell");
        assert_eq!(scene.tasks().await, [] as [&str; 0], "the carrier is asked first");
        assert_eq!(scene.a_while().await, (1, 0, 0));
        assert_eq!(scene.attempts().await, tried(&[("twilio", "accepted")]));
        assert_eq!((twilio.posts(), scene.received(OMAR)), (1, 0), "and nothing is sent twice");

        let failed = [("MessageSid", "SM1"), ("MessageStatus", "undelivered"), ("ErrorCode", "30008")];
        assert_eq!(scene.told("status", "another", &failed).await, 401, "forged");
        assert_eq!(scene.tasks().await, [] as [&str; 0]);
        let delivered = [("MessageSid", "SM1"), ("MessageStatus", "delivered")];
        for form in [&delivered[..], &delivered, &failed, &[("MessageSid", "SM1"), ("MessageStatus", "sent")]] {
            assert_eq!(scene.told("status", TOKEN, form).await, 204);
        }
        assert_eq!(scene.tasks().await, [] as [&str; 0], "delivered is final, whatever comes after it");
    })
    .await;
}

#[tokio::test]
async fn what_the_list_has_not_is_sent_again_and_what_it_cannot_tell_is_for_a_person() {
    both(|store| async move {
        let twilio = FakeTwilio::default();
        let scene = twilio.scene(&store, 1, 0).await;
        assert_eq!(scene.a_while().await, (0, 1, 0));
        assert_eq!(scene.settle().await, 1);
        assert_eq!(scene.attempts().await, tried(&[("twilio", "retry"), ("sandbox", "accepted")]));
        assert_eq!((twilio.posts(), scene.received(OMAR)), (1, 1), "certainly not taken: the other line may");

        let scene = twilio.scene(&store, 1, 2).await;
        assert_eq!(scene.a_while().await, (0, 0, 1));
        assert_eq!(scene.settle().await, 0);
        assert_eq!((twilio.posts(), scene.received(OMAR)), (1, 0), "neither again nor by the other line");
        assert_eq!(scene.tasks().await, ["uncertain"]);
    })
    .await;
}

#[tokio::test]
async fn a_carriers_own_stop_counts_and_its_own_yes_does_not() {
    both(|store| async move {
        let twilio = FakeTwilio::default();
        let scene = twilio.scene(&store, 0, 1).await;
        assert_eq!((twilio.posts(), scene.consents().await), (1, 1));
        let stop = [("MessageSid", "SM8"), ("From", OMAR), ("Body", "STOP"), ("OptOutType", "STOP")];
        assert_eq!(scene.told("inbound", "another", &stop).await, 401);
        assert_eq!(scene.consents().await, 1, "forged");
        for _ in 0..2 {
            assert_eq!(scene.texts_us("SM9", "basta", "STOP").await, 204);
        }
        assert_eq!(scene.consents().await, 2, "its word for it, once");
        scene.settle().await;
        assert_eq!(twilio.posts(), 1, "it has confirmed by itself");

        assert_eq!(scene.texts_us("SM10", "YES", "START").await, 204);
        assert_eq!(scene.consents().await, 2, "the carrier lets us through again; the patient did not ask for it");
        let visit = Instant::from_ms(NOW.as_ms() + 11 * 86_400_000);
        scene.world.flow.advance(&scene.world.clock, visit, async |_| Ok(())).await.unwrap();
        assert_eq!((twilio.posts(), scene.received(OMAR)), (1, 0), "no reminder");

        assert_eq!(scene.texts_us("SM11", "START", "START").await, 204);
        scene.settle().await;
        assert_eq!((scene.consents().await, twilio.posts()), (3, 1), "restored, and the carrier said so");
    })
    .await;
}

#[tokio::test]
async fn a_phone_that_is_off_now_and_then_is_texted_again_and_one_that_never_answers_is_not() {
    both(|store| async move {
        // Whether the second of three messages arrives.
        for arrives in [true, false] {
            let twilio = FakeTwilio::default();
            let scene = twilio.scene(&store, 0, 1).await;
            let (flow, practice) = (&scene.world.flow, scene.world.practice);
            let visit = Instant::from_ms(NOW.as_ms() + 11 * 86_400_000);
            let told = std::cell::Cell::new(0);
            let mut suspended = Vec::new();
            flow.advance(&scene.world.clock, visit, async |_| {
                while told.get() < twilio.posts() {
                    told.set(told.get() + 1);
                    let sid = format!("SM{}", told.get());
                    let off = [("MessageSid", &*sid), ("MessageStatus", "undelivered"), ("ErrorCode", "30003")];
                    let form =
                        if arrives && told.get() == 2 { &[off[0], ("MessageStatus", "delivered")][..] } else { &off };
                    assert_eq!(scene.told("status", TOKEN, form).await, 204);
                    flow.run_sweep("receipts").await?;
                    suspended.push(flow.consent_of(practice, OMAR).await.unwrap().suspended.is_some());
                }
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(suspended, [false, false, !arrives], "three days in a row, the second arrives: {arrives}");
        }
    })
    .await;
}
