//! Automatic answers to texts: written and sealed when they are decided, queued as notices of their own kind.

use super::asked::LINK_ASKED;
use super::follow::Sender;
use crate::consent::{ASKED_WITHIN, CONFIRMED_WITHIN};
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::practice::Location;
use kept_domain::private::{LinkSecret, NoticeBody};
use kept_domain::{Channel, Instant, LinkId, Locale, NoticeId};
use kept_render::{segments, sms};
use kept_seal::{LinkToken, Place};
use kept_store::{NewAnswerNotice, NewLink, NewLinkVisit, ToldVisit};

/// Segments an answer may have: a link and a phone number rarely fit into one.
const MAX_SEGMENTS: usize = 2;

/// What an automatic answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Say {
    OptOut,
    OptIn,
    Help,
    Urgent,
    Confirmed,
    AskWhich,
    LinkAgain,
    /// The same words, for whoever asked on a page.
    LinkAsked,
    UseLink,
}

impl Say {
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::OptOut => "opt-out",
            Self::OptIn => "opt-in",
            Self::Help => "help",
            Self::Urgent => "urgent",
            Self::Confirmed => "confirmed",
            Self::AskWhich => "ask-which",
            Self::LinkAgain => "link-again",
            Self::LinkAsked => LINK_ASKED,
            Self::UseLink => "please-use-link",
        }
    }

    /// Whether an earlier answer says as much: those that hand out the link count as one sort.
    pub(super) fn is_like(self, template: &str) -> bool {
        const LINKS: [&str; 4] = ["ask-which", "link-again", LINK_ASKED, "please-use-link"];
        let own = self.template();
        own == template || LINKS.contains(&own) && LINKS.contains(&template)
    }

    const fn has_link(self) -> bool {
        matches!(self, Self::AskWhich | Self::LinkAgain | Self::LinkAsked | Self::UseLink)
    }
}

/// An answer, ready to be queued.
pub(super) struct AutoAnswer {
    pub(super) notice: NewAnswerNotice,
    pub(super) link: Option<NewLink>,
}

impl Flow {
    /// Writes and seals an answer to a text of `asked_at`; none for a number that belongs to nobody here, and none where it would come
    /// too late to be understood as one.
    pub(super) fn write_answer(
        &self,
        open: &OpenPractice,
        sender: &Sender,
        about: Option<&ToldVisit>,
        say: Say,
        asked_at: Instant,
        now: Instant,
    ) -> Result<Option<AutoAnswer>, FlowError> {
        let within = if say == Say::OptOut { CONFIRMED_WITHIN } else { ASKED_WITHIN };
        let expires_at = asked_at + within;
        if expires_at <= now {
            return Ok(None);
        }
        let Some(owner) = sender.owners.first() else { return Ok(None) };
        let locale = sender.locale(open);
        let at =
            about.or(sender.visits.first()).and_then(|visit| open.location(visit.location)).or(open.locations.first());
        let Some(at) = at.map(|found| &found.location) else { return Ok(None) };
        let token = (say.has_link() && !sender.visits.is_empty()).then(LinkToken::generate).transpose()?;
        let url = token.as_ref().map(|token| crate::link::url(&self.settings.public_url, &open.practice.slug, token));
        let Some(text) = self.words_of(open, sender, about, say, locale, at, url.as_deref())? else { return Ok(None) };

        let id: NoticeId = self.new_id();
        let place = || Place::new(id, 1);
        let text = segments::fit(&text, MAX_SEGMENTS);
        let text = url.map_or(text.clone(), |url| text.replace(&url, &NoticeBody::LINK.to_string()));
        let body = NoticeBody { to: sender.number.clone(), text, mail: None };
        let body = open.keys.seal(&open.salt, place(), &body)?;
        let mut link_secret = None;
        let mut link = None;
        if let Some(token) = &token {
            let plain = LinkSecret { t: token.as_str().to_owned() };
            link_secret = Some(open.keys.seal(&open.salt, place(), &plain)?);
            link = Some(new_link(self.new_id(), id, token, &sender.visits, now));
        }
        let notice = NewAnswerNotice {
            id,
            template: say.template(),
            channel: Channel::Sms,
            contact: owner.contact,
            bix: sender.bix,
            location: at.id,
            locale,
            body,
            link_secret,
            link: link.as_ref().map(|link| link.id),
            expires_at,
        };
        Ok(Some(AutoAnswer { notice, link }))
    }

    #[expect(clippy::too_many_arguments, reason = "one call; a struct would only rename them")]
    fn words_of(
        &self,
        open: &OpenPractice,
        sender: &Sender,
        about: Option<&ToldVisit>,
        say: Say,
        locale: Locale,
        at: &Location,
        link: Option<&str>,
    ) -> Result<Option<String>, FlowError> {
        let alias = at.alias.clone();
        let phone = at.phone.clone().or_else(|| open.practice.phone.clone());
        let link = link.map(str::to_owned);
        let count = u32::try_from(sender.open_visits().count()).unwrap_or(u32::MAX);
        let render = &self.render;
        Ok(Some(match (say, link) {
            (Say::OptOut, _) => render.text(locale, &sms::OptOut { alias })?,
            (Say::OptIn, _) => render.text(locale, &sms::OptIn { alias })?,
            (Say::Help, _) => render.text(locale, &sms::Help { alias, phone })?,
            (Say::Urgent, _) => {
                let emergency = emergency_number(&open.practice.settings.country).to_owned();
                render.text(locale, &sms::Urgent { alias, emergency, phone })?
            }
            (Say::Confirmed, _) => {
                let Some(visit) = about else { return Ok(None) };
                let start = visit.start_at.local(open.zone_of(visit));
                render.text(locale, &sms::Confirmed { alias, start })?
            }
            (Say::AskWhich, Some(link)) => render.text(locale, &sms::AskWhich { alias, count, link })?,
            (Say::LinkAgain | Say::LinkAsked, Some(link)) => render.text(locale, &sms::LinkAgain { alias, link })?,
            (Say::UseLink | Say::AskWhich | Say::LinkAgain | Say::LinkAsked, link) => {
                render.text(locale, &sms::PleaseUseLink { alias, link, phone })?
            }
        }))
    }
}

fn new_link(id: LinkId, notice: NoticeId, token: &LinkToken, visits: &[ToldVisit], now: Instant) -> NewLink {
    let last_end = visits.iter().map(|visit| visit.end_at_ms.unwrap_or(visit.start_at.as_ms())).max();
    NewLink {
        id,
        auth_hash: token.auth_hash().0,
        notice: Some(notice),
        created_at: now,
        expires_at: crate::link::expires_at(last_end.map_or(now, Instant::from_ms), now),
        visits: (1..)
            .zip(visits)
            .map(|(ordinal, visit)| NewLinkVisit {
                appointment: visit.id,
                patient: visit.patient,
                revision: visit.revision,
                ordinal,
            })
            .collect(),
    }
}

/// The number that the fixed answer to words of danger names: 911 in the North American plan's countries that answer
/// it, else 112 (3GPP TS 22.101 §10.1: every GSM phone reaches help by it).
fn emergency_number(country: &str) -> &'static str {
    match country {
        "US" | "CA" | "MX" | "PR" => "911",
        _ => "112",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_hand_out_the_link_are_one_sort() {
        assert!(Say::UseLink.is_like("link-again") && Say::AskWhich.is_like("please-use-link"));
        assert!(Say::Help.is_like("help") && !Say::Help.is_like("urgent"));
        assert!(!Say::Urgent.is_like("please-use-link") && !Say::Confirmed.is_like("link-again"));
    }

    #[test]
    fn the_emergency_number_follows_the_country() {
        assert_eq!((emergency_number("US"), emergency_number("ES")), ("911", "112"));
    }
}
