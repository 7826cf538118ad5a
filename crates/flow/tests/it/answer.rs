//! Answers from the desk and by text, and links made at the desk.

use chrono::{Duration, NaiveDate};
use kept_domain::{Answer, AppointmentId, AppointmentStatus, InboundId, Instant, PatientId};
use kept_flow::answer::{AnsweredBy, Answering, Recorded, Refusal, Words};
use kept_flow::audit::Actor;
use kept_flow::testing::{NOW, World};
use kept_flow::{FlowError, link};
use kept_store::testing::both;
use kept_store::{AnswerTarget, Scope, Store};

const START: Instant = Instant::from_ms(NOW.as_ms() + 23 * 3_600_000);

async fn world(store: &Store) -> (World, PatientId, AppointmentId) {
    let world = World::new(store).await;
    let patient = world.patient(NaiveDate::from_ymd_opt(1980, 5, 17), None).await;
    let visit = world.visit(patient, START).await;
    (world, patient, visit)
}

fn by_desk(world: &World, appointment: AppointmentId, answer: Answer) -> Answering {
    let by = AnsweredBy::Desk(world.staff);
    Answering { appointment, revision: None, answer, by, words: Words::default() }
}

fn by_text(world: &World, appointment: AppointmentId, answer: Answer) -> Answering {
    let by = AnsweredBy::Text(world.flow.new_id::<InboundId>());
    Answering { appointment, revision: Some(1), answer, by, words: Words::default() }
}

async fn target(world: &World, appointment: AppointmentId) -> AnswerTarget {
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    tx.answer_target(world.practice, appointment).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_text_can_confirm_and_nothing_else() {
    both(|store| async move {
        let (world, _, visit) = world(&store).await;
        for answer in [Answer::Declined, Answer::Tentative] {
            let refused = world.flow.record_answer(world.practice, by_text(&world, visit, answer)).await.unwrap();
            assert_eq!(refused, Recorded::Refused(Refusal::NotThisWay));
        }
        let mut old = by_text(&world, visit, Answer::Accepted);
        old.revision = Some(2);
        let refused = world.flow.record_answer(world.practice, old).await.unwrap();
        assert_eq!(refused, Recorded::Refused(Refusal::OldRevision));
        let taken = by_text(&world, visit, Answer::Accepted);
        assert_eq!(world.flow.record_answer(world.practice, taken.clone()).await.unwrap(), Recorded::Done);
        assert_eq!(world.flow.record_answer(world.practice, taken).await.unwrap(), Recorded::Unchanged);
        assert_eq!(target(&world, visit).await.answer, Answer::Accepted);
        world.clock.set_civil(START);
        let late = by_text(&world, visit, Answer::Accepted);
        let refused = world.flow.record_answer(world.practice, late).await.unwrap();
        assert_eq!(refused, Recorded::Refused(Refusal::Over));
    })
    .await;
}

#[tokio::test]
async fn the_desk_answers_at_any_time_for_a_visit_that_stands() {
    both(|store| async move {
        let (world, _, visit) = world(&store).await;
        world.clock.set_civil(START + Duration::minutes(1));
        let asked = by_desk(&world, visit, Answer::Tentative);
        assert_eq!(world.flow.record_answer(world.practice, asked).await.unwrap(), Recorded::Done);
        let cancelled = by_desk(&world, visit, Answer::Declined);
        assert_eq!(world.flow.record_answer(world.practice, cancelled).await.unwrap(), Recorded::Done);
        assert_eq!(target(&world, visit).await.status, AppointmentStatus::Cancelled);
        let again = by_desk(&world, visit, Answer::Accepted);
        let refused = world.flow.record_answer(world.practice, again).await.unwrap();
        assert_eq!(refused, Recorded::Refused(Refusal::Cancelled));
        let unknown = by_desk(&world, world.flow.new_id(), Answer::Accepted);
        let missing = world.flow.record_answer(world.practice, unknown).await;
        assert!(matches!(missing, Err(FlowError::NotFound { what: "appointment" })));
    })
    .await;
}

#[tokio::test]
async fn a_fresh_link_opens_and_is_printed_by_nothing() {
    both(|store| async move {
        let (world, _, visit) = world(&store).await;
        let fresh = world.flow.new_link(world.practice, visit, Actor::Staff(world.staff)).await.unwrap();
        assert_eq!(fresh.expires_at, link::expires_at(START + Duration::minutes(30), NOW));
        let (address, secret) = fresh.url.reveal().split_once('#').unwrap();
        assert_eq!(address, "https://kept.example/oak-street-family-medicine/l");
        assert!(!format!("{fresh:?}").contains(secret));
        let auth = kept_seal::LinkToken::parse(secret).unwrap().auth();
        let opened = world.flow.portal_open(world.practice, &auth.to_base64url(), None).await.unwrap();
        assert!(opened.is_some());
        world.clock.set_civil(START + Duration::days(2));
        let over = world.flow.new_link(world.practice, visit, Actor::System).await;
        assert!(matches!(over, Err(FlowError::NotFound { .. })), "{over:?}");
    })
    .await;
}
