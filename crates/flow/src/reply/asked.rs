//! "Text me a new link": somebody without a link that works enters a mobile number.
//!
//! Anybody may enter any number, so the page that follows is the same whatever is known of it, and takes as long:
//! [`Flow::ask_link`] counts, and looks nothing up; what follows from it is done apart from the request. And since nobody
//! has shown that the number is theirs, the text obeys consent and hours as what Kept sends of its own accord does
//! (see [`LINK_ASKED`]).

use super::ANSWER_PAUSE;
use super::answer::{AutoAnswer, Say};
use super::follow::senders;
use crate::audit::{self, Actor, AuditEntry, act};
use crate::consent::ConsentAct;
use crate::{Flow, FlowError};
use chrono::Duration;
use kept_domain::{PracticeId, phone};
use kept_seal::Blind;
use kept_store::{Chain, Scope};

/// Template of the text. Of all answers only this one may have been asked for by somebody else than its reader.
pub const LINK_ASKED: &str = "link-asked";
/// Links that are texted to a number …
pub const MAX_ASKS_PER_NUMBER: i64 = 3;
/// … in this time, so that nobody can fill somebody's phone.
pub const NUMBER_WINDOW: Duration = Duration::hours(24);
/// Links that may be asked for from one client's address …
pub const MAX_ASKS_PER_CLIENT: i64 = 10;
/// … in this time. A household or a ward behind one address stays well below it; trying numbers out does not.
pub const CLIENT_WINDOW: Duration = Duration::hours(1);
/// For how long the text may wait for the hours to open.
pub const WAITS: Duration = Duration::hours(24);
/// What is looked at of what somebody typed: longer than any number with all its ornaments.
const MAX_TYPED_CHARS: usize = 60;

/// A number that a link may be texted to, if anybody knows it. Prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkAsk(String);

impl std::fmt::Debug for LinkAsk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkAsk(…)")
    }
}

impl Flow {
    /// Counts that somebody at a client's address asked for a link to a number. None where nothing follows: the number or the
    /// address has asked too often, or it is no number.
    pub async fn ask_link(
        &self,
        practice: PracticeId,
        typed: &str,
        client: &str,
    ) -> Result<Option<LinkAsk>, FlowError> {
        let open = self.practice(practice).await?;
        let typed: String = typed.chars().take(MAX_TYPED_CHARS).collect();
        let number = phone::parse(&typed, &open.practice.settings.country).ok().map(|phone| phone.e164().to_owned());
        // What is no number is counted like one, so that it costs as much.
        let counted = open.keys.blind(Blind::Phone, number.as_deref().unwrap_or(&typed));
        let client = open.keys.blind(Blind::Client, client);
        let wall = self.clock.wall();
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        let from_client = tx.count_link_ask(practice, client, wall, wall - CLIENT_WINDOW).await?;
        // Whoever is over their own limit does not use up somebody else's.
        let for_number = if from_client > MAX_ASKS_PER_CLIENT {
            i64::MAX
        } else {
            tx.count_link_ask(practice, counted, wall, wall - NUMBER_WINDOW).await?
        };
        tx.commit().await?;
        Ok(number.filter(|_| for_number <= MAX_ASKS_PER_NUMBER).map(LinkAsk))
    }

    /// Texts a fresh link to the visits to come that a number was told of. Says whether one goes out: not to a number that
    /// nobody here has, was told of nothing, has no consent on record or is suspended, nor twice within
    /// [`ANSWER_PAUSE`].
    pub async fn text_asked_link(&self, practice: PracticeId, ask: &LinkAsk) -> Result<bool, FlowError> {
        let open = self.practice(practice).await?;
        let now = self.clock.civil();
        let bix = open.keys.blind(Blind::Phone, &ask.0);
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let found = senders(&mut tx, practice, &[bix], now).await?.remove(&bix);
        drop(tx);
        let Some(mut sender) = found else { return Ok(false) };
        sender.number.clone_from(&ask.0);
        let allowed = sender.stands.is_some_and(ConsentAct::allows) && !sender.owners.iter().any(|one| one.suspended);
        let Some(last) = sender.visits.iter().map(|visit| visit.start_at).max() else { return Ok(false) };
        if !allowed {
            return Ok(false);
        }
        let written = self.write_answer(&open, &sender, None, Say::LinkAsked, now, now)?;
        let Some(AutoAnswer { mut notice, link: Some(link) }) = written else { return Ok(false) };
        notice.expires_at = last.min(now + WAITS);
        let entry = AuditEntry::new(act::LINK_TEXTED, Actor::System).id("link", link.id);
        let mut tx = self.store.begin(Scope::Practice(practice)).await?;
        // Of two taps on the button the second waits here, and then sees what the first one sent.
        tx.lock_chain_head(practice, Chain::Audit).await?;
        let sent = tx.answers_since(practice, &[bix], now - ANSWER_PAUSE).await?;
        if sent.iter().any(|(_, template)| Say::LinkAsked.is_like(template)) {
            return Ok(false);
        }
        tx.insert_links(practice, &[link]).await?;
        tx.insert_answer_notice(practice, now, &notice).await?;
        audit::append(&mut tx, practice, self.clock.wall(), &[entry]).await?;
        tx.commit().await?;
        Ok(true)
    }
}
