//! A carrier that takes everything at once: as little HTTP as will do, in a process of its own.

use anyhow::Context as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Makes this program the stub.
pub(crate) const ARGUMENT: &str = "--stub-carrier";

/// The other process; ends when dropped.
#[derive(Debug)]
pub(crate) struct Stub {
    child: Child,
    pub(crate) url: String,
}

impl Stub {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg(ARGUMENT).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("its output")?;
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url)?;
        Ok(Self { child, url: url.trim().to_owned() })
    }
}

impl Stub {
    /// The other process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = ended {
            eprintln!("the stub carrier may still run: {error}");
        }
    }
}

/// Serves until killed.
pub(crate) fn serve() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/messages", listener.local_addr()?);
        std::io::stdout().flush()?;
        loop {
            let (connection, _) = listener.accept().await?;
            tokio::spawn(async move {
                // A connection that breaks is the other side's to notice.
                drop(answer(connection).await);
            });
        }
    })
}

/// Takes messages over one kept connection, giving each a new id.
async fn answer(connection: TcpStream) -> std::io::Result<()> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);

    connection.set_nodelay(true)?;
    let mut connection = tokio::io::BufReader::new(connection);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if connection.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) =
                line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            {
                length = value.trim().parse().map_err(|_| std::io::Error::other(format!("{name} is no number")))?;
            }
        }
        body.resize(length, 0);
        connection.read_exact(&mut body).await?;
        let id = COUNT.fetch_add(1, Ordering::Relaxed);
        let json = format!("{{\"id\":\"stub-{id}\"}}");
        let head =
            format!("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", json.len());
        connection.get_mut().write_all(format!("{head}{json}").as_bytes()).await?;
    }
}
