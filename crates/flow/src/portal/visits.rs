//! A session's visits, and what its patient answers.

use super::Session;
use crate::answer::{AnsweredBy, Answering, Recorded, Refusal, Words, last_moment};
use crate::{Flow, FlowError, OpenPractice, audit};
use chrono::NaiveDateTime;
use kept_domain::{Answer, AppointmentStatus, Instant, LinkId, Locale, PracticeId};
use kept_seal::{FormBinding, Place, TokenError};
use kept_store::{PortalVisit, Scope};

/// What a session sees: the visits of its patient at its link.
#[derive(Debug, Clone)]
pub struct Visits {
    /// The link, named by each form so that two tabs cannot cross.
    pub link: LinkId,
    /// The patient's language, if the practice knows it.
    pub locale: Option<Locale>,
    /// The visits, "visit 1" first.
    pub visits: Vec<VisitView>,
}

/// A visit as its patient may see it. Prints nothing.
#[derive(Clone)]
pub struct VisitView {
    /// "Visit 1", "visit 2" of the link.
    pub ordinal: i64,
    /// Revision that is shown; an answer must be to this one.
    pub revision: i64,
    /// Start on the location's clock.
    pub start: NaiveDateTime,
    /// Start and end as instants, for a calendar.
    pub start_at: Instant,
    /// End, if the calendar tells.
    pub end_at: Option<Instant>,
    /// With whom.
    pub practitioner: Option<String>,
    /// Where: name, address, phone.
    pub location: kept_domain::practice::Location,
    /// What to bring, in the practice's words.
    pub bring: Option<String>,
    /// Where it stands.
    pub state: VisitState,
    /// Whether the time or place has changed since the link was made.
    pub moved: bool,
    /// Until when "I cannot come" is taken, as an instant; later ones call.
    pub cancel_until: Instant,
    /// Until when the answer may be changed, on the location's clock.
    pub change_until: NaiveDateTime,
    /// Goes with the form "yes", once.
    pub confirm_nonce: String,
    /// Goes with the form "I cannot come", once.
    pub cancel_nonce: String,
    /// Goes with the form "another time", once.
    pub another_nonce: String,
}

impl std::fmt::Debug for VisitView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VisitView({}, {:?})", self.ordinal, self.state)
    }
}

/// Where a visit stands, for its patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitState {
    /// Waits for an answer.
    Asked,
    /// They said yes; they may change it.
    Accepted,
    /// They asked for another time; they may change it.
    AnotherTimeAsked,
    /// Too near to change anything here; `accepted` is what they said.
    CallUs {
        /// Whether they said yes.
        accepted: bool,
    },
    /// They called it off.
    CancelledByPatient {
        /// Whether they asked for another time since.
        may_ask: bool,
    },
    /// The practice called it off.
    CancelledByPractice,
    /// It has begun, or is over.
    Over,
}

/// A form of the portal with an answer.
#[derive(Debug, Clone)]
pub struct AnswerForm {
    /// The link that the page named.
    pub link: LinkId,
    /// Which visit.
    pub ordinal: i64,
    /// Revision that the page showed.
    pub revision: i64,
    /// The form's nonce.
    pub nonce: String,
    /// What it says.
    pub answer: PortalAnswer,
}

/// What a form of the portal can say. Prints no words.
#[derive(Clone)]
pub enum PortalAnswer {
    /// "Yes, I will be there".
    Confirm,
    /// "I cannot come", after the second tap.
    Cancel {
        /// Why, if they say.
        reason: Option<String>,
    },
    /// "I need another time".
    AnotherTime {
        /// Days and half-days, as words of the form.
        preferences: Vec<String>,
        /// In their own words.
        wish: Option<String>,
    },
}

impl std::fmt::Debug for PortalAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.answer().as_str())
    }
}

impl PortalAnswer {
    fn answer(&self) -> Answer {
        match self {
            Self::Confirm => Answer::Accepted,
            Self::Cancel { .. } => Answer::Declined,
            Self::AnotherTime { .. } => Answer::Tentative,
        }
    }
}

/// What became of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It stands.
    Done,
    /// It stood before: the form was sent twice, or said what was said.
    Unchanged,
    /// Another link was opened in another tab since.
    OtherLink,
    /// The form is too old, or not of this page.
    OldForm,
    /// It was not taken.
    Refused(Refusal),
}

impl Flow {
    /// What a session shows.
    pub async fn portal_visits(&self, practice: PracticeId, session: Session) -> Result<Visits, FlowError> {
        let open = self.practice(practice).await?;
        let rows = self.visits_of(practice, session).await?;
        let locale = rows.first().and_then(|row| row.locale);
        let visits = rows.iter().map(|row| self.view(&open, session.link, row)).collect::<Result<_, _>>();
        let visits = self.witness(visits).await?;
        Ok(Visits { link: session.link, locale, visits })
    }

    /// Takes an answer from a form.
    ///
    /// # Errors
    /// [`FlowError::NotFound`] when the session has no such visit.
    pub async fn portal_answer(
        &self,
        practice: PracticeId,
        session: Session,
        form: AnswerForm,
    ) -> Result<Answered, FlowError> {
        if form.link != session.link {
            return Ok(Answered::OtherLink);
        }
        let open = self.practice(practice).await?;
        let rows = self.visits_of(practice, session).await?;
        let row = rows.iter().find(|row| row.ordinal == form.ordinal).ok_or(FlowError::NotFound { what: "visit" })?;
        let action = action(form.answer.answer(), row);
        let binding = FormBinding { subject: form.link.as_uuid(), action: &action, revision: form.revision };
        let used = match open.keys.open_form(&form.nonce, &binding, self.clock.wall()) {
            Ok(used) => used,
            Err(TokenError::NotOurs | TokenError::Expired | TokenError::OtherForm | TokenError::OtherRevision) => {
                return Ok(Answered::OldForm);
            }
        };
        let answering = Answering {
            appointment: row.appointment,
            revision: Some(form.revision),
            answer: form.answer.answer(),
            by: AnsweredBy::Portal(session.link, session.patient),
            words: words(form.answer),
        };
        let prepared = self.prepare_answer(practice, answering).await?;
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        if !tx.use_nonce(practice, &used.hash, used.expires_at).await? {
            return Ok(Answered::Unchanged);
        }
        let (recorded, entry) = self.apply_answer(&mut tx, &prepared).await?;
        if let Some(entry) = entry {
            audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
            tx.commit().await?;
        }
        Ok(match recorded {
            Recorded::Done => Answered::Done,
            Recorded::Unchanged => Answered::Unchanged,
            Recorded::Refused(why) => Answered::Refused(why),
        })
    }

    pub(super) async fn visits_of(
        &self,
        practice: PracticeId,
        session: Session,
    ) -> Result<Vec<PortalVisit>, FlowError> {
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let mut rows = tx.portal_visits(practice, session.link).await?;
        rows.retain(|row| row.patient == session.patient);
        Ok(rows)
    }

    fn view(&self, open: &OpenPractice, link: LinkId, row: &PortalVisit) -> Result<VisitView, FlowError> {
        let now = self.clock.civil();
        let location = open.location(row.location).ok_or(FlowError::NotFound { what: "location" })?.location.clone();
        let private = open.keys.open(&row.salt, Place::new(row.appointment, row.private_rev), &row.private)?;
        let settings = &open.practice.settings;
        let nonce = |answer: Answer| {
            let action = action(answer, row);
            let binding = FormBinding { subject: link.as_uuid(), action: &action, revision: row.revision };
            open.keys.seal_form(&binding, self.form_expiry())
        };
        let practitioner = row.practitioner.and_then(|id| open.practitioner(id)).map(|known| known.name.clone());
        let change_until = last_moment(row.start_at, Answer::Accepted, settings);
        Ok(VisitView {
            ordinal: row.ordinal,
            revision: row.revision,
            start: row.start_at.local(location.time_zone),
            start_at: row.start_at,
            end_at: row.end_at,
            practitioner,
            bring: private.bring,
            state: state(row, change_until, now),
            moved: row.revision != row.link_revision,
            cancel_until: last_moment(row.start_at, Answer::Declined, settings),
            change_until: change_until.local(location.time_zone),
            confirm_nonce: nonce(Answer::Accepted)?,
            cancel_nonce: nonce(Answer::Declined)?,
            another_nonce: nonce(Answer::Tentative)?,
            location,
        })
    }
}

fn state(row: &PortalVisit, change_until: Instant, now: Instant) -> VisitState {
    if row.status == AppointmentStatus::Cancelled {
        let by_patient = row.cancelled_by.as_deref() == Some("patient");
        return if by_patient && now < row.start_at {
            VisitState::CancelledByPatient { may_ask: now <= change_until }
        } else if by_patient {
            VisitState::CancelledByPatient { may_ask: false }
        } else {
            VisitState::CancelledByPractice
        };
    }
    if !row.status.is_expected() || now >= row.start_at {
        return VisitState::Over;
    }
    if now > change_until {
        return VisitState::CallUs { accepted: row.answer == Answer::Accepted };
    }
    match row.answer {
        Answer::Accepted => VisitState::Accepted,
        Answer::Tentative => VisitState::AnotherTimeAsked,
        // Declined and yet expected: the desk took the visit up again.
        Answer::NeedsAction | Answer::Declined => VisitState::Asked,
    }
}

fn action(answer: Answer, row: &PortalVisit) -> String {
    format!("{answer}:{}", row.appointment)
}

fn words(answer: PortalAnswer) -> Words {
    match answer {
        PortalAnswer::Confirm => Words::default(),
        PortalAnswer::Cancel { reason } => Words { reason, ..Words::default() },
        PortalAnswer::AnotherTime { preferences, wish } => Words { preferences, wish, ..Words::default() },
    }
}
