//! A patient taps the link, shows who they are, answers, and changes their mind.

use crate::browser::{Answer, Browser};
use axum::Router;
use chrono::{Duration, NaiveDate};
use http::StatusCode;
use kept_domain::{AppointmentId, Instant, Locale, PatientId, PracticeSettings};
use kept_flow::testing::{NOW, World};
use kept_store::testing::both;
use kept_store::{Scope, Store};
use kept_web::{Settings, WebState, router};

pub(crate) const DAY: Duration = Duration::days(1);
/// 2026-11-24, 9:15 in New York.
pub(crate) const START: Instant = Instant::from_ms(NOW.as_ms() + 23 * 3_600_000 + 15 * 60_000);

pub(crate) fn birth() -> NaiveDate {
    NaiveDate::from_ymd_opt(1980, 5, 17).unwrap()
}

/// Whoever `World` makes the first administrator.
pub(crate) const ADMIN: (&str, &str) = ("ann@example.org", "correct horse battery");

/// Somebody of the practice, signed in.
pub(crate) async fn at_desk(world: &World, (email, password): (&str, &str)) -> Browser {
    let mut browser = Browser::new(&web(world));
    browser.fetch_site = Some("same-origin");
    let auth = world.auth_branch(&world.slug, email, password).await;
    let form = [("practice", world.slug.as_str()), ("email", email), ("auth", &auth)];
    assert_eq!(browser.post("/staff/sign-in", &form).await.location(), "/staff/today");
    browser
}

pub(crate) fn web(world: &World) -> Router {
    let settings = Settings { public_url: "https://kept.example".to_owned(), demo: false };
    router(WebState::new(world.flow.clone(), settings))
}

/// One patient with one visit tomorrow, and a link to it.
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) router: Router,
    pub(crate) patient: PatientId,
    pub(crate) visit: AppointmentId,
    pub(crate) auth: String,
}

impl Case {
    pub(crate) async fn new(store: &Store) -> Self {
        Self::with(store, PracticeSettings::default(), None).await
    }

    pub(crate) async fn with(store: &Store, settings: PracticeSettings, locale: Option<Locale>) -> Self {
        let world = World::with(store, settings).await;
        let patient = world.patient(Some(birth()), locale).await;
        let visit = world.visit(patient, START).await;
        let (_, token) = world.link(&[(visit, patient)]).await;
        let router = web(&world);
        let auth = token.auth().to_base64url().to_string();
        Self { world, router, patient, visit, auth }
    }

    pub(crate) fn at(&self, rest: &str) -> String {
        format!("/{}/{rest}", self.world.slug)
    }

    pub(crate) async fn open(&self, browser: &mut Browser) -> Answer {
        browser.post(&self.at("open"), &[("auth", &self.auth)]).await
    }

    pub(crate) async fn guess(&self, browser: &mut Browser, year: &str, remember: &str) -> Answer {
        let page = browser.get(&self.at("identify")).await;
        if page.status != StatusCode::OK {
            return page;
        }
        let (link, visit, nonce) = (page.hidden("link"), page.hidden("visit"), page.hidden("nonce"));
        let form = [
            ("link", link.as_str()),
            ("visit", &visit),
            ("nonce", &nonce),
            ("day", "17"),
            ("month", "5"),
            ("year", year),
            ("remember", remember),
        ];
        browser.post(&self.at("identify"), &form).await
    }

    /// A browser with a session.
    pub(crate) async fn inside(&self) -> Browser {
        let mut browser = Browser::new(&self.router);
        assert_eq!(self.open(&mut browser).await.location(), self.at("identify"));
        let done = self.guess(&mut browser, "1980", "").await;
        assert_eq!(done.location(), self.at("visit"), "{}", done.words());
        browser
    }

    async fn send(&self, browser: &mut Browser, page: &Answer, what: &str, more: &[(&str, &str)]) -> Answer {
        let (link, revision, nonce) = (page.hidden("link"), page.hidden("revision"), page.hidden("nonce"));
        let mut form = vec![("link", link.as_str()), ("revision", &revision), ("nonce", &nonce)];
        form.extend_from_slice(more);
        browser.post(&self.at(&format!("visit/1/{what}")), &form).await
    }

    async fn entries(&self) -> i64 {
        let verified = self.world.flow.verify_audit(self.world.practice).await.unwrap();
        assert_eq!(verified.broken, None);
        verified.entries
    }
}

#[tokio::test]
async fn a_patient_confirms_and_then_cancels_and_asks_for_another_time() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = case.inside().await;
        let page = browser.get(&case.at("visit")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.words().starts_with("Can you come on Tuesday 24 November at 9:15 AM?"), "{}", page.words());
        assert!(page.body.contains("Your insurance card"));

        let done = case.send(&mut browser, &page, "confirm", &[]).await;
        assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, case.at("visit/1/done").as_str()));
        let words = browser.get(done.location()).await.words();
        assert!(
            words.contains("Thank you. See you then. We will see you on Tuesday 24 November at 9:15 AM."),
            "{words}"
        );
        let twice = case.send(&mut browser, &page, "confirm", &[]).await;
        assert_eq!(twice.location(), case.at("visit/1/done"), "a second tap is no error");

        let page = browser.get(&case.at("visit/1/cancel")).await;
        assert!(page.words().contains("Cancel your visit on Tuesday 24 November at 9:15 AM?"));
        let done = case.send(&mut browser, &page, "cancel", &[("reason", "I moved away")]).await;
        let words = browser.get(done.location()).await.words();
        assert!(words.contains("Your visit is cancelled"), "{words}");

        let page = browser.get(&case.at("visit/1/another-time")).await;
        let empty = case.send(&mut browser, &page, "another-time", &[("wish", "  ")]).await;
        assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
        let long = "x".repeat(1001);
        let long = case.send(&mut browser, &page, "another-time", &[("wish", &long)]).await;
        assert!(long.words().contains("Your words are still here") && long.body.contains("xxxx"), "{}", long.words());
        let done = case.send(&mut browser, &page, "another-time", &[("monday", "yes"), ("wish", "after 3")]).await;
        assert_eq!(done.location(), case.at("visit/1/done"));

        let mut tx = store.read(Scope::Practice(case.world.practice)).await.unwrap();
        let target = tx.answer_target(case.world.practice, case.visit).await.unwrap().unwrap();
        assert_eq!((target.status.as_str(), target.answer.as_str()), ("cancelled", "declined"));
        drop(tx);
        // Practice, administrator, link opened, confirmed, cancelled, asked.
        assert_eq!(case.entries().await, 6);
    })
    .await;
}

#[tokio::test]
async fn another_time_keeps_the_visit_and_may_be_taken_back() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = case.inside().await;
        let page = browser.get(&case.at("visit/1/another-time")).await;
        let done = case.send(&mut browser, &page, "another-time", &[("friday", "yes"), ("morning", "yes")]).await;
        let words = browser.get(done.location()).await.words();
        assert!(words.contains("We got your wish") && words.contains("is still yours"), "{words}");
        let page = browser.get(&case.at("visit")).await;
        assert!(page.words().contains("Yes, I will be there"));
        let done = case.send(&mut browser, &page, "confirm", &[]).await;
        assert!(browser.get(done.location()).await.words().contains("You are coming"));
    })
    .await;
}

#[tokio::test]
async fn unknown_expired_and_revoked_links_answer_alike() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let answer = |auth: String| {
            let mut browser = Browser::new(&case.router);
            let path = case.at("open");
            async move {
                let answer = browser.post(&path, &[("auth", &auth)]).await;
                assert!(!browser.has_cookie("__Host-kept-link"));
                (answer.status, answer.body)
            }
        };
        let unknown = answer("A".repeat(43)).await;
        assert_eq!(unknown.0, StatusCode::NOT_FOUND);
        assert!(unknown.1.contains("This link does not work any more") && unknown.1.contains("tel:+14155550123"));
        assert_eq!(answer("not base64 at all".to_owned()).await, unknown);
        assert_eq!(answer(String::new()).await, unknown);

        case.world.clock.set_civil(START + DAY * 40);
        assert_eq!(answer(case.auth.clone()).await, unknown, "expired");
        case.world.clock.set_civil(NOW);
        let mut inside = case.inside().await;
        let mut tx = store.begin(Scope::Practice(case.world.practice)).await.unwrap();
        let revoked = tx.revoke_links_of_appointments(case.world.practice, &[case.visit], "desk", NOW).await.unwrap();
        assert_eq!(revoked, 1);
        tx.commit().await.unwrap();
        assert_eq!(answer(case.auth.clone()).await, unknown, "revoked");
        assert_eq!(inside.get(&case.at("visit")).await.status, StatusCode::FORBIDDEN, "and its sessions with it");
    })
    .await;
}

#[tokio::test]
async fn a_session_slides_for_a_quarter_of_an_hour_and_can_be_closed() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = case.inside().await;
        for minutes in [14, 28, 42] {
            case.world.clock.set_civil(NOW + Duration::minutes(minutes));
            assert_eq!(browser.get(&case.at("visit")).await.status, StatusCode::OK, "{minutes}");
        }
        case.world.clock.set_civil(NOW + Duration::minutes(58));
        let closed = browser.get(&case.at("visit")).await;
        assert_eq!(closed.status, StatusCode::FORBIDDEN);
        assert!(closed.words().contains("closed to keep you safe"));

        let mut browser = case.inside().await;
        let mut copy = browser.clone();
        assert_eq!(browser.post(&case.at("close"), &[]).await.status, StatusCode::OK);
        assert_eq!(copy.get(&case.at("visit")).await.status, StatusCode::FORBIDDEN, "ended on the server too");
    })
    .await;
}

#[tokio::test]
async fn a_remembered_device_is_not_asked_again_and_another_is() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = Browser::new(&case.router);
        case.open(&mut browser).await;
        assert_eq!(case.guess(&mut browser, "1980", "yes").await.location(), case.at("visit"));
        browser.post(&case.at("close"), &[]).await;
        assert_eq!(case.open(&mut browser).await.location(), case.at("visit"));
        assert_eq!(browser.get(&case.at("visit")).await.status, StatusCode::OK);
        let mut other = Browser::new(&case.router);
        assert_eq!(case.open(&mut other).await.location(), case.at("identify"));
        case.world.clock.set_civil(NOW + DAY * 181);
        let token = case.world.link(&[(case.visit, case.patient)]).await.1;
        case.world.clock.set_civil(NOW);
        assert_eq!(token.auth().to_base64url().len(), 43);
    })
    .await;
}

#[tokio::test]
async fn a_shared_link_asks_which_visit_and_remembers_nobody() {
    both(|store| async move {
        let world = World::new(&store).await;
        let mother = world.patient(Some(birth()), None).await;
        let child = world.patient(NaiveDate::from_ymd_opt(2015, 5, 17), Some(Locale::Es)).await;
        let stranger = world.patient(None, None).await;
        let mut visits = Vec::new();
        for (patient, later) in [(mother, 0), (child, 30), (stranger, 60)] {
            visits.push((world.visit(patient, START + Duration::minutes(later)).await, patient));
        }
        let (_, token) = world.link(&visits).await;
        let case = Case {
            router: web(&world),
            patient: child,
            visit: visits[1].0,
            auth: token.auth().to_base64url().to_string(),
            world,
        };
        let mut browser = Browser::new(&case.router);
        assert_eq!(case.open(&mut browser).await.location(), case.at("identify"));
        let pick = browser.get(&case.at("identify")).await;
        assert!(pick.words().contains("Visit 2 Tuesday 24 November, 9:45 AM"), "{}", pick.words());
        let page = browser.get(&case.at("identify?visit=2")).await;
        assert!(!page.body.contains("name=\"remember\""));
        let (link, nonce) = (page.hidden("link"), page.hidden("nonce"));
        let mut form = [
            ("link", link.as_str()),
            ("visit", "1"),
            ("nonce", nonce.as_str()),
            ("day", "17"),
            ("month", "5"),
            ("year", "2015"),
            ("remember", "yes"),
        ];
        let crossed = browser.post(&case.at("identify"), &form).await;
        assert_eq!(crossed.status, StatusCode::UNPROCESSABLE_ENTITY, "the nonce is of another visit");
        form[1].1 = "2";
        assert_eq!(browser.post(&case.at("identify"), &form).await.location(), case.at("visit"));
        assert!(!browser.has_cookie("__Host-kept-device"), "never on a link of several people");
        let page = browser.get(&case.at("visit")).await;
        assert!(page.words().starts_with("¿Puede venir el martes 24 de noviembre a las 9:45?"), "{}", page.words());
        assert!(!page.body.contains("9:15"), "only the child's own visit");
        assert_eq!(browser.get(&case.at("visit/1/cancel")).await.status, StatusCode::NOT_FOUND);
        let none = browser.get(&case.at("identify?visit=3")).await;
        assert_eq!(none.status, StatusCode::FORBIDDEN, "no birth date on record: call only");
    })
    .await;
}

#[tokio::test]
async fn two_tabs_cannot_cross() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let second = case.world.visit(case.patient, START + DAY).await;
        let (_, token) = case.world.link(&[(second, case.patient)]).await;
        let mut browser = case.inside().await;
        let first_tab = browser.get(&case.at("visit")).await;
        let other = Case { auth: token.auth().to_base64url().to_string(), ..Case::new_like(&case) };
        other.open(&mut browser).await;
        assert_eq!(other.guess(&mut browser, "1980", "").await.location(), case.at("visit"));
        let crossed = case.send(&mut browser, &first_tab, "confirm", &[]).await;
        assert_eq!(crossed.status, StatusCode::CONFLICT);
        assert!(crossed.words().contains("You have another message open"), "{}", crossed.words());
    })
    .await;
}

impl Case {
    fn new_like(case: &Self) -> Self {
        let world = World {
            flow: case.world.flow.clone(),
            clock: std::sync::Arc::clone(&case.world.clock),
            slug: case.world.slug.clone(),
            ..case.world
        };
        Self { world, router: case.router.clone(), auth: case.auth.clone(), ..*case }
    }
}

#[tokio::test]
async fn the_clock_decides_what_may_still_be_changed() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let minutes_before = |minutes| case.world.clock.set_civil(START - Duration::minutes(minutes));
        minutes_before(119);
        let mut browser = case.inside().await;
        let page = browser.get(&case.at("visit")).await;
        assert!(page.words().contains("I cannot come: call (415) 555-0123"), "{}", page.words());
        assert_eq!(browser.get(&case.at("visit/1/cancel")).await.status, StatusCode::CONFLICT);
        minutes_before(59);
        let mut browser = case.inside().await;
        let late = browser.get(&case.at("visit")).await;
        assert!(late.words().contains("Please call us to say if you can come"), "{}", late.words());
        minutes_before(60);
        let mut browser = case.inside().await;
        let page = browser.get(&case.at("visit")).await;
        minutes_before(59);
        let refused = case.send(&mut browser, &page, "confirm", &[]).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.words().contains("too late to change it here"), "{}", refused.words());
        minutes_before(0);
        let mut browser = case.inside().await;
        assert!(browser.get(&case.at("visit")).await.words().contains("This visit is over"));
    })
    .await;
}

#[tokio::test]
async fn the_calendar_entry_is_neutral() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = case.inside().await;
        let sent_on = browser.get(&case.at("visit/1/calendar")).await;
        assert_eq!(sent_on.status, StatusCode::SEE_OTHER);
        let file = browser.get(sent_on.location()).await;
        assert_eq!(file.headers["content-type"], "text/calendar; charset=utf-8");
        assert!(file.body.contains("SUMMARY:Visit: Oak Street\r\n") && file.body.contains("DTSTART:20261124T141500Z"));
        assert!(!file.body.contains("Family Medicine") && !file.body.contains("Pat"), "{}", file.body);
    })
    .await;
}

#[tokio::test]
async fn bad_input_is_a_page_and_never_a_500() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = case.inside().await;
        for path in [
            "nowhere",
            "visit/x/cancel",
            "visit/99/cancel",
            "visit/99999999999999999999/done",
            "identify?visit=x",
            "l/x",
        ] {
            let answer = browser.get(&case.at(path)).await;
            assert!(answer.status.is_client_error(), "{path} {}", answer.status);
            assert!(answer.body.contains("<h1>") && answer.body.contains("tel:+14155550123"), "{path}");
        }
        for (path, form) in [
            ("identify", &[("link", "x"), ("visit", "1"), ("nonce", "")][..]),
            ("identify", &[]),
            ("identify", &[("link", "x"), ("visit", "y"), ("nonce", "z")]),
            ("visit/1/confirm", &[("link", "x"), ("revision", "1"), ("nonce", "x")]),
            ("visit/1/confirm", &[]),
            ("visit/1/cancel", &[]),
            ("visit/1/cancel", &[("reason", &*"é".repeat(4000))]),
            ("visit/1/another-time", &[("wish", "\u{0}\u{FFFF}")]),
        ] {
            let answer = browser.post(&case.at(path), form).await;
            assert!(answer.status.is_client_error(), "{path} {}", answer.status);
            assert!(answer.body.contains("<h1>"), "{path}");
        }
        assert_eq!(browser.post(&case.at("l"), &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(browser.get("/nobody/l").await.status, StatusCode::NOT_FOUND);
        assert_eq!(browser.get("/assets/none.js").await.status, StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn pages_are_light_and_locked_down() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = case.inside().await;
        for path in ["l", "visit", "visit/1/cancel", "visit/1/another-time", "visit/1/done"] {
            let page = browser.get(&case.at(path)).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(page.body.len() <= 14 * 1024, "{path} has {} bytes", page.body.len());
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
            assert!(policy.contains("require-trusted-types-for 'script'; trusted-types 'none'"));
            assert!(!policy.contains("unsafe") && !policy.contains("'self' "), "{policy}");
            assert_eq!(page.headers["referrer-policy"], "no-referrer");
            assert_eq!(page.headers["x-content-type-options"], "nosniff");
            assert!(page.headers.contains_key("strict-transport-security"));
            let caching = page.headers["cache-control"].to_str().unwrap();
            assert_eq!(caching, if path == "l" { "public, max-age=300" } else { "no-store" });
        }
    })
    .await;
}

#[tokio::test]
async fn another_sites_form_is_refused() {
    both(|store| async move {
        let case = Case::new(&store).await;
        let mut browser = Browser::new(&case.router);
        for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)] {
            browser.fetch_site = Some(site);
            assert_eq!(case.open(&mut browser).await.status.as_u16(), status, "{site}");
            assert_eq!(browser.get(&case.at("l")).await.status, StatusCode::OK, "following a link is no form");
        }
    })
    .await;
}
