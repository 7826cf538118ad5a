//! The log of messages, and what the desk settles.

use super::dispatch::{NOW, NUMBER, notices, send_first};
use super::intake::{id, practice, sealed, three_visits};
use kept_domain::plan::StepKey;
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;

const LATER: Instant = Instant::from_ms(2_000_000);

fn everything<'a>() -> LogFilter<'a> {
    LogFilter {
        from: Instant::from_ms(0),
        to: Instant::from_ms(i64::MAX),
        location: None,
        place: "",
        reason: "",
        open: false,
        now: Instant::from_ms(0),
        after: None,
    }
}

fn skipped(n: u128, visit: u128, reason: SkipReason) -> PlannedReminder {
    PlannedReminder {
        id: id(650 + n),
        appointment: id(visit),
        step: StepKey::Days(3),
        channel: Channel::Sms,
        revision: 1,
        state: ReminderState::Skipped,
        reason: Some(reason),
        due_at: NOW,
        notice: None,
    }
}

#[tokio::test]
async fn the_log_tells_what_went_out_and_what_did_not_page_by_page() {
    both(|store| async move {
        let practice = notices(&store, 150).await;
        send_first(&store, practice).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let silent = [skipped(1, 202, SkipReason::NoConsent), skipped(2, 203, SkipReason::NoNumber)];
        tx.insert_planned_reminders(practice, &silent).await.unwrap();
        let counts = tx.message_counts(practice, &everything()).await.unwrap();
        let count = |place: &str, reason: Option<&str>| {
            counts.iter().find(|one| one.place == place && one.reason.as_deref() == reason).map_or(0, |one| one.n)
        };
        assert_eq!(count("waiting", None), 149);
        assert_eq!(count("sent", None), 1);
        assert_eq!(count("not-sent", Some("no-consent")), 1);
        assert_eq!(count("not-sent", Some("was-no-number")), 1, "the patient has a number by now");

        let open = |place: &str| counts.iter().filter(|one| one.place == place).map(|one| one.open).sum::<i64>();
        assert_eq!((open("waiting"), open("sent"), open("not-sent")), (0, 0, 2), "the visits are to come");
        let over = LogFilter { now: Instant::from_ms(i64::MAX), open: true, ..everything() };
        assert!(tx.message_log(practice, &over).await.unwrap().is_empty());
        let open = tx.message_log(practice, &LogFilter { open: true, ..everything() }).await.unwrap();
        assert_eq!(open.len(), 2);
        let mut after = None;
        let mut seen = Vec::new();
        loop {
            let page = tx.message_log(practice, &LogFilter { after, ..everything() }).await.unwrap();
            let more = page.len() > usize::try_from(LOG_PAGE).unwrap();
            let shown = &page[..page.len().min(usize::try_from(LOG_PAGE).unwrap())];
            seen.extend(shown.iter().map(|line| line.id));
            let Some(last) = shown.last() else { break };
            after = Some((last.at, last.id));
            if !more {
                break;
            }
        }
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!((seen.len(), once.len()), (152, 152), "each line once");

        let sent = tx.message_log(practice, &LogFilter { place: "sent", ..everything() }).await.unwrap();
        let [sent] = sent.as_slice() else { panic!("{sent:?}") };
        assert!(sent.is_notice && sent.sealed_body().unwrap().is_some() && sent.patient().unwrap().is_some());
        assert_eq!((sent.appointment_id, sent.reasons, sent.attempts), (Some(id(201)), 1, 1));
        let why = tx.message_log(practice, &LogFilter { reason: "no-consent", ..everything() }).await.unwrap();
        let [why] = why.as_slice() else { panic!("{why:?}") };
        assert_eq!((why.appointment_id, why.step.as_str(), why.is_notice), (Some(id(202)), "3d", false));
        let elsewhere = LogFilter { location: Some(id(99)), ..everything() };
        assert!(tx.message_log(practice, &elsewhere).await.unwrap().is_empty());
        let before = LogFilter { to: NOW, ..everything() };
        assert!(tx.message_log(practice, &before).await.unwrap().is_empty(), "the end is not part of it");
        assert!(tx.message_log(id(77), &everything()).await.unwrap().is_empty(), "of another practice");

        let of_visit = tx.visit_log(practice, id(201), id(101)).await.unwrap();
        assert_eq!(of_visit.iter().map(|line| line.place.as_str()).collect::<Vec<_>>(), ["sent"]);
        let of_visit = tx.visit_log(practice, id(202), id(101)).await.unwrap();
        assert_eq!(of_visit[0].reason.as_deref(), Some("no-consent"));
    })
    .await;
}

#[tokio::test]
async fn a_person_settles_what_nobody_knows() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let notice = send_first(&store, practice).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert!(!tx.settle_uncertain(practice, notice, NOW).await.unwrap(), "it is known to be sent");
        assert!(!tx.send_uncertain_again(practice, notice, NOW).await.unwrap());
        assert_eq!(tx.replan_failed(practice, notice, Instant::from_ms(0)).await.unwrap(), 0);
        tx.commit().await.unwrap();

        fails(&store, practice, notice, "uncertain").await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert!(!tx.send_uncertain_again(practice, notice, LATER).await.unwrap(), "too late to be useful");
        assert!(!tx.send_uncertain_again(id(77), notice, NOW).await.unwrap(), "not from another practice");
        assert!(tx.send_uncertain_again(practice, notice, NOW).await.unwrap());
        let attempts = tx.attempts_of(practice, &[notice]).await.unwrap();
        assert!(attempts.iter().all(|one| one.outcome.as_deref() != Some("unknown")), "a person knows: {attempts:?}");
        assert!(!tx.settle_uncertain(practice, notice, NOW).await.unwrap(), "it is on its way again");
        tx.rollback().await.unwrap();
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert!(tx.settle_uncertain(practice, notice, NOW).await.unwrap());
        let log = tx.message_log(practice, &everything()).await.unwrap();
        assert_eq!((log[0].place.as_str(), log[0].reason.as_deref()), ("delivered", Some("desk")));
        tx.commit().await.unwrap();
    })
    .await;
}

/// Puts a sent notice where a receipt or a lost lease would put it.
async fn fails(store: &Store, practice: PracticeId, notice: NoticeId, state: &str) {
    let state: NoticeState = state.parse().unwrap();
    let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
    let waits = NewReceipt {
        event: format!("e-{state}"),
        provider_ref: "m-0".to_owned(),
        status: "undelivered",
        code: Some("30003".to_owned()),
    };
    tx.insert_receipts(practice, "sandbox", NOW, &[waits]).await.unwrap();
    let settled =
        SettledReceipt { provider: "sandbox".to_owned(), event: format!("e-{state}"), notice, state: Some(state) };
    assert_eq!(tx.settle_receipts(practice, NOW, &[settled]).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_failed_is_planned_anew_once() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let notice = send_first(&store, practice).await;
        fails(&store, practice, notice, "failed").await;
        let task = NewTask { id: id(800), kind: "undelivered", appointment: None, subject: Some(notice.into()) };
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.insert_tasks(practice, NOW, &[task]).await.unwrap();
        assert_eq!(tx.replan_failed(id(77), notice, Instant::from_ms(0)).await.unwrap(), 0);
        assert_eq!(tx.replan_failed(practice, notice, Instant::from_ms(i64::MAX)).await.unwrap(), 0, "it has begun");
        assert_eq!(tx.replan_failed(practice, notice, Instant::from_ms(0)).await.unwrap(), 1);
        assert_eq!(tx.replan_failed(practice, notice, Instant::from_ms(0)).await.unwrap(), 0, "once");
        let open = tx.plan_reminders(practice, &[id(201)]).await.unwrap();
        assert_eq!((open[0].state, open[0].said_at, open[0].notice.is_none()), (ReminderState::Skipped, None, true));
        assert_eq!(tx.count_plan_due(practice, 9).await.unwrap(), 3);
        assert_eq!(tx.close_tasks_about(practice, notice.into(), id(900), NOW).await.unwrap(), 1);
        assert_eq!(tx.close_tasks_about(practice, notice.into(), id(900), NOW).await.unwrap(), 0, "once");
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_line_that_refuses_us_is_one_open_task_for_each_code() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert!(tx.insert_account_task(practice, id(810), "twilio 20003", NOW).await.unwrap());
        assert!(!tx.insert_account_task(practice, id(811), "twilio 20003", NOW).await.unwrap(), "it is open");
        assert!(tx.insert_account_task(practice, id(812), "twilio 30034", NOW).await.unwrap(), "another code");
        let open = tx.open_tasks(practice).await.unwrap();
        let details: Vec<_> = open.iter().map(|task| (task.kind.as_str(), task.detail.as_deref())).collect();
        assert_eq!(details, [("account", Some("twilio 20003")), ("account", Some("twilio 30034"))]);
        assert!(tx.close_task(practice, id(810), id(900), NOW).await.unwrap());
        assert!(
            tx.insert_account_task(practice, id(811), "twilio 20003", NOW).await.unwrap(),
            "done and refused again"
        );
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn numbers_are_suspended_released_and_replaced() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let now = tx.visit_contacts(practice, &[id(201), id(999)]).await.unwrap();
        let [contact] = now.as_slice() else { panic!("{now:?}") };
        assert_eq!((contact.id, contact.bix, contact.patient), (id(401), NUMBER, id(101)));
        assert_eq!((&contact.suspended, &contact.consent), (&None, &None));
        tx.suspend_number(practice, Channel::Sms, NUMBER, "unreachable").await.unwrap();
        let now = tx.visit_contacts(practice, &[id(201)]).await.unwrap();
        assert_eq!(now[0].suspended.as_deref(), Some("unreachable"));
        assert_eq!(tx.release_number(practice, Channel::Email, NUMBER).await.unwrap(), 0, "of another channel");
        assert_eq!(tx.release_number(practice, Channel::Sms, NUMBER).await.unwrap(), 1);
        assert_eq!(tx.release_number(practice, Channel::Sms, NUMBER).await.unwrap(), 0, "once");
        assert!(!tx.replace_contact(id(77), id(401)).await.unwrap(), "not from another practice");
        assert!(tx.replace_contact(practice, id(401)).await.unwrap());
        assert!(tx.visit_contacts(practice, &[id(201)]).await.unwrap().is_empty());
        assert_eq!(tx.release_number(practice, Channel::Sms, NUMBER).await.unwrap(), 0, "it stays put aside");
        let known = tx.contacts_of(practice, &[id(101)]).await.unwrap();
        assert_eq!((known[0].position, known[0].suspended.as_deref()), (1, Some("replaced")));
        assert!(tx.use_contact(practice, id(401)).await.unwrap());
        assert_eq!(tx.visit_contacts(practice, &[id(201)]).await.unwrap().len(), 1);
        let of_number = tx.visits_of_numbers(practice, &[NUMBER], Instant::from_ms(0)).await.unwrap();
        assert_eq!(of_number.len(), 3);
        assert!(tx.visits_of_numbers(id(77), &[NUMBER], Instant::from_ms(0)).await.unwrap().is_empty());
        assert_eq!(tx.visits_of_patient(practice, id(101), Instant::from_ms(0)).await.unwrap().len(), 3);
        assert!(tx.visits_of_patient(id(77), id(101), Instant::from_ms(0)).await.unwrap().is_empty());
        assert_eq!(tx.board_visit(practice, id(202)).await.unwrap().unwrap().patient, id(101));
        assert!(tx.board_visit(id(77), id(202)).await.unwrap().is_none(), "of another practice");
        assert!(tx.consent_lines(practice, &[NUMBER]).await.unwrap().is_empty(), "nothing is recorded");
        let entry = |seq: i64, bix: BlindIndex, act: &str| ConsentEntry {
            seq,
            id: id(40 + u128::try_from(seq).unwrap()),
            bix,
            channel: Channel::Sms,
            act: act.to_owned(),
            basis: "desk".to_owned(),
            wording: "desk.agreed.1".to_owned(),
            locale: None,
            staff: Some(id(900)),
            import: None,
            at: Instant::from_ms(seq),
            prev_hash: [0; 32],
            hash: [0; 32],
        };
        let other = BlindIndex([9; 16]);
        let entries = [entry(1, NUMBER, "granted"), entry(2, other, "denied"), entry(3, NUMBER, "withdrawn")];
        tx.lock_chain_head(practice, Chain::Consent).await.unwrap();
        tx.append_consents(practice, &entries).await.unwrap();
        let lines = tx.consent_lines(practice, &[NUMBER]).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.act.as_str()).collect::<Vec<_>>(), ["granted", "withdrawn"]);
        assert_eq!(lines[0].staff_id, Some(id(900)));
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn calls_are_kept_in_order_and_people_named() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        let call = |n: u128, act: &str, at: i64| Call {
            id: uuid::Uuid::from_u128(n),
            appointment: id(201),
            staff: id(900),
            act: act.to_owned(),
            at: Instant::from_ms(at),
        };
        for one in [call(2, "no-reply", 20), call(1, "taken", 10)] {
            tx.insert_call(practice, &one).await.unwrap();
        }
        let calls = tx.calls_of(practice, &[id(201), id(202)]).await.unwrap();
        assert_eq!(calls, [call(1, "taken", 10), call(2, "no-reply", 20)]);
        assert!(tx.calls_of(id(77), &[id(201)]).await.unwrap().is_empty(), "of another practice");
        assert!(tx.people(practice, &[id(900)]).await.unwrap().is_empty());
        let ann = NewStaff {
            id: id(900),
            private: sealed(9),
            email_bix: BlindIndex([7; 16]),
            role: "front-desk".to_owned(),
            kdf: "{}".to_owned(),
            verifier: [1; 32],
            locale: "en".to_owned(),
            must_change: false,
            created_at: NOW,
        };
        tx.insert_staff(practice, &ann).await.unwrap();
        let people = tx.people(practice, &[id(900), id(901)]).await.unwrap();
        assert_eq!(people.iter().map(|(who, _, rev)| (*who, *rev)).collect::<Vec<_>>(), [(id(900), 1)]);
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn wrong_birth_dates_are_summed_for_the_desk() {
    both(|store| async move {
        let practice = practice(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        three_visits(&mut tx, practice).await;
        let visits = vec![NewLinkVisit { appointment: id(201), patient: id(101), revision: 1, ordinal: 1 }];
        let link =
            NewLink { id: id(500), auth_hash: [5; 32], notice: None, created_at: NOW, expires_at: LATER, visits };
        tx.insert_links(practice, &[link]).await.unwrap();
        assert_eq!(tx.guard_failures(practice, id(101), 0).await.unwrap(), (0, 0));
        tx.lock_guards(practice, id(500), id(101), 7, 0).await.unwrap();
        tx.count_guard_failure(practice, id(500), id(101), 7, NOW).await.unwrap();
        assert_eq!(tx.guard_failures(practice, id(101), 0).await.unwrap(), (1, 1));
        assert_eq!(tx.guard_failures(practice, id(101), 8).await.unwrap(), (0, 1), "long ago");
        tx.revoke_link(practice, id(500), "desk", NOW).await.unwrap();
        assert_eq!(tx.guard_failures(practice, id(101), 0).await.unwrap(), (1, 0), "of links that live");
        tx.commit().await.unwrap();
    })
    .await;
}
