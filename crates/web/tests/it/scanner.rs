//! Whoever has the link but not the birth date changes nothing, however often and however many at once.

use crate::browser::Browser;
use crate::portal::Case;
use chrono::Duration;
use http::{Method, StatusCode};
use kept_domain::LinkId;
use kept_flow::portal::{BIRTH_DATE_ALARM, Gate, Identified, Identify, MAX_FAILURES_PER_LINK, STORM_LINKS};
use kept_store::Scope;
use kept_store::testing::both;

/// Everything the practice's tables hold, but for the audit.
async fn state(case: &Case) -> Vec<(String, i64)> {
    let mut tx = case.world.flow.store.read(Scope::Work).await.unwrap();
    tx.row_counts().await.unwrap().into_iter().filter(|(table, _)| table != "audit").collect()
}

#[tokio::test]
async fn fetching_a_live_link_ten_thousand_times_changes_nothing() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let before = (state(&case).await, case.world.flow.verify_audit(case.world.practice).await.unwrap());
        let mut browser = Browser::new(&case.router);
        let first = browser.get(&case.at("l")).await;
        assert_eq!(first.status, StatusCode::OK);
        for turn in 0..5_000 {
            for method in [Method::GET, Method::HEAD] {
                browser.language = if turn % 2 == 0 { "es" } else { "en" };
                let again = browser.send(method.clone(), &case.at("l"), &[]).await;
                assert_eq!(again.status, StatusCode::OK);
                assert!(again.headers.get("set-cookie").is_none());
                assert!(method == Method::HEAD || again.body == first.body, "the same bytes for everybody");
            }
        }
        let after = (state(&case).await, case.world.flow.verify_audit(case.world.practice).await.unwrap());
        assert_eq!(before, after);
    })
    .await;
}

#[tokio::test]
async fn pressing_everything_without_the_birth_date_changes_nothing() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let before = state(&case).await;
        let mut browser = Browser::new(&case.router);
        case.open(&mut browser).await;
        let page = browser.get(&case.at("identify")).await;
        let (link, nonce) = (page.hidden("link"), page.hidden("nonce"));
        let form = [
            ("link", link.as_str()),
            ("visit", "1"),
            ("revision", "1"),
            ("nonce", &nonce),
            ("reason", "x"),
            ("wish", "x"),
        ];
        for path in
            ["identify", "visit/1/confirm", "visit/1/cancel", "visit/1/another-time", "close", "open", "l", "visit"]
        {
            browser.post(&case.at(path), &form).await;
            case.open(&mut browser).await;
        }
        for path in [
            "visit",
            "visit/1/cancel",
            "visit/1/another-time",
            "visit/1/done",
            "visit/1/calendar",
            "visit/1/appointment.ics",
        ] {
            assert_eq!(browser.get(&case.at(path)).await.status, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(state(&case).await, before);
        let mut tx = store.read(Scope::Practice(case.world.practice)).await.unwrap();
        let target = tx.answer_target(case.world.practice, case.visit).await.unwrap().unwrap();
        assert_eq!((target.answer.as_str(), target.status.as_str()), ("needs-action", "booked"));
    })
    .await;
}

#[tokio::test]
async fn of_ten_thousand_birth_dates_two_hundred_at_a_time_five_are_evaluated() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = Browser::new(&case.router);
        case.open(&mut browser).await;
        let opening =
            case.world.flow.portal_open(case.world.practice, &case.auth, None).await.unwrap().expect("a live link");
        let first = chrono::NaiveDate::from_ymd_opt(1950, 1, 1).unwrap();
        // 200 forms are fetched before the first guess, so that all 200 race for the same five tries.
        let mut forms = Vec::new();
        for _ in 0..200 {
            forms.push(form(&case, &opening.cookie).await.expect("the form is shown"));
        }
        let (mut evaluated, mut refused) = (0, 0);
        for wave in 0..50 {
            let guesses = (0..).zip(&forms).map(|(n, (link, nonce))| {
                let (flow, practice, cookie) = (case.world.flow.clone(), case.world.practice, opening.cookie.clone());
                let birth_date = first + Duration::days(wave * 200 + n);
                let (link, nonce) = (*link, nonce.clone());
                let entered = Identify { link, ordinal: 1, nonce, birth_date, remember: false, device: None };
                tokio::spawn(async move { flow.portal_identify(practice, &cookie, entered).await.unwrap() })
            });
            for done in guesses.collect::<Vec<_>>() {
                match done.await.unwrap() {
                    Identified::Wrong { .. } => evaluated += 1,
                    Identified::Blocked => refused += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!((evaluated, refused), (MAX_FAILURES_PER_LINK, 10_000 - MAX_FAILURES_PER_LINK));
        assert_eq!(
            case.guess(&mut browser, "1980", "").await.status,
            StatusCode::FORBIDDEN,
            "the right one comes too late"
        );

        // A new link: five more for this patient, then none for thirty days.
        let (_, token) = case.world.link(&[(case.visit, case.patient)]).await;
        let auth = token.auth().to_base64url().to_string();
        let mut evaluated = 0;
        for n in 0..10 {
            let opening = case.world.flow.portal_open(case.world.practice, &auth, None).await.unwrap().unwrap();
            let Some((link, nonce)) = form(&case, &opening.cookie).await else { continue };
            let birth_date = first + Duration::days(n);
            let entered = Identify { link, ordinal: 1, nonce, birth_date, remember: false, device: None };
            let guessed = case.world.flow.portal_identify(case.world.practice, &opening.cookie, entered).await.unwrap();
            assert!(matches!(guessed, Identified::Wrong { .. }), "{guessed:?}");
            evaluated += 1;
        }
        assert_eq!(evaluated, 5);
    })
    .await;
}

/// The form's link and nonce, if the form is shown.
async fn form(case: &Case, cookie: &str) -> Option<(LinkId, String)> {
    match case.world.flow.portal_gate(case.world.practice, cookie, None).await.unwrap() {
        Gate::Ask { link, nonce, .. } => Some((link, nonce)),
        _ => None,
    }
}

#[tokio::test]
async fn fifty_failing_links_stop_birth_dates_until_the_desk_lifts_it() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let (flow, practice) = (&case.world.flow, case.world.practice);
        let mut device = Browser::new(&case.router);
        case.open(&mut device).await;
        assert_eq!(case.guess(&mut device, "1980", "yes").await.location(), case.at("visit"));
        for n in 0..STORM_LINKS {
            let patient = case.world.patient(Some(crate::portal::birth()), None).await;
            let visit = case.world.visit(patient, crate::portal::START).await;
            let (_, token) = case.world.link(&[(visit, patient)]).await;
            let opening = flow.portal_open(practice, &token.auth().to_base64url(), None).await.unwrap().unwrap();
            let (link, nonce) = form(&case, &opening.cookie).await.unwrap_or_else(|| panic!("link {n} is asked"));
            let birth_date = chrono::NaiveDate::from_ymd_opt(1999, 9, 9).unwrap();
            let entered = Identify { link, ordinal: 1, nonce, birth_date, remember: false, device: None };
            flow.portal_identify(practice, &opening.cookie, entered).await.unwrap();
        }
        let mut other = Browser::new(&case.router);
        case.open(&mut other).await;
        let stopped = other.get(&case.at("identify")).await;
        assert_eq!(stopped.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(stopped.words().contains("please call us"), "{}", stopped.words());
        device.post(&case.at("close"), &[]).await;
        assert_eq!(case.open(&mut device).await.location(), case.at("visit"), "remembered devices go on");

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert!(tx.lift_alarm(practice, BIRTH_DATE_ALARM, Some(case.world.staff), flow.clock.wall()).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(case.guess(&mut other, "1980", "").await.location(), case.at("visit"));
    })
    .await;
}
