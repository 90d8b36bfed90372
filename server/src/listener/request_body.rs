//! The body of a request, which shows if it has been read to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// Becomes true when all of a body has been read.
#[derive(Clone, Debug)]
pub(super) struct ReadToEnd(Arc<AtomicBool>);

impl ReadToEnd {
    /// Returns true if all of the body has been read.
    pub(super) fn is_true(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A body that records when it has been read to its end.
pub(super) struct ObservedBody<B> {
    body: B,
    read_to_end: ReadToEnd,
}

impl<B: HttpBody> ObservedBody<B> {
    /// Observes a body. An empty one has been read.
    pub(super) fn new(body: B) -> (Self, ReadToEnd) {
        let read_to_end = ReadToEnd(Arc::new(AtomicBool::new(body.is_end_stream())));
        (Self { body, read_to_end: read_to_end.clone() }, read_to_end)
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for ObservedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.read_to_end.0.store(true, Ordering::Release);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
