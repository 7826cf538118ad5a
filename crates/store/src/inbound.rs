//! Texts that patients send back: what was asked of a number, who has it, what follows.

use crate::dialect::{Kind, Rows};
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
    /// Whether it opts the number out, whatever the intent.
    pub opts_out: bool,
    /// The carrier has confirmed the opt-out itself.
    pub gateway_answered: bool,
    /// The visit it is about, if exactly one is.
    pub appointment: Option<AppointmentId>,
    /// The visit's revision when the text came.
    pub revision: Option<i64>,
    /// Civil time.
    pub received_at: Instant,
}

/// A kept text that nothing has followed from yet.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WaitingText {
    /// Which.
    #[sqlx(try_from = "Uuid")]
    pub id: InboundId,
    /// Who sent it.
    #[sqlx(try_from = "Vec<u8>")]
    pub bix: BlindIndex,
    /// What it asks for.
    pub intent: String,
    /// Which rule decided so.
    pub rule: String,
    /// Whether it opts the number out.
    pub opts_out: bool,
    /// The carrier has confirmed the opt-out itself.
    pub gateway_answered: bool,
    /// The text, sealed.
    #[sqlx(try_from = "Vec<u8>")]
    pub private: Sealed<InboundCol>,
    /// What it is sealed with.
    pub rev: i64,
    /// The visit it is about.
    #[sqlx(rename = "appointment_id")]
    pub appointment: Option<Uuid>,
    /// The visit's revision when the text came.
    pub revision: Option<i64>,
    /// When it came, civil.
    #[sqlx(rename = "received_at_ms", try_from = "i64")]
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
    /// The location whose number asked. A visit that two of them asked about is there twice.
    #[sqlx(rename = "asking_id", try_from = "Uuid")]
    pub asking: LocationId,
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

#[derive(sqlx::FromRow)]
struct ToldRow {
    #[sqlx(try_from = "Vec<u8>")]
    bix: BlindIndex,
    #[sqlx(flatten)]
    visit: ToldVisit,
}

fn blind(bytes: Vec<u8>) -> Result<BlindIndex, StoreError> {
    BlindIndex::try_from(bytes).map_err(|_| StoreError::Corrupt { table: "notices", column: "bix" })
}

/// Somebody who has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberOwner {
    /// The contact point.
    pub contact: ContactPointId,
    /// The language they are addressed in, if recorded.
    pub locale: Option<Locale>,
    /// Whether no message may go there, for a reason other than consent.
    pub suspended: bool,
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
    /// Keeps texts; those seen before are left alone. Returns the new ones. What follows from them is done later.
    pub async fn insert_inbound(
        &mut self,
        practice: PracticeId,
        texts: &[NewInbound],
    ) -> Result<Vec<InboundId>, StoreError> {
        let mut rows = Rows::new(&[
            ("id", Kind::Uuid),
            ("provider", Kind::Text),
            ("event", Kind::Text),
            ("bix", Kind::Bytes),
            ("intent", Kind::Text),
            ("rule", Kind::Text),
            ("opts_out", Kind::Bool),
            ("gateway_answered", Kind::Bool),
            ("private", Kind::Bytes),
            ("appointment_id", Kind::Uuid),
            ("revision", Kind::Int),
            ("received_at_ms", Kind::Int),
        ]);
        for text in texts {
            rows.push()
                .uuid(text.id)
                .text(&text.provider)
                .text(&text.event)
                .bytes(&text.bix.0)
                .text(text.intent)
                .text(text.rule)
                .bool(text.opts_out)
                .bool(text.gateway_answered)
                .bytes(text.private.as_ciphertext())
                .opt_uuid(text.appointment.map(AppointmentId::as_uuid))
                .opt_int(text.revision)
                .int(text.received_at.as_ms());
        }
        let new = bulk_all!(
            self,
            (Uuid,),
            "INSERT INTO inbound (practice_id, id, provider, event, bix, intent, rule, opts_out, gateway_answered, private, rev,
                 appointment_id, revision, received_at_ms, applied)
             SELECT $2, id, provider, event, bix, intent, rule, opts_out = TRUE, gateway_answered = TRUE, private, 1,
                 appointment_id, revision, received_at_ms, FALSE FROM {rows} AS r WHERE TRUE
             ON CONFLICT (practice_id, provider, event) DO NOTHING RETURNING id",
            rows,
            practice.as_uuid()
        )?;
        Ok(new.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Texts that nothing has followed from yet, the oldest first.
    pub async fn waiting_texts(&mut self, practice: PracticeId, limit: i64) -> Result<Vec<WaitingText>, StoreError> {
        all!(
            self,
            WaitingText,
            "SELECT id, bix, intent, rule, opts_out, gateway_answered, private, rev, appointment_id, revision, received_at_ms
             FROM inbound WHERE practice_id = $1 AND NOT applied ORDER BY received_at_ms, id LIMIT $2",
            practice.as_uuid(),
            limit
        )
    }

    /// Takes texts to do now what follows from them: once, and of one number in their order. Returns those that are the
    /// caller's.
    pub async fn claim_texts(
        &mut self,
        practice: PracticeId,
        texts: &[InboundId],
    ) -> Result<Vec<InboundId>, StoreError> {
        let rows = bulk_all!(
            self,
            (Uuid,),
            "UPDATE inbound SET applied = TRUE FROM {rows} AS r
             WHERE inbound.practice_id = {practice} AND inbound.id = r.id AND NOT inbound.applied AND NOT EXISTS (
                 SELECT 1 FROM inbound e WHERE e.practice_id = $2 AND e.bix = inbound.bix AND NOT e.applied
                     AND (e.received_at_ms, e.id) < (inbound.received_at_ms, inbound.id))
             RETURNING inbound.id",
            Rows::of_ids("id", texts.iter().copied()),
            practice.as_uuid()
        )?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// The visits to come that texts to some numbers named as they still stand, by start.
    pub async fn told_visits(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        numbers: &[BlindIndex],
        now: Instant,
    ) -> Result<Vec<(BlindIndex, ToldVisit)>, StoreError> {
        let rows = bulk_all!(
            self,
            ToldRow,
            "SELECT DISTINCT n.bix, a.id, a.patient_id, a.location_id, n.location_id AS asking_id, a.revision, a.start_at_ms,
                 a.end_at_ms, a.answer
             FROM {rows} AS r JOIN notices n ON n.practice_id = {practice} AND n.bix = r.bix AND n.channel = $3
             JOIN reminders m ON m.practice_id = n.practice_id AND m.notice_id = n.id
             JOIN appointments a ON a.practice_id = m.practice_id AND a.id = m.appointment_id
             WHERE n.state IN ('armed', 'sent', 'delivered', 'uncertain') AND m.state = 'sent'
                 AND (m.revision = a.revision OR m.step = 'change-practitioner') AND a.start_at_ms > $4
                 AND a.status IN ('proposed', 'pending', 'booked')
             ORDER BY a.start_at_ms, a.id, asking_id",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            channel.as_str(),
            now.as_ms()
        )?;
        Ok(rows.into_iter().map(|row| (row.bix, row.visit)).collect())
    }

    /// Who has some numbers, whoever uses one first of all first.
    pub async fn number_owners(
        &mut self,
        practice: PracticeId,
        channel: Channel,
        numbers: &[BlindIndex],
    ) -> Result<Vec<(BlindIndex, NumberOwner)>, StoreError> {
        let rows = bulk_all!(
            self,
            (Vec<u8>, Uuid, Option<String>, bool),
            "SELECT c.bix, c.id, p.locale, c.suspended IS NOT NULL FROM {rows} AS r
             JOIN contact_points c ON c.practice_id = {practice} AND c.bix = r.bix AND c.channel = $3
             JOIN patients p ON p.practice_id = c.practice_id AND p.id = c.patient_id ORDER BY c.position, c.id",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            channel.as_str()
        )?;
        let owner = |(bix, contact, locale, suspended): (Vec<u8>, Uuid, Option<String>, bool)| {
            let locale = locale.and_then(|word| word.parse().ok());
            Ok((blind(bix)?, NumberOwner { contact: contact.into(), locale, suspended }))
        };
        rows.into_iter().map(owner).collect()
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

    /// The automatic answers that some numbers got since some time, by template.
    pub async fn answers_since(
        &mut self,
        practice: PracticeId,
        numbers: &[BlindIndex],
        since: Instant,
    ) -> Result<Vec<(BlindIndex, String)>, StoreError> {
        let rows = bulk_all!(
            self,
            (Vec<u8>, String),
            "SELECT n.bix, n.template FROM {rows} AS r JOIN notices n ON n.practice_id = {practice} AND n.bix = r.bix
             WHERE n.kind = 'answer' AND n.created_at_ms > $3 AND n.state <> 'cancelled'",
            Rows::of_bytes("bix", numbers.iter().map(|bix| bix.0)),
            practice.as_uuid(),
            since.as_ms()
        )?;
        rows.into_iter().map(|(bix, template)| Ok((blind(bix)?, template))).collect()
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
