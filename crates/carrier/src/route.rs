//! Which line a notice goes through: the preferred one, and another only when that one certainly did not take it.

use crate::{Carriers, Line};
use kept_domain::Channel;
use std::time::Duration;

/// An earlier attempt at the same notice, as far as it decides where the next one goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past<'a> {
    /// The line it went through.
    pub line: &'a str,
    /// Whether the line certainly did not take it ([`crate::Sure::NotTaken`]).
    pub not_taken: bool,
    /// Whether the line was not even asked ([`crate::PACE`], [`crate::OPEN`]).
    pub not_asked: bool,
    /// How long ago it began (wall).
    pub age: Duration,
}

/// Where a notice goes.
#[derive(Debug)]
pub enum Route<'a> {
    /// Through this line.
    Through(&'a Line),
    /// No line carries the channel.
    Nowhere,
    /// An earlier attempt may have been taken, and asking again is not safe: its line is not set up any more, or its carrier
    /// does not recognise the key (any more). Nothing may be sent.
    Doubtful,
}

impl Carriers {
    /// Where the next attempt at a notice goes. An attempt whose fate nobody knows binds it to its line; what a line
    /// certainly did not take goes through one that it was not tried on yet, else through the most preferred. Lines that
    /// are left alone just now come last.
    pub fn route(&self, channel: Channel, past: &[Past<'_>]) -> Route<'_> {
        let mut unsure = past.iter().filter(|attempt| !attempt.not_taken);
        if let Some(first) = unsure.next() {
            let line = self.by_name(first.line).filter(|line| line.channel() == channel);
            // Two lines may both have it only if somebody broke the rule; the key would save neither.
            let one_line = unsure.all(|other| other.line == first.line);
            let oldest = past.iter().filter(|attempt| !attempt.not_taken).map(|attempt| attempt.age).max();
            let lives = line.and_then(Line::honours_keys).is_some_and(|life| oldest.is_some_and(|age| age < life));
            return line.filter(|_| one_line && lives).map_or(Route::Doubtful, Route::Through);
        }
        let tried = |line: &Line| past.iter().any(|attempt| !attempt.not_asked && attempt.line == line.name());
        self.of_channel(channel).min_by_key(|line| (line.rests(), tried(line))).map_or(Route::Nowhere, Route::Through)
    }

    /// Whether another line could take at once what `line` certainly did not: one that is not left alone just now and that
    /// the notice was not tried on.
    pub fn another(&self, line: &str, channel: Channel, past: &[Past<'_>]) -> bool {
        self.of_channel(channel).any(|other| {
            let tried = past.iter().any(|attempt| !attempt.not_asked && attempt.line == other.name());
            other.name() != line && !tried && !other.rests()
        })
    }
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
