//! The release gate: the labelled corpus (`tests/data/replies`), with zero false confirmations and zero missed opt-outs.

use super::{Classifier, Intent, Reply};
use serde::Deserialize;

/// Share of plain confirmations that must be understood (messaging.md).
const UNDERSTOOD: f64 = 0.95;
/// Replies the corpus has at least.
const AT_LEAST: usize = 400;

#[derive(Deserialize)]
struct Labelled {
    text: String,
    open_questions: usize,
    intent: Intent,
}

#[test]
fn the_corpus_has_no_false_confirmation_and_no_missed_opt_out() {
    let corpus = include_str!("../../../../tests/data/replies/corpus.jsonl");
    let classifier = Classifier::default();
    let (mut total, mut confirmations, mut understood) = (0_usize, 0_u32, 0_u32);
    let mut wrong = Vec::new();
    for line in corpus.lines() {
        let label: Labelled = serde_json::from_str(line).expect("a line of the corpus is a labelled reply");
        let decision =
            classifier.classify(&Reply { text: &label.text, open_questions: label.open_questions, visit: None });
        total += 1;
        if label.intent == Intent::Accept {
            confirmations += 1;
            understood += u32::from(decision.intent == Intent::Accept);
            continue;
        }
        let opted_out = matches!(label.intent, Intent::OptOut | Intent::OptOutAsk);
        if decision.intent != label.intent || opted_out && !decision.opts_out {
            wrong
                .push(format!("{:?}: {} expected, {} by {}", label.text, label.intent, decision.intent, decision.rule));
        }
    }
    assert!(wrong.is_empty(), "{} of {total}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(total >= AT_LEAST, "{total} replies");
    assert!(
        f64::from(understood) >= UNDERSTOOD * f64::from(confirmations),
        "{understood} of {confirmations} understood"
    );
}
