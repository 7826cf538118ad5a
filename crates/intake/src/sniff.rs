//! Which character set and which delimiter a text file uses.

use crate::error::FileError;
use crate::limits::LineLimit;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::borrow::Cow;

/// Bytes at the beginning that decide.
const HEAD: usize = 64 * 1024;
/// Lines at the beginning that decide about the delimiter.
const DELIMITER_LINES: usize = 40;
/// What may stand between two cells.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Beginnings of files that people upload by mistake.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xFF\xD8\xFF", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1F\x8B", "a compressed file"),
    (b"7z\xBC\xAF", "a compressed file"),
    (b"Rar!", "a compressed file"),
    (b"SQLite format 3", "a database"),
    (b"{\\rtf", "a text document"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
    (b"BEGIN:VCALENDAR", "an iCalendar file"),
];

/// Decodes a text file: a byte order mark decides, else valid UTF-8, else Windows-1252. Two-byte text without a mark
/// is known by its zero bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, &'static Encoding), FileError> {
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(FileError::NotATable { what });
    }
    LineLimit::default().look_at(bytes)?;
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if looks_like_utf16(bytes, 1) => UTF_16LE,
        None if looks_like_utf16(bytes, 0) => UTF_16BE,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => WINDOWS_1252,
    };
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    let head = &text.as_bytes()[..text.len().min(HEAD)];
    let odd = head.iter().filter(|b| matches!(b, 0..=8 | 14..=25 | 27..=31 | 127)).count();
    if odd > head.len() / 500 {
        return Err(FileError::NotATable { what: "a binary file" });
    }
    Ok((text, encoding))
}

/// Whether nearly every second byte, counted from `zero`, is zero and hardly any other.
fn looks_like_utf16(bytes: &[u8], zero: usize) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    head.len() >= 8 && zeros(zero) * 2 > head.len() * 8 / 10 && zeros(1 - zero) * 20 < head.len()
}

/// The delimiter under which most lines have the same number of cells, and more than one.
pub(crate) fn delimiter(text: &str) -> u8 {
    let end = text.char_indices().map(|(i, _)| i).take_while(|i| *i < HEAD).last().unwrap_or(0);
    let head = if text.len() < HEAD { text } else { &text[..end] };
    let score = |delimiter: u8| -> usize {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(head.as_bytes());
        let mut widths = std::collections::BTreeMap::<usize, usize>::new();
        for record in reader.byte_records().take(DELIMITER_LINES).flatten() {
            *widths.entry(record.len()).or_default() += 1;
        }
        widths
            .iter()
            .filter(|(width, _)| **width > 1)
            .map(|(width, rows)| (*width).min(40) * rows * rows)
            .max()
            .unwrap_or(0)
    };
    // The first of equals wins, and the comma is first.
    DELIMITERS.into_iter().rev().max_by_key(|d| score(*d)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_sets() {
        let kinds: [(&[u8], &Encoding); 6] = [
            (b"a,b\n\xC3\xA9,x\n", UTF_8),
            (b"\xEF\xBB\xBFa,b\n", UTF_8),
            (b"a;b\n\xE9;x\n", WINDOWS_1252),
            (b"\xFF\xFEa\0,\0b\0\n\0", UTF_16LE),
            (b"\xFE\xFF\0a\0,\0b\0\n", UTF_16BE),
            (b"n\0a\0m\0e\0,\0b\0\n\0", UTF_16LE),
        ];
        for (bytes, expected) in kinds {
            let (text, encoding) = decode(bytes).expect("text");
            assert_eq!(encoding, expected);
            assert!(!text.starts_with('\u{FEFF}') && text.contains(['a', 'm']), "{text}");
        }
    }

    #[test]
    fn what_is_not_text_is_named() {
        for (bytes, what) in [
            (&b"%PDF-1.7 ..."[..], "a PDF"),
            (&b"\x89PNG\r\n\x1a\n"[..], "a picture"),
            (&[0, 1, 2, 3, 200, 0, 0, 7, 9, 0, 1, 1, 5, 6][..], "a binary file"),
        ] {
            assert_eq!(decode(bytes).err(), Some(FileError::NotATable { what }));
        }
    }

    #[test]
    fn delimiters() {
        assert_eq!(delimiter("# note, with a comma\na;b;c\n1;2,5;3\n4;5;6\n"), b';');
        assert_eq!(delimiter("a\tb\nx, y\tz\n"), b'\t');
        assert_eq!(delimiter("a|b|c\n1|2|3"), b'|');
        assert_eq!(delimiter("Doctor, Amy,\"b;c;d;e\"\n1,2,3"), b',');
        assert_eq!(delimiter("one"), b',');
    }
}
