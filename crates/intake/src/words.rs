//! What calendars write for a status, a yes, an action.

use crate::visit::Action;
use kept_domain::AppointmentStatus::{
    self, Arrived, Booked, Cancelled, CheckedIn, EnteredInError, Fulfilled, Noshow, Pending, Proposed, Waitlist,
};

/// A word for comparing: lower case, and anything that is not a letter or digit one blank. A word of signs only (one-character
/// statuses) stays as it is.
pub(crate) fn normal(word: &str) -> String {
    let word = word.trim();
    if !word.chars().any(char::is_alphanumeric) {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with(' ') && !out.is_empty() {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Words for a status, whole. The one-character ones are OpenEMR's: a patient who left without being seen (`!`) did come.
const STATUSES: &[(AppointmentStatus, &[&str])] = &[
    (
        Booked,
        &[
            "-",
            "*",
            "+",
            "booked",
            "scheduled",
            "confirmed",
            "active",
            "open",
            "new",
            "none",
            "reminder done",
            "chart pulled",
            "not arrived",
            "unconfirmed",
            "appointment confirmed",
            "rescheduled",
            "asap",
            "set",
            "left message",
            "no answer",
            "upcoming",
            "future",
            "tentative",
            "programada",
            "programado",
            "confirmada",
            "confirmado",
            "reservada",
            "agendada",
            "agendado",
            "activa",
        ],
    ),
    (Pending, &["^", "pending", "pendiente"]),
    (Proposed, &["proposed", "requested"]),
    (Waitlist, &["waitlist", "wait list", "waiting list", "unscheduled"]),
    (
        Arrived,
        &[
            "@",
            "~",
            "!",
            "arrived",
            "arrived late",
            "left without visit",
            "left",
            "lwbs",
            "walked in",
            "llegó",
            "llego",
            "presente",
        ],
    ),
    (
        CheckedIn,
        &[
            "<",
            "checked in",
            "check in",
            "in room",
            "in exam room",
            "in progress",
            "roomed",
            "with provider",
            "en consulta",
        ],
    ),
    (
        Fulfilled,
        &[
            ">",
            "$",
            "fulfilled",
            "completed",
            "complete",
            "seen",
            "kept",
            "checked out",
            "check out",
            "done",
            "closed",
            "finished",
            "coding done",
            "attended",
            "showed",
            "show",
            "billed",
            "signed",
            "atendida",
            "atendido",
            "completada",
            "realizada",
            "asistió",
            "asistio",
        ],
    ),
    (
        Noshow,
        &[
            "?",
            "noshow",
            "no show",
            "no showed",
            "missed",
            "dna",
            "did not attend",
            "did not arrive",
            "fta",
            "failed to attend",
            "ns",
            "broken",
            "absent",
            "no asistió",
            "no asistio",
            "no se presentó",
            "no se presento",
            "ausente",
            "inasistencia",
        ],
    ),
    (
        Cancelled,
        &[
            "x",
            "%",
            "cancelled",
            "canceled",
            "cancel",
            "canc",
            "cancelled by patient",
            "canceled by patient",
            "late cancel",
            "cancelled late",
            "cancelled by practice",
            "void",
            "withdrawn",
            "cancelada",
            "cancelado",
            "anulada",
        ],
    ),
    (EnteredInError, &["entered in error", "deleted", "error", "removed", "borrada", "eliminada"]),
];

/// The status a word (already [`normal`]) means by itself. Words that begin like a cancellation or a miss are taken for one:
/// reminding a patient of a visit that is off is worse than leaving one reminder out.
pub(crate) fn status(word: &str) -> Option<AppointmentStatus> {
    let whole = STATUSES.iter().find(|(_, words)| words.contains(&word)).map(|(status, _)| *status);
    whole.or_else(|| match word {
        w if w.starts_with("cancel") || w.starts_with("canx") || w.starts_with("anulad") => Some(Cancelled),
        w if w.starts_with("no show") || w.starts_with("noshow") || w.starts_with("no asist") => Some(Noshow),
        w if w.starts_with("checked out") || w.starts_with("completed") => Some(Fulfilled),
        w if w.starts_with("checked in") => Some(CheckedIn),
        w if w.starts_with("confirm") || w.starts_with("scheduled") || w.starts_with("booked") => Some(Booked),
        _ => None,
    })
}

/// Whether the word says that a patient called it off within 24 hours (OpenEMR's `%` and the like).
pub(crate) fn is_late_cancellation(word: &str) -> bool {
    matches!(word, "%" | "late cancel" | "cancelled late" | "canceled late" | "cancelled 24h" | "canceled 24h")
        || word.starts_with("cancelled late")
        || word.starts_with("late cancel")
}

/// Yes or no, as columns of ticks write it.
pub(crate) fn yes_or_no(word: &str) -> Option<bool> {
    match word {
        "yes" | "y" | "true" | "t" | "1" | "x" | "✓" | "✔" | "on" | "ok" | "okay" | "si" | "sí" | "s" | "agreed"
        | "opted in" | "opt in" | "granted" | "verdadero" => Some(true),
        "no" | "n" | "false" | "f" | "0" | "off" | "declined" | "refused" | "opted out" | "opt out" | "denied"
        | "falso" => Some(false),
        _ => None,
    }
}

/// What an action column asks for.
pub(crate) fn action(word: &str) -> Option<Action> {
    match word {
        "add" | "added" | "a" | "new" | "insert" | "create" | "i" | "update" | "updated" | "u" | "upsert"
        | "change" | "changed" | "modify" | "m" | "keep" | "none" | "move" | "moved" => Some(Action::Upsert),
        "delete" | "deleted" | "d" | "remove" | "removed" | "r" => Some(Action::Delete),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_status() {
        for (word, expected) in [
            ("Scheduled", Some(Booked)),
            ("No-Show", Some(Noshow)),
            ("CANCELLED (patient ill)", Some(Cancelled)),
            ("Checked_Out", Some(Fulfilled)),
            (" ? ", Some(Noshow)),
            ("%", Some(Cancelled)),
            (">", Some(Fulfilled)),
            ("!", Some(Arrived)),
            ("No asistió", Some(Noshow)),
            ("Zombie", None),
            ("", None),
        ] {
            assert_eq!(status(&normal(word)), expected, "{word}");
        }
    }

    #[test]
    fn no_word_means_two_things() {
        let mut seen = std::collections::BTreeSet::new();
        for word in STATUSES.iter().flat_map(|(_, words)| *words) {
            assert_eq!(normal(word), *word, "words are kept as they are compared");
            assert!(seen.insert(word), "{word} is listed twice");
        }
    }
}
