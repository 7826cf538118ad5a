//! What a text reply means. Deterministic: the same words give the same decision, and each decision names its rule.
//!
//! The order is `messaging.md`'s: words of danger first and beside everything else, then opt-out, wrong number,
//! start and help, and last an answer to what was asked. Typo-tolerant, never generous: whatever is not plainly a
//! confirmation goes to a person. Word lists are data, one file a language; all languages are always honoured.

mod lexicon;
mod pairs;
mod text;

use crate::text_enum;
use chrono::{Datelike as _, NaiveDateTime, Timelike as _};
use lexicon::{Lexicon, Phrases, contains, is_one_of, starts_with_one_of, without};
use pairs::{Means, Pairs, is_mistyped};
use text::{Folded, OPEN_SI, SI, fold, tokens, unquoted};

/// The word that is mistyped most, and how many letters of it may be wrong.
const LONG_WORD: (&str, usize) = ("unsubscribe", 2);
/// Words that are a withdrawal with one letter wrong, where nothing else is said.
const SHORT_WORDS: &[&str] = &["stop", "optout"];
/// Words of a reply so short that a word of withdrawal in it may be all it means.
const SHORT_REPLY: usize = 3;

/// Characters of a reply that are looked at. A longer text is for a person whatever it says, except that danger and
/// opt-out are looked for in all of it.
pub const MAX_PLAIN_REPLY: usize = 480;

text_enum! {
    /// What a reply asks for.
    Intent: "intent" {
        /// Will be there.
        Accept => "accept",
        /// Wants another time: gets the link.
        Reschedule => "reschedule",
        /// Cannot come: gets the link; nothing is cancelled by text.
        CannotCome => "cannot-come",
        /// No more messages to this number.
        OptOut => "opt-out",
        /// Bare "cancel": opted out, and a person looks, since the visit may be meant.
        OptOutAsk => "opt-out-ask",
        /// START or UNSTOP: messages again.
        OptIn => "opt-in",
        /// Who is this, how does it stop.
        Help => "help",
        /// The number is somebody else's.
        WrongNumber => "wrong-number",
        /// Folded of danger: urgent task and a fixed answer.
        Urgent => "urgent",
        /// Anything else: a person reads it.
        Person => "person",
    }
}

/// Every rule, in the words that are stored. Two are the caller's: `media` (a photo or a voice note came with the text) and
/// `carrier-stop` (the carrier took it for a STOP and blocks our messages).
pub const RULES: &[&str] = &[
    "reaction",
    "nothing-said",
    "quotation",
    "danger",
    "opt-out-word",
    "bare-cancel",
    "opt-out-phrase",
    "opt-out-in-other-words",
    "stop-in-other-words",
    "stop-denied",
    "stop-elsewhere",
    "stop-unclear",
    "wrong-number",
    "start",
    "help",
    "long",
    "one",
    "two",
    "three",
    "yes-and-no",
    "denied",
    "another-time",
    "cannot-come",
    "question",
    "unknown-sign",
    "plain-yes",
    "yes-and-the-visits-time",
    "yes-names-a-time",
    "yes-and-more",
    "courtesy-only",
    "unknown-words",
    "nothing-asked",
    "which-visit",
    "media",
    "carrier-stop",
];
/// Rules whose text may be an opt-out: automatic messages wait until a person has looked ("Stop by at 3?").
const HOLDING: &[&str] = &["stop-denied", "stop-elsewhere", "stop-unclear"];
/// Rules of a plain yes where not exactly one question is open.
const WHICH: &[&str] = &["nothing-asked", "which-visit"];

/// A decision and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What the reply asks for.
    pub intent: Intent,
    /// The number is opted out, whatever the intent (a text of danger may also opt out).
    pub opts_out: bool,
    /// Automatic messages wait until a person has looked ("Stop by at 3?").
    pub hold: bool,
    /// A plain yes, but not exactly one question is open: ask which visit, or send the link.
    pub which: bool,
    /// The rule that decided, one of [`RULES`].
    pub rule: &'static str,
}

impl Decision {
    fn new(intent: Intent, rule: &'static str) -> Self {
        let opts_out = matches!(intent, Intent::OptOut | Intent::OptOutAsk);
        Self::stored(intent, rule, opts_out)
    }

    /// A decision as it was stored: everything else follows from intent and rule. A rule that this program does not know (an older
    /// one wrote it) is for a person, as unknown words are.
    pub fn stored(intent: Intent, rule: &str, opts_out: bool) -> Self {
        let rule = RULES.iter().copied().find(|known| *known == rule).unwrap_or("unknown-words");
        let is = |list: &[&str]| list.contains(&rule);
        Self { intent, opts_out, hold: is(HOLDING), which: is(WHICH), rule }
    }
}

/// A reply and what it may answer.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// As the carrier handed it over.
    pub text: &'a str,
    /// Questions open for this pair of numbers.
    pub open_questions: usize,
    /// The one visit asked about, in its location's time, so that "see you at 3" can be held against it.
    pub visit: Option<NaiveDateTime>,
}

/// Reads replies. Built once; holds the word lists.
#[derive(Debug, Clone)]
pub struct Classifier {
    lexicon: Lexicon,
    pairs: Pairs,
}

impl Default for Classifier {
    fn default() -> Self {
        Self { lexicon: Lexicon::embedded(), pairs: Pairs::embedded() }
    }
}

impl Classifier {
    /// What the reply means.
    pub fn classify(&self, reply: &Reply<'_>) -> Decision {
        let folded = fold(reply.text);
        let lexicon = &self.lexicon;
        let Some(said) = unquoted(&folded, &lexicon.reactions, &lexicon.ours) else {
            return Decision::new(Intent::Person, "reaction");
        };
        let marked = tokens(&said.text);
        let words = Folded { tokens: marked.words(), ..marked.clone() };
        let withdrawal = self.opt_out(&words);
        if self.danger(&words.tokens) {
            let opts_out = withdrawal.as_ref().is_some_and(|decision| decision.opts_out);
            return Decision { opts_out, ..Decision::new(Intent::Urgent, "danger") };
        }
        if let Some(decision) = withdrawal {
            return decision;
        }
        if words.tokens.is_empty() {
            return Decision::new(Intent::Person, "nothing-said");
        }
        let plain = without(&words.tokens, &lexicon.courtesies);
        if contains(&words.tokens, &lexicon.wrong_number) || is_one_of(&plain, &lexicon.wrong_number_words) {
            return Decision::new(Intent::WrongNumber, "wrong-number");
        }
        if is_one_of(&plain, &lexicon.opt_in) {
            return Decision::new(Intent::OptIn, "start");
        }
        if is_one_of(&plain, &lexicon.help) {
            return Decision::new(Intent::Help, "help");
        }
        if reply.text.chars().count() > MAX_PLAIN_REPLY {
            return Decision::new(Intent::Person, "long");
        }
        let decision = self.answer(reply, &words, &self.settled(&marked.tokens, reply.visit));
        if decision.intent == Intent::Accept && said.quotes {
            return Decision::new(Intent::Person, "quotation");
        }
        // "Quit Karen", "revoke, I have a new doctor": a person looks, and nothing goes out until then.
        let may_stop = plain.len() <= SHORT_REPLY && contains(&plain, &lexicon.opt_out_words)
            || starts_with_one_of(&plain, &lexicon.stop_holds);
        if may_stop && matches!(decision.rule, "unknown-words" | "yes-and-more") {
            return Decision::new(Intent::Person, "stop-unclear");
        }
        decision
    }

    fn danger(&self, words: &[String]) -> bool {
        let lexicon = &self.lexicon;
        contains(words, &lexicon.danger)
            || self.pairs.say(Means::Danger, words)
            || only(words, &lexicon.danger_words, &[&lexicon.at_once, &lexicon.courtesies])
    }

    fn opt_out(&self, words: &Folded) -> Option<Decision> {
        let lexicon = &self.lexicon;
        // "S.T.O.P." is the word, letter by letter.
        let words = &Folded { tokens: spelt_out(&words.tokens), ..words.clone() };
        let calm = Folded { tokens: without(&words.tokens, &lexicon.swearing), ..words.clone() };
        let bare = |list, fillers: &[&Phrases]| {
            // "Fuck off" is swearing, and says it.
            [words, &calm].into_iter().any(|words| only(&words.tokens, list, fillers))
        };
        let is_word = bare(&lexicon.opt_out_words, &[&lexicon.at_once, &lexicon.asking, &lexicon.courtesies]);
        let is_phrase = contains(&words.tokens, &lexicon.opt_out_phrases);
        let is_asking = bare(&lexicon.opt_out_ask_words, &[&lexicon.at_once, &lexicon.courtesies]);
        let words = &calm;
        let plain = without(&words.tokens, &lexicon.courtesies);
        let letters = plain.concat();
        if is_word
            || plain.len() <= SHORT_REPLY
                && !is_one_of(&plain, &lexicon.not_stop)
                && SHORT_WORDS.iter().any(|meant| is_mistyped(&letters, meant, 1))
        {
            return Some(Decision::new(Intent::OptOut, "opt-out-word"));
        }
        if is_asking {
            return Some(Decision::new(Intent::OptOutAsk, "bare-cancel"));
        }
        let unclear = |rule| Some(Decision::new(Intent::Person, rule));
        if contains(&words.tokens, &lexicon.stop_denied) {
            return unclear("stop-denied");
        }
        if is_phrase
            || contains(&words.tokens, &lexicon.opt_out_phrases)
            || words.tokens.iter().any(|word| word.starts_with('u') && is_mistyped(word, LONG_WORD.0, LONG_WORD.1))
        {
            return Some(Decision::new(Intent::OptOut, "opt-out-phrase"));
        }
        if !contains(&words.tokens, &lexicon.stop_elsewhere) && self.pairs.say(Means::OptOut, &words.tokens) {
            return Some(Decision::new(Intent::OptOut, "opt-out-in-other-words"));
        }
        if !contains(&plain, &lexicon.stop_words) {
            return None;
        }
        // "Stop at once" before "stop at the desk".
        let only_fillers = without(&without(&plain, &lexicon.stop_words), &lexicon.stop_fillers).is_empty();
        if !only_fillers && contains(&words.tokens, &lexicon.stop_elsewhere) {
            return unclear("stop-elsewhere");
        }
        // "STOP I moved away": a text that begins with the word means it, whatever follows.
        let is = |word: Option<&String>, list| word.is_some_and(|word| is_one_of(std::slice::from_ref(word), list));
        let begins = is(plain.first(), &lexicon.stop_begins);
        // "Never signed up for these, stop": so does one that ends with it and asks nothing.
        let ends = !words.asks && is(plain.last(), &lexicon.stop_ends);
        if only_fillers || begins || ends {
            return Some(Decision::new(Intent::OptOut, "stop-in-other-words"));
        }
        unclear("stop-unclear")
    }

    /// The words of an answer, with every open "si" that is plainly "yes" written so: "si gracias", "claro que si", and a "si"
    /// that begins the text where nothing but one thing follows ("si confirmo", "si a las 3"). Anywhere else it may be "if"
    /// ("voy si puedo", "si voy, confirmo"), is left open, and makes the answer no plain yes.
    fn settled(&self, tokens: &[String], visit: Option<NaiveDateTime>) -> Vec<String> {
        let lexicon = &self.lexicon;
        let mut settled = tokens.to_vec();
        for at in (0..settled.len()).filter(|at| tokens[*at] == OPEN_SI) {
            let after = &tokens[at + 1..];
            let goes_on =
                starts_with_one_of(after, &lexicon.courtesies) || starts_with_one_of(after, &lexicon.yes_goes_on);
            if goes_on || at > 0 && tokens[at - 1] == "que" {
                SI.clone_into(&mut settled[at]);
            }
        }
        let plain = without(&settled, &lexicon.courtesies);
        let Some((first, one)) = plain.split_first() else { return settled };
        // "Si sí puedo" says two things.
        let is_one = is_one_of(one, &lexicon.accept_words)
            || is_one_of(one, &lexicon.accept_phrases) && one.first().is_none_or(|word| word != SI)
            || self.names_only_the_visit(one, visit);
        if first == OPEN_SI
            && is_one
            && let Some(first) = settled.iter_mut().find(|word| *word == OPEN_SI)
        {
            SI.clone_into(first);
        }
        settled
    }

    fn answer(&self, reply: &Reply<'_>, words: &Folded, said: &[String]) -> Decision {
        let lexicon = &self.lexicon;
        let plain = &without(said, &lexicon.courtesies);
        if !words.asks {
            let figures: Vec<String> = plain.iter().filter(|word| *word != "👍").cloned().collect();
            if is_one_of(&figures, &lexicon.one) && !words.unknown_sign {
                return accepted(reply, "one");
            }
            if is_one_of(plain, &lexicon.two) {
                return Decision::new(Intent::Reschedule, "two");
            }
            if is_one_of(plain, &lexicon.three) {
                return Decision::new(Intent::CannotCome, "three");
            }
        }
        // A "si" that may be "if" is half a yes: "si no puedo ir les aviso" is no "no" either.
        let yes = contains(plain, &lexicon.accept_words) || plain.iter().any(|word| word == "👍" || word == OPEN_SI);
        let another_time = contains(plain, &lexicon.reschedule);
        let cannot = contains(plain, &lexicon.cannot_come)
            || contains(plain, &lexicon.cancel_words) && contains(plain, &lexicon.visit_words);
        match (yes, another_time, cannot) {
            (true, true, _) | (true, _, true) => return Decision::new(Intent::Person, "yes-and-no"),
            (false, true, false) if self.denies(plain, &lexicon.reschedule) => {
                return Decision::new(Intent::Person, "denied");
            }
            // "Can't come, another day?" asks for another time: nothing is given up by it.
            (false, true, _) => return Decision::new(Intent::Reschedule, "another-time"),
            (false, false, true)
                if self.denies(plain, &lexicon.cannot_come) || self.denies(plain, &lexicon.cancel_words) =>
            {
                return Decision::new(Intent::Person, "denied");
            }
            (false, false, true) => return Decision::new(Intent::CannotCome, "cannot-come"),
            (_, false, false) => {}
        }
        // "Please confirm" asks us.
        if words.asks || contains(&words.tokens, &lexicon.asks_us) {
            return Decision::new(Intent::Person, "question");
        }
        if words.unknown_sign {
            return Decision::new(Intent::Person, "unknown-sign");
        }
        // Phrases first: the "great" of "sounds great" is no courtesy.
        let rest = without(&without(said, &lexicon.accept_phrases), &lexicon.courtesies);
        let rest: Vec<String> = without(&rest, &lexicon.accept_words).into_iter().filter(|word| word != "👍").collect();
        if rest.is_empty() && !plain.is_empty() {
            return accepted(reply, "plain-yes");
        }
        let said_yes = yes || contains(said, &lexicon.accept_phrases);
        if said_yes && self.names_only_the_visit(&rest, reply.visit) {
            return accepted(reply, "yes-and-the-visits-time");
        }
        let names_time = rest.iter().any(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            || contains(&rest, &lexicon.time_words);
        let rule = match (said_yes, names_time, plain.is_empty()) {
            (_, _, true) => "courtesy-only",
            (true, true, _) => "yes-names-a-time",
            (true, false, _) => "yes-and-more",
            (false, _, _) => "unknown-words",
        };
        Decision::new(Intent::Person, rule)
    }

    /// "I don't need to reschedule": a negation stands within three words before a phrase that says no "no" of its own.
    fn denies(&self, words: &[String], phrases: &[Vec<String>]) -> bool {
        let lexicon = &self.lexicon;
        phrases.iter().filter(|phrase| !contains(phrase, &lexicon.negative)).any(|phrase| {
            words.windows(phrase.len().max(1)).enumerate().any(|(at, window)| {
                window == phrase.as_slice() && contains(&words[at.saturating_sub(3)..at], &lexicon.negations)
            })
        })
    }

    /// Whether what is left of a yes names the visit's own weekday or time and nothing else: "yes, Tuesday 9:15 am".
    fn names_only_the_visit(&self, rest: &[String], visit: Option<NaiveDateTime>) -> bool {
        let Some(visit) = visit else { return false };
        let lexicon = &self.lexicon;
        let (hour, minute) = (visit.hour(), visit.minute());
        let (before, after) = (contains(rest, &lexicon.before_noon), contains(rest, &lexicon.after_noon));
        if before && hour >= 12 || after && hour < 12 {
            return false;
        }
        let mut rest = without(&without(rest, &lexicon.before_noon), &lexicon.after_noon);
        let mut named = false;
        for (day, names) in (0..).zip(lexicon.weekdays()) {
            if contains(&rest, names) {
                if visit.weekday().num_days_from_monday() != day {
                    return false;
                }
                named = true;
                rest = without(&rest, names);
            }
        }
        match without(&rest, &lexicon.time_fillers).as_slice() {
            [] => named,
            [time] => {
                let (h, m) = time.split_once([':', '.']).unwrap_or((time, "0"));
                let (Ok(h), Ok(m)) = (h.parse::<u32>(), m.parse::<u32>()) else { return false };
                m == minute && (h == hour || h < 13 && h % 12 == hour % 12)
            }
            _ => false,
        }
    }
}

/// The words with three single letters or more in a row made one.
fn spelt_out(words: &[String]) -> Vec<String> {
    let mut joined = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let run =
            words[at..].iter().take_while(|word| word.len() == 1 && word.as_bytes()[0].is_ascii_lowercase()).count();
        let end = at + if run > 2 { run } else { 1 };
        joined.push(words[at..end].concat());
        at = end;
    }
    joined
}

/// Whether the words are a phrase of the list, or several, with nothing but fillers around: "please quit now".
fn only(words: &[String], list: &Phrases, fillers: &[&Phrases]) -> bool {
    contains(words, list)
        && fillers.iter().fold(without(words, list), |rest, fillers| without(&rest, fillers)).is_empty()
}

fn accepted(reply: &Reply<'_>, rule: &'static str) -> Decision {
    if reply.open_questions == 1 {
        return Decision::new(Intent::Accept, rule);
    }
    Decision::new(Intent::Person, if reply.open_questions == 0 { "nothing-asked" } else { "which-visit" })
}

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;
