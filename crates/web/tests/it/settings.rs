//! The practice's settings: what the page shows is what it keeps.

use crate::browser::{Answer, Browser};
use crate::portal::{ADMIN, at_desk};
use http::StatusCode;
use kept_domain::ladder::OptOutScope;
use kept_domain::{Care, Locale, PracticeSettings};
use kept_flow::testing::World;
use kept_store::Store;
use kept_store::testing::both;
use std::collections::BTreeMap;

/// What a browser would send if nobody touched the form.
fn untouched(page: &Answer) -> BTreeMap<String, String> {
    let attribute = |tag: &str, name: &str| -> Option<String> {
        let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
        Some(value.replace("&amp;", "&"))
    };
    let form = page.body.split_once("class=\"settings\"").unwrap().1.split("</form>").next().unwrap();
    let mut fields = BTreeMap::new();
    let mut list = None;
    for tag in form.split('<') {
        if tag.starts_with("input") && (!tag.contains("checkbox") || tag.contains(" checked")) {
            fields.insert(attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap());
        } else if tag.starts_with("select") {
            list = attribute(tag, "name");
        } else if tag.starts_with("option") {
            let (name, value) = (list.clone().unwrap(), attribute(tag, "value").unwrap());
            // The first one, until another is chosen.
            if tag.contains(" selected") {
                fields.insert(name, value);
            } else {
                fields.entry(name).or_insert(value);
            }
        }
    }
    fields
}

async fn save(browser: &mut Browser, fields: &BTreeMap<String, String>) -> Answer {
    let form: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post("/staff/settings", &form).await
}

async fn settings(world: &World) -> PracticeSettings {
    world.flow.practice(world.practice).await.unwrap().practice.settings.clone()
}

#[tokio::test]
async fn a_page_that_nobody_touched_changes_nothing() {
    both(|store: Store| async move {
        let other = PracticeSettings {
            country: "MX".to_owned(),
            locales: vec![Locale::Es],
            send_window: "strict".to_owned(),
            care: Care::Reproductive,
            discreet: false,
            opt_out_scope: OptOutScope::Patient,
            email_from: Some("oak@example.org".to_owned()),
            reading_hours: BTreeMap::from([("es".to_owned(), "De 8 a 5 & sábados".to_owned())]),
            ..PracticeSettings::default()
        };
        for before in [PracticeSettings::default(), other] {
            let world = World::with(&store, before.clone()).await;
            let mut browser = at_desk(&world, ADMIN).await;
            let fields = untouched(&browser.get("/staff/settings").await);
            assert_eq!(fields["window"], before.send_window);
            let saved = save(&mut browser, &fields).await;
            assert_eq!(saved.location(), "/staff/settings?saved=yes", "{}", saved.words());
            assert_eq!(settings(&world).await, before);
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_rules_rest_on_is_chosen_and_a_fault_is_named() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let mut browser = at_desk(&world, ADMIN).await;
        let mut fields = untouched(&browser.get("/staff/settings").await);
        for (name, value) in [
            ("window", "strict"),
            ("country", "es"),
            ("care", "substance-use"),
            ("language", "es"),
            ("opt_out_scope", "patient"),
            ("email_from", "oak@example.org"),
            ("hours-es", "De 8 a 5"),
        ] {
            fields.insert(name.to_owned(), value.to_owned());
        }
        fields.remove("offer-en");
        assert_eq!(save(&mut browser, &fields).await.status, StatusCode::SEE_OTHER);
        let kept = settings(&world).await;
        assert_eq!((kept.country.as_str(), &kept.locales[..]), ("ES", &[Locale::Es][..]));
        assert!(kept.discreet, "on by default for such care");
        assert_eq!((kept.opt_out_scope, kept.email_from.as_deref()), (OptOutScope::Patient, Some("oak@example.org")));
        assert_eq!(kept.reading_hours["es"], "De 8 a 5");
        // Back to the hours by place: they could be left and never chosen again.
        fields.insert("window".to_owned(), "default".to_owned());
        assert_eq!(save(&mut browser, &fields).await.status, StatusCode::SEE_OTHER);
        assert_eq!(settings(&world).await.send_window, "default");
        let kept = settings(&world).await;
        for (name, value, said) in [
            ("country", "UK", "There is no such country"),
            ("email_from", "oak", "is no e-mail address"),
            ("care", "cats", "Something was chosen that is not offered"),
            ("cap_per_day", "many", "no whole number"),
        ] {
            let mut wrong = fields.clone();
            wrong.insert(name.to_owned(), value.to_owned());
            let page = save(&mut browser, &wrong).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
            assert!(page.words().contains(said), "{name}: {}", page.words());
        }
        assert_eq!(settings(&world).await, kept);
    })
    .await;
}
