//! Notices that end without going out: what they leave behind.

use super::dispatch::{LATER, NOW, NUMBER, armed, claim, notice_id, notices, outcome, token};
use super::intake::id;
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;

/// The first notice, handed over once and certainly not taken.
async fn not_taken(store: &Store, practice: PracticeId) {
    let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
    tx.clear_plan_due(practice, &[id(201), id(202), id(203)]).await.unwrap();
    tx.commit().await.unwrap();
    claim(store, token(1), 1).await;
    let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
    tx.insert_sends(practice, &[Send { bix: NUMBER, send_day: 5, slot: 1, notice: notice_id(0) }]).await.unwrap();
    tx.arm_notices(practice, (token(1), LATER), NOW, NOW, &[armed(0, 1)]).await.unwrap();
    let busy = Outcome { attempt: "retry", due_at: Some(NOW), ..outcome(0, NoticeState::Planned, None) };
    tx.record_outcomes(practice, token(1), NOW, &[busy]).await.unwrap();
    tx.commit().await.unwrap();
}

/// State, reason and time of the one reminder.
async fn reminder(tx: &mut Tx, practice: PracticeId) -> (ReminderState, Option<String>, Option<Instant>) {
    let mut rows = tx.plan_reminders(practice, &[id(201)]).await.unwrap();
    let row = rows.remove(0);
    (row.state, row.reason, row.said_at)
}

#[tokio::test]
async fn what_is_dropped_says_why_and_what_expired_is_planned_again() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        tx.clear_plan_due(practice, &[id(201), id(202), id(203)]).await.unwrap();
        tx.commit().await.unwrap();
        claim(&store, token(1), 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        let (state, reason) = (NoticeState::Expired, "expired");
        let dropped = [DroppedNotice { id: notice_id(0), state, reason, why: Some(reason), untaken: false }];
        assert_eq!(tx.drop_notices(practice, token(1), NOW, &dropped).await.unwrap(), 1);
        let lines = tx.board_reminders(practice, 0, 10).await.unwrap();
        assert_eq!((lines[0].state, lines[0].reason.as_deref()), (ReminderState::Skipped, Some("expired")));
        assert_eq!(lines[0].notice(), Some(NoticeState::Expired));
        assert_eq!(tx.take_plan_due(practice, 10).await.unwrap(), [id(201)]);
        let task = NewTask { id: id(800), kind: "undelivered", appointment: None, subject: Some(notice_id(0).into()) };
        assert_eq!(tx.insert_tasks(practice, NOW, &[task]).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_was_handed_over_and_never_taken_is_unsaid_and_planned_again() {
    both(|store| async move {
        let practice = notices(&store, 1).await;
        not_taken(&store, practice).await;
        claim(&store, token(2), 1).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(reminder(&mut tx, practice).await, (ReminderState::Sent, None, Some(NOW)));
        let dropped = DroppedNotice {
            id: notice_id(0),
            state: NoticeState::Cancelled,
            reason: "superseded",
            why: None,
            untaken: true,
        };
        assert_eq!(tx.drop_notices(practice, token(2), NOW, &[dropped]).await.unwrap(), 1);
        assert_eq!(reminder(&mut tx, practice).await, (ReminderState::Skipped, None, None));
        assert_eq!(tx.take_plan_due(practice, 10).await.unwrap(), [id(201)]);
    })
    .await;
}

/// Cancels the first notice after attempts that ended so, the first of them as not taken; gives its reminder, and how many messages
/// count.
async fn cancelled(second: Option<&'static str>) -> Vec<(ReminderState, Option<String>, Option<Instant>, usize)> {
    let found = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&found);
    both(move |store| {
        let seen = std::sync::Arc::clone(&seen);
        async move {
            let practice = notices(&store, 1).await;
            not_taken(&store, practice).await;
            if let Some(attempt) = second {
                claim(&store, token(2), 1).await;
                let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
                tx.arm_notices(practice, (token(2), LATER), NOW, NOW, &[armed(0, 2)]).await.unwrap();
                let again = Outcome { attempt, ..outcome(0, NoticeState::Planned, None) };
                tx.record_outcomes(practice, token(2), NOW, &[again]).await.unwrap();
                tx.commit().await.unwrap();
            }
            let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
            let taken = tx.cancel_planned_notices(practice, Channel::Sms, &[NUMBER], "opted-out", NOW).await;
            assert_eq!(taken.unwrap(), 1);
            let counted = tx.sends_since(practice, &[NUMBER], 0).await.unwrap().len();
            let (state, reason, said) = reminder(&mut tx, practice).await;
            seen.lock().unwrap().push((state, reason, said, counted));
        }
    })
    .await;
    found.lock().unwrap().clone()
}

#[tokio::test]
async fn what_is_cancelled_while_it_waits_for_another_attempt_no_longer_counts() {
    for found in [cancelled(None).await, cancelled(Some("retry")).await] {
        for (state, reason, said, counted) in found {
            assert_eq!((state, reason.as_deref(), said, counted), (ReminderState::Skipped, Some("opted-out"), None, 0));
        }
    }
    // Nobody knows what became of the second attempt.
    for (state, reason, said, counted) in cancelled(Some("unknown")).await {
        assert_eq!((state, reason.as_deref(), said, counted), (ReminderState::Sent, None, Some(NOW), 1));
    }
}
