//! Our counter against three that others wrote, on 10,000 texts; `tests/vectors/make_segments.py` wrote the file and says
//! how a text stands in it.
//!
//! Where the three differ, TS 23.038 and TS 23.040 decide. There are two reasons, and no third:
//! - **`sms-segments-calculator` never splits what people see as one character** (a flag, a face with a skin tone, a letter with
//!   a combining accent), and so fills fewer parts to the brim. The standard knows 16-bit units; networks split there, and so
//!   does the count on the bill. Only surrogate pairs stay together.
//! - **`smsutil` takes the escape code U+001B for a character of the 7-bit alphabet.** TS 23.038 §6.2.1: it announces the
//!   extension table and is no character; a text that holds one cannot be sent in seven bits.

use super::{Encoding, Segments, count};
use serde_json::Value;
use std::collections::HashMap;

const VECTORS: &str = include_str!("../../../tests/vectors/segments.jsonl");

/// Texts in which graphemes of several characters straddle the end of a part.
const CLUSTERS: usize = 107;
/// Texts with an escape code that make a difference.
const ESCAPES: usize = 59;

/// Alphabets by their letter, as the first line has them.
type Alphabets = HashMap<String, Vec<String>>;

/// Writes a text out: `g37.5` is 37 pieces of alphabet `g` from its piece 5 on, round and round.
fn expand(alphabets: &Alphabets, recipe: &str) -> String {
    let run = |run: &str| -> String {
        let (letter, rest) = run.split_at(1);
        let (length, start) = rest.split_once('.').unwrap();
        let (length, start): (usize, usize) = (length.parse().unwrap(), start.parse().unwrap());
        alphabets[letter].iter().map(String::as_str).cycle().skip(start).take(length).collect()
    };
    recipe.split(' ').map(run).collect()
}

/// One line: the text, then coding and units as `smsutil` has them, then the parts by each counter.
struct Line {
    text: String,
    seven: bool,
    units: usize,
    smsutil: usize,
    split_sms: usize,
    calculator: usize,
}

fn lines() -> Vec<Line> {
    let mut lines = VECTORS.lines();
    let mut head: HashMap<String, Alphabets> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let alphabets = head.remove("alphabets").unwrap();
    let line = |line: &str| {
        let all: Vec<Value> = serde_json::from_str(line).unwrap();
        let number = |at: usize| usize::try_from(all[at].as_u64().unwrap()).unwrap();
        // The three agree where only one count is written.
        let (split_sms, calculator) = if all.len() == 4 { (3, 3) } else { (4, 5) };
        Line {
            text: expand(&alphabets, all[0].as_str().unwrap()),
            seven: number(1) == 7,
            units: number(2),
            smsutil: number(3),
            split_sms: number(split_sms),
            calculator: number(calculator),
        }
    };
    lines.map(line).collect()
}

#[test]
fn three_counters_of_others_agree_with_ours_on_10_000_texts() {
    let lines = lines();
    assert_eq!(lines.len(), 10_000);
    let (mut clusters, mut escapes, mut differ) = (0, 0, Vec::new());
    let mut longest = 0;
    for line in &lines {
        let ours = count(&line.text);
        let by_escape = line.text.contains('\u{1B}');
        let all_agree = line.smsutil == line.split_sms && line.split_sms == line.calculator;
        let agreed = if all_agree {
            ours.parts == line.smsutil
        } else if by_escape {
            escapes += 1;
            ours.parts == line.split_sms && ours.parts == line.calculator
        } else {
            clusters += 1;
            ours.parts == line.smsutil && ours.parts == line.split_sms && ours.parts < line.calculator
        };
        let same_units = ours.units == line.units && (ours.encoding == Encoding::Gsm7) == line.seven;
        if !agreed || !(same_units || by_escape) {
            differ.push(format!("{:?}: {ours:?}", line.text));
        }
        longest = longest.max(ours.parts);
    }
    assert!(differ.is_empty(), "{} differ: {:#?}", differ.len(), &differ[..differ.len().min(5)]);
    assert_eq!((clusters, escapes), (CLUSTERS, ESCAPES));
    assert!(longest > 10, "the longest text takes {longest} parts");
}

#[test]
fn the_texts_lie_at_the_edges_of_parts_in_both_codings() {
    let lines = lines();
    for (seven, edges) in [(true, [160, 161, 153, 306, 307]), (false, [70, 71, 67, 134, 135])] {
        for edge in edges {
            let found = lines.iter().filter(|line| line.seven == seven && line.units == edge).count();
            assert!(found >= 10, "{found} texts of {edge} units, seven bits: {seven}");
        }
    }
    // An escape pair that does not fit any more moves to the next part whole, and so does a surrogate pair.
    let wasteful = |line: &&Line| {
        let Segments { encoding, units, parts } = count(&line.text);
        let part = if encoding == Encoding::Gsm7 { super::GSM_PART } else { super::UCS2_PART };
        parts > units.div_ceil(part) && !line.text.contains('\u{1B}')
    };
    assert!(lines.iter().filter(wasteful).count() > 50);
}
