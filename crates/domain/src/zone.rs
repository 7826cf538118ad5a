//! Where a telephone may be: the zones whose sending hours a message must respect.

use chrono_tz::Tz;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The data file, embedded; its first lines name the source. `data/make_area_zones.py` writes it.
const AREA_ZONES: &str = include_str!("../data/area_zones.csv");

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

/// Zones that a number's area code allows; none without country code 1, or for an area code that has no place (toll-free).
///
/// `e164` is `+` and digits. A number keeps its area code when its owner moves, so this bounds where a line was issued,
/// which is the best that a number alone can tell.
pub fn area_zones(e164: &str) -> &'static [Tz] {
    let area_code = e164.strip_prefix("+1").filter(|rest| rest.len() == 10).and_then(|rest| rest.get(..3));
    let zones = area_code.and_then(|code| code.parse().ok()).and_then(|code: u16| BY_AREA_CODE.get(&code));
    zones.map_or(&[], Vec::as_slice)
}

/// How many area codes the data has.
#[cfg(test)]
pub(crate) fn area_codes() -> usize {
    BY_AREA_CODE.len()
}

/// Zone names separated by commas, as stored in `contact_points.area_zones`; none for no zones.
pub fn zones_to_text(zones: &[Tz]) -> Option<String> {
    if zones.is_empty() {
        return None;
    }
    Some(zones.iter().map(|zone| zone.name()).collect::<Vec<_>>().join(","))
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
    fn the_patients_zone_comes_first_then_place_and_area_code() {
        assert_eq!(candidate_zones(Some(Denver), &[Phoenix], New_York), [Denver]);
        assert_eq!(candidate_zones(None, &[Phoenix, Denver], Phoenix), [Phoenix, Denver]);
        assert_eq!(candidate_zones(None, &[], New_York), [New_York]);
    }

    #[test]
    fn stored_zones_go_both_ways() {
        let text = zones_to_text(&[Chicago, Los_Angeles]).unwrap();
        assert_eq!(text, "America/Chicago,America/Los_Angeles");
        assert_eq!(zones_from_text(&text), [Chicago, Los_Angeles]);
        assert_eq!(zones_to_text(&[]), None);
        assert_eq!(zones_from_text("America/Chicago,Mars/Olympus"), [Chicago]);
    }
}
