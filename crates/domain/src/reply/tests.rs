//! Every row of the tables of replies, and traps.

use super::text::{fold, tokens};
use super::{Classifier, Decision, Intent, Reply};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Read once: the property tests ask thousands of times.
static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(Classifier::default);

fn decide(text: &str, open_questions: usize) -> Decision {
    CLASSIFIER.classify(&Reply { text, open_questions, visit: None })
}

fn all_are(intent: Intent, texts: &[&str]) {
    for text in texts {
        let decision = decide(text, 1);
        assert_eq!(decision.intent, intent, "{text:?} by {}", decision.rule);
    }
}

#[test]
fn plain_confirmations() {
    all_are(
        Intent::Accept,
        &[
            "1",
            " 1 ",
            "1.",
            "#1",
            "y",
            "Y",
            "yes",
            "YES!",
            "Yes.",
            "yep",
            "ok",
            "Okay",
            "OK 👍",
            "confirm",
            "Confirmed",
            "sí",
            "Si",
            "SÍ",
            "👍",
            "👍🏽",
            "👍🏿",
            "ok thx",
            "yes thank you",
            "Yes, I will be there",
            "I'll be there",
            "I’ll be there!",
            "yesss",
            "Yes please",
            "sí, gracias",
            "Confirmo",
            "allí estaré",
            "Yes thank you so much",
            "ok thanks for the reminder",
            "\u{200B}yes",
            "yes\n",
            "Comfirm",
            "Sí confirmo, muchas gracias",
        ],
    );
}

#[test]
fn a_yes_with_anything_else_is_for_a_person() {
    all_are(
        Intent::Person,
        &[
            "1pm",
            "see you tomorrow at 3",
            "1 hour late",
            "yes 3pm",
            "Yes but I'll be late",
            "yes unless it snows",
            "no wait yes",
            "yes?",
            "ok?",
            "no",
            "not ok",
            "thx",
            "Thank you",
            "?",
            "",
            "   ",
            "11",
            "1 2",
            "1 or 2",
            "1?",
            "yes no",
            "yes if my ride comes",
            "I guess yes",
            "maybe",
            "yes for my son only",
            "sí pero llego tarde",
            "no sí",
            "yes 😡",
            "ok but what about the bill",
            "Yes I need to reschedule",
            "I don't need to reschedule",
            "👎",
            "ok I can't make it",
            "is it ok to eat before",
            "yes to tuesday",
        ],
    );
}

#[test]
fn a_reaction_to_our_text_is_neither_yes_nor_stop() {
    for text in [
        "Liked “Visit on Tue Nov 24 9:15 AM. Reply 1 to confirm, STOP to stop”",
        "Loved \"Reply STOP to opt out\"",
        "👍 to “Reply 1 to confirm. Reply STOP to end”",
        "Le gustó “Responda 1 para confirmar”",
        "Liked “Reply STOP to",
    ] {
        assert_eq!(decide(text, 1).intent, Intent::Person, "{text:?}");
        assert!(!decide(text, 1).opts_out, "{text:?}");
    }
}

#[test]
fn quotations_are_not_said_unless_they_are_all_that_is_said() {
    all_are(Intent::OptOut, &["\"STOP\"", "“stop”", "I said \"stop\"", "'stop'"]);
    all_are(Intent::Accept, &["yes\n> Reply STOP to opt out", "\"yes\""]);
    all_are(Intent::Person, &["what does \"Reply STOP to opt out\" mean"]);
}

#[test]
fn what_a_patient_quotes_of_anybody_but_us_is_said_and_never_a_plain_yes() {
    all_are(
        Intent::Person,
        &[
            "yes \"but only by video\"",
            "Yes. “I need a wheelchair”",
            "1 «but later»",
            "yes \"see you then\"",
            "yes\n> I will be late",
            "yes\n> see you then",
            "ok\nOn Mon, Bob wrote:\nsee you then",
            "yes\nSent from my iPhone if I can",
        ],
    );
    all_are(
        Intent::Accept,
        &["yes\n> Oak Street: visit Tue 9:15.\n> Reply 1 to confirm", "sí\n> Responda 1 para confirmar."],
    );
    all_are(Intent::OptOut, &["I told you \"stop texting me\"", "les dije \"no más mensajes\""]);
    all_are(Intent::Urgent, &["she said \"I want to die\""]);
}

#[test]
fn a_si_that_may_be_if_is_no_yes() {
    all_are(
        Intent::Accept,
        &[
            "si",
            "sí puedo",
            "Sí, puedo",
            "si\u{301} puedo",
            "si voy",
            "si gracias",
            "claro que si voy",
            "Si, ahí estaré",
        ],
    );
    all_are(
        Intent::Person,
        &[
            "voy si puedo",
            "si puedo",
            "si voy, confirmo",
            "ok si puedo",
            "SI PUEDO AHI ESTARE",
            "confirmo si voy",
            "sí, si puedo",
        ],
    );
    assert_eq!(decide("si no puedo ir les aviso", 1).intent, Intent::Person);
}

#[test]
fn fillers_and_swearing_around_a_word_of_withdrawal_change_nothing() {
    all_are(
        Intent::OptOut,
        &["please quit now", "end it now", "ya párale", "fuck off", "don't fucking text me", "stip", "stop at once"],
    );
    all_are(Intent::OptOutAsk, &["just cancel", "cancelar ya", "Out", "cancel?"]);
    all_are(Intent::Person, &["the end", "step", "don't unsubscribe me", "take me off the waitlist"]);
    for text in ["quit Karen", "revoke, I have a new doctor"] {
        let unclear = decide(text, 1);
        assert!(unclear.intent == Intent::Person && unclear.hold, "{text:?} by {}", unclear.rule);
    }
    all_are(Intent::OptOut, &["S T O P thanks", "yes\nSent from my iPhone stop", "stop\nSent from my Galaxy S21"]);
}

#[test]
fn a_cry_for_help_is_danger_and_help_with_an_errand_is_none() {
    all_are(
        Intent::Urgent,
        &["help me", "Help me I fell", "911", "EMERGENCIA", "I took 30 pills", "me estoy muriendo"],
    );
    all_are(
        Intent::Person,
        &[
            "can you help me?",
            "help me find the office",
            "suite 911",
            "my phone is dying",
            "me muero de risa",
            "emergency contact is my wife",
        ],
    );
    assert_ne!(decide("I took 2 pills", 1).intent, Intent::Urgent);
}

#[test]
fn opt_out_in_any_wording() {
    all_are(
        Intent::OptOut,
        &[
            "stop",
            "STOP",
            "Stop.",
            "quit",
            "end",
            "revoke",
            "opt out",
            "OPT-OUT",
            "optout",
            "unsubscribe",
            "stopall",
            "STOP ALL",
            "alto",
            "PARAR",
            "pare",
            "baja",
            "no más",
            "No mas",
            "please stop",
            "stop texting me",
            "Stop. Thank you",
            "take me off this list",
            "STOP!!!",
            "stop please",
            "Please stop sending these",
            "ok stop",
            "yes. STOP",
            "stoppp",
            "STOP I moved away",
            "I want you to stop",
            "Don't text me",
            "do not contact me again",
            "remove my number",
            "no me manden mensajes",
            "dejen de escribirme",
            "quiero darme de baja",
            "s\u{0301}top",
            "stop\u{200B}",
            "Unsubscribe me please",
            "stop it already",
            "how do I opt out?",
        ],
    );
    all_are(Intent::OptOutAsk, &["CANCEL", "cancel", "Cancel please", "cancelar", "Cancel."]);
    assert!(decide("CANCEL", 1).opts_out);
}

#[test]
fn cancelling_a_visit_is_no_opt_out() {
    for text in [
        "cancel my appointment",
        "Please cancel my appt tomorrow",
        "need to cancel",
        "cancelar mi cita",
        "3",
        "can't make it",
        "Can not come",
        "no puedo ir",
    ] {
        let decision = decide(text, 1);
        assert_eq!(decision.intent, Intent::CannotCome, "{text:?} by {}", decision.rule);
        assert!(!decision.opts_out);
    }
    all_are(
        Intent::Reschedule,
        &[
            "2",
            "need to reschedule",
            "another time please",
            "can I reschedule?",
            "Necesito otra hora",
            "I can't make it, another day?",
        ],
    );
}

#[test]
fn stop_that_means_something_else_holds_and_asks_a_person() {
    for text in
        ["Stop by at 3?", "Should I stop taking my pills before?", "I'll be at the bus stop", "the pain does not stop"]
    {
        let decision = decide(text, 1);
        assert_eq!(decision.intent, Intent::Person, "{text:?}");
        assert!(decision.hold && !decision.opts_out, "{text:?}");
    }
}

#[test]
fn danger_comes_first_and_beside_an_opt_out() {
    all_are(
        Intent::Urgent,
        &[
            "I have chest pain",
            "yes but I can't breathe",
            "thinking about suicide",
            "no puedo respirar",
            "1 chest pains",
        ],
    );
    assert!(!decide("chest pain since monday", 1).opts_out);
    let both = decide("stop texting me I want to die", 1);
    assert_eq!(both.intent, Intent::Urgent);
    assert!(both.opts_out);
}

#[test]
fn opt_outs_that_no_list_foresees() {
    all_are(
        Intent::OptOut,
        &[
            "Please take my phone off all your messages",
            "I would rather not get any of your texts",
            "do not ever contact this phone",
            "unsubcsribe",
            "kindly discontinue sms messages to me",
            "no quiero que ustedes me escriban",
            "borren por favor mi numero",
        ],
    );
    all_are(
        Intent::Person,
        &[
            "you never text me back",
            "I did not get the text",
            "why don't you contact my daughter",
            "I got no messages from you",
            "I'll stop and text you",
            "no me mandaron el mensaje",
            "dejé un mensaje",
            "please confirm",
            "unsubstantiated",
        ],
    );
    all_are(Intent::CannotCome, &["cancel my appointment and text me"]);
}

#[test]
fn wrong_number_start_and_help() {
    all_are(Intent::WrongNumber, &["wrong number", "Who is this?", "who's this", "número equivocado", "¿Quién es?"]);
    all_are(Intent::OptIn, &["START", "unstop", "Start please"]);
    all_are(Intent::Help, &["HELP", "info", "ayuda", "help?"]);
    // YES never restores; only START does.
    assert_ne!(decide("yes", 0).intent, Intent::OptIn);
}

#[test]
fn a_yes_counts_only_where_exactly_one_question_is_open() {
    for open in [0, 2, 5] {
        let decision = decide("yes", open);
        assert_eq!(decision.intent, Intent::Person);
        assert!(decision.which);
    }
}

#[test]
fn a_yes_that_names_the_visits_own_time_is_a_yes() {
    let visit = "2026-11-24T15:00:00".parse().ok();
    let decide = |text| CLASSIFIER.classify(&Reply { text, open_questions: 1, visit }).intent;
    assert_eq!(decide("yes at 3pm"), Intent::Accept);
    assert_eq!(decide("yes 3:00"), Intent::Accept);
    assert_eq!(decide("see you then at 3"), Intent::Accept);
    assert_eq!(decide("yes at 3am"), Intent::Person);
    assert_eq!(decide("yes at 4"), Intent::Person);
    assert_eq!(decide("yes 3:30"), Intent::Person);
    assert_eq!(decide("yes 3 3"), Intent::Person);
}

#[test]
fn a_long_text_confirms_nothing_but_still_opts_out() {
    let long = "thanks ".repeat(100);
    assert_eq!(decide(&format!("yes {long}"), 1).intent, Intent::Person);
    assert_eq!(decide(&format!("stop texting me {long}"), 1).intent, Intent::OptOut);
}

/// Every word of the word lists, of all lists and languages.
static KNOWN_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    [include_str!("../../data/replies.en.toml"), include_str!("../../data/replies.es.toml")]
        .into_iter()
        .flat_map(|text| {
            toml::from_str::<HashMap<String, Vec<String>>>(text).expect("lists of phrases").into_values().flatten()
        })
        .flat_map(|phrase| tokens(&fold(&phrase)).words())
        .collect()
});

proptest! {
    #[test]
    fn anything_can_be_classified_twice_alike(text in "\\PC{0,200}", open in 0_usize..3) {
        prop_assert_eq!(decide(&text, open), decide(&text, open));
    }

    #[test]
    fn case_punctuation_and_space_around_change_nothing(word in prop::sample::select(vec!["stop", "yes", "1", "alto", "help", "cancel"]), before in "[ .!,]{0,3}", after in "[ .!,]{0,3}") {
        let plain = decide(word, 1);
        let dressed = format!("{before}{}{after}", word.to_uppercase());
        prop_assert_eq!(decide(&dressed, 1).intent, plain.intent);
    }

    #[test]
    fn a_yes_followed_by_unknown_words_never_confirms(tail in "[b-df-hj-np-rt-xz]{3,8}") {
        // "tnx" and its like are known, and change nothing.
        prop_assume!(!KNOWN_WORDS.contains(&tail));
        prop_assert_ne!(decide(&format!("yes {tail}"), 1).intent, Intent::Accept);
    }
}
