//! How the engines go about the statements that run all the time: each row is found by an index, whatever else the tables
//! hold. Plans do not get slower on a busy machine.

use super::intake::{id, layout, practice, sealed};
use kept_domain::plan::StepKey;
use kept_domain::report::{DayCounts, Outcome as Counted};
use kept_domain::*;
use kept_store::testing::both;
use kept_store::*;
use uuid::Uuid;

const NOW: Instant = Instant::from_ms(1_000_000);
const LATER: Instant = Instant::from_ms(2_000_000);
/// Enough that an engine would rather not read all.
const MANY: u128 = 3_000;
const MANY_DAYS: i64 = 3_000;
/// Indexes of what waits only: reading one whole is reading what is asked for.
const OF_WHAT_WAITS: [&str; 9] = [
    "notices_due",
    "notices_leased",
    "notices_uncertain",
    "appointments_plan_due",
    "appointments_needs",
    "receipts_waiting",
    "requests_open",
    "tasks_open",
    "dirty_days_open",
];
/// A handful of rows a practice, or of them all: reading all is no work. The last three are empty in these tests.
const SMALL: [&str; 6] = ["practices", "locations", "sweeps", "inbound", "consent_now", "sends"];

fn bix(n: u128) -> BlindIndex {
    BlindIndex(n.to_be_bytes())
}

/// A practice with many patients, each with a number, a visit, a row in a calendar and a notice.
async fn full(store: &Store) -> (PracticeId, SourceId) {
    let practice = practice(store).await;
    let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
    let source = tx.keep_source(practice, &layout(9, 50), "Weekly", None, NOW).await.unwrap().unwrap();
    let (mut patients, mut contacts, mut visits, mut rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut notices, mut reminders) = (Vec::new(), Vec::new());
    for (n, at) in (0..MANY).zip(0_i64..) {
        patients.push(NewPatient {
            id: id(100_000 + n),
            key_bix: bix(n),
            salt: Salt([1; 32]),
            private: sealed(1),
            content_mac: ContentMac([1; 16]),
            provisional: false,
            has_birth_date: true,
            locale: None,
        });
        contacts.push(NewContact {
            id: id(200_000 + n),
            patient: id(100_000 + n),
            channel: Channel::Sms,
            bix: bix(n),
            private: sealed(1),
            area_zones: None,
        });
        visits.push(NewVisit {
            id: id(300_000 + n),
            patient: id(100_000 + n),
            practitioner: None,
            location: id(2),
            visit_type: None,
            start: Instant::from_ms(LATER.as_ms() + at),
            end: None,
            local_day: at / 30,
            booked_at: None,
            status: AppointmentStatus::Booked,
            status_at: NOW,
            outcome_by: None,
            cancelled_by: None,
            private: sealed(1),
        });
        rows.push(NewRow {
            id: Uuid::from_u128(400_000 + n),
            key_bix: bix(n),
            appointment: id(300_000 + n),
            content_mac: ContentMac([1; 16]),
            said: sealed(1),
            said_start: NOW,
        });
        notices.push(PlannedNotice {
            id: id(500_000 + n),
            kind: NoticeKind::Reminder,
            channel: Channel::Sms,
            bix: bix(n),
            contact: id(200_000 + n),
            location: id(2),
            locale: Locale::En,
            template: "reminder",
            due_at: Instant::from_ms(NOW.as_ms() + at),
            expires_at: LATER,
        });
        reminders.push(PlannedReminder {
            id: id(600_000 + n),
            appointment: id(300_000 + n),
            step: StepKey::Days(1),
            revision: 1,
            channel: Channel::Sms,
            state: ReminderState::Planned,
            reason: None,
            due_at: NOW,
            notice: Some(id(500_000 + n)),
        });
    }
    tx.insert_patients(practice, &patients, NOW).await.unwrap();
    tx.insert_contacts(practice, &contacts).await.unwrap();
    tx.insert_visits(practice, source, &visits, NOW).await.unwrap();
    tx.insert_source_rows(practice, source, id(60), &rows).await.unwrap();
    tx.insert_planned_notices(practice, &notices, NOW).await.unwrap();
    tx.insert_planned_reminders(practice, &reminders).await.unwrap();
    let planned: Vec<AppointmentId> = (100..MANY).map(|n| id(300_000 + n)).collect();
    tx.clear_plan_due(practice, &planned).await.unwrap();
    old_news(&mut tx, practice).await;
    tx.commit().await.unwrap();
    let mut tx = store.begin(Scope::Work).await.unwrap();
    tx.refresh_statistics().await.unwrap();
    tx.commit().await.unwrap();
    (practice, source)
}

/// Receipts and days that nothing has to be done about any more, and some days that were changed.
async fn old_news(tx: &mut Tx, practice: PracticeId) {
    let receipts: Vec<NewReceipt> = (0..MANY)
        .map(|n| NewReceipt {
            event: format!("old-{n}"),
            provider_ref: format!("old-{n}"),
            status: "delivered",
            code: None,
        })
        .collect();
    tx.insert_receipts(practice, "sandbox", NOW, &receipts).await.unwrap();
    tx.give_up_receipts(practice, LATER).await.unwrap();
    tx.mark_days_dirty(practice, 0..MANY_DAYS).await.unwrap();
    let days = tx.dirty_days(practice, (0, MANY_DAYS), MANY_DAYS).await.unwrap();
    let mut counts = DayCounts::new();
    for day in &days {
        counts.insert((day.local_day, "all", String::new(), Counted::Kept), 1);
    }
    tx.replace_day_counts(practice, &days, &counts).await.unwrap();
    tx.mark_days_dirty(practice, 0..100).await.unwrap();
}

/// What a line of SQLite's plan says of a table that it must not; none if it is well.
fn sqlite_fault(line: &str) -> bool {
    // Over every value of an index's first column, or over a table that is indexed for this one statement: both read it all.
    if ["ANY(", "AUTOMATIC ", "BLOOM FILTER ON "].iter().any(|sign| line.contains(sign)) {
        return true;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let index = words.iter().position(|word| *word == "INDEX").and_then(|at| words.get(at + 1)).copied();
    let waits = index.is_some_and(|index| OF_WHAT_WAITS.contains(&index));
    match words.as_slice() {
        // Bulk rows, and tables that a statement makes for itself.
        [
            "SCAN",
            "json_each" | "r" | "d" | "g" | "taken" | "people" | "numbers" | "kin" | "due" | "waiting" | "CONSTANT"
            | "p" | "practices",
            ..,
        ] => false,
        ["SCAN", ..] => !waits,
        // By the practice alone is by nothing.
        ["SEARCH", table, ..] => line.ends_with("(practice_id=?)") && !waits && !["l", "locations"].contains(table),
        _ => line.contains("TEMP B-TREE FOR ORDER BY") && line.contains("notices"),
    }
}

/// As [`sqlite_fault`], for a node of PostgreSQL's plan and the line below it.
fn postgres_fault(node: &str, below: &str) -> bool {
    let table = |word: &str| node.split(&format!("{word} ")).nth(1).and_then(|rest| rest.split_whitespace().next());
    // A table or an index of it.
    let small = |name: Option<&str>| {
        name.is_some_and(|name| SMALL.iter().any(|small| name == *small || name.starts_with(&format!("{small}_"))))
    };
    if node.contains("Seq Scan on ") {
        return !small(table("Seq Scan on"));
    }
    if !node.contains("Index Scan ") && !node.contains("Index Only Scan ") {
        return false;
    }
    let waits = OF_WHAT_WAITS.iter().any(|index| node.contains(index));
    let of_practice_alone = below.contains("Index Cond: (practice_id = ") && !below.contains(" AND ");
    let whole = !below.contains("Index Cond:");
    (whole || of_practice_alone) && !waits && !small(table(" on"))
}

fn check(engine: Engine, plans: &[(String, Vec<String>)]) {
    assert!(!plans.is_empty());
    for (statement, plan) in plans {
        let next = plan.iter().skip(1).map(String::as_str).chain([""]);
        for (line, below) in plan.iter().zip(next) {
            let fault = match engine {
                Engine::Sqlite => sqlite_fault(line),
                Engine::Postgres => postgres_fault(line, below),
            };
            assert!(!fault, "{engine:?} reads more than it is asked for: {line}\n{statement}\n{}", plan.join("\n"));
        }
    }
}

#[tokio::test]
async fn planning_finds_its_rows_by_index() {
    both(|store| async move {
        let (practice, _) = full(&store).await;
        let mut tx = store.begin_batch(Scope::Practice(practice)).await.unwrap();
        tx.count_plan_due(practice, 10).await.unwrap();
        let taken = tx.take_plan_due(practice, 50).await.unwrap();
        assert_eq!(taken.len(), 50);
        let visits = tx.visits_of_same_numbers(practice, &taken, NOW).await.unwrap();
        tx.clear_plan_due(practice, &visits).await.unwrap();
        assert_eq!(tx.plan_visits(practice, &visits).await.unwrap().len(), 50);
        assert_eq!(tx.plan_reminders(practice, &visits).await.unwrap().len(), 50);
        let notices = [id(500_001)];
        assert_eq!(tx.visits_in_notices(practice, &notices).await.unwrap().len(), 1);
        let reminder = PlannedReminder {
            id: id(600_001),
            appointment: id(300_001),
            step: StepKey::Days(1),
            revision: 1,
            channel: Channel::Sms,
            state: ReminderState::Superseded,
            reason: None,
            due_at: NOW,
            notice: None,
        };
        assert_eq!(tx.update_planned_reminders(practice, &[reminder]).await.unwrap(), 1);
        let cancelled = tx.cancel_unarmed_notices(practice, &notices, SkipReason::Superseded, NOW).await.unwrap();
        assert_eq!(cancelled, 1);
        tx.mark_plan_due(practice, &visits).await.unwrap();
        check(store.engine(), &tx.explain_all().await.unwrap());
        drop(tx);
        let mut tx = store.read_batch(Scope::Work).await.unwrap();
        assert_eq!(tx.practices_to_plan().await.unwrap(), [practice]);
        check(store.engine(), &tx.explain_all().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn sending_finds_its_rows_by_index() {
    both(|store| async move {
        let (practice, _) = full(&store).await;
        let token: LeaseToken = id(90_001);
        let mut tx = store.begin_batch(Scope::Work).await.unwrap();
        let claimed = tx.claim_due_notices(token, LATER, LATER, 250).await.unwrap();
        assert_eq!(claimed.len(), 250);
        tx.next_notice_due(NOW).await.unwrap();
        assert!(tx.expired_leases(NOW, 500).await.unwrap().is_empty());
        check(store.engine(), &tx.explain_all().await.unwrap());
        tx.commit().await.unwrap();

        let ids: Vec<NoticeId> = claimed.into_iter().map(|(_, id)| id).collect();
        let numbers: Vec<BlindIndex> = (0..250).map(bix).collect();
        let mut tx = store.begin_batch(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.claimed_notices(practice, &ids).await.unwrap().len(), 250);
        assert_eq!(tx.notice_reminders(practice, &ids).await.unwrap().len(), 250);
        assert_eq!(tx.hold_claimed(practice, token, &ids).await.unwrap().len(), 250);
        assert_eq!(tx.arm_facts(practice, &ids).await.unwrap().len(), 250);
        tx.sends_since(practice, &numbers, 0).await.unwrap();
        let sends: Vec<Send> =
            ids.iter().zip(numbers).map(|(id, bix)| Send { bix, send_day: 5, slot: 1, notice: *id }).collect();
        assert_eq!(tx.insert_sends(practice, &sends).await.unwrap().len(), 250);
        let armed: Vec<Armed> = (0..)
            .zip(&ids)
            .map(|(n, id)| Armed {
                id: *id,
                body: sealed(1),
                link_secret: None,
                link: None,
                rev: 1,
                send_day: Some(5),
                carrier: "sandbox",
                attempt: super::intake::id(700_000_u128 + n),
                attempt_number: 1,
                consent_seq: None,
            })
            .collect();
        assert_eq!(tx.arm_notices(practice, (token, LATER), NOW, NOW, &armed).await.unwrap(), 250);
        check(store.engine(), &tx.explain_all().await.unwrap());
        tx.commit().await.unwrap();
        // The first attempts there are; the server counts them by itself once there are many.
        let mut tx = store.begin(Scope::Work).await.unwrap();
        tx.refresh_statistics().await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = store.begin_batch(Scope::Practice(practice)).await.unwrap();
        tx.delete_sends(practice, &ids[..1]).await.unwrap();
        let outcomes: Vec<Outcome> = ids
            .iter()
            .map(|id| Outcome {
                id: *id,
                state: NoticeState::Sent,
                reason: None,
                provider_ref: Some(format!("m-{id}")),
                due_at: None,
                attempt: "accepted",
                code: None,
            })
            .collect();
        assert_eq!(tx.record_outcomes(practice, token, NOW, &outcomes).await.unwrap(), 250);
        tx.release_notices(practice, token, &[(ids[0], None)]).await.unwrap();
        let (state, reason) = (NoticeState::Expired, "expired");
        let dropped = DroppedNotice { id: ids[0], state, reason, why: Some(reason), untaken: true };
        tx.drop_notices(practice, token, NOW, &[dropped]).await.unwrap();
        check(store.engine(), &tx.explain_all().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn receipts_find_their_notices_by_index() {
    both(|store| async move {
        let (practice, _) = full(&store).await;
        let mut tx = store.begin_batch(Scope::Practice(practice)).await.unwrap();
        let receipts: Vec<NewReceipt> = (0..100)
            .map(|n| NewReceipt {
                event: format!("e-{n}"),
                provider_ref: format!("m-{n}"),
                status: "delivered",
                code: None,
            })
            .collect();
        assert_eq!(tx.insert_receipts(practice, "sandbox", NOW, &receipts).await.unwrap(), 100);
        tx.waiting_receipts(practice, 100).await.unwrap();
        let settled = SettledReceipt {
            provider: "sandbox".to_owned(),
            event: "e-1".to_owned(),
            notice: id(500_001),
            state: Some(NoticeState::Delivered),
        };
        tx.settle_receipts(practice, NOW, &[settled]).await.unwrap();
        tx.visits_of_notices(practice, &[id(500_001)]).await.unwrap();
        tx.cancel_planned_notices(practice, Channel::Sms, &[bix(7)], "opted-out", NOW).await.unwrap();
        check(store.engine(), &tx.explain_all().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_upload_finds_what_it_knows_by_index() {
    both(|store| async move {
        let (practice, source) = full(&store).await;
        let keys: Vec<BlindIndex> = (0..500).map(bix).collect();
        let patients: Vec<PatientId> = (0..500).map(|n| id(100_000 + n)).collect();
        let mut tx = store.read_batch(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.row_marks(practice, source, &keys).await.unwrap().len(), 500);
        assert_eq!(tx.visits_of_rows(practice, source, &keys).await.unwrap().len(), 500);
        assert_eq!(tx.rows_by_key(practice, &[source], &keys).await.unwrap().len(), 500);
        assert_eq!(tx.source_spans(practice, &[source]).await.unwrap().len(), 1);
        assert_eq!(tx.patients_by_key(practice, &keys).await.unwrap().len(), 500);
        assert_eq!(tx.contacts_of(practice, &patients).await.unwrap().len(), 500);
        tx.consent_now(practice, Channel::Sms, &keys).await.unwrap();
        check(store.engine(), &tx.explain_all().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn one_visit_and_one_number_are_found_among_all() {
    both(|store| async move {
        let (practice, _) = full(&store).await;
        let mut tx = store.begin(Scope::Practice(practice)).await.unwrap();
        assert_eq!(tx.visit_log(practice, id(300_001), id(100_001)).await.unwrap().len(), 1);
        tx.revoke_links_of_contact(practice, bix(1), "opt-out", NOW).await.unwrap();
        tx.replan_numbers(practice, &[bix(1)], NOW).await.unwrap();
        let plans = tx.explain_all().await.unwrap();
        // A person waits for these, without the settings of a batch: PostgreSQL reads a table of some pages whole, and is right.
        if store.engine() == Engine::Sqlite {
            check(Engine::Sqlite, &plans);
        }
    })
    .await;
}

#[tokio::test]
async fn days_are_counted_from_their_own_visits() {
    both(|store| async move {
        let (practice, _) = full(&store).await;
        let mut tx = store.begin_batch(Scope::Practice(practice)).await.unwrap();
        let days = tx.dirty_days(practice, (0, 1_000), 7).await.unwrap();
        assert_eq!(days.len(), 7);
        let mut counts = DayCounts::new();
        counts.insert((days[0].local_day, "all", String::new(), Counted::Kept), 1);
        assert_eq!(tx.replace_day_counts(practice, &days, &counts).await.unwrap(), 7);
        tx.mark_appointments_dirty(practice, [id(300_001)]).await.unwrap();
        check(store.engine(), &tx.explain_all().await.unwrap());
        drop(tx);
        // A person waits for these: without the settings of a batch.
        let mut tx = store.read(Scope::Practice(practice)).await.unwrap();
        let span = DaySpan { from: 0, to: 100, today: 50 };
        tx.outcome_sums(practice, "all", span).await.unwrap();
        tx.week_sums(practice, span).await.unwrap();
        let plans = tx.explain_all().await.unwrap();
        // PostgreSQL reads a table of a page whole, and is right.
        if store.engine() == Engine::Sqlite {
            check(Engine::Sqlite, &plans);
        }
    })
    .await;
}
