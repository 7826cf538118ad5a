//! Short scenes of what went wrong elsewhere.

use crate::practice::Practice;
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::America::New_York;
use kept_domain::time::resolve_local;
use kept_domain::{Answer, AppointmentStatus, Instant};
use kept_flow::portal::{Gate, Identified, Identify};
use kept_seal::LinkToken;
use kept_store::testing::TestDatabase;

const NUMBER: &str = "+12125550191";

fn wall(text: &str) -> Instant {
    resolve_local(New_York, text.parse::<NaiveDateTime>().unwrap())
}

fn thursday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 9, 24).unwrap()
}

/// One visit on Thursday the 24th at 9:15, with some status.
fn file(status: &str) -> String {
    format!(
        "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Status,Booked On\n\
         1,P1,Pat,One,1970-01-01,2125550191,2026-09-24,09:15,{status},2026-08-01\n"
    )
}

async fn begin(database: &TestDatabase) -> Practice {
    let practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    practice.import(&file("Scheduled")).await;
    practice.flow.settle().await.unwrap();
    practice
}

async fn at(practice: &Practice, time: &str) {
    practice.clock.set_civil(wall(time));
    practice.flow.settle().await.unwrap();
}

/// What was handed over cannot be recalled, so nothing is handed over before its time.
async fn nothing_lies_at_the_carrier_before_it_is_due(database: &TestDatabase) {
    let practice = begin(database).await;
    at(&practice, "2026-09-21T09:14:59").await;
    assert_eq!(practice.carrier.texts(), [], "the first step is due at 9:15");
    practice.import(&file("Cancelled")).await;
    for day in 21..=24 {
        at(&practice, &format!("2026-09-{day}T09:15:00")).await;
        at(&practice, &format!("2026-09-{day}T20:59:00")).await;
    }
    assert_eq!(practice.carrier.texts(), []);
    assert!(practice.carrier.posts().is_empty());
}

/// The patient is in the building; a late receipt and a late yes change nothing of it.
async fn a_receipt_never_overwrites_what_the_desk_recorded(database: &TestDatabase) {
    let practice = begin(database).await;
    let (flow, id, staff) = (&practice.flow, practice.id, practice.staff);
    at(&practice, "2026-09-23T09:15:00").await;
    assert_eq!(practice.carrier.texts().len(), 1);
    at(&practice, "2026-09-24T09:10:00").await;
    let visit = flow.board(id, staff, Some(thursday())).await.unwrap().visits.remove(0);
    assert!(flow.mark_outcome(id, staff, visit.id, AppointmentStatus::Arrived).await.unwrap());
    // The receipt of the day before comes only now, twice, and after the start somebody says yes.
    practice.carrier.send_receipts().await;
    at(&practice, "2026-09-24T09:20:00").await;
    practice.carrier.reply(NUMBER, "yes").await;
    flow.settle().await.unwrap();
    let after = flow.board(id, staff, Some(thursday())).await.unwrap().visits.remove(0);
    assert_eq!((after.status, after.answer), (AppointmentStatus::Arrived, Answer::NeedsAction));
}

/// The same visit with a practitioner, at some start.
fn with(practitioner: &str, day: &str) -> String {
    format!(
        "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Provider,Status,Booked On\n\
         1,P1,Pat,One,1970-01-01,2125550191,{day},09:15,{practitioner},Scheduled,2026-08-01\n"
    )
}

/// First the visit moves, and later somebody else is to see the patient.
async fn a_change_of_practitioner_is_told_after_a_move_was(database: &TestDatabase) {
    let practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    practice.import(&with("Amy Wong", "2026-09-24")).await;
    practice.flow.settle().await.unwrap();
    let told = || practice.carrier.texts().into_iter().map(|text| text.text).collect::<Vec<_>>();
    at(&practice, "2026-09-15T09:00:00").await;
    practice.import(&with("Amy Wong", "2026-09-25")).await;
    practice.flow.settle().await.unwrap();
    assert!(told().len() == 1 && told()[0].contains("moved to"), "{:?}", told());
    at(&practice, "2026-09-16T09:00:00").await;
    for _ in 0..2 {
        practice.import(&with("Rakesh Patel", "2026-09-25")).await;
        practice.flow.replan_practice(practice.id).await.unwrap();
        practice.flow.settle().await.unwrap();
    }
    assert!(told().len() == 2 && told()[1].contains("a change for"), "{:?}", told());
    // Both at once are one text, which says when.
    at(&practice, "2026-09-17T09:00:00").await;
    practice.import(&with("Amy Wong", "2026-09-28")).await;
    practice.flow.settle().await.unwrap();
    assert!(told().len() == 3 && told()[2].contains("moved to"), "{:?}", told());
}

/// Somebody opens a link and types a birth date that is not the patient's.
async fn a_birth_date_that_a_stranger_typed_is_shown_to_nobody(database: &TestDatabase) {
    let practice = begin(database).await;
    let (flow, id, staff) = (&practice.flow, practice.id, practice.staff);
    at(&practice, "2026-09-23T09:15:00").await;
    let before = flow.board(id, staff, Some(thursday())).await.unwrap();
    let text = practice.carrier.texts().remove(0).text;
    let secret = text.split_once("/l#").unwrap().1.split_whitespace().next().unwrap().to_owned();
    let token = LinkToken::parse(&secret).unwrap();
    let opening = flow.portal_open(id, &token.auth().to_base64url(), None).await.unwrap().unwrap();
    let Gate::Ask { cookie, link, ordinal, nonce, .. } = flow.portal_gate(id, &opening.cookie, None).await.unwrap()
    else {
        panic!("the birth date is asked for")
    };
    let birth_date = NaiveDate::from_ymd_opt(1999, 12, 31).unwrap();
    let typed = Identify { link, ordinal, nonce, birth_date, remember: false, device: None };
    let answer = flow.portal_identify(id, &cookie, typed).await.unwrap();
    assert!(matches!(answer, Identified::Wrong { .. }), "{answer:?}");
    let after = flow.board(id, staff, Some(thursday())).await.unwrap();
    assert_eq!(after.visits, before.visits);
    let shown = |board: &kept_flow::board::Board| {
        let words = board.needs.iter().flat_map(|need| need.words.iter().chain(&need.patient));
        words.map(|word| word.0.clone()).collect::<Vec<_>>()
    };
    assert!(!shown(&after).iter().any(|word| word.contains("1999") || word.contains("31")), "{:?}", shown(&after));
}

on_both_engines!(
    nothing_lies_at_the_carrier_before_it_is_due,
    nothing_lies_at_the_carrier_on_sqlite,
    nothing_lies_at_the_carrier_on_postgres
);
on_both_engines!(
    a_receipt_never_overwrites_what_the_desk_recorded,
    a_late_receipt_on_sqlite,
    a_late_receipt_on_postgres
);
on_both_engines!(
    a_change_of_practitioner_is_told_after_a_move_was,
    a_change_of_practitioner_on_sqlite,
    a_change_of_practitioner_on_postgres
);
on_both_engines!(
    a_birth_date_that_a_stranger_typed_is_shown_to_nobody,
    a_typed_birth_date_on_sqlite,
    a_typed_birth_date_on_postgres
);
