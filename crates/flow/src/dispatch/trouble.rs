//! A line that refuses us: account, key, sender or registration are not in order. Nothing goes out that way until a person mends
//! it, so it is a task (one for each line and code), a line of the log, and a figure.

use crate::{Flow, FlowError};
use kept_carrier::{Carriers, Meaning, OPEN, PACE};
use kept_domain::{PracticeId, TaskId};
use kept_store::Tx;
use std::collections::BTreeSet;

/// What lines said of us while a batch went out or receipts came in.
#[derive(Debug, Default)]
pub(crate) struct Trouble(BTreeSet<(&'static str, String)>);

impl Trouble {
    /// Counts a code that a line gave for a message it did not take or deliver, and keeps it if it is ours to mend.
    pub(crate) fn note(&mut self, carriers: &Carriers, line: &str, code: &str) {
        let Some(line) = carriers.by_name(line).filter(|_| !matches!(code, OPEN | PACE)) else { return };
        let meaning = line.meaning(code);
        let word = meaning.map_or("other", Meaning::as_str);
        metrics::counter!("kept_carrier_refusals_total", "carrier" => line.name(), "meaning" => word).increment(1);
        // Only codes of the line's own table come this far, so none can hold anything private.
        if meaning.is_some_and(Meaning::is_ours_to_mend) {
            self.0.insert((line.name(), code.to_owned()));
        }
    }
}

impl Flow {
    /// Opens a task for each line and code that has none open, in the caller's transaction, and says it in the log.
    pub(crate) async fn tell_trouble(
        &self,
        tx: &mut Tx,
        practice: PracticeId,
        trouble: &Trouble,
    ) -> Result<(), FlowError> {
        for (name, code) in &trouble.0 {
            let Some(line) = self.carriers.by_name(name) else { continue };
            if line.complains(code) {
                let words = line.words(code).unwrap_or_default();
                tracing::warn!(carrier = name, code, words, "the carrier refuses us until somebody mends the account");
            }
            let detail = format!("{name} {code}");
            tx.insert_account_task(practice, self.new_id::<TaskId>(), &detail, self.clock.wall()).await?;
        }
        Ok(())
    }

    /// A line and its code, as [`Flow::tell_trouble`] wrote it down, in words.
    pub(crate) fn trouble_in_words(&self, detail: &str) -> String {
        let (name, code) = detail.split_once(' ').unwrap_or((detail, ""));
        match self.carriers.by_name(name).and_then(|line| line.words(code)) {
            Some(words) => format!("{name} {code}: {words}"),
            None => detail.to_owned(),
        }
    }
}
