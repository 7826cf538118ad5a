//! Phone numbers and e-mail addresses as files write them, read once each.

use kept_domain::BlindIndex;
use kept_seal::{Blind, PracticeKeys};
use std::collections::HashMap;

/// A number or address that can be written to.
#[derive(Clone)]
pub(super) struct Number {
    /// E.164, or the address in lower case.
    pub(super) value: String,
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
    addresses: HashMap<String, Option<Number>>,
}

impl<'a> Numbers<'a> {
    pub(super) fn new(keys: &'a PracticeKeys, country: &'a str) -> Self {
        Self { keys, country, read: HashMap::new(), addresses: HashMap::new() }
    }

    /// The number a cell means; none if it means none that a text can reach.
    pub(super) fn read(&mut self, raw: &str) -> Option<&Number> {
        if !self.read.contains_key(raw) {
            let number = kept_domain::phone::parse(raw, self.country).ok().map(|phone| {
                let e164 = phone.e164().to_owned();
                let bix = self.keys.blind(Blind::Phone, &e164);
                Number { area_zones: phone.area_zones(), value: e164, bix }
            });
            self.read.insert(raw.to_owned(), number);
        }
        self.read.get(raw).and_then(Option::as_ref)
    }

    /// The address a cell means; none if it means none that mail can reach.
    pub(super) fn address(&mut self, raw: &str) -> Option<&Number> {
        if !self.addresses.contains_key(raw) {
            let address = kept_domain::email::parse(raw).ok().map(|email| {
                let bix = self.keys.blind(Blind::Email, email.as_str());
                Number { value: email.into_string(), bix, area_zones: None }
            });
            self.addresses.insert(raw.to_owned(), address);
        }
        self.addresses.get(raw).and_then(Option::as_ref)
    }
}
