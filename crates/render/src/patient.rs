//! Pages of the patient's portal. Each type says what of it is private; a page with private parts is made for a
//! session at level 1 only.

mod samples;
pub(crate) mod stop_mail;

pub(crate) use samples::frame as sample_frame;
pub use stop_mail::StopMailPage;

use crate::Template;
use crate::samples::Sampled;
use chrono::NaiveDateTime;
use kept_domain::Locale;
use serde::Serialize;

/// What stands around every page. Not private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The practice's name (its alias before level 1); none when the address names no practice.
    pub practice: Option<String>,
    /// The practice's name in addresses; empty when the address names no practice.
    pub slug: String,
    /// Phone to call, E.164.
    pub phone: Option<String>,
    /// Other languages offered, for the switch.
    pub other_languages: Vec<Locale>,
    /// The page that the switch comes back to, below the practice's address; none: no switch.
    pub here: Option<&'static str>,
    /// The style sheet, written into the page.
    pub css: String,
    /// The script, written into the page where the page uses it.
    pub script: String,
    /// Whether nothing here is real.
    pub demo: bool,
    /// Seconds until the page closes by itself; none on pages that do not.
    pub idle_s: Option<i64>,
}

/// The public page that a link opens: the same bytes for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Front {
    /// Around it.
    pub frame: Frame,
    /// Languages offered, the practice's own first.
    pub languages: Vec<Locale>,
    /// [`FrontSection`]s, rendered, one a language.
    pub sections: Vec<String>,
}

/// The words of [`Front`] in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrontSection {
    /// The language, for the attribute `lang`.
    pub lang: Locale,
    /// What the practice is called on a lock screen.
    pub alias: String,
    /// Phone to call, E.164.
    pub phone: Option<String>,
    /// Whether a text reply of 1, 2 or 3 is understood.
    pub reply: bool,
}

/// Which visit of a shared link? Says when, where texts do, and not whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PickPage {
    /// Around it.
    pub frame: Frame,
    /// The visits.
    pub visits: Vec<PickVisit>,
}

/// One visit of a [`PickPage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PickVisit {
    /// "Visit 1".
    pub ordinal: i64,
    /// Start on the location's clock; none where texts tell no times.
    pub start: Option<NaiveDateTime>,
}

/// Asks for the birth date. What a stranger typed is never shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdentifyPage {
    /// Around it.
    pub frame: Frame,
    /// The link, by its opaque id.
    pub link: String,
    /// Which visit of a shared link.
    pub ordinal: i64,
    /// Goes with the form, once.
    pub nonce: String,
    /// Whether to offer to remember this device.
    pub may_remember: bool,
    /// What was wrong with the last try.
    pub problem: Option<IdentifyProblem>,
    /// Guesses left, shown after a wrong one.
    pub tries_left: i64,
}

/// What was wrong with a birth date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentifyProblem {
    /// It does not match.
    Wrong,
    /// It is no date.
    NotADate,
    /// The form was too old.
    Again,
}

/// A visit as its patient sees it. Private: practitioner, place, words of the practice.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct VisitCard {
    /// "Visit 1".
    pub ordinal: i64,
    /// Revision that is shown.
    pub revision: i64,
    /// Start on the location's clock.
    pub start: NaiveDateTime,
    /// With whom.
    pub practitioner: Option<String>,
    /// Where.
    pub place: String,
    /// Street address, one line.
    pub address: Option<String>,
    /// The address for a map, percent-encoded.
    pub map_query: Option<String>,
    /// Phone of the place, E.164.
    pub phone: Option<String>,
    /// What to bring.
    pub bring: Option<String>,
    /// Where it stands.
    pub state: CardState,
    /// Whether the time or place changed since the link was made.
    pub moved: bool,
    /// Whether "I cannot come" is still taken.
    pub may_cancel: bool,
    /// Whether another time may be asked for.
    pub may_ask: bool,
    /// Until when the answer may be changed, on the location's clock.
    pub change_until: NaiveDateTime,
    /// Goes with the form "yes", once.
    pub nonce: String,
}

impl std::fmt::Debug for VisitCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VisitCard({}, {:?})", self.ordinal, self.state)
    }
}

/// Where a visit stands, as a word for phrases: `visit.state.<word>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    /// Waits for an answer.
    Asked,
    /// Confirmed.
    Accepted,
    /// Another time was asked for.
    AnotherTime,
    /// Too near to change anything; confirmed.
    CallAccepted,
    /// Too near to change anything; not confirmed.
    Call,
    /// Called off by the patient.
    Cancelled,
    /// Called off by the practice.
    CancelledByPractice,
    /// Begun, or over.
    Over,
}

impl CardState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Asked,
        Self::Accepted,
        Self::AnotherTime,
        Self::CallAccepted,
        Self::Call,
        Self::Cancelled,
        Self::CancelledByPractice,
        Self::Over,
    ];
}

/// The visits of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VisitPage {
    /// Around it.
    pub frame: Frame,
    /// The link, by its opaque id.
    pub link: String,
    /// Whether the patient wants no messages.
    pub stopped: bool,
    /// The visits.
    pub visits: Vec<VisitCard>,
}

/// The second tap of "I cannot come".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CancelPage {
    /// Around it.
    pub frame: Frame,
    /// The link, by its opaque id.
    pub link: String,
    /// The visit, with the nonce of this form.
    pub visit: VisitCard,
    /// Longest reason, in characters.
    pub max_reason: usize,
    /// Whether the words sent were too long; they are shown again.
    pub too_long: bool,
    /// The words sent.
    pub reason: String,
}

/// "I need another time", in words of choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnotherTimePage {
    /// Around it.
    pub frame: Frame,
    /// The link, by its opaque id.
    pub link: String,
    /// The visit, with the nonce of this form.
    pub visit: VisitCard,
    /// Days to choose from, as words of the form.
    pub days: Vec<Choice>,
    /// Parts of the day to choose from, as words of the form.
    pub parts: Vec<Choice>,
    /// Longest text, in characters.
    pub max_wish: usize,
    /// What was wrong with the last try.
    pub problem: Option<WishProblem>,
    /// The words sent.
    pub wish: String,
}

/// One choice of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Its word; `wish.<word>` is its phrase.
    pub word: &'static str,
    /// Whether it is chosen.
    pub on: bool,
}

/// What was wrong with a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WishProblem {
    /// Nothing was chosen or written.
    Empty,
    /// Too many words.
    TooLong,
}

/// What happens next, after an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DonePage {
    /// Around it.
    pub frame: Frame,
    /// The visit as it stands now.
    pub visit: VisitCard,
    /// When requests are read, in the practice's own words.
    pub reading_hours: Option<String>,
    /// How many visits of this link still wait for an answer.
    pub waiting: usize,
}

/// A number or address, as much of it as its owner needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// `sms`, `email`.
    pub channel: &'static str,
    /// The last four digits, or the first letter and the domain.
    pub hint: String,
    /// Whether messages go there.
    pub allowed: bool,
}

/// A visit to come, and whether reminders of it go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WishVisit {
    /// "Visit 1".
    pub ordinal: i64,
    /// Start on the location's clock.
    pub start: NaiveDateTime,
    /// The patient wants no reminders of it.
    pub muted: bool,
}

/// What is recorded about consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// When.
    pub at: NaiveDateTime,
    /// `granted`, `denied`, `withdrawn`, `restored`.
    pub act: &'static str,
    /// What it rests on: `import-column`, `uploader-declared`, `reply`, `portal`, `desk`, `carrier`.
    pub how: &'static str,
    /// `sms`, `email`.
    pub channel: &'static str,
}

/// "Reminders and language": what the patient decides about messages, and what is recorded. Private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WishesPage {
    /// Around it.
    pub frame: Frame,
    /// The link, by its opaque id.
    pub link: String,
    /// What was just done: `language`, `channel`, `visit`, `stop`, `stop-one`, `again`; empty: nothing.
    pub said: &'static str,
    /// Languages offered, and which one is chosen.
    pub languages: Vec<(&'static str, bool)>,
    /// Channels to choose from, and which one is chosen; empty: nothing to choose.
    pub channels: Vec<(&'static str, bool)>,
    /// Numbers and addresses in use.
    pub reached: Vec<Reached>,
    /// Whether messages go to any of them.
    pub allowed: bool,
    /// Whether the phone company may still hold texts back that were just asked for again.
    pub blocks: bool,
    /// The number that texts come from; empty: not known.
    pub sender: String,
    /// Visits to come.
    pub visits: Vec<WishVisit>,
    /// What is recorded, the newest first.
    pub history: Vec<Recorded>,
}

/// Something went wrong: one sentence, the phone, what to do. Not private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemPage {
    /// Around it.
    pub frame: Frame,
    /// What happened, in a few words.
    pub title: String,
    /// One sentence with what to do.
    pub text: String,
    /// Whether there is a visit to go back to.
    pub back: bool,
    /// Whether a new link may be asked for.
    pub ask: bool,
}

/// "Text me a new link": the form, and what is said after it to everybody alike. Not private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewLinkPage {
    /// Around it.
    pub frame: Frame,
    /// Whether the form was sent.
    pub asked: bool,
}

macro_rules! pages {
    ($($page:ident => $file:literal),+ $(,)?) => {
        $(impl Template for $page {
            const NAME: &'static str = concat!("web/patient/", $file, ".html");
            fn samples() -> Vec<Self> { samples::Samples::samples() }
        })+

        /// Every page, for [`crate::samples::all`].
        pub(crate) fn sampled() -> Vec<Sampled> {
            vec![$(Sampled::page::<$page>()),+]
        }
    };
}

pages! {
    Front => "front",
    FrontSection => "front-section",
    PickPage => "pick",
    IdentifyPage => "identify",
    VisitPage => "visit",
    CancelPage => "cancel",
    AnotherTimePage => "another-time",
    DonePage => "done",
    WishesPage => "reminders",
    ProblemPage => "problem",
    NewLinkPage => "new-link",
}

#[cfg(test)]
mod tests {
    use crate::catalogue::Catalogue;
    use kept_domain::Locale;

    /// Vowel groups, less a silent e at the end: near enough for short English words.
    fn syllables(word: &str) -> usize {
        let word = word.to_lowercase();
        let vowel = |c: char| "aeiouy".contains(c);
        let mut groups = 0;
        let mut before = false;
        for c in word.chars() {
            groups += usize::from(vowel(c) && !before);
            before = vowel(c);
        }
        let silent = word.ends_with('e') && !word.ends_with("le") && groups > 1;
        (groups - usize::from(silent)).max(1)
    }

    /// Flesch and Kincaid's grade level of all sentences that patients read (screens.md: at most 6).
    #[test]
    fn patients_read_at_grade_six_or_below() {
        let patient: toml::Table = toml::from_str(include_str!("../../../templates/en/patient.toml")).unwrap();
        let catalogue = Catalogue::load(Locale::En).unwrap();
        let (mut sentences, mut words, mut sounds) = (0_u32, 0_u32, 0_u32);
        for (key, phrase) in catalogue.iter() {
            if !patient.contains_key(key.split('.').next().unwrap()) || !phrase.ends_with(['.', '?', '!']) {
                continue;
            }
            for sentence in phrase.split_inclusive(['.', '?', '!', ':']) {
                let found: Vec<&str> = sentence.split_whitespace().filter(|word| !word.starts_with('{')).collect();
                if found.is_empty() {
                    continue;
                }
                sentences += 1;
                words += u32::try_from(found.len()).unwrap();
                sounds += found.iter().map(|word| u32::try_from(syllables(word)).unwrap()).sum::<u32>();
                assert!(found.len() <= 20, "{key} has a long sentence: {sentence}");
            }
        }
        let grade =
            0.39 * f64::from(words) / f64::from(sentences) + 11.8 * f64::from(sounds) / f64::from(words) - 15.59;
        assert!(sentences > 50 && grade <= 6.0, "grade {grade:.1} over {sentences} sentences");
    }
}
