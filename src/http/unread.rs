//! What a handler left unread of a request's body.
//!
//! Over HTTP/1 the next request stands behind it. hyper passes over one buffer of it and then closes the connection
//! without a word, so a client that keeps connections would lose his next request, and might not even see the
//! answer to this one. So the rest is read and dropped here while it is short; otherwise the answer announces the
//! close (RFC 9112, 9.6).

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{
        HeaderValue, Version,
        header::{CONNECTION, EXPECT},
    },
    response::Response,
};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};

/// How much is read to save a connection, and for how long.
const SHORT: u64 = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(1);

type Home = Arc<Mutex<Option<Body>>>;

/// Where a body comes back to.
pub(super) struct Unread {
    home: Home,
    /// The client waits to be asked for the body (RFC 9110, 10.1.1): reading it would ask.
    waits: bool,
}

impl Unread {
    /// Lends a request's body to whoever handles the request; nothing when no request can stand behind it.
    pub fn lend(request: &mut Request) -> Option<Self> {
        if request.version() >= Version::HTTP_2 || request.body().is_end_stream() {
            return None;
        }
        let unread = Self { home: Home::default(), waits: request.headers().contains_key(EXPECT) };
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(Lent { body, home: Arc::clone(&unread.home) });
        Some(unread)
    }

    /// Reads what came back, or says in the answer that the connection closes.
    pub async fn finish(self, response: &mut Response) {
        let body = self.home.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(body) = body.filter(|body| !body.is_end_stream()) else { return };
        let is_short = !self.waits && body.size_hint().lower() <= SHORT && !response.headers().contains_key(CONNECTION);
        if !is_short || !tokio::time::timeout(PATIENCE, pass_over(body)).await.unwrap_or(false) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Whether its end was reached.
async fn pass_over(mut body: Body) -> bool {
    let mut left = SHORT;
    while let Some(frame) = body.frame().await {
        let length = frame.ok().map_or(u64::MAX, |frame| frame.data_ref().map_or(0, |data| data.len() as u64));
        match left.checked_sub(length) {
            Some(less) => left = less,
            None => return false,
        }
    }
    true
}

/// A body that goes home when its reader drops it.
struct Lent {
    body: Body,
    home: Home,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let body = std::mem::take(&mut self.body);
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    }
}
