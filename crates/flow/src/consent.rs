//! Consent: a ledger entry for every grant and withdrawal, and where each number stands.
//!
//! An entry is about a number, not a person: whoever shares it shares it. An explicit No and an earlier opt-out always win; what an
//! uploader declares for a whole file never overrides anything (design "Consent and opt-out").

mod proof;
mod show;
mod spoken;

pub use proof::{ASKED_WITHIN, CONFIRMED_WITHIN, Finding, Proof, Wrong};
pub(crate) use proof::{SAID_ANYWAY, SAID_WHEN_ASKED};
pub use show::NumberLedger;
pub use spoken::{Heard, NotMeant, Whose};

use crate::plan::COUNT_BEFORE_CHUNKS;
use crate::{Flow, FlowError, OpenPractice};
use kept_domain::{BlindIndex, Channel, ConsentId, ImportId, Instant, Locale, PracticeId, StaffId, text_enum};
use kept_seal::chain::{ChainBreak, ChainHash, ChainWalk, ConsentRecord};
use kept_store::{Chain, ChainHead, ConsentEntry, Scope, Tx};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// Entries written in one transaction.
const ENTRIES: usize = 1_000;

/// Wording of the choice at an upload: "The patients gave us these numbers and addresses and agreed to reminders." (Its first
/// version, `import.declared.1`, spoke of numbers only.)
pub const WORDING_DECLARED: &str = "import.declared.2";
/// The wording is the practice's own: a column of its calendar.
pub const WORDING_COLUMN: &str = "import.column";

text_enum! {
    /// What the uploader says about numbers and addresses that the file itself says nothing of.
    ConsentChoice: "consent choice" {
        /// "The patients gave us these numbers and addresses and agreed to reminders."
        Declared => "declared",
        /// Nothing is sent to them.
        Nothing => "none",
    }
}

text_enum! {
    /// What an entry of the ledger does.
    ConsentAct: "consent act" {
        /// Messages may go out.
        Granted => "granted",
        /// The calendar says No.
        Denied => "denied",
        /// Opted out.
        Withdrawn => "withdrawn",
        /// Opted in again, by the patient's own act.
        Restored => "restored",
    }
}

impl ConsentAct {
    /// Whether messages may go to a number whose last entry this is.
    pub const fn allows(self) -> bool {
        matches!(self, Self::Granted | Self::Restored)
    }
}

text_enum! {
    /// What an entry of the ledger rests on.
    ConsentBasis: "basis of consent" {
        /// A consent column of a calendar.
        ImportColumn => "import-column",
        /// What the uploader declared for a whole file.
        UploaderDeclared => "uploader-declared",
        /// A text of the patient's.
        Reply => "reply",
        /// The patient, at the portal.
        Portal => "portal",
        /// Staff wrote down what the patient said.
        Desk => "desk",
        /// The carrier says so.
        Carrier => "carrier",
        /// The opt-out link of a mail, pressed by the patient or by their mail program.
        EmailLink => "email-link",
    }
}

/// An entry to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewConsent<'a> {
    /// The number or address.
    pub bix: BlindIndex,
    /// How messages reach it.
    pub channel: Channel,
    /// What it does.
    pub act: ConsentAct,
    /// What it rests on.
    pub basis: ConsentBasis,
    /// Id of the wording that was shown, or of the word that was sent.
    pub wording: &'a str,
    /// Language of the wording.
    pub locale: Option<Locale>,
    /// Who recorded it.
    pub staff: Option<StaffId>,
    /// The upload that brought it.
    pub import: Option<ImportId>,
}

impl NewConsent<'_> {
    /// Whether its wording stood on a page of staff's, or in what `kept import` says, and was read there. (A column of a calendar is
    /// the practice's own words, in a language that nobody told us.)
    fn is_read_by_staff(&self) -> bool {
        matches!(self.basis, ConsentBasis::Desk | ConsentBasis::UploaderDeclared)
    }
}

/// The language in which wordings that staff read were shown: that of whoever recorded them, one person in one transaction; English on
/// the command line. None: there are no such wordings.
async fn read_by_staff(
    tx: &mut Tx,
    practice: PracticeId,
    entries: &[NewConsent<'_>],
) -> Result<Option<Locale>, FlowError> {
    let Some(entry) = entries.iter().find(|entry| entry.is_read_by_staff()) else { return Ok(None) };
    Ok(match entry.staff {
        Some(staff) => tx.staff_by_id(practice, staff).await?.map(|row| row.locale),
        None => Some(Locale::En),
    })
}

/// Appends entries to a practice's ledger; each number stands where its last one puts it. `now` is civil; an entry is of the moment
/// at which nothing can be armed any more that does not see it, if that is later.
///
/// Call it before [`crate::audit::append`]: it locks the ledger's head, which arming holds. A transaction that changes rows before lets
/// [`Tx::lock_chain_head`] come first, so that neither waits for the other.
pub async fn append(
    flow: &Flow,
    tx: &mut Tx,
    practice: PracticeId,
    now: Instant,
    entries: &[NewConsent<'_>],
) -> Result<(), FlowError> {
    if entries.is_empty() {
        return Ok(());
    }
    let ChainHead { mut seq, hash } = tx.lock_chain_head(practice, Chain::Consent).await?;
    let now = now.max(flow.clock.civil());
    let read_by_staff = read_by_staff(tx, practice, entries).await?;
    let mut previous = ChainHash(hash);
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        seq += 1;
        let id: ConsentId = flow.new_id();
        let record = ConsentRecord {
            practice,
            seq,
            id,
            bix: entry.bix,
            channel: entry.channel.as_str(),
            act: entry.act.as_str(),
            basis: entry.basis.as_str(),
            wording: entry.wording,
            locale: entry.locale.or(read_by_staff.filter(|_| entry.is_read_by_staff())).map(Locale::as_str),
            staff: entry.staff,
            import: entry.import,
            at: now,
        };
        let hash = previous.next(&record.canonical());
        rows.push(ConsentEntry {
            seq,
            id,
            bix: entry.bix,
            channel: entry.channel,
            act: record.act.to_owned(),
            basis: record.basis.to_owned(),
            wording: entry.wording.to_owned(),
            locale: record.locale.map(str::to_owned),
            staff: entry.staff,
            import: entry.import,
            at: now,
            prev_hash: previous.0,
            hash: hash.0,
        });
        previous = hash;
    }
    tx.append_consents(practice, &rows).await?;
    Ok(())
}

/// Opts a number out: the ledger says so, what is planned for it is taken back, its visits are looked at again. What the patient
/// starts (links, answers) goes on. Returns whether it was not out already.
pub async fn withdraw(
    flow: &Flow,
    tx: &mut Tx,
    practice: PracticeId,
    now: Instant,
    entry: &NewConsent<'_>,
) -> Result<bool, FlowError> {
    turn(flow, tx, practice, now, NewConsent { act: ConsentAct::Withdrawn, ..*entry }).await
}

/// Opts a number in again, by the patient's own act (START, or at the desk). Returns whether it was not in already.
pub async fn restore(
    flow: &Flow,
    tx: &mut Tx,
    practice: PracticeId,
    now: Instant,
    entry: &NewConsent<'_>,
) -> Result<bool, FlowError> {
    turn(flow, tx, practice, now, NewConsent { act: ConsentAct::Restored, ..*entry }).await
}

async fn turn(
    flow: &Flow,
    tx: &mut Tx,
    practice: PracticeId,
    now: Instant,
    entry: NewConsent<'_>,
) -> Result<bool, FlowError> {
    tx.lock_chain_head(practice, Chain::Consent).await?;
    let stands = tx.consent_now(practice, entry.channel, &[entry.bix]).await?;
    let before = stands.first().and_then(|now| now.act.parse::<ConsentAct>().ok());
    if entry.act == ConsentAct::Withdrawn {
        tx.cancel_planned_notices(practice, entry.channel, &[entry.bix], "opted-out", now).await?;
    }
    let is_new = match entry.act {
        ConsentAct::Withdrawn => before != Some(ConsentAct::Withdrawn),
        _ => !before.is_some_and(ConsentAct::allows),
    };
    if is_new {
        tx.replan_numbers(practice, &[entry.bix], now).await?;
        append(flow, tx, practice, now, &[entry]).await?;
    }
    Ok(is_new)
}

/// What a file wishes for one number.
#[derive(Debug, Clone, Copy, Default)]
struct Wish {
    /// What the consent column says; of several rows a No wins.
    column: Option<bool>,
    /// A row that said No before says Yes now.
    changed_to_yes: bool,
    /// The uploader vouches for it.
    declared: bool,
}

/// What a file wishes for its numbers, gathered over all its rows.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    choice: Option<ConsentChoice>,
    numbers: HashMap<(Channel, BlindIndex), Wish>,
}

impl Wishes {
    pub(crate) fn new(choice: Option<ConsentChoice>) -> Self {
        Self { choice, numbers: HashMap::new() }
    }

    /// Takes what one row says of its number or address.
    pub(crate) fn add(&mut self, channel: Channel, bix: BlindIndex, said: Option<bool>) {
        let wish = self.numbers.entry((channel, bix)).or_default();
        match said {
            Some(yes) => wish.column = Some(yes && wish.column != Some(false)),
            None => wish.declared |= self.choice == Some(ConsentChoice::Declared),
        }
    }

    /// A row that said No before says Yes now.
    pub(crate) fn changed_to_yes(&mut self, channel: Channel, bix: BlindIndex) {
        self.numbers.entry((channel, bix)).or_default().changed_to_yes = true;
    }

    /// Where recording would put numbers and addresses; those that would get no entry are left out. Writes nothing.
    pub(crate) async fn preview(
        &self,
        flow: &Flow,
        practice: PracticeId,
    ) -> Result<HashMap<(Channel, BlindIndex), ConsentAct>, FlowError> {
        let mut after = HashMap::new();
        let mut tx = flow.store.read(Scope::Practice(practice)).await?;
        for channel in Channel::ALL.iter().copied() {
            let of_channel = || self.numbers.iter().filter(|((of, _), _)| *of == channel);
            let numbers: Vec<BlindIndex> = of_channel().map(|((_, bix), _)| *bix).collect();
            let stands = tx.consent_now(practice, channel, &numbers).await?;
            let stands: HashMap<BlindIndex, ConsentAct> =
                stands.into_iter().filter_map(|now| Some((now.bix, now.act.parse().ok()?))).collect();
            let follow = |((_, bix), wish): (&(Channel, BlindIndex), &Wish)| {
                Some(((channel, *bix), follows(*wish, stands.get(bix).copied())?.0))
            };
            after.extend(of_channel().filter_map(follow));
        }
        Ok(after)
    }

    /// Writes the entries that follow. Numbers that stand where they should get none. Returns how many were written.
    pub(crate) async fn record(
        self,
        flow: &Flow,
        practice: &OpenPractice,
        import: ImportId,
        file_hash: &[u8; 32],
        staff: Option<StaffId>,
        now: Instant,
    ) -> Result<u64, FlowError> {
        let grounds = Grounds::of(file_hash, import, staff);
        let id = practice.practice.id;
        // In the order of the indexes, so that the same file makes the same ledger.
        let mut written = 0;
        for channel in Channel::ALL.iter().copied() {
            let of_channel = self.numbers.iter().filter(|((of, _), _)| *of == channel);
            let wishes: BTreeMap<BlindIndex, Wish> = of_channel.map(|((_, bix), wish)| (*bix, *wish)).collect();
            let numbers: Vec<BlindIndex> = wishes.keys().copied().collect();
            for (index, some) in numbers.chunks(ENTRIES).enumerate() {
                if written > 0 && COUNT_BEFORE_CHUNKS.contains(&index) {
                    flow.count_tables().await?;
                }
                // The first look costs no lock; most imports have nothing to say.
                let mut tx = flow.store.read_batch(Scope::Practice(id)).await?;
                let idle = entries(&mut tx, id, channel, some, &wishes, &grounds).await?.is_empty();
                drop(tx);
                if idle {
                    continue;
                }
                let mut tx = flow.store.begin_batch(Scope::Practice(id)).await?;
                tx.lock_chain_head(id, Chain::Consent).await?;
                let new = entries(&mut tx, id, channel, some, &wishes, &grounds).await?;
                let about: Vec<BlindIndex> = new.iter().map(|entry| entry.bix).collect();
                tx.replan_numbers(id, &about, now).await?;
                append(flow, &mut tx, id, now, &new).await?;
                tx.commit().await?;
                written += new.len() as u64;
            }
        }
        Ok(written)
    }
}

/// The file that entries rest on. Its wordings name what was shown and the file's own hash, so that the ledger's covers both.
struct Grounds {
    declared: String,
    column: String,
    import: ImportId,
    staff: Option<StaffId>,
}

impl Grounds {
    fn of(file_hash: &[u8; 32], import: ImportId, staff: Option<StaffId>) -> Self {
        let hash = file_hash.iter().fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").expect("writing into a String cannot fail");
            hash
        });
        let with = |wording: &str| format!("{wording} sha256:{hash}");
        Self { declared: with(WORDING_DECLARED), column: with(WORDING_COLUMN), import, staff }
    }
}

async fn entries<'a>(
    tx: &mut Tx,
    practice: PracticeId,
    channel: Channel,
    numbers: &[BlindIndex],
    wishes: &BTreeMap<BlindIndex, Wish>,
    grounds: &'a Grounds,
) -> Result<Vec<NewConsent<'a>>, FlowError> {
    let stands = tx.consent_now(practice, channel, numbers).await?;
    let stands: HashMap<BlindIndex, ConsentAct> =
        stands.into_iter().filter_map(|now| Some((now.bix, now.act.parse().ok()?))).collect();
    let entry = |bix: &BlindIndex| {
        let (act, basis) = follows(*wishes.get(bix)?, stands.get(bix).copied())?;
        let declared = basis == ConsentBasis::UploaderDeclared;
        let wording = if declared { grounds.declared.as_str() } else { grounds.column.as_str() };
        Some(NewConsent {
            bix: *bix,
            channel,
            act,
            basis,
            wording,
            locale: None,
            staff: grounds.staff,
            import: Some(grounds.import),
        })
    };
    Ok(numbers.iter().filter_map(entry).collect())
}

/// The entry that follows from what a file wishes and where the number stands.
fn follows(wish: Wish, stands: Option<ConsentAct>) -> Option<(ConsentAct, ConsentBasis)> {
    use ConsentAct::{Denied, Granted, Withdrawn};
    let by_column = |act| Some((act, ConsentBasis::ImportColumn));
    match (wish.column, stands) {
        (Some(false), Some(Denied | Withdrawn)) => None,
        (Some(false), _) => by_column(Denied),
        (Some(true), None) => by_column(Granted),
        // The practice asked again and wrote down a Yes. An opt-out is the patient's own word and stays.
        (Some(true), Some(Denied)) if wish.changed_to_yes => by_column(Granted),
        (None, None) if wish.declared => Some((Granted, ConsentBasis::UploaderDeclared)),
        _ => None,
    }
}

impl Flow {
    /// Verifies the consent ledger of a practice entry by entry. Gives the number of entries.
    ///
    /// # Errors
    /// The outer error when it cannot be read, the inner one where the chain is broken.
    pub async fn verify_consents(&self, practice: PracticeId) -> Result<Result<i64, ChainBreak>, FlowError> {
        const PAGE: i64 = 2_000;
        let mut tx = self.store.read(Scope::Practice(practice)).await?;
        let mut walk = ChainWalk::new();
        let mut after = 0;
        loop {
            let page = tx.list_consents(practice, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for entry in &page {
                let record = ConsentRecord {
                    practice,
                    seq: entry.seq,
                    id: entry.id,
                    bix: entry.bix,
                    channel: entry.channel.as_str(),
                    act: &entry.act,
                    basis: &entry.basis,
                    wording: &entry.wording,
                    locale: entry.locale.as_deref(),
                    staff: entry.staff,
                    import: entry.import,
                    at: entry.at,
                };
                let (previous, hash) = (ChainHash(entry.prev_hash), ChainHash(entry.hash));
                if let Err(broken) = walk.step(entry.seq, &previous, &hash, &record.canonical()) {
                    return Ok(Err(broken));
                }
            }
        }
        let head = tx.chain_head(practice, Chain::Consent).await?;
        let head = head.unwrap_or(ChainHead { seq: 0, hash: ChainHash::GENESIS.0 });
        Ok(walk.finish(head.seq, &ChainHash(head.hash)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConsentAct::{Denied, Granted, Restored, Withdrawn};

    fn wish(column: Option<bool>, changed_to_yes: bool, declared: bool) -> Wish {
        Wish { column, changed_to_yes, declared }
    }

    #[test]
    fn of_several_rows_with_one_number_a_no_wins() {
        for order in [[Some(true), Some(false)], [Some(false), Some(true)]] {
            let mut wishes = Wishes::new(Some(ConsentChoice::Declared));
            let number = BlindIndex([1; 16]);
            for said in order {
                wishes.add(Channel::Sms, number, said);
            }
            assert_eq!(wishes.numbers.get(&(Channel::Sms, number)).and_then(|wish| wish.column), Some(false));
        }
    }

    #[test]
    fn a_no_and_an_opt_out_always_win() {
        let act = |wish, stands| follows(wish, stands).map(|(act, _)| act);
        let yes = wish(Some(true), false, false);
        let declared = wish(None, false, true);
        for (wish, stands, expected) in [
            (yes, None, Some(Granted)),
            (declared, None, Some(Granted)),
            (wish(None, false, false), None, None),
            (wish(Some(false), true, true), None, Some(Denied)),
            (wish(Some(false), false, false), Some(Granted), Some(Denied)),
            (wish(Some(false), false, false), Some(Restored), Some(Denied)),
            (wish(Some(false), false, false), Some(Withdrawn), None),
            (wish(Some(false), false, false), Some(Denied), None),
            (yes, Some(Granted), None),
            (yes, Some(Denied), None),
            (wish(Some(true), true, false), Some(Denied), Some(Granted)),
            (wish(Some(true), true, true), Some(Withdrawn), None),
            (declared, Some(Denied), None),
            (declared, Some(Withdrawn), None),
        ] {
            assert_eq!(act(wish, stands), expected, "{wish:?} {stands:?}");
        }
        assert_eq!(follows(declared, None).map(|(_, basis)| basis), Some(ConsentBasis::UploaderDeclared));
    }
}
