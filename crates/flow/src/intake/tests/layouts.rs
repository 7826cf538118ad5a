//! Files of one calendar with other columns, and other calendars.

use super::*;

/// As [`WEEK`], without a comma inside a cell, and a visit of last week that took place.
const ROWS: &str = "\
0,P9,Ian Green,1950-02-02,602-555-0195,2026-11-20,09:00,30,Amy Wong,Follow Up,Completed,\n\
1,P1,Emma Lee,2005-09-23,(602) 555-0191,2026-12-01,08:15,30,Amy Wong,Flu Shot,Scheduled,\n\
2,P2,Omar Khan,1960-01-05,602-555-0192,2026-12-02,09:00,30,Amy Wong,Follow Up,Scheduled,\n\
3,P3,Zoë Núñez,1937-02-02,n/a,2026-12-03,10:00,30,Rakesh Patel,Flu Shot,Scheduled,\n";

/// The columns of [`HEADER`] with these numbers, under another header.
fn laid_out(rows: &str, header: &str, columns: &[usize]) -> String {
    let line = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        columns.iter().map(|column| cells[*column]).collect::<Vec<_>>().join(",") + "\n"
    };
    format!("{header}\n{}", rows.lines().map(line).collect::<String>())
}

/// One column is new, one has another name, and three are gone: the kind of visit, the status and the consent.
fn other_layout(rows: &str) -> String {
    let header = "Appt ID,Patient ID,Patient,DOB,Mobile,Date,Time,Duration,Provider,Room";
    laid_out(rows, header, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 0])
}

async fn all_visits(world: &World) -> usize {
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    let far = crate::testing::NOW + chrono::Duration::days(400);
    tx.visits_starting(world.practice, Instant::from_ms(0), far).await.unwrap().len()
}

#[tokio::test]
async fn another_header_over_the_same_visits_is_the_same_calendar() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import_with(&world, &file(ROWS), None, Some(ConsentChoice::Declared), false).await;
        let before = visit(&world, "0").await;
        assert_eq!(before.status, AppointmentStatus::Fulfilled);
        let dry = import_with(&world, &other_layout(ROWS), None, None, true).await;
        assert_eq!((counts(&dry), dry.new_columns), ([0, 0, 4, 0, 0], true));
        let look = world.flow.look_at_file(world.practice, other_layout(ROWS).into_bytes()).await.unwrap();
        assert_eq!((look.remembered, look.consent), (None, Some(ConsentChoice::Declared)));

        let more =
            format!("{ROWS}4,P4,Ann Other,1990-01-01,602-555-0194,2026-12-03,11:00,30,Amy Wong,Flu Shot,Scheduled,\n");
        let first = import(&world, &other_layout(&more)).await;
        assert_eq!((counts(&first), first.new_columns), ([1, 0, 4, 0, 0], true));
        assert_eq!(all_visits(&world).await, 5, "none stands twice");
        assert_eq!(stands(&world, "+16025550194").await.as_deref(), Some("granted"), "the calendar's choice holds");
        let again = import(&world, &other_layout(&more)).await;
        assert_eq!((counts(&again), again.new_columns), ([0, 0, 5, 0, 0], false), "the header is known now");

        // What the new layout has no column for stands as the old one said it.
        let moved =
            more.replace("2026-12-01,08:15", "2026-12-01,09:15").replace("2026-11-20,09:00", "2026-11-20,09:30");
        assert_eq!(counts(&import(&world, &other_layout(&moved)).await), [0, 2, 3, 0, 0]);
        let (past, emma) = (visit(&world, "0").await, visit(&world, "1").await);
        assert_eq!((past.status, past.visit_type), (AppointmentStatus::Fulfilled, before.visit_type));
        assert_eq!((emma.revision, emma.end.map(|end| end - emma.start)), (2, Some(chrono::Duration::minutes(30))));
        // Either layout from then on, and rows that are missing are missed.
        let outcome = import(&world, &file(&moved)).await;
        assert_eq!(counts(&outcome), [0, 1, 4, 0, 0], "of one the old layout says more");
        let gone = again::without(&moved, "2");
        assert_eq!(counts(&import(&world, &other_layout(&gone)).await), [0, 0, 4, 1, 0]);
        assert_eq!(visit(&world, "2").await.held.as_deref(), Some("vanished"));
        assert_eq!(all_visits(&world).await, 5);
    })
    .await;
}

#[tokio::test]
async fn a_layout_without_ids_of_patients_leaves_the_visits_theirs() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &file(ROWS)).await;
        let before = visit(&world, "1").await;
        let layout = |rows: &str| laid_out(rows, "Appt ID,Patient,Date,Time", &[0, 2, 5, 6]);
        let moved = ROWS.replace("2026-12-01,08:15", "2026-12-01,09:15");
        let outcome = import(&world, &layout(&moved)).await;
        assert_eq!((counts(&outcome), outcome.new_columns), ([0, 1, 3, 0, 0], true));
        let after = visit(&world, "1").await;
        assert_eq!((after.patient, after.revision), (before.patient, 2));
        // Somebody else has the visit now.
        let other = moved.replace("Emma Lee", "Lea Roth");
        assert_eq!(counts(&import(&world, &layout(&other)).await), [0, 1, 3, 0, 0]);
        assert_ne!(visit(&world, "1").await.patient, before.patient);
    })
    .await;
}

#[tokio::test]
async fn an_export_that_reaches_further_is_known_by_what_it_had_in_common() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &file(ROWS)).await;
        let later = (10..20)
            .map(|id| format!("{id},P{id},Somebody,1980-01-01,,2026-12-{id},09:00,30,Amy Wong,Flu Shot,Scheduled,\n"));
        let rows = again::without(&again::without(ROWS, "0"), "1") + &later.collect::<String>();
        let outcome = import(&world, &other_layout(&rows)).await;
        assert_eq!((counts(&outcome), outcome.new_columns), ([10, 0, 2, 0, 0], true));
    })
    .await;
}

#[tokio::test]
async fn a_new_column_of_practitioners_writes_to_nobody() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &laid_out(ROWS, "Appt ID,Patient ID,Patient,Date,Time", &[0, 1, 2, 5, 6])).await;
        assert_eq!(counts(&import(&world, &file(ROWS)).await), [0, 4, 0, 0, 0]);
        let emma = visit(&world, "1").await;
        assert!(emma.practitioner.is_some() && emma.end.is_some());
        assert_eq!((emma.revision, emma.practitioner_revision, emma.change_notice), (1, 1, None));
    })
    .await;
}

#[tokio::test]
async fn calendars_that_both_count_from_one_stay_two() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &file(ROWS)).await;
        // The same ids of visits and patients and the same starts, but other people.
        let others = ROWS
            .replace("Emma Lee", "Lea Roth")
            .replace("Omar Khan", "Max Holm")
            .replace("Zoë Núñez", "Ida Berg")
            .replace("Ian Green", "Jon Falk")
            .replace("602-555", "480-555")
            .replace("(602) 555", "480-555")
            .replace("n/a", "480-555-0193")
            .replace("2005-", "2006-")
            .replace("1960-", "1961-")
            .replace("1937-", "1938-")
            .replace("1950-", "1951-");
        let outcome = import(&world, &other_layout(&others)).await;
        assert_eq!((counts(&outcome), outcome.new_columns), ([4, 0, 0, 0, 0], false));
        // The same patients at other times: no visit is the same either.
        let other_days = ROWS.replace("2026-12-0", "2026-12-1").replace("2026-11-20", "2026-11-19");
        let header = "Appt ID,Patient ID,Patient,DOB,Handy,Date,Time,Provider";
        let outcome = import(&world, &laid_out(&other_days, header, &[0, 1, 2, 3, 4, 5, 6, 8])).await;
        assert_eq!((counts(&outcome), outcome.new_columns), ([4, 0, 0, 0, 0], false));
        assert_eq!(all_visits(&world).await, 12);
    })
    .await;
}

#[tokio::test]
async fn a_header_of_unknown_words_is_found_again() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let mapping = "[columns]\nappointment_id = \"Kode\"\npatient_name = \"Hvem\"\nstarts_at = \"Hvornår\"\n";
        let content = |minute: u32| {
            format!("Nordklinik,Ugeplan,Udskrevet\nKode,Hvem,Hvornår\n1,Emma Lee,2026-12-01 08:{minute}\n2,Omar Khan,2026-12-02 09:00\n")
        };
        assert_eq!(counts(&import_with(&world, &content(15), Some(mapping), None, false).await), [2, 0, 0, 0, 0]);
        assert_eq!(counts(&import(&world, &content(15)).await), [0, 0, 2, 0, 0]);
        assert_eq!(counts(&import(&world, &content(45)).await), [0, 1, 1, 0, 0]);
        let look = world.flow.look_at_file(world.practice, content(15).into_bytes()).await.unwrap();
        assert_eq!((look.rows, look.remembered), (2, Some(Mapping::parse(mapping).unwrap())));
    })
    .await;
}
