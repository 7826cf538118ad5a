//! Schedules in, notices planned, on both engines.

use super::PlanSummary;
use crate::intake::ImportRequest;
use crate::testing::{NOW, World};
use chrono::Duration;
use kept_domain::{Answer, AppointmentStatus, Instant, NoticeKind, NoticeState, ReminderState};
use kept_store::testing::both;
use kept_store::{PlanReminder, PlanVisit, Scope, Store};

const HEADER: &str = "Appt ID,Patient ID,Patient,DOB,Cell,Date,Time,Duration,Provider,Visit Type,Status,OK to text\n";
/// Two children on one phone, one patient alone, one without a number, one who said No.
pub(crate) const WEEK: &str = "\
1,P1,Emma Lee,2015-09-23,(212) 555-0191,2026-12-04,10:00,30,Amy Wong,Flu Shot,Scheduled,Yes\n\
2,P2,Noah Lee,2017-01-05,212-555-0191,2026-12-04,10:30,30,Amy Wong,Flu Shot,Scheduled,Yes\n\
3,P3,Omar Khan,1960-01-05,212-555-0192,2026-12-03,09:00,30,Amy Wong,Follow Up,Scheduled,Yes\n\
4,P4,Zoe Brown,1937-02-02,n/a,2026-12-03,10:00,30,Amy Wong,Flu Shot,Scheduled,Yes\n\
5,P5,Ian Green,1950-02-02,212-555-0195,2026-12-03,11:00,30,Amy Wong,Flu Shot,Scheduled,No\n";

pub(crate) async fn import(world: &World, rows: &str) {
    let request = ImportRequest {
        practice: world.practice,
        file_name: "week.csv",
        content: format!("{HEADER}{rows}").into_bytes(),
        mapping: None,
        consent: None,
        staff: Some(world.staff),
        dry_run: false,
        progress: None,
        words: crate::intake::RejectWords::default(),
    };
    world.flow.import(request).await.unwrap();
}

/// The visits of the practice by start, each with its reminders.
async fn stands(world: &World) -> Vec<(PlanVisit, Vec<PlanReminder>)> {
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    let far = NOW + Duration::days(400);
    let ids = tx.visits_starting(world.practice, Instant::from_ms(0), far).await.unwrap();
    let visits = tx.plan_visits(world.practice, &ids).await.unwrap();
    let reminders = tx.plan_reminders(world.practice, &ids).await.unwrap();
    let of = |id| {
        let mut own: Vec<PlanReminder> = reminders.iter().filter(|row| row.appointment == id).cloned().collect();
        own.sort_by_key(|row| (row.revision, row.due_at, row.step));
        own
    };
    let mut all: Vec<_> = visits.into_iter().map(|visit| (visit.clone(), of(visit.id))).collect();
    all.sort_by_key(|(visit, _)| (visit.start, visit.id));
    all
}

/// `step state reason` of every reminder of a visit.
fn story(reminders: &[PlanReminder]) -> Vec<String> {
    let line = |row: &PlanReminder| {
        format!("{} {} {} {}", row.revision, row.step, row.state, row.reason.as_deref().unwrap_or("-"))
    };
    reminders.iter().map(line).collect()
}

#[tokio::test]
async fn an_import_is_planned_once_and_the_same_file_again_plans_nothing() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, WEEK).await;
        let done = world.flow.plan_sweep().await.unwrap();
        assert_eq!((done.visits, done.reminders), (5, 15));
        let before = stands(&world).await;
        // Khan alone has three notices; the two children share three.
        assert_eq!(done.notices, 6);
        assert_eq!(story(&before[0].1), ["1 booking planned -", "1 3d planned -", "1 1d planned -"]);
        let reason = |index: usize| before[index].1.iter().map(|row| row.reason.clone().unwrap()).collect::<Vec<_>>();
        assert_eq!(reason(1), ["no-number"; 3]);
        assert_eq!(reason(2), ["no-consent"; 3]);
        let notices = |index: usize| before[index].1.iter().map(|row| row.notice.clone().unwrap()).collect::<Vec<_>>();
        assert_eq!(notices(3), notices(4), "two children on one number: one message a day");
        assert_eq!(notices(3)[2].due_at, before[3].0.start - Duration::days(1));
        assert_eq!(world.flow.plan_sweep().await.unwrap(), PlanSummary::default(), "nothing waits");

        import(&world, WEEK).await;
        assert_eq!(world.flow.plan_sweep().await.unwrap().reminders, 0);
        assert_eq!(stands(&world).await, before);
        // Looking at everything again changes nothing either.
        assert_eq!(world.flow.replan_practice(world.practice).await.unwrap(), 5);
        let again = world.flow.plan_sweep().await.unwrap();
        assert_eq!((again.visits, again.reminders, again.notices), (5, 0, 0));
        assert_eq!(stands(&world).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_moved_visit_gets_one_notice_of_the_change_and_its_old_reminders_are_superseded() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, WEEK).await;
        world.flow.plan_sweep().await.unwrap();
        let moved = WEEK.replace("212-555-0192,2026-12-03,09:00", "212-555-0192,2026-12-10,09:00");
        import(&world, &moved).await;
        world.flow.plan_sweep().await.unwrap();
        let all = stands(&world).await;
        let (visit, reminders) = all.iter().find(|(visit, _)| visit.revision == 2).unwrap();
        assert_eq!((visit.answer, visit.change_notice.as_deref()), (Answer::NeedsAction, Some("moved")));
        assert_eq!(
            story(reminders),
            [
                "1 booking superseded superseded",
                "1 3d superseded superseded",
                "1 1d superseded superseded",
                "2 booking skipped not-new",
                "2 change planned -",
                "2 3d planned -",
                "2 1d planned -",
            ]
        );
        let change = reminders.iter().find(|row| row.step.is_change()).unwrap().notice.clone().unwrap();
        assert_eq!((change.kind, change.due_at, change.state), (NoticeKind::Change, NOW, NoticeState::Planned));
        let waiting = |row: &PlanReminder| row.state == ReminderState::Planned;
        assert!(reminders.iter().filter(|row| waiting(row)).all(|row| row.notice.as_ref().unwrap().expires_at > NOW));
        // The same file again: nothing more is said.
        import(&world, &moved).await;
        world.flow.replan_practice(world.practice).await.unwrap();
        let again = world.flow.plan_sweep().await.unwrap();
        assert_eq!((again.reminders, again.notices), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_move_and_another_practitioner_in_one_file_are_one_message() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, WEEK).await;
        let both =
            WEEK.replace("212-555-0192,2026-12-03,09:00,30,Amy Wong", "212-555-0192,2026-12-10,09:00,30,Rakesh Patel");
        import(&world, &both).await;
        world.flow.plan_sweep().await.unwrap();
        let all = stands(&world).await;
        let (_, reminders) = all.iter().find(|(visit, _)| visit.revision == 2).unwrap();
        let changes: Vec<_> = reminders.iter().filter(|row| row.step.is_change()).collect();
        assert_eq!(
            changes.iter().map(|row| row.step.to_string()).collect::<Vec<_>>(),
            ["change", "change-practitioner"]
        );
        assert_eq!(changes[0].notice, changes[1].notice);
        assert!(changes[0].notice.is_some());
    })
    .await;
}

#[tokio::test]
async fn two_who_shared_a_number_part_and_each_is_reminded_on_their_own() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, WEEK).await;
        world.flow.plan_sweep().await.unwrap();
        let parted = WEEK.replace("(212) 555-0191", "(212) 555-0181").replace("212-555-0191", "212-555-0182");
        import(&world, &parted).await;
        world.flow.plan_sweep().await.unwrap();
        let all = stands(&world).await;
        let notices = |index: usize| all[index].1.iter().map(|row| row.notice.clone().unwrap()).collect::<Vec<_>>();
        let of = |index: usize| all[index].0.contact(kept_domain::Channel::Sms).unwrap().bix;
        for (one, other) in notices(3).iter().zip(notices(4)) {
            assert!(one.id != other.id && one.bix != other.bix, "a notice each, to a number each");
            assert_eq!((one.state, other.state), (NoticeState::Planned, NoticeState::Planned));
            assert_eq!((one.bix, other.bix), (of(3), of(4)));
        }
        let again = world.flow.replan_practice(world.practice).await.unwrap();
        assert_eq!(again, 5);
        let again = world.flow.plan_sweep().await.unwrap();
        assert_eq!((again.reminders, again.notices), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn an_answer_takes_reminders_back_and_an_opt_out_all_of_them() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, WEEK).await;
        world.flow.plan_sweep().await.unwrap();
        let khan = stands(&world).await.remove(0).0;
        alter(&world, |visit| visit.id == khan.id, Answer::Accepted).await;
        world.flow.plan_sweep().await.unwrap();
        let all = stands(&world).await;
        assert_eq!(story(&all[0].1), ["1 booking skipped confirmed", "1 3d skipped confirmed", "1 1d planned -"]);
        let open = world.flow.practice(world.practice).await.unwrap();
        let number = open.keys.blind(kept_seal::Blind::Phone, "+12125550191");
        let mut tx = world.flow.store.begin(Scope::Practice(world.practice)).await.unwrap();
        let out = crate::consent::NewConsent {
            bix: number,
            channel: kept_domain::Channel::Sms,
            act: crate::consent::ConsentAct::Withdrawn,
            basis: crate::consent::ConsentBasis::Reply,
            wording: "stop",
            locale: None,
            staff: None,
            import: None,
        };
        crate::consent::append(&world.flow, &mut tx, world.practice, NOW, &[out]).await.unwrap();
        tx.replan_numbers(world.practice, &[number], NOW).await.unwrap();
        tx.commit().await.unwrap();
        world.flow.plan_sweep().await.unwrap();
        let all = stands(&world).await;
        for (_, reminders) in &all[3..] {
            assert!(reminders.iter().all(|row| row.reason.as_deref() == Some("opted-out") && row.notice.is_none()));
        }
        assert_eq!(story(&all[0].1)[2], "1 1d planned -", "another number is not concerned");
    })
    .await;
}

#[tokio::test]
async fn an_undone_cancellation_is_planned_again() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, WEEK).await;
        world.flow.plan_sweep().await.unwrap();
        let khan = stands(&world).await.remove(0).0;
        let cannot = crate::answer::Answering {
            appointment: khan.id,
            revision: None,
            answer: Answer::Declined,
            by: crate::answer::AnsweredBy::Desk(world.staff),
            words: crate::answer::Words::default(),
        };
        world.flow.record_answer(world.practice, cannot).await.unwrap();
        world.flow.plan_sweep().await.unwrap();
        let quiet = stands(&world).await;
        assert!(quiet[0].1.iter().all(|row| row.state != ReminderState::Planned), "{:?}", story(&quiet[0].1));
        let undo = AppointmentStatus::Booked;
        assert!(world.flow.mark_outcome(world.practice, world.staff, khan.id, undo).await.unwrap());
        world.flow.plan_sweep().await.unwrap();
        let all = stands(&world).await;
        assert_eq!(story(&all[0].1), ["1 booking planned -", "1 3d planned -", "1 1d planned -"]);
        let day = khan.start.local_day(chrono_tz::America::New_York);
        let board = world.flow.board(world.practice, world.staff, Some(day)).await.unwrap();
        let shown = board.visits.iter().find(|visit| visit.id == khan.id).unwrap();
        assert_eq!((shown.chip, shown.answered, shown.to_enter.as_deref()), (crate::board::Chip::NotSent, None, None));
        assert!(board.to_decide.is_empty());
    })
    .await;
}

async fn alter(world: &World, which: impl Fn(&PlanVisit) -> bool, answer: Answer) {
    let visit = stands(world).await.into_iter().map(|(visit, _)| visit).find(which).unwrap();
    let new = kept_store::NewAnswer {
        id: world.flow.new_id(),
        appointment: visit.id,
        revision: visit.revision,
        answer,
        via: kept_domain::AnswerVia::Desk,
        link: None,
        staff: Some(world.staff),
        private: None,
        at: NOW,
    };
    let mut tx = world.flow.store.begin(Scope::Practice(world.practice)).await.unwrap();
    tx.insert_answer(world.practice, &new).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_visit_without_a_plan_due_mark_is_not_looked_at() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let patient = world.patient(None, None).await;
        let visit = world.visit(patient, NOW + Duration::days(10)).await;
        assert_eq!(world.flow.plan_sweep().await.unwrap().visits, 1);
        let other = world.patient(None, None).await;
        world.visit(other, NOW + Duration::days(11)).await;
        assert_eq!(world.flow.plan_sweep().await.unwrap().visits, 1, "one change plans one visit");
        let all = stands(&world).await;
        assert_eq!(all[0].0.id, visit);
        assert_eq!(story(&all[0].1)[0], "1 booking skipped no-number");
    })
    .await;
}
