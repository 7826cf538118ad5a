//! A lint for wording that practices write themselves: words that tell a stranger more than that there is a message.
//!
//! It warns and never blocks: a list cannot know every name. Names of patients and practitioners cannot be in it; no
//! context of a text has a field for one.

use crate::segments::fold;

/// Beginnings of words with what each gives away; the file says how it is read.
const LIST: &str = include_str!("private_words.txt");

/// A word that should not stand on a lock screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateWord {
    /// As it stands in the text.
    pub word: String,
    /// `practitioner`, `specialty`, `reason` or `person`.
    pub gives_away: &'static str,
}

/// Words of a text that give something away, in order. Addresses (`https://…`) are not looked at.
pub fn warn_private(text: &str) -> Vec<PrivateWord> {
    text.split_whitespace()
        .filter(|piece| !piece.contains("://"))
        .flat_map(|piece| piece.split(|c: char| !c.is_alphanumeric()))
        .filter_map(|word| {
            let gives_away = gives_away(word)?;
            Some(PrivateWord { word: word.to_owned(), gives_away })
        })
        .collect()
}

fn gives_away(word: &str) -> Option<&'static str> {
    let word: String = word.to_lowercase().chars().map(plain_letter).collect();
    entries()
        .find(|(stem, whole, _)| if *whole { word == *stem } else { word.starts_with(stem) })
        .map(|(.., what)| what)
}

/// Letters without any accent, also those that a text may hold.
fn plain_letter(c: char) -> char {
    match fold(c) {
        'é' | 'è' => 'e',
        'à' | 'ä' | 'å' => 'a',
        'ì' => 'i',
        'ò' | 'ö' => 'o',
        'ù' | 'ü' => 'u',
        other => other,
    }
}

fn entries() -> impl Iterator<Item = (&'static str, bool, &'static str)> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (stem, what) = line.split_once(' ')?;
        Some(stem.strip_suffix('$').map_or((stem, false, what), |stem| (stem, true, what)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(String, &'static str)> {
        warn_private(text).into_iter().map(|found| (found.word, found.gives_away)).collect()
    }

    #[test]
    fn telling_words_are_found_in_both_languages_and_any_case() {
        assert_eq!(
            words("See Dr. Smith about your COLONOSCOPY"),
            [("Dr".to_owned(), "practitioner"), ("COLONOSCOPY".to_owned(), "reason")]
        );
        assert_eq!(
            words("Análisis con la médica (Cardiología)"),
            [
                ("Análisis".to_owned(), "reason"),
                ("médica".to_owned(), "practitioner"),
                ("Cardiología".to_owned(), "specialty")
            ]
        );
    }

    #[test]
    fn neutral_words_and_addresses_pass() {
        assert_eq!(words("Oak St: visit Tue 24 Nov, 9:15 AM. https://doctor.example/l#test Drive safely"), []);
    }

    #[test]
    fn every_line_of_the_list_is_read() {
        let lines = LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert_eq!(entries().count(), lines);
        for (stem, _, what) in entries() {
            assert!(stem.chars().all(|c| c.is_ascii_lowercase()), "{stem}");
            assert!(["practitioner", "specialty", "reason", "person"].contains(&what), "{stem}: {what}");
        }
    }
}
