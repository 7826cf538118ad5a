//! The command line is what docs/CLI.md says.

use super::*;
use clap::CommandFactory as _;

const DOCUMENT: &str = include_str!("../../../docs/CLI.md");

/// Calls `look` for every command, with its words after `kept`.
fn walk(command: &clap::Command, words: &mut Vec<String>, look: &mut impl FnMut(&str, &clap::Command)) {
    for sub in command.get_subcommands() {
        words.push(sub.get_name().to_owned());
        look(&words.join(" "), sub);
        walk(sub, words, look);
        words.pop();
    }
}

/// The part of the document under `## kept …` (or `### kept …`), up to the next heading.
fn section<'a>(words: &str) -> Option<&'a str> {
    let heading = format!("## `kept {words}`\n");
    let from = DOCUMENT.find(&heading)? + heading.len();
    let rest = &DOCUMENT[from..];
    Some(&rest[..rest.find("\n## ").unwrap_or(rest.len())])
}

#[test]
fn clap_finds_nothing_wrong_with_the_command_line() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_flag_stands_in_the_document() {
    let mut missing = Vec::new();
    walk(&Cli::command(), &mut Vec::new(), &mut |words, command| {
        if command.has_subcommands() || command.is_hide_set() {
            return;
        }
        let Some(section) = section(words) else {
            missing.push(format!("## `kept {words}`"));
            return;
        };
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set() && !argument.is_global_set())
        {
            let name = match argument.get_long() {
                Some(long) => format!("`--{long}"),
                None => format!("`{}", argument.get_value_names().map_or("?", |names| names[0].as_str())),
            };
            if matches!(argument.get_id().as_str(), "help" | "version") {
                continue;
            }
            if !section.contains(&name) {
                missing.push(format!("kept {words}: {name}`"));
            }
        }
    });
    assert!(missing.is_empty(), "docs/CLI.md lacks: {missing:#?}");
}

#[test]
fn the_document_names_no_command_that_is_not_there() {
    let mut known = std::collections::BTreeSet::new();
    walk(&Cli::command(), &mut Vec::new(), &mut |words, _| {
        known.insert(words.to_owned());
    });
    for heading in DOCUMENT.lines().filter_map(|line| line.strip_prefix("## `kept ")) {
        let words = heading.trim_end_matches('`');
        assert!(known.contains(words), "docs/CLI.md describes `kept {words}`, which is not there");
    }
}

#[test]
fn every_exit_code_and_setting_stands_in_the_document() {
    for exit in Exit::ALL {
        assert!(DOCUMENT.contains(&format!("| {} | {exit:?} |", exit.code())), "exit code {exit:?}");
    }
    let defaults: toml::Table = crate::config::DEFAULT_FILE.parse().expect("TOML");
    for name in defaults.keys() {
        assert!(DOCUMENT.contains(&format!("| `{name}` | `KEPT_{}` |", name.to_uppercase())), "setting {name}");
    }
}

#[test]
fn commands_that_print_data_can_print_json() {
    walk(&Cli::command(), &mut Vec::new(), &mut |words, command| {
        // These run or print a file rather than data; what replies mean is JSON anyway.
        let without = ["serve", "work", "demo", "sample-schedule", "link new", "reply classify"];
        if command.has_subcommands() || command.is_hide_set() || without.contains(&words) {
            return;
        }
        assert!(
            command.get_arguments().any(|argument| argument.get_long() == Some("json")),
            "kept {words} has no --json"
        );
    });
}
