//! What a mail server's refusal means: a table in data.

use crate::Refusal;
use std::sync::LazyLock;

/// The data, embedded; the file says how it is read.
const TABLE: &str = include_str!("codes.txt");

/// Immutable once read.
static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| read(TABLE).expect("a test of this module reads the table"));

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Not taken; later it may be.
    Again,
    /// Not taken, now or later.
    Refused(Refusal),
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    code: String,
    enhanced: Option<String>,
    meaning: Meaning,
}

fn read(text: &str) -> Result<Vec<Line>, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [code, enhanced, meaning] = words[..] else { return Err(format!("`{line}` has not three words")) };
            let meaning = match meaning {
                "again" => Meaning::Again,
                "unreachable" => Meaning::Refused(Refusal::Unreachable),
                "not-accepted" => Meaning::Refused(Refusal::NotAccepted),
                other => return Err(format!("`{other}` is no meaning")),
            };
            let enhanced = (enhanced != "*").then(|| enhanced.trim_start_matches('-').to_owned());
            Ok(Line { code: code.to_owned(), enhanced, meaning })
        })
        .collect()
}

/// The code that is stored: `550 5.1.1`, or `550` where the server gave no enhanced code. Nothing else of the answer is kept:
/// servers quote the address in it.
pub(super) fn code(reply: &str, text: &str) -> String {
    match enhanced(text) {
        Some(enhanced) => format!("{reply} {enhanced}"),
        None => reply.to_owned(),
    }
}

/// The enhanced status code that an answer begins with (RFC 2034 §4).
fn enhanced(text: &str) -> Option<&str> {
    let word = text.split_whitespace().next()?;
    let mut parts = word.split('.');
    let [class, subject, detail] = [parts.next()?, parts.next()?, parts.next()?];
    let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let good = matches!(class, "2" | "4" | "5") && digits(subject, 3) && digits(detail, 3) && parts.next().is_none();
    good.then_some(word)
}

/// What a stored code means.
pub(super) fn meaning(code: &str) -> Meaning {
    let (reply, enhanced) = code.split_once(' ').unwrap_or((code, ""));
    let fits = |pattern: &str, reply: &str| {
        pattern.len() == reply.len() && pattern.bytes().zip(reply.bytes()).all(|(p, r)| p == b'x' || p == r)
    };
    let found = LINES
        .iter()
        .find(|line| fits(&line.code, reply) && line.enhanced.as_deref().is_none_or(|wanted| wanted == enhanced));
    found.map_or(Meaning::Refused(Refusal::NotAccepted), |line| line.meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_bad_lines_are_refused() {
        assert!(read(TABLE).unwrap().len() > 8);
        assert!(read("550 *").unwrap_err().contains("three words"));
        assert!(read("550 * perhaps").unwrap_err().contains("no meaning"));
    }

    #[test]
    fn refusals_are_told_apart() {
        let gone = Meaning::Refused(Refusal::Unreachable);
        let policy = Meaning::Refused(Refusal::NotAccepted);
        for (code, expected) in [
            ("421", Meaning::Again),
            ("450 4.2.0", Meaning::Again),
            ("451 4.7.1", Meaning::Again),
            ("550 5.1.1", gone),
            ("550 5.1.10", gone),
            ("550 5.2.1", policy),
            ("552 5.2.2", policy),
            ("553", gone),
            ("550", policy),
            ("550 5.7.1", policy),
            ("552 5.3.4", policy),
            ("554 5.7.26", policy),
            ("no-address", policy),
        ] {
            assert_eq!(meaning(code), expected, "{code}");
        }
    }

    #[test]
    fn only_the_codes_of_an_answer_are_kept() {
        assert_eq!(code("550", "5.1.1 <ann@example.org>: no such user"), "550 5.1.1");
        assert_eq!(code("550", "ann@example.org is unknown"), "550");
        assert_eq!(code("550", "5.1.1.9 what"), "550");
        assert_eq!(code("451", ""), "451");
    }
}
