//! Configuration: the embedded default file, then `kept.toml`, then `KEPT_…` variables; checked before anything starts.

mod lines;
mod mail;

pub use lines::{CarrierKind, CarrierList, TextLines};
pub use mail::SmtpEncryption;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Every setting with its default and what it means, as `kept` carries it.
pub const DEFAULT_FILE: &str = include_str!("kept.default.toml");
/// The file that is read when none is named.
pub const FILE: &str = "kept.toml";
/// Names the file that is read.
pub const FILE_VARIABLE: &str = "KEPT_CONFIG";
/// What a variable's name begins with.
const PREFIX: &str = "KEPT_";
/// Variables that begin so too and are none of ours: the tests' own.
const NOT_OURS: &[&str] = &["KEPT_TEST_", "KEPT_SCREENSHOTS", "KEPT_BENCH_"];

/// Public link shorteners. Carriers block texts that hold one, patients rightly distrust them, and they read along.
const SHORTENERS: &[&str] = &[
    "bit.ly",
    "bitly.com",
    "bl.ink",
    "buff.ly",
    "cutt.ly",
    "goo.gl",
    "is.gd",
    "j.mp",
    "lnkd.in",
    "ow.ly",
    "rb.gy",
    "rebrand.ly",
    "s.id",
    "short.io",
    "shorturl.at",
    "t.co",
    "t.ly",
    "tiny.cc",
    "tiny.one",
    "tinyurl.com",
    "v.gd",
];

/// Everything that can be set. Field names are the names of the settings; those of the default file and no others, a test
/// says so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`.
    pub database_url: DatabaseUrl,
    /// Connections at most.
    pub database_connections: u32,
    /// The key file.
    pub key_file: PathBuf,
    /// Where `serve` listens.
    pub listen: SocketAddr,
    /// As it stands in links, without a slash at the end.
    pub public_url: String,
    /// What hands texts to phones, in the order of preference.
    pub carrier: CarrierList,
    /// Address of the carrier's API.
    pub carrier_url: String,
    /// What we and the carrier know.
    pub carrier_secret: Hidden,
    /// What the lines of texts need.
    #[serde(flatten)]
    pub texts: TextLines,
    /// The mail server; empty: no mail is sent.
    pub smtp_host: String,
    /// Its port.
    pub smtp_port: u32,
    /// How the connection to it is encrypted.
    pub smtp_encryption: SmtpEncryption,
    /// Who we are to it.
    pub smtp_user: String,
    /// And how it knows.
    pub smtp_password: Hidden,
    /// Certificates to trust instead of the machine's, PEM.
    pub smtp_ca_file: String,
    /// Address that mail comes from.
    pub smtp_from: String,
    /// Address that takes opt-outs by mail.
    pub smtp_unsubscribe: String,
    /// Mails a second at most; 0 for no limit.
    pub smtp_per_second: u32,
    /// Key that signs mail, PEM.
    pub dkim_key_file: String,
    /// Its name in the DNS.
    pub dkim_selector: String,
    /// The domain it signs for.
    pub dkim_domain: String,
    /// Where metrics are read; empty: nowhere.
    pub metrics_listen: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// How much is logged.
    pub log: String,
}

/// The database's address. It may hold a password: Debug shows the engine only.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(kept_store::DatabaseUrl);

impl TryFrom<String> for DatabaseUrl {
    type Error = kept_store::StoreError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A setting that prints nothing.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// 64 hex digits from the operating system.
    fn random() -> Result<Self, ConfigError> {
        use std::fmt::Write as _;
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| setting("carrier_secret", format!("no random bytes for one: {error}")))?;
        let mut digits = String::with_capacity(64);
        for byte in bytes {
            write!(digits, "{byte:02x}").expect("writing to a string cannot fail");
        }
        Ok(Self(digits))
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// The configuration cannot be used. Messages name the setting and where it was set, never a database's password.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file was named and is not there, or cannot be read.
    #[error("the configuration file {path} cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML, or holds something unknown.
    #[error("{path}: {problem}")]
    File {
        /// Which.
        path: PathBuf,
        /// What, with the line.
        problem: String,
    },
    /// A variable is none of ours.
    #[error("the variable {name} is unknown; the settings are: {known}")]
    UnknownVariable {
        /// Which.
        name: String,
        /// All that are known.
        known: String,
    },
    /// A variable's value is of the wrong kind.
    #[error("the variable {name} must be {wanted}")]
    Variable {
        /// Which.
        name: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// A value is wrong wherever it was set.
    #[error("{0}")]
    Value(String),
    /// A rule that binds settings together.
    #[error("`{setting}`: {problem}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl From<ConfigError> for crate::exit::Failure {
    fn from(error: ConfigError) -> Self {
        let exit = match &error {
            ConfigError::Unreadable { .. } => crate::exit::Exit::NoInput,
            _ => crate::exit::Exit::Config,
        };
        Self::of(exit, error)
    }
}

fn setting(setting: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Setting { setting, problem: problem.into() }
}

impl Config {
    /// Reads the file (the named one, or `kept.toml` where there is one) and the process's environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        let named = file.map(Path::to_owned).or_else(|| environment.get(FILE_VARIABLE).map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(FILE));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => None,
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        let mut config = Self::read(text.as_deref().map(|text| (path.as_path(), text)), &environment)?;
        if config.shows_phone() && config.carrier_secret.0.is_empty() {
            // Both sides are this process; it lives as long as the phone does.
            config.carrier_secret = Hidden::random()?;
        }
        Ok(config)
    }

    /// The defaults alone.
    pub fn defaults() -> Self {
        Self::read(None, &BTreeMap::new()).expect("the embedded defaults are good, a test says so")
    }

    /// Puts defaults, a file's text and variables together and checks the result.
    pub fn read(file: Option<(&Path, &str)>, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let defaults: toml::Table = DEFAULT_FILE.parse().expect("the embedded file is TOML, a test says so");
        let mut table = defaults.clone();
        if let Some((path, text)) = file {
            let problem = |problem: String| ConfigError::File { path: path.to_owned(), problem };
            let own: toml::Table = text.parse().map_err(|error: toml::de::Error| problem(error.to_string()))?;
            for (name, value) in own {
                let Some(default) = defaults.get(&name) else {
                    return Err(problem(format!("`{name}` is unknown; the settings are: {}", names(&defaults))));
                };
                if !default.same_type(&value) {
                    return Err(problem(format!("`{name}` must be {}", kind(default))));
                }
                table.insert(name, value);
            }
        }
        for (variable, text) in environment {
            if variable == FILE_VARIABLE || NOT_OURS.iter().any(|prefix| variable.starts_with(prefix)) {
                continue;
            }
            let name = variable.strip_prefix(PREFIX).unwrap_or(variable).to_lowercase();
            let Some(default) = defaults.get(&name) else {
                return Err(ConfigError::UnknownVariable { name: variable.clone(), known: names(&defaults) });
            };
            let wrong = || ConfigError::Variable { name: variable.clone(), wanted: kind(default) };
            let value = match default {
                toml::Value::Integer(_) => toml::Value::Integer(text.trim().parse().map_err(|_| wrong())?),
                toml::Value::Boolean(_) => toml::Value::Boolean(text.trim().parse().map_err(|_| wrong())?),
                _ => toml::Value::String(text.clone()),
            };
            table.insert(name, value);
        }
        // `message` and not `to_string`: the latter quotes the text around, which may hold a password.
        let config: Self =
            table.try_into().map_err(|error: toml::de::Error| ConfigError::Value(error.message().to_owned()))?;
        config.checked()
    }

    fn checked(mut self) -> Result<Self, ConfigError> {
        self.public_url = public_url(&self.public_url)?;
        if !(1..=1000).contains(&self.database_connections) {
            return Err(setting("database_connections", "must be 1 to 1000"));
        }
        self.metrics_address()?;
        self.check_lines()?;
        self.check_mail()?;
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log) {
            return Err(setting("log", format!("{error}; write e.g. `info` or `info,kept_store=debug`")));
        }
        Ok(self)
    }

    /// What the store needs.
    pub fn store(&self) -> kept_store::Settings {
        let mut settings = kept_store::Settings::new(self.database_url.0.clone());
        settings.connections = self.database_connections;
        settings
    }

    /// Where metrics are read, if anywhere.
    pub fn metrics_address(&self) -> Result<Option<SocketAddr>, ConfigError> {
        if self.metrics_listen.is_empty() {
            return Ok(None);
        }
        let wrong = |_| setting("metrics_listen", "must be ADDRESS:PORT, e.g. `127.0.0.1:9464`, or \"\" for none");
        self.metrics_listen.parse().map(Some).map_err(wrong)
    }

    /// What only `serve` minds: browsers drop `Secure` cookies and `WebCrypto` on plain http off this machine.
    pub fn check_served(&self) -> Result<(), ConfigError> {
        if self.public_url.starts_with("https://") || is_loopback_url(&self.public_url) {
            return Ok(());
        }
        Err(setting(
            "public_url",
            format!(
                "`{}` is plain http: patients' browsers would refuse to sign in there. Put a proxy that speaks https in front \
                 and give its address, e.g. `https://kept.example.org`; plain http works for 127.0.0.1 and localhost only",
                self.public_url
            ),
        ))
    }
}

fn names(defaults: &toml::Table) -> String {
    defaults.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn kind(default: &toml::Value) -> &'static str {
    match default {
        toml::Value::Integer(_) => "a whole number",
        toml::Value::Boolean(_) => "true or false",
        _ => "text in quotes",
    }
}

/// Checks the public address and takes the slash off its end.
fn public_url(text: &str) -> Result<String, ConfigError> {
    let wrong = |problem: &str| setting("public_url", problem);
    let url = reqwest::Url::parse(text).map_err(|_| wrong("must be an address such as `https://kept.example.org`"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("must begin with https:// (or http:// on this machine)"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must be a bare address, without a user, `?` or `#`: links are made from it"));
    }
    let host = url.host_str().ok_or_else(|| wrong("has no host"))?.trim_end_matches('.').to_lowercase();
    if SHORTENERS.iter().any(|short| host == *short || host.ends_with(&format!(".{short}"))) {
        return Err(wrong(&format!(
            "`{host}` is a public link shortener: carriers block texts with such links. Give your own host"
        )));
    }
    if url.path() != "/" {
        return Err(wrong("must not have a path: cookies are bound to the host"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether a URL names this machine.
fn is_loopback_url(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    let Some(host) = url.host_str() else { return false };
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
