//! What a file may be at most, each limit with its reason.

use crate::error::FileError;
use std::io::Read;

/// Bytes of a file. A year of a large practice (200,000 visits of 300 bytes) is 60 MB.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Rows of a file, header and blank rows not counted.
pub const MAX_ROWS: usize = 250_000;

/// Bytes from one line end to the next. A file without line ends is no schedule, and must not be read to its end to find out.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Bytes of one cell (a spreadsheet's own limit is 32,767 characters). A longer one is nearly always a quotation mark that was never closed.
pub const MAX_CELL_BYTES: usize = 32 * 1024;

/// Columns of a row.
pub const MAX_COLUMNS: usize = 256;

/// Sheets of a workbook that are looked at.
pub const MAX_SHEETS: usize = 32;

/// Bytes that a workbook may unpack to, all parts together.
pub const MAX_UNPACKED_BYTES: u64 = 512 * 1024 * 1024;

/// How many times its packed size one part of a workbook may unpack to. Spreadsheets reach 10 to 30; bombs 1,000.
pub const MAX_UNPACK_RATIO: u64 = 200;

/// Parts of a workbook.
pub const MAX_PARTS: usize = 2_000;

/// Rows at the top among which the header is looked for.
pub const HEADER_WITHIN_ROWS: usize = 10;

/// Unknown words that are listed, per column; more are counted under the last.
pub const MAX_WORDS: usize = 50;

/// Bytes of a mapping file.
pub const MAX_MAPPING_BYTES: usize = 64 * 1024;

/// Reads a whole file, and stops as soon as it is too big or one of its lines is too long, so that a line of
/// 2 GB costs a megabyte.
///
/// # Errors
/// [`FileError::TooLarge`], [`FileError::LineTooLong`], or [`FileError::Unreadable`] with the system's own words.
pub fn read_limited(mut from: impl Read) -> Result<Vec<u8>, FileError> {
    let mut all = Vec::new();
    let mut chunk = vec![0_u8; 256 * 1024];
    let mut lines = LineLimit::default();
    let mut packed = false;
    loop {
        let n = from.read(&mut chunk).map_err(|e| FileError::Unreadable(e.to_string()))?;
        if n == 0 {
            return Ok(all);
        }
        if all.is_empty() {
            packed = chunk.starts_with(b"PK");
        }
        if (all.len() + n) as u64 > MAX_FILE_BYTES {
            return Err(FileError::TooLarge);
        }
        if !packed {
            lines.look_at(&chunk[..n])?;
        }
        all.extend_from_slice(&chunk[..n]);
    }
}

/// Whether a file that is in memory already keeps the limit of a line: before it is copied, decoded or sealed.
///
/// # Errors
/// [`FileError::LineTooLong`]. A workbook has no lines.
pub fn check_lines(content: &[u8]) -> Result<(), FileError> {
    if content.starts_with(b"PK") { Ok(()) } else { LineLimit::default().look_at(content) }
}

/// Counts bytes since the last line end, across chunks.
#[derive(Debug, Default)]
pub(crate) struct LineLimit {
    since: usize,
    line: u64,
}

impl LineLimit {
    pub(crate) fn look_at(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        for piece in bytes.split_inclusive(|b| matches!(b, b'\n' | b'\r')) {
            self.since += piece.len();
            if self.since > MAX_LINE_BYTES {
                return Err(FileError::LineTooLong { line: self.line + 1 });
            }
            if piece.ends_with(b"\n") {
                self.line += 1;
            }
            if piece.ends_with(b"\n") || piece.ends_with(b"\r") {
                self.since = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the same byte for ever, and counts how much was taken.
    struct Endless(u64);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            into.fill(b'x');
            self.0 += into.len() as u64;
            Ok(into.len())
        }
    }

    #[test]
    fn a_line_without_end_is_refused_after_a_megabyte() {
        let mut endless = Endless(0);
        assert!(matches!(read_limited(&mut endless), Err(FileError::LineTooLong { line: 1 })));
        assert!(endless.0 < 2 * MAX_LINE_BYTES as u64, "{} bytes were read", endless.0);
    }

    #[test]
    fn what_is_in_memory_is_held_to_the_same_limit() {
        let mut long = b"a,b\n".to_vec();
        long.resize(MAX_LINE_BYTES + 5, b'x');
        assert!(matches!(check_lines(&long), Err(FileError::LineTooLong { line: 2 })));
        assert!(check_lines(&long[..MAX_LINE_BYTES]).is_ok());
        long[..2].copy_from_slice(b"PK");
        assert!(check_lines(&long).is_ok(), "a workbook");
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let line = [b'x'; 99].iter().chain(b"\n").copied().collect::<Vec<u8>>();
        let long = line.repeat(usize::try_from(MAX_FILE_BYTES / 100).expect("fits") + 1);
        assert!(matches!(read_limited(&long[..]), Err(FileError::TooLarge)));
        assert_eq!(read_limited(&long[..1000]).expect("within the limits").len(), 1000);
    }
}
