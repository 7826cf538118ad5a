//! The release gate: the labelled corpus (`tests/data/replies`), with zero false confirmations and zero missed opt-outs.

use super::{Classifier, Intent, RULES, Reply};
use chrono::NaiveDateTime;
use serde::Deserialize;

/// Share of plain confirmations that must be understood (messaging.md).
const UNDERSTOOD: f64 = 0.95;
/// Replies the corpus has at least.
const AT_LEAST: u32 = 1_700;

#[derive(Deserialize)]
struct Labelled {
    text: String,
    open_questions: usize,
    /// Local time of the visit asked about, where it matters.
    visit: Option<String>,
    intent: Intent,
}

#[test]
fn the_corpus_has_no_false_confirmation_and_no_missed_opt_out() {
    let corpus = include_str!("../../../../tests/data/replies/corpus.jsonl");
    let classifier = Classifier::default();
    let (mut total, mut confirmations, mut understood) = (0_u32, 0_u32, 0_u32);
    let (mut false_confirmations, mut missed_opt_outs, mut opt_outs) = (0_u32, 0_u32, 0_u32);
    let (mut wrong, mut not_understood) = (Vec::new(), Vec::new());
    for line in corpus.lines() {
        let label: Labelled = serde_json::from_str(line).expect("a line of the corpus is a labelled reply");
        let visit = label.visit.as_deref().map(|at| {
            NaiveDateTime::parse_from_str(at, "%Y-%m-%dT%H:%M")
                .expect("the time of a visit is written 2026-11-24T09:15")
        });
        let decision = classifier.classify(&Reply { text: &label.text, open_questions: label.open_questions, visit });
        total += 1;
        assert!(RULES.contains(&decision.rule), "{} is not in the list of rules", decision.rule);
        let told = format!("{:?}: {} expected, {} by {}", label.text, label.intent, decision.intent, decision.rule);
        if label.intent == Intent::Accept {
            confirmations += 1;
            if decision.intent == Intent::Accept {
                understood += 1;
            } else {
                not_understood.push(told);
            }
            continue;
        }
        let opts_out = matches!(label.intent, Intent::OptOut | Intent::OptOutAsk);
        opt_outs += u32::from(opts_out);
        missed_opt_outs += u32::from(opts_out && !decision.opts_out);
        false_confirmations += u32::from(decision.intent == Intent::Accept);
        if decision.intent != label.intent || opts_out && !decision.opts_out {
            wrong.push(told);
        }
    }
    println!(
        "{total} replies: {false_confirmations} false confirmations; {missed_opt_outs} of {opt_outs} opt-outs missed; \
         {understood} of {confirmations} confirmations understood; {} read otherwise than labelled",
        wrong.len()
    );
    assert_eq!((false_confirmations, missed_opt_outs), (0, 0), "{}", wrong.join("\n"));
    assert!(wrong.is_empty(), "{} of {total}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(total >= AT_LEAST, "{total} replies");
    assert!(
        f64::from(understood) >= UNDERSTOOD * f64::from(confirmations),
        "{understood} of {confirmations} understood; not: {}",
        not_understood.join("\n")
    );
}
