//! Files in, one after the other, on both engines.

use super::*;
use crate::testing::World;
use kept_domain::private::{PatientCol, SaidCol};
use kept_domain::{Answer, AppointmentStatus, BlindIndex, Channel};
use kept_store::testing::both;
use kept_store::{ChangedVisit, KnownVisit, Store};

mod again;
mod layouts;

const HEADER: &str = "Appt ID,Patient ID,Patient,DOB,Cell,Date,Time,Duration,Provider,Visit Type,Status,OK to text\n";

/// Three visits next week; the world's clock stands at Monday 2026-11-23.
const WEEK: &str = "\
1,P1,Emma Lee,2005-09-23,(602) 555-0191,2026-12-01,08:15,30,Amy Wong,Flu Shot,Scheduled,Yes\n\
2,P2,Omar Khan,1960-01-05,602-555-0192,2026-12-02,09:00,30,\"Wong, Amy\",Follow Up,Scheduled,No\n\
3,P3,Zoë Núñez,1937-02-02,n/a,2026-12-03,10:00,30,Rakesh Patel,Flu Shot,Scheduled,\n";

fn file(rows: &str) -> String {
    format!("{HEADER}{rows}")
}

async fn import(world: &World, content: &str) -> ImportOutcome {
    import_with(world, content, None, None, false).await
}

async fn import_with(
    world: &World,
    content: &str,
    mapping: Option<&str>,
    consent: Option<ConsentChoice>,
    dry_run: bool,
) -> ImportOutcome {
    let request = ImportRequest {
        practice: world.practice,
        file_name: "week.csv",
        content: content.as_bytes().to_vec(),
        mapping: mapping.map(|text| Mapping::parse(text).unwrap()),
        consent,
        staff: Some(world.staff),
        dry_run,
        progress: None,
        words: crate::intake::RejectWords::default(),
    };
    world.flow.import(request).await.unwrap()
}

fn counts(outcome: &ImportOutcome) -> [u64; 5] {
    let Counts { new, changed, unchanged, vanished, rejected } = outcome.counts;
    [new, changed, unchanged, vanished, rejected]
}

/// The visit of that id, as the source with the header of [`HEADER`] knows it.
async fn visit(world: &World, id: &str) -> KnownVisit {
    let practice = world.flow.practice(world.practice).await.unwrap();
    let header = Table::open(file(WEEK).as_bytes(), None).unwrap().header_key();
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    let header = practice.keys.blind(Blind::Header, &header);
    let layouts = tx.layouts(world.practice).await.unwrap();
    let source = layouts.iter().find(|layout| layout.header == header).unwrap().source;
    let key = practice.keys.blind(Blind::AppointmentKey, &format!("id\u{1F}{id}"));
    tx.visits_of_rows(world.practice, source, &[key]).await.unwrap().remove(0)
}

/// The visits of all rows of a file.
async fn all_visits(world: &World, content: &str) -> Vec<KnownVisit> {
    let open = world.flow.practice(world.practice).await.unwrap();
    let table = Table::open(content.as_bytes(), None).unwrap();
    let reading = kept_intake::read(&table, &kept_intake::guess(&table).mapping.unwrap()).unwrap();
    let key = |visit: &kept_intake::SourceVisit| open.keys.blind(Blind::AppointmentKey, visit.key.as_str());
    let keys: Vec<BlindIndex> = reading.visits.iter().map(key).collect();
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    let header = open.keys.blind(Blind::Header, &table.header_key());
    let layouts = tx.layouts(world.practice).await.unwrap();
    let source = layouts.iter().find(|layout| layout.header == header).unwrap().source;
    tx.visits_of_rows(world.practice, source, &keys).await.unwrap()
}

/// What a patient or the desk does in Kept.
async fn alter(world: &World, id: &str, change: impl FnOnce(&mut KnownVisit)) {
    let before = visit(world, id).await;
    let mut now = before.clone();
    change(&mut now);
    let change = ChangedVisit {
        now,
        was_rev: before.rev,
        was_status: before.status,
        was_answer: before.answer,
        was_revision: before.revision,
        was_held: before.held.clone(),
        was_to_enter: before.to_enter.clone(),
    };
    let mut tx = world.flow.store.begin(Scope::Practice(world.practice)).await.unwrap();
    assert_eq!(tx.update_visits(world.practice, &[change]).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

/// Where a number stands in the ledger.
async fn stands(world: &World, e164: &str) -> Option<String> {
    let practice = world.flow.practice(world.practice).await.unwrap();
    let bix = practice.keys.blind(Blind::Phone, e164);
    let mut tx = world.flow.store.read(Scope::Practice(world.practice)).await.unwrap();
    tx.consent_now(world.practice, Channel::Sms, &[bix]).await.unwrap().pop().map(|now| now.act)
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing_and_a_dry_run_writes_nothing() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let dry = import_with(&world, &file(WEEK), None, None, true).await;
        assert_eq!((counts(&dry), dry.import, dry.without_number), ([3, 0, 0, 0, 0], None, 1));
        assert_eq!(dry.details.len(), 3);
        assert!(dry.details[0].has_number && !dry.details[2].has_number);
        assert_eq!(dry.details[0].start.at.to_string(), "2026-12-01 08:15:00");

        let first = import(&world, &file(WEEK)).await;
        assert_eq!((counts(&first), first.consents), ([3, 0, 0, 0, 0], 2));
        assert!(first.import.is_some());
        let second = import(&world, &file(WEEK)).await;
        assert_eq!((counts(&second), second.consents), ([0, 0, 3, 0, 0], 0));

        let emma = visit(&world, "1").await;
        assert_eq!((emma.status, emma.answer, emma.revision), (AppointmentStatus::Booked, Answer::NeedsAction, 1));
        let open = world.flow.practice(world.practice).await.unwrap();
        assert_eq!(open.practitioners.len(), 2, "one doctor whichever way the name is written");
        assert_eq!(open.visit_types.len(), 2);
        assert_eq!(emma.practitioner, visit(&world, "2").await.practitioner);
        assert!(world.flow.verify_audit(world.practice).await.unwrap().broken.is_none());
        assert_eq!(world.flow.verify_consents(world.practice).await.unwrap(), Ok(2));
    })
    .await;
}

#[tokio::test]
async fn people_are_kept_sealed_and_found_again() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &file(WEEK)).await;
        let open = world.flow.practice(world.practice).await.unwrap();
        let key = open.keys.blind(Blind::PatientKey, "id\u{1F}P1");
        let mut tx = store.read(Scope::Practice(world.practice)).await.unwrap();
        let patient = tx.patients_by_key(world.practice, &[key]).await.unwrap().remove(0);
        let place = Place::new(patient.id, patient.rev);
        let plain = open.keys.open::<PatientCol>(&patient.salt, place, &patient.private).unwrap();
        assert_eq!((plain.name.as_str(), plain.external_id.as_deref()), ("Emma Lee", Some("P1")));
        assert_eq!(plain.birth_date.unwrap().to_string(), "2005-09-23");
        let contact = tx.contacts_of(world.practice, &[patient.id]).await.unwrap().remove(0);
        assert_eq!((contact.bix, contact.position), (open.keys.blind(Blind::Phone, "+16025550191"), 0));
        drop(tx);

        // Another number, and a birth date left out: the old number is set aside, the birth date is kept.
        let changed = WEEK.replace("(602) 555-0191", "+1 602 555 0199").replace("2005-09-23", "");
        let outcome = import(&world, &file(&changed)).await;
        assert_eq!(counts(&outcome), [0, 1, 2, 0, 0]);
        assert_eq!(outcome.details[0].fields, ["birth date", "phone"]);
        let mut tx = store.read(Scope::Practice(world.practice)).await.unwrap();
        let again = tx.patients_by_key(world.practice, &[key]).await.unwrap().remove(0);
        let plain = open.keys.open::<PatientCol>(&again.salt, Place::new(again.id, again.rev), &again.private).unwrap();
        assert_eq!((again.id, plain.birth_date.unwrap().to_string().as_str()), (patient.id, "2005-09-23"));
        let mut contacts = tx.contacts_of(world.practice, &[patient.id]).await.unwrap();
        contacts.sort_by_key(|contact| contact.position);
        let numbers: Vec<BlindIndex> = contacts.iter().map(|contact| contact.bix).collect();
        let bix = |number: &str| open.keys.blind(Blind::Phone, number);
        assert_eq!(numbers, [bix("+16025550199"), bix("+16025550191")]);
        assert_eq!(contacts.iter().map(|contact| contact.position).collect::<Vec<_>>(), [0, 1]);
        drop(tx);
        let emma = visit(&world, "1").await;
        assert_eq!((emma.revision, emma.change_notice), (1, None), "nothing is sent for that");
        let place = Place::new(emma.row, emma.row_rev);
        assert!(open.keys.open::<SaidCol>(&open.salt, place, &emma.said).unwrap().fields.contains_key("phone"));
        assert!(
            open.keys.open::<SaidCol>(&emma.patient_salt, place, &emma.said).is_err(),
            "its salt is the practice's"
        );
    })
    .await;
}

#[tokio::test]
async fn a_moved_row_is_a_new_revision_and_owes_one_notice() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &file(WEEK)).await;
        alter(&world, "1", |visit| visit.answer = Answer::Accepted).await;
        let moved = WEEK.replace("2026-12-01,08:15", "2026-12-02,11:45");
        let outcome = import(&world, &file(&moved)).await;
        assert_eq!(counts(&outcome), [0, 1, 2, 0, 0]);
        assert_eq!(outcome.details[0].fields, ["start"]);
        let emma = visit(&world, "1").await;
        assert_eq!((emma.revision, emma.answer), (2, Answer::NeedsAction));
        assert_eq!(emma.change_notice.as_deref(), Some("moved"));
        let back = import(&world, &file(WEEK)).await;
        assert_eq!(counts(&back), [0, 1, 2, 0, 0]);
        assert_eq!(visit(&world, "1").await.revision, 3);
        let other = WEEK.replace(",Amy Wong,", ",Rakesh Patel,");
        assert_eq!(counts(&import(&world, &file(&other)).await), [0, 1, 2, 0, 0]);
        let emma = visit(&world, "1").await;
        assert_eq!((emma.revision, emma.practitioner_revision), (3, 2));
    })
    .await;
}

#[tokio::test]
async fn a_patients_cancellation_survives_an_older_export_until_the_source_agrees() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &file(WEEK)).await;
        let cancel = |visit: &mut KnownVisit| {
            visit.status = AppointmentStatus::Cancelled;
            visit.answer = Answer::Declined;
            visit.cancelled_by = Some("patient".to_owned());
            visit.to_enter = Some("cancelled".to_owned());
        };
        alter(&world, "1", cancel).await;
        alter(&world, "2", cancel).await;
        // The next export does not know yet; one row even says something new of the same visit.
        let older = WEEK.replace("Flu Shot,Scheduled,Yes", "Annual Physical,Scheduled,Yes");
        assert_eq!(counts(&import(&world, &file(&older)).await), [0, 1, 2, 0, 0]);
        let emma = visit(&world, "1").await;
        assert_eq!((emma.status, emma.to_enter.as_deref()), (AppointmentStatus::Cancelled, Some("cancelled")));
        // Then one row is cancelled there too, and the other is gone.
        let agreed: String = older
            .replace("Physical,Scheduled", "Physical,Cancelled")
            .lines()
            .filter(|l| !l.starts_with("2,"))
            .fold(String::new(), |all, line| all + line + "\n");
        assert_eq!(counts(&import(&world, &file(&agreed)).await), [0, 1, 1, 1, 0]);
        for id in ["1", "2"] {
            let agreed = visit(&world, id).await;
            assert_eq!(
                (agreed.status, agreed.to_enter, agreed.held),
                (AppointmentStatus::Cancelled, None, None),
                "{id}"
            );
            assert_eq!(agreed.cancelled_by.as_deref(), Some("patient"));
        }
        // Both change the same visit: a person decides.
        alter(&world, "3", cancel).await;
        let moved = agreed.replace("2026-12-03,10:00", "2026-12-03,15:00");
        let outcome = import(&world, &file(&moved)).await;
        assert!(outcome.details.iter().any(|row| row.conflict));
        let zoe = visit(&world, "3").await;
        assert_eq!((zoe.held.as_deref(), zoe.status), (Some("conflict"), AppointmentStatus::Cancelled));
    })
    .await;
}

#[tokio::test]
async fn a_vanished_row_is_held_and_comes_back() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        import(&world, &file(WEEK)).await;
        let without: String =
            WEEK.lines().filter(|line| !line.starts_with("2,")).fold(String::new(), |all, line| all + line + "\n");
        let dry = import_with(&world, &file(&without), None, None, true).await;
        assert_eq!(counts(&dry), [0, 0, 2, 1, 0]);
        assert_eq!(visit(&world, "2").await.held, None);
        let outcome = import(&world, &file(&without)).await;
        assert_eq!(counts(&outcome), [0, 0, 2, 1, 0]);
        let gone = outcome.details.iter().find(|row| row.class == RowClass::Vanished).unwrap();
        assert_eq!((gone.name.as_deref(), gone.line), (Some("Omar Khan"), None));
        assert_eq!(visit(&world, "2").await.held.as_deref(), Some("vanished"));
        assert_eq!(counts(&import(&world, &file(&without)).await), [0, 0, 2, 0, 0], "told once");
        assert_eq!(counts(&import(&world, &file(WEEK)).await), [0, 1, 2, 0, 0]);
        let back = visit(&world, "2").await;
        assert_eq!((back.held, back.vanished, back.revision), (None, false, 1));
        // A file of other days says nothing about these.
        let other = "9,P9,Ann Other,1990-01-01,,2026-12-20,08:00,30,Amy Wong,Flu Shot,Scheduled,\n";
        assert_eq!(counts(&import(&world, &file(other)).await), [1, 0, 0, 0, 0]);
        // A row that cannot be read is not gone.
        let broken = WEEK.replace("2026-12-02,09:00", "2026-02-31,09:00");
        assert_eq!(counts(&import(&world, &file(&broken)).await), [0, 0, 2, 0, 1]);
    })
    .await;
}

const COMPLETE: &str = "[columns]\nappointment_id = \"Appt ID\"\npatient_id = \"Patient ID\"\nstarts_at = [\"Date\", \"Time\"]\nstatus = \"Status\"\n[options]\ncomplete_for = \"file range\"\n";

#[tokio::test]
async fn a_complete_source_cancels_by_itself_and_has_a_brake() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let rows = |ids: std::ops::Range<u32>| {
            ids.fold(String::new(), |all, id| {
                all + &format!(
                    "{id},P{id},Somebody,1980-01-01,,2026-12-01,{:02}:00,30,Amy Wong,Flu Shot,Scheduled,\n",
                    8 + id
                )
            })
        };
        import_with(&world, &file(&rows(0..10)), Some(COMPLETE), None, false).await;
        let outcome = import_with(&world, &file(&rows(1..10)), Some(COMPLETE), None, false).await;
        assert_eq!((counts(&outcome), outcome.problems.len()), ([0, 0, 9, 1, 0], 0));
        let gone = visit(&world, "0").await;
        assert_eq!((gone.status, gone.cancelled_by.as_deref()), (AppointmentStatus::Cancelled, Some("source")));
        // More than a fifth at once: nothing is cancelled, a person chooses. The mapping is remembered.
        let outcome = import(&world, &file(&rows(4..10))).await;
        assert_eq!(counts(&outcome), [0, 0, 6, 3, 0]);
        assert!(outcome.problems[0].to_string().contains("20 %"), "{:?}", outcome.problems);
        let held = visit(&world, "2").await;
        assert_eq!((held.status, held.held.as_deref()), (AppointmentStatus::Booked, Some("vanished")));
    })
    .await;
}

#[tokio::test]
async fn consent_follows_the_column_then_the_choice_and_an_opt_out_stays() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let silent = WEEK.replace(",Yes\n", ",\n").replace(",No\n", ",\n");
        import(&world, &file(&silent)).await;
        assert_eq!(stands(&world, "+16025550191").await, None, "nothing is said, nothing is sent");
        let declared = import_with(&world, &file(&silent), None, Some(ConsentChoice::Declared), false).await;
        assert_eq!((counts(&declared), declared.consents), ([0, 0, 3, 0, 0], 2));
        assert_eq!(stands(&world, "+16025550191").await.as_deref(), Some("granted"));
        import(&world, &file(WEEK)).await;
        assert_eq!(stands(&world, "+16025550192").await.as_deref(), Some("denied"), "an explicit No wins");
        let yes = WEEK.replace("Scheduled,No", "Scheduled,Yes");
        import(&world, &file(&yes)).await;
        assert_eq!(stands(&world, "+16025550192").await.as_deref(), Some("granted"), "asked again, written down");

        let open = world.flow.practice(world.practice).await.unwrap();
        let out = crate::consent::NewConsent {
            bix: open.keys.blind(Blind::Phone, "+16025550191"),
            channel: Channel::Sms,
            act: crate::consent::ConsentAct::Withdrawn,
            basis: crate::consent::ConsentBasis::Reply,
            wording: "stop",
            locale: None,
            staff: None,
            import: None,
        };
        let mut tx = store.begin(Scope::Practice(world.practice)).await.unwrap();
        let now = crate::testing::NOW;
        assert!(crate::consent::withdraw(&world.flow, &mut tx, world.practice, now, &out).await.unwrap());
        assert!(
            !crate::consent::withdraw(&world.flow, &mut tx, world.practice, now, &out).await.unwrap(),
            "already out"
        );
        tx.commit().await.unwrap();
        let again = WEEK.replace("Emma Lee", "Emma Leigh");
        import_with(&world, &file(&again), None, Some(ConsentChoice::Declared), false).await;
        assert_eq!(stands(&world, "+16025550191").await.as_deref(), Some("withdrawn"), "an opt-out stays");
        let mut tx = store.begin(Scope::Practice(world.practice)).await.unwrap();
        assert!(crate::consent::restore(&world.flow, &mut tx, world.practice, now, &out).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(stands(&world, "+16025550191").await.as_deref(), Some("restored"));
        assert_eq!(world.flow.verify_consents(world.practice).await.unwrap(), Ok(7), "2 + no + yes + no + out + in");
    })
    .await;
}

#[tokio::test]
async fn actions_and_rows_without_ids() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let head = "When,Who,Cell,With,For,Action\n";
        let first = format!("{head}2026-12-01 08:15,\"Lee, Emma\",602-555-0191,Amy Wong,Flu Shot,add\n2026-12-01 09:00,\"Khan, Omar\",602-555-0192,Amy Wong,Flu Shot,add\n");
        assert_eq!(counts(&import(&world, &first).await), [2, 0, 0, 0, 0]);
        let second = format!("{head}2026-12-01 08:15,\"Lee, Emma\",(602) 555-0191,Amy Wong,Flu Shot,delete\n");
        let outcome = import(&world, &second).await;
        assert_eq!(counts(&outcome), [0, 1, 0, 0, 0], "what is not in a list of actions has not vanished");
        assert!(outcome.details[0].fields.contains(&"status"));
    })
    .await;
}

#[tokio::test]
async fn an_unknown_location_is_a_problem_and_bad_rows_come_back_with_reasons() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let content = "Appt ID,Patient,Start,Site\n1,Lee,2026-12-01 08:00,Moon base\n2,Khan,2026-02-31 08:00,Moon base\n1,Lee,2026-12-01 09:00,Moon base\n";
        let mapping = "[columns]\nappointment_id = \"Appt ID\"\npatient_name = \"Patient\"\nstarts_at = \"Start\"\nlocation = \"Site\"\n";
        let outcome = import_with(&world, content, Some(mapping), None, false).await;
        assert_eq!(counts(&outcome), [1, 0, 0, 0, 2]);
        assert!(outcome.problems.iter().any(|problem| problem.to_string().contains("“Moon base” (1 rows)")), "{:?}", outcome.problems);
        assert_eq!(outcome.rejects.iter().map(|reject| reject.line).collect::<Vec<_>>(), [3, 4]);
        assert!(outcome.rejects_csv.0.contains("does not exist") && outcome.rejects_csv.0.contains("Khan"));
        let open = world.flow.practice(world.practice).await.unwrap();
        let mut tx = store.read(Scope::Practice(world.practice)).await.unwrap();
        let id = outcome.import.unwrap();
        let (sealed, rev) = tx.find_import(world.practice, id).await.unwrap().unwrap();
        let kept = open.keys.open::<ImportCol>(&open.salt, Place::new(id, rev), &sealed).unwrap();
        assert_eq!((kept.file_name.as_str(), kept.rejects_csv), ("week.csv", outcome.rejects_csv.0));
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_changes_nothing() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        for (content, code) in [
            ("", "empty"),
            ("%PDF-1.4", "not-a-table"),
            ("Patient,Phone\nLee,1\n", "mapping"),
            ("Appt ID,Patient,Start\n1,Lee,01/02/2026 08:00\n", "ambiguous-dates"),
        ] {
            let request = ImportRequest {
                practice: world.practice,
                file_name: "x",
                content: content.as_bytes().to_vec(),
                mapping: None,
                consent: None,
                staff: None,
                dry_run: false,
                progress: None,
                words: crate::intake::RejectWords::default(),
            };
            let error = world.flow.import(request).await.unwrap_err();
            assert!(matches!(&error, ImportError::File(file) if file.code() == code), "{error}");
        }
        let look = world.flow.look_at_file(world.practice, file(WEEK).into_bytes()).await.unwrap();
        assert_eq!((look.rows, look.remembered, look.consent), (3, None, None));
        import_with(&world, &file(WEEK), None, Some(ConsentChoice::Declared), false).await;
        let look = world.flow.look_at_file(world.practice, file(WEEK).into_bytes()).await.unwrap();
        assert_eq!((look.remembered, look.consent), (look.guess.mapping.ok(), Some(ConsentChoice::Declared)));
    })
    .await;
}

#[tokio::test]
async fn an_import_that_was_cut_off_is_finished_by_the_same_file() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let day = |text: &str| text.parse().unwrap();
        let sample = sample::Sample::new(1_300, 3, day("2026-11-02"), day("2026-11-23"));
        let csv = sample.to_csv();
        // Cut off after the first chunk, as a kill would: the caller stops polling.
        let done = std::sync::atomic::AtomicU64::new(0);
        let progress = |rows: u64, _: u64| done.store(rows, std::sync::atomic::Ordering::SeqCst);
        let request = ImportRequest {
            practice: world.practice,
            file_name: "sample.csv",
            content: csv.clone().into_bytes(),
            mapping: None,
            consent: None,
            staff: None,
            dry_run: false,
            progress: Some(&progress),
            words: crate::intake::RejectWords::default(),
        };
        let first_chunk = async {
            while done.load(std::sync::atomic::Ordering::SeqCst) == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            biased;
            () = first_chunk => {}
            _ = world.flow.import(request) => panic!("it ended before it was stopped"),
        }
        let outcome = import(&world, &csv).await;
        let [new, changed, unchanged, vanished, rejected] = counts(&outcome);
        assert_eq!((new + unchanged, changed, vanished, rejected), (1_300, 0, 0, 0));
        assert!(unchanged >= 500 && new > 0, "{unchanged} were there already");
        assert_eq!(counts(&import(&world, &csv).await), [0, 0, 1_300, 0, 0]);
        assert!(world.flow.verify_consents(world.practice).await.unwrap().is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_file_twice_at_once_comes_in_once() {
    both(|store: Store| async move {
        let world = World::new(&store).await;
        let day = |text: &str| text.parse().unwrap();
        let csv = sample::Sample::new(900, 5, day("2026-11-02"), day("2026-11-23")).to_csv();
        let (one, other) = tokio::join!(Box::pin(import(&world, &csv)), Box::pin(import(&world, &csv)));
        let total = |outcome: &ImportOutcome| counts(outcome).iter().sum::<u64>();
        assert_eq!((total(&one), total(&other)), (900, 900));
        assert_eq!(one.counts.new + other.counts.new, 900, "each visit is new to one of them");
        assert_eq!(counts(&import(&world, &csv).await), [0, 0, 900, 0, 0]);
        let open = world.flow.practice(world.practice).await.unwrap();
        let doctors: Vec<_> = open.practitioners.iter().map(|one| Some(one.id)).collect();
        let kinds: Vec<_> = open.visit_types.iter().map(|one| Some(one.id)).collect();
        let visits = all_visits(&world, &csv).await;
        assert_eq!(visits.len(), 900);
        assert!(
            visits.iter().all(|visit| doctors.contains(&visit.practitioner)),
            "a visit with a doctor who is not there"
        );
        assert!(visits.iter().all(|visit| kinds.contains(&visit.visit_type)), "a visit of a kind that is not there");
    })
    .await;
}
