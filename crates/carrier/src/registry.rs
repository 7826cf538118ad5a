//! The carriers that are set up, each with its breaker and pace.

use crate::gateway::GatewayCarrier;
use crate::sandbox::SandboxCarrier;
use crate::smtp::SmtpCarrier;
use crate::telnyx::TelnyxCarrier;
use crate::twilio::TwilioCarrier;
use crate::vonage::VonageCarrier;
use crate::{
    Breaker, Carrier, Event, HookError, HookRequest, LookUp, Lost, MAX_PACE_WAIT, Meaning, OPEN, Outbound, Outcome,
    PACE, Pace, Refusal, Sure, back_off,
};
use kept_domain::{Channel, Instant};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One of the carriers we know.
#[derive(Debug)]
pub enum AnyCarrier {
    /// The phone on a page.
    Sandbox(SandboxCarrier),
    /// Twilio.
    Twilio(Box<TwilioCarrier>),
    /// Telnyx.
    Telnyx(Box<TelnyxCarrier>),
    /// Vonage.
    Vonage(Box<VonageCarrier>),
    /// Any other, by its description.
    Gateway(Box<GatewayCarrier>),
    /// A mail server.
    Smtp(Box<SmtpCarrier>),
}

/// Runs the same call on whichever carrier it is.
macro_rules! on_each {
    ($self:expr, $carrier:ident => $call:expr) => {
        match $self {
            AnyCarrier::Sandbox($carrier) => $call,
            AnyCarrier::Twilio($carrier) => $call,
            AnyCarrier::Telnyx($carrier) => $call,
            AnyCarrier::Vonage($carrier) => $call,
            AnyCarrier::Gateway($carrier) => $call,
            AnyCarrier::Smtp($carrier) => $call,
        }
    };
}

impl Carrier for AnyCarrier {
    fn name(&self) -> &'static str {
        on_each!(self, carrier => carrier.name())
    }

    fn honours_keys(&self) -> Option<Duration> {
        on_each!(self, carrier => carrier.honours_keys())
    }

    fn patience(&self) -> Duration {
        on_each!(self, carrier => carrier.patience())
    }

    async fn submit(&self, notice: &Outbound) -> Outcome {
        on_each!(self, carrier => carrier.submit(notice).await)
    }

    fn looks_up(&self) -> bool {
        on_each!(self, carrier => carrier.looks_up())
    }

    async fn look_up(&self, lost: &Lost) -> LookUp {
        on_each!(self, carrier => carrier.look_up(lost).await)
    }

    fn refusal(&self, code: &str) -> Refusal {
        on_each!(self, carrier => carrier.refusal(code))
    }

    fn meaning(&self, code: &str) -> Option<Meaning> {
        on_each!(self, carrier => carrier.meaning(code))
    }

    async fn check(&self) -> Option<Result<(), String>> {
        match self {
            AnyCarrier::Twilio(carrier) => carrier.check().await,
            AnyCarrier::Telnyx(carrier) => carrier.check().await,
            AnyCarrier::Vonage(carrier) => carrier.check().await,
            AnyCarrier::Smtp(carrier) => Some(carrier.check().await),
            AnyCarrier::Sandbox(_) | AnyCarrier::Gateway(_) => None,
        }
    }

    fn words(&self, code: &str) -> Option<&str> {
        on_each!(self, carrier => carrier.words(code))
    }

    fn verify(&self, request: &HookRequest<'_>, now: Instant) -> Result<(), HookError> {
        on_each!(self, carrier => carrier.verify(request, now))
    }

    fn parse(&self, request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
        on_each!(self, carrier => carrier.parse(request))
    }
}

/// A line that refuses us is complained of once in this time for each code.
pub const COMPLAINT_PAUSE: Duration = Duration::from_mins(5);

/// A carrier with what protects it from us and us from it.
#[derive(Debug)]
pub struct Line {
    carrier: AnyCarrier,
    channel: Channel,
    breaker: Mutex<Breaker>,
    pace: Mutex<Pace>,
    complaints: Mutex<BTreeMap<String, std::time::Instant>>,
}

impl Line {
    /// A line over `carrier` for one channel; at most `per_second` messages a second from one sender, zero for no limit.
    pub fn new(carrier: AnyCarrier, channel: Channel, per_second: u32) -> Self {
        Self {
            carrier,
            channel,
            breaker: Mutex::new(Breaker::default()),
            pace: Mutex::new(Pace::new(per_second)),
            complaints: Mutex::default(),
        }
    }

    /// The carrier's name.
    pub fn name(&self) -> &'static str {
        self.carrier.name()
    }

    /// See [`Carrier::honours_keys`].
    pub fn honours_keys(&self) -> Option<Duration> {
        self.carrier.honours_keys()
    }

    /// How long [`Line::submit`] may take at most, the wait for the sender's turn included.
    pub fn patience(&self) -> Duration {
        self.carrier.patience() + MAX_PACE_WAIT
    }

    /// What it carries.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Whether the carrier is left alone just now.
    pub fn rests(&self) -> bool {
        let now = std::time::Instant::now();
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner).rests(now).is_some()
    }

    /// Hands over one notice when it is its sender's turn, unless the carrier is left alone just now.
    pub async fn submit(&self, notice: &Outbound) -> Outcome {
        let rest = self.breaker.lock().unwrap_or_else(PoisonError::into_inner).wait(std::time::Instant::now());
        if let Some(after) = rest {
            return Outcome::Retry { after: Some(after), code: OPEN.to_owned(), sure: Sure::NotTaken };
        }
        let sender = notice.from.as_deref().unwrap_or_default();
        let turn = self.pace.lock().unwrap_or_else(PoisonError::into_inner).turn(sender, std::time::Instant::now());
        match turn {
            Err(after) => {
                return Outcome::Retry { after: Some(after), code: PACE.to_owned(), sure: Sure::NotTaken };
            }
            Ok(wait) if wait.is_zero() => {}
            Ok(wait) => tokio::time::sleep(wait).await,
        }
        let outcome = self.carrier.submit(notice).await;
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Outcome::Accepted { .. } | Outcome::Refused { .. } => breaker.answered(),
            // Being asked to slow down is an answer; silence and a broken machine are not.
            Outcome::Retry { after: Some(asked), .. } => breaker.rest(std::time::Instant::now(), *asked),
            Outcome::Retry { after: None, .. } | Outcome::Unknown { .. } => breaker.failed(std::time::Instant::now()),
        }
        outcome
    }

    /// See [`Carrier::looks_up`].
    pub fn looks_up(&self) -> bool {
        self.carrier.looks_up()
    }

    /// See [`Carrier::look_up`].
    pub async fn look_up(&self, lost: &Lost) -> LookUp {
        self.carrier.look_up(lost).await
    }

    /// See [`Carrier::refusal`].
    pub fn refusal(&self, code: &str) -> Refusal {
        self.carrier.refusal(code)
    }

    /// See [`Carrier::meaning`].
    pub fn meaning(&self, code: &str) -> Option<Meaning> {
        self.carrier.meaning(code)
    }

    /// See [`Carrier::check`].
    pub async fn check(&self) -> Option<Result<(), String>> {
        self.carrier.check().await
    }

    /// Whether it is time to complain of a code again, which then counts as done: once in [`COMPLAINT_PAUSE`].
    pub fn complains(&self, code: &str) -> bool {
        let now = std::time::Instant::now();
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let due = complaints.get(code).is_none_or(|last| now.duration_since(*last) >= COMPLAINT_PAUSE);
        if due {
            complaints.insert(code.to_owned(), now);
        }
        due
    }

    /// See [`Carrier::words`].
    pub fn words(&self, code: &str) -> Option<&str> {
        self.carrier.words(code)
    }

    /// Checks a webhook and reads it. `now` is the wall clock.
    pub fn take(&self, request: &HookRequest<'_>, now: Instant) -> Result<Vec<Event>, HookError> {
        if request.body.len() > crate::MAX_HOOK_BYTES {
            return Err(HookError::TooLong);
        }
        self.carrier.verify(request, now)?;
        self.carrier.parse(request)
    }

    /// The wait before the next attempt; see [`back_off()`].
    pub fn wait(&self, attempts: u32, random: u64, asked: Option<Duration>) -> Duration {
        back_off(attempts, random, asked)
    }
}

/// All lines that are set up. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Carriers {
    lines: Arc<[Line]>,
}

impl Carriers {
    /// The lines in the order of preference.
    pub fn new(lines: Vec<Line>) -> Self {
        Self { lines: lines.into() }
    }

    /// The preferred line of a channel.
    pub fn for_channel(&self, channel: Channel) -> Option<&Line> {
        self.of_channel(channel).next()
    }

    /// The lines of a channel in the order of preference.
    pub fn of_channel(&self, channel: Channel) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.channel == channel)
    }

    /// Messages a second that one sender may hand over on a channel, by its first line; none without a limit.
    pub fn pace(&self, channel: Channel) -> Option<u32> {
        let line = self.lines.iter().find(|line| line.channel == channel)?;
        line.pace.lock().unwrap_or_else(PoisonError::into_inner).per_second()
    }

    /// The line of that name; webhooks and unfinished notices name theirs.
    pub fn by_name(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name() == name)
    }

    /// The names of all lines, for `doctor`.
    pub fn names(&self) -> Vec<&'static str> {
        self.lines.iter().map(Line::name).collect()
    }
}
