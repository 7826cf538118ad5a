//! Which way a patient is reached: their own wish first, else what the step of the plan names, else a text, else e-mail.
//!
//! One channel a message: a rung that cannot be used (suspended, opted out, never agreed to) gives way to the next, and what is
//! said on one is not said on another.

use crate::messaging::Channel;
use crate::skip::SkipReason;
use crate::text_enum;

text_enum! {
    /// What an opt-out silences (design: messaging, "Consent and opt-out": a setting).
    OptOutScope: "scope of an opt-out" {
        /// Everything to the number or address that opted out.
        Number => "number",
        /// Everything to the patient, on whatever channel.
        Patient => "patient",
    }
}

/// One way to reach a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// How.
    pub channel: Channel,
    /// Index of the number or address into [`crate::schedule::Circle::numbers`].
    pub number: usize,
    /// Whether it may be used, and if not, why.
    pub reach: Result<(), SkipReason>,
}

/// The rung that a message takes, or would have taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// How.
    pub channel: Channel,
    /// Index of the number or address; none: there is none on any channel.
    pub number: Option<usize>,
    /// Whether anything can be sent, and if not, why.
    pub reach: Result<(), SkipReason>,
}

/// All ways to reach one patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    preferred: Option<Channel>,
    rungs: Vec<Rung>,
    silent: bool,
}

impl Ladder {
    /// The ladder of a patient; at most one rung a channel. `preferred` is the patient's own wish.
    pub fn new(preferred: Option<Channel>, rungs: Vec<Rung>, scope: OptOutScope) -> Self {
        let opted_out = rungs.iter().any(|rung| rung.reach == Err(SkipReason::OptedOut));
        Self { preferred, silent: opted_out && scope == OptOutScope::Patient, rungs }
    }

    /// The ladder of somebody with one number that can be used.
    pub fn one(channel: Channel, number: usize) -> Self {
        Self::new(None, vec![Rung { channel, number, reach: Ok(()) }], OptOutScope::Number)
    }

    /// The rung for a message whose step names a channel: the first that can be used, in the order of the wish, the step, and
    /// [`Channel::ALL`]. If none can, the first one says why.
    pub fn pick(&self, named: Channel) -> Pick {
        let order = self.preferred.into_iter().chain([named]).chain(Channel::ALL.iter().copied());
        let mut first: Option<Pick> = None;
        for rung in order.filter_map(|channel| self.rung(channel)) {
            let reach = if self.silent { Err(SkipReason::OptedOut) } else { rung.reach };
            let pick = Pick { channel: rung.channel, number: Some(rung.number), reach };
            if reach.is_ok() {
                return pick;
            }
            first.get_or_insert(pick);
        }
        let nobody = Pick { channel: self.preferred.unwrap_or(named), number: None, reach: Err(SkipReason::NoNumber) };
        first.unwrap_or(nobody)
    }

    /// The rung of a channel.
    pub fn rung(&self, channel: Channel) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.channel == channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Channel::{Email, Sms};

    fn ladder(
        preferred: Option<Channel>,
        sms: Option<Result<(), SkipReason>>,
        email: Option<Result<(), SkipReason>>,
    ) -> Ladder {
        let rung = |channel, number| move |reach| Rung { channel, number, reach };
        let rungs = sms.map(rung(Sms, 0)).into_iter().chain(email.map(rung(Email, 1))).collect();
        Ladder::new(preferred, rungs, OptOutScope::Number)
    }

    #[test]
    fn the_wish_comes_first_then_the_step_then_a_text() {
        let both = |preferred| ladder(preferred, Some(Ok(())), Some(Ok(())));
        assert_eq!(both(None).pick(Sms).channel, Sms);
        assert_eq!(both(None).pick(Email).channel, Email);
        assert_eq!(both(Some(Sms)).pick(Email).channel, Sms);
        assert_eq!(both(Some(Email)).pick(Sms), Pick { channel: Email, number: Some(1), reach: Ok(()) });
    }

    #[test]
    fn a_rung_that_cannot_be_used_gives_way_to_the_next() {
        for why in [SkipReason::NumberSuspended, SkipReason::OptedOut, SkipReason::NoConsent] {
            assert_eq!(ladder(None, Some(Err(why)), Some(Ok(()))).pick(Sms).channel, Email, "{why}");
            assert_eq!(ladder(Some(Email), Some(Ok(())), Some(Err(why))).pick(Sms).channel, Sms, "{why}");
        }
        assert_eq!(ladder(None, None, Some(Ok(()))).pick(Sms).channel, Email);
    }

    #[test]
    fn where_none_can_be_used_the_first_says_why() {
        let refused = ladder(Some(Email), Some(Err(SkipReason::NoConsent)), Some(Err(SkipReason::OptedOut)));
        assert_eq!(refused.pick(Sms), Pick { channel: Email, number: Some(1), reach: Err(SkipReason::OptedOut) });
        let nobody = Pick { channel: Sms, number: None, reach: Err(SkipReason::NoNumber) };
        assert_eq!(ladder(None, None, None).pick(Sms), nobody);
    }

    #[test]
    fn an_opt_out_may_silence_the_number_or_the_patient() {
        let rungs = vec![
            Rung { channel: Sms, number: 0, reach: Err(SkipReason::OptedOut) },
            Rung { channel: Email, number: 1, reach: Ok(()) },
        ];
        assert_eq!(Ladder::new(None, rungs.clone(), OptOutScope::Number).pick(Sms).channel, Email);
        for named in [Sms, Email] {
            let pick = Ladder::new(None, rungs.clone(), OptOutScope::Patient).pick(named);
            assert_eq!(pick.reach, Err(SkipReason::OptedOut));
        }
    }
}
