//! A file as rows of text under one header, whatever it came as.

use crate::error::FileError;
use crate::field::Field;
use crate::limits::{HEADER_WITHIN_ROWS, MAX_COLUMNS, MAX_FILE_BYTES, MAX_ROWS};
use crate::mapping::{DateOrder, Mapping};
use crate::{guess, sheet, sniff, when};
use csv::StringRecord;
use std::fmt;

/// One row: its line in the file (or row of the sheet), and its cells.
#[derive(Clone)]
pub struct Row {
    line: u32,
    cells: StringRecord,
}

impl Row {
    pub(crate) fn new(line: u32, cells: StringRecord) -> Self {
        Self { line, cells }
    }

    /// Line of the file, or row of the sheet, 1 for the first.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// A cell without the blanks around it, and without the apostrophe that keeps spreadsheets from running it (see
    /// [`crate::reject::harmless`]); empty where the row is shorter.
    pub fn cell(&self, column: usize) -> &str {
        let cell = self.cells.get(column).unwrap_or_default().trim();
        match cell.strip_prefix('\'') {
            Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest.trim(),
            _ => cell,
        }
    }

    /// All cells as they stand in the file.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter()
    }

    /// How many cells it has.
    pub fn width(&self) -> usize {
        self.cells.len()
    }

    /// Whether every cell is blank.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }

    /// Bytes of the longest cell.
    pub(crate) fn longest_cell(&self) -> usize {
        self.cells.iter().map(str::len).max().unwrap_or(0)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row(line {}, {} cells)", self.line, self.cells.len())
    }
}

/// What a table was read from; shown to the person who uploads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Text with a delimiter.
    Text {
        /// Name of the character set, e.g. `UTF-8`.
        encoding: &'static str,
        /// Between two cells.
        delimiter: char,
    },
    /// A sheet of a workbook.
    Sheet {
        /// The sheet's name.
        name: String,
    },
}

/// A file as a header and rows. Blank rows are left out and counted. Prints no cell: what was taken for the header may be a
/// row of somebody's data.
#[derive(Clone)]
pub struct Table {
    origin: Origin,
    header: Vec<String>,
    header_line: u32,
    rows: Vec<Row>,
    blank_rows: u64,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} columns, {} rows)", self.header.len(), self.rows.len())
    }
}

impl Table {
    /// Reads a file that was exported or saved as CSV (any usual delimiter and character set) or XLSX.
    ///
    /// With a mapping, the header is the row that has its columns; without, the row that looks most like one.
    ///
    /// # Errors
    /// A [`FileError`] that says what kind of file this is instead, or which limit it exceeds.
    pub fn open(bytes: &[u8], mapping: Option<&Mapping>) -> Result<Self, FileError> {
        Self::open_by(bytes, mapping.and_then(Mapping::sheet), |row| score(row, mapping))
    }

    /// The same without a mapping, where headers of earlier files are known by their [`Table::header_key`]: a row that is one of them
    /// is the header, whatever its words.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open_known(bytes: &[u8], is_known: impl Fn(&str) -> bool) -> Result<Self, FileError> {
        Self::open_by(bytes, None, |row| {
            if !is_of_data(row) && is_known(&key_of(&header_of(row))) { usize::MAX } else { score(row, None) }
        })
    }

    fn open_by(bytes: &[u8], sheet: Option<&str>, score: impl Fn(&Row) -> usize) -> Result<Self, FileError> {
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(FileError::TooLarge);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(FileError::Empty);
        }
        let best = |rows: &[Row]| rows.iter().take(HEADER_WITHIN_ROWS).map(&score).max().unwrap_or(0);
        let (origin, rows) = if sheet::is_ole(bytes) {
            return Err(FileError::OldWorkbook);
        } else if sheet::is_packed(bytes) {
            let (name, rows) = sheet::rows(bytes, sheet, best)?;
            (Origin::Sheet { name }, rows)
        } else {
            let (text, encoding) = sniff::decode(bytes)?;
            let delimiter = sniff::delimiter(&text);
            let rows = text_rows(&text, delimiter)?;
            (Origin::Text { encoding: encoding.name(), delimiter: char::from(delimiter) }, rows)
        };
        Self::assemble(origin, rows, score)
    }

    fn assemble(origin: Origin, mut rows: Vec<Row>, score: impl Fn(&Row) -> usize) -> Result<Self, FileError> {
        if rows.is_empty() {
            return Err(FileError::Empty);
        }
        let top = &rows[..rows.len().min(HEADER_WITHIN_ROWS)];
        // Names of columns never stand below visits. A title that holds a day is narrower than they are.
        let is_below_data =
            |index: usize| top[..index].iter().any(|above| is_of_data(above) && filled(above) >= filled(&top[index]));
        let may_be: Vec<usize> = (0..top.len()).filter(|&index| !is_below_data(index)).collect();
        let most = may_be.iter().map(|&index| score(&top[index])).max().unwrap_or(0);
        let index = if most > 0 {
            may_be.into_iter().find(|&index| score(&top[index]) == most)
        } else {
            // No known word: the first row of words over a row of the same width.
            let wordy =
                |row: &Row| !is_of_data(row) && row.width() > 1 && (0..row.width()).all(|i| is_word(row.cell(i)));
            may_be.into_iter().find(|&index| {
                let below = top.get(index + 1);
                wordy(&top[index]) && below.is_some_and(|below| below.width() == top[index].width())
            })
        }
        .ok_or(FileError::NoHeader)?;
        let header_row = &rows[index];
        let header = header_of(header_row);
        let header_line = header_row.line;
        let before = rows.len();
        rows.drain(..=index);
        let seen = before - index - 1;
        rows.retain(|row| !row.is_blank());
        if rows.len() > MAX_ROWS {
            return Err(FileError::TooManyRows);
        }
        let blank_rows = (seen - rows.len()) as u64;
        Ok(Self { origin, header, header_line, rows, blank_rows })
    }

    /// What it was read from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Names of the columns, in file order; a nameless column is empty.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Line of the header, 1 for the first.
    pub fn header_line(&self) -> u32 {
        self.header_line
    }

    /// Rows below the header that are not blank.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The same without its rows, once they are read: a year of visits is tens of megabytes.
    #[must_use]
    pub fn without_rows(self) -> Self {
        Self { rows: Vec::new(), ..self }
    }

    /// Rows below the header that are blank.
    pub fn blank_rows(&self) -> u64 {
        self.blank_rows
    }

    /// The header in one canonical line: two files with the same columns in the same order have the same. A mapping
    /// is remembered under it.
    pub fn header_key(&self) -> String {
        key_of(&self.header)
    }

    /// Index of the column of that name, whatever its case and blanks.
    pub(crate) fn column(&self, name: &str) -> Result<Option<usize>, FileError> {
        let wanted = normal(name);
        let mut found = self.header.iter().enumerate().filter(|(_, header)| normal(header) == wanted);
        let first = found.next();
        if found.next().is_some() {
            return Err(FileError::ColumnTwice { column: name.to_owned() });
        }
        Ok(first.map(|(index, _)| index))
    }
}

fn header_of(row: &Row) -> Vec<String> {
    (0..row.width()).map(|i| clean_header(row.cell(i))).collect()
}

fn key_of(header: &[String]) -> String {
    header.iter().map(|name| normal(name)).collect::<Vec<_>>().join("\u{1F}")
}

/// How much a row looks like the header: columns of the mapping count ten times what a known word does.
fn score(row: &Row, mapping: Option<&Mapping>) -> usize {
    if is_of_data(row) {
        return 0;
    }
    let mut points = 0;
    for cell in row.cells() {
        let name = normal(&clean_header(cell));
        if name.is_empty() {
            continue;
        }
        if mapping.is_some_and(|m| m.names().any(|wanted| normal(wanted) == name)) {
            points += 10;
        }
        points += usize::from(guess::field_of(cell).is_some());
    }
    // A title such as "Schedule" is one known word; a header is at least two columns.
    if filled(row) < 2 { 0 } else { points }
}

/// How many cells of a row are not blank.
fn filled(row: &Row) -> usize {
    row.cells().filter(|cell| !cell.trim().is_empty()).count()
}

/// Whether a row is a visit already: every visit has a start, and no column is named by a moment. Names of columns are kept in the
/// clear, in mappings, and such a row's cells are not names.
fn is_of_data(row: &Row) -> bool {
    row.cells().any(|cell| is_moment(cell) || is_number(cell) || is_address(cell))
}

fn is_moment(cell: &str) -> bool {
    let orders = [DateOrder::Iso, DateOrder::MonthFirst, DateOrder::DayFirst];
    let read = |order| when::parse(cell.trim(), order, false);
    cell.len() < 60
        && orders.into_iter().any(|order| read(order).is_ok_and(|got| got.date.is_some() || got.time.is_some()))
}

/// A telephone number, an id, or a spreadsheet's moment. "Phone 2" and "1" may name columns.
fn is_number(cell: &str) -> bool {
    !cell.chars().any(char::is_alphabetic) && cell.chars().filter(char::is_ascii_digit).count() >= 5
}

fn is_address(cell: &str) -> bool {
    cell.trim().split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.'))
}

fn is_word(cell: &str) -> bool {
    cell.chars().any(char::is_alphabetic) && cell.len() < 60
}

/// Line breaks and doubled blanks out of a column's name.
fn clean_header(name: &str) -> String {
    name.trim_start_matches('\u{FEFF}').split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A column's name for comparing: blanks, case and a trailing colon do not count.
pub(crate) fn normal(name: &str) -> String {
    clean_header(name).trim_end_matches(':').to_lowercase()
}

fn text_rows(text: &str, delimiter: u8) -> Result<Vec<Row>, FileError> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    let (mut counted_to, mut line) = (0_usize, 1_u32);
    // The text is valid UTF-8 and rows may have any width, so that no error is left that the reader could give.
    while reader.read_record(&mut record).map_err(|_| FileError::NotATable { what: "a binary file" })? {
        let at = record.position().map_or(0, csv::Position::byte);
        let mut at = usize::try_from(at).unwrap_or(text.len()).min(text.len());
        let ends = text.as_bytes()[at..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        at += ends;
        let more = text[counted_to..at].matches('\n').count();
        line = line.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        counted_to = at;
        if record.len() > MAX_COLUMNS {
            return Err(FileError::TooManyColumns);
        }
        // Comments of the program that wrote the file; their delimiters mean nothing.
        let is_comment = rows.is_empty() && record.get(0).is_some_and(|first| first.trim_start().starts_with('#'));
        if is_comment && guess::known(record.iter()) < 2 {
            continue;
        }
        rows.push(Row::new(line, record.clone()));
        if rows.len() > MAX_ROWS + HEADER_WITHIN_ROWS {
            return Err(FileError::TooManyRows);
        }
    }
    Ok(rows)
}

/// Where each field of a mapping is found in a table.
pub(crate) struct Places {
    columns: [Vec<usize>; Field::COUNT],
}

impl Places {
    pub(crate) fn of(table: &Table, mapping: &Mapping) -> Result<Self, FileError> {
        let mut columns: [Vec<usize>; Field::COUNT] = std::array::from_fn(|_| Vec::new());
        let mut missing = Vec::new();
        for (field, names) in mapping.columns() {
            for name in names {
                match table.column(name)? {
                    Some(index) => columns[*field as usize].push(index),
                    None => missing.push(format!("“{name}”")),
                }
            }
        }
        if missing.is_empty() {
            return Ok(Self { columns });
        }
        missing.dedup();
        Err(FileError::ColumnMissing {
            missing: missing.join(", "),
            line: table.header_line,
            header: table.header.iter().map(|name| format!("“{name}”")).collect::<Vec<_>>().join(", "),
        })
    }

    /// Columns of a field, in the order of the mapping; none if it is not mapped.
    pub(crate) fn get(&self, field: Field) -> &[usize] {
        &self.columns[field as usize]
    }

    /// The mapped column furthest to the right.
    pub(crate) fn last(&self) -> usize {
        self.columns.iter().flatten().copied().max().unwrap_or(0)
    }

    /// Whether a column is mapped to anything.
    pub(crate) fn uses(&self, column: usize) -> bool {
        self.columns.iter().any(|columns| columns.contains(&column))
    }
}
