//! A gateway's description: a TOML file that says how it is asked, what its answers mean, and how its webhooks look.

use super::answers::{Answers, AnswersFile};
use super::template::{Template, Word};
use super::webhook::Acts;
use crate::{Codes, CodesError, MessageStatus};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest time that one hand-over may be given, in seconds.
pub const MAX_TIMEOUT_S: u64 = 30;

/// The description cannot be used; says where and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DescriptionError(String);

fn wrong(message: impl Into<String>) -> DescriptionError {
    DescriptionError(message.into())
}

/// A description as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    submit: Submit,
    #[serde(default)]
    answer: AnswersFile,
    #[serde(default)]
    codes: BTreeMap<String, BTreeMap<String, String>>,
    webhook: Option<Webhook>,
    status: Option<StatusFile>,
    inbound: Option<Inbound>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submit {
    #[serde(default = "post")]
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<serde_json::Value>,
    form: Option<BTreeMap<String, String>>,
    #[serde(default)]
    sender: String,
    #[serde(default = "ten")]
    timeout_s: u64,
    key_life_s: Option<u64>,
}

fn post() -> String {
    "POST".to_owned()
}

const fn ten() -> u64 {
    10
}

/// How webhooks are signed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    /// What stands in `header`.
    pub(super) scheme: Scheme,
    /// The header of the signature, or of the secret.
    pub(super) header: String,
    /// How the signature is written.
    #[serde(default)]
    pub(super) encoding: Encoding,
    /// What stands before the signature in its header, e.g. `sha256=`.
    #[serde(default)]
    pub(super) prefix: String,
    /// What is signed: text with `{timestamp}`, `{url}` and `{body}`.
    #[serde(default = "body")]
    pub(super) signed: String,
    /// The header of the signed time.
    pub(super) timestamp_header: Option<String>,
    /// What the time counts.
    #[serde(default)]
    pub(super) timestamp_unit: Unit,
}

fn body() -> String {
    "{body}".to_owned()
}

/// What proves that a webhook is the gateway's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scheme {
    /// An HMAC-SHA256.
    HmacSha256,
    /// The secret itself.
    Secret,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    #[default]
    Hex,
    Base64,
}

impl Encoding {
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => STANDARD.decode(text).ok(),
        }
    }
}

/// What a timestamp counts since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Unit {
    #[default]
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    #[default]
    Json,
    Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusFile {
    #[serde(default)]
    format: Format,
    #[serde(default)]
    list: String,
    event: Option<String>,
    reference: String,
    status: String,
    code: Option<String>,
    words: BTreeMap<String, Vec<String>>,
}

/// Where things stand in a receipt.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) format: Format,
    pub(super) list: String,
    pub(super) event: Option<String>,
    pub(super) reference: String,
    pub(super) state: String,
    pub(super) code: Option<String>,
    pub(super) words: BTreeMap<String, MessageStatus>,
}

/// Where things stand in a reply.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inbound {
    #[serde(default)]
    pub(super) format: Format,
    #[serde(default)]
    pub(super) list: String,
    pub(super) event: String,
    pub(super) from: String,
    pub(super) to: Option<String>,
    pub(super) text: String,
    pub(super) media: Option<String>,
    /// Where it says what it did by itself about the text.
    pub(super) did: Option<String>,
    /// Its words for that.
    #[serde(default)]
    pub(super) words: Acts,
}

/// The body of a hand-over.
#[derive(Debug, Clone)]
pub(super) enum Body {
    None,
    Json(Tree),
    Form(Vec<(String, Template)>),
}

/// JSON whose strings are templates.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    Template(Template),
    Fixed(serde_json::Value),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// A gateway, described and checked.
#[derive(Debug, Clone)]
pub struct Description {
    pub(super) method: Method,
    pub(super) url: Template,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) body: Body,
    pub(super) sender: String,
    pub(super) timeout: Duration,
    pub(super) key_life: Option<Duration>,
    pub(super) answers: Answers,
    pub(super) codes: Codes,
    pub(super) webhook: Option<Webhook>,
    pub(super) status: Option<Status>,
    pub(super) inbound: Option<Inbound>,
    pub(super) uses_secret: bool,
}

impl Description {
    /// Reads a description and checks all of it, so that nothing is found out while sending.
    pub fn parse(text: &str) -> Result<Self, DescriptionError> {
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end()))?;
        let method = match file.submit.method.as_str() {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "GET" => Method::GET,
            other => return Err(wrong(format!("[submit] method: `{other}` is unknown; write POST, PUT or GET"))),
        };
        let url = template("url", &file.submit.url)?;
        let host = url.start().split_once("://").map_or("", |(_, rest)| rest);
        let secure = url.start().starts_with("https://") || url.start().starts_with("http://127.0.0.1:");
        if !secure || !host.contains('/') {
            return Err(wrong(
                "[submit] url: must begin with `https://HOST/` (http only for 127.0.0.1), with placeholders after the host alone: \
                 texts and the secret go there",
            ));
        }
        let headers = headers(&file.submit.headers)?;
        let body = body_of(file.submit.json, file.submit.form)?;
        if method == Method::GET && !matches!(body, Body::None) {
            return Err(wrong("[submit] method: GET carries no body; put the fields into the url"));
        }
        if !(1..=MAX_TIMEOUT_S).contains(&file.submit.timeout_s) {
            return Err(wrong(format!("[submit] timeout_s: must be 1 to {MAX_TIMEOUT_S}")));
        }
        let used = |word: Word| url.has(word) || headers.iter().any(|(_, value)| value.has(word)) || body.has(word);
        for (word, alternative, name) in
            [(Word::To, Word::ToDigits, "{to}` or `{to_digits}"), (Word::Text, Word::Text, "{text}")]
        {
            if !used(word) && !used(alternative) {
                return Err(wrong(format!("[submit] `{name}` stands nowhere: the gateway would not know it")));
            }
        }
        if file.submit.key_life_s.is_some() && !used(Word::Key) {
            return Err(wrong(
                "[submit] key_life_s: the gateway cannot recognise a key it never gets; put `{key}` where it wants it",
            ));
        }
        let uses_secret = used(Word::Secret);
        let described = Self {
            method,
            url,
            headers,
            body,
            sender: file.submit.sender,
            timeout: Duration::from_secs(file.submit.timeout_s),
            key_life: file.submit.key_life_s.map(Duration::from_secs),
            answers: file.answer.complete(),
            codes: Codes::of(file.codes).map_err(|error: CodesError| wrong(format!("[codes] {error}")))?,
            webhook: file.webhook,
            status: file.status.map(status).transpose()?,
            inbound: file.inbound,
            uses_secret,
        };
        described.checked()
    }

    /// Whether the description uses the secret.
    pub fn uses_secret(&self) -> bool {
        self.uses_secret
    }

    /// Whether webhooks come from this gateway, so that their secret must be set.
    pub fn has_webhooks(&self) -> bool {
        self.webhook.is_some()
    }

    fn checked(self) -> Result<Self, DescriptionError> {
        let mut pointers: Vec<(&str, &str)> =
            vec![("[answer] reference", &self.answers.reference), ("[answer] code", &self.answers.code)];
        pointers.extend(self.answers.must.keys().map(|pointer| ("[answer.must]", pointer.as_str())));
        if let Some(status) = &self.status {
            let own = [Some(&status.list), status.event.as_ref(), Some(&status.reference), Some(&status.state)];
            pointers
                .extend(own.into_iter().flatten().chain(&status.code).map(|pointer| ("[status]", pointer.as_str())));
        }
        if let Some(inbound) = &self.inbound {
            let own = [Some(&inbound.list), Some(&inbound.event), Some(&inbound.from), Some(&inbound.text)];
            let more = inbound.to.iter().chain(&inbound.media).chain(&inbound.did);
            pointers.extend(own.into_iter().flatten().chain(more).map(|pointer| ("[inbound]", pointer.as_str())));
            if inbound.did.is_some() == inbound.words.is_empty() {
                return Err(wrong("[inbound] `did` and `words` go together: where it stands, and what is said there"));
            }
        }
        for (place, pointer) in pointers {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return Err(wrong(format!(
                    "{place}: `{pointer}` is no JSON pointer (RFC 6901); write e.g. `/messages/0/id`"
                )));
            }
        }
        let statuses = [&self.answers.taken, &self.answers.busy, &self.answers.refused];
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = statuses.into_iter().flatten().find(|status| !seen.insert(**status)) {
            return Err(wrong(format!("[answer] {twice} stands in two lists; it can mean one thing only")));
        }
        match &self.webhook {
            None if self.status.is_some() || self.inbound.is_some() => {
                return Err(wrong("[webhook] is missing: without it anybody could say what became of a text"));
            }
            Some(webhook) => webhook.check()?,
            None => {}
        }
        Ok(self)
    }
}

impl Webhook {
    fn check(&self) -> Result<(), DescriptionError> {
        for name in [Some(&self.header), self.timestamp_header.as_ref()].into_iter().flatten() {
            if HeaderName::try_from(name.as_str()).is_err() {
                return Err(wrong(format!("[webhook] `{name}` is no name of a header")));
            }
        }
        if self.scheme == Scheme::Secret {
            return Ok(());
        }
        let mut rest = self.signed.clone();
        for name in ["{timestamp}", "{url}", "{body}"] {
            rest = rest.replacen(name, "", 1);
        }
        if rest.contains(['{', '}']) || !self.signed.contains("{body}") {
            return Err(wrong(
                "[webhook] signed: must hold `{body}`, and beside it at most `{timestamp}` and `{url}`, each once",
            ));
        }
        if self.signed.contains("{timestamp}") != self.timestamp_header.is_some() {
            return Err(wrong(
                "[webhook] a timestamp counts only if it is signed: `timestamp_header` and `{timestamp}` in `signed` go together",
            ));
        }
        Ok(())
    }
}

impl Body {
    fn has(&self, word: Word) -> bool {
        match self {
            Self::None => false,
            Self::Json(tree) => tree.has(word),
            Self::Form(fields) => fields.iter().any(|(_, value)| value.has(word)),
        }
    }
}

impl Tree {
    fn has(&self, word: Word) -> bool {
        match self {
            Self::Template(template) => template.has(word),
            Self::Fixed(_) => false,
            Self::List(list) => list.iter().any(|tree| tree.has(word)),
            Self::Object(fields) => fields.iter().any(|(_, tree)| tree.has(word)),
        }
    }
}

fn template(place: &str, text: &str) -> Result<Template, DescriptionError> {
    Template::parse(text).map_err(|problem| wrong(format!("[submit] {place}: {problem}")))
}

fn headers(file: &BTreeMap<String, String>) -> Result<Vec<(HeaderName, Template)>, DescriptionError> {
    let mut headers = Vec::new();
    for (name, value) in file {
        let named = HeaderName::try_from(name.as_str())
            .map_err(|_| wrong(format!("[submit.headers] `{name}` is no name of a header")))?;
        if HeaderValue::from_str(value).is_err() {
            return Err(wrong(format!("[submit.headers] {name}: the value has signs that a header cannot have")));
        }
        let value = template(&format!("headers.{name}"), value)?;
        if value.has(Word::Text) {
            return Err(wrong(format!(
                "[submit.headers] {name}: a text does not fit into a header; put it into the body"
            )));
        }
        headers.push((named, value));
    }
    Ok(headers)
}

fn body_of(json: Option<serde_json::Value>, form: Option<BTreeMap<String, String>>) -> Result<Body, DescriptionError> {
    match (json, form) {
        (Some(_), Some(_)) => Err(wrong("[submit] has both `json` and `form`; keep the one that the gateway wants")),
        (Some(json), None) => Ok(Body::Json(tree(json)?)),
        (None, Some(form)) => {
            let mut fields = Vec::new();
            for (name, value) in form {
                let value = template(&name, &value)?;
                fields.push((name, value));
            }
            Ok(Body::Form(fields))
        }
        (None, None) => Ok(Body::None),
    }
}

fn tree(value: serde_json::Value) -> Result<Tree, DescriptionError> {
    Ok(match value {
        serde_json::Value::String(text) => {
            Tree::Template(Template::parse(&text).map_err(|problem| wrong(format!("[submit.json] {problem}")))?)
        }
        serde_json::Value::Array(list) => Tree::List(list.into_iter().map(tree).collect::<Result<_, _>>()?),
        serde_json::Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((name, tree(value)?)));
            Tree::Object(fields.collect::<Result<_, DescriptionError>>()?)
        }
        fixed => Tree::Fixed(fixed),
    })
}

fn status(file: StatusFile) -> Result<Status, DescriptionError> {
    let mut words = BTreeMap::new();
    for (ours, theirs) in file.words {
        let ours: MessageStatus = ours
            .parse()
            .map_err(|error: kept_domain::text_enum::UnknownWord| wrong(format!("[status.words] {error}")))?;
        for word in theirs {
            if words.insert(word.clone(), ours).is_some() {
                return Err(wrong(format!("[status.words] `{word}` stands twice; it can mean one thing only")));
            }
        }
    }
    if words.is_empty() {
        return Err(wrong("[status.words] is empty: no receipt would mean anything"));
    }
    let StatusFile { format, list, event, reference, status: state, code, .. } = file;
    Ok(Status { format, list, event, reference, state, code, words })
}
