//! Why a whole file, or a mapping, cannot be used. Single bad rows are [`crate::Reason`]s.

use crate::limits;

/// Why a file cannot be read at all. Every message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing in it, or only blanks.
    #[error("The file is empty. Export the schedule again and upload that file.")]
    Empty,
    /// More than [`limits::MAX_FILE_BYTES`].
    #[error("The file is larger than {} MB. Export fewer weeks at a time.", limits::MAX_FILE_BYTES / (1024 * 1024))]
    TooLarge,
    /// A line longer than [`limits::MAX_LINE_BYTES`].
    #[error(
        "Line {line} is longer than {} KB, so this is not a schedule with one visit a line. Export it as CSV or XLSX.",
        limits::MAX_LINE_BYTES / 1024
    )]
    LineTooLong {
        /// 1 for the first line.
        line: u64,
    },
    /// More than [`limits::MAX_ROWS`].
    #[error("The file has more than {} rows. Export fewer weeks at a time.", limits::MAX_ROWS)]
    TooManyRows,
    /// More than [`limits::MAX_COLUMNS`].
    #[error("The file has more than {} columns. Export only the columns of the schedule.", limits::MAX_COLUMNS)]
    TooManyColumns,
    /// Not text and not a workbook.
    #[error("This is {what}, not a schedule. Export the schedule as CSV or XLSX and upload that file.")]
    NotATable {
        /// What it looks like, e.g. "a PDF".
        what: &'static str,
    },
    /// The old binary format of Excel.
    #[error("This is an old Excel workbook (.xls). Open it and save it as .xlsx or CSV.")]
    OldWorkbook,
    /// A workbook that cannot be read.
    #[error(
        "The workbook is damaged or protected by a password. Open it, save it again as .xlsx, and upload that file."
    )]
    DamagedWorkbook,
    /// A workbook that unpacks to far more than it says it holds.
    #[error(
        "The workbook unpacks to more than a schedule can be. Copy the schedule's sheet into a new workbook, or export it as CSV."
    )]
    UnpacksTooLarge,
    /// The mapping names a sheet that is not there.
    #[error(
        "The mapping says the schedule is on sheet “{wanted}”, and the workbook has: {found}. Correct `sheet` under [options]."
    )]
    NoSuchSheet {
        /// What the mapping says.
        wanted: String,
        /// The workbook's sheets.
        found: String,
    },
    /// No row within the first ten looks like a header.
    #[error(
        "No header row was found in the first {} rows. Upload the file with its column names, e.g. Date, Time, Patient, Phone.",
        limits::HEADER_WITHIN_ROWS
    )]
    NoHeader,
    /// The mapping names columns that the file does not have.
    #[error(
        "The mapping names a column that the file does not have: {missing}. The header is in line {line}: {header}. Correct the mapping, or choose the right file."
    )]
    ColumnMissing {
        /// The missing columns, quoted.
        missing: String,
        /// Line of the header that was found.
        line: u32,
        /// The header that was found, quoted.
        header: String,
    },
    /// Two columns have the same name and the mapping uses it.
    #[error(
        "Two columns are called “{column}”, so it is not clear which one is meant. Rename one of them in the file."
    )]
    ColumnTwice {
        /// Their name.
        column: String,
    },
    /// Days and months cannot be told apart.
    #[error(
        "The dates in column “{column}” can be read as month first or as day first (for example “{example}”). Say which: under [formats] set date = \"month-first\" or date = \"day-first\"."
    )]
    AmbiguousDates {
        /// The column.
        column: String,
        /// One date that can be read both ways.
        example: String,
    },
    /// The reader could not take the file from the disk or the network.
    #[error("The file could not be read: {0}. Check that it exists and that you may read it.")]
    Unreadable(String),
    /// The mapping is wrong.
    #[error(transparent)]
    Mapping(#[from] MappingError),
}

impl FileError {
    /// A code for a database or a log: says what happened and nothing of the file.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too-large",
            Self::LineTooLong { .. } => "line-too-long",
            Self::TooManyRows => "too-many-rows",
            Self::TooManyColumns => "too-many-columns",
            Self::NotATable { .. } => "not-a-table",
            Self::OldWorkbook => "old-workbook",
            Self::DamagedWorkbook => "damaged-workbook",
            Self::UnpacksTooLarge => "unpacks-too-large",
            Self::NoSuchSheet { .. } => "no-such-sheet",
            Self::NoHeader => "no-header",
            Self::ColumnMissing { .. } => "column-missing",
            Self::ColumnTwice { .. } => "column-twice",
            Self::AmbiguousDates { .. } => "ambiguous-dates",
            Self::Unreadable(_) => "unreadable",
            Self::Mapping(_) => "mapping",
        }
    }
}

/// Why a mapping cannot be used. Every message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not TOML, or a key that a mapping does not have.
    #[error("The mapping cannot be read: {0}")]
    Toml(String),
    /// More than [`limits::MAX_MAPPING_BYTES`].
    #[error("The mapping is larger than {} KB.", limits::MAX_MAPPING_BYTES / 1024)]
    TooLarge,
    /// Not a zone of the IANA database.
    #[error("“{zone}” is not a time zone. Use a name of the IANA database, such as America/Chicago or Europe/Madrid.")]
    UnknownZone {
        /// What was written.
        zone: String,
    },
    /// A value under `[values.status]` that is no status.
    #[error(
        "[values.status] gives “{word}” the meaning “{meaning}”, which is not a status; it may be one of: {allowed}."
    )]
    UnknownStatus {
        /// Their word.
        word: String,
        /// What it was said to mean.
        meaning: String,
        /// What it may mean.
        allowed: String,
    },
    /// A value under `[values.…]` that is no meaning of that field.
    #[error("[values.{field}] gives “{word}” the meaning “{meaning}”; it may be one of: {allowed}.")]
    UnknownMeaning {
        /// Our field.
        field: &'static str,
        /// Their word.
        word: String,
        /// What it was said to mean.
        meaning: String,
        /// What it may mean.
        allowed: &'static str,
    },
    /// No column for the start.
    #[error(
        "No column gives the start of a visit. Under [columns] set starts_at, e.g. starts_at = [\"Date\", \"Time\"]."
    )]
    NoStart,
    /// No column that tells visits or patients apart.
    #[error(
        "No column tells one visit or patient from another. Under [columns] set appointment_id, patient_id or patient_name."
    )]
    NoKey,
    /// A field with an empty list of columns.
    #[error("`{field}` under [columns] names no column. Write the column's name, or remove the line.")]
    NoColumn {
        /// Our field.
        field: &'static str,
    },
}
