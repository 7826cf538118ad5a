//! Texts that patients send back: what was asked of a number, who has it, what follows.

use crate::error::StoreError;
use crate::tx::Tx;
use kept_domain::private::{InboundCol, LinkSecretCol, NoticeBodyCol};
use kept_domain::{
    Answer, AppointmentId, BlindIndex, Channel, ContactPointId, InboundId, Instant, LinkId, Locale, LocationId,
    NoticeId, PatientId, PracticeId, Sealed,
};
use uuid::Uuid;

/// A text to keep.
#[derive(Debug, Clone)]
pub struct NewInbound {
    /// Its id.
    pub id: InboundId,
    /// The carrier's name.
    pub provider: String,
    /// The carrier's id of the event.
    pub event: String,
    /// Who sent it.
    pub bix: BlindIndex,
    /// What it asks for.
    pub intent: &'static str,
    /// Which rule decided so.
    pub rule: &'static str,
    /// The text, sealed with `rev` 1.
    pub private: Sealed<InboundCol>,
    /// The visit it is about, if exactly one is.
    pub appointment: Option<AppointmentId>,
    /// Civil time.
    pub received_at: Instant,
}

/// A visit to come that a number was told of.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ToldVisit {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: AppointmentId,
    /// Whose.
    #[sqlx(rename = "patient_id", try_from = "Uuid")]
    pub patient: PatientId,
    /// Where.
    #[sqlx(rename = "location_id", try_from = "Uuid")]
    pub location: LocationId,
    /// Its revision now; the text named this one.
    pub revision: i64,
    /// Start.
    #[sqlx(rename = "start_at_ms", try_from = "i64")]
    pub start_at: Instant,
    /// End in milliseconds, if known.
    pub end_at_ms: Option<i64>,
    /// What the patient said so far.
    #[sqlx(try_from = "String")]
    pub answer: Answer,
}

/// Somebody who has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberOwner {
    /// The contact point.
    pub contact: ContactPointId,
    /// The language they are addressed in, if recorded.
    pub locale: Option<Locale>,
}

/// An automatic answer to a text, written already.
#[derive(Debug, Clone)]
pub struct NewAnswerNotice {
    /// Its id.
    pub id: NoticeId,
    /// Name of the text.
    pub template: &'static str,
    /// How it travels.
    pub channel: Channel,
    /// Whom it reaches.
    pub contact: ContactPointId,
    /// The number.
    pub bix: BlindIndex,
    /// Location that it speaks for.
    pub location: LocationId,
    /// Language.
    pub locale: Locale,
    /// The text, sealed with `rev` 1.
    pub body: Sealed<NoticeBodyCol>,
    /// The secret of its link, sealed with `rev` 1.
    pub link_secret: Option<Sealed<LinkSecretCol>>,
    /// Its link.
    pub link: Option<LinkId>,
    /// Useless from here on (civil).
    pub expires_at: Instant,
}

impl Tx {
    /// Keeps a text. Says whether it is new.
    pub async fn insert_inbound(&mut self, practice: PracticeId, inbound: &NewInbound) -> Result<bool, StoreError> {
        let new = run!(
            self,
            "INSERT INTO inbound (practice_id, id, provider, event, bix, intent, rule, private, rev, appointment_id,
                 received_at_ms, applied)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, TRUE)
             ON CONFLICT (practice_id, provider, event) DO NOTHING",
            practice.as_uuid(),
            inbound.id.as_uuid(),
            inbound.provider.as_str(),
            inbound.event.as_str(),
            inbound.bix.0.as_slice(),
            inbound.intent,
            inbound.rule,
            inbound.private.as_ciphertext(),
            inbound.appointment.map(AppointmentId::as_uuid),
            inbound.received_at.as_ms()
        )?;
        Ok(new == 1)
    }

    /// The visits to come that texts to a number named as they still stand, by start.
    pub async fn told_visits(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        number: BlindIndex,
        now: Instant,
    ) -> Result<Vec<ToldVisit>, StoreError> {
        all!(
            self,
            ToldVisit,
            "SELECT DISTINCT a.id, a.patient_id, a.location_id, a.revision, a.start_at_ms, a.end_at_ms, a.answer
             FROM notices n
             JOIN reminders m ON m.practice_id = n.practice_id AND m.notice_id = n.id
             JOIN appointments a ON a.practice_id = m.practice_id AND a.id = m.appointment_id
             WHERE n.practice_id = $1 AND n.bix = $2 AND n.channel = $3
                 AND n.state IN ('armed', 'sent', 'delivered', 'uncertain') AND m.state = 'sent'
                 AND (m.revision = a.revision OR m.step = 'change-practitioner') AND a.start_at_ms > $4
                 AND a.status IN ('proposed', 'pending', 'booked')
             ORDER BY a.start_at_ms, a.id",
            practice.as_uuid(),
            number.0.as_slice(),
            channel.as_str(),
            now.as_ms()
        )
    }

    /// Who has a number, whoever uses it first of all first.
    pub async fn number_owners(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        number: BlindIndex,
    ) -> Result<Vec<NumberOwner>, StoreError> {
        let rows = all!(
            self,
            (Uuid, Option<String>),
            "SELECT c.id, p.locale FROM contact_points c
             JOIN patients p ON p.practice_id = c.practice_id AND p.id = c.patient_id
             WHERE c.practice_id = $1 AND c.bix = $2 AND c.channel = $3 ORDER BY c.position, c.id",
            practice.as_uuid(),
            number.0.as_slice(),
            channel.as_str()
        )?;
        let owner = |(contact, locale): (Uuid, Option<String>)| NumberOwner {
            contact: contact.into(),
            locale: locale.and_then(|word| word.parse().ok()),
        };
        Ok(rows.into_iter().map(owner).collect())
    }

    /// No more messages to a number, for a reason other than consent. Returns how many contact points it is.
    pub async fn suspend_number(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        number: BlindIndex,
        why: &str,
    ) -> Result<u64, StoreError> {
        run!(
            self,
            "UPDATE contact_points SET suspended = $4 WHERE practice_id = $1 AND bix = $2 AND channel = $3",
            practice.as_uuid(),
            number.0.as_slice(),
            channel.as_str(),
            why
        )
    }

    /// The automatic answers that a number got since some time, by template.
    pub async fn answers_since(
        &mut self,
        practice: PracticeId,
        number: BlindIndex,
        since: Instant,
    ) -> Result<Vec<String>, StoreError> {
        let rows = all!(
            self,
            (String,),
            "SELECT template FROM notices
             WHERE practice_id = $1 AND bix = $2 AND kind = 'answer' AND created_at_ms > $3 AND state <> 'cancelled'",
            practice.as_uuid(),
            number.0.as_slice(),
            since.as_ms()
        )?;
        Ok(rows.into_iter().map(|(template,)| template).collect())
    }

    /// Queues an automatic answer, due now.
    pub async fn insert_answer_notice(
        &mut self,
        practice: PracticeId,
        now: Instant,
        notice: &NewAnswerNotice,
    ) -> Result<(), StoreError> {
        run!(
            self,
            "INSERT INTO notices (practice_id, id, kind, channel, contact_point_id, bix, location_id, locale, template,
                 state, due_at_ms, expires_at_ms, body, link_secret, link_id, rev, created_at_ms)
             VALUES ($1, $2, 'answer', $3, $4, $5, $6, $7, $8, 'planned', $9, $10, $11, $12, $13, 1, $9)",
            practice.as_uuid(),
            notice.id.as_uuid(),
            notice.channel.as_str(),
            notice.contact.as_uuid(),
            notice.bix.0.as_slice(),
            notice.location.as_uuid(),
            notice.locale.as_str(),
            notice.template,
            now.as_ms(),
            notice.expires_at.as_ms(),
            notice.body.as_ciphertext(),
            notice.link_secret.as_ref().map(Sealed::as_ciphertext),
            notice.link.map(LinkId::as_uuid)
        )?;
        Ok(())
    }
}
