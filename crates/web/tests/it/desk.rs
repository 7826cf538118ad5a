//! The log of messages, the call list, and one visit: what the desk sees, does, and is told.

use crate::browser::{Answer, Browser};
use crate::portal::{START, birth, web};
use chrono::Duration;
use http::StatusCode;
use kept_domain::{AppointmentId, PatientId};
use kept_flow::portal::BIRTH_DATE_ALARM;
use kept_flow::testing::{NOW, World};
use kept_store::testing::both;
use kept_store::{Scope, Store};

const ADMIN: (&str, &str) = ("ann@example.org", "correct horse battery");

struct Desk {
    world: World,
    patient: PatientId,
    visit: AppointmentId,
    browser: Browser,
}

impl Desk {
    /// A patient with a visit tomorrow and no number.
    async fn new(store: &Store) -> Self {
        let world = World::new(store).await;
        let patient = world.patient(Some(birth()), None).await;
        let visit = world.visit(patient, START).await;
        let mut browser = Browser::new(&web(&world));
        browser.fetch_site = Some("same-origin");
        let auth = world.auth_branch(&world.slug, ADMIN.0, ADMIN.1).await;
        let form = [("practice", world.slug.as_str()), ("email", ADMIN.0), ("auth", &auth)];
        assert_eq!(browser.post("/staff/sign-in", &form).await.location(), "/staff/today");
        world.flow.plan_sweep().await.unwrap();
        Self { world, patient, visit, browser }
    }

    fn at(&self, rest: &str) -> String {
        format!("/staff/visits/{}{rest}", self.visit)
    }

    /// Sends a form of the visit's page and goes where it leads.
    async fn does(&mut self, what: &str, form: &[(&str, &str)]) -> Answer {
        let sent = self.browser.post(&self.at(&format!("/{what}")), form).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{what}: {}", sent.words());
        self.browser.get(sent.location()).await
    }

    async fn log(&mut self, query: &str) -> Answer {
        self.world.flow.plan_sweep().await.unwrap();
        let page = self.browser.get(&format!("/staff/messages{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.words());
        page
    }
}

#[tokio::test]
async fn what_is_not_sent_is_told_with_its_fix_and_the_fix_mends_it() {
    both(|store| async move {
        let mut desk = Desk::new(&store).await;
        let page = desk.log("?from=2026-11-23&to=2026-11-24").await;
        assert!(page.words().contains("Cannot be reminded: no number."), "{}", page.words());
        assert!(page.body.contains(&format!("/staff/visits/{}#number", desk.visit)), "the fix is a press away");

        let page = desk.does("number", &[("number", "911")]).await;
        assert!(page.words().contains("no number that a text can reach"), "{}", page.words());
        let page = desk.does("number", &[("number", "(212) 555-0142")]).await;
        assert!(page.words().contains("no reminder goes there before you record"), "{}", page.words());
        let page = desk.log("").await;
        assert!(page.words().contains("no consent to"), "{}", page.words());
        let page = desk.does("consent", &[("channel", "sms"), ("said", "agrees")]).await;
        assert!(page.words().contains("agreed to reminders. Stop reminders"), "{}", page.words());
        let page = desk.log("").await;
        assert!(page.words().contains("○ Waiting"), "{}", page.words());
        assert!(!page.words().contains("what you can do"), "nothing is left to mend: {}", page.words());

        let page = desk.does("consent", &[("channel", "sms"), ("said", "voicemail")]).await;
        assert!(page.words().contains("Opted out on voicemail"), "{}", page.words());
        let page = desk.does("link", &[]).await;
        assert!(page.words().contains("No link was sent"), "{}", page.words());
        let page = desk.does("consent", &[("channel", "sms"), ("said", "again")]).await;
        assert!(page.words().contains("Reminders go there again."), "{}", page.words());
        let page = desk.does("link", &[]).await;
        assert!(page.words().contains("A fresh link is on its way"), "{}", page.words());
        let page = desk.does("wrong-number", &[("channel", "sms")]).await;
        assert!(page.words().contains("it is somebody else"), "{}", page.words());
        let page = desk.does("release", &[("channel", "sms")]).await;
        assert!(page.words().contains("Messages go to this number again."), "{}", page.words());
        let page = desk.does("language", &[("language", "es")]).await;
        assert!(page.words().contains("written to in this language"), "{}", page.words());
        let wrong = desk.browser.post(&desk.at("/language"), &[("language", "fr")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        let nothing = desk.browser.post(&desk.at("/consent"), &[("channel", "sms"), ("said", "perhaps")]).await;
        assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
        let nothing = desk.browser.post(&desk.at("/wrong-number"), &[("channel", "email")]).await;
        assert_eq!(nothing.status, StatusCode::NOT_FOUND, "there is no address");
    })
    .await;
}

#[tokio::test]
async fn the_log_refuses_words_that_it_does_not_know() {
    both(|store| async move {
        let mut desk = Desk::new(&store).await;
        for query in [
            "?from=yesterday",
            "?to=2026-13-01",
            "?place=everywhere",
            "?reason=%3Cscript%3E",
            "?after=7",
            "?after=7.x",
            "?location=1",
        ] {
            let page = desk.browser.get(&format!("/staff/messages{query}")).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        }
        let page = desk.log("?from=2026-11-24&to=2020-01-01&said=%3Cb%3E&reason=no-number&place=not-sent").await;
        assert!(!page.body.contains("<b>"));
        let far = desk.log("?from=2026-11-01&to=2027-11-01").await;
        assert!(far.body.contains("name=\"to\" value=\"2026-12-01\""), "31 days at most");
    })
    .await;
}

#[tokio::test]
async fn calls_are_taken_and_written_down() {
    both(|store| async move {
        let mut desk = Desk::new(&store).await;
        let page = desk.browser.get("/staff/calls").await;
        assert!(page.words().contains("Pat Example"), "{}", page.words());
        let post = desk.at("/call");
        let taken = desk.browser.post(&post, &[("act", "taken")]).await;
        assert_eq!(taken.location(), format!("/staff/calls#c-{}", desk.visit));
        assert!(desk.browser.get("/staff/calls").await.words().contains("You call"));
        let page = desk.does("call?back=panel", &[("act", "no-reply")]).await;
        assert!(page.words().contains("The call is written down."), "{}", page.words());
        assert!(desk.browser.get("/staff/calls").await.words().contains("Called once: No reply"));
        desk.browser.post(&post, &[("act", "confirmed")]).await;
        assert!(desk.browser.get("/staff/calls").await.words().contains("Nobody has to be called now."));
        assert!(desk.browser.get("/staff/today?day=2026-11-24").await.words().contains("✓ Confirmed"));
    })
    .await;
}

#[tokio::test]
async fn an_alarm_stands_on_today_until_the_desk_lifts_it_and_a_patient_may_try_again() {
    both(|store| async move {
        let mut desk = Desk::new(&store).await;
        let practice = desk.world.practice;
        assert!(!desk.browser.get("/staff/today").await.words().contains("guessing birth dates"));
        let (link, _) = desk.world.link(&[(desk.visit, desk.patient)]).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.raise_alarm(practice, BIRTH_DATE_ALARM, NOW - Duration::minutes(5)).await.unwrap();
        let today = i64::from(kept_domain::time::day_number(NOW.utc().date_naive()));
        for _ in 0..5 {
            tx.lock_guards(practice, link, desk.patient, today, 0).await.unwrap();
            tx.count_guard_failure(practice, link, desk.patient, today, NOW).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert!(desk.browser.get("/staff/today").await.words().contains("Somebody is guessing birth dates."));
        assert_eq!(desk.browser.post("/staff/alarm/lift", &[]).await.location(), "/staff/today");
        assert!(!desk.browser.get("/staff/today").await.words().contains("guessing birth dates"));

        let page = desk.browser.get(&desk.at("")).await;
        assert!(page.words().contains("The portal no longer takes birth dates here."), "{}", page.words());
        let page = desk.does("guard", &[]).await;
        assert!(page.words().contains("No wrong birth date was entered lately."), "{}", page.words());
        assert_eq!(desk.world.flow.verify_audit(practice).await.unwrap().broken, None);
    })
    .await;
}
