//! When reminders go out: what is ticked is what is planned.

use crate::browser::Browser;
use crate::portal::{ADMIN, at_desk};
use http::StatusCode;
use kept_domain::VisitTypeId;
use kept_flow::cadence::Cadence;
use kept_flow::intake::{ImportRequest, RejectWords};
use kept_flow::testing::World;
use kept_store::Store;
use kept_store::testing::both;

const FILE: &[u8] = b"Appt ID,Patient ID,Patient,DOB,Cell,Date,Time,Duration,Visit Type,Status\n\
    1,P1,Emma Lee,2015-09-23,(212) 555-0191,2026-12-04,10:00,30,Flu Shot,Scheduled\n\
    2,P2,Noah Lee,2017-01-05,212-555-0192,2026-12-05,10:30,30,Follow Up,Scheduled\n";

async fn steps(world: &World) -> (String, Vec<(String, Option<String>)>) {
    let open = world.flow.practice(world.practice).await.unwrap();
    let words = |plan: &kept_domain::plan::Plan| {
        plan.steps().iter().map(|step| step.key.to_string()).collect::<Vec<_>>().join(" ")
    };
    let kinds = open.visit_types.iter().map(|kind| match open.cadence(kind.id) {
        Cadence::AsAll => (kind.name.clone(), None),
        Cadence::Own(plan) => (kind.name.clone(), Some(words(&plan))),
    });
    (words(&open.default_plan().unwrap().plan), kinds.collect())
}

/// What the page would send untouched, with some fields changed; an empty value takes one away.
async fn save(browser: &mut Browser, changes: &[(&str, &str)]) -> StatusCode {
    let page = browser.get("/staff/plans").await;
    let mut form: Vec<(String, String)> = Vec::new();
    for tag in page.body.split("<input").skip(1) {
        let tag = tag.split('>').next().unwrap();
        let value = |name: &str| tag.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap().to_owned();
        if tag.contains(" checked") {
            form.push((value("name"), value("value")));
        }
    }
    for (name, value) in changes {
        form.retain(|(own, _)| own != name);
        if !value.is_empty() {
            form.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post("/staff/plans", &form).await.status
}

#[tokio::test]
async fn what_is_ticked_is_planned_and_an_untouched_page_changes_nothing() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let request = ImportRequest {
            practice: world.practice,
            file_name: "week.csv",
            content: FILE.to_vec(),
            mapping: None,
            consent: None,
            staff: Some(world.staff),
            dry_run: false,
            progress: None,
            words: RejectWords::default(),
        };
        world.flow.import(request).await.unwrap();
        let mut browser = at_desk(&world, ADMIN).await;
        assert!(browser.get("/staff/settings").await.body.contains("href=\"/staff/plans\""), "the way there");
        let standard =
            ("booking 3d 1d".to_owned(), vec![("Flu Shot".to_owned(), None), ("Follow Up".to_owned(), None)]);
        assert_eq!(steps(&world).await, standard);
        let chain = world.flow.verify_audit(world.practice).await.unwrap().entries;
        assert_eq!(save(&mut browser, &[]).await, StatusCode::SEE_OTHER);
        assert_eq!(steps(&world).await, standard);
        let after = world.flow.verify_audit(world.practice).await.unwrap().entries;
        assert_eq!(after, chain + 1, "only that somebody looked");

        let open = world.flow.practice(world.practice).await.unwrap();
        let flu: VisitTypeId = open.visit_types[0].id;
        let field = |word: &str| format!("{flu}.{word}");
        let own = flu.to_string();
        let changes: &[(&str, &str)] = &[
            ("all.booking", ""),
            ("all.2h", "yes"),
            (&own, "own"),
            (&field("booking"), ""),
            (&field("3d"), ""),
            (&field("7d"), "yes"),
        ];
        assert_eq!(save(&mut browser, changes).await, StatusCode::SEE_OTHER);
        let (all, kinds) = steps(&world).await;
        assert_eq!(all, "3d 1d 2h");
        assert_eq!(kinds, [("Flu Shot".to_owned(), Some("7d 1d".to_owned())), ("Follow Up".to_owned(), None)]);
        let page = browser.get("/staff/plans?saved=yes").await.words();
        assert!(page.contains("planned anew") && page.contains("Flu Shot 7 days before · One day before"), "{page}");

        assert_eq!(save(&mut browser, &[(&own, "as-all")]).await, StatusCode::SEE_OTHER);
        assert_eq!(steps(&world).await.1[0], ("Flu Shot".to_owned(), None));
        for wrong in [("all.soon", "yes"), ("all.99d", "yes"), (own.as_str(), "often")] {
            assert!(save(&mut browser, &[wrong]).await.is_client_error(), "{wrong:?}");
        }
        assert_eq!(steps(&world).await.0, "3d 1d 2h");
    })
    .await;
}
