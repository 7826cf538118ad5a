//! Telephone numbers as calendars write them, read into E.164.

use crate::zone;
use rlibphonenumber::{PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat, Region, ValidationError};
use std::fmt;

/// Longest text that is read as a number, in characters; anything longer is a remark.
pub const MAX_LENGTH: usize = 64;

/// Words that calendars write where there is no number, in lower case without punctuation.
const NO_NUMBER: &[&str] = &["", "na", "none", "no", "unknown", "null", "nil", "declined", "refused", "tbd"];

/// A usable number. Private: it prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    e164: String,
    /// ISO 3166-1 alpha-2, where its country code has one.
    country: Option<String>,
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

impl Phone {
    /// `+` and digits, without an extension.
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// Gives up the E.164 text.
    pub fn into_e164(self) -> String {
        self.e164
    }

    /// Zones the area code allows, and the state or country it is of, as `contact_points.area_zones` stores them.
    pub fn area_zones(&self) -> Option<String> {
        let place = zone::area_state(&self.e164).or(self.country.as_deref());
        zone::area_to_text(zone::area_zones(&self.e164), place)
    }
}

/// Why a text is no usable number. Carries nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PhoneError {
    /// Empty, or a word such as `n/a`.
    #[error("there is no phone number; enter one to remind this patient")]
    Missing,
    /// No digits that could be a number.
    #[error("this is not a phone number; enter digits with the area code")]
    NotANumber,
    /// A country calling code that does not exist.
    #[error("the country code of this phone number does not exist; check the digits after the +")]
    UnknownCountry,
    /// Fewer digits than any number there has.
    #[error("this phone number is too short; enter it with the area code")]
    TooShort,
    /// More digits than any number there has.
    #[error("this phone number is too long; enter one number only")]
    TooLong,
    /// The right length, but no such range of numbers is in use.
    #[error("no phone has a number like this one; check the digits and the area code")]
    NotInUse,
}

impl From<ParseError> for PhoneError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::InvalidCountryCode => Self::UnknownCountry,
            ParseError::NotANumber(_) => Self::NotANumber,
            ParseError::TooShortAfterIdd | ParseError::TooShortNsn => Self::TooShort,
            ParseError::TooLongNsn => Self::TooLong,
        }
    }
}

/// Reads a number the way calendars write them: `( 602) 555-0166 x12`, `602.555.0191`, `1-928-555-0169`, `+1 …`.
///
/// `country` (ISO 3166-1 alpha-2, from the practice's settings) reads numbers without a country code. Extensions are
/// dropped: a text goes to the line. The rules of lengths and ranges in use are libphonenumber's.
pub fn parse(raw: &str, country: &str) -> Result<Phone, PhoneError> {
    let word: String = raw.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if NO_NUMBER.contains(&word.as_str()) {
        return Err(PhoneError::Missing);
    }
    if raw.chars().count() > MAX_LENGTH {
        return Err(PhoneError::TooLong);
    }
    let region: Option<Region> = country.parse().ok();
    let mut number = PHONE_NUMBER_UTIL.parse(raw.trim(), region)?;
    number.extension = None;
    PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number).map_err(|error| match error {
        ValidationError::InvalidCountryCode => PhoneError::UnknownCountry,
        ValidationError::TooLong => PhoneError::TooLong,
        ValidationError::TooShort | ValidationError::InvalidLength => PhoneError::TooShort,
    })?;
    if !PHONE_NUMBER_UTIL.is_valid_number(&number) {
        return Err(PhoneError::NotInUse);
    }
    let region = PHONE_NUMBER_UTIL.get_region_for_number(&number);
    let country = region.map(|region| region.to_string()).filter(|code| code.len() == 2 && code != "ZZ");
    Ok(Phone { country, e164: PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned() })
}

/// Whether this is a country (ISO 3166-1 alpha-2, in capitals) whose numbers [`parse`] reads without a country code.
pub fn is_country(code: &str) -> bool {
    let region: Option<Region> = code.parse().ok();
    code.len() == 2
        && code.bytes().all(|byte| byte.is_ascii_uppercase())
        && region.is_some_and(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some())
}

#[cfg(test)]
#[path = "phone_vectors.rs"]
mod vectors;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_country_is_one_that_has_numbers() {
        for right in ["US", "MX", "ES", "GB", "CA", "PR"] {
            assert!(is_country(right), "{right}");
        }
        for wrong in ["", "us", "UK", "ZZ", "USA", "1", "001", "É"] {
            assert!(!is_country(wrong), "{wrong}");
        }
    }

    #[test]
    fn every_shape_of_the_sample_schedules_is_read() {
        for raw in [
            "(602) 555-0191",
            "( 602) 555-0191 x12",
            "602.555.0191",
            "1-602-555-0191",
            "6025550191",
            "+16025550191",
            " +1 602 555 0191 ",
            "tel:+1-602-555-0191",
            "(602) 555-0191 ext. 4",
        ] {
            assert_eq!(parse(raw, "US").unwrap().e164(), "+16025550191", "{raw}");
        }
        assert_eq!(parse("+34 600 12 34 56", "US").unwrap().e164(), "+34600123456");
        assert_eq!(parse("600 12 34 56", "ES").unwrap().e164(), "+34600123456");
        assert_eq!(
            parse("(928) 555-0169", "US").unwrap().area_zones().unwrap(),
            "America/Denver,America/Phoenix,US-AZ"
        );
        assert_eq!(parse("+34600123456", "US").unwrap().area_zones().unwrap(), "ES");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (raw, error) in [
            ("", PhoneError::Missing),
            ("  ", PhoneError::Missing),
            ("n/a", PhoneError::Missing),
            ("N/A", PhoneError::Missing),
            ("None", PhoneError::Missing),
            ("-", PhoneError::Missing),
            ("call her mother", PhoneError::NotANumber),
            ("+999 555 0191 22", PhoneError::UnknownCountry),
            ("55501", PhoneError::TooShort),
            ("5550191", PhoneError::NotInUse),
            ("602 555 0191 602 555", PhoneError::TooLong),
            ("(102) 555-0191", PhoneError::NotInUse),
        ] {
            assert_eq!(parse(raw, "US").unwrap_err(), error, "{raw}");
        }
        let remark = "6".repeat(MAX_LENGTH + 1);
        assert_eq!(parse(&remark, "US").unwrap_err(), PhoneError::TooLong);
        // Characters count, not bytes: full-width digits take three each.
        let padded = format!("６０２５５５０１９１{}", " ".repeat(MAX_LENGTH - 10));
        assert_eq!(parse(&padded, "US").unwrap().e164(), "+16025550191");
    }

    #[test]
    fn a_number_is_never_printed() {
        assert_eq!(format!("{:?}", parse("6025550191", "US").unwrap()), "Phone(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(raw in "\\PC{0,70}") {
            if let Ok(phone) = parse(&raw, "US") {
                prop_assert!(phone.e164().starts_with('+') && phone.e164()[1..].bytes().all(|b| b.is_ascii_digit()));
                prop_assert_eq!(&parse(phone.e164(), "GB").unwrap(), &phone);
            }
        }
    }
}
