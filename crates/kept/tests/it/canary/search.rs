//! Looks for private values in whatever was left behind, however they are written there.
//!
//! A value is looked for in the spellings of [`spellings`], and what is searched is unfolded first ([`unfold`]): runs of
//! hex digits and of base64 are decoded, zlib and gzip streams inflated. The tests below plant a value in each of these ways.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io::Read as _;

/// A shorter spelling would be met by chance in megabytes of ciphertext.
const SHORTEST: usize = 8;
/// Runs of digits of a coding shorter than this hide no value.
const SHORTEST_RUN: usize = 16;
/// A stream that inflates to more than this is not looked at further: nothing here is that large.
const LONGEST_INFLATED: u64 = 16 << 20;
/// Codings inside codings that are followed.
const DEPTH: usize = 2;

/// A value that must not be found, and what it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Canary {
    pub(crate) what: String,
    pub(crate) value: String,
}

/// One find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) what: String,
    pub(crate) spelling: &'static str,
    /// What stands around it, for whoever mends it.
    pub(crate) around: String,
}

/// What to look for, ready to be searched for in one pass.
pub(crate) struct Search {
    canaries: Vec<Canary>,
    /// Spellings by their first eight bytes.
    exact: HashMap<[u8; SHORTEST], Vec<Spelling>>,
    /// The same for text in lower case.
    lower: HashMap<[u8; SHORTEST], Vec<Spelling>>,
}

struct Spelling {
    canary: usize,
    name: &'static str,
    bytes: Vec<u8>,
}

impl Search {
    pub(crate) fn new(canaries: Vec<Canary>) -> Self {
        let mut exact: HashMap<_, Vec<Spelling>> = HashMap::new();
        let mut lower: HashMap<_, Vec<Spelling>> = HashMap::new();
        for (canary, one) in canaries.iter().enumerate() {
            for (name, bytes) in spellings(&one.value) {
                let Some(head) = bytes.first_chunk::<SHORTEST>() else {
                    panic!("`{}` is too short to be looked for as {name}", one.value)
                };
                let folded = bytes.to_ascii_lowercase();
                if !name.starts_with("base64") {
                    let head = *folded.first_chunk().expect("as long");
                    lower.entry(head).or_default().push(Spelling { canary, name, bytes: folded });
                }
                exact.entry(*head).or_default().push(Spelling { canary, name, bytes });
            }
        }
        Self { canaries, exact, lower }
    }

    /// Every value that is in there, once.
    pub(crate) fn find(&self, haystack: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for layer in unfold(haystack) {
            Self::scan(&self.exact, &layer, |spelling, at| self.note(spelling, at, &layer, &mut seen, &mut found));
            let folded = layer.to_ascii_lowercase();
            Self::scan(&self.lower, &folded, |spelling, at| self.note(spelling, at, &layer, &mut seen, &mut found));
        }
        found
    }

    fn scan(index: &HashMap<[u8; SHORTEST], Vec<Spelling>>, haystack: &[u8], mut hit: impl FnMut(&Spelling, usize)) {
        // Two bytes tell most places apart before anything is hashed.
        let mut begins = vec![false; 1 << 16];
        for head in index.keys() {
            begins[usize::from(head[0]) << 8 | usize::from(head[1])] = true;
        }
        for (at, window) in haystack.windows(SHORTEST).enumerate() {
            if !begins[usize::from(window[0]) << 8 | usize::from(window[1])] {
                continue;
            }
            let head: &[u8; SHORTEST] = window.try_into().expect("a window of that length");
            for spelling in index.get(head).into_iter().flatten() {
                if haystack[at..].starts_with(&spelling.bytes) {
                    hit(spelling, at);
                }
            }
        }
    }

    fn note(&self, spelling: &Spelling, at: usize, layer: &[u8], seen: &mut HashSet<usize>, found: &mut Vec<Found>) {
        if seen.insert(spelling.canary) {
            let around = &layer[at.saturating_sub(80)..layer.len().min(at + spelling.bytes.len() + 40)];
            found.push(Found {
                what: self.canaries[spelling.canary].what.clone(),
                spelling: spelling.name,
                around: String::from_utf8_lossy(around).into_owned(),
            });
        }
    }
}

/// How a value may be written.
pub(crate) fn spellings(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let raw = value.as_bytes();
    let mut all = vec![("raw", raw.to_vec())];
    all.push(("lower case", value.to_lowercase().into_bytes()));
    all.push(("upper case", value.to_uppercase().into_bytes()));
    all.push(("hex", hex::encode(raw).into_bytes()));
    all.push(("UTF-16LE", value.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    all.push(("UTF-16BE", value.encode_utf16().flat_map(u16::to_be_bytes).collect()));
    let percent = |kept: fn(u8) -> bool| {
        raw.iter().fold(String::new(), |mut out, &byte| {
            if kept(byte) {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02X}").expect("a String takes all");
            }
            out
        })
    };
    all.push(("percent", percent(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)).into_bytes()));
    all.push(("percent, all", percent(|_| false).into_bytes()));
    all.push(("form", percent(|byte| byte.is_ascii_alphanumeric()).replace("%20", "+").into_bytes()));
    all.push(("JSON", serde_json::Value::from(value).to_string().trim_matches('"').as_bytes().to_vec()));
    let escaped = value.encode_utf16().fold(String::new(), |mut out, unit| {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => out.push(char::from(byte)),
            _ => write!(out, "\\u{unit:04x}").expect("a String takes all"),
        }
        out
    });
    all.push(("JSON, ASCII", escaped.into_bytes()));
    let html = value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;");
    all.push(("HTML", html.into_bytes()));
    all.push(("Debug", format!("{value:?}").trim_matches('"').as_bytes().to_vec()));
    all.push(("bytes", format!("{raw:?}").trim_matches(['[', ']']).as_bytes().to_vec()));
    for (offset, name) in ["base64", "base64, one byte before", "base64, two bytes before"].into_iter().enumerate() {
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let mut shifted = vec![0; offset];
            shifted.extend_from_slice(raw);
            let text = engine.encode(&shifted);
            // The first digits hold bits of the bytes before, the last one may hold bits of the byte after.
            let first = [0, 2, 3][offset];
            let last = shifted.len() * 8 / 6;
            all.push((name, text.as_bytes()[first..last].to_vec()));
        }
    }
    all.sort();
    all.dedup_by(|one, other| one.1 == other.1);
    all
}

/// How a number of ten digits after the country's code, or of less, may be written.
pub(crate) fn phone_spellings(e164: &str) -> Vec<String> {
    let digits = e164.trim_start_matches('+');
    let mut all = vec![e164.to_owned(), digits.to_owned()];
    if let Some(at) = digits.len().checked_sub(10) {
        let (area, first, last) = (&digits[at..at + 3], &digits[at + 3..at + 6], &digits[at + 6..]);
        for form in [
            format!("{area}{first}{last}"),
            format!("{area}-{first}-{last}"),
            format!("{area}.{first}.{last}"),
            format!("{area} {first} {last}"),
            format!("({area}) {first}-{last}"),
        ] {
            all.push(form);
        }
    }
    all.push(digits.chars().rev().collect());
    all
}

/// How a day may be written.
pub(crate) fn day_spellings(day: chrono::NaiveDate) -> Vec<String> {
    ["%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d", "%B %-d, %Y", "%-d %B %Y"]
        .iter()
        .map(|form| day.format(form).to_string())
        .collect()
}

/// What is searched: the bytes themselves, and what they hold in another coding.
fn unfold(haystack: &[u8]) -> Vec<Vec<u8>> {
    let mut layers = vec![haystack.to_vec()];
    let mut from = 0;
    for _ in 0..DEPTH {
        let until = layers.len();
        for at in from..until {
            let mut decoded = Vec::new();
            for run in runs(&layers[at], |byte| byte.is_ascii_hexdigit()) {
                decoded.extend([0, 1].into_iter().filter_map(|skip| {
                    let even = &run[skip..skip + (run.len() - skip) / 2 * 2];
                    hex::decode(even).ok()
                }));
            }
            for run in runs(&layers[at], |byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)) {
                let standard: Vec<u8> = run
                    .iter()
                    .map(|byte| match byte {
                        b'-' => b'+',
                        b'_' => b'/',
                        other => *other,
                    })
                    .collect();
                decoded.extend(STANDARD.decode(&standard[..standard.len() / 4 * 4]).ok());
            }
            decoded.extend(inflated(&layers[at]));
            // One layer for all, with a byte between that no value holds.
            if !decoded.is_empty() {
                layers.push(decoded.join(&0xFF));
            }
        }
        from = until;
    }
    layers
}

fn runs(bytes: &[u8], of: impl Fn(u8) -> bool) -> impl Iterator<Item = &[u8]> {
    bytes.split(move |&byte| !of(byte)).filter(|run| run.len() >= SHORTEST_RUN)
}

/// Every zlib or gzip stream that begins somewhere in there.
fn inflated(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (at, pair) in bytes.windows(2).enumerate() {
        let mut out = Vec::new();
        let read = match pair {
            [0x78, 0x01 | 0x5E | 0x9C | 0xDA] => {
                flate2::read::ZlibDecoder::new(&bytes[at..]).take(LONGEST_INFLATED).read_to_end(&mut out)
            }
            [0x1F, 0x8B] => flate2::read::GzDecoder::new(&bytes[at..]).take(LONGEST_INFLATED).read_to_end(&mut out),
            _ => continue,
        };
        // What was inflated before a stream broke off counts too.
        if (read.is_ok() || out.len() >= SHORTEST_RUN) && !out.is_empty() {
            all.push(out);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const VALUE: &str = "Zo\u{eb} O'Quizelda";

    fn search() -> Search {
        Search::new(vec![Canary { what: "name".to_owned(), value: VALUE.to_owned() }])
    }

    fn planted(bytes: &[u8]) -> Vec<u8> {
        let mut haystack = vec![0x2E; 4096];
        haystack.extend_from_slice(bytes);
        haystack.extend_from_slice(&[0x2E; 100]);
        haystack
    }

    #[test]
    fn a_planted_value_is_found_in_every_spelling() {
        let search = search();
        for (name, bytes) in spellings(VALUE) {
            assert_eq!(search.find(&planted(&bytes)).len(), 1, "{name}");
        }
        let bytes = VALUE.as_bytes();
        for (name, text) in [
            ("mixed case", "zO\u{eb} o'QUIZelda".to_owned()),
            ("hex in upper case", hex::encode_upper(bytes)),
            ("escaped bytes", format!("\\x{}", hex::encode(bytes))),
            ("base64 of a sentence", STANDARD.encode(format!("patient {VALUE} came"))),
            ("base64 of a longer sentence", STANDARD.encode(format!("the patient {VALUE} came in"))),
            ("hex of base64", hex::encode(STANDARD.encode(format!("x{VALUE}x")))),
            ("hex of odd length around it", format!("a{}", hex::encode(format!("--{VALUE}--")))),
        ] {
            assert_eq!(search.find(&planted(text.as_bytes())).len(), 1, "{name}: {text}");
        }
    }

    #[test]
    fn a_value_in_a_compressed_page_is_found() {
        let page = format!("<main>{} {VALUE}</main>", "words ".repeat(200));
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(page.as_bytes()).expect("memory takes all");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(page.as_bytes()).expect("memory takes all");
        for stream in [zlib.finish().expect("ends"), gzip.finish().expect("ends")] {
            assert_eq!(search().find(&planted(&stream)).len(), 1);
            assert_eq!(search().find(&planted(hex::encode(&stream).as_bytes())).len(), 1, "as a column of bytes");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let mut noise = Vec::new();
        let mut state = 1_u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            noise.push(state.to_be_bytes()[0]);
        }
        noise.extend_from_slice(b"Zoe Quizelda, ZoO'Quizeld");
        assert_eq!(search().find(&noise), []);
    }

    #[test]
    fn numbers_and_days_are_found_as_people_write_them() {
        let phones = phone_spellings("+12125550147");
        for form in ["212-555-0147", "(212) 555-0147", "2125550147", "+12125550147", "212.555.0147", "74105552121"] {
            assert!(phones.iter().any(|one| one == form), "{form} is not in {phones:?}");
        }
        let days = day_spellings(chrono::NaiveDate::from_ymd_opt(1931, 7, 9).expect("a day"));
        for form in ["1931-07-09", "07/09/1931", "19310709", "July 9, 1931"] {
            assert!(days.iter().any(|one| one == form), "{form} is not in {days:?}");
        }
    }
}
