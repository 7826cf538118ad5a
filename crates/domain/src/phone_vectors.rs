//! What Python's `phonenumbers` says of thousands of tricky texts, and where it says that area codes are;
//! `tests/vectors/make_phones.py` wrote both files.

use super::{MAX_LENGTH, NO_NUMBER, PhoneError, parse};
use crate::zone;

const PHONES: &str = include_str!("../../../tests/vectors/phones.jsonl");
const AREA_ZONES: &str = include_str!("../../../tests/vectors/area_zones.jsonl");

/// The least number of texts that the comparison is worth making with.
const AT_LEAST: usize = 2_000;

/// What we make of a text, given what `phonenumbers` makes of it.
fn expected(raw: &str, e164: Option<String>, why: &str) -> Result<String, PhoneError> {
    // Two rules are ours and come first: words for "none", and remarks.
    let word: String = raw.chars().filter(|c| c.is_alphanumeric()).collect();
    if NO_NUMBER.contains(&word.to_lowercase().as_str()) {
        return Err(PhoneError::Missing);
    }
    if raw.chars().count() > MAX_LENGTH {
        return Err(PhoneError::TooLong);
    }
    match why {
        "valid" => Ok(e164.expect("a valid number has its E.164 form beside it")),
        // What has a possible length and no range in use is refused like what is not possible: a text would go nowhere, and
        // the desk can mend it while the patient is still there.
        "not-valid" | "local-only" => Err(PhoneError::NotInUse),
        "too-short" | "length" | "short-idd" | "short-nsn" => Err(PhoneError::TooShort),
        "too-long" | "long-nsn" => Err(PhoneError::TooLong),
        "no-country" => Err(PhoneError::UnknownCountry),
        "not-a-number" => Err(PhoneError::NotANumber),
        other => panic!("`{other}` is no word of make_phones.py"),
    }
}

#[test]
fn every_text_is_read_as_phonenumbers_reads_it() {
    let (mut compared, mut valid, mut differ) = (0, 0, Vec::new());
    for line in PHONES.lines() {
        let (raw, country, e164, why): (String, String, Option<String>, String) = serde_json::from_str(line).unwrap();
        let expected = expected(&raw, e164, &why);
        let ours = parse(&raw, &country).map(super::Phone::into_e164);
        compared += 1;
        valid += usize::from(ours.is_ok());
        if ours != expected {
            differ.push(format!("{raw:?} in {country:?}: {ours:?}, not {expected:?}"));
        }
    }
    assert!(compared > AT_LEAST && valid > AT_LEAST / 2, "{compared} compared, {valid} valid");
    assert!(differ.is_empty(), "{} of {compared} differ: {differ:#?}", differ.len());
}

#[test]
fn every_area_code_is_where_phonenumbers_says() {
    let mut compared = 0;
    for line in AREA_ZONES.lines() {
        let (area, zones): (u16, Vec<String>) = serde_json::from_str(line).unwrap();
        let ours: Vec<&str> = zone::area_zones(&format!("+1{area}5550100")).iter().map(|zone| zone.name()).collect();
        assert_eq!(ours, zones, "area code {area}");
        compared += 1;
    }
    assert_eq!(compared, zone::area_codes(), "an area code of ours is not in the file");
}

#[test]
fn what_is_possible_but_in_no_use_is_refused_and_says_so() {
    for raw in ["( 555) 000-0001", "(555) 555-0191", "555-0191"] {
        assert_eq!(parse(raw, "US").unwrap_err(), PhoneError::NotInUse, "{raw}");
    }
    // Made-up numbers that films and tests use have a real area code, and pass.
    assert_eq!(parse("(602) 555-0191", "US").unwrap().e164(), "+16025550191");
}

#[test]
fn a_cell_with_a_remark_or_two_numbers_is_for_a_person() {
    // The remark may be "do not text"; of two numbers, nobody knows which one is a mobile phone.
    for raw in ["602-555-0191 do not text", "602-555-0191 (mother)", "602-555-0191 / 602-555-0192"] {
        assert_eq!(parse(raw, "US").unwrap_err(), PhoneError::TooLong, "{raw}");
    }
}
