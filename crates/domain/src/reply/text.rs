//! From what a phone sent to words: folding, quotations, tokens.

use super::lexicon::contains;

/// A "si" without its accent that another word follows directly: "if" as well as "yes". "Sí", "si," and a "si" at the end are
/// plainly yes, and written "si".
pub(super) const OPEN_SI: &str = "si~";
/// Plainly yes.
pub(super) const SI: &str = "si";

/// A reply, made comparable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    /// Folded words, numbers and known pictures, in order; an open "si" is [`OPEN_SI`].
    pub(super) tokens: Vec<String>,
    /// Somebody asks something.
    pub(super) asks: bool,
    /// Something stands in the text that is neither word, number, known picture nor plain punctuation.
    pub(super) unknown_sign: bool,
}

impl Folded {
    /// The words, where it does not matter which "si" it is.
    pub(super) fn words(&self) -> Vec<String> {
        self.tokens.iter().map(|word| if word == OPEN_SI { SI.to_owned() } else { word.clone() }).collect()
    }
}

/// What the sender says, without what they only quote of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Folded.
    pub(super) text: String,
    /// Words of somebody were quoted: whatever the rest says, it is no plain yes.
    pub(super) quotes: bool,
}

/// Lines that a phone adds by itself.
const SIGNATURES: &[&str] = &["sent from my ", "enviado desde mi ", "get outlook for "];
/// What stands in such a line behind its beginning, and nothing else.
const DEVICES: &[&str] = &[
    "iphone",
    "ipad",
    "ipod",
    "ios",
    "android",
    "phone",
    "smartphone",
    "cell",
    "mobile",
    "device",
    "tablet",
    "galaxy",
    "samsung",
    "pixel",
    "motorola",
    "moto",
    "lg",
    "nokia",
    "huawei",
    "xiaomi",
    "blackberry",
    "outlook",
    "verizon",
    "wireless",
    "lte",
    "g",
    "s",
    "using",
    "on",
    "an",
    "a",
    "dispositivo",
    "movil",
    "telefono",
    "celular",
    "de",
    "un",
];
/// Pictures that say yes, as words.
const THUMB: &str = "👍";
/// Pictures that say yes.
const YES_SIGNS: &[char] = &['👍', '✅', '✔', '☑', '👌', '🆗'];
/// The road sign says what it says.
const STOP_SIGN: char = '🛑';
/// So do these.
const NO_SIGNS: &[char] = &['🚫', '⛔'];
/// Pictures that only colour what is said.
const KIND_SIGNS: &[char] =
    &['🙏', '😊', '🙂', '😀', '😃', '😄', '😁', '❤', '♥', '💕', '🤗', '🎉', '☺', '😘', '🌹', '🙌'];

/// Lower case, no accents but that of "sí", typographic signs made plain, invisible signs and skin tones gone.
pub(super) fn fold(text: &str) -> String {
    text.replace("i\u{0301}", "í")
        .replace("I\u{0301}", "í")
        .chars()
        .filter(|c| {
            !matches!(c,
            '\u{200B}'..='\u{200F}' | '\u{FE0E}' | '\u{FE0F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}'
            | '\u{0300}'..='\u{036F}' | '\u{20E3}' | '\u{1F3FB}'..='\u{1F3FF}')
        })
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'í',
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ñ' => 'n',
            'ç' => 'c',
            '‘' | '’' | '`' | '´' | 'ʼ' => '\'',
            '“' | '”' | '«' | '»' | '„' | '″' => '"',
            '\u{00A0}' | '\u{2009}' | '\u{202F}' => ' ',
            '‐' | '‑' | '–' | '—' => '-',
            '０'..='９' | 'ａ'..='ｚ' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            other => other,
        })
        .filter(|c| !('\u{0300}'..='\u{036F}').contains(c))
        .collect()
}

/// Takes away what the sender quotes of ours. `None`: the text is a reaction to ours and nothing else.
///
/// Only our own texts are quoted and not said; `ours` knows them by phrases that nobody else writes. Other words between
/// quotation marks are the sender's (`yes "but only by video"`), and count as said.
pub(super) fn unquoted(folded: &str, reactions: &[Vec<String>], ours: &[Vec<String>]) -> Option<Said> {
    let is_ours = |text: &str| contains(&tokens(text).words(), ours);
    let (mut kept, mut block) = (String::new(), String::new());
    let mut lines = folded.lines().map(str::trim);
    for line in lines.by_ref() {
        if let Some(quoted) = line.strip_prefix('>') {
            block.push_str(quoted);
            block.push('\n');
            continue;
        }
        if line.starts_with("on ") && line.ends_with("wrote:") || line.starts_with("el ") && line.ends_with("escribio:")
        {
            break;
        }
        if !is_signature(line) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    for line in lines {
        block.push_str(line.trim_start_matches('>'));
        block.push('\n');
    }
    let mut quotes = false;
    if !tokens(&block).tokens.is_empty() && !is_ours(&block) {
        quotes = true;
        kept.push_str(&block);
    }
    let kept = kept.trim();
    let Some(first) = kept.find('"') else { return Some(Said { text: kept.to_owned(), quotes }) };
    let before: Vec<String> = tokens(&kept[..first]).tokens;
    let is_reaction = reactions.iter().any(|reaction| starts_with(&before, reaction))
        // "👍 to “…”", "reacted 👍 to …"
        || before.last().is_some_and(|word| word == "to" || word == "a") && before.first().is_some_and(|word| word == THUMB || !word.is_ascii());
    let mut outside = String::new();
    let mut quotation = String::new();
    let mut inside = false;
    for c in kept.chars() {
        match (c, inside) {
            ('"', false) => inside = true,
            ('"', true) => {
                inside = false;
                if !is_reaction && quotation.split_whitespace().count() > 1 {
                    quotes = true;
                }
                if !is_reaction && !is_ours(&quotation) {
                    outside.push(' ');
                    outside.push_str(&quotation);
                }
                outside.push(' ');
                quotation.clear();
            }
            (c, true) => quotation.push(c),
            (c, false) => outside.push(c),
        }
    }
    // A quotation mark without its partner quotes nothing, but in a reaction the phone may have cut the end off.
    if inside && !is_reaction {
        outside.push(' ');
        outside.push_str(&quotation);
    }
    if is_reaction {
        let said = tokens(&outside).tokens;
        let rest = reactions
            .iter()
            .find(|reaction| starts_with(&said, reaction))
            .map_or(said.as_slice(), |r| &said[r.len()..]);
        let rest = rest.iter().filter(|word| word.is_ascii() && *word != "to" && *word != "a").count();
        return if rest == 0 { None } else { Some(Said { text: outside, quotes }) };
    }
    if tokens(&outside).tokens.is_empty() {
        return Some(Said { text: kept.replace('"', " "), quotes });
    }
    Some(Said { text: outside, quotes })
}

/// Whether a phone wrote the line: words of the sender behind such a beginning are theirs.
fn is_signature(line: &str) -> bool {
    SIGNATURES.iter().filter_map(|beginning| line.strip_prefix(beginning)).any(|rest| {
        let rest = tokens(&rest.replace("at&t", ""));
        let is = |at: Option<usize>, words: &[&str]| {
            at.and_then(|at| rest.tokens.get(at)).is_some_and(|word| words.contains(&word.as_str()))
        };
        // A figure belongs to the device in "4G" and "Galaxy S21" alone.
        let device = |(at, word): (usize, &String)| {
            DEVICES.contains(&word.as_str())
                || word.chars().all(|c| c.is_ascii_digit())
                    && (is(Some(at + 1), &["g"]) || is(at.checked_sub(1), &["s", "galaxy", "pixel"]))
        };
        !rest.asks && !rest.unknown_sign && rest.tokens.iter().enumerate().all(device)
    })
}

fn starts_with(words: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && words.len() >= phrase.len() && words[..phrase.len()] == *phrase
}

/// Splits folded text. Apostrophes vanish inside a word; letters that stand three times or more are written once.
pub(super) fn tokens(folded: &str) -> Folded {
    let mut found = Folded { tokens: Vec::new(), asks: false, unknown_sign: false };
    let mut word = String::new();
    let chars: Vec<char> = folded.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        let between_digits = (c == ':' || c == '.')
            && at > 0
            && chars[at - 1].is_ascii_digit()
            && chars.get(at + 1).is_some_and(char::is_ascii_digit);
        if c.is_alphanumeric() || between_digits {
            // "3pm" is a number and a word.
            let joins = word.chars().last().is_none_or(|last| {
                last.is_ascii_digit() == c.is_ascii_digit() || between_digits || last == ':' || last == '.'
            });
            if !joins {
                push(&mut found.tokens, &mut word, false);
            }
            word.push(c);
            continue;
        }
        if c == '\'' && !word.is_empty() {
            continue;
        }
        push(&mut found.tokens, &mut word, goes_on(&chars[at..]));
        match c {
            '?' | '¿' => found.asks = true,
            // "-1" is a number below zero, not a one.
            '-' if word_ended_before(&chars, at) && chars.get(at + 1).is_some_and(char::is_ascii_digit) => {
                found.unknown_sign = true;
            }
            _ if YES_SIGNS.contains(&c) => found.tokens.push(THUMB.to_owned()),
            STOP_SIGN => found.tokens.push("stop".to_owned()),
            _ if NO_SIGNS.contains(&c) => found.tokens.push("no".to_owned()),
            _ if KIND_SIGNS.contains(&c) || c.is_whitespace() || ".,;:!¡-_\"'()#*/&+".contains(c) => {}
            _ => found.unknown_sign = true,
        }
    }
    push(&mut found.tokens, &mut word, false);
    found
}

/// Whether another word follows, with nothing but space between.
fn goes_on(after: &[char]) -> bool {
    after.iter().find(|c| **c != ' ' && **c != '\t').is_some_and(|c| c.is_alphanumeric())
}

fn word_ended_before(chars: &[char], at: usize) -> bool {
    at == 0 || !chars[at - 1].is_alphanumeric()
}

fn push(words: &mut Vec<String>, word: &mut String, goes_on: bool) {
    if word.is_empty() {
        return;
    }
    let mut squeezed = String::with_capacity(word.len());
    let chars: Vec<char> = word.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| **c == chars[at]).count();
        let keep = if run >= 3 && chars[at].is_alphabetic() { 1 } else { run };
        squeezed.extend(std::iter::repeat_n(chars[at], keep));
        at += run;
    }
    words.push(if squeezed == SI && goes_on { OPEN_SI.to_owned() } else { squeezed.replace('í', "i") });
    word.clear();
}
