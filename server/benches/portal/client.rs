//! A small HTTP/1.1 client that sends one request after another on a persistent connection.
//!
//! It uses less processor time than the server under test. It reads responses completely, and keeps their status, their head
//! and the length of their body.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The time limit for a response. On few cores the last sign-in of a full queue waits for seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum size of the head of a response in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The size of the read buffer in bytes.
const READ_BUFFER_BYTES: usize = 16 * 1024;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Returns a GET request.
pub fn get(to: SocketAddr, path: &str, session: Option<&str>) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\n{}\r\n", common_headers(to, session)).into_bytes()
}

/// Returns a POST request with a form, as a browser without JavaScript sends it.
pub fn post(to: SocketAddr, path: &str, session: Option<&str>, form: &str) -> Vec<u8> {
    let length = form.len();
    let common_headers = common_headers(to, session);
    format!(
        "POST {path} HTTP/1.1\r\n{common_headers}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{form}"
    )
    .into_bytes()
}

fn common_headers(to: SocketAddr, session: Option<&str>) -> String {
    let cookie = session.map_or_else(String::new, |session| format!("Cookie: session={session}\r\n"));
    format!("Host: {to}\r\nUser-Agent: {AGENT}\r\nAccept: {HTML}\r\n{cookie}")
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// The length of the body in bytes.
    pub length: usize,
}

impl Response {
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

    /// Returns the id of the session that the response has created.
    pub fn session(&self) -> Option<&str> {
        let cookie = self.headers("set-cookie").find_map(|cookie| cookie.strip_prefix("session="))?;
        cookie.split(';').next().filter(|id| !id.is_empty())
    }

    /// Returns true if the response is a redirect.
    pub fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }

    /// Returns true if the response is a page.
    pub fn is_page(&self) -> bool {
        self.status == 200
    }

    /// Returns true if the user was signed in, or the portal was busy.
    pub fn is_sign_in_or_busy(&self) -> bool {
        self.is_sign_in() || self.is_busy()
    }

    /// Returns true if the portal was busy.
    pub fn is_busy(&self) -> bool {
        self.status == 503
    }

    /// Returns true if the user was signed in.
    pub fn is_sign_in(&self) -> bool {
        self.is_redirect() && self.header("location") == Some("/profile")
    }
}

/// A persistent connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects to a server.
    pub async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).await.with_context(|| format!("could not connect to {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::with_capacity(READ_BUFFER_BYTES) })
    }

    /// Sends a request and reads the whole response.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<Response> {
        timeout(RESPONSE_TIMEOUT, self.exchange(request))
            .await
            .context("there was no answer for half a minute")?
    }

    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Response> {
        self.stream.write_all(request).await?;
        let head = self.read_until(b"\r\n\r\n").await?;
        let status =
            head.get(9..12).and_then(|status| status.parse::<u16>().ok()).context("no status line")?;
        let mut response = Response { status, head, length: 0 };
        let length = response.header("content-length").map(str::parse::<usize>).transpose()?;
        let chunked =
            response.header("transfer-encoding").is_some_and(|name| name.eq_ignore_ascii_case("chunked"));
        response.length = match length {
            Some(length) => {
                self.skip(length).await?;
                length
            }
            None if chunked => self.skip_chunks().await?,
            None => bail!("an answer does not say how long it is:\n{}", response.head),
        };
        Ok(response)
    }

    async fn skip_chunks(&mut self) -> anyhow::Result<usize> {
        let mut total = 0;
        loop {
            let line = self.read_until(b"\r\n").await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16).context("a chunk does not say how long it is")?;
            // There are no trailers here: an empty line ends the last chunk, like the others.
            self.skip(size + 2).await?;
            if size == 0 {
                return Ok(total);
            }
            total += size;
        }
    }

    /// Reads up to and including `delimiter`.
    async fn read_until(&mut self, delimiter: &[u8]) -> anyhow::Result<String> {
        loop {
            let found = self.unread.windows(delimiter.len()).position(|part| part == delimiter);
            if let Some(at) = found {
                let line: Vec<u8> = self.unread.drain(..at + delimiter.len()).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            ensure!(self.unread.len() < MAX_HEAD_BYTES, "an answer has too large a head");
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
        self.unread.reserve(READ_BUFFER_BYTES);
        let read = self.stream.read_buf(&mut self.unread).await?;
        ensure!(read > 0, "the connection was closed");
        Ok(())
    }
}
