//! Words that mean something together, with others between them. A list of phrases cannot foresee "take my phone off all your messages".

use super::text::fold;
use serde::Deserialize;

/// The data files, embedded.
const PAIRS: [&str; 2] = [include_str!("../../data/reply_pairs.toml"), include_str!("../../data/reply_danger.toml")];

/// What a pair means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Means {
    OptOut,
    Danger,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pair: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    means: Means,
    first: Vec<String>,
    #[serde(default)]
    then: Vec<String>,
    #[serde(default)]
    within: usize,
    #[serde(default)]
    either: bool,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    not_after: Vec<String>,
}

/// A word as the data writes it.
#[derive(Debug, Clone)]
enum Word {
    Whole(String),
    Beginning(String),
    /// A number of two figures or more.
    Number,
}

impl Word {
    fn read(piece: &str) -> Self {
        if piece == "##" {
            return Self::Number;
        }
        match piece.strip_suffix('*') {
            Some(beginning) => Self::Beginning(fold(beginning).replace('í', "i")),
            None => Self::Whole(fold(piece).replace('í', "i")),
        }
    }

    fn is(&self, word: &str) -> bool {
        match self {
            Self::Whole(own) => own == word,
            Self::Beginning(own) => word.starts_with(own.as_str()),
            Self::Number => word.len() > 1 && word.chars().all(|c| c.is_ascii_digit()),
        }
    }
}

/// Words that stand side by side.
type Phrase = Vec<Word>;

fn phrases(lines: &[String]) -> Vec<Phrase> {
    lines.iter().map(|line| line.split_whitespace().map(Word::read).collect()).collect()
}

fn stands_at(phrase: &Phrase, words: &[String], at: usize) -> bool {
    words.get(at..at + phrase.len()).is_some_and(|window| phrase.iter().zip(window).all(|(own, word)| own.is(word)))
}

fn stands_in(list: &[Phrase], words: &[String]) -> bool {
    (0..words.len()).any(|at| list.iter().any(|phrase| stands_at(phrase, words, at)))
}

/// One rule.
#[derive(Debug, Clone)]
struct Pair {
    means: Means,
    first: Vec<Phrase>,
    then: Vec<Phrase>,
    within: usize,
    either: bool,
    unless: Vec<Phrase>,
    not_after: Vec<Phrase>,
}

impl Pair {
    fn stands(&self, words: &[String]) -> bool {
        let follows = |first: &[Phrase], then: &[Phrase]| {
            (0..words.len()).any(|at| {
                let after = |phrase: &Phrase| {
                    let end = at + phrase.len();
                    stands_at(phrase, words, at)
                        && !(at > 0 && self.not_after.iter().any(|word| stands_at(word, words, at - 1)))
                        && (self.then.is_empty()
                            || (end..end + self.within)
                                .any(|place| then.iter().any(|then| stands_at(then, words, place))))
                };
                first.iter().any(after)
            })
        };
        (follows(&self.first, &self.then) || self.either && follows(&self.then, &self.first))
            && !stands_in(&self.unless, words)
    }
}

/// All pairs.
#[derive(Debug, Clone)]
pub(super) struct Pairs(Vec<Pair>);

impl Pairs {
    /// Reads the embedded file.
    pub(super) fn embedded() -> Self {
        let read = |text| -> Vec<Record> {
            let file: File = toml::from_str(text).expect("the embedded pairs are well-formed; a test reads them");
            file.pair
        };
        Self(
            PAIRS
                .into_iter()
                .flat_map(read)
                .map(|record| Pair {
                    means: record.means,
                    first: phrases(&record.first),
                    then: phrases(&record.then),
                    within: record.within,
                    either: record.either,
                    unless: phrases(&record.unless),
                    not_after: phrases(&record.not_after),
                })
                .collect(),
        )
    }

    /// Whether a pair of that meaning stands in the words.
    pub(super) fn say(&self, means: Means, words: &[String]) -> bool {
        self.0.iter().any(|pair| pair.means == means && pair.stands(words))
    }
}

/// Whether a word is another one, mistyped: at most so many letters wrong, missing, too many or changed about.
pub(super) fn is_mistyped(word: &str, meant: &str, most: usize) -> bool {
    let (word, meant): (Vec<char>, Vec<char>) = (word.chars().collect(), meant.chars().collect());
    if word.len().abs_diff(meant.len()) > most {
        return false;
    }
    // Optimal string alignment, row by row; three rows are enough for a change about.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=meant.len()).collect();
    for (i, a) in word.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in meant.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == meant[j - 1] && word[i - 1] == *b {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().is_some_and(|cost| *cost <= most)
}
