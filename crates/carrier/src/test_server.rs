//! A carrier on the loopback that says what a test wants, and what a test wants to say to one.

use crate::{HookKind, HookRequest, Lost, Outbound};
use kept_domain::{Instant, NoticeId};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) const NOW: Instant = Instant::from_ms(1_795_446_000_000);
pub(crate) const TIMEOUT: Duration = Duration::from_millis(300);

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// Status, further header lines, body.
    Answer(u16, &'static str, String),
    /// Reads the request and never answers.
    Silence,
    /// Begins an answer and hangs up.
    Half,
}

pub(crate) fn say(status: u16, body: &str) -> Say {
    Say::Answer(status, "", body.to_owned())
}

/// A server on the loopback.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Says each of `script` once and the last one for ever.
    pub(crate) async fn new(script: Vec<Say>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut held = Vec::new();
            let mut script = script.into_iter();
            let mut next = script.next();
            while let Ok((mut socket, _)) = listener.accept().await {
                let request = read(&mut socket).await;
                log.lock().unwrap().push(request);
                let now = next.clone().unwrap();
                next = script.next().or(next);
                match now {
                    Say::Answer(status, headers, body) => {
                        let length = body.len();
                        let answer = format!(
                            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                        );
                        socket.write_all(answer.as_bytes()).await.unwrap();
                    }
                    Say::Half => {
                        socket.write_all(b"HTTP/1.1 201 X\r\ncontent-length: 99\r\n\r\n{\"sid\"").await.unwrap();
                    }
                    Say::Silence => held.push(socket),
                }
            }
        });
        Self { url, seen }
    }

    /// Every request so far, whole.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The last request's body.
    pub(crate) fn body(&self) -> String {
        self.seen().last().unwrap().split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

async fn read(socket: &mut tokio::net::TcpStream) -> String {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let n = socket.read(&mut chunk).await.unwrap();
        request.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((top, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = top.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if n == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

/// The process's outbound client, as the binary makes it.
pub(crate) fn client() -> reqwest::Client {
    // Whoever comes first installs the provider; the rest find it there.
    let _second = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A notice with everything that needs escaping somewhere.
pub(crate) fn notice() -> Outbound {
    Outbound {
        key: NoticeId::from_uuid(uuid::Uuid::from_u128(7)),
        to: "+12025550143".to_owned(),
        from: None,
        text: "Oak: mañana 9:15 \"{to}\" & 100% + https://kept.example.org/oak/l#zzz".to_owned(),
        mail: None,
        valid_for: Duration::from_mins(90),
        status_url: "https://kept.example.org/hooks/x/oak/status".to_owned(),
        inbound_url: "https://kept.example.org/hooks/x/oak/inbound".to_owned(),
    }
}

/// The same notice, lost five minutes ago.
pub(crate) fn lost() -> Lost {
    let (Outbound { key, to, text, .. }, at) = (notice(), NOW - chrono::Duration::minutes(5));
    Lost { key, to, text, first_at: at, last_at: at, now: NOW, known: Vec::new(), alone: true }
}

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
        .collect()
}

pub(crate) fn hook<'a>(kind: HookKind, url: &'a str, headers: &'a HeaderMap, body: &'a str) -> HookRequest<'a> {
    HookRequest { kind, url, query: None, headers, body: body.as_bytes() }
}
