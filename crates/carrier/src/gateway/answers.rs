//! What a gateway's answers to a hand-over mean, as its description says or as HTTP does.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Taken, where the description names no statuses for it.
const TAKEN: [u16; 3] = [200, 201, 202];
/// Come again.
const BUSY: [u16; 1] = [429];
/// Statuses from 400 to 499 that do not say whether the text was taken: the server waited in vain for our request, has it already
/// or works at it, or will not look at it so early (RFC 9110 §15.5.9 and §15.5.10, RFC 8470 §5.2).
const OPEN: [u16; 3] = [408, 409, 425];

/// As it stands in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AnswersFile {
    taken: Option<Vec<u16>>,
    busy: Option<Vec<u16>>,
    refused: Option<Vec<u16>>,
    reference: Option<String>,
    code: Option<String>,
    must: BTreeMap<String, String>,
}

/// What answers to a hand-over mean.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    /// Statuses that say "taken".
    pub(super) taken: Vec<u16>,
    /// Statuses that say "certainly not taken, come again".
    pub(super) busy: Vec<u16>,
    /// Statuses that say "no, for good".
    pub(super) refused: Vec<u16>,
    /// Where the gateway's id of the message stands.
    pub(super) reference: String,
    /// Where its code stands.
    pub(super) code: String,
    /// What must stand where for a "taken" to be true.
    pub(super) must: BTreeMap<String, String>,
}

impl AnswersFile {
    /// Fills in what the description leaves out. A status that it names counts where it names it, whatever it would count as by
    /// default.
    pub(super) fn complete(self) -> Answers {
        let named: Vec<u16> =
            [&self.taken, &self.busy, &self.refused].into_iter().flatten().flatten().copied().collect();
        let default = |own: Option<Vec<u16>>, statuses: &mut dyn Iterator<Item = u16>| {
            own.unwrap_or_else(|| statuses.filter(|status| !named.contains(status)).collect())
        };
        let certain = |status: &u16| !BUSY.contains(status) && !OPEN.contains(status);
        Answers {
            taken: default(self.taken, &mut TAKEN.into_iter()),
            busy: default(self.busy, &mut BUSY.into_iter()),
            refused: default(self.refused, &mut (400..=499).filter(certain)),
            reference: self.reference.unwrap_or_else(|| "/id".to_owned()),
            code: self.code.unwrap_or_else(|| "/code".to_owned()),
            must: self.must,
        }
    }
}
