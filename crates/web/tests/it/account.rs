//! A carrier that refuses our account: seen at the desk, in words, once.

use crate::browser::Browser;
use crate::lines::client;
use crate::portal::{ADMIN, at_desk};
use crate::sandbox::HEADER;
use axum::routing::post;
use axum::{Json, Router};
use chrono::Duration;
use http::StatusCode;
use kept_carrier::twilio::{Sender, Settings, TwilioCarrier};
use kept_carrier::{AnyCarrier, Carriers, Credential, Line};
use kept_domain::{Channel, Locale, PracticeSettings};
use kept_flow::intake::ImportRequest;
use kept_flow::setup::NewPerson;
use kept_flow::testing::{NOW, World, flow_with};
use kept_store::testing::both;
use kept_store::{OpenTask, Scope, Store};
use serde_json::json;

/// A visit this afternoon: one message, now, and useless in some hours.
const ROW: &str = "3,P3,Omar Khan,1960-01-05,212-555-0192,2026-11-23,15:00,30,Amy Wong,Follow Up,Scheduled,Yes\n";
const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

/// A practice whose only line says that its token is wrong.
async fn refused(store: &Store) -> World {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api_url = format!("http://{}", listener.local_addr().unwrap());
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    let no = || async { (StatusCode::UNAUTHORIZED, Json(json!({"code": 20003, "message": "Authenticate"}))) };
    tokio::spawn(async move { axum::serve(listener, Router::new().route(&path, post(no))).await });
    let settings = Settings {
        api_url,
        account: ACCOUNT.to_owned(),
        user: ACCOUNT.to_owned(),
        password: Credential::new("wrong"),
        token: Credential::new("wrong"),
        sender: Sender::Number("+12125550100".to_owned()),
        discard_content: true,
        timeout: std::time::Duration::from_millis(300),
    };
    let line = Line::new(AnyCarrier::Twilio(Box::new(TwilioCarrier::new(client(), settings))), Channel::Sms, 0);
    let (flow, clock) = flow_with(store, Carriers::new(vec![line]), "https://kept.example");
    let world = World::over(flow, clock, PracticeSettings::default()).await;
    let request = ImportRequest {
        practice: world.practice,
        file_name: "week.csv",
        content: format!("{HEADER}{ROW}").into_bytes(),
        mapping: None,
        consent: None,
        staff: Some(world.staff),
        dry_run: false,
        progress: None,
        words: kept_flow::intake::RejectWords::default(),
    };
    world.flow.import(request).await.unwrap();
    world
}

async fn tasks(world: &World) -> Vec<OpenTask> {
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    tx.open_tasks(world.practice).await.unwrap()
}

/// Somebody at the desk who reads Spanish.
async fn eva(world: &World) -> Browser {
    let eva = NewPerson {
        name: "Eva".to_owned(),
        email: "eva@example.org".to_owned(),
        role: "front-desk",
        locale: Locale::Es,
        password: Some(ADMIN.1.to_owned()),
        must_change: false,
    };
    world.flow.add_person(world.practice, kept_flow::audit::Actor::Staff(world.staff), &eva).await.unwrap();
    at_desk(world, (&eva.email, ADMIN.1)).await
}

#[tokio::test]
async fn a_broken_account_is_one_task_and_its_words_stand_beside_each_message() {
    both(|store| async move {
        let world = refused(&store).await;
        // By hand, a few times only: the line's rest after many failures is counted on the machine's clock, which does not move.
        let try_at = async |minutes: i64, seconds: i64| {
            world.clock.set_civil(NOW + Duration::minutes(minutes) + Duration::seconds(seconds));
            world.flow.settle().await.unwrap();
        };
        for minutes in [0, 20, 40] {
            try_at(minutes, 0).await;
        }
        let [task] = &tasks(&world).await[..] else { panic!("one task, however often it was tried") };
        assert_eq!((task.kind.as_str(), task.detail.as_deref()), ("account", Some("twilio 20003")));

        let mut ann = at_desk(&world, ADMIN).await;
        let today = ann.get("/staff/today").await.words();
        assert!(today.contains("twilio 20003: the account or its key is wrong"), "{today}");
        let log = ann.get("/staff/messages").await.words();
        assert!(log.contains("The carrier says: the account or its key is wrong (code 20003)."), "{log}");
        assert!(log.contains("attempts."), "it waits for another attempt: {log}");
        let log = eva(&world).await.get("/staff/messages").await.words();
        assert!(log.contains("El operador dice: la cuenta, la clave"), "what it means: our words are English: {log}");

        // Done is done; the next refusal opens another.
        let mut tx = world.flow.store.begin(Scope::Practice(world.practice)).await.unwrap();
        assert!(tx.close_task(world.practice, task.id, world.staff, world.flow.clock.wall()).await.unwrap());
        tx.commit().await.unwrap();
        try_at(60, 0).await;
        assert_eq!(tasks(&world).await.len(), 1);

        // Nobody mends it, and the reason that is told is the true one.
        // Ten seconds before it would be of no use any more, and then.
        try_at(4 * 60 + 29, 50).await;
        try_at(4 * 60 + 30, 0).await;
        let mut ann = at_desk(&world, ADMIN).await;
        let log = ann.get("/staff/messages").await.words();
        assert!(log.contains("The carrier did not take it in time. The carrier says: the account"), "{log}");
    })
    .await;
}
