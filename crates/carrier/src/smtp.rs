//! E-mail over SMTP (RFC 5321), to a mail server of the practice or of its provider.
//!
//! The dialogue is our own over `lettre`'s connection, because what matters is **where** it breaks: until the end of the
//! letter is written the server certainly has nothing; from then until its answer nobody knows. SMTP knows no idempotency
//! keys (receivers drop doubles by the `Message-ID`, which is the same on every attempt, but need not), no look-up, and no
//! receipts beyond its own answer: a bounce that comes later goes to the sender's mailbox, not to us.
//!
//! Without encryption nothing is sent: `STARTTLS` is required where the connection does not begin with TLS, and a server that
//! does not offer it is refused.

mod codes;
mod dkim;
mod letter;

pub use dkim::{DkimError, DkimKey};

use crate::{Carrier, Event, HookError, HookRequest, Outbound, Outcome, Refusal, Sure};
use codes::Meaning;
use kept_domain::Instant;
use letter::Letter;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use std::error::Error as _;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The carrier's name in rows.
pub const NAME: &str = "smtp";
/// How long the hand-over of one letter may take, connecting included. Shorter than a worker's lease.
pub const SUBMIT_TIMEOUT: Duration = Duration::from_mins(1);
/// Connections at most, in use or kept for the next letter; mail providers refuse many from one customer.
pub const MAX_CONNECTIONS: usize = 8;
/// For how long; servers close them after some minutes (RFC 5321 §4.5.3.2.7 asks for five).
const IDLE_LIFE: Duration = Duration::from_mins(1);

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// The connection begins in clear and must be encrypted before anything is said (RFC 3207); port 587.
    StartTls,
    /// The connection begins encrypted (RFC 8314); port 465.
    Tls,
    /// Not at all, for tests with a server on this machine. Anything but a loopback address is refused.
    NoneOnLoopback,
}

/// Who we are to the server.
#[derive(Clone)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// Where the mail server is and who writes.
#[derive(Debug)]
pub struct Settings {
    /// The server's host name; its certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Who we are to the server; none where it knows us by our address.
    pub login: Option<Login>,
    /// Certificates to trust instead of the machine's, PEM.
    pub roots: Option<String>,
    /// Address that letters come from where the practice has none of its own.
    pub from: String,
    /// Address that takes opt-outs by mail, if somebody reads it.
    pub unsubscribe_address: Option<String>,
    /// Signs what we send.
    pub dkim: Option<DkimKey>,
    /// How long one hand-over may take; [`SUBMIT_TIMEOUT`] unless a test is in a hurry.
    pub timeout: Duration,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// Sending in clear to another machine.
    #[error("mail would go to {0} unencrypted; that works with a server on this machine only")]
    Unencrypted(String),
    /// The sender's address is none.
    #[error("`{0}` is not an address that mail can come from; write e.g. reminders@example.org")]
    From(String),
    /// The certificates or the host name cannot be used.
    #[error("the certificates or the host name of the mail server cannot be used: {0}")]
    Tls(#[from] lettre::transport::smtp::Error),
}

/// A mail server.
pub struct SmtpCarrier {
    settings: Settings,
    tls: Option<TlsParameters>,
    hello: ClientId,
    turns: Semaphore,
    idle: Mutex<Vec<(AsyncSmtpConnection, std::time::Instant)>>,
}

impl fmt::Debug for SmtpCarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpCarrier({}:{})", self.settings.host, self.settings.port)
    }
}

/// How far a dialogue got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The server certainly has nothing.
    Before,
    /// The letter is on its way; nobody knows.
    Handing,
}

impl SmtpCarrier {
    /// Checks the settings. Connects to nothing.
    pub fn new(settings: Settings) -> Result<Self, SmtpError> {
        let from: lettre::Address = settings.from.parse().map_err(|_| SmtpError::From(settings.from.clone()))?;
        let tls = match settings.encryption {
            Encryption::NoneOnLoopback if is_loopback(&settings.host) => None,
            Encryption::NoneOnLoopback => return Err(SmtpError::Unencrypted(settings.host)),
            Encryption::StartTls | Encryption::Tls => {
                let mut builder = TlsParametersBuilder::new(settings.host.clone());
                if let Some(pem) = &settings.roots {
                    builder = builder
                        .certificate_store(CertificateStore::None)
                        .add_root_certificate(Certificate::from_pem(pem.as_bytes())?);
                }
                Some(builder.build_rustls()?)
            }
        };
        let hello = ClientId::Domain(from.domain().to_owned());
        Ok(Self { settings, tls, hello, turns: Semaphore::new(MAX_CONNECTIONS), idle: Mutex::default() })
    }

    /// Connects, encrypts and signs in, then hangs up: for `doctor`. The word says what failed.
    pub async fn check(&self) -> Result<(), String> {
        let connection = tokio::time::timeout(self.settings.timeout, self.connect()).await;
        let mut connection = connection.map_err(|_| "timeout".to_owned())??;
        connection.abort().await;
        Ok(())
    }

    /// A connection that is encrypted and signed in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, String> {
        let server = (self.settings.host.as_str(), self.settings.port);
        let begins_encrypted = self.tls.clone().filter(|_| self.settings.encryption == Encryption::Tls);
        let timeout = Some(self.settings.timeout);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, timeout, &self.hello, begins_encrypted, None)
            .await
            .map_err(|error| word(&error, "connect"))?;
        if let (Encryption::StartTls, Some(tls)) = (self.settings.encryption, self.tls.clone()) {
            if !connection.can_starttls() {
                connection.abort().await;
                return Err("no-starttls".to_owned());
            }
            connection.starttls(tls, &self.hello).await.map_err(|error| word(&error, "tls"))?;
        }
        if let Some(login) = &self.settings.login {
            let credentials = Credentials::new(login.user.clone(), login.password.clone());
            if let Err(error) = connection.auth(DEFAULT_MECHANISMS, &credentials).await {
                connection.abort().await;
                return Err(format!("auth {}", word(&error, "broken")));
            }
        }
        Ok(connection)
    }

    /// A connection that was kept and still lives, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, String> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((mut connection, since)) = kept else { return self.connect().await };
            if since.elapsed() < IDLE_LIFE && connection.test_connected().await {
                return Ok(connection);
            }
        }
    }

    /// Keeps a connection for the next letter.
    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((connection, std::time::Instant::now()));
    }

    async fn deliver(&self, letter: &Letter, stage: &mut Stage) -> Outcome {
        let not_taken = |code| Outcome::Retry { after: None, code, sure: Sure::NotTaken };
        // Never closed; whoever waits too long has handed over nothing.
        let _turn = self.turns.acquire().await;
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(code) => return not_taken(code),
        };
        let said = match self.announce(&mut connection, letter).await {
            Ok(()) => {
                *stage = Stage::Handing;
                connection.message(&letter.bytes).await.map(|_| ())
            }
            Err(error) => Err(error),
        };
        let outcome = match said {
            Ok(()) => Outcome::Accepted { provider_ref: letter.message_id.clone() },
            Err(error) => match (answer(&error), *stage) {
                (Some(code), _) => match codes::meaning(&code) {
                    Meaning::Again => not_taken(code),
                    Meaning::Refused(why) => Outcome::Refused { why, code },
                },
                (None, Stage::Before) => not_taken(word(&error, "broken")),
                (None, Stage::Handing) => Outcome::Unknown { code: word(&error, "broken") },
            },
        };
        // After a refusal the dialogue begins anew; what is broken is not kept.
        let refused = !matches!(outcome, Outcome::Accepted { .. } | Outcome::Unknown { .. });
        if !connection.has_broken() && (!refused || connection.command(Rset).await.is_ok()) {
            self.keep(connection);
        }
        outcome
    }

    /// Sender, receiver, and leave to begin.
    async fn announce(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
    ) -> Result<(), lettre::transport::smtp::Error> {
        connection.command(MailFrom::new(Some(letter.from.clone()), Vec::new())).await?;
        connection.command(Rcpt::new(letter.to.clone(), Vec::new())).await?;
        connection.command(Data).await?;
        Ok(())
    }
}

/// The server's answer, if the error is one: its codes, and nothing else of it.
fn answer(error: &lettre::transport::smtp::Error) -> Option<String> {
    let status = error.status()?;
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    Some(codes::code(&status.to_string(), &text))
}

/// What is stored of an error: the server's codes, or a word of ours.
fn word(error: &lettre::transport::smtp::Error, ours: &str) -> String {
    answer(error).unwrap_or_else(|| if error.is_tls() { "tls" } else { ours }.to_owned())
}

fn is_loopback(host: &str) -> bool {
    let address: Option<std::net::IpAddr> = host.parse().ok();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

impl Carrier for SmtpCarrier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn honours_keys(&self) -> Option<Duration> {
        None
    }

    fn patience(&self) -> Duration {
        self.settings.timeout
    }

    async fn submit(&self, notice: &Outbound) -> Outcome {
        let refused = |code: &str| Outcome::Refused { why: Refusal::NotAccepted, code: code.to_owned() };
        let Some(mail) = &notice.mail else { return refused(letter::NoLetter::Content.code()) };
        let unsubscribe = self.settings.unsubscribe_address.as_deref();
        let mut letter = match letter::write(notice, mail, &self.settings.from, unsubscribe) {
            Ok(letter) => letter,
            Err(letter::NoLetter::To) => {
                return Outcome::Refused { why: Refusal::Unreachable, code: letter::NoLetter::To.code().to_owned() };
            }
            Err(why) => return refused(why.code()),
        };
        if let Some(key) = &self.settings.dkim {
            match key.sign(notice.from.as_ref().map(|_| letter.from.domain()), &letter.bytes) {
                Ok(signed) => letter.bytes = signed,
                Err(_) => return refused("not-signed"),
            }
        }
        let mut stage = Stage::Before;
        let done = tokio::time::timeout(self.settings.timeout, self.deliver(&letter, &mut stage)).await;
        done.unwrap_or_else(|_| match stage {
            Stage::Before => Outcome::Retry { after: None, code: "timeout".to_owned(), sure: Sure::NotTaken },
            Stage::Handing => Outcome::Unknown { code: "timeout".to_owned() },
        })
    }

    fn refusal(&self, code: &str) -> Refusal {
        match codes::meaning(code) {
            Meaning::Refused(why) => why,
            Meaning::Again => Refusal::NotAccepted,
        }
    }

    fn meaning(&self, code: &str) -> Option<crate::Meaning> {
        // It does not let us in, or wants us to sign in first (RFC 4954 §6).
        let ours = code.starts_with("auth 5") || code.starts_with("530");
        match codes::meaning(code) {
            _ if ours => Some(crate::Meaning::Account),
            Meaning::Refused(Refusal::Unreachable) => Some(crate::Meaning::UnknownNumber),
            Meaning::Again | Meaning::Refused(_) => None,
        }
    }

    /// Nobody calls: a mail server has no webhook.
    fn verify(&self, _request: &HookRequest<'_>, _now: Instant) -> Result<(), HookError> {
        Err(HookError::NoSuchCarrier)
    }

    fn parse(&self, _request: &HookRequest<'_>) -> Result<Vec<Event>, HookError> {
        Err(HookError::NoSuchCarrier)
    }
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;
