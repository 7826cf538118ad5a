//! The words of all languages, and how they are found in a text.

use super::WordsError;
use super::text::{Word, phrase};
use serde::Deserialize;

/// A word this long or longer may have one slip of the finger (a letter more, less, other, or two swapped).
const SLIP_FROM_LETTERS: usize = 6;

/// A negation counts for what stands within so many words after it.
const NEGATION_REACH: usize = 4;

/// One language's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    opt_out: Vec<String>,
    opt_out_ask: Vec<String>,
    opt_out_within: Vec<String>,
    stop: Vec<String>,
    stop_goes_on: Vec<String>,
    stop_came_from: Vec<String>,
    not_opt_out: Vec<String>,
    negations: Vec<String>,
    accused: Vec<String>,
    opt_in: Vec<String>,
    help: Vec<String>,
    wrong_number: Vec<String>,
    accept: Vec<String>,
    accept_digit: Vec<String>,
    courtesies: Vec<String>,
    apologies: Vec<String>,
    reschedule_digit: Vec<String>,
    cannot_come_digit: Vec<String>,
    reschedule: Vec<String>,
    cannot_come: Vec<String>,
    not_a_slip: Vec<String>,
    hedges: Vec<String>,
    danger: Vec<String>,
    reactions: Vec<String>,
    at: Vec<String>,
    am: Vec<String>,
    pm: Vec<String>,
    today: Vec<String>,
    tomorrow: Vec<String>,
    days: Vec<String>,
}

/// A set of phrases, all languages together.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    phrases: Vec<Vec<String>>,
    not_a_slip: Vec<String>,
}

impl Phrases {
    fn add(&mut self, lines: &[String]) {
        self.phrases.extend(lines.iter().map(|line| phrase(line)).filter(|words| !words.is_empty()));
    }

    /// Lengths of the phrases that begin a text.
    fn lengths<'a>(&'a self, text: &'a [Word]) -> impl Iterator<Item = usize> + 'a {
        self.phrases
            .iter()
            .filter(|phrase| {
                phrase.len() <= text.len() && phrase.iter().zip(text).all(|(word, read)| self.same(word, &read.text))
            })
            .map(Vec::len)
    }

    /// Where the phrases begin in a text.
    pub(super) fn places<'a>(&'a self, text: &'a [Word]) -> impl Iterator<Item = usize> + 'a {
        (0..text.len()).filter(|start| self.lengths(&text[*start..]).next().is_some())
    }

    pub(super) fn is_in(&self, text: &[Word]) -> bool {
        self.places(text).next().is_some()
    }

    pub(super) fn starts(&self, text: &[Word]) -> bool {
        self.lengths(text).next().is_some()
    }

    /// Length of the longest phrase that begins the text; 0 if none does.
    pub(super) fn longest(&self, text: &[Word]) -> usize {
        self.lengths(text).max().unwrap_or(0)
    }

    /// Which of the phrases, in the order of the data, begins the text.
    pub(super) fn index(&self, text: &[Word]) -> Option<usize> {
        self.phrases.iter().position(|phrase| {
            phrase.len() <= text.len() && phrase.iter().zip(text).all(|(word, read)| *word == read.text)
        })
    }

    pub(super) fn has_word(&self, word: &Word) -> bool {
        self.starts(std::slice::from_ref(word))
    }

    fn same(&self, word: &str, read: &str) -> bool {
        word == read
            || (word.len() >= SLIP_FROM_LETTERS
                && read.len() + 1 >= SLIP_FROM_LETTERS
                && !self.not_a_slip.iter().any(|other| other == read)
                && one_slip(word, read))
    }
}

/// Whether two words differ by one letter more, less or other, or by two neighbours swapped.
fn one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    let same_start = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let (short, long) = (&short[same_start..], &long[same_start..]);
    match long.len() - short.len() {
        0 => match (short, long) {
            ([], []) => true,
            ([x, y, rest @ ..], [p, q, tail @ ..]) if x == q && y == p => rest == tail,
            ([_, rest @ ..], [_, tail @ ..]) => rest == tail,
            _ => false,
        },
        1 => short == &long[1..],
        _ => false,
    }
}

macro_rules! words {
    ($($name:ident),+) => {
        /// All words, all languages together.
        #[derive(Debug, Default)]
        pub(super) struct Words { $(pub(super) $name: Phrases,)+ }

        impl Words {
            fn add(&mut self, file: &File) { $(self.$name.add(&file.$name);)+ }
            fn share_exceptions(&mut self, not_a_slip: &[String]) { $(self.$name.not_a_slip = not_a_slip.to_vec();)+ }
        }
    };
}

words!(
    opt_out,
    opt_out_ask,
    opt_out_within,
    stop,
    stop_goes_on,
    stop_came_from,
    not_opt_out,
    negations,
    accused,
    opt_in,
    help,
    wrong_number,
    accept,
    accept_digit,
    courtesies,
    apologies,
    reschedule_digit,
    cannot_come_digit,
    reschedule,
    cannot_come,
    hedges,
    danger,
    reactions,
    at,
    am,
    pm,
    today,
    tomorrow,
    days
);

impl Words {
    pub(super) fn embedded() -> Result<Self, WordsError> {
        let mut words = Self::default();
        let mut not_a_slip = Vec::new();
        for (language, text) in
            [("en", include_str!("../../data/replies.en.toml")), ("es", include_str!("../../data/replies.es.toml"))]
        {
            let file: File =
                toml::from_str(text).map_err(|error| WordsError { language, problem: error.to_string() })?;
            words.add(&file);
            not_a_slip.extend(file.not_a_slip);
        }
        words.share_exceptions(&not_a_slip);
        Ok(words)
    }

    /// Whether a text consists of phrases of `cores` and `fillers` only, with at least one of `cores`.
    pub(super) fn made_of(&self, text: &[Word], cores: &[&Phrases], fillers: &[&Phrases]) -> bool {
        self.made_of_with(text, 0, cores, fillers, |_| 0, false)
    }

    /// The same from word `start` on (`has_core` says whether one was found before); `extra` may add the length of
    /// one more filler that begins a text.
    #[expect(clippy::unused_self, reason = "reads as a question to the words")]
    pub(super) fn made_of_with(
        &self,
        text: &[Word],
        start: usize,
        cores: &[&Phrases],
        fillers: &[&Phrases],
        extra: impl Fn(&[Word]) -> usize,
        has_core: bool,
    ) -> bool {
        // reached[i]: whether the first i words can be so read, without and with a core among them.
        let mut reached = vec![[false; 2]; text.len() + 1];
        let Some(first) = reached.get_mut(start) else { return false };
        first[usize::from(has_core)] = true;
        for at in start..text.len() {
            let [without, with] = reached[at];
            if !without && !with {
                continue;
            }
            let rest = &text[at..];
            for length in cores.iter().flat_map(|phrases| phrases.lengths(rest)) {
                reached[at + length][1] = true;
            }
            let more = Some(extra(rest)).filter(|length| *length > 0);
            for length in fillers.iter().flat_map(|phrases| phrases.lengths(rest)).chain(more) {
                reached[at + length][0] |= without;
                reached[at + length][1] |= with;
            }
        }
        reached.last().is_some_and(|end| end[1])
    }

    /// How many words at the start are fillers.
    #[expect(clippy::unused_self, reason = "reads as a question to the words")]
    pub(super) fn leading(&self, text: &[Word], fillers: &[&Phrases]) -> usize {
        let mut at = 0;
        loop {
            let length = fillers.iter().map(|phrases| phrases.longest(&text[at..])).max().unwrap_or(0);
            if length == 0 {
                return at;
            }
            at += length;
        }
    }

    /// How many words are left when the fillers at the end are taken off.
    pub(super) fn trailing(&self, text: &[Word], fillers: &[&Phrases]) -> usize {
        (0..=text.len()).find(|at| self.leading(&text[*at..], fillers) == text.len() - at).unwrap_or(text.len())
    }

    /// Whether the phrase at `start` is denied: "don't stop", but not "you don't stop".
    pub(super) fn is_negated(&self, text: &[Word], start: usize) -> bool {
        let sentence = text[..start].iter().rposition(|word| word.ends).map_or(0, |end| end + 1);
        let near = &text[sentence.max(start.saturating_sub(NEGATION_REACH))..start];
        self.negations.is_in(near) && !self.accused.is_in(&text[sentence..start])
    }

    /// "No need to …".
    #[expect(clippy::unused_self, reason = "reads as a question to the words")]
    pub(super) fn no_need(&self, text: &[Word]) -> bool {
        text.windows(2).any(|pair| pair[0].text == "no" && pair[1].text == "need")
    }

    /// Whether what stands beside a quotation is a phone's report of a tapped emoji: at most a few words, the first
    /// of them (after emoji) one of the known phrases.
    pub(super) fn is_reaction(&self, own: &[Word]) -> bool {
        let emoji = own.iter().take_while(|word| !word.text.chars().any(char::is_alphanumeric)).count();
        let rest = &own[emoji..];
        let length = self.reactions.longest(rest);
        // "👍 to" needs its emoji; "to" alone begins many sentences.
        let bare = length == 1 && rest.first().is_some_and(|word| word.text.len() <= 2);
        length > 0 && rest.len() <= length + 3 && (!bare || emoji > 0)
    }
}
