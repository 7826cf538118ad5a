use super::*;
use proptest::prelude::*;

fn parts(text: &str) -> usize {
    count(text).parts
}

#[test]
fn the_vectors_of_the_messaging_rules() {
    let vectors = [
        ("a".repeat(160), 1),
        ("a".repeat(161), 2),
        ("a".repeat(306), 2),
        ("a".repeat(307), 3),
        ("ж".repeat(70), 1),
        ("ж".repeat(71), 2),
        ("ж".repeat(134), 2),
        ("ж".repeat(135), 3),
        ("€".repeat(80), 1),
        ("€".repeat(81), 2),
        ("👍".repeat(35), 1),
        ("👍".repeat(36), 2),
        (format!("{}€{}", "a".repeat(152), "a".repeat(152)), 3),
        (format!("{}👍{}", "ж".repeat(66), "ж".repeat(66)), 3),
        (String::new(), 1),
    ];
    for (text, expected) in vectors {
        assert_eq!(parts(&text), expected, "{} characters beginning {:?}", text.chars().count(), text.chars().next());
    }
}

#[test]
fn the_alphabet_has_its_127_characters_and_10_extensions() {
    assert_eq!(GSM_BASIC.chars().count(), 127);
    assert_eq!(GSM_EXTENSION.chars().count(), 10);
    for inside in "éàñÇ¿¡@_\n".chars() {
        assert_eq!(count(&inside.to_string()), Segments { encoding: Encoding::Gsm7, units: 1, parts: 1 });
    }
    for outside in "áíóúçê’“”—…\u{A0}\t`".chars() {
        assert_eq!(count(&outside.to_string()).encoding, Encoding::Ucs2, "{outside:?}");
    }
    assert_eq!(count("{}").units, 4);
    assert_eq!(count("👍").units, 2);
}

#[test]
fn typographic_characters_become_plain_ones() {
    assert_eq!(plain("“It’s” — 9\u{A0}AM…\t`x`"), "\"It's\" - 9 AM... 'x'");
    assert_eq!(plain("a\u{FFFC}b"), "a\u{FFFC}b");
    assert_eq!(plain("soft\u{AD}hyphen\u{200B}"), "softhyphen");
    assert_eq!(count(&plain("’“”—…\u{A0}\t`")).encoding, Encoding::Gsm7);
}

#[test]
fn accents_go_only_where_that_saves_a_part() {
    let short = "Clínica Díaz";
    assert_eq!(fit(short, 1), short);
    let long = format!("Clínica Peña: {}", "a".repeat(80));
    assert_eq!(fit(&long, 1), format!("Clinica Peña: {}", "a".repeat(80)));
    let cyrillic = "ж".repeat(100);
    assert_eq!(fit(&cyrillic, 1), cyrillic);
}

proptest! {
    #[test]
    fn more_text_never_takes_fewer_parts(text in "[a-zA-Zé€жñ👍 ]{0,400}", more in "[a-z€ж👍]") {
        let longer = text.clone() + &more;
        prop_assert!(parts(&longer) >= parts(&text));
    }

    #[test]
    fn parts_hold_all_units(text in "\\PC{0,400}") {
        let counted = count(&text);
        let part = match counted.encoding { Encoding::Gsm7 => GSM_PART, Encoding::Ucs2 => UCS2_PART };
        prop_assert!(counted.parts == 1 || (counted.parts * part >= counted.units && (counted.parts - 1) * (part - 1) < counted.units));
    }

    #[test]
    fn plain_is_done_once(text in "\\PC{0,200}") {
        prop_assert_eq!(plain(&plain(&text)), plain(&text));
    }
}
