//! A small HTTP/1.1 client: one request after the other on a connection that stays open.
//!
//! It costs less than the server that it asks, and reads answers whole: their status, their head and how long they are.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take: the last of a full queue of sign-ins waits seconds on few cores.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// How much is read at once.
const ROOM: usize = 16 * 1024;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Asks for a page.
pub fn get(to: SocketAddr, path: &str, session: Option<&str>) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\n{}\r\n", usual(to, session)).into_bytes()
}

/// Sends a form, as a browser without scripts does.
pub fn post(to: SocketAddr, path: &str, session: Option<&str>, form: &str) -> Vec<u8> {
    let length = form.len();
    let usual = usual(to, session);
    format!(
        "POST {path} HTTP/1.1\r\n{usual}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{form}"
    )
    .into_bytes()
}

fn usual(to: SocketAddr, session: Option<&str>) -> String {
    let cookie = session.map_or_else(String::new, |session| format!("Cookie: session={session}\r\n"));
    format!("Host: {to}\r\nUser-Agent: {AGENT}\r\nAccept: {HTML}\r\n{cookie}")
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// How many bytes the body has.
    pub length: usize,
}

impl Reply {
    fn headers(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    fn header(&self, name: &'static str) -> Option<&str> {
        self.headers(name).next()
    }

    /// The id of the session that was opened.
    pub fn session(&self) -> Option<&str> {
        let cookie = self.headers("set-cookie").find_map(|cookie| cookie.strip_prefix("session="))?;
        cookie.split(';').next().filter(|id| !id.is_empty())
    }

    /// Whether it leads to another page.
    pub fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }

    /// Whether it is a page.
    pub fn is_page(&self) -> bool {
        self.status == 200
    }

    /// Whether somebody was signed in, or told to come again.
    pub fn is_sign_in_or_busy(&self) -> bool {
        self.is_sign_in() || self.status == 503
    }

    /// Whether somebody was signed in.
    pub fn is_sign_in(&self) -> bool {
        self.is_redirect() && self.header("location") == Some("/profile")
    }
}

/// A connection that stays open.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).await.with_context(|| format!("could not connect to {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::with_capacity(ROOM) })
    }

    /// Sends a request and reads the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Reply> {
        timeout(PATIENCE, self.converse(request)).await.context("there was no answer for half a minute")?
    }

    async fn converse(&mut self, request: &[u8]) -> anyhow::Result<Reply> {
        self.stream.write_all(request).await?;
        let head = self.line_up_to(b"\r\n\r\n").await?;
        let status =
            head.get(9..12).and_then(|status| status.parse::<u16>().ok()).context("no status line")?;
        let mut reply = Reply { status, head, length: 0 };
        let length = reply.header("content-length").map(str::parse::<usize>).transpose()?;
        let chunked =
            reply.header("transfer-encoding").is_some_and(|name| name.eq_ignore_ascii_case("chunked"));
        reply.length = match length {
            Some(length) => {
                self.skip(length).await?;
                length
            }
            None if chunked => self.skip_chunks().await?,
            None => bail!("an answer does not say how long it is:\n{}", reply.head),
        };
        Ok(reply)
    }

    async fn skip_chunks(&mut self) -> anyhow::Result<usize> {
        let mut total = 0;
        loop {
            let line = self.line_up_to(b"\r\n").await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16).context("a chunk does not say how long it is")?;
            // Nobody here sends trailers: an empty line ends the last chunk as it ends the others.
            self.skip(size + 2).await?;
            if size == 0 {
                return Ok(total);
            }
            total += size;
        }
    }

    /// Reads up to `mark` and past it.
    async fn line_up_to(&mut self, mark: &[u8]) -> anyhow::Result<String> {
        loop {
            let found = self.unread.windows(mark.len()).position(|part| part == mark);
            if let Some(at) = found {
                let line: Vec<u8> = self.unread.drain(..at + mark.len()).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            ensure!(self.unread.len() < MAX_HEAD, "an answer has too large a head");
            self.read().await?;
        }
    }

    async fn skip(&mut self, length: usize) -> anyhow::Result<()> {
        while self.unread.len() < length {
            self.read().await?;
        }
        self.unread.drain(..length);
        Ok(())
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        self.unread.reserve(ROOM);
        let read = self.stream.read_buf(&mut self.unread).await?;
        ensure!(read > 0, "the connection was closed");
        Ok(())
    }
}
