//! A browser without a screen, over real HTTP: keeps cookies, sends forms, remembers every secret it was handed.

use http::{Method, StatusCode};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long one answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Browser {
    client: reqwest::Client,
    root: String,
    cookies: BTreeMap<String, String>,
    /// Every value of a cookie and every form's nonce that it ever got.
    pub(crate) secrets: Vec<String>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Browser {
    /// At `root`, e.g. `http://127.0.0.1:8080`.
    pub(crate) fn new(root: &str) -> Self {
        let _second = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Self { client, root: root.to_owned(), cookies: BTreeMap::new(), secrets: Vec::new() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Vec::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form.iter().map(|(k, v)| format!("{k}={}", encode(v))).collect::<Vec<_>>().join("&");
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), body.into_bytes()).await
    }

    /// Uploads one file, as a form with `enctype=multipart/form-data` does.
    pub(crate) async fn upload(&mut self, path: &str, name: &str, content: &[u8]) -> Answer {
        let mut body = format!(
            "--x1y2\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: text/csv\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n--x1y2--\r\n");
        self.send(Method::POST, path, Some("multipart/form-data; boundary=x1y2"), body).await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, kind: Option<&str>, body: Vec<u8>) -> Answer {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.root));
        if method == Method::POST {
            request = request.header("origin", &self.root).body(body);
        }
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", cookies.join("; "));
        }
        let response = request.send().await.expect("it answers");
        for cookie in response.headers().get_all("set-cookie") {
            let text = cookie.to_str().expect("ASCII");
            let (name, rest) = text.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
                if value.len() >= 16 {
                    self.secrets.push(value.to_owned());
                }
            }
        }
        assert!(response.headers().get("content-encoding").is_none(), "nothing is compressed (BREACH)");
        let location = response.headers().get("location").map_or("", |place| place.to_str().expect("ASCII")).to_owned();
        let (status, headers) = (response.status(), format!("{:?}", response.headers()));
        let body = String::from_utf8_lossy(&response.bytes().await.expect("whole")).into_owned();
        let answer = Answer { status, location, headers, body };
        self.secrets.extend(answer.all_hidden("nonce"));
        answer
    }
}

impl Answer {
    /// The value of the first hidden field of a name.
    pub(crate) fn hidden(&self, name: &str) -> String {
        self.all_hidden(name).into_iter().next().unwrap_or_else(|| panic!("no field {name} in {}", self.body))
    }

    fn all_hidden(&self, name: &str) -> Vec<String> {
        let start = format!("name=\"{name}\" value=\"");
        let values = self.body.split(&start).skip(1);
        values
            .filter_map(|rest| rest.split('"').next())
            .filter(|value| value.len() >= 8 || name != "nonce")
            .map(str::to_owned)
            .collect()
    }
}

/// Waits until `what` gives something.
pub(crate) async fn until<T>(what: &str, patience: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < patience, "{what}: not within {patience:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
