//! What the sandbox can be told to do wrong.

use kept_domain::text_enum;

text_enum! {
    /// What happens when a text is handed over.
    Hand: "way of taking a text" {
        /// It is taken.
        Take => "take",
        /// It is taken, but the answer comes too late: our side cannot know.
        TimeOut => "time-out",
        /// "Later, please" (429): certainly not taken.
        Busy => "busy",
        /// The machine is broken (503).
        Broken => "broken",
        /// Refused: the receiver opted out at the carrier.
        OptedOut => "opted-out",
        /// Refused: no phone has the number.
        Unreachable => "unreachable",
    }
}

text_enum! {
    /// What becomes of receipts.
    Receipts: "way of giving receipts" {
        /// Delivered, and said so at once.
        Prompt => "prompt",
        /// Said half a minute later.
        Late => "late",
        /// Never said.
        Lost => "lost",
        /// Not delivered, and said so.
        Undelivered => "undelivered",
    }
}

/// How the sandbox behaves just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// When a text is handed over.
    pub hand: Hand,
    /// Afterwards.
    pub receipts: Receipts,
}

impl Default for Switches {
    fn default() -> Self {
        Self { hand: Hand::Take, receipts: Receipts::Prompt }
    }
}
