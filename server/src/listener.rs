//! The listener: limits for the number of connections and for the time that each may take.
//!
//! # Guarantees
//!
//! - A connection is closed if its client does not send all headers of a request within [`HEADER_TIMEOUT`]. (Bodies have a
//!   timeout of their own, in [`crate::http::middleware::form_body`].)
//! - An idle connection is closed after [`PROXY_IDLE_TIMEOUT`] if it comes from a trusted proxy, and otherwise after
//!   [`HEADER_TIMEOUT`].
//! - A connection is closed if its client does not accept the response within [`WRITE_TIMEOUT`].
//! - At most [`MAX_CONNECTIONS`] connections are served at the same time. Further clients get a 503 with Retry-After.
//! - A response to a request whose body has not been read to its end has the header `Connection: close`.
//! - Requests in flight are finished at shutdown.

mod request_body;
mod request_head;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tower::Service;

use crate::listener::request_body::ObservedBody;
use crate::listener::request_head::{ObservedStream, Progress};

/// The time limit for the headers of a request, and for an idle connection of a visitor.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit for an idle connection of a trusted proxy. Common proxies close their idle connections earlier (nginx and
/// HAProxy after at most 60 seconds, Traefik after 90, Caddy after 120), so none sends a form on a connection that the portal is
/// closing.
pub const PROXY_IDLE_TIMEOUT: Duration = Duration::from_secs(150);
/// The time limit for a client that does not accept a response.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum number of connections. Each one takes about 20 kB of memory and a file descriptor.
pub const MAX_CONNECTIONS: usize = 2_048;
/// The maximum number of connections that get a 503 at the same time.
const MAX_REFUSED_CONNECTIONS: usize = 256;
/// The time limit for a refused client to read the response.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum size of all headers in bytes. The portal sets few cookies, and the longest ones, which keep input, have less than
/// 2,000 bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// The delay before the next connection is accepted after an error, for example when there are no more file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The response to a client beyond [`MAX_CONNECTIONS`].
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: text/plain\r\n\
    Content-Length: 61\r\nConnection: close\r\n\r\n\
    The portal is not available right now. Try again in a moment.";

/// The maximum number of connections that wait to be accepted. The system may allow fewer (Linux: `net.core.somaxconn`, 4096). It
/// drops further ones silently, and a browser tries again after a second.
const BACKLOG: u32 = 4_096;

/// Listens at `address`, even if a process that used it ended a moment ago.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Raises the limit of open files to the system's maximum: the default is often 1,024, and each connection needs one.
pub fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(cause = %error, "could not raise the open-file limit");
    }
}

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
struct Timeouts {
    /// The limit for an idle connection.
    idle: Duration,
    /// The limit for an idle connection of a trusted proxy.
    proxy_idle: Duration,
    /// The limit for the headers of a request.
    header: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { idle: HEADER_TIMEOUT, proxy_idle: PROXY_IDLE_TIMEOUT, header: HEADER_TIMEOUT }
    }
}

impl Timeouts {
    /// Returns the same limits for a connection of a trusted proxy.
    fn of_proxy(self) -> Self {
        Self { idle: self.proxy_idle, ..self }
    }
}

/// Serves `app` until `stopping` becomes true, then waits for the requests in flight. `trusts` returns true for a trusted proxy.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    trusts: impl Fn(IpAddr) -> bool,
    stopping: watch::Receiver<bool>,
) {
    serve_with_timeouts(listener, app, trusts, Timeouts::default(), stopping).await;
}

async fn serve_with_timeouts(
    listener: TcpListener,
    app: Router,
    trusts: impl Fn(IpAddr) -> bool,
    timeouts: Timeouts,
    mut stopping: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let refused = Arc::new(Semaphore::new(MAX_REFUSED_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The client has disconnected, or there are no more file descriptors. In the second case only waiting helps.
                tracing::debug!(cause = %error, "could not accept a connection");
                sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        if let Ok(permit) = Arc::clone(&connections).try_acquire_owned() {
            let timeouts = if trusts(peer.ip()) { timeouts.of_proxy() } else { timeouts };
            let connection = Connection { stream, peer, timeouts, permit, watcher: graceful.watcher() };
            tokio::spawn(connection.serve(app.clone()));
        } else if let Ok(permit) = Arc::clone(&refused).try_acquire_owned() {
            tokio::spawn(refuse_connection(stream, permit));
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// An accepted connection.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    timeouts: Timeouts,
    permit: OwnedSemaphorePermit,
    watcher: Watcher,
}

impl Connection {
    /// Serves the connection from its first request to its last.
    async fn serve(self, app: Router) {
        let Self { stream, peer, timeouts, permit, watcher } = self;
        // Responses are small and complete, so waiting for more data gains nothing.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        let progress = Progress::new();
        let stream = ObservedStream::new(Box::pin(stream), progress.clone());
        let requests = progress.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            requests.begin_request();
            let (parts, body) = request.into_parts();
            let (body, read_to_end) = ObservedBody::new(body);
            let mut request = hyper::Request::from_parts(parts, Body::new(body));
            request.extensions_mut().insert(ConnectInfo(peer));
            let response = app.clone().call(request);
            let requests = requests.clone();
            async move {
                let mut response = response.await;
                requests.end_request();
                // The rest of the body may still arrive, so that no further request can be read.
                if let Ok(response) = &mut response
                    && !read_to_end.is_true()
                {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(timeouts.idle)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            result = watcher.watch(connection) => if let Err(error) = result {
                tracing::debug!(cause = %error, "connection failed");
            },
            () = progress.wait_for_late_head(timeouts.header) => {
                tracing::debug!(cause = "the headers took too long", "connection failed");
            }
        }
        drop(permit);
    }
}

/// Sends a 503 and waits until the client has read it: closing immediately could discard the response.
async fn refuse_connection(mut stream: TcpStream, permit: OwnedSemaphorePermit) {
    let refusal = async {
        stream.write_all(REFUSAL).await?;
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    let _ = timeout(REFUSAL_TIMEOUT, refusal).await;
    drop(permit);
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    /// A time limit that the tests wait for.
    const SHORT: Duration = Duration::from_millis(200);
    /// The trusted proxy. A visitor has another IP address of this machine.
    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));
    const VISITOR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 3));

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: portal.test\r\n\r\n";

    /// Starts a server that trusts [`PROXY`], and returns its IP address and port.
    fn start(timeouts: Timeouts) -> SocketAddr {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("listens");
        let address = listener.local_addr().expect("has an address");
        let app = Router::new().route("/", get(|| async { "hello" }));
        tokio::spawn(async move {
            let (_stop, stopping) = watch::channel(false);
            serve_with_timeouts(listener, app, |peer| peer == PROXY, timeouts, stopping).await;
        });
        address
    }

    async fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::new(from, 0)).expect("has this address");
        socket.connect(to).await.expect("connects")
    }

    /// Sends a request and reads its response.
    async fn is_answered(connection: &mut TcpStream) -> bool {
        let (mut response, mut part) = (Vec::new(), [0; 1024]);
        if connection.write_all(REQUEST).await.is_err() {
            return false;
        }
        while !response.ends_with(b"hello") {
            match connection.read(&mut part).await {
                Ok(0) | Err(_) => return false,
                Ok(length) => response.extend_from_slice(&part[..length]),
            }
        }
        response.starts_with(b"HTTP/1.1 200 ")
    }

    /// Waits until the server closes the connection.
    async fn wait_for_end(mut connection: TcpStream) {
        let mut rest = Vec::new();
        let _ = timeout(Duration::from_secs(10), connection.read_to_end(&mut rest)).await.expect("is closed");
    }

    #[tokio::test]
    async fn idle_connections_of_a_trusted_proxy_outlive_those_of_visitors() {
        let server = start(Timeouts { idle: SHORT, proxy_idle: HOUR, header: HOUR });
        // Go's client opens connections in reserve, so a proxy may keep one that has not had a request yet.
        let (mut used, mut reserve) = (connect(PROXY, server).await, connect(PROXY, server).await);
        assert!(is_answered(&mut used).await);
        let (mut visitor, silent) = (connect(VISITOR, server).await, connect(VISITOR, server).await);
        let _ = is_answered(&mut visitor).await;
        wait_for_end(visitor).await;
        wait_for_end(silent).await;
        assert!(is_answered(&mut used).await, "a connection that was used");
        assert!(is_answered(&mut reserve).await, "a connection in reserve");
    }

    #[tokio::test]
    async fn an_idle_connection_of_a_trusted_proxy_is_closed_too() {
        let server = start(Timeouts { idle: HOUR, proxy_idle: SHORT, header: HOUR });
        let mut connection = connect(PROXY, server).await;
        let _ = is_answered(&mut connection).await;
        wait_for_end(connection).await;
    }

    #[tokio::test]
    async fn headers_have_the_same_time_limit_on_a_connection_that_may_be_idle_for_long() {
        let server = start(Timeouts { idle: HOUR, proxy_idle: HOUR, header: SHORT });
        for peer in [PROXY, VISITOR] {
            let (mut first, mut later) = (connect(peer, server).await, connect(peer, server).await);
            let mut idle = connect(peer, server).await;
            first.write_all(&REQUEST[..20]).await.expect("sends");
            assert!(is_answered(&mut later).await && is_answered(&mut idle).await);
            later.write_all(&REQUEST[..20]).await.expect("sends");
            wait_for_end(first).await;
            wait_for_end(later).await;
            assert!(is_answered(&mut idle).await, "a connection without an incomplete request");
        }
    }

    #[tokio::test]
    async fn a_response_to_a_body_that_was_not_read_says_that_the_connection_closes() {
        let server = start(Timeouts { idle: HOUR, proxy_idle: HOUR, header: HOUR });
        let head = |length: usize| {
            format!("POST / HTTP/1.1\r\nHost: portal.test\r\nContent-Length: {length}\r\n\r\n")
        };
        for (request, closes) in [
            (head(0), false),
            (String::from_utf8_lossy(REQUEST).into_owned(), false),
            (format!("{}part of a form", head(100_000)), true),
            (head(100_000), true),
        ] {
            let mut connection = connect(VISITOR, server).await;
            connection.write_all(request.as_bytes()).await.expect("sends");
            let mut response = [0; 1024];
            let length = connection.read(&mut response).await.expect("is answered");
            let response = String::from_utf8_lossy(&response[..length]).to_ascii_lowercase();
            assert_eq!(response.contains("\r\nconnection: close\r\n"), closes, "{request} {response}");
        }
    }

    #[test]
    fn the_refusal_has_the_length_that_its_header_declares() {
        let text = String::from_utf8_lossy(REFUSAL);
        let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
        assert!(head.contains("Retry-After: 5"));
    }
}
