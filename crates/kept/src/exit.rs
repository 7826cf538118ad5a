//! How a command ends: named exit codes after sysexits.h, and the one error type of the binary.

use kept_flow::FlowError;
use kept_flow::setup::SetupError;
use kept_seal::{KeyFileError, SealError};
use kept_store::StoreError;
use std::fmt;

/// What the exit code of `kept` says. The numbers are part of the command line's contract (docs/CLI.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Done, and what was looked at is not in order: a broken chain, a doctor's finding.
    Findings = 1,
    /// The command line is wrong.
    Usage = 64,
    /// What was given to read is wrong: a file's content, an unknown id.
    Data = 65,
    /// A file that should be read is not there or cannot be opened.
    NoInput = 66,
    /// The database or another service does not answer.
    Unavailable = 69,
    /// A mistake in Kept itself.
    Software = 70,
    /// A file that should be made is there already, or cannot be made.
    CannotCreate = 73,
    /// Reading or writing failed, the disk is full.
    Io = 74,
    /// Busy, or somebody else changed the same rows; the same command may succeed a moment later.
    TryAgain = 75,
    /// A file's permissions are too open, or a key does not fit.
    NoPermission = 77,
    /// The configuration is wrong, or the database's schema does not fit this program.
    Config = 78,
}

impl Exit {
    /// Every code, for the documentation's test.
    #[cfg(test)]
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::Findings,
        Self::Usage,
        Self::Data,
        Self::NoInput,
        Self::Unavailable,
        Self::Software,
        Self::CannotCreate,
        Self::Io,
        Self::TryAgain,
        Self::NoPermission,
        Self::Config,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A command failed: what a person reads, and what a script sees.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened, and what to do.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure with its own sentence, which must say what to do.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, error: anyhow::Error::msg(message.into()) }
    }

    /// A failure by another error, whose message is shown.
    pub fn of(exit: Exit, error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { exit, error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The whole chain: a cause such as "Permission denied" is often the useful part. Causes that their parent
        // already quotes are left out.
        let mut said = self.error.to_string();
        for cause in self.error.chain().skip(1) {
            let cause = cause.to_string();
            if !said.contains(&cause) {
                said.push_str(": ");
                said.push_str(&cause);
            }
        }
        f.write_str(&said)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Address | StoreError::SchemaOlder { .. } | StoreError::SchemaNewer { .. } => Exit::Config,
            StoreError::Unreachable(_) => Exit::Unavailable,
            StoreError::Busy(_) | StoreError::Changed { .. } => Exit::TryAgain,
            StoreError::DiskFull(_) => Exit::Io,
            StoreError::Missing { .. } | StoreError::Corrupt { .. } => Exit::Data,
            StoreError::Migrate(_) | StoreError::Sql(_) => Exit::Software,
        };
        Self::of(exit, error)
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        let exit = match &error {
            SealError::WrongKeyFile { .. } => Exit::NoPermission,
            SealError::Random(_) => Exit::Unavailable,
            _ => Exit::Data,
        };
        Self::of(exit, error)
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        Self::of(Exit::Data, error)
    }
}

impl From<FlowError> for Failure {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Store(inner) => inner.into(),
            FlowError::Seal(inner) => inner.into(),
            FlowError::NotFound { .. } | FlowError::VisitsToCome { .. } => Self::of(Exit::Data, error),
            FlowError::NoPractice => Self::of(Exit::Config, error),
            FlowError::RotationUnderWay | FlowError::MessagesUnderWay { .. } => Self::of(Exit::TryAgain, error),
            FlowError::WhichPractice => Self::of(Exit::Usage, error),
            _ => Self::of(Exit::Software, error),
        }
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Flow(inner) => inner.into(),
            SetupError::Taken(_) | SetupError::EmailTaken | SetupError::PlaceTaken | SetupError::LastAdministrator => {
                Self::of(Exit::CannotCreate, error)
            }
            _ => Self::of(Exit::Usage, error),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::of(Exit::Io, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_not_fast_enough_may_try_again() {
        let changed = StoreError::Changed { table: "source_rows", row: "x".to_owned() };
        let failure = Failure::from(FlowError::from(changed));
        assert_eq!(failure.exit, Exit::TryAgain);
        assert!(failure.to_string().contains("try again"), "{failure}");
    }
}
