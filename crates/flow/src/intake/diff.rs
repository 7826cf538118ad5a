//! The three-way diff: what the source says now, what the same source said last, what stands here.
//!
//! Pure. Only what the source changed is a change; what a patient or the desk did in Kept stays until the source agrees;
//! where both changed the same thing, a person decides (`held = 'conflict'`). Rules: design "The path" 1 and "Revision".

use kept_domain::schedule::Change;
use kept_domain::{Answer, AppointmentStatus, Instant, LocationId, OutcomeBy, PractitionerId, VisitTypeId};
use std::collections::{BTreeMap, BTreeSet};

/// What a source said of a visit: canonical values by field name.
pub(super) type Fields = BTreeMap<String, String>;

/// What a source says now, resolved to what we know it by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Says {
    pub(super) start: Instant,
    pub(super) end: Option<Instant>,
    pub(super) local_day: i64,
    pub(super) location: LocationId,
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) visit_type: Option<VisitTypeId>,
    pub(super) booked_at: Option<Instant>,
    pub(super) status: AppointmentStatus,
    pub(super) status_at: Option<Instant>,
    /// The file says that the patient called it off within 24 hours.
    pub(super) by_patient: bool,
}

/// Where a visit stands here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Here {
    pub(super) start: Instant,
    pub(super) end: Option<Instant>,
    pub(super) local_day: i64,
    pub(super) location: LocationId,
    pub(super) practitioner: Option<PractitionerId>,
    pub(super) visit_type: Option<VisitTypeId>,
    pub(super) booked_at: Option<Instant>,
    pub(super) status: AppointmentStatus,
    pub(super) status_at: Instant,
    pub(super) outcome_by: Option<OutcomeBy>,
    pub(super) answer: Answer,
    pub(super) cancelled_by: Option<String>,
    pub(super) revision: i64,
    pub(super) practitioner_revision: i64,
    pub(super) held: Option<String>,
    pub(super) to_enter: Option<String>,
    pub(super) change_notice: Option<String>,
}

/// A change of what the source says, by the fields a person knows.
pub(super) fn changed_fields(last: &Fields, now: &Fields) -> BTreeSet<String> {
    let names = last.keys().chain(now.keys());
    names.filter(|name| last.get(*name) != now.get(*name)).cloned().collect()
}

/// Whether the status says what became of the visit, explicitly.
fn is_outcome(status: AppointmentStatus) -> bool {
    use AppointmentStatus::{Arrived, CheckedIn, Fulfilled, Noshow};
    matches!(status, Arrived | CheckedIn | Fulfilled | Noshow)
}

fn is_off(status: AppointmentStatus) -> bool {
    matches!(status, AppointmentStatus::Cancelled | AppointmentStatus::EnteredInError)
}

/// What a status of a new row leaves beside it: who said so, and who called it off.
pub(super) fn marks(status: AppointmentStatus, by_patient: bool) -> (Option<OutcomeBy>, Option<&'static str>) {
    let outcome_by = (is_outcome(status) || is_off(status)).then_some(OutcomeBy::Import);
    let by = if by_patient { "patient" } else { "source" };
    (outcome_by, (status == AppointmentStatus::Cancelled).then_some(by))
}

/// Where the visit stands after the source changed `changed`; `last` is what it said before.
pub(super) fn merge(here: &Here, says: &Says, changed: &BTreeSet<String>, last: &Last, now: Instant) -> Here {
    let was_revision = here.revision;
    let was_conflict = here.held.as_deref() == Some("conflict");
    let mut conflict = was_conflict;
    let mut stood = here.clone();
    if last.vanished && is_off(here.status) && last.status.is_expected() && says.status.is_expected() {
        if here.cancelled_by.as_deref() == Some("source") {
            // Nothing but the row's absence had called it off.
            stood = on_again(stood, last.status, now);
        } else {
            // Patient or desk called it off, the source agreed by leaving it out, and now has it again.
            conflict = true;
        }
    }
    let here = &stood;
    let mut next = here.clone();
    if here.held.as_deref() == Some("vanished") {
        // The row is back.
        next.held = None;
    }
    let off_here = is_off(here.status) && !is_off(last.status);
    if changed.contains("start") || changed.contains("location") {
        let moved_here = here.start != last.start;
        if here.start == says.start && here.location == says.location {
            if here.to_enter.as_deref() == Some("moved") {
                next.to_enter = None;
            }
        } else if moved_here {
            conflict = true;
        } else {
            next.start = says.start;
            next.location = says.location;
            next.local_day = says.local_day;
            next.end = says.end;
            next.revision += 1;
            if off_here && !is_off(says.status) {
                // The patient called it off here and the practice moved it there.
                conflict = true;
            } else {
                next.answer = Answer::NeedsAction;
                if next.to_enter.as_deref() == Some("confirmed") {
                    next.to_enter = None;
                }
                owe_a_notice(&mut next, Change::Moved, now);
            }
        }
    }
    if changed.contains("minutes") && next.start == says.start {
        next.end = says.end;
    }
    if changed.contains("practitioner") && here.practitioner != says.practitioner {
        next.practitioner = says.practitioner;
        // Where none was named nobody is replaced.
        if here.practitioner.is_some() {
            next.practitioner_revision += 1;
            owe_a_notice(&mut next, Change::Practitioner, now);
        }
    }
    if changed.contains("visit_type") {
        next.visit_type = says.visit_type;
    }
    if changed.contains("booked_at") {
        next.booked_at = says.booked_at;
    }
    if changed.contains("status") {
        conflict |= merge_status(&mut next, says, last.status, now);
    }
    if is_off(next.status) && is_off(says.status) && next.to_enter.as_deref() == Some("cancelled") {
        next.to_enter = None;
    }
    let agree = next.start == says.start
        && next.location == says.location
        && (next.status == says.status || is_off(next.status) && is_off(says.status));
    if conflict && agree {
        conflict = false;
    }
    match (conflict, was_conflict) {
        (true, _) => next.held = Some("conflict".to_owned()),
        (false, true) => next.held = None,
        (false, false) => {}
    }
    if !next.status.is_expected() {
        next.change_notice = None;
    }
    // On again and at another time is one change.
    next.revision = next.revision.min(was_revision + 1);
    next
}

/// A visit that is on again is a new one to its patient: asked again, reminded again.
fn on_again(mut next: Here, status: AppointmentStatus, at: Instant) -> Here {
    next.status = status;
    next.status_at = at;
    next.outcome_by = None;
    next.cancelled_by = None;
    next.revision += 1;
    next.answer = Answer::NeedsAction;
    next.change_notice = None;
    next
}

/// What the source said last, as far as the diff needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Last {
    pub(super) start: Instant,
    pub(super) status: AppointmentStatus,
    /// It left the row out of its last file that should have had it.
    pub(super) vanished: bool,
}

/// The patient is to be told of a change, beside what is owed already.
fn owe_a_notice(next: &mut Here, change: Change, now: Instant) {
    if next.status.is_expected() && next.start > now {
        let earlier = next.change_notice.as_deref().and_then(|word| word.parse().ok());
        next.change_notice = Some(change.after(earlier).as_str().to_owned());
    }
}

/// Takes over the source's status where it may. Returns whether a person must decide.
fn merge_status(next: &mut Here, says: &Says, last: AppointmentStatus, now: Instant) -> bool {
    let agrees = next.status == says.status || is_off(next.status) && is_off(says.status);
    // Nobody did anything here; or the source says explicitly, and after the desk did, what became of the visit.
    let takes_over = next.status == last || is_outcome(says.status);
    if !agrees && !takes_over {
        // What the desk marked stands. A visit that the patient called off and the practice keeps is for a person.
        return is_off(next.status) && !is_off(says.status);
    }
    if next.status == says.status {
        return false;
    }
    if agrees && next.status == AppointmentStatus::Cancelled {
        // Taken out of the calendar after it was called off: it still was.
        return false;
    }
    let status_at = says.status_at.unwrap_or(now);
    if is_off(next.status) && says.status.is_expected() {
        *next = on_again(next.clone(), says.status, status_at);
        return false;
    }
    let (outcome_by, cancelled_by) = marks(says.status, says.by_patient);
    next.status = says.status;
    next.status_at = status_at;
    next.outcome_by = outcome_by;
    next.cancelled_by = cancelled_by.map(str::to_owned);
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use AppointmentStatus::{Booked, Cancelled, EnteredInError, Fulfilled, Noshow};
    use uuid::Uuid;

    const NOW: Instant = Instant::from_ms(1_000);
    const START: Instant = Instant::from_ms(10_000);
    const LATER: Instant = Instant::from_ms(20_000);

    fn place(n: u128) -> LocationId {
        LocationId::from_uuid(Uuid::from_u128(n))
    }

    fn says(start: Instant, status: AppointmentStatus) -> Says {
        Says {
            start,
            end: None,
            local_day: start.as_ms() / 10_000,
            location: place(1),
            practitioner: None,
            visit_type: None,
            booked_at: None,
            status,
            status_at: None,
            by_patient: false,
        }
    }

    fn here(status: AppointmentStatus, answer: Answer) -> Here {
        Here {
            start: START,
            end: None,
            local_day: 1,
            location: place(1),
            practitioner: None,
            visit_type: None,
            booked_at: None,
            status,
            status_at: Instant::from_ms(0),
            outcome_by: None,
            answer,
            cancelled_by: None,
            revision: 1,
            practitioner_revision: 1,
            held: None,
            to_enter: None,
            change_notice: None,
        }
    }

    fn changed(fields: &[&str]) -> BTreeSet<String> {
        fields.iter().map(|field| (*field).to_owned()).collect()
    }

    fn last(status: AppointmentStatus) -> Last {
        Last { start: START, status, vanished: false }
    }

    #[test]
    fn a_move_asks_again_and_tells() {
        let next =
            merge(&here(Booked, Answer::Accepted), &says(LATER, Booked), &changed(&["start"]), &last(Booked), NOW);
        assert_eq!((next.start, next.local_day, next.revision), (LATER, 2, 2));
        assert_eq!((next.answer, next.change_notice.as_deref(), next.held), (Answer::NeedsAction, Some("moved"), None));
    }

    #[test]
    fn a_correction_of_the_past_tells_nobody() {
        let now = Instant::from_ms(30_000);
        let next =
            merge(&here(Booked, Answer::Accepted), &says(LATER, Booked), &changed(&["start"]), &last(Booked), now);
        assert_eq!((next.revision, next.change_notice), (2, None));
    }

    #[test]
    fn another_location_is_a_move_and_another_practitioner_is_not() {
        let elsewhere = Says { location: place(2), ..says(START, Booked) };
        let next = merge(&here(Booked, Answer::Accepted), &elsewhere, &changed(&["location"]), &last(Booked), NOW);
        assert_eq!((next.location, next.revision, next.change_notice.as_deref()), (place(2), 2, Some("moved")));
        let other = Says { practitioner: Some(Uuid::from_u128(5).into()), ..says(START, Booked) };
        let mut mine = here(Booked, Answer::Accepted);
        let next = merge(&mine, &other, &changed(&["practitioner"]), &last(Booked), NOW);
        assert_eq!((next.practitioner, next.practitioner_revision, next.change_notice), (other.practitioner, 1, None));
        mine.practitioner = Some(Uuid::from_u128(4).into());
        let next = merge(&mine, &other, &changed(&["practitioner"]), &last(Booked), NOW);
        assert_eq!((next.revision, next.practitioner_revision, next.answer), (1, 2, Answer::Accepted));
        assert_eq!(next.change_notice.as_deref(), Some("practitioner"));
    }

    #[test]
    fn what_the_source_did_not_change_is_not_touched() {
        let mut mine = here(Cancelled, Answer::Declined);
        mine.to_enter = Some("cancelled".to_owned());
        let next = merge(&mine, &says(START, Booked), &changed(&["phone", "name"]), &last(Booked), NOW);
        assert_eq!(next, mine, "an older export does not undo the patient's cancellation");
    }

    #[test]
    fn the_source_agrees_and_the_list_is_shorter() {
        for status in [Cancelled, EnteredInError] {
            let mut mine = here(Cancelled, Answer::Declined);
            mine.to_enter = Some("cancelled".to_owned());
            mine.cancelled_by = Some("patient".to_owned());
            let next = merge(&mine, &says(START, status), &changed(&["status"]), &last(Booked), NOW);
            assert_eq!((next.status, next.to_enter, next.cancelled_by.as_deref()), (Cancelled, None, Some("patient")));
        }
        let mut moved = here(Booked, Answer::Accepted);
        moved.start = LATER;
        moved.to_enter = Some("moved".to_owned());
        let next = merge(&moved, &says(LATER, Booked), &changed(&["start"]), &last(Booked), NOW);
        assert_eq!((next.to_enter, next.answer, next.revision), (None, Answer::Accepted, 1));
    }

    #[test]
    fn both_changed_is_for_a_person() {
        let mut mine = here(Cancelled, Answer::Declined);
        mine.to_enter = Some("cancelled".to_owned());
        let next = merge(&mine, &says(LATER, Booked), &changed(&["start"]), &last(Booked), NOW);
        assert_eq!((next.held.as_deref(), next.status, next.answer), (Some("conflict"), Cancelled, Answer::Declined));
        assert_eq!((next.start, next.change_notice), (LATER, None), "nothing is lost and nothing is said");

        let mut moved = here(Booked, Answer::Accepted);
        moved.start = Instant::from_ms(50_000);
        let next = merge(&moved, &says(LATER, Booked), &changed(&["start"]), &last(Booked), NOW);
        assert_eq!((next.held.as_deref(), next.start), (Some("conflict"), moved.start));
        // The source comes round: settled.
        let later = Last { start: LATER, ..last(Booked) };
        let again = merge(&next, &says(moved.start, Booked), &changed(&["start"]), &later, NOW);
        assert_eq!((again.held, again.start), (None, moved.start));
    }

    #[test]
    fn an_explicit_outcome_counts_and_the_desks_mark_stands_otherwise() {
        let mut desk = here(Noshow, Answer::NeedsAction);
        desk.outcome_by = Some(OutcomeBy::Desk);
        let next = merge(&desk, &says(START, Fulfilled), &changed(&["status"]), &last(Booked), NOW);
        assert_eq!((next.status, next.outcome_by), (Fulfilled, Some(OutcomeBy::Import)));
        let next = merge(&desk, &says(START, Cancelled), &changed(&["status"]), &last(Booked), NOW);
        assert_eq!((next.status, next.outcome_by, next.held), (Noshow, Some(OutcomeBy::Desk), None));
    }

    #[test]
    fn on_again_is_asked_again() {
        let mut mine = here(Cancelled, Answer::Accepted);
        mine.cancelled_by = Some("source".to_owned());
        let next = merge(&mine, &says(START, Booked), &changed(&["status"]), &last(Cancelled), NOW);
        assert_eq!(
            (next.status, next.cancelled_by, next.revision, next.answer),
            (Booked, None, 2, Answer::NeedsAction)
        );
    }

    #[test]
    fn a_row_that_is_back_is_no_longer_held() {
        let mut mine = here(Booked, Answer::Accepted);
        mine.held = Some("vanished".to_owned());
        let next = merge(&mine, &says(START, Booked), &changed(&[]), &last(Booked), NOW);
        assert_eq!((next.held, next.answer), (None, Answer::Accepted));
    }

    #[test]
    fn a_row_that_is_back_is_on_again_if_only_its_absence_called_it_off() {
        let mut mine = here(Cancelled, Answer::Accepted);
        mine.cancelled_by = Some("source".to_owned());
        mine.outcome_by = Some(OutcomeBy::Import);
        mine.change_notice = Some("moved".to_owned());
        let gone = Last { vanished: true, ..last(Booked) };
        let next = merge(&mine, &says(START, Booked), &changed(&[]), &gone, NOW);
        assert_eq!((next.status, next.cancelled_by, next.outcome_by, next.held), (Booked, None, None, None));
        assert_eq!((next.revision, next.answer, next.change_notice), (2, Answer::NeedsAction, None));
        // At another time: a move, and one revision.
        let next = merge(&mine, &says(LATER, Booked), &changed(&["start"]), &gone, NOW);
        assert_eq!((next.status, next.start, next.revision, next.held), (Booked, LATER, 2, None));
        assert_eq!(next.change_notice.as_deref(), Some("moved"));
        // It says itself that it is off.
        let next = merge(&mine, &says(START, Cancelled), &changed(&["status"]), &gone, NOW);
        assert_eq!((next.status, next.revision, next.held), (Cancelled, 1, None));
        // It was not gone: an export that does not know yet.
        assert_eq!(merge(&mine, &says(START, Booked), &changed(&["phone"]), &last(Booked), NOW).status, Cancelled);
    }

    #[test]
    fn a_row_that_is_back_after_somebody_called_it_off_is_for_a_person() {
        for by in ["patient", "practice"] {
            let mut mine = here(Cancelled, Answer::Declined);
            mine.cancelled_by = Some(by.to_owned());
            let gone = Last { vanished: true, ..last(Booked) };
            let next = merge(&mine, &says(START, Booked), &changed(&[]), &gone, NOW);
            assert_eq!((next.status, next.held.as_deref(), next.revision), (Cancelled, Some("conflict"), 1), "{by}");
            assert_eq!((next.answer, next.cancelled_by.as_deref()), (Answer::Declined, Some(by)));
            let next = merge(&mine, &says(START, Cancelled), &changed(&["status"]), &gone, NOW);
            assert_eq!(next.held, None, "they agree");
        }
    }

    #[test]
    fn a_change_of_practitioner_and_a_move_are_both_owed() {
        let other = |start| Says { practitioner: Some(Uuid::from_u128(5).into()), ..says(start, Booked) };
        let mut mine = here(Booked, Answer::NeedsAction);
        mine.practitioner = Some(Uuid::from_u128(4).into());
        let moved = Here { change_notice: Some("moved".to_owned()), ..mine.clone() };
        let next = merge(&moved, &other(START), &changed(&["practitioner"]), &last(Booked), NOW);
        assert_eq!(next.change_notice.as_deref(), Some("both"));
        let once = merge(&mine, &other(LATER), &changed(&["start", "practitioner"]), &last(Booked), NOW);
        assert_eq!((once.change_notice.as_deref(), once.revision), (Some("both"), 2));
    }
}
