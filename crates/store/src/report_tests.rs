//! Equality with the raw rows, and changes during a rebuild, on both engines.

use super::*;
use crate::testing::both;
use crate::{Scope, Store};
use kept_domain::report::{Dimension, FUNNEL, FunnelStep, count_days, week_of};

const LATE_HOURS: u16 = 24;
const DAY_MS: i64 = 86_400_000;
/// 2026-11-02, a Monday.
const FIRST_DAY: i64 = 20_759;
const WHOLE: (i64, i64) = (0, 100_000);

fn practice() -> PracticeId {
    PracticeId::from_uuid(Uuid::from_u128(1))
}

fn visit_id(n: u128) -> AppointmentId {
    AppointmentId::from_uuid(Uuid::from_u128(1000 + n))
}

async fn seed(tx: &mut Tx) {
    let (practice, place, patient) = (practice().as_uuid(), Uuid::from_u128(2), Uuid::from_u128(3));
    let nothing: &[u8] = &[];
    run!(
        tx,
        "INSERT INTO practices (id, slug, name, alias, time_zone, settings, salt, wrapped_index_key, created_at_ms)
         VALUES ($1, 'oak', 'Oak', 'Oak', 'America/New_York', '{}', $2, $2, 0)",
        practice,
        nothing
    )
    .unwrap();
    run!(
        tx,
        "INSERT INTO locations (practice_id, id, name, alias, time_zone) VALUES ($1, $2, 'Oak', 'Oak', 'America/New_York')",
        practice,
        place
    )
    .unwrap();
    run!(
        tx,
        "INSERT INTO patients (practice_id, id, salt, private, rev, content_mac, key_bix, provisional, has_birth_date, created_at_ms)
         VALUES ($1, $2, $3, $3, 1, $3, $3, FALSE, FALSE, 0)",
        practice,
        patient,
        nothing
    )
    .unwrap();
}

async fn add_visit(tx: &mut Tx, id: AppointmentId, day: i64, status: &str, cancelled_by: Option<&str>) {
    let nothing: &[u8] = &[];
    run!(
        tx,
        "INSERT INTO appointments (practice_id, id, patient_id, location_id, start_at_ms, local_day, booked_at_ms,
            known_at_ms, status, status_at_ms, cancelled_by, private, rev)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $5, $9, $10, 1)",
        practice().as_uuid(),
        id.as_uuid(),
        Uuid::from_u128(3),
        Uuid::from_u128(2),
        day * DAY_MS + 15 * 3_600_000,
        day,
        (day - day % 9) * DAY_MS,
        status,
        cancelled_by,
        nothing
    )
    .unwrap();
}

/// Builds whatever is dirty, as `flow` does.
async fn rebuild(store: &Store) -> usize {
    let mut tx = store.read(Scope::Practice(practice())).await.unwrap();
    let days = tx.dirty_days(practice(), WHOLE, 1000).await.unwrap();
    let numbers: Vec<i64> = days.iter().map(|day| day.local_day).collect();
    let counts = count_days(&tx.visit_facts(practice(), &numbers).await.unwrap(), LATE_HOURS);
    drop(tx);
    let mut tx = store.begin_batch(Scope::Practice(practice())).await.unwrap();
    let replaced = tx.replace_day_counts(practice(), &days, &counts).await.unwrap();
    tx.commit().await.unwrap();
    replaced
}

const STATUSES: [(&str, Option<&str>); 8] = [
    ("fulfilled", None),
    ("noshow", None),
    ("booked", None),
    ("arrived", None),
    ("cancelled", Some("patient")),
    ("cancelled", Some("practice")),
    ("cancelled", None),
    ("entered-in-error", None),
];

async fn six_weeks(store: &Store) {
    let mut tx = store.begin(Scope::Practice(practice())).await.unwrap();
    seed(&mut tx).await;
    for n in 0..420_i64 {
        let (status, by) = STATUSES[usize::try_from(n * 7 % 11).unwrap() % STATUSES.len()];
        add_visit(&mut tx, visit_id(u128::try_from(n).unwrap()), FIRST_DAY + n / 10, status, by).await;
    }
    tx.mark_days_dirty(practice(), (0..42).map(|day| FIRST_DAY + day)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn sums_equal_the_raw_rows() {
    both(|store| async move {
        six_weeks(&store).await;
        assert_eq!(rebuild(&store).await, 42);
        assert_eq!(rebuild(&store).await, 0);
        let mut tx = store.read(Scope::Practice(practice())).await.unwrap();
        let (from, to, today) = (FIRST_DAY + 3, FIRST_DAY + 40, FIRST_DAY + 38);
        let raw: Vec<(String, Option<String>, i64)> = all!(
            tx,
            (String, Option<String>, i64),
            "SELECT status, cancelled_by, COUNT(*) FROM appointments
             WHERE local_day BETWEEN $1 AND $2 AND (local_day < $3 OR status NOT IN ('arrived', 'booked'))
             GROUP BY status, cancelled_by",
            from,
            to,
            today
        )
        .unwrap();
        let raw = |status: &str, by: Option<&str>| -> i64 {
            raw.iter().filter(|row| row.0 == status && row.1.as_deref() == by).map(|row| row.2).sum()
        };
        let expected = [
            (Outcome::Kept, raw("fulfilled", None)),
            (Outcome::Arrived, raw("arrived", None)),
            (Outcome::Noshow, raw("noshow", None)),
            (Outcome::Unknown, raw("booked", None)),
            (Outcome::CancelledLate, raw("cancelled", Some("patient"))),
            (Outcome::Cancelled, raw("cancelled", None)),
            (Outcome::CancelledByPractice, raw("cancelled", Some("practice"))),
        ];
        assert!(expected.iter().all(|(_, n)| *n > 20));
        let span = DaySpan { from, to, today };
        for dimension in Dimension::ALL {
            let sums = tx.outcome_sums(practice(), dimension.as_str(), span).await.unwrap();
            for (outcome, n) in expected {
                let found: i64 = sums.iter().filter(|sum| sum.outcome == outcome).map(|sum| sum.n).sum();
                assert_eq!(found, n, "{dimension} {outcome}");
            }
        }
        let weeks = tx.week_sums(practice(), span).await.unwrap();
        for (outcome, n) in expected {
            assert_eq!(weeks.iter().filter(|sum| sum.outcome == outcome).map(|sum| sum.n).sum::<i64>(), n, "{outcome}");
        }
        assert_eq!(weeks.first().map(|sum| sum.week), Some(week_of(from)));
        assert_eq!(tx.report_days(practice()).await.unwrap(), Some((FIRST_DAY, FIRST_DAY + 41)));
    })
    .await;
}

#[tokio::test]
async fn a_change_during_a_rebuild_is_not_lost() {
    both(|store| async move {
        let mut tx = store.begin(Scope::Practice(practice())).await.unwrap();
        seed(&mut tx).await;
        add_visit(&mut tx, visit_id(1), FIRST_DAY, "booked", None).await;
        tx.mark_days_dirty(practice(), [FIRST_DAY, FIRST_DAY]).await.unwrap();
        tx.commit().await.unwrap();

        // A slow rebuild has read the day; then the visit is kept and another rebuild finishes first.
        let mut tx = store.read(Scope::Practice(practice())).await.unwrap();
        let stale_days = tx.dirty_days(practice(), WHOLE, 10).await.unwrap();
        let stale = count_days(&tx.visit_facts(practice(), &[FIRST_DAY]).await.unwrap(), LATE_HOURS);
        drop(tx);
        assert_eq!(stale_days, [DirtyDay { local_day: FIRST_DAY, stamp: 1 }]);
        let mut tx = store.begin(Scope::Practice(practice())).await.unwrap();
        run!(tx, "UPDATE appointments SET status = 'fulfilled'").unwrap();
        tx.mark_appointments_dirty(practice(), [visit_id(1)]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(rebuild(&store).await, 1);

        let mut tx = store.begin(Scope::Practice(practice())).await.unwrap();
        assert_eq!(tx.replace_day_counts(practice(), &stale_days, &stale).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let span = DaySpan { from: FIRST_DAY, to: FIRST_DAY, today: FIRST_DAY + 1 };
        let mut tx = store.read(Scope::Practice(practice())).await.unwrap();
        let sums = tx.outcome_sums(practice(), "all", span).await.unwrap();
        assert_eq!(sums, [OutcomeSum { value: "all".into(), outcome: Outcome::Kept, n: 1 }]);
    })
    .await;
}

#[tokio::test]
async fn a_day_that_changed_while_it_was_counted_stays_dirty() {
    both(|store| async move {
        let mut tx = store.begin(Scope::Practice(practice())).await.unwrap();
        seed(&mut tx).await;
        tx.mark_days_dirty(practice(), [FIRST_DAY]).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.begin(Scope::Practice(practice())).await.unwrap();
        let days = tx.dirty_days(practice(), WHOLE, 10).await.unwrap();
        tx.mark_days_dirty(practice(), [FIRST_DAY]).await.unwrap();
        assert_eq!(tx.replace_day_counts(practice(), &days, &DayCounts::new()).await.unwrap(), 1);
        let left = tx.dirty_days(practice(), WHOLE, 10).await.unwrap();
        assert_eq!(left, [DirtyDay { local_day: FIRST_DAY, stamp: 2 }]);
        tx.commit().await.unwrap();
        let mut tx = store.read(Scope::Work).await.unwrap();
        assert_eq!(tx.practices_with_dirty_days().await.unwrap(), [practice()]);
        drop(tx);
        assert_eq!(rebuild(&store).await, 1);
        let mut tx = store.begin(Scope::Practice(practice())).await.unwrap();
        assert_eq!(tx.dirty_days(practice(), WHOLE, 10).await.unwrap(), []);
        tx.mark_all_days_dirty(practice()).await.unwrap();
        assert_eq!(tx.dirty_days(practice(), WHOLE, 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn messages_and_links_are_facts_of_a_visit() {
    both(|store| async move {
        let mut tx = store.begin(Scope::Practice(practice())).await.unwrap();
        seed(&mut tx).await;
        for n in 1..=2 {
            add_visit(&mut tx, visit_id(n), FIRST_DAY, "fulfilled", None).await;
        }
        let (owner, notice, link) = (practice().as_uuid(), Uuid::from_u128(50), Uuid::from_u128(60));
        let nothing: &[u8] = &[];
        run!(
            tx,
            "INSERT INTO notices (practice_id, id, kind, channel, contact_point_id, bix, location_id, locale, template,
                state, due_at_ms, expires_at_ms, created_at_ms)
             VALUES ($1, $2, 'reminder', 'sms', $2, $3, $2, 'en', 'reminder', 'delivered', 0, 0, 0)",
            owner,
            notice,
            nothing
        )
        .unwrap();
        for (n, channel, state) in [(1_i64, "sms", "sent"), (2, "email", "sent"), (3, "voice", "skipped")] {
            run!(
                tx,
                "INSERT INTO reminders (practice_id, id, appointment_id, step, channel, revision, state, due_at_ms, notice_id)
                 VALUES ($1, $2, $3, 'a', $4, 1, $5, 0, $6)",
                owner,
                Uuid::from_u128(70 + u128::try_from(n).unwrap()),
                visit_id(1).as_uuid(),
                channel,
                state,
                notice
            )
            .unwrap();
        }
        run!(
            tx,
            "INSERT INTO links (practice_id, id, auth_hash, notice_id, created_at_ms, expires_at_ms, opened_at_ms)
             VALUES ($1, $2, $3, $4, 0, 0, 1)",
            owner,
            link,
            nothing,
            notice
        )
        .unwrap();
        run!(
            tx,
            "INSERT INTO link_visits (practice_id, link_id, appointment_id, patient_id, revision, ordinal)
             VALUES ($1, $2, $3, $4, 1, 1)",
            owner,
            link,
            visit_id(1).as_uuid(),
            Uuid::from_u128(3)
        )
        .unwrap();
        let mut facts = tx.visit_facts(practice(), &[FIRST_DAY]).await.unwrap();
        facts.sort_by_key(|fact| fact.channels.is_none());
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].channels, Some(("email".to_owned(), "sms".to_owned())));
        assert!(facts[0].delivered && facts[0].identified);
        assert_eq!((facts[1].channels.clone(), facts[1].delivered, facts[1].identified), (None, false, false));
        let counts = count_days(&facts, LATE_HOURS);
        let step = |step: FunnelStep| counts.get(&(FIRST_DAY, FUNNEL, step.to_string(), Outcome::Kept)).copied();
        assert_eq!([FunnelStep::Sent, FunnelStep::Identified, FunnelStep::Confirmed].map(step), [Some(1), Some(1), None]);
    })
    .await;
}

/// The page asks for sums of a period; the engines must find them in the index and not read every day there is.
#[tokio::test]
async fn sums_read_the_days_asked_for() {
    let database = crate::testing::TestDatabase::sqlite().await;
    six_weeks(&database.store).await;
    rebuild(&database.store).await;
    let mut tx = database.store.read(Scope::Practice(practice())).await.unwrap();
    let plan = tx
        .explain(
            "SELECT value, outcome, SUM(n) FROM day_counts
             WHERE practice_id = x'00' AND dimension = 'all' AND local_day BETWEEN 1 AND 2 GROUP BY value, outcome",
        )
        .await
        .unwrap()
        .join("; ");
    assert!(plan.contains("COVERING INDEX day_counts_dimension") && plan.contains("local_day>?"), "{plan}");
    drop(tx);
    database.close().await;
}
