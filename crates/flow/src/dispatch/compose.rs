//! Opening numbers, writing texts, sealing them: no transaction is open while this runs.

use super::route::NOT_TAKEN;
use crate::message::{self, Message, SaidVisit};
use crate::reply::asked::LINK_ASKED;
use crate::{Flow, FlowError, OpenPractice, unsubscribe};
use chrono_tz::Tz;
use kept_domain::private::{LinkSecret, MailBody, NoticeBody};
use kept_domain::window::Hours;
use kept_domain::zone::{candidate_zones, places_from_text, zones_from_text};
use kept_domain::{AppointmentId, Channel, LinkId, NoticeId, NoticeKind, ReminderId, Sealed};
use kept_seal::{LinkToken, OptOut, Place};
use kept_store::{ClaimedNotice, NewLink, NewLinkVisit, NoticeReminder, PastAttempt, Scope};
use std::collections::{BTreeSet, HashMap};

/// A claimed notice with its text, ready to be armed if nothing changed meanwhile.
pub(super) struct Draft {
    pub(super) notice: ClaimedNotice,
    /// Zones whose hours count; the first one's calendar days count for the caps.
    pub(super) zones: Vec<Tz>,
    /// The practice's hours, narrowed to those of the number's place.
    pub(super) hours: Hours,
    /// The reminders the text was written from.
    pub(super) reminders: BTreeSet<ReminderId>,
    /// Earlier attempts, in their order.
    pub(super) past: Vec<PastAttempt>,
    /// Written now, or frozen by an earlier attempt; none where nothing is left to say.
    pub(super) text: Option<DraftText>,
}

impl Draft {
    /// Whether it was handed over before and certainly never taken.
    pub(super) fn is_untaken(&self) -> bool {
        !self.past.is_empty() && self.past.iter().all(|attempt| attempt.outcome.as_deref() == Some(NOT_TAKEN))
    }
}

pub(super) struct DraftText {
    /// Opened only here and for the hand-over.
    pub(super) body: NoticeBody,
    pub(super) secret: Option<LinkToken>,
    pub(super) sealed_body: Sealed<kept_domain::private::NoticeBodyCol>,
    pub(super) sealed_secret: Option<Sealed<kept_domain::private::LinkSecretCol>>,
    pub(super) rev: i64,
    pub(super) link: Option<LinkId>,
    /// A link to be made with it; none where an earlier attempt made it.
    pub(super) new_link: Option<NewLink>,
}

impl Flow {
    pub(super) async fn compose(&self, open: &OpenPractice, notices: &[NoticeId]) -> Result<Vec<Draft>, FlowError> {
        let practice = open.practice.id;
        let mut tx = self.store.read_batch(Scope::Practice(practice)).await?;
        let claimed = tx.claimed_notices(practice, notices).await?;
        let reminders = tx.notice_reminders(practice, notices).await?;
        let again: Vec<NoticeId> =
            claimed.iter().filter(|notice| notice.attempts > 0).map(|notice| notice.id).collect();
        let mut past: HashMap<NoticeId, Vec<PastAttempt>> = HashMap::new();
        if !again.is_empty() {
            for attempt in tx.attempts_of(practice, &again).await? {
                past.entry(attempt.notice).or_default().push(attempt);
            }
        }
        drop(tx);
        let mut by_notice: HashMap<NoticeId, Vec<NoticeReminder>> = HashMap::new();
        for reminder in reminders {
            by_notice.entry(reminder.notice).or_default().push(reminder);
        }
        claimed
            .into_iter()
            .map(|notice| {
                let reminders = by_notice.remove(&notice.id).unwrap_or_default();
                let past = past.remove(&notice.id).unwrap_or_default();
                self.draft(open, notice, &reminders, past)
            })
            .collect()
    }

    fn draft(
        &self,
        open: &OpenPractice,
        notice: ClaimedNotice,
        reminders: &[NoticeReminder],
        past: Vec<PastAttempt>,
    ) -> Result<Draft, FlowError> {
        let location_zone =
            open.location(notice.location).map_or(open.practice.time_zone, |found| found.location.time_zone);
        let own = notice.patient_zone.as_deref().and_then(|name| name.parse().ok());
        let area = notice.area_zones.as_deref().map(zones_from_text).unwrap_or_default();
        let zones = candidate_zones(own, &area, location_zone);
        let settings = &open.practice.settings;
        let hours = Hours::of_practice(&settings.send_window, &settings.country)?
            .for_places(notice.area_zones.iter().flat_map(|text| places_from_text(text)));
        let text = match (notice.sealed_body()?, reminders) {
            (Some(sealed), _) => Some(Self::frozen(open, &notice, sealed)?),
            (None, []) => None,
            (None, reminders) => Some(self.written(open, &notice, reminders)?),
        };
        let reminders = reminders.iter().map(|reminder| reminder.id).collect();
        Ok(Draft { notice, zones, hours, reminders, past, text })
    }

    /// The text of an earlier attempt, or an answer that was written when it was decided.
    fn frozen(
        open: &OpenPractice,
        notice: &ClaimedNotice,
        sealed_body: Sealed<kept_domain::private::NoticeBodyCol>,
    ) -> Result<DraftText, FlowError> {
        let place = || Place::new(notice.id, notice.rev);
        let body = open.keys.open(&open.salt, place(), &sealed_body)?;
        let sealed_secret = notice.sealed_link_secret()?;
        let secret = match &sealed_secret {
            Some(sealed) => LinkToken::parse(&open.keys.open(&open.salt, place(), sealed)?.t).ok(),
            None => None,
        };
        let link = notice.link_id.map(LinkId::from_uuid);
        Ok(DraftText { body, secret, sealed_body, sealed_secret, rev: notice.rev, link, new_link: None })
    }

    fn written(
        &self,
        open: &OpenPractice,
        notice: &ClaimedNotice,
        reminders: &[NoticeReminder],
    ) -> Result<DraftText, FlowError> {
        let settings = &open.practice.settings;
        let to =
            open.keys.open(&notice.salt, Place::new(notice.contact, notice.contact_rev), &notice.contact_private)?;
        // One visit may have two reminders of one day in a notice; it is one visit and one question.
        let mut seen: BTreeSet<AppointmentId> = BTreeSet::new();
        let visits: Vec<&NoticeReminder> =
            reminders.iter().filter(|reminder| seen.insert(reminder.appointment)).collect();
        let place = |reminder: &NoticeReminder| open.location(reminder.location).map(|found| &found.location);
        let zone = |reminder: &NoticeReminder| place(reminder).map_or(open.practice.time_zone, |found| found.time_zone);
        let alias = visits.first().and_then(|first| place(first)).map_or(&open.practice.alias, |found| &found.alias);
        let place_of_first = visits.first().and_then(|first| place(first));
        let unsubscribe = match notice.channel {
            Channel::Sms => String::new(),
            Channel::Email => {
                let token = open.keys.seal_opt_out(&OptOut { bix: notice.bix, locale: notice.locale })?;
                unsubscribe::url(&self.settings.public_url, &open.practice.slug, &token)
            }
        };
        let message = Message {
            channel: notice.channel,
            kind: notice.kind,
            template: notice.template.clone(),
            locale: notice.locale,
            alias: alias.clone(),
            discreet: settings.discreet,
            visits: visits
                .iter()
                .map(|reminder| SaidVisit {
                    step: reminder.step.clone(),
                    start: reminder.start_at.local(zone(reminder)),
                })
                .collect(),
            reply: matches!(visits.as_slice(), [only] if only.answer == "needs-action"),
            max_segments: usize::from(settings.max_segments),
            link_base: message::link_base(&self.settings.public_url, &open.practice.slug),
            phone: place_of_first.and_then(|found| found.phone.clone()).or_else(|| open.practice.phone.clone()),
            unsubscribe,
        };
        let written = message::write(&self.render, &message)?;
        let token = LinkToken::generate()?;
        let link: LinkId = self.new_id();
        let rev = notice.rev + 1;
        let mail = written.mail.map(|mail| MailBody {
            subject: mail.subject,
            html: mail.html,
            from_name: message.alias.clone(),
            unsubscribe: message.unsubscribe.clone(),
        });
        let body = NoticeBody { to: to.value, text: written.text, mail };
        let sealed_body = open.keys.seal(&open.salt, Place::new(notice.id, rev), &body)?;
        let plain = LinkSecret { t: token.as_str().to_owned() };
        let sealed_secret = Some(open.keys.seal(&open.salt, Place::new(notice.id, rev), &plain)?);
        let now = self.clock.civil();
        let last_end = visits.iter().map(|reminder| reminder.end_at_ms.unwrap_or(reminder.start_at.as_ms())).max();
        let expires_at = crate::link::expires_at(last_end.map_or(now, kept_domain::Instant::from_ms), now);
        let new_link = NewLink {
            id: link,
            auth_hash: token.auth_hash().0,
            notice: Some(notice.id),
            created_at: now,
            expires_at,
            visits: visits
                .iter()
                .zip(1..)
                .map(|(reminder, ordinal)| NewLinkVisit {
                    appointment: reminder.appointment,
                    patient: reminder.patient,
                    revision: reminder.visit_revision,
                    ordinal,
                })
                .collect(),
        };
        Ok(DraftText {
            body,
            secret: Some(token),
            sealed_body,
            sealed_secret,
            rev,
            link: Some(link),
            new_link: Some(new_link),
        })
    }
}

/// Whether consent and hours apply: to all but the answers to what the number itself has just written. A link that anybody may
/// have asked for is no such answer.
pub(super) fn obeys(notice: &ClaimedNotice) -> bool {
    is_unasked(notice.kind) || notice.template == LINK_ASKED
}

/// Whether the rules for what the practice sends by itself apply; an answer to something the patient just did is
/// exempt from caps, hours and consent (an opt-out is confirmed to a number that has just opted out).
pub(super) fn is_unasked(kind: NoticeKind) -> bool {
    kind != NoticeKind::Answer
}
