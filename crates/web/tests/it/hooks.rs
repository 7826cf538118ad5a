//! Webhooks: many at once, forged, stale, replayed, out of order, and a process that dies between acknowledging one and
//! following it.

use http::HeaderMap;
use kept_carrier::sandbox::{
    ReplyEvent, SIGNATURE_HEADER, SandboxCarrier, Secret, Settings as CarrierSettings, StatusEvent, TIMESTAMP_HEADER,
};
use kept_carrier::{AnyCarrier, Carriers, Line, MessageStatus};
use kept_domain::{BlindIndex, Channel, Instant, NoticeId, NoticeState, PracticeSettings};
use kept_flow::consent::{Heard, Whose, Wrong};
use kept_flow::intake::ImportRequest;
use kept_flow::receipt::{Hook, HookError, Kind, MAX_HOOK_BYTES, MAX_WAITING, NotTaken};
use kept_flow::testing::{NOW, World, flow_with};
use kept_store::testing::{TestDatabase, both};
use kept_store::{Scope, Store};
use kept_web::{Settings, WebState, router};
use std::collections::BTreeSet;

const HEADER: &str = "Appt ID,Patient ID,Patient,DOB,Cell,Date,Time,Duration,Provider,Visit Type,Status,OK to text\n";
const OMAR: &str = "+12125550192";
const OMAR_ROW: &str = "3,P3,Omar Khan,1960-01-05,212-555-0192,2026-12-03,09:00,30,Amy Wong,Follow Up,Scheduled,Yes\n";
const SECRET: [u8; 32] = [9; 32];

/// A practice whose carrier is a name on paper: texts go nowhere, webhooks are signed here.
struct Scene {
    world: World,
}

/// A carrier that nobody answers for; nothing is handed over in these tests unless they say so.
fn carriers() -> Carriers {
    paced(0)
}

/// The same, taking so many a second from one sender.
fn paced(per_second: u32) -> Carriers {
    // Whoever comes first installs the provider; the rest find it there.
    let _second = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let settings = CarrierSettings::new("http://127.0.0.1:9/messages".to_owned(), Secret::new(SECRET));
    Carriers::new(vec![Line::new(AnyCarrier::Sandbox(SandboxCarrier::new(client, settings)), Channel::Sms, per_second)])
}

impl Scene {
    async fn new(store: &Store) -> Self {
        Self::over(store, carriers()).await
    }

    async fn over(store: &Store, carriers: Carriers) -> Self {
        let (flow, clock) = flow_with(store, carriers, "https://kept.example");
        Self { world: World::over(flow, clock, PracticeSettings::default()).await }
    }

    async fn import(&self, rows: &str) {
        let request = ImportRequest {
            practice: self.world.practice,
            file_name: "week.csv",
            content: format!("{HEADER}{rows}").into_bytes(),
            mapping: None,
            consent: None,
            staff: Some(self.world.staff),
            dry_run: false,
            progress: None,
            words: kept_flow::intake::RejectWords::default(),
        };
        self.world.flow.import(request).await.unwrap();
    }

    /// Imports a visit, plans it, and lets its first notice be sent under `m-1`, as if a carrier had taken it.
    async fn told(&self) -> NoticeId {
        self.import(OMAR_ROW).await;
        let flow = &self.world.flow;
        flow.run_sweep("plan").await.unwrap();
        let batch = flow.claim_due(1).await.unwrap().expect("the booking is due");
        flow.dispatch_batch(batch).await.unwrap();
        // The carrier on paper did not take it; what it would have answered is written as the recording would.
        let practice = self.world.practice;
        let mut tx = flow.store.begin(Scope::Work).await.unwrap();
        let token = flow.new_id();
        let later = Instant::from_ms(NOW.as_ms() + 3_600_000);
        let due = tx.claim_due_notices(token, later, later, 1).await.unwrap();
        let notice = due[0].1;
        tx.commit().await.unwrap();
        let mut tx = flow.store.begin(Scope::Practice(practice)).await.unwrap();
        let outcome = kept_store::Outcome {
            id: notice,
            state: NoticeState::Sent,
            reason: None,
            provider_ref: Some("m-1".to_owned()),
            due_at: None,
            attempt: "accepted",
            code: None,
        };
        let claimed = tx.claimed_notices(practice, &[notice]).await.unwrap().remove(0);
        let armed = kept_store::Armed {
            id: notice,
            body: claimed.sealed_body().unwrap().expect("frozen by the first attempt"),
            link_secret: claimed.sealed_link_secret().unwrap(),
            link: claimed.link_id.map(Into::into),
            rev: claimed.rev,
            send_day: None,
            carrier: "sandbox",
            attempt: flow.new_id(),
            attempt_number: claimed.attempts + 1,
            consent_seq: Some(1),
        };
        assert_eq!(tx.arm_notices(practice, (token, NOW), NOW, NOW, &[armed]).await.unwrap(), 1);
        assert_eq!(tx.record_outcomes(practice, token, NOW, &[outcome]).await.unwrap(), 1);
        tx.commit().await.unwrap();
        notice
    }

    fn reply(&self, event: &str, from: &str, text: &str) -> Signed {
        let event = ReplyEvent {
            event: event.to_owned(),
            from: from.to_owned(),
            to: None,
            text: text.to_owned(),
            media: false,
            opt_out_confirmed: false,
        };
        self.sign(Kind::Inbound, &event, SECRET, self.wall())
    }

    fn status(&self, event: &str, message: &str, status: MessageStatus) -> Signed {
        let event = StatusEvent { event: event.to_owned(), message: message.to_owned(), status, code: None };
        self.sign(Kind::Status, &event, SECRET, self.wall())
    }

    fn wall(&self) -> Instant {
        kept_flow::Clock::wall(&*self.world.clock)
    }

    fn sign(&self, kind: Kind, event: &impl serde::Serialize, secret: [u8; 32], at: Instant) -> Signed {
        let body = serde_json::to_vec(event).unwrap();
        let word = if kind == Kind::Status { "status" } else { "inbound" };
        let url = format!("https://kept.example/hooks/sandbox/{}/{word}", self.world.slug);
        let mut headers = HeaderMap::new();
        headers.insert(TIMESTAMP_HEADER, at.as_ms().to_string().parse().unwrap());
        headers.insert(SIGNATURE_HEADER, Secret::new(secret).sign(at, &url, &body).parse().unwrap());
        Signed { kind, headers, body, slug: self.world.slug.clone() }
    }

    /// Acts of the ledger for a number, in order.
    async fn ledger(&self, number: &str) -> Vec<String> {
        let ledger = self.world.flow.consent_of(self.world.practice, number).await.unwrap();
        ledger.entries.into_iter().map(|entry| entry.act).collect()
    }

    async fn rows(&self, table: &str) -> i64 {
        let mut tx = self.world.flow.store.read(Scope::Work).await.unwrap();
        tx.row_counts().await.unwrap().into_iter().find(|(name, _)| name == table).unwrap().1
    }

    async fn notice_states(&self) -> Vec<Option<NoticeState>> {
        let mut tx = self.world.flow.store.read(Scope::Practice(self.world.practice)).await.unwrap();
        let rows = tx.board_reminders(self.world.practice, 0, 30_000).await.unwrap();
        rows.iter().map(kept_store::BoardReminder::notice).collect()
    }

    async fn findings(&self) -> Vec<Wrong> {
        let mut found = Vec::new();
        let proof =
            self.world.flow.prove_consent(self.world.practice, |finding| found.push(finding.wrong)).await.unwrap();
        assert_eq!(proof.findings, found.len() as u64);
        assert!(proof.chain.is_ok());
        found
    }
}

/// A webhook, signed.
#[derive(Clone)]
struct Signed {
    kind: Kind,
    headers: HeaderMap,
    body: Vec<u8>,
    slug: String,
}

impl Signed {
    fn hook(&self) -> Hook<'_> {
        let Self { slug, headers, body, kind } = self;
        Hook { provider: "sandbox", slug, kind: *kind, query: None, headers, body }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hundreds_at_once_are_kept_once_each() {
    both(|store| async move {
        const EACH: usize = 150;
        let scene = Scene::new(&store).await;
        let mut hooks = Vec::new();
        for n in 0..EACH {
            let text = if n % 3 == 0 { "STOP" } else { "what time?" };
            hooks.push(scene.reply(&format!("r{n}"), &format!("+1212555{:04}", 100 + n), text));
            hooks.push(scene.status(&format!("s{n}"), &format!("m{n}"), MessageStatus::Delivered));
        }
        // Every one of them three times, as carriers do that heard no answer.
        let mut working = tokio::task::JoinSet::new();
        for hook in hooks.iter().cycle().take(hooks.len() * 3) {
            let (flow, hook) = (scene.world.flow.clone(), hook.clone());
            working.spawn(async move { flow.take_hook(hook.hook()).await });
        }
        while let Some(taken) = working.join_next().await {
            taken.unwrap().unwrap();
        }
        scene.world.flow.run_sweep("receipts").await.unwrap();
        assert_eq!(scene.rows("receipts").await, i64::try_from(EACH).unwrap());
        assert_eq!(scene.rows("inbound").await, i64::try_from(EACH).unwrap());
        assert_eq!(
            scene.rows("consents").await,
            i64::try_from(EACH.div_ceil(3)).unwrap(),
            "an entry for each STOP, and no second"
        );
        let mut tx = store.read(Scope::Practice(scene.world.practice)).await.unwrap();
        assert!(tx.waiting_texts(scene.world.practice, 10).await.unwrap().is_empty(), "nothing is left over");
        drop(tx);
        assert_eq!(scene.findings().await, []);
    })
    .await;
}

#[tokio::test]
async fn what_was_acknowledged_before_a_crash_is_followed_after_it_and_holds_everything_meanwhile() {
    both(|store| async move {
        let scene = Scene::new(&store).await;
        scene.told().await;
        let flow = &scene.world.flow;
        // Acknowledged, and then the process is gone.
        let stop = scene.reply("r1", OMAR, "Stop. Thank you");
        assert!(flow.keep_hook(stop.hook()).await.unwrap().is_some());
        assert_eq!(scene.ledger(OMAR).await, ["granted"], "nothing has followed yet");
        let mut tx = store.read(Scope::Practice(scene.world.practice)).await.unwrap();
        assert_eq!(tx.opt_outs_waiting(scene.world.practice).await.unwrap(), 1);
        drop(tx);

        // A worker finds the next reminder due, and sends nothing: an unread text may be an opt-out.
        let days_before = Instant::from_ms(NOW.as_ms() + 7 * 86_400_000);
        scene.world.clock.set_civil(days_before);
        let done = flow.dispatch_due(50).await.unwrap();
        assert!(done.claimed > 0, "a reminder was due");
        assert_eq!((done.released, done.sent, done.retried), (done.claimed, 0, 0));

        // The sweep of whichever process comes next follows it, once, whatever comes again.
        flow.run_sweep("receipts").await.unwrap();
        assert_eq!(scene.ledger(OMAR).await, ["granted", "withdrawn"]);
        flow.take_hook(scene.reply("r1", OMAR, "Stop. Thank you").hook()).await.unwrap();
        flow.run_sweep("receipts").await.unwrap();
        assert_eq!(scene.ledger(OMAR).await, ["granted", "withdrawn"], "the carrier's second try changes nothing");
        let later = Instant::from_ms(days_before.as_ms() + 3_600_000);
        scene.world.clock.set_civil(later);
        flow.run_sweep("plan").await.unwrap();
        let done = flow.dispatch_due(50).await.unwrap();
        assert_eq!((done.sent, done.retried, done.failed), (0, 0, 0), "and nothing is sent: {done:?}");
        assert_eq!(scene.findings().await, []);
    })
    .await;
}

#[tokio::test]
async fn replayed_reordered_stale_and_forged_webhooks_change_nothing() {
    both(|store| async move {
        let scene = Scene::new(&store).await;
        scene.told().await;
        let flow = &scene.world.flow;
        let delivered = scene.status("e2", "m-1", MessageStatus::Delivered);
        flow.take_hook(delivered.hook()).await.unwrap();
        let state = scene.notice_states().await;
        assert!(state.contains(&Some(NoticeState::Delivered)), "{state:?}");

        // Older news after newer, the same again, and the opposite: a final state stays.
        for hook in [
            scene.status("e1", "m-1", MessageStatus::Sent),
            delivered.clone(),
            scene.status("e3", "m-1", MessageStatus::Undelivered),
            scene.status("e4", "m-1", MessageStatus::Queued),
        ] {
            flow.take_hook(hook.hook()).await.unwrap();
            assert_eq!(scene.notice_states().await, state);
        }
        let before = (scene.rows("inbound").await, scene.rows("receipts").await, scene.ledger(OMAR).await);

        let stop = scene.reply("x", OMAR, "STOP");
        let other = scene.reply("x", OMAR, "START");
        let at = |ms: i64| Instant::from_ms(NOW.as_ms() + ms);
        let event = StatusEvent {
            event: "f".to_owned(),
            message: "m-1".to_owned(),
            status: MessageStatus::Undelivered,
            code: None,
        };
        let unsigned = Signed { headers: HeaderMap::new(), ..stop.clone() };
        let moved = Signed { kind: Kind::Status, ..stop.clone() };
        let mixed = Signed { body: other.body.clone(), ..stop.clone() };
        let elsewhere = Signed { slug: "another".to_owned(), ..stop.clone() };
        let long = Signed { body: vec![b' '; MAX_HOOK_BYTES + 1], ..stop.clone() };
        let mut cut = stop.clone();
        cut.body.pop();
        for (what, hook) in [
            ("another secret", scene.sign(Kind::Status, &event, [8; 32], NOW)),
            ("five minutes and a moment old", scene.sign(Kind::Status, &event, SECRET, at(-300_001))),
            ("five minutes and a moment ahead", scene.sign(Kind::Status, &event, SECRET, at(300_001))),
            ("no signature", unsigned),
            ("the other address", moved),
            ("another body", mixed),
            ("another practice", elsewhere),
            ("too long", long),
            ("cut off", cut),
            ("signed well, of no known shape", scene.sign(Kind::Inbound, &"STOP", SECRET, NOW)),
            ("a NUL in the event", scene.reply("x\0y", OMAR, "STOP")),
        ] {
            let refused = flow.take_hook(hook.hook()).await.expect_err(what);
            assert!(matches!(refused, NotTaken::Hook(_) | NotTaken::NoSuchAddress), "{what}: {refused}");
        }
        let too_long = Signed { body: vec![b' '; MAX_HOOK_BYTES + 1], ..stop.clone() };
        assert!(matches!(flow.take_hook(too_long.hook()).await, Err(NotTaken::Hook(HookError::TooLong))));
        let after = (scene.rows("inbound").await, scene.rows("receipts").await, scene.ledger(OMAR).await);
        assert_eq!(after, before, "nothing was taken");
        assert_eq!(scene.notice_states().await, state);
        flow.take_hook(stop.hook()).await.unwrap();
        assert_eq!(scene.ledger(OMAR).await, ["granted", "withdrawn"], "the real one is");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_than_can_wait_are_asked_to_come_again_and_none_that_was_taken_is_lost() {
    let database = TestDatabase::sqlite().await;
    let scene = Scene::new(&database.store).await;
    // Somebody holds the one writer: nothing can be committed.
    let blocking = database.store.begin(Scope::Work).await.unwrap();
    let mut working = tokio::task::JoinSet::new();
    let hooks: Vec<Signed> =
        (0..MAX_WAITING + 40).map(|n| scene.status(&format!("s{n}"), "m", MessageStatus::Sent)).collect();
    for hook in hooks {
        let flow = scene.world.flow.clone();
        working.spawn(async move { flow.keep_hook(hook.hook()).await });
    }
    let mut refused = 0;
    while refused < 40 {
        let taken = working.join_next().await.expect("some are refused while all others wait").unwrap();
        assert!(matches!(taken, Err(NotTaken::Busy)), "{taken:?}");
        refused += 1;
    }
    blocking.rollback().await.unwrap();
    let mut kept = 0;
    while let Some(taken) = working.join_next().await {
        assert!(taken.unwrap().is_ok());
        kept += 1;
    }
    assert_eq!(kept, MAX_WAITING);
    assert_eq!(scene.rows("receipts").await, i64::try_from(MAX_WAITING).unwrap());
    database.close().await;
}

#[tokio::test]
async fn over_http_the_answers_are_those_that_carriers_understand() {
    let database = TestDatabase::sqlite().await;
    let scene = Scene::new(&database.store).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let public = "https://kept.example".to_owned();
    let app = router(WebState::new(scene.world.flow.clone(), Settings { public_url: public, demo: false }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |hook: Signed| {
        let word = if hook.kind == Kind::Status { "status" } else { "inbound" };
        let to = format!("{url}/hooks/sandbox/{}/{word}", hook.slug);
        client.post(to).headers(hook.headers).body(hook.body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(scene.status("e", "m", MessageStatus::Sent)).await, 204);
    assert_eq!(post(scene.status("e", "m", MessageStatus::Sent)).await, 204, "again: taken, and nothing changes");
    let mut whole = scene.reply("e", OMAR, "hi");
    whole.body = vec![b'x'; MAX_HOOK_BYTES];
    assert_eq!(post(whole.clone()).await, 401, "64 KiB are read, and are not signed");
    whole.body.push(b'x');
    assert_eq!(post(whole).await, 413, "one byte more is not");
    assert_eq!(post(scene.sign(Kind::Inbound, &"?", SECRET, NOW)).await, 400);
    let old = Instant::from_ms(NOW.as_ms() - 300_001);
    assert_eq!(post(scene.sign(Kind::Inbound, &"?", SECRET, old)).await, 401);
    let nobody = Signed { slug: "nobody".to_owned(), ..scene.reply("e", OMAR, "hi") };
    assert_eq!(post(nobody).await, 404);
    database.close().await;
}

#[tokio::test]
async fn an_attempt_against_the_ledger_is_found_on_both_engines() {
    both(|store| async move {
        let scene = Scene::new(&store).await;
        let first = scene.told().await;
        assert_eq!(scene.findings().await, [], "what the product did itself is in order");
        let flow = &scene.world.flow;
        let practice = scene.world.practice;
        let whose = Whose::Written("(212) 555-0192");
        assert!(flow.record_opt_out(practice, whose, Heard::Voicemail, scene.world.staff).await.unwrap());
        assert!(!flow.record_opt_out(practice, whose, Heard::Desk, scene.world.staff).await.unwrap(), "once");
        assert_eq!(scene.ledger(OMAR).await, ["granted", "withdrawn"]);
        assert_eq!(scene.findings().await, []);

        // Behind the product's back: a notice is armed although the number is out.
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let ledger = tx.list_consents(practice, 0, 10).await.unwrap();
        let bix: BTreeSet<BlindIndex> = ledger.iter().map(|entry| entry.bix).collect();
        let bix = *bix.first().expect("one number");
        let owners = tx.number_owners(practice, Channel::Sms, &[bix]).await.unwrap();
        let notice = kept_store::PlannedNotice {
            id: flow.new_id(),
            kind: kept_domain::NoticeKind::Reminder,
            channel: Channel::Sms,
            bix,
            contact: owners[0].1.contact,
            location: scene.world.location,
            locale: kept_domain::Locale::En,
            template: "reminder",
            due_at: NOW,
            expires_at: Instant::from_ms(NOW.as_ms() + 3_600_000),
        };
        tx.insert_planned_notices(practice, std::slice::from_ref(&notice), NOW).await.unwrap();
        tx.commit().await.unwrap();
        let later = Instant::from_ms(NOW.as_ms() + 60_000);
        let token = flow.new_id();
        let mut tx = store.begin(Scope::Work).await.unwrap();
        assert_eq!(tx.claim_due_notices(token, later, later, 5).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let body = tx.claimed_notices(practice, &[first]).await.unwrap()[0].sealed_body().unwrap().unwrap();
        let armed = kept_store::Armed {
            id: notice.id,
            body,
            link_secret: None,
            link: None,
            rev: 1,
            send_day: None,
            carrier: "sandbox",
            attempt: flow.new_id(),
            attempt_number: 1,
            consent_seq: Some(1),
        };
        assert_eq!(tx.arm_notices(practice, (token, later), later, later, &[armed]).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let mut found = Vec::new();
        let proof = flow.prove_consent(practice, |finding| found.push(finding.clone())).await.unwrap();
        assert!(!proof.is_clean());
        let [only] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((only.wrong, only.notice, only.attempt), (Wrong::AfterWithdrawal, notice.id, Some(1)));
        assert_eq!((only.at, only.entry), (later, Some((2, NOW))));

        scene.world.clock.set_civil(Instant::from_ms(later.as_ms() + 60_000));
        assert!(flow.record_opt_in(practice, whose, Heard::Desk, scene.world.staff).await.unwrap());
        assert_eq!(scene.ledger(OMAR).await, ["granted", "withdrawn", "restored"]);
        assert_eq!(scene.findings().await, [Wrong::AfterWithdrawal], "what was wrong stays wrong");
        assert!(flow.consent_of(practice, "no number").await.is_err());
        let nobody = Whose::Contact(flow.new_id());
        assert!(flow.record_opt_out(practice, nobody, Heard::Mail, scene.world.staff).await.is_err());
        let whole = flow.verify_audit(practice).await.unwrap();
        assert_eq!(whole.broken, None);
    })
    .await;
}

#[tokio::test]
async fn after_two_days_without_a_worker_what_is_useful_is_spread_and_what_is_stale_expires() {
    both(|store| async move {
        const USEFUL: i64 = 90;
        let scene = Scene::over(&store, paced(1)).await;
        let row = |n: i64, date: &str| {
            format!(
                "{n},P{n},Pat Example {n},1960-01-05,212-555-{:04},{date},09:00,30,Amy Wong,Follow Up,Scheduled,Yes\n",
                n + 100
            )
        };
        // Visits in ten days, and five that will be over when somebody works again.
        let mut rows: String = (0..USEFUL).map(|n| row(n, "2026-12-03")).collect();
        rows.extend((USEFUL..USEFUL + 5).map(|n| row(n, "2026-11-24")));
        scene.import(&rows).await;
        let flow = &scene.world.flow;
        flow.run_sweep("plan").await.unwrap();
        let later = Instant::from_ms(NOW.as_ms() + 2 * 86_400_000);
        scene.world.clock.set_civil(later);
        flow.run_sweep("plan").await.unwrap();
        let due = |at: Instant| {
            let store = store.clone();
            async move { store.read(Scope::Work).await.unwrap().due_notices_count(at).await.unwrap() }
        };
        let before = due(later).await;
        assert!(before >= USEFUL, "{before} notices waited for a worker");
        flow.run_sweep("spread").await.unwrap();
        // Those that are stale keep their time, and expire with their reason when somebody looks.
        let stale = due(later).await - 1;
        assert!((0..=10).contains(&stale), "{stale} of {before}");
        let at = |s: i64| Instant::from_ms(later.as_ms() + s * 1_000);
        assert_eq!(due(at(30)).await - due(later).await, 30, "one a second, as the carrier grants");
        assert_eq!(due(at(USEFUL)).await, before, "and all of them long before the evening");
        flow.run_sweep("spread").await.unwrap();
        assert_eq!(due(at(30)).await - due(later).await, 30, "looking again changes nothing");
        let batch = flow.claim_due(50).await.unwrap().expect("some are due");
        let done = flow.dispatch_batch(batch).await.unwrap();
        assert_eq!((done.dropped, done.released), (usize::try_from(stale).unwrap(), 0), "{done:?}");
    })
    .await;
}
