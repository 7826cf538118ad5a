//! Staff sign in, and may do what their role may do at their own practice, and nothing else.

use crate::browser::{Answer, Browser};
use crate::portal::{START, birth, web};
use axum::Router;
use chrono::Duration;
use http::{Method, StatusCode};
use kept_domain::{AppointmentId, AppointmentStatus, Locale, PracticeSettings};
use kept_flow::setup::{NewPerson, NewPractice};
use kept_flow::staff::{FREE_FAILURES, IDLE, LONGEST};
use kept_flow::testing::{NOW, World};
use kept_store::testing::both;
use kept_store::{Scope, Store};
use kept_web::staff::{Access, ROUTES};

const COOKIE: &str = "__Host-kept-staff";
const SIGN_IN: &str = "/staff/sign-in";
const PASSWORD: &str = "a long enough password";
const ADMIN: (&str, &str) = ("ann@example.org", "correct horse battery");

struct Desk {
    world: World,
    router: Router,
}

impl Desk {
    async fn new(store: &Store) -> Self {
        let world = World::new(store).await;
        let router = web(&world);
        Self { world, router }
    }

    fn browser(&self) -> Browser {
        let mut browser = Browser::new(&self.router);
        browser.fetch_site = Some("same-origin");
        browser
    }

    async fn enter(&self, browser: &mut Browser, (email, password): (&str, &str)) -> Answer {
        let slug = self.world.slug.as_str();
        let auth = self.world.auth_branch(slug, email, password).await;
        browser.post("/staff/sign-in", &[("practice", slug), ("email", email), ("auth", &auth)]).await
    }

    async fn signed_in(&self, person: (&str, &str)) -> Browser {
        let mut browser = self.browser();
        let answer = self.enter(&mut browser, person).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/staff/today"), "{}", answer.body);
        assert!(browser.has_cookie(COOKIE));
        browser
    }

    /// Where to sign in at this practice.
    fn sign_in(&self) -> String {
        format!("{SIGN_IN}?practice={}", self.world.slug)
    }

    /// Minutes go by.
    fn wait(&self, length: Duration) {
        use kept_flow::Clock as _;
        self.world.clock.set_civil(self.world.clock.civil() + length);
    }
}

/// A second practice in the same database, with a visit of its own.
async fn neighbour(store: &Store, desk: &Desk) -> (kept_domain::PracticeId, AppointmentId) {
    let new = NewPractice {
        name: "Elm Street Dental".to_owned(),
        alias: None,
        phone: None,
        time_zone: chrono_tz::America::New_York,
        settings: PracticeSettings::default(),
    };
    let admin = NewPerson {
        name: "Nan Neighbour".to_owned(),
        email: "nan@example.org".to_owned(),
        role: "administrator",
        locale: Locale::En,
        password: Some(PASSWORD.to_owned()),
        must_change: false,
    };
    let made = desk.world.flow.create_practice(&new, &admin).await.unwrap();
    let theirs = World {
        flow: desk.world.flow.clone(),
        clock: desk.world.clock.clone(),
        practice: made.id,
        slug: made.slug,
        location: made.location,
        staff: made.admin.id,
    };
    let patient = theirs.patient(Some(birth()), None).await;
    let visit = theirs.visit(patient, START).await;
    // There is something to undo: an answer, a hold or a mark from next door would show.
    assert_eq!(status(store, made.id, visit).await, AppointmentStatus::Booked);
    (made.id, visit)
}

async fn status(store: &Store, practice: kept_domain::PracticeId, visit: AppointmentId) -> AppointmentStatus {
    let mut tx = store.read(Scope::Practice(practice)).await.unwrap();
    tx.answer_target(practice, visit).await.unwrap().unwrap().status
}

#[tokio::test]
async fn who_may_not_gets_nothing_and_nobody_touches_another_practice() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        let (theirs, visit) = neighbour(&store, &desk).await;
        let roles = [
            ("front@example.org", "front-desk", true, false),
            ("clin@example.org", "clinician", true, false),
            ("man@example.org", "manager", false, true),
            ("boss@example.org", "administrator", true, true),
        ];
        for (email, role, _, _) in roles {
            desk.world.person(email, role, PASSWORD, false).await;
        }
        let foreign = visit.to_string();
        let fill = |path: &str| {
            path.replace("{visit}", &foreign)
                .replace("{task}", &foreign)
                .replace("{upload}", &foreign)
                .replace("{notice}", &foreign)
                .replace("{day}", "2026-11-24")
        };
        let form = [
            ("status", "cancelled"),
            ("answer", "declined"),
            ("choice", "cancelled"),
            ("channel", "sms"),
            ("said", "desk"),
            ("number", "+12125550142"),
            ("agrees", "yes"),
            ("act", "declined"),
            ("language", "es"),
            ("decision", "send-again"),
        ];
        let closed: Vec<_> = ROUTES.iter().filter(|(_, _, access)| *access != Access::Anybody).collect();
        for &&(method, path, _) in &closed {
            let method: Method = method.parse().unwrap();
            let answer = desk.browser().send(method.clone(), &fill(path), &form).await;
            let refused = answer.location() == SIGN_IN || answer.status.is_client_error();
            assert!(refused, "nobody at {method} {path}: {} {}", answer.status, answer.location());
            assert!(!answer.body.contains("Pat Example"), "{path}");
        }
        for (email, role, at_desk, reads) in roles {
            let inside = desk.signed_in((email, PASSWORD)).await;
            for &&(method, path, access) in &closed {
                if path == "/staff/sign-out" || path == "/staff/password" || path == "/staff/upload" && method == "POST"
                {
                    continue;
                }
                let method: Method = method.parse().unwrap();
                let mut browser = inside.clone();
                let answer = browser.send(method.clone(), &fill(path), &form).await;
                let allowed = match access {
                    Access::Anybody | Access::Staff => true,
                    Access::Desk => at_desk,
                    Access::Report => reads,
                    Access::Administrator => role == "administrator",
                };
                let sent_on = path == "/staff/today" && !at_desk && answer.location() == "/staff/report";
                if allowed {
                    assert_ne!(answer.status, StatusCode::FORBIDDEN, "{role} at {method} {path}");
                    assert!(!answer.status.is_server_error(), "{role} at {method} {path}: {}", answer.status);
                } else {
                    let unread = answer.status == StatusCode::UNPROCESSABLE_ENTITY;
                    let refused = answer.status == StatusCode::FORBIDDEN || sent_on || unread;
                    assert!(refused, "{role} at {method} {path}: {}", answer.status);
                }
                assert!(!answer.body.contains("Pat Example"), "{role} reads next door at {path}");
            }
        }
        assert_eq!(status(&store, theirs, visit).await, AppointmentStatus::Booked);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_when_idle_and_after_a_working_day() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        let mut browser = desk.signed_in(ADMIN).await;
        assert_eq!(browser.get("/staff/today").await.status, StatusCode::OK);
        desk.wait(IDLE - Duration::minutes(1));
        assert_eq!(browser.get("/staff/today").await.status, StatusCode::OK, "a deed keeps it alive");
        desk.wait(IDLE - Duration::minutes(1));
        assert_eq!(browser.get("/staff/today").await.status, StatusCode::OK);
        desk.wait(IDLE + Duration::seconds(1));
        assert_eq!(browser.get("/staff/today").await.location(), desk.sign_in(), "idle");

        let mut browser = desk.signed_in(ADMIN).await;
        for _ in 0..LONGEST.num_minutes() / 10 {
            desk.wait(Duration::minutes(10));
            browser.get("/staff/today").await;
        }
        desk.wait(Duration::minutes(1));
        assert_eq!(browser.get("/staff/today").await.location(), desk.sign_in(), "a long day");
    })
    .await;
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        let mut browser = desk.signed_in(ADMIN).await;
        let mut thief = browser.clone();
        assert_eq!(browser.post("/staff/sign-out", &[]).await.location(), desk.sign_in());
        assert!(!browser.has_cookie(COOKIE));
        assert_eq!(thief.get("/staff/today").await.location(), desk.sign_in());
    })
    .await;
}

#[tokio::test]
async fn of_several_practices_the_right_one_is_found_and_none_is_listed() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        let mut browser = desk.browser();
        let alone = browser.get(SIGN_IN).await;
        assert!(alone.body.contains("Oak Street Family Medicine"), "the only one needs no name");
        neighbour(&store, &desk).await;

        let asked = browser.get(SIGN_IN).await;
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
        assert!(asked.body.contains("name=\"practice\"") && !asked.body.contains("Elm"), "{}", asked.body);
        assert!(!asked.body.contains(&desk.world.slug) && !asked.body.contains("Oak"), "{}", asked.body);
        let unknown = browser.get("/staff/sign-in?practice=nobody").await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        assert!(unknown.body.contains("role=\"alert\"") && !unknown.body.contains("Elm"), "{}", unknown.body);
        for name in ["elm-street-dental", "+Elm-Street-Dental+"] {
            let theirs = browser.get(&format!("{SIGN_IN}?practice={name}")).await;
            assert_eq!((theirs.status, theirs.hidden("practice").as_str()), (StatusCode::OK, "elm-street-dental"));
        }
        for path in [SIGN_IN, "/staff/sign-in/kdf"] {
            let nameless = browser.post(path, &[("email", ADMIN.0), ("auth", "x")]).await;
            assert!(!nameless.status.is_server_error(), "{path}: {}", nameless.status);
        }
        assert_eq!(browser.get("/staff/today").await.location(), SIGN_IN, "nobody knows whose");
        let mut inside = desk.signed_in(ADMIN).await;
        desk.wait(IDLE + Duration::seconds(1));
        assert_eq!(inside.get("/staff/today").await.location(), desk.sign_in(), "an ended session knows");
    })
    .await;
}

#[tokio::test]
async fn guesses_wait_longer_and_longer_and_nobody_is_locked_out() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        for email in [ADMIN.0, "nobody@example.org"] {
            let mut browser = desk.browser();
            for _ in 0..=FREE_FAILURES {
                let answer = browser
                    .post("/staff/sign-in", &[("practice", &desk.world.slug), ("email", email), ("auth", "wrong")])
                    .await;
                assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{email}");
            }
            let answer = desk.enter(&mut browser, (email, ADMIN.1)).await;
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{email}: even the right one waits");
        }
        desk.wait(Duration::seconds(2));
        desk.signed_in(ADMIN).await;
    })
    .await;
}

#[tokio::test]
async fn of_many_guesses_at_once_only_the_free_ones_are_looked_at() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        let guesses = (0..40).map(|_| {
            let mut browser = desk.browser();
            let slug = desk.world.slug.clone();
            async move {
                let form = [("practice", slug.as_str()), ("email", ADMIN.0), ("auth", "wrong")];
                browser.post("/staff/sign-in", &form).await.status
            }
        });
        let statuses = futures_util::future::join_all(guesses).await;
        let looked_at = statuses.iter().filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY).count();
        assert_eq!(i64::try_from(looked_at).unwrap(), FREE_FAILURES + 1, "{statuses:?}");
    })
    .await;
}

#[tokio::test]
async fn a_stranger_learns_nothing_about_who_works_here() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        let mut browser = desk.browser();
        let slug = desk.world.slug.clone();
        let mut ask = async |email: &str| {
            let answer = browser.post("/staff/sign-in/kdf", &[("practice", &slug), ("email", email)]).await;
            assert_eq!(answer.status, StatusCode::OK);
            answer.body
        };
        let (known, unknown) = (ask(ADMIN.0).await, ask("nobody@example.org").await);
        assert_eq!(unknown, ask("Nobody@example.org ").await, "the same each time");
        assert_eq!(known.len(), unknown.len());
        assert_ne!(known, unknown);
    })
    .await;
}

#[tokio::test]
async fn forms_of_other_sites_do_nothing() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        let patient = desk.world.patient(Some(birth()), None).await;
        let visit = desk.world.visit(patient, NOW + Duration::hours(2)).await;
        let path = format!("/staff/visits/{visit}/mark");
        let mut browser = desk.signed_in(ADMIN).await;
        for site in [Some("cross-site"), Some("same-site"), Some("none"), None] {
            browser.fetch_site = site;
            assert_eq!(browser.post(&path, &[("status", "arrived")]).await.status, StatusCode::FORBIDDEN, "{site:?}");
        }
        assert_eq!(status(&store, desk.world.practice, visit).await, AppointmentStatus::Booked);
        browser.fetch_site = Some("same-origin");
        assert_eq!(browser.post(&path, &[("status", "arrived")]).await.status, StatusCode::SEE_OTHER);
        assert_eq!(status(&store, desk.world.practice, visit).await, AppointmentStatus::Arrived);
        assert!(browser.get("/staff/today").await.body.contains("Pat Example"));
    })
    .await;
}

#[tokio::test]
async fn a_first_password_must_be_changed_before_anything_else() {
    both(|store| async move {
        let desk = Desk::new(&store).await;
        desk.world.person("new@example.org", "front-desk", PASSWORD, true).await;
        let mut browser = desk.signed_in(("new@example.org", PASSWORD)).await;
        assert_eq!(browser.get("/staff/today").await.location(), "/staff/password");
        assert_eq!(browser.get("/staff/password").await.status, StatusCode::OK);
        let old = desk.world.auth_branch(&desk.world.slug, "new@example.org", PASSWORD).await;
        let weak = r#"{"alg":"argon2id","salt":"AAAAAAAAAAAAAAAAAAAAAA","m_kib":1024,"t":1,"p":1}"#;
        let answer = browser.post("/staff/password", &[("old", &old), ("new", &old), ("kdf", weak)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "a weaker derivation is refused");
        let fresh = desk.world.flow.fresh_kdf().unwrap();
        let answer = browser.post("/staff/password", &[("old", &old), ("new", &old), ("kdf", &fresh)]).await;
        assert_eq!(answer.location(), "/staff/today");
        assert_eq!(browser.get("/staff/today").await.status, StatusCode::OK);
    })
    .await;
}
