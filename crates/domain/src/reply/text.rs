//! From what a phone sent to words: folding, quotations, tokens.

/// A reply, made comparable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    /// Folded words, numbers and known pictures, in order.
    pub(super) tokens: Vec<String>,
    /// Somebody asks something.
    pub(super) asks: bool,
    /// Something stands in the text that is neither word, number, known picture nor plain punctuation.
    pub(super) unknown_sign: bool,
}

/// Lines that a phone adds by itself.
const SIGNATURES: &[&str] = &["sent from my ", "enviado desde mi ", "get outlook for "];
/// Pictures that say yes, as words.
const THUMB: &str = "👍";
/// Pictures that say yes.
const YES_SIGNS: &[char] = &['👍', '✅', '✔', '☑', '👌', '🆗'];
/// The road sign says what it says.
const STOP_SIGN: char = '🛑';
/// Pictures that only colour what is said.
const KIND_SIGNS: &[char] =
    &['🙏', '😊', '🙂', '😀', '😃', '😄', '😁', '❤', '♥', '💕', '🤗', '🎉', '☺', '😘', '🌹', '🙌'];

/// Lower case, no accents, typographic signs made plain, invisible signs and skin tones gone.
pub(super) fn fold(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !matches!(c,
            '\u{200B}'..='\u{200F}' | '\u{FE0E}' | '\u{FE0F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}'
            | '\u{0300}'..='\u{036F}' | '\u{20E3}' | '\u{1F3FB}'..='\u{1F3FF}')
        })
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
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

/// Takes away what the sender only quotes. `None`: the text is a reaction to ours and nothing else.
///
/// A quotation that is the whole text counts as said; one of a single word does as well (`I said "stop"`), since our own
/// texts, which is what phones quote, are longer.
pub(super) fn unquoted(folded: &str, reactions: &[Vec<String>]) -> Option<String> {
    let mut kept = String::new();
    for line in folded.lines() {
        let line = line.trim();
        if line.starts_with('>') || SIGNATURES.iter().any(|beginning| line.starts_with(beginning)) {
            continue;
        }
        if line.starts_with("on ") && line.ends_with("wrote:") || line.starts_with("el ") && line.ends_with("escribio:")
        {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    let kept = kept.trim();
    let Some(first) = kept.find('"') else { return Some(kept.to_owned()) };
    let before: Vec<String> = tokens(&kept[..first]).tokens;
    let is_reaction = reactions.iter().any(|reaction| starts_with(&before, reaction))
        // "👍 to “…”", "reacted 👍 to …"
        || before.last().is_some_and(|word| word == "to" || word == "a") && before.first().is_some_and(|word| word == THUMB || !word.is_ascii());
    let mut outside = String::new();
    let mut inside = false;
    let mut quotation = String::new();
    for c in kept.chars() {
        match (c, inside) {
            ('"', false) => inside = true,
            ('"', true) => {
                inside = false;
                if quotation.split_whitespace().count() == 1 && !is_reaction {
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
        quotation.clear();
    }
    if is_reaction {
        let said = tokens(&outside).tokens;
        let rest = reactions
            .iter()
            .find(|reaction| starts_with(&said, reaction))
            .map_or(said.as_slice(), |r| &said[r.len()..]);
        let rest = rest.iter().filter(|word| word.is_ascii() && *word != "to" && *word != "a").count();
        return if rest == 0 { None } else { Some(outside) };
    }
    if tokens(&outside).tokens.is_empty() {
        return Some(kept.replace('"', " "));
    }
    Some(outside)
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
                push(&mut found.tokens, &mut word);
            }
            word.push(c);
            continue;
        }
        if c == '\'' && !word.is_empty() {
            continue;
        }
        push(&mut found.tokens, &mut word);
        match c {
            '?' | '¿' => found.asks = true,
            // "-1" is a number below zero, not a one.
            '-' if word_ended_before(&chars, at) && chars.get(at + 1).is_some_and(char::is_ascii_digit) => {
                found.unknown_sign = true;
            }
            _ if YES_SIGNS.contains(&c) => found.tokens.push(THUMB.to_owned()),
            STOP_SIGN => found.tokens.push("stop".to_owned()),
            _ if KIND_SIGNS.contains(&c) || c.is_whitespace() || ".,;:!¡-_\"'()#*/&+".contains(c) => {}
            _ => found.unknown_sign = true,
        }
    }
    push(&mut found.tokens, &mut word);
    found
}

fn word_ended_before(chars: &[char], at: usize) -> bool {
    at == 0 || !chars[at - 1].is_alphanumeric()
}

fn push(words: &mut Vec<String>, word: &mut String) {
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
    words.push(squeezed);
    word.clear();
}
