//! `kept reply classify`: what replies mean, by the rules that read real ones, so that anyone can hold them to words of their own.

use crate::cli::Context;
use crate::exit::{Exit, Failure};
use crate::output;
use chrono::NaiveDateTime;
use clap::Subcommand;
use kept_domain::reply::{Classifier, Reply};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write};
use std::path::PathBuf;

/// Longest line in bytes. A text has 1,600 characters at most; more is not a reply.
const MAX_LINE: u64 = 64 * 1024;

/// Arguments of `kept reply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do with replies
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read JSON lines {"text", "lang", "open_questions"} and write each with its "intent" and the "rule" that decided
    Classify(Classify),
}

#[derive(Debug, clap::Args)]
struct Classify {
    /// File with one reply a line; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

/// Runs `kept reply`. The demand for a database or a configuration would keep people from trying it; it has none.
pub fn run(args: &Args, _context: &Context) -> Result<Exit, Failure> {
    let Command::Classify(Classify { file }) = &args.command;
    let bad = if file.as_os_str() == "-" {
        classify(&mut std::io::stdin().lock(), &mut BufWriter::new(std::io::stdout().lock()))?
    } else {
        let shown = file.display();
        let opened = File::open(file)
            .map_err(|error| Failure::new(Exit::NoInput, format!("{shown} cannot be opened: {error}")))?;
        classify(&mut BufReader::new(opened), &mut BufWriter::new(std::io::stdout().lock()))?
    };
    Ok(if bad == 0 { Exit::Ok } else { Exit::Data })
}

/// Reads line by line, so that it answers whoever feeds it by hand. Says how many lines could not be read.
fn classify(input: &mut impl BufRead, out: &mut impl Write) -> Result<usize, Failure> {
    let classifier = Classifier::default();
    let (mut line, mut number, mut bad) = (Vec::new(), 0_usize, 0_usize);
    loop {
        line.clear();
        number += 1;
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            out.flush()?;
            return Ok(bad);
        }
        let whole = line.ends_with(b"\n") || line.len() < usize::try_from(MAX_LINE).unwrap_or(usize::MAX);
        if !whole {
            input.skip_until(b'\n')?;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answered = if whole { answer(&classifier, &line) } else { Err(format!("is longer than {MAX_LINE} bytes")) };
        match answered {
            Ok(answered) => writeln!(out, "{answered}")?,
            Err(said) => {
                bad += 1;
                out.flush()?;
                output::say(format_args!("line {number} {said}"));
            }
        }
        out.flush()?;
    }
}

/// One line with its intent and rule. The error says what is wrong with the line and shows nothing of it.
fn answer(classifier: &Classifier, line: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(line).map_err(|_| "is not UTF-8; save the file as UTF-8".to_owned())?;
    let mut object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        format!("is not a JSON object (column {}); write {{\"text\", \"lang\", \"open_questions\"}}", error.column())
    })?;
    let missing = |field: &str, kind: &str| format!("has no \"{field}\"; it must be {kind}");
    let said = object.get("text").and_then(Value::as_str).ok_or_else(|| missing("text", "a string"))?.to_owned();
    object.get("lang").and_then(Value::as_str).ok_or_else(|| missing("lang", "a string such as \"en\""))?;
    let open_questions = object.get("open_questions").and_then(Value::as_u64);
    let open_questions = open_questions.ok_or_else(|| missing("open_questions", "a whole number from 0"))?;
    let visit = match object.get("visit") {
        None | Some(Value::Null) => None,
        Some(at) => Some(
            at.as_str().and_then(local_time).ok_or("has a \"visit\" that is no local time; write 2026-11-24T09:15")?,
        ),
    };
    let open_questions = usize::try_from(open_questions).unwrap_or(usize::MAX);
    let decision = classifier.classify(&Reply { text: &said, open_questions, visit });
    object.insert("intent".to_owned(), decision.intent.as_str().into());
    object.insert("rule".to_owned(), decision.rule.into());
    Ok(Value::Object(object))
}

fn local_time(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"].iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(input: &[u8]) -> (usize, Vec<Value>) {
        let mut out = Vec::new();
        let bad = classify(&mut &*input, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        (bad, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn each_line_comes_back_with_its_intent_and_rule() {
        let (bad, lines) = run(concat!(
            r#"{"text": "STOP", "lang": "en", "open_questions": 1, "id": 7}"#,
            "\n\n",
            r#"{"text": "sí", "lang": "es", "open_questions": 0}"#,
            "\r\n",
            r#"{"text": "yes at 3", "lang": "en", "open_questions": 1, "visit": "2026-11-24T15:00"}"#
        )
        .as_bytes());
        assert_eq!((bad, lines.len()), (0, 3));
        assert_eq!(
            (&lines[0]["intent"], &lines[0]["rule"], &lines[0]["id"]),
            (&"opt-out".into(), &"opt-out-word".into(), &7.into())
        );
        assert_eq!((&lines[1]["intent"], &lines[1]["rule"]), (&"person".into(), &"nothing-asked".into()));
        assert_eq!(lines[2]["intent"], "accept");
    }

    #[test]
    fn a_bad_line_is_told_and_the_good_ones_are_still_written() {
        let long = format!("{{\"text\": \"{}\", \"lang\": \"en\", \"open_questions\": 1}}\n", "x".repeat(70_000));
        let good = "{\"text\": \"1\", \"lang\": \"en\", \"open_questions\": 1}\n";
        let input = ["{", "[]", "{\"text\": 1}", "\u{fffd}"].map(|line| format!("{line}\n")).concat();
        let (bad, lines) = run(format!("{input}{long}{good}").as_bytes());
        assert_eq!((bad, lines.len()), (5, 1));
        assert_eq!(lines[0]["intent"], "accept");
        assert_eq!(run(b"\xff\xfe\n").0, 1);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        let classifier = Classifier::default();
        for (line, said) in [
            (r#"{"lang": "en", "open_questions": 1}"#, "has no \"text\""),
            (r#"{"text": "secret", "open_questions": 1}"#, "has no \"lang\""),
            (r#"{"text": "secret", "lang": "en"}"#, "has no \"open_questions\""),
            (r#"{"text": "secret", "lang": "en", "open_questions": -1}"#, "a whole number from 0"),
            (r#"{"text": "secret", "lang": "en", "open_questions": 1, "visit": "3pm"}"#, "2026-11-24T09:15"),
            ("secret", "is not a JSON object"),
        ] {
            let error = answer(&classifier, line.as_bytes()).unwrap_err();
            assert!(error.contains(said) && !error.contains("secret"), "{error}");
        }
    }
}
