//! Whoever looks at private data, or takes it away, is written down: every page of the staff's table, so that a new one
//! cannot forget it.

use crate::browser::Browser;
use crate::portal::{START, birth, web};
use http::StatusCode;
use kept_flow::audit::act;
use kept_flow::consent::ConsentChoice;
use kept_flow::intake::Mapping;
use kept_flow::testing::World;
use kept_store::testing::both;
use kept_store::{Scope, StoredAudit};
use kept_web::staff::{Access, ROUTES};

const ADMIN: (&str, &str) = ("ann@example.org", "correct horse battery");
const MAPPING: &str = "[columns]\nappointment_id = \"Id\"\npatient_name = \"Name\"\nstarts_at = \"When\"\n";
const FILE: &[u8] = b"Id,Name,When\n1,Ida Example,2026-12-04 10:00\n2,Ben Example,no day at all\n";

/// Pages that show nothing of a patient or of who works here, and what they do show.
const NOT_PRIVATE: &[(&str, &str)] = &[
    ("/staff/password", "a form"),
    ("/staff/today/stamp", "a hash of ids"),
    ("/staff/stop", "a form"),
    ("/staff/settings", "what the practice decided and tells every patient"),
    ("/staff/upload", "a form"),
    ("/staff/upload/example.csv", "made-up people"),
    ("/staff/upload/{upload}", "counts"),
];

fn expected(path: &str) -> &'static str {
    match path {
        "/staff/today" => act::BOARD_VIEWED,
        "/staff/messages" => act::MESSAGES_VIEWED,
        "/staff/calls" => act::CALLS_VIEWED,
        "/staff/visits/{visit}" => act::VISIT_VIEWED,
        "/staff/people" => act::PEOPLE_VIEWED,
        "/staff/plans" => act::PLANS_VIEWED,
        "/staff/report" => act::REPORT_VIEWED,
        "/staff/report.csv" => act::REPORT_EXPORTED,
        "/staff/upload/{upload}/columns" | "/staff/upload/{upload}/check" => act::UPLOAD_VIEWED,
        "/staff/upload/{upload}/rejects.csv" => act::REJECTS_EXPORTED,
        other => panic!("{other}: say which entry a look at it leaves, or why it shows nothing private"),
    }
}

async fn entries(world: &World, after: i64) -> Vec<StoredAudit> {
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    tx.audit_after(world.practice, after, 1000).await.unwrap()
}

#[tokio::test]
async fn every_private_page_leaves_one_entry_that_says_who_looked() {
    both(|store| async move {
        let world = World::new(&store).await;
        let visit = world.visit(world.patient(Some(birth()), None).await, START).await;
        let mapping = Mapping::parse(MAPPING).unwrap();
        let mut uploads = Vec::new();
        for _ in 0..2 {
            let id = world.flow.keep_upload(world.practice, world.staff, "week.csv", FILE).await.unwrap();
            world.flow.match_upload(world.practice, id, &mapping, ConsentChoice::Nothing).await.unwrap();
            uploads.push(id.to_string());
        }
        let sent = uploads[1].parse().unwrap();
        world
            .flow
            .send_upload(world.practice, world.staff, sent, kept_flow::intake::RejectWords::default())
            .await
            .unwrap();

        let mut browser = Browser::new(&web(&world));
        browser.fetch_site = Some("same-origin");
        let auth = world.auth_branch(&world.slug, ADMIN.0, ADMIN.1).await;
        let form = [("practice", world.slug.as_str()), ("email", ADMIN.0), ("auth", &auth)];
        assert_eq!(browser.post("/staff/sign-in", &form).await.location(), "/staff/today");
        let mut seen = entries(&world, 0).await.last().unwrap().seq;
        for (_, path, _) in ROUTES.iter().filter(|(how, _, who)| *how == "GET" && *who != Access::Anybody) {
            let upload = if path.ends_with("rejects.csv") { &uploads[1] } else { &uploads[0] };
            let query = match *path {
                "/staff/today/stamp" => "?day=2026-11-24",
                "/staff/report.csv" => "?names=1",
                _ => "",
            };
            let address = path.replace("{visit}", &visit.to_string()).replace("{upload}", upload);
            let answer = browser.get(&format!("{address}{query}")).await;
            let new = entries(&world, seen).await;
            seen = new.last().map_or(seen, |entry| entry.seq);
            if NOT_PRIVATE.iter().any(|(open, _)| open == path) {
                assert!(answer.status.is_success() || answer.status.is_redirection(), "{path}: {}", answer.status);
                assert!(new.is_empty(), "{path} shows nothing private: {new:?}");
                continue;
            }
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
            assert_eq!(path.contains(".csv"), answer.body.starts_with('\u{FEFF}'), "{path}: spreadsheets need it");
            let acts: Vec<&str> = new.iter().map(|entry| entry.act.as_str()).collect();
            assert_eq!(acts, [expected(path)], "{path}");
            assert_eq!(new[0].actor, format!("staff:{}", world.staff), "{path}");
            assert!(!new[0].detail.contains("Example"), "{path}: {}", new[0].detail);
        }
    })
    .await;
}
