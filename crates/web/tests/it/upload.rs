//! A schedule at the desk: matched, checked, explained, sent once, and told of in the reader's language.

use crate::browser::{Answer, Browser};
use crate::portal::web;
use http::StatusCode;
use kept_domain::{Locale, UploadId};
use kept_flow::audit::Actor;
use kept_flow::setup::NewPerson;
use kept_flow::testing::World;
use kept_store::testing::both;
use kept_store::{Scope, Store};

const PASSWORD: &str = "a long enough password";
const EMAIL: &str = "eva@example.org";
const HEADER: &str = "Appt ID,Patient,Cell,Start,Status\n";
/// A status that nobody knows, twice; one that is known; and a row that cannot be used.
const ROWS: &str = "1,Emma Lee,6025550191,2026-12-01 08:15,Zombie\n2,Omar Khan,6025550192,2026-12-02 09:00,Zombie\n\
    3,Zoe Nunez,6025550193,2026-12-03 09:00,Scheduled\n4,Ann Other,6025550194,2026-02-31 09:00,Scheduled\n";

struct Desk {
    world: World,
    browser: Browser,
}

impl Desk {
    /// Somebody at the desk who reads Spanish.
    async fn new(store: &Store) -> Self {
        let world = World::new(store).await;
        let eva = NewPerson {
            name: "Eva Example".to_owned(),
            email: EMAIL.to_owned(),
            role: "front-desk",
            locale: Locale::Es,
            password: Some(PASSWORD.to_owned()),
            must_change: false,
        };
        world.flow.add_person(world.practice, Actor::Staff(world.staff), &eva).await.unwrap();
        let mut browser = Browser::new(&web(&world));
        browser.fetch_site = Some("same-origin");
        let auth = world.auth_branch(&world.slug, EMAIL, PASSWORD).await;
        let form = [("practice", world.slug.as_str()), ("email", EMAIL), ("auth", &auth)];
        assert_eq!(browser.post("/staff/sign-in", &form).await.location(), "/staff/today");
        Self { world, browser }
    }

    async fn keep(&self, content: &str) -> UploadId {
        let flow = &self.world.flow;
        flow.keep_upload(self.world.practice, self.world.staff, "week.csv", content.as_bytes()).await.unwrap()
    }

    /// Chooses what the page of columns has chosen, but for the fields given.
    async fn match_columns(&mut self, id: UploadId, other: &[(&str, &str)]) -> Answer {
        let path = format!("/staff/upload/{id}/columns");
        let page = self.browser.get(&path).await;
        let chosen: Vec<(String, String)> = page
            .body
            .split("<select id=")
            .skip(1)
            .filter_map(|select| {
                let name = select.split("name=\"").nth(1)?.split('"').next()?;
                let option =
                    select.split("</select>").next()?.split("<option ").find(|one| one.contains(" selected"))?;
                Some((name.to_owned(), option.split("value=\"").nth(1)?.split('"').next()?.to_owned()))
            })
            .collect();
        let kept = chosen.iter().filter(|(name, _)| other.iter().all(|(changed, _)| changed != name));
        let mut form: Vec<(&str, &str)> = kept.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.extend(other);
        form.push(("consent", "declared"));
        self.browser.post(&path, &form).await
    }

    async fn until_done(&mut self, id: UploadId) -> Answer {
        for _ in 0..500 {
            let page = self.browser.get(&format!("/staff/upload/{id}")).await;
            if page.words().starts_with("Hecho") {
                return page;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("it is not done after ten seconds");
    }
}

fn is_spanish(page: &Answer) {
    for english in ["Column ", "column ", "row", "[values", "[formats", "Correct", "start,"] {
        assert!(!page.words().contains(english), "“{english}” is in: {}", page.words());
    }
}

#[tokio::test]
async fn a_file_is_checked_explained_and_sent_once() {
    both(|store: Store| async move {
        let mut desk = Desk::new(&store).await;
        let id = desk.keep(&format!("{HEADER}{ROWS}")).await;
        let at = |rest: &str| format!("/staff/upload/{id}{rest}");
        assert_eq!(desk.match_columns(id, &[]).await.location(), at("/check"));
        let page = desk.browser.get(&at("/check?show=rows")).await;
        is_spanish(&page);
        assert!(page.words().contains("“Zombie” en la columna “Status” no es un estado que conozcamos (2 filas)"));
        assert!(page.words().contains("“Start” da un día que no existe"), "{}", page.words());
        assert!(page.body.contains("name=\"Zombie\""), "it can be explained");

        assert_eq!(
            desk.browser.post(&at("/words"), &[("Zombie", "unheard-of")]).await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let long = "Zombie".repeat(100);
        let told = desk.browser.post(&at("/words"), &[("Zombie", "cancelled"), (&long, "booked"), ("Y", "")]).await;
        assert_eq!(told.location(), at("/check"));
        let page = desk.browser.get(&at("/check?show=rows")).await;
        assert!(!page.words().contains("no es un estado"), "{}", page.words());
        assert!(page.body.contains("name=\"Zombie\"") && !page.body.contains(&long), "it can be explained anew");
        // Another look at the columns does not forget it.
        assert_eq!(desk.match_columns(id, &[]).await.location(), at("/check"));

        for _ in 0..3 {
            assert_eq!(desk.browser.post(&at("/send"), &[]).await.location(), at(""));
        }
        desk.until_done(id).await;
        let rejects = desk.browser.get(&at("/rejects.csv")).await;
        assert!(rejects.body.starts_with("\u{FEFF}Línea,Por qué,Appt ID"), "{}", rejects.body);
        assert!(rejects.body.contains("da un día que no existe"), "{}", rejects.body);
        desk.browser.post(&at("/send"), &[]).await;
        assert_eq!(desk.browser.post(&at("/words"), &[("Zombie", "booked")]).await.location(), at(""), "it is in");
        let mut tx = store.read(Scope::Work).await.unwrap();
        let counts = tx.row_counts().await.unwrap();
        let rows = |table: &str| counts.iter().find(|(name, _)| name == table).unwrap().1;
        assert_eq!((rows("imports"), rows("appointments")), (1, 3));
        drop(tx);

        // The next file with the same columns knows the word.
        let next = desk.keep(&format!("{HEADER}9,Ann Other,6025550199,2026-12-04 09:00,Zombie\n")).await;
        desk.match_columns(next, &[]).await;
        let page = desk.browser.get(&format!("/staff/upload/{next}/check?show=rows")).await;
        assert!(!page.words().contains("no es un estado"), "{}", page.words());
        assert!(page.body.contains("value=\"cancelled\" selected"), "{}", page.body);
    })
    .await;
}

#[tokio::test]
async fn the_example_is_a_schedule_that_needs_no_help() {
    both(|store: Store| async move {
        let mut desk = Desk::new(&store).await;
        assert!(desk.browser.get("/staff/upload").await.body.contains("href=\"/staff/upload/example.csv\""));
        let example = desk.browser.get("/staff/upload/example.csv").await;
        let id = desk.keep(&example.body).await;
        assert_eq!(desk.match_columns(id, &[]).await.location(), format!("/staff/upload/{id}/check"));
        let looked = desk.world.flow.check_upload(desk.world.practice, desk.world.staff, id).await.unwrap();
        assert_eq!((looked.counts.new, looked.counts.rejected), (20, 0), "{looked:?}");
        assert!(looked.problems.is_empty(), "{looked:?}");

        // Beside a calendar of the same making, as in the demo, it is another one.
        let rows = example.body.replace("EX", "").replacen("Visit ID", "Appointment ID", 1);
        let own = desk.keep(&rows).await;
        desk.match_columns(own, &[]).await;
        desk.browser.post(&format!("/staff/upload/{own}/send"), &[]).await;
        desk.until_done(own).await;
        let beside = desk.world.flow.check_upload(desk.world.practice, desk.world.staff, id).await.unwrap();
        assert_eq!((beside.counts.new, beside.counts.vanished), (20, 0), "{beside:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_said_in_spanish_and_can_be_mended() {
    both(|store: Store| async move {
        let mut desk = Desk::new(&store).await;
        let none = desk.keep("1,2,3\n4,5,6\n").await;
        let page = desk.browser.get(&format!("/staff/upload/{none}/columns")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.words().contains("No hay una fila con los nombres de las columnas"), "{}", page.words());

        let unclear = desk.keep("Appt ID,Patient,Start\n1,Lee,01/02/2026 08:00\n").await;
        let page = desk.match_columns(unclear, &[("c2", "")]).await;
        assert!(page.words().contains("Ninguna columna da el inicio"), "{}", page.words());
        desk.match_columns(unclear, &[]).await;
        let page = desk.browser.get(&format!("/staff/upload/{unclear}/check")).await;
        is_spanish(&page);
        assert!(page.words().contains("“Start” se pueden leer con el mes o con el día primero"), "{}", page.words());
        assert!(page.words().contains("Fechas como 1/2/2026"), "and there it can be said");

        // Sent all the same, it fails; then the columns can be corrected.
        desk.browser.post(&format!("/staff/upload/{unclear}/send"), &[]).await;
        let failed = loop {
            let page = desk.browser.get(&format!("/staff/upload/{unclear}")).await;
            if page.words().contains("Sin terminar") {
                break page;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert!(failed.words().contains("ni se envía dos veces"), "{}", failed.words());
        assert!(failed.body.contains(&format!("href=\"/staff/upload/{unclear}/columns\"")), "back to the columns");
        let again = desk.match_columns(unclear, &[("dates", "month-first")]).await;
        assert_eq!(again.location(), format!("/staff/upload/{unclear}/check"));
        assert_eq!(desk.browser.get(again.location()).await.status, StatusCode::OK);
        desk.browser.post(&format!("/staff/upload/{unclear}/send"), &[]).await;
        desk.until_done(unclear).await;
    })
    .await;
}
