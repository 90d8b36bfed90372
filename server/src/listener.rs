//! The listener: limits for the number of connections and for the time that each may take.
//!
//! # Guarantees
//!
//! - A connection is closed if it is idle or its client does not send all headers within [`HEADER_TIMEOUT`]. (Bodies have a
//!   timeout of their own, in [`crate::http::middleware::form_body`].)
//! - A connection is closed if its client does not accept the response within [`WRITE_TIMEOUT`].
//! - At most [`MAX_CONNECTIONS`] connections are served at the same time. Further clients get a 503 with Retry-After.
//! - Requests in flight are finished at shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
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

/// The time limit for the headers of a request, and for an idle connection: longer than the 5 seconds for which
/// `deploy/nginx.conf` keeps its idle connections.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit for a client that does not accept a response.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum number of connections. Each one takes about 20 kB of memory and a file descriptor.
pub const MAX_CONNECTIONS: usize = 2_048;
/// The maximum number of connections that get a 503 at the same time.
const MAX_REFUSED_CONNECTIONS: usize = 256;
/// The time limit for a refused client to read the response.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum size of all headers in bytes. Browsers store at most 4,096 bytes per cookie, and the portal sets six cookies.
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

/// Serves `app` until `stopping` becomes true, then waits for the requests in flight.
pub async fn serve(listener: TcpListener, app: Router, mut stopping: watch::Receiver<bool>) {
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
            tokio::spawn(serve_connection(stream, peer, app.clone(), permit, graceful.watcher()));
        } else if let Ok(permit) = Arc::clone(&refused).try_acquire_owned() {
            tokio::spawn(refuse_connection(stream, permit));
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Serves one connection from its first request to its last.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    permit: OwnedSemaphorePermit,
    watcher: Watcher,
) {
    // Responses are small and complete, so waiting for more data gains nothing.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(cause = %error, "connection failed");
    }
    drop(permit);
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
    use super::REFUSAL;

    #[test]
    fn the_refusal_has_the_length_that_its_header_declares() {
        let text = String::from_utf8_lossy(REFUSAL);
        let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
        assert!(head.contains("Retry-After: 5"));
    }
}
