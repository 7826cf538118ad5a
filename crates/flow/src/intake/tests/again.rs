//! Rows that were gone and come back.

use super::*;

/// The file without the row of that id.
pub(super) fn without(rows: &str, id: &str) -> String {
    let start = format!("{id},");
    rows.lines().filter(|line| !line.starts_with(&start)).fold(String::new(), |all, line| all + line + "\n")
}

/// Six visits of one day, so that one that is missing is no fifth of them.
fn day() -> String {
    (0..6).fold(String::new(), |all, id| {
        all + &format!("{id},P{id},Somebody,1980-01-01,,2026-12-01,{:02}:00,30,Amy Wong,Flu Shot,Scheduled,\n", 8 + id)
    })
}

#[tokio::test]
async fn what_a_complete_source_left_out_and_has_again_is_on_again() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import_with(&world, &file(&day()), Some(COMPLETE), None, false).await;
        import(&world, &file(&without(&day(), "2"))).await;
        assert_eq!(visit(&world, "2").await.status, AppointmentStatus::Cancelled);
        world.flow.plan_sweep().await.unwrap();
        assert_eq!(counts(&import(&world, &file(&day())).await), [0, 1, 5, 0, 0]);
        let back = visit(&world, "2").await;
        assert_eq!((back.status, back.cancelled_by.as_deref()), (AppointmentStatus::Booked, None));
        assert_eq!((back.revision, back.held.as_deref(), back.vanished), (2, None, false));
        assert_eq!(world.flow.plan_sweep().await.unwrap().visits, 1, "planned anew");
        assert_eq!(counts(&import(&world, &file(&day())).await), [0, 0, 6, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn what_somebody_called_off_and_the_source_has_again_is_for_a_person() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &file(WEEK)).await;
        // The row is gone, and the desk says that the visit is off.
        import(&world, &file(&without(WEEK, "2"))).await;
        let gone = visit(&world, "2").await;
        let off = AppointmentStatus::Cancelled;
        assert!(world.flow.mark_outcome(world.practice, world.staff, gone.id, off).await.unwrap());
        import(&world, &file(WEEK)).await;
        let back = visit(&world, "2").await;
        assert_eq!((back.status, back.held.as_deref(), back.revision), (off, Some("conflict"), 1));
        // It stands as it is here: the same file again asks nobody again.
        assert!(world.flow.keep_held(world.practice, world.staff, back.id).await.unwrap());
        import(&world, &file(WEEK)).await;
        assert_eq!(visit(&world, "2").await.held, None);
        // Gone there, off here: they agree.
        import(&world, &file(&without(WEEK, "2"))).await;
        import(&world, &file(WEEK)).await;
        assert_eq!(visit(&world, "2").await.held.as_deref(), Some("conflict"));
        import(&world, &file(&without(WEEK, "2"))).await;
        assert_eq!(visit(&world, "2").await.held, None);
    })
    .await;
}
