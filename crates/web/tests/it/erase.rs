//! "Erase this patient": by an administrator, who is sure, when nothing is to come.

use crate::portal::{ADMIN, START, at_desk, birth};
use chrono::Duration;
use http::StatusCode;
use kept_flow::testing::World;
use kept_store::Store;
use kept_store::testing::both;

const DESK: (&str, &str) = ("dana@example.org", "staple battery horse");

#[tokio::test]
async fn an_administrator_who_is_sure_erases_a_patient_when_nothing_is_to_come() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        world.person(DESK.0, "front-desk", DESK.1, false).await;
        let visit = world.visit(world.patient(Some(birth()), None).await, START).await;
        let page = format!("/staff/visits/{visit}");
        let erase = format!("{page}/erase");
        let sure = [("sure", "yes")];
        let mut admin = at_desk(&world, ADMIN).await;

        assert!(!admin.get(&page).await.words().contains("Erase this patient"), "not while it is to come");
        let early = admin.post(&erase, &sure).await;
        assert_eq!(early.location(), format!("{page}?said=erase-visits"));
        assert!(admin.get(early.location()).await.words().contains("Take them out of your calendar"));

        world.clock.set_civil(START + Duration::days(1));
        // Sessions have ended meanwhile.
        let mut admin = at_desk(&world, ADMIN).await;
        assert!(admin.get(&page).await.words().contains("Erase this patient"));
        let mut desk = at_desk(&world, DESK).await;
        assert!(!desk.get(&page).await.words().contains("Erase this patient"), "not at the desk");
        assert_eq!(desk.post(&erase, &sure).await.status, StatusCode::FORBIDDEN);
        let unsure = admin.post(&erase, &[]).await;
        assert_eq!(unsure.location(), format!("{page}?said=erase-sure"));
        assert!(admin.get(&page).await.words().contains("Pat Example"), "nothing was erased");

        let done = admin.post(&erase, &sure).await;
        assert_eq!(done.location(), format!("{page}?said=erased"));
        let after = admin.get(done.location()).await;
        assert_eq!(after.status, StatusCode::OK);
        let words = after.words();
        assert!(words.contains("The patient is erased") && !words.contains("Pat Example"), "{words}");
        assert!(words.contains("The visit stays for the figures"), "{words}");
        assert!(
            !words.contains("Erase this patient") && !words.contains("Save number"),
            "there is nobody left: {words}"
        );
        let unknown = admin.post("/staff/visits/0192d7a0-0000-7000-8000-000000000000/erase", &sure).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    })
    .await;
}
