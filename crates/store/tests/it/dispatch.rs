//! Notices on their way out: nobody claims twice, and who lost the lease changes nothing.

use super::intake::{id, practice, sealed, three_visits};
use kept_domain::plan::StepKey;
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use std::collections::BTreeSet;

pub(crate) const NOW: Instant = Instant::from_ms(1_000_000);
pub(crate) const NUMBER: BlindIndex = BlindIndex([7; 16]);
pub(crate) const LATER: Instant = Instant::from_ms(2_000_000);
const NOTICE: u128 = 10_000;

pub(crate) fn notice_id(n: u128) -> NoticeId {
    id(NOTICE + n)
}

pub(crate) fn token(n: u128) -> LeaseToken {
    id(90_000 + n)
}

/// `count` notices to one number, due at [`NOW`]; the first is about the first visit.
pub(crate) async fn notices(store: &Store, count: u128) -> PracticeId {
    let practice = practice(store).await;
    let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
    three_visits(&mut tx, practice).await;
    let contact = NewContact {
        id: id(401),
        patient: id(101),
        channel: Channel::Sms,
        bix: NUMBER,
        private: sealed(1),
        area_zones: Some("America/Phoenix".to_owned()),
    };
    tx.insert_contacts(practice, &[contact]).await.unwrap();
    let planned: Vec<_> = (0..count)
        .map(|n| PlannedNotice {
            id: notice_id(n),
            kind: NoticeKind::Reminder,
            channel: Channel::Sms,
            bix: NUMBER,
            contact: id(401),
            location: id(2),
            locale: Locale::Es,
            template: "reminder",
            due_at: NOW,
            expires_at: LATER,
        })
        .collect();
    tx.insert_planned_notices(practice, &planned, NOW).await.unwrap();
    let reminder = PlannedReminder {
        id: id(601),
        appointment: id(201),
        step: StepKey::Days(1),
        revision: 1,
        channel: Channel::Sms,
        state: ReminderState::Planned,
        reason: None,
        due_at: NOW,
        notice: Some(notice_id(0)),
    };
    tx.insert_planned_reminders(practice, &[reminder]).await.unwrap();
    tx.commit().await.unwrap();
    practice
}

pub(crate) async fn claim(store: &Store, token: LeaseToken, limit: i64) -> Vec<NoticeId> {
    let mut tx = store.begin(Scope::Work).await.unwrap();
    let claimed = tx.claim_due_notices(token, LATER, NOW, limit).await.unwrap();
    tx.commit().await.unwrap();
    claimed.into_iter().map(|(_, id)| id).collect()
}

pub(crate) fn armed(n: u128, attempt: i64) -> Armed {
    Armed {
        id: notice_id(n),
        body: sealed(1),
        link_secret: Some(sealed(2)),
        link: None,
        rev: 1,
        send_day: Some(5),
        carrier: "sandbox",
        attempt: id(70_000 + n * 10 + u128::try_from(attempt).unwrap()),
        attempt_number: attempt,
        consent_seq: Some(1),
    }
}

pub(crate) fn outcome(n: u128, state: NoticeState, provider_ref: Option<&str>) -> Outcome {
    Outcome {
        id: notice_id(n),
        state,
        reason: None,
        provider_ref: provider_ref.map(str::to_owned),
        due_at: None,
        attempt: "accepted",
        code: None,
    }
}

/// Claims, arms and records the first notice as sent, under `m-0` at the sandbox.
pub(crate) async fn send_first(store: &Store, practice: PracticeId) -> NoticeId {
    claim(store, token(1), 1).await;
    let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
    assert_eq!(tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap(), 1);
    let sent = [outcome(0, NoticeState::Sent, Some("m-0"))];
    assert_eq!(tx.record_outcomes(practice, token(1), NOW, &sent).await.unwrap(), 1);
    tx.commit().await.unwrap();
    notice_id(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_parallel_claims_never_claim_twice() {
    both(|store| async move {
        const NOTICES: u128 = 500;
        notices(&store, NOTICES).await;
        assert_eq!(claim(&store, token(900), 0).await, [], "the limit is a limit");
        let claims = (0..200).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { claim(&store, token(n), 3).await })
        });
        let mut seen = BTreeSet::new();
        for claimed in claims.collect::<Vec<_>>() {
            let claimed = claimed.await.unwrap();
            assert!(claimed.len() <= 3, "more than the limit");
            for id in claimed {
                assert!(seen.insert(id), "{id} was claimed twice");
            }
        }
        let rest = claim(&store, token(1_000), 1_000).await;
        assert!(rest.iter().all(|id| seen.insert(*id)), "what was claimed is not due");
        assert_eq!(seen.len(), usize::try_from(NOTICES).unwrap(), "and none is lost");
        assert!(claim(&store, token(1_001), 1_000).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn only_what_is_due_is_claimed_and_read() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        let mut tx = store.begin(Scope::Work).await.unwrap();
        let before = Instant::from_ms(NOW.as_ms() - 1);
        assert!(tx.claim_due_notices(token(1), LATER, before, 10).await.unwrap().is_empty());
        assert_eq!(tx.next_notice_due(before).await.unwrap(), Some(NOW));
        assert_eq!(tx.next_notice_due(NOW).await.unwrap(), None);
        assert_eq!(tx.due_notices_count(before).await.unwrap(), 0);
        assert_eq!(tx.due_notices_count(NOW).await.unwrap(), 2);
        assert_eq!(tx.claim_due_notices(token(1), LATER, NOW, 10).await.unwrap().len(), 2);
        assert_eq!(tx.due_notices_count(NOW).await.unwrap(), 0);

        let both = [notice_id(0), notice_id(1)];
        let claimed = tx.claimed_notices(practice, &both).await.unwrap();
        assert_eq!(claimed.len(), 2);
        assert_eq!((claimed[0].bix, claimed[0].kind, claimed[0].attempts), (NUMBER, NoticeKind::Reminder, 0));
        let reminders = tx.notice_reminders(practice, &both).await.unwrap();
        assert_eq!(reminders.len(), 1);
        assert_eq!((reminders[0].notice, reminders[0].appointment), (notice_id(0), id(201)));
        let facts = tx.arm_facts(practice, &both).await.unwrap();
        assert!(
            facts.iter().all(|fact| fact.consent.is_none() && fact.suspended.is_none() && !fact.held && !fact.waits)
        );

        let inbound = NewInbound {
            id: id(500),
            provider: "sandbox".to_owned(),
            event: "e1".to_owned(),
            bix: NUMBER,
            intent: "person",
            rule: "stop-unclear",
            private: sealed(3),
            opts_out: false,
            gateway_answered: false,
            appointment: None,
            revision: None,
            received_at: NOW,
        };
        assert_eq!(tx.insert_inbound(practice, std::slice::from_ref(&inbound)).await.unwrap(), [inbound.id]);
        assert_eq!(tx.claim_texts(practice, &[inbound.id]).await.unwrap(), [inbound.id]);
        let task = NewTask { id: id(800), kind: "stop-unclear", appointment: None, subject: Some(inbound.id.into()) };
        tx.insert_tasks(practice, NOW, &[task]).await.unwrap();
        let people = tx.task_people(practice).await.unwrap();
        assert_eq!(people.iter().map(|one| (one.task, one.patient)).collect::<Vec<_>>(), [(id(800), id(101))]);
        assert!(tx.task_people(id(77)).await.unwrap().is_empty(), "not of another practice");
        let facts = tx.arm_facts(practice, &both).await.unwrap();
        assert!(facts.iter().all(|fact| fact.held), "until a person has read it");
        assert!(tx.close_task(practice, id(800), id(1), NOW).await.unwrap());
        assert!(tx.task_people(practice).await.unwrap().is_empty(), "nobody asks any more");
        let facts = tx.arm_facts(practice, &both).await.unwrap();
        assert!(facts.iter().all(|fact| !fact.held));
    })
    .await;
}

#[tokio::test]
async fn a_lost_token_can_neither_hold_nor_arm_nor_record_nor_release() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let first = [notice_id(0)];
        assert_eq!(claim(&store, token(1), 1).await, first);
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.hold_claimed(practice, token(2), &first).await.unwrap(), []);
        assert_eq!(tx.arm_notices(practice, (token(2), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap(), 0);
        assert_eq!(tx.release_notices(practice, token(2), &[(first[0], None)]).await.unwrap(), 0);
        assert_eq!(tx.drop_notices(practice, token(2), NOW, &[]).await.unwrap(), 0);
        tx.rollback().await.unwrap();

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.hold_claimed(practice, token(1), &first).await.unwrap(), first);
        assert_eq!(tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap(), 1);
        let sent = [outcome(0, NoticeState::Sent, Some("m-0"))];
        assert_eq!(tx.record_outcomes(practice, token(2), NOW, &sent).await.unwrap(), 0, "the lease is another's");
        assert_eq!(tx.rearm_notices(practice, token(2), &first).await.unwrap(), 0);
        assert_eq!(tx.record_outcomes(practice, token(1), NOW, &sent).await.unwrap(), 1);
        assert_eq!(tx.record_outcomes(practice, token(1), NOW, &sent).await.unwrap(), 0, "and only once");
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_died_between_arming_and_recording_leaves_what_can_be_sent_again_unchanged() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        assert_eq!(claim(&store, token(1), 2).await.len(), 2);
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = store.begin(Scope::Work).await.unwrap();
        assert!(tx.expired_leases(LATER, 10).await.unwrap().is_empty(), "the leases still run");
        let after = Instant::from_ms(LATER.as_ms() + 1);
        let mut lost = tx.expired_leases(after, 10).await.unwrap();
        tx.rollback().await.unwrap();
        lost.sort_by_key(|lease| lease.id);
        let states: Vec<_> = lost.iter().map(|lease| (lease.id, lease.state, lease.carrier.as_deref())).collect();
        let (armed_one, claimed_one) = (notice_id(0), notice_id(1));
        assert_eq!(
            states,
            [(armed_one, NoticeState::Armed, Some("sandbox")), (claimed_one, NoticeState::Claimed, None)]
        );

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.release_notices(practice, token(1), &[(claimed_one, None)]).await.unwrap(), 1);
        assert_eq!(tx.rearm_notices(practice, token(1), &[armed_one]).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(claim(&store, token(2), 2).await.len(), 2);
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let again = tx.claimed_notices(practice, &[armed_one]).await.unwrap();
        assert_eq!(again[0].attempts, 1);
        let (body, secret) = (again[0].sealed_body().unwrap(), again[0].sealed_link_secret().unwrap());
        assert!(body.is_some() && secret.is_some(), "the same text and link");
        // The dead worker comes back: its token is worth nothing.
        let sent = [outcome(0, NoticeState::Sent, Some("m-0"))];
        assert_eq!(tx.record_outcomes(practice, token(1), NOW, &sent).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_tried_is_remembered_and_may_leave_a_notice_in_doubt() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        let both = [notice_id(0), notice_id(1)];
        assert_eq!(claim(&store, token(1), 2).await.len(), 2);
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.attempts_of(practice, &both).await.unwrap(), []);
        tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap();
        let busy = Outcome {
            attempt: "retry",
            code: Some("busy".to_owned()),
            due_at: Some(NOW),
            ..outcome(0, NoticeState::Planned, None)
        };
        tx.record_outcomes(practice, token(1), NOW, &[busy]).await.unwrap();
        tx.release_notices(practice, token(1), &[(notice_id(1), None)]).await.unwrap();
        tx.commit().await.unwrap();

        claim(&store, token(2), 2).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.arm_notices(practice, (token(2), LATER), LATER, NOW, &[Armed { carrier: "other", ..armed(0, 2) }])
            .await
            .unwrap();
        let past: Vec<_> = tx
            .attempts_of(practice, &both)
            .await
            .unwrap()
            .into_iter()
            .map(|attempt| (attempt.notice, attempt.carrier, attempt.armed_at, attempt.outcome, attempt.code))
            .collect();
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(
            past,
            [
                (notice_id(0), "sandbox".to_owned(), NOW, said("retry"), said("busy")),
                (notice_id(0), "other".to_owned(), LATER, None, None)
            ]
        );

        assert_eq!(tx.doubt_notices(practice, token(1), "unknown", &both).await.unwrap(), 0, "another's lease");
        assert_eq!(
            tx.doubt_notices(practice, token(2), "unknown", &both).await.unwrap(),
            1,
            "what is armed is not asked"
        );
        tx.commit().await.unwrap();
        assert_eq!(claim(&store, token(3), 2).await, [], "and it is sent no more");
    })
    .await;
}

/// What a carrier says of the first notice, after one attempt.
fn said(state: NoticeState, provider_ref: Option<&str>, attempt: &'static str) -> SettledDoubt {
    let (id, provider_ref) = (notice_id(0), provider_ref.map(str::to_owned));
    SettledDoubt { id, attempts: 1, state, reason: None, provider_ref, attempt }
}

#[tokio::test]
async fn what_is_found_out_about_a_lost_notice_counts_once_and_for_its_attempt() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        claim(&store, token(1), 2).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.arm_notices(practice, (token(1), LATER), LATER, NOW, &[armed(0, 1), armed(1, 1)]).await.unwrap();
        let lost = |n: u128, reason: &str| Outcome {
            reason: Some(reason.to_owned()),
            attempt: "unknown",
            ..outcome(n, NoticeState::Uncertain, None)
        };
        tx.record_outcomes(practice, token(1), LATER, &[lost(0, LOOKING_UP), lost(1, "unknown")]).await.unwrap();
        tx.commit().await.unwrap();

        let mut work = store.begin(Scope::Work).await.unwrap();
        let doubtful = work.doubtful_notices(60_000, 10).await.unwrap();
        assert_eq!(work.doubtful_notices(60_000, 0).await.unwrap().len(), 0);
        work.rollback().await.unwrap();
        let [first] = &doubtful[..] else { panic!("the other one is a person's") };
        assert_eq!(
            (first.id, first.practice, first.bix, first.carrier.as_str()),
            (notice_id(0), practice, NUMBER, "sandbox")
        );
        assert_eq!((first.attempts, first.first_at, first.last_at), (1, LATER, LATER));
        assert!(first.sealed_link_secret().unwrap().is_some());

        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let stale = SettledDoubt { attempts: 2, ..said(NoticeState::Sent, Some("m-9"), "accepted") };
        assert_eq!(tx.settle_doubts(practice, LATER, &[stale]).await.unwrap(), [], "it was tried again meanwhile");
        let never = said(NoticeState::Planned, None, "retry");
        assert_eq!(tx.settle_doubts(practice, LATER, std::slice::from_ref(&never)).await.unwrap(), [notice_id(0)]);
        assert_eq!(tx.settle_doubts(practice, LATER, &[never]).await.unwrap(), [], "once");
        let past = tx.attempts_of(practice, &[notice_id(0)]).await.unwrap();
        assert_eq!(past[0].outcome.as_deref(), Some("retry"), "certainly not taken");
        assert_eq!(tx.refs_of_numbers(practice, "sandbox", &[NUMBER], NOW).await.unwrap(), []);
        tx.commit().await.unwrap();
        assert_eq!(claim(&store, token(2), 2).await, [notice_id(0)], "and it is due again");
    })
    .await;
    both(|store| async move {
        let practice = notices(&store, 1).await;
        claim(&store, token(1), 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap();
        let lost = Outcome {
            reason: Some(LOOKING_UP.to_owned()),
            attempt: "unknown",
            ..outcome(0, NoticeState::Uncertain, None)
        };
        tx.record_outcomes(practice, token(1), NOW, &[lost]).await.unwrap();
        let found = said(NoticeState::Sent, Some("m-9"), "accepted");
        assert_eq!(tx.settle_doubts(practice, LATER, &[found]).await.unwrap(), [notice_id(0)]);
        let refs = tx.refs_of_numbers(practice, "sandbox", &[NUMBER], LATER).await.unwrap();
        assert_eq!(refs, [(NUMBER, "m-9".to_owned())]);
        let after = Instant::from_ms(LATER.as_ms() + 1);
        assert_eq!(tx.refs_of_numbers(practice, "sandbox", &[NUMBER], after).await.unwrap(), []);
        assert_eq!(tx.refs_of_numbers(practice, "other", &[NUMBER], NOW).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn caps_are_places_that_two_workers_cannot_both_take() {
    both(|store| async move {
        let practice = notices(&store, 2).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let place = |n: u128, slot: i64| Send { bix: NUMBER, send_day: 5, slot, notice: notice_id(n) };
        assert_eq!(tx.insert_sends(practice, &[place(0, 1)]).await.unwrap(), [notice_id(0)]);
        assert_eq!(tx.insert_sends(practice, &[place(1, 1)]).await.unwrap(), []);
        assert_eq!(tx.sends_since(practice, &[NUMBER], 5).await.unwrap(), [place(0, 1)]);
        assert!(tx.sends_since(practice, &[NUMBER], 6).await.unwrap().is_empty());
        assert_eq!(tx.delete_sends(practice, &[notice_id(0)]).await.unwrap(), 1);
        assert_eq!(tx.insert_sends(practice, &[place(1, 1)]).await.unwrap(), [notice_id(1)]);
    })
    .await;
}

#[tokio::test]
async fn an_idle_poll_looks_at_the_index_of_what_is_due_and_nothing_else() {
    both(|store| async move {
        notices(&store, 5_000).await;
        let mut tx = store.begin(Scope::Work).await.unwrap();
        for (statement, index) in [
            (
                "SELECT practice_id, id FROM notices WHERE state = 'planned' AND due_at_ms <= 1 \
                 ORDER BY due_at_ms, practice_id, id LIMIT 250",
                "notices_due",
            ),
            ("SELECT MIN(due_at_ms) FROM notices WHERE state = 'planned' AND due_at_ms > 1", "notices_due"),
            (
                "SELECT id FROM notices WHERE state IN ('claimed', 'armed') AND lease_until_ms < 1 \
                 ORDER BY lease_until_ms LIMIT 500",
                "notices_leased",
            ),
        ] {
            let plan = tx.explain(statement).await.unwrap().join("\n");
            assert!(plan.contains(index), "{statement}\n{plan}");
            // PostgreSQL may sort the few that the index found; it must not look at the rest.
            assert!(!plan.contains("Seq Scan") && !plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_sweep_is_one_workers_turn() {
    both(|store| async move {
        let mut tx = store.begin(Scope::Work).await.unwrap();
        assert!(tx.claim_sweep("plan", token(1), NOW, LATER).await.unwrap());
        assert!(!tx.claim_sweep("plan", token(2), NOW, LATER).await.unwrap(), "somebody has it");
        assert!(tx.claim_sweep("report", token(2), NOW, LATER).await.unwrap(), "another sweep is another turn");
        tx.finish_sweep("plan", token(2), NOW, true).await.unwrap();
        assert!(!tx.claim_sweep("plan", token(2), NOW, LATER).await.unwrap(), "a foreign token ends nothing");
        tx.finish_sweep("plan", token(1), NOW, false).await.unwrap();
        let states = tx.sweep_states().await.unwrap();
        assert_eq!((states[0].name.as_str(), states[0].succeeded_at, states[0].failures), ("plan", None, 1));
        let after = Instant::from_ms(LATER.as_ms() + 1);
        assert!(tx.claim_sweep("report", token(3), after, after).await.unwrap(), "a dead worker's turn ends");
        tx.finish_sweep("report", token(3), after, true).await.unwrap();
        assert_eq!(tx.sweep_states().await.unwrap()[1].succeeded_at, Some(after));
    })
    .await;
}

#[tokio::test]
async fn what_is_due_at_once_is_spread_the_first_to_expire_first() {
    both(|store| async move {
        let practice = notices(&store, 5).await;
        let mut tx = store.begin(Scope::Work).await.unwrap();
        assert_eq!(tx.due_by_practice(NOW).await.unwrap(), [(practice, Channel::Sms, 5)]);
        assert_eq!(tx.spread_notices(practice, Channel::Email, NOW, 1_000).await.unwrap(), 0);
        // The fifth would come after it expired: it keeps its time.
        let gap = (LATER.as_ms() - NOW.as_ms()) / 4;
        assert_eq!(tx.spread_notices(practice, Channel::Sms, NOW, gap).await.unwrap(), 4);
        assert_eq!(tx.due_notices_count(NOW).await.unwrap(), 2);
        let last = Instant::from_ms(NOW.as_ms() + 3 * gap);
        assert_eq!(tx.due_notices_count(Instant::from_ms(last.as_ms() - 1)).await.unwrap(), 4);
        assert_eq!(tx.due_notices_count(last).await.unwrap(), 5);
        tx.commit().await.unwrap();
    })
    .await;
}
