//! Somebody asks to be forgotten: with every key in hand nothing names them any more, and the figures and the opt-out stand.

use crate::practice::Practice;
use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::America::New_York;
use kept_domain::private::{
    AnswerCol, AppointmentCol, ContactCol, ImportCol, InboundCol, LayoutCol, LinkSecretCol, NoticeBodyCol, PatientCol,
    PractitionerCol, RequestCol, SaidCol, StaffCol, UploadCol, UploadMappingCol, VisitTypeCol,
};
use kept_domain::report::Dimension;
use kept_domain::time::resolve_local;
use kept_domain::{Answer, AppointmentStatus, Instant};
use kept_flow::FlowError;
use kept_flow::answer::{AnsweredBy, Answering, Words};
use kept_flow::audit::Actor;
use kept_flow::erase::NOBODY;
use kept_flow::outbox::LogQuery;
use kept_flow::report::Period;
use kept_flow::testing::{opened_values, opens_under, sealed_values};
use kept_store::Scope;
use kept_store::testing::TestDatabase;

const NUMBER: &str = "+12125550191";
const HEADER: &str = "Appointment ID,Patient ID,First Name,Last Name,DOB,Cell Phone,Date,Time,Status,Booked On\n";

/// What must not be found, and of whom.
const PRIVATE: [&str; 7] = ["Patience", "Onealot", "1970-01-31", "5550191", "P-4711", "aching", "Rejectina"];

fn wall(text: &str) -> Instant {
    resolve_local(New_York, text.parse::<NaiveDateTime>().unwrap())
}

fn thursday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 9, 24).unwrap()
}

fn file(more: &str) -> String {
    format!(
        "{HEADER}1,P-4711,Patience,Onealot,1970-01-31,2125550191,2026-09-24,09:15,Scheduled,2026-08-01\n\
         2,P-2,Kim,Keepsake,1980-02-02,2125550192,2026-09-24,10:15,Scheduled,2026-08-01\n{more}"
    )
}

async fn at(practice: &Practice, time: &str) {
    practice.clock.set_civil(wall(time));
    practice.flow.settle().await.unwrap();
    practice.carrier.send_receipts().await;
    practice.flow.run_sweep("receipts").await.unwrap();
    practice.flow.settle().await.unwrap();
}

/// Everything sealed in the whole database, opened.
async fn everything(practice: &Practice) -> Vec<String> {
    let (flow, id) = (&practice.flow, practice.id);
    let mut all = Vec::new();
    all.extend(opened_values::<PatientCol>(flow, id).await);
    all.extend(opened_values::<ContactCol>(flow, id).await);
    all.extend(opened_values::<AppointmentCol>(flow, id).await);
    all.extend(opened_values::<SaidCol>(flow, id).await);
    all.extend(opened_values::<PractitionerCol>(flow, id).await);
    all.extend(opened_values::<VisitTypeCol>(flow, id).await);
    all.extend(opened_values::<NoticeBodyCol>(flow, id).await);
    all.extend(opened_values::<LinkSecretCol>(flow, id).await);
    all.extend(opened_values::<AnswerCol>(flow, id).await);
    all.extend(opened_values::<RequestCol>(flow, id).await);
    all.extend(opened_values::<InboundCol>(flow, id).await);
    all.extend(opened_values::<StaffCol>(flow, id).await);
    all.extend(opened_values::<ImportCol>(flow, id).await);
    all.extend(opened_values::<UploadCol>(flow, id).await);
    all.extend(opened_values::<UploadMappingCol>(flow, id).await);
    all.extend(opened_values::<LayoutCol>(flow, id).await);
    all
}

async fn figures(practice: &Practice) -> Vec<String> {
    let period = Period::new(thursday(), thursday()).unwrap();
    let lines = practice.flow.missed_lines(practice.id, period, Dimension::All).await.unwrap();
    lines.iter().map(|line| format!("{line:?}")).collect()
}

async fn who_is_erased_is_named_nowhere(database: &TestDatabase) {
    let practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    let (flow, id, staff) = (&practice.flow, practice.id, practice.staff);
    let by = Actor::Staff(staff);
    let bad = "3,P-3,Rejectina,Onealot,1970-01-31,2125550191,2026-02-31,10:15,Scheduled,2026-08-01\n";
    assert_eq!(practice.import(&file(bad)).await.counts.rejected, 1);
    at(&practice, "2026-09-21T10:30:00").await;
    assert_eq!(practice.carrier.texts().len(), 2, "both are reminded");
    practice.carrier.reply(NUMBER, "hello? my tooth is aching").await;
    flow.run_sweep("receipts").await.unwrap();
    let mut visits = flow.board(id, staff, Some(thursday())).await.unwrap().visits;
    let (kim, visit) = (visits.pop().unwrap(), visits.pop().unwrap().id);
    let words = Words { reason: Some("aching".to_owned()), wish: Some("aching".to_owned()), ..Words::default() };
    let answer =
        Answering { appointment: visit, revision: None, answer: Answer::Declined, by: AnsweredBy::Desk(staff), words };
    flow.record_answer(id, answer).await.unwrap();

    // Not while something is to come that needs the patient; nothing of it is done by halves.
    let before = everything(&practice).await;
    let kim_comes = flow.erase_patient(id, kim.id, by).await.unwrap_err();
    assert!(matches!(kim_comes, FlowError::VisitsToCome { visits: 1 }), "{kim_comes}");
    assert!(kim_comes.to_string().contains("upload"), "{kim_comes}");
    assert_eq!(everything(&practice).await, before);
    for private in PRIVATE {
        assert!(before.iter().any(|value| value.contains(private)), "{private} is there to be erased");
    }
    let unknown = flow.erase_patient(id, flow.new_id(), by).await.unwrap_err();
    assert!(matches!(unknown, FlowError::NotFound { .. }), "{unknown}");

    practice.carrier.reply(NUMBER, "stop").await;
    flow.run_sweep("receipts").await.unwrap();
    at(&practice, "2026-09-24T20:00:00").await;
    assert!(flow.mark_outcome(id, staff, kim.id, AppointmentStatus::Noshow).await.unwrap());
    at(&practice, "2026-09-26T10:00:00").await;
    let (counted, ledger) = (figures(&practice).await, flow.consent_of(id, NUMBER).await.unwrap());
    assert!(!counted.is_empty());

    let found = flow.erasable(id, visit).await.unwrap();
    assert_eq!((found.visits, found.to_come, found.open_messages), (1, 0, 0));
    let erased = flow.erase_patient(id, visit, by).await.unwrap();
    assert_eq!((erased.patient, erased.visits, erased.texts, erased.uploads), (found.patient, 1, 2, 1));
    assert!(erased.messages >= 1, "{erased:?}");

    let after = everything(&practice).await;
    for private in PRIVATE {
        let left: Vec<_> = after.iter().filter(|value| value.contains(private)).collect();
        assert!(left.is_empty(), "{private}: {left:?}");
    }
    for kept in ["Keepsake", "5550192"] {
        assert!(after.iter().any(|value| value.contains(kept)), "{kept} is somebody else's");
    }
    assert_eq!(figures(&practice).await, counted, "the figures stand");
    let day = flow.board(id, staff, Some(thursday())).await.unwrap();
    assert_eq!(day.visits.len(), 2);
    assert!(
        day.visits.iter().any(|one| one.id == visit && one.erased && one.patient.0 == NOBODY),
        "the visit stands without a name"
    );
    assert!(day.needs.iter().all(|need| need.words.is_empty()), "nothing is left to do for them");
    let panel = flow.visit_panel(id, staff, visit).await.unwrap();
    assert!(panel.contacts.is_empty() && panel.log.iter().all(|line| line.text.is_none()));
    let log = LogQuery { from: NaiveDate::from_ymd_opt(2026, 9, 21), to: Some(thursday()), ..LogQuery::default() };
    assert!(flow.message_log(id, staff, &log).await.unwrap().lines.iter().any(|line| line.text.is_some()), "Kim's");
    assert_eq!(flow.consent_of(id, NUMBER).await.unwrap().entries.len(), ledger.entries.len());
    let proof = flow.prove_consent(id, |finding| panic!("{finding:?}")).await.unwrap();
    assert!(proof.is_clean());
    assert!(flow.verify_audit(id).await.unwrap().broken.is_none());

    // Once more does no harm. The calendar still has them: they come as somebody new, and the opt-out binds.
    assert_eq!(flow.erase_patient(id, visit, by).await.unwrap().patient, erased.patient);
    let texts = practice.carrier.texts().len();
    let next = "4,P-4711,Patience,Onealot,1970-01-31,2125550191,2026-10-08,09:15,Scheduled,2026-08-01\n";
    let again = practice.import(&file(next)).await;
    assert_eq!((again.counts.new, again.counts.unchanged), (2, 1));
    at(&practice, "2026-10-07T12:00:00").await;
    at(&practice, "2026-10-08T09:00:00").await;
    assert_eq!(practice.carrier.texts().len(), texts, "nothing goes to a number that said stop");
}

/// What was sealed for the patient opens with nothing that is kept: a copy of an old row is only noise.
async fn an_old_copy_of_a_row_opens_no_more(database: &TestDatabase) {
    let practice = Practice::open(database, wall("2026-09-14T07:00:00")).await;
    let (flow, id, staff) = (&practice.flow, practice.id, practice.staff);
    practice.import(&file("")).await;
    let visit = flow.board(id, staff, Some(thursday())).await.unwrap().visits.remove(0).id;
    let copies = sealed_values::<PatientCol>(flow, id).await;
    at(&practice, "2026-09-26T10:00:00").await;
    let erased = flow.erase_patient(id, visit, Actor::System).await.unwrap();
    let mut tx = flow.store.read(Scope::Practice(id)).await.unwrap();
    let salt = tx.patient_salt(id, erased.patient).await.unwrap().unwrap();
    drop(tx);
    let copy = copies.iter().find(|cell| cell.row == erased.patient.as_uuid()).unwrap();
    assert!(opens_under(flow, id, &copy.salt, copy).await, "with the salt that was");
    assert!(!opens_under(flow, id, &salt, copy).await, "with the salt that is");
}

on_both_engines!(who_is_erased_is_named_nowhere, who_is_erased_on_sqlite, who_is_erased_on_postgres);
on_both_engines!(an_old_copy_of_a_row_opens_no_more, an_old_copy_on_sqlite, an_old_copy_on_postgres);
