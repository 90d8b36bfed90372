//! The time limit for the headers of a request, also on connections that may be idle for longer.
//!
//! # Guarantees
//!
//! - The time begins with the first byte of a request and ends with its last header.
//! - A connection on which no request has begun is not limited here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// The part of a request that a connection has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request has begun.
    Idle,
    /// The headers are arriving, since this time.
    Head(Instant),
    /// The request is being answered.
    Request,
}

/// The progress of the requests on one connection.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<watch::Sender<Phase>>);

impl Progress {
    /// Creates the progress of a new connection.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Idle)))
    }

    /// Records that all headers of a request have arrived.
    pub(super) fn begin_request(&self) {
        self.0.send_replace(Phase::Request);
    }

    /// Records that a request has been answered.
    pub(super) fn end_request(&self) {
        self.0.send_replace(Phase::Idle);
    }

    /// Records that bytes have arrived.
    fn receive(&self) {
        self.0.send_if_modified(|phase| {
            let begins = *phase == Phase::Idle;
            if begins {
                *phase = Phase::Head(Instant::now());
            }
            begins
        });
    }

    /// Waits until the headers of a request have taken longer than `limit`.
    pub(super) async fn wait_for_late_head(&self, limit: Duration) {
        let mut phases = self.0.subscribe();
        loop {
            let phase = *phases.borrow_and_update();
            let changed = phases.changed();
            let late = match phase {
                Phase::Head(since) => timeout_at(since + limit, changed).await.is_err(),
                Phase::Idle | Phase::Request => changed.await.is_err(),
            };
            if late {
                return;
            }
        }
    }
}

/// The stream of a connection, which reports the bytes that arrive to its [`Progress`].
pub(super) struct ObservedStream<S> {
    stream: S,
    progress: Progress,
}

impl<S> ObservedStream<S> {
    /// Observes a stream.
    pub(super) fn new(stream: S, progress: Progress) -> Self {
        Self { stream, progress }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ObservedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.progress.receive();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ObservedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
