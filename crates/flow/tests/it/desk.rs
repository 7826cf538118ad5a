//! What the desk does about one patient, and what the log and the call list tell.

use chrono::Duration;
use kept_domain::{Answer, AppointmentId, Channel, Instant, NoticeId, PatientId};
use kept_flow::calls::CallAct;
use kept_flow::consent::{self, ConsentAct, ConsentBasis, Heard, NewConsent};
use kept_flow::desk::{ConsentSaid, NumberEntered, Settling};
use kept_flow::outbox::{Fix, LogQuery, Place};
use kept_flow::testing::{NOW, World};
use kept_flow::{Clock as _, FlowError};
use kept_store::testing::both;
use kept_store::{Scope, Store, Tx};

const NUMBER: &str = "(212) 555-0142";
const OTHER: &str = "+1 212 555 0143";

async fn patient(world: &World, start: Instant) -> (PatientId, AppointmentId) {
    let birth = chrono::NaiveDate::from_ymd_opt(1980, 5, 17);
    let patient = world.patient(birth, None).await;
    let visit = world.visit(patient, start).await;
    (patient, visit)
}

async fn enter(world: &World, visit: AppointmentId, number: &str, agrees: bool) -> NumberEntered {
    world.flow.enter_number(world.practice, world.staff, visit, number, agrees).await.unwrap()
}

async fn consent(world: &World, visit: AppointmentId) -> Option<ConsentAct> {
    let panel = world.flow.visit_panel(world.practice, world.staff, visit).await.unwrap();
    panel.contacts.first().and_then(|contact| contact.consent)
}

/// What the log says of the visits of the next week, by reason.
async fn silences(world: &World) -> Vec<String> {
    world.flow.plan_sweep().await.unwrap();
    let today = world.clock.civil().local_day(chrono_tz::America::New_York);
    let query = LogQuery { to: today.checked_add_days(chrono::Days::new(7)), ..LogQuery::default() };
    let log = world.flow.message_log(world.practice, world.staff, &query).await.unwrap();
    // A link that the desk sent and that was taken back is another matter.
    let reminders = log.lines.iter().filter(|line| line.kind != "answer");
    let mut reasons: Vec<String> = reminders.filter_map(|line| line.reason.clone()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

/// An opt-out of a number, written and not committed yet.
async fn stopping(world: &World, number: &str) -> Tx {
    let phone = kept_domain::phone::parse(number, "US").unwrap();
    let out = NewConsent {
        bix: world.number(phone.e164()).await,
        channel: Channel::Sms,
        act: ConsentAct::Withdrawn,
        basis: ConsentBasis::Reply,
        wording: "opt-out-word",
        locale: None,
        staff: None,
        import: None,
    };
    let mut tx = world.flow.store.begin(Scope::Practice(world.practice)).await.unwrap();
    assert!(consent::withdraw(&world.flow, &mut tx, world.practice, NOW, &out).await.unwrap());
    tx
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_at_the_desk_never_undoes_an_opt_out_of_the_same_moment() {
    // Long enough for whoever does not wait to be through.
    const A_MOMENT: std::time::Duration = std::time::Duration::from_millis(300);
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let (_, visit) = patient(&world, NOW + Duration::days(2)).await;
        assert_eq!(enter(&world, visit, NUMBER, false).await, NumberEntered::WithoutConsent);
        let (flow, practice, staff) = (world.flow.clone(), world.practice, world.staff);

        let stop = stopping(&world, NUMBER).await;
        let desk = flow.clone();
        let agrees = tokio::spawn(async move {
            desk.record_consent(practice, staff, visit, Channel::Sms, ConsentSaid::Agrees).await.unwrap()
        });
        tokio::time::sleep(A_MOMENT).await;
        stop.commit().await.unwrap();
        assert!(!agrees.await.unwrap());
        assert_eq!(consent(&world, visit).await, Some(ConsentAct::Withdrawn));

        let stop = stopping(&world, OTHER).await;
        let entered =
            tokio::spawn(async move { flow.enter_number(practice, staff, visit, OTHER, true).await.unwrap() });
        tokio::time::sleep(A_MOMENT).await;
        stop.commit().await.unwrap();
        assert_eq!(entered.await.unwrap(), NumberEntered::OptedOut);
        assert_eq!(consent(&world, visit).await, Some(ConsentAct::Withdrawn));
    })
    .await;
}

#[tokio::test]
async fn a_number_from_the_desk_needs_a_yes_and_an_opt_out_always_wins() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let (_, visit) = patient(&world, NOW + Duration::days(2)).await;
        assert_eq!(silences(&world).await, ["no-number"]);
        assert_eq!(enter(&world, visit, "911", true).await, NumberEntered::Unreadable);
        assert_eq!(enter(&world, visit, NUMBER, false).await, NumberEntered::WithoutConsent);
        assert_eq!(silences(&world).await, ["no-consent"]);
        let said = |said| world.flow.record_consent(world.practice, world.staff, visit, Channel::Sms, said);
        assert!(said(ConsentSaid::Agrees).await.unwrap());
        assert!(!said(ConsentSaid::Agrees).await.unwrap(), "once");
        assert_eq!(consent(&world, visit).await, Some(ConsentAct::Granted));
        assert!(!silences(&world).await.contains(&"no-consent".to_owned()));

        assert!(said(ConsentSaid::Stop(Heard::Voicemail)).await.unwrap());
        assert!(!said(ConsentSaid::Stop(Heard::Desk)).await.unwrap(), "it is out already");
        assert!(!said(ConsentSaid::Agrees).await.unwrap(), "a first yes does not undo an opt-out");
        assert_eq!(silences(&world).await, ["opted-out"]);
        assert_eq!(enter(&world, visit, NUMBER, true).await, NumberEntered::OptedOut, "nor does the box");
        assert!(said(ConsentSaid::Again).await.unwrap());
        assert_eq!(consent(&world, visit).await, Some(ConsentAct::Restored));

        let panel = world.flow.visit_panel(world.practice, world.staff, visit).await.unwrap();
        let history: Vec<_> = panel.consents.iter().map(|event| (event.act, event.wording.as_str())).collect();
        assert_eq!(
            history,
            [
                (ConsentAct::Restored, "desk.opt-in.desk"),
                (ConsentAct::Withdrawn, "desk.opt-out.voicemail"),
                (ConsentAct::Granted, "desk.agreed.1")
            ]
        );
        assert!(panel.consents.iter().all(|event| event.staff.as_ref().is_some_and(|name| name.0 == "Ann Admin")));
        assert_eq!(world.flow.verify_consents(world.practice).await.unwrap(), Ok(3));
        assert_eq!(world.flow.verify_audit(world.practice).await.unwrap().broken, None);
    })
    .await;
}

#[tokio::test]
async fn another_number_ends_old_links_and_a_wrong_one_gets_nothing_more() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let (person, visit) = patient(&world, NOW + Duration::days(2)).await;
        assert_eq!(enter(&world, visit, NUMBER, true).await, NumberEntered::Done);
        let (link, _) = world.link(&[(visit, person)]).await;
        let live = || async {
            let mut tx = store.read(Scope::Practice(world.practice)).await.unwrap();
            tx.link_by_id(world.practice, link).await.unwrap().unwrap().revoked_at.is_none()
        };
        assert_eq!(enter(&world, visit, NUMBER, false).await, NumberEntered::Done, "the same number changes nothing");
        assert!(live().await);
        assert_eq!(enter(&world, visit, OTHER, true).await, NumberEntered::Done);
        assert!(!live().await);
        let panel = world.flow.visit_panel(world.practice, world.staff, visit).await.unwrap();
        assert_eq!(panel.contacts.iter().map(|contact| contact.value.0.as_str()).collect::<Vec<_>>(), ["+12125550143"]);
        assert!(world.flow.text_link(world.practice, world.staff, visit).await.unwrap());

        world.flow.mark_wrong_number(world.practice, world.staff, visit, Channel::Sms).await.unwrap();
        assert!(silences(&world).await.contains(&"number-suspended".to_owned()));
        assert!(!world.flow.text_link(world.practice, world.staff, visit).await.unwrap(), "not to a stranger");
        let release = || world.flow.release_number(world.practice, world.staff, visit, Channel::Sms);
        assert!(release().await.unwrap());
        assert!(!release().await.unwrap(), "once");
        assert!(!silences(&world).await.contains(&"number-suspended".to_owned()), "mended");
        let email = world.flow.mark_wrong_number(world.practice, world.staff, visit, Channel::Email).await;
        assert!(matches!(email, Err(FlowError::NotFound { .. })), "there is no address");
    })
    .await;
}

#[tokio::test]
async fn who_does_not_answer_is_called_and_somebody_owns_the_call() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let (_, soon) = patient(&world, NOW + Duration::hours(20)).await;
        let (_, later) = patient(&world, NOW + Duration::hours(30)).await;
        world.flow.plan_sweep().await.unwrap();
        let list = || world.flow.call_list(world.practice, world.staff);
        let first = list().await.unwrap();
        assert_eq!(first.iter().map(|one| one.visit.id).collect::<Vec<_>>(), [soon], "{later} is not near");
        assert_eq!((first[0].why.as_str(), first[0].calls, first[0].owner.is_none()), ("no-number", 0, true));
        let note = |act| {
            // Two calls are never made in the same millisecond.
            world.clock.set_civil(world.clock.civil() + Duration::minutes(1));
            world.flow.note_call(world.practice, world.staff, soon, act)
        };
        note(CallAct::Taken).await.unwrap();
        assert_eq!(list().await.unwrap()[0].owner.as_ref().unwrap().1.0, "Ann Admin");
        note(CallAct::NoReply).await.unwrap();
        note(CallAct::Left).await.unwrap();
        let now = list().await.unwrap();
        assert!(now[0].owner.is_none());
        assert_eq!((now[0].calls, now[0].last.map(|(act, _)| act)), (1, Some(CallAct::NoReply)));
        note(CallAct::WrongNumber).await.unwrap();
        note(CallAct::Confirmed).await.unwrap();
        assert!(list().await.unwrap().is_empty(), "answered");
        let mut tx = store.read(Scope::Practice(world.practice)).await.unwrap();
        assert_eq!(tx.answer_target(world.practice, soon).await.unwrap().unwrap().answer, Answer::Accepted);
        drop(tx);
        let nobody: AppointmentId = world.flow.new_id();
        let missing = world.flow.note_call(world.practice, world.staff, nobody, CallAct::NoReply).await;
        assert!(matches!(missing, Err(FlowError::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_patient_may_try_again_and_the_practice_takes_birth_dates_again() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let (person, visit) = patient(&world, NOW + Duration::days(2)).await;
        let (link, _) = world.link(&[(visit, person)]).await;
        let mut tx = store.begin(Scope::Practice(world.practice)).await.unwrap();
        let today = i64::from(kept_domain::time::day_number(NOW.utc().date_naive()));
        for _ in 0..kept_flow::portal::MAX_FAILURES_PER_LINK {
            tx.lock_guards(world.practice, link, person, today, 0).await.unwrap();
            tx.count_guard_failure(world.practice, link, person, today, NOW).await.unwrap();
        }
        tx.raise_alarm(world.practice, kept_flow::portal::BIRTH_DATE_ALARM, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let guarded = || async {
            let panel = world.flow.visit_panel(world.practice, world.staff, visit).await.unwrap();
            (panel.guarded.failures, panel.guarded.blocked)
        };
        assert_eq!(guarded().await, (5, true));
        world.flow.reset_birth_date_guard(world.practice, world.staff, visit).await.unwrap();
        assert_eq!(guarded().await, (0, false));
        assert!(world.flow.birth_date_alarm(world.practice).await.unwrap().is_some());
        assert!(world.flow.lift_birth_date_alarm(world.practice, world.staff).await.unwrap());
        assert!(!world.flow.lift_birth_date_alarm(world.practice, world.staff).await.unwrap(), "once");
        assert!(world.flow.birth_date_alarm(world.practice).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_message_that_waits_is_nobodys_to_settle() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let (_, visit) = patient(&world, NOW + Duration::days(2)).await;
        enter(&world, visit, NUMBER, true).await;
        world.flow.plan_sweep().await.unwrap();
        let today = LogQuery::default();
        let log = world.flow.message_log(world.practice, world.staff, &today).await.unwrap();
        let waiting = log.lines.iter().find(|line| line.place == Place::Waiting).unwrap();
        let notice = NoticeId::from_uuid(waiting.id);
        let settle = |settling| world.flow.settle_message(world.practice, world.staff, notice, settling);
        for settling in Settling::ALL {
            assert!(!settle(*settling).await.unwrap(), "{settling}: it is only waiting");
        }
        assert!(!waiting.fixes.contains(&Fix::SendAgain));
    })
    .await;
}
