//! Files that are broken, too big, or not schedules at all.

use super::reading;
use kept_intake::{FileError, Mapping, MappingError, Table, guess, limits, read};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::io::Write as _;

const MAPPING: &str = "[columns]\nappointment_id = \"ID\"\npatient_name = \"Name\"\nstarts_at = \"Start\"\n";

fn open(bytes: &[u8]) -> Result<Table, FileError> {
    Table::open(bytes, None)
}

#[test]
fn what_is_no_schedule_is_named() {
    for (bytes, code, word) in [
        (&b""[..], "empty", "empty"),
        (b" \r\n\t\n", "empty", "empty"),
        (b"\xEF\xBB\xBF", "empty", "empty"),
        (b"%PDF-1.4\n1 0 obj", "not-a-table", "PDF"),
        (b"\x7FELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0", "not-a-table", "binary"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1....", "old-workbook", ".xls"),
        (b"PK\x03\x04 not really a zip file", "damaged-workbook", "damaged"),
        (b"1,2,3\n4,5,6\n", "no-header", "column names"),
        (b"hello\nworld\n", "no-header", "column names"),
    ] {
        let error = open(bytes).expect_err(code);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// Names of columns are kept in the clear: no row of a visit may pass for them, however a person matches its columns.
#[test]
fn a_visit_is_never_taken_for_the_names_of_columns() {
    for row in [
        "Pat Lee,Name,Confirmed,12/01/2026 10:15",
        "Pat Lee,Notes,Dec 1 2026,10:15 AM",
        "Pat Lee,Patient,2026-12-01T10:15:00Z,Provider",
        "Phone,Patient,+1 (212) 555-0100,noon",
        "Email,Patient,pat.lee@example.org,noon",
        "Pat Lee,Location,46357.427,Provider",
        "Pat Lee,Dr Adams,a quarter past ten,1 diciembre 2026",
    ] {
        let file = format!("{row}\n{row}\n{row}\n");
        let named = row.split(',').next().unwrap_or_default();
        let mapping = Mapping::parse(&format!("[columns]\npatient_name = \"{named}\"\nstarts_at = \"noon\"\n"));
        for mapping in [None, mapping.ok().as_ref()] {
            let error = Table::open(file.as_bytes(), mapping).expect_err(row);
            assert_eq!(error.code(), "no-header", "{row}");
        }
        let table = open(format!("Who,Where,When,What else\n{file}").as_bytes()).expect("a file with a header");
        assert_eq!((table.header_line(), table.rows().len()), (1, 3), "{row}");
    }
    // A column may be numbered, and a title may hold a day.
    let table = open(b"Schedule of 12/01/2026,,\nName,Phone 1,Phone 2\nLee,1,2\n").expect("a file with a header");
    assert_eq!(table.header(), ["Name", "Phone 1", "Phone 2"]);
}

/// A visit whose start is blank looks like names; what stands above it gives it away, and is not dropped.
#[test]
fn names_of_columns_never_stand_below_visits() {
    let visits = "Pat Lee,12/01/2026 10:15,Seen\nOmar Khan,12/01/2026 11:00,Seen\n";
    for row in ["Emma Lee,,Cancelled", "Emma Lee,Location,Cancelled", "Emma Lee,she asked,Cancelled"] {
        let file = format!("{visits}{row}\n{visits}");
        assert_eq!(open(file.as_bytes()).expect_err(row).code(), "no-header", "{row}");
        let mapping = Mapping::parse("[columns]\npatient_name = \"Emma Lee\"\nstarts_at = \"Cancelled\"\n");
        let error = Table::open(file.as_bytes(), mapping.ok().as_ref()).expect_err(row);
        assert_eq!(error.code(), "no-header", "{row}");
        // With a header, it is a row like any other, whatever words it holds.
        let table = open(format!("Patient,When,What\n{file}").as_bytes()).expect("a file with a header");
        assert_eq!((table.header_line(), table.rows().len()), (1, 5), "{row}");
    }
}

#[test]
fn limits_are_kept() {
    let long_line = format!("ID,Start\n{}\n", "x".repeat(limits::MAX_LINE_BYTES));
    assert_eq!(open(long_line.as_bytes()).err(), Some(FileError::LineTooLong { line: 2 }));

    let too_large = vec![b'\n'; usize::try_from(limits::MAX_FILE_BYTES).unwrap() + 1];
    assert_eq!(open(&too_large).err(), Some(FileError::TooLarge));

    let rows = "1,2026-12-01 08:00\n".repeat(limits::MAX_ROWS + 1);
    assert_eq!(open(format!("ID,Start\n{rows}").as_bytes()).err(), Some(FileError::TooManyRows));

    let columns = vec!["Name"; limits::MAX_COLUMNS + 1].join(",");
    assert_eq!(open(columns.as_bytes()).err(), Some(FileError::TooManyColumns));

    let cell = "x".repeat(limits::MAX_CELL_BYTES + 1);
    let file = format!("ID,Start,Name\n1,2026-12-01 08:00,{cell}\n2,2026-12-01 09:00,Lee\n");
    let reading = reading(file.as_bytes(), MAPPING);
    assert_eq!((reading.visits.len(), reading.rejects[0].reason.code()), (1, "cell-too-long"));
}

#[test]
fn a_quotation_mark_that_is_never_closed_costs_its_row_only() {
    let mut file = String::from("ID,Start,Name\n1,2026-12-01 08:00,\"Lee\n");
    for id in 2..3_000 {
        writeln!(file, "{id},2026-12-01 08:00,Somebody").unwrap();
    }
    let reading = reading(file.as_bytes(), MAPPING);
    assert_eq!((reading.visits.len(), reading.rejects.len()), (0, 1));
    assert!(reading.rejects[0].reason.to_string().contains("quotation mark"));
    assert!(reading.rejects[0].cells.iter().all(|cell| cell.len() <= limits::MAX_CELL_BYTES));
}

#[test]
fn every_bad_row_has_its_reason_and_no_good_row_suffers() {
    let file = "ID,Start,Name\n\
        1,2026-12-01 08:00,Lee\n\
        2,2026-02-31 08:00,Lee\n\
        3,2026-12-01 26:00,Lee\n\
        4,2026-12-01,Lee\n\
        5,,Lee\n\
        6,next week,Lee\n\
        1,2026-12-02 08:00,Lee\n\
        ,2026-12-01 08:00,\n\
        8,2026-12-01 08:00\n\
        9,2026-12-01 08:00,Lee,too,many\n\
        10,08:00,Lee\n\
        11,2026-12-01 09:00,\n\
        12,2026-12-01 08:00,Lee,,\n";
    let reading = reading(file.as_bytes(), MAPPING);
    let rejects: Vec<_> = reading.rejects.iter().map(|reject| (reject.line, reject.reason.code())).collect();
    assert_eq!(
        rejects,
        [
            (3, "no-such-day"),
            (4, "no-such-time"),
            (5, "no-time"),
            (6, "no-start"),
            (7, "not-a-date"),
            (8, "twice"),
            (9, "no-key"),
            (10, "wrong-width"),
            (11, "wrong-width"),
            (12, "no-date"),
        ]
    );
    let good: Vec<_> = reading.visits.iter().map(|visit| visit.line).collect();
    assert_eq!(good, [2, 13, 14]);
    assert_eq!(reading.rejects[5].reason.to_string(), "The same visit as in line 2. Keep one of the two rows.");
    assert!(reading.rejects[0].reason.to_string().contains("“Start”"));
    for reject in &reading.rejects {
        assert!(!reject.reason.to_string().contains("Lee"), "a reason never quotes a cell");
    }
}

#[test]
fn order_of_day_and_month_is_asked_for_when_it_cannot_be_known() {
    let file = b"ID,Start,Name\n1,01/02/2026 08:00,Lee\n2,03/04/2026 08:00,Lee\n";
    let mapping = Mapping::parse(MAPPING).unwrap();
    let table = open(file).unwrap();
    let error = read(&table, &mapping).unwrap_err();
    assert_eq!(error, FileError::AmbiguousDates { column: "Start".to_owned(), example: "01/02/2026".to_owned() });
    assert!(error.to_string().contains("month-first"));
    for (order, month) in [("month-first", "2026-01-02"), ("day-first", "2026-02-01")] {
        let told = Mapping::parse(&format!("{MAPPING}[formats]\ndate = \"{order}\"\n")).unwrap();
        let visits = read(&table, &told).unwrap().visits;
        assert!(visits[0].starts_at.to_string().starts_with(month));
    }
}

#[test]
fn columns_that_are_missing_or_there_twice_are_named() {
    let mapping = Mapping::parse(MAPPING).unwrap();
    let missing = read(&open(b"ID,Begin,Name\n1,2026-12-01 08:00,Lee\n").unwrap(), &mapping).unwrap_err().to_string();
    assert!(missing.contains("“Start”") && missing.contains("“Begin”") && missing.contains("line 1"), "{missing}");
    let twice = read(&open(b"ID,Start,Name,start\n1,2026-12-01 08:00,Lee,x\n").unwrap(), &mapping).unwrap_err();
    assert_eq!(twice, FileError::ColumnTwice { column: "Start".to_owned() });
    let zone = Mapping::parse(&format!("{MAPPING}[formats]\ntime_zone = \"Mars/Olympus\"\n")).unwrap_err();
    assert_eq!(zone, MappingError::UnknownZone { zone: "Mars/Olympus".to_owned() });
}

#[test]
fn unknown_words_are_listed_once_with_counts() {
    let mut file = String::from("ID,Start,Name,Status\n");
    for id in 0..10 {
        writeln!(file, "{id},2026-12-01 08:00,Lee,{}", ["Zombie", "Scheduled"][id % 2]).unwrap();
    }
    for id in 10..10 + limits::MAX_WORDS + 5 {
        writeln!(file, "{id},2026-12-01 08:00,Lee,Word{id}").unwrap();
    }
    let reading = reading(file.as_bytes(), &format!("{MAPPING}status = \"Status\"\n"));
    assert_eq!(reading.visits.len(), 10 + limits::MAX_WORDS + 5);
    assert_eq!(reading.problems.len(), limits::MAX_WORDS + 1);
    let zombie = reading.problems.iter().find(|problem| problem.word.as_deref() == Some("Zombie")).unwrap();
    assert_eq!((zombie.count, zombie.first_line), (5, 2));
    assert!(zombie.to_string().contains("[values.status]"));
    let more = reading.problems.iter().find(|problem| problem.word.as_deref() == Some("…")).unwrap();
    assert_eq!(more.count, 6);
}

#[test]
fn a_list_of_actions_is_read_in_order() {
    let file = "ID,Start,Name,Do\n1,2026-12-01 08:00,Lee,add\n2,2026-12-01 09:00,Kim,add\n1,2026-12-02 08:00,Lee,update\n2,2026-12-01 09:00,Kim,delete\n3,2026-12-01 09:00,Kim,explode\n";
    let reading = reading(file.as_bytes(), &format!("{MAPPING}action = \"Do\"\n"));
    assert_eq!(reading.visits.len(), 2);
    assert!(reading.visits[0].starts_at.to_string().starts_with("2026-12-02"));
    assert_eq!(reading.visits[1].action, kept_intake::Action::Delete);
    assert_eq!(reading.rejects[0].reason.code(), "unknown-action");
}

/// A zip file with these parts.
fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_is_read() {
    let bomb = zip(&[("xl/worksheets/sheet1.xml", &vec![b' '; 64 * 1024 * 1024])]);
    assert!(bomb.len() < 1024 * 1024);
    assert_eq!(open(&bomb).err(), Some(FileError::UnpacksTooLarge));
    assert_eq!(open(&zip(&[("word/document.xml", b"<w/>")])).err(), Some(FileError::DamagedWorkbook));
}

/// The sample workbook with another first sheet.
fn workbook(cells: &str) -> Vec<u8> {
    let sample = include_bytes!("../../../../tests/data/schedules/weekly.xlsx");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&sample[..])).unwrap();
    let mut parts = Vec::new();
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).unwrap();
        let name = part.name().unwrap().into_owned();
        let mut content = Vec::new();
        std::io::copy(&mut part, &mut content).unwrap();
        if name == "xl/worksheets/sheet1.xml" {
            content = format!(
                "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><dimension ref=\"A1:XFD1048576\"/><sheetData>{cells}</sheetData></worksheet>"
            )
            .into_bytes();
        }
        parts.push((name, content));
    }
    zip(&parts.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect::<Vec<_>>())
}

#[test]
fn a_sheet_costs_what_it_holds_not_what_it_says() {
    let text = |at: &str, text: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let number = |at: &str, value: &str| format!("<c r=\"{at}\"><v>{value}</v></c>");
    let header = format!("<row r=\"1\">{}{}{}</row>", text("A1", "ID"), text("B1", "Start"), text("C1", "Name"));
    // An unstyled serial number in the last row a sheet can have.
    let row = format!(
        "<row r=\"1048576\">{}{}{}</row>",
        number("A1048576", "7"),
        number("B1048576", "46349.34375"),
        text("C1048576", "Lee")
    );
    let one = reading(&workbook(&format!("{header}{row}")), MAPPING);
    assert_eq!(one.visits.len(), 1);
    assert_eq!(one.visits[0].starts_at.to_string(), "2026-11-23 08:15:00");
    assert_eq!((one.visits[0].appointment_id.as_deref(), one.visits[0].line), (Some("7"), 1_048_576));
    let far = format!("<row r=\"2\">{}</row>", text("XFD2", "far out"));
    assert_eq!(open(&workbook(&format!("{header}{far}"))).err(), Some(FileError::TooManyColumns));
}

/// Reads whatever can be read; the result does not matter, that there is one does.
fn survive(bytes: &[u8]) {
    if let Ok(table) = open(bytes)
        && let Ok(mapping) = guess(&table).mapping
    {
        drop(read(&table, &mapping));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        survive(&bytes);
    }

    #[test]
    fn random_cells_never_panic(cells in proptest::collection::vec("[ -~áñ’\"'\\t]{0,24}|[0-9/:. -]{0,20}|[0-9]{1,4}[-/.][0-9]{1,3}[-/.][0-9]{1,5}([T ][0-9:.]{0,9}(Z|[+-][0-9:]{0,5})?)?", 0..60)) {
        let mut file = String::from("Appt ID,Patient,DOB,Start,Duration,End,Booked,Status,OK to text\n");
        for row in cells.chunks(9) {
            file.push_str(&row.join(","));
            file.push('\n');
        }
        survive(file.as_bytes());
    }

    #[test]
    fn damaged_workbooks_never_panic(hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = include_bytes!("../../../../tests/data/schedules/weekly.xlsx").to_vec();
        for (at, value) in hits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survive(&bytes);
    }

    #[test]
    fn random_mappings_never_panic(text in "(\\[columns\\]\n)?([a-z_]{1,12} ?= ?[\"'\\[a-zA-Z0-9, \\]]{0,30}\n){0,6}") {
        drop(Mapping::parse(&text));
    }
}
