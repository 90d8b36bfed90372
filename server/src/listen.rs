//! Connections: how many, and how long each may take its time.
//!
//! Guarantees: a client that does not send its headers within [`HEADER_TIMEOUT`], or does not take its answer within
//! [`WRITE_TIMEOUT`], is cut off (bodies have a time-out of their own, in `middleware::forms`), idle connections too; no
//! more than [`MAX_CONNECTIONS`] are served, and whoever comes past them is told so with a 503 and Retry-After rather than
//! left hanging; being told to stop, requests in flight are finished.

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

/// How long a client has to send a request's headers, and how long an idle connection is kept: longer than the 5 seconds
/// for which `deploy/nginx.conf` keeps its own.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may leave an answer untaken.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most connections at once; each takes some 20 kB here and a file descriptor.
pub const MAX_CONNECTIONS: usize = 2_048;
/// Most connections at once that are being told to come again.
const MAX_TURNED_AWAY: usize = 256;
/// How long somebody who is turned away has to read it.
const FAREWELL: Duration = Duration::from_secs(1);
/// Largest headers, in bytes: browsers keep 4096 of a cookie, and we set six.
const MAX_HEADERS: usize = 32 * 1024;
/// How long nothing is accepted after the system had no more file descriptors.
const NO_DESCRIPTORS: Duration = Duration::from_millis(100);

const TURNED_AWAY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: text/plain\r\n\
    Content-Length: 57\r\nConnection: close\r\n\r\n\
    The portal can't answer right now. Try again in a moment.";

/// Connections that have come and wait to be accepted; the system may allow fewer (Linux: `net.core.somaxconn`, 4096). Past
/// them it says nothing, and a browser tries again after a second.
const BACKLOG: u32 = 4_096;

/// Listens at `address`, as soon as a portal that has just ended has let go of it.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Takes as many file descriptors as the system allows: many begin with 1,024, and each connection needs one.
pub fn take_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(cause = %error, "the limit of open files stays as it is");
    }
}

/// Serves `app` until `stopping` says so; then waits for the requests in flight.
pub async fn serve(listener: TcpListener, app: Router, mut stopping: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let turned_away = Arc::new(Semaphore::new(MAX_TURNED_AWAY));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The client has gone already, or there are no more file descriptors: then waiting is all that helps.
                tracing::debug!(cause = %error, "a connection could not be accepted");
                sleep(NO_DESCRIPTORS).await;
                continue;
            }
        };
        if let Ok(permit) = Arc::clone(&connections).try_acquire_owned() {
            tokio::spawn(converse(stream, peer, app.clone(), permit, graceful.watcher()));
        } else if let Ok(permit) = Arc::clone(&turned_away).try_acquire_owned() {
            tokio::spawn(turn_away(stream, permit));
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// One connection, from its first request to its last.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    permit: OwnedSemaphorePermit,
    watcher: Watcher,
) {
    // Answers are small and complete: nothing is gained by waiting for more.
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
        .max_buf_size(MAX_HEADERS)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(cause = %error, "a connection broke");
    }
    drop(permit);
}

/// Says that there are too many, and waits for that to be read: closing at once could take it back.
async fn turn_away(mut stream: TcpStream, permit: OwnedSemaphorePermit) {
    let farewell = async {
        stream.write_all(TURNED_AWAY).await?;
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    let _ = timeout(FAREWELL, farewell).await;
    drop(permit);
}

#[cfg(test)]
mod tests {
    use super::TURNED_AWAY;

    #[test]
    fn the_farewell_is_as_long_as_it_says() {
        let text = String::from_utf8_lossy(TURNED_AWAY);
        let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
        assert!(head.contains("Retry-After: 5"));
    }
}
