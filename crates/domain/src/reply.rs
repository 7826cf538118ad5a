//! What a text reply means. Deterministic: the same words give the same decision, and each decision names its rule.
//!
//! The order is `messaging.md`'s: words of danger first and beside everything else, then opt-out, wrong number,
//! start and help, and last an answer to what was asked. Typo-tolerant, never generous: whatever is not plainly a
//! confirmation goes to a person. Word lists are data, one file a language; all languages are always honoured.

mod lexicon;
mod text;

use crate::text_enum;
use chrono::{NaiveDateTime, Timelike as _};
use lexicon::{Lexicon, contains, is_one_of, without};
use text::{Folded, fold, tokens, unquoted};

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
    /// The rule that decided, a stable word.
    pub rule: &'static str,
}

impl Decision {
    const fn new(intent: Intent, rule: &'static str) -> Self {
        let opts_out = matches!(intent, Intent::OptOut | Intent::OptOutAsk);
        Self { intent, opts_out, hold: false, which: false, rule }
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
}

impl Default for Classifier {
    fn default() -> Self {
        Self { lexicon: Lexicon::embedded() }
    }
}

impl Classifier {
    /// What the reply means.
    pub fn classify(&self, reply: &Reply<'_>) -> Decision {
        let folded = fold(reply.text);
        let lexicon = &self.lexicon;
        let Some(said) = unquoted(&folded, &lexicon.reactions) else {
            return Decision::new(Intent::Person, "reaction");
        };
        let words = tokens(&said);
        let withdrawal = self.opt_out(&words);
        if contains(&words.tokens, &lexicon.danger) {
            let opts_out = withdrawal.is_some_and(|decision| decision.opts_out);
            return Decision { opts_out, ..Decision::new(Intent::Urgent, "danger") };
        }
        if let Some(decision) = withdrawal {
            return decision;
        }
        if words.tokens.is_empty() {
            return Decision::new(Intent::Person, "nothing-said");
        }
        if contains(&words.tokens, &lexicon.wrong_number) {
            return Decision::new(Intent::WrongNumber, "wrong-number");
        }
        let plain = without(&words.tokens, &lexicon.courtesies);
        if is_one_of(&plain, &lexicon.opt_in) {
            return Decision::new(Intent::OptIn, "start");
        }
        if is_one_of(&plain, &lexicon.help) {
            return Decision::new(Intent::Help, "help");
        }
        if reply.text.chars().count() > MAX_PLAIN_REPLY {
            return Decision::new(Intent::Person, "long");
        }
        self.answer(reply, &words, &plain)
    }

    fn opt_out(&self, words: &Folded) -> Option<Decision> {
        let lexicon = &self.lexicon;
        let plain = without(&words.tokens, &lexicon.courtesies);
        if is_one_of(&plain, &lexicon.opt_out_words) {
            return Some(Decision::new(Intent::OptOut, "opt-out-word"));
        }
        if is_one_of(&plain, &lexicon.opt_out_ask_words) {
            return Some(Decision::new(Intent::OptOutAsk, "bare-cancel"));
        }
        if contains(&words.tokens, &lexicon.opt_out_phrases) {
            return Some(Decision::new(Intent::OptOut, "opt-out-phrase"));
        }
        if !plain.iter().any(|word| word == "stop") {
            return None;
        }
        if contains(&words.tokens, &lexicon.stop_elsewhere) {
            return Some(Decision { hold: true, ..Decision::new(Intent::Person, "stop-elsewhere") });
        }
        let rest: Vec<String> = plain.iter().filter(|word| *word != "stop").cloned().collect();
        let only_fillers = without(&rest, &lexicon.stop_fillers).is_empty();
        // "STOP I moved away": a text that begins with the word means it, whatever follows.
        if only_fillers || plain.first().is_some_and(|word| word == "stop") {
            return Some(Decision::new(Intent::OptOut, "stop-in-other-words"));
        }
        Some(Decision { hold: true, ..Decision::new(Intent::Person, "stop-unclear") })
    }

    fn answer(&self, reply: &Reply<'_>, words: &Folded, plain: &[String]) -> Decision {
        let lexicon = &self.lexicon;
        if let [only] = plain {
            match only.as_str() {
                "1" if !words.asks && !words.unknown_sign => return accepted(reply, "one"),
                "2" if !words.asks => return Decision::new(Intent::Reschedule, "two"),
                "3" if !words.asks => return Decision::new(Intent::CannotCome, "three"),
                _ => {}
            }
        }
        let yes = contains(plain, &lexicon.accept_words) || plain.iter().any(|word| word == "👍");
        let another_time = contains(plain, &lexicon.reschedule);
        let cannot = contains(plain, &lexicon.cannot_come)
            || contains(plain, &lexicon.cancel_words) && contains(plain, &lexicon.visit_words);
        match (yes, another_time, cannot) {
            (true, true, _) | (true, _, true) => return Decision::new(Intent::Person, "yes-and-no"),
            (false, true, false) if denies(plain, &lexicon.reschedule, &lexicon.negations) => {
                return Decision::new(Intent::Person, "denied");
            }
            // "Can't come, another day?" asks for another time: nothing is given up by it.
            (false, true, _) => return Decision::new(Intent::Reschedule, "another-time"),
            (false, false, true)
                if denies(plain, &lexicon.cannot_come, &lexicon.negations)
                    || denies(plain, &lexicon.cancel_words, &lexicon.negations) =>
            {
                return Decision::new(Intent::Person, "denied");
            }
            (false, false, true) => return Decision::new(Intent::CannotCome, "cannot-come"),
            (_, false, false) => {}
        }
        if words.asks {
            return Decision::new(Intent::Person, "question");
        }
        if words.unknown_sign {
            return Decision::new(Intent::Person, "unknown-sign");
        }
        let rest = without(plain, &lexicon.accept_phrases);
        let rest: Vec<String> = without(&rest, &lexicon.accept_words).into_iter().filter(|word| word != "👍").collect();
        if rest.is_empty() && !plain.is_empty() {
            return accepted(reply, "plain-yes");
        }
        let said_yes = rest.len() < plain.len();
        if said_yes && names_only_the_visit(&rest, reply.visit) {
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
}

fn accepted(reply: &Reply<'_>, rule: &'static str) -> Decision {
    if reply.open_questions == 1 {
        return Decision::new(Intent::Accept, rule);
    }
    Decision {
        which: true,
        ..Decision::new(Intent::Person, if reply.open_questions == 0 { "nothing-asked" } else { "which-visit" })
    }
}

/// "I don't need to reschedule": a negation stands within three words before the phrase.
fn denies(words: &[String], phrases: &[Vec<String>], negations: &[Vec<String>]) -> bool {
    phrases.iter().any(|phrase| {
        words
            .windows(phrase.len().max(1))
            .enumerate()
            .any(|(at, window)| window == phrase.as_slice() && contains(&words[at.saturating_sub(3)..at], negations))
    })
}

/// Whether what is left of a yes names the visit's own time and nothing else: "yes, 9:15 am".
fn names_only_the_visit(rest: &[String], visit: Option<NaiveDateTime>) -> bool {
    let Some(visit) = visit else { return false };
    let (hour, minute) = (visit.hour(), visit.minute());
    let mut named = false;
    let mut half: Option<bool> = None;
    for word in rest {
        match word.as_str() {
            "at" | "a" | "las" | "la" | "oclock" => {}
            "am" => half = Some(false),
            "pm" => half = Some(true),
            number if !named && number.starts_with(|c: char| c.is_ascii_digit()) => {
                let (h, m) = number.split_once([':', '.']).unwrap_or((number, "0"));
                let (Ok(h), Ok(m)) = (h.parse::<u32>(), m.parse::<u32>()) else { return false };
                named = m == minute && (h == hour || h < 13 && h % 12 == hour % 12);
                if !named {
                    return false;
                }
            }
            _ => return false,
        }
    }
    named && half.is_none_or(|afternoon| afternoon == (hour >= 12))
}

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;
