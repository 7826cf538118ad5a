//! The words of replies, read from the data files by language.

use super::text::{fold, tokens};
use serde::Deserialize;

/// Phrases are sequences of folded words.
pub(super) type Phrases = Vec<Vec<String>>;

macro_rules! lexicon {
    ($($field:ident),+ $(,)?) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File { $($field: Vec<String>),+ }

        /// The lists of all languages, joined: an opt-out is honoured in whatever language it comes.
        #[derive(Debug, Clone, Default)]
        pub(super) struct Lexicon { $(pub(super) $field: Phrases),+ }

        impl Lexicon {
            fn add(&mut self, file: File) {
                $(self.$field.extend(file.$field.iter().map(|line| tokens(&fold(line)).words()));)+
                // The longest first, so that "thank you" is one courtesy and not a "you" left over.
                $(self.$field.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));)+
            }
        }
    };
}

lexicon!(
    danger,
    danger_words,
    opt_out_words,
    opt_out_ask_words,
    at_once,
    asking,
    swearing,
    opt_out_phrases,
    stop_words,
    stop_begins,
    stop_ends,
    stop_holds,
    not_stop,
    stop_denied,
    stop_elsewhere,
    stop_fillers,
    wrong_number,
    wrong_number_words,
    opt_in,
    help,
    accept_words,
    accept_phrases,
    courtesies,
    asks_us,
    reschedule,
    cannot_come,
    cancel_words,
    visit_words,
    time_words,
    negations,
    negative,
    reactions,
    ours,
    yes_goes_on,
    one,
    two,
    three,
    before_noon,
    after_noon,
    time_fillers,
    monday,
    tuesday,
    wednesday,
    thursday,
    friday,
    saturday,
    sunday,
);

impl Lexicon {
    /// Reads the embedded files.
    pub(super) fn embedded() -> Self {
        let mut lexicon = Self::default();
        for text in [include_str!("../../data/replies.en.toml"), include_str!("../../data/replies.es.toml")] {
            let file = toml::from_str(text).expect("the embedded word lists are well-formed; a test reads them");
            lexicon.add(file);
        }
        lexicon
    }

    /// Names of weekdays, from Monday.
    pub(super) fn weekdays(&self) -> [&Phrases; 7] {
        [&self.monday, &self.tuesday, &self.wednesday, &self.thursday, &self.friday, &self.saturday, &self.sunday]
    }
}

/// Whether a phrase of the list stands anywhere in the words.
pub(super) fn contains(words: &[String], list: &[Vec<String>]) -> bool {
    list.iter()
        .any(|phrase| !phrase.is_empty() && words.windows(phrase.len()).any(|window| window == phrase.as_slice()))
}

/// Whether the words are exactly a phrase of the list.
pub(super) fn is_one_of(words: &[String], list: &[Vec<String>]) -> bool {
    list.iter().any(|phrase| phrase.as_slice() == words)
}

/// Whether the words begin with a phrase of the list.
pub(super) fn starts_with_one_of(words: &[String], list: &[Vec<String>]) -> bool {
    list.iter().any(|phrase| !phrase.is_empty() && words.starts_with(phrase))
}

/// The words without the phrases of a list, longest phrase first.
pub(super) fn without(words: &[String], list: &[Vec<String>]) -> Vec<String> {
    let mut rest = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        if let Some(phrase) = list.iter().find(|phrase| !phrase.is_empty() && words[at..].starts_with(phrase)) {
            at += phrase.len();
        } else {
            rest.push(words[at].clone());
            at += 1;
        }
    }
    rest
}
