//! Phone numbers as files write them, read once each.

use kept_domain::BlindIndex;
use kept_seal::{Blind, PracticeKeys};
use std::collections::HashMap;

/// A number that can be written to.
#[derive(Clone)]
pub(super) struct Number {
    /// E.164.
    pub(super) e164: String,
    /// Finds it.
    pub(super) bix: BlindIndex,
    /// Zones its area code allows, comma-separated.
    pub(super) area_zones: Option<String>,
}

/// Reads numbers, and remembers how each way of writing one was read.
pub(super) struct Numbers<'a> {
    keys: &'a PracticeKeys,
    country: &'a str,
    read: HashMap<String, Option<Number>>,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(keys: &'a PracticeKeys, country: &'a str) -> Self {
        Self { keys, country, read: HashMap::new() }
    }

    /// The number a cell means; none if it means none that a text can reach.
    pub(super) fn read(&mut self, raw: &str) -> Option<&Number> {
        if !self.read.contains_key(raw) {
            let number = kept_domain::phone::parse(raw, self.country).ok().map(|phone| {
                let e164 = phone.e164().to_owned();
                let bix = self.keys.blind(Blind::Phone, &e164);
                Number { area_zones: phone.area_zones(), e164, bix }
            });
            self.read.insert(raw.to_owned(), number);
        }
        self.read.get(raw).and_then(Option::as_ref)
    }
}
