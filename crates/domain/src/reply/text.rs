//! A reply as words: quotations taken out, case, accents, look-alikes and skin tones levelled.

use super::MAX_REPLY_CHARS;
use super::words::Words;

/// One word, number or emoji of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Lower case, without accents or apostrophes.
    pub(super) text: String,
    /// A sentence or clause ends after it.
    pub(super) ends: bool,
    /// … with a question mark.
    pub(super) asks: bool,
}

/// A reply, taken apart.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) words: Vec<Word>,
    /// A question mark stands somewhere.
    pub(super) asks: bool,
    /// Something was quoted and taken out.
    pub(super) has_quote: bool,
    /// A phone's report that somebody tapped an emoji on our text.
    pub(super) is_reaction: bool,
    /// It was longer than [`MAX_REPLY_CHARS`].
    pub(super) cut: bool,
}

impl Reply {
    pub(super) fn read(text: &str, words: &Words) -> Self {
        let cut = text.chars().nth(MAX_REPLY_CHARS).is_some();
        let level: String = text.chars().take(MAX_REPLY_CHARS).filter_map(level).collect();
        let kept = without_earlier_mail(&level);
        let (own, quotes) = take_quotes(&kept);
        let own_words = split(&own);

        if !quotes.is_empty() && words.is_reaction(&own_words) {
            return Self { words: Vec::new(), asks: false, has_quote: true, is_reaction: true, cut };
        }
        // `"STOP"` as the whole text counts, and so does a quoted word of opting out among courtesies.
        let quoted = quotes.iter().map(|quote| split(quote));
        if own_words.is_empty() && !quotes.is_empty() {
            let words: Vec<Word> = quoted.flatten().collect();
            let asks = own.contains('?') || words.iter().any(|word| word.asks);
            return Self { words, asks, has_quote: false, is_reaction: false, cut };
        }
        let has_quote = !quotes.is_empty();
        let meant = |quote: &Vec<Word>| words.made_of(quote, &[&words.opt_out, &words.opt_out_ask], &[]);
        let read = if has_quote && quoted.clone().all(|quote| meant(&quote)) { split(&kept) } else { own_words };
        Self { asks: kept.contains('?'), words: read, has_quote, is_reaction: false, cut }
    }
}

/// The sentences and clauses of a text.
pub(super) fn sentences(words: &[Word]) -> impl Iterator<Item = &[Word]> {
    words.split_inclusive(|word| word.ends)
}

/// Takes out what people did not write: lines quoted with `>` and everything after "… wrote:".
fn without_earlier_mail(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("on ") && line.ends_with("wrote:") || line.starts_with("el ") && line.ends_with("escribio:")
        {
            break;
        }
        if !line.starts_with('>') {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Splits off what stands between quotation marks. One that is never closed reaches to the end if something stands
/// before it (phones cut long quotations), and is ignored otherwise.
fn take_quotes(text: &str) -> (String, Vec<String>) {
    let mut own = String::with_capacity(text.len());
    let mut quotes = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('"') {
        let (before, after) = rest.split_at(open);
        own.push_str(before);
        let after = &after[1..];
        match after.find('"') {
            Some(close) => {
                quotes.push(after[..close].to_owned());
                own.push(' ');
                rest = &after[close + 1..];
            }
            None if own.trim().is_empty() => rest = after,
            None => {
                quotes.push(after.to_owned());
                rest = "";
            }
        }
    }
    own.push_str(rest);
    (own, quotes)
}

/// One character, levelled; `None` drops it.
fn level(c: char) -> Option<char> {
    let lower = c.to_lowercase().next().unwrap_or(c);
    Some(match lower {
        // Joiners, variation selectors, keycaps, skin tones, invisible and combining marks.
        '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{FE00}'..='\u{FE0F}' | '\u{20E3}' => {
            return None;
        }
        '\u{1F3FB}'..='\u{1F3FF}'
        | '\u{0300}'..='\u{036F}'
        | '\u{00AD}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}' => {
            return None;
        }
        // Apostrophes vanish, so that can't, cant and can’t are one word.
        '\'' | '\u{2018}' | '\u{2019}' | '`' | '´' => return None,
        '\u{201C}' | '\u{201D}' | '\u{201E}' | '«' | '»' | '\u{FF02}' => '"',
        'á' | 'à' | 'ä' | 'â' | 'ã' => 'a',
        'é' | 'è' | 'ë' | 'ê' => 'e',
        'í' | 'ì' | 'ï' | 'î' | 'ı' => 'i',
        'ó' | 'ò' | 'ö' | 'ô' | 'õ' => 'o',
        'ú' | 'ù' | 'ü' | 'û' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        // Cyrillic and Greek letters that look like ours, and full-width forms.
        'а' | 'α' => 'a',
        'с' => 'c',
        'е' => 'e',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'у' => 'y',
        'і' | 'ι' => 'i',
        '\u{FF01}'..='\u{FF5E}' => {
            let ascii = char::from_u32(u32::from(lower) - 0xFEE0).unwrap_or(lower);
            ascii.to_ascii_lowercase()
        }
        '\r' | '\u{2028}' | '\u{2029}' => '\n',
        other => other,
    })
}

/// Cuts levelled text into words.
fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = text.chars().collect();
    let push = |word: &mut String, words: &mut Vec<Word>| {
        if !word.is_empty() {
            words.push(Word { text: calm(&std::mem::take(word)), ends: false, asks: false });
        }
    };
    for (at, c) in chars.iter().copied().enumerate() {
        let digit_after = chars.get(at + 1).is_some_and(char::is_ascii_digit);
        let digit_before = word.chars().last().is_some_and(|last| last.is_ascii_digit());
        match c {
            // "3:30" and "3.30" are one word.
            ':' | '.' if digit_before && digit_after => word.push(':'),
            _ if c.is_alphanumeric() => word.push(c),
            '.' | '!' | '?' | ',' | ';' | '\n' | '¡' | '¿' | '…' | ':' | '(' | ')' | '-' | '—' | '–' | '/' => {
                push(&mut word, &mut words);
                if let Some(last) = words.last_mut() {
                    last.ends |= !matches!(c, '-' | '/' | ':' | '(' | ')');
                    last.asks |= c == '?';
                }
            }
            '@' => {
                push(&mut word, &mut words);
                words.push(Word { text: "at".to_owned(), ends: false, asks: false });
            }
            _ if c.is_whitespace() || matches!(c, '"' | '*' | '_' | '~' | '#' | '[' | ']') => {
                push(&mut word, &mut words)
            }
            // Anything else (an emoji, a sign) is a word of its own, so that it cannot be overlooked.
            _ => {
                push(&mut word, &mut words);
                words.push(Word { text: c.to_string(), ends: false, asks: false });
            }
        }
    }
    push(&mut word, &mut words);
    words
}

/// The words of a phrase as the data writes it.
pub(super) fn phrase(text: &str) -> Vec<String> {
    let level: String = text.chars().filter_map(level).collect();
    split(&level).into_iter().map(|word| word.text).collect()
}

/// "stoooop" and "yesss" are "stop" and "yes": three and more of a letter are one.
fn calm(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let mut calm = String::with_capacity(word.len());
    for run in chars.chunk_by(|a, b| a == b) {
        let Some(c) = run.first() else { continue };
        let times = if run.len() >= 3 && c.is_alphabetic() { 1 } else { run.len() };
        calm.extend(std::iter::repeat_n(*c, times));
    }
    calm
}
