//! What a text that a patient sent back means.
//!
//! Deterministic and explainable: every [`Decision`] names the rule that made it. The two mistakes that must not
//! happen are a confirmation nobody gave and an opt-out nobody heard, so a yes counts only if **nothing** else is in
//! the text but known courtesies, while an opt-out counts anywhere a reasonable person would hear one. What is neither
//! is for a person.
//!
//! The words are data, one file a language (`data/replies.*.toml`). Every language is listened for in every text:
//! people write STOP in any language they know.

mod named_time;
mod text;
mod words;

#[cfg(test)]
mod tests;

use crate::text_enum;
use chrono::{NaiveDate, NaiveDateTime};
use text::{Reply, Word};
use words::Words;

/// Characters of a reply that are looked at. Longer texts never confirm anything.
pub const MAX_REPLY_CHARS: usize = 2_000;

text_enum! {
    /// What a reply asks for.
    Intent: "intent" {
        /// Will be there.
        Accept => "accept",
        /// Would like another time.
        Reschedule => "reschedule",
        /// Cannot come, or wants the visit cancelled. A text cancels nothing by itself.
        CannotCome => "cannot-come",
        /// No more messages.
        OptOut => "opt-out",
        /// A bare "cancel": no more messages, and a person looks whether the visit was meant.
        OptOutAsk => "opt-out-ask",
        /// Messages again.
        OptIn => "opt-in",
        /// Who is this, and how does one stop it?
        Help => "help",
        /// The number is not the patient's.
        WrongNumber => "wrong-number",
        /// Words of danger.
        Urgent => "urgent",
        /// Anything else: a person reads it.
        Person => "person",
    }
}

/// What was asked of the sender when the reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// How many questions are open for this pair of numbers.
    pub open_questions: u32,
    /// Start of the visit asked about, local time, if exactly one is: a yes may name it.
    pub visit: Option<NaiveDateTime>,
    /// The visit's local "today", to understand "tomorrow".
    pub today: Option<NaiveDate>,
    /// A photo or voice note came with the text.
    pub has_media: bool,
}

/// What a reply means, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Decision {
    /// What it asks for.
    pub intent: Intent,
    /// Which rule decided; stored beside the text.
    pub rule: &'static str,
    /// It opts out, whatever else it says (a text with words of danger may do both).
    pub opts_out: bool,
    /// It may mean an opt-out: automatic messages wait until a person has decided.
    pub hold: bool,
}

impl Decision {
    const fn new(intent: Intent, rule: &'static str) -> Self {
        Self { intent, rule, opts_out: matches!(intent, Intent::OptOut | Intent::OptOutAsk), hold: false }
    }
}

/// Reads replies. Make one and keep it; it holds the words of all languages.
#[derive(Debug)]
pub struct Classifier {
    words: Words,
}

/// A file of words is not of the shape the classifier reads. Cannot happen in a build whose tests passed.
#[derive(Debug, thiserror::Error)]
#[error("the words of replies in language `{language}` cannot be read: {problem}")]
pub struct WordsError {
    /// BCP 47.
    pub language: &'static str,
    /// What the parser says.
    pub problem: String,
}

impl Classifier {
    /// Reads the embedded words.
    pub fn new() -> Result<Self, WordsError> {
        Ok(Self { words: Words::embedded()? })
    }

    /// What `text` means, given what was asked. Source: the design's table "What a reply means".
    pub fn classify(&self, text: &str, asked: &Asked) -> Decision {
        let words = &self.words;
        let reply = Reply::read(text, words);

        let opt_out = self.opt_out(&reply);
        if words.danger.is_in(&reply.words) {
            let opts_out = opt_out.is_some_and(|found| found.opts_out);
            return Decision { opts_out, ..Decision::new(Intent::Urgent, "danger") };
        }
        if reply.is_reaction {
            return Decision::new(Intent::Person, "reaction");
        }
        if let Some(found) = opt_out {
            return found;
        }
        if words.wrong_number.is_in(&reply.words) {
            return Decision::new(Intent::WrongNumber, "wrong-number");
        }
        if words.made_of(&reply.words, &[&words.opt_in], &[&words.courtesies]) {
            return Decision::new(Intent::OptIn, "opt-in-word");
        }
        if words.made_of(&reply.words, &[&words.help], &[&words.courtesies]) {
            return Decision::new(Intent::Help, "help-word");
        }
        self.answer(&reply, asked)
    }

    /// Whether a reasonable person would hear "no more messages", or might.
    fn opt_out(&self, reply: &Reply) -> Option<Decision> {
        let words = &self.words;
        if reply.is_reaction || reply.words.is_empty() {
            return None;
        }
        let unclear = Decision { hold: true, ..Decision::new(Intent::Person, "stop-unclear") };
        if words.not_opt_out.is_in(&reply.words) {
            return Some(unclear);
        }
        if words.made_of(&reply.words, &[&words.opt_out], &[&words.courtesies, &words.apologies]) {
            return Some(Decision::new(Intent::OptOut, "opt-out-word"));
        }
        if words.made_of(&reply.words, &[&words.opt_out_ask], &[&words.courtesies]) {
            return Some(Decision::new(Intent::OptOutAsk, "cancel-word"));
        }
        let mut negated = false;
        for start in words.opt_out_within.places(&reply.words) {
            if words.is_negated(&reply.words, start) {
                negated = true;
            } else {
                return Some(Decision::new(Intent::OptOut, "opt-out-phrase"));
            }
        }
        if self.stops_a_sentence(&reply.words) {
            return Some(Decision::new(Intent::OptOut, "opt-out-sentence"));
        }
        (negated || words.stop.is_in(&reply.words)).then_some(unclear)
    }

    /// "Stop. I told you already", "I want this to stop": the verb begins or ends a sentence and is not about
    /// something else ("stop by", "the bus stop").
    fn stops_a_sentence(&self, all: &[Word]) -> bool {
        let words = &self.words;
        text::sentences(all).any(|sentence| {
            if sentence.last().is_some_and(|word| word.asks) {
                return false;
            }
            let lead = words.leading(sentence, &[&words.courtesies, &words.apologies]);
            let first = sentence.get(lead).is_some_and(|word| words.stop.has_word(word));
            let goes_on = sentence.get(lead + 1).is_some_and(|word| words.stop_goes_on.has_word(word));
            let tail = words.trailing(sentence, &[&words.courtesies]);
            let last = tail.checked_sub(1).filter(|at| sentence.get(*at).is_some_and(|word| words.stop.has_word(word)));
            let came_from = |at: usize| at.checked_sub(1).and_then(|before| sentence.get(before));
            (first && !goes_on)
                || last.is_some_and(|at| {
                    !came_from(at).is_some_and(|word| words.stop_came_from.has_word(word))
                        && !words.is_negated(sentence, at)
                })
        })
    }

    /// An answer to what was asked.
    fn answer(&self, reply: &Reply, asked: &Asked) -> Decision {
        let words = &self.words;
        let all = &reply.words;
        let fillers = [&words.courtesies, &words.apologies];
        let digit = |digits: &words::Phrases| words.made_of(all, &[digits], &fillers) && digits.starts(all);

        if asked.has_media {
            return Decision::new(Intent::Person, "media");
        }
        if digit(&words.reschedule_digit) && asked.open_questions > 0 {
            return Decision::new(Intent::Reschedule, "reschedule-digit");
        }
        if digit(&words.cannot_come_digit) && asked.open_questions > 0 {
            return Decision::new(Intent::CannotCome, "cannot-come-digit");
        }
        if words.reschedule.places(all).any(|start| !words.is_negated(all, start)) && !words.no_need(all) {
            return Decision::new(Intent::Reschedule, "reschedule-phrase");
        }
        if words.cannot_come.is_in(all) {
            let unsure = reply.asks || words.hedges.is_in(all);
            return if unsure {
                Decision::new(Intent::Person, "unsure")
            } else {
                Decision::new(Intent::CannotCome, "cannot-come-phrase")
            };
        }
        if self.is_plain_yes(reply, asked) {
            return match asked.open_questions {
                0 => Decision::new(Intent::Person, "nothing-asked"),
                1 => Decision::new(Intent::Accept, "plain-yes"),
                _ => Decision::new(Intent::Person, "several-asked"),
            };
        }
        let rule = if words.accept.is_in(all) { "yes-with-more" } else { "unknown" };
        Decision::new(Intent::Person, rule)
    }

    /// A yes, courtesies, and the visit's own time; nothing else.
    fn is_plain_yes(&self, reply: &Reply, asked: &Asked) -> bool {
        if reply.asks || reply.cut || reply.has_quote {
            return false;
        }
        let words = &self.words;
        let all = &reply.words;
        // After a yes a number may be an hour ("yes 1"); as the first word it is the answer we offered.
        let digits = usize::from(words.accept_digit.starts(all));
        if digits == 1 && all.len() == 1 {
            return true;
        }
        let visit = asked.visit.map(|visit| named_time::Visit { start: visit, today: asked.today });
        words.made_of_with(
            all,
            digits,
            &[&words.accept],
            &[&words.courtesies],
            |rest| visit.map_or(0, |visit| named_time::names_visit(rest, visit, words)),
            digits == 1,
        )
    }
}
