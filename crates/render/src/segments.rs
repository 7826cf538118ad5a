//! How many parts a text message takes, and replacing what would take more without saying more.
//!
//! 3GPP TS 23.038 §6.2.1 (the 7-bit default alphabet, its extension table, UCS-2) and TS 23.040 §9.2.3.24.1 (a text in
//! several parts spends 6 octets of each on the concatenation header: 153 septets or 67 UCS-2 units remain).

/// Septets a lone message holds.
pub const GSM_SINGLE: usize = 160;
/// Septets each part of a longer message holds.
pub const GSM_PART: usize = 153;
/// UCS-2 units a lone message holds.
pub const UCS2_SINGLE: usize = 70;
/// UCS-2 units each part of a longer message holds.
pub const UCS2_PART: usize = 67;

/// The basic table of TS 23.038, in the order of its codes; the escape code itself is left out.
const GSM_BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table: each takes an escape septet and one more.
const GSM_EXTENSION: &str = "^{}\\[~]|€\u{0C}";

/// How a message's characters are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The 7-bit default alphabet.
    Gsm7,
    /// UTF-16 units (what networks call UCS-2).
    Ucs2,
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// How it is coded.
    pub encoding: Encoding,
    /// Septets, or UTF-16 units.
    pub units: usize,
    /// Messages it takes; an empty text takes one.
    pub parts: usize,
}

/// Septets of a character, or `None` outside the alphabet.
fn septets(c: char) -> Option<usize> {
    if GSM_BASIC.contains(c) {
        Some(1)
    } else if GSM_EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

/// Counts the parts of a text. An escape pair or a surrogate pair is never split between two parts.
pub fn count(text: &str) -> Segments {
    match text.chars().map(septets).collect::<Option<Vec<usize>>>() {
        Some(widths) => fill(Encoding::Gsm7, widths.into_iter(), GSM_SINGLE, GSM_PART),
        None => fill(Encoding::Ucs2, text.chars().map(char::len_utf16), UCS2_SINGLE, UCS2_PART),
    }
}

fn fill(encoding: Encoding, widths: impl Iterator<Item = usize> + Clone, single: usize, part: usize) -> Segments {
    let units = widths.clone().sum();
    if units <= single {
        return Segments { encoding, units, parts: 1 };
    }
    let (mut parts, mut used) = (1, 0);
    for width in widths {
        if used + width > part {
            parts += 1;
            used = 0;
        }
        used += width;
    }
    Segments { encoding, units, parts }
}

/// Replaces typographic quotes, dashes, dots and blanks by plain ones, which say the same and stay inside the
/// alphabet; drops what is invisible. Everything else stays, among it U+FFFC, the mark of the link.
pub fn plain(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}' | '\u{2032}' | '\u{2035}' | '`' | '´' => {
                replaced.push('\'');
            }
            '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{201F}' | '\u{2033}' | '«' | '»' => replaced.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => replaced.push('-'),
            '…' => replaced.push_str("..."),
            '\t' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => {
                replaced.push(' ');
            }
            '\u{AD}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}' | '\u{FEFF}' => {}
            other => replaced.push(other),
        }
    }
    replaced
}

/// [`plain`], and if the text takes more than `most` parts, accents that the alphabet lacks are left out (`á` to `a`; `é`
/// and `ñ` stay) provided that this saves a part: "Clínica" must not cost a practice twice the price.
pub fn fit(text: &str, most: usize) -> String {
    let text = plain(text);
    let before = count(&text).parts;
    if before <= most {
        return text;
    }
    let folded: String = text.chars().map(|c| if septets(c).is_some() { c } else { fold(c) }).collect();
    if count(&folded).parts < before { folded } else { text }
}

/// The letter under a Latin accent that the alphabet lacks.
pub(crate) fn fold(c: char) -> char {
    match c {
        'á' | 'â' | 'ã' | 'ą' | 'ă' => 'a',
        'Á' | 'Â' | 'Ã' | 'À' => 'A',
        'í' | 'î' | 'ï' => 'i',
        'Í' | 'Î' | 'Ï' | 'Ì' => 'I',
        'ó' | 'ô' | 'õ' => 'o',
        'Ó' | 'Ô' | 'Õ' | 'Ò' => 'O',
        'ú' | 'û' => 'u',
        'Ú' | 'Û' | 'Ù' => 'U',
        'ê' | 'ë' | 'ę' => 'e',
        'Ê' | 'Ë' | 'È' => 'E',
        'ç' => 'c',
        'ý' => 'y',
        'Ý' => 'Y',
        other => other,
    }
}

#[cfg(test)]
#[path = "segments_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "segments_vectors.rs"]
mod vectors;
