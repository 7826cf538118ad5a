//! Where a telephone may be: the zones whose sending hours a message must respect.

use chrono_tz::Tz;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The data file, embedded; its first lines name the source. `data/make_area_zones.py` writes it.
const AREA_ZONES: &str = include_str!("../data/area_zones.csv");

/// Which state an area code belongs to, embedded; `data/make_area_states.py` writes it.
const AREA_STATES: &str = include_str!("../data/area_states.csv");

/// Immutable once read.
static STATES: LazyLock<HashMap<u16, &'static str>> =
    LazyLock::new(|| read_area_states(AREA_STATES).expect("a test of this module reads the embedded states"));

/// Immutable once read.
static BY_AREA_CODE: LazyLock<HashMap<u16, Vec<Tz>>> =
    LazyLock::new(|| read_area_zones(AREA_ZONES).expect("a test of this module reads the embedded area codes"));

/// Reads lines of `zone;zone,code code`; lines that begin with `#` are comments.
fn read_area_zones(text: &str) -> Result<HashMap<u16, Vec<Tz>>, String> {
    let mut by_code = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (zones, codes) = line.split_once(',').ok_or_else(|| format!("`{line}` has no comma"))?;
        let zones: Result<Vec<Tz>, _> = zones.split(';').map(str::parse).collect();
        let zones = zones.map_err(|error| format!("`{line}`: {error}"))?;
        for code in codes.split(' ') {
            let code: u16 = code.parse().map_err(|error| format!("area code `{code}`: {error}"))?;
            if by_code.insert(code, zones.clone()).is_some() {
                return Err(format!("area code {code} is listed twice"));
            }
        }
    }
    Ok(by_code)
}

/// Reads lines of `state,code code`; lines that begin with `#` are comments.
fn read_area_states(text: &'static str) -> Result<HashMap<u16, &'static str>, String> {
    let mut by_code = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (state, codes) = line.split_once(',').ok_or_else(|| format!("`{line}` has no comma"))?;
        for code in codes.split(' ') {
            let code: u16 = code.parse().map_err(|error| format!("area code `{code}`: {error}"))?;
            if by_code.insert(code, state).is_some() {
                return Err(format!("area code {code} is listed twice"));
            }
        }
    }
    Ok(by_code)
}

/// The state of the United States whose area code a number has, ISO 3166-2: `US-FL`; none for other numbers.
pub fn area_state(e164: &str) -> Option<&'static str> {
    STATES.get(&area_code(e164)?).copied()
}

fn area_code(e164: &str) -> Option<u16> {
    e164.strip_prefix("+1").filter(|rest| rest.len() == 10)?.get(..3)?.parse().ok()
}

/// Zones that a number's area code allows; none without country code 1, or for an area code that has no place (toll-free).
///
/// `e164` is `+` and digits. A number keeps its area code when its owner moves, so this bounds where a line was issued,
/// which is the best that a number alone can tell.
pub fn area_zones(e164: &str) -> &'static [Tz] {
    area_code(e164).and_then(|code| BY_AREA_CODE.get(&code)).map_or(&[], Vec::as_slice)
}

/// How many area codes the data has.
#[cfg(test)]
pub(crate) fn area_codes() -> usize {
    BY_AREA_CODE.len()
}

/// What a number's code tells, separated by commas, as stored in `contact_points.area_zones`: zone names, then the state or country
/// whose hours bind. None if it tells nothing.
pub fn area_to_text(zones: &[Tz], place: Option<&str>) -> Option<String> {
    let words: Vec<&str> = zones.iter().map(|zone| zone.name()).chain(place).collect();
    (!words.is_empty()).then(|| words.join(","))
}

/// Places of a stored text: what is no zone is `US-FL` or `ES`.
pub fn places_from_text(text: &str) -> impl Iterator<Item = &str> {
    // No zone's name is so short, and all that are two capital letters with or without a state are places.
    let is_place = |word: &&str| {
        let country = word.split('-').next().unwrap_or_default();
        country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase())
    };
    text.split(',').map(str::trim).filter(is_place)
}

/// Zones of a stored text. A name that the zone data no longer has is left out: the other zones still bind.
pub fn zones_from_text(text: &str) -> Vec<Tz> {
    text.split(',').filter_map(|name| name.trim().parse().ok()).collect()
}

/// The zones a message to a number must be inside the hours of; the first one's calendar days count for the caps.
///
/// The patient's own zone if the calendar tells it; else the location's, and beside it every zone that the area code
/// allows (design: messaging, "When").
pub fn candidate_zones(patient: Option<Tz>, area: &[Tz], location: Tz) -> Vec<Tz> {
    if let Some(zone) = patient {
        return vec![zone];
    }
    let mut zones = vec![location];
    for zone in area {
        if !zones.contains(zone) {
            zones.push(*zone);
        }
    }
    zones
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America::{Chicago, Denver, Los_Angeles, New_York, Phoenix};

    #[test]
    fn the_embedded_area_codes_are_read_and_25_span_zones() {
        let codes = read_area_zones(AREA_ZONES).unwrap();
        assert!(codes.len() > 400, "{} area codes", codes.len());
        assert_eq!(codes.values().filter(|zones| zones.len() > 1).count(), 25);
        assert!(read_area_zones("Mars/Olympus,602").is_err());
        assert!(read_area_zones("UTC,602 602").unwrap_err().contains("twice"));
        assert!(read_area_zones("UTC").unwrap_err().contains("comma"));
        assert!(read_area_zones("UTC,x").unwrap_err().contains("area code `x`"));
    }

    #[test]
    fn an_area_code_says_where_a_number_may_be() {
        assert_eq!(area_zones("+16025550191"), [Phoenix]);
        assert_eq!(area_zones("+18505550190"), [Chicago, New_York]);
        assert_eq!(area_zones("+18005550190"), []);
        assert_eq!(area_zones("+34600123456"), []);
        assert_eq!(area_zones("+1602"), []);
        assert_eq!(area_zones(""), []);
    }

    #[test]
    fn an_area_code_says_which_state_it_is() {
        assert!(read_area_states(AREA_STATES).unwrap().len() > 330);
        for (number, state) in [
            ("+13055550190", Some("US-FL")),
            ("+17135550190", Some("US-TX")),
            ("+12035550190", Some("US-CT")),
            ("+12065550190", Some("US-WA")),
            ("+12025550190", Some("US-DC")),
            ("+14165550190", None),
            ("+17875550190", None),
            ("+18005550190", None),
            ("+34600123456", None),
        ] {
            assert_eq!(area_state(number), state, "{number}");
        }
        assert!(read_area_states("US-FL").unwrap_err().contains("comma"));
        assert!(read_area_states("US-FL,305 305").unwrap_err().contains("twice"));
        assert!(read_area_states("US-FL,x").unwrap_err().contains("area code `x`"));
        // Every state whose hours are in the data has area codes.
        let all: Vec<&str> = STATES.values().copied().collect();
        for window in crate::window::SendWindow::all() {
            let place = window.place().unwrap_or("US-TX");
            assert!(!place.contains('-') || all.contains(&place), "{place}");
        }
    }

    #[test]
    fn the_patients_zone_comes_first_then_place_and_area_code() {
        assert_eq!(candidate_zones(Some(Denver), &[Phoenix], New_York), [Denver]);
        assert_eq!(candidate_zones(None, &[Phoenix, Denver], Phoenix), [Phoenix, Denver]);
        assert_eq!(candidate_zones(None, &[], New_York), [New_York]);
    }

    #[test]
    fn stored_zones_go_both_ways() {
        let text = area_to_text(&[Chicago, Los_Angeles], Some("US-TX")).unwrap();
        assert_eq!(text, "America/Chicago,America/Los_Angeles,US-TX");
        assert_eq!(zones_from_text(&text), [Chicago, Los_Angeles]);
        assert_eq!(places_from_text(&text).collect::<Vec<_>>(), ["US-TX"]);
        assert_eq!(area_to_text(&[], Some("ES")).as_deref(), Some("ES"));
        assert_eq!(area_to_text(&[], None), None);
        assert_eq!(places_from_text("EST,GMT,America/Chicago,").count(), 0);
        assert_eq!(zones_from_text("America/Chicago,Mars/Olympus"), [Chicago]);
    }
}
