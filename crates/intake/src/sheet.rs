//! Workbooks (.xlsx): cells become the text that a CSV file of the same sheet would have.

use crate::error::FileError;
use crate::limits::{
    HEADER_WITHIN_ROWS, MAX_CELL_BYTES, MAX_COLUMNS, MAX_PARTS, MAX_ROWS, MAX_SHEETS, MAX_UNPACK_RATIO,
    MAX_UNPACKED_BYTES,
};
use crate::table::Row;
use calamine::{DataRef, ExcelDateTime, Reader, Xlsx};
use chrono::NaiveDate;
use csv::StringRecord;
use std::io::{Cursor, Read};

type Book<'a> = Xlsx<Cursor<&'a [u8]>>;

/// Whether the bytes are a zip file, and hence perhaps a workbook.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Whether the bytes are an OLE file: a workbook before 2007, or one with a password.
pub(crate) fn is_ole(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")
}

/// The rows of the sheet that `score` likes best (its first rows are shown to it), or of the sheet named.
///
/// Cells are streamed: a sheet that says it reaches from A1 to XFD1048576 costs what it holds, not what it says.
pub(crate) fn rows(
    bytes: &[u8],
    wanted: Option<&str>,
    score: impl Fn(&[Row]) -> usize,
) -> Result<(String, Vec<Row>), FileError> {
    unpacks_to_a_sane_size(bytes)?;
    let mut book: Book<'_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| FileError::DamagedWorkbook)?;
    let names: Vec<String> = book.sheet_names().into_iter().take(MAX_SHEETS).collect();
    let chosen = if let Some(wanted) = wanted {
        let same = |name: &&String| name.trim().eq_ignore_ascii_case(wanted.trim());
        let no_such_sheet = || FileError::NoSuchSheet { wanted: wanted.to_owned(), found: names.join(", ") };
        names.iter().find(same).cloned().ok_or_else(no_such_sheet)?
    } else {
        let mut best: Option<(usize, String)> = None;
        for name in &names {
            let top = match read_sheet(&mut book, name, HEADER_WITHIN_ROWS) {
                // A chart has no cells; that is no reason to refuse the sheet beside it.
                Err(FileError::DamagedWorkbook) => continue,
                top => top?,
            };
            let points = score(&top);
            if best.as_ref().is_none_or(|(most, _)| points > *most) {
                best = Some((points, name.clone()));
            }
        }
        best.ok_or(FileError::DamagedWorkbook)?.1
    };
    let rows = read_sheet(&mut book, &chosen, usize::MAX)?;
    Ok((chosen, rows))
}

/// Unpacks every part once, into nothing, within the limits. What the directory says about sizes is not believed.
fn unpacks_to_a_sane_size(bytes: &[u8]) -> Result<(), FileError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| FileError::DamagedWorkbook)?;
    if archive.len() > MAX_PARTS {
        return Err(FileError::UnpacksTooLarge);
    }
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| FileError::DamagedWorkbook)?;
        // Small parts may compress very well without being dangerous.
        let allowed = part.compressed_size().saturating_mul(MAX_UNPACK_RATIO).max(1024 * 1024).min(left);
        let mut limited = part.take(allowed + 1);
        let size = std::io::copy(&mut limited, &mut std::io::sink()).map_err(|_| FileError::DamagedWorkbook)?;
        if size > allowed {
            return Err(FileError::UnpacksTooLarge);
        }
        left -= size;
    }
    Ok(())
}

fn read_sheet(book: &mut Book<'_>, name: &str, at_most: usize) -> Result<Vec<Row>, FileError> {
    let from_1904 = book.has_1904_epoch();
    let mut cells = book.worksheet_cells_reader(name).map_err(|_| FileError::DamagedWorkbook)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut current: Option<(u32, Vec<String>)> = None;
    loop {
        let cell = cells.next_cell().map_err(|_| FileError::DamagedWorkbook)?;
        let position = cell.as_ref().map(calamine::Cell::get_position);
        let finished = current.as_ref().is_some_and(|(row, _)| position.is_none_or(|(r, _)| r != *row));
        if finished && let Some((row, texts)) = current.take() {
            rows.push(Row::new(row + 1, StringRecord::from(texts)));
            if rows.len() >= at_most {
                return Ok(rows);
            }
            if rows.len() > MAX_ROWS + HEADER_WITHIN_ROWS {
                return Err(FileError::TooManyRows);
            }
        }
        let Some(cell) = cell else { return Ok(rows) };
        let (row, column) = cell.get_position();
        let text = text_of(cell.get_value(), from_1904);
        if text.trim().is_empty() {
            continue;
        }
        let column = column as usize;
        if column >= MAX_COLUMNS {
            return Err(FileError::TooManyColumns);
        }
        let texts = &mut current.get_or_insert_with(|| (row, Vec::new())).1;
        if texts.len() <= column {
            texts.resize(column + 1, String::new());
        }
        texts[column] = text;
    }
}

/// A number without a fraction is written without one, so that a phone or an id kept as a number is what a person sees.
fn text_of(value: &DataRef<'_>, from_1904: bool) -> String {
    let mut text = match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(yes) => yes.to_string(),
        DataRef::DateTime(time) => date_text(time, from_1904),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    };
    if text.len() > 2 * MAX_CELL_BYTES {
        // Enough to be rejected as too long, and no more than that to keep.
        let cut = text.floor_char_boundary(2 * MAX_CELL_BYTES);
        text.truncate(cut);
    }
    text
}

/// Seconds since the workbook's day 0, as text: `2026-11-23`, `2026-11-23 08:15:00`, or `08:15:00` for a time of no day
/// and for a length. To the nearest second: 0.3333333333 is 08:00:00, not 07:59:59.999.
fn date_text(time: &ExcelDateTime, from_1904: bool) -> String {
    let serial = time.as_f64();
    let Some((day, second)) = day_and_second(serial) else { return serial.to_string() };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    if serial < 1.0 || time.is_duration() {
        return format!("{:02}:{minute:02}:{second:02}", day * 24 + hour);
    }
    match date_of_serial(day, from_1904) {
        None => serial.to_string(),
        Some(date) if hour == 0 && minute == 0 && second == 0 => date.to_string(),
        Some(date) => format!("{date} {hour:02}:{minute:02}:{second:02}"),
    }
}

/// Splits a serial number of days into whole days and seconds of the day, to the nearest second.
#[expect(clippy::cast_possible_truncation, reason = "kept within the range of spreadsheets, 0 to 2,958,466 days")]
pub(crate) fn day_and_second(serial: f64) -> Option<(i64, i64)> {
    if !(0.0..2_958_466.0).contains(&serial) {
        return None;
    }
    let seconds = (serial * 86_400.0).round() as i64;
    Some((seconds / 86_400, seconds % 86_400))
}

/// The date of a serial day number. The 1900 system has a 29 February 1900 that never was (day 60), hence its two epochs.
pub(crate) fn date_of_serial(day: i64, from_1904: bool) -> Option<NaiveDate> {
    let epoch = match (from_1904, day) {
        (true, _) => NaiveDate::from_ymd_opt(1904, 1, 1),
        (false, ..60) => NaiveDate::from_ymd_opt(1899, 12, 31),
        (false, _) => NaiveDate::from_ymd_opt(1899, 12, 30),
    }?;
    epoch.checked_add_signed(chrono::Duration::days(day))
}
